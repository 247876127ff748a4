//! `pipit doctor audio`: a test sound through the speaker, what the microphone hears of it, and what that means.

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use pipit_core::audio::{AudioFrame, Hertz, Pcm};
use pipit_core::config::{AudioBackend, Config};
use pipit_core::ear::EchoPath;
use pipit_models::echo::EchoCanceller;

use crate::app;
use crate::audio::{Capture, CaptureStep, ClauseId, EchoSource, PlaybackReport};
use crate::barge_in::Finding;

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

/// Measures, prints, and keeps what was found.
pub(super) fn execute(config: &Config) -> Result<ExitCode> {
    if !matches!(config.audio.backend, AudioBackend::Cpal { .. }) {
        bail!("there is no echo with the {} backend; set audio.backend to \"cpal\"", config.audio.backend.name());
    }
    print_line!("listening to the room, then playing a test sound of 9 s: please be quiet")?;
    let path = measure(config)?;
    let delay = path.delay.map_or("none is heard".to_owned(), |delay| format!("{:.0} ms", delay.as_secs_f32() * 1e3));
    print_line!("echo delay     {delay}")?;
    print_line!("echo removed   {:.1} dB ({:.1} dB by the filter alone)", path.removed_db, path.linear_removed_db)?;
    print_line!("noise floor    {:.1} dBFS", path.noise_floor_dbfs)?;
    let file = Finding::new(config, &path).write(config)?;
    let obstacle = path.obstacle();
    match obstacle {
        None => print_line!("barge-in       works: Pipit can be interrupted here")?,
        Some(obstacle) => print_line!("barge-in       does not work: {obstacle}")?,
    }
    print_line!("kept in {}; a daemon that runs reads it at its next start", file.display())?;
    Ok(if obstacle.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(config: &Config) -> Result<EchoPath> {
    let (sender, reports) = channel();
    // Nobody listens any more once everything is measured.
    let mut playback = app::speaker(config, Box::new(move |report| drop(sender.send(report))))?;
    let mut echo = playback.take_echo().context("this speaker gives no way to know what it plays")?;
    let mut microphone = app::microphone(config)?;
    let mut noise: Vec<f32> =
        (0..SETTLING + QUIET).map(|_| Ok(power(&next_frame(&mut *microphone)?))).collect::<Result<_>>()?;
    noise.drain(..SETTLING);
    noise.sort_by(f32::total_cmp);
    playback.set_volume(config.audio.volume);
    playback.play(ClauseId { turn: 1, revision: 1, clause: 0 }, test_sound())?;
    let mut heard = Heard::default();
    let mut after = 0;
    while after < AFTER {
        let frame = next_frame(&mut *microphone)?;
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
fn next_frame(microphone: &mut dyn Capture) -> Result<AudioFrame> {
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
