//! What takes longer than a request: it goes on when its page is left, tells how far it is, and can be cancelled.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::Value;

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking};

/// Tasks that go on at once. Each has a thread, and most want the disk or a core.
const AT_ONCE: usize = 8;
/// Tasks that are over and still told of.
const REMEMBERED: usize = 24;

/// What the owner has begun and what came of it, since the start. Clones are about the same.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    last: u64,
    tasks: BTreeMap<u64, Entry>,
    /// Whether Pipit is ending, so that nothing begins any more.
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    task: Task,
    cancelled: Arc<AtomicBool>,
}

/// How one of them stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Task {
    /// Its number, never given twice.
    pub id: u64,
    /// What is done, such as `pull`.
    pub kind: &'static str,
    /// What it is done to, such as the name of a model.
    pub about: String,
    /// Whether it goes on, and what came of it.
    pub state: TaskState,
    /// How much of it is done, in `unit`.
    pub done: u64,
    /// How much there is to do, where that is known.
    pub total: Option<u64>,
    /// In what it is counted: `bytes`, `seconds`, or nothing in particular.
    pub unit: &'static str,
    /// What it does now, or what came of it: a sentence for people.
    pub message: String,
    /// What was found, where that is more than a sentence.
    pub result: Option<Value>,
    /// Whether it can be cancelled while it goes on.
    pub can_be_cancelled: bool,
}

/// Whether a task goes on, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It goes on.
    Running,
    /// It did what it should.
    Done,
    /// It could not; the message says why.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
}

/// What came of a task that did what it should.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// A sentence for people.
    pub message: String,
    /// What was found, where that is more than a sentence.
    pub result: Option<Value>,
}

impl From<String> for Outcome {
    fn from(message: String) -> Outcome {
        Outcome { message, result: None }
    }
}

/// By which a task tells how far it is, and learns that it is no longer wanted.
#[derive(Clone, Debug)]
pub struct Progress {
    tasks: Tasks,
    id: u64,
    cancelled: Arc<AtomicBool>,
}

impl Progress {
    /// So much is done, of so much where that is known.
    pub fn reached(&self, done: u64, total: Option<u64>) {
        self.tasks.change(self.id, |task| (task.done, task.total) = (done, total));
    }

    /// What it does now: a sentence for people.
    pub fn say(&self, message: impl Into<String>) {
        let message = message.into();
        self.tasks.change(self.id, |task| task.message = message);
    }

    /// Whether it is no longer wanted.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Raised once it is no longer wanted.
    #[must_use]
    pub fn cancelled(&self) -> &Arc<AtomicBool> {
        &self.cancelled
    }
}

impl Tasks {
    /// Begins `work` on a thread of its own; it fails with a sentence for people. Gives how it stands now: by its number it is
    /// found again.
    ///
    /// # Errors
    /// The same is being done, too much is, or Pipit is ending.
    pub(crate) fn start(
        &self,
        what: (&'static str, &str, &'static str),
        work: impl FnOnce(&Progress) -> Result<Outcome, String> + Send + 'static,
    ) -> Result<Task, Problem> {
        self.begin(what, true, work)
    }

    /// The same with what nobody can cancel: it finishes what can't be taken back.
    ///
    /// # Errors
    /// As [`Tasks::start`].
    pub(crate) fn start_for_good(
        &self,
        what: (&'static str, &str, &'static str),
        work: impl FnOnce(&Progress) -> Result<Outcome, String> + Send + 'static,
    ) -> Result<Task, Problem> {
        self.begin(what, false, work)
    }

    fn begin(
        &self,
        what: (&'static str, &str, &'static str),
        can_be_cancelled: bool,
        work: impl FnOnce(&Progress) -> Result<Outcome, String> + Send + 'static,
    ) -> Result<Task, Problem> {
        let (task, progress) = self.enter(what, can_be_cancelled)?;
        let (tasks, id) = (self.clone(), task.id);
        let begun = std::thread::Builder::new().name(format!("task-{}", what.0)).spawn(move || {
            // A task that panics must not seem to go on for ever.
            let came = catch_unwind(AssertUnwindSafe(|| work(&progress)));
            let broke_off = || Err("It broke off by a fault in Pipit; its log says where.".to_owned());
            progress.tasks.end(progress.id, came.unwrap_or_else(|_| broke_off()));
        });
        if let Err(error) = begun {
            tasks.lock().tasks.remove(&id);
            return Err(Problem::unavailable(format!("No thread could be started for this ({error}); try again.")));
        }
        Ok(task)
    }

    fn enter(
        &self,
        (kind, about, unit): (&'static str, &str, &'static str),
        can_be_cancelled: bool,
    ) -> Result<(Task, Progress), Problem> {
        let mut all = self.lock();
        if all.closed {
            return Err(Problem::unavailable("Pipit is ending; try again soon."));
        }
        let running = || all.tasks.values().map(|entry| &entry.task).filter(|task| task.state == TaskState::Running);
        if running().any(|task| task.kind == kind && task.about == about) {
            return Err(Problem::conflict("This is being done already; wait for it or cancel it."));
        }
        if running().count() >= AT_ONCE {
            return Err(Problem::conflict("Too much is being done at once; wait for something or cancel it."));
        }
        all.last += 1;
        let (id, cancelled) = (all.last, Arc::new(AtomicBool::new(false)));
        let (about, message) = (about.to_owned(), String::new());
        let state = TaskState::Running;
        let (done, total, result) = (0, None, None);
        let task = Task { id, kind, about, state, done, total, unit, message, result, can_be_cancelled };
        all.tasks.insert(id, Entry { task: task.clone(), cancelled: Arc::clone(&cancelled) });
        all.forget_oldest();
        Ok((task, Progress { tasks: self.clone(), id, cancelled }))
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Task)) {
        if let Some(entry) = self.lock().tasks.get_mut(&id) {
            change(&mut entry.task);
        }
    }

    fn end(&self, id: u64, came: Result<Outcome, String>) {
        let mut all = self.lock();
        let Some(Entry { task, cancelled }) = all.tasks.get_mut(&id) else { return };
        match came {
            Ok(outcome) => {
                (task.state, task.message, task.result) = (TaskState::Done, outcome.message, outcome.result);
            }
            Err(why) => {
                let was_wanted = !cancelled.load(Ordering::Relaxed);
                task.state = if was_wanted { TaskState::Failed } else { TaskState::Cancelled };
                task.message = why;
            }
        }
    }

    /// All that is known of, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Task> {
        self.lock().tasks.values().rev().map(|entry| entry.task.clone()).collect()
    }

    /// Has one that goes on end soon if it can be cancelled, and forgets one that is over. Says whether there is such a one.
    fn dismiss(&self, id: u64) -> Option<Task> {
        let mut all = self.lock();
        let entry = all.tasks.get(&id)?;
        let task = entry.task.clone();
        match (task.state, task.can_be_cancelled) {
            (TaskState::Running, true) => entry.cancelled.store(true, Ordering::Relaxed),
            (TaskState::Running, false) => {}
            _ => drop(all.tasks.remove(&id)),
        }
        Some(task)
    }

    /// Has everything end soon, and lets nothing begin: Pipit is ending.
    pub fn close(&self) {
        let mut all = self.lock();
        all.closed = true;
        all.tasks.values().for_each(|entry| entry.cancelled.store(true, Ordering::Relaxed));
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn forget_oldest(&mut self) {
        let over = self.tasks.values().map(|entry| &entry.task).filter(|task| task.state != TaskState::Running);
        let over: Vec<_> = over.map(|task| task.id).collect();
        for id in over.iter().take(over.len().saturating_sub(REMEMBERED)) {
            self.tasks.remove(id);
        }
    }
}

async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Vec<Task>>, Problem> {
    who.require_owner()?;
    Ok(Json(sources.tasks.list()))
}

/// 204: what went on is told to end, and what is over is forgotten. 404 where there is no such task, and 409 where it can't be
/// cancelled.
async fn dismiss(State(sources): State<Sources>, who: Who, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    let task = id.parse().ok().and_then(|id| sources.tasks.dismiss(id));
    let task = task.ok_or_else(|| Problem::not_found("There is no such task; list them again."))?;
    if task.state == TaskState::Running {
        if !task.can_be_cancelled {
            return Err(Problem::conflict("This can't be cancelled any more; it ends by itself."));
        }
        let what = format!("{} of {} cancelled", task.kind, task.about);
        blocking(move || who.note(&what)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/tasks", get(list)).route("/api/tasks/{id}", delete(dismiss))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Waits for the end of the newest.
    fn ended(tasks: &Tasks) -> Task {
        loop {
            let newest = tasks.list().swap_remove(0);
            if newest.state != TaskState::Running {
                return newest;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_is_done_is_told_and_what_came_of_it() {
        let tasks = Tasks::default();
        let (go_on, wait) = mpsc::channel();
        let (arrived, at) = mpsc::channel();
        let work = move |progress: &Progress| {
            progress.reached(3, Some(10));
            progress.say("Pulling.");
            arrived.send(()).unwrap();
            wait.recv().unwrap();
            Ok(Outcome::from("Pulled.".to_owned()))
        };
        let begun = tasks.start(("pull", "small", "bytes"), work).unwrap();
        at.recv().unwrap();
        let now = tasks.list().swap_remove(0);
        let told = (now.id, now.state, now.done, now.total, now.message.as_str());
        assert_eq!(told, (begun.id, TaskState::Running, 3, Some(10), "Pulling."));
        assert!(tasks.start(("pull", "small", "bytes"), |_| Ok(Outcome::default())).is_err(), "twice the same");
        go_on.send(()).unwrap();
        let now = ended(&tasks);
        assert_eq!((now.state, now.message.as_str()), (TaskState::Done, "Pulled."));
        tasks.dismiss(begun.id).unwrap();
        assert_eq!((tasks.list(), tasks.dismiss(begun.id)), (Vec::new(), None));
    }

    #[test]
    fn what_is_not_wanted_any_more_learns_it() {
        let tasks = Tasks::default();
        let until_cancelled = |progress: &Progress| {
            while !progress.is_cancelled() {
                std::thread::yield_now();
            }
            Err("Not all of it is here.".to_owned())
        };
        let begun = tasks.start(("pull", "small", "bytes"), until_cancelled).unwrap();
        tasks.dismiss(begun.id).unwrap();
        assert_eq!(ended(&tasks).state, TaskState::Cancelled);
        tasks.start(("pull", "large", "bytes"), |_| Err("The disk is full.".to_owned())).unwrap();
        let now = ended(&tasks);
        assert_eq!((now.state, now.message.as_str()), (TaskState::Failed, "The disk is full."));
        tasks.start(("pull", "medium", "bytes"), |_| panic!("on purpose")).unwrap();
        assert_eq!(ended(&tasks).state, TaskState::Failed);
        let (go_on, wait) = mpsc::channel();
        let for_good = tasks.start_for_good(("erase", "1", ""), move |progress| {
            wait.recv().unwrap();
            Ok(Outcome::from(format!("{}", progress.is_cancelled())))
        });
        tasks.dismiss(for_good.unwrap().id).unwrap();
        go_on.send(()).unwrap();
        let now = ended(&tasks);
        assert_eq!((now.state, now.message.as_str()), (TaskState::Done, "false"));
        tasks.start(("verify", "", ""), until_cancelled).unwrap();
        tasks.close();
        assert_eq!(ended(&tasks).state, TaskState::Cancelled);
        assert!(tasks.start(("pull", "small", "bytes"), |_| Ok(Outcome::default())).is_err(), "Pipit is ending");
    }

    #[test]
    fn what_is_over_is_forgotten_after_a_while_and_there_is_a_limit_to_what_goes_on() {
        let tasks = Tasks::default();
        for n in 0..100 {
            tasks.start(("pull", &n.to_string(), ""), |_| Ok(Outcome::default())).unwrap();
            ended(&tasks);
        }
        assert_eq!(tasks.list().len(), REMEMBERED + 1);
        let (_keep, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let begin = |n: usize| {
            let wait = Arc::clone(&wait);
            tasks.start(("echo", &n.to_string(), ""), move |_| {
                let _ = wait.lock().unwrap().recv();
                Ok(Outcome::default())
            })
        };
        (0..AT_ONCE).for_each(|n| drop(begin(n).unwrap()));
        assert!(begin(AT_ONCE).is_err());
    }
}
