//! `[stt]` and `[tts]`: which model on this device listens and speaks, or which service in its place.

use std::num::NonZeroU16;

use super::check::{path, seconds};
use super::checked::{SpeechService, SttEngine, SttModel, SttSettings, TtsEngine, TtsSettings, WakeSettings};
use super::layers::Settings;
use super::{llm, server, wire};
use crate::chat::Tier;
use crate::turn::WakeMode;

/// A service as the owner wrote it.
struct Written<'a> {
    section: &'a str,
    base_url: &'a str,
    model: &'a str,
    api_key: llm::WrittenKey,
    timeout_s: u32,
    /// It is a Wyoming server.
    wyoming: bool,
}

/// Reads everything about the recogniser.
pub(super) fn stt(settings: &mut Settings<'_>, stt: wire::Stt) -> SttSettings {
    let is_code = (2..=3).contains(&stt.language.len()) && stt.language.bytes().all(|byte| byte.is_ascii_lowercase());
    if !is_code {
        let sentence = "stt.language must be an ISO 639 code in small letters; write for example \"en\" for English";
        settings.object(&[("stt", "language")], sentence);
    }
    let engine = match stt.engine {
        wire::SttEngine::Auto => None,
        wire::SttEngine::Onnx => Some(SttEngine::Onnx),
        wire::SttEngine::WhisperCpp => Some(SttEngine::WhisperCpp),
        wire::SttEngine::Openai => Some(SttEngine::OpenAi),
        wire::SttEngine::Wyoming => Some(SttEngine::Wyoming),
    };
    let written = Written {
        section: "stt",
        base_url: &stt.base_url,
        model: match (stt.model.as_str(), engine) {
            ("auto", Some(SttEngine::Wyoming)) => "",
            ("auto", _) => "whisper-1",
            (model, _) => model,
        },
        wyoming: engine == Some(SttEngine::Wyoming),
        api_key: llm::WrittenKey {
            env: stt.api_key_env.clone(),
            file: stt.api_key_file.clone(),
            secret: stt.api_key_secret.clone(),
        },
        timeout_s: stt.timeout_s,
    };
    let is_service = matches!(engine, Some(SttEngine::OpenAi | SttEngine::Wyoming));
    let service = service(settings, &written, is_service.then_some("transcription service"));
    let model = match stt.model.as_str() {
        // It is the service's then, and says nothing about what stands by.
        _ if service.is_some() => SttModel::Auto,
        "auto" => SttModel::Auto,
        name if name.contains('/') || name.ends_with(".bin") || name.ends_with(".safetensors") => {
            SttModel::File(path(settings, ("stt", "model"), Some(stt.model)).unwrap_or_default())
        }
        _ => SttModel::Named(stt.model),
    };
    SttSettings { engine, model, threads: NonZeroU16::new(stt.threads), language: stt.language, service }
}

/// Reads everything about the voice.
pub(super) fn tts(settings: &mut Settings<'_>, tts: wire::Tts) -> TtsSettings {
    let engine = match tts.engine {
        wire::TtsEngine::Auto => None,
        wire::TtsEngine::Kokoro => Some(TtsEngine::Kokoro),
        wire::TtsEngine::Piper => Some(TtsEngine::Piper),
        wire::TtsEngine::Espeak => Some(TtsEngine::Espeak),
        wire::TtsEngine::Openai => Some(TtsEngine::OpenAi),
        wire::TtsEngine::Fish => Some(TtsEngine::Fish),
        wire::TtsEngine::Wyoming => Some(TtsEngine::Wyoming),
    };
    let voice = Some(tts.voice).filter(|voice| voice != "auto");
    if engine.is_none() && voice.is_some() {
        let sentence = "tts.voice is one engine's own name for a voice; write in tts.engine whose: \"kokoro\", \
                        \"piper\", \"espeak\", \"openai\", \"fish\" or \"wyoming\"";
        settings.object(&[("tts", "voice"), ("tts", "engine")], sentence);
    }
    let (name, model) = match engine {
        Some(TtsEngine::OpenAi) if tts.model.trim().is_empty() => (Some("speech service"), "tts-1"),
        Some(TtsEngine::OpenAi) => (Some("speech service"), tts.model.as_str()),
        Some(TtsEngine::Fish) => (Some("Fish Speech"), tts.model.trim()),
        Some(TtsEngine::Wyoming) => (Some("speech service"), ""),
        _ => (None, tts.model.as_str()),
    };
    let written = Written {
        section: "tts",
        base_url: &tts.base_url,
        model,
        wyoming: engine == Some(TtsEngine::Wyoming),
        api_key: llm::WrittenKey {
            env: tts.api_key_env.clone(),
            file: tts.api_key_file.clone(),
            secret: tts.api_key_secret.clone(),
        },
        timeout_s: tts.timeout_s,
    };
    let mut service = service(settings, &written, name);
    if let Some(fish) = service.as_mut().filter(|_| engine == Some(TtsEngine::Fish)) {
        // Its path begins with the version, and people take that for a part of the address.
        fish.base_url = fish.base_url.strip_suffix("/v1").unwrap_or(&fish.base_url).to_owned();
    }
    TtsSettings { engine, voice, speed: tts.speed as f32, service }
}

/// In mode "phrase" everything that anybody says is transcribed to find the phrase, so that must not leave this device.
pub(super) fn check_wake(settings: &mut Settings<'_>, wake: &WakeSettings, service: &SpeechService) {
    if wake.attention.mode == WakeMode::Phrase && service.tier > Tier::Device {
        let sentence = "wake.mode \"phrase\" has everything that is said transcribed, and stt.base_url is not on this \
                        device; write wake.mode = \"openwakeword\" or \"push-to-talk\", or stt.engine = \"whisper-cpp\"";
        settings.object(&[("wake", "mode"), ("stt", "engine"), ("stt", "base_url")], sentence);
    }
}

/// The service of a section, which goes by `usual_name`; nothing without such a name. What is written about it is checked in any case.
fn service(
    settings: &mut Settings<'_>,
    written: &Written<'_>,
    usual_name: Option<&'static str>,
) -> Option<SpeechService> {
    let Written { section, model, .. } = *written;
    let api_key = llm::key_source(settings, section, &written.api_key);
    let address = written.base_url.trim();
    if address.is_empty() {
        if usual_name.is_some() {
            let example = if written.wyoming {
                "\"tcp://nas.local:10300\""
            } else {
                "\"http://nas.local:8000/v1\" or \"https://api.openai.com/v1\""
            };
            let sentence = format!(
                "{section}.engine names a service; write its address in {section}.base_url, for example {example}"
            );
            settings.object(&[(section, "base_url"), (section, "engine")], sentence);
        }
        return None;
    }
    if written.wyoming && api_key.is_some() {
        let sentence =
            format!("a Wyoming server wants no key; leave out {section}.api_key_env, api_key_file and api_key_secret");
        let keys = ["api_key_env", "api_key_file", "api_key_secret", "engine"];
        settings.object(&keys.map(|key| (section, key)), sentence);
    }
    let base_url = if written.wyoming {
        server::wyoming_address(section, address)
    } else {
        server::base_url(section, address, api_key.is_some())
    };
    let base_url = base_url.unwrap_or_else(|sentence| {
        settings.object(&[(section, "base_url")], sentence);
        String::new()
    });
    let (tier, time_limit) = (Tier::of_url(&base_url), seconds(written.timeout_s));
    let name = usual_name?;
    Some(SpeechService { name, base_url, model: model.to_owned(), tier, api_key, time_limit })
}
