//! What was said, and what was heard in answer.

use jiff::Timestamp;
use pipit_core::chat::{Door, Exchange};
use rusqlite::params;

use crate::{Store, StoreError};

impl Store {
    /// Remembers a request and what was heard of its reply, both or neither.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_exchange(&self, door: Door, at: Timestamp, exchange: &Exchange) -> Result<(), StoreError> {
        let door = match door {
            Door::Voice => "voice",
            Door::Terminal => "terminal",
        };
        self.connection()
            .prepare_cached("INSERT INTO exchange (at, door, asked, heard) VALUES (?, ?, ?, ?)")?
            .execute(params![at.as_millisecond(), door, exchange.asked, exchange.heard])?;
        Ok(())
    }

    /// The last `limit` exchanges, the oldest of them first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn recent_exchanges(&self, limit: usize) -> Result<Vec<Exchange>, StoreError> {
        let connection = self.connection();
        let mut newest_first =
            connection.prepare_cached("SELECT asked, heard FROM exchange ORDER BY id DESC LIMIT ?")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = newest_first.query_map([limit], |row| Ok(Exchange { asked: row.get(0)?, heard: row.get(1)? }))?;
        let mut exchanges = rows.collect::<Result<Vec<_>, _>>()?;
        exchanges.reverse();
        Ok(exchanges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite reports a file that may not grow any further as it reports a full disk.
    #[test]
    fn a_full_disk_costs_only_what_did_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipit.db");
        let first = Exchange { asked: "first".to_owned(), heard: "Kept.".to_owned() };
        let long = Exchange { asked: "more".to_owned(), heard: "word ".repeat(500) };
        let store = Store::open(&file).unwrap();
        store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &first).unwrap();
        store.connection().pragma_update(None, "max_page_count", 12).unwrap();
        let error = loop {
            match store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &long) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::DiskFull), "{error}");
        assert_eq!(store.recent_exchanges(100).unwrap()[0], first);
        drop(store);
        assert_eq!(Store::open(&file).unwrap().recent_exchanges(100).unwrap()[0], first);
    }
}
