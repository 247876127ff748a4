//! What the speaker has been given to play, by its place in the speaker's own stream.

use std::f64::consts::PI;

use pipit_core::audio::{LISTENING_RATE, samples_in};

use super::LONGEST_DELAY;

/// Samples on either side that a value between two samples is made of.
const TAPS: usize = 8;

/// How much is kept: what an echo may lie behind, twice.
const KEPT: usize = 2 * samples_in_ms(1_000);

/// Samples of less than this amplitude (-90 dB of full scale) are silence, as dither and rounding leave it.
const SILENT: f32 = 3e-5;

const fn samples_in_ms(ms: usize) -> usize {
    ms * LISTENING_RATE.0 as usize / 1_000
}

/// The last two seconds of the speaker's stream at the listening rate, one channel.
///
/// A position counts samples since the stream began. It means nothing to the microphone until the delay between the two
/// is known, and nothing any more once the speaker is opened anew.
#[derive(Debug)]
pub struct Reference {
    samples: Box<[f32]>,
    /// The position just after the newest sample.
    end: i64,
    /// The position just after the newest sample that was no silence, if there ever was one.
    sound_end: Option<i64>,
    /// Counts the streams.
    stream: u64,
}

impl Default for Reference {
    fn default() -> Self {
        Reference { samples: vec![0.0; KEPT].into(), end: 0, sound_end: None, stream: 0 }
    }
}

impl Reference {
    /// Appends what has been given to the speaker.
    pub fn push(&mut self, samples: &[f32]) {
        for &sample in samples {
            let sample = if sample.is_finite() { sample } else { 0.0 };
            self.samples[self.end.rem_euclid(KEPT as i64) as usize] = sample;
            self.end += 1;
            if sample.abs() > SILENT {
                self.sound_end = Some(self.end);
            }
        }
    }

    /// The speaker was opened anew: what follows lies at another distance from the microphone.
    pub fn restart(&mut self) {
        self.samples.fill(0.0);
        self.sound_end = None;
        self.stream += 1;
    }

    /// Which stream this is.
    pub(super) fn stream(&self) -> u64 {
        self.stream
    }

    /// The position just after the newest sample.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The position just after the newest sound.
    pub(super) fn sound_end(&self) -> Option<i64> {
        self.sound_end
    }

    /// Whether anything within the longest delay was no silence.
    #[must_use]
    pub fn has_sounded(&self) -> bool {
        let since = self.end - samples_in(LONGEST_DELAY, LISTENING_RATE) as i64;
        self.sound_end.is_some_and(|sound| sound > since)
    }

    /// Copies the samples from `start`; silence where there are none (any more, or yet).
    pub(super) fn copy(&self, start: i64, out: &mut [f32]) {
        for (position, slot) in (start..).zip(out) {
            *slot = self.sample(position);
        }
    }

    /// As [`Reference::copy`], from between two samples: a sinc of [`TAPS`] samples on either side.
    pub(super) fn interpolate(&self, start: f64, out: &mut [f32]) {
        let (whole, part) = (start.floor() as i64, start - start.floor());
        let kernel: [f32; 2 * TAPS] = std::array::from_fn(|tap| {
            let x = (tap as f64 - (TAPS - 1) as f64 - part) * PI;
            let window = 0.5 + 0.5 * (x / (TAPS as f64 + 1.0)).cos();
            (if x.abs() < 1e-9 { 1.0 } else { x.sin() / x } * window) as f32
        });
        let first = whole - (TAPS as i64 - 1);
        for (position, slot) in (first..).zip(out) {
            *slot = (position..).zip(kernel).map(|(position, weight)| self.sample(position) * weight).sum();
        }
    }

    fn sample(&self, position: i64) -> f32 {
        let kept = position < self.end && position >= self.end - KEPT as i64 && position >= 0;
        if kept { self.samples[position.rem_euclid(KEPT as i64) as usize] } else { 0.0 }
    }
}
