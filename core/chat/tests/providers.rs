//! Single providers over a real socket: what each kind of server sees, and what of it is shown.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::sync::Arc;

use futures_util::StreamExt as _;
use pipit_chat::{ChatError, HttpProvider, Prompt, Provider, ProviderKind, ProviderSettings};
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Message, Role, Tier};
use support::{Answer, FakeServer, provider};

fn made(kind: ProviderKind, server: &FakeServer) -> Arc<HttpProvider> {
    Arc::new(HttpProvider::new(&provider(kind, server.url())).unwrap())
}

fn prompt() -> Arc<Prompt> {
    Arc::new(Prompt {
        messages: vec![Message::new(Role::User, "Hello")],
        tools: vec![],
        max_reply_tokens: 10,
        meter: None,
    })
}

#[tokio::test]
async fn anthropic_gets_its_own_headers_and_no_other_key() {
    let events = [
        r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Far."}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let body = events.map(|event| format!("data: {event}\n\n"));
    let server = FakeServer::start([Answer::stream(body)]).await;
    let url = server.url().trim_end_matches("/v1").to_owned();
    let anthropic = Arc::new(HttpProvider::new(&provider(ProviderKind::Anthropic, url)).unwrap());
    let chunks: Vec<_> = anthropic.chat_stream(prompt()).map(Result::unwrap).collect().await;
    assert_eq!(chunks[0], ReplyChunk::Text("Far.".to_owned()));
    assert_eq!(chunks.last(), Some(&ReplyChunk::End(Some("end_turn".to_owned()))));
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v1/messages HTTP/1.1");
    for header in
        ["x-api-key: sk-secret\r\n", "anthropic-version: 2023-06-01\r\n", "content-type: application/json\r\n"]
    {
        assert!(seen.headers.contains(header), "{header} is missing: {}", seen.headers);
    }
    assert!(!seen.headers.contains("authorization") && !seen.headers.contains("x-title"), "{}", seen.headers);
}

#[tokio::test]
async fn each_kind_of_server_is_asked_for_its_models_in_its_way() {
    let openai = r#"{"data":[{"id":"one"},{"id":"two"}]}"#;
    let ollama = r#"{"models":[{"name":"one"},{"name":"two"}]}"#;
    for (kind, path, body) in [
        (ProviderKind::OpenAi, "/v1/models", openai),
        (ProviderKind::Ollama, "/v1/api/tags", ollama),
        (ProviderKind::Anthropic, "/v1/v1/models?limit=1000", openai),
    ] {
        let server = FakeServer::start([Answer::status("200 OK", body), Answer::status("200 OK", body)]).await;
        let provider = made(kind, &server);
        assert_eq!(provider.list_models().await.unwrap(), ["one", "two"]);
        provider.health().await.unwrap();
        assert_eq!(server.seen()[0].line, format!("GET {path} HTTP/1.1"));
    }
}

#[tokio::test]
async fn health_is_that_something_answers_and_takes_the_key() {
    let server = FakeServer::start([
        Answer::status("404 Not Found", ""),
        Answer::status("401 Unauthorized", "sk-secret is wrong"),
        Answer::status("503 Service Unavailable", ""),
    ])
    .await;
    let provider = made(ProviderKind::OpenAi, &server);
    provider.health().await.unwrap();
    let refused = provider.health().await.unwrap_err();
    assert!(
        matches!(refused, ChatError::Authentication { .. }) && !refused.to_string().contains("sk-secret"),
        "{refused}"
    );
    assert!(matches!(provider.health().await, Err(ChatError::Unavailable { .. })));
    assert!(matches!(provider.health().await, Err(ChatError::Unavailable { .. })), "nobody listens any more");
}

#[tokio::test]
async fn a_list_that_is_none_is_an_error() {
    let server = FakeServer::start([
        Answer::status("200 OK", "<html>"),
        Answer::status("404 Not Found", ""),
        Answer::stream(["{\"data\":["]).breaks_off(),
    ])
    .await;
    let provider = made(ProviderKind::OpenAi, &server);
    assert!(matches!(provider.list_models().await, Err(ChatError::Malformed { .. })));
    assert!(matches!(provider.list_models().await, Err(ChatError::Rejected { .. })));
    assert!(matches!(provider.list_models().await, Err(ChatError::Cut { .. })));
}

#[tokio::test]
async fn of_a_server_only_name_model_and_tier_are_shown() {
    let words = "no such thing on 127.0.0.1 for sk-secret";
    let server = FakeServer::start([Answer::status("404 Not Found", words)]).await;
    let settings = ProviderSettings { name: "kitchen".to_owned(), ..provider(ProviderKind::OpenAi, server.url()) };
    let provider = Arc::new(HttpProvider::new(&settings).unwrap());
    let error = provider.clone().chat_stream(prompt()).next().await.unwrap().unwrap_err().to_string();
    assert!(error.starts_with("kitchen refused"), "{error}");
    assert!(!error.contains("127.0.0.1") && !error.contains("sk-secret"), "{error}");
    assert_eq!(
        (provider.identity().tier, provider.identity().to_string().as_str()),
        (Tier::Device, "kitchen (test-model, on this device)")
    );
    assert!(!format!("{settings:?}").contains("127.0.0.1"), "{settings:?}");
}
