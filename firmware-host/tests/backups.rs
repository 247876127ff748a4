//! Backups and the way back, by the real program: at the command line, at a start, and when that fails.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use pipit_store::Store;
use support::{Home, Said};

const PASSPHRASE: &str = "four wet green herons";

/// Calls Pipit and types this.
fn typing<const N: usize>(home: &Home, arguments: [&str; N], typed: &str) -> Said {
    typing_at(home.command(), arguments, typed)
}

fn typing_at<const N: usize>(mut command: Command, arguments: [&str; N], typed: &str) -> Said {
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that wants nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    Said::of(child.wait_with_output().unwrap())
}

/// Starts the daemon, lets it end once it listens, and gives its log.
fn started(home: &Home) -> String {
    let mut daemon = home.command().arg("run").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = String::new();
    let mut told = false;
    for line in BufReader::new(daemon.stderr.take().unwrap()).lines().map_while(Result::ok) {
        log += &(line + "\n");
        // The models have loaded, so that it is up.
        if !told && log.contains("voice: ") && log.contains("recogniser: ") {
            told = true;
            let kill = format!("kill -TERM {}", daemon.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        }
    }
    assert!(daemon.wait().unwrap().success(), "{log}");
    log
}

fn remembered(home: &Home) -> String {
    home.pipit(["memory", "list"]).succeeded().out
}

fn folders(home: &Home, beginning: &str) -> Vec<String> {
    let entries =
        fs::read_dir(home.path("state")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name.starts_with(beginning)).collect()
}

/// A backup of a device that knows something, and another device that knows something else.
fn two(home: &Home) -> Home {
    home.ask("remember that the wren sings");
    fs::write(home.path("state/settings.toml"), "[audio]\nvolume = 30\n").unwrap();
    typing(home, ["backup", "kept.backup"], "too short\n").failed_saying(&["at least 12 characters"]);
    typing(home, ["backup", "kept.backup"], &format!("{PASSPHRASE}\n")).succeeded();
    typing(home, ["backup", "kept.backup"], &format!("{PASSPHRASE}\n")).failed_saying(&["is there already"]);
    let other = Home::new();
    fs::copy(home.path("kept.backup"), other.path("kept.backup")).unwrap();
    other.ask("remember that the bin is red");
    other
}

#[test]
fn a_backup_is_restored_on_another_device_at_its_next_start() {
    let home = Home::new();
    let other = two(&home);
    typing(&other, ["restore", "kept.backup"], "four wet green heron\n").failed_saying(&["not the passphrase"]);
    typing(&other, ["restore", "pipit.toml"], "four wet green herons\n").failed_saying(&["not a backup of Pipit's"]);
    let declined = typing(&other, ["restore", "kept.backup"], &format!("{PASSPHRASE}\nno\n"));
    declined.failed_saying(&["Nothing was restored"]);
    assert!(!started(&other).contains("restore"));
    assert!(remembered(&other).contains("the bin is red"));

    let shown = typing(&other, ["restore", "kept.backup"], &format!("{PASSPHRASE}\nrestore\n")).succeeded().out;
    assert!(shown.contains("1 things to remember"), "{shown}");
    assert!(remembered(&other).contains("the bin is red"), "nothing has changed until the next start");
    let log = started(&other);
    assert!(log.contains("Pipit goes on with what was restored"), "{log}");
    assert_eq!(remembered(&other), remembered(&home));
    assert_eq!(fs::read_to_string(other.path("state/settings.toml")).unwrap(), "[audio]\nvolume = 30\n");
    assert!(fs::read_to_string(other.path("state/pipit.toml.restored")).unwrap().contains("pipit-nano-en"));
    let kept = folders(&other, "before-restore-");
    let old = Store::open(&other.path("state").join(&kept[0]).join("pipit.db")).unwrap();
    assert_eq!(old.facts().unwrap()[0].text, "the bin is red");
    assert!(!started(&other).contains("restore"), "it is done once");
}

#[test]
fn what_pipit_does_not_come_up_with_is_not_gone_on_with() {
    let home = Home::new();
    let other = two(&home);
    typing(&other, ["restore", "--yes", "kept.backup"], &format!("{PASSPHRASE}\n")).succeeded();
    // Something goes wrong with it between the trial and the start.
    harm(&other.path("state/backup/confirmed/pipit.db"));
    let log = started(&other);
    assert!(log.contains("what was there is put back"), "{log}");
    assert!(remembered(&other).contains("the bin is red"));
    assert_eq!((folders(&other, "before-restore-").len(), folders(&other, "failed-restore-").len()), (0, 1));
}

/// As a newer Pipit would have written it.
fn harm(database: &Path) {
    let database = rusqlite::Connection::open(database).unwrap();
    database.execute_batch("PRAGMA user_version = 99; CREATE TABLE newer (id INTEGER);").unwrap();
}

#[test]
fn a_backup_for_which_there_is_no_room_leaves_nothing_behind() {
    let home = Home::new();
    home.ask("remember that the wren sings");
    let said = typing_at(home.short_of_space(64), ["backup", "kept.backup"], &format!("{PASSPHRASE}\n"));
    said.failed_saying(&["disk"]);
    let left: Vec<_> = fs::read_dir(home.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("kept")), "{left:?}");
    assert!(remembered(&home).contains("the wren sings"));
}
