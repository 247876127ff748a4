//! What is left of the terminal when something fails as it never should. The chat in it is this test program again.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use pipit_chat::{Engine, EngineSettings};
use pipit_store::Store;
use tokio::sync::mpsc;

use super::super::run::{EVENTS, run};
use super::super::state::State;
use super::super::view::Look;
use super::super::work::Work;

const FOLDER: &str = "PIPIT_TEST_CHAT";

/// Runs only as a child of the test below: a chat whose engine panics as soon as it is asked.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = Store::open(&std::path::Path::new(&folder).join("pipit.db")).unwrap();
    let settings = EngineSettings::default();
    let engine = Engine::new(settings, store.clone(), Arc::new(|| panic!("the clock has stopped"))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        let (sender, events) = mpsc::channel(EVENTS);
        let work = Work::new(engine, store, None, sender.clone());
        run(State::new(None), work, (sender, events), Look::new(true)).await
    });
    outcome.unwrap();
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let chat = format!(
        "stty rows 24 cols 80; '{}' --exact cli::chat::tests::panics::child --nocapture; echo ended with $?; stty -a",
        program.display()
    );
    let mut terminal = Command::new("script")
        .args(["--quiet", "--command", &chat, "/dev/null"])
        .env(FOLDER, folder.path())
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script is there: it is in Debian's package bsdutils, which every system has");
    let (mut keys, mut shown) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let (mut seen, mut piece) = (String::new(), [0; 4096]);
    while !seen.contains("F1 help") {
        let length = shown.read(&mut piece).unwrap();
        assert!(length > 0, "the chat has ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    assert!(seen.contains("\u{1b}[?1049h"), "it has the screen for itself");
    keys.write_all(b"hello\r").unwrap();
    let mut rest = Vec::new();
    shown.read_to_end(&mut rest).unwrap();
    terminal.wait().unwrap();
    let rest = String::from_utf8_lossy(&rest);
    let at = |words: &str| rest.find(words).unwrap_or_else(|| panic!("{words:?} is missing in {rest:?}"));
    assert!(at("\u{1b}[?1049l") < at("the clock has stopped"), "it is shown on the screen that stays: {rest:?}");
    assert!(at("the clock has stopped") < at("ended with 101"));
    let settings = &rest[at("ended with")..];
    for switched_on in ["icanon", "echo", "isig"] {
        assert!(settings.split_whitespace().any(|word| word == switched_on), "{switched_on} is off: {settings}");
    }
}
