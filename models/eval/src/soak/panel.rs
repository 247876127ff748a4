//! Programs that use the panel and its APIs, in real time, as fast as an owner with several open pages.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::panel::{Body, Panel};

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

/// Uses the panel, for the time of this number.
type User = fn(&Panel, u64) -> Result<()>;

/// Asks until it is dropped.
pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    /// Signs the owner in at the panel on this port.
    pub(crate) fn begin(port: u16) -> Result<Users> {
        let mut panel = Panel::new(port);
        panel.wait_until_ready(PATIENCE, || true, |_| true).context("the panel does not answer")?;
        panel.sign_in("soak")?;
        let (stop, asked, refused) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let threads = [read as User, change, listen].map(|user| {
            let (stop, asked, refused, panel) =
                (Arc::clone(&stop), Arc::clone(&asked), Arc::<AtomicU64>::clone(&refused), panel.clone());
            thread::spawn(move || {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    if let Err(error) = user(&panel, round) {
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

fn read(panel: &Panel, round: u64) -> Result<()> {
    panel.bytes("GET", READ[round as usize % READ.len()], Body::Nothing)?;
    Ok(())
}

/// Says something in writing, and sets a timer that is taken back.
fn change(panel: &Panel, round: u64) -> Result<()> {
    if round.is_multiple_of(2) {
        let told = panel.bytes("POST", "/v1/chat", Body::Json(json!({"text": "What is twelve times seven?"})))?;
        let told = String::from_utf8_lossy(&told);
        ensure!(told.contains("84") && told.contains("event: done"), "it answers {told}");
        return Ok(());
    }
    let timer = panel.ask("POST", "/v1/timers", Body::Json(json!({"seconds": 86400, "name": "tea"})))?;
    panel.ask("DELETE", &format!("/v1/timers/{}", timer["id"]), Body::Nothing)?;
    Ok(())
}

/// Opens a page's socket, listens for a moment, and is gone without a word.
fn listen(panel: &Panel, _round: u64) -> Result<()> {
    let (port, token) = (panel.port(), panel.token().unwrap_or_default());
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    write!(socket, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n{upgrade}\r\n")?;
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
