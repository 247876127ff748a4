// Models, voices, sound and the first steps in a browser, against the real daemon and a server that models are pulled from.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon, models as installed } from './daemon.mjs';

const NAME = 'Ada';
const PASSWORD = 'a wren sings in the hedge';
/** A recogniser that is here and that Pipit knows how to load. */
const OWN = readFileSync(fileURLToPath(new URL('../../../models/pipit-nano-en-q5_0.bin', import.meta.url)));

let daemon, server, browser, context, page, notes, folder, audio;

/** A server that is slow, until it is told to send everything. */
class Slow {
  static async start() {
    const slow = new Slow();
    slow.asked = [];
    slow.server = createServer((request, response) => slow.answer(request, response));
    await new Promise((listening) => slow.server.listen(0, '127.0.0.1', listening));
    slow.url = `http://127.0.0.1:${slow.server.address().port}`;
    return slow;
  }

  answer(request, response) {
    this.asked.push(request.headers.range ?? 'all of it');
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { 'content-length': OWN.length - from, etag: '"1"', 'accept-ranges': 'bytes' };
    if (from > 0) headers['content-range'] = `bytes ${from}-${OWN.length - 1}/${OWN.length}`;
    response.writeHead(from > 0 ? 206 : 200, headers);
    const rest = OWN.subarray(from);
    if (this.whole) return response.end(rest);
    // Half of it at once and then hardly anything, so that there is time to look at it.
    let sent = Math.floor(rest.length / 2);
    response.write(rest.subarray(0, sent));
    const drip = setInterval(() => response.write(rest.subarray(sent, (sent += 100))), 100);
    response.on('close', () => clearInterval(drip));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A tone of five minutes, 8 kHz, 16 bits. */
function tone() {
  const [rate, seconds] = [8000, 300];
  const data = Buffer.alloc(rate * seconds * 2);
  for (let n = 0; n < rate * seconds; n += 1) data.writeInt16LE(Math.round(6000 * Math.sin((n * 880 * Math.PI) / rate)), n * 2);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

const entry = (name, file) =>
  `[[model]]\nname = "${name}"\nengine = "whisper"\nlanguages = ["en"]\nlicence = "MIT"\nmemory_mb = 40\nquality = 5\n` +
  `about = "Ours."\n[[model.file]]\nname = "${file}"\nurl = "${server.url}/${file}"\nbytes = ${OWN.length}\n` +
  `sha256 = "${createHash('sha256').update(OWN).digest('hex')}"\n`;

before(async () => {
  server = await Slow.start();
  folder = mkdtempSync(join(tmpdir(), 'pipit-models-'));
  for (const name of ['models', 'stick', 'replies']) mkdirSync(join(folder, name));
  // What listening takes is borrowed from what is installed.
  for (const name of readdirSync(installed).filter((name) => name !== 'hashes.json' && name !== 'catalogue.toml')) {
    symlinkSync(join(installed, name), join(folder, 'models', name));
  }
  writeFileSync(join(folder, 'models/catalogue.toml'), entry('own-recogniser', 'own.bin'));
  writeFileSync(join(folder, 'tone.wav'), tone());
  daemon = await Daemon.home();
  daemon.models = join(folder, 'models');
  daemon.importing = `import_dir = "${join(folder, 'stick')}"\n`;
  audio = `[audio]\nbackend = "wav"\ninput = "${folder}/tone.wav"\noutput = "${folder}/replies"\n`;
  await daemon.start(audio);
  browser = await launch();
  context = await browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 800 } });
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });
const row = (name) =>
  page.getByRole('listitem').filter({ has: page.locator('strong', { hasText: new RegExp(`^\\s*${name}(\\s|$)`) }) });
const own = () => row('own-recogniser');
/** Asks as the page does, without it. */
const asked = (method, path, data) => context.request.fetch(path, { method, data, headers: { origin: daemon.url } });

async function restart() {
  const lost = /net::ERR_|Failed to fetch|502|503/;
  notes.expected.push(lost);
  await daemon.end('SIGTERM');
  await daemon.start(audio);
  await page.getByText('Pipit is back').waitFor();
  notes.expected = notes.expected.filter((pattern) => pattern !== lost);
}

test('whoever has claimed Pipit is led through the first steps', async () => {
  await page.goto('/');
  await daemon.claim(page, NAME, PASSWORD);
  await heading('Set up Pipit').waitFor();
  assert.equal(await page.getByLabel('Language').inputValue(), 'en');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Play a tone' }).waitFor();
});

test('the steps are left and come back to, until they are done', async () => {
  await page.goto('/');
  await page.getByRole('link', { name: 'Go on' }).click();
  await page.waitForURL('**/welcome/sound');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('heading', { name: 'What understands you' }).waitFor();
  await row('pipit-nano-en').getByText('at work').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('radio', { name: /^While its button is used/ }).click();
  await page.getByRole('radio', { name: /^While its button is used/, checked: true }).waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('No MQTT broker is set').waitFor();
  await page.getByRole('button', { name: 'Back' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await heading('Home').waitFor();
  await page.getByRole('switch', { name: 'Microphone' }).waitFor();
  await page.reload();
  await page.getByRole('switch', { name: 'Microphone' }).waitFor();
  assert.equal(await page.getByText('Setting up').count(), 0);
});

test('a download shows how far it is, is cancelled, and goes on from there', async () => {
  await page.goto('/models');
  await own().getByRole('button', { name: 'Download' }).click();
  await own().getByText(/^[2-6](\.\d)? MB of 6\.6 MB$/).waitFor();
  await own().getByRole('button', { name: 'Cancel Download of own-recogniser' }).click();
  await own().getByText('cancelled', { exact: true }).waitFor();
  await own().getByText('not all of it').waitFor();
  assert.deepEqual(server.asked, ['all of it']);
  server.whole = true;
  await own().getByRole('button', { name: 'Go on' }).click();
  await own().getByText('own-recogniser is installed.').waitFor();
  await own().getByText('installed', { exact: true }).waitFor();
  assert.equal(server.asked.length, 2);
  assert.match(server.asked[1], /^bytes=[1-9]\d+-/);
});

test('what is there is checked and measured', async () => {
  await own().getByRole('button', { name: 'Check' }).click();
  await own().getByText('own.bin: good.').waitFor();
  await own().getByRole('button', { name: 'Measure' }).click();
  await own().getByText(/ s for a second of speech, measured here/).waitFor();
  assert.deepEqual(await violations(page), []);
});

test('a recogniser that came since the start works from the next one on, and there is a way back', async () => {
  await own().getByRole('button', { name: 'Use' }).click();
  await own().getByText('It takes over when Pipit is started the next time.').waitFor();
  await restart();
  await own().getByText('at work').waitFor();
  assert.equal(await own().getByRole('button', { name: 'Delete' }).count(), 0);
  assert.equal((await asked('DELETE', '/api/models/own-recogniser')).status(), 409);
  await page.getByRole('button', { name: 'Go back to pipit-nano-en' }).click();
  await page.getByText('It is loaded, and takes over once it is ready.').waitFor();
  await page.getByRole('button', { name: 'Go back to own-recogniser' }).waitFor();
});

test('what is not at work is deleted, once somebody is sure', async () => {
  await page.reload();
  await own().getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await own().getByRole('button', { name: 'Download' }).waitFor();
  assert.ok(!existsSync(join(folder, 'models/own.bin')));
});

test('a file is sent from the browser and known by its content', async () => {
  const input = page.getByLabel('A model file from this computer');
  await input.setInputFiles({ name: 'holiday.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no model') });
  await notes.expecting(409, async () => {
    await page.getByRole('button', { name: 'Send it' }).click();
    await page.getByRole('alert').getByText('It is no file of the catalogue', { exact: false }).waitFor();
  });
  await input.setInputFiles({ name: 'whatever', mimeType: 'application/octet-stream', buffer: OWN });
  await page.getByRole('button', { name: 'Send it' }).click();
  await page.getByText('It is there.').waitFor();
  await own().getByText('installed', { exact: true }).waitFor();
  assert.deepEqual(readFileSync(join(folder, 'models/own.bin')), OWN);
  const left = readdirSync(join(folder, 'models')).filter((name) => name.includes('arriving'));
  assert.deepEqual(left, []);
});

test('what lies in the folder that the owner has named is imported', async () => {
  rmSync(join(folder, 'models/own.bin'));
  writeFileSync(join(folder, 'stick/renamed.dat'), OWN);
  await page.getByRole('button', { name: 'Import from there' }).click();
  await page.getByText(/^Taken: .*own\.bin\.$/).waitFor();
  await own().getByText('installed', { exact: true }).waitFor();
});

test('a voice is heard before it is chosen, and speaks as fast as is wanted', async () => {
  await page.goto('/voices');
  const british = row('en-gb');
  const answered = page.waitForResponse('**/api/voices/preview');
  await british.getByRole('button', { name: 'Listen to en-gb here' }).click();
  const response = await answered;
  assert.equal(response.headers()['content-type'], 'audio/wav');
  const length = (await response.body()).length;
  await british.getByText('It has spoken.').waitFor({ state: 'attached' });
  const slider = page.getByRole('slider', { name: 'Speed' });
  await slider.fill('2');
  await page.getByText('2.00×').waitFor();
  const again = page.waitForResponse('**/api/voices/preview');
  await british.getByRole('button', { name: 'Hear en-gb on the device' }).click();
  assert.equal((await again).status(), 204);
  const text = await page.getByLabel('What is said to try a voice').inputValue();
  const faster = await asked('POST', '/api/voices/preview', { voice: 'espeak-ng en-gb', text });
  const shorter = (await faster.body()).length;
  assert.ok(shorter < length * 0.65, `${shorter} of ${length} bytes`);
  await british.getByRole('button', { name: 'Choose en-gb' }).click();
  await british.getByText('speaks now').waitFor();
  await restart();
  await british.getByText('speaks now').waitFor();
  await page.getByText('2.00×').waitFor();
});

test('the microphone is tried: recorded, heard here and on the device, and forgotten', async () => {
  await page.goto('/audio');
  await page.getByText('Pipit listens to a recording').waitFor();
  await page.getByRole('button', { name: 'Record 5 seconds' }).click();
  await page.getByText(/^[1-5] of 5$/).waitFor();
  await page.getByRole('button', { name: 'Cancel Recording' }).click();
  await page.getByText('It was cancelled, and nothing is kept').waitFor();
  assert.equal((await asked('GET', '/api/audio/recording')).status(), 404);
  await page.getByRole('button', { name: 'Record 5 seconds' }).click();
  await page.getByText(/Recorded; the loudest of it was at -1[5-9] dB/).waitFor();
  const answered = page.waitForResponse('**/api/audio/recording');
  await page.getByRole('button', { name: 'Listen here' }).click();
  const wav = await (await answered).body();
  assert.equal(wav.length, 44 + 5 * 16_000 * 2);
  await page.getByRole('button', { name: 'Play on the device' }).click();
  await page.getByText('It was written into a file, where replies go.').waitFor();
  await page.getByRole('button', { name: 'Forget it' }).click();
  await page.getByRole('button', { name: 'Forget it' }).waitFor({ state: 'detached' });
  assert.equal((await asked('GET', '/api/audio/recording')).status(), 404);
});

test('the speaker is tried, and what can not be tried here is told', async () => {
  await page.getByRole('button', { name: 'Play a tone' }).click();
  await page.getByRole('listitem').filter({ hasText: 'Test tone' }).getByText('It was written into a file').waitFor();
  const replies = readdirSync(join(folder, 'replies')).filter((name) => name.endsWith('.wav'));
  assert.ok(replies.length > 0);
  await page.getByText('It can only be tried with a microphone and a speaker of this machine.').waitFor();
  assert.deepEqual(await violations(page), []);
});

test('what is muted is not recorded', async () => {
  assert.equal((await asked('POST', '/api/control', { mute: true })).status(), 204);
  await page.getByText('The microphone is switched off').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Record 5 seconds' }).isDisabled());
  assert.equal((await asked('POST', '/api/control', { mute: false })).status(), 204);
});

test('what is unfit is refused with a sentence', async () => {
  for (const [method, path, body, expected] of [
    ['POST', '/api/models/nobody/pull', undefined, 404],
    ['POST', '/api/models/..%2F..%2Fetc%2Fpasswd/verify', undefined, 404],
    ['DELETE', '/api/models/silero-vad-v6', undefined, 409],
    ['POST', '/api/models/whisper-tiny.en/use', undefined, 409],
    ['POST', '/api/models/kokoro-v1.0/use', undefined, 409],
    ['POST', '/api/voices/preview', { voice: 'espeak-ng en-gb', text: '...' }, 400],
    ['POST', '/api/voices/preview', { voice: 'espeak-ng en-gb', text: 'word '.repeat(100) }, 400],
    ['POST', '/api/voices/preview', { voice: 'nobody', text: 'Hello' }, 409],
    ['PUT', '/api/voices/speed', { speed: 9 }, 400],
    ['POST', '/api/audio/recording', { seconds: 3600 }, 400],
    ['POST', '/api/audio/recording', { seconds: 5, path: '/etc/passwd' }, 400],
    ['PUT', '/api/welcome', { step: 'elsewhere' }, 400],
  ]) {
    const answer = await asked(method, path, body);
    assert.equal(answer.status(), expected, `${method} ${path}`);
    assert.match((await answer.json()).error.message, /\.$/, `${method} ${path}`);
  }
  const echo = await (await asked('POST', '/api/audio/echo')).json();
  await page.reload();
  await page.getByText('There is no echo with the wav backend', { exact: false }).waitFor();
  assert.equal((await asked('DELETE', `/api/tasks/${echo.id}`)).status(), 204);
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
