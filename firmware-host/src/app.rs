//! The one place where all parts meet: from a checked configuration to a driver with its workers.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use pipit_chat::Engine;
use pipit_core::chat::Tier;
use pipit_core::config::{AudioBackend, AudioDevice, Config};
use pipit_core::intent::Catalogue;
use pipit_core::load::LoadSettings;
use pipit_core::turn::{AttentionSettings, Machine, WakeMode};
use pipit_models::catalogue::ModelFolder;
use pipit_models::runtime::Runtime;
use pipit_models::voice::Voice;
use pipit_store::Store;
use pipit_web::house::House;
use pipit_web::v1::{Apis, Entity};
use pipit_web::{Broker, Thresholds};
use tokio::sync::{mpsc, watch};

use crate::audio::{self, Backend, Capture, Playback, ReportSink, Tap};
use crate::barge_in;
use crate::bus::Bus;
use crate::chat;
use crate::clock::Clock;
use crate::display;
use crate::driver::{Driver, Workers};
use crate::hearing;
use crate::installed::Installed;
use crate::ledger::Ledger;
use crate::mqtt::{self, Connection, MqttHome, Rooms, Status};
use crate::pace::Pace;
use crate::report::TurnReport;
use crate::selections::Selections;
use crate::self_test;
use crate::services::MayAsk;
use crate::speech::Speech;
use crate::turn_log::TurnLog;
use crate::worker::{
    Choice, Ear, EchoCancellation, Gauge, Inbox, Message, Models, Protection, Ready, WakeWord, Which, Worker,
    smart_turn, stt, tts,
};
use crate::wyoming::Services;

/// Events wait here for the driver, which is never busy for longer than it takes to hand a job over. Nothing is dropped:
/// a worker waits until there is room.
const INBOX: usize = 256;

/// Silence after a recording beyond what decides any turn, so that no turn is left open.
pub const SILENCE_AFTER: Duration = Duration::from_secs(1);

/// What the parts are built from.
pub struct App {
    config: Config,
    runtime: Option<Runtime>,
    installed: Arc<Installed>,
    store: Store,
    speakers: Store,
    engine: Engine,
    bus: Bus,
    /// The home, once there is a connection to it.
    home: OnceLock<Arc<MqttHome>>,
    /// How that connection is.
    broker: OnceLock<watch::Receiver<Status>>,
    /// What keeps the ear from hearing the speaker that was opened last, until an ear takes it.
    protection: Mutex<Protection>,
    /// Where it can be listened in on the microphone.
    tap: Tap,
    pace: Pace,
}

/// Opens a voice that can be chosen, and says which it is.
pub type OpenVoice = Arc<dyn Fn(Which) -> anyhow::Result<(Box<dyn Voice>, String)> + Send + Sync>;

/// Tells what each worker has loaded.
pub struct Loading {
    parts: [(&'static str, Ready); 3],
}

impl App {
    /// Opens what every way of listening needs.
    ///
    /// # Errors
    /// ONNX Runtime, the models folder or the history can't be opened: what is wrong with it, and what to do. What of the former
    /// is missing is no error: the log says what takes its place.
    pub fn new(config: Config) -> anyhow::Result<App> {
        App::by_clock(config, Arc::new(jiff::Zoned::now))
    }

    /// As [`App::new`], with what is due taken from `clock`, which may follow a recording.
    ///
    /// # Errors
    /// As [`App::new`].
    pub fn by_clock(config: Config, clock: pipit_chat::Clock) -> anyhow::Result<App> {
        let runtime = hearing::runtime(&config)?;
        if let Some(missing) = hearing::missing(&config, runtime.as_ref()) {
            tracing::warn!("{missing}");
        }
        let installed = Arc::new(Installed::open(&config)?);
        let store = chat::store_to_go_on_with(&config)?;
        let speakers = chat::speakers(&config, &store)?;
        let engine = chat::engine_by(&config, &store, speakers.clone(), clock)?;
        let bus = Bus::new(turn_log(&config, &speakers)?).of_private_turns(config.privacy.ephemeral);
        let (home, broker, protection, tap) = (OnceLock::new(), OnceLock::new(), Mutex::default(), Tap::default());
        let speed = speakers.speed().unwrap_or_else(|error| {
            tracing::warn!("it is not known how fast the voice is to speak, so it speaks as tts.speed says: {error}");
            None
        });
        let pace = Pace::new(speed.unwrap_or(config.tts.speed));
        Ok(App { config, runtime, installed, store, speakers, engine, bus, home, broker, protection, tap, pace })
    }

    /// The configuration that everything is built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The chat core.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is remembered, as the owner may use it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is remembered of those who speak: the same, or memory only.
    pub fn speakers(&self) -> &Store {
        &self.speakers
    }

    /// Where it can be listened in on the microphone.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Where the models lie.
    pub fn model_folder(&self) -> ModelFolder {
        self.installed.folder().clone()
    }

    /// How fast the voice speaks.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Opens voices of `of` by their place, beside the one that is at work.
    pub fn voice_opener(&self, of: &Arc<Selections>) -> OpenVoice {
        let (installed, config, runtime) = (Arc::clone(&self.installed), self.config.clone(), self.runtime.clone());
        let (of, ledger, may_ask, pace) =
            (Arc::clone(of), Ledger::of(self.speakers.clone()), self.may_ask(), self.pace.clone());
        Arc::new(move |which| {
            let (voice, name) = of.open_voice(which, (&installed, &config, runtime.as_ref()), (&ledger, &may_ask))?;
            Ok((pace.of(voice), name))
        })
    }

    /// Where what a display shows comes from.
    pub fn face(&self) -> display::situation::Sources {
        display::situation::Sources {
            bus: self.bus.clone(),
            engine: self.engine.clone(),
            store: self.speakers.clone(),
            has_microphone: !matches!(self.config.audio.backend, AudioBackend::Null),
            twelve_hours: self.config.twelve_hours,
        }
    }

    fn may_ask(&self) -> MayAsk {
        let engine = self.engine.clone();
        Arc::new(move |tier| tier <= engine.widest())
    }

    /// Where it is told what happens.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// A connection to the broker that is configured, for somebody to run, by which models may command the home; and the other
    /// rooms behind it.
    pub fn broker(&self) -> Option<(Connection, Rooms)> {
        let settings = self.config.mqtt.as_ref()?;
        let (of, store) = (settings.clone(), self.store.clone());
        let password = Box::new(move || mqtt::password(&of, &|| Ok(store.clone())));
        let mut connection = Connection::new(settings.clone(), password);
        let home = MqttHome::new(settings, &self.config.home, connection.outbox());
        home.watch(connection.status());
        connection.join(home.participant());
        self.home.get_or_init(|| Arc::clone(&home));
        self.broker.get_or_init(|| connection.status());
        self.engine.connect_home(Some(home));
        let rooms = Rooms::new(settings, connection.outbox());
        Some((connection, rooms))
    }

    /// Says whether the broker is connected, where one is configured.
    pub fn broker_state(&self) -> Broker {
        let status = self.broker.get().cloned();
        Arc::new(move || status.as_ref().map(|status| *status.borrow() == Status::Connected))
    }

    /// How it stands with the home, if there is a connection to one.
    pub fn house(&self) -> House {
        let home = self.home.get().cloned();
        Arc::new(move || home.as_ref().map(|home| home.state()))
    }

    /// An ear that has heard nothing yet. Open the driver first: the ear minds its speaker.
    ///
    /// # Errors
    /// Silero VAD can't be loaded.
    pub fn ear(&self) -> anyhow::Result<Ear> {
        let vad = hearing::voice_activity(&self.config, self.runtime.as_ref())?;
        let protection = std::mem::take(&mut *self.protection.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Ear::new(vad, self.config.ear.clone(), protection))
    }

    /// As [`App::ear`], for the mode in which it has to listen for a wake word while `wanted` is raised. Where that can't
    /// be loaded the log says so, and only the button wakes Pipit.
    ///
    /// # Errors
    /// Silero VAD can't be loaded.
    pub fn waking_ear(&self, wanted: Arc<AtomicBool>) -> anyhow::Result<Ear> {
        let (ear, attention) = (self.ear()?, &self.config.wake.attention);
        if attention.mode != WakeMode::OpenWakeWord {
            return Ok(ear);
        }
        match self.installed.wake_word(&self.config, self.runtime.as_ref()) {
            Ok((model, name)) => {
                tracing::info!("wake word: {name}");
                Ok(ear.with_wake_word(WakeWord::new(model, wanted, attention.least_score())))
            }
            Err(error) => {
                tracing::error!("no wake word, so nothing but the button (SIGUSR1) wakes Pipit: {error:#}");
                Ok(ear)
            }
        }
    }

    /// The microphone that is configured, or the file or the silence in its place.
    ///
    /// # Errors
    /// There is no such file. A microphone that is missing is no error: it is waited for.
    pub fn capture(&self) -> anyhow::Result<Box<dyn Capture>> {
        microphone(&self.config)
    }

    /// What can speak and recognise speech, and of it what was chosen.
    pub fn selections(&self) -> Arc<Selections> {
        Arc::new(Selections::of(&self.installed, &self.config, &self.speakers))
    }

    /// The same without a choice: what is configured.
    pub fn as_configured(&self) -> Arc<Selections> {
        Arc::new(Selections::configured(&self.installed, &self.config))
    }

    /// Starts the workers that all drivers share, whose models are still loading. With `self_test`, the recogniser must
    /// understand a sentence before its first job, and whether it did is logged.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn models(&self, self_test: bool, of: &Arc<Selections>) -> anyhow::Result<(Arc<Models>, Loading)> {
        let ledger = Ledger::of(self.speakers.clone());
        let may_ask = self.may_ask();
        let lighter = of.lighter_voices();
        let gauge = Arc::new(Gauge::new(LoadSettings::default(), lighter.get(of.voice).copied().unwrap_or(0)));
        let (smart_turn, smart_turn_ready) = {
            let (runtime, config) = (self.runtime.clone(), self.config.clone());
            let load = move |_| {
                let model = hearing::smart_turn(&config, runtime.as_ref())?;
                let name = if model.is_some() { "Smart Turn" } else { "silence alone" };
                Ok((model, name.to_owned()))
            };
            Worker::start(smart_turn(Box::new(load)), Arc::clone(&gauge))?
        };
        let (stt, stt_ready) = {
            let (installed, config, runtime) = (Arc::clone(&self.installed), self.config.clone(), self.runtime.clone());
            let (of, bus) = (Arc::clone(of), self.bus.clone());
            let choice = Choice {
                at_start: of.recogniser,
                instead: of.recognisers.nearest(),
                lighter: Vec::new(),
                at_work: Some(Box::new(move |name| {
                    bus.send_modify(|now| now.recogniser = Some(name.to_owned()));
                })),
            };
            let load = move |which| {
                let (mut recogniser, name) = of.load_recogniser(which, (&installed, &config), (&ledger, &may_ask))?;
                if self_test {
                    self_test::log(&config, runtime.as_ref(), &mut *recogniser);
                }
                Ok((recogniser, name))
            };
            let service = self.config.transcription_service().map(|service| service.time_limit);
            Worker::start_with(stt(Box::new(load), service.unwrap_or_default()), choice, Arc::clone(&gauge))?
        };
        let (tts, tts_ready) = {
            let bus = self.bus.clone();
            let choice = Choice {
                at_start: of.voice,
                instead: of.voices.nearest(),
                lighter,
                at_work: Some(Box::new(move |name| {
                    bus.send_modify(|now| now.voice = Some(name.to_owned()));
                })),
            };
            let open = self.voice_opener(of);
            let load = move |which| open(which);
            let service = self.config.voice_service().map(|service| service.time_limit);
            Worker::start_with(tts(Box::new(load), service.unwrap_or_default()), choice, Arc::clone(&gauge))?
        };
        let parts = [("turn model", smart_turn_ready), ("recogniser", stt_ready), ("voice", tts_ready)];
        Ok((Models::new(smart_turn, stt, tts, gauge), Loading { parts }))
    }

    /// A driver for another endpoint. It replies through the backend that is configured, or into WAV files in `replies`.
    ///
    /// # Errors
    /// Replies can't go there.
    pub fn driver(
        &self,
        models: &Arc<Models>,
        clock: Clock,
        replies: Option<&Path>,
        on_turn: Box<dyn FnMut(TurnReport) + Send>,
    ) -> anyhow::Result<Driver> {
        let (sender, inbox) = mpsc::channel(INBOX);
        let (playback, writes_files) = self.playback(replies, sender.clone())?;
        let workers = Workers { endpoint: models.endpoint(sender.clone()), playback, writes_files };
        let machine = self.machine().with_attention(self.config.wake.attention.clone());
        Ok(Driver::new(machine, clock, self.engine.clone(), workers, (sender, inbox), on_turn, self.bus.clone()))
    }

    /// A driver for somebody elsewhere, who is answered by `engine` while a button is held there, through what `speaker` opens.
    /// What it does is told on `bus` alone.
    ///
    /// # Errors
    /// The speaker can't be opened.
    pub fn remote_driver(
        &self,
        models: &Arc<Models>,
        engine: Engine,
        speaker: impl FnOnce(ReportSink) -> anyhow::Result<Playback>,
        on_turn: Box<dyn FnMut(TurnReport) + Send>,
        bus: Bus,
    ) -> anyhow::Result<Driver> {
        let (sender, inbox) = mpsc::channel(INBOX);
        let playback = speaker(report_to(sender.clone()))?;
        let workers = Workers { endpoint: models.endpoint(sender.clone()), playback, writes_files: false };
        let attention = AttentionSettings { mode: WakeMode::PushToTalk, ..self.config.wake.attention.clone() };
        let machine = self.machine().with_attention(attention);
        Ok(Driver::new(machine, Clock::live(), engine, workers, (sender, inbox), on_turn, bus))
    }

    /// How far away what recognises speech and what speaks may be.
    pub fn farthest_speech(&self) -> Tier {
        let services = [self.config.transcription_service(), self.config.voice_service()];
        services.into_iter().flatten().map(|service| service.tier).max().unwrap_or(Tier::Device)
    }

    /// From where on what the ear makes of sound means something.
    pub fn thresholds(&self) -> Thresholds {
        let attention = &self.config.wake.attention;
        let wake = (attention.mode == WakeMode::OpenWakeWord).then_some(attention.threshold);
        Thresholds { voice: self.config.ear.speech_threshold, turn: self.config.turn.complete_threshold, wake }
    }

    fn machine(&self) -> Machine {
        Machine::new(self.config.turn.clone(), self.config.ear.pre_roll, Arc::new(Catalogue::english()))
    }

    /// An ear for somebody elsewhere, whose microphone does not hear this device's speaker.
    ///
    /// # Errors
    /// Silero VAD can't be loaded.
    pub fn remote_ear(&self) -> anyhow::Result<Ear> {
        let vad = hearing::voice_activity(&self.config, self.runtime.as_ref())?;
        Ok(Ear::new(vad, self.config.ear.clone(), Protection::None))
    }

    /// What is offered to others in the house.
    ///
    /// # Errors
    /// Silero VAD can't be loaded.
    pub fn wyoming(&self, models: &Arc<Models>) -> anyhow::Result<Services> {
        let (runtime, installed, config) = (self.runtime.clone(), Arc::clone(&self.installed), self.config.clone());
        let wake_word = installed.wake_word(&config, runtime.as_ref()).map(|(_, name)| wake_word_name(&name));
        if let Err(error) = &wake_word {
            tracing::debug!("no wake word for others: {error:#}");
        }
        let language = config.stt.language.clone();
        let open_ear = move |wakes: bool| {
            let vad = hearing::voice_activity(&config, runtime.as_ref())?;
            let ear = Ear::new(vad, config.ear.clone(), Protection::None);
            if !wakes {
                return Ok(ear);
            }
            let (model, _) = installed.wake_word(&config, runtime.as_ref())?;
            Ok(ear.with_wake_word(WakeWord::new(model, Arc::new(true.into()), config.wake.attention.threshold)))
        };
        open_ear(false)?;
        Ok(Services::new(Arc::clone(models), language, Arc::new(open_ear), wake_word.ok()))
    }

    /// What the APIs under `/v1` are made of, for whoever tells `inbox` what the device is to do.
    pub fn apis(&self, models: &Arc<Models>, inbox: Inbox) -> Apis {
        let (speech, home) = (Speech::new(models, &self.config), self.home.get().cloned());
        let entities = move || {
            let all = |home: &Arc<MqttHome>| home.look(|registry| registry.entities().map(Entity::from).collect());
            home.as_ref().map(all).unwrap_or_default()
        };
        let on_device = move |action| {
            let inbox = inbox.clone();
            // The driver soon has room, or everything is shutting down.
            tokio::spawn(async move { inbox.send(Message::Device(action)).await });
        };
        let apis = Apis::new(self.engine.clone(), speech.transcribe(), speech.speak());
        apis.at_home(Arc::new(entities)).on_device(Arc::new(on_device))
    }

    fn playback(&self, replies: Option<&Path>, inbox: Inbox) -> anyhow::Result<(Playback, bool)> {
        let report = report_to(inbox);
        let (mut playback, backend) = match replies {
            Some(folder) => open_speaker("wav", folder.display().to_string(), report)?,
            None => configured_speaker(&self.config, report)?,
        };
        playback.set_volume(self.engine.volume());
        if backend.echoes {
            *self.protection.lock().unwrap_or_else(PoisonError::into_inner) = self.protect(&mut playback);
        }
        Ok((playback, backend.name == "wav"))
    }

    /// What keeps Pipit from answering itself: echo cancellation, or where that does not do, deafness while it speaks.
    fn protect(&self, playback: &mut Playback) -> Protection {
        let (wanted, why) = barge_in::wanted(&self.config);
        tracing::info!("{why}");
        match playback.take_echo().filter(|_| wanted) {
            Some(echo) => Protection::Cancelled(Box::new(EchoCancellation::new(echo))),
            None => Protection::Deaf(playback.sounding()),
        }
    }
}

impl Loading {
    /// Waits for every model.
    ///
    /// # Errors
    /// The first that could not be loaded.
    pub async fn wait(self) -> anyhow::Result<()> {
        for (part, ready) in self.parts {
            ready.await.with_context(|| format!("the thread of the {part} has ended"))??;
        }
        Ok(())
    }

    /// Logs what was loaded, and what could not be, of which it gives the names, and tells `bus` once that is known of all.
    pub async fn log(self, bus: Bus) -> Vec<&'static str> {
        let mut missing = Vec::new();
        for (part, ready) in self.parts {
            match ready.await {
                Ok(Ok(name)) => tracing::info!("{part}: {name}"),
                Ok(Err(error)) => {
                    tracing::error!("no {part}: {error:#}");
                    missing.push(part);
                }
                // Everything is shutting down.
                Err(_) => return missing,
            }
        }
        bus.beside().send_modify(|beside| beside.loaded = true);
        missing
    }
}

/// The driver empties its inbox without ever waiting for the speaker, so there soon is room.
fn report_to(inbox: Inbox) -> ReportSink {
    Box::new(move |report| drop(inbox.blocking_send(Message::Playback(report))))
}

/// What peers call a wake-word model: the name of its file or of the catalogue, without what all of them have.
fn wake_word_name(model: &str) -> String {
    let name = Path::new(model).file_stem().map_or(model.into(), |stem| stem.to_string_lossy());
    name.trim_start_matches("openwakeword-").to_owned()
}

/// What keeps the last turns, unless the owner wants none kept.
fn turn_log(config: &Config, store: &Store) -> anyhow::Result<Option<TurnLog>> {
    if config.log_turns > 0 {
        return Ok(Some(TurnLog::start(store.clone(), config.log_turns)?));
    }
    if let Err(error) = store.forget_turns(0) {
        tracing::warn!("what turns took before could not be forgotten: {error}");
    }
    Ok(None)
}

/// Opens the microphone that is configured, or the file or the silence in its place.
///
/// # Errors
/// There is no such file. A microphone that is missing is no error: it is waited for.
pub fn microphone(config: &Config) -> anyhow::Result<Box<dyn Capture>> {
    let (device, clip) = match &config.audio.backend {
        AudioBackend::Cpal { input, .. } => (device_name(input), None),
        AudioBackend::Wav { input, .. } => (String::new(), Some(pipit_models::clip::read(input)?)),
        AudioBackend::Null => (String::new(), None),
    };
    let trailing_silence = config.turn.fallback + SILENCE_AFTER;
    let input = audio::Input { device, clip, pace: audio::Pace::RealTime, trailing_silence };
    (audio::backend(config.audio.backend.name())?.capture)(&input)
}

/// Opens the speaker that is configured.
///
/// # Errors
/// The folder for replies can't be made. A speaker that is missing is reported, and waited for.
pub fn speaker(config: &Config, reports: ReportSink) -> anyhow::Result<Playback> {
    Ok(configured_speaker(config, reports)?.0)
}

fn configured_speaker(config: &Config, reports: ReportSink) -> anyhow::Result<(Playback, &'static Backend)> {
    let target = match &config.audio.backend {
        AudioBackend::Cpal { output, .. } => device_name(output),
        AudioBackend::Wav { output, .. } => output.display().to_string(),
        AudioBackend::Null => String::new(),
    };
    open_speaker(config.audio.backend.name(), target, reports)
}

fn open_speaker(name: &str, target: String, reports: ReportSink) -> anyhow::Result<(Playback, &'static Backend)> {
    let backend = audio::backend(name)?;
    Ok(((backend.playback)(&audio::Output { target }, reports)?, backend))
}

/// What `audio.input` or `audio.output` says.
pub fn device_name(device: &AudioDevice) -> String {
    match device {
        AudioDevice::Default => "default".to_owned(),
        AudioDevice::Named(name) => name.clone(),
    }
}
