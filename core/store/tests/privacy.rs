//! What people may do about what is kept of them: erase it, see where it went, give up what is lost; and the secrets and PINs
//! that are kept beside it.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use pipit_core::chat::{Door, Exchange, Tier};
use pipit_store::{
    ConversationId, KeySource, NewPerson, NewPrivacy, PersonId, PinCheck, Purpose, Role, Store, StoreError, Traffic,
};
use tempfile::TempDir;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn home() -> (TempDir, PathBuf, Store) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    (folder, file, store)
}

fn add(store: &Store, name: &str, privacy: NewPrivacy<'_>) -> PersonId {
    store.add_person(&NewPerson { name: Some(name), role: Role::Member, privacy }, AT).unwrap()
}

fn say(store: &Store, text: &str) {
    let exchange = Exchange { asked: text.to_owned(), heard: "Yes.".to_owned() };
    store.add_exchange(Door::Voice, AT, &exchange).unwrap();
    store.add_fact(text, AT).unwrap();
}

fn asked(store: &Store) -> Vec<String> {
    store.recent_exchanges(9).unwrap().into_iter().map(|exchange| exchange.asked).collect()
}

fn sent(host: &str, purpose: Purpose, sent: u64) -> Traffic {
    let (provider, tier) = ("cloud".to_owned(), Tier::Outside);
    let conversation = Some(ConversationId(3));
    Traffic { at: AT, turn: Some(7), conversation, purpose, host: host.to_owned(), provider, tier, sent, received: 5 }
}

/// The bytes of every file in the folder.
fn all_bytes(folder: &Path) -> Vec<u8> {
    fs::read_dir(folder).unwrap().flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn whoever_is_erased_is_gone_from_every_file_and_the_others_are_not() {
    let (folder, file, store) = home();
    let ann = add(&store, "Annabella", NewPrivacy::Standard);
    say(&store, "mine");
    let annas = store.of(ann).unwrap();
    (0..700).for_each(|n| say(&annas, &format!("hers {n}")));
    annas.search("hers", 1).unwrap();
    annas.record_traffic(&sent("api.example.org", Purpose::Chat, 10)).unwrap();
    store.set_pin(ann, Some("4711")).unwrap();
    store.back_up().unwrap();
    fs::write(folder.path().join("pipit.db.corrupt-20260101T000000Z"), "damaged").unwrap();
    let raw = rusqlite::Connection::open(&file).unwrap();
    let blobs: Vec<Vec<u8>> = [
        "SELECT id FROM person WHERE name = 'Annabella'",
        "SELECT data_key FROM person WHERE name = 'Annabella'",
        "SELECT pin FROM person WHERE name = 'Annabella'",
        "SELECT text FROM fact ORDER BY id DESC LIMIT 1",
        "SELECT text FROM message ORDER BY id DESC LIMIT 1",
    ]
    .map(|sql| raw.query_row(sql, [], |row| row.get(0)).unwrap())
    .into();
    drop(raw);
    assert!(blobs.iter().all(|blob| holds(&all_bytes(folder.path()), blob)));

    let erased = store.erase_person(ann).unwrap();
    let left = all_bytes(folder.path());
    assert_eq!(blobs.iter().filter(|blob| holds(&left, blob)).count(), 0);
    assert!(!holds(&left, b"Annabella") && !holds(&left, b"api.example.org"));
    assert_eq!(erased.set_aside, [folder.path().join("pipit.db.corrupt-20260101T000000Z")], "a person must decide");
    assert!(matches!(store.of(ann), Err(StoreError::NoPerson)));
    assert!(annas.create_conversation("again", AT).is_err());
    assert_eq!((asked(&store), store.people().unwrap().len()), (vec!["mine".to_owned()], 1));
    assert!(store.backed_up_at().is_some(), "the copy is a new one");
}

#[test]
fn what_somebody_said_is_read_by_nobody_before_it_is_deleted() {
    let (_folder, _, store) = home();
    say(&store, "mine");
    let ann = add(&store, "Annabella", NewPrivacy::Standard);
    let annas = store.of(ann).unwrap();
    (0..600).for_each(|n| say(&annas, &format!("hers {n}")));
    store.back_up().unwrap();
    store.forget_person(ann).unwrap();
    assert!(matches!(store.of(ann), Err(StoreError::NoPerson)));
    assert_eq!((store.people().unwrap().len(), store.backed_up_at()), (1, None), "the copy is not returned to");
    let mut told = Vec::new();
    store.clean_up(&mut |done, total| told.push((done, total))).unwrap();
    let rows = told[0].1;
    assert!(told.len() > 3 && rows > 1800 && told.iter().all(|(_, total)| *total == rows), "{told:?}");
    assert!(told.is_sorted() && told[0].0 == 0 && told.last() == Some(&(rows, rows)), "{told:?}");
    assert!(store.backed_up_at().is_some());
    // There is nothing more to do.
    store.clean_up(&mut |done, total| assert_eq!((done, total), (0, 0))).unwrap();
}

#[test]
fn an_owner_who_is_erased_leaves_a_device_that_knows_nothing() {
    let (folder, file, store) = home();
    say(&store, "mine");
    let ben = add(&store, "Ben", NewPrivacy::Private("correct horse"));
    say(&store.unlock(ben, "correct horse").unwrap(), "his");
    let before = store.person();
    store.erase_person(before).unwrap();
    store.add_fact("too late", AT).unwrap_err();
    drop(store);
    let store = Store::open(&file).unwrap();
    assert_ne!(store.person(), before);
    assert_eq!((asked(&store), store.facts().unwrap()), (vec![], vec![]));
    assert_eq!(asked(&store.unlock(ben, "correct horse").unwrap()), ["his"]);
    drop(folder);
}

#[test]
fn what_a_lost_key_would_open_is_given_up_only_when_told_to() {
    let (folder, file, store) = home();
    say(&store, "mine");
    let (ann, ben) =
        (add(&store, "Ann", NewPrivacy::Standard), add(&store, "Ben", NewPrivacy::Private("correct horse")));
    say(&store.of(ann).unwrap(), "hers");
    say(&store.unlock(ben, "correct horse").unwrap(), "his");
    store.set_secret("cloud", "sk-secret").unwrap();
    store.add_timer(None, Duration::from_secs(1), AT).unwrap();
    assert!(matches!(Store::begin_anew(&file, &KeySource::Beside), Err(StoreError::KeyNotLost)));
    drop(store);
    let (key, safe) = (folder.path().join("pipit.db.key"), folder.path().join("found later"));
    fs::rename(&key, &safe).unwrap();

    let kept = Store::begin_anew(&file, &KeySource::Beside).unwrap();
    let store = Store::open(&file).unwrap();
    let people: Vec<_> = store.people().unwrap().into_iter().map(|person| person.name.unwrap()).collect();
    assert_eq!(people, ["owner", "Ben", "Ann"]);
    assert_eq!((asked(&store), store.timers().unwrap().len()), (vec![], 1));
    assert_eq!(store.secret_names().unwrap(), Vec::<String>::new());
    assert_eq!(asked(&store.unlock(ben, "correct horse").unwrap()), ["his"]);
    say(&store, "anew");
    drop(store);
    assert_eq!(asked(&Store::open(&file).unwrap()), ["anew"]);
    // The key is found, and with it everything in the file that was kept.
    let old = Store::open_with(&kept, &KeySource::File(safe)).unwrap();
    assert_eq!((asked(&old), asked(&old.of(ann).unwrap())), (vec!["mine".to_owned()], vec!["hers".to_owned()]));
    assert_eq!(old.secret("cloud").unwrap().unwrap().as_str(), "sk-secret");
}

#[test]
fn a_key_from_elsewhere_is_used_and_never_made() {
    let folder = TempDir::new().unwrap();
    let (file, key) = (folder.path().join("pipit.db"), folder.path().join("credential"));
    let source = KeySource::File(key.clone());
    assert!(matches!(Store::open_with(&file, &source), Err(StoreError::NoKey { .. })));
    assert!(!key.exists());
    fs::write(&key, format!("{}\n", "5a".repeat(32))).unwrap();
    say(&Store::open_with(&file, &source).unwrap(), "mine");
    assert_eq!(asked(&Store::open_with(&file, &source).unwrap()), ["mine"]);
    assert!(!folder.path().join("pipit.db.key").exists());
    assert!(matches!(Store::open(&file), Err(StoreError::KeyLost { .. })));
}

#[test]
fn a_pin_is_tried_five_times_and_then_it_rests_also_after_a_restart() {
    let (_folder, file, store) = home();
    let owner = store.person();
    assert_eq!(store.check_pin(owner, "4711", AT).unwrap(), PinCheck::NotSet);
    for unfit in ["123", "12345678901234", "12a4", ""] {
        assert!(matches!(store.set_pin(owner, Some(unfit)), Err(StoreError::UnfitPin)), "{unfit}");
    }
    store.set_pin(owner, Some("4711")).unwrap();
    assert!(store.people().unwrap()[0].has_pin);
    assert_eq!(store.check_pin(owner, "0000", AT).unwrap(), PinCheck::Wrong);
    assert_eq!(store.check_pin(owner, "4711", AT).unwrap(), PinCheck::Right);
    for _ in 0..5 {
        assert_eq!(store.check_pin(owner, "0000", AT).unwrap(), PinCheck::Wrong);
    }
    drop(store);
    let store = Store::open(&file).unwrap();
    let rest = PinCheck::Resting(Duration::from_secs(30));
    assert_eq!(store.check_pin(owner, "4711", AT).unwrap(), rest, "even the right one is not looked at");
    assert_eq!(store.check_pin(owner, "0000", AT + 30.seconds()).unwrap(), PinCheck::Wrong);
    let rest = PinCheck::Resting(Duration::from_secs(60));
    assert_eq!(store.check_pin(owner, "4711", AT + 30.seconds()).unwrap(), rest);
    assert_eq!(store.check_pin(owner, "4711", AT + 90.seconds()).unwrap(), PinCheck::Right);
    assert_eq!(store.check_pin(owner, "4711", AT + 90.seconds()).unwrap(), PinCheck::Right);
    store.set_pin(owner, None).unwrap();
    assert_eq!(store.check_pin(owner, "4711", AT).unwrap(), PinCheck::NotSet);
}

#[test]
fn secrets_are_sealed_replaced_and_removed() {
    let (folder, file, store) = home();
    store.set_secret("cloud", "sk-first-secret").unwrap();
    store.set_secret("cloud", "sk-second-secret").unwrap();
    store.set_secret("b.2", "other").unwrap();
    for unfit in ["", "a b", "a/b", &"x".repeat(31)] {
        assert!(matches!(store.set_secret(unfit, "s"), Err(StoreError::UnfitSecretName)), "{unfit}");
    }
    drop(store);
    let store = Store::open(&file).unwrap();
    assert_eq!(store.secret("cloud").unwrap().unwrap().as_str(), "sk-second-secret");
    assert_eq!(store.secret_names().unwrap(), ["b.2", "cloud"]);
    store.set_secret_at("b.2", "another", AT).unwrap();
    let since = store.secrets_since().unwrap();
    assert_eq!(since[0], ("b.2".to_owned(), Some(AT)));
    assert!(since[1].0 == "cloud" && since[1].1.is_none());
    assert!(!holds(&all_bytes(folder.path()), b"-secret"));
    // One does not pass for another.
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute("UPDATE secret SET value = (SELECT value FROM secret WHERE name = 'b.2')", []).unwrap();
    assert!(matches!(store.secret("cloud"), Err(StoreError::Unreadable { .. })));
    assert!(store.remove_secret("cloud").unwrap() && !store.remove_secret("cloud").unwrap());
    assert_eq!(store.secret("cloud").unwrap(), None);
}

#[test]
fn the_ledger_is_each_persons_own_and_adds_up() {
    let (folder, file, store) = home();
    let annas = store.of(add(&store, "Ann", NewPrivacy::Standard)).unwrap();
    let first = sent("api.example.org", Purpose::Chat, 100);
    let second = sent("api.example.org", Purpose::Title, 50);
    let third =
        Traffic { tier: Tier::Device, turn: None, conversation: None, ..sent("localhost", Purpose::Summary, 7) };
    for traffic in [&first, &second, &third] {
        store.record_traffic(traffic).unwrap();
    }
    annas.record_traffic(&sent("ann.example.org", Purpose::Tool, 1)).unwrap();
    let ephemeral = store.ephemeral().unwrap();
    ephemeral.record_traffic(&sent("eve.example.org", Purpose::Speech, 1)).unwrap();
    drop(store);
    let store = Store::open(&file).unwrap();
    assert_eq!(store.traffic(2).unwrap(), [third.clone(), second.clone()]);
    assert_eq!(store.traffic(9).unwrap(), [third, second, first]);
    let sums = store.traffic_by_host().unwrap();
    let sums: Vec<_> =
        sums.iter().map(|sum| (sum.host.as_str(), sum.tier, sum.requests, sum.sent, sum.received)).collect();
    assert_eq!(sums, [("api.example.org", Tier::Outside, 2, 150, 10), ("localhost", Tier::Device, 1, 7, 5)]);
    assert_eq!(annas.traffic(9).unwrap().len(), 1);
    let rows = store.ledger_rows(None, None, None, 3).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.id, row.who, row.traffic.host.as_str())).collect();
    let (ann, owner) = (annas.person(), store.person());
    assert_eq!(told, [(4, ann, "ann.example.org"), (3, owner, "localhost"), (2, owner, "api.example.org")]);
    assert_eq!(store.ledger_rows(None, None, Some(2), 9).unwrap().len(), 1);
    assert_eq!(store.ledger_rows(Some(owner), Some("api.example.org"), None, 9).unwrap().len(), 2);
    assert!(store.ledger_rows(Some(ann), Some("api.example.org"), None, 9).unwrap().is_empty());
    let sums = store.ledger_by_host(None).unwrap();
    let sums: Vec<_> = sums.iter().map(|sum| (sum.host.as_str(), sum.requests, sum.purposes.len())).collect();
    assert_eq!(sums, [("api.example.org", 2, 2), ("ann.example.org", 1, 1), ("localhost", 1, 1)]);
    assert_eq!(store.ledger_by_host(Some(ann)).unwrap().len(), 1);
    assert!(matches!(annas.ledger_by_host(None), Err(pipit_store::StoreError::NotTheOwners)));
    assert!(ephemeral.is_in_memory() && !annas.is_in_memory());
    assert_eq!(ephemeral.traffic(9).unwrap()[0].purpose, Purpose::Speech);
    assert!(!holds(&all_bytes(folder.path()), b"eve.example"));
}

#[test]
fn what_is_older_than_it_may_be_goes_in_portions_and_whole_turns() {
    let (folder, _file, store) = home();
    let ben = add(&store, "Ben", NewPrivacy::Private("correct horse"));
    let bens = store.unlock(ben, "correct horse").unwrap();
    let old = AT + (10 * 24).hours();
    for store in [&store, &bens] {
        (0..10).for_each(|n| say(store, &format!("old {n}")));
    }
    let new = store.create_conversation("New", old).unwrap();
    store.search("old", 9).unwrap();
    bens.search("old", 9).unwrap();
    for traffic in
        [sent("old.example.org", Purpose::Chat, 1), Traffic { at: old, ..sent("new.example.org", Purpose::Chat, 1) }]
    {
        bens.record_traffic(&traffic).unwrap();
    }
    store.back_up().unwrap();
    assert!(!store.forget_conversations(AT, old).unwrap(), "nothing is older than the first");

    assert!(store.forget_conversations(old, old).unwrap());
    assert_eq!(store.recent_exchanges(99).unwrap().len(), 6, "a portion");
    assert_eq!(store.search("old", 99).unwrap().messages.len(), 6);
    assert_eq!(store.backed_up_at(), None, "the copy still has it");
    while store.forget_conversations(old, old).unwrap() {}
    while store.forget_traffic(old).unwrap() {}
    store.forget_log();
    assert_eq!(store.conversations(None, 9).unwrap().iter().map(|c| c.id).collect::<Vec<_>>(), [new]);
    assert!(store.search("old", 9).unwrap().messages.is_empty());
    assert_eq!(store.facts().unwrap().len(), 10, "what was to be remembered is");
    // Nobody had Ben's key.
    let bens = store.unlock(ben, "correct horse").unwrap();
    assert_eq!((bens.conversations(None, 9).unwrap().len(), bens.facts().unwrap().len()), (0, 10));
    assert_eq!(bens.traffic(9).unwrap().len(), 1);
    say(&bens, "new again");
    assert_eq!(bens.search("again", 9).unwrap().messages.len(), 1);
    assert!(bens.search("old", 9).unwrap().messages.is_empty());
    drop(folder);
}

#[test]
fn what_was_said_by_a_clock_that_was_wrong_is_as_old_as_what_was_said_before_it() {
    let (_folder, _file, store) = home();
    let (now, day) = (AT + (365 * 24).hours(), 24.hours());
    let said_at = |title: &str, at| store.create_conversation(title, at).unwrap();
    said_at("a year ago", AT);
    said_at("by a clock that was ahead", now + (900 * 24).hours());
    said_at("yesterday", now - day);
    said_at("by a clock that had forgotten the time", AT);
    while store.forget_conversations(now - (30 * 24).hours(), now).unwrap() {}
    let left: Vec<String> = store.conversations(None, 9).unwrap().into_iter().map(|one| one.title).collect();
    assert_eq!(left, ["by a clock that had forgotten the time", "yesterday", "by a clock that was ahead"]);
    let later = now + (60 * 24).hours();
    while store.forget_conversations(later - (30 * 24).hours(), later).unwrap() {}
    let left: Vec<String> = store.conversations(None, 9).unwrap().into_iter().map(|one| one.title).collect();
    assert_eq!(left, ["by a clock that was ahead"]);
}
