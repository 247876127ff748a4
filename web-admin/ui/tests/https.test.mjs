// The panel by HTTPS and its name, as a phone opens it that trusts the device's certificate: a cookie for this host alone, a
// passkey, and the microphone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon, freePort } from './daemon.mjs';
import { answered, hearing, remember, speak } from './microphone.mjs';

const OWNER = 'Ada';
const PASSWORD = 'a wren sings in the hedge';
const MAPPED = '--host-resolver-rules=MAP pipit.local 127.0.0.1';

let daemon, browser, context, page, notes, base;

before(async () => {
  daemon = await Daemon.home();
  const port = await freePort();
  await daemon.start(undefined, `https_listen = "127.0.0.1:${port}"\n`);
  await daemon.logs(/panel at https:/);
  base = `https://pipit.local:${port}`;
  const env = { ...process.env, HOME: await trusting() };
  browser = await hearing('3-how-much-is-twelve-times-seven.wav', [MAPPED], { env });
  context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 } });
  await context.addInitScript(remember);
  notes = new Notes(new URL(base).host);
  // Chromium advises RS256 for old authenticators; passkeys here sign by ES256 or EdDSA alone.
  notes.expected.push(/pubKeyCredParams is missing/);
  page = notes.watch(await context.newPage());
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
});

/** A home in which Chromium trusts what the device vouches for, as somebody has it who installed its certificate. */
async function trusting() {
  const home = join(daemon.folder, 'home');
  const known = join(home, '.pki/nssdb');
  mkdirSync(known, { recursive: true });
  const answer = await fetch(`${daemon.url}/authority.crt`);
  assert.equal(answer.status, 200);
  const certificate = join(home, 'authority.crt');
  writeFileSync(certificate, await answer.text());
  const certutil = (...args) => execFileSync('certutil', [...args, '-d', `sql:${known}`]);
  certutil('-N', '--empty-password');
  certutil('-A', '-n', 'Pipit', '-t', 'C,,', '-i', certificate);
  return home;
}

const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });

async function session() {
  const cookies = await context.cookies();
  assert.equal(cookies.length, 1, JSON.stringify(cookies.map(({ name }) => name)));
  return cookies[0];
}

test('a browser that was not told to trust it is warned', async () => {
  const stranger = await launch([MAPPED]);
  const other = await stranger.newPage();
  await assert.rejects(other.goto(base), /ERR_CERT_AUTHORITY_INVALID/);
  await stranger.close();
});

test('by its name it is claimed, and safe in the eyes of the browser', async () => {
  await page.goto('/talk');
  assert.equal(await page.evaluate(() => window.isSecureContext), true);
  await page.getByRole('heading', { level: 1 }).waitFor();
  assert.deepEqual(await violations(page), []);
  await daemon.claim(page, OWNER, PASSWORD);
  await heading('Talk').waitFor();
});

test('who signs in has a cookie for this host alone, which only HTTPS carries', async () => {
  const before = await session();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await heading('Sign in').waitFor();
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Name').fill(OWNER);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await heading('Talk').waitFor();
  const { name, value, domain, path, secure, httpOnly, sameSite } = await session();
  assert.match(name, /^__Host-/);
  assert.deepEqual({ domain, path, secure, httpOnly, sameSite }, {
    domain: 'pipit.local',
    path: '/',
    secure: true,
    httpOnly: true,
    sameSite: 'Strict',
  });
  assert.notEqual(value, before.value);
});

test('a passkey is made for its name, and signs in', async () => {
  const debug = await context.newCDPSession(page);
  await debug.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  const authenticator = { ...options, automaticPresenceSimulation: true };
  const { authenticatorId } = await debug.send('WebAuthn.addVirtualAuthenticator', { options: authenticator });
  await page.getByRole('link', { name: 'Access', exact: true }).click();
  const card = page.getByRole('region', { name: 'Passkeys' });
  await card.getByLabel('What you call it').fill('A phone');
  await card.getByLabel('Your password, to be sure that it is you').fill(PASSWORD);
  await card.getByRole('button', { name: 'Make a passkey' }).click();
  await card.getByText('The passkey is made.', { exact: false }).waitFor();
  const { credentials } = await debug.send('WebAuthn.getCredentials', { authenticatorId });
  assert.deepEqual(credentials.map(({ rpId }) => rpId), ['pipit.local']);
  assert.deepEqual(await violations(page), []);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await heading('Access').waitFor();
  assert.match((await session()).name, /^__Host-/);
});

test('what is said in the tab is answered and heard there', async () => {
  await page.goto('/talk');
  await speak(page, /84/);
  await page.waitForURL(/\/talk\/\d+$/);
  await answered(page, /\b84\b/).waitFor();
  const { frames, played } = await page.evaluate(() => ({ frames, played }));
  assert.ok(frames.length > 50, `${frames.length} frames of 20 ms`);
  assert.ok(played.length > 0 && played.every(({ energy }) => energy > 1e-5), JSON.stringify(played));
  assert.deepEqual(await violations(page), []);
});

test('every page opens', async () => {
  const links = page.getByRole('navigation').getByRole('link');
  const paths = await links.evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
  assert.ok(paths.length > 10, `${paths}`);
  for (const path of paths) {
    await page.goto(path);
    // Strict: more than one would throw.
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('.loading').first().waitFor({ state: 'detached' });
  }
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
