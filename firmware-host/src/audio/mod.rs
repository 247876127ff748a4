//! Sound in and sound out: the microphone as frames, the speaker as clauses, and the files and the silence that can
//! stand in for either.
//!
//! Nothing here knows what a turn is, runs a model, or decides when to speak. The audio callbacks only move samples
//! through lock-free rings; resampling, waiting and looking for a lost device happen on other threads.

mod device;
mod echo;
mod feed;
mod keeper;
mod microphone;
mod null;
mod playback;
mod remote;
mod resample;
mod speaker;
mod tap;
mod wav;

use std::time::Duration;

use anyhow::{Context as _, Result};
use pipit_core::audio::{AudioFrame, Pcm};

pub use device::{DeviceInfo, DeviceList, Formats, chosen, devices};
pub use echo::EchoSource;
pub use microphone::Microphone;
pub use null::Silence;
pub use playback::{ClauseId, Playback, PlaybackReport, QueueFull, ReportSink};
pub use remote::{RemoteMicrophone, SoundIn, Told, open as open_remote};
pub use resample::{Resampler, resample};
pub use tap::{Listening, Tap};
pub use wav::ClipFeed;

/// One way to hear and to speak.
pub struct Backend {
    /// What `audio.backend` calls it.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Whether sound that is played can reach this backend's microphone.
    pub echoes: bool,
    /// Opens the microphone.
    pub capture: fn(&Input) -> Result<Box<dyn Capture>>,
    /// Opens the speaker; its reports go to the given function.
    pub playback: fn(&Output, ReportSink) -> Result<Playback>,
}

/// Every backend, the usual one first.
pub const BACKENDS: &[Backend] = &[
    Backend {
        name: "cpal",
        about: "the machine's microphone and speaker",
        echoes: true,
        capture: |input| Ok(Box::new(Microphone::open(&input.device)?)),
        playback: |output, reports| speaker::open(&output.target, reports),
    },
    Backend {
        name: "wav",
        about: "a recording in place of the microphone, WAV files in place of the speaker",
        echoes: false,
        capture: |input| {
            let clip = input.clip.as_ref().context(
                "the wav backend needs a recording to listen to: use `pipit hear FILE`, or choose another `audio.backend`",
            )?;
            Ok(Box::new(ClipFeed::new(clip, input.pace, input.trailing_silence)?))
        },
        playback: |output, reports| wav::open(&output.target, reports),
    },
    Backend {
        name: "null",
        about: "silence in, nothing out, in real time: for a machine without sound",
        echoes: false,
        capture: |_| Ok(Box::new(Silence::new())),
        playback: |_, reports| null::open(reports),
    },
];

/// Finds a backend by its name.
///
/// # Errors
///
/// Names the backends there are.
pub fn backend(name: &str) -> Result<&'static Backend> {
    BACKENDS.iter().find(|backend| backend.name == name).with_context(|| {
        let names: Vec<_> = BACKENDS.iter().map(|backend| backend.name).collect();
        format!("there is no audio backend \"{name}\": choose one of {}", names.join(", "))
    })
}

/// What to listen to.
#[derive(Clone, Debug)]
pub struct Input {
    /// `default`, an id, or part of a name as `pipit devices` lists them. Only `cpal` reads it.
    pub device: String,
    /// The recording that `wav` feeds, at any rate.
    pub clip: Option<Pcm>,
    /// How fast `wav` feeds it.
    pub pace: Pace,
    /// How much silence `wav` adds after the recording, so that the end of the last utterance can be noticed.
    pub trailing_silence: Duration,
}

/// Where to speak.
#[derive(Clone, Debug)]
pub struct Output {
    /// `cpal`: the device, named as in [`Input::device`]. `wav`: the folder for the replies. `null`: unused.
    pub target: String,
}

/// How fast a recording is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A frame each 32 ms, as a microphone would.
    RealTime,
    /// As fast as frames are asked for.
    AsFastAsRead,
}

/// A source of frames, read by one thread.
pub trait Capture: Send {
    /// Waits up to `timeout` for the next frame or for news of the device.
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep;

    /// What was lost so far.
    fn counters(&self) -> CaptureCounters {
        CaptureCounters::default()
    }
}

/// What a call of [`Capture::next_frame`] brought.
#[allow(clippy::large_enum_variant, reason = "nearly every step is a frame, and a box would be an allocation for each")]
#[derive(Clone, Debug, PartialEq)]
pub enum CaptureStep {
    /// The next 32 ms. `at` jumps forward where sound was lost.
    Frame(AudioFrame),
    /// The device is not there or has stopped giving sound: why, and what to do, in words. Said once per loss; the
    /// device is looked for until it is found. Also the first step where there is no microphone at the start.
    Lost(String),
    /// The device of this name is open: at the start, and again after each loss.
    Found(String),
    /// Nothing within the timeout.
    TimedOut,
    /// The recording and the silence after it are over.
    End,
}

/// What capture lost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounters {
    /// Samples, at the listening rate, that were dropped because the reader was late.
    pub dropped_samples: u64,
    /// Times the device's own buffer overflowed, losing an unknown amount.
    pub overruns: u64,
    /// Times the device was lost.
    pub losses: u64,
}
