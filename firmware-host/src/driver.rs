//! Carries what happens to the turn machine, and what the machine wants to the workers. Decides nothing itself.

mod flight;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pipit_chat::{ChatError, DeviceAction, Door, Engine, FinishedTurn, Kept, Place, ProviderIdentity, Request};
use pipit_core::audio::{FRAME_SAMPLES, LISTENING_RATE, duration_of};
use pipit_core::turn::{DraftId, Effect, Event, Machine, NoticeId, Transcription, TurnId, Understanding, WakeCounters};
use pipit_store::ConversationId;
use pipit_web::{Provider, TurnRecord};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::assist::{ASSIST, Assist, Link};
use crate::audio::{Capture, CaptureStep, ClauseId, Playback, PlaybackReport};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::report::{Recording, TurnReport};
use crate::service::{BEAT, Pulse};
use crate::waterfall::Waterfalls;
use crate::worker::{Ear, Endpoint, Inbox, Message, Overload, Urgency};
use flight::{InFlight, answer};

/// Who does the machine's work.
pub struct Workers {
    /// The models, which it shares with other endpoints.
    pub endpoint: Endpoint,
    /// The speaker, or the files that stand in for it.
    pub playback: Playback,
    /// Whether each reply is written to a file, which its report waits for.
    pub writes_files: bool,
}

/// What is said, for whoever reads along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// This has been said so far, and more is being said.
    Hearing(String),
    /// This was understood, as it seems so far.
    Understood(String),
    /// This is said next.
    Saying(String),
    /// The exchange stands at the end of this conversation.
    Kept(ConversationId),
}

/// Runs one turn machine.
pub struct Driver {
    machine: Machine,
    clock: Clock,
    engine: Engine,
    workers: Workers,
    /// How far the board keeps up.
    overload: watch::Receiver<Overload>,
    inbox: mpsc::Receiver<Message>,
    sender: Inbox,
    turns: HashMap<TurnId, InFlight>,
    /// When what was done for them.
    waterfalls: Waterfalls,
    /// The draft whose clauses were handed to the speaker last.
    playing: Option<DraftId>,
    /// What was handed to the speaker is paused, until it is known what was said over it.
    paused: bool,
    /// The turn whose reply could not be written, so that its end waits for no file.
    unwritable: Option<TurnId>,
    /// Turns that are over and whose reply is still being written to its file.
    unwritten: HashMap<TurnId, (Recording, TurnRecord, String)>,
    /// Exchanges that are over and not yet in the history, with what was heard of the reply.
    heard: Vec<(FinishedTurn, String)>,
    input_ended: bool,
    bus: Bus,
    /// Who answers in place of the engine, while there is somebody.
    assist: Option<Assist>,
    /// Sounds that somebody wants heard, and whom to tell whether they were.
    sounds: HashMap<NoticeId, oneshot::Sender<bool>>,
    last_sound: u64,
    /// Raised while the ear has to listen for the wake word.
    wants_wake_word: Arc<AtomicBool>,
    wake_counters: WakeCounters,
    on_turn: Box<dyn FnMut(TurnReport) + Send>,
    on_words: Option<Box<dyn Fn(Words) + Send>>,
    pulse: Pulse,
}

impl Driver {
    /// A driver whose workers report to `inbox`, of which `sender` is the other end. `on_turn` is told of each turn that
    /// somebody spoke, and `bus` of all else that others may want to know.
    pub fn new(
        machine: Machine,
        clock: Clock,
        engine: Engine,
        workers: Workers,
        (sender, inbox): (Inbox, mpsc::Receiver<Message>),
        on_turn: Box<dyn FnMut(TurnReport) + Send>,
        bus: Bus,
    ) -> Self {
        bus.send_modify(|snapshot| {
            snapshot.phase = machine.phase().name();
            snapshot.wake_mode = machine.wake_mode().name();
            snapshot.volume = engine.volume();
        });
        let (wants_wake_word, wake_counters) = (Arc::new(machine.wants_wake_word().into()), machine.wake_counters());
        Driver {
            machine,
            clock,
            engine,
            overload: workers.endpoint.overload(),
            workers,
            inbox,
            sender,
            turns: HashMap::new(),
            waterfalls: Waterfalls::default(),
            playing: None,
            paused: false,
            unwritable: None,
            unwritten: HashMap::new(),
            heard: Vec::new(),
            input_ended: false,
            bus,
            assist: None,
            sounds: HashMap::new(),
            last_sound: u64::MAX,
            wants_wake_word,
            wake_counters,
            on_turn,
            on_words: None,
            pulse: Pulse::default(),
        }
    }

    /// Has somebody read along.
    pub fn tell_words(&mut self, on_words: Box<dyn Fn(Words) + Send>) {
        self.on_words = Some(on_words);
    }

    /// Has somebody look after it while it runs in real time.
    pub fn watched_by(&mut self, pulse: Pulse) {
        self.pulse = pulse;
    }

    /// Where it speaks.
    pub fn playback(&self) -> &Playback {
        &self.workers.playback
    }

    /// Gives what is not for Pipit itself to Assist, while that waits for requests.
    pub fn give_to(&mut self, assist: Assist) {
        self.assist = Some(assist);
    }

    /// Raised while the ear has to listen for the wake word.
    pub fn wants_wake_word(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.wants_wake_word)
    }

    /// Where events for this driver go.
    pub fn inbox(&self) -> Inbox {
        self.sender.clone()
    }

    /// Runs in real time until `stop`.
    pub async fn run(&mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.run_while(|_| true) => {}
        }
    }

    /// Falls silent, and returns once what was heard is recorded.
    pub async fn drain(&mut self) {
        self.step(Event::StopRequested);
        self.record_what_was_heard().await;
        self.run_while(Driver::is_busy).await;
    }

    fn is_busy(&self) -> bool {
        !self.machine.is_idle() || !self.unwritten.is_empty()
    }

    /// Runs in real time until the recording that is being listened to is over and everything said in it is answered.
    pub async fn run_until_input_ends(&mut self) {
        self.input_ended = false;
        self.run_while(|driver| !driver.input_ended || driver.is_busy()).await;
    }

    /// Feeds a recording as fast as the machine can. Time stands still while a model works, so that every decision is
    /// the one that would have been made live by a board that needs no time to think.
    pub async fn feed(&mut self, ear: &mut Ear, capture: &mut dyn Capture) {
        let mut facts = Vec::new();
        loop {
            let frame = match capture.next_frame(Duration::ZERO) {
                CaptureStep::Frame(frame) => frame,
                CaptureStep::Found(_) => continue,
                CaptureStep::Lost(_) | CaptureStep::TimedOut | CaptureStep::End => return,
            };
            self.clock.feed(duration_of(FRAME_SAMPLES, LISTENING_RATE));
            self.step(Event::Tick);
            ear.hear(frame, &mut facts);
            if let Some(score) = ear.take_wake_word_score() {
                self.step(Event::WakeWordScored { score });
            }
            for fact in facts.drain(..) {
                self.step(Event::Speech(fact));
            }
            // What others want meanwhile, such as that a timer is due.
            if let Ok(message) = self.inbox.try_recv() {
                self.receive(message).await;
            }
            while self.machine.awaits_work() || !self.unwritten.is_empty() {
                let Some(message) = self.inbox.recv().await else { return };
                self.receive(message).await;
            }
        }
    }

    async fn run_while(&mut self, go_on: impl Fn(&Driver) -> bool) {
        while go_on(self) {
            self.pulse.beat();
            let wait = self.machine.next_deadline().map(|deadline| deadline.saturating_since(self.clock.now()));
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.receive(message).await,
                    None => return,
                },
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => self.step(Event::Tick),
                Ok(()) = self.overload.changed() => self.step(Event::Tick),
                () = tokio::time::sleep(BEAT), if self.pulse.is_watched() => {}
            }
        }
    }

    async fn receive(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.step(event),
            Message::Others(there) => self.machine.contest(there),
            Message::Worked { stage, took, event, .. } => {
                self.waterfalls.worked(&event, took);
                self.bus.metrics().worked(stage, took);
                if let Event::TurnScored { probability: Some(probability), .. } = &event {
                    self.bus.turn_judged(*probability);
                }
                self.step(event);
            }
            Message::Understood(draft, intent, acts) => {
                self.with(draft, |flight| flight.recording.understood(intent));
                let understanding = Understanding { intent: intent.is_some(), acts };
                self.step(Event::Understood { draft, understanding });
            }
            Message::AnsweredBy(draft, ProviderIdentity { name, model, tier }) => {
                let provider = Provider { name, model, tier: tier.name().into() };
                self.waterfalls.answered_by(draft, provider);
            }
            Message::AskedAssist(draft, link) => {
                let (name, model, tier) = (ASSIST.to_owned(), String::new(), link.tier().name().into());
                self.waterfalls.answered_by(draft, Provider { name, model, tier });
                self.with(draft, |flight| flight.assist = Some(link));
            }
            Message::Announce { pcm, done } => {
                // The engine numbers what it has said from 1 upwards, and won't come that far.
                self.last_sound -= 1;
                let notice = NoticeId(self.last_sound);
                self.sounds.insert(notice, done);
                self.step(Event::AnnounceSound { notice, pcm });
            }
            Message::Answered(draft, finished) => self.with(draft, |flight| flight.finished = Some(finished)),
            Message::Device(action) => self.act(action),
            Message::MicrophoneLost(why) => {
                tracing::warn!("{why}");
                self.bus.send_modify(|snapshot| snapshot.microphone = None);
            }
            Message::MicrophoneFound(name) => {
                tracing::info!("listening to {name}");
                self.bus.send_modify(|snapshot| snapshot.microphone = Some(name));
            }
            Message::SoundLost(lost) => {
                let dropped = duration_of(lost.dropped_samples as usize, LISTENING_RATE).as_millis();
                let overruns = lost.overruns;
                tracing::warn!(
                    "this machine is too busy to listen without gaps: {dropped} ms of sound dropped and {overruns} \
                     overruns of the microphone's buffer since the start"
                );
                self.bus.send_modify(|snapshot| {
                    snapshot.sound_dropped_ms = dropped as u64;
                    snapshot.sound_overruns = lost.overruns;
                });
            }
            Message::Playback(report) => self.on_playback(report),
            Message::InputEnded => self.input_ended = true,
        }
        self.record_what_was_heard().await;
    }

    fn step(&mut self, event: Event) {
        self.follow_overload();
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            self.waterfalls.happened(self.clock.stamp(), &event);
            let mut effects = Vec::new();
            self.machine.step(self.clock.now(), event, &mut effects);
            let now = self.clock.stamp();
            effects.iter().for_each(|effect| self.waterfalls.asked(now, effect));
            events.extend(effects.into_iter().filter_map(|effect| self.perform(effect)));
        }
        self.wants_wake_word.store(self.machine.wants_wake_word(), Ordering::Relaxed);
        self.count_wakes();
        let (phase, wake_mode) = (self.machine.phase().name(), self.machine.wake_mode().name());
        if self.bus.send_modify(|snapshot| (snapshot.phase, snapshot.wake_mode) = (phase, wake_mode)) {
            self.workers.playback.prepare();
        }
    }

    fn count_wakes(&mut self) {
        let now = self.machine.wake_counters();
        if std::mem::replace(&mut self.wake_counters, now) == now {
            return;
        }
        let WakeCounters { wakes, false_accepts, misses } = now;
        tracing::debug!(wakes, false_accepts, misses, "waking since the start");
        self.bus.send_modify(|snapshot| {
            (snapshot.wakes, snapshot.wake_false_accepts, snapshot.wake_misses) = (wakes, false_accepts, misses);
        });
    }

    /// Tells the machine whether this board can afford drafts. In a recording that is fed faster than real time every
    /// board keeps up.
    fn follow_overload(&mut self) {
        let Overload { level, told } = self.overload.borrow_and_update().clone();
        self.machine.allow_drafts(level.allows_drafts() || !self.clock.is_live());
        self.bus.send_modify(|snapshot| snapshot.overload = told);
    }

    /// Has an effect done. What can't even be begun comes back as the event that says so.
    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::ScoreTurn { draft, utterance } => {
                // What begins with a pause is a draft until it is decided.
                self.flight(draft).urgency = Urgency::Draft;
                let taken = self.workers.endpoint.score(draft, utterance);
                (!taken).then_some(Event::TurnScored { draft, probability: None })
            }
            Effect::Decided { draft, .. } => {
                self.workers.endpoint.commit(draft);
                self.flight(draft).urgency = Urgency::Wanted;
                None
            }
            Effect::Transcribe { draft, utterance } => {
                // The same where it begins before the pause.
                if self.turns.get(&draft.turn).is_none_or(|flight| flight.draft != draft) {
                    self.flight(draft).urgency = Urgency::Draft;
                }
                let urgency = self.urgency(draft);
                let taken = self.workers.endpoint.transcribe(draft, urgency, utterance, self.number(draft.turn));
                (!taken).then_some(Event::Transcribed { draft, transcription: Transcription::Failed })
            }
            Effect::TranscribePart { turn, part, utterance } => {
                let flight = self.turns.entry(turn).or_insert_with(|| InFlight::new(DraftId { turn, revision: 0 }));
                let taken = self.workers.endpoint.transcribe_part(turn, part, utterance, flight.number);
                (!taken).then_some(Event::PartTranscribed { turn, part, transcription: Transcription::Failed })
            }
            Effect::Follow { turn, round, utterance } => {
                let flight = self.turns.entry(turn).or_insert_with(|| InFlight::new(DraftId { turn, revision: 0 }));
                let taken = self.workers.endpoint.follow(turn, round, utterance, flight.number);
                (!taken).then_some(Event::Followed { turn, round, agreed: None })
            }
            Effect::Hearing { text, .. } => {
                if self.bus.shows_words() {
                    self.bus.heard_so_far(&text);
                }
                self.tell_of(|| Words::Hearing(text));
                None
            }
            Effect::Respond { draft, request } => {
                self.with(draft, |flight| flight.recording.transcribed(request.clone()));
                self.tell_of(|| Words::Understood(request.clone()));
                self.respond(draft, request);
                None
            }
            Effect::Act { draft, utterance } => {
                self.with(draft, |flight| drop(flight.act.send_replace(Some(utterance))));
                None
            }
            Effect::Synthesise { draft, clause, words } => {
                let urgency = self.urgency(draft);
                if self.on_words.is_some() || self.bus.shows_words() {
                    self.flight(draft).clauses.push((clause, words.clone()));
                }
                let taken = self.workers.endpoint.speak(draft, urgency, clause, words, self.number(draft.turn));
                (!taken).then_some(Event::ClauseFailed { draft, clause })
            }
            Effect::Play { draft, clause, pcm } => {
                self.playing = Some(draft);
                // A sound that is announced is a turn by this alone.
                let said = self.flight(draft).clauses.iter().find(|(said, _)| *said == clause).cloned();
                if let Some((_, words)) = said {
                    self.tell_of(|| Words::Saying(words));
                }
                let id = ClauseId { turn: draft.turn.0, revision: draft.revision, clause };
                let refused = self.workers.playback.play(id, pcm).is_err();
                refused.then_some(Event::ClausePlayed { draft, clause })
            }
            Effect::PausePlayback { .. } => {
                self.paused = true;
                self.workers.playback.pause();
                None
            }
            Effect::ResumePlayback { .. } => {
                self.paused = false;
                self.workers.playback.resume();
                None
            }
            Effect::StopPlayback { .. } => {
                self.paused = false;
                self.workers.playback.stop();
                None
            }
            Effect::Cancel { draft } => {
                self.workers.endpoint.cancel(draft);
                self.with(draft, InFlight::cancel);
                None
            }
            Effect::Reopened { turn } => {
                tracing::debug!(%turn, "the turn is not over after all");
                None
            }
            Effect::Announced { notice, heard } => {
                match self.sounds.remove(&notice) {
                    // Nobody need wait to hear it.
                    Some(done) => drop(done.send(heard)),
                    None => self.settle(move |engine| engine.announced(notice, heard)),
                }
                None
            }
            Effect::Claim => {
                self.bus.calls().send_modify(|calls| *calls += 1);
                None
            }
            Effect::Silenced => {
                self.settle(|engine| engine.silence());
                None
            }
            Effect::Ended { turn, heard, given_up } => {
                self.end(turn, heard, given_up);
                None
            }
        }
    }

    /// Asks the engine or Assist, and passes on what they say.
    fn respond(&mut self, draft: DraftId, request: String) {
        let (engine, sender) = (self.engine.clone(), self.sender.clone());
        let assist = self.assist.as_ref().and_then(Assist::link).filter(|link| link.tier() <= engine.widest());
        let flight = self.flight(draft);
        let (stop, act) = (flight.reply.clone(), flight.act.subscribe());
        let turn = Some(flight.number);
        let request = Request { text: request, door: Door::Voice, place: Place::Standing, turn };
        tokio::spawn(async move {
            let _ = stop.run_until_cancelled(answer(engine, assist, draft, request, act, sender)).await;
        });
    }

    /// Has it kept what became of something that was due. SQLite may have to wait for another program.
    fn settle(&self, work: impl FnOnce(&Engine) -> Result<(), ChatError> + Send + 'static) {
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = work(&engine) {
                tracing::error!("what was heard of what is due can't be kept: {error}");
            }
        });
    }

    fn act(&mut self, action: DeviceAction) {
        match action {
            DeviceAction::SetVolume(percent) => {
                self.workers.playback.set_volume(percent);
                self.bus.send_modify(|snapshot| snapshot.volume = percent);
            }
            // The request to stop has itself ended what it was to stop: nothing else sounds in this turn.
            DeviceAction::Stop => {}
        }
    }

    fn on_playback(&mut self, report: PlaybackReport) {
        match report {
            PlaybackReport::Started(id) => {
                self.show_words(id);
                self.step(Event::ClauseStarted { draft: draft_of(id), clause: id.clause });
            }
            PlaybackReport::Played(id) => self.step(Event::ClausePlayed { draft: draft_of(id), clause: id.clause }),
            PlaybackReport::Stopped { cut } => {
                self.paused = false;
                let draft = cut.map(|(id, _)| draft_of(id)).or(self.playing);
                if let Some(draft) = draft {
                    self.step(Event::PlaybackStopped { draft, cut: cut.map(|(id, heard)| (id.clause, heard)) });
                }
            }
            PlaybackReport::Written { turn, file } => {
                if let Some((mut recording, record, heard)) = self.unwritten.remove(&TurnId(turn)) {
                    recording.written(file);
                    self.tell(recording, record, heard);
                }
            }
            PlaybackReport::SpeakerLost(why) => tracing::warn!("{why}"),
            PlaybackReport::SpeakerFound(name) => tracing::info!("speaking through {name}"),
            PlaybackReport::Failed(why) => {
                tracing::error!("{why}");
                // It is the file of a turn that is over; where none is waited for, that of the reply being spoken.
                if self.unwritten.is_empty() {
                    self.unwritable = self.playing.map(|draft| draft.turn);
                }
                for (_, (recording, record, heard)) in std::mem::take(&mut self.unwritten) {
                    self.tell(recording, record, heard);
                }
            }
        }
    }

    /// What a display shows of the clause that begins.
    fn show_words(&self, id: ClauseId) {
        if !self.bus.shows_words() {
            return;
        }
        let flight = self.turns.get(&TurnId(id.turn)).filter(|flight| flight.draft == draft_of(id));
        let said = flight.and_then(|flight| flight.clauses.iter().find(|(clause, _)| *clause == id.clause));
        self.bus.saying(said.map_or("", |(_, words)| words));
    }

    fn end(&mut self, turn: TurnId, heard: String, given_up: bool) {
        self.bus.heard_so_far("");
        let flight = self.turns.remove(&turn);
        if let Some(flight) = &flight {
            self.workers.endpoint.end(flight.draft);
        }
        // Of what was only listened to ahead there is nothing to record.
        let Some(record) = self.waterfalls.ended(self.clock.stamp(), turn) else { return };
        self.bus.turn_ended(record.clone());
        let Some(mut flight) = flight else { return };
        flight.cancel();
        flight.assist.take().iter().for_each(Link::played);
        self.workers.playback.end_of_turn(turn.0);
        self.bus.saying("");
        if let Some(finished) = flight.finished.take().filter(|_| !given_up) {
            if let Some(asked) = finished.asked().filter(|_| !heard.trim().is_empty()) {
                flight.recording.remembered(asked);
            }
            self.heard.push((finished, heard.clone()));
        }
        let played = self.playing.is_some_and(|draft| draft.turn == turn);
        let writes_file = self.workers.writes_files && played && self.unwritable != Some(turn);
        if writes_file {
            self.unwritten.insert(turn, (flight.recording, record, heard));
        } else {
            self.tell(flight.recording, record, heard);
        }
    }

    /// A turn that was decided is one that somebody spoke, rather than an announcement or a noise that came to nothing.
    fn tell(&mut self, recording: Recording, record: TurnRecord, heard: String) {
        if record.ended_by.is_some() {
            self.bus.send_modify(|snapshot| snapshot.turns += 1);
            (self.on_turn)(recording.report(record, heard));
        }
    }

    async fn record_what_was_heard(&mut self) {
        for (finished, heard) in std::mem::take(&mut self.heard) {
            // The disk may be slow, which is no fault of the driver's.
            match self.pulse.during(self.engine.finish(finished, &heard)).await {
                Ok(Some(kept)) => self.look_after(kept),
                Ok(None) => {}
                Err(error) => tracing::error!("this exchange is missing from the history: {error}"),
            }
        }
    }

    /// Has the conversation looked after while nobody speaks. The next request ends that.
    fn look_after(&self, Kept { conversation, .. }: Kept) {
        self.tell_of(|| Words::Kept(conversation));
        let engine = self.engine.clone();
        tokio::spawn(async move {
            if let Err(error) = engine.look_after(conversation).await {
                tracing::warn!("the conversation was not looked after: {error}");
            }
        });
    }

    fn tell_of(&self, words: impl FnOnce() -> Words) {
        if let Some(tell) = &self.on_words {
            tell(words());
        }
    }

    /// The draft's turn. Work for a newer draft than before begins afresh.
    fn flight(&mut self, draft: DraftId) -> &mut InFlight {
        let flight = self.turns.entry(draft.turn).or_insert_with(|| InFlight::new(draft));
        if flight.draft != draft {
            if flight.draft.revision > 0 {
                self.workers.endpoint.cancel(flight.draft);
            }
            flight.begin(draft);
        }
        flight
    }

    /// By what the ledger knows the turn.
    fn number(&self, turn: TurnId) -> i64 {
        self.turns.get(&turn).map_or_else(flight::new_number, |flight| flight.number)
    }

    /// How much work for this draft is wanted. An answer that is paused waits for whatever was said over it.
    fn urgency(&mut self, draft: DraftId) -> Urgency {
        if self.paused { Urgency::Wanted } else { self.flight(draft).urgency }
    }

    /// Changes the turn if this is its latest draft.
    fn with(&mut self, draft: DraftId, change: impl FnOnce(&mut InFlight)) {
        if let Some(flight) = self.turns.get_mut(&draft.turn).filter(|flight| flight.draft == draft) {
            change(flight);
        }
    }
}

fn draft_of(id: ClauseId) -> DraftId {
    DraftId { turn: TurnId(id.turn), revision: id.revision }
}
