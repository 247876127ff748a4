//! Workers whose models do as they are told: wait, fail, hang or die.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipit_core::audio::{Hertz, LISTENING_RATE, Pcm};
use pipit_core::load::{Level, LoadSettings};
use pipit_core::turn::{DraftId, Event, Overheard, Transcription, TurnId};
use pipit_models::cancel::CancelFlag;
use pipit_models::error::ModelError;
use pipit_models::recogniser::Recogniser;
use pipit_models::whisper::{Outcome, Transcript};
use tokio::sync::mpsc;

use super::*;

type Fake<Task> = Box<dyn FnMut(&Job<Task>) -> Event + Send>;

/// `real`, with what `load` makes in place of its model.
fn faked<Model, Task: 'static>(
    real: Work<Model, Task>,
    load: impl Fn(Which) -> Fake<Task> + Send + Sync + 'static,
) -> Work<Fake<Task>, Task> {
    let Work { name, thread, stage, advice, share, failed, limit, begins, .. } = real;
    let load = Box::new(move |which| Ok((load(which), "a fake".to_owned())));
    Work { name, thread, stage, advice, share, load, run: |fake, job| fake(job), failed, limit, begins }
}

fn fake_stt(load: impl Fn() -> Fake<Utterance> + Send + Sync + 'static) -> Work<Fake<Utterance>, Utterance> {
    faked(stt(Box::new(|_| anyhow::bail!("it is not used")), Duration::ZERO), move |_| load())
}

fn fake_tts(load: impl Fn(Which) -> Fake<ClauseText> + Send + Sync + 'static) -> Work<Fake<ClauseText>, ClauseText> {
    faked(tts(Box::new(|_| anyhow::bail!("it is not used")), Duration::ZERO), load)
}

/// Workers of which the test uses one or two.
fn models<Model: 'static>(
    stt: Work<Model, Utterance>,
    tts: Work<Fake<ClauseText>, ClauseText>,
    gauge: Gauge,
) -> Arc<Models> {
    let gauge = Arc::new(gauge);
    let smart_turn = faked(smart_turn(Box::new(|_| anyhow::bail!("it is not used"))), |_| {
        Box::new(|job| Event::TurnScored { draft: job.draft, probability: Some(0.5) })
    });
    let smart_turn = Worker::start(smart_turn, Arc::clone(&gauge)).unwrap().0;
    let stt = Worker::start(stt, Arc::clone(&gauge)).unwrap().0;
    let tts = Worker::start(tts, Arc::clone(&gauge)).unwrap().0;
    Models::new(smart_turn, stt, tts, gauge)
}

fn hearing<Model: 'static>(stt: Work<Model, Utterance>) -> Arc<Models> {
    models(stt, fake_tts(|_| Box::new(|job| say(job, 1))), Gauge::new(LoadSettings::default(), 0))
}

/// An endpoint with its inbox.
struct Place {
    endpoint: Endpoint,
    inbox: mpsc::Receiver<Message>,
}

impl Place {
    fn at(models: &Arc<Models>) -> Self {
        let (sender, inbox) = mpsc::channel(64);
        Place { endpoint: models.endpoint(sender), inbox }
    }

    fn ask(&self, turn: u64, urgency: Urgency) {
        assert!(self.endpoint.transcribe(draft(turn), urgency, Pcm::new([0.0; 160], LISTENING_RATE), 1));
    }

    #[track_caller]
    fn hears(&mut self, turn: u64, expected: &Transcription) {
        match self.inbox.blocking_recv().unwrap() {
            Message::Worked { event: Event::Transcribed { draft: of, transcription }, .. } => {
                assert_eq!((of, &transcription), (draft(turn), expected));
            }
            other => panic!("{other:?}"),
        }
    }
}

fn draft(turn: u64) -> DraftId {
    DraftId { turn: TurnId(turn), revision: 1 }
}

fn words() -> Transcription {
    Transcription::Words(Overheard::new("hello".to_owned()))
}

fn understood(job: &Job<Utterance>) -> Event {
    Event::Transcribed { draft: job.draft, transcription: words() }
}

fn say(job: &Job<ClauseText>, seconds: usize) -> Event {
    let pcm = Pcm::new(vec![0.1; 1_000 * seconds], Hertz(1_000));
    Event::ClauseReady { draft: job.draft, clause: job.task.clause, pcm }
}

/// A recogniser that says what it is about to do, and waits until it is let go.
struct Gate {
    begun: Receiver<u64>,
    go: Sender<()>,
}

fn gated() -> (Gate, Work<Fake<Utterance>, Utterance>) {
    let ((tell, begun), (go, wait)) = (channel(), channel());
    let wait = Arc::new(Mutex::new(wait));
    let work = fake_stt(move || {
        let (tell, wait) = (tell.clone(), Arc::clone(&wait));
        Box::new(move |job| {
            tell.send(job.draft.turn.0).unwrap();
            wait.lock().unwrap().recv().unwrap();
            understood(job)
        })
    });
    (Gate { begun, go }, work)
}

#[test]
fn what_somebody_waits_for_overtakes_drafts_and_what_nobody_wants_is_never_begun() {
    let (gate, work) = gated();
    let models = hearing(work);
    let (mut kitchen, mut hall) = (Place::at(&models), Place::at(&models));
    kitchen.ask(1, Urgency::Draft);
    assert_eq!(gate.begun.recv(), Ok(1));
    kitchen.ask(2, Urgency::Draft);
    kitchen.ask(3, Urgency::Draft);
    hall.ask(4, Urgency::Draft);
    hall.ask(5, Urgency::Draft);
    hall.ask(6, Urgency::Wanted);
    hall.endpoint.commit(draft(5));
    kitchen.endpoint.cancel(draft(2));
    (0..5).for_each(|_| gate.go.send(()).unwrap());
    let order: Vec<_> = gate.begun.iter().take(4).collect();
    assert_eq!(order, [5, 6, 3, 4], "the hall has had its turns with what it waits for");
    for turn in [1, 3] {
        kitchen.hears(turn, &words());
    }
    for turn in [5, 6, 4] {
        hall.hears(turn, &words());
    }
}

#[test]
fn work_for_another_device_keeps_whoever_speaks_to_this_one_waiting_for_one_job_at_most() {
    let (gate, work) = gated();
    let models = hearing(work);
    let (kitchen, mut guests) = (Place::at(&models), [Place::at(&models), Place::at(&models)]);
    guests[0].ask(1, Urgency::Guest);
    assert_eq!(gate.begun.recv(), Ok(1));
    guests[0].ask(2, Urgency::Guest);
    guests[1].ask(3, Urgency::Guest);
    guests[0].ask(4, Urgency::Guest);
    kitchen.ask(5, Urgency::Draft);
    kitchen.ask(6, Urgency::Wanted);
    (0..6).for_each(|_| gate.go.send(()).unwrap());
    let order: Vec<_> = gate.begun.iter().take(5).collect();
    assert_eq!(order, [6, 5, 3, 2, 4], "and the guests take turns");
    guests[1].hears(3, &words());
}

#[test]
fn an_endpoint_that_asks_for_more_than_its_share_is_refused_and_another_is_not() {
    let (gate, mut work) = gated();
    work.share = 2;
    let models = hearing(work);
    let (kitchen, mut hall) = (Place::at(&models), Place::at(&models));
    kitchen.ask(1, Urgency::Wanted);
    assert_eq!(gate.begun.recv(), Ok(1));
    kitchen.ask(2, Urgency::Wanted);
    kitchen.ask(3, Urgency::Wanted);
    let refused = !kitchen.endpoint.transcribe(draft(4), Urgency::Wanted, Pcm::new([0.0; 160], LISTENING_RATE), 1);
    assert!(refused);
    hall.ask(5, Urgency::Wanted);
    // Whoever goes leaves nothing behind for others to wait for.
    drop(kitchen);
    (0..2).for_each(|_| gate.go.send(()).unwrap());
    hall.hears(5, &words());
    assert_eq!(gate.begun.try_recv(), Ok(5));
    assert!(gate.begun.try_recv().is_err());
}

#[test]
fn what_is_cancelled_while_it_is_done_is_told_to_stop() {
    let (tell, begun) = channel();
    let models = hearing(fake_stt(move || {
        let tell = tell.clone();
        Box::new(move |job| {
            tell.send(()).unwrap();
            while !job.cancel.is_cancelled() {
                std::thread::yield_now();
            }
            understood(job)
        })
    }));
    let mut kitchen = Place::at(&models);
    kitchen.ask(1, Urgency::Draft);
    begun.recv().unwrap();
    kitchen.endpoint.cancel(draft(2));
    kitchen.endpoint.cancel(draft(1));
    kitchen.hears(1, &words());
}

/// A recogniser that says when it begins to listen ahead, and does so in the way that it is told.
struct Ahead {
    begun: Sender<()>,
    listens: fn(&CancelFlag) -> Result<Option<String>, ModelError>,
}

impl Recogniser for Ahead {
    fn transcribe(&mut self, _: &[f32], _: &CancelFlag) -> Result<Transcript, ModelError> {
        let (text, guess) = ("hello".to_owned(), String::new());
        Ok(Transcript { text, guess, mean_log_probability: -0.1, outcome: Outcome::Words })
    }

    fn follow(&mut self, _: &[f32], cancel: &CancelFlag) -> Result<Option<String>, ModelError> {
        self.begun.send(()).unwrap();
        (self.listens)(cancel)
    }
}

fn ahead(listens: fn(&CancelFlag) -> Result<Option<String>, ModelError>) -> (Receiver<()>, Arc<Models>) {
    let (tell, begun) = channel();
    let load: LoadModel<Box<dyn Recogniser>> = Box::new(move |_| {
        let recogniser: Box<dyn Recogniser> = Box::new(Ahead { begun: tell.clone(), listens });
        Ok((recogniser, "a fake".to_owned()))
    });
    (begun, hearing(stt(load, Duration::ZERO)))
}

fn until_cancelled(cancel: &CancelFlag) -> Result<Option<String>, ModelError> {
    while !cancel.is_cancelled() {
        std::thread::yield_now();
    }
    Err(ModelError::Cancelled)
}

impl Place {
    fn follows(&self, turn: u64, round: u32) {
        assert!(self.endpoint.follow(TurnId(turn), round, Pcm::new([0.0; 160], LISTENING_RATE), 1));
    }

    #[track_caller]
    fn has_followed(&mut self, turn: u64, round: u32, expected: Option<&str>) {
        match self.inbox.blocking_recv().unwrap() {
            Message::Worked { event: Event::Followed { turn: of, round: which, agreed }, .. } => {
                let expected = expected.map(|words| Overheard::new(words.to_owned()));
                assert_eq!((of, which), (TurnId(turn), round));
                assert!(agreed == expected, "other words, or none, in round {round}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nobody_waits_for_what_is_listened_to_ahead() {
    let (begun, models) = ahead(until_cancelled);
    let mut kitchen = Place::at(&models);
    kitchen.follows(1, 1);
    begun.recv().unwrap();
    // That of another turn goes on.
    kitchen.ask(2, Urgency::Draft);
    kitchen.ask(1, Urgency::Draft);
    kitchen.has_followed(1, 1, None);
    kitchen.hears(2, &words());
    kitchen.hears(1, &words());
    // A part of the turn counts as much, and its end even more.
    kitchen.follows(3, 2);
    begun.recv().unwrap();
    assert!(kitchen.endpoint.transcribe_part(TurnId(3), 0, Pcm::new([0.0; 160], LISTENING_RATE), 1));
    kitchen.has_followed(3, 2, None);
    let part = kitchen.inbox.blocking_recv().unwrap();
    assert!(matches!(part, Message::Worked { event: Event::PartTranscribed { .. }, .. }), "{part:?}");
    kitchen.follows(3, 3);
    begun.recv().unwrap();
    kitchen.endpoint.end(draft(3));
    kitchen.has_followed(3, 3, None);
}

#[test]
fn what_waits_to_be_listened_to_ahead_is_dropped_for_the_transcript() {
    let (begun, models) = ahead(until_cancelled);
    let (mut kitchen, mut hall) = (Place::at(&models), Place::at(&models));
    hall.follows(1, 1);
    begun.recv().unwrap();
    kitchen.follows(1, 1);
    kitchen.ask(1, Urgency::Draft);
    hall.endpoint.end(draft(1));
    hall.has_followed(1, 1, None);
    kitchen.hears(1, &words());
    assert!(begun.try_recv().is_err() && kitchen.inbox.try_recv().is_err(), "what nobody wants is never begun");
}

#[test]
fn a_recogniser_that_fails_while_it_listens_ahead_fails_in_nothing_else() {
    for (listens, agreed) in [
        ((|_| Ok(Some("tell me".to_owned()))) as fn(&CancelFlag) -> _, Some("tell me")),
        (|_| Ok(Some(String::new())), Some("")),
        (|_| Ok(None), None),
        (|_| Err(ModelError::Settings("it is broken".to_owned())), None),
    ] {
        let (_begun, models) = ahead(listens);
        let mut kitchen = Place::at(&models);
        kitchen.follows(1, 7);
        kitchen.has_followed(1, 7, agreed);
        kitchen.ask(1, Urgency::Wanted);
        kitchen.hears(1, &words());
    }
}

/// A recogniser that dies of the turns in `deadly`, and the count of how often it was loaded.
fn mortal(deadly: &'static [u64]) -> (Arc<AtomicUsize>, Work<Fake<Utterance>, Utterance>) {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&loads);
    let work = fake_stt(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::new(|job| {
            assert!(!deadly.contains(&job.draft.turn.0), "the model dies on purpose");
            understood(job)
        })
    });
    (loads, work)
}

#[test]
fn a_model_that_dies_costs_one_job_and_is_loaded_again() {
    let (loads, work) = mortal(&[2]);
    let models = hearing(work);
    let mut kitchen = Place::at(&models);
    kitchen.ask(1, Urgency::Wanted);
    kitchen.hears(1, &words());
    kitchen.ask(2, Urgency::Wanted);
    kitchen.ask(3, Urgency::Wanted);
    kitchen.hears(2, &Transcription::Failed);
    kitchen.hears(3, &words());
    assert_eq!(loads.load(Ordering::SeqCst), 2);
}

#[test]
fn a_model_that_dies_again_is_not_loaded_for_every_job_and_comes_back_all_the_same() {
    let (loads, work) = mortal(&[1, 2]);
    let models = hearing(work);
    let mut kitchen = Place::at(&models);
    for turn in [1, 2, 3] {
        kitchen.ask(turn, Urgency::Wanted);
        kitchen.hears(turn, &Transcription::Failed);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 2, "the third job did not wait for a model");
    let patience = Instant::now() + Duration::from_secs(60);
    while loads.load(Ordering::SeqCst) < 3 {
        assert!(Instant::now() < patience, "it does not come back");
        std::thread::yield_now();
    }
    kitchen.ask(4, Urgency::Wanted);
    kitchen.hears(4, &words());
}

#[test]
fn a_model_that_hangs_is_left_behind_and_one_that_is_only_slow_is_kept() {
    let (never, forever) = channel::<()>();
    let (forever, loads) = (Arc::new(Mutex::new(forever)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&loads);
    let mut work = fake_stt(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let forever = Arc::clone(&forever);
        Box::new(move |job| {
            match job.draft.turn.0 {
                1 => while !job.cancel.is_cancelled() {},
                2 => drop(forever.lock().unwrap().recv()),
                _ => {}
            }
            understood(job)
        })
    });
    // Only the two that never end by themselves reach it.
    work.limit = Box::new(|_| Duration::from_millis(500));
    let models = hearing(work);
    let mut kitchen = Place::at(&models);
    kitchen.ask(1, Urgency::Wanted);
    kitchen.hears(1, &Transcription::Failed);
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    kitchen.ask(2, Urgency::Wanted);
    kitchen.hears(2, &Transcription::Failed);
    kitchen.ask(3, Urgency::Wanted);
    kitchen.hears(3, &words());
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    // What it says in the end is said to nobody.
    drop(never);
    kitchen.ask(4, Urgency::Wanted);
    kitchen.hears(4, &words());
}

#[test]
fn a_model_that_cannot_be_loaded_says_why_and_its_jobs_are_answered() {
    let (gauge, (sender, mut inbox)) = (Arc::new(Gauge::new(LoadSettings::default(), 0)), mpsc::channel(4));
    let work = stt(Box::new(|_| anyhow::bail!("the file is gone")), Duration::ZERO);
    let (worker, ready) = Worker::start(work, gauge).unwrap();
    let job = Arc::new(Job {
        draft: draft(1),
        task: Utterance { stretch: Stretch::Rest, utterance: Pcm::new([], LISTENING_RATE), number: 1 },
        cancel: Default::default(),
    });
    assert!(worker.shared.push(EndpointId(1), Urgency::Wanted, shared::Assigned { job, inbox: sender }));
    assert_eq!(ready.blocking_recv().unwrap().unwrap_err().to_string(), "the file is gone");
    let Some(Message::Worked { event: Event::Transcribed { transcription, .. }, .. }) = inbox.blocking_recv() else {
        panic!("the job was not answered")
    };
    assert_eq!(transcription, Transcription::Failed);
}

/// The best voice works for a millisecond on a sixteenth of a millisecond of speech; the lighter one says three seconds at
/// once.
#[test]
fn a_voice_that_is_too_slow_is_replaced_by_a_lighter_one_between_two_clauses() {
    let settings = LoadSettings { least_speech: Duration::from_nanos(1), ..LoadSettings::default() };
    let tts = fake_tts(|which| {
        Box::new(move |job| {
            if which.lighter > 0 {
                return say(job, 3);
            }
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1) {}
            let pcm = Pcm::new([0.1], LISTENING_RATE);
            Event::ClauseReady { draft: job.draft, clause: job.task.clause, pcm }
        })
    });
    let models = models(fake_stt(|| Box::new(understood)), tts, Gauge::new(settings, 1));
    let mut kitchen = Place::at(&models);
    let mut overload = kitchen.endpoint.overload();
    let mut levels = Vec::new();
    for clause in 0.. {
        assert!(clause < 10_000, "the slow voice goes on: {levels:?}");
        assert!(kitchen.endpoint.speak(draft(1), Urgency::Wanted, clause, "hello".to_owned(), 1));
        let Some(Message::Worked { event: Event::ClauseReady { pcm, .. }, .. }) = kitchen.inbox.blocking_recv() else {
            panic!("clause {clause} was not spoken")
        };
        if overload.has_changed().unwrap() {
            levels.push(overload.borrow_and_update().clone());
        }
        if pcm.duration() == Duration::from_secs(3) {
            break;
        }
    }
    let told: Vec<_> = levels.iter().map(|overload| (overload.level, overload.told.as_deref().unwrap_or(""))).collect();
    assert_eq!(told.last().map(|(level, _)| *level), Some(Level::LighterVoice(1)), "{told:?}");
    assert!(told.iter().all(|(_, words)| words.contains("the voice needs")), "{told:?}");
}

/// A voice that can be told by how long it speaks: ten seconds for each place among those to choose from, one for each step lighter.
fn voices(choice: Choice, gauge: Gauge) -> (Arc<Models>, Receiver<String>) {
    let (tell, at_work) = channel();
    let mut work = fake_tts(|_| unreachable!());
    work.load = Box::new(|which| {
        anyhow::ensure!(which.choice != 9, "the file is damaged");
        let seconds = 10 * (which.choice + 1) + which.lighter;
        Ok((Box::new(move |job| say(job, seconds)), format!("voice {seconds}")))
    });
    let gauge = Arc::new(gauge);
    let choice = Choice { at_work: Some(Box::new(move |name| tell.send(name.to_owned()).unwrap())), ..choice };
    let tts = Worker::start_with(work, choice, Arc::clone(&gauge)).unwrap().0;
    let stt = Worker::start(fake_stt(|| Box::new(understood)), Arc::clone(&gauge)).unwrap().0;
    let smart_turn = Worker::start(smart_turn(Box::new(|_| anyhow::bail!("it is not used"))), Arc::clone(&gauge));
    (Models::new(smart_turn.unwrap().0, stt, tts, gauge), at_work)
}

fn keeps_up() -> Gauge {
    Gauge::new(LoadSettings::default(), 0)
}

impl Place {
    /// Has a clause spoken, and says for how many seconds it is.
    #[track_caller]
    fn speaks(&mut self, turn: u64, clause: usize) -> u64 {
        assert!(self.endpoint.speak(draft(turn), Urgency::Wanted, clause, "hello".to_owned(), 1));
        match self.inbox.blocking_recv().unwrap() {
            Message::Worked { event: Event::ClauseReady { pcm, .. }, .. } => pcm.duration().as_secs(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_voice_that_was_chosen_begins_when_nothing_is_half_said() {
    let (models, at_work) = voices(Choice::default(), keeps_up());
    let (mut kitchen, mut hall) = (Place::at(&models), Place::at(&models));
    assert_eq!((at_work.recv().unwrap(), kitchen.speaks(1, 0)), ("voice 10".to_owned(), 10));
    models.choose_voice(1).blocking_recv().unwrap().unwrap();
    assert_eq!(kitchen.speaks(1, 1), 10, "the reply goes on");
    assert_eq!(hall.speaks(2, 0), 10, "somebody else is being answered");
    kitchen.endpoint.end(draft(1));
    assert_eq!(hall.speaks(2, 1), 10);
    assert!(at_work.try_recv().is_err());
    hall.endpoint.end(draft(2));
    assert_eq!(at_work.recv().unwrap(), "voice 20", "with nothing to be said, too");
    assert_eq!((hall.speaks(3, 0), hall.speaks(3, 1)), (20, 20));
    models.choose_voice(0).blocking_recv().unwrap().unwrap();
    assert_eq!((hall.speaks(3, 2), hall.speaks(4, 0)), (20, 10), "what comes next begins with it");
    drop(hall);
    models.choose_voice(1).blocking_recv().unwrap().unwrap();
    assert_eq!(kitchen.speaks(5, 0), 20, "whoever has gone keeps nobody waiting");
}

#[test]
fn what_was_chosen_and_cannot_be_loaded_leaves_what_is_there() {
    let (models, at_work) = voices(Choice::default(), keeps_up());
    let mut kitchen = Place::at(&models);
    assert_eq!(at_work.recv().unwrap(), "voice 10");
    for _ in 0..2 {
        let NotChosen { stays, error } = models.choose_voice(9).blocking_recv().unwrap().unwrap_err();
        assert_eq!((stays, error.to_string()), (0, "the file is damaged".to_owned()));
        assert_eq!(kitchen.speaks(1, 0), 10);
    }
    models.choose_voice(0).blocking_recv().unwrap().unwrap();
    assert!(at_work.try_recv().is_err(), "it was there all the time");
    kitchen.endpoint.end(draft(1));
    models.choose_voice(3).blocking_recv().unwrap().unwrap();
    assert_eq!(at_work.recv().unwrap(), "voice 40");
    assert_eq!(models.choose_voice(9).blocking_recv().unwrap().unwrap_err().stays, 3);
    assert_eq!(kitchen.speaks(2, 0), 40);
}

#[test]
fn where_what_was_chosen_cannot_be_loaded_at_the_start_another_takes_its_place() {
    let (models, at_work) = voices(Choice { at_start: 9, instead: 1, ..Choice::default() }, keeps_up());
    assert_eq!(at_work.recv().unwrap(), "voice 20");
    let mut kitchen = Place::at(&models);
    assert_eq!(kitchen.speaks(1, 0), 20);
    kitchen.endpoint.end(draft(1));
    models.choose_voice(0).blocking_recv().unwrap().unwrap();
    assert_eq!(kitchen.speaks(2, 0), 10);
}

#[test]
fn where_what_takes_its_place_cannot_be_loaded_either_another_can_be_chosen() {
    let (models, at_work) = voices(Choice { at_start: 9, instead: 9, ..Choice::default() }, keeps_up());
    let mut kitchen = Place::at(&models);
    assert!(kitchen.endpoint.speak(draft(1), Urgency::Wanted, 0, "hello".to_owned(), 1));
    let answer = kitchen.inbox.blocking_recv().unwrap();
    assert!(matches!(answer, Message::Worked { event: Event::ClauseFailed { .. }, .. }), "{answer:?}");
    models.choose_voice(1).blocking_recv().unwrap().unwrap();
    assert_eq!((at_work.recv().unwrap(), kitchen.speaks(1, 1)), ("voice 20".to_owned(), 20));
}

#[test]
fn a_choice_that_is_taken_back_before_it_is_loaded_changes_nothing() {
    let ((go, wait), (tell, loading)) = (channel::<()>(), channel());
    let (go, wait, mut work) = (go, Mutex::new(wait), fake_stt(|| unreachable!()));
    work.load = Box::new(move |which| {
        tell.send(which.choice).unwrap();
        if which.choice > 0 {
            wait.lock().unwrap().recv().unwrap();
        }
        let heard = Transcription::Words(Overheard::new(format!("by {}", which.choice)));
        Ok((Box::new(move |job| Event::Transcribed { draft: job.draft, transcription: heard.clone() }), String::new()))
    });
    let models = hearing(work);
    let mut kitchen = Place::at(&models);
    let by = |nth: usize| Transcription::Words(Overheard::new(format!("by {nth}")));
    assert_eq!(loading.recv(), Ok(0));
    let first = models.choose_recogniser(1);
    assert_eq!(loading.recv(), Ok(1));
    kitchen.ask(1, Urgency::Wanted);
    kitchen.hears(1, &by(0));
    models.choose_recogniser(0).blocking_recv().unwrap().unwrap();
    assert!(first.blocking_recv().is_err(), "nobody waits for it any more");
    go.send(()).unwrap();
    kitchen.ask(2, Urgency::Wanted);
    kitchen.hears(2, &by(0));
    let again = models.choose_recogniser(1);
    assert_eq!(loading.recv(), Ok(1));
    go.send(()).unwrap();
    again.blocking_recv().unwrap().unwrap();
    kitchen.ask(3, Urgency::Wanted);
    kitchen.hears(3, &by(1));
}

#[test]
fn a_voice_that_was_chosen_is_given_a_chance_where_the_one_before_was_too_slow() {
    let settings = LoadSettings { slow_voice: 0.0, least_speech: Duration::from_nanos(1), ..LoadSettings::default() };
    let (models, _at_work) = voices(Choice { lighter: vec![1, 0], ..Choice::default() }, Gauge::new(settings, 1));
    let mut kitchen = Place::at(&models);
    let overload = kitchen.endpoint.overload();
    let lighter = (0..10_000).find(|clause| kitchen.speaks(1, *clause) == 11);
    assert!(lighter.is_some() && overload.borrow().level == Level::LighterVoice(1), "{overload:?}");
    models.choose_voice(1).blocking_recv().unwrap().unwrap();
    assert_eq!(kitchen.speaks(2, 0), 20);
    let overload = overload.borrow();
    assert_eq!(overload.level, Level::NoDrafts, "none is lighter");
    assert!(overload.told.as_ref().unwrap().contains("another voice was chosen"), "{overload:?}");
}
