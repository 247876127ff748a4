// Providers, personas, privacy, logs, and what else the owner looks into, against the real daemon and a language model that is not.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon, recording } from './daemon.mjs';

const PASSWORD = 'a wren sings in the hedge';
const KEY = 'sk-which-nobody-may-see';

let model, daemon, browser, context, page, notes;

/** A server that speaks as OpenAI's does, and remembers what it was asked. */
async function fakeModel() {
  const asked = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      if (request.url.endsWith('/models')) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ object: 'list', data: [{ id: 'fake-1', object: 'model' }] }));
        return;
      }
      asked.push(JSON.parse(Buffer.concat(parts).toString()));
      const chunk = (delta, finish_reason = null) =>
        `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
      response.setHeader('content-type', 'text/event-stream');
      response.end(`${chunk({ content: 'The wren is small.' })}${chunk({}, 'stop')}data: [DONE]\n\n`);
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { server, asked, url: `http://127.0.0.1:${server.address().port}/v1` };
}

const config = () =>
  `[audio]\nbackend = "null"\n[chat]\nprovider = "openai"\nname = "shed"\nbase_url = "${model.url}"\nmodel = "fake-1"\n` +
  '[[chat.fallback]]\nprovider = "openai"\nname = "cloud"\nbase_url = "https://models.example.org/v1"\nmodel = "large-2"\n';

before(async () => {
  model = await fakeModel();
  daemon = await Daemon.home();
  await daemon.start(`[audio]\nbackend = "wav"\ninput = "${recording('3-how-much-is-twelve-times-seven.wav')}"\n`);
  await daemon.logs(/turn=1/);
  await daemon.end('SIGTERM');
  await daemon.start(config());
  browser = await launch();
  context = await browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 900 } });
  const headers = { origin: daemon.url };
  await context.request.post('/api/claim/code', { headers });
  const [, code] = await daemon.logs(/enter the code (\d{6}) at the panel/);
  const claimed = await context.request.post('/api/claim', { headers, data: { code, name: 'Ada', password: PASSWORD } });
  assert.equal(claimed.status(), 201);
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
  model?.server.close();
});

const open = async (path, title) => {
  await page.goto(path);
  await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
};
const card = (name) => page.locator('section.card').filter({ has: page.getByRole('heading', { name, exact: true }) });

async function say(text) {
  await page.getByRole('textbox', { name: 'Write to Pipit' }).fill(text);
  await page.keyboard.press('Enter');
  await page.locator('.messages li.assistant').getByText('The wren is small.').last().waitFor();
}

test('whoever trusts nobody sees at once that nothing left the house, and who was asked', async () => {
  await open('/privacy', 'Privacy');
  await page.getByRole('heading', { name: /^Nothing left the house since / }).waitFor();
  await page.getByText('No server was asked.').waitFor();
  assert.match(await card('What is kept').innerText(), /Sound\s+never kept/);
  await open('/talk', 'Talk');
  await say('how small is a wren');
  await open('/privacy', 'Privacy');
  const hosts = card('Who was asked');
  await hosts.getByText('127.0.0.1').waitFor();
  assert.match(await hosts.innerText(), /on this device[\s\S]*\d+ requests?/);
  await hosts.getByRole('button', { name: 'Show requests to 127.0.0.1' }).click();
  await hosts.getByText(/Ada · answers · shed · [\d.]+ k?B out/).first().waitFor();
  assert.deepEqual(await violations(page), []);
  // How far anything may go is chosen here too.
  await page.getByRole('radio', { name: 'Stays on this device' }).click();
  await page.getByText('Pipit asks no other machine.').first().waitFor();
  await page.getByRole('radio', { name: 'May leave the house' }).click();
  await page.getByText('Servers on the internet that you have set up').first().waitFor();
});

test('a provider is tested, and shows how it did', async () => {
  await open('/providers', 'Providers');
  const chain = card('Who is asked');
  await chain.getByText('shed', { exact: true }).waitFor();
  assert.match(await chain.innerText(), /on this device[\s\S]*fake-1 · for answers[\s\S]*Answered .*, after \d+ ms/);
  await chain.getByRole('button', { name: 'Test shed' }).click();
  await chain.getByText(/It is well: .*\d+ ms/).waitFor();
  await chain.getByText(/Tested .*, after \d+ ms/).waitFor();
  await open('/privacy', 'Privacy');
  await page.getByText(/tests/).first().waitFor();
});

test('a key is kept and never shown, and goes nowhere else', async () => {
  await open('/providers', 'Providers');
  const settings = card('Language model');
  await settings.getByLabel('API key').fill(KEY);
  await settings.getByRole('button', { name: 'Save' }).click();
  await settings.getByText('1 setting is saved.').waitFor();
  await card('Keys and passwords').getByText('chat-key').waitFor();
  assert.equal((await page.content()).includes(KEY), false);
  const told = await context.request.get('/api/settings');
  assert.equal((await told.text()).includes(KEY), false);
  await settings.getByLabel('Base url').fill('https://other.example.org/v1');
  await notes.expecting(400, async () => {
    await settings.getByRole('button', { name: 'Save' }).click();
    await settings.getByRole('alert').getByText('give "chat-key" anew', { exact: false }).waitFor();
  });
  await settings.getByLabel('API key').fill(KEY);
  await settings.getByRole('button', { name: 'Save' }).click();
  await settings.getByText('2 settings are saved.').waitFor();
  // It is another provider now, which is asked only after the next start.
  const chain = card('Who is asked');
  await chain.getByText('Asked from the next start on').waitFor();
  await settings.getByRole('button', { name: 'Take back' }).last().waitFor();
  assert.deepEqual(await violations(page), []);
  const headers = { origin: daemon.url };
  const back = { changes: { 'chat.base_url': null, 'chat.api_key_secret': null } };
  assert.equal((await context.request.patch('/api/settings', { headers, data: back })).status(), 200);
  await page.getByRole('button', { name: 'Remove chat-key' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await card('Keys and passwords').getByText('None is kept.').waitFor();
});

test('the owner writes a persona, and it answers where it was chosen', async () => {
  await open('/personas', 'Personas');
  await page.getByRole('button', { name: 'New persona' }).click();
  await page.getByLabel('Name', { exact: true }).fill('pirate');
  await page.getByLabel('Title').fill('A pirate');
  await page.getByLabel('What the model is told').fill('You are a pirate, and say so.');
  assert.deepEqual(await violations(page), []);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('radio', { name: 'A pirate' }).waitFor();
  await open('/talk', 'Talk');
  await page.getByLabel('Answers as').selectOption('A pirate');
  const before = model.asked.length;
  await say('how large is a gull');
  assert.match(JSON.stringify(model.asked[before].messages[0]), /You are a pirate/);
  await page.waitForURL(/\/talk\/\d+$/);
  await page.reload();
  assert.equal(await page.getByLabel('Answers as').inputValue(), 'pirate');
  // For all others, the usual one.
  await open('/personas', 'Personas');
  await page.getByRole('radio', { name: 'A cook beside you' }).click();
  await page.locator('input[name=speaks]:checked').and(page.getByRole('radio', { name: 'A cook beside you' })).waitFor();
  await open('/talk', 'Talk');
  await page.getByLabel('Answers as').getByText('Usual: A cook beside you').waitFor({ state: 'attached' });
  const asked = model.asked.length;
  await say('how do I boil an egg well');
  assert.match(JSON.stringify(model.asked[asked].messages[0]), /patient cook/);
  await open('/personas', 'Personas');
  await page.getByRole('button', { name: 'Delete A pirate' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('radio', { name: 'A pirate' }).waitFor({ state: 'detached' });
});

test('the log is followed, searched and downloaded, and nobody’s words are in it', async () => {
  await open('/logs', 'Logs');
  const lines = page.getByRole('list', { name: 'Logs' });
  await lines.getByText('panel at http://').waitFor();
  await page.getByLabel('Find').fill('panel at');
  await page.getByText('1 line, the newest first').waitFor();
  await page.getByLabel('Find').fill('nothing says this');
  await page.getByText('No line has “nothing says this” in it.').waitFor();
  await page.getByLabel('Find').fill('');
  await lines.getByText('panel at http://').waitFor();
  // What comes while it is followed is there by itself.
  const headers = { origin: daemon.url };
  assert.equal((await context.request.post('/api/control', { headers, data: { tier: 'in the house' } })).status(), 204);
  await lines.getByText('servers are asked up to this tier: in the house').waitFor();
  assert.equal((await context.request.post('/api/control', { headers, data: { tier: 'leaves the house' } })).status(), 204);
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  const file = await (await downloading).createReadStream();
  let text = '';
  for await (const part of file) text += part;
  assert.match(text, /INFO pipit\S*: .*panel at http:/);
  for (const secret of [KEY, PASSWORD, 'how small is a wren', 'The wren is small']) assert.ok(!text.includes(secret), secret);
  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
  assert.match(await page.getByRole('main').innerText(), /persona pirate written[\s\S]*secret chat-key set/);
});

test('a request and its answer are deleted for good', async () => {
  const { conversations } = await (await context.request.get('/v1/conversations')).json();
  await open(`/talk/${conversations[0].id}`, 'Talk');
  await page.locator('.messages li.user').waitFor();
  await page.locator('.messages li.user').getByRole('button', { name: 'Delete this request' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.locator('.messages li.user').waitFor({ state: 'detached' });
  const left = await (await context.request.get(`/v1/conversations/${conversations[0].id}`)).json();
  assert.deepEqual(left.messages, []);
});

test('a turn is replayed with what was prepared for it and what ended it', async () => {
  await open('/timeline', 'Timeline');
  const turn = page.getByRole('article', { name: 'Turn 1' });
  await turn.getByRole('button', { name: 'Replay' }).click();
  await turn.getByText('The turn was decided').waitFor();
  await turn.getByText('The answer was audible').waitFor();
  assert.equal(await turn.locator('.reasons .chosen').count(), 1);
  await turn.getByRole('button', { name: 'Play', exact: true }).click();
  await turn.locator('.steps .later').first().waitFor();
  await turn.locator('.steps .later').first().waitFor({ state: 'detached' });
  assert.deepEqual(await violations(page), []);
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
