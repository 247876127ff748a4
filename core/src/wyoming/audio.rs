//! The sound in events: raw samples in whatever format the peer has.

use serde_json::Value;

use super::Event;
use crate::audio::{Hertz, Pcm};

/// How the samples of a stream are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// Frames a second, 4,000..=192,000.
    pub rate: Hertz,
    /// Bytes of one sample, 1..=4: unsigned if it is one, else signed, the lowest byte first.
    pub width: usize,
    /// Samples of one frame, 1..=8.
    pub channels: usize,
}

impl AudioFormat {
    /// The format that an event names.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn of(event: &Event) -> Result<AudioFormat, String> {
        let figure = |key: &str, least: u64, most: u64| {
            let figure = event.data.get(key).and_then(Value::as_u64).filter(|figure| (least..=most).contains(figure));
            figure.ok_or_else(|| format!("{} needs {key} from {least} to {most}", event.kind))
        };
        let (rate, width, channels) =
            (figure("rate", 4_000, 192_000)?, figure("width", 1, 4)?, figure("channels", 1, 8)?);
        Ok(AudioFormat { rate: Hertz(rate as u32), width: width as usize, channels: channels as usize })
    }

    /// Bytes of one frame.
    #[must_use]
    pub fn frame(&self) -> usize {
        self.width * self.channels
    }
}

/// Makes one channel of a stream of samples. Pieces need not be whole frames.
#[derive(Debug)]
pub struct MonoReader {
    format: AudioFormat,
    /// The beginning of a frame.
    begun: Vec<u8>,
}

impl MonoReader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new(format: AudioFormat) -> MonoReader {
        MonoReader { format, begun: Vec::new() }
    }

    /// What it reads.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// Appends the frames that `bytes` complete to `mono`, samples in -1.0..=1.0. Two channels are averaged; of more the first
    /// is taken, because microphone arrays put the reference there.
    pub fn push(&mut self, bytes: &[u8], mono: &mut Vec<f32>) {
        let (width, size) = (self.format.width, self.format.frame());
        let mut bytes = bytes;
        if !self.begun.is_empty() {
            let (missing, rest) = bytes.split_at((size - self.begun.len()).min(bytes.len()));
            self.begun.extend_from_slice(missing);
            bytes = rest;
            if self.begun.len() < size {
                return;
            }
            mono.push(frame(&self.begun, width));
            self.begun.clear();
        }
        let frames = bytes.chunks_exact(size);
        self.begun.extend_from_slice(frames.remainder());
        mono.extend(frames.map(|bytes| frame(bytes, width)));
    }
}

fn frame(bytes: &[u8], width: usize) -> f32 {
    let mut samples = bytes.chunks_exact(width).map(sample);
    let first = samples.next().unwrap_or_default();
    if bytes.len() == 2 * width { (first + samples.next().unwrap_or_default()) / 2.0 } else { first }
}

fn sample(bytes: &[u8]) -> f32 {
    match *bytes {
        [a] => (f32::from(a) - 128.0) / 128.0,
        [a, b] => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
        [a, b, c] => i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0,
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]) as f32 / 2_147_483_648.0,
        _ => 0.0,
    }
}

/// The events that carry a piece of sound as 16-bit samples, of at most `seconds` each.
pub fn sound(pcm: &Pcm, seconds: f32) -> impl Iterator<Item = Event> + '_ {
    let rate = pcm.rate().0;
    let length = ((rate as f32 * seconds) as usize).max(1);
    pcm.samples().chunks(length).map(move |samples| {
        let bytes =
            samples.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes());
        format("audio-chunk", pcm.rate()).carrying(bytes.collect())
    })
}

impl Event {
    /// The event before sound of 16 bits and one channel.
    #[must_use]
    pub fn audio_start(rate: Hertz) -> Event {
        format("audio-start", rate)
    }

    /// The event after it.
    #[must_use]
    pub fn audio_stop() -> Event {
        Event::new("audio-stop")
    }
}

fn format(kind: &str, rate: Hertz) -> Event {
    Event::new(kind).with("rate", rate.0).with("width", 2).with("channels", 1)
}
