//! What waits to be said aloud. Each is handed out once when it is due, whatever was restarted meanwhile, and is gone then. The
//! texts are people's, and sealed as theirs.

use jiff::Timestamp;
use pipit_core::intent::AnnouncementId;
use rusqlite::params;

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
    /// When.
    pub due: Timestamp,
    /// Who wants it said.
    pub person: PersonId,
}

impl Store {
    /// Keeps something to be said aloud.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_announcement(&self, text: &str, due: Timestamp) -> Result<AnnouncementId, StoreError> {
        self.write(|scope| {
            let id = scope.next_id("announcement")?;
            scope.prepare_cached("INSERT INTO announcement (id, person, text, due) VALUES (?, ?, ?, ?)")?.execute(
                params![id, scope.person(), scope.seal(Column::Announcement, id, text)?, due.as_millisecond()],
            )?;
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
                "SELECT id, text, due FROM announcement WHERE person = ? AND ringing = 0 ORDER BY due, id",
            )?;
            let rows = all.query_map([scope.person()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
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

    /// Something that was taken has been heard; nothing of it is left in the file.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn announcement_was_heard(&self, id: AnnouncementId) -> Result<(), StoreError> {
        self.write(|scope| {
            let mut delete =
                scope.prepare_cached("DELETE FROM announcement WHERE id = ? AND person = ? AND ringing = 1")?;
            delete.execute(params![id.0, scope.person()])?;
            Ok(())
        })?;
        empty_log(&self.texts.connection());
        Ok(())
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
            let mut take = scope
                .prepare_cached("UPDATE announcement SET ringing = 1 WHERE person = ? AND due <= ? AND ringing = 0 RETURNING id, text, due")?;
            let rows = take.query_map(params![scope.person(), now.as_millisecond()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
            let opened = rows.into_iter().filter_map(|row| {
                // It must not keep the others from being said.
                open(scope, self.person(), row).inspect_err(|error| tracing::error!("an announcement is not made: {error}")).ok()
            });
            Ok(opened.collect())
        })
    }
}

/// Id, sealed text, and when it is due.
type Row = (i64, Vec<u8>, i64);

fn open(scope: &Scope<'_>, person: PersonId, (id, sealed, due): Row) -> Result<StoredAnnouncement, StoreError> {
    let text = scope.open(Column::Announcement, id, &sealed)?;
    Ok(StoredAnnouncement { id: AnnouncementId(id), text, due: moment(due), person })
}
