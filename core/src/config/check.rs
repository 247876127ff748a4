//! From the file as written to the configuration as meant: what no single key's type can say.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checked::{
    AudioBackend, AudioDevice, AudioSettings, BargeIn, Config, KeySource, LlmProvider, LlmSettings, LogLevel,
    ModelSettings, PersonaSource, SttEngine, SttModel, SttSettings, TtsEngine, TtsSettings, WakeModel, WakeSettings,
};
use super::layers::Settings;
use super::problem::{Origin, Problem};
use super::{Defaults, server, wire};
use crate::chat::Persona;
use crate::ear::{EarSettings, WakePhrases};
use crate::turn::{AttentionSettings, TurnSettings, WakeMode};

/// Where Ollama listens unless it is told otherwise.
const OLLAMA: &str = "http://127.0.0.1:11434";

/// Checks what has been gathered as a whole.
///
/// # Errors
/// Every problem, those of single settings first.
pub(super) fn check(mut settings: Settings<'_>, defaults: &Defaults) -> Result<Config, Vec<Problem>> {
    let file = settings.as_file();
    let rest = &mut settings;
    let state_dir = path(rest, ("state", "dir"), file.state.dir).unwrap_or_else(|| defaults.state_dir.clone());
    check_order(rest, &file.ear, &file.turn, &file.chat);
    let config = Config {
        audio: audio(rest, file.audio, &state_dir),
        ear: ear(&file.ear),
        turn: turn(&file.turn),
        wake: wake(rest, file.wake),
        models: models(rest, file.models, &state_dir),
        stt: stt(rest, file.stt),
        tts: tts(rest, file.tts),
        llm: llm(rest, file.chat),
        web_listen: web_listen(rest, &file.web.listen),
        log_level: file.log.level.into(),
        log_turns: file.log.turns,
        state_dir,
    };
    let problems = settings.into_problems();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

type Key = (&'static str, &'static str);

impl Settings<'_> {
    /// Reports what is wrong with the first of `keys` together with the others, at the first of them that somebody
    /// wrote. Says nothing if one of them has been reported before or may stand under a misspelt name, because then its
    /// value here is not the owner's.
    fn object(&mut self, keys: &[Key], sentence: impl Into<String>) {
        if keys.iter().any(|(section, key)| self.is_refused(section, key) || self.may_be_misspelt(section, key)) {
            return;
        }
        let written = keys.iter().find_map(|(section, key)| self.origin(section, key).cloned());
        let (section, key) = keys[0];
        self.refuse(section, key, written.unwrap_or(Origin::Default), sentence);
    }
}

/// Pairs of which one must be less than the other.
fn check_order(settings: &mut Settings<'_>, ear: &wire::Ear, turn: &wire::Turn, chat: &wire::Chat) {
    let pairs: [(Key, f64, Key, f64); 2] = [
        (("ear", "silence_threshold"), ear.silence_threshold, ("ear", "speech_threshold"), ear.speech_threshold),
        (("ear", "pause_ms"), ear.pause_ms.into(), ("turn", "fallback_ms"), turn.fallback_ms.into()),
    ];
    let stall: (Key, f64) = (("turn", "reply_stall_s"), turn.reply_stall_s.into());
    let waits: [(Key, f64, Key, f64); 2] = [
        (("chat", "first_token_timeout_s"), chat.first_token_timeout_s.into(), stall.0, stall.1),
        (("chat", "idle_timeout_s"), chat.idle_timeout_s.into(), stall.0, stall.1),
    ];
    let asks_a_server = chat.provider != wire::Provider::None;
    for (less, low, more, high) in pairs.into_iter().chain(waits.into_iter().filter(|_| asks_a_server)) {
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
    let runtime = path(settings, ("models", "runtime"), models.runtime)
        .unwrap_or_else(|| dir.join("onnxruntime/libonnxruntime.so"));
    ModelSettings { dir, runtime }
}

fn stt(settings: &mut Settings<'_>, stt: wire::Stt) -> SttSettings {
    let is_code = (2..=3).contains(&stt.language.len()) && stt.language.bytes().all(|byte| byte.is_ascii_lowercase());
    if !is_code {
        let sentence = "stt.language must be an ISO 639 code in small letters; write for example \"en\" for English";
        settings.object(&[("stt", "language")], sentence);
    }
    let model = match stt.model.as_str() {
        "auto" => SttModel::Auto,
        name if name.contains('/') || name.ends_with(".bin") => {
            SttModel::File(path(settings, ("stt", "model"), Some(stt.model)).unwrap_or_default())
        }
        _ => SttModel::Named(stt.model),
    };
    let engine = match stt.engine {
        wire::SttEngine::Auto => None,
        wire::SttEngine::WhisperCpp => Some(SttEngine::WhisperCpp),
    };
    SttSettings { engine, model, threads: NonZeroU16::new(stt.threads), language: stt.language }
}

fn tts(settings: &mut Settings<'_>, tts: wire::Tts) -> TtsSettings {
    let engine = match tts.engine {
        wire::TtsEngine::Auto => None,
        wire::TtsEngine::Kokoro => Some(TtsEngine::Kokoro),
        wire::TtsEngine::Piper => Some(TtsEngine::Piper),
        wire::TtsEngine::Espeak => Some(TtsEngine::Espeak),
    };
    let voice = Some(tts.voice).filter(|voice| voice != "auto");
    if engine.is_none() && voice.is_some() {
        let sentence = "tts.voice is one engine's own name for a voice; write in tts.engine whose: \"kokoro\", \
                        \"piper\" or \"espeak\"";
        settings.object(&[("tts", "voice"), ("tts", "engine")], sentence);
    }
    TtsSettings { engine, voice, speed: tts.speed as f32 }
}

fn llm(settings: &mut Settings<'_>, chat: wire::Chat) -> Option<LlmSettings> {
    let api_key = key_source(settings, &chat);
    let provider = match chat.provider {
        wire::Provider::None => None,
        wire::Provider::Openai => Some(LlmProvider::OpenAi),
        wire::Provider::Ollama => Some(LlmProvider::Ollama),
    };
    let base_url = server_address(settings, provider, &chat.base_url, api_key.is_some());
    let provider = provider?;
    if chat.model.trim().is_empty() {
        let sentence = "chat.provider needs a model; write in chat.model the server's own name for it, for example \
                        \"qwen3:4b\" with Ollama";
        settings.object(&[("chat", "model"), ("chat", "provider")], sentence);
    }
    Some(LlmSettings {
        provider,
        base_url,
        model: chat.model,
        api_key,
        persona: persona(settings, chat.persona),
        system_prompt: chat.system_prompt,
        history_tokens: chat.history_tokens,
        max_reply_tokens: chat.max_reply_tokens,
        first_token_timeout: seconds(chat.first_token_timeout_s),
        idle_timeout: seconds(chat.idle_timeout_s),
    })
}

fn persona(settings: &mut Settings<'_>, written: String) -> PersonaSource {
    if written.contains('/') || written.ends_with(".toml") {
        return PersonaSource::File(path(settings, ("chat", "persona"), Some(written)).unwrap_or_default());
    }
    if !Persona::names().any(|name| name == written) {
        let names: Vec<String> = Persona::names().map(|name| format!("{name:?}")).collect();
        let sentence = format!(
            "chat.persona must be one of {}, or the path of a pack, with a / in it or ending in .toml",
            names.join(", ")
        );
        settings.object(&[("chat", "persona")], &sentence);
    }
    PersonaSource::BuiltIn(written)
}

/// The server's address; empty if there is none, which has been reported then unless nobody asks a server.
fn server_address(settings: &mut Settings<'_>, provider: Option<LlmProvider>, written: &str, with_key: bool) -> String {
    let address = match (provider, written.trim()) {
        (None, "") => return String::new(),
        (Some(LlmProvider::Ollama), "") => OLLAMA,
        (Some(LlmProvider::OpenAi), "") => {
            let sentence = "chat.provider \"openai\" needs a server; write its address in chat.base_url, for example \
                            \"https://api.openai.com/v1\" or \"http://127.0.0.1:8080/v1\"";
            settings.object(&[("chat", "base_url"), ("chat", "provider")], sentence);
            return String::new();
        }
        (_, address) => address,
    };
    server::base_url(address, with_key).unwrap_or_else(|sentence| {
        settings.object(&[("chat", "base_url")], sentence);
        String::new()
    })
}

fn key_source(settings: &mut Settings<'_>, chat: &wire::Chat) -> Option<KeySource> {
    let variable = chat.api_key_env.as_str();
    let is_name = variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !variable.starts_with(|first: char| first.is_ascii_digit());
    if !is_name {
        // Capitals only, because a key that someone has pasted here would otherwise pass for a name and be shown.
        let sentence = "chat.api_key_env must be the name of an environment variable in capitals, such as \
                        \"OPENAI_API_KEY\"; if this is the key itself, put it into that variable, and replace it where \
                        it came from if others could read it here";
        settings.object(&[("chat", "api_key_env")], sentence);
    }
    let file = Some(chat.api_key_file.clone()).filter(|file| !file.is_empty());
    match (variable.is_empty(), path(settings, ("chat", "api_key_file"), file)) {
        (true, file) => file.map(KeySource::File),
        (false, None) => Some(KeySource::Environment(variable.to_owned())),
        (false, Some(_)) => {
            let sentence = "chat.api_key_env and chat.api_key_file are both set; leave one of them out";
            settings.object(&[("chat", "api_key_file"), ("chat", "api_key_env")], sentence);
            None
        }
    }
}

fn web_listen(settings: &mut Settings<'_>, written: &str) -> Option<SocketAddr> {
    let address = written.trim().parse().ok();
    if address.is_none() && !written.trim().is_empty() {
        let sentence = "web.listen must be a numeric address and a port; write for example \"127.0.0.1:7847\" for this \
                        machine alone, \"0.0.0.0:7847\" for the whole network, or \"\" for no panel";
        settings.object(&[("web", "listen")], sentence);
    }
    address
}

/// A path, if there is one. The shell would expand `~`, but nothing does so here.
fn path(settings: &mut Settings<'_>, (section, key): Key, written: Option<String>) -> Option<PathBuf> {
    let written = written?;
    if written.starts_with('~') {
        let sentence = format!("{section}.{key} begins with ~, which only a shell understands; write the whole path");
        settings.object(&[(section, key)], sentence);
    }
    if written.contains('\0') {
        settings.object(&[(section, key)], format!("{section}.{key} contains a NUL byte; write a path without one"));
    }
    Some(PathBuf::from(written))
}

fn millis(figure: u32) -> Duration {
    Duration::from_millis(figure.into())
}

fn seconds(figure: u32) -> Duration {
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
