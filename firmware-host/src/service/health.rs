//! Whether each part of the daemon goes on: parts beat, and whoever looks counts for how long they have not.
//!
//! Time is counted in looks, of which there is one each second, and not by a clock. So a machine that stood still as a whole, because
//! it slept or its card did not answer, finds nobody late when it goes on.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::RuntimeMetrics;

/// How often a part beats that has nothing to do, and how often it is looked whether it does.
pub const BEAT: Duration = Duration::from_secs(1);

/// A part that does not beat for so many looks stands still. Every part waits for a second at most, and none works for much longer.
pub const PATIENCE: u32 = 7;

/// One part's heart. Clones are the same part's. The default one is of a part that nobody looks after.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Heart>);

#[derive(Default)]
struct Heart {
    beats: AtomicU64,
    watched: AtomicBool,
    /// Threads that were given up and replaced.
    given_up: Arc<Mutex<HashSet<i32>>>,
}

impl Pulse {
    /// Says that the part goes on.
    pub fn beat(&self) {
        self.0.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that the part has done all that it was there for, and beats no more.
    pub fn end(&self) {
        self.0.watched.store(false, Ordering::Relaxed);
    }

    /// Whether anybody looks.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.watched.load(Ordering::Relaxed)
    }

    /// Beats in the task that does `work`: it stops where that keeps its thread.
    pub async fn during<Work: Future>(&self, work: Work) -> Work::Output {
        if !self.is_watched() {
            return work.await;
        }
        let mut work = std::pin::pin!(work);
        loop {
            self.beat();
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(BEAT) => {}
            }
        }
    }

    /// Has nobody wonder any more about a thread that was replaced.
    pub fn give_up(&self, thread: i32) {
        lock(&self.0.given_up).insert(thread);
    }
}

/// Counts for how many looks something has stayed as it was.
#[derive(Default)]
pub struct Stillness {
    seen: u64,
    still: u32,
    looked: Option<Instant>,
}

impl Stillness {
    /// Looks: for how many looks it has now been `now`.
    pub fn look(&mut self, now: u64) -> u32 {
        self.still = if now == self.seen { self.still + 1 } else { 0 };
        self.seen = now;
        self.still
    }

    /// The same for who looks at any time: looks within [`BEAT`] count once.
    pub fn look_at(&mut self, now: u64, at: Instant) -> u32 {
        if now == self.seen && self.looked.is_some_and(|looked| at.saturating_duration_since(looked) < BEAT) {
            return self.still;
        }
        self.looked = Some(at);
        self.look(now)
    }
}

/// All parts that are looked after. Clones look after the same.
#[derive(Clone, Default)]
pub struct Health {
    parts: Arc<Mutex<Vec<Part>>>,
    workers: Arc<Mutex<Option<Workers>>>,
    given_up: Arc<Mutex<HashSet<i32>>>,
}

struct Part {
    name: String,
    pulse: Pulse,
    stillness: Stillness,
    patience: u32,
    /// Whether it was told that it stands still.
    told: bool,
}

/// The threads of the async runtime. One that waits for work is well, however long it waits.
struct Workers {
    metrics: RuntimeMetrics,
    stillness: Vec<Stillness>,
    told: Vec<bool>,
}

/// What a look has found that was otherwise before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This part stands still.
    Still(String),
    /// It goes on after all.
    GoesOn(String),
}

impl Health {
    /// Looks after another part from now on, which has to beat each second.
    #[must_use]
    pub fn part(&self, name: impl Into<String>) -> Pulse {
        self.patient_part(name, PATIENCE)
    }

    /// The same for a part that may wait for so many seconds for what is no part of this process, such as a disk.
    #[must_use]
    pub fn patient_part(&self, name: impl Into<String>, patience: u32) -> Pulse {
        let heart = Heart { watched: true.into(), given_up: Arc::clone(&self.given_up), ..Heart::default() };
        let pulse = Pulse(Arc::new(heart));
        let (name, stillness) = (name.into(), Stillness::default());
        let part = Part { name, pulse: pulse.clone(), stillness, patience, told: false };
        lock(&self.parts).push(part);
        pulse
    }

    /// Looks after the threads of this runtime too.
    pub fn runtime(&self, metrics: RuntimeMetrics) {
        let count = metrics.num_workers();
        let stillness = std::iter::repeat_with(Stillness::default).take(count).collect();
        *lock(&self.workers) = Some(Workers { metrics, stillness, told: vec![false; count] });
    }

    /// Whether this thread was given up and replaced.
    #[must_use]
    pub fn was_given_up(&self, thread: i32) -> bool {
        lock(&self.given_up).contains(&thread)
    }

    /// Looks at every part, which is to be done once each second.
    pub fn look(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut parts = lock(&self.parts);
        parts.retain(|part| part.pulse.is_watched());
        for part in &mut *parts {
            let still = part.stillness.look(part.pulse.0.beats.load(Ordering::Relaxed)) >= part.patience;
            changes.extend(change(&mut part.told, still, || part.name.clone()));
        }
        drop(parts);
        if let Some(Workers { metrics, stillness, told }) = &mut *lock(&self.workers) {
            for (worker, (stillness, told)) in stillness.iter_mut().zip(told).enumerate() {
                let parks = metrics.worker_park_unpark_count(worker);
                let busy = metrics.worker_total_busy_duration(worker).as_nanos() as u64;
                // Odd is parked. One at work tells how long it was busy after some tasks at the latest.
                let still = stillness.look(parks.wrapping_add(busy)) >= PATIENCE && parks.is_multiple_of(2);
                changes.extend(change(told, still, || {
                    format!("thread {} of the async runtime, in the middle of a task", worker + 1)
                }));
            }
        }
        changes
    }
}

fn change(told: &mut bool, still: bool, name: impl FnOnce() -> String) -> Option<Change> {
    let before = std::mem::replace(told, still);
    match (before, still) {
        (false, true) => Some(Change::Still(name())),
        (true, false) => Some(Change::GoesOn(name())),
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_part_stands_still_once_it_has_not_beaten_for_some_looks_and_goes_on_with_its_next_beat() {
        let health = Health::default();
        let (ear, driver) = (health.part("the ear"), health.part("the driver"));
        for _ in 0..3 * PATIENCE {
            ear.beat();
            driver.beat();
            assert_eq!(health.look(), []);
        }
        for _ in 1..PATIENCE {
            driver.beat();
            assert_eq!(health.look(), []);
        }
        driver.beat();
        assert_eq!(health.look(), [Change::Still("the ear".to_owned())]);
        driver.beat();
        assert_eq!(health.look(), [], "it is told once");
        ear.beat();
        assert_eq!(health.look(), [Change::GoesOn("the ear".to_owned())]);
        drop(ear);
        let look = || {
            driver.beat();
            health.look()
        };
        let told: Vec<_> = (0..PATIENCE).flat_map(|_| look()).collect();
        assert!(told.contains(&Change::Still("the ear".to_owned())), "a part that died stands still: {told:?}");
        driver.end();
        assert!((0..3 * PATIENCE).all(|_| health.look().is_empty()), "one that has done its work does not");
    }

    #[test]
    fn looks_at_any_time_count_once_a_second() {
        let (mut stillness, start) = (Stillness::default(), Instant::now());
        let looks = [(1, 0), (1, 10), (1, 990), (1, 1000), (1, 1500), (1, 2000), (2, 2100), (2, 3100)];
        let still = looks.map(|(now, ms)| stillness.look_at(now, start + Duration::from_millis(ms)));
        assert_eq!(still, [0, 0, 0, 1, 1, 2, 0, 1]);
    }

    #[test]
    fn a_task_that_keeps_a_thread_of_the_runtime_is_found_and_a_thread_without_work_is_well() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let health = Health::default();
        health.runtime(runtime.metrics());
        let ((began, begun), (let_go, wait)) = (channel(), channel::<()>());
        let metrics = runtime.metrics();
        let wait_until_at_work = |count| {
            let at_work =
                || (0..2).filter(|worker| metrics.worker_park_unpark_count(*worker).is_multiple_of(2)).count();
            while at_work() != count {
                std::thread::yield_now();
            }
        };
        wait_until_at_work(0);
        let quiet: Vec<_> = (0..3 * PATIENCE).flat_map(|_| health.look()).collect();
        runtime.spawn(async move {
            began.send(()).unwrap();
            let _ = wait.recv();
        });
        begun.recv().unwrap();
        wait_until_at_work(1);
        let stuck: Vec<_> = (0..3 * PATIENCE).flat_map(|_| health.look()).collect();
        let still = |changes: &[Change]| changes.iter().filter(|change| matches!(change, Change::Still(_))).count();
        assert!(still(&stuck) == 1, "{stuck:?}");
        drop(let_go);
        drop(runtime);
        assert_eq!(still(&quiet), 0, "{quiet:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_beats_while_it_waits() {
        let health = Health::default();
        let pulse = health.part("MQTT");
        let work = pulse.during(tokio::time::sleep(BEAT * 5));
        work.await;
        assert!(pulse.0.beats.load(Ordering::Relaxed) >= 5);
    }
}
