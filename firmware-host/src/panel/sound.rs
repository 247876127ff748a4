//! Microphones and speakers, for the panel, and whether they work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use pipit_chat::Engine;
use pipit_core::audio::{FRAME_SAMPLES, Hertz, LISTENING_RATE, Pcm, duration_of, level};
use pipit_core::config::{AudioBackend, Config};
use pipit_core::turn::Event;
use pipit_models::clip;
use pipit_web::{Device, Devices, Outcome, Progress};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::app::{self, App};
use crate::audio::{self, DeviceInfo, Formats, Tap};
use crate::barge_in::Finding;
use crate::bus::Bus;
use crate::controls::Controls;
use crate::echo_test;
use crate::worker::{Inbox, Message};

/// How often it is looked whether something is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// How long a recording is kept.
const KEPT: Duration = Duration::from_secs(300);

/// Below this, in dB under the loudest that there is, nobody spoke.
const SILENT: f32 = -60.0;

/// The device's speaker, as the driver has it: what is played waits until nobody speaks, and is not taken for somebody's voice.
#[derive(Clone)]
pub(super) struct Speaker {
    inbox: Inbox,
    runtime: Handle,
}

impl Speaker {
    /// Needs a tokio runtime.
    pub(super) fn new(controls: &Controls) -> Speaker {
        Speaker { inbox: controls.inbox().clone(), runtime: Handle::current() }
    }

    /// Plays this and waits until it was heard; stops soon once `cancelled` is raised. Not for a thread of the runtime's own.
    pub(super) fn play(&self, pcm: Pcm, cancelled: &AtomicBool) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let (done, mut heard) = oneshot::channel();
            let ending = || anyhow::anyhow!("Pipit is ending");
            self.inbox.send(Message::Announce { pcm, done }).await.map_err(|_| ending())?;
            loop {
                match timeout(LOOK, &mut heard).await {
                    Ok(Ok(true)) => return Ok(()),
                    Ok(Ok(false)) => bail!("it was not heard: it was interrupted, or the speaker does not work"),
                    Ok(Err(_)) => return Err(ending()),
                    Err(_) if cancelled.load(Ordering::Relaxed) => {
                        self.inbox.send(Message::Event(Event::StopRequested)).await.map_err(|_| ending())?;
                        bail!("it was cancelled");
                    }
                    Err(_) => {}
                }
            }
        })
    }
}

pub(super) struct Sound {
    config: Config,
    bus: Bus,
    engine: Engine,
    tap: Tap,
    speaker: Speaker,
    recording: Arc<Mutex<Recording>>,
}

/// What was recorded last, unless it is forgotten.
#[derive(Default)]
struct Recording {
    pcm: Option<Pcm>,
    /// How many there have been.
    number: u64,
}

impl Sound {
    pub(super) fn new(app: &App, controls: &Controls) -> Sound {
        Sound {
            config: app.config().clone(),
            bus: app.bus().clone(),
            engine: app.engine().clone(),
            tap: app.tap().clone(),
            speaker: Speaker::new(controls),
            recording: Arc::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a recording for a while.
    fn keep(&self, pcm: Pcm) {
        let number = {
            let mut kept = self.kept();
            kept.number += 1;
            kept.pcm = Some(pcm);
            kept.number
        };
        let recording = Arc::downgrade(&self.recording);
        self.speaker.runtime.spawn(async move {
            tokio::time::sleep(KEPT).await;
            let Some(recording) = recording.upgrade() else { return };
            let mut kept = recording.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.number == number {
                kept.pcm = None;
            }
        });
    }

    fn recorded(&self, seconds: u32, progress: &Progress) -> anyhow::Result<Outcome> {
        let mut microphone = self.listen()?;
        let wanted = LISTENING_RATE.0 as usize * seconds as usize;
        let mut samples = Vec::with_capacity(wanted + FRAME_SAMPLES);
        progress.say("Speak now.");
        progress.reached(0, Some(seconds.into()));
        while samples.len() < wanted {
            ensure!(!progress.is_cancelled(), "it was cancelled, and nothing is kept");
            samples.extend_from_slice(&echo_test::next_frame(&mut microphone)?.samples);
            progress.reached(duration_of(samples.len(), LISTENING_RATE).as_secs(), Some(seconds.into()));
        }
        drop(microphone);
        samples.truncate(wanted);
        let loudest = samples.chunks(FRAME_SAMPLES).map(level).fold(f32::NEG_INFINITY, f32::max);
        let clipped = samples.iter().filter(|sample| sample.abs() > 0.99).count() > samples.len() / 1000;
        self.keep(Pcm::new(samples, LISTENING_RATE));
        let message = if loudest < SILENT {
            "Nothing was heard: the microphone gives silence. Is it the right one, and not muted at itself?".to_owned()
        } else if clipped {
            format!("It is too loud ({loudest:.0} dB): move away from the microphone, or turn it down.")
        } else {
            format!("Recorded; the loudest of it was at {loudest:.0} dB.")
        };
        Ok(Outcome { message, result: Some(json!({"loudest": loudest, "clipped": clipped})) })
    }

    fn listen(&self) -> anyhow::Result<audio::Listening> {
        ensure!(!self.bus.snapshots().borrow().muted, "the microphone is switched off; switch it on first");
        self.tap.listen().context("somebody tries the microphone already; wait until they are done")
    }

    fn measured(&self, progress: &Progress) -> anyhow::Result<Outcome> {
        if let Some(why) = echo_test::impossible(&self.config) {
            bail!("{why}");
        }
        let total = Some(echo_test::takes().as_secs());
        progress.say("Listening to the room, then playing a test sound: please be quiet.");
        let mut goes_on = |passed: Duration| {
            progress.reached(passed.as_secs(), total);
            !progress.is_cancelled()
        };
        let microphone = || Ok(Box::new(self.listen()?) as Box<dyn audio::Capture>);
        let path = echo_test::measure(&self.config, self.engine.volume(), microphone, &mut goes_on)?;
        Finding::new(&self.config, &path).write(&self.config)?;
        let message = match path.obstacle() {
            None => "Pipit can be interrupted here; it does so from its next start on.".to_owned(),
            Some(obstacle) => format!("Pipit can't be interrupted here: {obstacle}."),
        };
        let result = json!({
            "delay_ms": path.delay.map(|delay| delay.as_secs_f32() * 1e3),
            "removed_db": path.removed_db,
            "noise_floor_db": path.noise_floor_dbfs,
            "works": path.obstacle().is_none(),
        });
        Ok(Outcome { message, result: Some(result) })
    }

    fn played(&self, pcm: Pcm, progress: &Progress) -> anyhow::Result<Outcome> {
        progress.say("It is played once nobody speaks.");
        self.speaker.play(pcm, progress.cancelled())?;
        Ok(match &self.config.audio.backend {
            AudioBackend::Cpal { .. } => "It was played. Did you hear it?".to_owned(),
            AudioBackend::Wav { .. } => "It was written into a file, where replies go.".to_owned(),
            AudioBackend::Null => "It was played to nobody: there is no speaker.".to_owned(),
        }
        .into())
    }
}

impl pipit_web::Sound for Sound {
    fn devices(&self) -> Devices {
        let backend = self.config.audio.backend.name();
        let hears = self.bus.snapshots().borrow().microphone.clone();
        let no_echo = echo_test::impossible(&self.config);
        let recorded = self.kept().pcm.is_some();
        let usual = Devices { backend, hears, no_echo, recorded, ..Devices::default() };
        let (input, output) = match &self.config.audio.backend {
            AudioBackend::Cpal { input, output } => (app::device_name(input), app::device_name(output)),
            AudioBackend::Wav { input, output } => {
                let note = "Pipit listens to a recording and writes what it says into files, as audio.backend says; \
                            no device of this machine is used.";
                let (input, output) = (input.display().to_string(), output.display().to_string());
                return Devices { input, output, note: Some(note.to_owned()), ..usual };
            }
            AudioBackend::Null => {
                let note = "Pipit hears silence and is heard by nobody, as audio.backend says; set it to \"cpal\" to use \
                            the devices of this machine.";
                return Devices { note: Some(note.to_owned()), ..usual };
            }
        };
        let listed = audio::devices();
        let (microphone, speaker) = audio::chosen(&input, &output);
        let side = |of: fn(&DeviceInfo) -> Option<Formats>, chosen: Option<String>| {
            let devices = listed.devices.iter().filter_map(|device| {
                let chosen = chosen.as_ref() == Some(&device.id);
                // What is in use elsewhere, or here, may not say what it offers.
                let formats = of(device).map(|formats| formats.to_string()).or(chosen.then(String::new))?;
                Some(Device { id: device.id.clone(), name: device.name.clone(), formats, chosen })
            });
            devices.collect::<Vec<_>>()
        };
        let (microphones, speakers) = (side(|device| device.input, microphone), side(|device| device.output, speaker));
        Devices { input, output, problem: listed.problem.clone(), microphones, speakers, ..usual }
    }

    fn tone(&self, progress: &Progress) -> Result<Outcome, String> {
        self.played(tone(), progress).map_err(in_words)
    }

    fn record(&self, seconds: u32, progress: &Progress) -> Result<Outcome, String> {
        self.recorded(seconds, progress).map_err(in_words)
    }

    fn recording(&self) -> Option<Vec<u8>> {
        let pcm = self.kept().pcm.clone();
        pcm.map(|pcm| clip::wav(&pcm))
    }

    fn forget(&self) {
        self.kept().pcm = None;
    }

    fn play(&self, progress: &Progress) -> Result<Outcome, String> {
        let pcm = self.kept().pcm.clone();
        let pcm = pcm.ok_or("nothing is recorded, or it was forgotten since; record it again")?;
        self.played(pcm, progress).map_err(in_words)
    }

    fn echo(&self, progress: &Progress) -> Result<Outcome, String> {
        self.measured(progress).map_err(in_words)
    }
}

/// Three notes of half a second, each beginning and ending softly.
fn tone() -> Pcm {
    const RATE: Hertz = Hertz(24_000);
    let rate = RATE.0 as f32;
    let length = RATE.0 as usize / 2;
    let note = |frequency: f32| {
        (0..length).map(move |n| {
            let edge = (n.min(length - n) as f32 / rate / 0.03).min(1.0);
            0.3 * edge * (std::f32::consts::TAU * frequency * n as f32 / rate).sin()
        })
    };
    Pcm::new([392.0, 493.9, 587.3].into_iter().flat_map(note).collect::<Vec<_>>(), RATE)
}

fn in_words(error: anyhow::Error) -> String {
    format!("{error:#}")
}
