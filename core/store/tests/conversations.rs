//! Conversations and their messages: in which order they come, what an edit hides, and what is left of what was deleted.

use std::collections::HashSet;

use jiff::{Timestamp, ToSpan as _};
use pipit_core::chat::{Door, Exchange};
use pipit_store::{ConversationId, MadeOf, MessageId, NewReply, NewTurn, Said, Store, StoreError, Summary, TurnIds};
use tempfile::TempDir;

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a timestamp")
}

fn turn(request: &str, reply: &str) -> NewTurn {
    NewTurn { door: None, request: Said { at: noon(), text: request.to_owned() }, reply: new_reply(reply) }
}

fn new_reply(text: &str) -> NewReply {
    NewReply { at: noon(), text: text.to_owned(), heard: None }
}

/// A store in a folder of its own, with a conversation of three turns.
struct Home {
    folder: TempDir,
    store: Store,
    conversation: ConversationId,
    turns: Vec<TurnIds>,
}

impl Home {
    fn new() -> Home {
        let folder = TempDir::new().expect("a folder");
        let store = Store::open(&folder.path().join("pipit.db")).expect("a store");
        let conversation = store.create_conversation("New", noon()).expect("a conversation");
        let turns = ["one", "two", "three"]
            .map(|n| store.append(conversation, &turn(&format!("ask {n}"), &format!("say {n}"))).expect("a turn"));
        Home { folder, store, conversation, turns: turns.into() }
    }

    fn said(&self) -> Vec<String> {
        let messages = self.store.messages(self.conversation, None, usize::MAX).expect("messages");
        messages.into_iter().map(|message| message.text).collect()
    }

    fn found(&self, words: &str) -> Vec<String> {
        let found = self.store.search(words, 100).expect("a search");
        found.messages.into_iter().map(|(_, message)| message.text).collect()
    }
}

#[test]
fn a_page_goes_on_where_the_last_ended_even_if_that_was_deleted() {
    let home = Home::new();
    let first = home.store.messages(home.conversation, None, 3).unwrap();
    assert_eq!(first.iter().map(|message| &*message.text).collect::<Vec<_>>(), ["ask one", "say one", "ask two"]);
    home.store.delete_message(first[2].id).unwrap();
    let rest = home.store.messages(home.conversation, Some(first[2].id), 9).unwrap();
    assert_eq!(rest.iter().map(|message| &*message.text).collect::<Vec<_>>(), ["ask three", "say three"]);
    let last = home.store.last_messages(home.conversation, 3).unwrap();
    assert_eq!(last.iter().map(|message| &*message.text).collect::<Vec<_>>(), ["say one", "ask three", "say three"]);
}

#[test]
fn what_was_heard_and_where_it_was_said_is_kept() {
    let home = Home::new();
    let mut cut = turn("tell me a story", "Once upon a time there was a wren.");
    cut.door = Some(Door::Voice);
    cut.reply.heard = Some("Once upon".to_owned());
    home.store.append(home.conversation, &cut).unwrap();
    let last = home.store.last_messages(home.conversation, 2).unwrap();
    assert_eq!((last[0].said(), last[0].door), ("tell me a story", Some(Door::Voice)));
    assert_eq!((last[1].said(), last[1].text.len()), ("Once upon", 34));
}

#[test]
fn the_conversation_that_was_spoken_in_last_is_listed_first_whatever_the_clock_says() {
    let home = Home::new();
    let mut made = vec![home.conversation];
    for n in 1..5 {
        // Each is begun an hour before the last.
        made.push(home.store.create_conversation(&format!("Number {n}"), noon() - n.hours()).unwrap());
    }
    let mut early = turn("now", "Yes.");
    (early.request.at, early.reply.at) = (noon() - 9.hours(), noon() - 9.hours());
    home.store.append(made[1], &early).unwrap();
    home.store.append(home.conversation, &early).unwrap();

    let expected = [made[0], made[1], made[4], made[3], made[2]];
    let mut listed = Vec::new();
    loop {
        let page = home.store.conversations(listed.last().copied(), 2).unwrap();
        listed.extend(page.iter().map(|conversation| conversation.id));
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(listed, expected);
    assert_eq!(home.said().last().unwrap(), "Yes.");
    assert_eq!(home.store.conversation(made[1]).unwrap().changed, noon() - 9.hours());
}

#[test]
fn a_title_that_a_person_chose_stays() {
    let home = Home::new();
    let title = || home.store.conversation(home.conversation).unwrap().title;
    assert!(home.store.replace_temporary_title(home.conversation, "Counting").unwrap());
    assert!(!home.store.replace_temporary_title(home.conversation, "Numbers").unwrap());
    assert_eq!(title(), "Counting");
    home.store.rename_conversation(home.conversation, "Mine").unwrap();
    assert!(!home.store.replace_temporary_title(home.conversation, "Numbers").unwrap());
    assert_eq!(title(), "Mine");
    home.store.set_system_prompt(home.conversation, Some("Count.")).unwrap();
    assert_eq!(home.store.conversation(home.conversation).unwrap().system_prompt.as_deref(), Some("Count."));
    home.store.set_system_prompt(home.conversation, None).unwrap();
    assert_eq!(home.store.conversation(home.conversation).unwrap().system_prompt, None);
}

#[test]
fn an_edit_goes_on_from_an_earlier_request_and_hides_what_came_after() {
    let home = Home::new();
    let new = home.store.edit(home.turns[1].request, &turn("ask four", "say four")).unwrap();
    assert_eq!(home.said(), ["ask one", "say one", "ask four", "say four"]);
    assert_eq!((home.found("two"), home.found("three")), (vec![], vec![]));
    // An edit of an edit.
    let newer = home.store.edit(new.request, &turn("ask five", "say five")).unwrap();
    assert_eq!(home.said(), ["ask one", "say one", "ask five", "say five"]);
    let earlier = home.store.earlier_versions(newer.request).unwrap();
    let earlier: Vec<_> = earlier.into_iter().map(|message| message.text).collect();
    assert_eq!(earlier, ["ask two", "say two", "ask three", "say three", "ask four", "say four"]);
    assert!(matches!(home.store.edit(home.turns[2].request, &turn("a", "b")), Err(StoreError::NoMessage(_))));
    assert!(matches!(home.store.edit(newer.reply, &turn("a", "b")), Err(StoreError::WrongMessage { .. })));
}

#[test]
fn only_the_last_reply_is_given_again() {
    let home = Home::new();
    let again = home.store.regenerate(home.turns[2].reply, &new_reply("say drei")).unwrap();
    let twice = home.store.regenerate(again, &new_reply("say trois")).unwrap();
    assert_eq!(home.said()[4..], ["ask three", "say trois"]);
    assert_eq!(
        (home.found("say three"), home.found("say dr"), home.found("trois")),
        (vec![], vec![], vec!["say trois".to_owned()])
    );
    assert_eq!(home.store.earlier_versions(twice).unwrap().len(), 2);
    for wrong in [home.turns[1].reply, home.turns[2].request] {
        let error = home.store.regenerate(wrong, &new_reply("no")).unwrap_err();
        assert!(matches!(error, StoreError::WrongMessage { .. }), "{error}");
    }
    assert_eq!(home.said()[4..], ["ask three", "say trois"]);
}

#[test]
fn no_half_turn_is_left_when_a_message_is_deleted() {
    let home = Home::new();
    home.store.delete_message(home.turns[1].reply).unwrap();
    assert_eq!(home.said(), ["ask one", "say one", "ask three", "say three"]);
    home.store.delete_message(home.turns[0].request).unwrap();
    assert_eq!(home.said(), ["ask three", "say three"]);
    assert!(home.found("one").is_empty());
    assert!(matches!(home.store.delete_message(home.turns[0].reply), Err(StoreError::NoMessage(_))));
}

/// A reset, a deleted message and a deleted conversation leave nothing of it in any file, not even in the index, where words
/// stand without their text.
#[test]
fn what_was_deleted_is_in_no_file_any_more() {
    let home = Home::new();
    let other = home.store.create_conversation("Xylotitle", noon()).unwrap();
    for n in 0..300 {
        home.store.append(other, &turn(&format!("xyloword{n} please"), &format!("Yes, xyloword{n}."))).unwrap();
    }
    let last = home.store.append(home.conversation, &turn("xylodelete", "xylodeleted")).unwrap();
    let edited = home.store.append(home.conversation, &turn("xyloedit", "xyloedited")).unwrap();
    let edited = home.store.edit(edited.request, &turn("plain", "plain")).unwrap();
    let reset = home.store.create_conversation("Stays", noon()).unwrap();
    home.store.append(reset, &turn("xyloreset", "xyloresets")).unwrap();
    let sealed = home.sealed_like("xylo");
    assert!(sealed.len() > 600 && home.holds(&sealed) == sealed.len());

    home.store.delete_conversation(other).unwrap();
    home.store.delete_message(last.reply).unwrap();
    home.store.delete_message(edited.request).unwrap();
    home.store.reset_conversation(reset).unwrap();
    assert_eq!(home.holds(&sealed), 0, "something of it is left");
    assert!(home.found("xylo").is_empty());
    assert!(home.store.search("xylo", 9).unwrap().conversations.is_empty());
    assert_eq!(home.store.conversation(reset).unwrap().title, "Stays");
    assert!(home.store.last_messages(reset, 9).unwrap().is_empty());
    assert_eq!(home.said().len(), 6);
}

impl Home {
    /// What is sealed of the titles and messages that have these letters in them, by the nonces that each begins with.
    fn sealed_like(&self, letters: &str) -> HashSet<Vec<u8>> {
        let found = self.store.search(letters, usize::MAX).expect("a search");
        let raw = rusqlite::Connection::open(self.folder.path().join("pipit.db")).expect("a database");
        let nonce = |column: &str, table: &str, id: i64| {
            let sql = format!("SELECT substr({column}, 1, 24) FROM {table} WHERE id = ?");
            raw.query_row(&sql, [id], |row| row.get(0)).expect("a row")
        };
        let titles = found.conversations.iter().map(|found| nonce("title", "conversation", found.id.0));
        titles.chain(found.messages.iter().map(|(_, found)| nonce("text", "message", found.id.0))).collect()
    }

    /// How many of these are in any file of the store.
    fn holds(&self, nonces: &HashSet<Vec<u8>>) -> usize {
        let mut seen = HashSet::new();
        for entry in std::fs::read_dir(self.folder.path()).expect("a folder") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
            seen.extend(bytes.windows(24).filter(|window| nonces.contains(*window)).map(<[u8]>::to_vec));
        }
        seen.len()
    }
}

#[test]
fn what_is_not_there_is_said_to_be_so_and_nothing_changes() {
    let home = Home::new();
    let (store, nobody, nothing) = (&home.store, ConversationId(99), MessageId(99));
    let errors = [
        store.conversation(nobody).map(drop),
        store.conversations(Some(nobody), 5).map(drop),
        store.rename_conversation(nobody, "a"),
        store.replace_temporary_title(nobody, "a").map(drop),
        store.set_system_prompt(nobody, None),
        store.reset_conversation(nobody),
        store.delete_conversation(nobody),
        store.append(nobody, &turn("a", "b")).map(drop),
        store.messages(nobody, None, 5).map(drop),
        store.last_messages(nobody, 5).map(drop),
    ];
    for (n, outcome) in errors.into_iter().enumerate() {
        assert!(matches!(outcome, Err(StoreError::NoConversation(id)) if id == nobody), "{n}: {outcome:?}");
    }
    let errors = [
        store.edit(nothing, &turn("a", "b")).map(drop),
        store.regenerate(nothing, &new_reply("a")).map(drop),
        store.delete_message(nothing),
    ];
    for (n, outcome) in errors.into_iter().enumerate() {
        assert!(matches!(outcome, Err(StoreError::NoMessage(id)) if id == nothing), "{n}: {outcome:?}");
    }
    assert_eq!(home.said().len(), 6);
    assert_eq!(store.conversations(None, 9).unwrap().len(), 1);
}

#[test]
fn the_doors_without_a_choice_share_a_conversation_and_begin_another_once_it_is_deleted() {
    let home = Home::new();
    let exchange = |n: usize| Exchange { asked: format!("question {n}"), heard: format!("Answer {n}.") };
    home.store.add_exchange(Door::Voice, noon(), &exchange(1)).unwrap();
    home.store.add_exchange(Door::Terminal, noon(), &exchange(2)).unwrap();
    assert_eq!(home.store.recent_exchanges(5).unwrap(), [exchange(1), exchange(2)]);
    let listed = home.store.conversations(None, 9).unwrap();
    assert_eq!(listed.len(), 2);
    home.store.delete_conversation(listed[0].id).unwrap();
    assert_eq!(home.store.recent_exchanges(5).unwrap(), []);
    home.store.add_exchange(Door::Voice, noon(), &exchange(3)).unwrap();
    assert_eq!(home.store.recent_exchanges(5).unwrap(), [exchange(3)]);
    assert!(home.store.conversations(None, 9).unwrap()[0].id > listed[0].id, "ids don't come back");
}

/// The file as the second version of the schema has it.
#[test]
fn a_history_from_before_there_were_conversations_becomes_one() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let older = rusqlite::Connection::open(&file).unwrap();
    older
        .execute_batch(
            "CREATE TABLE exchange (
                id INTEGER PRIMARY KEY, at INTEGER NOT NULL, door TEXT NOT NULL, asked TEXT NOT NULL, heard TEXT NOT NULL
            ) STRICT;
            CREATE TABLE timer (
                id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, length INTEGER NOT NULL, due INTEGER NOT NULL,
                state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'rung', 'cancelled'))
            ) STRICT;
            CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
            CREATE TABLE turn (
                id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, record TEXT NOT NULL CHECK (json_valid(record))
            ) STRICT;
            INSERT INTO exchange VALUES (3, 9000, 'voice', 'ask three', 'say three');
            INSERT INTO exchange VALUES (7, 5000, 'terminal', 'ask seven', 'say seven');
            PRAGMA user_version = 2;",
        )
        .unwrap();
    drop(older);
    let store = Store::open(&file).unwrap();
    assert_eq!(store.warning(), None);
    let conversations = store.conversations(None, 9).unwrap();
    assert_eq!(conversations.len(), 1);
    let messages = store.messages(conversations[0].id, None, 9).unwrap();
    let said: Vec<_> = messages.iter().map(|m| (m.door, m.at.as_millisecond(), m.said())).collect();
    let (voice, terminal) = (Some(Door::Voice), Some(Door::Terminal));
    let expected = [
        (voice, 9000, "ask three"),
        (voice, 9000, "say three"),
        (terminal, 5000, "ask seven"),
        (terminal, 5000, "say seven"),
    ];
    assert_eq!(said, expected);
    assert_eq!(store.search("seven", 9).unwrap().messages.len(), 2);
    assert_eq!(store.search("voice", 9).unwrap().conversations, conversations);
    let exchange = Exchange { asked: "ask eight".to_owned(), heard: "say eight".to_owned() };
    store.add_exchange(Door::Voice, noon(), &exchange).unwrap();
    assert_eq!(store.recent_exchanges(9).unwrap().len(), 3);
    assert_eq!(store.conversations(None, 9).unwrap().len(), 1);
}

/// The index keeps words without their text, and so must forget them word by word.
#[test]
fn the_index_forgets_the_words_of_what_was_deleted() {
    let home = Home::new();
    let size = || {
        let raw = rusqlite::Connection::open(home.folder.path().join("pipit.db")).unwrap();
        // Leaves of the index; its own bookkeeping has small numbers.
        let leaves = "SELECT ifnull(sum(length(block)), 0) FROM message_words_1_data WHERE id > 1000";
        raw.query_row(leaves, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(home.found("say").len() == 3);
    let before = size();
    // A few messages are overwritten in it, for many it is written anew.
    for turns in [60, 400] {
        let other = home.store.create_conversation("Other", noon()).unwrap();
        for n in 0..turns {
            home.store.append(other, &turn(&format!("zebra {n}{n}{n}"), &format!("zebra crossing {n}"))).unwrap();
        }
        assert_eq!(home.found("zebra").len(), 100);
        assert!(size() > before + 500, "{}", size());
        home.store.delete_conversation(other).unwrap();
        assert!(size() < before + 100, "{} bytes are left of {before}", size());
        assert_eq!(home.found("say").len(), 3);
    }
}

#[test]
fn a_text_of_a_megabyte_is_kept_found_and_deleted() {
    let home = Home::new();
    let long = "What a very long story this is, with a wren in it. ".repeat(21_000);
    let ids = home.store.append(home.conversation, &turn("a story", &long)).unwrap();
    assert_eq!(home.store.last_messages(home.conversation, 1).unwrap()[0].text.len(), long.len());
    assert_eq!(home.found("wren story").len(), 1);
    home.store.delete_message(ids.reply).unwrap();
    assert!(home.found("wren").is_empty());
}

#[test]
fn what_is_taken_back_is_in_no_summary() {
    let home = Home::new();
    let (second, last) = (home.turns[1], home.turns[2]);
    let summary = Summary { text: "They counted to two.".to_owned(), to: second.reply };
    let made_of = MadeOf { earlier: None, first: home.turns[0].request, messages: 4 };
    assert!(home.store.set_summary(home.conversation, &summary, &made_of).unwrap());
    home.store.delete_message(last.request).unwrap();
    assert_eq!(home.store.summary(home.conversation).unwrap(), Some(summary.clone()), "it did not speak of that");
    home.store.edit(second.request, &turn("ask 2", "say 2")).unwrap();
    assert_eq!(home.store.summary(home.conversation).unwrap(), None);
    assert!(!home.store.set_summary(home.conversation, &summary, &made_of).unwrap(), "what it was made of is gone");
}
