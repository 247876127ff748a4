//! Sample rates and channel counts: streaming resampling by FFT, whole clips, and the way down to one channel.
//!
//! Pure signal processing: no device, thread or clock.

use anyhow::{Context as _, Result};
use pipit_core::audio::Hertz;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

/// Input is transformed about this many times a second: a delay of some 10 ms and a transition band of about 5 % of
/// the lower rate.
const BLOCKS_PER_SECOND: u32 = 50;

/// Resamples one channel as a stream. Output lines up with input: the filter's delay is trimmed from the beginning,
/// and [`Resampler::finish`] gives what the filter still holds.
pub struct Resampler {
    from: Hertz,
    to: Hertz,
    /// None where both rates are equal.
    fft: Option<Fft<f32>>,
    /// Input that does not yet fill a block.
    pending: Vec<f32>,
    block_out: Vec<f32>,
    to_trim: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// A resampler between two rates.
    ///
    /// # Errors
    ///
    /// A rate of zero.
    pub fn new(from: Hertz, to: Hertz) -> Result<Self> {
        let mut resampler = Resampler {
            from,
            to,
            fft: None,
            pending: Vec::new(),
            block_out: Vec::new(),
            to_trim: 0,
            taken: 0,
            given: 0,
        };
        if from != to || from.0 == 0 {
            let fft = Fft::new(from.0 as usize, to.0 as usize, block(from, to), 1, FixedSync::Both)
                .with_context(|| format!("audio at {from} cannot be brought to {to}"))?;
            resampler.block_out = vec![0.0; fft.output_frames_max()];
            resampler.to_trim = fft.output_delay();
            resampler.fft = Some(fft);
        }
        Ok(resampler)
    }

    /// The rate of the input.
    #[must_use]
    pub fn from(&self) -> Hertz {
        self.from
    }

    /// Takes `input` and appends what is ready to `out`.
    pub fn push(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.taken += input.len() as u64;
        let Some(needed) = self.fft.as_ref().map(rubato::Resampler::input_frames_next) else {
            self.given += input.len() as u64;
            out.extend_from_slice(input);
            return;
        };
        self.pending.extend_from_slice(input);
        let mut used = 0;
        while self.pending.len() - used >= needed {
            self.transform(used, needed, out);
            used += needed;
        }
        self.pending.drain(..used);
    }

    /// How much output the input so far amounts to once [`Resampler::finish`] has been called.
    #[must_use]
    pub fn output_due(&self) -> u64 {
        (self.taken * u64::from(self.to.0)).div_ceil(u64::from(self.from.0))
    }

    /// Appends the rest of the output, and starts afresh for another stream.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let due = self.output_due();
        let mut tail = Vec::new();
        while self.given + (tail.len() as u64) < due {
            let given = self.given;
            self.transform(0, self.pending.len(), &mut tail);
            self.given = given;
            self.pending.clear();
        }
        tail.truncate((due - self.given.min(due)) as usize);
        out.append(&mut tail);
        self.reset();
    }

    /// Forgets what the filter holds, where the stream was torn.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.taken = 0;
        self.given = 0;
        if let Some(fft) = &mut self.fft {
            fft.reset();
            self.to_trim = fft.output_delay();
        }
    }

    /// Transforms `len` pending samples from `start`; silence stands in for what is missing from a whole block.
    fn transform(&mut self, start: usize, len: usize, out: &mut Vec<f32>) {
        let fft = self.fft.as_mut().expect("equal rates give their output at once, so nothing is left to transform");
        let input = &self.pending[start..start + len];
        let frames_out = self.block_out.len();
        let input = InterleavedSlice::new(input, 1, len).expect("a slice holds as many samples as it is long");
        let mut output = InterleavedSlice::new_mut(&mut self.block_out, 1, frames_out)
            .expect("a slice holds as many samples as it is long");
        let (_, made) = fft
            .process_into_buffer(&input, &mut output, Some(&Indexing::new().partial_len(len)))
            .expect("the output buffer has the resampler's own largest size, and a short input is declared as such");
        let trimmed = made.min(self.to_trim);
        self.to_trim -= trimmed;
        out.extend_from_slice(&self.block_out[trimmed..made]);
        self.given += (made - trimmed) as u64;
    }
}

/// The input samples of a block: a whole number of periods of the two rates, and even, because the filter's delay is half
/// a block and must be a whole number of samples for the output to lie exactly where the input did.
fn block(from: Hertz, to: Hertz) -> usize {
    let (mut divisor, mut rest) = (from.0, to.0);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let period = (from.0 / divisor.max(1)).max(1) as usize;
    let periods = ((from.0 / BLOCKS_PER_SECOND) as usize / period).max(1);
    period * if (period * periods).is_multiple_of(2) { periods } else { periods + 1 }
}

/// Brings a whole clip of mono samples to another rate. Its playing time and the place of each sound stay.
///
/// # Errors
///
/// A rate of zero.
pub fn resample(samples: &[f32], from: Hertz, to: Hertz) -> Result<Vec<f32>> {
    let mut resampler = Resampler::new(from, to)?;
    let mut out = Vec::new();
    resampler.push(samples, &mut out);
    resampler.finish(&mut out);
    Ok(out)
}

/// Appends one channel made of interleaved `channels` to `mono`.
///
/// Two channels are averaged. Of more, the first is taken: microphone arrays put their processed channel or their
/// reference microphone there, and some put the speaker's own signal in the last. Samples that are no numbers, which
/// broken float drivers deliver, become silence.
pub(super) fn downmix(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) {
    let finite = |sample: f32| if sample.is_finite() { sample } else { 0.0 };
    match channels {
        0 | 1 => mono.extend(interleaved.iter().map(|&s| finite(s))),
        2 => mono.extend(interleaved.chunks_exact(2).map(|pair| finite((pair[0] + pair[1]) * 0.5))),
        n => mono.extend(interleaved.chunks_exact(n).map(|frame| finite(frame[0]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The angle is computed in double precision: in single, its rounding alone is noise at -50 dB.
    fn angle(frequency: f64, rate: u32, n: usize) -> f64 {
        std::f64::consts::TAU * frequency * n as f64 / f64::from(rate)
    }

    fn sine(frequency: f64, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (0.5 * angle(frequency, rate, n).sin()) as f32).collect()
    }

    fn assert_close(got: &[f32], want: &[f32], tolerance: f32) {
        assert_eq!(got.len(), want.len());
        for (n, (g, w)) in got.iter().zip(want).enumerate() {
            assert!((g - w).abs() < tolerance, "sample {n}: {g} instead of {w}");
        }
    }

    #[test]
    fn a_sine_keeps_frequency_level_and_place() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (24_000, 48_000), (22_050, 44_100)] {
            let got = resample(&sine(440.0, from, from as usize), Hertz(from), Hertz(to)).unwrap();
            assert_eq!(got.len(), to as usize, "{from} -> {to}");
            // The first and last 20 ms see the step from and to silence.
            let edge = to as usize / 50;
            let inner: Vec<(f64, f64)> =
                (edge..got.len() - edge).map(|n| (angle(440.0, to, n), f64::from(got[n]))).collect();
            let project = |wave: fn(f64) -> f64| {
                inner.iter().map(|&(angle, s)| s * wave(angle)).sum::<f64>() / inner.len() as f64 * 2.0
            };
            let (in_phase, across) = (project(f64::sin), project(f64::cos));
            let level = in_phase.hypot(across);
            assert!((level - 0.5).abs() < 2e-3, "{from} -> {to}: level {level}");
            let shift = across.atan2(in_phase).abs() / angle(440.0, to, 1);
            assert!(shift < 0.02, "{from} -> {to}: off by {shift} samples");
            let rest = inner.iter().map(|&(angle, s)| (s - in_phase * angle.sin() - across * angle.cos()).abs());
            assert!(rest.fold(0.0, f64::max) < 2e-3, "{from} -> {to}: something else is in it");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_removed() {
        let got = resample(&sine(11_000.0, 48_000, 48_000), Hertz(48_000), Hertz(16_000)).unwrap();
        let inner = &got[320..15_680];
        let loudest = inner.iter().fold(0.0_f32, |a, s| a.max(s.abs()));
        assert!(loudest < 1e-3, "an 11 kHz tone left {loudest} at 16 kHz");
    }

    #[test]
    fn the_sizes_of_the_pieces_make_no_difference() {
        let input = sine(300.0, 44_100, 44_100);
        let whole = resample(&input, Hertz(44_100), Hertz(48_000)).unwrap();
        for size in [1, 7, 441, 1_000, 30_000] {
            let mut resampler = Resampler::new(Hertz(44_100), Hertz(48_000)).unwrap();
            let mut out = Vec::new();
            for piece in input.chunks(size) {
                resampler.push(piece, &mut out);
            }
            assert_eq!(resampler.output_due(), 48_000);
            resampler.finish(&mut out);
            assert_close(&out, &whole, 1e-6);
        }
    }

    #[test]
    fn short_and_empty_clips_and_odd_rates_have_their_length() {
        for (samples, from, to, want) in [(0, 48_000, 16_000, 0), (1, 48_000, 16_000, 1), (100, 11_111, 16_000, 145)] {
            let got = resample(&vec![0.1; samples], Hertz(from), Hertz(to)).unwrap();
            assert_eq!(got.len(), want);
        }
        assert!(resample(&[0.0; 4], Hertz(0), Hertz(16_000)).is_err());
        assert!(resample(&[0.0; 4], Hertz(16_000), Hertz(0)).is_err());
    }

    #[test]
    fn a_finished_resampler_starts_afresh() {
        let mut resampler = Resampler::new(Hertz(24_000), Hertz(48_000)).unwrap();
        let input = sine(200.0, 24_000, 5_000);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for out in [&mut first, &mut second] {
            resampler.push(&input, out);
            resampler.finish(out);
        }
        assert_eq!(first.len(), 10_000);
        assert_close(&first, &second, 1e-6);
    }

    #[test]
    fn channels_become_one() {
        let mix = |interleaved: &[f32], channels| {
            let mut mono = Vec::new();
            downmix(interleaved, channels, &mut mono);
            mono
        };
        assert_eq!(mix(&[0.1, 0.2], 1), [0.1, 0.2]);
        assert_eq!(mix(&[0.5, 0.25, -1.0, 1.0], 2), [0.375, 0.0]);
        assert_eq!(mix(&[0.5, 9.0, 9.0, 0.25, 9.0, 9.0], 3), [0.5, 0.25]);
        assert_eq!(mix(&[f32::NAN, f32::INFINITY, 0.5], 1), [0.0, 0.0, 0.5]);
    }
}
