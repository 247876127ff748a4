//! `pipit ask`: the chat core in writing, offline and with language-model servers of every temper.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use serde_json::{Value, json};
use support::server::{Server, cut_after, nobody, streamed};
use support::{Home, Said};

#[test]
fn what_needs_no_server_is_answered_without_one() {
    let home = Home::new();
    assert!(home.ask("What's twelve times seven?").contains("84"));
    let time = home.ask("what time is it");
    assert!(time.chars().any(|c| c.is_ascii_digit()), "{time}");
    assert!(home.ask("set a timer for ten minutes").contains("10 minutes"));
    // A timer outlives the process that set it.
    let one = home.ask("what timers do I have");
    assert!(one.contains("left"), "{one}");
    assert!(home.ask("add five minutes to the timer").contains("left now"));
    // A second or more may have gone by.
    let says = |said: String, before: &str, minutes: u8| {
        let either = [minutes, minutes - 1].map(|minutes| format!("{before} {minutes} minutes"));
        assert!(either.iter().any(|expected| said.contains(expected)), "{said}");
    };
    says(home.ask("pause the timer"), "paused, with", 15);
    says(home.ask("how long is left"), "is paused with", 15);
    says(home.ask("take ten minutes off"), "has", 5);
    assert!(home.ask("resume the timer").contains("running again"));
    home.ask("cancel all timers");
    let none = home.ask("what timers do I have");
    assert!(none.contains("no timers"), "{none}");
}

#[test]
fn words_need_no_quotes() {
    let home = Home::new();
    assert!(home.pipit(["ask", "what", "is", "two", "plus", "two"]).succeeded().out.contains('4'));
}

#[test]
fn without_a_server_one_sentence_says_what_pipit_can_do() {
    let home = Home::new();
    let sentence = home.ask("who wrote Hamlet");
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    assert_eq!(sentence.matches('.').count(), 1, "{sentence}");
    assert!(sentence.contains("timers") && sentence.contains("time"), "{sentence}");
}

#[test]
fn odd_requests_are_answered() {
    let home = Home::new();
    let long = "why ".repeat(10_000);
    for odd in ["", " ", "?", "🐦", "what time is it\0"[..15].trim(), "Wie spät ist es?", "../../etc/passwd", &long]
    {
        let said = home.pipit(["ask", "--", odd]).succeeded();
        assert!(!said.out.trim().is_empty(), "{odd:?}: {said:?}");
    }
    home.pipit(["ask", "--", "-"]).succeeded();
}

#[test]
fn a_reply_is_streamed_and_is_context_for_the_next() {
    let home = Home::new();
    let server = Server::answering(streamed(&["William ", "Shake", "speare."]));
    home.configure(&(home.usual_config() + &server.config()));
    assert_eq!(home.ask("who wrote Hamlet"), "William Shakespeare.");
    assert_eq!(home.ask("who else"), "William Shakespeare.");
    assert_eq!(home.ask("repeat that"), "William Shakespeare.");
    let asked = server.asked();
    assert_eq!(asked.len(), 2, "what is understood offline is nobody else's business: {asked:?}");
    assert!(contents(&asked[1]).contains("who wrote Hamlet") && contents(&asked[1]).contains("William Shakespeare."));
}

/// A failed exchange would make the next server answer it, and would be what "repeat that" repeats.
#[test]
fn a_server_that_fails_leaves_the_history_as_it_was() {
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 18\r\n\r\n<html>Hello</html>";
    let refusal = json!({ "error": { "message": "Incorrect API key provided: sk-12345" } }).to_string();
    let refused = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{refusal}", refusal.len());
    let unwell = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy";
    let cases = [
        (Server::answering(html), "check the provider and the server's address"),
        (Server::answering(cut_after(&["To be, ", "or "])), "ask again"),
        (Server::answering(""), "openai-compatible"),
        (Server::answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), "check the model's name"),
        (Server::answering(refused), "check the key"),
        (Server::answering(unwell), "check that it runs"),
        (Server::answering("SSH-2.0-OpenSSH_9.2p1\r\n"), "check"),
    ];
    let home = Home::new();
    let good = Server::answering(streamed(&["Shakespeare."]));
    home.configure(&(home.usual_config() + &good.config()));
    home.ask("who wrote Hamlet");
    for (server, remedy) in cases {
        home.configure(&(home.usual_config() + &server.config()));
        let said = home.pipit(["ask", "what follows to be or not to be"]).failed_saying(&["openai-compatible", remedy]);
        assert!(!said.err.contains("127.0.0.1"), "no address is shown: {said:?}");
        assert!(!server.asked().is_empty(), "the server was asked");
        assert_eq!(home.ask("repeat that"), "Shakespeare.", "after {remedy}");
    }
    down(&home).failed_saying(&["openai-compatible", "check that it runs and can be reached"]);
    home.configure(&(home.usual_config() + &good.config()));
    good.asked();
    home.ask("and who wrote Faust");
    let history = contents(&good.asked()[0]);
    assert!(history.contains("who wrote Hamlet") && !history.contains("what follows"), "{history}");
}

#[test]
fn a_key_is_never_shown() {
    let home = Home::new();
    let echo = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 21\r\n\r\nsk-very-secret-key no";
    let server = Server::answering(echo);
    home.configure(&(home.usual_config() + &server.config() + "api_key_env = \"MY_KEY\"\n"));
    home.pipit(["ask", "who wrote Hamlet"]).failed_saying(&["MY_KEY", "not set"]);
    let mut command = home.command();
    command.env("MY_KEY", "sk-very-secret-key").env("RUST_LOG", "trace").args(["ask", "who wrote Hamlet"]);
    let said = Said::of(command.output().unwrap());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(!said.err.contains("very-secret") && !said.out.contains("very-secret"), "{said:?}");
}

#[test]
fn a_history_that_cannot_be_opened_is_named_and_not_touched() {
    let home = Home::new();
    let database = home.file("state/pipit.db", "this is no database, and somebody may want it back".repeat(100));
    let before = std::fs::read(&database).unwrap();
    let said = home.pipit(["ask", "what time is it"]);
    // It is moved aside and told of, or refused: in either case nothing is lost.
    assert!(said.err.contains("pipit.db"), "{said:?}");
    let kept = std::fs::read_dir(home.path("state")).unwrap();
    assert!(kept.map(|file| std::fs::read(file.unwrap().path()).unwrap()).any(|content| content == before));
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named_with_what_to_do() {
    let home = Home::new();
    let blocked = home.file("state", "a file where the folder should be");
    home.pipit(["ask", "what time is it"]).failed_saying(&[blocked.to_str().unwrap(), "state.dir"]);
}

#[test]
fn a_full_disk_loses_nothing_that_was_stored() {
    let home = Home::new();
    let reply = home.ask("what is six times seven");
    let said = Said::of(home.short_of_space(1).args(["ask", "what is two plus two"]).output().unwrap());
    said.failed_saying(&["state.dir", "full"]);
    assert_eq!(home.ask("repeat that"), reply);
}

/// Asks a server at an address where nobody listens.
fn down(home: &Home) -> Said {
    home.pipit(["--set", &format!("chat.base_url=http://{}/v1", nobody()), "ask", "who wrote Hamlet"])
}

fn contents(messages: &Value) -> String {
    messages
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}
