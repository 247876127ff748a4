//! Requests that are answered without a language model. `pipit-core` understands them and words the answer; here it is
//! given what it needs to know, and its actions are performed once the turn is decided.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{Timestamp, Zoned};
use pipit_core::chat::Door;
use pipit_core::intent::{
    Action, Alarm, AnnounceAt, Announcement, Fulfilment, Intent, NoAnnouncing, RemindOn, Surroundings, Timer, fulfil,
};
use pipit_store::{PrivacyTier, Store, StoreError};

use crate::reply::DeviceAction;

/// What is said to a request without a word in it.
pub(crate) const NOTHING_ASKED: &str = "Sorry, I didn't catch that.";

/// What is said where somebody says "no".
pub(crate) const DROPPED: &str = "All right, I won't.";

/// What is said where there is no language model to ask, and whether there is a home to command.
pub(crate) fn not_understood(has_home: bool) -> &'static str {
    if has_home { NOT_UNDERSTOOD_AT_HOME } else { NOT_UNDERSTOOD }
}

const NOT_UNDERSTOOD_AT_HOME: &str = "Sorry, I can't answer that, but I can switch and set what is in your home, tell you the time and date, run timers, set \
     alarms and reminders, make announcements, change the volume, do sums, convert units and remember what you tell me.";

const NOT_UNDERSTOOD: &str = "Sorry, I can't answer that, but I can tell you the time and date, run timers, set alarms and reminders, \
                                         make announcements, change the volume, do sums, convert units and remember what you tell me.";

/// What the settings say for where nobody does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    pub(crate) volume: u8,
    pub(crate) snooze: Duration,
}

/// What to say to `intent`, and what to do; nothing is done yet.
pub(crate) fn answer(
    intent: &Intent,
    store: &Store,
    (now, door): (&Zoned, Door),
    last_reply: Option<&str>,
    usual: Usual,
) -> Result<(String, Vec<Action>), StoreError> {
    let timers = running_timers(store, now.timestamp())?;
    let alarms = alarms(store, now)?;
    let facts = store.facts()?;
    let volume = store.volume()?.unwrap_or(usual.volume);
    let announcements = waiting_announcements(store, now)?;
    let around = Surroundings {
        now: now.datetime(),
        timers: &timers,
        alarms: &alarms,
        facts: &facts,
        snooze: usual.snooze,
        announcements: &announcements,
        no_announcing: no_announcing(store, door),
        last_reply,
        volume,
    };
    let Fulfilment { reply, actions } = fulfil(intent, &around);
    Ok((reply, actions))
}

/// Does what an answer was about, which was asked for at `asked_at`. What is left for the device to do comes back.
pub(crate) fn perform(actions: Vec<Action>, store: &Store, asked_at: &Zoned) -> Result<Vec<DeviceAction>, StoreError> {
    let mut device = Vec::new();
    for action in actions {
        device.extend(perform_one(action, store, asked_at)?);
    }
    Ok(device)
}

/// Why nothing that is said at this door can wait to be announced, if so.
fn no_announcing(store: &Store, door: Door) -> Option<NoAnnouncing> {
    match (store.tier(), door) {
        // The daemon says it, and has no passphrase.
        (PrivacyTier::Private, _) => Some(NoAnnouncing::Private),
        // It would wait in the memory of a program that does not speak.
        (PrivacyTier::Ephemeral, Door::Terminal) => Some(NoAnnouncing::NothingKept),
        (PrivacyTier::Ephemeral, Door::Voice | Door::Panel) | (PrivacyTier::Standard, _) => None,
    }
}

fn waiting_announcements(store: &Store, now: &Zoned) -> Result<Vec<Announcement>, StoreError> {
    let local = |due: Timestamp| due.to_zoned(now.time_zone().clone()).datetime();
    let waiting = store.announcements()?.into_iter();
    let waiting = waiting.map(|one| Announcement {
        id: one.id,
        text: one.text,
        at: local(one.due),
        reminder: one.reminder,
        every: one.every.map(|(days, _)| days),
    });
    Ok(waiting.collect())
}

fn alarms(store: &Store, now: &Zoned) -> Result<Vec<Alarm>, StoreError> {
    let zone = now.time_zone();
    let alarms = store.alarms()?.into_iter();
    Ok(alarms
        .map(|alarm| Alarm {
            id: alarm.id,
            time: alarm.schedule.time,
            repeats: alarm.schedule.repeats,
            next: alarm.schedule.next(now.timestamp(), zone).map(|next| next.to_zoned(zone.clone()).datetime()),
            ringing: alarm.ringing.is_some(),
        })
        .collect())
}

fn running_timers(store: &Store, now: Timestamp) -> Result<Vec<Timer>, StoreError> {
    let timers = store.timers()?.into_iter();
    Ok(timers
        .map(|timer| Timer {
            id: timer.id,
            name: timer.name,
            length: timer.length,
            // One that is due and has not rung yet has nothing left.
            remaining: timer.paused.unwrap_or_else(|| timer.due.duration_since(now).try_into().unwrap_or_default()),
            paused: timer.paused.is_some(),
        })
        .collect())
}

fn perform_one(action: Action, store: &Store, asked_at: &Zoned) -> Result<Option<DeviceAction>, StoreError> {
    match action {
        Action::StartTimer { name, length } => {
            store.add_timer(name.as_deref(), length, after(asked_at, length))?;
            Ok(None)
        }
        Action::CancelTimers(ids) => {
            store.cancel_timers(&ids)?;
            Ok(None)
        }
        Action::ChangeTimer { id, by } => {
            store.change_timer(id, by)?;
            Ok(None)
        }
        Action::PauseTimers(ids) => {
            store.pause_timers(&ids, asked_at.timestamp())?;
            Ok(None)
        }
        Action::ResumeTimers(ids) => {
            store.resume_timers(&ids, asked_at.timestamp())?;
            Ok(None)
        }
        Action::SetAlarm { time, repeats } => {
            store.add_alarm(time, repeats, asked_at.timestamp())?;
            Ok(None)
        }
        Action::CancelAlarms(ids) => {
            store.cancel_alarms(&ids)?;
            Ok(None)
        }
        Action::SkipAlarm { id, date } => {
            store.skip_alarm(id, date)?;
            Ok(None)
        }
        Action::SnoozeAlarms(length) => {
            let now = (asked_at.timestamp(), asked_at.time_zone());
            store.end_ringing(None, now, Some(after(asked_at, length)))?;
            Ok(None)
        }
        Action::SetVolume(percent) => {
            store.set_volume(percent)?;
            Ok(Some(DeviceAction::SetVolume(percent)))
        }
        Action::Remember(fact) => {
            store.add_fact(&fact, asked_at.timestamp())?;
            Ok(None)
        }
        Action::ForgetFacts(ids) => {
            store.forget_facts(&ids)?;
            Ok(None)
        }
        Action::Announce { text, at } => {
            let due = match at {
                AnnounceAt::Once => asked_at.timestamp(),
                AnnounceAt::After(length) => after(asked_at, length),
                AnnounceAt::Time(time) => instant(asked_at.datetime().with().time(time).build().ok(), asked_at),
                AnnounceAt::On(on) => instant(Some(on), asked_at),
            };
            store.add_announcement(&text, due)?;
            Ok(None)
        }
        Action::Remind { text, on } => {
            let (now, zone) = (asked_at.timestamp(), asked_at.time_zone());
            let (due, every) = match on {
                RemindOn::After(length) => (after(asked_at, length), None),
                RemindOn::At(at) => (instant(Some(at), asked_at), None),
                RemindOn::Every(days, time) => (days.next(time, now, zone).unwrap_or(now), Some((days, time))),
            };
            store.add_reminder(&text, due, every)?;
            Ok(None)
        }
        Action::CancelAnnouncements(ids) => {
            store.cancel_announcements(&ids)?;
            Ok(None)
        }
        Action::Stop => {
            store.end_ringing(None, (asked_at.timestamp(), asked_at.time_zone()), None)?;
            Ok(Some(DeviceAction::Stop))
        }
    }
}

fn after(at: &Zoned, length: Duration) -> Timestamp {
    at.timestamp().saturating_add(length).expect("a length in whole units of time is never a calendar's")
}

/// A local time as an instant: one that the clocks skip is later by as much, and of two the first is meant.
fn instant(local: Option<DateTime>, here: &Zoned) -> Timestamp {
    let zoned = local.and_then(|local| local.to_zoned(here.time_zone().clone()).ok());
    zoned.map_or_else(|| here.timestamp(), |zoned| zoned.timestamp())
}
