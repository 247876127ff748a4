//! Audio as values: samples, where they lie on the microphone's own clock, and stretches of speech.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::Duration;

/// A sample rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hertz(pub u32);

impl fmt::Display for Hertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// The rate at which Pipit listens. Every model that hears wants this rate.
pub const LISTENING_RATE: Hertz = Hertz(16_000);

/// Samples in one [`AudioFrame`]: 32 ms, which is what Silero VAD judges at a time.
pub const FRAME_SAMPLES: usize = 512;

/// A position in a microphone's stream, counted in samples at [`LISTENING_RATE`] since capture began.
///
/// It aligns audio with audio; deadlines run on [`crate::time::Moment`], because a stalled microphone stops samples but
/// must not stop time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleIndex(pub u64);

impl SampleIndex {
    /// The playing time between two positions; zero if `earlier` is not earlier.
    #[must_use]
    pub fn duration_since(self, earlier: SampleIndex) -> Duration {
        duration_of(self.0.saturating_sub(earlier.0) as usize, LISTENING_RATE)
    }
}

impl Add<usize> for SampleIndex {
    type Output = SampleIndex;

    fn add(self, samples: usize) -> SampleIndex {
        SampleIndex(self.0 + samples as u64)
    }
}

impl Sub<usize> for SampleIndex {
    type Output = SampleIndex;

    /// Stops at the stream's beginning.
    fn sub(self, samples: usize) -> SampleIndex {
        SampleIndex(self.0.saturating_sub(samples as u64))
    }
}

/// The playing time of `samples` mono samples at `rate`.
#[must_use]
pub fn duration_of(samples: usize, rate: Hertz) -> Duration {
    Duration::from_nanos((samples as u64).saturating_mul(1_000_000_000) / u64::from(rate.0.max(1)))
}

/// How many mono samples at `rate` play for `duration`, rounded down.
#[must_use]
pub fn samples_in(duration: Duration, rate: Hertz) -> usize {
    (duration.as_nanos() * u128::from(rate.0) / 1_000_000_000) as usize
}

/// The quietest [`level`].
pub const LOWEST_LEVEL: f32 = -100.0;

/// How loud samples are, root mean square, in dB below the loudest that there is: [`LOWEST_LEVEL`] for silence, 0 for a
/// square wave at full scale.
#[must_use]
pub fn level(samples: &[f32]) -> f32 {
    let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32;
    // Silence is infinitely quiet, and of a sample that is no number nothing is known.
    let level = 10.0 * power.log10();
    if level.is_nan() { LOWEST_LEVEL } else { level.clamp(LOWEST_LEVEL, 0.0) }
}

/// Where speech is best cut: the middle of its quietest 100 ms, which is most likely the gap between two words.
#[must_use]
pub fn quietest(samples: &[f32], rate: Hertz) -> usize {
    // Compared in steps of 20 ms.
    const GAP: usize = 5;
    let step = (rate.0 as usize / 50).max(1);
    let steps: Vec<f32> = samples.chunks(step).map(|step| step.iter().map(|sample| sample * sample).sum()).collect();
    let loudness = steps.windows(GAP).map(|gap| gap.iter().sum::<f32>());
    let quietest = loudness.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(step, _)| step);
    (quietest * step + GAP * step / 2).min(samples.len())
}

/// Mono audio, samples in -1.0..=1.0. Cloning shares the samples.
#[derive(Clone, PartialEq)]
pub struct Pcm {
    samples: Arc<[f32]>,
    rate: Hertz,
}

impl Pcm {
    /// Wraps `samples` that were taken at `rate`.
    #[must_use]
    pub fn new(samples: impl Into<Arc<[f32]>>, rate: Hertz) -> Self {
        Pcm { samples: samples.into(), rate }
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Samples per second.
    #[must_use]
    pub fn rate(&self) -> Hertz {
        self.rate
    }

    /// The playing time.
    #[must_use]
    pub fn duration(&self) -> Duration {
        duration_of(self.samples.len(), self.rate)
    }

    /// Whether there is no sample at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

impl fmt::Debug for Pcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pcm({} samples at {})", self.samples.len(), self.rate)
    }
}

/// 32 ms of microphone at [`LISTENING_RATE`].
#[derive(Clone, Debug, PartialEq)]
pub struct AudioFrame {
    /// Position of the first sample.
    pub at: SampleIndex,
    /// The samples, -1.0..=1.0.
    pub samples: [f32; FRAME_SAMPLES],
}

impl AudioFrame {
    /// The position just after the last sample.
    #[must_use]
    pub fn end(&self) -> SampleIndex {
        self.at + FRAME_SAMPLES
    }
}

/// What the ear heard between two moments at which it had something to say: speech, and the quiet around it.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechStretch {
    /// Position of the first sample. It is the end of the stretch before, so that nothing is lost between two stretches
    /// of one utterance, unless that lies too far back to be kept.
    pub start: SampleIndex,
    /// Where speech was first noticed in this stretch.
    pub onset: SampleIndex,
    /// Where the last speech ended, to the length of a frame.
    pub speech_end: SampleIndex,
    /// How the voice faded at `speech_end`.
    pub fade: Fade,
    /// The audio from `start` until now, at [`LISTENING_RATE`].
    pub pcm: Pcm,
}

/// How a voice faded into silence, by its voice activity, 0.0..=1.0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fade {
    /// Of the last frame of speech.
    pub last: f32,
    /// The mean of the frames after it, up to now.
    pub after: f32,
}

impl SpeechStretch {
    /// The position just after the last sample.
    #[must_use]
    pub fn end(&self) -> SampleIndex {
        self.start + self.pcm.samples().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_in_decibels_and_always_numbers() {
        assert_eq!((level(&[]), level(&[0.0; 4]), level(&[f32::NAN])), (LOWEST_LEVEL, LOWEST_LEVEL, LOWEST_LEVEL));
        assert_eq!((level(&[1.0, -1.0]), level(&[f32::INFINITY])), (0.0, 0.0));
        assert!((level(&[0.1, -0.1, 0.1]) + 20.0).abs() < 1e-3);
    }
}
