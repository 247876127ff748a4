// Speaking with Pipit in a browser: a recording is what Chromium's microphone hears, and what the page plays is looked at.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon } from './daemon.mjs';
import { answered, button, hearing, remember, speak } from './microphone.mjs';

const PASSWORD = 'a wren sings in the hedge';

let daemon, browser, context, page, notes;

async function opened(with_browser, options = {}) {
  const other = await with_browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 800 }, ...options });
  await other.addInitScript(remember);
  return other;
}

before(async () => {
  daemon = await Daemon.home();
  await daemon.start();
  browser = await hearing('3-how-much-is-twelve-times-seven.wav');
  context = await opened(browser);
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
  await page.goto('/talk');
  await daemon.claim(page, 'Ada', PASSWORD);
  await page.getByRole('heading', { level: 1, name: 'Talk' }).waitFor();
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
});

test('the microphone is asked for when the button is pressed, and not before', async () => {
  assert.deepEqual(await page.evaluate(() => [window.asked.length, window.sockets.length]), [0, 0]);
  assert.deepEqual(await violations(page), []);
});

test('what is said in the tab is understood, answered and heard there', async () => {
  await speak(page, /84/);
  // It is kept as any other exchange, and the page goes to where it stands.
  await page.waitForURL(/\/talk\/\d+$/);
  await answered(page, /\b84\b/).waitFor();
  await page.locator('.messages li.user').filter({ hasText: /twelve times seven/ }).waitFor();
  const { asked, frames, played } = await page.evaluate(() => ({ asked, frames, played }));
  assert.equal(asked[0].audio.echoCancellation, true);
  assert.ok(frames.length > 50 && frames.every(({ bytes }) => bytes === 640), `${frames.length} frames of 20 ms`);
  assert.ok(played.length > 0, 'something was played');
  for (const { energy, seconds } of played) assert.ok(energy > 1e-5 && seconds > 0.2, JSON.stringify(played));
  for (const [n, { when }] of played.entries()) {
    const before = played[n - 1];
    if (before) assert.ok(when >= before.when + before.seconds - 1e-6, 'no clause begins before the one before it ends');
  }
  // The device itself stays out of it.
  assert.equal(daemon.log.some((line) => /turn=/.test(line)), false);
  assert.deepEqual(await violations(page), []);
});

test('after a while the microphone is given back', async () => {
  await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'), null, { timeout: 40_000 });
  assert.equal(await page.evaluate(() => window.sockets.every((socket) => socket.readyState >= WebSocket.CLOSING)), true);
});

test('what has been said so far is shown while more is being said', async () => {
  // As the daemon tells it where the recogniser is ahead of who speaks.
  const tell = (told) =>
    page.evaluate(
      (data) => window.sockets.at(-1).dispatchEvent(new MessageEvent('message', { data })),
      JSON.stringify(told),
    );
  const unfinished = page.locator('.messages .user .unfinished');
  await page.goto('/talk');
  await button(page).hover();
  await page.mouse.down();
  await page.getByText('Listening …').waitFor();
  await tell({ type: 'hearing', text: 'how much is' });
  await unfinished.filter({ hasText: /^how much is$/ }).waitFor();
  assert.equal(await page.locator('.messages .assistant').count(), 0, 'nothing is being answered yet');
  assert.deepEqual(await violations(page), []);
  await page.locator('.messages .assistant').filter({ hasText: /84/ }).first().waitFor();
  await page.mouse.up();
  assert.equal(await unfinished.count(), 0, 'what was understood is there in its place');
  await page.waitForURL(/\/talk\/\d+$/);
  // What came to nothing goes.
  await tell({ type: 'hearing', text: 'how much' });
  await unfinished.waitFor();
  await tell({ type: 'phase', phase: 'idle' });
  await unfinished.waitFor({ state: 'detached' });
});

test('the keyboard does as well, and a tap begins what another ends', async () => {
  for (const way of ['Space', 'Enter', 'tap', 'click']) {
    await page.goto('/talk');
    await button(page).waitFor();
    if (way === 'tap') await button(page).click();
    // As assistive technology does it, without pointer or key.
    else if (way === 'click') await button(page).evaluate((element) => element.click());
    else {
      await button(page).focus();
      await page.keyboard.down(way);
    }
    await page.getByText('Listening …').waitFor();
    await page.locator('.messages .assistant').filter({ hasText: /84/ }).first().waitFor();
    if (way === 'Space' || way === 'Enter') await page.keyboard.up(way);
    await page.locator('.push[aria-pressed=false]').waitFor();
  }
});

test('a tab that is signed out speaks no more', async () => {
  await page.goto('/talk');
  await button(page).click();
  await page.getByText('Listening …').waitFor();
  const out = await context.request.delete('/api/session', { headers: { origin: daemon.url } });
  assert.equal(out.status(), 204);
  await page.waitForFunction(() => window.sockets.every((socket) => socket.readyState === WebSocket.CLOSED));
  await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
  await notes.expecting(401, async () => {
    await page.goto('/talk');
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  });
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Talk' }).waitFor();
});

test('a restart while somebody speaks is told, and one can speak again', async () => {
  await page.goto('/talk');
  await button(page).click();
  await page.getByText('Listening …').waitFor();
  const lost = /net::ERR_|Failed to fetch|502|503/;
  notes.expected.push(lost);
  await daemon.end('SIGTERM');
  await page.getByRole('alert').getByText('Pipit is ending; connect again soon.').waitFor();
  assert.equal(await page.evaluate(() => window.tracks.every((track) => track.readyState === 'ended')), true);
  await daemon.start();
  await page.getByText('Pipit is back').waitFor();
  notes.expected = notes.expected.filter((pattern) => pattern !== lost);
  await speak(page, /84/);
});

test('who refuses the microphone, or has none, is told what to do', async () => {
  const without = await launch();
  const storageState = await context.storageState();
  const other = await opened(without, { storageState });
  const shown = notes.watch(await other.newPage());
  await shown.goto('/talk');
  await button(shown).click();
  await shown.getByRole('alert').getByText(/press again\.$/).waitFor();
  assert.equal(await button(shown).getAttribute('aria-pressed'), 'false');
  await without.close();
});

test('where a page is not loaded safely it says how it would be', async () => {
  const mapped = await hearing('1-what-time-is-it.wav', ['--host-resolver-rules=MAP pipit.local 127.0.0.1']);
  const url = daemon.url.replace('127.0.0.1', 'pipit.local');
  const other = await opened(mapped, { baseURL: url });
  const noted = new Notes(new URL(url).host);
  const shown = noted.watch(await other.newPage());
  await shown.goto('/talk');
  await shown.getByLabel('Name').fill('Ada');
  await shown.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await shown.keyboard.press('Enter');
  await shown.getByText(/^Browsers give no microphone to pages that are loaded without encryption/).waitFor();
  assert.equal(await button(shown).getAttribute('aria-disabled'), 'true');
  await button(shown).click({ force: true });
  assert.equal(await shown.evaluate(() => window.asked.length), 0);
  assert.deepEqual(await violations(shown), []);
  await mapped.close();
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
