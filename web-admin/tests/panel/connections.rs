//! Connections of those who send too little, too much, or something else. Time is virtual: it passes while nobody does anything.

use std::net::SocketAddr;

use pipit_web::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::Daemon;

async fn start(daemon: &Daemon) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let router = daemon.router.clone();
    let served = tokio::spawn(serve(listener, None, router, async { drop(stopped.await) }));
    (address, stop, served)
}

/// All that comes back, until the connection is closed.
async fn answer(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be closed before all is sent.
    let _ = stream.write_all(sent).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_nothing_or_half_of_it_is_not_waited_for() {
    let daemon = Daemon::claimed();
    let (address, _stop, _) = start(&daemon).await;
    for half in [&b""[..], b"GET / HT", b"GET /health HTTP/1.1\r\nhost: localhost\r\n"] {
        let answer = answer(address, half).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    let head = "POST /api/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let answer = answer(address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too_slow"), "{answer}");
}

#[tokio::test]
async fn too_much_and_what_is_no_request_is_turned_away() {
    let daemon = Daemon::claimed();
    let (address, _stop, _) = start(&daemon).await;
    let get = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let many: String = (0..100).map(|n| format!("x-{n}: a\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(100_000));
    for flood in [many, long] {
        let answer = answer(address, format!("{get}{flood}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    // HTTP/2 without TLS, asked for or taken for granted.
    let upgrade = format!("{get}upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n");
    let upgraded = answer(address, upgrade.as_bytes()).await;
    assert!(upgraded.starts_with("HTTP/1.1 503"), "{upgraded}");
    let taken = answer(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!taken.contains("HTTP/2") && !taken.starts_with("HTTP/1.1 2"), "{taken}");
    let twice = answer(address, format!("{get}host: localhost\r\n\r\n").as_bytes()).await;
    assert!(twice.starts_with("HTTP/1.1 421"), "{twice}");
    for path in ["/../health", "/api/../health", "//health", "/health/", "/api/sessions/%2e%2e", "/%00"] {
        let ask = get.replace("/health", path) + "\r\n";
        let answer = answer(address, ask.as_bytes()).await;
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["401", "404", "405"].contains(&status), "{path}: {answer}");
    }
}

#[tokio::test]
async fn nobody_doubts_where_a_request_ends() {
    let daemon = Daemon::claimed();
    let (address, _stop, _) = start(&daemon).await;
    let head = "POST /api/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    // Of two lengths that of the chunks counts (RFC 9112, 6.3), so that what follows is a request of its own.
    let next = "GET /api/state HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let both = format!("{head}transfer-encoding: chunked\r\ncontent-length: 4000\r\n\r\n0\r\n\r\n{next}");
    let answer_to_both = answer(address, both.as_bytes()).await;
    let statuses: Vec<_> =
        answer_to_both.match_indices("HTTP/1.1 ").map(|(at, _)| &answer_to_both[at + 9..at + 12]).collect();
    assert!(statuses == ["403", "401"] || statuses == ["400"], "{answer_to_both}");
    for doubtful in
        ["content-length: 1\r\ncontent-length: 2\r\n", "content-length: +1\r\n", "transfer-encoding: xchunked\r\n"]
    {
        let answer = answer(address, format!("{head}{doubtful}\r\n{{}}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{doubtful:?}: {answer}");
    }
}

#[tokio::test]
async fn when_the_daemon_ends_so_do_its_connections() {
    let daemon = Daemon::claimed();
    let (address, stop, served) = start(&daemon).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 503");
    stop.send(()).unwrap();
    served.await.unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
