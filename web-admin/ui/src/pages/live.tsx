/** What the microphone hears, what the ear makes of it, and what Pipit does about it. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { link, snapshot } from '../daemon';
import { useEar, type Heard, type Thresholds } from '../ear';
import { Card, Title, Wrong } from '../parts/common';
import { EarDrawing, LOWEST_DB, share, type Change } from '../parts/ear-drawing';
import { phaseOf } from '../parts/phase';
import { useCell } from '../store';
import { t } from '../strings';

const s = t.live;
const KEPT_CHANGES = 40;
const SHOWN_CHANGES = 8;

export function Live() {
  const now = useCell(snapshot);
  const phase = phaseOf(now, useCell(link));
  const changes = useChanges(phase);
  const { samples, now: heard, thresholds, error } = useEar();
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Card title={s.ear} extra={<output class="figure">{heard === null ? '–' : s.decibels(heard.dbfs)}</output>}>
        <Meter level={heard?.dbfs ?? null} />
        <EarDrawing samples={samples} thresholds={thresholds} changes={changes} />
        <Wrong error={error} />
        <Figures heard={heard} thresholds={thresholds} phase={phase} />
      </Card>
      <div class="columns">
        <Card title={s.changes}>
          <ol class="changes">
            {changes.slice(0, SHOWN_CHANGES).map((change) => (
              <li key={change.id}>
                <span class="chip" data-phase={change.phase}>
                  <span class="dot" aria-hidden="true" />
                  {t.phases[change.phase] ?? change.phase}
                </span>
                <time>{change.date.toLocaleTimeString('en', { hour12: false })}</time>
              </li>
            ))}
          </ol>
        </Card>
        {now && (
          <Card title={s.counters}>
            <dl class="counters">
              <Counter name={s.turns} value={now.turns.toLocaleString('en')} />
              <Counter name={s.wakes} value={now.wakes.toLocaleString('en')} />
              <Counter name={s.falseAccepts} value={now.wake_false_accepts.toLocaleString('en')} />
              <Counter name={s.misses} value={now.wake_misses.toLocaleString('en')} />
              <Counter name={s.dropped} value={s.ms(now.sound_dropped_ms)} />
              <Counter name={s.overruns} value={now.sound_overruns.toLocaleString('en')} />
            </dl>
          </Card>
        )}
      </div>
    </>
  );
}

function Counter({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** The phases as they went by, the newest first. */
function useChanges(phase: string): Change[] {
  const [changes, setChanges] = useState<Change[]>([]);
  const count = useRef(0);
  useEffect(() => {
    if (phase === 'opening') return;
    count.current += 1;
    const change = { id: count.current, phase, at: performance.now(), date: new Date() };
    setChanges((before) => [change, ...before].slice(0, KEPT_CHANGES));
  }, [phase]);
  return changes;
}

/** What is drawn, in words and figures. */
function Figures({ heard, thresholds, phase }: { heard: Heard | null; thresholds: Thresholds | null; phase: string }) {
  const against = (value: number | null | undefined, threshold: number) =>
    value == null ? s.notJudged : s.against(s.percent(value), s.percent(threshold));
  return (
    <dl class="counters">
      <Counter name={s.state} value={t.phases[phase] ?? phase} />
      {thresholds && <Counter name={s.voice} value={against(heard?.voice, thresholds.voice)} />}
      {thresholds && <Counter name={s.turn} value={against(heard?.turn, thresholds.turn)} />}
      {thresholds?.wake != null && <Counter name={s.wake} value={against(heard?.wake, thresholds.wake)} />}
      {heard && <Counter name={s.lost} value={heard.dropped_frames.toLocaleString('en')} />}
    </dl>
  );
}

function inWords(db: number): string {
  if (db < -65) return s.silent;
  if (db < -45) return s.quiet;
  return db < -12 ? s.speech : s.loud;
}

/** The level for those who do not see the drawing. */
function Meter({ level }: { level: number | null }) {
  const db = Math.max(LOWEST_DB, Math.min(0, level ?? LOWEST_DB));
  return (
    <div
      class="meter"
      role="meter"
      aria-label={s.level}
      aria-valuemin={LOWEST_DB}
      aria-valuemax={0}
      aria-valuenow={Math.round(db)}
      aria-valuetext={level === null ? '–' : `${s.decibels(db)}, ${inWords(db)}`}
    >
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="level" x="0" y="0" height="4" width={share(db) * 100} />
      </svg>
    </div>
  );
}
