//! The power of a frame in each of the bands in which echo and voice are compared.

use std::array;
use std::sync::Arc;

use pipit_core::audio::{FRAME_SAMPLES, LISTENING_RATE};
use pipit_core::ear::ECHO_BANDS;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Splits frames into bands.
pub(super) struct Bands {
    transform: Arc<dyn RealToComplex<f32>>,
    window: [f32; FRAME_SAMPLES],
    windowed: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
}

impl Bands {
    pub(super) fn new() -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(FRAME_SAMPLES);
        let hann = |n: usize| (std::f32::consts::PI * (n as f32 + 0.5) / FRAME_SAMPLES as f32).sin().powi(2);
        Bands {
            window: array::from_fn(hann),
            windowed: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            transform,
        }
    }

    /// The mean square of what each band holds of `samples`, to the window's constant factor.
    pub(super) fn powers(&mut self, samples: &[f32; FRAME_SAMPLES]) -> [f32; ECHO_BANDS.len()] {
        for ((slot, sample), weight) in self.windowed.iter_mut().zip(samples).zip(&self.window) {
            *slot = sample * weight;
        }
        if self.transform.process(&mut self.windowed, &mut self.spectrum).is_err() {
            return [0.0; ECHO_BANDS.len()];
        }
        let bin = |hz: u16| usize::from(hz) * FRAME_SAMPLES / LISTENING_RATE.0 as usize;
        let scale = 2.0 / (FRAME_SAMPLES as f32).powi(2);
        ECHO_BANDS.map(|(from, to)| {
            self.spectrum[bin(from)..bin(to)].iter().map(|value| value.norm_sqr()).sum::<f32>() * scale
        })
    }
}
