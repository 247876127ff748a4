//! What waits to be said aloud. Each is handed out once when it is due, whatever was restarted meanwhile, and is gone then. The
//! texts are people's, and sealed as theirs.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use pipit_core::intent::{AnnouncementId, Days};
use rusqlite::{OptionalExtension as _, params};

use crate::alarms::{second_of_day, time_of_day};
use crate::conversations::moment;
use crate::scope::{Scope, empty_log};
use crate::seal::Column;
use crate::{PersonId, Store, StoreError};

/// Something that waits to be said aloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnnouncement {
    /// By which it is cancelled.
    pub id: AnnouncementId,
    /// What is to be said.
    pub text: String,
    /// When; the next time, if it is said again and again.
    pub due: Timestamp,
    /// Whether it reminds whoever wants it said.
    pub reminder: bool,
    /// Whether it is to be said here and nowhere else in the house.
    pub here: bool,
    /// On which days of every week it is said, and when by the clock on the wall, if it is not said only once.
    pub every: Option<(Days, Time)>,
    /// Who wants it said.
    pub person: PersonId,
}

impl Store {
    /// Keeps something to be said aloud.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_announcement(&self, text: &str, due: Timestamp) -> Result<AnnouncementId, StoreError> {
        self.add(text, due, Kind { reminder: false, here: false }, None)
    }

    /// Keeps something to be said aloud here, and nowhere else in the house.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_announcement_here(&self, text: &str, due: Timestamp) -> Result<AnnouncementId, StoreError> {
        self.add(text, due, Kind { reminder: false, here: true }, None)
    }

    /// Keeps something to remind the person of; again and again, if there are days and a time for it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_reminder(
        &self,
        text: &str,
        due: Timestamp,
        every: Option<(Days, Time)>,
    ) -> Result<AnnouncementId, StoreError> {
        self.add(text, due, Kind { reminder: true, here: true }, every)
    }

    fn add(
        &self,
        text: &str,
        due: Timestamp,
        Kind { reminder, here }: Kind,
        every: Option<(Days, Time)>,
    ) -> Result<AnnouncementId, StoreError> {
        self.write(|scope| {
            let id = scope.next_id("announcement")?;
            let (days, second) = (every.map(|(days, _)| days.bits()), every.map(|(_, time)| second_of_day(time)));
            scope
                .prepare_cached(
                    "INSERT INTO announcement (id, person, text, due, reminder, here, days, second)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    id,
                    scope.person(),
                    scope.seal(Column::Announcement, id, text)?,
                    due.as_millisecond(),
                    reminder,
                    here,
                    days,
                    second
                ])?;
            Ok(AnnouncementId(id))
        })
    }

    /// What of the person's waits to be said, the soonest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn announcements(&self) -> Result<Vec<StoredAnnouncement>, StoreError> {
        self.read(|scope| {
            let mut all = scope.prepare_cached(
                "SELECT id, text, due, reminder, here, days, second FROM announcement
                 WHERE person = ? AND ringing = 0 ORDER BY due, id",
            )?;
            let rows = all.query_map([scope.person()], columns)?;
            rows.map(|row| open(scope, self.person(), row?)).collect()
        })
    }

    /// Takes back what was to be said; nothing of it is left in the file. Says how many there were.
    ///
    /// # Errors
    /// See [`StoreError`]; then none was.
    pub fn cancel_announcements(&self, ids: &[AnnouncementId]) -> Result<usize, StoreError> {
        self.erase(|scope| {
            let mut delete = scope.prepare_cached("DELETE FROM announcement WHERE id = ? AND person = ?")?;
            ids.iter().try_fold(0, |gone, id| Ok(gone + delete.execute(params![id.0, scope.person()])?))
        })
    }

    /// Something that was taken has been heard. If it is said only once, nothing of it is left in the file; else it is due again
    /// on the next of its days after `now`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn announcement_was_heard(
        &self,
        id: AnnouncementId,
        (now, zone): (Timestamp, &TimeZone),
    ) -> Result<(), StoreError> {
        self.write(|scope| {
            let repeats = scope
                .prepare_cached("SELECT days, second FROM announcement WHERE id = ? AND person = ? AND ringing = 1")?
                .query_row(params![id.0, scope.person()], |row| Ok(every(row.get(0)?, row.get(1)?)))
                .optional()?
                .flatten();
            if let Some(next) = repeats.and_then(|(days, time)| days.next(time, now, zone)) {
                scope
                    .prepare_cached("UPDATE announcement SET ringing = 0, due = ? WHERE id = ? AND person = ?")?
                    .execute(params![next.as_millisecond(), id.0, scope.person()])?;
                return Ok(());
            }
            let mut delete =
                scope.prepare_cached("DELETE FROM announcement WHERE id = ? AND person = ? AND ringing = 1")?;
            delete.execute(params![id.0, scope.person()])?;
            Ok(())
        })?;
        empty_log(&self.texts.connection());
        Ok(())
    }

    /// Something that was taken was not heard, and is due again.
    ///
    /// # Errors
    /// See [`StoreError`]; then it is due again after [`Store::ring_again`].
    pub fn announcement_rings_again(&self, id: AnnouncementId) -> Result<(), StoreError> {
        self.write(|scope| {
            scope
                .prepare_cached("UPDATE announcement SET ringing = 0 WHERE id = ? AND person = ?")?
                .execute(params![id.0, scope.person()])?;
            Ok(())
        })
    }

    /// Takes what is to be said by `now`, the longest due first. Nobody else gets it any more, unless what takes it dies before
    /// [`Store::announcement_was_heard`]. The owner's
    /// store gives what anybody wants said whose texts the device can read.
    ///
    /// # Errors
    /// See [`StoreError`]; what was not taken can be taken later.
    pub fn take_due_announcements(&self, now: Timestamp) -> Result<Vec<StoredAnnouncement>, StoreError> {
        let mut due = Vec::new();
        for person in self.with_due(now)? {
            let theirs = if person == self.person() { self.take_own(now)? } else { self.of(person)?.take_own(now)? };
            due.extend(theirs);
        }
        due.sort_by_key(|announcement| (announcement.due, announcement.id));
        Ok(due)
    }

    /// When the next is to be said, of those that [`Store::take_due_announcements`] gives.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn next_announcement_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let leads_to_others = self.device_key.is_some();
        self.read(|scope| {
            let mut first = scope.prepare_cached(
                "SELECT min(due) FROM announcement JOIN person ON person.number = announcement.person
                 WHERE ringing = 0 AND (person.number = ?1 OR (?2 AND tier = 'standard' AND data_key IS NOT NULL))",
            )?;
            let due: Option<i64> = first.query_row(params![scope.person(), leads_to_others], |row| row.get(0))?;
            Ok(due.map(moment))
        })
    }

    /// Whose announcements are due, of those whom this store leads to.
    fn with_due(&self, now: Timestamp) -> Result<Vec<PersonId>, StoreError> {
        let leads_to_others = self.device_key.is_some();
        self.read(|scope| {
            // Somebody asks several times a second, and reading needs no lock that another program may hold.
            let mut due = scope.prepare_cached(
                "SELECT DISTINCT person.id FROM announcement JOIN person ON person.number = announcement.person
                 WHERE due <= ?1 AND ringing = 0 AND (person.number = ?2 OR (?3 AND tier = 'standard' AND data_key IS NOT NULL))",
            )?;
            let rows =
                due.query_map(params![now.as_millisecond(), scope.person(), leads_to_others], |row| row.get(0))?;
            rows.map(|row| Ok(PersonId(row?))).collect()
        })
    }

    fn take_own(&self, now: Timestamp) -> Result<Vec<StoredAnnouncement>, StoreError> {
        self.write(|scope| {
            // One statement, so that of two processes each goes to one.
            let mut take = scope.prepare_cached(
                "UPDATE announcement SET ringing = 1 WHERE person = ? AND due <= ? AND ringing = 0
                 RETURNING id, text, due, reminder, here, days, second",
            )?;
            let rows = take.query_map(params![scope.person(), now.as_millisecond()], columns)?;
            let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
            let opened = rows.into_iter().filter_map(|row| {
                // It must not keep the others from being said.
                open(scope, self.person(), row)
                    .inspect_err(|error| tracing::error!("an announcement is not made: {error}"))
                    .ok()
            });
            Ok(opened.collect())
        })
    }
}

/// What is said, and where.
struct Kind {
    reminder: bool,
    here: bool,
}

/// A row as it is stored.
struct Row {
    id: i64,
    sealed: Vec<u8>,
    due: i64,
    kind: Kind,
    every: Option<(Days, Time)>,
}

/// Reads `id, text, due, reminder, here, days, second`.
fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        sealed: row.get(1)?,
        due: row.get(2)?,
        kind: Kind { reminder: row.get(3)?, here: row.get(4)? },
        every: every(row.get(5)?, row.get(6)?),
    })
}

fn every(days: Option<u8>, second: Option<i32>) -> Option<(Days, Time)> {
    Some((Days::from_bits(days?)?, time_of_day(second?)?))
}

fn open(scope: &Scope<'_>, person: PersonId, row: Row) -> Result<StoredAnnouncement, StoreError> {
    let text = scope.open(Column::Announcement, row.id, &row.sealed)?;
    let (id, due) = (AnnouncementId(row.id), moment(row.due));
    let Kind { reminder, here } = row.kind;
    Ok(StoredAnnouncement { id, text, due, reminder, here, every: row.every, person })
}
