//! What Pipit was told to remember.

use jiff::Timestamp;
use pipit_core::intent::{Fact, FactId};
use rusqlite::params;

use crate::{Store, StoreError};

impl Store {
    /// Remembers `text`, in the person's own words. What is remembered already is not remembered twice.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_fact(&self, text: &str, at: Timestamp) -> Result<FactId, StoreError> {
        self.write(|transaction| {
            let added = transaction
                .prepare_cached(
                    "INSERT INTO fact (text, at) VALUES (?1, ?2) ON CONFLICT (text) DO UPDATE SET at = ?2 RETURNING id",
                )?
                .query_row(params![text, at.as_millisecond()], |row| row.get(0))?;
            Ok(FactId(added))
        })
    }

    /// Everything that is remembered, the oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn facts(&self) -> Result<Vec<Fact>, StoreError> {
        let connection = self.connection();
        let mut all = connection.prepare_cached("SELECT id, text FROM fact ORDER BY id")?;
        let rows = all.query_map([], |row| Ok(Fact { id: FactId(row.get(0)?), text: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets these facts; those that are not there are forgotten already. Says how many there were. Nothing of them is
    /// left in the file.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn forget_facts(&self, ids: &[FactId]) -> Result<usize, StoreError> {
        self.erase(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM fact WHERE id = ?")?;
            ids.iter().try_fold(0, |gone, id| Ok(gone + delete.execute([id.0])?))
        })
    }
}
