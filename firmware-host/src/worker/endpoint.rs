//! A place that somebody can speak from, as the workers see it: whose jobs are whose, and where results go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pipit_core::audio::Pcm;
use pipit_core::turn::{DraftId, TurnId};
use pipit_models::cancel::CancelFlag;
use tokio::sync::{oneshot, watch};

use super::gauge::{Gauge, Overload};
use super::model::Job;
use super::queue::{EndpointId, Urgency};
use super::shared::Assigned;
use super::{ClauseText, Inbox, NotChosen, Pause, Stretch, Utterance, Worker};
use crate::service::Health;

/// The models that all endpoints share.
pub struct Models {
    smart_turn: Worker<Pause>,
    stt: Worker<Utterance>,
    tts: Worker<ClauseText>,
    gauge: Arc<Gauge>,
    /// How many endpoints there have been.
    endpoints: AtomicU32,
}

impl Models {
    /// Puts the workers together, which all report to `gauge`.
    pub fn new(
        smart_turn: Worker<Pause>,
        stt: Worker<Utterance>,
        tts: Worker<ClauseText>,
        gauge: Arc<Gauge>,
    ) -> Arc<Models> {
        Arc::new(Models { smart_turn, stt, tts, gauge, endpoints: AtomicU32::new(0) })
    }

    /// Has another voice take over as soon as nothing is being said: see [`Worker::choose`].
    pub fn choose_voice(&self, choice: usize) -> oneshot::Receiver<Result<(), NotChosen>> {
        self.tts.choose(choice)
    }

    /// Has another recogniser take over between two jobs: see [`Worker::choose`].
    pub fn choose_recogniser(&self, choice: usize) -> oneshot::Receiver<Result<(), NotChosen>> {
        self.stt.choose(choice)
    }

    /// Takes in how hot the board is, in degrees Celsius.
    pub fn heat(&self, celsius: f64) {
        self.gauge.heat(celsius);
    }

    /// Has those who watch over the models looked after in turn.
    pub fn watched_by(&self, health: &Health) {
        self.smart_turn.watched_by(health.part("who watches over the turn model"));
        self.stt.watched_by(health.part("who watches over the recogniser"));
        self.tts.watched_by(health.part("who watches over the voice"));
    }

    /// Another endpoint, whose results go to `inbox`.
    pub fn endpoint(self: &Arc<Self>, inbox: Inbox) -> Endpoint {
        let id = EndpointId(self.endpoints.fetch_add(1, Ordering::Relaxed) + 1);
        Endpoint { id, models: Arc::clone(self), inbox }
    }
}

/// One endpoint's way to the models. None of its calls ever waits. The `number` of what may go to a service is that by which the
/// ledger knows the turn.
pub struct Endpoint {
    id: EndpointId,
    models: Arc<Models>,
    inbox: Inbox,
}

impl Endpoint {
    /// Has a pause judged. False where too many wait already.
    #[must_use]
    pub fn score(&self, draft: DraftId, utterance: Pcm) -> bool {
        self.ask(&self.models.smart_turn, Urgency::Draft, draft, Pause { utterance })
    }

    /// Has an utterance transcribed. False where too many wait already.
    #[must_use]
    pub fn transcribe(&self, draft: DraftId, urgency: Urgency, utterance: Pcm, number: i64) -> bool {
        self.follow_no_longer(draft.turn);
        self.ask(&self.models.stt, urgency, draft, Utterance { stretch: Stretch::Rest, utterance, number })
    }

    /// Has a part of a turn's utterance transcribed while it goes on. False where too many wait already.
    #[must_use]
    pub fn transcribe_part(&self, turn: TurnId, part: usize, utterance: Pcm, number: i64) -> bool {
        self.follow_no_longer(turn);
        let task = Utterance { stretch: Stretch::Part(part), utterance, number };
        self.ask(&self.models.stt, Urgency::Draft, parts_of(turn), task)
    }

    /// Has a turn's utterance listened to ahead while it goes on. That is dropped, waiting or under way, as soon as any of it is to be
    /// transcribed, because nobody may wait for it. False where too many wait already.
    #[must_use]
    pub fn follow(&self, turn: TurnId, round: u32, utterance: Pcm, number: i64) -> bool {
        let task = Utterance { stretch: Stretch::SoFar(round), utterance, number };
        self.ask(&self.models.stt, Urgency::Draft, following_of(turn), task)
    }

    fn follow_no_longer(&self, turn: TurnId) {
        self.models.stt.shared.cancel(self.id, following_of(turn));
    }

    /// Has a clause spoken into memory. False where too many wait already.
    #[must_use]
    pub fn speak(&self, draft: DraftId, urgency: Urgency, clause: usize, words: String, number: i64) -> bool {
        self.ask(&self.models.tts, urgency, draft, ClauseText { clause, words, number })
    }

    /// From now on somebody waits for what is to be done for this draft.
    pub fn commit(&self, draft: DraftId) {
        self.models.smart_turn.shared.commit(self.id, draft);
        self.models.stt.shared.commit(self.id, draft);
        self.models.stt.shared.commit(self.id, parts_of(draft.turn));
        self.models.tts.shared.commit(self.id, draft);
    }

    /// Nobody wants what is still to be done for this draft. What is being done may report all the same.
    pub fn cancel(&self, draft: DraftId) {
        self.models.smart_turn.shared.cancel(self.id, draft);
        self.models.stt.shared.cancel(self.id, draft);
        self.models.tts.shared.cancel(self.id, draft);
    }

    /// The same for the whole turn of its last draft.
    pub fn end(&self, draft: DraftId) {
        self.cancel(draft);
        self.models.stt.shared.cancel(self.id, parts_of(draft.turn));
        self.follow_no_longer(draft.turn);
    }

    /// How far the board keeps up with all endpoints together.
    pub fn overload(&self) -> watch::Receiver<Overload> {
        self.models.gauge.overload()
    }

    fn ask<Task: Send + Sync + 'static>(
        &self,
        worker: &Worker<Task>,
        urgency: Urgency,
        draft: DraftId,
        task: Task,
    ) -> bool {
        let job = Arc::new(Job { draft, task, cancel: CancelFlag::new() });
        worker.shared.push(self.id, urgency, Assigned { job, inbox: self.inbox.clone() })
    }
}

/// What the work on a turn's parts counts for: they outlive its drafts, of which the first has the revision 1.
fn parts_of(turn: TurnId) -> DraftId {
    DraftId { turn, revision: 0 }
}

/// What listening ahead counts for, which ends before any draft's work begins. Nobody pauses so often.
fn following_of(turn: TurnId) -> DraftId {
    DraftId { turn, revision: u32::MAX }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.models.smart_turn.shared.forget(self.id);
        self.models.stt.shared.forget(self.id);
        self.models.tts.shared.forget(self.id);
    }
}
