//! The speech services that the owner named: which is asked, and what on this device stands by. Of a service, only its name,
//! its model and its tier are shown.

use anyhow::Context as _;
use pipit_core::chat::Tier;
use pipit_core::config::{Config, SpeechService, TtsEngine};
use pipit_core::turn::WakeMode;
use pipit_models::recogniser::Recogniser;
use pipit_models::runtime::Runtime;
use pipit_models::service::{ApiKey, RecogniserWithStandby, ServiceSettings, Transcriber, VoiceWithStandby};
use pipit_models::voice::{self, Voice, VoiceError, VoiceSettings};

use crate::chat;
use crate::installed::{Installed, with_persona_voice};

/// The service that transcribes, with the model on this device behind it; nothing where none is to be asked. Says which it is.
pub fn recogniser(config: &Config) -> Option<(Box<dyn Recogniser>, String)> {
    log_left_out(config, config.stt.service.as_ref());
    let service = config.transcription_service()?;
    let transcriber = transcriber(config, service).map_err(|error| log_unusable(service, &error)).ok()?;
    log_far_ear(config, service);
    let here = config.clone();
    let open = move || match Installed::open(&here).and_then(|installed| installed.local_recogniser(&here)) {
        Ok((whisper, _)) => Ok(Box::new(whisper) as Box<dyn Recogniser>),
        Err(error) => Err(format!("{error:#}")),
    };
    Some((Box::new(RecogniserWithStandby::new(transcriber, open)), service.to_string()))
}

/// The service that speaks, with the voice on this device behind it; nothing where none is to be asked.
pub fn voice(config: &Config, runtime: Option<&Runtime>) -> Option<Box<dyn Voice>> {
    log_left_out(config, config.tts.service.as_ref());
    let service = config.voice_service()?;
    let voice = voice_alone(config, service).map_err(|error| log_unusable(service, &error)).ok()?;
    let (here, runtime) = (config.clone(), runtime.cloned());
    let open = move || {
        let voice = Installed::open(&here).and_then(|installed| installed.local_voice(&here, runtime.as_ref()));
        voice.map_err(|error| VoiceError::NotInstalled(format!("{error:#}")))
    };
    Some(Box::new(VoiceWithStandby::new(voice, open)))
}

/// The service that transcribes, with nobody behind it.
///
/// # Errors
/// Its API key can't be read, or its settings can't be used.
pub fn transcriber(config: &Config, service: &SpeechService) -> anyhow::Result<Transcriber> {
    Ok(Transcriber::new(&settings(config, service)?, Some(config.stt.language.clone()))?)
}

/// The service that speaks, with nobody behind it.
///
/// # Errors
/// Its API key can't be read, or its settings can't be used.
pub fn voice_alone(config: &Config, service: &SpeechService) -> anyhow::Result<Box<dyn Voice>> {
    let engine = config.tts.engine.unwrap_or(TtsEngine::OpenAi);
    let chosen = VoiceSettings {
        voice: config.tts.voice.clone(),
        speed: config.tts.speed,
        models: config.models.dir.clone(),
        service: Some(settings(config, service)?),
    };
    let chosen = with_persona_voice(chosen, engine, chat::persona_voice(config).as_deref());
    Ok(voice::open(engine.name(), &chosen, None)?)
}

fn settings(config: &Config, service: &SpeechService) -> anyhow::Result<ServiceSettings> {
    let key =
        service.api_key.as_ref().map(|source| chat::secret(service.name, source, &|| chat::store(config))).transpose();
    Ok(ServiceSettings {
        name: service.name.to_owned(),
        base_url: service.base_url.clone(),
        model: service.model.clone(),
        api_key: key.context("the service can't be asked")?.map(ApiKey::new),
        time_limit: service.time_limit,
    })
}

fn log_unusable(service: &SpeechService, error: &anyhow::Error) {
    tracing::warn!("{service} is not asked, and what is installed on this device answers in its place: {error:#}");
}

/// What is not asked for privacy's sake is said, for it was written down to be asked.
fn log_left_out(config: &Config, service: Option<&SpeechService>) {
    if let Some(service) = service.filter(|service| !config.allows(service)) {
        tracing::info!("{service} is never asked, because chat.privacy is \"{}\"", config.widest);
    }
}

/// In mode "always" nobody is called before speech is transcribed, so all of it goes to the service.
fn log_far_ear(config: &Config, service: &SpeechService) {
    if service.tier == Tier::Outside && config.wake.attention.mode == WakeMode::Always {
        tracing::warn!(
            "everything that is said near the microphone is sent to the {}, which leaves the house; a wake.mode other than \
             \"always\" keeps it here until Pipit is called",
            service.name
        );
    }
}
