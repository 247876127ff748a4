/** Sound at one rate, made of sound at another: a windowed sinc, so that nothing above half of the new rate is folded down into speech. */

/** Zero crossings of the sinc on each side. */
const REACH = 12;
/** Values of the kernel between two zero crossings; what lies between them is interpolated. */
const STEPS = 128;
/** Of the band that the new rate has room for, this much is kept. */
const KEPT = 0.92;

export class Resampler {
  private readonly step: number;
  private readonly cutoff: number;
  private readonly reach: number;
  private readonly kernel: Float32Array;
  /** What later samples still need, and where in it the next one lies. */
  private held: Float32Array;
  private at: number;

  constructor(from: number, to: number) {
    this.step = from / to;
    this.cutoff = KEPT * Math.min(1, to / from);
    this.reach = Math.ceil(REACH / this.cutoff);
    this.kernel = Float32Array.from({ length: REACH * STEPS + 2 }, (_, n) => {
      const x = n / STEPS;
      if (x >= REACH) return 0;
      const window = 0.42 + 0.5 * Math.cos((Math.PI * x) / REACH) + 0.08 * Math.cos((2 * Math.PI * x) / REACH);
      return (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
    });
    this.held = new Float32Array(this.reach);
    this.at = this.reach;
  }

  /** Gives `taken` each new sample that these make possible. */
  push(samples: Float32Array, taken: (sample: number) => void) {
    const all = new Float32Array(this.held.length + samples.length);
    all.set(this.held);
    all.set(samples, this.held.length);
    for (; this.at + this.reach < all.length; this.at += this.step) {
      const first = Math.ceil(this.at - this.reach);
      const last = Math.floor(this.at + this.reach);
      let sum = 0;
      for (let n = Math.max(0, first); n <= last; n += 1) {
        const place = Math.abs(n - this.at) * this.cutoff * STEPS;
        const whole = Math.floor(place);
        if (whole >= REACH * STEPS) continue;
        const [below, above] = [this.kernel[whole]!, this.kernel[whole + 1]!];
        sum += all[n]! * (below + (above - below) * (place - whole));
      }
      taken(sum * this.cutoff);
    }
    const gone = Math.max(0, Math.min(all.length, Math.floor(this.at) - this.reach));
    this.held = all.slice(gone);
    this.at -= gone;
  }
}
