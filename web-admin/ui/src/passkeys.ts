/** Passkeys: what the browser is asked for, and what of its answer the daemon checks. */
import { ask, post, Problem } from './api';
import { session } from './session';
import { t } from './strings';
import type { Session } from './types';

const ES256 = -7;
const EDDSA = -8;

/** Whether there can be any at this address: they are for names of secure contexts. */
export function possible(): boolean {
  const isAddress = /^[\d.]+$|^\[/.test(location.hostname);
  return window.isSecureContext && 'PublicKeyCredential' in window && !isAddress;
}

function written(bytes: ArrayBuffer): string {
  const letters = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
}

/** What the browser does, with a sentence where it does not. */
async function asked(what: Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const made = await what;
    if (made instanceof PublicKeyCredential) return made;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'InvalidStateError') {
      throw new Problem(0, 'known', t.access.passkeyKnown);
    }
  }
  throw new Problem(0, 'no_passkey', t.access.passkeyNot);
}

interface Options {
  challenge: string;
  host: string;
  user: string;
  name: string;
  known: string[];
}

export async function make(name: string, password: string): Promise<void> {
  const options = await post<Options>('/api/passkeys/options', { password });
  const made = await asked(
    navigator.credentials.create({
      publicKey: {
        challenge: bytes(options.challenge),
        rp: { id: options.host, name: t.pipit },
        user: { id: bytes(options.user), name: options.name, displayName: options.name },
        pubKeyCredParams: [ES256, EDDSA].map((alg) => ({ type: 'public-key' as const, alg })),
        excludeCredentials: options.known.map((id) => ({ type: 'public-key' as const, id: bytes(id) })),
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        attestation: 'none',
        timeout: 300_000,
      },
    }),
  );
  const response = made.response as AuthenticatorAttestationResponse;
  await ask('POST', '/api/passkeys', {
    name,
    client_data: written(response.clientDataJSON),
    authenticator_data: written(response.getAuthenticatorData()),
  });
}

export async function signInByPasskey(): Promise<void> {
  const options = await post<{ challenge: string; host: string }>('/api/session/passkey/options');
  const shown = await asked(
    navigator.credentials.get({
      publicKey: {
        challenge: bytes(options.challenge),
        rpId: options.host,
        userVerification: 'required',
        timeout: 300_000,
      },
    }),
  );
  const response = shown.response as AuthenticatorAssertionResponse;
  session.value = await post<Session>('/api/session/passkey', {
    id: written(shown.rawId),
    client_data: written(response.clientDataJSON),
    authenticator_data: written(response.authenticatorData),
    signature: written(response.signature),
    user: written(response.userHandle ?? new ArrayBuffer(0)),
  });
}
