//! The router as programs and browsers ask it, from whatever address, at whatever time.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use pipit_core::chat::Tier;
use pipit_core::control::{Choices, Command, Selectable, Selection};
use pipit_core::turn::WakeMode;
use pipit_store::{NewPerson, NewPrivacy, PersonId, Role, Store};
use pipit_web::{Accounts, BusEvent, Logs, Snapshot, Sources, router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};
use tower::ServiceExt as _;

/// Another machine in the house.
pub(crate) const LAPTOP: &str = "192.168.1.9:50000";
/// The machine itself.
pub(crate) const HERE: &str = "127.0.0.1:50000";

pub(crate) const OTTOS: &str = "seventeen wet herons";
pub(crate) const ANNS: &str = "a pile of green coats";
pub(crate) const GUSTAVS: &str = "only here for a week";

/// A daemon, as far as the panel knows one.
pub(crate) struct Daemon {
    pub(crate) router: Router,
    pub(crate) store: Store,
    /// What was said, the codes among it.
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    /// What was carried out.
    pub(crate) done: Arc<Mutex<Vec<Command>>>,
    pub(crate) logs: Logs,
    pub(crate) bus: broadcast::Sender<BusEvent>,
    seconds: Arc<AtomicI64>,
    _snapshots: watch::Sender<Snapshot>,
    _levels: watch::Sender<f32>,
    _folder: TempDir,
}

/// What somebody shows.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Nothing,
    /// A session, in the panel.
    Session(String),
    Token(String),
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: Option<Value>,
    pub(crate) from: &'a str,
    pub(crate) shown: Shown,
    /// In place of those that a browser sends.
    pub(crate) headers: Vec<(&'a str, String)>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: &'a str, path: &'a str) -> Ask<'a> {
        Ask { method, path, body: None, from: LAPTOP, shown: Shown::Nothing, headers: Vec::new() }
    }

    pub(crate) fn body(self, body: Value) -> Ask<'a> {
        Ask { body: Some(body), ..self }
    }

    pub(crate) fn from(self, from: &'a str) -> Ask<'a> {
        Ask { from, ..self }
    }

    pub(crate) fn by(self, shown: &Shown) -> Ask<'a> {
        Ask { shown: shown.clone(), ..self }
    }

    pub(crate) fn with(mut self, name: &'a str, value: impl Into<String>) -> Ask<'a> {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// What the cookie holds that was set.
    pub(crate) fn session(&self) -> Shown {
        let cookie = self.headers["set-cookie"].to_str().unwrap();
        let (name, rest) = cookie.split_once('=').unwrap();
        assert_eq!(name, "pipit_session");
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.split("; ").any(|has| has == attribute), "{cookie}");
        }
        Shown::Session(rest.split(';').next().unwrap().to_owned())
    }
}

impl Daemon {
    /// With nobody's password.
    pub(crate) fn unclaimed() -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let (said, done) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let seconds = Arc::new(AtomicI64::new(1_800_000_000));
        let (clock, saying, doing) = (Arc::clone(&seconds), Arc::clone(&said), Arc::clone(&done));
        let say: pipit_web::Announce = Arc::new(move |text| {
            saying.lock().unwrap().push(text);
            std::future::ready(Ok(())).boxed()
        });
        let now = Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap());
        let (bus, snapshots, levels) = (broadcast::Sender::new(8), watch::Sender::default(), watch::Sender::new(-40.0));
        let amy = Selectable { name: "amy".to_owned(), tier: Tier::Device };
        let mut choices = Choices::new(WakeMode::Always, Tier::House, None);
        choices.voices = Selection(vec![amy]);
        let logs = Logs::default();
        let sources = Sources {
            logs: logs.clone(),
            house: crate::bare::house(),
            display: Arc::new(|| Some(b"\x89PNG".to_vec())),
            snapshots: snapshots.subscribe(),
            events: bus.downgrade(),
            levels: levels.subscribe(),
            announce: Arc::clone(&say),
            accounts: Accounts::new(store.clone(), false, now, say),
            choices: Arc::new(choices),
            control: Arc::new(move |command| {
                let refused = command == Command::SetVoice("nobody".to_owned());
                doing.lock().unwrap().push(command);
                let done = if refused { Err("there is no such voice".to_owned()) } else { Ok(()) };
                std::future::ready(done).boxed()
            }),
            hosts: Arc::new(["pipit.example.org".to_owned()]),
            ..crate::bare::sources(&store)
        };
        let router = router(sources);
        Daemon {
            router,
            store,
            said,
            done,
            logs,
            bus,
            seconds,
            _snapshots: snapshots,
            _levels: levels,
            _folder: folder,
        }
    }

    /// Claimed by Otto; Ann lives there too, and Gustav is a guest with a password.
    pub(crate) fn claimed() -> Daemon {
        let daemon = Daemon::unclaimed();
        daemon.store.claim("Otto", OTTOS).unwrap();
        daemon.add("Ann", Role::Member, NewPrivacy::Standard, Some(ANNS));
        daemon.add("Gustav", Role::Guest, NewPrivacy::Ephemeral, Some(GUSTAVS));
        daemon
    }

    pub(crate) fn add(&self, name: &str, role: Role, privacy: NewPrivacy<'_>, password: Option<&str>) -> PersonId {
        let new = NewPerson { name: Some(name), role, privacy };
        let id = self.store.add_person(&new, Timestamp::UNIX_EPOCH).unwrap();
        password.into_iter().for_each(|password| self.store.set_password(id, password, None).unwrap());
        id
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The code that was said last.
    pub(crate) fn code(&self) -> String {
        self.said.lock().unwrap().last().unwrap().chars().filter(char::is_ascii_digit).collect()
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.ask(Ask::new("POST", "/api/session").body(json!({"name": name, "password": password}))).await
    }

    pub(crate) async fn session_of(&self, name: &str, password: &str) -> Shown {
        let answer = self.sign_in(name, password).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.session()
    }

    pub(crate) async fn token(&self, of: &Shown, scopes: &[&str]) -> Shown {
        let made = Ask::new("POST", "/api/tokens").by(of).body(json!({"name": "a program", "scopes": scopes}));
        let answer = self.ask(made).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Shown::Token(answer.body["token"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Answer {
        let response = self.response(ask).await;
        let (parts, body) = response.into_parts();
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        // A stream ends when the daemon does.
        let body = if is_stream { Value::Null } else { read(body).await };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// As a browser asks, where a session is shown, and else as a program.
    pub(crate) async fn response(&self, ask: Ask<'_>) -> Response<Body> {
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        let has = |name: &str| ask.headers.iter().any(|(given, _)| *given == name);
        if !has("host") {
            request = request.header("host", "pipit.local:7847");
        }
        match &ask.shown {
            Shown::Nothing => {}
            Shown::Session(secret) => {
                request = request.header("cookie", format!("theme=dark; pipit_session={secret}"));
                if !has("origin") && !has("sec-fetch-site") {
                    request = request.header("origin", "http://pipit.local:7847");
                }
            }
            Shown::Token(token) => request = request.header("authorization", format!("Bearer {token}")),
        }
        let body = ask.body.map(|body| body.to_string());
        if let Some(body) = body.as_ref().filter(|_| !has("content-length")) {
            request = request.header("content-length", body.len());
        }
        if body.is_some() && !has("content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(body.map_or(Body::empty(), Body::from)).unwrap();
        request.extensions_mut().insert(ConnectInfo(ask.from.parse::<SocketAddr>().unwrap()));
        self.router.clone().oneshot(request).await.unwrap()
    }
}

async fn read(body: Body) -> Value {
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
}

/// What every answer has, and every problem.
pub(crate) fn check_form(ask: &str, answer: &Answer) {
    let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
    assert!(!header("x-request-id").is_empty(), "{ask}");
    assert!(header("content-security-policy").contains("script-src 'self';"), "{ask}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{ask}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{ask}");
    assert_eq!(header("permissions-policy"), "microphone=(self)", "{ask}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{ask}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{ask}");
    assert!(["no-store", "no-cache"].contains(&header("cache-control")), "{ask}");
    if answer.status >= 400 && answer.status != StatusCode::SERVICE_UNAVAILABLE.as_u16() {
        let error = &answer.body["error"];
        assert_eq!(error["request_id"].as_str().unwrap_or_default(), header("x-request-id"), "{ask}: {}", answer.body);
        assert!(error["message"].as_str().unwrap().ends_with('.'), "{ask}: {error}");
    }
}
