//! The engine and a language-model server, over a real socket.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::time::Duration;

use pipit_chat::{ChatError, Engine, EngineSettings, ProviderKind, ProviderSettings, ReplyEvent, Secret, Wait};
use pipit_core::chat::Persona;
use support::{
    Answer, FakeServer, TestClock, ask, collect, converse, engine, openai_event, openai_reply, provider, request,
    settings, store,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

const QUESTION: &str = "How far away is the moon?";

fn asking(provider: ProviderSettings) -> EngineSettings {
    EngineSettings { providers: vec![provider], ..settings() }
}

/// An engine with the server for its language model.
fn with(server: &FakeServer) -> (Engine, TempDir) {
    let folder = TempDir::new().unwrap();
    let settings = asking(provider(ProviderKind::OpenAi, server.url()));
    (engine(folder.path(), &TestClock::new(), settings), folder)
}

/// Asks a server that answers like this.
async fn outcome(answers: impl IntoIterator<Item = Answer>) -> (String, Option<ChatError>, usize) {
    let server = FakeServer::start(answers).await;
    let (engine, folder) = with(&server);
    let answered = ask(&engine, QUESTION).await;
    if answered.error.is_some() {
        engine.finish(answered.turn, "Sorry.").await.unwrap();
        assert_eq!(store(folder.path()).recent_exchanges(9).unwrap(), [], "a failed turn leaves the history as it was");
    }
    (answered.text, answered.error, server.seen().len())
}

#[tokio::test]
async fn text_comes_whole_however_the_bytes_are_cut() {
    let said = "Grüße, 小鳥 🐦: about 384,400 km.";
    let openai = format!("{}{}data: [DONE]\n\n", openai_event("Grüße, 小"), openai_event("鳥 🐦: about 384,400 km."));
    let ollama = format!("{{\"message\":{{\"content\":\"{said}\"}},\"done\":false}}\n{{\"done\":true}}\n");
    for (kind, body) in [(ProviderKind::OpenAi, openai), (ProviderKind::Ollama, ollama)] {
        let bytes = body.as_bytes();
        let whole = Answer::stream([bytes]);
        let each_byte = Answer::stream(bytes.chunks(1));
        let three = Answer::stream(bytes.chunks(3));
        let server = FakeServer::start([whole, each_byte, three]).await;
        let folder = TempDir::new().unwrap();
        let engine = engine(folder.path(), &TestClock::new(), asking(provider(kind, server.url())));
        for _ in 0..3 {
            assert_eq!(converse(&engine, QUESTION).await, said, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn the_first_text_does_not_wait_for_the_rest() {
    let mut server = FakeServer::start([Answer::stream([openai_event("About ")]).hangs()]).await;
    let (engine, _folder) = with(&server);
    let mut reply = engine.respond(request(QUESTION));
    let mut next = async || reply.next().await.unwrap().unwrap();
    assert_eq!(next().await, ReplyEvent::Understood { intent: None, deed: None });
    let ReplyEvent::AnsweredBy(provider) = next().await else { panic!("it is named who answers") };
    assert_eq!(provider.to_string(), "test-server (test-model, on this device)");
    assert_eq!(next().await, ReplyEvent::Text("About ".to_owned()));
    // Giving the reply up ends the request, so the server stops generating.
    drop(reply);
    server.hung_up().await;
}

/// A persona with a subject: another one's request goes nowhere, and another one's reply ends where it strays.
#[tokio::test]
async fn a_persona_keeps_to_its_subject_before_and_after_the_model() {
    let strays = ["Brakes are simple. Here is ", "a poem about the sea. ", "The waves are blue."].map(openai_event);
    let keeps = ["Every year,", " or every 10,000 miles"].map(openai_event);
    let done = "data: [DONE]\n\n".to_owned();
    let answers = [Answer::stream(strays).hangs(), Answer::stream(keeps.into_iter().chain([done]))];
    let server = FakeServer::start(answers).await;
    let folder = TempDir::new().unwrap();
    let topic = Persona::built_in("automotive").unwrap().topic;
    let refusal = topic.as_ref().unwrap().refusal().to_owned();
    let settings = EngineSettings { topic, ..asking(provider(ProviderKind::OpenAi, server.url())) };
    let engine = engine(folder.path(), &TestClock::new(), settings);
    assert_eq!(converse(&engine, "What is the capital of France?").await, refusal);
    assert_eq!(server.seen().len(), 0, "no model was asked");
    assert_eq!(converse(&engine, "Do my brakes need care?").await, format!("Brakes are simple. {refusal}"));
    assert_eq!(converse(&engine, "How often is an oil change due?").await, "Every year, or every 10,000 miles");
    assert!(converse(&engine, "What time is it?").await.starts_with("It's "), "which needs no model");
}

#[tokio::test]
async fn a_model_is_told_what_the_person_wants_remembered() {
    let server = FakeServer::start([openai_reply("On level two."), openai_reply("I don't know.")]).await;
    let (engine, _folder) = with(&server);
    assert_eq!(
        converse(&engine, "Remember that I park on level two").await,
        "I'll remember that you park on level two."
    );
    converse(&engine, "Where did I leave my car?").await;
    assert!(converse(&engine, "forget everything you know about me").await.contains("forgotten"));
    converse(&engine, "Where did I leave my car?").await;
    let told: Vec<bool> = server
        .seen()
        .iter()
        .map(|seen| seen.json()["messages"][0]["content"].as_str().unwrap().contains("- I park on level two"))
        .collect();
    assert_eq!(told, [true, false]);
}

#[tokio::test]
async fn a_turn_that_was_interrupted_is_remembered_as_heard() {
    let server = FakeServer::start([Answer::stream([openai_event("About 384,400 km. And")]).hangs()]).await;
    let (engine, folder) = with(&server);
    let mut reply = engine.respond(request(QUESTION));
    reply.next().await.unwrap().unwrap();
    engine.finish(reply.finished(), "About 384,400").await.unwrap();
    let history = store(folder.path()).recent_exchanges(9).unwrap();
    assert_eq!((history[0].asked.as_str(), history[0].heard.as_str()), (QUESTION, "About 384,400"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let short = Duration::from_millis(100);
    let silent = Answer::stream([": still here\n\n"]).hangs();
    let stuck = Answer::stream([openai_event("About ")]).hangs();
    for (answer, text, waited_for) in [(silent, "", Wait::FirstToken), (stuck, "About ", Wait::NextToken)] {
        let server = FakeServer::start([answer]).await;
        let folder = TempDir::new().unwrap();
        let mut limited = provider(ProviderKind::OpenAi, server.url());
        match waited_for {
            Wait::NextToken => limited.idle_timeout = short,
            _ => limited.first_token_timeout = short,
        }
        let answered = ask(&engine(folder.path(), &TestClock::new(), asking(limited)), QUESTION).await;
        assert_eq!(answered.text, text);
        let Some(ChatError::TimedOut { wait, limit, .. }) = answered.error else { panic!("{:?}", answered.error) };
        assert_eq!((wait, limit), (waited_for, short));
    }
}

#[tokio::test]
async fn refusals_say_what_can_be_done() {
    let key = r#"{"error":{"message":"Incorrect API key provided: sk-secret","code":"invalid_api_key"}}"#;
    let long = r#"{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#;
    let html = "<html><h1>It works!</h1></html>";
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm.\"},\"finish_reason\":\"length\"}]}\n\n";
    let mut told = String::new();
    for answer in [
        Answer::status("401 Unauthorized", key),
        Answer::status("429 Too Many Requests", "").header("retry-after: 20"),
        Answer::status("429 Too Many Requests", r#"{"error":{"message":"You exceeded your current quota"}}"#),
        Answer::status("400 Bad Request", long),
        Answer::status("404 Not Found", r#"{"error":"model 'x' not found"}"#),
        Answer::status("302 Found", "").header("location: /login"),
        Answer::status("200 OK", html),
        Answer::status("200 OK", thought),
    ] {
        let (text, error, requests) = outcome([answer]).await;
        let error = error.unwrap();
        assert_eq!((text.as_str(), requests), ("", 1), "{error}");
        assert!(!error.to_string().contains("127.0.0.1"), "no address is shown: {error}");
        told.push_str(&format!("{error}\n  {}\n", error.spoken()));
    }
    expect_test::expect![[r#"
        test-server refused the API key: 401 Unauthorized: Incorrect API key provided: [key]; check the key and what it may do
          Sorry, the language model refused my key, so please check the API key in my settings.
        test-server takes no more requests for now (ask again after 20 s): 429 Too Many Requests
          Sorry, the language model is busy, so please ask again in 20 seconds.
        test-server takes no more requests for now: 429 Too Many Requests: You exceeded your current quota
          Sorry, the language model takes no more requests for now, so please ask later or check its quota.
        the prompt is too long for the model of test-server: 400 Bad Request: maximum context length is 8192 tokens; lower history_tokens or choose another model
          Sorry, that was too much for the language model, so please ask for less, or shorten its history in my settings.
        test-server refused the request: 404 Not Found: model 'x' not found; check the model's name and the server's address
          Sorry, the language model's server refused the request, so please check the model's name in my settings.
        test-server refused the request: 302 Found: it redirects to another address, which Pipit does not follow; check the model's name and the server's address
          Sorry, the language model's server refused the request, so please check the model's name in my settings.
        test-server does not answer as a chat server does: it sent "<html><h1>It works!</h1></html>"; check the provider and the server's address
          Sorry, I don't understand what the language model's server says, so please check its address in my settings.
        test-server does not answer as a chat server does: the reply has no text; check the provider and the server's address
          Sorry, I don't understand what the language model's server says, so please check its address in my settings.
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_once_more() {
    let trouble = || Answer::status("500 Internal Server Error", "");
    let (text, error, requests) = outcome([trouble(), openai_reply("Far.")]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!((text.as_str(), requests), ("Far.", 2));

    let (_, error, requests) = outcome([trouble(), trouble(), openai_reply("Far.")]).await;
    assert!(matches!(error, Some(ChatError::Unavailable { .. })), "{error:?}");
    assert_eq!(requests, 2);

    let no_body = Answer::stream([""]).breaks_off();
    let (text, error, requests) = outcome([no_body, openai_reply("Far.")]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!((text.as_str(), requests), ("Far.", 2));
}

/// llama-cpp-python fails inside of the stream that it has begun, and only where nothing is streamed does it say why. litellm
/// passes that on as a reply that ends.
#[tokio::test]
async fn a_stream_of_nothing_is_asked_for_whole() {
    let nothing = || Answer::stream([""]).header("content-type: text/event-stream; charset=utf-8");
    let ended = || {
        let choices = [r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, r#"{"index":0,"delta":{}}"#];
        let events =
            choices.map(|choice| format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{choice}]}}\n\n"));
        Answer::stream([events.concat(), "data: [DONE]\n\n".to_owned()])
    };
    let too_long = r#"{"error":{"message":"This model's maximum context length is 512 tokens. However, you requested 613 tokens (608 in the messages, 5 in the completion). Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    let too_long = || Answer::status("400 Bad Request", too_long);
    for empty in [nothing(), ended()] {
        let (_, error, requests) = outcome([empty, too_long()]).await;
        assert!(matches!(error, Some(ChatError::ContextTooLong { .. })), "{error:?}");
        assert_eq!(requests, 2);
    }

    let whole = r#"{"choices":[{"message":{"role":"assistant","content":"Far."},"finish_reason":"stop"}]}"#;
    let server = FakeServer::start([nothing(), Answer::status("200 OK", whole), openai_reply("Very.")]).await;
    let (engine, _folder) = with(&server);
    assert_eq!(converse(&engine, QUESTION).await, "Far.");
    assert_eq!(converse(&engine, "Really so far away?").await, "Very.");
    let streamed: Vec<_> = server.seen().iter().map(|request| request.json()["stream"].clone()).collect();
    assert_eq!(streamed, [true, false, true], "the next reply is streamed again");
    assert_eq!(server.seen()[1].json().get("stream_options"), None, "which belongs to a stream");

    let (_, error, requests) = outcome([nothing(), nothing()]).await;
    assert!(matches!(error, Some(ChatError::Cut { .. })), "{error:?}");
    assert_eq!(requests, 2);
    let (_, error, requests) = outcome([ended(), ended()]).await;
    let Some(ChatError::Malformed { detail, .. }) = error else { panic!("{error:?}") };
    assert_eq!((detail.as_str(), requests), ("the reply has no text", 2));
}

#[tokio::test]
async fn a_reply_that_has_begun_is_not_asked_for_again() {
    let begun = openai_event("About ");
    let (text, error, requests) = outcome([Answer::stream([begun.clone()]).breaks_off(), openai_reply("Far.")]).await;
    assert!(matches!(error, Some(ChatError::Cut { .. })), "{error:?}");
    assert_eq!((text.as_str(), requests), ("About ", 1));

    let (_, error, requests) = outcome([Answer::stream([begun.clone()]), openai_reply("Far.")]).await;
    assert!(matches!(error, Some(ChatError::Cut { .. })), "no end marker: {error:?}");
    assert_eq!(requests, 1);

    let in_stream = "data: {\"error\":{\"message\":\"CUDA out of memory\"}}\n\n".to_owned();
    let (text, error, requests) = outcome([Answer::stream([begun, in_stream]), openai_reply("Far.")]).await;
    let Some(ChatError::Unavailable { detail, .. }) = error else { panic!("{error:?}") };
    assert_eq!((text.as_str(), requests, detail.as_str()), ("About ", 1, "CUDA out of memory"));
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = TempDir::new().unwrap();
    let engine = engine(folder.path(), &TestClock::new(), asking(provider(ProviderKind::Ollama, url)));
    let answered = ask(&engine, QUESTION).await;
    assert!(matches!(answered.error, Some(ChatError::Unavailable { .. })), "{:?}", answered.error);
}

#[tokio::test]
async fn what_the_server_sees() {
    let server = FakeServer::start(["Far.", "Very.", "Yes."].map(openai_reply)).await;
    let folder = TempDir::new().unwrap();
    let clock = TestClock::new();
    let engine = engine(folder.path(), &clock, asking(provider(ProviderKind::OpenAi, server.url() + "/")));
    converse(&engine, QUESTION).await;
    clock.advance(Duration::from_secs(60));
    converse(&engine, "Is that a long way?").await;
    clock.advance(Duration::from_secs(60));
    let answered = ask(&engine, "Tell me a story").await;
    engine.finish(answered.turn, "").await.unwrap();

    let seen = server.seen();
    assert!(seen.iter().all(|request| request.line == "POST /v1/chat/completions HTTP/1.1"), "{seen:?}");
    assert!(seen.iter().all(|request| request.headers.contains("authorization: bearer sk-secret\r\n")));
    assert_eq!(seen[0].json()["model"], "test-model");
    // The server's prompt cache hits as far as the bodies are the same.
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let before_the_clock = seen[0].body.find("(It is now").unwrap();
    assert!(shared(&seen[0].body, &seen[1].body) >= before_the_clock - "\\n\\n".len());
    expect_test::expect![[r#"
        [
          {
            "content": "You are Pipit.",
            "role": "system"
          },
          {
            "content": "How far away is the moon?",
            "role": "user"
          },
          {
            "content": "Far.",
            "role": "assistant"
          },
          {
            "content": "Is that a long way?",
            "role": "user"
          },
          {
            "content": "Very.",
            "role": "assistant"
          },
          {
            "content": "Tell me a story\n\n(It is now Saturday, 7 March 2026, 14:07.)",
            "role": "user"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&seen[2].json()["messages"]).unwrap());
}

#[tokio::test]
async fn a_model_that_wants_the_newer_name_of_the_limit_gets_it() {
    let wants = r#"{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}"#;
    let server =
        FakeServer::start([Answer::status("400 Bad Request", wants), openai_reply("Far."), openai_reply("Very.")])
            .await;
    let (engine, _folder) = with(&server);
    assert_eq!(converse(&engine, QUESTION).await, "Far.");
    assert_eq!(converse(&engine, "Really so far away?").await, "Very.");
    let limits: Vec<bool> =
        server.seen().iter().map(|request| request.json()["max_completion_tokens"] == 200).collect();
    assert_eq!(limits, [false, true, true]);
}

#[tokio::test]
async fn nothing_is_sent_before_the_reply_is_polled() {
    let server = FakeServer::start([openai_reply("Far.")]).await;
    let (engine, _folder) = with(&server);
    let unpolled = engine.respond(request("Who was Ada Lovelace?"));
    let polled = collect(engine.respond(request(QUESTION))).await;
    assert_eq!(polled.text, "Far.");
    drop(unpolled);
    assert!(server.seen()[0].body.contains(QUESTION));
}

#[test]
fn settings_that_cannot_work_are_refused_without_printing_secrets() {
    let folder = TempDir::new().unwrap();
    let refused = |provider: ProviderSettings| {
        let printed = format!("{provider:?}");
        let engine = Engine::new(asking(provider), store(folder.path()), TestClock::new().clock());
        let error = engine.expect_err("these settings can't work").to_string();
        assert!(!printed.contains("sk-secret") && !error.contains("secret"), "{printed} {error}");
    };
    refused(provider(ProviderKind::OpenAi, "ftp://me:secret@example.org".to_owned()));
    refused(provider(ProviderKind::OpenAi, "me:secret".to_owned()));
    refused(ProviderSettings {
        api_key: Some(Secret::new("sk-secret\n")),
        ..provider(ProviderKind::OpenAi, "http://localhost".to_owned())
    });
}
