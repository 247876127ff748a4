//! What is due: timers, alarms and announcements. Which they are is for the store and the clock to say; nothing here waits.
//!
//! What is handed out is known to ring until it was heard, so whoever dies before loses nothing: it is due again after a restart.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::intent::{AlarmId, AnnouncementId, TimerId, missed_alarm, proclaim, remind_aloud, ring, ring_alarm};
use pipit_core::turn::NoticeId;
use pipit_store::{PersonId, SetSoFar, Store};
use tracing::warn;

use crate::engine::Engine;
use crate::error::ChatError;

/// An alarm that was heard is said again after so long, until somebody stops it.
const AGAIN: Duration = Duration::from_secs(15);

/// What was not heard, because the sound device was gone, is tried again after so long.
const UNHEARD: Duration = Duration::from_secs(30);

/// An alarm that nobody stops falls silent after so long.
const RINGS_FOR: Duration = Duration::from_mins(10);

/// Something that is to be said now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// By which it is told what became of it, with [`Engine::announced`].
    pub notice: NoticeId,
    /// What to say: "Your pasta timer is done."
    pub text: String,
    /// How long ago it was due; more than a moment only if Pipit was off.
    pub late: Duration,
    /// What everybody in the house is to hear, so that other devices may say it too. Given once.
    pub for_everybody: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    Timer(TimerId),
    Announcement(PersonId, AnnouncementId),
    Alarm(AlarmId),
    /// One that is too late to ring.
    MissedAlarm(AlarmId),
}

/// What was handed out and is not settled, and which alarms ring.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    last: u64,
    open: HashMap<NoticeId, Notice>,
    /// What was not heard, and when to try again.
    unheard: Vec<(Timestamp, Notice)>,
    /// What was given to the other devices already.
    passed_on: HashSet<(PersonId, AnnouncementId)>,
    /// Since when each rings, and when it was heard last.
    ringing: HashMap<AlarmId, (Timestamp, Timestamp)>,
}

impl Notices {
    fn open(&mut self, notice: Notice) -> NoticeId {
        self.last += 1;
        self.open.insert(NoticeId(self.last), notice);
        NoticeId(self.last)
    }

    fn concerns(&self, alarm: AlarmId) -> bool {
        self.open.values().any(|open| matches!(open, Notice::Alarm(id) | Notice::MissedAlarm(id) if *id == alarm))
    }

    /// Whether an alarm that rings is to be said again.
    fn rings_again(&self, alarm: AlarmId, now: Timestamp) -> bool {
        self.ringing.get(&alarm).is_none_or(|(_, heard)| *heard > now || lateness(now, *heard) >= AGAIN)
    }
}

impl Engine {
    /// Whatever was handed out before and never heard, because what was to say it died, is due again.
    ///
    /// # Errors
    /// The store can't be written.
    pub fn ring_again(&self) -> Result<(), ChatError> {
        Ok(self.store().ring_again()?)
    }

    /// What timers and alarms were set so far: see [`Engine::clock_was_set`].
    ///
    /// # Errors
    /// The store can't be read.
    pub fn set_so_far(&self) -> Result<SetSoFar, ChatError> {
        Ok(self.store().set_so_far()?)
    }

    /// The clock, which would have shown this time, was set to what it shows now. Timers and alarms that were set after `before` keep
    /// their lengths and their times of day, and what rings goes on.
    ///
    /// # Errors
    /// The store can't be written; then they are due by what the clock shows.
    pub fn clock_was_set(&self, before: SetSoFar, expected: Timestamp) -> Result<(), ChatError> {
        let here = self.now();
        let (now, zone) = (here.timestamp(), here.time_zone());
        self.store().clock_was_set(before, (expected, now), zone)?;
        let by = now.duration_since(expected);
        let moved = |at: Timestamp| at.saturating_add(by).unwrap_or(now);
        let mut notices = self.notices();
        notices.ringing.values_mut().for_each(|(begun, heard)| (*begun, *heard) = (moved(*begun), moved(*heard)));
        notices.unheard.iter_mut().for_each(|(at, _)| *at = moved(*at));
        Ok(())
    }

    /// The timers that are due by the clock, soonest first. Each is handed out once.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub fn take_due_timers(&self) -> Result<Vec<Due>, ChatError> {
        let now = self.now().timestamp();
        self.try_unheard(now)?;
        let due = self.store().take_due(now)?;
        let mut notices = self.notices();
        Ok(due
            .into_iter()
            .map(|timer| {
                let late = lateness(now, timer.due);
                let text = ring(timer.name.as_deref(), timer.length, late);
                Due { notice: notices.open(Notice::Timer(timer.id)), text, late, for_everybody: None }
            })
            .collect())
    }

    /// The alarms that are to be heard now: again and again until they are stopped or snoozed. One that is later than the settings
    /// allow is only said to have been missed.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub fn take_due_alarms(&self) -> Result<Vec<Due>, ChatError> {
        let here = self.now();
        let (now, zone) = (here.timestamp(), here.time_zone());
        let mut notices = self.notices();
        let mut due = Vec::new();
        let alarms = self.store().alarms()?;
        notices.ringing.retain(|id, _| alarms.iter().any(|alarm| alarm.id == *id && alarm.ringing.is_some()));
        for alarm in alarms {
            if notices.concerns(alarm.id) {
                continue;
            }
            let Some(since) = alarm.ringing.or_else(|| alarm.schedule.due(now, zone)) else { continue };
            let late = lateness(now, since);
            match notices.ringing.get(&alarm.id) {
                Some((begun, _)) if lateness(now, *begun) >= RINGS_FOR => {
                    self.store().end_ringing(Some(alarm.id), (now, zone), None)?;
                    continue;
                }
                Some(_) if !notices.rings_again(alarm.id, now) => continue,
                Some(_) => {}
                None if alarm.ringing.is_some() || !self.store().take_alarm(alarm.id, since)? => continue,
                None => {}
            }
            let (time, rings) = (alarm.schedule.time, notices.ringing.contains_key(&alarm.id));
            due.push(if !rings && late > self.shared.settings.ring_late {
                let notice = notices.open(Notice::MissedAlarm(alarm.id));
                Due { notice, text: missed_alarm(time, late), late, for_everybody: None }
            } else {
                let (begun, _) = *notices.ringing.entry(alarm.id).or_insert((now, now));
                let late = lateness(begun, since);
                let notice = notices.open(Notice::Alarm(alarm.id));
                Due { notice, text: ring_alarm(time, late), late, for_everybody: None }
            });
        }
        Ok(due)
    }

    /// What is to be announced by the clock, word for word, soonest first: whatever those want announced whose texts the
    /// owner's store can read, and whoever speaks here. Each is handed out once.
    ///
    /// # Errors
    /// The store can't be read or written; what was not handed out is the next time.
    pub fn take_due_announcements(&self) -> Result<Vec<Due>, ChatError> {
        let now = self.now().timestamp();
        let mut due = self.shared.owner.take_due_announcements(now)?;
        if self.store().person() != self.shared.owner.person() {
            due.extend(self.store().take_due_announcements(now)?);
        }
        let mut notices = self.notices();
        Ok(due
            .into_iter()
            .map(|announcement| {
                let late = lateness(now, announcement.due);
                let notice = notices.open(Notice::Announcement(announcement.person, announcement.id));
                let said = if announcement.reminder { remind_aloud } else { proclaim };
                let text = said(&announcement.text, late);
                let for_all = !announcement.here && notices.passed_on.insert((announcement.person, announcement.id));
                Due { notice, text, late, for_everybody: for_all.then_some(announcement.text) }
            })
            .collect())
    }

    /// What was not heard is due again, if its time has come.
    fn try_unheard(&self, now: Timestamp) -> Result<(), ChatError> {
        let due: Vec<Notice> = {
            let mut notices = self.notices();
            // A clock that was set back must not let it wait.
            let again = |at: Timestamp| at <= now || lateness(at, now) > UNHEARD;
            notices.unheard.extract_if(.., |(at, _)| again(*at)).map(|(_, notice)| notice).collect()
        };
        for notice in due {
            match notice {
                Notice::Timer(id) => self.store().timer_rings_again(id)?,
                Notice::Announcement(person, id) => self.store_of(person)?.announcement_rings_again(id)?,
                Notice::Alarm(id) | Notice::MissedAlarm(id) => self.store().alarm_rings_again(id)?,
            }
        }
        Ok(())
    }

    fn store_of(&self, person: PersonId) -> Result<Store, ChatError> {
        let known = [self.store(), &self.shared.owner].into_iter().find(|store| store.person() == person);
        known.map_or_else(|| Ok(self.shared.owner.of(person)?), |store| Ok(store.clone()))
    }

    /// Settles what was handed out. What was not heard is due again in a while, and after a restart.
    ///
    /// # Errors
    /// The store can't be written; then it is said again after a restart.
    pub fn announced(&self, notice: NoticeId, heard: bool) -> Result<(), ChatError> {
        let here = self.now();
        let now = here.timestamp();
        let Some(notice) = self.notices().open.remove(&notice) else { return Ok(()) };
        if !heard {
            warn!("something that is due could not be said, and is tried again");
        }
        match notice {
            // An alarm rings on, also where it was not heard.
            Notice::Alarm(id) => {
                self.notices().ringing.entry(id).or_insert((now, now)).1 = now;
            }
            unheard if !heard => {
                let again = now.saturating_add(UNHEARD).unwrap_or(now);
                self.notices().unheard.push((again, unheard));
            }
            Notice::MissedAlarm(id) => self.store().end_ringing(Some(id), (now, here.time_zone()), None)?,
            Notice::Timer(id) => self.store().timer_has_rung(id)?,
            Notice::Announcement(person, id) => {
                self.notices().passed_on.remove(&(person, id));
                self.store_of(person)?.announcement_was_heard(id, (now, here.time_zone()))?;
            }
        }
        Ok(())
    }

    /// How much was handed out and waits to be heard.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.notices().open.len()
    }

    /// Whether a timer or an alarm was handed out and is not settled.
    #[must_use]
    pub fn rings(&self) -> bool {
        let rings = |notice: &Notice| matches!(notice, Notice::Timer(_) | Notice::Alarm(_));
        self.notices().open.values().any(rings)
    }

    /// Ends the ringing of every alarm until it is due again.
    ///
    /// # Errors
    /// The store can't be written; then they ring on.
    pub fn silence(&self) -> Result<(), ChatError> {
        let here = self.now();
        Ok(self.store().end_ringing(None, (here.timestamp(), here.time_zone()), None)?)
    }

    /// How long it is until the next of what is known now; `None` if there is nothing, or it is due already and was not taken.
    #[must_use]
    pub fn until_due(&self) -> Option<Duration> {
        let due = self.next_due().ok().flatten()?;
        Some(lateness(due, self.now().timestamp())).filter(|wait| !wait.is_zero())
    }

    /// When the next timer, alarm, announcement or reminder is due that is known of now; in the past if it has not been taken yet.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn next_due(&self) -> Result<Option<Timestamp>, ChatError> {
        let here = self.now();
        let timer = self.store().timers()?.iter().find(|timer| timer.paused.is_none()).map(|timer| timer.due);
        let alarms = self.store().alarms()?.into_iter().filter(|alarm| alarm.ringing.is_none());
        let alarm = alarms.filter_map(|alarm| alarm.schedule.next(here.timestamp(), here.time_zone())).min();
        let announced = self.shared.owner.next_announcement_due()?;
        Ok([timer, alarm, announced].into_iter().flatten().min())
    }
}

fn lateness(now: Timestamp, due: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(due)).unwrap_or_default()
}
