// Sign-in by a real server that vouches for people, which runs beside the real daemon. The steps are a story.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import Provider from 'oidc-provider';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon } from './daemon.mjs';

const NAME = 'Ada';
const PASSWORD = 'a wren sings in the hedge';
const FONTS = /^https:\/\/fonts\.googleapis\.com\//;
const SECRET = 'a secret : with / odd + letters';

let daemon, browser, context, page, notes, base, server, issuer;

before(async () => {
  daemon = await Daemon.home();
  const address = daemon.address.replace('127.0.0.1', 'localhost');
  base = `http://${address}`;
  server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'pipit', client_secret: SECRET, redirect_uris: [`${base}/api/session/provider/back`] }],
    pkce: { required: () => true },
    // Whoever signs in there is whom they say they are: it is a test.
    features: { devInteractions: { enabled: true } },
  });
  server.on('request', provider.callback());
  daemon.config('[audio]\nbackend = "null"\n', '');
  await daemon.command(['secrets', 'set', 'panel-oidc'], SECRET);
  const web = `oidc_issuer = "${issuer}"\noidc_client_id = "pipit"\noidc_secret = "panel-oidc"\n`;
  await daemon.start(undefined, web);
  browser = await launch();
  context = await opened();
  notes = new Notes(address);
  page = notes.watch(await context.newPage());
});

after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
  await daemon?.gone();
});

/** A browser of somebody's own. The other server's pages want a font from elsewhere, which they do without. */
async function opened() {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 } });
  await context.route(FONTS, (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  return context;
}

const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });

/** Signs in at the other server, and lets it tell who that was. Whoever it knows already it sends back at once. */
async function there(login) {
  await page.waitForURL(`${issuer}/**`);
  await page.locator('input[name=login]').fill(login);
  await page.locator('input[name=password]').fill('anything');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(`${base}/**`);
}

test('an account that is nobody’s here signs nobody in', async () => {
  await page.goto('/');
  await daemon.claim(page, NAME, PASSWORD);
  await heading('Set up Pipit').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with localhost' }).click();
  await there('ada@there');
  await page.getByRole('alert').getByText('Nobody here is connected with that account', { exact: false }).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(new URL(page.url()).search, '');
});

test('whoever connects themselves signs in by it from then on', async () => {
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await heading('Home').waitFor();
  await page.getByRole('link', { name: 'Access', exact: true }).click();
  const card = page.getByRole('region', { name: 'Account elsewhere' });
  assert.deepEqual(await violations(page), []);
  await card.getByLabel('Your password, to be sure that it is you').fill(PASSWORD);
  await card.getByRole('button', { name: 'Connect with localhost' }).click();
  await card.getByRole('button', { name: 'Disconnect from localhost' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with localhost' }).click();
  await heading('Home').waitFor();
  await page.getByText(`Signed in as ${NAME}`).waitFor();
});

test('somebody else who signs in there is nobody here', async () => {
  const other = await opened();
  const before = page;
  page = notes.watch(await other.newPage());
  await page.goto('/');
  await page.getByRole('button', { name: 'Sign in with localhost' }).click();
  await there('eve@there');
  await page.getByRole('alert').getByText('Nobody here is connected with that account', { exact: false }).waitFor();
  // What another browser has begun is not gone on with here.
  const left = await (await other.request.post('/api/session/provider', { headers: { origin: base } })).json();
  const { state } = Object.fromEntries(new URL(left.url).searchParams);
  await other.clearCookies();
  await page.goto(`/api/session/provider/back?state=${state}&code=stolen`);
  await page.getByRole('alert').getByText('That took too long', { exact: false }).waitFor();
  await other.close();
  page = before;
});

test('what the server was asked is in the ledger and in the audit log, and no secret', async () => {
  const ledger = await daemon.command(['ledger']);
  assert.match(ledger, /localhost.*on this device/);
  assert.match(ledger, /sign-in/);
  await page.goto('/audit');
  await page.getByText('signed in by an account elsewhere', { exact: true }).waitFor();
  assert.ok(![...daemon.log, ledger, await page.content()].some((text) => text.includes('with / odd') || text.includes('ada@there')));
});

test('whoever disconnects themselves signs in by it no more', async () => {
  await page.goto('/access');
  await page.getByRole('button', { name: 'Disconnect from localhost' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await page.getByRole('button', { name: 'Connect with localhost' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with localhost' }).click();
  await page.getByRole('alert').getByText('Nobody here is connected', { exact: false }).waitFor();
});

test('a server that is away says so, and the password still signs in', async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await page.goto('about:blank');
  await daemon.end();
  await daemon.start(undefined, `oidc_issuer = "${issuer}"\noidc_client_id = "pipit"\n`);
  await daemon.logs(/panel at/);
  await page.goto('/');
  await notes.expecting(503, async () => {
    await page.getByRole('button', { name: 'Sign in with localhost' }).click();
    await page.getByRole('alert').getByText('can\'t be asked: there is no connection', { exact: false }).waitFor();
  });
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await heading('Home').waitFor();
});

test('no page wrote an error, broke its policy, or asked anybody but the device and that server', () => {
  assert.deepEqual(notes.wrong.filter((wrong) => !wrong.includes(issuer)), []);
  assert.deepEqual(notes.elsewhere.filter((url) => !url.startsWith(issuer) && !FONTS.test(url)), []);
});
