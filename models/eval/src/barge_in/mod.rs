//! Barge-in in simulated rooms: whether Pipit takes its own voice for a person, and whether it hears a person over it.

mod room;

use std::fmt;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, SampleIndex};
use pipit_core::ear::{EarSettings, EchoGuard, Segmenter, SpeechFact};
use pipit_models::clip;
use pipit_models::echo::{EchoCanceller, Reference};
use pipit_models::silero::SileroVad;
use serde::Serialize;

use crate::figures::{quantile, share};
use crate::{manifest, models};
use room::{Noise, RATE, Room, drifted, power, speech_power};

/// Replies in which nobody else speaks.
const REPLIES_S: usize = 600;
/// How loud echo and near speech are where they are speech: -26 dB of full scale.
const LEVEL: f32 = 0.05;
/// The room's own noise: -66 dB of full scale.
const NOISE: f32 = 0.0005;
/// What the device takes at a time.
const BURST: usize = 640;
/// How much faster the microphone's clock is in every second room.
const DRIFT_PPM: f64 = 200.0;
/// A person begins so long after the reply did.
const SPEAKS_AFTER: usize = RATE;
/// How far a label may be wrong.
const LABEL_S: f64 = 0.3;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    rooms: usize,
    /// Speech that was noticed in ten minutes of replies with nobody there.
    self_triggers: usize,
    /// Sounds for which a reply would have fallen silent for a moment in that time.
    stirs: usize,
    /// Utterances spoken over a reply.
    utterances: usize,
    /// The share of them that became speech.
    heard: f64,
    /// From the onset of speech to its being confirmed.
    median_ms: Option<f64>,
    p95_ms: Option<f64>,
    /// What the canceller costs for each frame of 32 ms.
    cancel_us: f64,
    /// What is taken out of the echo, by the filter and by the suppressor too.
    linear_db: f64,
    full_db: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { rooms, self_triggers, stirs, utterances, heard, cancel_us, linear_db, full_db, .. } = self;
        write!(
            f,
            "rooms {rooms}  self_triggers {self_triggers}  stirs {stirs}  utterances {utterances}  heard {heard:.4}  "
        )?;
        let ms = |delay: Option<f64>| delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.0}"));
        write!(f, "median_ms {}  p95_ms {}  cancel_us {cancel_us:.0}  ", ms(self.median_ms), ms(self.p95_ms))?;
        write!(f, "linear_db {linear_db:.1}  full_db {full_db:.1}")
    }
}

/// A recording of somebody who speaks.
struct Speech {
    samples: Vec<f32>,
    /// Where speech begins and ends.
    start: usize,
    end: usize,
}

/// What is played and what is said, in the microphone's time.
#[derive(Default)]
struct Scene {
    played: Vec<f32>,
    said: Vec<f32>,
    /// Where somebody speaks.
    utterances: Vec<(usize, usize)>,
    /// Where the speaker is opened anew.
    reopened: Vec<usize>,
}

#[allow(clippy::print_stderr)]
pub(crate) fn measure(folder: &Path) -> Result<Figures> {
    let (rooms, voices, people) = read(folder)?;
    let mut tally = Tally::default();
    let mut silero = models::silero()?;
    let per_room = REPLIES_S * RATE / rooms.len();
    for (number, room) in rooms.iter().enumerate() {
        let drift = if number % 2 == 1 { DRIFT_PPM } else { 0.0 };
        let alone = replies(&voices, number, per_room);
        let mut listener = Listener::new(&mut silero);
        let before = tally.started.len();
        listener.listen(room, drift, &alone, &mut tally)?;
        tally.stirs += std::mem::take(&mut tally.stirred);
        let triggers = tally.started.len() - before;
        eprintln!("{}: drift {drift} ppm, self_triggers {triggers} {:?}", room.name, &tally.started[before..]);
        tally.self_triggers += triggers;
        let spoken_over = conversations(&voices, people.iter().skip(number).step_by(rooms.len()), number);
        tally.started.clear();
        let mut listener = Listener::new(&mut silero);
        listener.listen(room, drift, &spoken_over, &mut tally)?;
        tally.stirred = 0;
        tally.score(&spoken_over);
    }
    Ok(tally.figures(rooms.len()))
}

/// The rooms, the recordings that stand in for Pipit's voice, and those of people.
fn read(folder: &Path) -> Result<(Vec<Room>, Vec<Speech>, Vec<Speech>)> {
    let mut rooms = vec![Room::synthetic(0.25, 3.0, 1), Room::synthetic(0.5, 0.0, 2)];
    let (mut voices, mut people) = (Vec::new(), Vec::new());
    let mut folders: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("manifest.tsv").exists()) {
        for row in manifest::rows(&folder.join("manifest.tsv"), &["file", "label", "sample_rate"])? {
            let file = folder.join(&row["file"]);
            if row["label"].contains("impulse response") {
                let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                rooms.push(Room::measured(name, clip::read(&file)?.samples()));
            }
            let seconds = |column: &str| row.get(column).and_then(|field| field.parse::<f64>().ok());
            let (Some(start), Some(end)) = (seconds("silver_speech_start"), seconds("silver_speech_end")) else {
                continue;
            };
            // What was recorded over a telephone is no stand-in for either.
            if row["sample_rate"] != "16000" || end - start < 0.4 {
                continue;
            }
            let at = |seconds: f64| (seconds * RATE as f64) as usize;
            let samples = clip::read(&file)?.samples().to_vec();
            let speech = Speech { start: at(start), end: at(end).min(samples.len()), samples };
            if (voices.len() + people.len()).is_multiple_of(2) { voices.push(speech) } else { people.push(speech) }
        }
    }
    if voices.is_empty() || people.is_empty() {
        bail!("{} holds no folders with labelled speech", folder.display());
    }
    Ok((rooms, voices, people))
}

/// Replies of a few sentences, with time between them, until `length`.
fn replies(voices: &[Speech], seed: usize, length: usize) -> Scene {
    let mut scene = Scene::default();
    let mut voices = voices.iter().cycle().skip(seed * 17);
    let mut chance = Noise(seed as u32 + 1);
    let mut number = 0;
    while scene.played.len() < length {
        if number % 3 == 0 {
            scene.reopen();
        }
        number += 1;
        let until = scene.played.len() + RATE * 6;
        while scene.played.len() < until {
            scene.play(voices.next().expect("a cycle has no end"));
            scene.pause((chance.next().abs() * 0.5 * RATE as f32) as usize);
        }
        scene.pause(2 * RATE);
    }
    scene
}

/// One reply for each person, who speaks over it.
fn conversations<'a>(voices: &[Speech], people: impl Iterator<Item = &'a Speech>, seed: usize) -> Scene {
    let mut scene = Scene::default();
    let mut voices = voices.iter().cycle().skip(seed * 13);
    let mut chance = Noise(seed as u32 + 9);
    for (number, person) in people.enumerate() {
        if number % 4 == 0 {
            scene.reopen();
        }
        let from = scene.played.len() + SPEAKS_AFTER + (chance.next().abs() * RATE as f32) as usize;
        let until = from + person.end - person.start + RATE / 2;
        while scene.played.len() < until {
            scene.play(voices.next().expect("a cycle has no end"));
            scene.pause((chance.next().abs() * 0.3 * RATE as f32) as usize);
        }
        scene.pause(3 * RATE);
        let gain = LEVEL / speech_power(&person.samples).sqrt();
        let margin = (RATE / 5).min(person.start);
        let said = &person.samples[person.start - margin..person.end];
        for (slot, sample) in scene.said[from - margin..].iter_mut().zip(said) {
            *slot += sample * gain;
        }
        scene.utterances.push((from, from + person.end - person.start));
    }
    scene
}

impl Scene {
    fn play(&mut self, voice: &Speech) {
        let gain = 2.0 * LEVEL / speech_power(&voice.samples).sqrt();
        self.played.extend(voice.samples[voice.start..voice.end].iter().map(|sample| sample * gain));
        self.said.resize(self.played.len(), 0.0);
    }

    fn pause(&mut self, samples: usize) {
        self.played.resize(self.played.len() + samples, 0.0);
        self.said.resize(self.played.len(), 0.0);
    }

    /// A speaker that has rested is opened a second before it is needed.
    fn reopen(&mut self) {
        self.pause(RATE);
        self.reopened.push(self.played.len());
        self.pause(RATE);
    }
}

#[derive(Default)]
struct Tally {
    /// Where speech started, and when that was known, in samples of the scene.
    started: Vec<(usize, usize)>,
    /// Sounds that may have been the beginning of speech.
    stirred: usize,
    self_triggers: usize,
    stirs: usize,
    utterances: usize,
    heard: usize,
    delays_ms: Vec<f64>,
    frames: u32,
    cancel_s: f64,
    /// Sums of power while nobody speaks: microphone, linear, full.
    echo: [f64; 3],
}

impl Tally {
    #[allow(clippy::print_stderr)]
    fn score(&mut self, scene: &Scene) {
        for &(from, to) in &scene.utterances {
            self.utterances += 1;
            let slack = (LABEL_S * RATE as f64) as usize;
            let heard = self.started.iter().find(|(at, _)| (from.saturating_sub(slack)..to).contains(at));
            match heard {
                Some((_, known)) => {
                    self.heard += 1;
                    self.delays_ms.push((*known as f64 - from as f64).max(0.0) * 1_000.0 / RATE as f64);
                }
                None => eprintln!("  missed {:.2}..{:.2}", from as f64 / 16e3, to as f64 / 16e3),
            }
        }
    }

    fn figures(mut self, rooms: usize) -> Figures {
        self.delays_ms.sort_by(f64::total_cmp);
        let removed = |left: f64| 10.0 * (self.echo[0] / left.max(1e-12)).log10();
        Figures {
            rooms,
            self_triggers: self.self_triggers,
            stirs: self.stirs,
            utterances: self.utterances,
            heard: share(self.heard, self.utterances),
            median_ms: quantile(&self.delays_ms, 0.5),
            p95_ms: quantile(&self.delays_ms, 0.95),
            cancel_us: self.cancel_s * 1e6 / f64::from(self.frames.max(1)),
            linear_db: removed(self.echo[1]),
            full_db: removed(self.echo[2]),
        }
    }
}

/// The daemon's ear while the speaker sounds.
struct Listener<'a> {
    silero: &'a mut SileroVad,
    canceller: EchoCanceller,
    guard: EchoGuard,
    segmenter: Segmenter,
}

impl<'a> Listener<'a> {
    fn new(silero: &'a mut SileroVad) -> Self {
        silero.reset();
        let ear = EarSettings::default();
        Listener {
            silero,
            canceller: EchoCanceller::new(),
            guard: EchoGuard::default(),
            segmenter: Segmenter::new(ear),
        }
    }

    fn listen(&mut self, room: &Room, drift: f64, scene: &Scene, tally: &mut Tally) -> Result<()> {
        let echo = room.hear(&scene.played);
        let gain = LEVEL / speech_power(&echo).sqrt();
        let echo = drifted(&echo, drift);
        let mut noise = Noise(7);
        let heard: Vec<f32> = echo.iter().zip(&scene.said).map(|(e, s)| e * gain + s + noise.next() * NOISE).collect();
        let mut reference = Reference::default();
        let mut chance = Noise(scene.played.len() as u32);
        let mut reopened = scene.reopened.iter().copied().peekable();
        let (mut pushed, mut lead) = (0, 2_000);
        for (number, samples) in heard.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
            let at = number * FRAME_SAMPLES;
            let end = at + FRAME_SAMPLES;
            let theirs = (end as f64 * (1.0 + drift * 1e-6)) as usize;
            if reopened.next_if(|&reopened| reopened <= theirs).is_some() {
                reference.restart();
                lead = 1_000 + (chance.next().abs() * 2_000.0) as usize;
                pushed = pushed.max(theirs);
            }
            let taken = ((theirs + lead) / BURST * BURST).min(scene.played.len());
            if taken > pushed {
                reference.push(&scene.played[pushed..taken]);
                pushed = taken;
            }
            let frame = AudioFrame { at: SampleIndex(at as u64), samples: *samples };
            let begun = Instant::now();
            let cancelled = self.canceller.cancel(&frame, &reference);
            if cancelled.echo.is_some() {
                tally.frames += 1;
                tally.cancel_s += begun.elapsed().as_secs_f64();
            }
            let voice = self.silero.voice_activity(&cancelled.linear)?;
            let activity = match &cancelled.echo {
                Some(levels) => {
                    let activity = self.guard.judge(levels, voice);
                    tally.stirred += usize::from(self.guard.stirred() && self.segmenter.is_quiet());
                    activity
                }
                None => voice,
            };
            let near = power(scene.said.get(at..end).unwrap_or_default());
            if let Some(levels) = cancelled.echo.filter(|_| near == 0.0) {
                for (sum, level) in tally.echo.iter_mut().zip([levels.microphone, levels.linear, levels.full]) {
                    *sum += f64::from(level);
                }
            }
            if let Some(SpeechFact::Started { at }) = self.segmenter.push(&cancelled.full, activity) {
                tally.started.push((at.0 as usize, end));
            }
        }
        Ok(())
    }
}
