//! What is done with models, by whoever asks for it: `pipit models` and the panel.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use anyhow::{Context as _, bail, ensure};
use pipit_core::config::{Config, WakeModel};
use pipit_core::turn::WakeMode;
use pipit_models::cancel::CancelFlag;
use pipit_models::catalogue::{
    Engine, FileVerdict, Kind, Measurement, Measurements, Model, RealTimeFactor, Source, State, measure,
};
use pipit_models::voice::{self, VoiceSettings, full_name};
use pipit_models::whisper::Transcript;
use pipit_models::whisper::onnx::Cache;

use crate::hearing;
use crate::installed::{Installed, WAKE_WORD_FEATURES};
use crate::whisper_engine::WhisperEngine;

/// What a voice says to be measured.
const SENTENCE: &str = "The washing machine has finished, and the kitchen is at twenty one degrees.";

/// An engine whose mean log-probability of a clear sentence falls by more than this hears worse.
const MOST_LESS_CERTAIN: f32 = 0.1;

/// The models that are at work where this recogniser and this voice are, and what the configuration needs beside them.
pub fn at_work(
    installed: &Installed,
    config: &Config,
    recogniser: Option<&str>,
    voice: Option<&str>,
) -> HashSet<String> {
    let mut names = HashSet::new();
    names.extend(recogniser.map(str::to_owned));
    names.extend(voice.and_then(|voice| model_of_voice(installed, voice)));
    // What stands behind a service is at work once that does not answer.
    if config.transcription_service().is_some() {
        names.extend(installed.recognisers(config).into_iter().next());
    }
    if config.voice_service().is_some() {
        let first = installed.own_voices(config).into_iter().next();
        let first = first.map(|(engine, voice)| full_name(engine.name(), &voice));
        names.extend(first.and_then(|voice| model_of_voice(installed, &voice)));
    }
    if config.wake.attention.mode == WakeMode::OpenWakeWord {
        names.insert(WAKE_WORD_FEATURES.to_owned());
        if let WakeModel::Named(name) = &config.wake.model {
            names.insert(name.clone());
        }
    }
    let listed = installed.folder().list().into_iter();
    let needed = listed.filter(|one| one.model.source == Source::Setup && one.state != State::Absent);
    names.extend(needed.map(|one| one.model.name.clone()));
    names
}

/// The model of the catalogue that a voice of this name needs, such as `piper en_US-ljspeech-medium`.
pub fn model_of_voice(installed: &Installed, voice: &str) -> Option<String> {
    let (engine, own_name) = voice.split_once(' ')?;
    let models = installed.folder().catalogue().models();
    let found = models.iter().find(|model| match engine {
        "kokoro" => model.engine == Engine::Kokoro,
        "piper" => {
            let stem = own_name.split('#').next().unwrap_or(own_name);
            model.engine == Engine::Piper && model.files.first().is_some_and(|file| file.name == format!("{stem}.onnx"))
        }
        _ => false,
    });
    found.map(|model| model.name.clone())
}

/// Removes a model, and gives the bytes that are free again.
///
/// # Errors
/// It is one of those `at_work`, or it can't be removed.
pub fn remove(installed: &Installed, name: &str, at_work: &HashSet<String>) -> anyhow::Result<u64> {
    installed.folder().catalogue().get(name)?;
    ensure!(!at_work.contains(name), "{name} is at work; choose another one in its place first");
    Ok(installed.folder().remove(name)?)
}

/// Whether speed is what this model is chosen by.
pub fn is_measurable(model: &Model) -> bool {
    matches!(model.kind(), Kind::Stt | Kind::Tts)
}

/// Measures a model of which speed is chosen by, in so many runs, and keeps the figure for the choice. `tell` is told what each way to
/// run it costs.
///
/// # Errors
/// It is not installed, does not work, or `cancel` was raised; or the figure can't be kept.
pub fn bench(
    installed: &Installed,
    config: &Config,
    model: &Model,
    runs: NonZeroUsize,
    cancel: &CancelFlag,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Measurement> {
    let (threads, real_time_factor, engine) = match model.kind() {
        Kind::Stt => {
            let (engine, factor) = bench_recogniser(installed, config, model, runs, cancel, tell)?;
            (installed.recogniser_threads(config), factor, Some(engine.to_string()))
        }
        Kind::Tts => {
            let (threads, factor) = bench_voice(installed, config, model, runs, cancel)?;
            (threads, factor, None)
        }
        _ => bail!("{} is not chosen by its speed", model.name),
    };
    let board = installed.board().fingerprint();
    let measurement = Measurement { model: model.name.clone(), board, threads, real_time_factor, engine };
    // Others may have been measured meanwhile.
    let mut measured = Measurements::load(installed.folder().path());
    measured.insert(measurement.clone());
    let folder = installed.folder().path().display();
    measured.save().with_context(|| format!("the figures can't be kept in {folder}"))?;
    Ok(measurement)
}

/// Measures a recogniser with each engine that `stt.engine` leaves open, and finds the quickest of those that hear a sample as whisper.cpp
/// does.
fn bench_recogniser(
    installed: &Installed,
    config: &Config,
    model: &Model,
    runs: NonZeroUsize,
    cancel: &CancelFlag,
    tell: &dyn Fn(&str),
) -> anyhow::Result<(WhisperEngine, RealTimeFactor)> {
    let speech = crate::self_test::spoken_sample()?;
    // Each precision takes as much disk as the model: the one that is chosen is compiled again when it is next loaded.
    let compiled = tempfile::tempdir_in(installed.folder().path()).context("there is no place to compile models in")?;
    let cache = Cache::new(compiled.path());
    let mut reference: Option<Transcript> = None;
    let mut quickest: Option<(WhisperEngine, RealTimeFactor)> = None;
    let mut failure = None;
    for engine in WhisperEngine::open_to(config) {
        let measured = installed.load_with(&model.name, engine, config, &cache).and_then(|mut recogniser| {
            let heard = recogniser.transcribe(speech.samples(), cancel)?;
            let work = || recogniser.transcribe(speech.samples(), cancel).map(|_| speech.duration());
            Ok((heard, measure(runs, work)?))
        });
        ensure!(!cancel.is_cancelled(), "it was cancelled");
        let (heard, factor) = match measured {
            Ok(measured) => measured,
            Err(error) => {
                tracing::warn!("{} by {engine}: {error:#}", model.name);
                failure = Some(error);
                continue;
            }
        };
        let exact = reference.get_or_insert_with(|| heard.clone());
        let certainty = heard.mean_log_probability - exact.mean_log_probability;
        let hears_alike = heard.text == exact.text && certainty > -MOST_LESS_CERTAIN;
        let alike = if hears_alike { "hears" } else { "does not hear" };
        tell(&format!(
            "{} by {engine}: {factor}; it {alike} what the first did, and its certainty differs by {certainty:.3}",
            model.name
        ));
        let is_quicker = quickest.as_ref().is_none_or(|(_, best)| factor.wall < best.wall);
        if hears_alike && is_quicker {
            quickest = Some((engine, factor));
        }
    }
    match (quickest, failure) {
        (Some(quickest), _) => Ok(quickest),
        (None, Some(error)) => Err(error),
        (None, None) => bail!("no engine can run {}", model.name),
    }
}

fn bench_voice(
    installed: &Installed,
    config: &Config,
    model: &Model,
    runs: NonZeroUsize,
    cancel: &CancelFlag,
) -> anyhow::Result<(usize, RealTimeFactor)> {
    let runtime = hearing::runtime(config)?;
    let (engine, own_name) = if model.engine == Engine::Kokoro {
        ("kokoro", None)
    } else {
        ("piper", model.files.first().and_then(|file| file.name.strip_suffix(".onnx")).map(str::to_owned))
    };
    let settings = VoiceSettings { voice: own_name, ..installed.voice_settings(config) };
    let mut voice = voice::open(engine, &settings, runtime.as_ref())?;
    let factor = measure(runs, || voice::say(&mut *voice, SENTENCE, cancel).map(|pcm| pcm.duration()))?;
    Ok((1, factor))
}

/// What was found out about a file, in words.
pub fn in_words(verdict: &FileVerdict) -> String {
    match verdict {
        FileVerdict::Good => "good".to_owned(),
        FileVerdict::Missing => "missing; pull it again".to_owned(),
        FileVerdict::Corrupt { .. } => "corrupt; pull it again".to_owned(),
        FileVerdict::Unknown { found } => format!("there is no hash to compare with; it hashes to {found}"),
    }
}

/// Whether a file is not what it should be.
pub fn is_bad(verdict: &FileVerdict) -> bool {
    matches!(verdict, FileVerdict::Missing | FileVerdict::Corrupt { .. })
}
