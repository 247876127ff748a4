//! How far the echo in the microphone lies behind what the speaker was given: found by cross-correlation, and followed.
//!
//! Generalised cross-correlation with phase transform (Knapp and Carter, 1976): every frequency counts the same, so the
//! peak is as sharp as the room allows, whatever is said. Spectra of successive windows are averaged, so that somebody
//! who speaks at the same time, and who resembles nothing that was played, averages out.

use std::collections::VecDeque;
use std::ops::Range;
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
/// The bins that are looked at: 150 to 6,000 Hz, in which speakers of small devices play and speech has power.
const BINS: Range<usize> = 150 * LENGTH / LISTENING_RATE.0 as usize..6_000 * LENGTH / LISTENING_RATE.0 as usize;
/// How much the peak must stand out of the rest (its height over the root mean square) to be believed.
const CLEAR: f32 = 12.0;
/// Two looks that differ by no more samples agree: half a millisecond.
const AGREE: f64 = 8.0;
/// So many looks in a row must agree.
const LOOKS: u32 = 2;
/// So many that contradict what is known must agree.
const LOOKS_AGAINST: u32 = 4;
/// After so many looks in a row that did not find the echo where it should be, it is looked for everywhere: 3 s.
const LOOKS_LOST: u32 = 6;
/// The stretch of microphone that is glanced at: 64 ms, so that a sound that has jumped is noticed before it counts as speech.
const GLANCE: usize = 1_024;
/// How much higher than the correlation at the known offset another must be for the echo to have jumped there.
const ELSEWHERE: f32 = 2.0;
/// Glances that must agree on where.
const GLANCES: u32 = 3;
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
    /// Looks since the echo was last found where it should be.
    missed: u32,
    /// Where the last glances have found the echo, and how many of them.
    jumped: (f64, u32),
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

/// What a glance at the newest frame says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Jump {
    /// The echo is where it should be, or nothing tells otherwise.
    No,
    /// It seems to be elsewhere.
    Likely,
    /// It is, and is followed there.
    Certain,
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
            missed: 0,
            jumped: (0.0, 0),
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
        let known = self.known.filter(|_| self.missed < LOOKS_LOST);
        let due = if known.is_some() { FRAMES_KNOWN } else { FRAMES_UNKNOWN };
        if self.frames < due {
            return;
        }
        self.frames = 0;
        // The newest reference that may be the echo's source. Where the offset is known, sources as much newer than it are
        // looked at as older ones, so that a change is found in either direction.
        let newest = match known {
            Some(known) => self.offset_at(known, end) + (WINDOW / 2) as f64,
            None => (nominal + JITTER) as f64,
        };
        self.missed = self.missed.saturating_add(1);
        if let Some(delay) = self.look(end, newest, reference) {
            self.consider(newest - f64::from(delay), end);
        }
        if self.missed == LOOKS_LOST {
            self.average.fill(Complex::default());
        }
    }

    /// The microphone was away, or the speaker: what was found no longer holds.
    pub(super) fn forget(&mut self) {
        self.microphone.iter_mut().for_each(|sample| *sample = 0.0);
        self.average.fill(Complex::default());
        (self.nominal, self.known, self.frames, self.agreeing, self.jumped) = (None, None, 0, 0, (0.0, 0));
        self.missed = 0;
    }

    /// Whether the echo in the newest frame is not where it should be: a device that had nothing to play for a moment plays
    /// the rest later than it was meant to be. Once that is certain the echo is followed there.
    pub(super) fn jump(&mut self, end: i64, reference: &Reference) -> Jump {
        let Some(known) = self.known else { return Jump::No };
        let newest = self.offset_at(known, end) + (WINDOW / 2) as f64;
        let Some(offset) = self.glance(end, newest, reference) else {
            self.jumped.1 = 0;
            return Jump::No;
        };
        let agrees = (offset - self.jumped.0).abs() <= AGREE;
        self.jumped = (offset, if agrees { self.jumped.1 + 1 } else { 1 });
        if self.jumped.1 < GLANCES {
            return Jump::Likely;
        }
        self.settle_on(offset, end);
        Jump::Certain
    }

    /// The offset at which the newest stretch of microphone resembles the reference far more than at the known one.
    fn glance(&mut self, end: i64, newest: f64, reference: &Reference) -> Option<f64> {
        self.transform(GLANCE, end, newest, reference)?;
        for k in BINS {
            let cross = self.heard_spectrum[k] * self.played_spectrum[k].conj();
            self.heard_spectrum[k] = cross / (cross.norm() + 1e-12);
        }
        self.heard_spectrum[..BINS.start].fill(Complex::default());
        self.heard_spectrum[BINS.end..].fill(Complex::default());
        self.inverse.process(&mut self.heard_spectrum, &mut self.correlation).ok()?;
        let here = WINDOW / 2 - AGREE as usize..=WINDOW / 2 + AGREE as usize;
        let here = self.correlation[here].iter().fold(0.0_f32, |highest, value| highest.max(*value));
        let (at, highest) = self.highest(possible(newest, end, reference)..WINDOW)?;
        (highest > here * ELSEWHERE).then_some(newest.floor() - at as f64)
    }

    /// The delay against the reference that ends `newest` after the microphone's `end`, in samples, if one stands out.
    fn look(&mut self, end: i64, newest: f64, reference: &Reference) -> Option<f32> {
        self.transform(WINDOW, end, newest, reference)?;
        // What the whole sample leaves of the offset turns the phase, so that the peak stays where it is while clocks drift.
        let turn = Complex::from_polar(1.0, ((newest.floor() - newest) * std::f64::consts::TAU / LENGTH as f64) as f32);
        let mut turned = turn.powu(BINS.start as u32);
        for k in BINS {
            let cross = self.heard_spectrum[k] * self.played_spectrum[k].conj() * turned;
            turned *= turn;
            self.average[k] = self.average[k] * MEMORY + cross / (cross.norm() + 1e-12) * (1.0 - MEMORY);
        }
        self.heard_spectrum.copy_from_slice(&self.average);
        self.inverse.process(&mut self.heard_spectrum, &mut self.correlation).ok()?;
        self.peak(possible(newest, end, reference))
    }

    /// The spectra of the newest `window` samples of the microphone, and of the reference that ends `newest` after them.
    fn transform(&mut self, window: usize, end: i64, newest: f64, reference: &Reference) -> Option<()> {
        self.heard.fill(0.0);
        let samples = self.microphone.iter().skip(WINDOW - window);
        self.heard[LENGTH - window..].iter_mut().zip(samples).for_each(|(slot, sample)| *slot = *sample);
        reference.copy(end + newest.floor() as i64 - LENGTH as i64, &mut self.played);
        self.forward.process(&mut self.heard, &mut self.heard_spectrum).ok()?;
        self.forward.process(&mut self.played, &mut self.played_spectrum).ok()
    }

    /// Where the correlation is highest, to a fraction of a sample, if that stands out.
    fn peak(&self, first: usize) -> Option<f32> {
        let longest = samples_in(LONGEST_DELAY, LISTENING_RATE) + JITTER as usize;
        let searched = if self.known.is_some() { WINDOW } else { longest.min(WINDOW) };
        let (at, highest) = self.highest(first..searched)?;
        let searched = &self.correlation[..searched];
        let (Some(before), Some(after)) = (at.checked_sub(1).map(|at| searched[at]), searched.get(at + 1)) else {
            return Some(at as f32);
        };
        let bend = before - 2.0 * highest + after;
        let shift = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
        Some(at as f32 + shift.clamp(-0.5, 0.5))
    }

    /// Where among these delays the correlation is highest, and how high, if that stands out.
    fn highest(&self, delays: Range<usize>) -> Option<(usize, f32)> {
        let searched = self.correlation.get(delays.clone())?;
        let (at, highest) = delays.zip(searched.iter().copied()).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let power = searched.iter().map(|value| value * value).sum::<f32>() / searched.len() as f32;
        (highest > CLEAR * power.sqrt()).then_some((at, highest))
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
                (self.agreeing, self.missed) = (0, 0);
                return;
            }
        }
        self.agreeing = if (offset - self.candidate).abs() <= AGREE { self.agreeing + 1 } else { 1 };
        self.candidate = offset;
        let enough = if self.known.is_some() { LOOKS_AGAINST } else { LOOKS };
        if self.agreeing >= enough {
            self.settle_on(offset, end);
        }
    }

    /// Takes the echo to be there from now on.
    fn settle_on(&mut self, offset: f64, end: i64) {
        self.known = Some(Offset { samples: offset, at: end });
        self.looks = self.looks.min(MEMORY_AFTER_RESTART);
        (self.agreeing, self.missed) = (0, 0);
        self.jumped = (offset, 0);
        self.average.fill(Complex::default());
    }
}

/// The first delay against the reference `newest` after the microphone's `end` at which there is any: nothing is heard before
/// the speaker was given it.
fn possible(newest: f64, end: i64, reference: &Reference) -> usize {
    (newest - (reference.end() - end) as f64).ceil().max(0.0) as usize
}
