//! A body of server-sent events, or what comes in its place: one JSON object from a server that does not stream, or a web
//! page from something that is no such server at all.

use serde_json::Value;

use super::{DecodeError, HEAD_BYTES, LONGEST_WHOLE, Piece, ServerError, excerpt};
use crate::chat::sse::{SseLine, SseParser};

/// What one wire format makes of its events.
pub(super) trait EventReply: std::fmt::Debug + Default {
    /// Takes an event: its kind, which may be empty, and its data.
    fn event(&mut self, kind: &str, data: &str, pieces: &mut Vec<Piece>) -> Result<(), DecodeError>;

    /// Takes a reply that is not streamed.
    fn whole(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError>;

    /// The body has ended, perhaps in the middle of an event of which this is the data. False where the reply is not complete.
    fn end(&mut self, unfinished: Option<&str>, pieces: &mut Vec<Piece>) -> bool;

    /// Whether any event was one of this format, and whether any was none.
    fn kinds_of_events(&self) -> (bool, bool);
}

/// Decodes one body.
#[derive(Debug, Default)]
pub(super) struct EventBody<R> {
    body: Body,
    /// The first bytes, to show if they cannot be read.
    head: Vec<u8>,
    reply: R,
}

/// What the body turns out to be, by its first bytes.
#[derive(Debug, Default)]
enum Body {
    #[default]
    NotYetKnown,
    Events(SseParser),
    /// A server that does not stream sends one JSON object.
    Whole(Vec<u8>),
    /// Neither: a web page, most likely. Its beginning is collected for the message.
    Unreadable,
}

impl<R: EventReply> EventBody<R> {
    pub(super) fn feed(&mut self, mut bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        while !bytes.is_empty() {
            match &mut self.body {
                Body::NotYetKnown => self.recognise(&mut bytes),
                Body::Events(parser) => match parser.push(&mut bytes) {
                    Some(SseLine::Event) => {
                        self.reply.event(parser.kind(), parser.data(), pieces)?;
                        let ended = matches!(pieces.last(), Some(Piece::End(_)));
                        if ended && self.reply.kinds_of_events() == (false, true) {
                            // What ended here is a reply in another format.
                            pieces.clear();
                            return self.unreadable();
                        }
                    }
                    Some(SseLine::Unknown) if !self.reply.kinds_of_events().0 => self.body = Body::Unreadable,
                    Some(SseLine::TooLong) => return self.unreadable(),
                    Some(SseLine::Part | SseLine::Unknown) | None => {}
                },
                Body::Whole(whole) if whole.len() + bytes.len() <= LONGEST_WHOLE => {
                    whole.extend_from_slice(bytes);
                    return Ok(());
                }
                Body::Whole(_) => return self.unreadable(),
                Body::Unreadable if self.head.len() < HEAD_BYTES => return Ok(()),
                Body::Unreadable => return self.unreadable(),
            }
            if matches!(pieces.last(), Some(Piece::End(_))) {
                // Whatever follows the end in the same portion is no part of the reply.
                return Ok(());
            }
        }
        match self.body {
            Body::Unreadable if self.head.len() >= HEAD_BYTES => self.unreadable(),
            _ => Ok(()),
        }
    }

    /// Takes the bytes that tell nothing off the front, and looks at the first that does.
    fn recognise(&mut self, bytes: &mut &[u8]) {
        let tells = |byte: &u8| !matches!(byte, 0xEF | 0xBB | 0xBF | b' ' | b'\t' | b'\r' | b'\n');
        let Some(first) = bytes.iter().position(tells) else { return *bytes = &[] };
        *bytes = &bytes[first..];
        self.body = match bytes[0] {
            b'<' => Body::Unreadable,
            b'{' | b'[' => Body::Whole(Vec::new()),
            _ => Body::Events(SseParser::default()),
        };
    }

    pub(super) fn finish(&mut self, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        match std::mem::take(&mut self.body) {
            Body::NotYetKnown => Err(DecodeError::Cut),
            Body::Unreadable => self.unreadable(),
            Body::Whole(whole) => self.reply.whole(&whole, pieces),
            Body::Events(parser) => {
                let (data, sane) = parser.unfinished();
                if self.reply.end(data.as_deref(), pieces) {
                    return Ok(());
                }
                let (own, others) = self.reply.kinds_of_events();
                if own || (sane && !others) { Err(DecodeError::Cut) } else { self.unreadable() }
            }
        }
    }

    fn unreadable(&self) -> Result<(), DecodeError> {
        Err(DecodeError::Malformed(excerpt(&self.head)))
    }
}

/// The JSON of a reply that is not streamed, unless it reports an error.
pub(super) fn whole_reply(body: &[u8]) -> Result<Value, DecodeError> {
    let payload: Value = serde_json::from_slice(body)
        .map_err(|error| if error.is_eof() { DecodeError::Cut } else { DecodeError::Malformed(excerpt(body)) })?;
    match ServerError::from_json(&payload, None) {
        Some(error) => Err(DecodeError::Server(error)),
        None => Ok(payload),
    }
}
