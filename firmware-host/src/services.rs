//! The speech services that the owner named: which is asked, what on this device stands by, and whether each is well. Of a
//! service, only its name, its model and its tier are shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pipit_core::chat::Tier;
use pipit_core::config::{Config, SpeechService, SttEngine, TtsEngine};
use pipit_core::turn::WakeMode;
use pipit_models::cancel::CancelFlag;
use pipit_models::recogniser::Recogniser;
use pipit_models::runtime::Runtime;
use pipit_models::service::{
    ApiKey, Meter, RecogniserWithStandby, RemoteRecogniser, ServiceSettings, Transcriber, VoiceWithStandby,
    WyomingTranscriber,
};
use pipit_models::voice::{self, Voice, VoiceError, VoiceSettings};
use pipit_store::Purpose;

use crate::installed::{Installed, with_persona_voice};
use crate::ledger::Ledger;
use crate::{chat, self_test};

/// Whether a server of this tier may be asked just now: the configuration says which ever may, and people at home may want less.
pub type MayAsk = Arc<dyn Fn(Tier) -> bool + Send + Sync>;

/// Whoever the configuration allows may be asked.
pub fn as_configured() -> MayAsk {
    Arc::new(|_| true)
}

/// The service that transcribes, with the model on this device behind it; nothing where none is to be asked. Says which it is.
pub fn recogniser(config: &Config, ledger: &Ledger, may_ask: &MayAsk) -> Option<(Box<dyn Recogniser>, String)> {
    log_left_out(config, config.stt.service.as_ref());
    let service = config.transcription_service()?;
    let transcriber = transcriber(config, service, ledger).map_err(|error| log_unusable(service, &error)).ok()?;
    log_far_ear(config, service);
    let here = config.clone();
    let open = move || match Installed::open(&here).and_then(|installed| installed.local_recogniser(&here)) {
        Ok((recogniser, _)) => Ok(recogniser),
        Err(error) => Err(format!("{error:#}")),
    };
    let (may_ask, tier) = (Arc::clone(may_ask), service.tier);
    let recogniser = RecogniserWithStandby::new(transcriber, open).while_allowed(move || may_ask(tier));
    Some((Box::new(recogniser), service.to_string()))
}

/// The service that speaks, with the voice on this device behind it; nothing where none is to be asked. Says which it is.
pub fn voice(
    config: &Config,
    runtime: Option<&Runtime>,
    ledger: &Ledger,
    may_ask: &MayAsk,
) -> Option<(Box<dyn Voice>, String)> {
    log_left_out(config, config.tts.service.as_ref());
    let service = config.voice_service()?;
    let voice = voice_alone(config, service, ledger).map_err(|error| log_unusable(service, &error)).ok()?;
    let (here, runtime) = (config.clone(), runtime.cloned());
    let open = move || {
        let voice = Installed::open(&here).and_then(|installed| installed.local_voice(&here, runtime.as_ref()));
        voice.map_err(|error| VoiceError::NotInstalled(format!("{error:#}")))
    };
    let (may_ask, tier) = (Arc::clone(may_ask), service.tier);
    let voice = VoiceWithStandby::new(voice, open).while_allowed(move || may_ask(tier));
    Some((Box::new(voice), service.to_string()))
}

/// The services that are named, each with what it is there for, whether it may be asked or not.
pub fn named(config: &Config) -> impl Iterator<Item = (Purpose, &SpeechService)> {
    let named = [(Purpose::Transcription, &config.stt.service), (Purpose::Speech, &config.tts.service)];
    named.into_iter().filter_map(|(purpose, service)| Some((purpose, service.as_ref()?)))
}

/// Has a service say something, or listen to something, without what stands by for it. Gives how long that took.
///
/// # Errors
/// Its API key can't be read, its settings can't be used, or it does not do it; or espeak-ng, which it listens to, is missing.
pub fn try_out(
    config: &Config,
    purpose: Purpose,
    service: &SpeechService,
    ledger: &Ledger,
) -> anyhow::Result<Duration> {
    try_out_until(config, (purpose, service), ledger, &CancelFlag::new())
}

/// The same until `cancelled` is raised.
///
/// # Errors
/// As [`try_out`], or it was cancelled.
pub fn try_out_until(
    config: &Config,
    (purpose, service): (Purpose, &SpeechService),
    ledger: &Ledger,
    cancelled: &CancelFlag,
) -> anyhow::Result<Duration> {
    let ledger = ledger.clone().of_tests();
    if purpose == Purpose::Speech {
        let mut voice = voice_alone(config, service, &ledger)?;
        let asked = Instant::now();
        voice::say(&mut *voice, "Hello.", cancelled)?;
        return Ok(asked.elapsed());
    }
    let mut transcriber = transcriber(config, service, &ledger)?;
    let speech = self_test::spoken_sample()?;
    let asked = Instant::now();
    transcriber.transcribe(speech.samples(), cancelled)?;
    Ok(asked.elapsed())
}

/// The service that transcribes, with nobody behind it.
fn transcriber(config: &Config, service: &SpeechService, ledger: &Ledger) -> anyhow::Result<Box<dyn RemoteRecogniser>> {
    let settings = settings(config, service, ledger.meter(service, Purpose::Transcription))?;
    let language = Some(config.stt.language.clone());
    Ok(match config.stt.engine {
        Some(SttEngine::Wyoming) => Box::new(WyomingTranscriber::new(&settings, language)?),
        _ => Box::new(Transcriber::new(&settings, language)?),
    })
}

/// The service that speaks, with nobody behind it.
fn voice_alone(config: &Config, service: &SpeechService, ledger: &Ledger) -> anyhow::Result<Box<dyn Voice>> {
    let engine = config.tts.engine.unwrap_or(TtsEngine::OpenAi);
    let chosen = VoiceSettings {
        voice: config.tts.voice.clone(),
        speed: config.tts.speed,
        models: config.models.dir.clone(),
        service: Some(settings(config, service, ledger.meter(service, Purpose::Speech))?),
    };
    let chosen = with_persona_voice(chosen, engine, chat::persona_voice(config).as_deref());
    Ok(voice::open(engine.name(), &chosen, None)?)
}

fn settings(config: &Config, service: &SpeechService, meter: Meter) -> anyhow::Result<ServiceSettings> {
    Ok(ServiceSettings {
        name: service.name.to_owned(),
        base_url: service.base_url.clone(),
        model: service.model.clone(),
        api_key: key(config, service).context("the service can't be asked")?,
        time_limit: service.time_limit,
        meter: Some(meter),
    })
}

/// The service's API key, if it wants one.
///
/// # Errors
/// It can't be read.
pub fn key(config: &Config, service: &SpeechService) -> anyhow::Result<Option<ApiKey>> {
    let read = |source| chat::secret(service.name, source, &|| chat::store(config));
    Ok(service.api_key.as_ref().map(read).transpose()?.map(ApiKey::new))
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
