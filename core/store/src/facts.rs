//! What Pipit was told to remember.

use jiff::Timestamp;
use pipit_core::intent::{Fact, FactId};
use rusqlite::{OptionalExtension as _, params};

use crate::scope::Scope;
use crate::seal::Column;
use crate::{Store, StoreError};

impl Store {
    /// Remembers `text`, in the person's own words. What is remembered already is not remembered twice.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_fact(&self, text: &str, at: Timestamp) -> Result<FactId, StoreError> {
        self.write(|scope| {
            let (at, digest) = (at.as_millisecond(), digest(scope, text));
            let mut again =
                scope.prepare_cached("UPDATE fact SET at = ? WHERE person = ? AND digest = ? RETURNING id")?;
            if let Some(id) = again.query_row(params![at, scope.person(), digest], |row| row.get(0)).optional()? {
                return Ok(FactId(id));
            }
            let id = scope.next_id("fact")?;
            scope
                .prepare_cached("INSERT INTO fact (id, person, text, digest, at) VALUES (?, ?, ?, ?, ?)")?
                .execute(params![id, scope.person(), scope.seal(Column::Fact, id, text)?, digest, at])?;
            Ok(FactId(id))
        })
    }

    /// Everything that is remembered, the oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn facts(&self) -> Result<Vec<Fact>, StoreError> {
        self.read(|scope| {
            let mut all = scope.prepare_cached("SELECT id, text FROM fact WHERE person = ? ORDER BY id")?;
            let facts = all.query_and_then([scope.person()], |row| {
                let (id, sealed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                Ok(Fact { id: FactId(id), text: scope.open(Column::Fact, id, &sealed)? })
            })?;
            facts.collect()
        })
    }

    /// Forgets these facts; those that are not there are forgotten already. Says how many there were. Nothing of them is
    /// left in the file.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn forget_facts(&self, ids: &[FactId]) -> Result<usize, StoreError> {
        self.erase(|scope| {
            let mut delete = scope.prepare_cached("DELETE FROM fact WHERE id = ? AND person = ?")?;
            ids.iter().try_fold(0, |gone, id| Ok(gone + delete.execute([id.0, scope.person()])?))
        })
    }
}

/// By which a fact is known again without being opened. No word in the index has the same hash, for a word has no space in it.
pub(crate) fn digest(scope: &Scope<'_>, text: &str) -> [u8; 16] {
    scope.digest(&format!("fact: {text}")).to_le_bytes()
}
