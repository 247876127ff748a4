/** One WebSocket to the daemon, on which hello has been said. docs/api.md says what else is. */
import { t } from './strings';

export interface Told {
  type: string;
  [field: string]: unknown;
}

export interface Hooks {
  told: (told: Told) => void;
  sound?: (piece: ArrayBuffer) => void;
  /** It is over, and why in words; null where this side wanted that. */
  closed: (why: string | null) => void;
}

/** Codes with which the daemon itself says why; else the connection broke. */
const SAYS_WHY = (code: number) => code === 1001 || code === 1008 || code >= 4000;

export class Socket {
  private readonly socket: WebSocket;
  private wanted = true;

  constructor(hooks: Hooks) {
    const url = new URL('/ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => {
      if (this.wanted) this.say({ type: 'hello', version: 1 });
      else this.socket.close(1000);
    };
    this.socket.onmessage = ({ data }) => {
      if (typeof data === 'string') hooks.told(JSON.parse(data) as Told);
      else hooks.sound?.(data as ArrayBuffer);
    };
    this.socket.onclose = ({ code, reason }) => {
      const why = SAYS_WHY(code) && reason ? reason : t.unreachable;
      hooks.closed(this.wanted ? why : null);
    };
  }

  /** What is said before it is open is lost: `welcome` comes first. */
  say(what: Told) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(what));
  }

  sound(frame: Int16Array<ArrayBuffer>) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  close() {
    this.wanted = false;
    // One that is not open yet is closed once it is: browsers take the other for an error of the page.
    if (this.socket.readyState !== WebSocket.CONNECTING) this.socket.close(1000);
  }
}
