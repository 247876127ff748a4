//! The router on a real socket.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod bare;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use pipit_store::Store;
use pipit_web::{
    BusEvent, Draft, Metrics, NotAnnounced, Snapshot, Sources, Span, Stage, Timings, TurnRecord, Waterfall, router,
    serve,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};

/// A daemon that has room for two events.
struct Daemon {
    bus: broadcast::Sender<BusEvent>,
    metrics: Arc<Metrics>,
    address: std::net::SocketAddr,
    levels: watch::Sender<f32>,
    sources: Sources,
    _snapshots: watch::Sender<Snapshot>,
    _state: TempDir,
}

impl Daemon {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = tempfile::tempdir().unwrap();
        let levels = watch::Sender::new(-100.0);
        let (bus, snapshots, metrics) = (broadcast::Sender::new(2), watch::Sender::default(), Arc::default());
        let store = Store::open(&state.path().join("pipit.db")).unwrap();
        let sources = Sources {
            snapshots: snapshots.subscribe(),
            events: bus.downgrade(),
            levels: levels.subscribe(),
            metrics: Arc::clone(&metrics),
            announce: Arc::new(|text| {
                std::future::ready(match text.as_str() {
                    "Dinner is ready" => Ok(()),
                    "too much" => Err(NotAnnounced::NotNow("ten wait already".to_owned())),
                    _ => Err(NotAnnounced::Unfit("it must be a text".to_owned())),
                })
                .boxed()
            }),
            ..bare::sources(&store)
        };
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, None, router(sources.clone()), std::future::pending()));
        Daemon { bus, metrics, address, levels, sources, _snapshots: snapshots, _state: state }
    }

    async fn get(&self, path: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        BufReader::new(stream)
    }

    fn phase(&self, phase: &'static str) {
        let state = BusEvent::State(Snapshot { phase, ..Snapshot::default() });
        self.bus.send(state).unwrap();
    }
}

/// Reads on until a line has `words` in it, or the stream ends.
async fn line_with(stream: &mut BufReader<TcpStream>, words: &str) -> Option<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return None;
        }
        if line.contains(words) {
            return Some(line);
        }
    }
}

/// Everything runs on one thread, so the page gets no turn until the test waits for it.
#[tokio::test]
async fn whoever_is_too_slow_for_the_events_is_told_how_many_were_missed() {
    let daemon = Daemon::start().await;
    let mut events = daemon.get("/events").await;
    line_with(&mut events, "event: state").await.unwrap();
    for phase in ["hearing", "weighing", "thinking", "speaking", "idle"] {
        daemon.phase(phase);
    }
    line_with(&mut events, "event: missed").await.unwrap();
    assert_eq!(line_with(&mut events, "data: ").await.unwrap().trim(), "data: 3");
    assert!(line_with(&mut events, "data: ").await.unwrap().contains("speaking"));
    assert!(line_with(&mut events, "data: ").await.unwrap().contains("idle"));
    drop(daemon.bus);
    assert_eq!(line_with(&mut events, "data: ").await, None, "the events end with the daemon");
}

#[tokio::test]
async fn what_was_counted_adds_up() {
    let daemon = Daemon::start().await;
    let span = |stage, discarded| Span {
        stage,
        clause: None,
        part: None,
        began_ms: 0.0,
        ended_ms: Some(80.0),
        model_ms: None,
        speculative: true,
        discarded,
        failed: false,
    };
    let draft = |revision, dropped_ms: Option<f64>| Draft {
        revision,
        pause_ms: Some(0.0),
        dropped_ms,
        provider: None,
        spans: vec![span(Stage::Transcription, dropped_ms.is_some())],
    };
    for first_audio in [150.0, 20_000.0] {
        daemon.metrics.turn_ended(&TurnRecord {
            private: false,
            turn: 1,
            ended_by: Some("silence"),
            timings_ms: Timings { pause: Some(100.0), first_audio: Some(first_audio), ..Timings::default() },
            waterfall: Waterfall { drafts: vec![draft(1, Some(0.0)), draft(2, None)], ..Waterfall::default() },
        });
    }
    daemon.metrics.turn_ended(&TurnRecord::default());
    daemon.metrics.worked(Stage::Transcription, Duration::from_millis(250));
    let mut page = String::new();
    daemon.get("/metrics").await.read_to_string(&mut page).await.unwrap();
    for line in [
        "content-type: text/plain; version=0.0.4; charset=utf-8\r",
        "pipit_turns_total{ended_by=\"announcement\"} 1",
        "pipit_turns_total{ended_by=\"silence\"} 2",
        "pipit_drafts_total 4",
        "pipit_drafts_thrown_away_total 2",
        "pipit_work_total{stage=\"transcription\"} 4",
        "pipit_work_thrown_away_total{stage=\"transcription\"} 2",
        "pipit_model_seconds_total{stage=\"transcription\"} 0.25",
        "pipit_response_seconds_bucket{stage=\"first_audio\",le=\"0.1\"} 0",
        "pipit_response_seconds_bucket{stage=\"first_audio\",le=\"0.2\"} 1",
        "pipit_response_seconds_bucket{stage=\"first_audio\",le=\"10\"} 1",
        "pipit_response_seconds_bucket{stage=\"first_audio\",le=\"+Inf\"} 2",
        "pipit_response_seconds_sum{stage=\"first_audio\"} 20.15",
        "pipit_response_seconds_count{stage=\"first_audio\"} 2",
        "pipit_response_seconds_count{stage=\"transcript\"} 0",
        "pipit_microphone_connected 0",
        "pipit_microphone_muted 0",
        "pipit_model_loaded{for=\"voice\"} 0",
        "pipit_mqtt_connected 1",
    ] {
        assert!(page.lines().any(|written| written == line.trim_end()), "`{line}` is missing:\n{page}");
    }
}

/// What somebody asks for is nobody else's to read, be it in the path or in place of a method.
#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_was_asked_for() {
    let daemon = Daemon::start().await;
    for path in ["/turns?limit=1", "/v1/messages/12345", "/wren", "/api/wren/herons"] {
        let mut answer = String::new();
        daemon.get(path).await.read_to_string(&mut answer).await.unwrap();
    }
    let mut page = String::new();
    daemon.get("/metrics").await.read_to_string(&mut page).await.unwrap();
    for line in [
        "pipit_http_requests_total{method=\"GET\",route=\"/turns\",status=\"200\"} 1",
        "pipit_http_requests_total{method=\"GET\",route=\"/v1/messages/{id}\",status=\"401\"} 1",
        "pipit_http_requests_total{method=\"GET\",route=\"files\",status=\"404\"} 2",
        "pipit_http_request_seconds_count{route=\"files\"} 2",
        "pipit_http_request_seconds_bucket{route=\"/turns\",le=\"+Inf\"} 1",
    ] {
        assert!(page.lines().any(|written| written == line), "`{line}` is missing:\n{page}");
    }
    assert!(!page.contains("wren") && !page.contains("12345"), "{page}");
}

#[tokio::test]
async fn the_level_is_told_as_it_changes_on_the_machine_itself() {
    let daemon = Daemon::start().await;
    let mut levels = daemon.get("/levels").await;
    assert!(line_with(&mut levels, "data: {").await.unwrap().contains(r#"{"event":"level","dbfs":-100.0}"#));
    daemon.levels.send(-31.5).unwrap();
    assert!(line_with(&mut levels, "data: {").await.unwrap().contains(r#""dbfs":-31.5"#));
}

/// Whoever can't be told apart from somebody else's machine is taken for one.
#[tokio::test]
async fn the_level_is_not_told_to_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let daemon = Daemon::start().await;
    let router = router(daemon.sources.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /levels HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 401") && !answer.contains("dbfs"), "{answer}");
}

#[tokio::test]
async fn programs_here_have_something_announced_and_pages_do_not() {
    let daemon = Daemon::start().await;
    let post = async |headers: &str, body: &str| {
        let mut stream = TcpStream::connect(daemon.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "POST /announce HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let json = "content-type: application/json\r\n";
    assert_eq!(post(json, r#"{"text": "Dinner is ready"}"#).await, "202");
    assert_eq!(post(json, r#"{"text": ""}"#).await, "400");
    assert_eq!(post(json, r#"{"text": "too much"}"#).await, "503");
    assert_eq!(post(json, r#"{"words": "Dinner is ready"}"#).await, "400");
    assert_eq!(post(json, "{").await, "400");
    assert_eq!(post("content-type: text/plain\r\n", r#"{"text": "Dinner is ready"}"#).await, "415");
    let page = format!("{json}origin: http://pipit:7847\r\n");
    assert_eq!(post(&page, r#"{"text": "Dinner is ready"}"#).await, "403");
}
