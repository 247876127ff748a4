//! Which of the installed models listens and which speaks: what the owner chose, else the best that the board can afford.

use std::num::NonZeroU16;
use std::path::Path;

use anyhow::{Context as _, bail};
use pipit_core::config::{Config, SttModel, TtsEngine, WakeModel};
use pipit_core::turn::WakeMode;
use pipit_models::board::Board;
use pipit_models::catalogue::{Engine, Kind, Measurements, Model, ModelFolder, State, Verdict};
use pipit_models::openwakeword::OpenWakeWord;
use pipit_models::recogniser::Recogniser;
use pipit_models::runtime::Runtime;
use pipit_models::voice::{self, Voice, VoiceSettings};
use pipit_models::whisper::onnx::Cache;
use pipit_models::whisper::{WhisperSettings, WhisperSource, nano};

use crate::ledger::Ledger;
use crate::services::MayAsk;
use crate::whisper_engine::{self, WhisperEngine};
use crate::{chat, services};

/// What every wake-word model needs beside itself, by the catalogue's name.
pub const WAKE_WORD_FEATURES: &str = "openwakeword-features";

/// The catalogue's name of the recogniser in the box.
pub const NANO: &str = "pipit-nano-en";

/// The engines on this device, the heaviest first.
const WEIGHTS: [TtsEngine; 3] = [TtsEngine::Kokoro, TtsEngine::Piper, TtsEngine::Espeak];

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
        let folder = ModelFolder::open(&config.models.dir, Some(config.models.system_dir.clone()))?;
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
        self.local_recogniser(config)
    }

    /// Loads the recogniser on this device, and says which it is.
    ///
    /// # Errors
    /// The owner chose one that is not installed or can't be loaded. Without a choice there always is one.
    pub fn local_recogniser(&self, config: &Config) -> anyhow::Result<(Box<dyn Recogniser>, String)> {
        match &config.stt.model {
            SttModel::File(path) => {
                let source = WhisperSource::File(path.clone());
                Ok((whisper_engine::load(config, &source, &self.whisper_settings(config), None)?, file_name(path)))
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

    /// Opens the voice, and says which it is: the service that the owner named, whose traffic goes into `ledger`, or one on this device.
    ///
    /// # Errors
    /// As for [`Installed::local_voice`].
    pub fn voice(
        &self,
        config: &Config,
        runtime: Option<&Runtime>,
        ledger: &Ledger,
        may_ask: &MayAsk,
    ) -> anyhow::Result<(Box<dyn Voice>, String)> {
        match services::voice(config, runtime, ledger, may_ask) {
            Some(ready) => Ok(ready),
            None => {
                let voice = self.local_voice(config, runtime)?;
                let name = voice.name().to_owned();
                Ok((voice, name))
            }
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
        let service = config.tts.engine.filter(|_| config.voice_service().is_some());
        let chosen = config.tts.engine.filter(|engine| !is_service(*engine));
        let best = chosen.or_else(|| self.affordable(Kind::Tts, &config.stt.language).first().map(engine_of));
        service.into_iter().chain(self.and_lighter(config, best.unwrap_or(TtsEngine::Espeak))).collect()
    }

    /// This engine on this device, then those that are lighter. espeak-ng is always among them.
    pub fn and_lighter(&self, config: &Config, engine: TtsEngine) -> Vec<TtsEngine> {
        let from = WEIGHTS.iter().position(|other| *other == engine).unwrap_or(WEIGHTS.len() - 1);
        let settings = VoiceSettings { voice: None, ..self.voice_settings(config) };
        let installed = |engine: &TtsEngine| {
            *engine == TtsEngine::Espeak
                || voice::voices(engine.name(), &settings).is_ok_and(|voices| !voices.is_empty())
        };
        let lighter = WEIGHTS[from + 1..].iter().copied().filter(installed);
        [WEIGHTS[from]].into_iter().chain(lighter).collect()
    }

    /// The recognisers on this device that can be used here, by name, the one that [`Installed::local_recogniser`] chooses first.
    pub fn recognisers(&self, config: &Config) -> Vec<String> {
        let language = &config.stt.language;
        let mut names: Vec<String> =
            self.affordable(Kind::Stt, language).into_iter().map(|model| model.name.clone()).collect();
        if self.folder.catalogue().get(NANO).is_ok_and(|model| model.knows(language)) {
            names.push(NANO.to_owned());
        }
        let configured = match &config.stt.model {
            SttModel::File(path) => file_name(path),
            SttModel::Named(name) => name.clone(),
            SttModel::Auto => names.first().cloned().unwrap_or_else(|| NANO.to_owned()),
        };
        names.retain(|name| *name != configured);
        names.insert(0, configured);
        names
    }

    /// The voices on this device that speak the language and can be used here, by engine and the engine's own name, the one that
    /// [`Installed::local_voice`] chooses first.
    pub fn own_voices(&self, config: &Config) -> Vec<(TtsEngine, String)> {
        let (language, settings) = (&config.stt.language, VoiceSettings { voice: None, ..self.voice_settings(config) });
        let affordable = self.affordable(Kind::Tts, language);
        let chosen = config.tts.engine.filter(|engine| !is_service(*engine));
        let engine = chosen.or_else(|| affordable.first().map(engine_of)).unwrap_or(TtsEngine::Espeak);
        let persona_voice = chat::persona_voice(config);
        let with_voice = with_persona_voice(self.voice_settings(config), engine, persona_voice.as_deref());
        let configured = with_voice.voice.or_else(|| voice::usual(engine.name(), &settings));
        let too_much = |engine: TtsEngine, voice: &str| match engine {
            TtsEngine::Kokoro => chosen != Some(engine) && !affordable.iter().any(|model| engine_of(model) == engine),
            _ => {
                let of_it =
                    |model: &&Model| model.files.first().is_some_and(|file| file.name == format!("{voice}.onnx"));
                self.folder.catalogue().models().iter().any(|model| of_it(&model)) && !affordable.iter().any(of_it)
            }
        };
        let mut voices = vec![(engine, configured.unwrap_or_else(|| "none".to_owned()))];
        for engine in WEIGHTS {
            let all = voice::voices(engine.name(), &settings).unwrap_or_default();
            let fit = all.into_iter().filter(|voice| speaks(engine, voice, language) && !too_much(engine, voice));
            voices.extend(fit.map(|voice| (engine, voice)));
        }
        let mut seen = std::collections::HashSet::new();
        voices.retain(|(engine, voice)| seen.insert((engine.name(), voice.clone())));
        voices
    }

    /// Opens this voice and no other.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn this_voice(
        &self,
        config: &Config,
        (engine, voice): &(TtsEngine, String),
        runtime: Option<&Runtime>,
    ) -> anyhow::Result<Box<dyn Voice>> {
        let settings = VoiceSettings { voice: Some(voice.clone()), ..self.voice_settings(config) };
        Ok(voice::open(engine.name(), &settings, runtime)?)
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
        runtime: Option<&Runtime>,
    ) -> anyhow::Result<Box<dyn Voice>> {
        let settings = VoiceSettings { voice: None, ..self.voice_settings(config) };
        for engine in engines {
            match voice::open(engine.name(), &settings, runtime) {
                Ok(voice) => return Ok(voice),
                Err(error) => tracing::warn!("{}: {error}; trying the next best", engine.name()),
            }
        }
        Ok(voice::open(TtsEngine::Espeak.name(), &settings, runtime)?)
    }

    /// Loads the wake-word model, and says which it is.
    ///
    /// # Errors
    /// It is not there or can't be loaded: what it is, and how to get it.
    pub fn wake_word(&self, config: &Config, runtime: Option<&Runtime>) -> anyhow::Result<(OpenWakeWord, String)> {
        let runtime = runtime.context("ONNX Runtime, which every wake word needs, is missing")?;
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

    /// Loads the recogniser of this name, and says which it is.
    ///
    /// # Errors
    /// It is not installed, or can't be loaded.
    pub fn load_named(&self, name: &str, config: &Config) -> anyhow::Result<(Box<dyn Recogniser>, String)> {
        let source = self.source(name, config)?;
        let measured = self.measured.of(name, &self.board).and_then(|measured| measured.engine.as_deref());
        let measured = measured.and_then(WhisperEngine::named);
        Ok((whisper_engine::load(config, &source, &self.whisper_settings(config), measured)?, name.to_owned()))
    }

    /// Has the recogniser of this name ready for the first time that it is loaded. `tell` is told the share that is done (0.0..=1.0).
    ///
    /// # Errors
    /// It is no recogniser, or not installed, or what runs it can't be made ready for it.
    pub fn prepare(&self, name: &str, config: &Config, tell: &mut dyn FnMut(f32) -> bool) -> anyhow::Result<()> {
        whisper_engine::prepare(config, &self.source(name, config)?, &self.whisper_settings(config), tell)
    }

    /// Loads the recogniser of this name with this engine alone, compiled into `cache` if need be.
    ///
    /// # Errors
    /// It is not installed, or that engine can't run it.
    pub(crate) fn load_with(
        &self,
        name: &str,
        engine: WhisperEngine,
        config: &Config,
        cache: &Cache,
    ) -> anyhow::Result<Box<dyn Recogniser>> {
        engine.load(config, &self.source(name, config)?, &self.whisper_settings(config), cache)
    }

    fn source(&self, name: &str, config: &Config) -> anyhow::Result<WhisperSource> {
        Ok(if name == NANO {
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
        })
    }

    fn whisper_settings(&self, config: &Config) -> WhisperSettings {
        WhisperSettings { threads: self.recogniser_threads(config), language: Some(config.stt.language.clone()) }
    }
}

fn is_service(engine: TtsEngine) -> bool {
    matches!(engine, TtsEngine::OpenAi | TtsEngine::Fish | TtsEngine::Wyoming)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Whether a voice speaks this language, as far as its name tells.
fn speaks(engine: TtsEngine, voice: &str, language: &str) -> bool {
    match engine {
        TtsEngine::Kokoro => kokoro_language(voice).is_none_or(|spoken| spoken == language),
        // Of its many names for a voice, the language's.
        TtsEngine::Espeak => {
            voice == language || voice.strip_prefix(language).is_some_and(|rest| rest.starts_with('-'))
        }
        // `en_US-lessac-medium`; what the owner has made may be called as they like.
        _ => voice.split_once('_').is_none_or(|(spoken, _)| !(2..=3).contains(&spoken.len()) || spoken == language),
    }
}

/// The first letter of a voice of Kokoro's says its language.
fn kokoro_language(voice: &str) -> Option<&'static str> {
    Some(match voice.chars().next()? {
        'a' | 'b' => "en",
        'e' => "es",
        'f' => "fr",
        'h' => "hi",
        'i' => "it",
        'j' => "ja",
        'p' => "pt",
        'z' => "zh",
        _ => return None,
    })
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
