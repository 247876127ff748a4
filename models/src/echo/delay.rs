//! How far the echo in the microphone lies behind what the speaker was given: found by cross-correlation, and followed.
//!
//! Generalised cross-correlation with phase transform (Knapp and Carter, 1976): every frequency counts the same, so the
//! peak is as sharp as the room allows, whatever is said. Spectra of successive windows are averaged, so that somebody
//! who speaks at the same time, and who resembles nothing that was played, averages out.

use std::collections::VecDeque;
use std::sync::Arc;

use pipit_core::audio::{FRAME_SAMPLES, LISTENING_RATE, samples_in};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::{LONGEST_DELAY, Reference};

/// The stretch of microphone that is looked at: half a second.
const WINDOW: usize = 8_192;
/// The transform's length: the window, and the delays that are searched before it.
const LENGTH: usize = 2 * WINDOW;
/// The reference may be found this much newer than it seemed when its stream began, because devices take it in bursts.
const JITTER: i64 = 1_600;
/// Frames between two looks while the delay is unknown: 128 ms.
const FRAMES_UNKNOWN: u32 = 4;
/// Frames between two looks while it is known: half a second, in which clocks that differ by 200 ppm part by 2 samples.
const FRAMES_KNOWN: u32 = 16;
/// What is kept of the average at each look.
const MEMORY: f32 = 0.6;
/// The band in which speakers of small devices play and speech has power.
const BAND_HZ: (usize, usize) = (150, 6_000);
/// How much the peak must stand out of the rest (its height over the root mean square) to be believed.
const CLEAR: f32 = 12.0;
/// Two looks that differ by no more samples agree: half a millisecond.
const AGREE: f64 = 8.0;
/// So many looks in a row must agree.
const LOOKS: u32 = 2;
/// So many that contradict what is known must agree.
const LOOKS_AGAINST: u32 = 4;
/// Offset and drift follow what is measured as an alpha-beta filter does: at first with all that is known, later with the
/// weights of so many looks.
const LONGEST_MEMORY: u32 = 30;
/// After a new beginning the drift of the clocks is still known, so the filter goes on as after so many looks.
const MEMORY_AFTER_RESTART: u32 = 8;
/// Clocks of sound cards differ by no more: 500 ppm.
const MOST_DRIFT: f64 = 5e-4;

/// Finds and follows the delay.
pub(super) struct DelayFinder {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    microphone: VecDeque<f32>,
    average: Vec<Complex<f32>>,
    played: Vec<f32>,
    heard: Vec<f32>,
    played_spectrum: Vec<Complex<f32>>,
    heard_spectrum: Vec<Complex<f32>>,
    correlation: Vec<f32>,
    /// Position of the newest reference less that of the microphone when the stream began.
    nominal: Option<i64>,
    stream: u64,
    frames: u32,
    candidate: f64,
    agreeing: u32,
    known: Option<Offset>,
    /// Samples by which the reference runs ahead in each sample of the microphone.
    drift: f64,
    /// Looks that offset and drift rest on.
    looks: u32,
}

/// What is added to a microphone position for the reference whose direct sound is heard there.
#[derive(Clone, Copy, Debug)]
struct Offset {
    samples: f64,
    /// The microphone position for which it holds; clocks that differ change it from there.
    at: i64,
}

impl DelayFinder {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let bins = LENGTH / 2 + 1;
        DelayFinder {
            forward: planner.plan_fft_forward(LENGTH),
            inverse: planner.plan_fft_inverse(LENGTH),
            microphone: VecDeque::from(vec![0.0; WINDOW]),
            average: vec![Complex::default(); bins],
            played: vec![0.0; LENGTH],
            heard: vec![0.0; LENGTH],
            played_spectrum: vec![Complex::default(); bins],
            heard_spectrum: vec![Complex::default(); bins],
            correlation: vec![0.0; LENGTH],
            nominal: None,
            stream: 0,
            frames: 0,
            candidate: 0.0,
            agreeing: 0,
            known: None,
            drift: 0.0,
            looks: 0,
        }
    }

    /// What to add to the microphone position `at` to get the position in the reference whose direct sound is heard
    /// there. None while it is not known.
    pub(super) fn offset(&self, at: i64, reference: &Reference) -> Option<f64> {
        self.known.filter(|_| self.stream == reference.stream()).map(|known| self.offset_at(known, at))
    }

    fn offset_at(&self, known: Offset, at: i64) -> f64 {
        known.samples + (at - known.at) as f64 * self.drift
    }

    /// Takes the next frame of the microphone, whose last sample lies just before `end`, while the speaker sounds.
    pub(super) fn push(&mut self, samples: &[f32; FRAME_SAMPLES], end: i64, reference: &Reference) {
        if self.stream != reference.stream() {
            self.forget();
            self.stream = reference.stream();
        }
        let nominal = *self.nominal.get_or_insert(reference.end() - end);
        self.microphone.drain(..FRAME_SAMPLES);
        self.microphone.extend(samples);
        self.frames += 1;
        let due = if self.known.is_some() { FRAMES_KNOWN } else { FRAMES_UNKNOWN };
        if self.frames < due {
            return;
        }
        self.frames = 0;
        // The newest reference that may be the echo's source. Where the offset is known, sources as much newer than it are
        // looked at as older ones, so that a change is found in either direction.
        let newest = match self.known {
            Some(known) => self.offset_at(known, end) + (WINDOW / 2) as f64,
            None => (nominal + JITTER) as f64,
        };
        if let Some(delay) = self.look(end, newest, reference) {
            self.consider(newest - f64::from(delay), end);
        }
    }

    /// The microphone was away, or the speaker: what was found no longer holds.
    pub(super) fn forget(&mut self) {
        self.microphone.iter_mut().for_each(|sample| *sample = 0.0);
        self.average.fill(Complex::default());
        (self.nominal, self.known, self.frames, self.agreeing) = (None, None, 0, 0);
    }

    /// The delay against the reference that ends `newest` after the microphone's `end`, in samples, if one stands out.
    fn look(&mut self, end: i64, newest: f64, reference: &Reference) -> Option<f32> {
        let (front, back) = self.microphone.as_slices();
        self.heard.fill(0.0);
        self.heard[WINDOW..WINDOW + front.len()].copy_from_slice(front);
        self.heard[WINDOW + front.len()..].copy_from_slice(back);
        reference.copy(end + newest.floor() as i64 - LENGTH as i64, &mut self.played);
        self.forward.process(&mut self.heard, &mut self.heard_spectrum).ok()?;
        self.forward.process(&mut self.played, &mut self.played_spectrum).ok()?;
        let bin = |hz: usize| hz * LENGTH / LISTENING_RATE.0 as usize;
        // What the whole sample leaves of the offset turns the phase, so that the peak stays where it is while clocks drift.
        let turn = Complex::from_polar(1.0, ((newest.floor() - newest) * std::f64::consts::TAU / LENGTH as f64) as f32);
        let mut turned = turn.powu(bin(BAND_HZ.0) as u32);
        for k in bin(BAND_HZ.0)..bin(BAND_HZ.1) {
            let cross = self.heard_spectrum[k] * self.played_spectrum[k].conj() * turned;
            turned *= turn;
            self.average[k] = self.average[k] * MEMORY + cross / (cross.norm() + 1e-12) * (1.0 - MEMORY);
        }
        self.heard_spectrum.copy_from_slice(&self.average);
        self.inverse.process(&mut self.heard_spectrum, &mut self.correlation).ok()?;
        self.peak()
    }

    /// Where the correlation is highest, to a fraction of a sample, if that stands out.
    fn peak(&self) -> Option<f32> {
        let longest = samples_in(LONGEST_DELAY, LISTENING_RATE) + JITTER as usize;
        let searched = if self.known.is_some() { WINDOW } else { longest.min(WINDOW) };
        let searched = &self.correlation[..searched];
        let (at, highest) = searched.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let power = searched.iter().map(|value| value * value).sum::<f32>() / searched.len() as f32;
        let clear = highest > CLEAR * power.sqrt();
        if !clear {
            return None;
        }
        let (Some(before), Some(after)) = (at.checked_sub(1).map(|at| searched[at]), searched.get(at + 1)) else {
            return Some(at as f32);
        };
        let bend = before - 2.0 * highest + after;
        let shift = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
        Some(at as f32 + shift.clamp(-0.5, 0.5))
    }

    /// Takes an offset that was measured over the window before `end`.
    fn consider(&mut self, offset: f64, end: i64) {
        if let Some(known) = self.known {
            let expected = self.offset_at(known, end);
            let error = offset - expected;
            if error.abs() <= AGREE {
                self.looks = (self.looks + 1).min(LONGEST_MEMORY);
                let n = f64::from(self.looks + 1);
                let (alpha, beta) = (2.0 * (2.0 * n - 1.0) / (n * (n + 1.0)), 6.0 / (n * (n + 1.0)));
                let elapsed = (end - known.at).max(FRAME_SAMPLES as i64) as f64;
                self.drift = (self.drift + error * beta / elapsed).clamp(-MOST_DRIFT, MOST_DRIFT);
                self.known = Some(Offset { samples: expected + error * alpha, at: end });
                self.agreeing = 0;
                return;
            }
        }
        self.agreeing = if (offset - self.candidate).abs() <= AGREE { self.agreeing + 1 } else { 1 };
        self.candidate = offset;
        let enough = if self.known.is_some() { LOOKS_AGAINST } else { LOOKS };
        if self.agreeing >= enough {
            self.known = Some(Offset { samples: offset, at: end });
            self.looks = self.looks.min(MEMORY_AFTER_RESTART);
            self.agreeing = 0;
            self.average.fill(Complex::default());
        }
    }
}
