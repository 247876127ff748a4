// What Pipit is sent of a microphone: speech as it is, and nothing of what its rate has no room for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { transformWithEsbuild } from 'vite';

const source = new URL('../src/voice/resample.ts', import.meta.url);
const { code } = await transformWithEsbuild(readFileSync(source, 'utf8'), source.pathname);
const { Resampler } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

/** A second of a tone, in the blocks of 128 samples in which Web Audio gives it. */
function resampled(from, hertz) {
  const resampler = new Resampler(from, 16_000);
  const taken = [];
  for (let at = 0; at < from; at += 128) {
    const block = Float32Array.from({ length: 128 }, (_, n) => Math.sin((2 * Math.PI * hertz * (at + n)) / from));
    resampler.push(block, (sample) => taken.push(sample));
  }
  return taken;
}

const loudness = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

for (const from of [16_000, 44_100, 48_000, 96_000]) {
  test(`sound at ${from} Hz`, () => {
    const tone = resampled(from, 1_000);
    assert.ok(Math.abs(tone.length - 16_000) < 64, `${tone.length} samples of a second`);
    // Sample by sample, once the beginning is over: nothing is lost or repeated between blocks.
    for (let n = 100; n < tone.length; n += 1) {
      assert.ok(Math.abs(tone[n] - Math.sin((2 * Math.PI * 1_000 * n) / 16_000)) < 0.01, `sample ${n}: ${tone[n]}`);
    }
    assert.ok(Math.abs(loudness(resampled(from, 6_000).slice(100)) - Math.SQRT1_2) < 0.02);
    if (from > 20_000) assert.ok(loudness(resampled(from, 10_000).slice(100)) < 0.003);
  });
}
