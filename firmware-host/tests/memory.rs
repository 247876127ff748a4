//! What Pipit is told to remember: by voice or in words, and by hand.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use support::{Home, Said};

fn memory<const N: usize>(home: &Home, arguments: [&str; N]) -> Said {
    home.pipit(["memory"].into_iter().chain(arguments))
}

#[test]
fn a_fact_is_told_seen_used_and_forgotten() {
    let home = Home::new();
    assert!(memory(&home, ["list"]).succeeded().out.contains("Nothing is remembered yet"));
    assert_eq!(home.ask("remember that I park on level two"), "I'll remember that you park on level two.");
    memory(&home, ["add", "the", "spare key is under the pot"]).succeeded();
    let list = memory(&home, ["list"]).succeeded().out;
    assert_eq!(list, "     1  I park on level two\n     2  the spare key is under the pot\n");
    assert_eq!(home.ask("where do I park"), "You told me that you park on level two.");
    memory(&home, ["forget", "2"]).succeeded();
    assert_eq!(home.ask("what do you remember"), "You told me that you park on level two.");
    assert_eq!(home.ask("remember that we are leaving at 9"), "I'll remember that we are leaving at 9.");
    assert_eq!(home.ask("forget that"), "I have forgotten that we are leaving at 9.");
    assert_eq!(memory(&home, ["list"]).succeeded().out.lines().count(), 1);
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let home = Home::new();
    memory(&home, ["forget", "7"]).failed_saying(&["nothing is remembered under 7", "pipit memory list"]);
    memory(&home, ["add", " "]).failed_saying(&["nothing in it to remember"]);
}
