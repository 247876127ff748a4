//! A test sound through the speaker, and what the microphone hears of it: the measurement behind `pipit doctor audio`, and behind
//! the same at the panel.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, Hertz, LISTENING_RATE, Pcm, duration_of};
use pipit_core::config::{AudioBackend, Config};
use pipit_core::ear::EchoPath;
use pipit_models::echo::EchoCanceller;

use crate::app;
use crate::audio::{Capture, CaptureStep, ClauseId, EchoSource, PlaybackReport};

/// How long the microphone may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames of the quiet room that are listened to: 2 s, after 1 s in which devices settle.
const QUIET: usize = 63;
const SETTLING: usize = 31;
/// Frames of the test sound's end over which the echo is measured, once the filter has learnt the room: 3 s.
const MEASURED: usize = 94;
/// Frames in which the echo of the last sound is still under way: half a second.
const AFTER: usize = 16;
const RATE: Hertz = Hertz(24_000);

/// Why there is nothing to measure with this configuration, if so.
pub fn impossible(config: &Config) -> Option<String> {
    let backend = &config.audio.backend;
    let is_device = matches!(backend, AudioBackend::Cpal { .. });
    (!is_device).then(|| format!("there is no echo with the {} backend; set audio.backend to \"cpal\"", backend.name()))
}

/// How long it takes, about.
pub fn takes() -> Duration {
    duration_of((SETTLING + QUIET + AFTER) * FRAME_SAMPLES, LISTENING_RATE) + test_sound().duration()
}

/// Measures with what `microphone` opens, once the speaker is. `goes_on` is told how long it has been listened to, and says whether
/// it is still wanted.
///
/// # Errors
/// The microphone or the speaker does not work: why. Or it is not wanted any more.
pub fn measure(
    config: &Config,
    volume: u8,
    microphone: impl FnOnce() -> Result<Box<dyn Capture>>,
    goes_on: &mut dyn FnMut(Duration) -> bool,
) -> Result<EchoPath> {
    let (sender, reports) = channel();
    // Nobody listens any more once everything is measured.
    let mut playback = app::speaker(config, Box::new(move |report| drop(sender.send(report))))?;
    let mut echo = playback.take_echo().context("this speaker gives no way to know what it plays")?;
    let mut microphone = microphone()?;
    let mut frames = 0;
    let mut next = || {
        frames += 1;
        ensure!(goes_on(duration_of(frames * FRAME_SAMPLES, LISTENING_RATE)), "it was cancelled");
        next_frame(&mut *microphone)
    };
    let mut noise: Vec<f32> = (0..SETTLING + QUIET).map(|_| Ok(power(&next()?))).collect::<Result<_>>()?;
    noise.drain(..SETTLING);
    noise.sort_by(f32::total_cmp);
    playback.set_volume(volume);
    playback.play(ClauseId { turn: 1, revision: 1, clause: 0 }, test_sound())?;
    let mut heard = Heard::default();
    let mut after = 0;
    while after < AFTER {
        let frame = next()?;
        heard.add(&frame, &mut echo);
        if after > 0 || has_played(&reports)? {
            after += 1;
        }
    }
    Ok(heard.path(decibels(noise[noise.len() / 2])))
}

/// What was heard of the test sound.
#[derive(Default)]
struct Heard {
    canceller: EchoCanceller,
    delays: Vec<Duration>,
    /// Microphone, linear and full power of each frame in which the speaker was loud.
    levels: Vec<[f32; 3]>,
}

impl Heard {
    fn add(&mut self, frame: &AudioFrame, echo: &mut EchoSource) {
        let reference = echo.update();
        let Some(levels) = self.canceller.cancel(frame, reference).echo else { return };
        if levels.reference > 1e-5 {
            self.levels.push([levels.microphone, levels.linear, levels.full]);
            self.delays.extend(self.canceller.delay(reference));
        }
    }

    fn path(mut self, noise_floor_dbfs: f32) -> EchoPath {
        self.delays.sort();
        let last = &self.levels[self.levels.len().saturating_sub(MEASURED)..];
        let sum = |nth: usize| last.iter().map(|levels| levels[nth]).sum::<f32>();
        EchoPath {
            delay: self.delays.get(self.delays.len() / 2).copied(),
            linear_removed_db: decibels(sum(0)) - decibels(sum(1)),
            removed_db: decibels(sum(0)) - decibels(sum(2)),
            noise_floor_dbfs,
        }
    }
}

/// The next frame of a microphone that is there.
pub(crate) fn next_frame(microphone: &mut dyn Capture) -> Result<AudioFrame> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match microphone.next_frame(PATIENCE) {
            CaptureStep::Frame(frame) => return Ok(frame),
            CaptureStep::Found(_) | CaptureStep::TimedOut => {}
            CaptureStep::Lost(why) => bail!("{why}"),
            CaptureStep::End => break,
        }
    }
    bail!("the microphone gives no sound; plug it in again, or name another in audio.input")
}

fn has_played(reports: &Receiver<PlaybackReport>) -> Result<bool> {
    loop {
        match reports.try_recv() {
            Ok(PlaybackReport::Played(_)) => return Ok(true),
            Ok(PlaybackReport::Stopped { .. }) => bail!("the speaker has stopped; try again"),
            Ok(PlaybackReport::SpeakerLost(why) | PlaybackReport::Failed(why)) => bail!("{why}"),
            Ok(_) => {}
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Disconnected) => bail!("the speaker's thread has ended; the log says why"),
        }
    }
}

/// A sweep from 150 to 6,000 Hz in 2 s, whose echo has a sharp beginning, then 7 s of noise that rises and falls as speech
/// does, from which the filter learns the room: of a sweep it hears one frequency at a time.
fn test_sound() -> Pcm {
    let rate = RATE.0 as f32;
    let (length, low, high) = (2.0_f32, 150.0_f32, 6_000.0_f32);
    let sweep = (0..(length * rate) as usize).map(|n| {
        let t = n as f32 / rate;
        let octaves = (high / low).ln();
        let edge = (t.min(length - t) / 0.05).min(1.0);
        0.25 * edge * (std::f32::consts::TAU * low * length / octaves * ((t / length * octaves).exp() - 1.0)).sin()
    });
    let (mut seed, mut smooth) = (1_u32, 0.0_f32);
    let noise = (0..(7.0 * rate) as usize).map(|n| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (seed >> 8) as f32 / (1 << 23) as f32 - 1.0;
        smooth += (white - smooth) * 0.3;
        let syllables = (std::f32::consts::PI * 3.0 * n as f32 / rate).sin().abs();
        0.5 * smooth * (0.2 + 0.8 * syllables)
    });
    Pcm::new(sweep.chain(noise).collect::<Vec<_>>(), RATE)
}

fn power(frame: &AudioFrame) -> f32 {
    frame.samples.iter().map(|sample| sample * sample).sum::<f32>() / frame.samples.len() as f32
}

fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-10).log10()
}
