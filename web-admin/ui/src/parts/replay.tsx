/** A turn once more, as it went: what was prepared, what was thrown away, and when it was decided. No word of it is kept. */
import { useEffect, useId, useMemo, useState } from 'preact/hooks';

import { t } from '../strings';
import type { Span, Turn } from '../types';

const s = t.timeline.replay;
const WIDTH = 1000;
const ROW = 14;

interface Step {
  at: number;
  what: string;
  kind: 'work' | 'vain' | 'mark';
}

/** What happened, in the order in which it did. */
export function steps(turn: Turn): Step[] {
  const { waterfall, timings_ms: timings } = turn;
  const all: Step[] = [];
  const add = (at: number | null, what: string, kind: Step['kind'] = 'work') => {
    if (at !== null) all.push({ at, what, kind });
  };
  const spans = (spans: Span[], of: string) => {
    for (const span of spans) {
      if (span.stage === 'playback') continue;
      const name = t.timeline.stages[span.stage] ?? span.stage;
      add(span.began_ms, s.began(name, of), span.discarded ? 'vain' : 'work');
      if (span.ended_ms !== null) {
        add(span.ended_ms, span.failed ? s.failed(name, of) : s.done(name, of), span.discarded ? 'vain' : 'work');
      }
    }
  };
  spans(waterfall.parts, s.parts);
  const many = waterfall.drafts.length > 1;
  for (const [n, draft] of waterfall.drafts.entries()) {
    const of = many ? s.draft(n + 1) : '';
    add(draft.pause_ms, s.silent(of), draft.dropped_ms === null ? 'work' : 'vain');
    spans(draft.spans, of);
    add(draft.dropped_ms, s.dropped(of), 'vain');
  }
  for (const at of waterfall.reopened_ms) add(at, s.reopened, 'mark');
  add(timings.pause, s.pause, 'mark');
  add(timings.turn_decided, s.decided, 'mark');
  add(timings.first_audio, s.audible, 'mark');
  for (const one of waterfall.interruptions) {
    add(one.at_ms, s.interrupted, 'mark');
    add(one.resumed_ms, s.resumed, 'mark');
    add(one.stopped_ms, s.stopped, 'mark');
  }
  add(waterfall.ended_ms, s.ended, 'mark');
  return all.sort((a, b) => a.at - b.at);
}

export function Replay({ turn }: { turn: Turn }) {
  const id = useId();
  const [open, setOpen] = useState(false);
  return (
    <div class="replay">
      <button type="button" class="quiet small" aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => setOpen(!open)}>
        {open ? s.close : s.open}
      </button>
      {open && (
        <div id={id}>
          <Decision by={turn.ended_by} />
          <Player turn={turn} />
        </div>
      )}
    </div>
  );
}

/** Which of the reasons there are ended the turn. */
function Decision({ by }: { by: string | null }) {
  if (by === null) return null;
  const reasons = ['smart_turn', 'intent', 'silence'];
  return (
    <ul class="reasons" aria-label={s.reasons}>
      {[...reasons, ...(reasons.includes(by) ? [] : [by])].map((reason) => (
        <li key={reason} class={reason === by ? 'chosen' : undefined}>
          {t.timeline.endedBy[reason] ?? reason}
          {reason === by && <span class="hidden"> ({s.thisOne})</span>}
        </li>
      ))}
    </ul>
  );
}

function Player({ turn }: { turn: Turn }) {
  const all = useMemo(() => steps(turn), [turn]);
  const first = Math.min(0, all[0]?.at ?? 0);
  // What is heard afterwards is long, and nothing happens in it but speech.
  const last = Math.max(1, turn.timings_ms.first_audio ?? 0, ...all.filter((step) => step.kind !== 'mark').map((step) => step.at));
  const [at, setAt] = useState(last);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    const began = performance.now();
    let frame = requestAnimationFrame(function draw(now) {
      const reached = first + (now - began);
      setAt(Math.min(reached, last));
      if (reached < last) frame = requestAnimationFrame(draw);
      else setPlaying(false);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, first, last]);
  const x = (ms: number) => Math.min(WIDTH, Math.max(0, ((ms - first) / (last - first || 1)) * WIDTH));
  const drafts = turn.waterfall.drafts;
  return (
    <>
      <div class="row">
        <button type="button" onClick={() => setPlaying(!playing)}>
          {playing ? s.pausePlaying : s.play}
        </button>
        <input
          class="grow"
          type="range"
          min={Math.floor(first)}
          max={Math.ceil(last)}
          step="1"
          value={Math.round(at)}
          aria-label={s.position}
          aria-valuetext={t.timeline.ms(at)}
          onInput={(event) => {
            setPlaying(false);
            setAt(Number(event.currentTarget.value));
          }}
        />
        <span class="ms">{t.timeline.ms(at)}</span>
      </div>
      <svg class="drafts" viewBox={`0 0 ${WIDTH} ${Math.max(1, drafts.length) * ROW}`} preserveAspectRatio="none" aria-hidden="true">
        {drafts.map((draft, n) =>
          draft.spans
            .filter((span) => span.stage !== 'playback')
            .map((span, m) => {
              const from = x(span.began_ms);
              const to = x(span.ended_ms ?? draft.dropped_ms ?? last);
              const kind = span.discarded || draft.dropped_ms !== null ? 'vain' : span.speculative ? 'early' : 'work';
              return <rect key={`${n}-${m}`} class={kind} x={from} y={n * ROW + 2} width={Math.max(2, to - from)} height={ROW - 4} />;
            }),
        )}
        <rect class="mark" x={Math.max(0, x(at) - 1)} y="0" width="2" height={Math.max(1, drafts.length) * ROW} />
      </svg>
      <ol class="steps">
        {all.map((step, n) => (
          <li key={n} data-kind={step.kind} class={step.at > at && at < last ? 'later' : undefined}>
            <span class="ms">{t.timeline.ms(step.at)}</span>
            <span>{step.what}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
