//! What the device's callback runs to get speech: it takes samples out of a ring, counts them, and fades out on request.
//!
//! Nothing here allocates, locks, waits or logs.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use pipit_core::audio::{Hertz, samples_in};
use rodio::{ChannelCount, SampleRate, Source};

use super::echo::EchoTap;
use super::keeper::Health;

/// How long a stopped clause takes to fade out, so that it does not end in a click.
const FADE: Duration = Duration::from_millis(8);

/// What the two ends tell each other.
#[derive(Default)]
pub(super) struct Tape {
    /// Samples that the device has taken, silence included: it shows that the device runs.
    clock: AtomicU64,
    /// Samples of speech that it has taken.
    taken: AtomicU64,
    /// Raised to have the source fade out and wait; lowered to have it go on.
    held: AtomicBool,
    /// Raised to have the source fade out and empty the ring; lowered by the source when that is done.
    cut: AtomicBool,
}

impl Tape {
    /// Samples that the device has taken, silence included.
    pub(super) fn clock(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Samples of speech that the device has taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Has the source fade out and empty the ring. Nothing may go into the ring until it has.
    pub(super) fn ask_to_cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Has the source fade out and keep its place, or go on from there.
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
    }

    /// Whether the source still has to.
    pub(super) fn is_cutting(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

/// The callback's end: one channel of speech at the device's rate, silence where there is none.
pub(super) struct Feed {
    ring: rtrb::Consumer<f32>,
    tape: Arc<Tape>,
    health: Arc<Health>,
    volume: Arc<AtomicU8>,
    echo: EchoTap,
    rate: SampleRate,
    gain: f32,
    fade_samples: u32,
    /// How far the sound is faded in, in samples of a fade: none of it is heard at 0.
    level: u32,
}

impl Feed {
    /// Reads `ring`, whose samples are at the mixer's own `rate`.
    pub(super) fn new(
        ring: rtrb::Consumer<f32>,
        tape: Arc<Tape>,
        health: Arc<Health>,
        volume: Arc<AtomicU8>,
        echo: EchoTap,
        rate: SampleRate,
    ) -> Self {
        let gain = gain(&volume);
        let fade_samples = samples_in(FADE, Hertz(rate.get())).max(1) as u32;
        Feed { ring, tape, health, volume, echo, rate, gain, fade_samples, level: fade_samples }
    }

    /// The next sample for the device.
    fn sample(&mut self) -> f32 {
        let cutting = self.tape.cut.load(Ordering::Acquire);
        let fading = cutting || self.tape.held.load(Ordering::Acquire);
        if cutting && (self.level == 0 || self.ring.is_empty()) {
            self.empty();
            return 0.0;
        }
        if fading && self.level == 0 {
            return 0.0;
        }
        let Ok(sample) = self.ring.pop() else {
            // Between two clauses there is nothing to fade.
            self.level = if fading { 0 } else { self.fade_samples };
            return 0.0;
        };
        self.level = if fading { self.level - 1 } else { (self.level + 1).min(self.fade_samples) };
        self.tape.taken.store(self.tape.taken.load(Ordering::Relaxed) + 1, Ordering::Release);
        // A turn of the dial is spread over some 20 ms, so that it does not click.
        self.gain += (gain(&self.volume) - self.gain) * 0.001;
        sample * self.gain * self.level as f32 / self.fade_samples as f32
    }

    /// Throws away what is in the ring and says that it is done.
    fn empty(&mut self) {
        if let Ok(rest) = self.ring.read_chunk(self.ring.slots()) {
            rest.commit_all();
        }
        // The next clause begins at full volume.
        self.level = self.fade_samples;
        self.tape.held.store(false, Ordering::Release);
        self.tape.cut.store(false, Ordering::Release);
    }
}

impl Iterator for Feed {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.health.flows();
        // Only this side writes the counts.
        self.tape.clock.store(self.tape.clock.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let sample = self.sample();
        self.echo.push(sample);
        Some(sample)
    }
}

impl Source for Feed {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> ChannelCount {
        NonZero::<u16>::MIN
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}

/// Loudness is felt about as the square of the dial.
fn gain(volume: &AtomicU8) -> f32 {
    (f32::from(volume.load(Ordering::Relaxed)) / 100.0).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::echo::echo_path;

    fn feed(volume: u8) -> (rtrb::Producer<f32>, Arc<Tape>, Feed) {
        let (ring, samples) = rtrb::RingBuffer::new(48_000);
        let tape = Arc::new(Tape::default());
        let rate = NonZero::new(48_000).unwrap();
        let (health, volume) = (Health::new(|| {}), Arc::new(AtomicU8::new(volume)));
        let (echo, _) = echo_path().0.tap(Hertz(48_000));
        let feed = Feed::new(samples, Arc::clone(&tape), health, volume, echo, rate);
        (ring, tape, feed)
    }

    #[test]
    fn speech_is_counted_and_silence_fills_the_rest() {
        let (mut ring, tape, mut feed) = feed(50);
        ring.push_entire_slice(&[0.4; 10]).unwrap();
        let out: Vec<f32> = feed.by_ref().take(15).collect();
        assert!(out[..10].iter().all(|s| (s - 0.1).abs() < 1e-6) && out[10..].iter().all(|&s| s == 0.0), "{out:?}");
        assert_eq!((tape.taken(), tape.clock()), (10, 15));
    }

    #[test]
    fn a_cut_fades_within_8_ms_and_drops_the_rest() {
        let (mut ring, tape, mut feed) = feed(100);
        ring.push_entire_slice(&[0.5; 40_000]).unwrap();
        feed.by_ref().take(100).for_each(drop);
        tape.ask_to_cut();
        let out: Vec<f32> = feed.by_ref().take(2_000).collect();
        assert!(out[..384].is_sorted_by(|a, b| a > b) && out[384..].iter().all(|&s| s == 0.0));
        assert!(out.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.002), "no step that clicks");
        assert!(!tape.is_cutting() && ring.slots() == 48_000);
        assert_eq!(tape.taken(), 484);
        ring.push_entire_slice(&[0.5; 1]).unwrap();
        assert_eq!(feed.next(), Some(0.5), "the next clause begins at full volume");
    }

    #[test]
    fn what_is_held_goes_on_where_it_stopped() {
        let (mut ring, tape, mut feed) = feed(100);
        let ramp: Vec<f32> = (0..20_000).map(|n| n as f32 / 20_000.0).collect();
        ring.push_entire_slice(&ramp).unwrap();
        feed.by_ref().take(10_000).for_each(drop);
        tape.hold(true);
        let out: Vec<f32> = feed.by_ref().take(5_000).collect();
        assert!(out[384..].iter().all(|&s| s == 0.0), "silence after 8 ms");
        assert_eq!(tape.taken(), 10_384);
        tape.hold(false);
        let out: Vec<f32> = feed.by_ref().take(2_000).collect();
        assert!(out.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.002), "no step that clicks");
        assert_eq!(out[1_000], ramp[11_384]);
    }

    #[test]
    fn what_is_held_can_be_cut() {
        let (mut ring, tape, mut feed) = feed(100);
        ring.push_entire_slice(&[0.5; 20_000]).unwrap();
        tape.hold(true);
        feed.by_ref().take(5_000).for_each(drop);
        tape.ask_to_cut();
        assert_eq!(feed.next(), Some(0.0));
        assert!(!tape.is_cutting());
        ring.push_entire_slice(&[0.5; 1]).unwrap();
        assert_eq!(feed.next(), Some(0.5), "the next clause is heard");
    }

    #[test]
    fn a_cut_of_silence_is_done_at_once() {
        let (_ring, tape, mut feed) = feed(100);
        tape.ask_to_cut();
        assert_eq!(feed.next(), Some(0.0));
        assert!(!tape.is_cutting());
    }
}
