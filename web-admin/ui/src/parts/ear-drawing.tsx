/** The last twenty seconds of the ear, drawn: how loud it is, each probability against its threshold, the state, and what was lost. */
import { useEffect, useRef } from 'preact/hooks';

import { KEPT_MS, type Heard, type Thresholds } from '../ear';
import { useCell } from '../store';
import { t } from '../strings';
import { theme } from '../theme';

const s = t.live;
export const LOWEST_DB = -80;
/** Where somebody wants nothing to move, the drawing is made anew this often. */
const STILL_MS = 1000;

export interface Change {
  id: number;
  phase: string;
  /** Of the page's clock, in milliseconds. */
  at: number;
  date: Date;
}

interface Lane {
  name: string;
  /** From 0 to 1; null where there is nothing to draw. */
  value: (heard: Heard) => number | null;
  threshold: number | null;
  /** It is judged now and then, and not all the time. */
  now_and_then?: boolean;
}

export const share = (db: number) => 1 - Math.max(LOWEST_DB, Math.min(0, db)) / LOWEST_DB;

function lanes(thresholds: Thresholds | null): Lane[] {
  const drawn: Lane[] = [
    { name: s.level, value: (heard) => share(heard.dbfs), threshold: null },
    { name: s.voice, value: (heard) => heard.voice ?? 0, threshold: thresholds?.voice ?? null },
    { name: s.turn, value: (heard) => heard.turn, threshold: thresholds?.turn ?? null, now_and_then: true },
  ];
  if (thresholds?.wake != null) drawn.push({ name: s.wake, value: (heard) => heard.wake, threshold: thresholds.wake });
  return drawn;
}

export function EarDrawing(props: { samples: Heard[]; thresholds: Thresholds | null; changes: Change[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chosen = useCell(theme);
  const changes = useRef(props.changes);
  changes.current = props.changes;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const still = matchMedia('(prefers-reduced-motion: reduce)');
    const drawing = new Drawing(context, lanes(props.thresholds));
    let frame = 0;
    let drawn = -Infinity;
    const draw = () => {
      frame = requestAnimationFrame(draw);
      const now = performance.now();
      if (still.matches && now - drawn < STILL_MS) return;
      drawn = now;
      drawing.draw(now, props.samples, changes.current);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [props.samples, props.thresholds, chosen]);
  return <canvas ref={canvas} class="graph ear" role="img" aria-label={s.graph} />;
}

class Drawing {
  private readonly colours: Record<'accent' | 'line' | 'soft' | 'ink' | 'warm' | 'danger' | 'early' | 'raised', string>;

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly lanes: Lane[],
  ) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`);
    this.colours = {
      accent: colour('accent'),
      line: colour('line'),
      soft: colour('soft'),
      ink: colour('ink'),
      warm: colour('warm'),
      danger: colour('danger'),
      early: colour('early'),
      raised: colour('raised'),
    };
  }

  draw(now: number, samples: Heard[], changes: Change[]) {
    const { context } = this;
    const element = context.canvas;
    const scale = devicePixelRatio;
    const [width, height] = [element.clientWidth, element.clientHeight];
    if (element.width !== width * scale || element.height !== height * scale) {
      [element.width, element.height] = [width * scale, height * scale];
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'alphabetic';
    const x = (at: number) => width - ((now - at) / KEPT_MS) * width;
    const strip = 22;
    const each = (height - strip) / this.lanes.length;
    this.lanes.forEach((lane, n) => this.lane(lane, samples, x, n * each, each, width));
    this.states(now, changes, x, height - strip + 4, strip - 4, width);
    // What was lost is lost for all of them.
    context.strokeStyle = this.colours.danger;
    context.lineWidth = 2;
    samples.forEach((heard, n) => {
      const before = samples[n - 1];
      if (!before || heard.dropped_frames <= before.dropped_frames) return;
      this.path([[x(heard.at), 0], [x(heard.at), height - strip]]);
    });
  }

  private lane(lane: Lane, samples: Heard[], x: (at: number) => number, top: number, height: number, width: number) {
    const { context, colours } = this;
    const [above, bottom] = [top + 22, top + height - 6];
    const y = (value: number) => bottom - Math.max(0, Math.min(1, value)) * (bottom - above);
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    this.path([[0, bottom], [width, bottom]]);
    if (lane.now_and_then) this.stems(lane, samples, x, y, bottom);
    else this.curve(lane, samples, x, y, bottom);
    if (lane.threshold !== null) {
      context.strokeStyle = colours.ink;
      context.setLineDash([4, 4]);
      this.path([[0, y(lane.threshold)], [width, y(lane.threshold)]]);
      context.setLineDash([]);
    }
    context.fillStyle = colours.soft;
    context.fillText(lane.threshold === null ? lane.name : s.from(lane.name, s.percent(lane.threshold)), 0, top + 14);
  }

  private curve(lane: Lane, samples: Heard[], x: (at: number) => number, y: (value: number) => number, bottom: number) {
    const { context, colours } = this;
    let run: [number, number][] = [];
    const end = () => {
      if (run.length > 1) {
        context.fillStyle = colours.accent;
        context.globalAlpha = 0.16;
        context.beginPath();
        context.moveTo(run[0]![0], bottom);
        for (const [at, value] of run) context.lineTo(at, value);
        context.lineTo(run.at(-1)![0], bottom);
        context.fill();
        context.globalAlpha = 1;
        context.strokeStyle = colours.accent;
        context.lineWidth = 2;
        context.lineJoin = 'round';
        this.path(run);
      }
      run = [];
    };
    for (const heard of samples) {
      const value = lane.value(heard);
      // While the page was hidden, nothing came.
      const [last] = run.slice(-1);
      if (value === null || (last && x(heard.at) - last[0] > x(1000) - x(0))) end();
      if (value !== null) run.push([x(heard.at), y(value)]);
    }
    end();
  }

  private stems(lane: Lane, samples: Heard[], x: (at: number) => number, y: (value: number) => number, bottom: number) {
    const { context, colours } = this;
    samples.forEach((heard, n) => {
      const before = samples[n - 1];
      const value = lane.value(heard);
      if (!before || value === null || heard.turns_judged === before.turns_judged) return;
      const passed = lane.threshold !== null && value >= lane.threshold;
      context.strokeStyle = context.fillStyle = passed ? colours.accent : colours.warm;
      context.lineWidth = 2;
      this.path([[x(heard.at), bottom], [x(heard.at), y(value)]]);
      context.beginPath();
      context.arc(x(heard.at), y(value), 4, 0, 2 * Math.PI);
      context.fill();
    });
  }

  private states(now: number, changes: Change[], x: (at: number) => number, top: number, height: number, width: number) {
    const { context, colours } = this;
    changes.forEach((change, n) => {
      // The newest come first.
      const [from, to] = [Math.max(0, x(change.at)), Math.min(width, x(n === 0 ? now : changes[n - 1]!.at))];
      if (to <= 0 || to - from < 1) return;
      const busy: Record<string, string> = { thinking: colours.warm, speaking: colours.early, away: colours.danger };
      const listens = ['listening', 'hearing', 'weighing'].includes(change.phase);
      context.fillStyle = busy[change.phase] ?? (listens ? colours.accent : colours.raised);
      context.globalAlpha = change.phase in busy || listens ? 0.35 : 1;
      context.fillRect(from, top, to - from - 1, height);
      context.globalAlpha = 1;
      const word = t.phases[change.phase] ?? change.phase;
      if (context.measureText(word).width + 10 > to - from) return;
      context.fillStyle = colours.ink;
      context.fillText(word, from + 5, top + height - 5);
    });
  }

  private path(points: [number, number][]) {
    this.context.beginPath();
    for (const [x, y] of points) this.context.lineTo(x, y);
    this.context.stroke();
  }
}
