/** Every turn with what it took, the newest first. */
import { useEffect, useMemo, useState } from 'preact/hooks';

import { newestTurn } from '../daemon';
import { Card, Empty, Loading, Title, Wrong } from '../parts/common';
import { outcome, thrownAway, Waterfall } from '../parts/waterfall';
import { Replay } from '../parts/replay';
import { useCell } from '../store';
import { t } from '../strings';
import type { Turn } from '../types';
import { ago, moment, useRead } from '../use';

const s = t.timeline;
const STEP = 20;
/** What `log.turns` keeps unless it is told otherwise. */
const MOST = 200;

export function Timeline() {
  const kept = useRead<Turn[]>(`/turns?limit=${MOST}`);
  const newest = useCell(newestTurn);
  const [answersOnly, setAnswersOnly] = useState(true);
  const [shown, setShown] = useState(STEP);
  const { again } = kept;
  useEffect(() => {
    if (newest) again();
  }, [newest, again]);
  const turns = useMemo(() => {
    const all = kept.data ?? [];
    return answersOnly ? all.filter((turn) => turn.timings_ms.first_audio !== null && turn.ended_by) : all;
  }, [kept.data, answersOnly]);
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Wrong error={kept.error} again={kept.again} />
      {!kept.data && !kept.error && <Loading />}
      {kept.data && <Percentiles turns={kept.data} />}
      {kept.data && (
        <fieldset class="segments filter">
          <legend>{s.show}</legend>
          {[true, false].map((only) => (
            <label key={String(only)}>
              <input type="radio" name="filter" checked={only === answersOnly} onChange={() => setAnswersOnly(only)} />
              <span>{only ? s.filters.answers : s.filters.all}</span>
            </label>
          ))}
        </fieldset>
      )}
      {kept.data && turns.length > 0 && <Legend />}
      {kept.data && turns.length === 0 && <Empty>{s.none}</Empty>}
      <ol class="turns">
        {turns.slice(0, shown).map((turn) => (
          <li key={`${turn.at ?? ''}-${turn.turn}`}>
            <One turn={turn} />
          </li>
        ))}
      </ol>
      {turns.length > shown && (
        <button type="button" class="quiet wide" onClick={() => setShown(shown + STEP)}>
          {s.more}
        </button>
      )}
    </>
  );
}

function One({ turn }: { turn: Turn }) {
  const why = outcome(turn);
  const first = turn.timings_ms.first_audio;
  const vain = thrownAway(turn);
  const provider = turn.waterfall.drafts.at(-1)?.provider;
  return (
    <article class="card turn" aria-label={s.turn(turn.turn)}>
      <div class="card-head">
        <h2>{first === null ? s.silentTurn : s.firstAudio(s.ms(first))}</h2>
        {turn.at && (
          <time dateTime={turn.at} title={moment(turn.at)}>
            {ago(turn.at)}
          </time>
        )}
      </div>
      <Waterfall turn={turn} />
      <p class="hint">
        {s.turn(turn.turn)}: {s.endedBy[why] ?? why}
        {provider && `, ${t.talk.by(provider.name, provider.model, provider.tier)}`}
      </p>
      {vain.length > 0 && <p class="hint">{s.vain(vain)}</p>}
      {turn.private && <p class="hint">{s.private}</p>}
      {turn.waterfall.interruptions.map((one) => (
        <p class="hint" key={one.at_ms}>
          {s.interrupted(s.ms(one.at_ms), one.resumed_ms === null ? null : s.ms(one.resumed_ms))}
        </p>
      ))}
      {!turn.private && turn.ended_by && <Replay turn={turn} />}
    </article>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-hidden="true">
      {(['waiting', 'early', 'work', 'vain', 'mark'] as const).map((kind) => (
        <li key={kind}>
          <svg viewBox="0 0 20 10">
            {kind === 'waiting' && <rect class={kind} x="0" y="4" width="20" height="2" />}
            {kind === 'mark' && <rect class={kind} x="8" y="0" width="4" height="10" />}
            {kind !== 'waiting' && kind !== 'mark' && <rect class={kind} x="0" y="1" width="20" height="8" />}
          </svg>
          {s.legend[kind]}
        </li>
      ))}
    </ul>
  );
}

/** The smallest figure that so much of all figures are not above (nearest rank). */
export function percentile(sorted: number[], share: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

function Percentiles({ turns }: { turns: Turn[] }) {
  const answers = turns.filter((turn) => turn.ended_by && turn.timings_ms.first_audio !== null);
  if (answers.length === 0) return null;
  const rows = (['turn_decided', 'transcript', 'reply_first_text', 'first_audio'] as const).map((measure) => {
    const figures = answers.flatMap((turn) => turn.timings_ms[measure] ?? []).sort((a, b) => a - b);
    return { measure, figures };
  });
  return (
    <Card title={s.percentiles(answers.length)}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{s.measure}</th>
            <th scope="col">{s.half}</th>
            <th scope="col">{s.most}</th>
            <th scope="col">{s.all}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ measure, figures }) => (
            <tr key={measure}>
              <th scope="row">{s.measures[measure]}</th>
              {[0.5, 0.9, 0.99].map((share) => {
                const figure = percentile(figures, share);
                return <td key={share}>{figure === null ? '–' : s.ms(figure)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
