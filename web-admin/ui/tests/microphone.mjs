// A recording that Chromium's microphone hears, and what a page does with it.
import { launch } from './browser.mjs';
import { recording } from './daemon.mjs';

/** Chromium whose microphone hears this recording once, from when it is opened. */
export const hearing = (name, more = [], options = {}) =>
  launch(
    [
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      `--use-file-for-fake-audio-capture=${recording(name)}%noloop`,
      ...more,
    ],
    options,
  );

/** Has a page remember what it plays and when, how the microphone is asked for, and what is sent. */
export function remember() {
  window.played = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when) {
    const samples = this.buffer.getChannelData(0);
    const energy = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    window.played.push({ when, seconds: this.buffer.duration, energy, rate: this.buffer.sampleRate });
    return start.call(this, when);
  };
  window.asked = [];
  window.tracks = [];
  const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (ask) {
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      window.asked.push(wanted);
      const stream = await ask(wanted);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
  }
  window.frames = [];
  window.sockets = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (!window.sockets.includes(this)) window.sockets.push(this);
    if (typeof data !== 'string') window.frames.push({ at: performance.now(), bytes: data.byteLength });
    return send.call(this, data);
  };
}

export const button = (on) => on.getByRole('button', { name: /^Speak/ });
export const answered = (on, words) => on.locator('.messages li.assistant').filter({ hasText: words });

/** Holds the button until the turn is over. */
export async function speak(on, words) {
  await button(on).hover();
  await on.mouse.down();
  await on.getByText('Listening …').waitFor();
  await on.locator('.messages .assistant').filter({ hasText: words }).first().waitFor();
  await on.mouse.up();
}
