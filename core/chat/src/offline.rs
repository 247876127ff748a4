//! Requests that are answered without a language model. `pipit-core` understands them and words the answer; here it is
//! given what it needs to know, and its actions are performed once the turn is decided.

use jiff::{Timestamp, Zoned};
use pipit_core::intent::{Action, Fulfilment, Intent, Surroundings, Timer, fulfil};
use pipit_store::{Store, StoreError};

use crate::reply::{Deed, DeviceAction};

/// What is said to a request without a word in it.
pub(crate) const NOTHING_ASKED: &str = "Sorry, I didn't catch that.";

/// What is said where there is no language model to ask.
pub(crate) const NOT_UNDERSTOOD: &str = "Sorry, I can't answer that, but I can tell you the time and date, run timers, \
                                         change the volume, do sums, convert units and remember what you tell me.";

/// What to say to `intent`, and what to do; nothing is done yet.
pub(crate) fn answer(
    intent: &Intent,
    store: &Store,
    now: &Zoned,
    last_reply: Option<&str>,
    default_volume: u8,
) -> Result<(String, Option<Deed>), StoreError> {
    let timers = running_timers(store, now.timestamp())?;
    let facts = store.facts()?;
    let volume = store.volume()?.unwrap_or(default_volume);
    let around = Surroundings { now: now.datetime(), timers: &timers, facts: &facts, last_reply, volume };
    let Fulfilment { reply, actions } = fulfil(intent, &around);
    let deed = (!actions.is_empty()).then(|| Deed { actions, asked_at: now.timestamp() });
    Ok((reply, deed))
}

/// Does what an answer was about. What is left for the device to do comes back.
pub(crate) fn perform(deed: Deed, store: &Store) -> Result<Vec<DeviceAction>, StoreError> {
    let Deed { actions, asked_at } = deed;
    let mut device = Vec::new();
    for action in actions {
        device.extend(perform_one(action, store, asked_at)?);
    }
    Ok(device)
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

fn perform_one(action: Action, store: &Store, asked_at: Timestamp) -> Result<Option<DeviceAction>, StoreError> {
    match action {
        Action::StartTimer { name, length } => {
            let due = asked_at.saturating_add(length).expect("a length in whole units of time is never a calendar's");
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
        Action::Remember(fact) => {
            store.add_fact(&fact, asked_at)?;
            Ok(None)
        }
        Action::ForgetFacts(ids) => {
            store.forget_facts(&ids)?;
            Ok(None)
        }
        Action::Stop => Ok(Some(DeviceAction::Stop)),
    }
}
