//! What waits to be said aloud.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::path::Path;

use jiff::civil::time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use pipit_core::intent::Days;
use pipit_store::{NewPerson, NewPrivacy, PersonId, Role, Store};

const NOON: Timestamp = Timestamp::UNIX_EPOCH;

fn after(seconds: i64) -> Timestamp {
    NOON + seconds.seconds()
}

fn take(store: &Store, now: Timestamp) -> Vec<String> {
    store.take_due_announcements(now).unwrap().into_iter().map(|one| one.text).collect()
}

fn waiting(store: &Store) -> Vec<String> {
    store.announcements().unwrap().into_iter().map(|one| one.text).collect()
}

fn member(store: &Store, name: &str, privacy: NewPrivacy<'_>) -> PersonId {
    store.add_person(&NewPerson { name: Some(name), role: Role::Member, privacy }, NOON).unwrap()
}

fn holds(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn each_is_said_once_also_after_a_restart_and_by_one_of_two_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    store.add_announcement("dinner is ready", after(60)).unwrap();
    store.add_announcement("take the bins out", after(5)).unwrap();
    store.add_announcement("call Anna", after(600)).unwrap();
    assert_eq!(waiting(&store), ["take the bins out", "dinner is ready", "call Anna"]);
    assert_eq!(take(&store, NOON), [""; 0]);
    drop(store);

    let (one, other) = (Store::open(&file).unwrap(), Store::open(&file).unwrap());
    assert_eq!(take(&one, after(60)), ["take the bins out", "dinner is ready"]);
    assert_eq!(take(&other, after(60)), [""; 0]);
    assert_eq!(waiting(&other), ["call Anna"]);
    let id = other.announcements().unwrap()[0].id;
    assert_eq!(other.cancel_announcements(&[id, id]).unwrap(), 1);
    assert_eq!((take(&one, after(9999)), waiting(&one)), (vec![], vec![]));
}

#[test]
fn what_is_to_be_said_is_sealed_and_leaves_nothing_once_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    store.add_announcement("the zanzibarian dinner", NOON).unwrap();
    assert!(!holds(folder.path(), "zanzibarian"));
    let sealed: Vec<u8> = rusqlite::Connection::open(&file)
        .unwrap()
        .query_row("SELECT text FROM announcement", [], |row| row.get(0))
        .unwrap();
    let left = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(sealed.len()).any(|window| window == sealed))
    };
    assert!(left());
    let taken = store.take_due_announcements(NOON).unwrap();
    store.announcement_was_heard(taken[0].id, (NOON, &TimeZone::UTC)).unwrap();
    assert!(!left(), "the sealed text is gone too");
}

#[test]
fn the_owners_store_gives_what_the_device_can_read_and_the_others_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("pipit.db")).unwrap();
    let ann = store.of(member(&store, "Ann", NewPrivacy::Standard)).unwrap();
    let ben = member(&store, "Ben", NewPrivacy::Private("correct horse"));
    let ben = store.unlock(ben, "correct horse").unwrap();
    let guest = store.ephemeral().unwrap();
    for (whose, text) in [(&store, "the owner's"), (&ann, "Ann's"), (&ben, "Ben's"), (&guest, "a guest's")] {
        whose.add_announcement(text, NOON).unwrap();
    }
    assert_eq!((waiting(&ann), waiting(&store)), (vec!["Ann's".to_owned()], vec!["the owner's".to_owned()]));
    assert_eq!(take(&ben, NOON), ["Ben's"]);
    assert_eq!(take(&store, NOON), ["the owner's", "Ann's"]);
    assert_eq!(take(&guest, NOON), ["a guest's"]);
}

#[test]
fn whoever_is_erased_has_nothing_announced_and_what_was_tampered_with_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    let ann = member(&store, "Ann", NewPrivacy::Standard);
    store.of(ann).unwrap().add_announcement("Ann's", NOON).unwrap();
    store.erase_person(ann).unwrap();
    let raw = rusqlite::Connection::open(&file).unwrap();
    let count = |raw: &rusqlite::Connection| raw.query_row("SELECT count(*) FROM announcement", [], |row| row.get(0));
    assert_eq!(count(&raw), Ok(0));
    store.add_announcement("changed", NOON).unwrap();
    store.add_announcement("whole", NOON).unwrap();
    raw.execute("UPDATE announcement SET text = x'00' WHERE id = (SELECT min(id) FROM announcement)", []).unwrap();
    assert_eq!(take(&store, NOON), ["whole"]);
    assert_eq!(take(&store, NOON), [""; 0]);
}

#[test]
fn without_its_key_nothing_is_said_and_nothing_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("pipit.db"), folder.path().join("pipit.db.key"));
    Store::open(&file).unwrap().add_announcement("dinner is ready", NOON).unwrap();
    let safe = folder.path().join("safe");
    std::fs::rename(&key, &safe).unwrap();
    let without = Store::open_without_history(&file).unwrap();
    assert_eq!(take(&without, after(60)), [""; 0]);
    without.add_announcement("said in memory", NOON).unwrap();
    assert_eq!(take(&without, after(60)), ["said in memory"]);
    drop(without);
    std::fs::rename(&safe, &key).unwrap();
    assert_eq!(take(&Store::open(&file).unwrap(), after(60)), ["dinner is ready"]);
}

#[test]
fn what_repeats_is_due_again_by_the_clock_on_the_wall_until_it_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("pipit.db")).unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    // The Saturday before the clocks are put forward.
    let before: Timestamp = "2025-03-29T08:00:00+01:00".parse().unwrap();
    let id = store
        .add_reminder("to take the pill", before, Some((Days::named("daily").unwrap(), time(8, 0, 0, 0))))
        .unwrap();
    assert_eq!(take(&store, before), ["to take the pill"]);
    store.announcement_was_heard(id, (before, &zone)).unwrap();
    let waiting = store.announcements().unwrap();
    assert_eq!(waiting[0].due.to_string(), "2025-03-30T06:00:00Z");
    assert!(waiting[0].reminder && waiting[0].every.is_some());
    // It was off for three days, and says it once.
    let later: Timestamp = "2025-04-02T09:00:00+02:00".parse().unwrap();
    assert_eq!(take(&store, later), ["to take the pill"]);
    assert_eq!(take(&store, later), [""; 0]);
    store.announcement_rings_again(id).unwrap();
    assert_eq!(take(&store, later), ["to take the pill"]);
    store.announcement_was_heard(id, (later, &zone)).unwrap();
    assert_eq!(store.announcements().unwrap()[0].due.to_string(), "2025-04-03T06:00:00Z");
    assert_eq!(store.cancel_announcements(&[id]).unwrap(), 1);
    assert_eq!(take(&store, "2026-01-01T00:00:00Z".parse().unwrap()), [""; 0]);
}
