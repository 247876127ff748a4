//! What happens when the disk is full, or the process killed, while what an older Pipit left is being sealed, or while somebody
//! is being erased: nothing is lost, and it goes on afterwards.
//!
//! The processes are this test program again, told by the environment what to do. A full disk is a limit on how long a file may
//! get, which the kernel keeps for a process and its files.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use pipit_store::{NewPerson, NewPrivacy, NewReply, NewTurn, Role, Said, Store};
use support::{holding, make_older};
use tempfile::TempDir;

const FILE: &str = "PIPIT_TEST_STORE";
const ERASE: &str = "PIPIT_TEST_ERASE";
const AT: Timestamp = Timestamp::UNIX_EPOCH;

/// In every text, and in no file once they are sealed.
const MARKER: &str = "Zanzibarian";

/// Messages that make a file of a quarter of a megabyte.
const MESSAGES: i64 = 1000;

/// What a shell's `ulimit -f` counts in.
const BLOCK: u64 = 512;

/// Runs only as a child of the tests below: opens the file, perhaps erases its one member, and prints how it went.
#[test]
fn child() {
    let Ok(file) = std::env::var(FILE) else { return };
    let outcome = Store::open(Path::new(&file)).and_then(|store| {
        assert_eq!(store.warning(), None, "a full disk is no damage");
        if std::env::var_os(ERASE).is_some() {
            let member = store.people()?.into_iter().find(|person| person.role == Role::Member).unwrap();
            store.erase_person(member.id)?;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => println!("\noutcome: done"),
        Err(error) => println!("\noutcome: {error}"),
    }
}

fn child_on(file: &Path, mut command: Command) -> Command {
    command.env(FILE, file).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// How opening the file, and perhaps erasing, goes where no file may be longer than `limit` bytes.
fn on_a_full_disk(file: &Path, limit: u64, erase: bool) -> String {
    let mut shell = Command::new("sh");
    // Whoever writes too much is told by an error, and not by the signal that ends it.
    shell.args(["-c", r#"trap "" XFSZ; ulimit -f "$1"; shift; exec "$@""#, "sh", &(limit / BLOCK).to_string()]);
    shell.arg(std::env::current_exe().unwrap()).args(["--exact", "child", "--nocapture"]);
    if erase {
        shell.env(ERASE, "1");
    }
    let output = child_on(file, shell).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let outcome = said.lines().find_map(|line| line.strip_prefix("outcome: "));
    outcome.unwrap_or_else(|| panic!("{}: {said}", output.status)).to_owned()
}

fn start(file: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]);
    child_on(file, command).spawn().unwrap()
}

/// An older file with many messages in it, and a copy of it.
fn older(folder: &Path) {
    let file = folder.join("pipit.db");
    let raw = make_older(&file, MARKER);
    raw.execute_batch("BEGIN").unwrap();
    for n in 0..MESSAGES {
        let (id, role) = (100 + n, if n % 2 == 0 { "user" } else { "assistant" });
        raw.prepare_cached("INSERT INTO message (id, conversation, role, at, text) VALUES (?, 7, ?, 3, ?)")
            .unwrap()
            .execute((id, role, format!("{MARKER} {n} {}", "word ".repeat(40))))
            .unwrap();
    }
    raw.execute_batch("COMMIT").unwrap();
    drop(raw);
    std::fs::copy(&file, folder.join("pipit.db.good")).unwrap();
}

/// Whether the file still waits to be sealed, and whether it waits to be rid of what lay in it before.
fn pending(file: &Path) -> (bool, bool) {
    let raw = rusqlite::Connection::open(file).unwrap();
    let is_there = |sql: &str| raw.prepare(sql).and_then(|mut found| found.exists([]));
    let plain = "SELECT 1 FROM sqlite_schema WHERE name = 'plain_message'";
    let older = is_there("SELECT 1 FROM sqlite_schema WHERE name = 'person'") == Ok(false) || is_there(plain).unwrap();
    (older, is_there("SELECT 1 FROM setting WHERE key = 'to_tidy_up'").unwrap())
}

/// Opens the file where nothing is in the way: everything is there, and nothing of what it was before.
fn all_is_there(folder: &Path) {
    let file = folder.join("pipit.db");
    let store = Store::open(&file).unwrap();
    assert_eq!(store.warning(), None);
    let conversation = store.conversations(None, 1).unwrap()[0].id;
    let messages = store.messages(conversation, None, usize::MAX).unwrap();
    assert_eq!(messages.len() as i64, MESSAGES + 2);
    for (n, message) in messages[2..].iter().enumerate() {
        assert!(message.text.starts_with(&format!("{MARKER} {n} word")), "{}", message.text);
    }
    assert_eq!(store.facts().unwrap().len(), 1);
    drop(store);
    assert_eq!(holding(folder, MARKER), [""; 0].map(std::path::PathBuf::from), "nothing of it is left unsealed");
    assert_eq!(pending(&file), (false, false));
}

#[test]
fn a_disk_that_fills_up_while_an_older_file_is_sealed_costs_nothing_and_it_goes_on_later() {
    let original = TempDir::new().unwrap();
    older(original.path());
    let size = std::fs::metadata(original.path().join("pipit.db")).unwrap().len();
    let (mut refused, mut done) = (0, 0);
    for tenths in [0, 5, 15, 20, 22, 24, 50] {
        let folder = TempDir::new().unwrap();
        for name in ["pipit.db", "pipit.db.good"] {
            std::fs::copy(original.path().join(name), folder.path().join(name)).unwrap();
        }
        let file = folder.path().join("pipit.db");
        let outcome = on_a_full_disk(&file, size * tenths / 10, false);
        match (outcome.as_str(), pending(&file)) {
            ("done", (false, false)) => done += 1,
            (error, (true, _)) => {
                refused += 1;
                assert!(error.contains("full") || error.contains("can't be opened"), "{error}");
            }
            other => panic!("{other:?} at {tenths}"),
        }
        all_is_there(folder.path());
    }
    assert!(refused > 0 && done > 0, "{refused} {done}");
}

#[test]
fn what_lay_in_the_last_copy_is_gone_once_there_is_room_for_another() {
    let folder = TempDir::new().unwrap();
    older(folder.path());
    let in_the_way = folder.path().join("pipit.db.good.new");
    std::fs::create_dir(&in_the_way).unwrap();
    drop(Store::open(&folder.path().join("pipit.db")).unwrap());
    assert_eq!(pending(&folder.path().join("pipit.db")), (false, true));
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(holding(folder.path(), MARKER), [folder.path().join("pipit.db.good")]);
    all_is_there(folder.path());
}

#[test]
fn a_process_that_is_killed_while_an_older_file_is_sealed_leaves_it_as_it_was_or_as_it_will_be() {
    let original = TempDir::new().unwrap();
    older(original.path());
    let size = std::fs::metadata(original.path().join("pipit.db")).unwrap().len();
    let (mut before, mut between) = (0, 0);
    for tenths in [1, 5, 9, 13, 17, 21] {
        let folder = TempDir::new().unwrap();
        for name in ["pipit.db", "pipit.db.good"] {
            std::fs::copy(original.path().join(name), folder.path().join(name)).unwrap();
        }
        let (file, log) = (folder.path().join("pipit.db"), folder.path().join("pipit.db-wal"));
        let mut process = start(&file);
        // What it has written by now goes first into the log of the changes.
        let written = || std::fs::metadata(&log).map_or(0, |log| log.len());
        while written() < size * tenths / 10 && process.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        process.kill().unwrap();
        process.wait().unwrap();
        match pending(&file) {
            (true, _) => before += 1,
            (false, true) => between += 1,
            (false, false) => {}
        }
        all_is_there(folder.path());
    }
    assert!(before > 0, "nobody was killed in the middle of it: {before} {between}");
}

#[test]
fn a_disk_that_fills_up_while_somebody_is_erased_either_keeps_them_or_lets_them_vanish_later() {
    let original = TempDir::new().unwrap();
    {
        let store = Store::open(&original.path().join("pipit.db")).unwrap();
        let new = NewPerson { name: Some("Annabella"), role: Role::Member, privacy: NewPrivacy::Standard };
        let ann = store.add_person(&new, AT).unwrap();
        for store in [&store, &store.of(ann).unwrap()] {
            let conversation = store.create_conversation("Title", AT).unwrap();
            for n in 0..400 {
                let text = format!("{n} {}", "word ".repeat(40));
                let request = Said { at: AT, text: text.clone() };
                let reply = NewReply { at: AT, text, heard: None };
                store.append(conversation, &NewTurn { door: None, request, reply }).unwrap();
            }
        }
        store.back_up().unwrap();
    }
    let size = std::fs::metadata(original.path().join("pipit.db")).unwrap().len();
    let (mut kept, mut vanishing, mut gone) = (0, 0, 0);
    for percent in [0, 4, 8, 15, 30, 60, 100, 400] {
        let folder = TempDir::new().unwrap();
        for name in ["pipit.db", "pipit.db.key", "pipit.db.good"] {
            std::fs::copy(original.path().join(name), folder.path().join(name)).unwrap();
        }
        let file = folder.path().join("pipit.db");
        let outcome = on_a_full_disk(&file, size * percent / 100, true);
        assert!(outcome == "done" || outcome.contains("full") || outcome.contains("can't be opened"), "{outcome}");
        let raw = rusqlite::Connection::open(&file).unwrap();
        let count = |sql| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let (named, rows) =
            (count("SELECT count(*) FROM person WHERE name = 'Annabella'"), count("SELECT count(*) FROM message"));
        drop(raw);
        let store = Store::open(&file).unwrap();
        assert_eq!(store.warning(), None);
        let conversation = store.conversations(None, 9).unwrap();
        assert_eq!(store.messages(conversation[0].id, None, usize::MAX).unwrap().len(), 800, "the owner's are there");
        match (outcome.as_str(), named) {
            ("done", 0) => gone += 1,
            ("done", _) => panic!("they are said to be gone and are not"),
            (_, 0) => vanishing += 1,
            (_, _) => {
                kept += 1;
                assert_eq!(rows, 1600, "all or nothing");
                let ann = store.people().unwrap()[1].id;
                let conversation = store.of(ann).unwrap().conversations(None, 9).unwrap()[0].id;
                assert_eq!(store.of(ann).unwrap().messages(conversation, None, usize::MAX).unwrap().len(), 800);
                store.erase_person(ann).unwrap();
            }
        }
        drop(store);
        let raw = rusqlite::Connection::open(&file).unwrap();
        let count = |sql| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((count("SELECT count(*) FROM person"), count("SELECT count(*) FROM message")), (1, 800));
        let left = folder.path();
        assert!(!holding(left, "Annabella").contains(&file), "at {percent}");
    }
    assert!(kept > 0 && vanishing > 0 && gone > 0, "{kept} {vanishing} {gone}");
}
