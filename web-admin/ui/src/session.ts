/** Who is signed in at this browser. */
import { get, onSignedOut, post, ask } from './api';
import { go } from './router';
import { Cell } from './store';
import type { Session } from './types';

/** Null until the daemon has said. */
export const session = new Cell<Session | null>(null);

export async function look(): Promise<void> {
  session.value = await get<Session>('/api/session');
}

export async function claim(code: string, name: string, password: string): Promise<void> {
  const claimed = await post<Session>('/api/claim', { code, name, password });
  // Whoever asked for a page gets that one.
  if (location.pathname === '/') go('/welcome', true);
  session.value = claimed;
}

export async function signIn(name: string, password: string): Promise<void> {
  session.value = await post<Session>('/api/session', { name, password });
}

/** Sets the password of somebody whom the owner has given a code. */
export async function accept(name: string, code: string, password: string): Promise<void> {
  session.value = await post<Session>('/api/session/code', { name, code, password });
}

export async function comeAsGuest(): Promise<void> {
  session.value = await post<Session>('/api/session/guest');
}

export async function signOut(): Promise<void> {
  await ask<void>('DELETE', '/api/session');
  forget();
}

function forget() {
  session.value = { claimed: true, person: null };
}

onSignedOut(forget);
