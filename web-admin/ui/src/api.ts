/** Asks the device. Whatever goes wrong comes out as a `Problem` with a sentence for the person. */
import { events, type Told } from './sse';
import { t } from './strings';

export class Problem extends Error {
  constructor(
    /** HTTP status; 0 where nobody answered. */
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

let signedOut: () => void = () => {};

/** `then` is called when an answer says that nobody is signed in any more. */
export function onSignedOut(then: () => void) {
  signedOut = then;
}

export async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new Problem(response.status, 'unreadable', t.unknownError);
  }
}

export const get = <T>(path: string, signal?: AbortSignal) => ask<T>('GET', path, undefined, signal);
export const post = <T = void>(path: string, body?: unknown) => ask<T>('POST', path, body);

/** Sound that the device makes, as a WAV file; nothing where it is heard elsewhere. */
export async function sound(method: string, path: string, body?: unknown): Promise<ArrayBuffer | null> {
  const response = await send(method, path, body, undefined, 'audio/wav');
  return response.status === 204 ? null : response.arrayBuffer();
}

/** Sends a file as it is. `reached` is told how many bytes have gone, which `fetch` tells nobody. */
export function upload<T>(
  method: string,
  path: string,
  file: File,
  reached: (sent: number) => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const unreachable = () => failed(new Problem(0, 'unreachable', t.unreachable));
    request.upload.onprogress = (event) => reached(event.loaded);
    request.onload = () => {
      const ok = request.status >= 200 && request.status < 300;
      if (ok) done(JSON.parse(request.responseText) as T);
      else failed(problemIn(request.status, request.responseText));
    };
    request.onerror = unreachable;
    request.ontimeout = unreachable;
    request.onabort = () => failed(new Problem(0, 'cancelled', t.cancelled));
    signal.addEventListener('abort', () => request.abort());
    request.open(method, path);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.send(file);
  });
}

/** The events of an answer that is a stream. */
export async function* stream(method: string, path: string, body: unknown, signal: AbortSignal): AsyncGenerator<Told> {
  const response = await send(method, path, body, signal, 'text/event-stream');
  if (response.body) yield* events(response.body);
}

async function send(
  method: string,
  path: string,
  body: unknown,
  signal?: AbortSignal,
  accept = 'application/json',
): Promise<Response> {
  const headers: Record<string, string> = { accept };
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    const sent = body === undefined ? null : JSON.stringify(body);
    response = await fetch(path, { method, headers, body: sent, signal: signal ?? null, cache: 'no-store' });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'unreachable', t.unreachable);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && problem.code === 'signed_out') signedOut();
  throw problem;
}

async function problemOf(response: Response): Promise<Problem> {
  return problemIn(response.status, (await response.text().catch(() => '')).trim());
}

function problemIn(status: number, text: string): Problem {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new Problem(status, error.code, error.message);
  } catch {
    // A proxy, or a daemon that is ending, answers with a sentence.
    const sentence = text.length > 0 && text.length < 400 && !text.startsWith('<') ? text : t.unknownError;
    return new Problem(status, 'unknown', sentence);
  }
}

export function sentence(error: unknown): string {
  return error instanceof Problem ? error.message : t.unknownError;
}
