//! Requests and their replies.

use std::time::Duration;

use expect_test::expect;
use pipit_chat::Confirmation;
use pipit_store::ConversationId;

use super::super::event::{Event, Part};
use super::super::state::Mode;
use super::{Chat, MOON, provider};

#[test]
fn a_request_begins_a_conversation_and_its_reply_is_shown_as_it_comes() {
    let mut chat = Chat::new();
    chat.wants(expect!["List(200)"]).looks(
        60,
        8,
        expect![[r#"
          Hello, I am Pipit.



        ── Message ─────────────────────────────────────────────────


        F1 help  Enter send  Tab messages  ^F search  ^N new
    "#]],
    );
    chat.keys("how far<A-enter>is the moon<enter>").wants(expect![[r#"Ask 1 "how far\nis the moon" at None"#]]);
    chat.part(1, Part::Began(MOON)).part(1, Part::AnsweredBy(provider())).text(1, "384,400 ").text(1, "km.");
    chat.wants(expect!["List(200)"]).looks(
        60,
        10,
        expect![[r#"
        > how far
          is the moon

          384,400 km.


        ── Pipit answers ───────────────────────────────────────────

        nas · in the house · 312 ms · small
        Esc stop  F1 help  ^P daemon  PgUp PgDn scroll  ^C quit
    "#]],
    );
    chat.part(1, Part::Ended(Some(MOON), None)).wants(expect![[r#"
        Open(ConversationId(7), 200)
        List(200)"#]]);
}

#[test]
fn what_belongs_to_another_request_or_conversation_is_dropped() {
    let mut chat = Chat::about_the_moon();
    chat.keys("hello<enter>").wants(expect![[r#"Ask 1 "hello" at Some(End(ConversationId(7)))"#]]);
    chat.text(9, "of another").text(1, "Hi.").on(Event::Opened(ConversationId(3), Vec::new()));
    chat.on(Event::Opened(MOON, Vec::new()));
    assert_eq!(chat.state.transcript.items().last().unwrap().text(), "Hi.");
    assert_eq!(chat.state.transcript.items().len(), 6);
}

#[test]
fn a_reply_that_is_stopped_is_kept_as_it_was_shown() {
    let mut chat = Chat::about_the_moon();
    chat.keys("hello<enter>").text(1, "Good\tmor").keys("<esc>").text(1, "ning").keys("<esc>").wants(expect![[r#"
        Ask 1 "hello" at Some(End(ConversationId(7)))
        Stop 1 at "Good\tmor""#]]);
    assert_eq!(chat.state.transcript.items().last().unwrap().text(), "Good    mor");
    chat.part(1, Part::Ended(Some(MOON), None)).wants(expect![[r#"
        Open(ConversationId(7), 200)
        List(200)"#]]);
    // Of which nothing was shown, the request comes back.
    chat.keys("well<enter><esc>").part(2, Part::Ended(Some(MOON), None)).wants(expect![[r#"
        Ask 2 "well" at Some(End(ConversationId(7)))
        Stop 2 at ""
        Open(ConversationId(7), 200)
        List(200)"#]]);
    assert_eq!(chat.state.draft.text(), "well");
    chat.keys("<C-u>again<enter>").text(3, "Be").keys("<C-c>").wants(expect![[r#"
        Ask 3 "again" at Some(End(ConversationId(7)))
        Stop 3 at "Be"
        Quit"#]]);
}

#[test]
fn only_one_reply_is_on_its_way() {
    let mut chat = Chat::about_the_moon();
    chat.keys("one<enter>");
    chat.commands.clear();
    for keys in ["two<enter>", "<C-n>", "<C-r>", "<tab>d<esc>", "<tab>e<esc>", "<tab><tab><enter><esc>"] {
        chat.keys(keys);
        assert!(chat.commands.is_empty() && chat.state.reply.is_some(), "{keys}: {:?}", chat.commands);
        assert!(matches!(chat.state.mode, Mode::Writing), "{keys}");
    }
    assert_eq!(chat.state.draft.text(), "two");
}

#[test]
fn earlier_requests_are_edited_and_replies_given_again() {
    let mut chat = Chat::about_the_moon();
    chat.keys("<up>").looks(
        60,
        12,
        expect![[r#"
        > how far is the moon

          384,400 kilometres.

        > and    the sun

          150 million kilometres.

        ── Change what you said: all that came after it is replaced
        and    the sun

        Enter send  Esc leave  Alt+Enter new line
    "#]],
    );
    chat.keys("?<enter>").wants(expect![[
        r#"Ask 1 "and    the sun?" at Some(Instead { conversation: ConversationId(7), request: MessageId(3) })"#
    ]]);
    assert_eq!(chat.state.transcript.items().len(), 4);
    let mut chat = Chat::about_the_moon();
    chat.keys("<tab><home>e<C-w>mars<enter>").wants(expect![[
        r#"Ask 1 "how far is the mars" at Some(Instead { conversation: ConversationId(7), request: MessageId(1) })"#
    ]]);
    assert_eq!(chat.state.transcript.items().len(), 2);
    let mut chat = Chat::about_the_moon();
    chat.keys("<C-r>").wants(expect![[
        r#"Ask 1 "and\tthe sun" at Some(Again { conversation: ConversationId(7), reply: MessageId(4) })"#
    ]]);
    let mut chat = Chat::about_the_moon();
    chat.keys("<up><esc>").keys("<tab>e").wants(expect![[""]]);
    assert!(chat.state.notice.is_some(), "what Pipit said can't be edited");
}

#[test]
fn what_failed_is_asked_again_or_left() {
    let mut chat = Chat::new();
    chat.keys("hello<enter>").part(1, Part::Began(MOON)).text(1, "Hel");
    chat.part(1, Part::Ended(None, Some("nas broke off; ask again".to_owned()))).wants(expect![[r#"
        List(200)
        Ask 1 "hello" at None
        List(200)
        List(200)"#]]);
    chat.looks(
        60,
        11,
        expect![[r#"
        > hello

          Hel

        ! nas broke off; ask again
          Ctrl+R asks again, Esc leaves it.

        ── Message ─────────────────────────────────────────────────

        answered offline · 312 ms
        F1 help  Enter send  Tab messages  ^F search  ^N new
    "#]],
    );
    chat.keys("<C-r>").wants(expect![[r#"Ask 2 "hello" at None"#]]);
    chat.part(2, Part::Ended(None, Some("nas broke off; ask again".to_owned()))).keys("<esc>");
    assert_eq!(chat.state.transcript.items()[0].text(), "Hello, I am Pipit.");
    // In a conversation that goes on, it is shown as it is kept.
    let mut chat = Chat::about_the_moon();
    chat.keys("<up>s<enter>").part(1, Part::Ended(Some(MOON), Some("no".to_owned()))).keys("<esc>").wants(expect![[
        r#"
        Ask 1 "and    the suns" at Some(Instead { conversation: ConversationId(7), request: MessageId(3) })
        List(200)
        Open(ConversationId(7), 200)"#
    ]]);
}

#[test]
fn what_is_pasted_is_one_request_however_many_lines_it_has() {
    let mut chat = Chat::about_the_moon();
    chat.on(Event::Pasted("one\r\ntwo".to_owned())).wants(expect![[""]]);
    chat.keys("<enter>").wants(expect![[r#"Ask 1 "one\ntwo" at Some(End(ConversationId(7)))"#]]);
}

#[test]
fn what_needs_to_be_confirmed_is_confirmed_by_a_key_of_its_own() {
    let within = Duration::from_secs(30);
    let unlock = || Confirmation { id: 5, what: "unlock (name: Front Door)".to_owned(), within };
    let mut chat = Chat::about_the_moon();
    chat.keys("<C-y>").wants(expect![[""]]);
    chat.keys("open the door<enter>").part(1, Part::Confirm(unlock())).text(1, "Shall I?");
    chat.part(1, Part::Ended(Some(MOON), None)).looks(
        60,
        5,
        expect![[r#"
          Shall I?
        ── Message ─────────────────────────────────────────────────

        Ctrl+Y does it: unlock (name: Front Door)
        F1 help  Enter send  Tab messages  ^F search  ^N new
    "#]],
    );
    chat.commands.clear();
    chat.keys("<C-y>").wants(expect!["Confirm(5)"]);
    chat.on(Event::Confirmed("Done.".to_owned())).keys("<C-y>").wants(expect![[""]]);
    // Too late is too late, and a later one is not meant by it.
    chat.keys("and now<enter>").part(2, Part::Confirm(unlock()));
    chat.commands.clear();
    chat.on(Event::TooLate(4)).keys("<C-y>").on(Event::TooLate(5)).keys("<C-y>").wants(expect!["Confirm(5)"]);
}
