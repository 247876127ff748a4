/** Signing in by another server: there, and back again. */
import { post } from './api';
import { t } from './strings';

const KEY = 'provider';

/** Why somebody who has just come back is not signed in, if they are not. */
export const cameBack: string | null = readBack();

function readBack(): string | null {
  const url = new URL(location.href);
  const why = url.searchParams.get(KEY);
  if (why === null) return null;
  // Who reloads the page is not told again.
  url.searchParams.delete(KEY);
  history.replaceState(history.state, '', url);
  return t.provider[why] ?? t.unknownError;
}

/** Goes there, to sign in. */
export async function leave(): Promise<void> {
  location.assign((await post<{ url: string }>('/api/session/provider')).url);
}

/** Goes there, to connect whoever is signed in. */
export async function connect(password: string): Promise<void> {
  location.assign((await post<{ url: string }>('/api/links', { password })).url);
}
