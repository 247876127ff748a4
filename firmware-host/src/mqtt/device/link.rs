//! What ties the device to the daemon: two tasks, one that tells what changes, and one that has commands carried out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipit_core::control::{Command, Origin};
use pipit_core::home::Publish;
use pipit_store::{Store, StoredTimer};
use pipit_web::{BusEvent, Snapshot};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Device, TimerState, Vitals};
use crate::board_state;
use crate::controls::Controls;
use crate::executable::Executable;

/// How often to look at the timers, which another process may set.
const LOOK: Duration = Duration::from_secs(1);

/// So many looks later, the machine's vitals are looked at too.
const VITALS_EVERY: u32 = 30;

/// And so many after which it is looked whether another version is installed.
const INSTALLED_EVERY: u32 = 60;

/// Where what changes is learnt.
pub struct Told {
    /// The newest state.
    pub snapshots: watch::Receiver<Snapshot>,
    /// The event bus.
    pub events: broadcast::Receiver<BusEvent>,
    /// What is remembered of what was asked, and what of the answer was heard.
    pub words: mpsc::Receiver<(String, String)>,
    /// Where timers are.
    pub store: Store,
    /// What runs from the next start on.
    pub executable: Executable,
}

/// Publishes what changes, until `stop`. `publish` must not wait; what it can't send goes with the next connection.
pub async fn tell(device: Arc<Mutex<Device>>, told: Told, publish: impl Fn(Publish) + Send, stop: CancellationToken) {
    let Told { mut snapshots, mut events, mut words, store, executable } = told;
    // Looked at by one thread at a time.
    let executable = Arc::new(Mutex::new(executable));
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut until_vitals, mut until_installed, mut failing) = (0, 0, false);
    snapshots.mark_changed();
    loop {
        let news = tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = snapshots.changed() => {
                let snapshot = snapshots.borrow_and_update().clone();
                lock(&device).on_change(&snapshot)
            }
            event = events.recv() => match event {
                Ok(BusEvent::Turn(record)) => lock(&device).on_turn(&record),
                // The state comes by the other way, and a turn that was missed is followed by the next.
                Ok(BusEvent::State(_)) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
            Some((asked, heard)) = words.recv() => lock(&device).on_words(&asked, &heard),
            _ = looks.tick() => {
                let with_vitals = until_vitals == 0;
                until_vitals = if with_vitals { VITALS_EVERY } else { until_vitals - 1 };
                let with_installed = until_installed == 0;
                until_installed = if with_installed { INSTALLED_EVERY } else { until_installed - 1 };
                let (store, executable) = (store.clone(), Arc::clone(&executable));
                // Files and SQLite may have to be waited for.
                let look = move || {
                    let vitals = if with_vitals { vitals() } else { Vitals::default() };
                    (store.timers(), vitals, with_installed.then(|| installed(&executable)))
                };
                let Ok((timers, vitals, installed)) = tokio::task::spawn_blocking(look).await else { return };
                let mut device = lock(&device);
                let mut news = device.on_vitals(&vitals);
                news.extend(installed.into_iter().flat_map(|version| device.on_installed(&version)));
                match timers {
                    Ok(timers) => {
                        failing = false;
                        news.extend(device.on_timers(&timers.into_iter().map(state_of).collect::<Vec<_>>()));
                    }
                    Err(error) if !std::mem::replace(&mut failing, true) => {
                        tracing::warn!("timers can't be told over MQTT: {error}");
                    }
                    Err(_) => {}
                }
                news
            }
        };
        news.into_iter().for_each(&publish);
    }
}

/// Has commands carried out, one after the other, until there come no more.
pub async fn obey(controls: Controls, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        let what = format!("{command:?}");
        if let Err(error) = controls.carry_out(command, Origin::Broker).await {
            tracing::warn!("{what} came over MQTT: {error:#}");
        }
    }
}

/// Whether the board has a thermometer.
#[must_use]
pub fn has_thermometer() -> bool {
    board_state::temperature().is_some()
}

fn installed(executable: &Mutex<Executable>) -> String {
    executable.lock().unwrap_or_else(PoisonError::into_inner).version().to_owned()
}

fn vitals() -> Vitals {
    Vitals { temperature: board_state::temperature(), memory: memory() }
}

/// The process' resident memory in bytes. proc(5) on `/proc/pid/status`.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn state_of(timer: StoredTimer) -> TimerState {
    let StoredTimer { name, length, due, paused, .. } = timer;
    TimerState { name, length, due, paused }
}

/// Every change of the device is one call, so a panic elsewhere cannot have left it half done.
pub(super) fn lock(device: &Mutex<Device>) -> MutexGuard<'_, Device> {
    device.lock().unwrap_or_else(PoisonError::into_inner)
}
