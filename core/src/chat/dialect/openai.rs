//! OpenAI's chat completions, as OpenAI and the many compatible servers write them.

use serde::Serialize;
use serde_json::Value;

use super::{
    ChatRequest, DecodeError, EncodedRequest, HEAD_BYTES, LONGEST_WHOLE, Piece, ServerError, TokenLimit, excerpt,
};
use crate::chat::sse::{SseEvent, SseLine, SseParser};
use crate::chat::{Message, Role};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

/// A message as both formats write it.
#[derive(Serialize)]
pub(super) struct WireMessage<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> From<&'a Message> for WireMessage<'a> {
    fn from(message: &'a Message) -> Self {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        WireMessage { role, content: &message.text }
    }
}

pub(super) fn encode(request: &ChatRequest<'_>) -> EncodedRequest {
    let limit = |name| (request.token_limit == name).then_some(request.max_reply_tokens);
    let body = Body {
        model: request.model,
        messages: request.messages.iter().map(WireMessage::from).collect(),
        stream: true,
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
    };
    let body = serde_json::to_string(&body).expect("strings and numbers are always JSON");
    EncodedRequest { path: "/chat/completions", body }
}

#[derive(Debug, Default)]
pub(super) struct Decoder {
    body: BodyKind,
    /// The first bytes, to show if they cannot be read.
    head: Vec<u8>,
    understood_an_event: bool,
    saw_other_events: bool,
    finish: Option<Option<String>>,
}

/// What the body turns out to be, by its first bytes.
#[derive(Debug, Default)]
enum BodyKind {
    #[default]
    NotYetKnown,
    Events(SseParser),
    /// A server that does not stream sends one JSON object.
    Whole(Vec<u8>),
    /// Neither: a web page, most likely. Its beginning is collected for the message.
    Unreadable,
}

impl Decoder {
    pub(super) fn feed(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        bytes.iter().try_for_each(|byte| self.push(*byte, pieces))
    }

    fn push(&mut self, byte: u8, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        if self.head.len() < HEAD_BYTES {
            self.head.push(byte);
        }
        match &mut self.body {
            BodyKind::NotYetKnown => {
                self.body = match byte {
                    // A byte order mark or white space tells nothing yet.
                    0xEF | 0xBB | 0xBF | b' ' | b'\t' | b'\r' | b'\n' => return Ok(()),
                    b'<' => BodyKind::Unreadable,
                    b'{' | b'[' => BodyKind::Whole(vec![byte]),
                    _ => {
                        let mut parser = SseParser::default();
                        parser.push(byte);
                        BodyKind::Events(parser)
                    }
                };
                Ok(())
            }
            BodyKind::Events(parser) => match parser.push(byte) {
                Some(SseLine::Event(event)) => self.event(&event, pieces),
                Some(SseLine::Unknown) if !self.understood_an_event => {
                    self.body = BodyKind::Unreadable;
                    self.unreadable()
                }
                Some(SseLine::TooLong) => Err(DecodeError::Malformed(excerpt(&self.head))),
                Some(SseLine::Part | SseLine::Unknown) | None => Ok(()),
            },
            BodyKind::Whole(whole) if whole.len() < LONGEST_WHOLE => {
                whole.push(byte);
                Ok(())
            }
            BodyKind::Whole(_) => Err(DecodeError::Malformed(excerpt(&self.head))),
            BodyKind::Unreadable => self.unreadable(),
        }
    }

    pub(super) fn finish(&mut self, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        if let Some(reason) = self.finish.take() {
            // Some servers leave `[DONE]` out; the finish reason already said that the reply is complete.
            pieces.push(Piece::End(reason));
            return Ok(());
        }
        match std::mem::take(&mut self.body) {
            BodyKind::NotYetKnown => Err(DecodeError::Cut),
            BodyKind::Unreadable => Err(DecodeError::Malformed(excerpt(&self.head))),
            BodyKind::Whole(whole) => self.whole(&whole, pieces),
            BodyKind::Events(parser) => match parser.unfinished() {
                (Some(data), _) if data.trim() == "[DONE]" => {
                    pieces.push(Piece::End(None));
                    Ok(())
                }
                (_, sane) if self.understood_an_event || (sane && !self.saw_other_events) => Err(DecodeError::Cut),
                _ => Err(DecodeError::Malformed(excerpt(&self.head))),
            },
        }
    }

    fn unreadable(&self) -> Result<(), DecodeError> {
        if self.head.len() < HEAD_BYTES { Ok(()) } else { Err(DecodeError::Malformed(excerpt(&self.head))) }
    }

    fn event(&mut self, event: &SseEvent, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        let data = event.data.trim();
        if data == "[DONE]" {
            pieces.push(Piece::End(self.finish.take().flatten()));
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        let malformed = || DecodeError::Malformed(excerpt(data.as_bytes()));
        let payload: Value = serde_json::from_str(data).map_err(|_| malformed())?;
        if let Some(error) = ServerError::from_json(&payload, None) {
            return Err(DecodeError::Server(error));
        }
        if event.kind == "error" {
            return Err(DecodeError::Server(ServerError::from_reported(&payload, None)));
        }
        if !payload.is_object() {
            return Err(malformed());
        }
        if payload.get("choices").is_some() {
            self.understood_an_event = true;
        } else {
            self.saw_other_events = true;
        }
        // An event with no choice in it reports usage or filtering.
        if let Some(choice) = first_choice(&payload) {
            said(&choice["delta"], pieces);
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.finish = Some(Some(reason.to_owned()));
            }
        }
        Ok(())
    }

    fn whole(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        let payload: Value = serde_json::from_slice(body)
            .map_err(|error| if error.is_eof() { DecodeError::Cut } else { DecodeError::Malformed(excerpt(body)) })?;
        if let Some(error) = ServerError::from_json(&payload, None) {
            return Err(DecodeError::Server(error));
        }
        let choice = first_choice(&payload).ok_or_else(|| DecodeError::Malformed(excerpt(body)))?;
        said(&choice["message"], pieces);
        pieces.push(Piece::End(choice["finish_reason"].as_str().map(str::to_owned)));
        Ok(())
    }
}

fn first_choice(payload: &Value) -> Option<&Value> {
    payload["choices"].as_array()?.iter().find(|choice| choice["index"].as_u64().unwrap_or(0) == 0)
}

/// Reads a `delta` or a `message`. Reasoning comes under several names, or as a part of the content.
fn said(message: &Value, pieces: &mut Vec<Piece>) {
    let is_said = |key: &str| message[key].as_str().is_some_and(|text| !text.is_empty());
    if ["reasoning_content", "reasoning", "thinking"].into_iter().any(is_said) {
        pieces.push(Piece::Reasoning);
    }
    match &message["content"] {
        Value::String(text) => say(text, pieces),
        Value::Array(parts) => {
            for part in parts {
                match part["text"].as_str() {
                    Some(text) if part["type"] == "text" => say(text, pieces),
                    _ => pieces.push(Piece::Reasoning),
                }
            }
        }
        _ => {}
    }
    // A refusal is the model's reply, only under another name.
    if let Some(refusal) = message["refusal"].as_str() {
        say(refusal, pieces);
    }
}

fn say(text: &str, pieces: &mut Vec<Piece>) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A retry mends a stream that was cut, but not an address where something else answers.
    #[test]
    fn events_of_another_api_are_not_a_cut_stream() {
        let finish = |body: &str| {
            let mut decoder = Decoder::default();
            decoder.feed(body.as_bytes(), &mut Vec::new()).and_then(|()| decoder.finish(&mut Vec::new()))
        };
        let foreign = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n";
        assert!(matches!(finish(foreign), Err(DecodeError::Malformed(_))));
        assert_eq!(finish("data: {\"choices\":[]}\n\n"), Err(DecodeError::Cut));
        assert_eq!(finish(": PROCESSING\n\n: PROC"), Err(DecodeError::Cut));
    }
}
