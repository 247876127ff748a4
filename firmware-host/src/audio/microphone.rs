//! The machine's microphone: samples from cpal's callback through a ring to the reader, and what happens when they stop.
//!
//! The callback converts a sample to `f32` and moves it, nothing else. The reader mixes down and resamples.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use cpal::traits::{DeviceTrait as _, StreamTrait as _};
use cpal::{BufferSize, FromSample, Sample as _, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, Hertz, LISTENING_RATE, SampleIndex, duration_of, samples_in};

use super::device::{self, Found, Side};
use super::keeper::{Health, Keeper};
use super::resample::{Resampler, downmix};
use super::{Capture, CaptureCounters, CaptureStep};

/// A stream that has given nothing for so long has stalled.
const STALL: Duration = Duration::from_secs(2);
/// The reader may lag so far behind before the oldest sound is dropped: long enough for a stutter of a busy board,
/// short enough that Pipit never answers what was said long ago.
const BACKLOG: Duration = Duration::from_secs(2);
/// What the ring holds: more than the backlog, so that it is the reader that drops, the oldest first.
const RING: Duration = Duration::from_secs(4);
/// How often the reader looks for new samples. A callback brings some 32 ms at once.
const LOOK: Duration = Duration::from_millis(8);

/// A microphone that is kept open.
pub struct Microphone {
    wanted: String,
    keeper: Keeper,
    news: Receiver<Result<Stream>>,
    stream: Option<Stream>,
    /// Whether the present absence has been told.
    told_lost: bool,
    resampler: Resampler,
    /// Resampled sound that does not yet fill a frame.
    ready: Vec<f32>,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    /// Position of the first sample in `ready`.
    at: SampleIndex,
    /// When samples last came, if any ever did.
    heard: Option<Instant>,
    counters: CaptureCounters,
}

impl Microphone {
    /// Starts looking for the microphone called `wanted`: `default`, an id, or part of a name.
    ///
    /// That it is not there is no error: [`CaptureStep::Lost`] says so, and it is looked for until it is.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub fn open(wanted: &str) -> Result<Self> {
        let name = wanted.to_owned();
        Self::keep(wanted, move || open(&name))
    }

    /// As [`Microphone::open`], with another way to open a stream.
    fn keep<S: Send + 'static>(
        wanted: &str,
        open: impl FnMut() -> Result<(S, Stream)> + Send + 'static,
    ) -> Result<Self> {
        let (tell, news) = mpsc::sync_channel(1);
        let keeper = Keeper::spawn("microphone", open, move |outcome| tell.send(outcome).is_ok())?;
        Ok(Microphone {
            wanted: wanted.to_owned(),
            keeper,
            news,
            stream: None,
            told_lost: false,
            resampler: Resampler::new(LISTENING_RATE, LISTENING_RATE)?,
            ready: Vec::new(),
            interleaved: Vec::new(),
            mono: Vec::new(),
            at: SampleIndex::default(),
            heard: None,
            counters: CaptureCounters::default(),
        })
    }

    /// Takes what the keeper has to tell. Gives a step where the reader should know.
    fn take_news(&mut self, news: Result<Stream>) -> Option<CaptureStep> {
        match news {
            Ok(stream) => {
                match Resampler::new(stream.rate, LISTENING_RATE) {
                    Ok(resampler) => self.resampler = resampler,
                    Err(error) => return self.lose(format!("{error:#}")),
                }
                self.stream = Some(stream);
                None
            }
            Err(error) => self.tell_lost(format!("{error:#}")),
        }
    }

    /// Gives up the stream.
    fn lose(&mut self, why: String) -> Option<CaptureStep> {
        if let Some(stream) = self.stream.take() {
            self.counters.overruns += stream.health.xruns();
        }
        self.keeper.reopen();
        self.tell_lost(why)
    }

    fn tell_lost(&mut self, why: String) -> Option<CaptureStep> {
        if self.told_lost {
            return None;
        }
        self.told_lost = true;
        self.counters.losses += 1;
        Some(CaptureStep::Lost(why))
    }

    /// Looks after the stream: its end, its silence, and what it has brought.
    fn look(&mut self) -> Option<CaptureStep> {
        let stream = self.stream.as_mut()?;
        let now = Instant::now();
        if stream.samples.is_empty() {
            if let Some(error) = stream.health.failure() {
                let why = device::has_gone(Side::Input, &stream.name, error);
                return self.lose(why);
            }
            if now.duration_since(stream.last) >= STALL {
                let why = device::has_stalled(Side::Input, &stream.name);
                return self.lose(why);
            }
            return None;
        }
        stream.last = now;
        let first = !std::mem::replace(&mut stream.found, true);
        let found = first.then(|| CaptureStep::Found(stream.name.clone()));
        if first {
            self.begin(now);
        }
        self.heard = Some(now);
        self.drain();
        found
    }

    /// Sound flows from a newly opened stream. What came before it no longer joins on, and time has passed.
    fn begin(&mut self, now: Instant) {
        self.told_lost = false;
        self.ready.clear();
        if let Some(heard) = self.heard {
            self.at = self.at + samples_in(now.duration_since(heard), LISTENING_RATE);
        }
    }

    /// Takes everything out of the ring, the oldest dropped if there is too much.
    fn drain(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let waiting = stream.samples.slots() / stream.channels * stream.channels;
        let overflowed = stream.overflowed.swap(0, Ordering::Relaxed) as usize;
        let limit = samples_in(BACKLOG, stream.rate) * stream.channels;
        // What overflowed came after everything in the ring, so all of that is older and goes as well.
        let drop_first = if overflowed > 0 { waiting } else { waiting.saturating_sub(limit) };
        let Ok(chunk) = stream.samples.read_chunk(waiting) else { return };
        self.interleaved.clear();
        let (front, back) = chunk.as_slices();
        self.interleaved.extend_from_slice(front);
        self.interleaved.extend_from_slice(back);
        chunk.commit_all();
        if drop_first + overflowed > 0 {
            let frames = (drop_first + overflowed) / stream.channels;
            let lost =
                self.ready.len() + (frames as u64 * u64::from(LISTENING_RATE.0) / u64::from(stream.rate.0)) as usize;
            self.ready.clear();
            self.resampler.reset();
            self.at = self.at + lost;
            self.counters.dropped_samples += lost as u64;
        }
        self.mono.clear();
        downmix(&self.interleaved[drop_first..], stream.channels, &mut self.mono);
        self.resampler.push(&self.mono, &mut self.ready);
    }

    fn frame(&mut self) -> Option<CaptureStep> {
        let samples = *self.ready.first_chunk::<FRAME_SAMPLES>()?;
        let frame = AudioFrame { at: self.at, samples };
        self.at = frame.end();
        self.ready.drain(..FRAME_SAMPLES);
        Some(CaptureStep::Frame(frame))
    }
}

impl Capture for Microphone {
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep {
        let deadline = Instant::now() + timeout;
        loop {
            // What is at hand goes out before anything that a new stream brings.
            if let Some(step) = self.frame().or_else(|| self.look()).or_else(|| self.frame()) {
                return step;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return CaptureStep::TimedOut;
            }
            // Before the rest of the frame has been spoken there is nothing to look for.
            let missing = duration_of(FRAME_SAMPLES - self.ready.len().min(FRAME_SAMPLES), LISTENING_RATE);
            let pause = if self.stream.is_some() { left.min(missing.max(LOOK)) } else { left };
            let step = match self.news.recv_timeout(pause) {
                Ok(news) => self.take_news(news),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    let why =
                        format!("the thread that looks for the microphone \"{}\" has died: restart Pipit", self.wanted);
                    if let Some(step) = self.tell_lost(why) {
                        return step;
                    }
                    std::thread::sleep(left);
                    None
                }
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn counters(&self) -> CaptureCounters {
        let now = self.stream.as_ref().map_or(0, |stream| stream.health.xruns());
        CaptureCounters { overruns: self.counters.overruns + now, ..self.counters }
    }
}

/// The reader's end of an open stream.
struct Stream {
    name: String,
    rate: Hertz,
    channels: usize,
    samples: rtrb::Consumer<f32>,
    /// Interleaved samples for which the ring had no room.
    overflowed: Arc<AtomicU64>,
    health: Arc<Health>,
    /// Whether sound has come, so that the device counts as found.
    found: bool,
    /// When samples last came, or when the stream was opened.
    last: Instant,
}

/// Opens the microphone called `wanted`, on the keeper's thread.
fn open(wanted: &str) -> Result<(cpal::Stream, Stream)> {
    device::quiet();
    let mut first_error = None;
    for found in device::candidates(wanted, Side::Input)? {
        match open_device(&found) {
            Ok(opened) => return Ok(opened),
            Err(error) => {
                let said = device::cannot_open(Side::Input, &found.name, &error);
                first_error.get_or_insert(said);
            }
        }
    }
    Err(anyhow!(first_error.unwrap_or_else(|| format!("no microphone called \"{wanted}\" is there"))))
}

/// Opens the device in the best format that it accepts.
fn open_device(found: &Found) -> Result<(cpal::Stream, Stream), cpal::Error> {
    let formats = device::formats(&found.device, Side::Input)?;
    let mut outcome = Err(cpal::Error::new(cpal::ErrorKind::UnsupportedConfig));
    // A device that refuses a few formats which it has listed refuses them all.
    for format in formats.iter().take(4) {
        outcome = open_format(found, format);
        match &outcome {
            Err(error) if error.kind() == cpal::ErrorKind::UnsupportedConfig => {}
            _ => break,
        }
    }
    outcome
}

fn open_format(found: &Found, format: &SupportedStreamConfig) -> Result<(cpal::Stream, Stream), cpal::Error> {
    let (rate, channels) = (Hertz(format.sample_rate()), usize::from(format.channels()));
    // A frame of 32 ms at a time; cpal makes the device's buffer twice that.
    let period = rate.0 * 32 / 1_000;
    let mut config =
        StreamConfig { channels: format.channels(), sample_rate: rate.0, buffer_size: BufferSize::Fixed(period) };
    if let cpal::SupportedBufferSize::Range { min, max } = format.buffer_size() {
        config.buffer_size = BufferSize::Fixed(period.clamp(*min, *max));
    }
    let (tap, samples) = rtrb::RingBuffer::new(samples_in(RING, rate) * channels);
    let overflowed = Arc::new(AtomicU64::new(0));
    let health = Health::new(|| {});
    let tap = Tap { ring: tap, overflowed: Arc::clone(&overflowed), health: Arc::clone(&health) };
    let stream = build(&found.device, config, format.sample_format(), tap)?;
    stream.play()?;
    let opened = Stream {
        name: found.name.clone(),
        rate,
        channels,
        samples,
        overflowed,
        health,
        found: false,
        last: Instant::now(),
    };
    Ok((stream, opened))
}

/// The callback's end of the ring.
struct Tap {
    ring: rtrb::Producer<f32>,
    overflowed: Arc<AtomicU64>,
    health: Arc<Health>,
}

impl Tap {
    /// Moves what fits; a whole frame or none of it, so that the channels stay in step.
    fn take<T: SizedSample>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        self.health.flows();
        match self.ring.write_chunk_uninit(data.len()) {
            Ok(chunk) => {
                chunk.fill_from_iter(data.iter().map(|&sample| f32::from_sample(sample)));
            }
            Err(_) => {
                self.overflowed.fetch_add(data.len() as u64, Ordering::Relaxed);
            }
        }
    }
}

fn build(
    device: &cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
    tap: Tap,
) -> Result<cpal::Stream, cpal::Error> {
    match format {
        SampleFormat::I8 => build_as::<i8>(device, config, tap),
        SampleFormat::I16 => build_as::<i16>(device, config, tap),
        SampleFormat::I24 => build_as::<cpal::I24>(device, config, tap),
        SampleFormat::I32 => build_as::<i32>(device, config, tap),
        SampleFormat::U8 => build_as::<u8>(device, config, tap),
        SampleFormat::U16 => build_as::<u16>(device, config, tap),
        SampleFormat::U24 => build_as::<cpal::U24>(device, config, tap),
        SampleFormat::U32 => build_as::<u32>(device, config, tap),
        SampleFormat::F32 => build_as::<f32>(device, config, tap),
        SampleFormat::F64 => build_as::<f64>(device, config, tap),
        _ => Err(cpal::Error::new(cpal::ErrorKind::UnsupportedConfig)),
    }
}

fn build_as<T: SizedSample + Send + 'static>(
    device: &cpal::Device,
    config: StreamConfig,
    mut tap: Tap,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let health = Arc::clone(&tap.health);
    // The timeout makes cpal ask the device now and then whether it is still there.
    device.build_input_stream(
        config,
        move |data: &[T], _| tap.take(data),
        move |error| health.error(error),
        Some(Duration::from_secs(1)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A stream at 48 kHz whose callback the test plays.
    fn stream(channels: usize) -> (Tap, Stream) {
        let rate = Hertz(48_000);
        let (ring, samples) = rtrb::RingBuffer::new(samples_in(RING, rate) * channels);
        let (overflowed, health) = (Arc::new(AtomicU64::new(0)), Health::new(|| {}));
        let tap = Tap { ring, overflowed: Arc::clone(&overflowed), health: Arc::clone(&health) };
        let name = "test".to_owned();
        (tap, Stream { name, rate, channels, samples, overflowed, health, found: false, last: Instant::now() })
    }

    fn microphone(streams: Vec<Stream>) -> Microphone {
        let mut streams = streams.into_iter();
        Microphone::keep("test", move || Ok(((), streams.next().ok_or_else(|| anyhow!("no more"))?))).unwrap()
    }

    fn frames(microphone: &mut Microphone) -> Vec<AudioFrame> {
        let mut frames = Vec::new();
        while let CaptureStep::Frame(frame) = microphone.next_frame(Duration::ZERO) {
            frames.push(frame);
        }
        frames
    }

    #[test]
    fn any_format_becomes_frames_at_the_listening_rate() {
        let (mut tap, opened) = stream(2);
        for _ in 0..10 {
            tap.take(&[[i16::MAX / 2, i16::MAX / 4]; 4_800].concat());
        }
        let mut microphone = microphone(vec![opened]);
        assert_eq!(microphone.next_frame(PATIENCE), CaptureStep::Found("test".to_owned()));
        let frames = frames(&mut microphone);
        assert!((30..=31).contains(&frames.len()), "{} frames of one second", frames.len());
        for (n, frame) in frames.iter().enumerate() {
            assert_eq!(frame.at, SampleIndex(n as u64 * 512));
        }
        assert!(frames[5].samples.iter().all(|s| (s - 0.375).abs() < 1e-3), "{:?}", &frames[5].samples[..4]);
    }

    #[test]
    fn a_late_reader_loses_the_oldest_and_the_positions_say_how_much() {
        let (mut tap, opened) = stream(1);
        let mut microphone = microphone(vec![opened]);
        tap.take(&[0.1_f32; 4_800]);
        assert_eq!(microphone.next_frame(PATIENCE), CaptureStep::Found("test".to_owned()));
        frames(&mut microphone);
        // Three seconds while the reader is away: one more than may wait.
        for second in [0.2_f32, 0.3, 0.4] {
            tap.take(&[second; 48_000]);
        }
        let late = frames(&mut microphone);
        let middle = late[late.len() / 4].samples[0];
        assert!((middle - 0.3).abs() < 0.01, "the second of them is kept, not {middle}");
        let dropped = microphone.counters().dropped_samples;
        assert!((16_000..16_000 + 1_600).contains(&dropped), "{dropped}");
        let end = late.last().unwrap().end();
        assert!((SampleIndex(48_000)..=SampleIndex(49_600)).contains(&end), "{end:?}");
        // Five more: the ring itself overflows, and all that is older than that goes.
        for second in [0.5_f32, 0.5, 0.5, 0.5, 0.5] {
            tap.take(&[second; 48_000]);
        }
        assert!(frames(&mut microphone).is_empty());
        tap.take(&[0.6_f32; 48_000]);
        let first = frames(&mut microphone)[0].at;
        assert!((SampleIndex(128_000)..=SampleIndex(129_600)).contains(&first), "{first:?}");
        assert!(microphone.counters().dropped_samples >= dropped + 5 * 16_000);
    }

    #[test]
    fn a_stalled_stream_is_told_once_and_replaced_and_the_positions_go_on() {
        let (mut tap, opened) = stream(1);
        let (mut again, reopened) = stream(1);
        let mut microphone = microphone(vec![opened, reopened]);
        tap.take(&[0.1_f32; 48_000]);
        assert_eq!(microphone.next_frame(PATIENCE), CaptureStep::Found("test".to_owned()));
        let before = frames(&mut microphone).last().unwrap().end();
        let lost = microphone.next_frame(PATIENCE);
        assert!(matches!(&lost, CaptureStep::Lost(why) if why.contains("\"test\" has stopped working")), "{lost:?}");
        assert_eq!(microphone.next_frame(Duration::from_millis(1)), CaptureStep::TimedOut);
        again.take(&[0.1_f32; 48_000]);
        assert_eq!(microphone.next_frame(PATIENCE), CaptureStep::Found("test".to_owned()));
        let CaptureStep::Frame(frame) = microphone.next_frame(PATIENCE) else { panic!() };
        assert!(frame.at >= before + samples_in(STALL, LISTENING_RATE), "{:?} after {before:?}", frame.at);
        assert_eq!(microphone.counters().losses, 1);
    }
}
