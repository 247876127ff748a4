/** What the device's ear makes of the sound, as long as a page looks. */
import { useEffect, useRef, useState } from 'preact/hooks';

import { link } from './daemon';
import { Socket } from './socket';
import { useCell } from './store';

/** As `web-admin/src/hearing.rs` writes it; `at` is of the page's clock, in milliseconds. */
export interface Heard {
  at: number;
  dbfs: number;
  voice: number | null;
  wake: number | null;
  turn: number | null;
  turns_judged: number;
  dropped_frames: number;
}

export interface Thresholds {
  voice: number;
  turn: number;
  wake: number | null;
}

export interface Ear {
  /** The newest last, and nothing that is older than `KEPT_MS`. It changes in place, and is for drawing. */
  samples: Heard[];
  /** The newest, told a few times a second. */
  now: Heard | null;
  thresholds: Thresholds | null;
  error: string | null;
}

export const KEPT_MS = 20_000;
const TOLD_MS = 200;
const RETRY_MS = 5000;

export function useEar(): Ear {
  const samples = useRef<Heard[]>([]);
  const [now, setNow] = useState<Heard | null>(null);
  const [thresholds, setThresholds] = useState<Thresholds | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [hidden, setHidden] = useState(document.hidden);
  const [tries, setTries] = useState(0);
  const state = useCell(link).state;

  useEffect(() => {
    const look = () => setHidden(document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);

  useEffect(() => {
    if (state !== 'open' || hidden) return;
    let told = 0;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const socket = new Socket({
      told: (message) => {
        if (message.type === 'welcome') socket.say({ type: 'subscribe', to: 'levels' });
        if (message.type === 'subscribed') setThresholds(message['thresholds'] as Thresholds);
        if (message.type === 'error') setError(String(message['message']));
        if (message.type !== 'level') return;
        const heard = { ...(message as unknown as Heard), at: performance.now() };
        const kept = samples.current;
        kept.push(heard);
        while (kept[1] && kept[1].at < heard.at - KEPT_MS) kept.shift();
        if (heard.at - told < TOLD_MS) return;
        told = heard.at;
        setError(null);
        setNow(heard);
      },
      closed: (why) => {
        if (why === null) return;
        // That the daemon is away, the banner says.
        if (link.value.state === 'open') setError(why);
        retry = setTimeout(() => setTries((tries) => tries + 1), RETRY_MS);
      },
    });
    return () => {
      clearTimeout(retry);
      socket.close();
    };
  }, [state, hidden, tries]);
  return { samples: samples.current, now, thresholds, error };
}
