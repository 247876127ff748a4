//! What a thousand idle WebSockets cost a daemon, and how old an event is when they are told it: `make bench-panel`.
//!
//! `sockets PIPIT` starts that program in a folder of its own, without a sound device, opens the sockets from forty addresses of this
//! machine, and has the volume changed a hundred times. An event's age is from just before its cause was sent until a socket has it,
//! so the change itself is in it.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it is a benchmark: its figures are its output, and a panic its error"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use pipit_store::Store;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const SOCKETS: usize = 1_000;
const ADDRESSES: u8 = 40;
const EVENTS: usize = 100;
const APART: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() {
    let pipit = std::env::args().nth(1).expect("sockets PIPIT");
    let folder = tempfile::tempdir().unwrap();
    let token = account(folder.path());
    let (mut daemon, address) = start(&pipit, folder.path()).await;
    let pid = daemon.id().unwrap();
    // What the first of them needs is no socket's cost.
    let causes = watch::Sender::new((0, Instant::now()));
    let (tell, mut ages) = mpsc::unbounded_channel();
    let first = listen(address, &token, 1, causes.subscribe(), tell.clone()).await;
    change(address, &token, 50).await;
    first.abort();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = resident(pid);
    for socket in 0..SOCKETS {
        let from = 1 + (socket % usize::from(ADDRESSES)) as u8;
        listen(address, &token, from, causes.subscribe(), tell.clone()).await;
    }
    let opened = resident(pid);
    let mut all = Vec::with_capacity(EVENTS * SOCKETS);
    let mut connection = TcpStream::connect(address).await.unwrap();
    for event in 0..EVENTS {
        let volume = 1 + event % 99;
        causes.send_replace((volume, Instant::now()));
        post(&mut connection, &token, volume).await;
        for _ in 0..SOCKETS {
            let told = tokio::time::timeout(Duration::from_secs(30), ages.recv()).await;
            all.push(told.expect("every socket is told").unwrap());
        }
        tokio::time::sleep(APART).await;
    }
    let after = resident(pid);
    daemon.kill().await.unwrap();
    all.sort_unstable();
    let ms = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{SOCKETS} sockets: {:.1} MB more once open, {:.1} MB more after {EVENTS} events",
        mb(opened - before),
        mb(after - before)
    );
    println!(
        "age of an event, from its cause to a socket: median {:.1} ms, 99 % {:.1} ms, oldest {:.1} ms",
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
}

/// An owner, and a token that may read and control.
fn account(folder: &Path) -> Arc<str> {
    let state = folder.join("state");
    std::fs::create_dir(&state).unwrap();
    let store = Store::open(&state.join("pipit.db")).unwrap();
    store.claim("Ada", "a wren sings in the hedge").unwrap();
    let ada = store.recognise("Ada", "a wren sings in the hedge").unwrap().unwrap().person;
    let (_, token) = store.make_token(ada.id, "bench", "read control", Timestamp::now()).unwrap();
    token.as_str().into()
}

async fn start(pipit: &str, folder: &Path) -> (Child, SocketAddr) {
    let config = folder.join("pipit.toml");
    let models = std::env::var("PIPIT_MODELS_DIR").unwrap_or_else(|_| {
        let data = std::env::var("XDG_DATA_HOME").unwrap_or_else(|_| std::env::var("HOME").unwrap() + "/.local/share");
        data + "/pipit/models"
    });
    let text = format!(
        "[audio]\nbackend = \"null\"\n[state]\ndir = \"{}\"\n[models]\ndir = \"{models}\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [stt]\nmodel = \"pipit-nano-en\"\n[tts]\nengine = \"espeak\"\n",
        folder.join("state").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut daemon = Command::new(pipit)
        .arg("--config")
        .arg(&config)
        .arg("run")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(daemon.stderr.take().unwrap()).lines();
    let (mut address, mut loaded) = (None, false);
    while address.is_none() || !loaded {
        let line = log.next_line().await.unwrap().expect("the daemon says where its panel is");
        if let Some((_, at)) = line.split_once("panel at http://") {
            address = at.trim().parse().ok();
        }
        loaded |= line.contains("voice: ");
    }
    // It must not wait for somebody to read its log.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    (daemon, address.unwrap())
}

/// Opens a socket that is told events, and says how old each is whose cause is known.
async fn listen(
    address: SocketAddr,
    token: &str,
    from: u8,
    causes: watch::Receiver<(usize, Instant)>,
    ages: mpsc::UnboundedSender<Duration>,
) -> tokio::task::JoinHandle<()> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    for said in [json!({"type": "hello", "version": 1}), json!({"type": "subscribe", "to": "events"})] {
        socket.send(Message::text(said.to_string())).await.unwrap();
    }
    // The welcome, that it is subscribed, and the state.
    for _ in 0..3 {
        socket.next().await.unwrap().unwrap();
    }
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let now = Instant::now();
            let (volume, sent) = *causes.borrow();
            // Reading a thousand texts takes longer than sending them; what is looked for is enough.
            if text.contains(&format!("\"volume\":{volume},")) {
                let _ = ages.send(now - sent);
            }
        }
    })
}

async fn change(address: SocketAddr, token: &str, volume: usize) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    post(&mut connection, token, volume).await;
}

async fn post(connection: &mut TcpStream, token: &str, volume: usize) {
    let body = json!({"volume": volume}).to_string();
    let request = format!(
        "POST /api/control HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = connection.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

/// Memory of the process that is in use, in kB.
fn resident(pid: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn mb(kb: i64) -> f64 {
    kb as f64 / 1e3
}
