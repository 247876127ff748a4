//! Going from message to message and from conversation to conversation.

use expect_test::expect;
use pipit_core::chat::Role;
use pipit_store::{ConversationId, Message, MessageId};

use super::super::event::{Command, Event, Hit};
use super::super::state::{Mode, State};
use super::{Chat, MOON, message};

#[test]
fn nothing_is_deleted_without_asking() {
    for (keys, deletes) in [("<tab>dx", false), ("<tab>d<esc>", false), ("<tab>dy", true)] {
        let mut chat = Chat::about_the_moon();
        chat.keys(keys);
        assert_eq!(chat.commands.contains(&Command::DeleteMessage(MessageId(4))), deletes, "{keys}");
    }
    let mut chat = Chat::about_the_moon();
    chat.keys("<tab><tab>d").wants(expect![[""]]).looks(
        80,
        9,
        expect![[r#"
        * The moon              │
          Soup[2J               │  384,400 kilometres.
                                │
                                │> and    the sun
                                │
                                │  150 million kilometres.
        ── Delete ──────────────────────────────────────────────────────────────────────
        Delete for good? y does it: "The moon" with everything in it
        y delete  any other key leaves it
    "#]],
    );
    chat.keys("y").wants(expect![[r#"
        DeleteConversation(ConversationId(7))
        List(200)"#]]);
    assert_eq!(chat.state.open, None);
}

#[test]
fn conversations_are_chosen_and_renamed() {
    let mut chat = Chat::about_the_moon();
    chat.keys("<tab><tab><down>")
        .looks(
            80,
            9,
            expect![[r#"
        * The moon              │
        > Soup[2J               │  384,400 kilometres.
                                │
                                │> and    the sun
                                │
                                │  150 million kilometres.
        ── Conversations ───────────────────────────────────────────────────────────────

        Enter open  n new  r rename  d delete  Esc write
    "#]],
        )
        .looks(
            40,
            12,
            expect![[r#"
        * The moon
        > Soup[2J







        ── Conversations ───────────────────────

        Enter open  n new  r rename  d delete
    "#]],
        );
    chat.keys("r<C-u>Fish soup<enter>").wants(expect![[r#"
        Rename(ConversationId(3), "Fish soup")
        List(200)"#]]);
    chat.keys("<tab><tab>r<C-u> <enter>").wants(expect![[""]]);
    chat.keys("<esc><down><enter>").wants(expect!["Open(ConversationId(3), 200)"]);
    assert_eq!(chat.state.open, Some(ConversationId(3)));
}

#[test]
fn a_search_finds_as_one_types_and_leads_there() {
    let mut chat = Chat::about_the_moon();
    chat.keys("<C-f>su").wants(expect![[r#"
        Search("s")
        Search("su")"#]]);
    let hit = |conversation, message, text: &str| Hit { conversation, message, text: text.to_owned() };
    chat.on(Event::Found("s".to_owned(), vec![hit(MOON, None, "* of what was typed before")]));
    chat.looks(
        40,
        8,
        expect![[r#"
        Nothing has all of these words.



        ── Search ──────────────────────────────
        su

        Enter open  Up Down choose  Esc leave
    "#]],
    );
    let hits = || vec![hit(ConversationId(3), None, "* Sun"), hit(MOON, Some(MessageId(3)), "> and the sun")];
    chat.on(Event::Found("su".to_owned(), hits())).keys("<down>").looks(
        40,
        8,
        expect![[r#"
        * Sun
        > and the sun


        ── Search ──────────────────────────────
        su

        Enter open  Up Down choose  Esc leave
    "#]],
    );
    chat.keys("<enter>").wants(expect!["Open(ConversationId(7), 200)"]);
    let read: Vec<Message> = (1..5).map(|id| message(id, Role::User, &format!("message {id}"))).collect();
    chat.on(Event::Opened(MOON, read));
    assert!(matches!(chat.state.mode, Mode::Messages(2)));
}

/// What is found may be far back in a long conversation.
#[test]
fn more_is_read_of_a_long_conversation_when_it_is_wanted() {
    let mut chat = Chat::about_the_moon();
    let read = |from: i64| (from..1000).map(|id| message(id, Role::User, "words")).collect();
    chat.keys("<C-f>words");
    let found = Hit { conversation: MOON, message: Some(MessageId(300)), text: String::new() };
    chat.on(Event::Found("words".to_owned(), vec![found])).keys("<enter>");
    chat.commands.clear();
    chat.on(Event::Opened(MOON, read(800))).wants(expect!["Open(ConversationId(7), 800)"]);
    chat.on(Event::Opened(MOON, read(200))).wants(expect![[""]]);
    assert!(matches!(chat.state.mode, Mode::Messages(100)));
    chat.keys("<home><up>").wants(expect!["Open(ConversationId(7), 3200)"]);
    // Now there is no more.
    chat.on(Event::Opened(MOON, read(1))).keys("<home><up>").wants(expect![[""]]);
}

#[test]
fn what_was_scrolled_to_stays_where_it_is_while_more_comes() {
    let mut chat = Chat::about_the_moon();
    chat.state.fit(20, 3);
    chat.keys("hello<enter>").text(1, "one two three four five six seven ");
    chat.keys("<pageup>");
    let before: Vec<String> = rows(&chat.state);
    chat.text(1, "eight nine ten eleven twelve thirteen fourteen fifteen");
    assert_eq!(rows(&chat.state), before);
}

fn rows(state: &State) -> Vec<String> {
    state.transcript.rows(state.page, state.scrolled).iter().map(|row| row.text.to_owned()).collect()
}
