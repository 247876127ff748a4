/** A turn's waterfall: a line for each stage on one scale, as `pipit hear` draws it too. */
import { t } from '../strings';
import type { Span, Turn } from '../types';

interface Line {
  stage: string;
  began: number;
  reached: number | null;
  waited: number;
  kind: 'waiting' | 'early' | 'work' | 'vain' | 'mark';
  failed: boolean;
}

const STAGES = ['endpointing', 'transcription', 'understanding', 'action', 'synthesis'];

/** Why the turn ended, or what it was if nobody's speech ended it. */
export function outcome(turn: Turn): string {
  if (turn.ended_by) return turn.ended_by;
  const somebodySpoke = turn.timings_ms.pause !== null || turn.waterfall.parts.length > 0;
  return somebodySpoke ? 'dropped' : 'announcement';
}

export function lines(turn: Turn): Line[] {
  const timings = turn.timings_ms;
  const spans = turn.waterfall.drafts.at(-1)?.spans ?? [];
  const mark = (stage: string, at: number | null): Line[] =>
    at === null ? [] : [{ stage, began: at, reached: at, waited: 0, kind: 'mark', failed: false }];
  const drawn: Line[] = [...mark('turn_decided', timings.turn_decided)];
  if (timings.pause !== null) {
    drawn.push({ stage: 'pause', began: 0, reached: timings.pause, waited: 0, kind: 'waiting', failed: false });
  }
  for (const stage of STAGES) {
    // The voice speaks the other clauses while the first is played.
    const span = spans.find((span) => span.stage === stage);
    if (span) drawn.push(line(span));
  }
  drawn.sort((a, b) => a.began - b.began);
  return [...drawn, ...mark('first_audio', timings.first_audio)];
}

function line(span: Span): Line {
  const took = span.ended_ms === null ? null : span.ended_ms - span.began_ms;
  const waited = took === null || span.model_ms === null ? 0 : Math.max(0, took - span.model_ms);
  const kind = span.discarded ? 'vain' : span.speculative ? 'early' : 'work';
  return { stage: span.stage, began: span.began_ms, reached: span.ended_ms, waited, kind, failed: span.failed };
}

/** What was done in vain, in words. */
export function thrownAway(turn: Turn): string[] {
  const { drafts, parts } = turn.waterfall;
  const said: string[] = [];
  const dropped = drafts.filter((draft) => draft.dropped_ms !== null).length;
  if (dropped > 0) said.push(t.timeline.vainDrafts(dropped));
  const spans = [...parts, ...drafts.flatMap((draft) => draft.spans)].filter((span) => span.discarded);
  for (const [stage, words] of Object.entries(t.timeline.vainStages)) {
    const of = spans.filter((span) => span.stage === stage);
    if (of.length === 0) continue;
    const ms = of.reduce((sum, span) => sum + (span.model_ms ?? 0), 0);
    said.push(words(of.length) + (ms >= 1 ? ` (${t.timeline.ms(ms)})` : ''));
  }
  return said;
}

const WIDTH = 1000;

export function Waterfall({ turn }: { turn: Turn }) {
  const drawn = lines(turn);
  const reached = drawn.flatMap((line) => (line.reached === null ? [] : [line.reached]));
  // What is played takes longer than all that comes before it, and is not what one waits for.
  const end = Math.max(1, turn.timings_ms.first_audio ?? Math.max(1, ...reached));
  const at = (ms: number) => Math.min(WIDTH, Math.max(0, (ms / end) * WIDTH));
  return (
    <ul class="waterfall">
      {drawn.map((line) => {
        const from = at(line.began);
        const to = Math.max(from, at(line.reached ?? Infinity));
        const work = Math.min(to, Math.max(from, at(line.began + line.waited)));
        const words = line.failed
          ? t.timeline.failed
          : line.reached === null
            ? t.timeline.unneeded
            : t.timeline.ms(line.reached);
        return (
          <li key={line.stage}>
            <span class="stage">{t.timeline.stages[line.stage] ?? line.stage}</span>
            <svg class="bar" viewBox={`0 0 ${WIDTH} 10`} preserveAspectRatio="none" aria-hidden="true">
              {line.waited > 0 && <rect class="waiting" x={from} y="4" width={work - from} height="2" />}
              {line.kind === 'waiting' ? (
                <rect class="waiting" x={from} y="4" width={to - from} height="2" />
              ) : (
                <rect
                  class={line.kind}
                  x={line.kind === 'mark' ? from : work}
                  y={line.kind === 'mark' ? 0 : 1}
                  width={line.kind === 'mark' ? 1 : Math.max(1, to - work)}
                  height={line.kind === 'mark' ? 10 : 8}
                />
              )}
            </svg>
            <span class="ms">{words}</span>
          </li>
        );
      })}
    </ul>
  );
}
