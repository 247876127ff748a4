//! The engine on conversations: where a turn belongs, what a model is reminded of, and what is done between the turns.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use jiff::Timestamp;
use pipit_chat::{Door, Engine, EngineSettings, Place, ProviderKind, Request};
use pipit_store::{ConversationId, MessageId, Store};
use support::{
    Answer, FakeServer, TestClock, collect, engine, openai_event, openai_reply, provider, settings, store, wants,
};
use tempfile::TempDir;

struct Home {
    engine: Engine,
    server: FakeServer,
    store: Store,
    conversation: ConversationId,
    _folder: TempDir,
}

impl Home {
    async fn new(history_tokens: u32, answers: impl IntoIterator<Item = Answer>) -> Home {
        Home::made(EngineSettings { history_tokens, ..settings() }, answers).await
    }

    async fn with_tools(answers: impl IntoIterator<Item = Answer>) -> Home {
        Home::made(EngineSettings { tools: None, ..settings() }, answers).await
    }

    async fn made(settings: EngineSettings, answers: impl IntoIterator<Item = Answer>) -> Home {
        let (server, folder) = (FakeServer::start(answers).await, TempDir::new().unwrap());
        let providers = vec![provider(ProviderKind::OpenAi, server.url())];
        let settings = EngineSettings { providers, ..settings };
        let engine = engine(folder.path(), &TestClock::new(), settings);
        let store = store(folder.path());
        let conversation = store.create_conversation("New conversation", Timestamp::UNIX_EPOCH).unwrap();
        Home { engine, server, store, conversation, _folder: folder }
    }

    /// Asks at this place, is shown everything, and gives where the reply was kept.
    async fn say(&self, text: &str, place: Place) -> MessageId {
        let request = Request { text: text.to_owned(), door: Door::Terminal, place, turn: None };
        let answered = collect(self.engine.respond(request)).await;
        assert!(answered.error.is_none(), "{text}: {:?}", answered.error);
        self.engine.finish(answered.turn, &answered.text).await.unwrap().unwrap().reply
    }

    async fn say_next(&self, text: &str) -> MessageId {
        self.say(text, Place::End(self.conversation)).await
    }

    /// The same for what may have to be done, which is.
    async fn act(&self, text: &str, place: Place) -> MessageId {
        let request = Request { text: text.to_owned(), door: Door::Terminal, turn: None, place };
        let mut answered = collect(self.engine.respond(request)).await;
        if let Some(deed) = answered.deed.take() {
            self.engine.perform(deed).await.unwrap();
        }
        self.engine.finish(answered.turn, &answered.text).await.unwrap().unwrap().reply
    }

    async fn do_next(&self, text: &str) -> MessageId {
        self.act(text, Place::End(self.conversation)).await
    }

    fn again(&self, reply: MessageId) -> Place {
        Place::Again { conversation: self.conversation, reply }
    }

    fn said(&self) -> Vec<String> {
        let messages = self.store.messages(self.conversation, None, usize::MAX).unwrap();
        messages.into_iter().map(|message| message.text).collect()
    }

    /// What the model was sent the last time, without the clock.
    fn sent(&self) -> Vec<String> {
        let last = self.server.seen().pop().unwrap().json();
        let messages = last["messages"].as_array().unwrap().iter();
        messages.map(|m| m["content"].as_str().unwrap().split("\n\n(It is now").next().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn each_conversation_has_its_own_history_and_its_own_system_prompt() {
    let home = Home::new(1000, ["One.", "Two.", "Three."].map(openai_reply)).await;
    let other = home.store.create_conversation("Another", Timestamp::UNIX_EPOCH).unwrap();
    home.store.set_system_prompt(other, Some("You are a pirate.")).unwrap();
    home.say_next("Tell me of the first").await;
    home.say("Tell me of the sea", Place::End(other)).await;
    assert_eq!(home.sent(), ["You are a pirate.", "Tell me of the sea"]);
    home.say_next("Tell me of the third").await;
    assert_eq!(home.sent(), ["You are Pipit.", "Tell me of the first", "One.", "Tell me of the third"]);
    assert_eq!(home.store.standing_conversation().unwrap(), None, "that is another one");
}

#[tokio::test]
async fn a_request_is_put_differently_and_a_reply_given_again() {
    let home = Home::new(1000, ["Far.", "Farther.", "384,400 km.", "A light-second."].map(openai_reply)).await;
    home.say_next("How far is the moon?").await;
    home.say_next("And the sun?").await;
    let first = home.store.messages(home.conversation, None, 1).unwrap()[0].id;
    let place = Place::Instead { conversation: home.conversation, request: first };
    let reply = home.say("How far is the moon, in numbers?", place).await;
    assert_eq!(home.sent(), ["You are Pipit.", "How far is the moon, in numbers?"]);
    home.say("How far is the moon, in numbers?", Place::Again { conversation: home.conversation, reply }).await;
    assert_eq!(home.sent(), ["You are Pipit.", "How far is the moon, in numbers?"]);
    assert_eq!(home.said(), ["How far is the moon, in numbers?", "A light-second."]);
}

#[tokio::test]
async fn what_was_done_for_a_reply_is_not_done_again_when_it_is_given_again() {
    let home = Home::new(1000, []).await;
    let timers = || home.store.timers().unwrap().len();
    let mut reply = home.do_next("set a timer for five minutes").await;
    for _ in 0..2 {
        reply = home.act("set a timer for five minutes", home.again(reply)).await;
    }
    assert_eq!((timers(), home.said().pop().unwrap().as_str()), (1, "Timer set for 5 minutes."));
    let reply = home.do_next("cancel the timer").await;
    home.act("cancel the timer", home.again(reply)).await;
    assert_eq!(
        (timers(), home.said().pop().unwrap().as_str()),
        (0, "Timer cancelled."),
        "as it was said, not as it is"
    );
    // What only tells something tells it anew.
    let reply = home.do_next("what's the volume").await;
    home.store.set_volume(30).unwrap();
    home.act("what's the volume", home.again(reply)).await;
    assert_eq!(home.said().pop().unwrap(), "The volume is at 30 percent.");
}

#[tokio::test]
async fn a_model_that_gives_a_reply_again_reads_and_changes_nothing() {
    let steep = [("set_timer", r#"{"minutes":4}"#)];
    let again = [("set_timer", r#"{"minutes":4}"#), ("get_timers", "{}")];
    let answers = [wants(&steep), openai_reply("Four minutes."), wants(&again), openai_reply("It steeps.")];
    let home = Home::with_tools(answers).await;
    let reply = home.do_next("Steep my Darjeeling").await;
    home.act("Steep my Darjeeling", home.again(reply)).await;
    assert_eq!(home.store.timers().unwrap().len(), 1);
    assert_eq!(home.said(), ["Steep my Darjeeling", "It steeps."]);
    let last = home.server.seen().pop().unwrap().json();
    let told = |n: usize| last["messages"][n]["content"].as_str().unwrap().to_owned();
    assert!(told(3).starts_with("Nothing is done for a reply that is only given again"), "{}", told(3));
    assert!(told(4).contains("4 minutes left"), "{}", told(4));
}

#[tokio::test]
async fn a_turn_that_fails_or_is_given_up_leaves_the_conversation_as_it_was() {
    let fails = Answer::status("401 Unauthorized", "");
    let stalls = Answer::stream([openai_event("")]).hangs();
    let home = Home::new(1000, [openai_reply("One."), fails, stalls]).await;
    home.say_next("Tell me one").await;
    let again = || Request {
        text: "Tell me two".to_owned(),
        door: Door::Terminal,
        place: Place::End(home.conversation),
        turn: None,
    };
    let failed = collect(home.engine.respond(again())).await;
    assert!(failed.error.is_some());
    assert_eq!(home.engine.finish(failed.turn, "Sorry.").await.unwrap(), None);
    let mut given_up = home.engine.respond(again());
    given_up.next().await;
    assert_eq!(home.engine.finish(given_up.finished(), "").await.unwrap(), None);
    assert_eq!(home.said(), ["Tell me one", "One."]);
}

#[tokio::test]
async fn a_conversation_gets_a_title_for_what_it_is_about() {
    let home = Home::new(1000, ["About 384,400 km.", "\"Distance of the moon.\""].map(openai_reply)).await;
    home.say_next("How far is the moon?").await;
    home.engine.look_after(home.conversation).await.unwrap();
    assert_eq!(home.store.conversation(home.conversation).unwrap().title, "Distance of the moon");
    let (first, second) = (home.server.seen()[0].body.clone(), home.server.seen()[1].body.clone());
    let common = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    assert!(first[..common].ends_with("How far is the moon?"), "the server has that much in its cache: {common}");
    home.engine.look_after(home.conversation).await.unwrap();
    assert_eq!(home.server.seen().len(), 2, "once is enough");
}

#[tokio::test]
async fn without_a_model_the_title_is_what_was_asked_first() {
    let home = Home::new(1000, [openai_reply("About 384,400 km."), Answer::status("401 Unauthorized", "")]).await;
    home.say_next("how far is the moon?").await;
    home.engine.look_after(home.conversation).await.unwrap();
    assert_eq!(home.store.conversation(home.conversation).unwrap().title, "how far is the moon?");
}

#[tokio::test]
async fn whoever_asks_something_does_not_wait_for_a_title() {
    let mut home =
        Home::new(1000, [openai_reply("One."), Answer::stream([openai_event("A ")]).hangs(), openai_reply("Two.")])
            .await;
    home.say_next("Tell me one").await;
    let engine = home.engine.clone();
    let conversation = home.conversation;
    let looking = tokio::spawn(async move { engine.look_after(conversation).await });
    // The server has been asked for the title, and does not come to an end.
    while home.server.seen().len() < 2 {
        tokio::task::yield_now().await;
    }
    home.say_next("Tell me two").await;
    looking.await.unwrap().unwrap();
    home.server.hung_up().await;
    assert!(home.store.conversation(home.conversation).unwrap().temporary, "it is asked for the next time");
}

#[tokio::test]
async fn a_long_conversation_goes_on_with_a_summary_of_its_beginning() {
    let long = |n: u32| format!("Story {n}: {}", "word ".repeat(60));
    let home = Home::new(
        400,
        [openai_reply(&long(1)), openai_reply(&long(2)), openai_reply(&long(3)), openai_reply(&long(4))]
            .into_iter()
            .chain([openai_reply("Four stories."), openai_reply("They told four stories."), openai_reply("Five.")]),
    )
    .await;
    for n in 1..=4 {
        home.say_next(&format!("Tell me story {n}")).await;
    }
    home.engine.look_after(home.conversation).await.unwrap();
    assert_eq!(home.store.summary(home.conversation).unwrap().unwrap().text, "They told four stories.");
    home.say_next("And how does it end?").await;
    let sent = home.sent();
    assert_eq!(
        sent[0],
        "You are Pipit.\n\nWhat was said earlier in this conversation, in short:\nThey told four stories."
    );
    assert_eq!((sent[1].as_str(), sent.len()), ("Tell me story 3", 6));
    assert_eq!(home.said().len(), 10, "nothing of it is lost");
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_made_shorter() {
    let too_long =
        || Answer::status("400 Bad Request", r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#);
    let long = "word ".repeat(200);
    let home = Home::new(
        100_000,
        (0..4).map(|_| openai_reply(&long)).chain([too_long(), openai_reply("Short."), openai_reply("Again.")]),
    )
    .await;
    for n in 1..=4 {
        home.say_next(&format!("Tell me story {n}")).await;
    }
    home.say_next("Tell me less").await;
    assert!(home.sent().len() < 10, "{}", home.sent().len());
    home.say_next("Tell me another").await;
    assert_eq!(home.server.seen().len(), 7, "what was too long is not tried again");
}
