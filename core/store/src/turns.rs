//! What the last turns took. Nothing that anybody said is in it: that is the history's affair.

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::{Store, StoreError};

/// What a turn took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTurn {
    /// When it ended.
    pub at: Timestamp,
    /// Its waterfall, as JSON. What is in it is its writer's affair.
    pub record: String,
}

impl Store {
    /// Keeps a turn, and forgets all but the newest `keep`, both or neither.
    ///
    /// # Errors
    /// See [`StoreError`]; `record` must be JSON.
    pub fn add_turn(&self, at: Timestamp, record: &str, keep: u32) -> Result<(), StoreError> {
        let mut connection = self.texts.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached("INSERT INTO turn (at, record) VALUES (?, ?)")?
            .execute(params![at.as_millisecond(), record])?;
        forget(&transaction, keep)?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets all turns but the newest `keep`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn forget_turns(&self, keep: u32) -> Result<(), StoreError> {
        forget(&self.texts.connection(), keep)
    }

    /// The last `limit` turns, the newest of them first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn recent_turns(&self, limit: usize) -> Result<Vec<StoredTurn>, StoreError> {
        let connection = self.texts.connection();
        let mut newest_first = connection.prepare_cached("SELECT at, record FROM turn ORDER BY id DESC LIMIT ?")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = newest_first.query_map([limit], |row| {
            let at = Timestamp::from_millisecond(row.get(0)?).unwrap_or(Timestamp::UNIX_EPOCH);
            Ok(StoredTurn { at, record: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn forget(connection: &Connection, keep: u32) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM turn WHERE id <= (SELECT id FROM turn ORDER BY id DESC LIMIT 1 OFFSET ?)")?
        .execute([keep])?;
    Ok(())
}
