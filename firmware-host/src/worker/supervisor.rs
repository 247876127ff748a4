//! Sees to it that one model's jobs are done: hands them to the model's thread one by one, watches over it, and replaces
//! it when it dies, when it hangs, or when another model is to take over: a lighter one, or one that somebody has chosen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipit_core::load::Work as Measured;
use pipit_core::turn::Event;
use tokio::sync::oneshot;

use super::gauge::Gauge;
use super::model::{Choice, Job, ModelThread, Trouble, Which, Work};
use super::queue::{EndpointId, Taken, Urgency};
use super::restarts::Restarts;
use super::shared::{Assigned, LONGEST_PAUSE, News, NotChosen, Shared};
use super::{Message, Stage};

/// How long a model that was told to stop may take to do so. Whisper looks only after a pass of its encoder.
const GRACE: Duration = Duration::from_secs(2);

/// A model that could not be loaded is tried again after this at the earliest: a file does not come back by itself.
const LOAD_AGAIN: Duration = Duration::from_secs(30);

pub(super) struct Supervisor<Model, Task> {
    work: Arc<Work<Model, Task>>,
    choice: Choice,
    shared: Arc<Shared<Task>>,
    gauge: Arc<Gauge>,
    thread: Option<ModelThread<Task>>,
    /// Which model works, or worked last.
    which: Which,
    /// A lighter, a better or a chosen model, until it is loaded and it is a good moment for it to take over.
    successor: Option<Successor<Task>>,
    restarts: Restarts,
    /// When a model that died is loaded again.
    load_at: Option<Instant>,
}

struct Successor<Task> {
    thread: ModelThread<Task>,
    state: SuccessorState,
}

#[derive(PartialEq)]
enum SuccessorState {
    Loading,
    /// What it is.
    Loaded(String),
    /// It could not be loaded, and is not tried again before something else is wanted.
    Unfit,
}

impl<Model: 'static, Task: Send + Sync + 'static> Supervisor<Model, Task> {
    pub(super) fn new(work: Work<Model, Task>, choice: Choice, shared: Arc<Shared<Task>>, gauge: Arc<Gauge>) -> Self {
        let which = Which { choice: choice.at_start, lighter: 0 };
        let (work, restarts) = (Arc::new(work), Restarts::default());
        Supervisor { work, choice, shared, gauge, thread: None, which, successor: None, restarts, load_at: None }
    }

    /// What its own thread is called.
    pub(super) fn name(&self) -> String {
        format!("{}-jobs", self.work.thread)
    }

    /// Works until the queue is closed. `ready` is told once what was loaded at first, or why nothing was.
    pub(super) fn run(mut self, ready: oneshot::Sender<anyhow::Result<String>>) {
        let loaded = self.load();
        // Nobody may be waiting to hear it.
        let _ = ready.send(loaded);
        loop {
            let look_again = self.attend();
            match self.shared.next(look_again) {
                News::Job(taken) => self.serve(taken),
                News::Nothing => {}
                News::Closed => return,
            }
        }
    }

    /// Starts a thread in place of the one that there was, and waits for its model. Where what was chosen can't be loaded, what stands
    /// by for it is.
    fn load(&mut self) -> anyhow::Result<String> {
        let (wanted, instead) = (self.wanted(), Which { choice: self.choice.instead, lighter: 0 });
        let loaded = self.load_this(wanted).or_else(|error| {
            if wanted.choice == instead.choice {
                return Err(error);
            }
            let name = self.work.name;
            self.shared.refuse(wanted.choice, NotChosen { stays: instead.choice, error: anyhow::anyhow!("{error:#}") });
            tracing::warn!("{name} that was chosen can't be loaded, and another takes its place: {error:#}");
            // That is what is tried again if it fails, too.
            self.load_this(instead).inspect_err(|_| self.which = instead)
        });
        if loaded.is_err() {
            let now = Instant::now();
            self.load_at = Some(now + self.restarts.died(now).delay.max(LOAD_AGAIN));
        }
        loaded
    }

    fn load_this(&mut self, which: Which) -> anyhow::Result<String> {
        let thread = ModelThread::spawn(&self.work, which, || {})?;
        let model = thread.loaded(|| self.shared.beat())?;
        self.take_over(thread, &model);
        Ok(model)
    }

    fn take_over(&mut self, thread: ModelThread<Task>, model: &str) {
        let Which { choice, .. } = thread.which;
        if self.has_weights() && choice != self.which.choice {
            self.gauge.voice_chosen(self.choice.lighter.get(choice).copied().unwrap_or(0));
        }
        self.which = thread.which;
        self.thread = Some(thread);
        self.load_at = None;
        if let Some(at_work) = &self.choice.at_work {
            at_work(model);
        }
    }

    /// Does what is due between two jobs, and says when to look again if none comes.
    fn attend(&mut self) -> Option<Instant> {
        if self.thread.as_mut().is_some_and(ModelThread::stands_still) {
            self.on_trouble(&Trouble::Hangs);
        }
        if !self.successor_comes() && self.load_at.is_some_and(|at| at <= Instant::now()) {
            self.load_at = None;
            match self.load() {
                Ok(model) => tracing::info!("{} is back: {model}", self.work.name),
                Err(error) => tracing::debug!("{} can't be loaded: {error:#}", self.work.name),
            }
        }
        let tick = self.gauge.tick();
        self.prepare_successor();
        let over = self.succeed(None);
        let load_at = self.load_at.filter(|_| !self.successor_comes());
        [load_at, tick, over].into_iter().flatten().min()
    }

    fn successor_comes(&self) -> bool {
        self.successor.as_ref().is_some_and(|successor| successor.state != SuccessorState::Unfit)
    }

    /// Only voices come in several weights, and only they make one thing out of several jobs.
    fn has_weights(&self) -> bool {
        self.work.stage == Stage::Synthesis
    }

    /// Which model should work. One that was chosen is given a chance as it is, however little the one before could do.
    fn wanted(&self) -> Which {
        let choice = self.shared.choice();
        let keeps = self.has_weights() && choice == self.which.choice;
        Which { choice, lighter: if keeps { self.gauge.level().voice() } else { 0 } }
    }

    /// Loads what is to take over while the model that is there goes on working.
    fn prepare_successor(&mut self) {
        let (wanted, chosen) = (self.wanted(), self.shared.choice() != self.which.choice);
        if !chosen {
            self.shared.accept(wanted.choice);
        }
        if self.which == wanted {
            self.successor = None;
            return;
        }
        if let Some(successor) = self.successor.as_mut().filter(|successor| successor.thread.which == wanted) {
            match successor.look() {
                Some(Ok(model)) => {
                    tracing::info!("{} will be {model}", self.work.name);
                    self.shared.accept(wanted.choice);
                }
                Some(Err(error)) if chosen => self.refuse(wanted.choice, error),
                Some(Err(error)) => tracing::warn!("{} stays as it is: {error:#}", self.work.name),
                None => {}
            }
            return;
        }
        let shared = Arc::clone(&self.shared);
        match ModelThread::spawn(&self.work, wanted, move || shared.nudge()) {
            Ok(thread) => self.successor = Some(Successor { thread, state: SuccessorState::Loading }),
            Err(error) if chosen => self.refuse(wanted.choice, error.into()),
            Err(error) => tracing::warn!("{} stays as it is: {error}", self.work.name),
        }
    }

    /// What was chosen is not to be had, so what is there stays.
    fn refuse(&mut self, choice: usize, error: anyhow::Error) {
        self.successor = None;
        self.shared.refuse(choice, NotChosen { stays: self.which.choice, error });
    }

    /// Lets what is loaded take over, between two jobs or right before this one. A lighter model does so between any two, because
    /// what is too slow has gaps in it; any other waits until nothing is half said. Gives when that is at the latest.
    fn succeed(&mut self, before: Option<(EndpointId, &Task)>) -> Option<Instant> {
        let successor = self.successor.as_ref()?;
        let SuccessorState::Loaded(_) = successor.state else { return None };
        let which = successor.thread.which;
        let lighter = which.choice == self.which.choice && which.lighter > self.which.lighter;
        if self.thread.is_some() && self.has_weights() && !lighter {
            let begins = before.filter(|(_, task)| (self.work.begins)(task)).map(|(endpoint, _)| endpoint);
            let over = self.shared.last_done_in_the_middle(begins).map(|at| at + LONGEST_PAUSE);
            if let Some(over) = over.filter(|over| *over > Instant::now()) {
                return Some(over);
            }
        }
        if let Some(Successor { thread, state: SuccessorState::Loaded(model) }) = self.successor.take() {
            self.take_over(thread, &model);
        }
        None
    }

    fn serve(&mut self, taken: Taken<Arc<Assigned<Task>>>) {
        let assigned = &taken.job;
        self.succeed(Some((taken.endpoint, &assigned.job.task)));
        let (event, took) = self.have_done(&assigned.job);
        self.measure(&taken, &event, took);
        self.shared.finished(taken.endpoint);
        let (stage, draft) = (self.work.stage, taken.draft);
        // The driver has gone only when its endpoint has.
        let _ = assigned.inbox.blocking_send(Message::Worked { stage, draft, took, event });
    }

    fn have_done(&mut self, job: &Arc<Job<Task>>) -> (Event, Duration) {
        let begun = Instant::now();
        let Some(thread) = &self.thread else { return ((self.work.failed)(job), Duration::ZERO) };
        let limits = ((self.work.limit)(&job.task), GRACE);
        let trouble = match thread.run(job, limits, || self.shared.beat()) {
            Ok(done) => return done,
            Err(trouble) => trouble,
        };
        self.on_trouble(&trouble);
        ((self.work.failed)(job), begun.elapsed())
    }

    fn on_trouble(&mut self, trouble: &Trouble) {
        let name = self.work.name;
        let what = match trouble {
            Trouble::TooLong => {
                tracing::warn!("{name} took too long for one piece of work, which was given up");
                return;
            }
            Trouble::Hangs => "hangs",
            Trouble::Died => "has died",
        };
        // A thread that hangs can't be ended. It ends by itself if it ever comes back.
        if let Some(thread) = self.thread.take() {
            self.shared.give_up(thread.thread());
        }
        let death = self.restarts.died(Instant::now());
        self.load_at = Some(Instant::now() + death.delay);
        match death.deaths {
            1 => tracing::error!("{name} {what}, and is loaded again"),
            2 => tracing::error!(
                "{name} {what} again. It is loaded again each time, and later each time; what it should have done is \
                 lost until then. {}",
                self.work.advice
            ),
            deaths => tracing::debug!("{name} {what} for the {deaths}th time"),
        }
    }

    /// Tells the gauge what says something about whether the board keeps up.
    fn measure(&self, taken: &Taken<Arc<Assigned<Task>>>, event: &Event, took: Duration) {
        if taken.job.job.cancel.is_cancelled() {
            return;
        }
        let wanted = taken.urgency == Urgency::Wanted;
        match event {
            Event::Transcribed { .. } if wanted => self.gauge.take(Measured::Heard { waited: taken.waited }),
            Event::ClauseReady { pcm, .. } if !pcm.is_empty() => {
                // Nobody has waited for a draft.
                let waited = if wanted { taken.waited } else { Duration::ZERO };
                let voice = self.thread.as_ref().map_or(0, |thread| thread.which.lighter);
                self.gauge.take(Measured::Spoke { voice, waited, worked: took, speech: pcm.duration() });
            }
            _ => {}
        }
    }
}

impl<Task: Send + Sync + 'static> Successor<Task> {
    /// Looks whether it is loaded by now, and says once what it is, or why it can't be.
    fn look(&mut self) -> Option<anyhow::Result<String>> {
        if self.state != SuccessorState::Loading {
            return None;
        }
        let loaded = self.thread.try_loaded()?;
        self.state = match &loaded {
            Ok(model) => SuccessorState::Loaded(model.clone()),
            Err(_) => SuccessorState::Unfit,
        };
        Some(loaded)
    }
}
