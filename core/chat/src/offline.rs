//! Requests that are answered without a language model. `pipit-core` understands them and words the answer; here their
//! actions are performed.

use jiff::{Timestamp, Zoned};
use pipit_core::intent::{Action, Fulfilment, Intent, Surroundings, Timer, fulfil};
use pipit_store::{Store, StoreError};

use crate::reply::DeviceAction;

/// What is said to a request without a word in it.
pub(crate) const NOTHING_ASKED: &str = "Sorry, I didn't catch that.";

/// What is said where there is no language model to ask.
pub(crate) const NOT_UNDERSTOOD: &str = "Sorry, I can't answer that, but I can tell you the time and date, run timers, \
                                         change the volume, do sums and convert units.";

/// An answer whose actions on the store are done.
#[derive(Debug)]
pub(crate) struct OfflineAnswer {
    /// What to say; empty where silence is the answer.
    pub(crate) reply: String,
    /// What is left for the device to do.
    pub(crate) device: Vec<DeviceAction>,
}

/// Answers `intent` and does what belongs to it.
pub(crate) fn answer(
    intent: &Intent,
    store: &Store,
    now: &Zoned,
    last_reply: Option<&str>,
    default_volume: u8,
) -> Result<OfflineAnswer, StoreError> {
    let timers = running_timers(store, now.timestamp())?;
    let volume = store.volume()?.unwrap_or(default_volume);
    let Fulfilment { reply, actions } =
        fulfil(intent, &Surroundings { now: now.datetime(), timers: &timers, last_reply, volume });
    let mut device = Vec::new();
    for action in actions {
        device.extend(perform(action, store, now.timestamp())?);
    }
    Ok(OfflineAnswer { reply, device })
}

fn running_timers(store: &Store, now: Timestamp) -> Result<Vec<Timer>, StoreError> {
    let timers = store.timers()?.into_iter();
    Ok(timers
        .map(|timer| Timer {
            id: timer.id,
            name: timer.name,
            length: timer.length,
            // One that is due and has not rung yet has nothing left.
            remaining: timer.due.duration_since(now).try_into().unwrap_or_default(),
        })
        .collect())
}

fn perform(action: Action, store: &Store, now: Timestamp) -> Result<Option<DeviceAction>, StoreError> {
    match action {
        Action::StartTimer { name, length } => {
            let due = now.saturating_add(length).expect("a length in whole units of time is never a calendar's");
            store.add_timer(name.as_deref(), length, due)?;
            Ok(None)
        }
        Action::CancelTimers(ids) => {
            store.cancel_timers(&ids)?;
            Ok(None)
        }
        Action::SetVolume(percent) => {
            store.set_volume(percent)?;
            Ok(Some(DeviceAction::SetVolume(percent)))
        }
        Action::Stop => Ok(Some(DeviceAction::Stop)),
    }
}
