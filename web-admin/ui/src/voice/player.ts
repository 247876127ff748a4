/** Plays clauses, each from the very sample on at which the one before it ends. */

/** What is to be heard at once begins so much later, in seconds: what begins in the past loses its beginning. */
const AHEAD = 0.01;

export class Player {
  private context: AudioContext | null = null;
  private playing = new Set<AudioBufferSourceNode>();
  private next = 0;

  /** Browsers let a page be heard only from something on that a person did. */
  prepare() {
    this.context ??= new AudioContext({ latencyHint: 'interactive' });
    void this.context.resume();
  }

  play(samples: Int16Array, rate: number) {
    if (samples.length === 0) return;
    this.prepare();
    const context = this.context!;
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32_768), 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.onended = () => this.playing.delete(source);
    const at = Math.max(this.next, context.currentTime + AHEAD);
    source.start(at);
    this.next = at + buffer.duration;
    this.playing.add(source);
  }

  /** Time stands still here until it goes on. */
  pause() {
    void this.context?.suspend();
  }

  resume() {
    void this.context?.resume();
  }

  stop() {
    for (const source of this.playing) {
      source.onended = null;
      source.stop();
    }
    this.playing.clear();
    this.next = 0;
    void this.context?.resume();
  }

  close() {
    this.stop();
    void this.context?.close().catch(() => {});
    this.context = null;
  }
}
