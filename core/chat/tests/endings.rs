//! Replies and requests at their edges: how a reply may end, a request without words, and what is printed of settings.

mod support;

use std::time::Duration;

use pipit_chat::{ChatError, Engine, EngineSettings, ProviderKind, ProviderSettings};
use support::{Answer, FakeServer, TestClock, ask, engine, openai_event, provider, settings};
use tempfile::TempDir;

const LAST_EVENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

fn asking(folder: &TempDir, provider: ProviderSettings) -> Engine {
    engine(folder.path(), &TestClock::new(), EngineSettings { providers: vec![provider], ..settings() })
}

#[tokio::test]
async fn a_reply_that_said_why_it_ends_is_complete_whatever_the_connection_does() {
    let said = || Answer::stream([openai_event("Far."), LAST_EVENT.to_owned()]);
    let server = FakeServer::start([said().hangs(), said().breaks_off()]).await;
    let folder = TempDir::new().unwrap();
    let idle_timeout = Duration::from_millis(50);
    let engine = asking(&folder, ProviderSettings { idle_timeout, ..provider(ProviderKind::OpenAi, server.url()) });
    for _ in 0..2 {
        let answered = ask(&engine, "How far away is the moon?").await;
        assert_eq!(answered.text, "Far.");
        assert!(answered.error.is_none(), "{:?}", answered.error);
    }
}

#[tokio::test]
async fn an_error_after_the_last_text_is_one() {
    let failed = "data: {\"error\":{\"message\":\"Token limit reached\",\"code\":500},\"choices\":[]}\n\n";
    let server =
        FakeServer::start([Answer::stream([openai_event("Far"), LAST_EVENT.to_owned(), failed.to_owned()])]).await;
    let folder = TempDir::new().unwrap();
    let answered = ask(&asking(&folder, provider(ProviderKind::OpenAi, server.url())), "How far is it?").await;
    assert!(matches!(answered.error, Some(ChatError::Unavailable { .. })), "{:?}", answered.error);
}

#[tokio::test]
async fn a_request_without_words_goes_to_no_server() {
    let server = FakeServer::start([]).await;
    let folder = TempDir::new().unwrap();
    let answered = ask(&asking(&folder, provider(ProviderKind::OpenAi, server.url())), " \n").await;
    assert_eq!(answered.text, "Sorry, I didn't catch that.");
    assert!(server.seen().is_empty());
}

#[test]
fn nothing_printed_of_an_engine_has_a_secret_in_it() {
    let folder = TempDir::new().unwrap();
    let provider = provider(ProviderKind::Ollama, "http://owner:hunter2@localhost:11434".to_owned());
    let printed = format!("{provider:?} {:?}", asking(&folder, provider.clone()));
    assert!(!printed.contains("hunter2") && !printed.contains("sk-secret"), "{printed}");
}
