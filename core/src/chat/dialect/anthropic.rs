//! Anthropic's messages: the system prompt beside the messages, and replies in blocks of text, reasoning and tool calls.

use serde::Serialize;
use serde_json::Value;

use super::event_body::{EventBody, EventReply, whole_reply};
use super::tool_calls::ToolCalls;
use super::{ChatRequest, DecodeError, EncodedRequest, Piece, ServerError, excerpt};
use crate::chat::{Message, Role, Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<WireMessage>,
    stream: bool,
}

#[derive(Serialize)]
struct WireMessage {
    role: &'static str,
    content: String,
}

pub(super) fn encode(request: &ChatRequest<'_>) -> EncodedRequest {
    let system: Vec<&str> = request.messages.iter().filter(|m| m.role == Role::System).map(|m| &*m.text).collect();
    let mut messages: Vec<WireMessage> = Vec::new();
    for Message { role, text } in request.messages {
        let role = match role {
            Role::System => continue,
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        match messages.last_mut().filter(|last| last.role == role) {
            // The two must take turns.
            Some(last) => last.content = format!("{}\n\n{text}", last.content),
            None => messages.push(WireMessage { role, content: text.clone() }),
        }
    }
    let (model, max_tokens) = (request.model, request.max_reply_tokens);
    let body = Body { model, max_tokens, system: system.join("\n\n"), messages, stream: true };
    let body = serde_json::to_string(&body).expect("strings and numbers are always JSON");
    EncodedRequest { path: "/v1/messages", body }
}

/// Decodes one reply.
pub(super) type Decoder = EventBody<Reply>;

/// What is known of a reply before its end.
#[derive(Debug, Default)]
pub(super) struct Reply {
    understood_an_event: bool,
    saw_other_events: bool,
    stop_reason: Option<String>,
    calls: ToolCalls,
    usage: Usage,
    /// Whether there was text, and whether something else than text has come since.
    said: bool,
    interrupted: bool,
}

impl EventReply for Reply {
    fn event(&mut self, kind: &str, data: &str, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        if data.trim().is_empty() {
            return Ok(());
        }
        let malformed = || DecodeError::Malformed(excerpt(data.as_bytes()));
        let payload: Value = serde_json::from_str(data).map_err(|_| malformed())?;
        let kind = payload["type"].as_str().unwrap_or(kind);
        if kind == "error" || payload.get("error").is_some_and(|error| !error.is_null()) {
            let error = ServerError::from_json(&payload, None);
            return Err(DecodeError::Server(error.unwrap_or_else(|| ServerError::from_reported(&payload, None))));
        }
        match kind {
            "message_start" => self.count(&payload["message"]["usage"]),
            "content_block_start" => self.begin_block(&payload, pieces),
            "content_block_delta" => self.go_on(&payload, pieces),
            "message_delta" => {
                self.count(&payload["usage"]);
                if let Some(reason) = payload["delta"]["stop_reason"].as_str() {
                    self.stop_reason = Some(reason.to_owned());
                }
            }
            "message_stop" => self.complete(pieces),
            "content_block_stop" | "ping" => {}
            _ => {
                // New kinds of events come without a new version.
                self.saw_other_events = true;
                return if payload.is_object() { Ok(()) } else { Err(malformed()) };
            }
        }
        self.understood_an_event = true;
        Ok(())
    }

    fn whole(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        let payload = whole_reply(body)?;
        let blocks = payload["content"].as_array().ok_or_else(|| DecodeError::Malformed(excerpt(body)))?;
        for (index, block) in (0..).zip(blocks) {
            self.block(index, block, pieces);
        }
        self.count(&payload["usage"]);
        self.stop_reason = payload["stop_reason"].as_str().map(str::to_owned);
        self.complete(pieces);
        Ok(())
    }

    fn end(&mut self, _unfinished: Option<&str>, pieces: &mut Vec<Piece>) -> bool {
        // Whoever says why the reply stops has said all of it.
        let complete = self.stop_reason.is_some();
        if complete {
            self.complete(pieces);
        }
        complete
    }

    fn kinds_of_events(&self) -> (bool, bool) {
        (self.understood_an_event, self.saw_other_events)
    }
}

impl Reply {
    fn begin_block(&mut self, payload: &Value, pieces: &mut Vec<Piece>) {
        self.block(payload["index"].as_u64().unwrap_or(0), &payload["content_block"], pieces);
    }

    /// A block, or its beginning. What Anthropic's own tools do is part of its reasoning.
    fn block(&mut self, index: u64, block: &Value, pieces: &mut Vec<Piece>) {
        let field = |key: &str| block[key].as_str().unwrap_or_default();
        match field("type") {
            "text" => return self.say(field("text"), pieces),
            "tool_use" => {
                self.calls.begin(index, field("id"), field("name"));
                if block["input"].as_object().is_some_and(|input| !input.is_empty()) {
                    self.calls.add_arguments(index, &block["input"].to_string());
                }
            }
            _ => pieces.push(Piece::Reasoning),
        }
        self.interrupted = true;
    }

    fn go_on(&mut self, payload: &Value, pieces: &mut Vec<Piece>) {
        let delta = &payload["delta"];
        if let Some(text) = delta["text"].as_str() {
            return self.say(text, pieces);
        }
        let index = payload["index"].as_u64().unwrap_or(0);
        let more = delta["partial_json"].as_str();
        if !more.is_some_and(|more| self.calls.add_arguments(index, more)) {
            pieces.push(Piece::Reasoning);
        }
    }

    /// Text that follows a tool's use is another paragraph, though nothing says so.
    fn say(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        if text.is_empty() {
            return;
        }
        let between = if self.said && self.interrupted { "\n\n" } else { "" };
        (self.said, self.interrupted) = (true, false);
        pieces.push(Piece::Text(format!("{between}{text}")));
    }

    fn count(&mut self, usage: &Value) {
        let count = |key: &str| usage[key].as_u64();
        let cached = count("cache_read_input_tokens");
        if let Some(fresh) = count("input_tokens") {
            let written = count("cache_creation_input_tokens").unwrap_or(0);
            self.usage.prompt_tokens = fresh + written + cached.unwrap_or(0);
        }
        self.usage.cached_tokens = cached.unwrap_or(self.usage.cached_tokens);
        self.usage.reply_tokens = count("output_tokens").unwrap_or(self.usage.reply_tokens);
    }

    fn complete(&mut self, pieces: &mut Vec<Piece>) {
        pieces.extend(self.calls.complete().map(Piece::ToolCall));
        if self.usage != Usage::default() {
            pieces.push(Piece::Usage(self.usage));
        }
        pieces.push(Piece::End(self.stop_reason.take()));
    }
}
