//! What is due: timers, alarms and announcements. Which they are is for the store and the clock to say; nothing here waits.
//!
//! What is handed out is known to ring until it was heard, so whoever dies before loses nothing: it is due again after a restart.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::intent::{AlarmId, AnnouncementId, TimerId, missed_alarm, proclaim, ring, ring_alarm};
use pipit_core::turn::NoticeId;
use pipit_store::PersonId;
use tracing::warn;

use crate::engine::Engine;
use crate::error::ChatError;

/// An alarm that was heard is said again after so long, until somebody stops it.
const AGAIN: Duration = Duration::from_secs(15);

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

    /// The timers that are due by the clock, soonest first. Each is handed out once.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub fn take_due_timers(&self) -> Result<Vec<Due>, ChatError> {
        let now = self.now().timestamp();
        let due = self.store().take_due(now)?;
        let mut notices = self.notices();
        Ok(due
            .into_iter()
            .map(|timer| {
                let late = lateness(now, timer.due);
                let text = ring(timer.name.as_deref(), timer.length, late);
                Due { notice: notices.open(Notice::Timer(timer.id)), text, late }
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
                Due { notice: notices.open(Notice::MissedAlarm(alarm.id)), text: missed_alarm(time, late), late }
            } else {
                let (begun, _) = *notices.ringing.entry(alarm.id).or_insert((now, now));
                let late = lateness(begun, since);
                Due { notice: notices.open(Notice::Alarm(alarm.id)), text: ring_alarm(time, late), late }
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
                Due { notice, text: proclaim(&announcement.text, late), late }
            })
            .collect())
    }

    /// Settles what was handed out. What was not heard is due again after a restart.
    ///
    /// # Errors
    /// The store can't be written; then it is said again after a restart.
    pub fn announced(&self, notice: NoticeId, heard: bool) -> Result<(), ChatError> {
        let here = self.now();
        let now = here.timestamp();
        let Some(notice) = self.notices().open.remove(&notice) else { return Ok(()) };
        if !heard {
            warn!("something that is due was not heard, and is said again once Pipit is started anew");
        }
        match notice {
            // An alarm rings on, also where it was not heard.
            Notice::Alarm(id) => {
                self.notices().ringing.entry(id).or_insert((now, now)).1 = now;
            }
            _ if !heard => {}
            Notice::MissedAlarm(id) => self.store().end_ringing(Some(id), (now, here.time_zone()), None)?,
            Notice::Timer(id) => self.store().timer_has_rung(id)?,
            Notice::Announcement(person, id) if person == self.store().person() => {
                self.store().announcement_was_heard(id)?;
            }
            Notice::Announcement(person, id) if person == self.shared.owner.person() => {
                self.shared.owner.announcement_was_heard(id)?;
            }
            Notice::Announcement(person, id) => self.shared.owner.of(person)?.announcement_was_heard(id)?,
        }
        Ok(())
    }

    /// How much was handed out and waits to be heard.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.notices().open.len()
    }

    /// Ends the ringing of every alarm until it is due again.
    ///
    /// # Errors
    /// The store can't be written; then they ring on.
    pub fn silence(&self) -> Result<(), ChatError> {
        let here = self.now();
        Ok(self.store().end_ringing(None, (here.timestamp(), here.time_zone()), None)?)
    }

    /// When the next timer is due; in the past if it has not been taken yet.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn next_timer_due(&self) -> Result<Option<Timestamp>, ChatError> {
        Ok(self.store().timers()?.iter().find(|timer| timer.paused.is_none()).map(|timer| timer.due))
    }
}

fn lateness(now: Timestamp, due: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(due)).unwrap_or_default()
}
