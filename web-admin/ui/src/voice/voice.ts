/** Speaking with Pipit from here: the microphone, the connection, and what is played, as long as somebody uses them. */
import { Socket, type Told } from '../socket';
import { Cell } from '../store';
import { t } from '../strings';
import { Microphone } from './microphone';
import { Player } from './player';

export type Status =
  /** Nothing is open. */
  | 'off'
  /** The microphone or the connection is being opened. */
  | 'opening'
  /** All is open, and nothing is sent. */
  | 'ready'
  /** What the microphone hears is sent. */
  | 'listening';

/** What was said last, and answered. */
export interface Spoken {
  request: string;
  /** Whether more is being said, so that the request is what was heard of it so far. */
  unfinished: boolean;
  reply: string;
  running: boolean;
  /** The conversation at whose end it stands. */
  kept: number | null;
}

/** Where nobody speaks for so long, the microphone is given back. */
const UNUSED_MS = 20_000;
/** Frames of silence after somebody has let go, so that the end of what was said is heard at once: 1.2 s. */
const AFTER = 60;
/** In these phases nobody is speaking, and nothing is being answered. */
const UNSPOKEN = ['idle', 'listening'];
/** Frames that wait until the connection is there: 5 s. */
const WAITING = 250;

export const status = new Cell<Status>('off');
/** What Pipit does at this place. */
export const phase = new Cell<string>('idle');
export const spoken = new Cell<Spoken | null>(null);
export const error = new Cell<string | null>(null);

/** Why nobody can speak from this page, if nobody can. */
export function obstacle(): string | null {
  if (!window.isSecureContext) return t.voice.insecure;
  if (!navigator.mediaDevices || !('AudioWorkletNode' in window)) return t.voice.unable;
  return null;
}

let socket: Socket | null = null;
let microphone: Microphone | null = null;
const player = new Player();
let taken = false;
let pressed = false;
let silence = 0;
let waiting: Int16Array<ArrayBuffer>[] = [];
let clause: { rate: number; samples: Int16Array; filled: number } | null = null;
let unused: ReturnType<typeof setTimeout> | undefined;
/** Whatever belongs to an earlier opening is let go when it comes. */
let opening = 0;

export function press() {
  if (pressed) return;
  pressed = true;
  error.value = null;
  clearTimeout(unused);
  player.prepare();
  // What plays is interrupted at once, and not only when the daemon says so.
  player.stop();
  waiting = [];
  silence = 0;
  if (microphone && taken) begin();
  else void open();
}

export function release() {
  if (!pressed) return;
  pressed = false;
  if (status.value === 'listening') {
    silence = AFTER;
    socket?.say({ type: 'release' });
    status.value = 'ready';
  }
  rest();
}

/** Silence is wanted. */
export function hush() {
  release();
  player.stop();
  socket?.say({ type: 'stop' });
}

/** Gives everything back. */
export function close() {
  opening += 1;
  clearTimeout(unused);
  pressed = false;
  taken = false;
  socket?.close();
  microphone?.close();
  player.close();
  [socket, microphone, clause, waiting] = [null, null, null, []];
  status.value = 'off';
  phase.value = 'idle';
}

function begin() {
  status.value = 'listening';
  socket?.say({ type: 'press' });
  for (const frame of waiting) socket?.sound(frame);
  waiting = [];
}

async function open() {
  opening += 1;
  const mine = opening;
  status.value = 'opening';
  connect();
  if (microphone) return;
  try {
    const opened = await Microphone.open(heard, () => fail(t.voice.lost));
    if (mine !== opening) return opened.close();
    microphone = opened;
    ready();
  } catch (why) {
    if (mine === opening) fail(inWords(why));
  }
}

function connect() {
  if (socket) return;
  const mine = new Socket({
    told: (told) => mine === socket && take(told),
    sound: (piece) => mine === socket && collect(piece),
    closed: (why) => mine === socket && why !== null && fail(why),
  });
  socket = mine;
}

/** Goes on where both the microphone and the place to speak from are there. */
function ready() {
  if (!microphone || !taken) return;
  if (pressed) return begin();
  // Somebody let go before it was open. What they said meanwhile is sent all the same.
  if (waiting.length > 0) {
    begin();
    silence = AFTER;
    socket?.say({ type: 'release' });
  }
  status.value = 'ready';
  rest();
}

function heard(frame: Int16Array<ArrayBuffer>) {
  if (status.value === 'opening' && pressed) {
    waiting.push(frame);
    if (waiting.length > WAITING) waiting.shift();
  } else if (status.value === 'listening') {
    socket?.sound(frame);
  } else if (silence > 0) {
    silence -= 1;
    socket?.sound(new Int16Array(frame.length));
  }
}

function take(told: Told) {
  const text = String(told['text'] ?? '');
  switch (told.type) {
    case 'welcome':
      socket?.say({ type: 'subscribe', to: 'voice' });
      break;
    case 'subscribed':
      taken = true;
      ready();
      break;
    case 'unsubscribed':
      fail(t.voice.gone);
      break;
    case 'error':
      fail(String(told['message']));
      break;
    case 'phase':
      phase.value = String(told['phase']);
      // What came to nothing was said to nobody.
      if (spoken.value?.unfinished && UNSPOKEN.includes(phase.value)) spoken.value = null;
      rest();
      break;
    case 'hearing':
    case 'understood':
      spoken.value = { request: text, unfinished: told.type === 'hearing', reply: '', running: true, kept: null };
      break;
    case 'saying':
      if (spoken.value) spoken.value = { ...spoken.value, reply: `${spoken.value.reply} ${text}`.trim() };
      break;
    case 'clause':
      clause = { rate: Number(told['rate']), samples: new Int16Array(Number(told['samples'])), filled: 0 };
      break;
    case 'pause':
      player.pause();
      break;
    case 'resume':
      player.resume();
      break;
    case 'silence':
      player.stop();
      break;
    case 'turn': {
      const [request, reply] = [String(told['transcript']), String(told['reply'])];
      spoken.value = { request, unfinished: false, reply, running: false, kept: null };
      break;
    }
    case 'kept':
      if (spoken.value) spoken.value = { ...spoken.value, running: false, kept: Number(told['conversation']) };
  }
}

/** The samples of a clause, until it is whole. */
function collect(piece: ArrayBuffer) {
  if (!clause) return;
  const samples = new Int16Array(piece).subarray(0, clause.samples.length - clause.filled);
  clause.samples.set(samples, clause.filled);
  clause.filled += samples.length;
  if (clause.filled < clause.samples.length) return;
  player.play(clause.samples, clause.rate);
  clause = null;
}

// A page that nobody sees keeps no microphone.
document.addEventListener('visibilitychange', () => {
  if (document.hidden && !pressed && phase.value === 'idle') close();
});

function rest() {
  clearTimeout(unused);
  const used = pressed || status.value === 'opening' || phase.value !== 'idle';
  if (!used && status.value !== 'off') unused = setTimeout(close, UNUSED_MS);
}

function fail(why: string) {
  close();
  if (spoken.value?.running) spoken.value = null;
  error.value = why;
}

function inWords(why: unknown): string {
  const name = why instanceof DOMException ? why.name : '';
  if (name === 'NotAllowedError') return t.voice.refused;
  if (name === 'NotFoundError') return t.voice.none;
  return t.voice.failed;
}
