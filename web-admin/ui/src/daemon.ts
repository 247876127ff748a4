/** The daemon's state as it is told, and whether it can be reached. */
import { Problem, stream } from './api';
import { Cell } from './store';
import type { Snapshot, Turn } from './types';

export type Link =
  | { state: 'opening' }
  | { state: 'open' }
  /** `next` is when it is tried again, in milliseconds of the page's clock; null while it is being tried. */
  | { state: 'lost'; next: number | null };

/** How things stand; null until the daemon has told it once. */
export const snapshot = new Cell<Snapshot | null>(null);
export const link = new Cell<Link>({ state: 'opening' });
/** Grows each time that the daemon is there again. What was read before may be out of date then. */
export const epoch = new Cell(0);
/** The last turn that ended while somebody looked. */
export const newestTurn = new Cell<Turn | null>(null);

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** The daemon sends a comment every 15 s where nothing else happens; without two of them, nobody is there any more. */
const SILENCE_MS = 35_000;

let tryNow: (() => void) | null = null;

/** Tries at once instead of at the time that was set. */
export function reconnect() {
  tryNow?.();
}

/** Follows the events until `signal` is aborted, whatever happens to the daemon meanwhile. */
export async function follow(signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS;
  let opened = false;
  while (!signal.aborted) {
    await visible(signal);
    let [connected, hidden] = [false, false];
    const reading = new AbortController();
    const stop = () => reading.abort();
    let watchdog = setTimeout(stop, SILENCE_MS);
    signal.addEventListener('abort', stop);
    // A browser has six connections for a host; a page that nobody sees keeps none of them.
    const whenHidden = () => {
      if (!document.hidden) return;
      hidden = true;
      stop();
    };
    document.addEventListener('visibilitychange', whenHidden);
    try {
      for await (const told of stream('GET', '/events', undefined, reading.signal)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, SILENCE_MS);
        if (!connected) {
          connected = true;
          if (opened) epoch.value += 1;
          opened = true;
          wait = FIRST_WAIT_MS;
          link.value = { state: 'open' };
        }
        take(told.event, told.data);
      }
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', stop);
      document.removeEventListener('visibilitychange', whenHidden);
    }
    if (signal.aborted || hidden) continue;
    link.value = { state: 'lost', next: performance.now() + wait };
    await pause(wait, signal);
    link.value = { state: 'lost', next: null };
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

function take(event: string, data: string) {
  if (event === 'state') snapshot.value = JSON.parse(data) as Snapshot;
  if (event === 'turn') newestTurn.value = JSON.parse(data) as Turn;
  // After `missed` the next state is whole again.
}

function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      window.removeEventListener('online', over);
      signal.removeEventListener('abort', over);
      tryNow = null;
      resolve();
    };
    const timer = setTimeout(over, ms);
    tryNow = over;
    window.addEventListener('online', over);
    signal.addEventListener('abort', over);
  });
}
