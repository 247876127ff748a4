//! What people change by speaking and expect to find unchanged after a restart, and what was last done at night.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::{Store, StoreError};

/// When it was last looked for what is older than it may be, by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    /// When.
    pub at: Timestamp,
    /// Since when that clock is doubted, if it is.
    pub doubted_since: Option<Timestamp>,
}

impl Store {
    /// The last night, if there was any.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn last_night(&self) -> Result<Option<Night>, StoreError> {
        let connection = self.device();
        let mut find = connection.prepare_cached("SELECT value FROM setting WHERE key = 'night'")?;
        let value: Option<String> = find.query_row([], |row| row.get(0)).optional()?;
        let moment = |text: &str| text.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        Ok(value.and_then(|value| {
            let (at, doubted) = value.split_once(' ').unwrap_or((&value, ""));
            Some(Night { at: moment(at)?, doubted_since: moment(doubted) })
        }))
    }

    /// Remembers the last night.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_last_night(&self, night: Night) -> Result<(), StoreError> {
        let doubted = night.doubted_since.map_or_else(String::new, |since| format!(" {}", since.as_millisecond()));
        self.device()
            .prepare_cached(
                "INSERT INTO setting (key, value) VALUES ('night', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute([format!("{}{doubted}", night.at.as_millisecond())])?;
        Ok(())
    }

    /// The volume in percent, if anybody has ever changed it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn volume(&self) -> Result<Option<u8>, StoreError> {
        let connection = self.device();
        let mut find = connection.prepare_cached("SELECT value FROM setting WHERE key = 'volume'")?;
        let value: Option<String> = find.query_row([], |row| row.get(0)).optional()?;
        Ok(value.and_then(|value| value.parse().ok()).filter(|percent| *percent <= 100))
    }

    /// Remembers the volume in percent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_volume(&self, percent: u8) -> Result<(), StoreError> {
        self.device()
            .prepare_cached(
                "INSERT INTO setting (key, value) VALUES ('volume', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![percent.min(100).to_string()])?;
        Ok(())
    }
}
