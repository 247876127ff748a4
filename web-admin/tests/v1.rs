//! The APIs under `/v1` over a real socket: a real engine, a real store, and a language-model server on a socket of its own.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

#[path = "../../core/chat/tests/support/mod.rs"]
mod support;

mod bare;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use pipit_chat::tools::{Circumstances, Done, Nature, Tool};
use pipit_chat::{DeviceAction, Engine, EngineSettings, ProviderKind};
use pipit_core::audio::{Hertz, Pcm};
use pipit_core::chat::{Risk, ToolSpec};
use pipit_store::{NewPerson, NewPrivacy, PersonId, Role, Store};
use pipit_web::v1::{Apis, Segment, SpeechProblem, Transcript};
use pipit_web::{BusEvent, Snapshot, Sources, router, serve};
use serde_json::{Map, Value, json};
use support::{Answer, FakeServer, openai_event, openai_reply, provider, settings, wants};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};

/// A daemon without ears and mouth: what stands for them says what it was given.
struct Daemon {
    address: SocketAddr,
    /// What whoever asks shows.
    token: Mutex<String>,
    store: Store,
    server: FakeServer,
    used: Arc<Mutex<Vec<Value>>>,
    device: Arc<Mutex<Vec<DeviceAction>>>,
    /// Transcription goes on once this is opened.
    gate: Arc<tokio::sync::Semaphore>,
    _bus: broadcast::Sender<BusEvent>,
    _state: TempDir,
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Server-Sent Events, by name.
    fn events(&self) -> Vec<(String, Value)> {
        let events = self.text().split("\n\n").filter(|event| event.contains("data:"));
        let line = |event: &str, name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
        };
        events
            .map(|event| {
                let data = line(event, "data:").unwrap();
                let data = serde_json::from_str(&data).unwrap_or(Value::String(data));
                (line(event, "event:").unwrap_or_default(), data)
            })
            .collect()
    }

    fn event(&self, name: &str) -> Value {
        let found = self.events().into_iter().find(|(is, _)| is == name);
        found.unwrap_or_else(|| panic!("no {name}: {}", self.text())).1
    }

    #[track_caller]
    fn failed(&self, status: u16, code: &str) {
        let error = &self.json()["error"];
        assert_eq!((self.status, error["code"].as_str()), (status, Some(code)), "{self:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.ends_with('.') && message.len() > 10, "{message}");
    }
}

impl Daemon {
    /// One whose language model answers like this, one answer after the other.
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Daemon {
        let server = FakeServer::start(answers).await;
        let providers = vec![provider(ProviderKind::OpenAi, server.url())];
        Daemon::with(EngineSettings { providers, tools: None, ..settings() }, server).await
    }

    /// One without a language model.
    async fn alone() -> Daemon {
        Daemon::with(settings(), FakeServer::start([]).await).await
    }

    async fn with(settings: EngineSettings, server: FakeServer) -> Daemon {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = TempDir::new().unwrap();
        let store = Store::open(&state.path().join("pipit.db")).unwrap();
        let engine = Engine::new(settings, store.clone(), Arc::new(jiff::Zoned::now)).unwrap();
        let (used, device) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<Mutex<Vec<DeviceAction>>>::default());
        engine.offer([Arc::new(Door { spec: door(), used: Arc::clone(&used) }) as Arc<dyn Tool>]);
        let gate = Arc::new(tokio::sync::Semaphore::new(100));
        let apis = Apis::new(engine, transcribe(Arc::clone(&gate)), Arc::new(|text| said(&text.text, text.rate)));
        let done = Arc::clone(&device);
        let apis = apis.on_device(Arc::new(move |action| done.lock().unwrap().push(action)));
        let bus = broadcast::Sender::new(2);
        let snapshot =
            Snapshot { voice: Some("espeak".to_owned()), recogniser: Some("nano".to_owned()), ..Snapshot::default() };
        let sources = Sources {
            snapshots: watch::Sender::new(snapshot).subscribe(),
            events: bus.downgrade(),
            apis,
            ..bare::sources(&store)
        };
        tokio::spawn(serve(listener, None, router(sources), std::future::pending()));
        let token = Mutex::new(token(&store, store.person(), "read talk"));
        Daemon { address, token, store, server, used, device, gate, _bus: bus, _state: state }
    }

    fn authorization(&self) -> String {
        let token = self.token.lock().unwrap();
        if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") }
    }

    /// From now on somebody else asks.
    fn as_if(&self, token: String) {
        *self.token.lock().unwrap() = token;
    }

    /// Sends a request. Its answer comes without chunks, because it is of HTTP 1.0.
    async fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{}\r\n",
            body.len(),
            self.authorization()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who is refused early may be so before everything was sent.
        let _ = stream.write_all(body).await;
        stream
    }

    async fn call(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Reply {
        read(self.send(method, path, kind, body).await).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, "application/json", b"").await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, "application/json", body.to_string().as_bytes()).await
    }

    async fn patch(&self, path: &str, body: Value) -> Reply {
        self.call("PATCH", path, "application/json", body.to_string().as_bytes()).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, "application/json", b"").await
    }

    /// Asks, and gives what came.
    async fn chat(&self, body: Value) -> Reply {
        let reply = self.post("/v1/chat", body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply
    }

    /// A form with these fields, and a file.
    async fn form(&self, fields: &[(&str, &str)], file: Option<&[u8]>) -> Reply {
        let mut body = Vec::new();
        for (name, value) in fields {
            let field = format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(field.as_bytes());
        }
        if let Some(file) = file {
            body.extend(b"--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n");
            body.extend(file);
            body.extend(b"\r\n");
        }
        body.extend(b"--XX--\r\n");
        self.call("POST", "/v1/audio/transcriptions", "multipart/form-data; boundary=XX", &body).await
    }
}

/// A token of somebody's.
fn token(store: &Store, of: PersonId, scopes: &str) -> String {
    store.make_token(of, "test", scopes, jiff::Timestamp::now()).unwrap().1.to_string()
}

async fn read(mut stream: TcpStream) -> Reply {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len().saturating_sub(4));
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Reply { status, head, body: answer[(end + 4).min(answer.len())..].to_vec() }
}

/// Hears in every recording that it was this long, once the gate is open.
fn transcribe(gate: Arc<tokio::sync::Semaphore>) -> pipit_web::v1::Transcribe {
    Arc::new(move |recording| {
        let gate = Arc::clone(&gate);
        async move {
            let _passed = gate.acquire().await;
            if recording.file.starts_with(b"not sound") {
                return Err(SpeechProblem::NotSound("It is no sound.".to_owned()));
            }
            let text = format!("{} bytes", recording.file.len());
            let segments = vec![Segment { start_seconds: 0.0, end_seconds: 2.5, text }];
            Ok(Transcript { language: "en".to_owned(), seconds: 2.5, segments })
        }
        .boxed()
    })
}

/// Each sentence becomes a sample.
fn said(text: &str, rate: Option<Hertz>) -> stream::BoxStream<'static, Result<Pcm, SpeechProblem>> {
    let rate = rate.unwrap_or(Hertz(22_050));
    let clauses: Vec<_> = text
        .split_inclusive('.')
        .map(|clause| match clause.trim() {
            "Fail." => Err(SpeechProblem::Failed("The voice failed.".to_owned())),
            _ => Ok(Pcm::new(vec![0.5], rate)),
        })
        .collect();
    stream::iter(clauses).boxed()
}

/// Something that only a person may have done.
struct Door {
    spec: ToolSpec,
    used: Arc<Mutex<Vec<Value>>>,
}

fn door() -> ToolSpec {
    let (name, description) = ("open_door".to_owned(), "Opens a door.".to_owned());
    ToolSpec { name, description, parameters: json!({"type": "object"}), risk: Risk::Guarded }
}

impl Tool for Door {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn nature(&self) -> Nature {
        Nature::Own
    }

    fn call(
        self: Arc<Self>,
        arguments: Map<String, Value>,
        _: Circumstances,
    ) -> BoxFuture<'static, Result<Done, String>> {
        self.used.lock().unwrap().push(Value::Object(arguments));
        std::future::ready(Ok(Done { result: "open".to_owned(), device: vec![] })).boxed()
    }
}

fn counted(text: &str) -> Answer {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 2}});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let (end, usage) = (format!("data: {end}\n\n"), format!("data: {usage}\n\n"));
    Answer::stream([openai_event(text), end, usage, "data: [DONE]\n\n".to_owned()])
}

#[tokio::test]
async fn a_persona_answers_everybody_or_in_one_conversation() {
    // Nobody looks after a conversation whose title a person gave.
    let daemon = Daemon::start(["Arr.", "Moon.", "Arr, moon.", "Sun."].map(openai_reply)).await;
    let store = &daemon.store;
    daemon.as_if(token(store, store.person(), "read talk admin"));
    let pack = json!({"title": "A pirate", "prompt": "You are a pirate."}).to_string();
    let put = async |name: &str, pack: &str| {
        daemon.call("PUT", &format!("/api/personas/{name}"), "application/json", pack.as_bytes()).await
    };
    assert_eq!(put("pirate", &pack).await.status, 204);
    put("home", &pack).await.failed(409, "conflict");
    for unfit in [json!({"title": "x", "prompt": " "}), json!({"title": "x", "prompt": "y".repeat(9000)})] {
        put("butler", &unfit.to_string()).await.failed(400, "unfit");
    }
    put("Bad_name", &pack).await.failed(400, "unfit");
    let all = daemon.get("/api/personas").await.json();
    assert_eq!((&all["speaks"], &all["model"]), (&Value::Null, &json!(true)));
    let names: Vec<_> = all["personas"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["home", "kitchen", "automotive", "pirate"]);

    let told = |n: usize| daemon.server.seen()[n].json()["messages"][0]["content"].to_string();
    daemon.post("/v1/chat", json!({"text": "Hello?", "persona": "nobody"})).await.failed(404, "not_found");
    let begun = daemon.post("/v1/conversations", json!({"title": "Sky"})).await.json();
    let path = format!("/v1/conversations/{}", begun["id"]);
    assert_eq!(daemon.patch(&path, json!({"persona": "pirate"})).await.json()["persona"], "pirate");
    let ask = async || daemon.chat(json!({"text": "What is up there?", "conversation": begun["id"]})).await;
    ask().await;
    assert!(told(0).contains("You are a pirate."), "{}", told(0));
    assert_eq!(daemon.get(&path).await.json()["persona"], "pirate");
    daemon.patch(&path, json!({"persona": null})).await;
    ask().await;
    assert!(!told(1).contains("pirate"), "{}", told(1));
    assert_eq!(daemon.patch("/api/personas", json!({"speaks": "pirate"})).await.status, 204);
    ask().await;
    assert!(told(2).contains("You are a pirate."), "{}", told(2));
    assert_eq!(daemon.delete("/api/personas/pirate").await.status, 204);
    assert_eq!(daemon.get("/api/personas").await.json()["speaks"], Value::Null);
    ask().await;
    assert!(!told(3).contains("pirate"), "{}", told(3));
    daemon.patch(&path, json!({})).await.failed(400, "unfit");
    let both = json!({"text": "x", "conversation": begun["id"], "persona": "kitchen"});
    daemon.post("/v1/chat", both).await.failed(400, "unfit");
}

#[tokio::test]
async fn a_reply_comes_as_events_and_its_conversation_can_be_changed() {
    let daemon = Daemon::start(["One.", "A title", "Two.", "Three.", "Four."].map(openai_reply)).await;
    let reply = daemon.chat(json!({"text": "Tell me of the first"})).await;
    assert!(reply.head.contains("content-type: text/event-stream"), "{}", reply.head);
    let names: Vec<String> = reply.events().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["understood", "provider", "text", "done"]);
    assert_eq!(reply.event("understood"), json!({"intent": null}));
    let provider = json!({"name": "test-server", "model": "test-model", "tier": "on this device"});
    assert_eq!(reply.event("provider"), provider);
    assert_eq!(reply.event("text"), json!({"text": "One."}));
    let done = reply.event("done");
    let conversation = done["conversation"].as_i64().unwrap();
    let path = format!("/v1/conversations/{conversation}");
    let said = async || {
        let whole = daemon.get(&path).await.json();
        let messages = whole["messages"].as_array().unwrap().clone();
        messages.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let whole = daemon.get(&path).await.json();
    assert_eq!(whole["messages"][0]["id"], done["request"]);
    assert_eq!((&whole["messages"][1]["id"], &whole["messages"][1]["door"]), (&done["reply"], &json!("panel")));
    // Looking after it takes an answer too.
    while daemon.server.seen().len() < 2 {
        tokio::task::yield_now().await;
    }

    let edit = json!({"text": "Tell me of the second", "conversation": conversation, "instead_of": done["request"]});
    daemon.chat(edit.clone()).await;
    assert_eq!(said().await, ["Tell me of the second", "Two."]);
    daemon.post("/v1/chat", edit).await.failed(404, "not_found");
    let again = daemon.chat(json!({"conversation": conversation, "again": true})).await.event("done");
    assert_eq!(said().await, ["Tell me of the second", "Three."]);
    let not_a_request = json!({"text": "x", "conversation": conversation, "instead_of": again["reply"]});
    daemon.post("/v1/chat", not_a_request).await.failed(409, "conflict");
    assert_eq!(daemon.server.seen().len(), 4, "no model is asked for what can't be kept");

    assert_eq!(daemon.patch(&path, json!({"title": " Ordinals "})).await.json()["title"], "Ordinals");
    daemon.patch(&path, json!({"title": ""})).await.failed(400, "unfit");
    let listed = daemon.get("/v1/conversations").await.json();
    assert_eq!(listed["conversations"][0]["title"], "Ordinals");
    let found = daemon.get("/v1/conversations?search=three").await.json();
    assert_eq!(
        (&found["messages"][0]["id"], &found["messages"][0]["conversation"]),
        (&again["reply"], &json!(conversation))
    );
    assert_eq!(daemon.delete(&format!("/v1/messages/{}", again["reply"])).await.status, 204);
    assert_eq!(said().await, [""; 0]);
    assert_eq!(daemon.delete(&path).await.status, 204);
    daemon.get(&path).await.failed(404, "not_found");
    daemon.delete(&path).await.failed(404, "not_found");
    daemon.post("/v1/chat", json!({"text": "x", "conversation": conversation})).await.failed(404, "not_found");
}

#[tokio::test]
async fn what_fails_leaves_no_trace_and_says_why() {
    let daemon = Daemon::start([Answer::status("401 Unauthorized", "no")]).await;
    let reply = daemon.chat(json!({"text": "Tell me of the first"})).await;
    let error = reply.event("error");
    assert_eq!(error["error"]["code"], "model_failed", "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains("API key"), "{error}");
    assert_eq!(daemon.store.conversations(None, 10).unwrap(), []);
    for (body, status, code) in [
        (json!({"text": " "}), 400, "unfit"),
        (json!({"text": "x", "again": true}), 400, "unfit"),
        (json!({"txet": "x"}), 400, "unfit"),
        (json!({"text": "x".repeat(70_000)}), 413, "too_large"),
        (json!({"text": "x".repeat(2_000_000)}), 413, "too_large"),
    ] {
        daemon.post("/v1/chat", body).await.failed(status, code);
    }
    daemon.call("POST", "/v1/chat", "text/plain", b"{}").await.failed(415, "no_json");
}

#[tokio::test]
async fn whoever_hangs_up_cancels_the_rest_and_what_was_sent_is_kept() {
    let mut daemon = Daemon::start([Answer::stream([openai_event("Once upon a time ")]).hangs()]).await;
    let id = daemon.store.create_conversation("Tales", jiff::Timestamp::now()).unwrap();
    let body = json!({"text": "Tell me a tale", "conversation": id.0}).to_string();
    let stream = daemon.send("POST", "/v1/chat", "application/json", body.as_bytes()).await;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("Once upon") {
        line.clear();
        assert!(lines.read_line(&mut line).await.unwrap() > 0);
    }
    drop(lines);
    daemon.server.hung_up().await;
    let kept = async || daemon.store.messages(id, None, 10).unwrap();
    while kept().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(kept().await[1].said(), "Once upon a time");
}

#[tokio::test]
async fn timers_and_alarms_are_those_of_the_device() {
    let daemon = Daemon::alone().await;
    let reply = daemon.chat(json!({"text": "set a pasta timer for 10 minutes"})).await;
    assert_eq!(reply.event("understood"), json!({"intent": "HassStartTimer"}));
    let timers = daemon.get("/v1/timers").await.json();
    assert_eq!((&timers[0]["name"], &timers[0]["seconds"]), (&json!("pasta"), &json!(600)));
    let started = daemon.post("/v1/timers", json!({"seconds": 90, "name": " green  tea "})).await;
    assert_eq!((started.status, &started.json()["name"]), (201, &json!("green tea")));
    let path = format!("/v1/timers/{}", started.json()["id"]);
    assert_eq!(daemon.delete(&path).await.status, 204);
    daemon.delete(&path).await.failed(404, "not_found");
    for wrong in [json!({"seconds": 0}), json!({"seconds": 604_801}), json!({"seconds": -1}), json!({})] {
        daemon.post("/v1/timers", wrong).await.failed(400, "unfit");
    }
    daemon.delete("/v1/timers/pasta").await.failed(400, "unfit");
    daemon.chat(json!({"text": "wake me at 7 on weekdays"})).await;
    let alarms = daemon.get("/v1/alarms").await.json();
    assert_eq!((&alarms[0]["time"], alarms[0]["days"].as_array().unwrap().len()), (&json!("07:00"), 5));
    daemon.chat(json!({"text": "set the volume to 30 percent"})).await;
    assert_eq!(*daemon.device.lock().unwrap(), [DeviceAction::SetVolume(30)]);
}

#[tokio::test]
async fn what_is_remembered_can_be_seen_and_forgotten() {
    let daemon = Daemon::alone().await;
    daemon.chat(json!({"text": "remember that I park on level two"})).await;
    let added = daemon.post("/v1/memory", json!({"text": " My bike is red "})).await;
    assert_eq!((added.status, &added.json()["text"]), (201, &json!("My bike is red")));
    let facts = daemon.get("/v1/memory").await.json();
    assert_eq!(facts.as_array().unwrap().len(), 2, "{facts}");
    let path = format!("/v1/memory/{}", facts[0]["id"]);
    assert_eq!(daemon.delete(&path).await.status, 204);
    daemon.delete(&path).await.failed(404, "not_found");
    daemon.post("/v1/memory", json!({"text": "x".repeat(1001)})).await.failed(400, "unfit");
    assert_eq!(daemon.get("/v1/entities").await.json(), json!([]));
}

#[tokio::test]
async fn what_opens_a_door_is_done_by_a_tap_and_once() {
    let daemon = Daemon::start([wants(&[("open_door", r#"{"name":"front"}"#)])]).await;
    let reply = daemon.chat(json!({"text": "Let the cat in"})).await;
    let asked = reply.event("confirm");
    assert!(asked["what"].as_str().unwrap().contains("front"), "{asked}");
    assert_eq!(daemon.used.lock().unwrap().len(), 0);
    let path = format!("/v1/confirmations/{}", asked["id"]);
    daemon.post("/v1/confirmations/77", json!({})).await.failed(404, "not_found");
    assert_eq!(daemon.post(&path, json!({})).await.json(), json!({"text": "Done."}));
    assert_eq!(*daemon.used.lock().unwrap(), [json!({"name": "front"})]);
    daemon.post(&path, json!({})).await.failed(404, "not_found");
}

#[tokio::test]
async fn openais_chat_is_answered_by_the_device() {
    let daemon = Daemon::start([counted("Four."), counted("Five.")]).await;
    let models = daemon.get("/v1/models").await.json();
    let names: Vec<&str> =
        models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["pipit", "nano", "espeak"]);
    let messages = json!([
        {"role": "system", "content": "You add."}, {"role": "user", "content": "Two"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "And double that"}]},
    ]);
    let body = json!({"model": "gpt-4o", "messages": messages, "temperature": 0.1});
    let whole = daemon.post("/v1/chat/completions", body).await.json();
    assert_eq!(whole["choices"][0]["message"]["content"], "Four.", "{whole}");
    assert_eq!((&whole["choices"][0]["finish_reason"], &whole["model"]), (&json!("stop"), &json!("test-model")));
    assert_eq!((&whole["usage"]["prompt_tokens"], &whole["usage"]["total_tokens"]), (&json!(30), &json!(32)));
    let sent = daemon.server.seen()[0].json();
    let said: Vec<&str> =
        sent["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(said[..3], ["You add.", "Two", "Two."]);

    let body = json!({"messages": messages, "stream": true, "stream_options": {"include_usage": true}});
    let streamed = daemon.post("/v1/chat/completions", body).await;
    let events: Vec<Value> = streamed.events().into_iter().map(|(_, data)| data).collect();
    assert_eq!(events.last(), Some(&json!("[DONE]")));
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[1]["choices"][0]["delta"]["content"], "Five.");
    assert_eq!(events[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[3]["usage"]["completion_tokens"], 2, "{events:?}");
    assert_eq!(events.len(), 5);

    // What needs no model is done without one, and nothing of all this is kept.
    let body = json!({"messages": [{"role": "user", "content": "set a timer for 5 minutes"}]});
    let whole = daemon.post("/v1/chat/completions", body).await.json();
    assert_eq!((&whole["model"], &whole["usage"]["total_tokens"]), (&json!("pipit"), &json!(0)));
    assert_eq!(daemon.store.timers().unwrap().len(), 1);
    assert_eq!(daemon.store.conversations(None, 10).unwrap(), []);
}

#[tokio::test]
async fn openais_clients_are_told_in_their_way_what_is_not_here() {
    let daemon =
        Daemon::start([Answer::status("500 Internal Server Error", "no"), Answer::status("500 No", "no")]).await;
    let user = json!([{"role": "user", "content": "Tell me of the sea"}]);
    for wrong in [
        json!({"messages": user, "tools": [{"type": "function"}]}),
        json!({"messages": user, "n": 2}),
        json!({"messages": user, "response_format": {"type": "json_object"}}),
        json!({"messages": user, "stop": ["."]}),
        json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        json!({"messages": [{"role": "tool", "content": "x"}]}),
        json!({"messages": [{"role": "assistant", "content": "x"}]}),
        json!({"messages": []}),
        json!({}),
    ] {
        let reply = daemon.post("/v1/chat/completions", wrong).await;
        assert_eq!((reply.status, &reply.json()["error"]["type"]), (400, &json!("invalid_request_error")), "{reply:?}");
    }
    let reply = daemon.post("/v1/chat/completions", json!({"messages": user, "stream": true})).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (503, &json!("server_error")), "{reply:?}");
}

#[tokio::test]
async fn recordings_come_in_forms_and_are_heard_as_json_or_text() {
    let daemon = Daemon::alone().await;
    let heard = daemon.form(&[("model", "whisper-1")], Some(b"RIFF")).await;
    assert_eq!(heard.json(), json!({"text": "4 bytes"}));
    let text = daemon.form(&[("response_format", "text"), ("language", "en")], Some(b"RIFF")).await;
    assert_eq!(text.text(), "4 bytes\n");
    let verbose = daemon.form(&[("response_format", "verbose_json")], Some(b"RIFF")).await.json();
    assert_eq!((&verbose["language"], &verbose["segments"][0]["end"]), (&json!("en"), &json!(2.5)));
    for (fields, file, status, code) in [
        (&[][..], None, 400, "unfit"),
        (&[("response_format", "srt")], Some(&b"RIFF"[..]), 400, "unsupported_parameter"),
        (&[("stream", "true")], Some(b"RIFF"), 400, "unsupported_parameter"),
        (&[], Some(b"not sound"), 415, "unsupported_media_type"),
    ] {
        daemon.form(fields, file).await.failed(status, code);
    }
    let kind = "multipart/form-data; boundary=XX";
    daemon.call("POST", "/v1/audio/transcriptions", kind, b"--XX\r\nnonsense").await.failed(400, "unfit");
    daemon.call("POST", "/v1/audio/transcriptions", "application/json", b"{}").await.failed(400, "unfit");
    let reply = daemon.form(&[], Some(&vec![0; (25 << 20) + 1])).await;
    assert!(reply.status == 413 || reply.head.is_empty(), "it is refused, if not before all was sent: {}", reply.head);
}

#[tokio::test]
async fn only_so_many_recordings_are_heard_at_once() {
    let daemon = Daemon::alone().await;
    let all = daemon.gate.acquire_many(100).await.unwrap();
    let three = [b"a", b"b", b"c"].map(|file| daemon.form(&[], Some(file)).boxed_local());
    let mut replies = futures_util::stream::FuturesUnordered::from_iter(three);
    // The others wait.
    let refused = replies.next().await.unwrap();
    refused.failed(503, "busy");
    assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    drop(all);
    for _ in 0..2 {
        assert_eq!(replies.next().await.unwrap().status, 200);
    }
    assert_eq!(daemon.form(&[], Some(b"a")).await.status, 200, "there is room again");
}

#[tokio::test]
async fn text_is_spoken_clause_by_clause() {
    let daemon = Daemon::alone().await;
    let speech = "/v1/audio/speech";
    let wav = daemon.post(speech, json!({"model": "tts-1", "voice": "alloy", "input": "One. Two."})).await;
    assert!(wav.status == 200 && wav.head.contains("content-type: audio/wav"), "{}", wav.head);
    assert_eq!((&wav.body[..4], &wav.body[24..28], wav.body.len()), (&b"RIFF"[..], &22_050_u32.to_le_bytes()[..], 48));
    let pcm = daemon.post(speech, json!({"input": "One. Two.", "response_format": "pcm"})).await;
    assert_eq!(pcm.body, [0x00, 0x40, 0x00, 0x40]);
    for (body, code) in [
        (json!({"input": "One.", "response_format": "mp3"}), "unsupported_parameter"),
        (json!({"input": "One.", "speed": 2.0}), "unsupported_parameter"),
        (json!({"input": "..."}), "unfit"),
        (json!({"voice": "alloy"}), "unfit"),
    ] {
        daemon.post(speech, body).await.failed(400, code);
    }
    daemon.post(speech, json!({"input": "Fail. One."})).await.failed(503, "speech_failed");
}

/// What there is, as its description says: methods and paths.
async fn described(daemon: &Daemon) -> Vec<(String, String)> {
    let described = daemon.get("/v1/openapi.json").await.json();
    let of = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().unwrap().keys().map(|method| method.to_uppercase());
        methods.map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    described["paths"].as_object().unwrap().iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_route_is_described_and_none_fails_at_nonsense() {
    let daemon = Daemon::alone().await;
    let routes = described(&daemon).await;
    assert_eq!(routes.len(), 30, "{routes:?}");
    let nonsense = [&b""[..], b"{", b"[]", b"null", b"\xff\xfe", br#"{"text": 7}"#, br#"{"messages": "x"}"#];
    for (method, path) in routes {
        for id in ["0", "-1", "9223372036854775807", "x", "%00"] {
            let path = format!("{}?limit=x&last=-1", path.replace("{id}", id));
            for body in nonsense {
                let reply = daemon.call(&method, &path, "application/json", body).await;
                assert!((200..500).contains(&reply.status), "{method} {path}: {reply:?}");
            }
        }
    }
}

/// Two kinds of bodies that have the same name in the code would stand for each other in the description.
#[tokio::test]
async fn what_may_be_sent_is_described_by_its_own_fields() {
    let daemon = Daemon::alone().await;
    let about = daemon.get("/v1/openapi.json").await.json();
    let schemas = &about["components"]["schemas"];
    for (path, field) in [
        ("/v1/timers", "seconds"),
        ("/v1/chat", "instead_of"),
        ("/v1/chat/completions", "messages"),
        ("/v1/audio/speech", "input"),
        ("/v1/announcements", "text"),
    ] {
        let body = &about["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let name = body.as_str().unwrap().rsplit('/').next().unwrap();
        assert!(schemas[name]["properties"][field].is_object(), "{path}: {name} {}", schemas[name]);
    }
    let document = about.to_string();
    for reference in document.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is referred to and not there");
    }
}

#[tokio::test]
async fn nobody_in_particular_is_served_nothing_and_a_token_no_more_than_it_is_good_for() {
    let daemon = Daemon::alone().await;
    // How one signs in, nobody is signed in for.
    let routes: Vec<_> =
        described(&daemon).await.into_iter().filter(|(_, path)| !path.starts_with("/v1/auth/")).collect();
    for (scopes, status, code) in [("", 401, "signed_out"), ("control", 403, "forbidden"), ("read", 403, "forbidden")] {
        let shown = if scopes.is_empty() { String::new() } else { token(&daemon.store, daemon.store.person(), scopes) };
        daemon.as_if(shown);
        for (method, path) in routes.iter().filter(|(method, _)| scopes != "read" || method != "GET") {
            let path = path.replace("{id}", "1");
            let kind =
                if path.ends_with("transcriptions") { "multipart/form-data; boundary=XX" } else { "application/json" };
            daemon.call(method, &path, kind, b"{}").await.failed(status, code);
        }
    }
}

#[tokio::test]
async fn nobody_sees_or_changes_what_is_somebody_elses() {
    let daemon = Daemon::start([wants(&[("open_door", r#"{"name":"front"}"#)])]).await;
    let owners = daemon.store.create_conversation("Mine", jiff::Timestamp::now()).unwrap();
    let reply = daemon.chat(json!({"text": "Let the cat in", "conversation": owners.0})).await;
    let (asked, done) = (reply.event("confirm"), reply.event("done"));
    let fact = daemon.post("/v1/memory", json!({"text": "My bike is red"})).await.json()["id"].clone();
    let person = |name| NewPerson { name: Some(name), role: Role::Member, privacy: NewPrivacy::Standard };
    let ann = daemon.store.add_person(&person("Ann"), jiff::Timestamp::now()).unwrap();
    daemon.as_if(token(&daemon.store, ann, "read talk"));
    let path = format!("/v1/conversations/{owners}");
    daemon.get(&path).await.failed(404, "not_found");
    daemon.patch(&path, json!({"title": "Hers"})).await.failed(404, "not_found");
    daemon.delete(&path).await.failed(404, "not_found");
    for body in [
        json!({"text": "x", "conversation": owners.0}),
        json!({"conversation": owners.0, "again": true}),
        json!({"text": "x", "conversation": owners.0, "instead_of": done["request"]}),
    ] {
        daemon.post("/v1/chat", body).await.failed(404, "not_found");
    }
    daemon.delete(&format!("/v1/messages/{}", done["reply"])).await.failed(404, "not_found");
    daemon.delete(&format!("/v1/memory/{fact}")).await.failed(404, "not_found");
    daemon.post(&format!("/v1/confirmations/{}", asked["id"]), json!({})).await.failed(404, "not_found");
    assert_eq!(daemon.used.lock().unwrap().len(), 0);
    assert_eq!(daemon.get("/v1/conversations?search=cat").await.json(), json!({"conversations": [], "messages": []}));
    assert_eq!(daemon.get("/v1/memory").await.json(), json!([]));
    assert_eq!(daemon.store.last_messages(owners, 9).unwrap().len(), 2);
}

#[tokio::test]
async fn announcements_are_made_listed_and_taken_back_by_whose_they_are() {
    let daemon = Daemon::alone().await;
    let made = daemon.post("/v1/announcements", json!({"text": " Dinner\nis ready ", "seconds": 600})).await;
    assert_eq!((made.status, &made.json()["text"]), (201, &json!("Dinner is ready")));
    let id = made.json()["id"].as_i64().unwrap();
    assert_eq!(daemon.get("/v1/announcements").await.json(), json!([made.json()]));
    for unfit in [json!({"text": "..."}), json!({"text": "a".repeat(256)}), json!({"text": "a", "seconds": 31_622_401})]
    {
        assert_eq!(daemon.post("/v1/announcements", unfit).await.status, 400);
    }
    let add = |name, role| {
        let new = NewPerson { name: Some(name), role, privacy: NewPrivacy::Standard };
        daemon.store.add_person(&new, jiff::Timestamp::UNIX_EPOCH).unwrap()
    };
    let (ann, gustav) = (add("Ann", Role::Member), add("Gustav", Role::Guest));
    let owners = token(&daemon.store, daemon.store.person(), "read talk");
    daemon.as_if(token(&daemon.store, ann, "read talk"));
    assert_eq!(daemon.get("/v1/announcements").await.json(), json!([]));
    assert_eq!(daemon.delete(&format!("/v1/announcements/{id}")).await.status, 404);
    daemon.as_if(token(&daemon.store, gustav, "read talk"));
    assert_eq!(daemon.post("/v1/announcements", json!({"text": "Boo"})).await.status, 403);
    daemon.as_if(owners);
    assert_eq!(daemon.delete(&format!("/v1/announcements/{id}")).await.status, 204);
    assert_eq!(daemon.get("/v1/announcements").await.json(), json!([]));
}

#[tokio::test]
async fn messages_are_found_with_what_they_have_replaced_and_a_conversation_has_instructions_of_its_own() {
    let daemon = Daemon::alone().await;
    daemon.chat(json!({"text": "what is 12 times 7"})).await;
    let found = daemon.get("/v1/messages?search=times").await.json();
    let (conversation, first) = (found[0]["conversation"].as_i64().unwrap(), found[0]["id"].as_i64().unwrap());
    let edited = json!({"text": "what is 12 times 8", "conversation": conversation, "instead_of": first});
    daemon.chat(edited).await;
    let found = daemon.get("/v1/messages?search=times").await.json();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["text"]), (1, &json!("what is 12 times 8")));
    let shown = daemon.get(&format!("/v1/messages/{}", found[0]["id"])).await.json();
    assert_eq!(shown["earlier"][0]["text"], json!("what is 12 times 7"));
    assert_eq!(daemon.get("/v1/messages").await.status, 400);

    let path = format!("/v1/conversations/{conversation}/prompt");
    assert_eq!(daemon.get(&path).await.json(), json!({"prompt": null}));
    let body = json!({"prompt": " You answer briefly. "}).to_string();
    assert_eq!(daemon.call("PUT", &path, "application/json", body.as_bytes()).await.status, 204);
    assert_eq!(daemon.get(&path).await.json(), json!({"prompt": "You answer briefly."}));
    let body = json!({"prompt": "a".repeat(8001)}).to_string();
    assert_eq!(daemon.call("PUT", &path, "application/json", body.as_bytes()).await.status, 400);
    let prompts = daemon.get("/v1/prompts").await.json();
    assert!(
        prompts.as_array().unwrap().iter().any(|prompt| prompt["prompt"].as_str().unwrap().len() > 20),
        "{prompts}"
    );

    // Whose they are not, nothing is there.
    let ann = NewPerson { name: Some("Ann"), role: Role::Member, privacy: NewPrivacy::Standard };
    let ann = daemon.store.add_person(&ann, jiff::Timestamp::UNIX_EPOCH).unwrap();
    daemon.as_if(token(&daemon.store, ann, "read talk"));
    assert_eq!(daemon.get("/v1/messages?search=times").await.json(), json!([]));
    for theirs in [format!("/v1/messages/{first}"), format!("/v1/messages/{}", found[0]["id"]), path] {
        assert_eq!(daemon.get(&theirs).await.status, 404, "{theirs}");
    }
}
