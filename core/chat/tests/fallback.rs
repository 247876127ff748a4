//! Several language-model servers: who is asked, who next, who is left alone, and what is said where none can answer.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::time::Duration;

use pipit_chat::{ChatError, Engine, EngineSettings, ProviderKind, ProviderSettings};
use pipit_core::chat::Tier;
use support::{
    Answer, FakeServer, TestClock, ask, converse, engine, openai_event, openai_reply, provider, settings, store,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

const QUESTION: &str = "How far away is the moon?";

fn named(name: &str, server: &FakeServer) -> ProviderSettings {
    let (name, model) = (name.to_owned(), format!("{name}'s model"));
    ProviderSettings { name, model, ..provider(ProviderKind::OpenAi, server.url()) }
}

fn asking(providers: impl IntoIterator<Item = ProviderSettings>) -> (Engine, TempDir) {
    let folder = TempDir::new().unwrap();
    let settings = EngineSettings { providers: providers.into_iter().collect(), ..settings() };
    (engine(folder.path(), &TestClock::new(), settings), folder)
}

/// A server at which nobody listens any more.
async fn gone() -> FakeServer {
    let server = FakeServer::start([]).await;
    while tokio::net::TcpStream::connect(server.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server
}

#[tokio::test]
async fn nobody_farther_away_is_asked_than_is_wanted_just_now() {
    let here = FakeServer::start([openai_reply("Near.")]).await;
    // Nothing answers there, and nobody tries it.
    let far = provider(ProviderKind::OpenAi, "http://192.168.255.254:9/v1".to_owned());
    let (engine, _folder) = asking([far.clone(), named("here", &here)]);
    engine.set_widest(Tier::Device);
    assert_eq!(engine.widest(), Tier::Device);
    assert_eq!(ask(&engine, QUESTION).await.text, "Near.");
    let (engine, _folder) = asking([far]);
    engine.set_widest(Tier::Device);
    assert!(ask(&engine, QUESTION).await.text.contains("can't answer that"), "as where there is no model");
    engine.set_widest(Tier::House);
    assert_eq!(engine.widest(), Tier::House);
}

#[tokio::test]
async fn it_is_known_how_each_did_last() {
    let first = FakeServer::start([Answer::status("401 Unauthorized", "")]).await;
    let second = FakeServer::start([openai_reply("Near.")]).await;
    let (engine, _folder) = asking([named("first", &first), named("second", &second)]);
    assert!(engine.reports().iter().all(|report| report.answered.is_none() && report.failed.is_none()));
    ask(&engine, QUESTION).await;
    let [first, second] = &engine.reports()[..] else { panic!("two providers") };
    let (_, why) = first.failed.as_ref().unwrap();
    assert!(why.starts_with("first refused the API key"), "{why}");
    assert!(first.answered.is_none() && second.failed.is_none() && second.answered.is_some());
    assert_eq!((second.identity.name.as_str(), second.rests), ("second", false));
}

#[tokio::test]
async fn the_next_one_answers_where_the_first_cannot() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xcb\xcf\x07\x00\x21\x65\x73\x8c\x03\x00\x00\x00".to_vec();
    let long_line = [b"data: ".to_vec(), vec![b'x'; 10 << 20]].concat();
    let failed = || Answer::status("500 Internal Server Error", "");
    let cases: Vec<(&str, Vec<Answer>)> = vec![
        ("a web page", vec![Answer::status("200 OK", "<html><h1>It works!</h1></html>")]),
        ("compressed without being asked", vec![Answer::stream([gzip]).header("content-encoding: gzip")]),
        ("a line of 10 MB", vec![Answer::stream([long_line])]),
        ("silence", vec![Answer::silence()]),
        ("one byte and another", vec![Answer::stream([""]).drips(Duration::from_millis(20))]),
        ("a flood that says nothing", vec![Answer::stream([""]).drips(Duration::ZERO)]),
        ("a wrong key", vec![Answer::status("401 Unauthorized", "")]),
        ("a rate limit", vec![Answer::status("429 Too Many Requests", "")]),
        ("a rate limit with its end", vec![Answer::status("429 Too Many Requests", "").header("retry-after: 30")]),
        ("trouble, twice", vec![failed(), failed()]),
        ("trouble that never ends", vec![failed().hangs()]),
        ("trouble, then silence", vec![failed(), Answer::silence()]),
        ("an empty reply", vec![Answer::stream(["data: [DONE]\n\n"])]),
        ("nothing at all", vec![Answer::stream([""]), Answer::stream([""])]),
        ("an unknown model", vec![Answer::status("404 Not Found", r#"{"error":"model not found"}"#)]),
    ];
    for (what, answers) in cases {
        let requests = answers.len();
        let first = FakeServer::start(answers).await;
        let second = FakeServer::start([openai_reply("Near.")]).await;
        let hasty = ProviderSettings { first_token_timeout: Duration::from_millis(900), ..named("first", &first) };
        let (engine, _folder) = asking([hasty, named("second", &second)]);
        let answered = ask(&engine, QUESTION).await;
        assert_eq!((answered.text.as_str(), answered.error.is_none()), ("Near.", true), "{what}: {:?}", answered.error);
        assert_eq!(answered.provider.as_deref(), Some("second"), "{what}");
        // On a busy machine there may be no time left to ask once more.
        assert!((1..=requests).contains(&first.seen().len()), "{what}");
        assert_eq!(second.seen()[0].json()["model"], "second's model");
    }
}

#[tokio::test]
async fn a_server_that_recovers_keeps_its_place() {
    let first = FakeServer::start([Answer::status("503 Service Unavailable", "loading"), openai_reply("Far.")]).await;
    let second = FakeServer::start([]).await;
    let (engine, _folder) = asking([named("first", &first), named("second", &second)]);
    assert_eq!(converse(&engine, QUESTION).await, "Far.");
    assert_eq!(first.seen().len(), 2);
}

#[tokio::test]
async fn plain_text_that_says_it_is_compressed_is_read_as_what_it_is() {
    let server = FakeServer::start([openai_reply("Far.").header("content-encoding: gzip")]).await;
    let (engine, _folder) = asking([named("first", &server)]);
    assert_eq!(converse(&engine, QUESTION).await, "Far.");
}

#[tokio::test]
async fn what_has_begun_is_not_begun_again_elsewhere() {
    let first = FakeServer::start([Answer::stream([openai_event("About ")]).breaks_off()]).await;
    let second = FakeServer::start([openai_reply("Near.")]).await;
    let (engine, _folder) = asking([named("first", &first), named("second", &second)]);
    let answered = ask(&engine, QUESTION).await;
    assert_eq!(answered.text, "About ");
    assert!(matches!(answered.error, Some(ChatError::Cut { .. })), "{:?}", answered.error);
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn what_is_too_long_is_too_long_for_the_same_model_elsewhere() {
    let long = r#"{"error":{"message":"maximum context length is 8192 tokens"}}"#;
    let first =
        FakeServer::start([Answer::status("400 Bad Request", long), Answer::status("400 Bad Request", long)]).await;
    let twin = FakeServer::start([]).await;
    let larger = FakeServer::start([openai_reply("Near.")]).await;
    let same_model = ProviderSettings { model: "first's model".to_owned(), ..named("twin", &twin) };
    let (engine, _folder) = asking([named("first", &first), same_model.clone(), named("larger", &larger)]);
    assert_eq!(ask(&engine, QUESTION).await.provider.as_deref(), Some("larger"));

    let (engine, _folder) = asking([named("first", &first), same_model]);
    let error = ask(&engine, QUESTION).await.error;
    assert!(matches!(error, Some(ChatError::ContextTooLong { .. })), "{error:?}");
}

#[tokio::test]
async fn where_all_are_down_the_most_telling_failure_is_told_and_nothing_is_remembered() {
    let first = gone().await;
    let refused = FakeServer::start([Answer::status("401 Unauthorized", "")]).await;
    let busy = FakeServer::start([Answer::status("429 Too Many Requests", "")]).await;
    let (engine, folder) = asking([named("first", &first), named("second", &refused), named("third", &busy)]);
    let answered = ask(&engine, QUESTION).await;
    let error = answered.error.unwrap();
    assert!(matches!(&error, ChatError::Authentication { provider, .. } if provider == "second"), "{error}");
    engine.finish(answered.turn, "Sorry.").await.unwrap();
    assert_eq!(store(folder.path()).recent_exchanges(9).unwrap(), []);

    let (engine, _folder) = asking([named("first", &gone().await), named("second", &gone().await)]);
    let error = ask(&engine, QUESTION).await.error.unwrap();
    assert!(matches!(&error, ChatError::Unavailable { provider, .. } if provider == "first"), "{error}");
    assert!(!error.to_string().contains("127.0.0.1"), "no address is shown: {error}");
}

#[tokio::test]
async fn the_same_server_may_have_another_model() {
    let missing = Answer::status("404 Not Found", r#"{"error":"model not found"}"#);
    let server = FakeServer::start([missing, openai_reply("Near.")]).await;
    let (engine, _folder) = asking([named("first", &server), named("second", &server)]);
    assert_eq!(ask(&engine, QUESTION).await.provider.as_deref(), Some("second"));
    let models: Vec<_> = server.seen().iter().map(|seen| seen.json()["model"].clone()).collect();
    assert_eq!(models, ["first's model", "second's model"]);
}

#[tokio::test]
async fn who_fails_again_and_again_is_left_alone() {
    let first = FakeServer::start((0..9).map(|_| Answer::status("500 Internal Server Error", ""))).await;
    let second = FakeServer::start((0..5).map(|_| openai_reply("Near."))).await;
    let (engine, _folder) = asking([named("first", &first), named("second", &second)]);
    for asked in [2, 4, 6, 6, 6] {
        converse(&engine, QUESTION).await;
        assert_eq!(first.seen().len(), asked);
    }
    // The second one has gone now, so the only one who might answer rests; it is not asked for what it was left alone for.
    let error = ask(&engine, QUESTION).await.error;
    assert!(matches!(error, Some(ChatError::Unavailable { .. })), "{error:?}");
    assert_eq!(first.seen().len(), 6);
}

#[tokio::test]
async fn the_only_server_is_asked_however_often_it_failed() {
    let failures = (0..8).map(|_| Answer::status("500 Internal Server Error", ""));
    let server = FakeServer::start(failures.chain([openai_reply("Far.")])).await;
    let (engine, _folder) = asking([named("first", &server)]);
    for _ in 0..4 {
        assert!(ask(&engine, QUESTION).await.error.is_some());
    }
    assert_eq!(converse(&engine, QUESTION).await, "Far.");
}

#[tokio::test]
async fn who_wants_no_requests_gets_none() {
    let limit = || Answer::status("429 Too Many Requests", "").header("retry-after: 300");
    let first = FakeServer::start([limit()]).await;
    let second = FakeServer::start([openai_reply("Near."), openai_reply("Near."), limit()]).await;
    let (engine, _folder) = asking([named("first", &first), named("second", &second)]);
    converse(&engine, QUESTION).await;
    converse(&engine, QUESTION).await;
    for _ in 0..2 {
        let error = ask(&engine, QUESTION).await.error;
        let Some(ChatError::RateLimited { retry_after: Some(delay), .. }) = error else { panic!("{error:?}") };
        assert!(delay <= Duration::from_secs(300) && delay > Duration::from_secs(100), "{delay:?}");
    }
    assert_eq!((first.seen().len(), second.seen().len()), (1, 3));
}

#[tokio::test]
async fn a_long_reply_is_whole_and_an_endless_one_has_an_end() {
    let word = "perpetuum ";
    let portions = |bytes: usize| vec![openai_event(word); bytes / word.len()];
    let end = "data: [DONE]\n\n".to_owned();
    let long = Answer::stream(portions(1 << 20).into_iter().chain([end]));
    let endless = Answer::stream(portions(5 << 20)).hangs();
    let server = FakeServer::start([long, endless]).await;
    let second = FakeServer::start([]).await;
    let (engine, _folder) = asking([named("first", &server), named("second", &second)]);
    assert_eq!(converse(&engine, QUESTION).await.len(), (1 << 20) / word.len() * word.len());
    let answered = ask(&engine, QUESTION).await;
    assert!(matches!(answered.error, Some(ChatError::Malformed { .. })), "{:?}", answered.error);
    assert!(answered.text.len() > 4_000_000);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_is_given_up() {
    // A listener that accepts nothing still completes connections, so what is waited for is the first token.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let first =
        ProviderSettings { first_token_timeout: Duration::from_millis(200), ..provider(ProviderKind::Ollama, url) };
    let second = FakeServer::start([openai_reply("Near.")]).await;
    let (engine, _folder) = asking([first, named("second", &second)]);
    assert_eq!(converse(&engine, QUESTION).await, "Near.");
}
