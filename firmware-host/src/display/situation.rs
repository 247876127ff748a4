//! Puts together how things stand, for [`pipit_core::face`].

use std::time::{Duration, Instant};

use jiff::Zoned;
use pipit_chat::Engine;
use pipit_core::face::{Clock, Face, Situation, Timer, Trouble};
use pipit_core::turn::Phase;
use pipit_store::{Store, StoreError};
use pipit_web::Snapshot;
use tokio::sync::watch;

use super::Beside;
use crate::bus::Bus;

/// How often it is looked what the store has: timers are set by other programs too. What is said here is looked up at once.
const LOOK: Duration = Duration::from_secs(5);

/// From one change of the level to the next that is shown, at least.
const APART: Duration = Duration::from_millis(100);

/// Where a face comes from.
pub struct Sources {
    /// The state, and what is known beside it.
    pub bus: Bus,
    /// What rings.
    pub engine: Engine,
    /// The timers, and whether the device has an owner.
    pub store: Store,
    /// Whether there ought to be a microphone.
    pub has_microphone: bool,
    /// Whether hours are told as 1 to 12.
    pub twelve_hours: bool,
}

/// What the store has.
#[derive(Clone, Default)]
struct Stored {
    claimed: bool,
    timers: Vec<pipit_store::StoredTimer>,
    /// Whether an alarm rings that nobody has stopped.
    rings: bool,
}

/// Tells each new face until nobody looks.
pub async fn follow(sources: Sources, faces: watch::Sender<Face>) {
    let (mut snapshots, mut levels) = (sources.bus.snapshots(), sources.bus.levels().subscribe());
    let mut beside = sources.bus.beside().subscribe();
    let mut stored = Stored { claimed: true, ..Stored::default() };
    let mut looked: Option<Instant> = None;
    let (mut was_idle, mut had_code) = (false, false);
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let known = beside.borrow_and_update().clone();
        let phase = phase(snapshot.phase);
        let is_idle = phase == Phase::Idle;
        // A turn that has ended may have set a timer.
        let has_ended = is_idle && !std::mem::replace(&mut was_idle, is_idle);
        // A code is gone once the device has an owner.
        let is_used = std::mem::replace(&mut had_code, known.code.is_some()) && known.code.is_none();
        if has_ended || is_used || looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            let store = sources.store.clone();
            // SQLite may have to wait for another program.
            match tokio::task::spawn_blocking(move || look(&store)).await {
                Ok(Ok(found)) => stored = found,
                Ok(Err(error)) => tracing::debug!("what a display shows of timers is not known: {error}"),
                // The runtime is shutting down.
                Err(_) => return,
            }
            looked = Some(Instant::now());
        }
        let hears = matches!(phase, Phase::Listening | Phase::Hearing);
        let level_db = if hears { *levels.borrow_and_update() } else { pipit_core::audio::LOWEST_LEVEL };
        let situation = sources.situation(&snapshot, &known, &stored, (phase, level_db));
        let until = Zoned::now();
        let has_timers = !situation.timers.is_empty();
        let face = Face::of(&situation);
        faces.send_if_modified(|shown| (*shown != face).then(|| *shown = face).is_some());
        // The next second of a timer, or else the next minute of the clock.
        let second = Duration::from_millis(1000 - u64::from(until.millisecond().unsigned_abs()).min(999));
        let minute = second + Duration::from_secs(59_u64.saturating_sub(u64::from(until.second().unsigned_abs())));
        let wait = if has_timers || known.code.is_some() { second } else { minute.min(LOOK) };
        let began = Instant::now();
        tokio::select! {
            told = snapshots.changed() => if told.is_err() { return },
            told = beside.changed() => if told.is_err() { return },
            told = levels.changed(), if hears => {
                if told.is_err() {
                    return;
                }
                tokio::time::sleep(APART.saturating_sub(began.elapsed())).await;
            }
            () = tokio::time::sleep(wait) => {}
            () = faces.closed() => return,
        }
    }
}

impl Sources {
    fn situation(
        &self,
        snapshot: &Snapshot,
        known: &Beside,
        stored: &Stored,
        (phase, level_db): (Phase, f32),
    ) -> Situation {
        let now = Zoned::now();
        let trouble = if self.has_microphone && snapshot.microphone.is_none() {
            Some(Trouble::Microphone)
        } else if snapshot.recogniser.is_none() {
            Some(Trouble::Recogniser)
        } else if snapshot.voice.is_none() {
            Some(Trouble::Voice)
        } else {
            None
        };
        let left = |timer: &pipit_store::StoredTimer| {
            let until = || Duration::try_from(timer.due.duration_since(now.timestamp())).unwrap_or_default();
            timer.paused.unwrap_or_else(until)
        };
        let timers = stored.timers.iter();
        // What is due is not shown as 0:00 until somebody looks again.
        let timers = timers.filter(|timer| timer.paused.is_some() || !left(timer).is_zero());
        let timers =
            timers.map(|timer| Timer { name: timer.name.clone(), left: left(timer), paused: timer.paused.is_some() });
        Situation {
            phase,
            level_db,
            hearing: known.hearing.clone(),
            saying: known.saying.clone(),
            muted: snapshot.muted,
            rings: stored.rings || self.engine.rings(),
            loading: !known.loaded,
            trouble,
            warning: snapshot.troubles.first().cloned(),
            clock: clock(&now, self.twelve_hours),
            timers: timers.collect(),
            claimed: stored.claimed,
            code: known.code.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(code, _)| code.clone()),
            address: known.address.clone(),
        }
    }
}

fn look(store: &Store) -> Result<Stored, StoreError> {
    let rings = store.alarms()?.iter().any(|alarm| alarm.ringing.is_some());
    Ok(Stored { claimed: store.is_claimed()?, timers: store.timers()?, rings })
}

fn clock(now: &Zoned, twelve_hours: bool) -> Clock {
    Clock {
        hour: now.hour().unsigned_abs(),
        minute: now.minute().unsigned_abs(),
        weekday: now.weekday().to_monday_zero_offset().unsigned_abs(),
        day: now.day().unsigned_abs(),
        month: now.month().unsigned_abs(),
        twelve_hours,
    }
}

/// The phase with this name.
fn phase(name: &str) -> Phase {
    use Phase::{Hearing, Idle, Listening, Speaking, Thinking, Weighing};
    [Listening, Hearing, Weighing, Thinking, Speaking].into_iter().find(|phase| phase.name() == name).unwrap_or(Idle)
}
