//! What a worker's supervisor shares with those who ask for work: the queue, and the job that is being done.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use pipit_core::turn::DraftId;
use pipit_models::cancel::CancelFlag;
use tokio::sync::oneshot;

use super::Inbox;
use super::model::Job;
use super::queue::{EndpointId, Queue, Taken, Urgency};
use crate::service::{BEAT, Pulse};

/// Work for a draft counts as over when nothing was asked of the model for so long. A guest does not say when it is.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A job, and where its result goes.
pub(super) struct Assigned<Task> {
    pub(super) job: Arc<Job<Task>>,
    pub(super) inbox: Inbox,
}

pub(super) struct Shared<Task> {
    state: Mutex<State<Task>>,
    changed: Condvar,
    /// Of the supervisor's thread.
    pulse: OnceLock<Pulse>,
}

struct State<Task> {
    /// Bounded by each endpoint's share; what does not fit goes back to who asked.
    queue: Queue<Arc<Assigned<Task>>>,
    running: Option<Running>,
    /// For which draft of each endpoint something was done last and since when, until that draft is over.
    begun: HashMap<EndpointId, (DraftId, Instant)>,
    /// Which model is wanted, of those that can be chosen.
    choice: usize,
    /// Where to tell whether it could be loaded.
    chooser: Option<Chooser>,
    nudged: bool,
    closed: bool,
    ended: bool,
}

struct Running {
    endpoint: EndpointId,
    draft: DraftId,
    cancel: CancelFlag,
}

type Chooser = oneshot::Sender<Result<(), NotChosen>>;

/// What was chosen could not be loaded.
#[derive(Debug)]
pub struct NotChosen {
    /// What stays in its place, of those that can be chosen.
    pub stays: usize,
    /// Why.
    pub error: anyhow::Error,
}

/// What a supervisor has waited for.
pub(super) enum News<Task> {
    /// This is to be done now.
    Job(Taken<Arc<Assigned<Task>>>),
    /// Something else may be due.
    Nothing,
    /// Nobody will ask for anything any more.
    Closed,
}

impl<Task> Shared<Task> {
    pub(super) fn new(share: usize, choice: usize) -> Self {
        let state = State {
            queue: Queue::new(share),
            running: None,
            begun: HashMap::new(),
            choice,
            chooser: None,
            nudged: false,
            closed: false,
            ended: false,
        };
        Shared { state: Mutex::new(state), changed: Condvar::new(), pulse: OnceLock::new() }
    }

    /// Has somebody look after the supervisor.
    pub(super) fn watched_by(&self, pulse: Pulse) {
        // Whoever looks already goes on.
        let _ = self.pulse.set(pulse);
    }

    /// Says that the supervisor goes on.
    pub(super) fn beat(&self) {
        self.pulse.get().iter().for_each(|pulse| pulse.beat());
    }

    /// Has nobody wonder about a thread that was replaced.
    pub(super) fn give_up(&self, thread: i32) {
        self.pulse.get().iter().for_each(|pulse| pulse.give_up(thread));
    }

    /// Queues a job. False where the endpoint has as many waiting as it may.
    pub(super) fn push(&self, endpoint: EndpointId, urgency: Urgency, assigned: Assigned<Task>) -> bool {
        let draft = assigned.job.draft;
        let taken = self.lock().queue.push(endpoint, draft, urgency, Instant::now(), Arc::new(assigned)).is_ok();
        self.changed.notify_all();
        taken
    }

    pub(super) fn commit(&self, endpoint: EndpointId, draft: DraftId) {
        self.lock().queue.commit(endpoint, draft, Instant::now());
    }

    /// Drops what waits for this draft and stops what is being done for it. The machine drops what comes for a cancelled
    /// draft, so nobody waits to hear of what never began.
    pub(super) fn cancel(&self, endpoint: EndpointId, draft: DraftId) {
        let mut state = self.lock();
        state.queue.cancel(endpoint, draft);
        if let Some(running) = state.running.as_ref().filter(|r| r.endpoint == endpoint && r.draft == draft) {
            running.cancel.cancel();
        }
        if state.begun.get(&endpoint).is_some_and(|(begun, _)| *begun == draft) {
            state.begun.remove(&endpoint);
            self.nudge_in(&mut state);
        }
    }

    pub(super) fn forget(&self, endpoint: EndpointId) {
        let mut state = self.lock();
        state.queue.forget(endpoint);
        if let Some(running) = state.running.as_ref().filter(|running| running.endpoint == endpoint) {
            running.cancel.cancel();
        }
        if state.begun.remove(&endpoint).is_some() {
            self.nudge_in(&mut state);
        }
    }

    /// Since when something was done last for a draft that is not over yet, of any endpoint but this one.
    pub(super) fn last_done_in_the_middle(&self, but: Option<EndpointId>) -> Option<Instant> {
        let begun = &self.lock().begun;
        begun.iter().filter(|(endpoint, _)| Some(**endpoint) != but).map(|(_, (_, at))| *at).max()
    }

    /// Wants this one, of those that can be chosen. Whoever wanted another one before that is told nothing.
    pub(super) fn choose(&self, choice: usize) -> oneshot::Receiver<Result<(), NotChosen>> {
        let (chooser, told) = oneshot::channel();
        let mut state = self.lock();
        (state.choice, state.chooser) = (choice, Some(chooser));
        self.nudge_in(&mut state);
        told
    }

    /// Which is wanted.
    pub(super) fn choice(&self) -> usize {
        self.lock().choice
    }

    /// The one that was chosen is loaded.
    pub(super) fn accept(&self, choice: usize) {
        let mut state = self.lock();
        if state.choice == choice {
            // Whoever has chosen it may not want to know.
            let _ = state.chooser.take().map(|chooser| chooser.send(Ok(())));
        }
    }

    /// The one that was chosen can't be loaded, and another one stays.
    pub(super) fn refuse(&self, choice: usize, not_chosen: NotChosen) {
        let mut state = self.lock();
        if state.choice == choice {
            state.choice = not_chosen.stays;
            let _ = state.chooser.take().map(|chooser| chooser.send(Err(not_chosen)));
        }
    }

    /// Makes [`Shared::next`] return.
    pub(super) fn nudge(&self) {
        self.nudge_in(&mut self.lock());
    }

    fn nudge_in(&self, state: &mut State<Task>) {
        state.nudged = true;
        self.changed.notify_all();
    }

    /// Ends the supervisor, as soon as what is being done has stopped.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        if let Some(running) = &state.running {
            running.cancel.cancel();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The supervisor has ended.
    pub(super) fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits until the supervisor has ended, but no longer than this.
    pub(super) fn wait_for_end(&self, grace: Duration) {
        let state = self.lock();
        // Whether it has ended makes no difference: it is not waited for any longer.
        drop(self.changed.wait_timeout_while(state, grace, |state| !state.ended));
    }

    /// Waits for a job, at most `until` and no longer than a second. The job counts as running from then on.
    pub(super) fn next(&self, until: Option<Instant>) -> News<Task> {
        self.beat();
        let beat = Instant::now() + BEAT;
        let until = until.map_or(beat, |until| until.min(beat));
        let mut state = self.lock();
        loop {
            if state.closed {
                return News::Closed;
            }
            if std::mem::take(&mut state.nudged) {
                return News::Nothing;
            }
            if let Some(taken) = state.queue.take(Instant::now()) {
                let (endpoint, draft, cancel) = (taken.endpoint, taken.draft, taken.job.job.cancel.clone());
                state.running = Some(Running { endpoint, draft, cancel });
                state.begun.insert(endpoint, (draft, Instant::now()));
                return News::Job(taken);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return News::Nothing;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was being done for this endpoint is done.
    pub(super) fn finished(&self, endpoint: EndpointId) {
        let mut state = self.lock();
        let running = state.running.take();
        // What was cancelled is no work that the endpoint's next job had to wait for anyway.
        if running.is_some_and(|running| !running.cancel.is_cancelled()) {
            state.queue.done(endpoint, Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<Task>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
