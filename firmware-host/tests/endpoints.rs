//! Drivers and their shared workers: several places at once, and models and servers that fail at the wrong moment.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use pipit::audio::{Output, backend};
use pipit::bus::Bus;
use pipit::clock::Clock;
use pipit::driver::{Driver, Workers};
use pipit::report::TurnReport;
use pipit::worker::{
    ClauseText, Gauge, Inbox, Job, Message, Models, Pause, Utterance, Work, Worker, smart_turn, stt, tts,
};
use pipit_chat::{DeviceAction, Engine, EngineSettings, ProviderKind, ProviderSettings};
use pipit_core::audio::{Fade, Hertz, LISTENING_RATE, Pcm, SampleIndex, SpeechStretch};
use pipit_core::ear::SpeechFact;
use pipit_core::intent::Catalogue;
use pipit_core::load::LoadSettings;
use pipit_core::turn::{Event, Machine, Overheard, Transcription, TurnSettings, WakeMode};
use pipit_store::Store;
use pipit_web::Snapshot;
use support::Home;
use support::recording::{TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, demo, words_beside};
use support::server::{Requests, nobody, streamed, wants_tool};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Far beyond what anything here takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn two_people_in_two_rooms_are_both_answered() {
    let home = Home::new();
    let mut arguments = home.hearing(&[demo(WHAT_TIME_IS_IT), demo(TWELVE_TIMES_SEVEN)], true);
    arguments.push("--at-once".into());
    let said = home.pipit(arguments).succeeded();
    assert_eq!(said.transcripts(), [WHAT_TIME_IS_IT, TWELVE_TIMES_SEVEN].map(|name| words_beside(&demo(name))));
    for (number, turn) in (1_u64..).zip(said.turns()) {
        assert_eq!((&turn["endpoint"], &turn["turn"]), (&number.into(), &1.into()), "{turn}");
        let wav = turn["reply_wav"].as_str().unwrap();
        support::recording::Sound::of(wav.as_ref()).could_be(turn["reply"].as_str().unwrap());
    }
    home.pipit(["hear", "--at-once", "--realtime=false", "x.wav"]).failed_saying(&["--realtime=false"]);
}

#[test]
fn a_reply_that_comes_after_its_draft_was_revised_is_dropped() {
    let (requests, address) = Requests::listen();
    let mut room = Room::new(&address, |job| if job.task.utterance.samples().len() > 16_000 { LONG } else { SHORT });
    room.says(0..16_000);
    let first = requests.next();
    assert!(first.last_message().contains(SHORT) && !first.last_message().contains(LONG));
    // The person goes on, and the answer to the first half has not begun.
    room.goes_on(24_000);
    room.pauses(16_000..32_000);
    let second = requests.next();
    assert!(second.last_message().contains(LONG));
    first.answer(&streamed(&["Stale."]));
    second.answer(&streamed(&["Fresh."]));
    let report = room.turn();
    assert_eq!((&*report.transcript, &*report.reply, report.drafts), (LONG, "Fresh.", 2));
    assert_eq!(report.remembered.as_deref(), Some(LONG));
    assert_eq!(room.remembers(), ["Fresh."]);
}

#[test]
fn what_is_changed_while_it_runs_is_told() {
    let mut room = Room::new(&nobody(), |_| LONG);
    assert_eq!((room.snapshots.borrow().wake_mode, room.snapshots.borrow().volume), ("always", 50));
    room.inbox.blocking_send(Message::Device(DeviceAction::SetVolume(30))).unwrap();
    room.inbox.blocking_send(Message::Event(Event::WakeModeChosen { mode: WakeMode::PushToTalk })).unwrap();
    let Room { snapshots, runtime, .. } = &mut room;
    let told = snapshots.wait_for(|told| told.wake_mode == "push-to-talk");
    let told = runtime.block_on(async { tokio::time::timeout(PATIENCE, told).await }).unwrap().unwrap();
    assert_eq!(told.volume, 30);
}

#[test]
fn a_tool_that_a_draft_wants_is_used_once_the_turn_is_decided() {
    let (requests, address) = Requests::listen();
    let mut room = Room::new(&address, |job| if job.task.utterance.samples().len() > 16_000 { LONG } else { SHORT });
    room.says(0..16_000);
    let wants = wants_tool("set_timer", &serde_json::json!({ "minutes": 4 }));
    requests.next().answer(&wants);
    room.goes_on(24_000);
    room.pauses(16_000..32_000);
    requests.next().answer(&wants);
    let with_result = requests.next();
    assert!(with_result.last_message().contains("Timer set for 4 minutes."), "{}", with_result.last_message());
    with_result.answer(&streamed(&["It runs."]));
    assert_eq!(room.turn().reply, "It runs.");
    let timers = room.store.timers().unwrap();
    assert_eq!(timers.len(), 1, "the first draft has set none");
    assert_eq!(room.remembers(), ["It runs."]);
}

#[test]
fn a_long_conversation_is_summarised_between_the_turns() {
    let (requests, address) = Requests::listen();
    let mut room = Room::new(&address, |_| LONG);
    let story = "The moon is far away. ".repeat(80);
    for at in [0, 48_000] {
        room.says(at..at + 24_000);
        requests.next().answer(&streamed(&[&story]));
        room.turn();
    }
    let asked = requests.next();
    assert!(asked.last_message().contains("Reply with a summary"), "{}", asked.last_message());
    // Somebody speaks before it comes, and is answered.
    room.says(96_000..120_000);
    let next = requests.next();
    assert!(next.last_message().contains(LONG));
    next.answer(&streamed(&["Far."]));
    assert_eq!(room.turn().reply, "Far.");
}

#[test]
fn a_recogniser_that_dies_in_mid_draft_is_apologised_for_and_the_next_turn_is_answered() {
    let mut room = Room::new(&nobody(), |job| {
        assert!(job.draft.turn.0 != 1, "the model dies on purpose");
        "what is two plus two"
    });
    room.says(0..24_000);
    assert!(room.turn().reply.contains("can't make out speech"));
    room.says(48_000..72_000);
    assert!(room.turn().reply.contains('4'));
}

#[test]
fn a_board_that_does_not_keep_up_says_so_and_answers_without_preparing() {
    // Whatever a voice needs is too much for this board.
    let load = LoadSettings { slow_voice: 0.0, least_speech: Duration::from_nanos(1), ..LoadSettings::default() };
    let mut room = Room::with(&nobody(), load, |_| "what is two plus two");
    let mut snapshots = room.snapshots.clone();
    // Smart Turn takes it for unfinished. What was prepared in advance says that it is a whole command.
    room.says(0..16_000);
    assert_eq!(room.turn().ended_by, Some("intent"));
    let overloaded = snapshots.wait_for(|snapshot| snapshot.overload.is_some());
    let told = room.runtime.block_on(overloaded).unwrap().overload.clone().unwrap();
    assert!(told.contains("the voice needs") && told.contains("prepared in advance"), "{told}");
    room.says(48_000..64_000);
    let report = room.turn();
    assert_eq!(report.ended_by, Some("silence"));
    assert!(report.reply.contains('4'), "{report:?}");
}

const SHORT: &str = "tell me something about";
const LONG: &str = "tell me something about the moon";

/// A driver at work, with models that do as the test says, and a speaker that nobody hears.
struct Room {
    inbox: Inbox,
    turns: mpsc::Receiver<TurnReport>,
    snapshots: watch::Receiver<Snapshot>,
    stop: CancellationToken,
    driving: JoinHandle<()>,
    store: Store,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Room {
    fn new(server: &str, hear: Hear) -> Self {
        Room::with(server, LoadSettings::default(), hear)
    }

    fn with(server: &str, load: LoadSettings, hear: Hear) -> Self {
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
        let snapshots = bus.snapshots();
        let mut driver = Driver::new(machine, Clock::live(), engine, workers, (sender.clone(), inbox), on_turn, bus);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, store) = (CancellationToken::new(), Store::open(&path).unwrap());
        let stopped = stop.clone();
        let driving = runtime.spawn(async move {
            driver.run(stopped).await;
            driver.drain().await;
        });
        Room { inbox: sender, turns, snapshots, stop, driving, store, runtime, _folder: folder }
    }

    /// Somebody speaks, and pauses.
    fn says(&self, samples: std::ops::Range<u64>) {
        self.goes_on(samples.start);
        self.pauses(samples);
    }

    fn goes_on(&self, at: u64) {
        self.tell(SpeechFact::Started { at: SampleIndex(at) });
    }

    fn pauses(&self, samples: std::ops::Range<u64>) {
        let pcm = Pcm::new(vec![0.1; (samples.end - samples.start) as usize], LISTENING_RATE);
        let (start, speech_end) = (SampleIndex(samples.start), SampleIndex(samples.end));
        self.tell(SpeechFact::Paused(SpeechStretch { start, onset: start, speech_end, fade: Fade::default(), pcm }));
    }

    fn tell(&self, fact: SpeechFact) {
        self.inbox.blocking_send(Message::Event(Event::Speech(fact))).unwrap();
    }

    /// Waits for the end of a turn.
    fn turn(&mut self) -> TurnReport {
        let turns = &mut self.turns;
        let turn = async { tokio::time::timeout(PATIENCE, turns.recv()).await };
        self.runtime.block_on(turn).expect("the turn ends").unwrap()
    }

    /// Ends the driver, and says which replies are in the history.
    fn remembers(self) -> Vec<String> {
        self.stop.cancel();
        self.runtime.block_on(self.driving).unwrap();
        // What is being written is waited for, as at the end of the daemon.
        self.runtime.shutdown_timeout(PATIENCE);
        let kept = self.store.recent_exchanges(10).unwrap();
        kept.into_iter().map(|exchange| exchange.heard).collect()
    }
}

fn settings(server: &str) -> EngineSettings {
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

type Hear = fn(&Job<Utterance>) -> &'static str;

/// Smart Turn takes what lasts longer than a second for finished, and a clause lasts a moment.
fn models(load: LoadSettings, hear: Hear) -> Arc<Models> {
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
