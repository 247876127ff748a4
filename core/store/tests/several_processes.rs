//! The file between processes: opened at once, written at once, and left by one that died.
//!
//! The processes are this test program again, told by the environment what to do.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::chat::{Door, Exchange};
use pipit_store::Store;
use tempfile::TempDir;

const FILE: &str = "PIPIT_TEST_STORE";
const EXCHANGES: usize = 40;

/// Runs only as a child of the tests below.
#[test]
fn child() {
    let Ok(file) = std::env::var(FILE) else { return };
    let store = Store::open(Path::new(&file)).unwrap();
    assert!(store.warning().is_none() || std::env::var_os("PIPIT_TEST_DAMAGED").is_some(), "{:?}", store.warning());
    for n in 0..EXCHANGES {
        let asked = format!("{} asks {n}", std::process::id());
        let heard = format!("{} hears {n}", std::process::id());
        store.add_exchange(Door::Terminal, Timestamp::UNIX_EPOCH, &Exchange { asked, heard }).unwrap();
        store.add_timer(None, Duration::from_secs(1), Timestamp::UNIX_EPOCH).unwrap();
    }
    if std::env::var_os("PIPIT_TEST_DIE").is_some() {
        // A transaction is open in the file when the process dies.
        let raw = rusqlite::Connection::open(&file).unwrap();
        raw.execute_batch("BEGIN IMMEDIATE; DELETE FROM message; DELETE FROM timer;").unwrap();
        std::process::abort();
    }
}

fn start_child(file: &Path, also: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("the test program has a path"));
    command.args(["--exact", "child", "--nocapture"]).env(FILE, file);
    if let Some(name) = also {
        command.env(name, "1");
    }
    command.stdout(std::process::Stdio::null()).spawn().expect("the test program starts")
}

#[test]
fn a_new_file_is_begun_by_several_at_once_and_none_loses_anything() {
    let folder = TempDir::new().unwrap();
    for round in 0..5 {
        let file = folder.path().join(format!("{round}.db"));
        let mut children: Vec<Child> = (0..4).map(|_| start_child(&file, None)).collect();
        assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
        let store = Store::open(&file).unwrap();
        let exchanges = store.recent_exchanges(usize::MAX).unwrap();
        let said: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.asked.clone()).collect();
        assert_eq!(said.len(), 4 * EXCHANGES);
        assert!(exchanges.iter().all(|exchange| exchange.asked.replace("asks", "hears") == exchange.heard));
        assert_eq!(store.take_due(Timestamp::UNIX_EPOCH).unwrap().len(), 4 * EXCHANGES);
    }
}

#[test]
fn a_damaged_file_found_by_several_at_once_is_moved_aside_once() {
    let folder = TempDir::new().unwrap();
    for round in 0..5 {
        let file = folder.path().join(format!("{round}.db"));
        std::fs::write(&file, "This is not a database, but somebody may want it back.").unwrap();
        let mut children: Vec<Child> = (0..4).map(|_| start_child(&file, Some("PIPIT_TEST_DAMAGED"))).collect();
        assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
        assert_eq!(Store::open(&file).unwrap().recent_exchanges(usize::MAX).unwrap().len(), 4 * EXCHANGES);
        let mark = format!("{round}.db.corrupt-");
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let aside: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(&mark)).collect();
        assert_eq!(aside.len(), 1, "{aside:?}");
        let kept = std::fs::read_to_string(folder.path().join(&aside[0])).unwrap();
        assert!(kept.contains("want it back"));
    }
}

#[test]
fn what_was_committed_survives_a_process_that_dies_in_mid_transaction() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    assert!(!start_child(&file, Some("PIPIT_TEST_DIE")).wait().unwrap().success());
    let store = Store::open(&file).unwrap();
    assert_eq!(store.warning(), None);
    assert_eq!(store.recent_exchanges(usize::MAX).unwrap().len(), EXCHANGES);
    assert_eq!(store.timers().unwrap().len(), EXCHANGES);
}

#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_can_read_what_was_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let _open = Store::open(&file).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}

#[test]
fn a_newer_pipits_file_is_left_alone_whatever_its_journal() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let newer = rusqlite::Connection::open(&file).unwrap();
    newer.execute_batch("CREATE TABLE something_new (x); PRAGMA user_version = 99;").unwrap();
    drop(newer);
    let before = std::fs::read(&file).unwrap();
    assert!(matches!(Store::open(&file), Err(pipit_store::StoreError::Newer { .. })));
    assert!(std::fs::read(&file).unwrap() == before, "the file was changed");
}
