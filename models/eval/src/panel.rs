//! The panel and the APIs of a daemon, as programs use them over HTTP.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

/// The owner's, where something is measured.
pub(crate) const PASSWORD: &str = "seventeen wet herons";

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// More than any answer has, a backup with models aside.
const MOST_BYTES: u64 = 1 << 30;

/// Why something that was asked for did not come.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was answered with another status than a good one.
    Refused { status: u16, text: String },
    /// There was no answer, or none that is whole.
    Unanswered(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Refused { text, .. } | Failed::Unanswered(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Failed {}

/// What goes with a request.
pub(crate) enum Body {
    Nothing,
    Json(Value),
    Bytes(Vec<u8>),
}

/// One who asks the panel on a port of this machine.
#[derive(Clone)]
pub(crate) struct Panel {
    agent: Agent,
    port: u16,
    token: Option<String>,
}

impl Panel {
    pub(crate) fn new(port: u16) -> Panel {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        // Each request has a connection of its own: the daemon behind it may be another one by the next.
        let config = config.timeout_global(Some(PATIENCE)).max_idle_connections(0);
        Panel { agent: config.build().new_agent(), port, token: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Forgets the token.
    pub(crate) fn sign_out(&mut self) {
        self.token = None;
    }

    /// Waits until somebody answers, for as long as `still` says that it is worth it.
    pub(crate) fn wait_until_ready(
        &self,
        limit: Duration,
        mut still: impl FnMut() -> bool,
        is_ready: impl Fn(&Value) -> bool,
    ) -> Option<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < limit && still() {
            let told = self.exchange("GET", "/ready", Body::Nothing, &[]);
            let told = told.ok().and_then(|(_, body, _)| serde_json::from_slice(&body).ok());
            if told.is_some_and(|told| is_ready(&told)) {
                return Some(begun.elapsed());
            }
            std::thread::sleep(PAUSE);
        }
        None
    }

    /// Signs the owner in, whose password is [`PASSWORD`], and makes a token of this name, which opens everything and goes with each request
    /// from now on.
    pub(crate) fn sign_in(&mut self, name: &str) -> Result<(), Failed> {
        self.token = None;
        let owner = Body::Json(json!({"name": "owner", "password": PASSWORD}));
        let (status, body, cookies) = self.exchange("POST", "/api/session", owner, &[])?;
        good("POST", "/api/session", status, &body)?;
        let cookies = cookies.join("; ");
        let asked = Body::Json(json!({"name": name, "scopes": ["read", "talk", "admin"]}));
        let (status, body, _) = self.exchange("POST", "/api/tokens", asked, &[("cookie", &cookies)])?;
        good("POST", "/api/tokens", status, &body)?;
        let token = parse("/api/tokens", &body)?["token"].as_str().map(str::to_owned);
        self.token = Some(token.ok_or_else(|| Failed::Unanswered("/api/tokens: there is no token".to_owned()))?);
        Ok(())
    }

    /// What is answered, as it is.
    pub(crate) fn bytes(&self, method: &str, path: &str, body: Body) -> Result<Vec<u8>, Failed> {
        let (status, body, _) = self.exchange(method, path, body, &[])?;
        good(method, path, status, &body)?;
        Ok(body)
    }

    /// What is answered, in JSON; null where nothing is.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Body) -> Result<Value, Failed> {
        let body = self.bytes(method, path, body)?;
        if body.is_empty() { Ok(Value::Null) } else { parse(path, &body) }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Failed> {
        self.ask("GET", path, Body::Nothing)
    }

    /// Begins a task and waits for its end.
    pub(crate) fn task(&self, method: &str, path: &str, body: Body) -> Result<(), Failed> {
        let mut task = self.ask(method, path, body)?;
        while task["state"] == "running" {
            std::thread::sleep(PAUSE);
            let tasks = self.get("/api/tasks")?;
            let id = task["id"].take();
            let found = tasks.as_array().into_iter().flatten().find(|one| one["id"] == id).cloned();
            task = found.ok_or_else(|| Failed::Unanswered(format!("{path}: the task is not known any more")))?;
        }
        if task["state"] == "done" {
            return Ok(());
        }
        Err(Failed::Refused { status: 0, text: format!("{path}: {}", task["message"]) })
    }

    /// Status, body and cookies.
    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> Result<(u16, Vec<u8>, Vec<String>), Failed> {
        let here = format!("http://127.0.0.1:{}", self.port);
        let mut request = Request::builder().method(method).uri(format!("{here}{path}")).header("origin", here);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let lost = |error: &dyn fmt::Display| Failed::Unanswered(format!("{method} {path}: {error}"));
        let unsent = |error: ureq::http::Error| lost(&error);
        let answer = match body {
            Body::Nothing if matches!(method, "GET" | "DELETE") => self.agent.run(request.body(()).map_err(unsent)?),
            Body::Nothing => self.agent.run(request.body(Vec::new()).map_err(unsent)?),
            Body::Bytes(bytes) => self.agent.run(request.body(bytes).map_err(unsent)?),
            Body::Json(json) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(json.to_string()).map_err(unsent)?)
            }
        };
        let mut answer = answer.map_err(|error| lost(&error))?;
        let cookies = answer.headers().get_all("set-cookie").iter();
        let cookies = cookies.filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.to_owned())).collect();
        let content = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        Ok((answer.status().as_u16(), content.map_err(|error| lost(&error))?, cookies))
    }
}

fn good(method: &str, path: &str, status: u16, body: &[u8]) -> Result<(), Failed> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let told: String = String::from_utf8_lossy(body).chars().take(300).collect();
    Err(Failed::Refused { status, text: format!("{method} {path}: {status} {told}") })
}

fn parse(path: &str, body: &[u8]) -> Result<Value, Failed> {
    serde_json::from_slice(body).map_err(|error| Failed::Unanswered(format!("{path}: it is no JSON: {error}")))
}
