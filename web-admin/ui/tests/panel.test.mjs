// The panel in a browser against the real daemon, from the claim on. The steps are a story: each begins where the last one ended.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon, recording } from './daemon.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const NAME = 'Ada';
const PASSWORD = 'a wren sings in the hedge';
const PAGES = {
  Home: '/',
  Talk: '/talk',
  Live: '/live',
  Timeline: '/timeline',
  'Timers and alarms': '/timers',
  House: '/house',
  Voices: '/voices',
  Models: '/models',
  Audio: '/audio',
  'Set up Pipit': '/welcome',
  Privacy: '/privacy',
  Memory: '/memory',
  Personas: '/personas',
  Providers: '/providers',
  People: '/people',
  Access: '/access',
  Settings: '/settings',
  Logs: '/logs',
  Audit: '/audit',
  Backup: '/backup',
  'Version and help': '/system',
  APIs: '/docs',
};
const LARGEST_KB = 120;

let daemon, browser, context, page, notes;

before(async () => {
  daemon = await Daemon.home();
  // Somebody asks something before anybody opens the panel, so that there is a turn to look at.
  await daemon.start(`[audio]\nbackend = "wav"\ninput = "${recording('3-how-much-is-twelve-times-seven.wav')}"\n`);
  await daemon.logs(/turn=1/);
  await daemon.end('SIGTERM');
  await daemon.start();
  browser = await launch();
  context = await browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 800 } });
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
});

/** Waits until the daemon's state is so, as its events tell. */
function state(is) {
  return new Promise((so, failed) => {
    const request = get(`${daemon.url}/events`, (response) => {
      // That it is cut off is what is wanted.
      response.on('error', () => {});
      let rest = '';
      response.setEncoding('utf8').on('data', (part) => {
        const lines = (rest + part).split('\n');
        rest = lines.pop();
        const told = lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
        if (!told.some(is)) return;
        request.destroy();
        so();
      });
    });
    request.on('error', failed);
    const timer = setTimeout(() => request.destroy(new Error(`the state never fits ${is}`)), 20_000);
    request.on('close', () => clearTimeout(timer));
  });
}

const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });

/** A request by a program on this machine, with its headers and without a browser's ideas. */
function asked(path, headers = {}) {
  return new Promise((answer, failed) => {
    get(`${daemon.url}${path}`, { headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => answer({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    }).on('error', failed);
  });
}

test('all that is loaded is small', () => {
  const packed = readdirSync(DIST, { recursive: true }).filter((name) => name.endsWith('.gz'));
  const bytes = packed.reduce((sum, name) => sum + statSync(join(DIST, name)).size, 0);
  assert.ok(packed.length >= 3, `${packed}`);
  assert.ok(bytes < LARGEST_KB * 1000, `${bytes} bytes`);
});

test('files are served as they were packed, and what never changes is kept', async () => {
  const index = await asked('/');
  assert.equal(index.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(index.headers['cache-control'], 'no-cache');
  const [script] = /\/assets\/[\w-]+\.js/.exec(index.body.toString());
  const whole = await asked(script);
  assert.match(whole.headers['cache-control'], /immutable/);
  assert.equal(whole.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal(whole.headers['content-encoding'], undefined);
  const packed = await asked(script, { 'accept-encoding': 'gzip, br' });
  assert.equal(packed.headers['content-encoding'], 'br');
  assert.equal(packed.headers.vary, 'accept-encoding');
  assert.ok(packed.body.length < whole.body.length / 2);
  assert.notEqual(packed.headers.etag, whole.headers.etag);
  const known = await asked(script, { 'if-none-match': whole.headers.etag });
  assert.deepEqual([known.status, known.body.length], [304, 0]);
});

test('addresses of pages give the panel, and others do not', async () => {
  for (const path of [...Object.values(PAGES), '/talk/7']) {
    const { status, headers } = await asked(path);
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'], path);
  }
  for (const path of ['/api/nothing', '/v1/nothing', '/nothing', '/assets/nothing.js', '/talk/../../x', '/index.html.br']) {
    const { status, headers } = await asked(path);
    assert.equal(status, 404, path);
    assert.match(headers['content-type'], /json/, path);
  }
});

test('whoever hears the code claims Pipit', async () => {
  await page.goto('/timeline');
  await heading('Welcome to Pipit').waitFor();
  assert.deepEqual(await violations(page), []);
  const before = daemon.log.length;
  await page.getByRole('button', { name: 'Say the code' }).click();
  const [, code] = await daemon.logs(/enter the code (\d{6}) at the panel/, before);
  await page.getByText('Pipit says a new code now').waitFor();
  await page.getByLabel('Code').fill(code === '000000' ? '000001' : '000000');
  await page.getByLabel('Your name').fill(NAME);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await notes.expecting(403, async () => {
    await page.getByRole('button', { name: 'Claim Pipit' }).click();
    await page.getByRole('alert').getByText('that is not the code', { exact: false }).waitFor();
  });
  await page.getByLabel('Code').fill(code);
  await page.getByRole('button', { name: 'Claim Pipit' }).click();
  // The page that was asked for.
  await heading('Timeline').waitFor();
});

test('who signs out has to sign in again', async () => {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await heading('Sign in').waitFor();
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password', { exact: true }).fill('something else');
  await notes.expecting(401, async () => {
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  });
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await heading('Timeline').waitFor();
});

test('the timeline shows what was said aloud', async () => {
  const turn = page.getByRole('article', { name: 'Turn 1' });
  await turn.getByRole('heading', { name: /^\d+ ms to first audio$/ }).waitFor();
  for (const stage of ['Pause noticed', 'Transcript', 'Reply text', 'Turn decided', 'First clause', 'First audio']) {
    assert.match(await turn.getByRole('listitem').filter({ hasText: stage }).innerText(), /\d ms/, stage);
  }
  // The announcement of the code is told as well, and nobody asked for it.
  const told = JSON.parse((await asked('/turns?limit=10')).body).find(({ turn, ended_by }) => turn === 1 && ended_by);
  const figures = page.getByRole('row', { name: /first audio/ }).getByRole('cell');
  assert.deepEqual(new Set(await figures.allInnerTexts()), new Set([`${Math.round(told.timings_ms.first_audio)} ms`]));
});

test('the switch mutes the microphone, and the slider changes the volume', async () => {
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  await heading('Home').waitFor();
  const microphone = page.getByRole('switch', { name: 'Microphone' });
  assert.equal(await microphone.getAttribute('aria-checked'), 'true');
  await microphone.click();
  await state((state) => state.muted);
  await page.getByRole('main').getByText('Microphone off').waitFor();
  await microphone.press('Space');
  await state((state) => !state.muted);
  const volume = page.getByRole('slider', { name: 'Volume' });
  await volume.fill('30');
  await state((state) => state.volume === 30);
  await page.getByText('30 %').waitFor();
  await volume.press('ArrowRight');
  await state((state) => state.volume === 31);
});

test('what is written is answered on the device', async () => {
  await page.getByRole('link', { name: 'Talk', exact: true }).click();
  const box = page.getByRole('textbox', { name: 'Write to Pipit' });
  await box.fill('what is twelve times seven');
  await box.press('Enter');
  const thread = page.locator('.thread');
  await thread.getByText(/\b84\b/).waitFor();
  await page.waitForURL(/\/talk\/\d+$/);
  // It is kept, and may be asked anew.
  await thread.getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('textbox', { name: 'Edit your request' }).fill('what is twelve times eight');
  await page.keyboard.press('Enter');
  await thread.getByText(/\b96\b/).waitFor();
  await thread.getByText(/\b84\b/).waitFor({ state: 'detached' });
  await thread.getByRole('button', { name: 'Answer again' }).click();
  await thread.getByRole('button', { name: 'Answer again' }).waitFor();
  assert.equal(await thread.getByText(/\b96\b/).count(), 1);
  await thread.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('Sums');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sums' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('eight');
  await page.locator('.passages').getByText('twelve times eight').waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('');
  await page.getByRole('link', { name: /^Sums/ }).waitFor();
});

test('a conversation is deleted for good, once that is confirmed', async () => {
  await page.getByRole('link', { name: 'New conversation' }).click();
  const box = page.getByRole('textbox', { name: 'Write to Pipit' });
  await box.fill('what is two times two');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.thread').getByText(/\b4\b/).waitFor();
  await page.waitForURL(/\/talk\/\d+$/);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.waitForURL(/\/talk$/);
  await page.locator('.list').getByText('two times two').waitFor({ state: 'detached' });
});

test('timers are set and cancelled, and things remembered and forgotten', async () => {
  await page.goto('/timers');
  for (const name of ['pasta', 'tea']) {
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('button', { name: `Cancel ${name}` }).waitFor();
  }
  await page.getByRole('button', { name: 'Cancel tea' }).click();
  await page.getByRole('button', { name: 'Cancel tea' }).waitFor({ state: 'detached' });
  await page.goto('/memory');
  for (const text of ['I park on level two', 'the key is under the mat']) {
    await page.getByLabel('Remember that').fill(text);
    await page.getByRole('button', { name: 'Remember', exact: true }).click();
    await page.getByRole('button', { name: `Forget “${text}”` }).waitFor();
  }
  await page.getByRole('button', { name: /^Forget “the key/ }).click();
  await page.getByRole('button', { name: /^Forget “the key/ }).waitFor({ state: 'detached' });
});

test('a token is made, works, and works no more once it is revoked', async () => {
  await page.goto('/access');
  await page.getByLabel('What it is for').fill('a test');
  await page.getByRole('button', { name: 'Make a token' }).click();
  const token = await page.locator('.made code').innerText();
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await asked('/api/state', headers)).status, 200);
  await page.getByRole('button', { name: 'Revoke a test' }).click();
  await page.getByRole('button', { name: 'Revoke a test' }).waitFor({ state: 'detached' });
  assert.equal((await asked('/api/state', headers)).status, 401);
  await page.goto('/audit');
  await page.getByText('claimed', { exact: true }).waitFor();
});

test('a setting is found, set, and holds after the next start', async () => {
  await page.goto('/settings');
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('taken for a pause');
  const pause = page.getByRole('spinbutton', { name: 'Pause (milliseconds)' });
  assert.equal(await pause.inputValue(), '200');
  // What can't be is refused as a whole, in words.
  await pause.fill('5');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.equal(await pause.evaluate((field) => field.validity.rangeUnderflow), true);
  await pause.fill('250');
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('voice activity');
  await page.getByRole('spinbutton', { name: 'Silence threshold' }).fill('0.9');
  await notes.expecting(400, async () => {
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('silence_threshold (0.9) must be less than').waitFor();
  });
  await page.getByRole('spinbutton', { name: 'Silence threshold' }).fill('0.35');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('1 setting is saved.').waitFor();
  await page.getByText('What was set holds from the next start on.').waitFor();
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('taken for a pause');
  await page.getByText('Set here. Without it: 200.').waitFor();
  // What decides which files of the machine are read is not the panel's.
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('models.runtime');
  await page.getByText('models.runtime is set in the configuration file alone.').waitFor();
  await page.goto('about:blank');
  await daemon.end('SIGTERM');
  await daemon.start();
  await page.goto('/settings');
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('taken for a pause');
  await pause.waitFor();
  assert.equal(await pause.inputValue(), '250');
  assert.equal(await page.getByText('What was set holds from the next start on.').count(), 0);
  await page.getByRole('button', { name: 'Take back' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('1 setting is saved.').waitFor();
  assert.equal(await pause.inputValue(), '200');
});

test('what holds several entries is filled in, and sends a key only where it was given for', async () => {
  const kept = async () => {
    const text = await (await context.request.get('/api/settings')).text();
    assert.ok(!text.includes('tr0ub4dor'), 'the key is told nobody');
    return JSON.parse(text).settings.find(({ name }) => name === 'chat.mcp');
  };
  const save = page.getByRole('button', { name: 'Save' });
  await page.goto('/settings');
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('chat.mcp');
  const servers = page.getByRole('group', { name: 'Mcp', exact: true });
  await servers.getByRole('button', { name: 'Add an entry' }).click();
  const entry = servers.getByRole('group').first();
  await entry.getByLabel('Name', { exact: true }).fill('search');
  await entry.getByLabel('Url', { exact: true }).fill('http://127.0.0.1:9/mcp');
  await entry.getByLabel('Tools', { exact: true }).fill('find');
  await entry.getByLabel('API key', { exact: true }).fill('tr0ub4dor');
  assert.equal(await entry.getByLabel(/Api key (env|file)/).count(), 0, 'those are for the file');
  assert.deepEqual(await violations(page), []);
  await save.click();
  await page.getByText('1 setting is saved.').waitFor();
  const { value, source } = await kept();
  assert.deepEqual([source, value.map(({ name, url, api_key_secret }) => [name, url, api_key_secret])], [
    'panel',
    [['search', 'http://127.0.0.1:9/mcp', 'mcp-search-key']],
  ]);
  await entry.getByLabel('Url', { exact: true }).fill('http://127.0.0.1:10/mcp');
  await notes.expecting(400, async () => {
    await save.click();
    await page.getByRole('alert').getByText('give "mcp-search-key" anew', { exact: false }).waitFor();
  });
  await page.getByRole('button', { name: 'Discard' }).click();
  await servers.getByRole('button', { name: 'Remove entry 1' }).click();
  await save.click();
  await page.getByText('1 setting is saved.').waitFor();
  assert.deepEqual((await kept()).value, []);
  await page.getByRole('button', { name: 'Take back' }).click();
  await save.click();
  await page.getByText('As Pipit comes.').first().waitFor();
  assert.equal((await kept()).source, 'default');
});

test('everything is reached by the keyboard', async () => {
  await page.goto('/');
  // It is there once the state has been told.
  await page.getByRole('switch', { name: 'Microphone' }).waitFor();
  await page.keyboard.press('Tab');
  assert.match(await page.evaluate(() => document.activeElement.outerHTML), /Skip to the page/);
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'switch');
  // Going elsewhere takes the focus along.
  await page.getByRole('link', { name: 'Live', exact: true }).press('Enter');
  await heading('Live').waitFor();
  await page.locator('h1:focus').waitFor();
});

test('who it is shown to may choose dark or light, and finds it again', async () => {
  await page.getByRole('radio', { name: 'Dark' }).check({ force: true });
  await page.reload();
  await heading('Live').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.getByRole('radio', { name: 'System' }).check({ force: true });
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 768, 1280]) {
    test(`axe-core finds nothing in ${colorScheme} at ${width} px`, async () => {
      const storageState = await context.storageState();
      const viewport = { width, height: 800 };
      const other = await browser.newContext({ baseURL: daemon.url, colorScheme, viewport, storageState });
      const shown = notes.watch(await other.newPage());
      const [conversation] = await (await other.request.get('/v1/conversations')).json().then((all) => all.conversations);
      for (const [name, path] of [...Object.entries(PAGES), ['Talk', `/talk/${conversation.id}`]]) {
        await shown.goto(path);
        await shown.getByRole('heading', { level: 1, name, exact: true }).waitFor();
        await shown.locator('.loading').first().waitFor({ state: 'detached' });
        await shown.evaluate(() => document.querySelectorAll('main details').forEach((details) => (details.open = true)));
        assert.deepEqual(await violations(shown), [], path);
        const wider = await shown.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${path} is ${wider} px too wide`);
      }
      if (width < 960) {
        await shown.getByRole('button', { name: 'More' }).click();
        await shown.getByRole('button', { name: 'Sign out' }).waitFor();
        assert.deepEqual(await violations(shown), [], 'More');
      }
      await other.close();
    });
  }
}

test('a daemon that dies is missed, and is there again by itself', async () => {
  await page.goto('/');
  await heading('Home').waitFor();
  const lost = /net::ERR_|Failed to fetch|502|503/;
  notes.expected.push(lost);
  await daemon.end();
  const banner = page.getByText('Pipit does not answer. It may be starting again.');
  await banner.waitFor();
  await page.getByText('Not reachable').first().waitFor();
  assert.deepEqual(await violations(page), []);
  await daemon.start();
  await page.getByText('Pipit is back').waitFor();
  notes.expected = notes.expected.filter((pattern) => pattern !== lost);
  await banner.waitFor({ state: 'detached' });
  await page.getByRole('switch', { name: 'Microphone' }).click();
  await state((state) => state.muted);
  await page.getByRole('main').getByText('Microphone off').waitFor();
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
