/** Runs where sound is made, apart from the page: takes the microphone's samples and posts what Pipit is sent. */
import { Resampler } from './resample';

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const RATE = 16_000;
/** 20 ms. */
const FRAME = 320;

class Microphone extends AudioWorkletProcessor {
  private resampler = new Resampler(sampleRate, RATE);
  private frame = new Int16Array(FRAME);
  private filled = 0;
  private take = (sample: number) => {
    this.frame[this.filled] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
    this.filled += 1;
    if (this.filled < FRAME) return;
    this.port.postMessage(this.frame.buffer, [this.frame.buffer]);
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  };

  process(inputs: Float32Array[][]): boolean {
    const [channel] = inputs[0] ?? [];
    if (channel) this.resampler.push(channel, this.take);
    return true;
  }
}

registerProcessor('pipit-microphone', Microphone);
