//! Whisper's log-mel features as Smart Turn was trained on them.
//!
//! The model is sensitive to them: features computed in `f32` move its probability by up to 0.03. So this follows the
//! reference (`WhisperFeatureExtractor` of Hugging Face Transformers) to the bit where that is possible: mean and
//! variance in `f32`, summed in the order in which NumPy sums, and the spectrum in `f64`.

use std::fmt;

use crate::mel::{Band, FFT, HOP, Spectrum, slaney_bands};

/// Mel bands: the features' rows.
pub(super) const BANDS: usize = 80;

/// Frames of 10 ms in 8 seconds: the features' columns.
pub(super) const FRAMES: usize = 800;

const SAMPLES: usize = 128_000;

/// The feature extraction with its buffers.
pub(super) struct LogMel {
    spectrum: Spectrum,
    bands: Vec<Band>,
    samples: Vec<f32>,
    squares: Vec<f32>,
    features: Vec<f32>,
}

impl LogMel {
    pub(super) fn new() -> LogMel {
        LogMel {
            spectrum: Spectrum::new(),
            bands: slaney_bands(BANDS),
            samples: vec![0.0; SAMPLES],
            squares: vec![0.0; SAMPLES],
            features: vec![0.0; BANDS * FRAMES],
        }
    }

    /// The features, [`BANDS`] rows of [`FRAMES`], of the last 8 seconds of `audio`; shorter audio follows silence.
    pub(super) fn compute(&mut self, audio: &[f32]) -> &[f32] {
        let padding = self.fill(audio);
        self.normalise();
        // Frames that lie wholly in the padding are all alike: they are computed once. The reflection at the front
        // stays inside the padding too.
        let alike = if padding >= FFT / 2 { ((padding - FFT / 2) / HOP + 1).min(FRAMES) } else { 0 };
        if alike > 0 {
            self.compute_frame(0);
            for row in self.features.chunks_exact_mut(FRAMES) {
                let value = row[0];
                row[..alike].fill(value);
            }
        }
        for at in alike..FRAMES {
            self.compute_frame(at);
        }
        let floor = self.features.iter().copied().fold(f32::MIN, f32::max) - 8.0;
        for value in &mut self.features {
            *value = (value.max(floor) + 4.0) / 4.0;
        }
        &self.features
    }

    /// Puts the end of `audio` at the end of the buffer and returns how many zeros stand before it.
    fn fill(&mut self, audio: &[f32]) -> usize {
        let audio = &audio[audio.len().saturating_sub(SAMPLES)..];
        let padding = SAMPLES - audio.len();
        self.samples[..padding].fill(0.0);
        for (slot, sample) in self.samples[padding..].iter_mut().zip(audio) {
            *slot = if sample.is_finite() { *sample } else { 0.0 };
        }
        padding
    }

    /// Zero mean and unit variance over the whole buffer, padding included.
    fn normalise(&mut self) {
        let mean = pairwise_sum(&self.samples) / SAMPLES as f32;
        for (square, sample) in self.squares.iter_mut().zip(&self.samples) {
            let deviation = *sample - mean;
            *square = deviation * deviation;
        }
        let deviation = (pairwise_sum(&self.squares) / SAMPLES as f32 + 1e-7).sqrt();
        for sample in &mut self.samples {
            *sample = (*sample - mean) / deviation;
        }
    }

    /// Log10 of the mel power of the frame whose middle is sample `at * HOP`, into column `at`.
    fn compute_frame(&mut self, at: usize) {
        let start = (at * HOP) as isize - (FFT / 2) as isize;
        let samples = &self.samples;
        let power = self.spectrum.power((start..).map(|at| samples[reflect(at)]));
        for (row, band) in self.features.chunks_exact_mut(FRAMES).zip(&self.bands) {
            row[at] = band.of(power).max(1e-10).log10() as f32;
        }
    }
}

impl fmt::Debug for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogMel").finish_non_exhaustive()
    }
}

/// The index that stands for `index` when the buffer is mirrored about its first and last samples.
fn reflect(index: isize) -> usize {
    let last = SAMPLES as isize - 1;
    if index < 0 {
        index.unsigned_abs()
    } else if index > last {
        (2 * last - index) as usize
    } else {
        index as usize
    }
}

/// Sums in NumPy's order: halves down to blocks of at most 128, and in a block eight running sums.
fn pairwise_sum(values: &[f32]) -> f32 {
    let n = values.len();
    if n < 8 {
        return values.iter().sum();
    }
    if n > 128 {
        let half = n / 2 - (n / 2) % 8;
        return pairwise_sum(&values[..half]) + pairwise_sum(&values[half..]);
    }
    let (eights, rest) = values.as_chunks::<8>();
    let mut sums = eights[0];
    for eight in &eights[1..] {
        for (sum, value) in sums.iter_mut().zip(eight) {
            *sum += value;
        }
    }
    let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    rest.iter().fold(sum, |sum, value| sum + value)
}
