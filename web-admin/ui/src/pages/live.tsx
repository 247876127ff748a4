/** What the microphone hears, as loud as it is, and what Pipit does about it. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { Problem, sentence, stream } from '../api';
import { link, snapshot } from '../daemon';
import { Card, Title, Wrong } from '../parts/common';
import { phaseOf } from '../parts/phase';
import { useCell } from '../store';
import { t } from '../strings';
import { theme } from '../theme';

const s = t.live;
/** Levels come ten times a second. */
const SHOWN_MS = 15_000;
const LOWEST_DB = -80;
const KEPT_CHANGES = 8;

interface Sample {
  at: number;
  db: number;
}

export function Live() {
  const now = useCell(snapshot);
  const phase = phaseOf(now, useCell(link));
  const changes = useChanges(phase);
  const { samples, level, error } = useLevels();
  return (
    <>
      <Title lead={s.lead}>{s.title}</Title>
      <Card title={s.level} extra={<output class="figure">{level === null ? '–' : s.decibels(level)}</output>}>
        <Meter level={level} />
        <Graph samples={samples} />
        <Wrong error={error} />
      </Card>
      <div class="columns">
        <Card title={s.changes}>
          <ol class="changes">
            {changes.map((change) => (
              <li key={change.id}>
                <span class="chip" data-phase={change.phase}>
                  <span class="dot" aria-hidden="true" />
                  {t.phases[change.phase] ?? change.phase}
                </span>
                <time>{change.at.toLocaleTimeString('en', { hour12: false })}</time>
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
function useChanges(phase: string) {
  const [changes, setChanges] = useState<{ id: number; phase: string; at: Date }[]>([]);
  const count = useRef(0);
  useEffect(() => {
    if (phase === 'opening') return;
    count.current += 1;
    const change = { id: count.current, phase, at: new Date() };
    setChanges((before) => [change, ...before].slice(0, KEPT_CHANGES));
  }, [phase]);
  return changes;
}

function useLevels() {
  const samples = useRef<Sample[]>([]);
  const [level, setLevel] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const state = useCell(link).state;
  useEffect(() => {
    if (state !== 'open') return;
    const stop = new AbortController();
    const read = async () => {
      for await (const told of stream('GET', '/levels', undefined, stop.signal)) {
        if (told.event !== 'level') continue;
        const { dbfs } = JSON.parse(told.data) as { dbfs: number };
        samples.current.push({ at: performance.now(), db: dbfs });
        setError(null);
        setLevel(dbfs);
      }
    };
    read().catch((why: unknown) => {
      // That it ended because the daemon did, the banner says.
      if (!stop.signal.aborted && why instanceof Problem && why.status !== 0) setError(sentence(why));
    });
    return () => stop.abort();
  }, [state]);
  return { samples: samples.current, level, error };
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
        <rect class="level" x="0" y="0" height="4" width={100 - (db / LOWEST_DB) * 100} />
      </svg>
    </div>
  );
}

function Graph({ samples }: { samples: Sample[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chosen = useCell(theme);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const style = getComputedStyle(document.documentElement);
    const [line, grid, ink] = ['--accent', '--line', '--soft'].map((name) => style.getPropertyValue(name)) as [string, string, string];
    let frame = 0;
    const draw = () => {
      frame = requestAnimationFrame(draw);
      const now = performance.now();
      while (samples.length > 1 && samples[1]!.at < now - SHOWN_MS) samples.shift();
      const scale = devicePixelRatio;
      const [width, height] = [element.clientWidth * scale, element.clientHeight * scale];
      if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
      context.clearRect(0, 0, width, height);
      const y = (db: number) => (Math.max(LOWEST_DB, Math.min(0, db)) / LOWEST_DB) * (height - 2 * scale) + scale;
      const x = (at: number) => width - ((now - at) / SHOWN_MS) * width;
      context.strokeStyle = grid;
      context.lineWidth = scale;
      for (const db of [-20, -40, -60]) {
        context.beginPath();
        context.moveTo(0, y(db));
        context.lineTo(width, y(db));
        context.stroke();
        context.fillStyle = ink;
        context.font = `${11 * scale}px system-ui, sans-serif`;
        context.fillText(s.decibels(db), 0, y(db) - 4 * scale);
      }
      if (samples.length === 0) return;
      context.beginPath();
      for (const sample of samples) context.lineTo(x(sample.at), y(sample.db));
      context.lineTo(width, y(samples.at(-1)!.db));
      context.strokeStyle = line;
      context.lineWidth = 2 * scale;
      context.lineJoin = 'round';
      context.stroke();
      context.lineTo(width, height);
      context.lineTo(x(samples[0]!.at), height);
      context.globalAlpha = 0.14;
      context.fillStyle = line;
      context.fill();
      context.globalAlpha = 1;
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [samples, chosen]);
  return <canvas ref={canvas} class="graph" role="img" aria-label={s.graph} />;
}
