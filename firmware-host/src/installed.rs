//! Which of the installed models listens and which speaks: what the owner chose, else the best that the board can afford.

use std::num::NonZeroU16;

use anyhow::{Context as _, bail};
use pipit_core::config::{Config, SttModel, TtsEngine, WakeModel};
use pipit_core::turn::WakeMode;
use pipit_models::board::Board;
use pipit_models::catalogue::{Engine, Kind, Measurements, Model, ModelFolder, State, Verdict};
use pipit_models::openwakeword::OpenWakeWord;
use pipit_models::recogniser::Recogniser;
use pipit_models::runtime::Runtime;
use pipit_models::voice::{self, Voice, VoiceSettings};
use pipit_models::whisper::{Whisper, WhisperSettings, WhisperSource, nano};

use crate::ledger::Ledger;
use crate::services::MayAsk;
use crate::{chat, services};

/// What every wake-word model needs beside itself, by the catalogue's name.
const WAKE_WORD_FEATURES: &str = "openwakeword-features";

/// The catalogue's name of the recogniser in the box.
pub const NANO: &str = "pipit-nano-en";

/// The models folder, seen with the eyes of this board.
pub struct Installed {
    folder: ModelFolder,
    board: Board,
    measured: Measurements,
}

impl Installed {
    /// Looks at the models folder and at the board.
    ///
    /// # Errors
    /// The owner's own catalogue in the folder is wrong.
    pub fn open(config: &Config) -> anyhow::Result<Installed> {
        let folder = ModelFolder::open(&config.models.dir, None)?;
        let measured = Measurements::load(&config.models.dir);
        Ok(Installed { folder, board: Board::detect(), measured })
    }

    /// The models folder.
    pub fn folder(&self) -> &ModelFolder {
        &self.folder
    }

    /// This machine.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What `pipit models bench` has measured here.
    pub fn measured(&self) -> &Measurements {
        &self.measured
    }

    /// Makes the recogniser ready, and says which it is: the service that the owner named, whose traffic goes into `ledger`, or
    /// a model on this device.
    ///
    /// # Errors
    /// As for [`Installed::local_recogniser`].
    pub fn recogniser(
        &self,
        config: &Config,
        ledger: &Ledger,
        may_ask: &MayAsk,
    ) -> anyhow::Result<(Box<dyn Recogniser>, String)> {
        if let Some(ready) = services::recogniser(config, ledger, may_ask) {
            return Ok(ready);
        }
        let (whisper, name) = self.local_recogniser(config)?;
        Ok((Box::new(whisper), name))
    }

    /// Loads the recogniser on this device, and says which it is.
    ///
    /// # Errors
    /// The owner chose one that is not installed or can't be loaded. Without a choice there always is one.
    pub fn local_recogniser(&self, config: &Config) -> anyhow::Result<(Whisper, String)> {
        match &config.stt.model {
            SttModel::File(path) => {
                let name = path.display().to_string();
                Ok((self.load(&WhisperSource::File(path.clone()), config)?, name))
            }
            SttModel::Named(name) => self.load_named(name, config),
            SttModel::Auto => {
                for model in self.affordable(Kind::Stt, &config.stt.language) {
                    match self.load_named(&model.name, config) {
                        Ok(loaded) => return Ok(loaded),
                        Err(error) => tracing::warn!("{error:#}; trying the next best"),
                    }
                }
                let loaded = self.load_named(NANO, config)?;
                tracing::warn!(
                    "listening with {NANO}, which was trained on synthetic voices: good for a first try, not for daily use; \
                     run `pipit models pull --recommended`"
                );
                Ok(loaded)
            }
        }
    }

    /// Opens the voice: the service that the owner named, whose traffic goes into `ledger`, or one on this device.
    ///
    /// # Errors
    /// As for [`Installed::local_voice`].
    pub fn voice(
        &self,
        config: &Config,
        runtime: Option<&Runtime>,
        ledger: &Ledger,
        may_ask: &MayAsk,
    ) -> anyhow::Result<Box<dyn Voice>> {
        match services::voice(config, runtime, ledger, may_ask) {
            Some(voice) => Ok(voice),
            None => self.local_voice(config, runtime),
        }
    }

    /// Opens the voice on this device.
    ///
    /// # Errors
    /// The owner chose one that is not installed or can't be opened, or there is not even espeak-ng.
    pub fn local_voice(&self, config: &Config, runtime: Option<&Runtime>) -> anyhow::Result<Box<dyn Voice>> {
        let persona_voice = chat::persona_voice(config);
        let open = |engine: TtsEngine| {
            let settings = with_persona_voice(self.voice_settings(config), engine, persona_voice.as_deref());
            voice::open(engine.name(), &settings, runtime)
        };
        if let Some(engine) = config.tts.engine.filter(|engine| !is_service(*engine)) {
            return Ok(open(engine)?);
        }
        for model in self.affordable(Kind::Tts, &config.stt.language) {
            match open(engine_of(&model)) {
                Ok(voice) => return Ok(voice),
                Err(error) => tracing::warn!("{}: {error}; trying the next best", model.name),
            }
        }
        Ok(open(TtsEngine::Espeak)?)
    }

    /// The engines that can speak here, the one that [`Installed::voice`] chooses first, then those that are lighter.
    /// espeak-ng is always among them.
    pub fn voices(&self, config: &Config) -> Vec<TtsEngine> {
        let weights = [TtsEngine::Kokoro, TtsEngine::Piper, TtsEngine::Espeak];
        let service = config.tts.engine.filter(|_| config.voice_service().is_some());
        let chosen = config.tts.engine.filter(|engine| !is_service(*engine));
        let best = chosen.or_else(|| self.affordable(Kind::Tts, &config.stt.language).first().map(engine_of));
        let from = weights.iter().position(|engine| Some(*engine) == best).unwrap_or(weights.len() - 1);
        let settings = VoiceSettings { voice: None, ..self.voice_settings(config) };
        let installed = |engine: &TtsEngine| {
            *engine == TtsEngine::Espeak
                || voice::voices(engine.name(), &settings).is_ok_and(|voices| !voices.is_empty())
        };
        let lighter = weights[from + 1..].iter().copied().filter(installed);
        service.into_iter().chain([weights[from]]).chain(lighter).collect()
    }

    /// Opens the first of these voices that can be opened. Which voice of an engine the owner chose says nothing about
    /// another engine.
    ///
    /// # Errors
    /// There is not even espeak-ng.
    pub fn lighter_voice(
        &self,
        config: &Config,
        engines: &[TtsEngine],
        runtime: &Runtime,
    ) -> anyhow::Result<Box<dyn Voice>> {
        let settings = VoiceSettings { voice: None, ..self.voice_settings(config) };
        for engine in engines {
            match voice::open(engine.name(), &settings, Some(runtime)) {
                Ok(voice) => return Ok(voice),
                Err(error) => tracing::warn!("{}: {error}; trying the next best", engine.name()),
            }
        }
        Ok(voice::open(TtsEngine::Espeak.name(), &settings, Some(runtime))?)
    }

    /// Loads the wake-word model, and says which it is.
    ///
    /// # Errors
    /// It is not there or can't be loaded: what it is, and how to get it.
    pub fn wake_word(&self, config: &Config, runtime: &Runtime) -> anyhow::Result<(OpenWakeWord, String)> {
        let (phrase, name) = match &config.wake.model {
            WakeModel::File(path) => (path.clone(), path.display().to_string()),
            WakeModel::Named(name) => (self.wake_word_file(name)?, name.clone()),
        };
        if self.folder.installed(WAKE_WORD_FEATURES).is_none() {
            bail!("{WAKE_WORD_FEATURES}, which every wake word needs, is not installed; {}", how_to_get(""));
        }
        Ok((OpenWakeWord::load(runtime, self.folder.path(), &phrase)?, name))
    }

    fn wake_word_file(&self, name: &str) -> anyhow::Result<std::path::PathBuf> {
        let model = self.folder.catalogue().get(name).context("wake.model names no model")?;
        if model.kind() != Kind::Wake || name == WAKE_WORD_FEATURES {
            bail!("{name}, which wake.model names, is no wake word; write for example \"openwakeword-hey_jarvis\"");
        }
        let file = self.folder.installed(name).and_then(|files| files.into_iter().next());
        file.with_context(|| format!("the wake word {name} is not installed; {}", how_to_get(name)))
    }

    /// What is configured about a voice on this device.
    pub fn voice_settings(&self, config: &Config) -> VoiceSettings {
        // The name of a service's voice says nothing about another engine.
        let voice = config.tts.voice.clone().filter(|_| config.tts.service.is_none());
        VoiceSettings { voice, speed: config.tts.speed, models: config.models.dir.clone(), service: None }
    }

    /// How many threads a recogniser gets: one core stays free for the ear, because more threads than free cores make it
    /// many times slower.
    pub fn recogniser_threads(&self, config: &Config) -> usize {
        let chosen = config.stt.threads.map(NonZeroU16::get).map(usize::from);
        chosen.unwrap_or_else(|| self.board.cores.saturating_sub(1).clamp(1, 4))
    }

    /// The installed models of a kind that this board can afford, the best first.
    fn affordable(&self, kind: Kind, language: &str) -> Vec<&Model> {
        let catalogue = self.folder.catalogue();
        let mut models: Vec<_> = self
            .folder
            .list()
            .into_iter()
            .filter(|listed| listed.state == State::Installed)
            .map(|listed| listed.model)
            .filter(|model| model.kind() == kind && model.name != NANO && model.knows(language))
            .filter(|model| catalogue.fit(model, &self.board, &self.measured).verdict == Verdict::Fits)
            .collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.quality));
        models
    }

    fn load_named(&self, name: &str, config: &Config) -> anyhow::Result<(Whisper, String)> {
        let source = if name == NANO {
            if config.wake.attention.mode == WakeMode::Phrase {
                tracing::warn!(
                    "{NANO} knows 861 words, of which \"Pipit\" is none; if nothing wakes Pipit, write words of everyday \
                     commands in wake.phrases, or pull a Whisper model"
                );
            }
            WhisperSource::Bytes(nano())
        } else {
            let model = self.folder.catalogue().get(name)?;
            if model.kind() != Kind::Stt {
                bail!("{name} is no recogniser; `pipit models list` shows which are");
            }
            let files = self.folder.installed(name);
            let file = files.and_then(|files| files.into_iter().next());
            WhisperSource::File(
                file.with_context(|| format!("{name} is not installed; run `pipit models pull {name}`"))?,
            )
        };
        Ok((self.load(&source, config)?, name.to_owned()))
    }

    fn load(&self, source: &WhisperSource, config: &Config) -> anyhow::Result<Whisper> {
        let settings =
            WhisperSettings { threads: self.recogniser_threads(config), language: Some(config.stt.language.clone()) };
        Ok(Whisper::load(source, &settings)?)
    }
}

fn is_service(engine: TtsEngine) -> bool {
    matches!(engine, TtsEngine::OpenAi | TtsEngine::Fish | TtsEngine::Wyoming)
}

/// The same with the voice that suits the persona, where the owner has chosen none and the engine has that one.
pub(crate) fn with_persona_voice(settings: VoiceSettings, engine: TtsEngine, wanted: Option<&str>) -> VoiceSettings {
    let Some(wanted) = wanted.filter(|_| settings.voice.is_none()) else { return settings };
    let has = voice::voices(engine.name(), &settings).is_ok_and(|voices| voices.iter().any(|voice| voice == wanted));
    if !has {
        tracing::debug!("{} has no voice {wanted:?}, which the persona asks for", engine.name());
        return settings;
    }
    VoiceSettings { voice: Some(wanted.to_owned()), ..settings }
}

fn engine_of(model: &&Model) -> TtsEngine {
    if model.engine == Engine::Kokoro { TtsEngine::Kokoro } else { TtsEngine::Piper }
}

fn how_to_get(name: &str) -> String {
    let names = [WAKE_WORD_FEATURES, name].join(" ");
    format!("run `pipit models pull {}`, or `firmware-host/setup.sh wake` where Pipit was built", names.trim_end())
}
