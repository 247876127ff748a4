//! An engine over a real store, a clock that stands still, and a language-model server on a real socket.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Zoned;
use pipit_chat::{
    ChatError, Clock, Confirmation, Deed, DeviceAction, Door, Engine, EngineSettings, FinishedTurn, Place,
    ProviderKind, ProviderSettings, Reply, ReplyEvent, Request, Secret,
};
use pipit_store::Store;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Long enough to never be reached where it isn't what the test is about.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that moves only when it is told to.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<Zoned>>);

impl TestClock {
    pub(crate) fn new() -> Self {
        let start = jiff::civil::date(2026, 3, 7).at(14, 5, 0, 0).in_tz("Europe/London").unwrap();
        TestClock(Arc::new(Mutex::new(start)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = &*now + by;
    }

    pub(crate) fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.0.lock().unwrap().clone())
    }
}

pub(crate) fn settings() -> EngineSettings {
    EngineSettings {
        providers: Vec::new(),
        system_prompt: "You are Pipit.".to_owned(),
        topic: None,
        tools: Some(Vec::new()),
        history_tokens: 1000,
        max_reply_tokens: 200,
        volume: 60,
        ring_late: Duration::from_secs(15 * 60),
        snooze: Duration::from_secs(9 * 60),
    }
}

pub(crate) fn provider(kind: ProviderKind, base_url: String) -> ProviderSettings {
    ProviderSettings {
        name: "test-server".to_owned(),
        kind,
        base_url,
        model: "test-model".to_owned(),
        api_key: Some(Secret::new("sk-secret")),
        connect_timeout: PATIENCE,
        first_token_timeout: PATIENCE,
        idle_timeout: PATIENCE,
    }
}

/// An engine that remembers in `folder`.
pub(crate) fn engine(folder: &Path, clock: &TestClock, settings: EngineSettings) -> Engine {
    Engine::new(settings, store(folder), clock.clock()).unwrap()
}

pub(crate) fn store(folder: &Path) -> Store {
    Store::open(&folder.join("pipit.db")).unwrap()
}

/// Everything that came of a request.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) intent: Option<&'static str>,
    /// The name of the provider that answered.
    pub(crate) provider: Option<String>,
    pub(crate) text: String,
    pub(crate) deed: Option<Deed>,
    pub(crate) device: Vec<DeviceAction>,
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) error: Option<ChatError>,
    pub(crate) turn: FinishedTurn,
}

/// Asks, takes the whole reply and does what there is to do, without finishing the turn.
pub(crate) async fn ask(engine: &Engine, text: &str) -> Answered {
    let mut answered = collect(engine.respond(request(text))).await;
    if let Some(deed) = answered.deed.take() {
        answered.device = engine.perform(deed).await.unwrap();
    }
    answered
}

pub(crate) fn request(text: &str) -> Request {
    Request { text: text.to_owned(), door: Door::Voice, place: Place::Standing, turn: None }
}

pub(crate) async fn collect(mut reply: Reply) -> Answered {
    let (mut understood, mut provider, mut text, mut error) = (None, None, String::new(), None);
    let (mut device, mut confirmation) = (Vec::new(), None);
    while let Some(event) = reply.next().await {
        assert!(error.is_none(), "something came after an error: {event:?}");
        match event {
            Ok(ReplyEvent::Understood { intent, deed }) => {
                assert!(understood.is_none() && text.is_empty(), "it is understood once, and first");
                understood = Some((intent, deed));
            }
            Ok(ReplyEvent::AnsweredBy(identity)) => {
                assert!(provider.is_none() && text.is_empty(), "one answers, and it is named first");
                provider = Some(identity.name);
            }
            Ok(ReplyEvent::Text(more)) => text.push_str(&more),
            Ok(ReplyEvent::WantsToAct) => reply.permit(),
            Ok(ReplyEvent::Device(action)) => device.push(action),
            Ok(ReplyEvent::Confirm(asked)) => confirmation = Some(asked),
            Err(failure) => error = Some(failure),
        }
    }
    let (intent, deed) = understood.unwrap_or_default();
    Answered { intent, provider, text, deed, device, confirmation, error, turn: reply.finished() }
}

/// Asks, hears everything, and gives what was said.
pub(crate) async fn converse(engine: &Engine, text: &str) -> String {
    let answered = ask(engine, text).await;
    assert!(answered.error.is_none(), "{text}: {:?}", answered.error);
    engine.finish(answered.turn, &answered.text).await.unwrap();
    answered.text
}

/// How a server answers one request.
#[derive(Clone)]
pub(crate) struct Answer {
    head: String,
    portions: Vec<Vec<u8>>,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    BreakOff,
    Hang,
    Drip(Duration),
}

impl Answer {
    pub(crate) fn stream(portions: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Answer {
            head: "HTTP/1.1 200 OK\r\n".to_owned(),
            portions: portions.into_iter().map(Into::into).collect(),
            then: Then::End,
        }
    }

    pub(crate) fn status(status: &str, body: &str) -> Self {
        Answer { head: format!("HTTP/1.1 {status}\r\n"), ..Answer::stream([body]) }
    }

    /// The connection is accepted, and that is all.
    pub(crate) fn silence() -> Self {
        Answer { head: String::new(), ..Answer::stream([""]) }.hangs()
    }

    pub(crate) fn header(mut self, header: &str) -> Self {
        self.head.push_str(header);
        self.head.push_str("\r\n");
        self
    }

    /// The connection closes before the body is complete.
    pub(crate) fn breaks_off(self) -> Self {
        Answer { then: Then::BreakOff, ..self }
    }

    /// A comment comes on and on, byte by byte at this pace, until the client goes.
    pub(crate) fn drips(self, pace: Duration) -> Self {
        Answer { then: Then::Drip(pace), ..self }
    }

    /// Nothing more comes, until the client goes.
    pub(crate) fn hangs(self) -> Self {
        Answer { then: Then::Hang, ..self }
    }
}

/// One event of OpenAI's kind that says `text`.
pub(crate) fn openai_event(text: &str) -> String {
    format!(
        "data: {}\n\n",
        serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
    )
}

pub(crate) fn openai_reply(text: &str) -> Answer {
    Answer::stream([openai_event(text), "data: [DONE]\n\n".to_owned()])
}

/// A reply that wants tools used, each with these arguments.
pub(crate) fn wants(calls: &[(&str, &str)]) -> Answer {
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            serde_json::json!({"index": index, "id": format!("c{index}"), "type": "function",
                   "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let event =
        serde_json::json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]});
    Answer::stream([format!("data: {event}\n\ndata: [DONE]\n\n")])
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A server that gives its answers one after the other, each on its own connection.
pub(crate) struct FakeServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    hang_ups: mpsc::UnboundedReceiver<()>,
}

impl FakeServer {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (hang_up, hang_ups) = mpsc::unbounded_channel();
        let answers: Vec<Answer> = answers.into_iter().collect();
        let requests = Arc::clone(&seen);
        tokio::spawn(async move {
            for answer in answers {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(connection, answer, Arc::clone(&requests), hang_up.clone()));
            }
        });
        FakeServer { address, seen, hang_ups }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until a client has gone from an answer that hangs.
    pub(crate) async fn hung_up(&mut self) {
        tokio::time::timeout(PATIENCE, self.hang_ups.recv()).await.unwrap().unwrap();
    }
}

async fn serve(connection: TcpStream, answer: Answer, seen: Arc<Mutex<Vec<Seen>>>, hang_up: mpsc::UnboundedSender<()>) {
    let mut connection = BufReader::new(connection);
    let request = read_request(&mut connection).await;
    seen.lock().unwrap().push(request);
    let head = format!("{}connection: close\r\ntransfer-encoding: chunked\r\n\r\n", answer.head);
    let socket = connection.get_mut();
    socket.set_nodelay(true).unwrap();
    if !answer.head.is_empty() {
        // A client may go at any time, so writing may fail.
        let _ = socket.write_all(head.as_bytes()).await;
    }
    for portion in answer.portions.iter().filter(|portion| !portion.is_empty()) {
        let chunk = [format!("{:x}\r\n", portion.len()).as_bytes(), portion, b"\r\n"].concat();
        let _ = socket.write_all(&chunk).await;
    }
    match answer.then {
        Then::End => {
            let _ = socket.write_all(b"0\r\n\r\n").await;
        }
        Then::BreakOff => {}
        Then::Drip(pace) => {
            while socket.write_all(b"1\r\n:\r\n").await.is_ok() {
                tokio::time::sleep(pace).await;
            }
        }
        Then::Hang => {
            let _ = connection.read_u8().await;
            let _ = hang_up.send(());
        }
    }
}

async fn read_request(connection: &mut BufReader<TcpStream>) -> Seen {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(connection.read_line(&mut head).await.unwrap() > 0, "the client went in the middle of its request");
    }
    let (line, headers) = head.split_once("\r\n").unwrap();
    let (line, headers) = (line.to_owned(), headers.to_ascii_lowercase());
    let length = headers.lines().find_map(|header| header.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    Seen { line, headers, body: String::from_utf8(body).unwrap() }
}
