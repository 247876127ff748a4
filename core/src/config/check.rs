//! From the file as written to the configuration as meant: what no single key's type can say.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checked::{
    AudioBackend, AudioDevice, AudioSettings, BargeIn, Config, LogLevel, ModelSettings, PrivacySettings,
    UpdateSettings, WakeModel, WakeSettings,
};
use super::layers::{Settings, shown};
use super::problem::{Origin, Problem};
use super::{Defaults, board, home, llm, mqtt, oidc, speech, wire, wyoming};
use crate::chat::Tier;
use crate::ear::{EarSettings, WakePhrases};
use crate::turn::{AttentionSettings, TurnSettings, WakeMode};

/// Checks what has been gathered as a whole.
///
/// # Errors
/// Every problem, those of single settings first.
pub(super) fn check(mut settings: Settings<'_>, defaults: &Defaults) -> Result<Config, Vec<Problem>> {
    let file = settings.as_file();
    let rest = &mut settings;
    let drafts_afar = file.stt.drafts;
    check_order(rest, &file);
    let state_dir = path(rest, ("state", "dir"), file.state.dir).unwrap_or_else(|| defaults.state_dir.clone());
    let stt = speech::stt(rest, file.stt);
    let tts = speech::tts(rest, file.tts);
    let wake = wake(rest, file.wake);
    let mut turn = turn(&file.turn);
    if let Some(service) = stt.service.as_ref().filter(|service| service.tier <= llm::privacy(file.chat.privacy)) {
        speech::check_wake(rest, &wake, service);
        turn.drafts &= drafts_afar || service.tier < Tier::Outside;
    }
    let mqtt = mqtt::mqtt(rest, file.mqtt);
    let (wyoming, satellite) = wyoming::wyoming(rest, &file.wyoming);
    let config = Config {
        audio: audio(rest, file.audio, &state_dir),
        ear: ear(&file.ear),
        turn,
        wake,
        models: models(rest, file.models, &state_dir),
        stt,
        tts,
        widest: llm::privacy(file.chat.privacy),
        llm: llm::llm(rest, file.chat),
        privacy: PrivacySettings {
            ephemeral: file.privacy.ephemeral,
            conversation_days: NonZeroU32::new(file.privacy.conversation_days),
            ledger_days: NonZeroU32::new(file.privacy.ledger_days),
        },
        home: home::home(rest, file.home, mqtt.as_ref()),
        mqtt,
        wyoming,
        satellite,
        web_listen: web_listen(rest, ("listen", &file.web.listen), 7847),
        web_https_listen: web_listen(rest, ("https_listen", &file.web.https_listen), 7848),
        web_advertise: file.web.advertise,
        web_hosts: web_hosts(rest, &file.web.hosts),
        web_oidc: oidc::oidc(rest, &file.web),
        display: board::display(rest, &file.board, &file.display),
        twelve_hours: file.display.clock == wire::ClockFace::Twelve,
        leds: board::leds(rest, &file.board, &file.leds),
        buttons: board::buttons(rest, &file.board, &file.buttons),
        ring_late: Duration::from_secs(u64::from(file.alarms.ring_late_min) * 60),
        snooze: Duration::from_secs(u64::from(file.alarms.snooze_min) * 60),
        update: update(rest, &file.update),
        log_level: file.log.level.into(),
        log_turns: file.log.turns,
        state_dir,
    };
    let problems = settings.into_problems();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn update(settings: &mut Settings<'_>, update: &wire::Update) -> UpdateSettings {
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (feed, key) = (text(&update.feed), text(&update.key));
    let is_encrypted =
        |feed: &str| !feed.contains("://") || feed.starts_with("https://") || feed.starts_with("http://");
    if feed.as_deref().is_some_and(|feed| !is_encrypted(feed)) {
        let sentence = "update.feed is an address that begins with https:// or http://, or a folder";
        settings.object(&[("update", "feed")], sentence);
    }
    // What anybody could have put there is never installed.
    if feed.is_some() && key.is_none() {
        let sentence = "update.feed says where updates come from; write in update.key whose to trust, as minisign shows the public key";
        settings.object(&[("update", "feed"), ("update", "key")], sentence);
    }
    let failure = text(&update.failure).map(PathBuf::from);
    UpdateSettings { feed, key, failure }
}

/// A section, as [`Settings`] knows it, and a key.
type Key<'a> = (&'a str, &'a str);

impl Settings<'_> {
    /// Reports what is wrong with the first of `keys` together with the others, at the first of them that somebody
    /// wrote. Says nothing if one of them has been reported before or may stand under a misspelt name, because then its
    /// value here is not the owner's.
    pub(super) fn object(&mut self, keys: &[Key<'_>], sentence: impl Into<String>) {
        if keys.iter().any(|(section, key)| self.is_refused(section, key) || self.may_be_misspelt(section, key)) {
            return;
        }
        let written = keys.iter().find_map(|(section, key)| self.origin(section, key).cloned());
        let (section, key) = keys[0];
        let written = written.or_else(|| self.table_origin(section).cloned());
        self.refuse(section, key, written.unwrap_or(Origin::Default), sentence);
    }
}

/// Pairs of which one must be less than the other.
fn check_order(settings: &mut Settings<'_>, file: &wire::File) {
    let wire::File { ear, turn, chat, stt, tts, .. } = file;
    let pairs: [(Key<'_>, f64, Key<'_>, f64); 2] = [
        (("ear", "silence_threshold"), ear.silence_threshold, ("ear", "speech_threshold"), ear.speech_threshold),
        (("ear", "pause_ms"), ear.pause_ms.into(), ("turn", "fallback_ms"), turn.fallback_ms.into()),
    ];
    let stall: (Key<'_>, f64) = (("turn", "reply_stall_s"), turn.reply_stall_s.into());
    let waits: [(Key<'_>, f64, Key<'_>, f64); 2] = [
        (("chat", "first_token_timeout_s"), chat.first_token_timeout_s.into(), stall.0, stall.1),
        (("chat", "idle_timeout_s"), chat.idle_timeout_s.into(), stall.0, stall.1),
    ];
    let waits = waits.into_iter().filter(|_| chat.provider != wire::Provider::None);
    let listens = matches!(stt.engine, wire::SttEngine::Openai | wire::SttEngine::Wyoming);
    let speaks = matches!(tts.engine, wire::TtsEngine::Openai | wire::TtsEngine::Fish | wire::TtsEngine::Wyoming);
    let stt = listens.then_some((("stt", "timeout_s"), stt.timeout_s.into(), stall.0, stall.1));
    let tts = speaks.then_some((("tts", "timeout_s"), tts.timeout_s.into(), stall.0, stall.1));
    for (less, low, more, high) in pairs.into_iter().chain(waits).chain(stt).chain(tts) {
        if low >= high {
            let sentence = format!(
                "{}.{} ({low}) must be less than {}.{} ({high}); lower the one or raise the other",
                less.0, less.1, more.0, more.1
            );
            settings.object(&[less, more], sentence);
        }
    }
}

fn audio(settings: &mut Settings<'_>, audio: wire::Audio, state_dir: &Path) -> AudioSettings {
    let backend = match audio.backend {
        wire::Backend::Cpal => AudioBackend::Cpal { input: device(audio.input), output: device(audio.output) },
        wire::Backend::Wav => wav(settings, audio.input, audio.output, state_dir),
        wire::Backend::Null => AudioBackend::Null,
    };
    let barge_in = match audio.barge_in {
        wire::BargeIn::Auto => BargeIn::Auto,
        wire::BargeIn::On => BargeIn::On,
        wire::BargeIn::Off => BargeIn::Off,
    };
    AudioSettings { backend, volume: audio.volume, barge_in }
}

fn device(name: String) -> AudioDevice {
    if name == "default" { AudioDevice::Default } else { AudioDevice::Named(name) }
}

fn wav(settings: &mut Settings<'_>, input: String, output: String, state_dir: &Path) -> AudioBackend {
    if input == "default" {
        let sentence = "audio.backend \"wav\" has no microphone; write in audio.input which WAV file to listen to";
        settings.object(&[("audio", "input"), ("audio", "backend")], sentence);
    }
    let output = Some(output).filter(|output| output != "default");
    AudioBackend::Wav {
        input: path(settings, ("audio", "input"), Some(input)).unwrap_or_default(),
        output: path(settings, ("audio", "output"), output).unwrap_or_else(|| state_dir.join("replies")),
    }
}

fn ear(ear: &wire::Ear) -> EarSettings {
    EarSettings {
        speech_threshold: ear.speech_threshold as f32,
        silence_threshold: ear.silence_threshold as f32,
        onset: millis(ear.onset_ms),
        pause: millis(ear.pause_ms),
        pre_roll: millis(ear.pre_roll_ms),
    }
}

fn turn(turn: &wire::Turn) -> TurnSettings {
    TurnSettings {
        complete_threshold: turn.complete_threshold as f32,
        drafts: turn.drafts,
        fallback: millis(turn.fallback_ms),
        longest_utterance: seconds(turn.longest_utterance_s),
        interruption: millis(turn.interruption_ms),
        reply_stall: seconds(turn.reply_stall_s),
    }
}

fn wake(settings: &mut Settings<'_>, wake: wire::Wake) -> WakeSettings {
    let written = wake.phrases.split(',').map(str::trim).filter(|phrase| !phrase.is_empty());
    let mut phrases = WakePhrases::new(written).unwrap_or_else(|short| {
        let sentence = format!("{short}; write a longer one in wake.phrases, such as \"hey pipit\"");
        settings.object(&[("wake", "phrases")], sentence);
        AttentionSettings::default().phrases
    });
    if phrases.written().next().is_none() {
        settings.object(&[("wake", "phrases")], "wake.phrases names no phrase; write for example \"hey pipit\"");
    }
    let mode = match wake.mode {
        wire::WakeMode::Always => WakeMode::Always,
        wire::WakeMode::PushToTalk => WakeMode::PushToTalk,
        wire::WakeMode::Phrase => WakeMode::Phrase,
        wire::WakeMode::OpenWakeWord => WakeMode::OpenWakeWord,
    };
    if mode == WakeMode::OpenWakeWord {
        // Only taken off the front of what was said, so a name that says nothing is no mistake.
        phrases = WakePhrases::new([phrase_of_model(&wake.model).as_str()]).unwrap_or_default();
    }
    let model = match wake.model.as_str() {
        name if name.contains('/') || name.ends_with(".onnx") => {
            WakeModel::File(path(settings, ("wake", "model"), Some(wake.model)).unwrap_or_default())
        }
        _ => WakeModel::Named(wake.model),
    };
    let (threshold, follow_up) = (wake.threshold as f32, seconds(wake.follow_up_s));
    WakeSettings { attention: AttentionSettings { mode, phrases, threshold, follow_up }, model }
}

/// The phrase that a wake-word model is named after: "hey jarvis" for `openwakeword-hey_jarvis` and for
/// `models/hey_jarvis_v0.1.onnx`.
fn phrase_of_model(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_suffix(".onnx").unwrap_or(name);
    let name = name.strip_prefix("openwakeword-").unwrap_or(name);
    let is_version =
        |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    name.split(['_', '-']).take_while(|part| !is_version(part)).collect::<Vec<_>>().join(" ")
}

fn models(settings: &mut Settings<'_>, models: wire::Models, state_dir: &Path) -> ModelSettings {
    let dir = path(settings, ("models", "dir"), models.dir).unwrap_or_else(|| state_dir.join("models"));
    // An empty one has been refused as too short.
    let system_dir = path(settings, ("models", "system_dir"), Some(models.system_dir)).unwrap_or_default();
    let runtime = path(settings, ("models", "runtime"), models.runtime);
    let import_dir = path(settings, ("models", "import_dir"), Some(models.import_dir).filter(|dir| !dir.is_empty()));
    ModelSettings { dir, system_dir, runtime, import_dir }
}

fn web_listen(settings: &mut Settings<'_>, (key, written): (&'static str, &str), port: u16) -> Option<SocketAddr> {
    let address = written.trim().parse().ok();
    if address.is_none() && !written.trim().is_empty() {
        let sentence = format!(
            "web.{key} must be a numeric address and a port; write for example \"127.0.0.1:{port}\" for this machine alone, \
             \"0.0.0.0:{port}\" for the whole network, or \"\" for no panel"
        );
        settings.object(&[("web", key)], sentence);
    }
    address
}

/// Names of hosts as browsers write them.
fn web_hosts(settings: &mut Settings<'_>, written: &str) -> Vec<String> {
    let names = written.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
    let (fit, unfit): (Vec<_>, Vec<_>) = names.partition(|name| {
        let is_fit = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        name.len() <= 253 && name.split('.').all(is_fit)
    });
    if !unfit.is_empty() {
        let sentence = "web.hosts must be names of hosts, without a scheme or a port, parted by commas; write for example \
                        \"pipit.example.org\", or \"\" for none";
        settings.object(&[("web", "hosts")], sentence);
    }
    fit
}

/// A path, if there is one. The shell would expand `~`, but nothing does so here.
pub(super) fn path(settings: &mut Settings<'_>, (section, key): Key<'_>, written: Option<String>) -> Option<PathBuf> {
    let written = written?;
    let name = format!("{}.{key}", shown(section));
    if written.starts_with('~') {
        let sentence = format!("{name} begins with ~, which only a shell understands; write the whole path");
        settings.object(&[(section, key)], sentence);
    }
    if written.contains('\0') {
        settings.object(&[(section, key)], format!("{name} contains a NUL byte; write a path without one"));
    }
    Some(PathBuf::from(written))
}

fn millis(figure: u32) -> Duration {
    Duration::from_millis(figure.into())
}

pub(super) fn seconds(figure: u32) -> Duration {
    Duration::from_secs(figure.into())
}

impl From<wire::Level> for LogLevel {
    fn from(level: wire::Level) -> Self {
        match level {
            wire::Level::Error => LogLevel::Error,
            wire::Level::Warn => LogLevel::Warn,
            wire::Level::Info => LogLevel::Info,
            wire::Level::Debug => LogLevel::Debug,
            wire::Level::Trace => LogLevel::Trace,
        }
    }
}
