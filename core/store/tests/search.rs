//! Search: words, beginnings of words, and whatever else people type into a search box.

use jiff::Timestamp;
use pipit_store::{ConversationId, NewReply, NewTurn, Said, Store};
use tempfile::TempDir;

fn say(store: &Store, conversation: ConversationId, request: &str, reply: &str) {
    let at = Timestamp::UNIX_EPOCH;
    let turn = NewTurn {
        door: None,
        request: Said { at, text: request.to_owned() },
        reply: NewReply { at, text: reply.to_owned(), heard: None },
    };
    store.append(conversation, &turn).expect("a turn");
}

fn store() -> (TempDir, Store) {
    let folder = TempDir::new().expect("a folder");
    let store = Store::open(&folder.path().join("pipit.db")).expect("a store");
    let laundry = store.create_conversation("The laundry", Timestamp::UNIX_EPOCH).expect("a conversation");
    say(&store, laundry, "is the washing machine done", "Yes, the machine has finished.");
    let cafe = store.create_conversation("Un café à Paris", Timestamp::UNIX_EPOCH).expect("a conversation");
    say(&store, cafe, "Où est le CAFÉ?", "The café is in the Straße by the wash house.");
    say(&store, laundry, "wash it again", "The washing has begun.");
    (folder, store)
}

fn messages(store: &Store, words: &str) -> Vec<String> {
    store.search(words, 100).expect("a search").messages.into_iter().map(|(_, message)| message.text).collect()
}

#[test]
fn all_words_must_be_there_or_begin_one_and_the_newest_comes_first() {
    let (_folder, store) = store();
    let wash = [
        "The washing has begun.",
        "wash it again",
        "The café is in the Straße by the wash house.",
        "is the washing machine done",
    ];
    assert_eq!(messages(&store, "wash"), wash);
    assert_eq!(messages(&store, "WASH the"), [wash[0], wash[2], wash[3]]);
    assert_eq!(messages(&store, "mach done"), ["is the washing machine done"]);
    assert!(messages(&store, "achine").is_empty());
    assert_eq!(messages(&store, "cafe")[1], "Où est le CAFÉ?");
    assert_eq!(messages(&store, "café strasse").len(), 1);
    let two = store.search("wash", 2).unwrap().messages;
    assert_eq!(two.into_iter().map(|(_, message)| message.text).collect::<Vec<_>>(), wash[..2]);
}

#[test]
fn titles_are_found_too_as_they_are_now() {
    let (_folder, store) = store();
    let titles = |words: &str| {
        let found = store.search(words, 100).unwrap().conversations;
        found.into_iter().map(|conversation| conversation.title).collect::<Vec<_>>()
    };
    assert_eq!(titles("cafe par"), ["Un café à Paris"]);
    let laundry = store.search("laundry", 1).unwrap().conversations[0].id;
    store.rename_conversation(laundry, "Clothes of Paris").unwrap();
    assert!(titles("laundry").is_empty());
    assert_eq!(titles("paris"), ["Clothes of Paris", "Un café à Paris"]);
}

#[test]
fn nothing_that_is_typed_is_syntax_or_an_error() {
    let (_folder, store) = store();
    for typed in
        ["\"", "wash*", "wash AND", "NEAR(", "words:wash", "^wash", "-", "wash - machine)", "\0", "' OR 1=1 --", "🐦"]
    {
        store.search(typed, 5).unwrap();
    }
    assert_eq!(messages(&store, "(\"wash\"* -").len(), 4);
    assert!(messages(&store, "wash OR machine").is_empty(), "`or` is a word");
    assert!(messages(&store, " \t?!").is_empty());
    assert!(messages(&store, &"wash ".repeat(200_000)).len() == 4);
    assert!(messages(&store, &(0..100_000).map(|n| format!("w{n} ")).collect::<String>()).is_empty());
}
