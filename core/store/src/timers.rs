//! Timers: each is handed out once when it is due, whatever was restarted meanwhile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pipit_core::intent::TimerId;
use rusqlite::{Row, TransactionBehavior, params};

use crate::{PrivacyTier, Store, StoreError};

/// A timer that runs, or was paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTimer {
    /// By which it is cancelled.
    pub id: TimerId,
    /// What it was called, if anything.
    pub name: Option<String>,
    /// What it was set to.
    pub length: Duration,
    /// When it rings, unless it is paused.
    pub due: Timestamp,
    /// What it had left when it was paused.
    pub paused: Option<Duration>,
}

impl Store {
    /// Starts a timer. It is the device's, and so keeps a name only where the person's texts are the device's to read.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_timer(&self, name: Option<&str>, length: Duration, due: Timestamp) -> Result<TimerId, StoreError> {
        let name = name.filter(|_| self.tier() == PrivacyTier::Standard);
        let connection = self.device();
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        connection.prepare_cached("INSERT INTO timer (name, length, due) VALUES (?, ?, ?)")?.execute(params![
            name,
            length,
            due.as_millisecond()
        ])?;
        Ok(TimerId(connection.last_insert_rowid()))
    }

    /// The timers that run, the one that is due first first, and then those that are paused.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn timers(&self) -> Result<Vec<StoredTimer>, StoreError> {
        let connection = self.device();
        let mut running = connection
            .prepare_cached("SELECT id, name, length, due, remaining FROM timer WHERE state IN ('running', 'paused') ORDER BY state DESC, due, id")?;
        let timers = running.query_map([], timer)?.collect::<Result<_, _>>()?;
        Ok(timers)
    }

    /// Stops timers before they ring. Those that have rung or were cancelled stay as they are.
    ///
    /// # Errors
    /// See [`StoreError`]; then none was stopped.
    pub fn cancel_timers(&self, ids: &[TimerId]) -> Result<(), StoreError> {
        let mut connection = self.device();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for id in ids {
            transaction
                .prepare_cached("UPDATE timer SET state = 'cancelled' WHERE id = ? AND state IN ('running', 'paused')")?
                .execute([id.0])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Lets a timer ring later, or sooner where `by` is negative. One that rings or is gone stays as it is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn change_timer(&self, id: TimerId, by: SignedDuration) -> Result<(), StoreError> {
        let by = i64::try_from(by.as_millis()).unwrap_or(0);
        self.device()
            .prepare_cached(
                "UPDATE timer SET due = due + ?2, remaining = max(remaining + ?2, 0)
                 WHERE id = ?1 AND state IN ('running', 'paused')",
            )?
            .execute([id.0, by])?;
        Ok(())
    }

    /// Lets timers that run stand still from `now` on.
    ///
    /// # Errors
    /// See [`StoreError`]; then none does.
    pub fn pause_timers(&self, ids: &[TimerId], now: Timestamp) -> Result<(), StoreError> {
        self.update_timers(
            ids,
            now,
            "UPDATE timer SET state = 'paused', remaining = max(due - ?2, 0) WHERE id = ?1 AND state = 'running'",
        )
    }

    /// Lets timers that stand still run on from `now`.
    ///
    /// # Errors
    /// See [`StoreError`]; then none does.
    pub fn resume_timers(&self, ids: &[TimerId], now: Timestamp) -> Result<(), StoreError> {
        self.update_timers(
            ids,
            now,
            "UPDATE timer SET state = 'running', due = ?2 + remaining, remaining = NULL WHERE id = ?1 AND state = 'paused'",
        )
    }

    fn update_timers(&self, ids: &[TimerId], now: Timestamp, update: &str) -> Result<(), StoreError> {
        let mut connection = self.device();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for id in ids {
            transaction.prepare_cached(update)?.execute([id.0, now.as_millisecond()])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Takes the timers that are due by `now`, the longest due first. Nobody else gets them any more, unless what takes them dies
    /// before [`Store::timer_has_rung`].
    ///
    /// # Errors
    /// See [`StoreError`]; then none was taken.
    pub fn take_due(&self, now: Timestamp) -> Result<Vec<StoredTimer>, StoreError> {
        let connection = self.device();
        // Somebody asks several times a second, and reading needs no lock that another program may hold.
        let mut look = connection.prepare_cached("SELECT 1 FROM timer WHERE state = 'running' AND due <= ? LIMIT 1")?;
        if !look.exists([now.as_millisecond()])? {
            return Ok(Vec::new());
        }
        // One statement, so that of two processes each timer goes to one.
        let mut take = connection.prepare_cached(
            "UPDATE timer SET state = 'ringing' WHERE state = 'running' AND due <= ? RETURNING id, name, length, due, remaining",
        )?;
        let mut due = take.query_map([now.as_millisecond()], timer)?.collect::<Result<Vec<_>, _>>()?;
        due.sort_by_key(|timer| (timer.due, timer.id));
        Ok(due)
    }

    /// A timer that was taken has been heard.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn timer_has_rung(&self, id: TimerId) -> Result<(), StoreError> {
        self.device()
            .prepare_cached("UPDATE timer SET state = 'rung' WHERE id = ? AND state = 'ringing'")?
            .execute([id.0])?;
        Ok(())
    }

    /// A timer that was taken was not heard, and is due again.
    ///
    /// # Errors
    /// See [`StoreError`]; then it is due again after [`Store::ring_again`].
    pub fn timer_rings_again(&self, id: TimerId) -> Result<(), StoreError> {
        self.device()
            .prepare_cached("UPDATE timer SET state = 'running' WHERE id = ? AND state = 'ringing'")?
            .execute([id.0])?;
        Ok(())
    }

    /// Whatever was taken and not heard is due again: timers, alarms, and announcements. For whoever begins to take it, since the
    /// last one that did has died.
    ///
    /// # Errors
    /// See [`StoreError`]; then all is as before.
    pub fn ring_again(&self) -> Result<(), StoreError> {
        self.write_device(|transaction| {
            transaction.execute_batch(
                "UPDATE timer SET state = 'running' WHERE state = 'ringing';
                 UPDATE alarm SET ringing = NULL WHERE ringing IS NOT NULL;
                 UPDATE announcement SET ringing = 0 WHERE ringing = 1;",
            )?;
            Ok(())
        })
    }
}

fn timer(row: &Row<'_>) -> rusqlite::Result<StoredTimer> {
    let length: i64 = row.get(2)?;
    let due: i64 = row.get(3)?;
    let due = Timestamp::from_millisecond(due).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Integer, Box::new(error))
    })?;
    let length = Duration::from_millis(length.unsigned_abs());
    let paused = row.get::<_, Option<i64>>(4)?.map(|left| Duration::from_millis(left.unsigned_abs()));
    Ok(StoredTimer { id: TimerId(row.get(0)?), name: row.get(1)?, length, due, paused })
}
