//! A driver at work in this process.

use std::sync::Arc;
use std::time::Duration;

use pipit::assist::Assist;
use pipit::audio::{Output, backend};
use pipit::bus::Bus;
use pipit::clock::Clock;
use pipit::driver::{Driver, Workers};
use pipit::report::TurnReport;
use pipit::worker::{
    ClauseText, Gauge, Inbox, Job, Message, Models, Pause, Utterance, Work, Worker, smart_turn, stt, tts,
};
use pipit_chat::{Engine, EngineSettings, ProviderKind, ProviderSettings};
use pipit_core::audio::{Fade, Hertz, LISTENING_RATE, Pcm, SampleIndex, SpeechStretch};
use pipit_core::ear::SpeechFact;
use pipit_core::intent::Catalogue;
use pipit_core::load::LoadSettings;
use pipit_core::turn::{Event, Machine, Overheard, Transcription, TurnSettings};
use pipit_store::Store;
use pipit_web::{BusEvent, Snapshot};
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Far beyond what anything here takes, so that only what never happens fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A driver at work, with models that do as the test says, and a speaker that nobody hears.
pub(crate) struct Room {
    pub(crate) inbox: Inbox,
    pub(crate) turns: mpsc::Receiver<TurnReport>,
    pub(crate) snapshots: watch::Receiver<Snapshot>,
    pub(crate) events: broadcast::Receiver<BusEvent>,
    pub(crate) stop: CancellationToken,
    driving: JoinHandle<()>,
    pub(crate) store: Store,
    pub(crate) assist: Assist,
    pub(crate) runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Room {
    pub(crate) fn new(server: &str, hear: Hear) -> Self {
        Room::with(server, LoadSettings::default(), hear)
    }

    pub(crate) fn with(server: &str, load: LoadSettings, hear: Hear) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipit.db");
        let engine = Engine::new(settings(server), Store::open(&path).unwrap(), Arc::new(jiff::Zoned::now)).unwrap();
        let (sender, inbox) = mpsc::channel(256);
        let reports = sender.clone();
        let report = Box::new(move |report| drop(reports.blocking_send(Message::Playback(report))));
        let playback = (backend("null").unwrap().playback)(&Output { target: String::new() }, report).unwrap();
        let endpoint = models(load, hear).endpoint(sender.clone());
        let turns = TurnSettings { fallback: Duration::from_secs(3), ..TurnSettings::default() };
        let machine = Machine::new(turns, Duration::ZERO, Arc::new(Catalogue::english()));
        let (tell, turns) = mpsc::channel(16);
        let on_turn = Box::new(move |report| tell.try_send(report).unwrap());
        let workers = Workers { endpoint, playback, writes_files: false };
        let bus = Bus::new(None);
        let (snapshots, events) = (bus.snapshots(), bus.events().upgrade().unwrap().subscribe());
        let assist = Assist::new(bus.clone());
        let mut driver = Driver::new(machine, Clock::live(), engine, workers, (sender.clone(), inbox), on_turn, bus);
        driver.give_to(assist.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, store) = (CancellationToken::new(), Store::open(&path).unwrap());
        let stopped = stop.clone();
        let driving = runtime.spawn(async move {
            driver.run(stopped).await;
            driver.drain().await;
        });
        Room { inbox: sender, turns, snapshots, events, stop, driving, store, assist, runtime, _folder: folder }
    }

    /// Somebody speaks, and pauses.
    pub(crate) fn says(&self, samples: std::ops::Range<u64>) {
        self.goes_on(samples.start);
        self.pauses(samples);
    }

    pub(crate) fn goes_on(&self, at: u64) {
        self.tell(SpeechFact::Started { at: SampleIndex(at) });
    }

    pub(crate) fn pauses(&self, samples: std::ops::Range<u64>) {
        let pcm = Pcm::new(vec![0.1; (samples.end - samples.start) as usize], LISTENING_RATE);
        let (start, speech_end) = (SampleIndex(samples.start), SampleIndex(samples.end));
        self.tell(SpeechFact::Paused(SpeechStretch { start, onset: start, speech_end, fade: Fade::default(), pcm }));
    }

    pub(crate) fn tell(&self, fact: SpeechFact) {
        self.inbox.blocking_send(Message::Event(Event::Speech(fact))).unwrap();
    }

    /// Waits for the end of a turn.
    pub(crate) fn turn(&mut self) -> TurnReport {
        let turns = &mut self.turns;
        let turn = async { tokio::time::timeout(PATIENCE, turns.recv()).await };
        self.runtime.block_on(turn).expect("the turn ends").unwrap()
    }

    /// Ends the driver, and says which replies are in the history.
    pub(crate) fn remembers(self) -> Vec<String> {
        self.stop.cancel();
        self.runtime.block_on(self.driving).unwrap();
        // What is being written is waited for, as at the end of the daemon.
        self.runtime.shutdown_timeout(PATIENCE);
        let kept = self.store.recent_exchanges(10).unwrap();
        kept.into_iter().map(|exchange| exchange.heard).collect()
    }
}

pub(crate) fn settings(server: &str) -> EngineSettings {
    let provider = ProviderSettings {
        name: "test server".to_owned(),
        kind: ProviderKind::OpenAi,
        base_url: format!("http://{server}/v1"),
        model: "test".to_owned(),
        api_key: None,
        connect_timeout: PATIENCE,
        first_token_timeout: PATIENCE,
        idle_timeout: PATIENCE,
    };
    EngineSettings {
        providers: vec![provider],
        history_tokens: 1000,
        max_reply_tokens: 100,
        volume: 50,
        ..EngineSettings::default()
    }
}

pub(crate) type Hear = fn(&Job<Utterance>) -> &'static str;

/// Smart Turn takes what lasts longer than a second for finished, and a clause lasts a moment.
pub(crate) fn models(load: LoadSettings, hear: Hear) -> Arc<Models> {
    let gauge = Arc::new(Gauge::new(load, 0));
    let real = smart_turn(Box::new(|_| anyhow::bail!("it is not used")));
    let smart_turn = with::<_, (), Pause>(
        real,
        || (),
        |(), job| Event::TurnScored {
            draft: job.draft,
            probability: Some(if job.task.utterance.samples().len() > 16_000 { 0.9 } else { 0.1 }),
        },
    );
    let real = stt(Box::new(|_| anyhow::bail!("it is not used")), Duration::ZERO);
    let stt = with::<_, Hear, Utterance>(
        real,
        move || hear,
        |hear, job| Event::Transcribed {
            draft: job.draft,
            transcription: Transcription::Words(Overheard::new(hear(job).to_owned())),
        },
    );
    let real = tts(Box::new(|_| anyhow::bail!("it is not used")), Duration::ZERO);
    let tts = with::<_, (), ClauseText>(
        real,
        || (),
        |(), job| Event::ClauseReady {
            draft: job.draft,
            clause: job.task.clause,
            pcm: Pcm::new([0.1; 100], Hertz(16_000)),
        },
    );
    let smart_turn = Worker::start(smart_turn, Arc::clone(&gauge)).unwrap().0;
    let stt = Worker::start(stt, Arc::clone(&gauge)).unwrap().0;
    let tts = Worker::start(tts, Arc::clone(&gauge)).unwrap().0;
    Models::new(smart_turn, stt, tts, gauge)
}

/// The same work with another model.
fn with<Real, Model, Task>(
    real: Work<Real, Task>,
    load: impl Fn() -> Model + Send + Sync + 'static,
    run: fn(&mut Model, &Job<Task>) -> Event,
) -> Work<Model, Task> {
    let Work { name, thread, stage, advice, share, failed, limit, begins, .. } = real;
    let load = Box::new(move |_| Ok((load(), "a fake".to_owned())));
    Work { name, thread, stage, advice, share, load, run, failed, limit, begins }
}
