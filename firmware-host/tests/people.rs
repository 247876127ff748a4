//! People, secrets and the ledger at the command line, and what is left of those who want nothing left.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use support::server::{Server, streamed};
use support::{Home, Said};

/// Calls Pipit and types this.
fn typing<const N: usize>(home: &Home, arguments: [&str; N], typed: &str) -> Said {
    let mut command = home.command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that wants nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    Said::of(child.wait_with_output().unwrap())
}

/// The files under a folder with these words in them.
fn holding(folder: &Path, words: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap().to_ascii_lowercase();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    };
    files.into_iter().filter(holds).chain(folders.iter().flat_map(|folder| holding(folder, words))).collect()
}

#[test]
fn people_come_and_go() {
    let home = Home::new();
    home.pipit(["people", "add", "Ann"]).succeeded();
    typing(&home, ["people", "add", "Ben", "--private"], "correct horse\n").succeeded();
    home.pipit(["people", "add", "Eve", "--ephemeral", "--guest"]).succeeded();
    home.pipit(["people", "add", "ann"]).failed_saying(&["is called that already"]);
    typing(&home, ["people", "pin", "Ann"], "12\n").failed_saying(&["4 to 12 digits"]);
    typing(&home, ["people", "pin", "Ann"], "4711\n").succeeded();
    assert_eq!(
        home.pipit(["people", "list"]).succeeded().out,
        "owner  owner   standard\nAnn    member  standard  PIN\nBen    member  private\nEve    guest   ephemeral\n"
    );
    typing(&home, ["people", "pin", "Ann", "--check"], "4711\n").succeeded();
    typing(&home, ["people", "pin", "Ann", "--check"], "4712\n").failed_saying(&["not the PIN"]);
    typing(&home, ["people", "password", "Ann"], "password1\n")
        .failed_saying(&["one of the first that anybody would try"]);
    typing(&home, ["people", "password", "Ann"], "a pile of green coats\n").succeeded();
    typing(&home, ["people", "password", "Ben"], "a pile of green coats\n").failed_saying(&["only the passphrase"]);
    typing(&home, ["people", "passphrase", "Ben"], "wrong\nbattery staple\n").failed_saying(&["not the passphrase"]);
    typing(&home, ["people", "passphrase", "Ben"], "correct horse\nbattery staple\n").succeeded();

    home.pipit(["people", "remove", "Ann"]).succeeded();
    home.pipit(["people", "remove", "Ben"]).failed_saying(&["pipit people erase"]);
    typing(&home, ["people", "erase", "Ben"], "no\n").failed_saying(&["Nothing was erased"]);
    typing(&home, ["people", "erase", "Ben"], "ben\n").succeeded();
    home.pipit(["people", "erase", "Ben", "--yes"]).failed_saying(&["nobody is called that"]);
    assert_eq!(home.pipit(["people", "list"]).out, "owner  owner   standard\nEve    guest   ephemeral\n");
    assert_eq!(holding(&home.path("state"), "horse"), Vec::<PathBuf>::new());
}

#[test]
fn a_lost_key_is_said_and_pipit_answers_all_the_same() {
    let home = Home::new();
    home.ask("remember that I park on level two");
    let (key, aside) = (home.path("state/pipit.db.key"), home.path("aside"));
    fs::rename(&key, &aside).unwrap();
    let said = ["pipit.db.key", "1 remembered facts of owner", "begin-anew"];
    home.pipit(["memory", "list"]).failed_saying(&said);
    home.pipit(["ask", "where do I park"]).succeeded().said(&said).said(&["in memory only"]);
    fs::rename(&aside, &key).unwrap();
    assert_eq!(home.ask("where do I park"), "You told me that you park on level two.");
    home.pipit(["people", "begin-anew"]).failed_saying(&["nothing to begin anew"]);
    fs::remove_file(&key).unwrap();
    home.pipit(["people", "begin-anew"]).succeeded();
    assert!(home.pipit(["memory", "list"]).succeeded().out.contains("Nothing is remembered yet"));
}

#[test]
fn an_api_key_is_kept_sealed_and_used() {
    let (home, server) = (Home::new(), Server::answering(streamed(&["Far ", "away."])));
    home.configure(&format!("{}{}api_key_secret = \"cloud\"\n", home.usual_config(), server.config()));
    home.pipit(["ask", "how far is the moon"]).failed_saying(&["pipit secrets set cloud"]);
    assert!(home.pipit(["providers", "list"]).succeeded().out.contains("KEY IS MISSING"));
    typing(&home, ["secrets", "set", "cloud"], "").failed_saying(&["no secret on standard input"]);
    typing(&home, ["secrets", "set", "cloud"], "sk-zanzibar\n").succeeded();
    assert_eq!(home.pipit(["secrets", "list"]).succeeded().out, "cloud\n");
    assert_eq!(home.ask("how far is the moon"), "Far away.");
    assert_eq!(holding(&home.path("state"), "sk-zanzibar"), Vec::<PathBuf>::new());
    home.pipit(["secrets", "remove", "cloud"]).succeeded();
    home.pipit(["secrets", "remove", "cloud"]).failed_saying(&["pipit secrets list"]);
}

#[test]
fn the_ledger_tells_what_left_the_house() {
    let (home, server) = (Home::new(), Server::answering(streamed(&["Far away."])));
    home.configure(&format!("{}{}", home.usual_config(), server.config()));
    assert!(home.pipit(["ledger"]).succeeded().out.contains("Nothing was sent"));
    home.ask("how far is the moon");
    home.ask("and how far is the sun");
    let entries = home.pipit(["ledger"]).succeeded().out;
    assert_eq!(entries.lines().count(), 2, "{entries}");
    assert!(entries.contains("chat") && entries.contains("127.0.0.1 (openai-compatible, "), "{entries}");
    let sums = home.pipit(["ledger", "--by-host"]).succeeded().out;
    assert!(sums.starts_with("127.0.0.1 ") && sums.contains("2 requests"), "{sums}");
    assert!(!entries.contains("moon"));
}

#[test]
fn of_an_ephemeral_session_nothing_is_left() {
    let (home, server) = (Home::new(), Server::answering(streamed(&["The Zanzibarian moon."])));
    home.configure(&format!("{}{}[privacy]\nephemeral = true\n", home.usual_config(), server.config()));
    assert_eq!(home.pipit(["ask", "how far is the zanzibarian moon"]).succeeded().err, "");
    home.ask("remember that zanzibarian is my word");
    home.ask("set a zanzibarian timer for 8 minutes");
    assert_eq!(server.asked().len(), 1);
    assert_eq!(holding(&home.path(""), "zanzibarian"), Vec::<PathBuf>::new());
    assert!(home.pipit(["conversations", "list"]).succeeded().out.contains("no conversations yet"));
    assert!(home.pipit(["ledger"]).succeeded().out.contains("Nothing was sent"));
    assert!(home.ask("how much time is left on my timer").contains("minutes"), "the device's timer runs");
}

#[test]
fn each_has_a_memory_and_a_history_of_their_own() {
    let home = Home::new();
    home.pipit(["people", "add", "Ann"]).succeeded();
    typing(&home, ["people", "add", "Ben", "--private"], "correct horse\n").succeeded();
    home.ask("remember that I park on level two");
    home.pipit(["ask", "--as", "ann", "remember that I park on level nine"]).succeeded();
    typing(&home, ["ask", "--as", "Ben", "remember that I park at the zanzibar"], "correct horse\n").succeeded();
    home.pipit(["ask", "--guest", "remember that I park at the zanzibar"]).succeeded();

    assert_eq!(home.ask("where do I park"), "You told me that you park on level two.");
    let said = home.pipit(["ask", "--as", "Ann", "where do I park"]).succeeded().out;
    assert_eq!(said.trim_end(), "You told me that you park on level nine.");
    let said = typing(&home, ["memory", "list", "--as", "Ben"], "correct horse\n").succeeded().out;
    assert!(said.contains("zanzibar") && said.lines().count() == 1, "{said}");
    typing(&home, ["memory", "list", "--as", "Ben"], "wrong\n").failed_saying(&["not the passphrase"]);
    typing(&home, ["ask", "--as", "Ben", "where do I park"], "").failed_saying(&["no passphrase on standard input"]);
    home.pipit(["conversations", "list", "--as", "Eve"]).failed_saying(&["nobody is called that"]);
    assert!(
        home.pipit(["ask", "--guest", "what do you remember"]).succeeded().out.contains("told me to remember anything")
    );
    assert_eq!(home.pipit(["conversations", "list", "--as", "Ann"]).succeeded().out.lines().count(), 1);
    assert_eq!(holding(&home.path("state"), "zanzibar"), Vec::<PathBuf>::new());
}
