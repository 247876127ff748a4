//! The other end of a connection: its events within limits and in time, and ours to it.

use std::fmt;
use std::io;
use std::time::Duration;

use pipit_core::wyoming::{Decoder, Event, Limits, Malformed};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::speech::Refused;

/// A second of sound has at most 1.5 MB, and peers send tenths of it. Text is at most what is read aloud in some minutes.
const LIMITS: Limits = Limits { header: 64 << 10, data: 64 << 10, payload: 1 << 20 };

/// An event that has begun must be whole after this.
const WHOLE: Duration = Duration::from_secs(10);

/// A peer that takes nothing for so long is gone.
const TAKES: Duration = Duration::from_secs(10);

/// As much is read at once.
const BUFFER: usize = 16 << 10;

/// Why a peer was left.
#[derive(Debug)]
pub enum Fault {
    /// The connection is gone.
    Gone(io::Error),
    /// What it sent is no event.
    Malformed(Malformed),
    /// It sent or took nothing for too long.
    Stalled(&'static str),
    /// It asked for what can't be done; a sentence for people.
    Refused(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Gone(error) => write!(f, "the connection broke: {error}"),
            Fault::Malformed(malformed) => write!(f, "{malformed}"),
            Fault::Stalled(what) => f.write_str(what),
            Fault::Refused(why) => f.write_str(why),
        }
    }
}

impl From<Refused> for Fault {
    fn from(Refused(why): Refused) -> Fault {
        Fault::Refused(why)
    }
}

impl Fault {
    /// What others may branch on.
    fn code(&self) -> Option<&'static str> {
        match self {
            Fault::Gone(_) => None,
            Fault::Malformed(_) => Some("malformed"),
            Fault::Stalled(_) => Some("stalled"),
            Fault::Refused(_) => Some("refused"),
        }
    }
}

pub(super) struct Peer<S> {
    stream: S,
    decoder: Decoder,
    buffer: Box<[u8]>,
    /// What of the buffer has not been read.
    unread: std::ops::Range<usize>,
    /// When the last event came or went.
    since: Instant,
    /// When the event began that is not whole.
    begun: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(super) fn new(stream: S) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Peer { stream, decoder: Decoder::new(LIMITS), buffer, unread: 0..0, since: Instant::now(), begun: None }
    }

    /// The next event, or nothing where the peer has hung up. With `patience` one must begin in so much time after the last.
    /// Nothing is lost where this is dropped.
    pub(super) async fn next(&mut self, patience: Option<Duration>) -> Result<Option<Event>, Fault> {
        loop {
            let mut unread = &self.buffer[self.unread.clone()];
            let decoded = self.decoder.decode(&mut unread);
            self.unread.start = self.unread.end - unread.len();
            if let Some(event) = decoded.map_err(Fault::Malformed)? {
                (self.since, self.begun) = (Instant::now(), None);
                return Ok(Some(event));
            }
            if !self.decoder.is_between_events() {
                self.begun.get_or_insert_with(Instant::now);
            }
            let deadline = match (self.begun, patience) {
                (Some(begun), _) => Some((begun + WHOLE, "an event was not whole in time")),
                (None, Some(patience)) => Some((self.since + patience, "nothing came for too long")),
                (None, None) => None,
            };
            let reading = self.stream.read(&mut self.buffer);
            let read = match deadline {
                Some((deadline, what)) => timeout_at(deadline, reading).await.map_err(|_| Fault::Stalled(what))?,
                None => reading.await,
            };
            self.unread = 0..read.map_err(Fault::Gone)?;
            if self.unread.is_empty() {
                return if self.begun.is_some() {
                    Err(Fault::Gone(io::ErrorKind::UnexpectedEof.into()))
                } else {
                    Ok(None)
                };
            }
        }
    }

    /// Tells the peer something.
    pub(super) async fn send(&mut self, event: &Event) -> Result<(), Fault> {
        write(&mut self.stream, event).await?;
        self.since = Instant::now();
        Ok(())
    }

    /// Tells the peer why it is left.
    pub(super) async fn leave(mut self, fault: &Fault) {
        if let Some(code) = fault.code() {
            let error = Event::new("error").with("text", fault.to_string()).with("code", code);
            // It is left in any case.
            let _ = write(&mut self.stream, &error).await;
        }
        let _ = timeout(TAKES, self.stream.shutdown()).await;
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, event: &Event) -> Result<(), Fault> {
    let written = timeout(TAKES, stream.write_all(&event.encode())).await;
    written.map_err(|_| Fault::Stalled("nothing was taken for too long"))?.map_err(Fault::Gone)
}

/// Tells somebody why they are not let in.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, why: &str) {
    Peer::new(stream).leave(&Fault::Refused(why.to_owned())).await;
}
