//! One thread that loads one model and does jobs with it until nobody hands it any, or until it dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use pipit_core::turn::{DraftId, Event};
use pipit_models::cancel::CancelFlag;

use super::Stage;
use crate::service::{BEAT, PATIENCE, Stillness};

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
    life: Arc<Life>,
    stillness: Stillness,
}

/// What a thread tells of itself while it has nothing to do.
#[derive(Default)]
struct Life {
    beats: AtomicU64,
    /// What the kernel calls it, once it runs.
    thread: AtomicI32,
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
        let life = Arc::<Life>::default();
        let own = Arc::clone(&life);
        std::thread::Builder::new().name(work.thread.to_owned()).spawn(move || {
            own.thread.store(this_thread(), Ordering::Relaxed);
            let (mut model, description) = match (work.load)(which) {
                Ok((model, description)) => (Some(model), Ok(description)),
                Err(error) => (None, Err(error)),
            };
            let _ = report.send(Report::Loaded(description));
            loaded();
            let Some(model) = &mut model else { return };
            loop {
                own.beats.fetch_add(1, Ordering::Relaxed);
                let job = match queue.recv_timeout(BEAT) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let begun = Instant::now();
                let event = (work.run)(model, &job);
                if report.send(Report::Done(event, begun.elapsed())).is_err() {
                    return;
                }
            }
        })?;
        Ok(ModelThread { which, jobs, reports, life, stillness: Stillness::default() })
    }

    /// What was loaded, or why nothing could be. Waits for it, and calls `beat` at least each second meanwhile.
    pub(super) fn loaded(&self, beat: impl Fn()) -> anyhow::Result<String> {
        loop {
            beat();
            match self.reports.recv_timeout(BEAT) {
                Ok(Report::Loaded(description)) => return description,
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Report::Done(..)) | Err(RecvTimeoutError::Disconnected) => {
                    anyhow::bail!("its thread failed while it was loaded")
                }
            }
        }
    }

    /// Looks at a thread that has nothing to do: whether it has stood still for too long. To be called each second.
    pub(super) fn stands_still(&mut self) -> bool {
        self.stillness.look_at(self.life.beats.load(Ordering::Relaxed), Instant::now()) >= PATIENCE
    }

    /// What the kernel calls it.
    pub(super) fn thread(&self) -> i32 {
        self.life.thread.load(Ordering::Relaxed)
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
    /// is given up where it does not within `grace`. `beat` is called at least each second meanwhile.
    pub(super) fn run(
        &self,
        job: &Arc<Job<Task>>,
        (limit, grace): (Duration, Duration),
        beat: impl Fn(),
    ) -> Result<(Event, Duration), Trouble> {
        if self.jobs.send(Arc::clone(job)).is_err() {
            return Err(Trouble::Died);
        }
        let until = Instant::now() + limit;
        loop {
            beat();
            let left = until.saturating_duration_since(Instant::now());
            match self.reports.recv_timeout(left.min(BEAT)) {
                Ok(Report::Done(event, took)) => return Ok((event, took)),
                Ok(Report::Loaded(_)) | Err(RecvTimeoutError::Disconnected) => return Err(Trouble::Died),
                Err(RecvTimeoutError::Timeout) if left <= BEAT => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        job.cancel.cancel();
        match self.reports.recv_timeout(grace) {
            Ok(_) => Err(Trouble::TooLong),
            Err(RecvTimeoutError::Disconnected) => Err(Trouble::Died),
            Err(RecvTimeoutError::Timeout) => Err(Trouble::Hangs),
        }
    }
}

/// What the kernel calls this thread; 0 where it does not say.
fn this_thread() -> i32 {
    let own = std::fs::read_link("/proc/thread-self").ok();
    own.and_then(|own| own.file_name()?.to_str()?.parse().ok()).unwrap_or_default()
}
