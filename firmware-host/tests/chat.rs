//! `pipit chat` in a real terminal, with a language-model server that answers when the test says so.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::process::Stdio;
use std::time::Instant;

use support::recording::{TWELVE_TIMES_SEVEN, demo};
use support::server::{Requests, cut_after, nobody, streamed};
use support::sound_server::PATIENCE;
use support::terminal::Terminal;
use support::{Home, web};

/// A home whose language model answers when the test says so.
fn home_with_server() -> (Home, Requests) {
    let home = Home::new();
    let (requests, address) = Requests::listen();
    let chat = format!("[chat]\nprovider = \"openai\"\nmodel = \"test\"\nbase_url = \"http://{address}/v1\"\n");
    home.configure(&(home.usual_config() + &chat));
    (home, requests)
}

/// The rest of a reply of which `cut_after` was the beginning.
fn rest(words: &[&str]) -> String {
    streamed(words).split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn one_types_sees_the_reply_stream_finds_it_again_and_quits() {
    let (home, requests) = home_with_server();
    let terminal = Terminal::run(&home, (80, 24), "chat");
    terminal.shows(&["Hello, I am Pipit.", "F1 help", "no conversations"]);
    terminal.type_text("how far is the moon");
    terminal.press(&["Enter"]);
    let mut asked = requests.next();
    assert!(asked.last_message().contains("how far is the moon"));
    asked.begin(&cut_after(&["About 384,400 "]));
    terminal.shows(&["> how far is the moon", "About 384,400", "on this device", "Pipit answers"]);
    asked.answer(&rest(&["kilometres."]));
    terminal.shows(&["About 384,400 kilometres.", "Message"]);
    // The conversation gets a title while nobody waits.
    requests.next().answer(&streamed(&["The moon"]));
    terminal.shows(&["* The moon"]);

    terminal.resize(40, 12);
    terminal.shows_no("* The moon");
    terminal.press(&["C-f"]);
    terminal.type_text("kilom");
    terminal.shows(&["Enter open", "  About 384,400 kilometres."]);
    terminal.press(&["Enter"]);
    terminal.shows(&["|", "e edit"]);
    terminal.press(&["C-c"]);
    let screen = terminal.ended_with(0);
    assert!(!screen.contains("384,400"), "the screen is as it was before: {screen}");
    assert!(home.pipit(["conversations", "list"]).succeeded().out.contains("The moon"));
}

#[test]
fn what_needs_no_server_is_answered_edited_and_deleted_without_one() {
    let home = Home::new();
    let terminal = Terminal::run(&home, (80, 24), "chat");
    terminal.shows(&["F1 help"]);
    terminal.type_text("what is two plus two");
    terminal.press(&["Enter"]);
    terminal.shows(&["That's 4.", "answered offline", "* what is two plus two"]);
    terminal.press(&["Up"]);
    terminal.shows(&["Change what you said"]);
    terminal.press(&["C-w"]);
    terminal.type_text("three");
    terminal.press(&["Enter"]);
    // Nothing can be deleted before the reply is kept.
    terminal.shows(&["That's 5.", "Message"]);
    terminal.shows_no("That's 4.");
    terminal.press(&["Tab", "d"]);
    terminal.shows(&["Delete for good?"]);
    terminal.press(&["y"]);
    terminal.shows_no("That's 5.");
    terminal.press(&["C-p"]);
    terminal.shows(&["web.listen is empty"]);
    terminal.press(&["C-c"]);
    terminal.ended_with(0);
    assert!(!home.pipit(["conversations", "search", "three"]).out.contains("three"));
}

#[test]
fn what_was_shown_is_kept_when_the_connection_breaks() {
    let (home, requests) = home_with_server();
    let terminal = Terminal::run(&home, (80, 24), "chat");
    terminal.shows(&["F1 help"]);
    terminal.type_text("tell me a story");
    terminal.press(&["Enter"]);
    let mut asked = requests.next();
    asked.begin(&cut_after(&["Once upon "]));
    terminal.shows(&["Once upon"]);
    terminal.hang_up();
    let deadline = Instant::now() + PATIENCE;
    while !home.pipit(["conversations", "search", "upon"]).out.contains("Once upon") {
        assert!(Instant::now() < deadline, "nothing is kept");
    }
}

#[test]
fn a_reply_of_a_megabyte_is_shown_to_its_end_and_kept() {
    let (home, requests) = home_with_server();
    let terminal = Terminal::run(&home, (80, 24), "chat");
    terminal.shows(&["F1 help"]);
    terminal.type_text("tell me everything");
    terminal.press(&["Enter"]);
    let mut words = vec!["A piece of a long reply, which goes on and on. "; 22_000];
    words.push("That was all.");
    requests.next().answer(&streamed(&words));
    terminal.shows(&["That was all.", "Message"]);
    terminal.press(&["PPage"]);
    terminal.shows(&["lines below"]);
    terminal.resize(40, 12);
    // A key that comes together with the signal for it waits for the next key (crossterm 0.29).
    terminal.shows_no("on this device");
    terminal.press(&["NPage", "C-c"]);
    terminal.ended_with(0);
    assert!(home.pipit(["conversations", "search", "all"]).succeeded().out.contains("A piece of a long reply"));
}

#[test]
fn what_fails_is_told_and_no_empty_conversation_is_left() {
    let home = Home::new();
    let down = format!("[chat]\nprovider = \"openai\"\nmodel = \"test\"\nbase_url = \"http://{}/v1\"\n", nobody());
    home.configure(&(home.usual_config() + &down));
    let terminal = Terminal::run(&home, (80, 24), "chat");
    terminal.shows(&["F1 help"]);
    terminal.type_text("who wrote Hamlet");
    terminal.press(&["Enter"]);
    let screen = terminal.shows(&["> who wrote Hamlet", "Ctrl+R asks again", "no conversations"]);
    assert!(screen.contains("openai-compatible") && !screen.contains("127.0.0.1"), "{screen}");
    terminal.press(&["Escape"]);
    terminal.shows(&["Hello, I am Pipit."]);
    terminal.press(&["C-c"]);
    terminal.ended_with(0);
}

#[test]
fn what_the_daemon_does_is_shown_while_it_runs() {
    let home = Home::new();
    let (address, recording) = (web::free_address(), demo(TWELVE_TIMES_SEVEN));
    let listen = format!("[web]\nlisten = \"{address}\"\n");
    home.configure(&home.usual_config().replace("[web]\nlisten = \"\"\n", &listen));
    let terminal = Terminal::run(&home, (80, 24), "chat");
    terminal.shows(&["F1 help"]);
    terminal.press(&["C-p"]);
    terminal.shows(&["No daemon is heard", "`pipit run` starts it"]);
    let mut run = home.command();
    run.arg("--set=audio.backend=wav").arg(format!("--set=audio.input={}", recording.display())).arg("run");
    let mut daemon = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It hears a request, and what each stage of the answer took is drawn.
    terminal.shows(&["idle", "dB", "1 turns", "transcript", "first audio"]);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    terminal.shows(&["`pipit run` starts it"]);
    terminal.press(&["C-c"]);
    terminal.ended_with(0);
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    Home::new().pipit(["chat"]).failed_saying(&["needs a terminal", "pipit ask"]);
}
