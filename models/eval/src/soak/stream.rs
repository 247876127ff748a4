//! A microphone in front of which somebody says something every now and then, for hours. Its sound is the same for the same seed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Zoned};
use pipit::audio::{Capture, CaptureStep, resample};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LISTENING_RATE, SampleIndex};
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::voice::{self, VoiceSettings};

use crate::chance::Chance;

/// What is said to Pipit, of which the first few set timers.
const COMMANDS: [&str; 14] = [
    "set a timer for one minute",
    "set a timer for three minutes",
    "set a timer for five minutes",
    "set a timer for ten minutes",
    "set a timer for fifteen minutes",
    "set a timer for twenty minutes",
    "what time is it",
    "what is five plus six",
    "how much is twelve times seven",
    "what timers do i have",
    "what day is it",
    "set the volume to fifty percent",
    "set the volume to eighty percent",
    "never mind",
];
const TIMERS: u64 = 6;
/// Frames of 32 ms between two of them.
const GAPS: std::ops::Range<u64> = 200..2000;
/// The longest of what people say.
const LONGEST: Duration = Duration::from_secs(30);
/// How many of their recordings are used.
const MOST_RECORDINGS: usize = 60;

/// How much of the sound was heard, by which time passes.
#[derive(Clone)]
pub(crate) struct StreamClock {
    start: Zoned,
    frames: Arc<AtomicU64>,
}

impl StreamClock {
    pub(crate) fn new() -> StreamClock {
        StreamClock { start: Zoned::now(), frames: Arc::default() }
    }

    pub(crate) fn now(&self) -> Zoned {
        let passed = SignedDuration::from_millis(self.frames.load(Ordering::Relaxed) as i64 * 32);
        self.start.checked_add(passed).unwrap_or_else(|_| self.start.clone())
    }
}

/// What is heard just now.
enum Now {
    /// Nothing but noise so loud, for so many frames.
    Noise { left: u64, amplitude: f32 },
    /// A recording, from this sample on.
    Said { clip: usize, at: usize },
}

pub(crate) struct Stream {
    clock: StreamClock,
    chance: Chance,
    /// At the rate at which Pipit listens: the commands, then what people say.
    clips: Vec<Vec<f32>>,
    now: Now,
    until: u64,
    said: u64,
}

impl Stream {
    pub(crate) fn new(clock: StreamClock, seed: u64, folders: &[PathBuf]) -> Result<Stream> {
        let settings = VoiceSettings { voice: None, speed: 1.0, models: PathBuf::new(), service: None };
        let mut speaker = voice::open("espeak", &settings, None)?;
        let mut clips = Vec::new();
        for command in COMMANDS {
            let pcm = voice::say(&mut *speaker, command, &CancelFlag::new())?;
            clips.push(resample(pcm.samples(), pcm.rate(), LISTENING_RATE)?);
        }
        for folder in folders {
            clips.extend(recordings(folder)?);
        }
        let now = Now::Noise { left: 50, amplitude: 0.0 };
        Ok(Stream { clock, chance: Chance::new(seed), clips, now, until: 0, said: 0 })
    }

    /// How often something was said.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Lets it go on for so long, after which it ends until the next call.
    pub(crate) fn go_on_for(&mut self, time: Duration) {
        self.until += time.as_millis() as u64 / 32;
    }

    /// Three of ten set a timer, and four are said by people if any are there.
    fn choose(&mut self) -> usize {
        let commands = COMMANDS.len() as u64;
        let people = self.clips.len() as u64 - commands;
        let chosen = match self.chance.below(10) {
            0..3 => self.chance.below(TIMERS),
            3..7 if people > 0 => commands + self.chance.below(people),
            _ => TIMERS + self.chance.below(commands - TIMERS),
        };
        chosen as usize
    }
}

impl Capture for Stream {
    fn next_frame(&mut self, _timeout: Duration) -> CaptureStep {
        let number = self.clock.frames.load(Ordering::Relaxed);
        if number >= self.until {
            return CaptureStep::End;
        }
        let mut samples = [0.0; FRAME_SAMPLES];
        match &mut self.now {
            Now::Noise { left, amplitude } => {
                samples.iter_mut().for_each(|sample| *sample = self.chance.sample() * *amplitude);
                *left -= 1;
                if *left == 0 {
                    self.now = Now::Said { clip: self.choose(), at: 0 };
                    self.said += 1;
                }
            }
            Now::Said { clip, at } => {
                let left = &self.clips[*clip][*at..];
                let length = left.len().min(FRAME_SAMPLES);
                samples[..length].copy_from_slice(&left[..length]);
                *at += length;
                if length < FRAME_SAMPLES {
                    let left = GAPS.start + self.chance.below(GAPS.end - GAPS.start);
                    // A third of the pauses are silent, the others as loud as a room, at 70 to 50 dB below full scale.
                    let loudness = self.chance.below(3) as f32;
                    let amplitude = if loudness == 0.0 { 0.0 } else { 0.0003 * 3.0_f32.powf(loudness) };
                    self.now = Now::Noise { left, amplitude };
                }
            }
        }
        self.clock.frames.store(number + 1, Ordering::Relaxed);
        CaptureStep::Frame(AudioFrame { at: SampleIndex(number * FRAME_SAMPLES as u64), samples })
    }
}

/// The WAV and FLAC files of a folder and of the folders in it, by name, as far as they are not too long.
fn recordings(folder: &Path) -> Result<Vec<Vec<f32>>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{} can't be read", folder.display()))? {
            let path = entry?.path();
            let is_sound = path.extension().is_some_and(|ending| ending == "wav" || ending == "flac");
            if path.is_dir() {
                folders.push(path);
            } else if is_sound {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut clips = Vec::new();
    for file in files {
        let pcm = clip::read(&file)?;
        if pcm.duration() <= LONGEST && clips.len() < MOST_RECORDINGS {
            clips.push(resample(pcm.samples(), pcm.rate(), LISTENING_RATE)?);
        }
    }
    ensure!(!clips.is_empty(), "{} has no recordings of at most {} s", folder.display(), LONGEST.as_secs());
    Ok(clips)
}
