//! What people change by speaking and expect to find unchanged after a restart.

use rusqlite::{OptionalExtension as _, params};

use crate::{Store, StoreError};

impl Store {
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
