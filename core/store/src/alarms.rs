//! Alarms, by their local time of day. They are the device's.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use pipit_core::intent::{AlarmId, AlarmSchedule, Days, Repeats};
use rusqlite::{Connection, Row, params};

use crate::conversations::moment;
use crate::{Store, StoreError};

/// An alarm that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlarm {
    /// By which it is cancelled.
    pub id: AlarmId,
    /// When it rings.
    pub schedule: AlarmSchedule,
    /// Since when it ought to ring, if it rings now.
    pub ringing: Option<Timestamp>,
}

impl Store {
    /// Sets an alarm that rings after `now`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_alarm(&self, time: Time, repeats: Repeats, now: Timestamp) -> Result<AlarmId, StoreError> {
        let (days, date) = match repeats {
            Repeats::Once(date) => (0, Some(date.to_string())),
            Repeats::Weekly(days) => (days.bits(), None),
        };
        let connection = self.device();
        connection
            .prepare_cached("INSERT INTO alarm (second, days, date, over_to) VALUES (?, ?, ?, ?)")?
            .execute(params![second_of_day(time), days, date, now.as_millisecond()])?;
        Ok(AlarmId(connection.last_insert_rowid()))
    }

    /// The alarms that are set, the one that was set first first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn alarms(&self) -> Result<Vec<StoredAlarm>, StoreError> {
        Ok(all(&self.device())?)
    }

    /// Takes alarms back for good.
    ///
    /// # Errors
    /// See [`StoreError`]; then none was.
    pub fn cancel_alarms(&self, ids: &[AlarmId]) -> Result<(), StoreError> {
        self.write_device(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM alarm WHERE id = ?")?;
            ids.iter().try_for_each(|id| Ok(delete.execute([id.0]).map(drop)?))
        })
    }

    /// Lets an alarm not ring on a day.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn skip_alarm(&self, id: AlarmId, date: Date) -> Result<(), StoreError> {
        let connection = self.device();
        connection
            .prepare_cached("UPDATE alarm SET skip = ? WHERE id = ?")?
            .execute(params![date.to_string(), id.0])?;
        Ok(())
    }

    /// Takes an alarm that is due since then. False if somebody else lets it ring.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn take_alarm(&self, id: AlarmId, since: Timestamp) -> Result<bool, StoreError> {
        let connection = self.device();
        let mut take = connection.prepare_cached("UPDATE alarm SET ringing = ? WHERE id = ? AND ringing IS NULL")?;
        Ok(take.execute([since.as_millisecond(), id.0])? == 1)
    }

    /// An alarm that was taken was not heard, and is due again.
    ///
    /// # Errors
    /// See [`StoreError`]; then it is due again after [`Store::ring_again`].
    pub fn alarm_rings_again(&self, id: AlarmId) -> Result<(), StoreError> {
        self.device().prepare_cached("UPDATE alarm SET ringing = NULL WHERE id = ?")?.execute([id.0])?;
        Ok(())
    }

    /// Ends the ringing of these alarms, or of all, until each is due again; what rings only once is gone. With a time to be snoozed
    /// until, they ring again then.
    ///
    /// # Errors
    /// See [`StoreError`]; then all ring on.
    pub fn end_ringing(
        &self,
        which: Option<AlarmId>,
        (now, zone): (Timestamp, &TimeZone),
        snoozed_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.write_device(|transaction| {
            let ringing = all(transaction)?.into_iter().filter(|alarm| which.is_none_or(|id| id == alarm.id));
            for alarm in ringing {
                let Some(since) = alarm.ringing else { continue };
                let over_to = now.max(since);
                let schedule = AlarmSchedule { over_to, snoozed_until, ..alarm.schedule };
                if schedule.is_over(zone) {
                    transaction.prepare_cached("DELETE FROM alarm WHERE id = ?")?.execute([alarm.id.0])?;
                    continue;
                }
                transaction
                    .prepare_cached("UPDATE alarm SET ringing = NULL, over_to = ?, snoozed_until = ? WHERE id = ?")?
                    .execute(params![
                        over_to.as_millisecond(),
                        snoozed_until.map(Timestamp::as_millisecond),
                        alarm.id.0
                    ])?;
            }
            Ok(())
        })
    }
}

pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<StoredAlarm>> {
    connection
        .prepare_cached("SELECT id, second, days, date, skip, over_to, snoozed_until, ringing FROM alarm ORDER BY id")?
        .query_map([], alarm)?
        .collect()
}

fn alarm(row: &Row<'_>) -> rusqlite::Result<StoredAlarm> {
    let wrong = |column| rusqlite::Error::InvalidColumnType(column, "alarm".to_owned(), rusqlite::types::Type::Text);
    let date = |column| -> rusqlite::Result<Option<Date>> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| text.parse().map_err(|_| wrong(column))).transpose()
    };
    let time = time_of_day(row.get(1)?).ok_or_else(|| wrong(1))?;
    let repeats = match (Days::from_bits(row.get(2)?), date(3)?) {
        (Some(days), _) => Repeats::Weekly(days),
        (None, Some(date)) => Repeats::Once(date),
        (None, None) => return Err(wrong(3)),
    };
    let schedule = AlarmSchedule {
        time,
        repeats,
        skip: date(4)?,
        over_to: moment(row.get(5)?),
        snoozed_until: row.get::<_, Option<i64>>(6)?.map(moment),
    };
    Ok(StoredAlarm { id: AlarmId(row.get(0)?), schedule, ringing: row.get::<_, Option<i64>>(7)?.map(moment) })
}

/// A time of day as it is stored, in seconds.
pub(crate) fn second_of_day(time: Time) -> i32 {
    i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second())
}

/// The time of day that was stored; `None` if no day has that second.
pub(crate) fn time_of_day(second: i32) -> Option<Time> {
    let part = |value: i32| i8::try_from(value).ok();
    Time::new(part(second / 3600)?, part(second / 60 % 60)?, part(second % 60)?, 0).ok()
}
