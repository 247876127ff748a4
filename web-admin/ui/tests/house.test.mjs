// The house in the panel: a real broker, a lamp that makes itself known over it, and what becomes of both.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon } from './daemon.mjs';

const LAMP = { name: 'Reading lamp', unique_id: 'lamp', command_topic: 'lamp/set', state_topic: 'lamp/state' };

let daemon, broker, port, browser, context, page, notes;

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Publishes messages that the broker keeps, by MQTT 3.1.1 without acknowledgements. */
function publish(messages) {
  const text = (text) => Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
  const packet = (kind, ...parts) => {
    const body = Buffer.concat(parts);
    const length = [];
    for (let left = body.length; length.length === 0 || left > 0; left >>= 7) length.push((left & 127) | (left > 127 ? 128 : 0));
    return Buffer.concat([Buffer.from([kind, ...length]), body]);
  };
  return new Promise((done, failed) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 60]), text('test'))),
    );
    socket.on('error', failed);
    // It is let in.
    socket.once('data', () => {
      for (const [topic, payload] of messages) socket.write(packet(0x31, text(topic), Buffer.from(payload)));
      socket.end(packet(0xe0), done);
    });
  });
}

before(async () => {
  daemon = await Daemon.home();
  port = await freePort();
  const config = join(daemon.folder, 'mosquitto.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`);
  const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(existsSync) ?? 'mosquitto';
  broker = spawn(program, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((runs) => broker.stderr.on('data', (part) => /running/.test(part) && runs()));
  await publish([
    ['homeassistant/light/lamp/config', JSON.stringify(LAMP)],
    ['homeassistant/light/broken/config', '{'],
    ['lamp/state', 'OFF'],
  ]);
  await daemon.start(`[audio]\nbackend = "null"\n[mqtt]\nhost = "127.0.0.1"\nport = ${port}\n`);
  browser = await launch();
  context = await browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 900 } });
  const headers = { origin: daemon.url };
  await context.request.post('/api/claim/code', { headers });
  const [, code] = await daemon.logs(/enter the code (\d{6}) at the panel/);
  const data = { code, name: 'Ada', password: 'a wren sings in the hedge' };
  assert.equal((await context.request.post('/api/claim', { headers, data })).status(), 201);
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
  broker?.kill();
});

const open = async () => {
  await page.goto('/house');
  await page.getByRole('heading', { level: 1, name: 'House' }).waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
};

/** What the API tells of the house, once it is so. */
async function house(is) {
  for (;;) {
    const told = await (await context.request.get('/api/house')).json();
    if (is(told)) return told;
  }
}

test('the broker, the devices found there and what was ignored are shown', async () => {
  await house((told) => told.link === 'connected' && told.devices === 1 && told.away === 0 && told.ignored.length > 0);
  await open();
  await page.getByText('The MQTT broker is connected.').waitFor();
  await page.getByText('1 device is known, found under homeassistant/').waitFor();
  await page.getByText('Nothing was commanded since the start.').waitFor();
  await page.getByText('Reading lamp', { exact: true }).waitFor();
  await page.getByText('What was ignored').click();
  await page.getByText('homeassistant/light/broken/config', { exact: false }).waitFor();
  assert.deepEqual(await violations(page), []);
});

test('what was commanded last is shown', async () => {
  const data = { text: 'turn on the reading lamp' };
  const said = await context.request.post('/v1/chat', { headers: { origin: daemon.url }, data });
  assert.match(await said.text(), /event: done/);
  await open();
  await page.getByText('turn on: Reading lamp', { exact: false }).waitFor();
});

test('a broker that is gone is missed', async () => {
  broker.kill();
  await house((told) => told.link === 'failed');
  await open();
  await page.getByText('The MQTT broker can’t be reached, and is tried again.', { exact: false }).waitFor();
  assert.deepEqual([notes.wrong, notes.elsewhere], [[], []]);
});
