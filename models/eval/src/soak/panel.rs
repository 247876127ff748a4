//! Programs that use the panel and its APIs, in real time, as fast as an owner with several open pages.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) const PASSWORD: &str = "seventeen wet herons";
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

const READ: [&str; 10] = [
    "/",
    "/api/state",
    "/v1/timers",
    "/v1/conversations?limit=20",
    "/v1/memory",
    "/v1/entities",
    "/turns?limit=20",
    "/metrics",
    "/api/settings",
    "/api/models",
];

/// Uses the panel on this port with this token, for the time of this number.
type User = fn(u16, &str, u64) -> Result<()>;

/// Asks until it is dropped.
pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    /// Signs the owner in at the panel on this port, whose password is [`PASSWORD`].
    pub(crate) fn begin(port: u16) -> Result<Users> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() && begun.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        let token = sign_in(port)?;
        let (stop, asked, refused) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let threads = [read as User, change, listen].map(|user| {
            let (stop, asked, refused, token) =
                (Arc::clone(&stop), Arc::clone(&asked), Arc::<AtomicU64>::clone(&refused), token.clone());
            thread::spawn(move || {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    if let Err(error) = user(port, &token, round) {
                        refused.fetch_add(1, Ordering::Relaxed);
                        println!("the panel: {error:#}");
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                    round += 1;
                    thread::sleep(PAUSE);
                }
            })
        });
        Ok(Users { stop, asked, refused, threads: threads.into() })
    }

    /// How often something was asked, and how often in vain.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn read(port: u16, token: &str, round: u64) -> Result<()> {
    let path = READ[round as usize % READ.len()];
    ask(port, "GET", path, &bearer(token), "").map(drop)
}

/// Says something in writing, and sets a timer that is taken back.
fn change(port: u16, token: &str, round: u64) -> Result<()> {
    let headers = format!("{}Content-Type: application/json\r\n", bearer(token));
    if round.is_multiple_of(2) {
        let told = ask(port, "POST", "/v1/chat", &headers, r#"{"text": "What is twelve times seven?"}"#)?.1;
        ensure!(told.contains("84") && told.contains("event: done"), "it answers {told}");
        return Ok(());
    }
    let timer = ask(port, "POST", "/v1/timers", &headers, r#"{"seconds": 86400, "name": "tea"}"#)?.1;
    let id =
        timer.split("\"id\":").nth(1).and_then(|rest| rest.split(',').next()).context("the timer has no number")?;
    ask(port, "DELETE", &format!("/v1/timers/{id}"), &bearer(token), "").map(drop)
}

/// Opens a page's socket, listens for a moment, and is gone without a word.
fn listen(port: u16, token: &str, _round: u64) -> Result<()> {
    let mut socket = connect(port)?;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    write!(socket, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}{upgrade}\r\n", bearer(token))?;
    for text in [r#"{"type": "hello", "version": 1}"#, r#"{"type": "subscribe", "to": "events"}"#] {
        // A text frame, whose mask of zeros changes nothing.
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend(text.bytes());
        socket.write_all(&frame)?;
    }
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("\"state\"") {
        let mut some = [0; 4096];
        let length = socket.read(&mut some).context("the socket tells no state")?;
        ensure!(length > 0, "the socket ended: {}", String::from_utf8_lossy(&heard));
        heard.extend(&some[..length]);
    }
    Ok(())
}

fn sign_in(port: u16) -> Result<String> {
    let json = format!("Origin: http://127.0.0.1:{port}\r\nContent-Type: application/json\r\n");
    let body = format!(r#"{{"name": "owner", "password": "{PASSWORD}"}}"#);
    let (head, _) = ask(port, "POST", "/api/session", &json, &body)?;
    let cookies: Vec<_> =
        head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).collect();
    let headers = format!("{json}Cookie: {}\r\n", cookies.join("; "));
    let body = r#"{"name": "soak", "scopes": ["read", "talk", "admin"]}"#;
    let (_, made) = ask(port, "POST", "/api/tokens", &headers, body)?;
    let token = made.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    Ok(token.context("there is no token")?.to_owned())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn connect(port: u16) -> Result<TcpStream> {
    let socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The head and the body of the answer.
fn ask(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Result<(String, String)> {
    let mut socket = connect(port)?;
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("it is no answer")?;
    match head.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok((head.to_owned(), body.to_owned())),
        _ => bail!("{method} {path}: {}", &answer[..answer.floor_char_boundary(600)]),
    }
}
