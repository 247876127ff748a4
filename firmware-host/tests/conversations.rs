//! `pipit conversations`: what was said, listed, shown, found, renamed, deleted, and carried to another home.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use support::{Home, Said};

/// A home where something was said: the standing conversation has number 1.
fn home() -> Home {
    let home = Home::new();
    home.ask("what is six times seven");
    home.ask("set a timer for ten minutes");
    home
}

fn conversations<const N: usize>(home: &Home, arguments: [&str; N]) -> Said {
    home.pipit(["conversations"].into_iter().chain(arguments))
}

#[test]
fn what_was_said_is_listed_shown_found_and_renamed() {
    let home = home();
    let list = conversations(&home, ["list"]).succeeded().out;
    assert!(list.contains("     1  20") && list.contains("Voice and terminal"), "{list}");
    let shown = conversations(&home, ["show", "1"]).succeeded().out;
    let at = |words: &str| shown.find(words).unwrap_or_else(|| panic!("`{words}` is missing: {shown}"));
    assert!(at("what is six times seven") < at("That's 42") && at("That's 42") < at("set a timer"), "{shown}");
    let found = conversations(&home, ["search", "times", "SEV"]).succeeded().out;
    assert!(found.contains("You: what is six times seven") && found.lines().count() == 1, "{found}");
    conversations(&home, ["rename", "1", "Sums", "and timers"]).succeeded();
    let found = conversations(&home, ["search", "sum"]).succeeded().out;
    assert!(found.contains("Sums and timers"), "{found}");
}

#[test]
fn a_conversation_that_is_deleted_is_gone_and_pipit_goes_on_without_it() {
    let home = home();
    assert!(conversations(&home, ["delete", "1"]).succeeded().out.contains("Voice and terminal"));
    conversations(&home, ["search", "seven"]).failed_saying(&["No message"]);
    assert!(conversations(&home, ["list"]).succeeded().out.contains("no conversations yet"));
    home.ask("what is two plus two");
    assert_eq!(conversations(&home, ["list"]).succeeded().out.lines().count(), 1);
}

#[test]
fn what_was_exported_is_imported_in_another_home_once() {
    let (here, there) = (home(), Home::new());
    let file = conversations(&here, ["export"]).succeeded().out;
    assert_eq!(conversations(&here, ["export", "1"]).succeeded().out, file);
    let path = there.file("carried.json", &file);
    let path = path.to_str().unwrap();
    assert!(conversations(&there, ["import", path]).succeeded().out.contains("1 imported, 0 here already"));
    assert!(conversations(&there, ["import", path]).succeeded().out.contains("0 imported, 1 here already"));
    assert_eq!(conversations(&there, ["export"]).succeeded().out, file);
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let home = home();
    for arguments in [&["show", "99"][..], &["delete", "99"], &["rename", "99", "a"], &["export", "1", "99"]] {
        let said = home.pipit(["conversations"].iter().chain(arguments));
        said.failed_saying(&["no conversation 99", "pipit conversations list"]);
    }
    conversations(&home, ["rename", "1", "  "]).failed_saying(&["title"]);
    assert!(conversations(&home, ["search", "--", "\"*(-", "NEAR"]).code == Some(1));
    let whole = conversations(&home, ["export"]).succeeded().out;
    let half = home.file("half.json", &whole[..whole.len() / 2]);
    conversations(&home, ["import", half.to_str().unwrap()]).failed_saying(&["half.json", "ends in the middle"]);
    let html = home.file("page.html", "<html>");
    conversations(&home, ["import", html.to_str().unwrap()]).failed_saying(&["page.html", "not JSON"]);
    conversations(&home, ["import", "nowhere.json"]).failed_saying(&["nowhere.json", "can't be read"]);
    assert_eq!(conversations(&home, ["export"]).succeeded().out, whole, "nothing has changed");
}

/// What a language model says could otherwise rename the terminal's window, or worse.
#[test]
fn what_was_said_commands_no_terminal() {
    let home = Home::new();
    let file = r#"{"format":"pipit-conversations","version":1,"conversations":[{"key":"a1","title":"T\u001b[2J",
        "created":"2026-11-24T08:00:00Z","changed":"2026-11-24T08:00:00Z","messages":[
        {"role":"user","at":"2026-11-24T08:00:00Z","text":"clear"},
        {"role":"assistant","at":"2026-11-24T08:00:00Z","text":"clear \u001b]0;x\u0007\u009b2J","heard":"clear \u001b[2J"}]}]}"#;
    let path = home.file("carried.json", file);
    conversations(&home, ["import", path.to_str().unwrap()]).succeeded();
    for arguments in [&["list"][..], &["show", "1"], &["search", "clear"]] {
        let out = home.pipit(["conversations"].iter().chain(arguments)).succeeded().out;
        assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
    }
}
