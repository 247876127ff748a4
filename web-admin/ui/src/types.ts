/** What the API tells, as `web-admin/src` writes it. */

export interface Person {
  id: string;
  /** Guests who came without a password have none. */
  name: string | null;
  role: 'owner' | 'member' | 'guest';
}

export interface Session {
  claimed: boolean;
  person: Person | null;
}

/** How one may sign in beside a password. */
export interface Ways {
  guests: boolean;
  /** The host of the server that vouches for people, if there is one. */
  provider: string | null;
}

export interface Snapshot {
  phase: string;
  microphone: string | null;
  muted: boolean;
  volume: number;
  wake_mode: string;
  widest_tier: string;
  voice: string | null;
  recogniser: string | null;
  assist: boolean;
  sound_dropped_ms: number;
  sound_overruns: number;
  overload: string | null;
  troubles: string[];
  turns: number;
  wakes: number;
  wake_false_accepts: number;
  wake_misses: number;
}

export interface Choices {
  wake_modes: string[];
  tiers: string[];
  voices: string[];
  models: string[];
  restart: boolean;
}

export interface Span {
  stage: string;
  clause?: number;
  part?: number;
  began_ms: number;
  ended_ms: number | null;
  model_ms: number | null;
  speculative: boolean;
  discarded: boolean;
  failed: boolean;
}

export interface Turn {
  at?: string;
  turn: number;
  ended_by: string | null;
  /** Nothing else is told of it than when each stage was reached. */
  private?: boolean;
  timings_ms: {
    speech_end: number;
    pause: number | null;
    turn_decided: number | null;
    transcript: number | null;
    reply_first_text: number | null;
    first_audio: number | null;
  };
  waterfall: {
    reopened_ms: number[];
    interruptions: { at_ms: number; resumed_ms: number | null; stopped_ms: number | null }[];
    ended_ms: number;
    parts: Span[];
    drafts: {
      revision: number;
      pause_ms: number | null;
      dropped_ms: number | null;
      provider?: { name: string; model: string; tier: string };
      spans: Span[];
    }[];
  };
}
