//! What the engine itself takes: from a request until a provider has the first byte of it, and for each chunk of the reply.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use pipit_chat::{Door, Engine, EngineSettings, Place, ProviderKind, ProviderSettings, ReplyEvent, Request};
use pipit_store::{ConversationId, NewReply, NewTurn, Said, Store};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::figures::quantile;

/// Turns that the conversation has already.
const TURNS: usize = 200;

/// Chunks of each reply.
const CHUNKS: usize = 2000;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    requests: usize,
    /// To be under 2 ms.
    to_provider_p50_ms: f64,
    to_provider_p99_ms: f64,
    /// To be under 50 us; with what the socket takes.
    chunk_p50_us: f64,
    chunk_p99_us: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { requests, to_provider_p50_ms, to_provider_p99_ms, chunk_p50_us, chunk_p99_us } = self;
        write!(
            f,
            "requests {requests}  to provider p50 {to_provider_p50_ms:.2} ms p99 {to_provider_p99_ms:.2} ms  chunk p50 \
             {chunk_p50_us:.2} us p99 {chunk_p99_us:.2} us"
        )
    }
}

/// Asks `requests` times in a conversation of [`TURNS`] turns.
pub(crate) fn measure(requests: usize) -> Result<Figures> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(ask_all(requests))
}

async fn ask_all(requests: usize) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("pipit.db"))?;
    let conversation = fill(&store)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let settings = settings(format!("http://{}/v1", listener.local_addr()?));
    let engine = Engine::new(settings, store, Arc::new(jiff::Zoned::now))?;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    tokio::spawn(serve(listener, arrived));
    let (mut to_provider, mut for_chunk) = (Vec::new(), Vec::new());
    for number in 0..requests {
        let text = format!("Tell me of thing {number} and whatever comes to your mind");
        let asked = Instant::now();
        let request = Request { text, door: Door::Terminal, place: Place::End(conversation), turn: None };
        let mut reply = engine.respond(request);
        let (mut first, mut chunks) = (None, 0_usize);
        while let Some(event) = reply.next().await {
            if matches!(event?, ReplyEvent::Text(_)) {
                first.get_or_insert_with(Instant::now);
                chunks += 1;
            }
        }
        let first = first.context("the reply has text")?;
        if chunks != CHUNKS {
            bail!("{chunks} chunks came, not {CHUNKS}");
        }
        for_chunk.push(first.elapsed().as_secs_f64() * 1e6 / CHUNKS as f64);
        let arrival: Instant = arrivals.recv().await.context("the request arrived")?;
        to_provider.push(arrival.duration_since(asked).as_secs_f64() * 1e3);
    }
    to_provider.sort_by(f64::total_cmp);
    for_chunk.sort_by(f64::total_cmp);
    let of = |sorted: &[f64], q| quantile(sorted, q).context("nothing was asked");
    Ok(Figures {
        requests,
        to_provider_p50_ms: of(&to_provider, 0.5)?,
        to_provider_p99_ms: of(&to_provider, 0.99)?,
        chunk_p50_us: of(&for_chunk, 0.5)?,
        chunk_p99_us: of(&for_chunk, 0.99)?,
    })
}

fn fill(store: &Store) -> Result<ConversationId> {
    let at = Timestamp::UNIX_EPOCH;
    let conversation = store.create_conversation("Measured", at)?;
    for number in 0..TURNS {
        let request = Said { at, text: format!("Question {number}, as long as people ask them when they speak") };
        let text = format!("Answer {number}: {}", "some words of a reply, about as many as one hears. ".repeat(3));
        store.append(conversation, &NewTurn { door: None, request, reply: NewReply { at, text, heard: None } })?;
    }
    Ok(conversation)
}

fn settings(base_url: String) -> EngineSettings {
    let provider = ProviderSettings {
        name: "measured".to_owned(),
        kind: ProviderKind::OpenAi,
        base_url,
        model: "m".to_owned(),
        api_key: None,
        connect_timeout: PATIENCE,
        first_token_timeout: PATIENCE,
        idle_timeout: PATIENCE,
    };
    EngineSettings {
        providers: vec![provider],
        system_prompt: "You are Pipit.".to_owned(),
        history_tokens: 2000,
        max_reply_tokens: 300,
        ..EngineSettings::default()
    }
}

/// Keeps connections open, as servers do, and tells when the first byte of each request came.
async fn serve(listener: TcpListener, arrived: mpsc::UnboundedSender<Instant>) {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n";
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let body = format!("{}{end}", chunk.repeat(CHUNKS));
    let reply: Arc<str> =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into();
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(answer(socket, Arc::clone(&reply), arrived.clone()));
    }
}

async fn answer(
    mut socket: TcpStream,
    reply: Arc<str>,
    arrived: mpsc::UnboundedSender<Instant>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        if socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let came = Instant::now();
        while !is_whole(&request) {
            if socket.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        request.clear();
        // Nobody listens any more once everything is measured.
        let _ = arrived.send(came);
        socket.write_all(reply.as_bytes()).await?;
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}
