//! Sees to it that one model's jobs are done: hands them to the model's thread one by one, watches over it, and replaces
//! it when it dies, when it hangs, or when a lighter model is to take over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipit_core::load::Work as Measured;
use pipit_core::turn::Event;
use tokio::sync::oneshot;

use super::gauge::Gauge;
use super::model::{Job, ModelThread, Trouble, Work};
use super::queue::{Taken, Urgency};
use super::restarts::Restarts;
use super::shared::{Assigned, News, Shared};
use super::{Message, Stage};

/// How long a model that was told to stop may take to do so. Whisper looks only after a pass of its encoder.
const GRACE: Duration = Duration::from_secs(2);

/// A model that could not be loaded is tried again after this at the earliest: a file does not come back by itself.
const LOAD_AGAIN: Duration = Duration::from_secs(30);

pub(super) struct Supervisor<Model, Task> {
    work: Arc<Work<Model, Task>>,
    shared: Arc<Shared<Task>>,
    gauge: Arc<Gauge>,
    thread: Option<ModelThread<Task>>,
    /// A lighter or a better model, until it is loaded and it is a good moment for it to take over.
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
    Loaded,
    /// It could not be loaded, and is not tried again before something else is wanted.
    Unfit,
}

impl<Model: 'static, Task: Send + Sync + 'static> Supervisor<Model, Task> {
    pub(super) fn new(work: Work<Model, Task>, shared: Arc<Shared<Task>>, gauge: Arc<Gauge>) -> Self {
        let (work, restarts) = (Arc::new(work), Restarts::default());
        Supervisor { work, shared, gauge, thread: None, successor: None, restarts, load_at: None }
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

    /// Starts a thread in place of the one that there was, and waits for its model.
    fn load(&mut self) -> anyhow::Result<String> {
        let thread = ModelThread::spawn(&self.work, self.lighter_wanted(), || {});
        let loaded = thread.map_err(anyhow::Error::from).and_then(|thread| Ok((thread.loaded()?, thread)));
        match loaded {
            Ok((model, thread)) => {
                self.thread = Some(thread);
                Ok(model)
            }
            Err(error) => {
                let now = Instant::now();
                self.load_at = Some(now + self.restarts.died(now).delay.max(LOAD_AGAIN));
                Err(error)
            }
        }
    }

    /// Does what is due between two jobs, and says when to look again if none comes.
    fn attend(&mut self) -> Option<Instant> {
        if self.load_at.is_some_and(|at| at <= Instant::now()) {
            self.load_at = None;
            match self.load() {
                Ok(model) => tracing::info!("{} is back: {model}", self.work.name),
                Err(error) => tracing::debug!("{} can't be loaded: {error:#}", self.work.name),
            }
        }
        let tick = self.gauge.tick();
        self.prepare_successor();
        [self.load_at, tick].into_iter().flatten().min()
    }

    /// How many steps lighter than the best the model should be. Only voices come in several weights.
    fn lighter_wanted(&self) -> usize {
        if self.work.stage == Stage::Synthesis { self.gauge.level().voice() } else { 0 }
    }

    /// Loads what is to take over while the model that is there goes on working.
    fn prepare_successor(&mut self) {
        let wanted = self.lighter_wanted();
        let Some(thread) = &self.thread else { return };
        if thread.lighter == wanted {
            self.successor = None;
            return;
        }
        if let Some(successor) = self.successor.as_mut().filter(|successor| successor.thread.lighter == wanted) {
            if successor.state == SuccessorState::Loading {
                successor.look(self.work.name);
            }
            return;
        }
        let shared = Arc::clone(&self.shared);
        match ModelThread::spawn(&self.work, wanted, move || shared.nudge()) {
            Ok(thread) => self.successor = Some(Successor { thread, state: SuccessorState::Loading }),
            Err(error) => tracing::warn!("{} stays as it is: {error}", self.work.name),
        }
    }

    /// Lets what is loaded take over. A lighter model does so between any two jobs, because what is too slow has gaps in it;
    /// a better one waits for the beginning of something.
    fn succeed(&mut self, task: &Task) {
        let now = self.thread.as_ref().map_or(0, |thread| thread.lighter);
        let good = |successor: &mut Successor<Task>| {
            successor.state == SuccessorState::Loaded && (successor.thread.lighter > now || (self.work.begins)(task))
        };
        if let Some(successor) = self.successor.take_if(good) {
            self.thread = Some(successor.thread);
        }
    }

    fn serve(&mut self, taken: Taken<Arc<Assigned<Task>>>) {
        let assigned = &taken.job;
        self.succeed(&assigned.job.task);
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
        let trouble = match thread.run(job, (self.work.limit)(&job.task), GRACE) {
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
        self.thread = None;
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
                let voice = self.thread.as_ref().map_or(0, |thread| thread.lighter);
                self.gauge.take(Measured::Spoke { voice, waited, worked: took, speech: pcm.duration() });
            }
            _ => {}
        }
    }
}

impl<Task: Send + Sync + 'static> Successor<Task> {
    /// Looks whether it is loaded by now.
    fn look(&mut self, name: &str) {
        match self.thread.try_loaded() {
            None => {}
            Some(Ok(model)) => {
                self.state = SuccessorState::Loaded;
                tracing::info!("{name} will be {model}");
            }
            Some(Err(error)) => {
                self.state = SuccessorState::Unfit;
                tracing::warn!("{name} stays as it is: {error:#}");
            }
        }
    }
}
