//! One thread that loads one model and does jobs with it until nobody hands it any, or until it dies.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use pipit_core::turn::{DraftId, Event};
use pipit_models::cancel::CancelFlag;

use super::Stage;

/// How one kind of model is loaded and used. Functions beside data, so that whoever runs it needs to know no model.
pub struct Work<Model, Task> {
    /// What logs call the model, such as `the recogniser`.
    pub name: &'static str,
    /// What its thread is called; at most 15 letters.
    pub thread: &'static str,
    /// What its work counts as.
    pub stage: Stage,
    /// What to do about a model that dies again and again.
    pub advice: &'static str,
    /// So many jobs of one endpoint may wait.
    pub share: usize,
    /// Loads the model, which may take seconds, and says what was loaded.
    pub load: LoadModel<Model>,
    /// Does a job.
    pub run: fn(&mut Model, &Job<Task>) -> Event,
    /// Says that a job was not done.
    pub failed: fn(&Job<Task>) -> Event,
    /// A job that takes longer hangs. Far beyond what any board needs.
    pub limit: TimeLimit<Task>,
    /// Whether a job begins something that is best done by one and the same model.
    pub begins: fn(&Task) -> bool,
}

/// See [`Work::limit`].
pub type TimeLimit<Task> = Box<dyn Fn(&Task) -> Duration + Send + Sync>;

/// See [`Work::load`].
pub type LoadModel<Model> = Box<dyn Fn(Which) -> anyhow::Result<(Model, String)> + Send + Sync>;

/// Which model is meant, of several that can do the same work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The one that was chosen, as its place among those that can be; the first is what is configured.
    pub choice: usize,
    /// So many steps lighter than that one.
    pub lighter: usize,
}

/// What can be chosen while one of them works. The default is that nothing can, and that nobody is told what works.
#[derive(Default)]
pub struct Choice {
    /// Which it is at first.
    pub at_start: usize,
    /// Which it is where that can't be loaded.
    pub instead: usize,
    /// For each that can be chosen, how many there are that are lighter.
    pub lighter: Vec<usize>,
    /// Is told what works from now on.
    pub at_work: Option<TellName>,
}

/// See [`Choice::at_work`].
pub type TellName = Box<dyn Fn(&str) + Send + Sync>;

/// One job for a model.
pub struct Job<Task> {
    /// The draft that it is for.
    pub draft: DraftId,
    /// What to do.
    pub task: Task,
    /// Raised when nobody wants the result any more.
    pub cancel: CancelFlag,
}

/// A thread with its model.
pub(super) struct ModelThread<Task> {
    /// Which model it has.
    pub(super) which: Which,
    /// The thread is handed one job at a time, so that there always is room.
    jobs: SyncSender<Arc<Job<Task>>>,
    reports: Receiver<Report>,
}

enum Report {
    Loaded(anyhow::Result<String>),
    Done(Event, Duration),
}

/// Why a job was not done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It took too long, and stopped when it was told to.
    TooLong,
    /// The thread does not answer any more.
    Hangs,
    /// The thread has ended.
    Died,
}

impl<Task: Send + Sync + 'static> ModelThread<Task> {
    /// Starts the thread, which loads the model first. `loaded` is called when that is done, whatever came of it.
    pub(super) fn spawn<Model: 'static>(
        work: &Arc<Work<Model, Task>>,
        which: Which,
        loaded: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel::<Arc<Job<Task>>>(1);
        // Two reports at most: that it was loaded, and that a job is done. A thread that was given up finds nobody at the
        // other end, and ends.
        let (report, reports) = sync_channel(2);
        let work = Arc::clone(work);
        std::thread::Builder::new().name(work.thread.to_owned()).spawn(move || {
            let (mut model, description) = match (work.load)(which) {
                Ok((model, description)) => (Some(model), Ok(description)),
                Err(error) => (None, Err(error)),
            };
            let _ = report.send(Report::Loaded(description));
            loaded();
            let Some(model) = &mut model else { return };
            for job in queue {
                let begun = Instant::now();
                let event = (work.run)(model, &job);
                if report.send(Report::Done(event, begun.elapsed())).is_err() {
                    return;
                }
            }
        })?;
        Ok(ModelThread { which, jobs, reports })
    }

    /// What was loaded, or why nothing could be. Waits for it.
    pub(super) fn loaded(&self) -> anyhow::Result<String> {
        match self.reports.recv() {
            Ok(Report::Loaded(description)) => description,
            Ok(Report::Done(..)) | Err(_) => Err(anyhow::anyhow!("its thread failed while it was loaded")),
        }
    }

    /// The same, or nothing as long as it is loading.
    pub(super) fn try_loaded(&self) -> Option<anyhow::Result<String>> {
        match self.reports.try_recv() {
            Ok(Report::Loaded(description)) => Some(description),
            Err(TryRecvError::Empty) => None,
            Ok(Report::Done(..)) | Err(TryRecvError::Disconnected) => {
                Some(Err(anyhow::anyhow!("its thread failed while it was loaded")))
            }
        }
    }

    /// Has a job done, and says what came of it and how long it took. What takes longer than `limit` is told to stop, and
    /// is given up where it does not within `grace`.
    pub(super) fn run(
        &self,
        job: &Arc<Job<Task>>,
        limit: Duration,
        grace: Duration,
    ) -> Result<(Event, Duration), Trouble> {
        if self.jobs.send(Arc::clone(job)).is_err() {
            return Err(Trouble::Died);
        }
        match self.reports.recv_timeout(limit) {
            Ok(Report::Done(event, took)) => return Ok((event, took)),
            Ok(Report::Loaded(_)) | Err(RecvTimeoutError::Disconnected) => return Err(Trouble::Died),
            Err(RecvTimeoutError::Timeout) => {}
        }
        job.cancel.cancel();
        match self.reports.recv_timeout(grace) {
            Ok(_) => Err(Trouble::TooLong),
            Err(RecvTimeoutError::Disconnected) => Err(Trouble::Died),
            Err(RecvTimeoutError::Timeout) => Err(Trouble::Hangs),
        }
    }
}
