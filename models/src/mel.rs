//! The mel spectrogram that Whisper and Smart Turn look at sound through: windows of 25 ms, and the filters of librosa for 16 kHz.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples of a transformed frame, at 16 kHz.
pub(crate) const FFT: usize = 400;

/// Frequency bins of its spectrum.
pub(crate) const BINS: usize = FFT / 2 + 1;

/// Samples from one frame to the next: 10 ms.
pub(crate) const HOP: usize = 160;

const BIN_HERTZ: f64 = 40.0;

/// The power spectrum of one frame under a Hann window, with its buffers. In `f64`: both models are sensitive to faint sound
/// beside loud sound, which the rounding of `f32` drowns.
pub(crate) struct Spectrum {
    fft: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    frame: Vec<f64>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    power: Vec<f64>,
}

impl Spectrum {
    pub(crate) fn new() -> Spectrum {
        let fft = RealFftPlanner::<f64>::new().plan_fft_forward(FFT);
        let turn = 2.0 * std::f64::consts::PI / FFT as f64;
        Spectrum {
            window: (0..FFT).map(|i| 0.5 - 0.5 * (turn * i as f64).cos()).collect(),
            frame: vec![0.0; FFT],
            bins: vec![Complex::default(); BINS],
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; BINS],
            fft,
        }
    }

    /// The power in each of [`BINS`] bins of the [`FFT`] samples that `samples` gives.
    pub(crate) fn power(&mut self, samples: impl Iterator<Item = f32>) -> &[f64] {
        for ((slot, sample), weight) in self.frame.iter_mut().zip(samples).zip(&self.window) {
            *slot = f64::from(sample) * weight;
        }
        self.fft
            .process_with_scratch(&mut self.frame, &mut self.bins, &mut self.scratch)
            .expect("the buffers were made for this transform");
        for (power, value) in self.power.iter_mut().zip(&self.bins) {
            *power = value.norm_sqr();
        }
        &self.power
    }
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").finish_non_exhaustive()
    }
}

/// One triangular filter, from its first bin with weight on.
#[derive(Debug)]
pub(crate) struct Band {
    pub first_bin: usize,
    pub weights: Vec<f64>,
}

impl Band {
    /// What the filter lets through of a power spectrum.
    pub(crate) fn of(&self, power: &[f64]) -> f64 {
        self.weights.iter().zip(&power[self.first_bin..]).map(|(weight, power)| weight * power).sum()
    }

    /// The filter with these weights for all bins.
    pub(crate) fn from_row(row: &[f32]) -> Band {
        let first_bin = row.iter().position(|weight| *weight != 0.0).unwrap_or(0);
        let end = row.iter().rposition(|weight| *weight != 0.0).map_or(0, |last| last + 1);
        let weights = row.get(first_bin..end).unwrap_or_default();
        Band { first_bin, weights: weights.iter().copied().map(f64::from).collect() }
    }
}

/// Triangles between 0 and 8 kHz, evenly spaced on Slaney's mel scale and of equal area.
pub(crate) fn slaney_bands(bands: usize) -> Vec<Band> {
    let (low, high) = (mel(0.0), mel(8000.0));
    let corners: Vec<f64> = (0..bands + 2).map(|i| hertz(low + (high - low) * i as f64 / (bands + 1) as f64)).collect();
    corners
        .windows(3)
        .map(|corner| {
            let area = 2.0 / (corner[2] - corner[0]);
            let weight = |bin: usize| {
                let frequency = bin as f64 * BIN_HERTZ;
                let rise = (frequency - corner[0]) / (corner[1] - corner[0]);
                let fall = (corner[2] - frequency) / (corner[2] - corner[1]);
                rise.min(fall).max(0.0) * area
            };
            let first_bin = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
            let weights = (first_bin..BINS).map(weight).take_while(|weight| *weight > 0.0).collect();
            Band { first_bin, weights }
        })
        .collect()
}

/// The same as rows of [`BINS`] weights, one after another.
pub(crate) fn slaney_filters(bands: usize) -> Vec<f32> {
    let mut filters = vec![0.0; bands * BINS];
    for (row, band) in filters.chunks_exact_mut(BINS).zip(slaney_bands(bands)) {
        for (slot, weight) in row.iter_mut().skip(band.first_bin).zip(&band.weights) {
            *slot = *weight as f32;
        }
    }
    filters
}

fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { 3.0 * hertz / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { 200.0 * mel / 3.0 } else { 1000.0 * (6.4f64.ln() / 27.0 * (mel - 15.0)).exp() }
}
