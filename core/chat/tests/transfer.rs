//! Conversations out of a store and into another, and files that are no such thing.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use jiff::Timestamp;
use pipit_chat::transfer::{TransferError, export, import};
use pipit_core::chat::{Door, Exchange};
use pipit_store::{Carried, Message, NewReply, NewTurn, Said, Store};
use tempfile::TempDir;

fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("pipit.db")).unwrap();
    (folder, store)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_123 + 1000 * second).unwrap()
}

/// Two conversations, of which one has everything that one can have.
fn fill(store: &Store) {
    let exchange = Exchange { asked: "what time is it".to_owned(), heard: "It's noon.".to_owned() };
    store.add_exchange(Door::Voice, at(0), &exchange).unwrap();
    let id = store.create_conversation("Untitled", at(1)).unwrap();
    store.set_system_prompt(id, Some("Answer in \"verse\".")).unwrap();
    let turn = |n: i64, heard: Option<&str>| NewTurn {
        door: None,
        request: Said { at: at(n), text: format!("Line\n{n} \u{1F426} \\") },
        reply: NewReply { at: at(n + 1), text: "Whole reply.".to_owned(), heard: heard.map(str::to_owned) },
    };
    store.append(id, &turn(9, None)).unwrap();
    let last = store.append(id, &turn(3, Some("Whole"))).unwrap();
    store.edit(last.request, &turn(5, Some("Whole"))).unwrap();
}

/// Everything that is to be the same after a journey.
fn content(store: &Store) -> Vec<String> {
    let described = |message: Message| {
        format!("  {:?} {:?} {} {:?} {:?}", message.role, message.door, message.at, message.text, message.heard)
    };
    let mut lines = Vec::new();
    for conversation in store.conversations(None, usize::MAX).unwrap() {
        let messages = store.messages(conversation.id, None, usize::MAX).unwrap();
        lines.push(format!("{:?}", pipit_store::Conversation { id: pipit_store::ConversationId(0), ..conversation }));
        lines.extend(messages.into_iter().map(described));
    }
    lines
}

fn exported(store: &Store) -> Vec<u8> {
    let mut file = Vec::new();
    assert_eq!(export(store, &[], &mut file).unwrap(), 2);
    file
}

#[test]
fn what_was_exported_is_the_same_where_it_is_imported_and_is_there_once() {
    let (_one, from) = store();
    fill(&from);
    let file = exported(&from);
    let (_two, to) = store();
    assert_eq!(import(&to, &*file).unwrap(), Carried { added: 2, already_here: 0 });
    assert_eq!(content(&to), content(&from));
    assert_eq!(import(&to, &*file).unwrap(), Carried { added: 0, already_here: 2 });
    assert_eq!(import(&from, &*file).unwrap(), Carried { added: 0, already_here: 2 });
    assert_eq!(content(&to), content(&from));
    assert_eq!(exported(&to), file);
    assert_eq!(to.search("whole reply", 9).unwrap().messages.len(), 2, "an edit's earlier version stays at home");
}

#[test]
fn no_part_of_a_file_is_taken_for_the_whole() {
    let (_one, from) = store();
    fill(&from);
    let file = exported(&from);
    let (_two, to) = store();
    for end in 0..file.trim_ascii_end().len() {
        let error = import(&to, &file[..end]).unwrap_err();
        assert!(matches!(error, TransferError::Cut { .. }), "{end}: {error}");
    }
    assert!(to.conversations(None, 9).unwrap().is_empty());
}

#[test]
fn each_file_that_is_wrong_is_refused_with_what_is_wrong_about_it() {
    let good = r#"{"format":"pipit-conversations","version":1,"conversations":[{"key":"a1","title":"T",
        "created":"2026-11-24T08:00:00Z","changed":"2026-11-24T08:00:00Z","messages":[
        {"role":"user","at":"2026-11-24T08:00:00Z","text":"a"},
        {"role":"assistant","at":"2026-11-24T08:00:00Z","text":"b"}]}]}"#;
    let (_folder, store) = store();
    let swapped = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let long = "x".repeat(pipit_chat::transfer::LONGEST_TEXT + 1);
    for (file, words) in [
        ("<html>Not found</html>".to_owned(), "not JSON"),
        ("\u{0}\u{1}\u{2}".to_owned(), "not JSON"),
        (swapped("\"text\":\"a\"", "\"text\":\"\u{7}\""), "not JSON"),
        (format!("{good} {good}"), "not JSON"),
        ("[]".to_owned(), "no conversations of Pipit"),
        ("{\"conversations\":[]}".to_owned(), "no conversations of Pipit"),
        (swapped("pipit-conversations", "chatgpt"), "no conversations of Pipit"),
        (swapped("\"version\":1", "\"version\":2"), "version 2"),
        (swapped("\"version\":1", "\"version\":\"1\""), "no conversations of Pipit"),
        (swapped("\"text\":\"a\"", "\"text\":7"), "invalid type"),
        (swapped("\"text\":\"a\"", "\"text\":\"a\",\"tool\":{}"), "unknown field"),
        (swapped("\"title\":\"T\",", ""), "missing field `title`"),
        (swapped("\"title\":\"T\"", "\"title\":\" \""), "no title"),
        (swapped("\"title\":\"T\"", &format!("\"title\":\"{}\"", &long[..2000])), "too long"),
        (swapped("\"a1\"", "\"a'1\""), "letters and digits"),
        (swapped("\"text\":\"b\"", &format!("\"text\":\"{long}\"")), "longer than 4 MB"),
        (swapped("2026-11-24T08:00:00Z", "yesterday"), "a time must be like"),
        (swapped("2026-11-24T08:00:00Z", "9999999-11-24T08:00:00Z"), "a time must be like"),
        (swapped("\"role\":\"assistant\"", "\"role\":\"user\""), "by turns"),
        (swapped("\"role\":\"assistant\"", "\"role\":\"system\""), "unknown variant"),
        (swapped("\"text\":\"a\"", "\"text\":\"a\",\"heard\":\"a\""), "only replies"),
        (swapped(",\n        {\"role\":\"assistant\",\"at\":\"2026-11-24T08:00:00Z\",\"text\":\"b\"}", ""), "no reply"),
    ] {
        let error = import(&store, file.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(store.conversations(None, 9).unwrap().is_empty(), "{error}");
    }
    // One that is wrong keeps the good one before it out.
    let second = good.replace(
        "{\"key\":\"a1\"",
        "{\"key\":\"a2\",\"title\":\"T\",\"created\":\"2026-11-24T08:00:00Z\",\
        \"changed\":\"2026-11-24T08:00:00Z\",\"messages\":[]},{\"key\":\"a 3\"",
    );
    assert!(import(&store, second.as_bytes()).unwrap_err().to_string().contains("conversation 2"));
    assert!(store.conversations(None, 9).unwrap().is_empty());
    assert_eq!(import(&store, good.as_bytes()).unwrap().added, 1);
}
