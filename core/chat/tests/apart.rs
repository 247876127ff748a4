//! Conversations that are not kept here: another program gives what was said in them.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use jiff::Timestamp;
use pipit_chat::{Counted, Door, EngineSettings, Given, ProviderKind};
use pipit_core::chat::{Message, Role, Usage};
use support::{Answer, FakeServer, TestClock, engine, openai_event, provider, settings, store};
use tempfile::TempDir;

fn counted(text: &str, reason: &str, (prompt, reply): (u64, u64)) -> Answer {
    let usage = serde_json::json!({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": reply}});
    let end = serde_json::json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
    let (end, usage) = (format!("data: {end}\n\n"), format!("data: {usage}\n\n"));
    Answer::stream([openai_event(text), end, usage, "data: [DONE]\n\n".to_owned()])
}

#[tokio::test]
async fn a_model_is_given_the_callers_conversation_and_nothing_of_it_is_kept() {
    let (folder, server) = (TempDir::new().unwrap(), FakeServer::start([counted("Four.", "length", (30, 2))]).await);
    let providers = vec![provider(ProviderKind::OpenAi, server.url())];
    let engine = engine(folder.path(), &TestClock::new(), EngineSettings { providers, ..settings() });
    let store = store(folder.path());
    store.add_fact("I like jazz", Timestamp::UNIX_EPOCH).unwrap();
    let before = vec![Message::new(Role::User, "Add two and one"), Message::new(Role::Assistant, "Three.")];
    let given = Given { system_prompt: Some("You add numbers.".to_owned()), before, max_reply_tokens: Some(5) };
    let mut reply = engine.respond_apart("And one more to that".to_owned(), Door::Panel, given);
    let mut said = String::new();
    while let Some(event) = reply.next().await {
        if let pipit_chat::ReplyEvent::Text(text) = event.unwrap() {
            said += &text;
        }
    }
    assert_eq!(said, "Four.");
    let usage = Usage { prompt_tokens: 30, reply_tokens: 2, cached_tokens: 0 };
    assert_eq!(reply.counted(), Counted { usage: Some(usage), cut: true });
    assert_eq!(engine.finish(reply.finished(), &said).await.unwrap(), None);
    assert_eq!(store.conversations(None, 10).unwrap(), []);
    let sent = server.seen().pop().unwrap().json();
    let texts: Vec<&str> =
        sent["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap()).collect();
    assert_eq!(texts[..3], ["You add numbers.", "Add two and one", "Three."]);
    assert!(texts[3].starts_with("And one more to that\n\n(It is now"), "{texts:?}");
    assert_eq!(sent["max_tokens"], 5, "{sent}");
}

#[tokio::test]
async fn intents_come_first_there_too_and_go_on_from_what_was_said() {
    let folder = TempDir::new().unwrap();
    let engine = engine(folder.path(), &TestClock::new(), settings());
    let before = vec![Message::new(Role::User, "Hello"), Message::new(Role::Assistant, "Good afternoon.")];
    let given = Given { before, ..Given::default() };
    let mut reply = engine.respond_apart("repeat that".to_owned(), Door::Panel, given);
    let mut said = String::new();
    while let Some(event) = reply.next().await {
        if let pipit_chat::ReplyEvent::Text(text) = event.unwrap() {
            said += &text;
        }
    }
    assert_eq!((said.as_str(), reply.counted()), ("Good afternoon.", Counted::default()));
}
