// Takes the pictures of docs/panel/: `npm run screenshots`, after `make ui` and a debug build of Pipit. What they show is real: a daemon
// that has heard recordings, and what it answered.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import { launch } from './browser.mjs';
import { Daemon, recording } from './daemon.mjs';

const OUT = fileURLToPath(new URL('../../../docs/panel', import.meta.url));
const PAGES = [
  ...['talk', 'live', 'timeline', 'timers', 'house', 'privacy', 'voices', 'models', 'audio', 'welcome', 'memory'],
  ...['personas', 'providers', 'people', 'access', 'settings', 'backup', 'logs', 'audit', 'system', 'docs'],
];
const HEARD = ['1-what-time-is-it.wav', '3-how-much-is-twelve-times-seven.wav', '4-set-a-pasta-timer-for-eight-minutes.wav'];
const ASKED = ['what is twelve times seven', 'how many cups are in two litres', 'remember that I park on level two'];

const daemon = await Daemon.home();
const browser = await launch();
try {
  for (const name of HEARD) {
    await daemon.start(`[audio]\nbackend = "wav"\ninput = "${recording(name)}"\n`);
    await daemon.logs(/turn=1/);
    await daemon.end('SIGTERM');
  }
  // As the service has it, so that the page of versions offers an update.
  daemon.environment = { RUNTIME_DIRECTORY: daemon.folder };
  await daemon.start(undefined, '[update]\nfeed = "https://updates.example.org/pipit"\nkey = "the public key"\n');
  const phone = { baseURL: daemon.url, viewport: { width: 390, height: 844 }, colorScheme: 'light' };
  const context = await browser.newContext(phone);
  const page = await context.newPage();
  const shoot = async (name) => {
    await page.locator('.loading').first().waitFor({ state: 'detached' });
    await page.screenshot({ path: join(OUT, `${name}.png`) });
  };

  await page.goto('/');
  await page.getByRole('button', { name: 'Say the code' }).click();
  const [, code] = await daemon.logs(/enter the code (\d{6}) at the panel/);
  await page.getByText('Pipit says a new code now').waitFor();
  await page.getByLabel('Your name').fill('Ada');
  await shoot('claim-phone-light');
  await page.getByLabel('Code').fill(code);
  await page.getByLabel('Password', { exact: true }).fill('a wren sings in the hedge');
  await page.getByRole('button', { name: 'Claim Pipit' }).click();
  await page.getByRole('heading', { level: 1, name: 'Set up Pipit' }).waitFor();
  await page.goto('/talk');
  for (const [n, text] of ASKED.entries()) {
    await page.getByRole('textbox', { name: 'Write to Pipit' }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.messages li.assistant').nth(n).waitFor();
  }
  const conversation = new URL(page.url()).pathname;

  const shown = [['home', '/'], ...PAGES.map((name) => [name, `/${name}`]), ['conversation', conversation]];
  for (const [name, path] of shown) {
    await page.goto(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    if (name === 'live') await page.getByText(/dB/).first().waitFor();
    await shoot(`${name}-phone-light`);
  }
  // What lies further down on a page.
  const card = async (name, path, find) => {
    await page.goto(path);
    const shown = await find();
    await page.locator('.loading').first().waitFor({ state: 'detached' });
    await shown.scrollIntoViewIfNeeded();
    await shown.screenshot({ path: join(OUT, `${name}-phone-light.png`) });
  };
  await card('face', '/', async () => {
    const face = page.locator('.card', { has: page.getByRole('heading', { name: 'Face', exact: true }) });
    await face.locator('img.face').evaluate((image) => image.decode());
    return face;
  });
  await card('reset', '/backup', async () => page.locator('.card', { hasText: 'Factory reset' }));
  await page.goto('/settings');
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('chat.mcp');
  const servers = page.getByRole('group', { name: 'Mcp', exact: true });
  await servers.getByRole('button', { name: 'Add an entry' }).click();
  const entry = servers.getByRole('group').first();
  await entry.getByLabel('Name', { exact: true }).fill('search');
  await entry.getByLabel('Url', { exact: true }).fill('http://192.168.1.20:8000/mcp');
  await servers.evaluate((group) => group.scrollIntoView());
  await shoot('table-phone-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const [name, path] of shown.filter(([name]) => ['home', 'timeline', 'conversation'].includes(name))) {
    await page.goto(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await shoot(`${name}-desktop-dark`);
  }
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  await page.setViewportSize(phone.viewport);
  await shoot('sign-in-phone-dark');
} finally {
  await browser.close();
  await daemon.gone();
}
