//! What the last turns took: how many are kept, and that older files learn to keep them.

use jiff::{Timestamp, ToSpan as _};
use pipit_store::{Store, StoreError};
use tempfile::TempDir;

fn record(turn: usize) -> String {
    format!("{{\"turn\":{turn}}}")
}

fn at(turn: usize) -> Timestamp {
    Timestamp::UNIX_EPOCH + (turn as i64).seconds()
}

fn records(store: &Store, limit: usize) -> Vec<String> {
    store.recent_turns(limit).expect("the file can be read").into_iter().map(|turn| turn.record).collect()
}

#[test]
fn only_the_last_turns_are_kept_also_after_reopening() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    for turn in 1..=7 {
        store.add_turn(at(turn), &record(turn), 5).unwrap();
        assert_eq!(records(&store, usize::MAX).len(), turn.min(5));
    }
    drop(store);

    let store = Store::open(&file).unwrap();
    assert_eq!(records(&store, 2), [record(7), record(6)]);
    assert_eq!(store.recent_turns(1).unwrap()[0].at, at(7));
    // An owner who wants fewer, or none, has them with the next turn or at once.
    store.add_turn(at(8), &record(8), 2).unwrap();
    assert_eq!(records(&store, usize::MAX), [record(8), record(7)]);
    store.forget_turns(0).unwrap();
    assert!(records(&store, usize::MAX).is_empty());
}

#[test]
fn what_cannot_be_kept_costs_no_turn_that_was() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    store.add_turn(at(1), &record(1), 1).unwrap();
    assert!(matches!(store.add_turn(at(2), "no JSON", 1), Err(StoreError::Sqlite(_))));
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.add_turn(at(2), &record(2), 1), Err(StoreError::Locked)));
    assert_eq!(records(&store, 5), [record(1)]);
}

/// The file as the first version of the schema has it.
#[test]
fn a_file_from_before_turns_were_kept_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let older = rusqlite::Connection::open(&file).unwrap();
    older
        .execute_batch(
            "CREATE TABLE exchange (
                id INTEGER PRIMARY KEY, at INTEGER NOT NULL, door TEXT NOT NULL, asked TEXT NOT NULL, heard TEXT NOT NULL
            ) STRICT;
            CREATE TABLE timer (
                id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, length INTEGER NOT NULL, due INTEGER NOT NULL,
                state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'rung', 'cancelled'))
            ) STRICT;
            CREATE INDEX timer_due ON timer (due) WHERE state = 'running';
            CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
            INSERT INTO exchange (at, door, asked, heard) VALUES (0, 'voice', 'how are you', 'Well.');
            INSERT INTO timer (length, due) VALUES (1000, 5000);
            PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(older);
    let store = Store::open(&file).unwrap();
    assert_eq!(store.warning(), None);
    assert_eq!(store.recent_exchanges(5).unwrap()[0].asked, "how are you");
    assert_eq!(store.timers().unwrap().len(), 1);
    store.add_turn(at(1), &record(1), 5).unwrap();
    assert_eq!(records(&store, 5), [record(1)]);
}
