//! The ledger: what it says was sent is what a server got, byte by byte.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use pipit_chat::{EngineSettings, HttpProvider, Meter, Provider as _, ProviderKind};
use pipit_core::chat::Tier;
use pipit_store::{Purpose, Traffic};
use support::{TestClock, ask, engine, openai_event, provider, settings, store};
use tempfile::TempDir;

/// Answers as many requests as there are answers, each on a connection of its own; then it says how long each request was.
fn serve(answers: Vec<String>) -> (String, JoinHandle<Vec<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut some = [0; 4096];
                let length = stream.read(&mut some).unwrap();
                request.extend_from_slice(&some[..length]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            request.len()
        };
        answers.into_iter().map(answer).collect()
    });
    (url, serving)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() == length.map_or(0, |length| length.parse().unwrap())
}

/// Waits until what is counted on a thread of its own is written down.
fn entries(folder: &TempDir, count: usize) -> Vec<Traffic> {
    let store = store(folder.path());
    loop {
        let entries = store.traffic(99).unwrap();
        if entries.len() >= count {
            return entries;
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_in_the_ledger_with_its_bytes() {
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{}data: [DONE]\n\n",
        openai_event("Far away.")
    );
    let refusal = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbusy".to_owned();
    let expected = [refusal.len(), reply.len()];
    let (url, serving) = serve(vec![refusal, reply]);
    let folder = TempDir::new().unwrap();
    let settings = EngineSettings { providers: vec![provider(ProviderKind::OpenAi, url)], ..settings() };
    let engine = engine(folder.path(), &TestClock::new(), settings);
    assert_eq!(ask(&engine, "How far away is the moon?").await.text, "Far away.");
    let sent = serving.join().unwrap();
    let mut entries = tokio::task::spawn_blocking(move || entries(&folder, 2)).await.unwrap();
    // The refusal is shorter; which of them is written down first is for the threads to say.
    entries.sort_by_key(|entry| entry.received);
    for (n, entry) in entries.iter().enumerate() {
        let Traffic { purpose, host, tier, .. } = entry;
        assert_eq!((*purpose, host.as_str(), *tier), (Purpose::Chat, "127.0.0.1", Tier::Device));
        assert_eq!((entry.sent, entry.received), (sent[n] as u64, expected[n] as u64), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reached_nobody_is_in_no_ledger() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let folder = TempDir::new().unwrap();
    let settings = EngineSettings { providers: vec![provider(ProviderKind::OpenAi, url)], ..settings() };
    let engine = engine(folder.path(), &TestClock::new(), settings);
    assert!(ask(&engine, "How far away is the moon?").await.error.is_some());
    drop(engine);
    assert_eq!(store(folder.path()).traffic(9).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whether_a_server_is_well_is_counted_too() {
    let list = r#"{"data":[{"id":"one"}]}"#;
    let head =
        |status: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", list.len());
    let answers = ["200 OK", "401 Unauthorized"].map(|status| head(status) + list);
    let expected = answers.iter().map(|answer| answer.len() as u64).collect::<Vec<_>>();
    let (url, serving) = serve(answers.into());
    let folder = TempDir::new().unwrap();
    let meter = Meter::new(store(folder.path()), TestClock::new().clock(), Purpose::Test);
    let asked = HttpProvider::new(&provider(ProviderKind::OpenAi, url)).unwrap().counted_by(Some(meter));
    assert_eq!(asked.list_models().await.unwrap(), ["one"]);
    assert!(asked.health().await.is_err());
    let sent = serving.join().unwrap();
    let mut entries = tokio::task::spawn_blocking(move || entries(&folder, 2)).await.unwrap();
    // Which of them is written down first is for the threads to say.
    entries.sort_by_key(|entry| entry.received);
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!((entry.purpose, entry.turn), (Purpose::Test, None));
        assert_eq!((entry.sent, entry.received), (sent[n] as u64, expected[n]), "{n}");
    }
}
