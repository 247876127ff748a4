//! Listens to the daemon's pages: the state and the levels as they change, and the last turn.
//!
//! The requests are of HTTP 1.0, whose answers come as they are, without chunks; so nothing but lines has to be read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::event::Event;
use super::pipeline::News;

/// A line that is longer is no news of ours.
const LONGEST_LINE: u64 = 1 << 20;

/// How long it is until the daemon is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Tells what the daemon does, until it is dropped.
pub(super) async fn watch(address: Option<SocketAddr>, to: mpsc::Sender<Event>) {
    let Some(address) = address else {
        let why = "The daemon shows nothing of what it does: web.listen is empty in the configuration.";
        let _ = to.send(Event::Daemon(News::Unreachable(why.to_owned()))).await;
        return;
    };
    let address = reachable(address);
    // The screen has gone where this can't be sent.
    while !to.is_closed() {
        let ended = tokio::select! {
            ended = listen(address, "/events", &to) => ended,
            // An older daemon has no such page, which is no reason to show nothing.
            never = levels(address, &to) => never,
        };
        let why = match ended {
            Ok(()) => "The daemon has ended.".to_owned(),
            Err(error) => format!("No daemon is heard at {address} ({error})."),
        };
        let why = format!("{why} `pipit run` starts it; web.listen says where it is.");
        let _ = to.send(Event::Daemon(News::Unreachable(why))).await;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn levels(address: SocketAddr, to: &mpsc::Sender<Event>) -> std::io::Result<()> {
    let _ = listen(address, "/levels", to).await;
    std::future::pending().await
}

/// Tells each event of a page, until the daemon ends it. Of the turns that were before, it tells the last.
async fn listen(address: SocketAddr, page: &str, to: &mpsc::Sender<Event>) -> std::io::Result<()> {
    let mut lines = request(address, page).await?;
    if page == "/events"
        && let Some(turn) = last_turn(address).await?
    {
        let _ = to.send(Event::Daemon(turn)).await;
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if let Some(news) = line.strip_prefix(b"data: ").and_then(read)
            && to.send(Event::Daemon(news)).await.is_err()
        {
            return Ok(());
        }
    }
}

/// Asks for a page, and reads as far as its content.
async fn request(address: SocketAddr, page: &str) -> std::io::Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {page} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
    let mut lines = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut head).await? == 0 || head.len() as u64 > LONGEST_LINE
        {
            return Err(std::io::Error::other("it does not answer as Pipit does"));
        }
    }
    Ok(lines)
}

async fn last_turn(address: SocketAddr) -> std::io::Result<Option<News>> {
    let mut page = Vec::new();
    request(address, "/turns?limit=1").await?.take(LONGEST_LINE).read_to_end(&mut page).await?;
    let turns: Vec<Value> = serde_json::from_slice(&page).unwrap_or_default();
    Ok(turns.into_iter().next().and_then(|turn| serde_json::from_value(turn).ok()).map(News::Turn))
}

/// Reads an event. What is none of ours is left out: a newer daemon may tell more.
fn read(data: &[u8]) -> Option<News> {
    let event: Value = serde_json::from_slice(data).ok()?;
    match event.get("event")?.as_str()? {
        "state" => serde_json::from_value(event).ok().map(News::State),
        "turn" => serde_json::from_value(event).ok().map(News::Turn),
        "level" => event.get("dbfs")?.as_f64().map(|level| News::Level(level as f32)),
        _ => None,
    }
}

/// Who listens everywhere is reached here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_what_is_none_is_left_out() {
        let state = read(br#"{"event":"state","phase":"idle","microphone":null,"turns":2,"new":1}"#);
        assert!(matches!(state, Some(News::State(told)) if told.turns == 2 && told.phase == "idle"));
        assert!(matches!(read(br#"{"event":"level","dbfs":-31.5}"#), Some(News::Level(-31.5))));
        for none in ["", "3", "{}", r#"{"event":"state"}"#, r#"{"event":"level","dbfs":"loud"}"#, r#"{"event":"else"}"#]
        {
            assert!(read(none.as_bytes()).is_none(), "{none}");
        }
    }
}
