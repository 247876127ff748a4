//! What the speaker plays, on its way to the ear: the tap in the speaker's callback, and the reader that brings it to the
//! listening rate.
//!
//! The callback pushes a sample into a lock-free ring, nothing else. Cancelling is for `pipit_models::echo`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use pipit_core::audio::{Hertz, LISTENING_RATE, samples_in};
use pipit_models::echo::Reference;

use super::resample::Resampler;

/// What the ring holds: so long may the ear be kept waiting by a busy machine.
const RING: Duration = Duration::from_secs(2);
/// Streams that wait to be taken up. The speaker rests for seconds between two, and the ear looks many times a second;
/// where nobody looks, later ones are dropped.
const STREAMS: usize = 4;

/// The callback's end.
pub(super) struct EchoTap {
    ring: rtrb::Producer<f32>,
    torn: Arc<AtomicBool>,
}

impl EchoTap {
    /// Takes a sample that goes to the device.
    pub(super) fn push(&mut self, sample: f32) {
        if self.ring.push(sample).is_err() {
            self.torn.store(true, Ordering::Relaxed);
        }
    }
}

/// Where the speaker tells of each stream that it opens.
#[derive(Clone)]
pub(super) struct EchoTaps(SyncSender<Stream>);

impl EchoTaps {
    /// A tap for a stream at `rate`, and the way for the reader to learn of it once the stream runs.
    pub(super) fn tap(&self, rate: Hertz) -> (EchoTap, impl FnOnce() + use<>) {
        let (ring, samples) = rtrb::RingBuffer::new(samples_in(RING, rate));
        let torn = Arc::new(AtomicBool::new(false));
        let stream = Stream { samples, rate, torn: Arc::clone(&torn) };
        let taps = self.0.clone();
        // Where nobody listens for echoes the ring goes with its reader's end, and the tap pushes into nothing.
        (EchoTap { ring, torn }, move || drop(taps.try_send(stream)))
    }
}

/// A pair of ends: for the speaker, and for the ear.
pub(super) fn echo_path() -> (EchoTaps, EchoSource) {
    let (taps, streams) = sync_channel(STREAMS);
    (
        EchoTaps(taps),
        EchoSource { streams, open: None, drained: Vec::new(), resampled: Vec::new(), reference: Reference::default() },
    )
}

/// The ear's end: what the speaker was given, at the listening rate.
pub struct EchoSource {
    streams: Receiver<Stream>,
    open: Option<(Stream, Resampler)>,
    drained: Vec<f32>,
    resampled: Vec<f32>,
    reference: Reference,
}

/// The reader's end of one stream's ring.
struct Stream {
    samples: rtrb::Consumer<f32>,
    rate: Hertz,
    /// Raised when the ring was full: what is in it does not join on to what comes.
    torn: Arc<AtomicBool>,
}

impl EchoSource {
    /// Takes up what the speaker was given since the last call.
    pub fn update(&mut self) -> &Reference {
        while let Ok(stream) = self.streams.try_recv() {
            match Resampler::new(stream.rate, LISTENING_RATE) {
                Ok(resampler) => {
                    self.open = Some((stream, resampler));
                    self.reference.restart();
                }
                Err(error) => tracing::warn!("echo can't be cancelled: {error:#}"),
            }
        }
        self.drain();
        &self.reference
    }

    fn drain(&mut self) {
        let Some((stream, resampler)) = &mut self.open else { return };
        let waiting = stream.samples.slots();
        let Ok(chunk) = stream.samples.read_chunk(waiting) else { return };
        self.drained.clear();
        let (front, back) = chunk.as_slices();
        self.drained.extend_from_slice(front);
        self.drained.extend_from_slice(back);
        chunk.commit_all();
        if stream.torn.swap(false, Ordering::Relaxed) {
            resampler.reset();
            self.reference.restart();
        }
        self.resampled.clear();
        resampler.push(&self.drained, &mut self.resampled);
        self.reference.push(&self.resampled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_callback_gives_the_device_arrives_at_the_listening_rate() {
        let (taps, mut source) = echo_path();
        assert!(!source.update().has_sounded());
        let (mut tap, opened) = taps.tap(Hertz(48_000));
        opened();
        (0..48_000).for_each(|_| tap.push(0.0));
        assert!(!source.update().has_sounded(), "silence is no sound");
        (0..4_800).for_each(|n| tap.push((n as f32 * 0.05).sin() * 0.5));
        assert!(source.update().has_sounded());
    }

    #[test]
    fn a_new_stream_and_a_ring_that_overflowed_begin_afresh() {
        let (taps, mut source) = echo_path();
        let (mut tap, opened) = taps.tap(Hertz(16_000));
        opened();
        (0..1_600).for_each(|_| tap.push(0.5));
        assert!(source.update().has_sounded());
        (0..40_000).for_each(|_| tap.push(0.0));
        assert!(!source.update().has_sounded());
        (0..1_600).for_each(|_| tap.push(0.5));
        assert!(source.update().has_sounded(), "and goes on");
        let (_quiet, opened) = taps.tap(Hertz(44_100));
        opened();
        assert!(!source.update().has_sounded());
    }

    #[test]
    fn a_tap_that_nobody_reads_harms_nobody() {
        let (taps, source) = echo_path();
        drop(source);
        let (mut tap, opened) = taps.tap(Hertz(16_000));
        opened();
        (0..100_000).for_each(|_| tap.push(0.5));
    }
}
