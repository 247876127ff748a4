// Backups, the way back, the support bundle, versions and the APIs' own page, in a browser against the real daemon.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon } from './daemon.mjs';

const PASSWORD = 'a wren sings in the hedge';
const PASSPHRASE = 'four wet green herons';

let daemon, browser, context, page, notes, backup, failure;

before(async () => {
  daemon = await Daemon.home();
  failure = join(daemon.folder, 'failure');
  await daemon.start(undefined, `[update]\nfailure = "${failure}"\n`);
  await daemon.logs(/panel at/);
  browser = await launch();
  context = await browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 800 } });
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
  await page.goto('/');
  await daemon.claim(page, 'Ada', PASSWORD);
  await heading('Set up Pipit').waitFor();
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
});

const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });

async function remember(text) {
  await page.goto('/memory');
  await page.getByLabel('Remember that').fill(text);
  await page.getByRole('button', { name: 'Remember', exact: true }).click();
  await page.getByRole('button', { name: `Forget “${text}”` }).waitFor();
}

async function signIn() {
  await heading('Sign in').waitFor();
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('why the system took back an update is told in its words, whatever they are', async () => {
  await page.goto('/system');
  await page.getByText('What is installed is what runs.').waitFor();
  assert.equal(await page.locator('.caution').count(), 0);
  writeFileSync(failure, 'The update to version 2 was taken back:\n<b>it was not ready</b>.\n');
  await page.goto('/system');
  await page.getByText('The update to version 2 was taken back: <b>it was not ready</b>. That was ', { exact: false }).waitFor();
});

test('a backup is made under a passphrase and downloaded', async () => {
  await remember('the wren sings');
  await page.goto('/backup');
  await page.getByLabel('Passphrase', { exact: true }).fill('eleven char');
  await notes.expecting(400, async () => {
    await page.getByRole('button', { name: 'Make the backup' }).click();
    await page.getByRole('alert').getByText('at least 12 characters', { exact: false }).waitFor();
  });
  await page.getByRole('button', { name: 'Make one up' }).click();
  const invented = await page.locator('.made code').innerText();
  assert.match(invented, /^([a-z2-9]{5}-){4}[a-z2-9]{5}$/);
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Make the backup' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download it' }).click();
  const download = await downloading;
  assert.match(download.suggestedFilename(), /^pipit-\d{4}-\d\d-\d\d-\d{4}\.backup$/);
  backup = await download.path();
  const content = readFileSync(backup);
  assert.ok(content.subarray(0, 15).toString() === 'pipit backup 1\n' && !content.includes('wren'));
});

test('what is no backup, and a wrong passphrase, are told before anything changes', async () => {
  const other = join(daemon.folder, 'letter.txt');
  writeFileSync(other, 'Dear Ann, this is no backup of anything, but a letter.');
  await page.getByLabel('The file').setInputFiles(other);
  await page.getByRole('button', { name: 'Upload it' }).click();
  await page.locator('.card', { hasText: 'Restore a backup' }).getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Try it' }).click();
  await page.getByText('this is not a backup of Pipit', { exact: false }).waitFor();
  await page.getByRole('button', { name: 'Forget it' }).click();
  await page.getByLabel('The file').setInputFiles(backup);
  await page.getByRole('button', { name: 'Upload it' }).click();
  await page.locator('.card', { hasText: 'Restore a backup' }).getByLabel('Passphrase', { exact: true }).fill('four wet green heron');
  await page.getByRole('button', { name: 'Try it' }).click();
  await page.getByText('that is not the passphrase', { exact: false }).waitFor();
});

test('a backup is restored at the next start, once it was tried and confirmed', async () => {
  await remember('the bin is red');
  await page.goto('/backup');
  await page.locator('.card', { hasText: 'Restore a backup' }).getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Try it' }).click();
  await page.getByText('Pipit can go on with this backup').first().waitFor();
  await page.getByText('Ada', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Restore it' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restore at the next start' }).click();
  await page.getByText('takes the place of what is here at the next start').first().waitFor();
  assert.deepEqual(await violations(page), []);
  const lost = /net::ERR_|Failed to fetch|502|503|401/;
  notes.expected.push(lost);
  await daemon.end('SIGTERM');
  await daemon.start();
  await daemon.logs(/panel at/);
  await page.goto('/memory');
  await signIn();
  notes.expected = notes.expected.filter((pattern) => pattern !== lost);
  await page.getByRole('button', { name: 'Forget “the wren sings”' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Forget “the bin is red”' }).count(), 0);
  await page.goto('/backup');
  await page.getByText('Pipit goes on with the backup that was restored').waitFor();
  await page.getByRole('button', { name: 'Delete that for good' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete that for good' }).click();
  await page.getByRole('button', { name: 'Delete that for good' }).waitFor({ state: 'detached' });
});

test('a support bundle is seen before it is downloaded', async () => {
  await page.goto('/system');
  await page.getByText('What is installed is what runs.').waitFor();
  await page.getByRole('button', { name: 'Collect it' }).click();
  await page.getByRole('link', { name: 'Download it' }).waitFor();
  await page.locator('summary', { hasText: 'Version and board' }).click();
  const shown = await page.locator('pre', { hasText: 'board:' }).innerText();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download it' }).click();
  const text = readFileSync(await (await downloading).path(), 'utf8');
  assert.ok(text.includes(shown.trim()), text);
  assert.ok(!text.includes('wren') && !text.includes('Ada') && !text.includes(daemon.folder), text);
});

test('the APIs are described and can be tried, by the session or by a token', async () => {
  await page.goto('/docs');
  const group = (name) => page.locator('.settings > summary', { hasText: name }).first().click();
  const open = (method, path) => {
    const routes = page.locator('.route > summary').filter({ hasText: method });
    return routes.filter({ has: page.getByText(path, { exact: true }) }).click();
  };
  await group('Memory');
  await open('GET', '/v1/memory');
  const route = page.locator('.route[open]');
  await route.getByRole('button', { name: 'Send' }).click();
  await route.getByText('the wren sings').waitFor();
  // A token stands for itself, whoever is signed in.
  await page.getByLabel('API token').fill('pipit_wrong');
  await notes.expecting(401, async () => {
    await route.getByRole('button', { name: 'Send' }).click();
    await route.getByText('signed_out').waitFor();
  });
  await page.getByLabel('API token').fill('');
  await group('Timers');
  await open('POST', '/v1/timers');
  const timers = page.locator('.route[open]', { hasText: '/v1/timers' });
  await timers.getByRole('button', { name: 'Send' }).click();
  await timers.getByText('201', { exact: true }).last().waitFor();
  await timers.getByText('"name": "pasta"', { exact: false }).last().waitFor();
  await group('Chat');
  await open('POST', '/v1/chat');
  const chat = page.locator('.route[open]').filter({ has: page.getByText('/v1/chat', { exact: true }) });
  await chat.locator('textarea').fill('{"text": "what is twelve times seven"}');
  await chat.getByRole('button', { name: 'Send' }).click();
  await chat.locator('pre', { hasText: 'event: done' }).waitFor();
  assert.match(await chat.locator('pre').innerText(), /84/);
  assert.deepEqual(await violations(page), []);
});

test('whoever is not signed in may read the description, and try nothing', async () => {
  const other = await browser.newContext({ baseURL: daemon.url });
  const shown = notes.watch(await other.newPage());
  await shown.goto('/docs');
  await shown.getByText('Nobody is signed in').waitFor();
  await shown.locator('summary', { hasText: 'Memory' }).first().click();
  await shown.locator('.route > summary').filter({ hasText: 'GET' }).filter({ visible: true }).first().click();
  await shown.getByText('Sign in or give a token first.').waitFor();
  assert.equal(await shown.getByRole('button', { name: 'Send' }).isDisabled(), true);
  assert.deepEqual(await violations(shown), []);
  await other.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 768, 1280]) {
    test(`axe-core finds nothing in ${colorScheme} at ${width} px`, async () => {
      const storageState = await context.storageState();
      const other = await browser.newContext({ baseURL: daemon.url, colorScheme, viewport: { width, height: 800 }, storageState });
      const shown = notes.watch(await other.newPage());
      for (const [name, path] of [['Backup', '/backup'], ['Version and help', '/system'], ['APIs', '/docs']]) {
        await shown.goto(path);
        await shown.getByRole('heading', { level: 1, name, exact: true }).waitFor();
        await shown.locator('.loading').first().waitFor({ state: 'detached' });
        // Whatever can be unfolded.
        await shown.evaluate(() => document.querySelectorAll('main details').forEach((one) => (one.open = true)));
        if (path === '/docs') await shown.getByRole('button', { name: 'Send' }).first().waitFor();
        assert.deepEqual(await violations(shown), [], path);
        const wider = await shown.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${path} is ${wider} px too wide`);
        if (process.env.PICTURES) await shown.screenshot({ path: join(process.env.PICTURES, `${path.slice(1)}-${width}-${colorScheme}.png`), fullPage: true });
      }
      await other.close();
    });
  }
}

test('a configuration that can not be used is told of at home, until it can be', async () => {
  await page.goto('about:blank');
  await daemon.end('SIGTERM');
  daemon.environment = { PIPIT__STATE__DIR: join(daemon.folder, 'state') };
  await daemon.start('[audio]\nbackend = "loud"\n');
  await page.goto('/');
  const told = page.locator('.bad', { hasText: 'The last good configuration is in use' });
  await told.getByText('pipit.toml:2:', { exact: false }).waitFor();
  await page.goto('about:blank');
  await daemon.end('SIGTERM');
  await daemon.start();
  await page.goto('/');
  await page.getByText('This machine keeps up.').waitFor();
  assert.equal(await told.count(), 0);
});

test('a factory reset takes the password, and leaves a Pipit that belongs to nobody', async () => {
  await page.goto('/backup');
  const reset = page.locator('.card', { hasText: 'Factory reset' });
  const password = reset.getByLabel('Your password', { exact: true });
  await password.fill('not it at all');
  await notes.expecting(403, async () => {
    await reset.getByRole('button', { name: 'Erase everything' }).click();
    await reset.getByText('The password is wrong', { exact: false }).waitFor();
  });
  await password.fill(PASSWORD);
  await reset.getByRole('button', { name: 'Erase everything' }).click();
  await reset.getByText('At the next start all that Pipit knows is erased', { exact: false }).waitFor();
  assert.deepEqual(await violations(page), []);
  notes.expected.push(/net::ERR_|Failed to fetch|502|503|401/);
  await daemon.end('SIGTERM');
  await daemon.start();
  await daemon.logs(/everything that Pipit knows is erased/);
  await daemon.logs(/panel at/);
  await page.goto('/');
  await page.getByRole('button', { name: 'Say the code' }).waitFor();
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
