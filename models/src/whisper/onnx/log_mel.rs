//! Whisper's log-mel features of an utterance and the silence after it.
//!
//! Source: `audio.py` of <https://github.com/openai/whisper> (MIT), with the filters that the model's file holds.

use super::super::file::FFT_BINS;
use crate::mel::{Band, FFT, HOP, Spectrum};

/// The feature extraction with its buffers.
#[derive(Debug)]
pub(super) struct LogMel {
    spectrum: Spectrum,
    bands: Vec<Band>,
}

impl LogMel {
    /// `filters` holds a row of [`FFT_BINS`] weights for each mel band.
    pub(super) fn new(filters: &[f32]) -> LogMel {
        LogMel { spectrum: Spectrum::new(), bands: filters.chunks_exact(FFT_BINS).map(Band::from_row).collect() }
    }

    /// The features of `samples`, mono audio at 16 kHz, and of silence after them: a row of `frames` for each band.
    pub(super) fn compute(&mut self, samples: &[f32], frames: usize) -> Vec<f32> {
        let silence = 1e-10f32.log10();
        let mut features = vec![silence; self.bands.len() * frames];
        let heard = ((samples.len() + FFT / 2).div_ceil(HOP)).min(frames);
        for at in 0..heard {
            let start = (at * HOP) as isize - (FFT / 2) as isize;
            // Mirrored at its beginning, and followed by silence.
            let sample = |at: isize| samples.get(at.unsigned_abs()).copied().unwrap_or(0.0);
            let power = self.spectrum.power((start..).map(sample));
            for (row, band) in features.chunks_exact_mut(frames).zip(&self.bands) {
                row[at] = (band.of(power) as f32).max(1e-10).log10();
            }
        }
        let floor = features.iter().copied().fold(f32::MIN, f32::max) - 8.0;
        for value in &mut features {
            *value = (value.max(floor) + 4.0) / 4.0;
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::mel::{BINS, slaney_bands};

    /// As Whisper's authors define it, term by term.
    fn reference(samples: &[f32], filters: &[f32], frames: usize) -> Vec<f64> {
        let sample = |at: isize| f64::from(samples.get(at.unsigned_abs()).copied().unwrap_or(0.0));
        let bands = filters.len() / BINS;
        let mut features = vec![0.0; bands * frames];
        for frame in 0..frames {
            let windowed: Vec<f64> = (0..FFT)
                .map(|i| {
                    let hann = 0.5 - 0.5 * (2.0 * PI * i as f64 / FFT as f64).cos();
                    hann * sample((frame * HOP + i) as isize - (FFT / 2) as isize)
                })
                .collect();
            let power: Vec<f64> = (0..BINS)
                .map(|bin| {
                    let turn = |i: usize| 2.0 * PI * (i * bin % FFT) as f64 / FFT as f64;
                    let (re, im) = windowed.iter().enumerate().fold((0.0, 0.0), |(re, im), (i, value)| {
                        (re + value * turn(i).cos(), im - value * turn(i).sin())
                    });
                    re * re + im * im
                })
                .collect();
            for (band, row) in filters.chunks_exact(BINS).enumerate() {
                let sum: f64 = row.iter().zip(&power).map(|(weight, power)| f64::from(*weight) * power).sum();
                features[band * frames + frame] = sum.max(1e-10).log10();
            }
        }
        let floor = features.iter().copied().fold(f64::MIN, f64::max) - 8.0;
        features.iter().map(|value| (value.max(floor) + 4.0) / 4.0).collect()
    }

    #[test]
    fn features_are_those_of_whisper() {
        for bands in [80, 128] {
            let mut filters = vec![0.0; bands * BINS];
            for (row, band) in filters.chunks_exact_mut(BINS).zip(slaney_bands(bands)) {
                for (slot, weight) in row[band.first_bin..].iter_mut().zip(&band.weights) {
                    *slot = *weight as f32;
                }
            }
            // A tone that rises, over noise that is hardly there; it ends in the middle of a frame.
            let samples: Vec<f32> = (0..5_777)
                .map(|i| (i as f32 * i as f32 * 2e-5).sin() * 0.4 + ((i * 7919 % 1013) as f32 / 506.0 - 1.0) * 1e-4)
                .collect();
            let heard = LogMel::new(&filters).compute(&samples, 60);
            let largest = heard.iter().zip(reference(&samples, &filters, 60));
            let largest = largest.fold(0.0_f64, |most, (ours, theirs)| most.max((f64::from(*ours) - theirs).abs()));
            assert!(largest < 1e-5, "{bands} bands: {largest}");
        }
    }
}
