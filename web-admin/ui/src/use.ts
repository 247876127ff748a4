/** What pages have in common in how they ask. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { get, Problem, sentence } from './api';
import { epoch, link } from './daemon';
import { useCell } from './store';

const RETRY_MS = 2000;

export interface Read<T> {
  data: T | null;
  error: string | null;
  /** Reads it again; what is shown stays until the answer is there. */
  again: () => void;
  set: (data: T) => void;
}

/** What `path` holds, read again whenever the daemon was away; null for `path` reads nothing. */
export function useRead<T>(path: string | null): Read<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; error: string | null }>({
    path,
    data: null,
    error: null,
  });
  const [count, setCount] = useState(0);
  const since = useCell(epoch);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    let later: ReturnType<typeof setTimeout>;
    get<T>(path, stop.signal).then(
      (data) => setState({ path, data, error: null }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        if (error instanceof Problem && error.status === 0) {
          // That nobody is there the banner says, and once somebody is, it is read again. This is for what it does not notice.
          later = setTimeout(() => link.value.state === 'open' && setCount((count) => count + 1), RETRY_MS);
          return;
        }
        setState((old) => ({ path, data: old.path === path ? old.data : null, error: sentence(error) }));
      },
    );
    return () => {
      clearTimeout(later);
      stop.abort();
    };
  }, [path, count, since]);
  const again = useCallback(() => setCount((count) => count + 1), []);
  const set = useCallback((data: T) => setState({ path, data, error: null }), [path]);
  const current = state.path === path;
  return { data: current ? state.data : null, error: current ? state.error : null, again, set };
}

export interface Doing {
  busy: boolean;
  error: string | null;
  /** Does it, unless it is being done; says whether it was done. */
  run: (what: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
}

/** One thing that a person has asked for and that may fail. */
export function useDoing(): Doing {
  const [state, setState] = useState<{ busy: boolean; error: string | null }>({ busy: false, error: null });
  const busy = useRef(false);
  const run = useCallback(async (what: () => Promise<unknown>) => {
    if (busy.current) return false;
    busy.current = true;
    setState({ busy: true, error: null });
    try {
      await what();
      setState({ busy: false, error: null });
      return true;
    } catch (error) {
      setState({ busy: false, error: sentence(error) });
      return false;
    } finally {
      busy.current = false;
    }
  }, []);
  const clear = useCallback(() => setState({ busy: false, error: null }), []);
  return { ...state, run, clear };
}

/** The time now, told every second while somebody looks. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** How long ago, in words. */
export function ago(at: string): string {
  const passed = new Date(at).getTime() - Date.now();
  if (Number.isNaN(passed)) return '';
  if (Math.abs(passed) > 7 * 86_400_000) return day(at);
  for (const [unit, ms] of STEPS) {
    if (Math.abs(passed) >= ms) return RELATIVE.format(Math.round(passed / ms), unit);
  }
  return RELATIVE.format(0, 'minute');
}

export function day(at: string): string {
  return new Date(at).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' });
}

export function moment(at: string): string {
  return new Date(at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'medium' });
}

/** `1:02:03` or `2:03`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `1.2 GB`, by thousands as disks and networks are sold. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  const amount = count / 1000 ** step;
  return `${amount.toLocaleString('en', { maximumFractionDigits: amount < 10 && step > 1 ? 1 : 0 })} ${units[step]}`;
}
