//! What a query about a person's texts is given: the connection together with whose they are, so that none is made without.

use std::ops::Deref;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::people::Principal;
use crate::seal::Column;
use crate::{Store, StoreError, back_up};

/// A connection, and whose texts are asked for.
pub(crate) struct Scope<'a> {
    connection: &'a Connection,
    principal: &'a Principal,
}

impl Deref for Scope<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn new(connection: &'a Connection, principal: &'a Principal) -> Scope<'a> {
        Scope { connection, principal }
    }

    /// By which the tables know the person. It belongs into every query about texts.
    pub(crate) fn person(&self) -> i64 {
        self.principal.number
    }

    pub(crate) fn seal(&self, column: Column, row: i64, text: &str) -> Result<Vec<u8>, StoreError> {
        self.principal.key.seal(column, row, text)
    }

    /// Seals what may be missing.
    pub(crate) fn seal_some(
        &self,
        column: Column,
        row: i64,
        text: Option<&str>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        text.map(|text| self.seal(column, row, text)).transpose()
    }

    pub(crate) fn open(&self, column: Column, row: i64, sealed: &[u8]) -> Result<String, StoreError> {
        self.principal.key.open(column, row, sealed)
    }

    /// Opens what may be missing.
    pub(crate) fn open_some(
        &self,
        column: Column,
        row: i64,
        sealed: Option<&[u8]>,
    ) -> Result<Option<String>, StoreError> {
        sealed.map(|sealed| self.open(column, row, sealed)).transpose()
    }

    /// A hash of `text` under the person's key.
    pub(crate) fn digest(&self, text: &str) -> u128 {
        self.principal.key.digest(text)
    }

    /// The id that the next row of a table gets. What is sealed for a row must know it before it is there. It holds within a
    /// transaction that may write, and no id ever comes back.
    pub(crate) fn next_id(&self, table: &str) -> Result<i64, StoreError> {
        let mut last = self.prepare_cached("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = ?")?;
        Ok(last.query_row([table], |row| row.get::<_, i64>(0))? + 1)
    }
}

impl Store {
    /// Reads something of the person's.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Scope<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&Scope::new(&self.texts.connection(), &self.principal))
    }

    /// Does something with the person's texts in one transaction, all of it or nothing.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Scope<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.texts.connection();
        in_transaction(&mut connection, |transaction| work(&Scope::new(transaction, &self.principal)))
    }

    /// The same for what deletes: afterwards nothing of it is in the log of the last changes either, which SQLite would
    /// otherwise keep until it is long enough.
    pub(crate) fn erase<T>(&self, work: impl FnOnce(&Scope<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let done = self.write(|scope| {
            back_up::count_deletion(scope)?;
            work(scope)
        })?;
        empty_log(&self.texts.connection());
        Ok(done)
    }

    /// Changes something that belongs to the device, in one transaction.
    pub(crate) fn write_device<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        in_transaction(&mut self.device(), work)
    }
}

/// Empties the log of the last changes. Where another program is reading, that is done by whoever closes the file last.
pub(crate) fn empty_log(connection: &Connection) {
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    if !matches!(emptied, Ok(0)) {
        tracing::debug!("what was deleted stays in the log of the last changes until nobody reads the file");
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
