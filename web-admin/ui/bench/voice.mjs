// How much later somebody is answered who speaks in a browser than who speaks to the device itself: `make bench-panel`.
//
// One daemon. Its own microphone is a recording with the same request every twenty seconds; in between, a page hears that recording by
// Chromium's microphone and plays the answer. Both are measured from the last 10 ms of the request that are louder than 35 dB below its
// loudest: of the device to the event that it speaks, and in the tab from when Chromium gives the page that sound to when what is
// played first is due. What speakers and microphones take is in neither.
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';

import { launch } from '../tests/browser.mjs';
import { Daemon, recording } from '../tests/daemon.mjs';

const TURNS = Number(process.argv[2] ?? 12);
const CLIP = '3-how-much-is-twelve-times-seven.wav';
const FIRST_S = 14;
const APART_S = 20;
const LOUD = 10 ** (-35 / 20);

const wav = readFileSync(recording(CLIP));
const data = wav.indexOf('data', 12, 'latin1') + 8;
const [rate, sound] = [wav.readUInt32LE(24), wav.subarray(data)];
const samples = new Int16Array(sound.buffer.slice(sound.byteOffset, sound.byteOffset + sound.length));

/** Where the last loud 10 ms end, in seconds. */
function endOfSpeech() {
  const step = rate / 100;
  const loud = [];
  for (let at = 0; at + step <= samples.length; at += step) {
    loud.push(Math.sqrt(samples.subarray(at, at + step).reduce((sum, sample) => sum + sample * sample, 0) / step));
  }
  const least = Math.max(...loud) * LOUD;
  return (loud.findLastIndex((one) => one >= least) + 1) / 100;
}

/** The request again and again, each at its time. */
function conversation(to) {
  const all = new Int16Array((FIRST_S + TURNS * APART_S) * rate);
  for (let turn = 0; turn < TURNS; turn += 1) all.set(samples, (FIRST_S + turn * APART_S) * rate);
  const head = Buffer.from(wav.subarray(0, data));
  head.writeUInt32LE(all.byteLength, data - 4);
  head.writeUInt32LE(all.byteLength + data - 8, 4);
  writeFileSync(to, Buffer.concat([head, Buffer.from(all.buffer)]));
}

function remember(loudness) {
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when) {
    window.first ??= performance.now() + Math.max(0, when - this.context.currentTime) * 1000;
    return start.call(this, when);
  };
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    const reader = new MediaStreamTrackProcessor({ track: stream.getAudioTracks()[0] }).readable.getReader();
    window.heard = [];
    void (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const piece = new Float32Array(value.numberOfFrames);
        value.copyTo(piece, { planeIndex: 0, format: 'f32-planar' });
        value.close();
        const loud = Math.sqrt(piece.reduce((sum, sample) => sum + sample * sample, 0) / piece.length);
        window.heard.push({ at: performance.now(), loud });
      }
    })();
    return stream;
  };
  const hear = WebSocket.prototype;
  const { set } = Object.getOwnPropertyDescriptor(hear, 'onmessage');
  Object.defineProperty(hear, 'onmessage', {
    set(handler) {
      set.call(this, (event) => {
        if (typeof event.data === 'string') {
          const told = JSON.parse(event.data);
          if (told.type === 'turn') window.turn = told;
        }
        handler(event);
      });
    },
  });
  window.took = () => {
    const least = Math.max(...window.heard.map(({ loud }) => loud)) * loudness;
    // What the microphone heard of the answer is none of it: its sound goes nowhere.
    return window.first - window.heard.findLast(({ loud }) => loud >= least).at;
  };
}

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const shown = (all) => `${median(all).toFixed(0)} ms (${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)})`;

const daemon = await Daemon.home();
const browser = await launch([
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  `--use-file-for-fake-audio-capture=${recording(CLIP)}%noloop`,
]);
try {
  conversation(join(daemon.folder, 'conversation.wav'));
  await daemon.start();
  const context = await browser.newContext({ baseURL: daemon.url });
  await context.addInitScript(remember, LOUD);
  const page = await context.newPage();
  await page.goto('/talk');
  await daemon.claim(page, 'Ada', 'a wren sings in the hedge');
  await page.getByRole('button', { name: /^Speak/ }).waitFor();
  await daemon.end('SIGTERM');

  await daemon.start(`[audio]\nbackend = "wav"\ninput = "${join(daemon.folder, 'conversation.wav')}"\n`);
  const [line] = daemon.log.filter((line) => /listening \d+ ms/.test(line));
  const began = Date.parse(line.slice(0, 24).replace(/(\.\d{3}).*/, '$1Z'));
  const offset = Date.now() - performance.now();
  let spoke = 0;
  const answered = [];
  let next = () => {};
  get(`${daemon.url}/events`, (response) => {
    let [rest, phase] = ['', ''];
    response.on('error', () => {});
    response.setEncoding('utf8').on('data', (part) => {
      const lines = (rest + part).split('\n');
      rest = lines.pop();
      for (const told of lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)))) {
        if (told.event === 'state') {
          if (told.phase === 'speaking' && phase !== 'speaking') spoke = performance.now() + offset;
          phase = told.phase;
        }
        // What nobody has asked for is no turn of theirs.
        if (told.event === 'turn' && told.ended_by) {
          answered.push({ at: spoke, told: told.timings_ms.first_audio });
          next();
        }
      }
    });
  }).on('error', () => {});

  const [tabs, daemons, unanswered] = [[], [], []];
  for (let turn = 0; turn < TURNS; turn += 1) {
    await new Promise((told) => (next = told));
    await page.goto('/talk');
    const button = page.getByRole('button', { name: /^Speak/ });
    await button.hover();
    await page.mouse.down();
    try {
      await page.waitForFunction(() => window.turn, null, { timeout: 12_000 });
      tabs.push(await page.evaluate(() => window.took()));
      daemons.push(await page.evaluate(() => window.turn.first_audio_ms));
    } catch (error) {
      // Chromium's microphone stutters where the machine is too busy, and then nothing is understood.
      unanswered.push(error);
    }
    await page.mouse.up();
  }
  const end = endOfSpeech();
  const device = answered.map(({ at }, turn) => at - began - (FIRST_S + turn * APART_S + end) * 1000);
  console.log(`end of speech to first audio, ${TURNS} turns of each, median (least to most):`);
  console.log(`  to the device itself    ${shown(device)}; by its own account ${shown(answered.map(({ told }) => told))}`);
  console.log(`  in the tab              ${shown(tabs)}; by the daemon's account ${shown(daemons)}`);
  if (unanswered.length > 0) console.log(`  without an answer in the tab: ${unanswered.length}`);
  console.log(`  more in the tab         ${(median(tabs) - median(device)).toFixed(0)} ms`);
} finally {
  await browser.close();
  await daemon.gone();
}
// The events go on for as long as somebody listens.
process.exit();
