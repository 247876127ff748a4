// What the device hears, drawn as it hears it: the real daemon listens to a recording while a page looks.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon, recording } from './daemon.mjs';

const PASSWORD = 'a wren sings in the hedge';
/** Seconds until somebody speaks, in which the page finds the daemon again. */
const BEFORE = 12;

let daemon, browser, context, page, notes;

/**
 * What a recording begins with, after some seconds of silence. A whole command needs nobody to judge whether it is one; half of it
 * does.
 */
function later(name, to) {
  const wav = readFileSync(recording(name));
  const data = wav.indexOf('data', 12, 'latin1');
  const rate = wav.readUInt32LE(24);
  const silence = Buffer.alloc(BEFORE * rate * wav.readUInt16LE(32));
  const half = wav.subarray(data + 8, data + 8 + 2 * Math.floor((wav.length - data - 8) * 0.3));
  const sound = Buffer.concat([silence, half]);
  const head = Buffer.from(wav.subarray(0, data + 8));
  head.writeUInt32LE(sound.length, data + 4);
  head.writeUInt32LE(sound.length + data, 4);
  writeFileSync(to, Buffer.concat([head, sound]));
}

/** Counts how often a page draws, and how often it could have. */
function count() {
  window.drawn = 0;
  window.frames = 0;
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...rectangle) {
    window.drawn += 1;
    return clear.apply(this, rectangle);
  };
  const frame = () => {
    window.frames += 1;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

before(async () => {
  daemon = await Daemon.home();
  later('3-how-much-is-twelve-times-seven.wav', join(daemon.folder, 'later.wav'));
  await daemon.start();
  browser = await launch();
  context = await browser.newContext({ baseURL: daemon.url, viewport: { width: 1280, height: 800 } });
  await context.addInitScript(count);
  notes = new Notes(daemon.address);
  page = notes.watch(await context.newPage());
  await page.goto('/live');
  await daemon.claim(page, 'Ada', PASSWORD);
  await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
});

const figure = (name) => page.locator('dl div').filter({ has: page.getByText(name, { exact: true }) }).locator('dd');

test('what the device hears is drawn, and told in words, while it hears it', async () => {
  const lost = /net::ERR_|Failed to fetch|502|503/;
  notes.expected.push(lost);
  await daemon.end('SIGTERM');
  await daemon.start(`[audio]\nbackend = "wav"\ninput = "${join(daemon.folder, 'later.wav')}"\n`);
  // Somebody speaks: the level rises, and the ear is sure of it.
  await figure('Somebody speaks').filter({ hasText: /^(9\d|100) % \(from 50 %\)$/ }).waitFor({ timeout: 40_000 });
  notes.expected = notes.expected.filter((pattern) => pattern !== lost);
  assert.match(await page.getByRole('meter').getAttribute('aria-valuetext'), /^−\d+ dB, /);
  // They have finished, which Smart Turn has judged, and are answered.
  await figure('Has finished').filter({ hasText: /^\d+ % \(from 50 %\)$/ }).waitFor();
  await page.locator('.changes').getByText('Speaking', { exact: false }).first().waitFor();
  const colours = await page.locator('canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(colours > 20, `${colours} colours are on it`);
  assert.deepEqual(await violations(page), []);
});

test('who wants nothing to move has it drawn anew once a second', async () => {
  const share = async () => {
    const before = await page.evaluate(() => [window.drawn, window.frames]);
    await page.waitForFunction((frames) => window.frames > frames + 60, before[1]);
    const now = await page.evaluate(() => [window.drawn, window.frames]);
    return (now[0] - before[0]) / (now[1] - before[1]);
  };
  assert.ok((await share()) > 0.5);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  assert.ok((await share()) < 0.25);
});

test('a page that is left looks no more', async () => {
  const socket = page.waitForEvent('websocket');
  await page.reload();
  const open = await socket;
  await page.getByRole('meter').waitFor();
  const closed = open.waitForEvent('close');
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  await closed;
});

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
