/** Signing in by another server: there, and back again. */
import { post } from './api';
import { t } from './strings';

const KEY = 'provider';

/** Why somebody who has just come back is not signed in, or not connected, if they are not. */
export const cameBack: { signIn: string | null; connect: string | null } = readBack();

function readBack() {
  const url = new URL(location.href);
  const why = url.searchParams.get(KEY);
  if (why === null) return { signIn: null, connect: null };
  // Who reloads the page is not told again.
  url.searchParams.delete(KEY);
  history.replaceState(history.state, '', url);
  const words = t.provider[why] ?? t.unknownError;
  return url.pathname === '/access' ? { signIn: null, connect: words } : { signIn: words, connect: null };
}

/** Goes there, to sign in. */
export async function leave(): Promise<void> {
  location.assign((await post<{ url: string }>('/api/session/provider')).url);
}

/** Goes there, to connect whoever is signed in. */
export async function connect(password: string): Promise<void> {
  location.assign((await post<{ url: string }>('/api/links', { password })).url);
}
