//! Anthropic's messages: the system prompt beside the messages, and replies in blocks of text, reasoning and tool calls.

use serde::Serialize;
use serde_json::Value;

use super::event_body::{EventBody, EventReply, whole_reply};
use super::tool_calls::ToolCalls;
use super::{ChatRequest, DecodeError, EncodedRequest, Piece, ServerError, excerpt};
use crate::chat::{Message, Role, ToolCall, ToolSpec, Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    stream: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: Value },
    ToolResult { tool_use_id: &'a str, content: &'a str },
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
}

impl<'a> From<&'a ToolSpec> for WireTool<'a> {
    fn from(ToolSpec { name, description, parameters, .. }: &'a ToolSpec) -> Self {
        WireTool { name, description, input_schema: parameters }
    }
}

pub(super) fn encode(request: &ChatRequest<'_>) -> EncodedRequest {
    let mut system: Vec<&str> = Vec::new();
    let mut messages: Vec<WireMessage<'_>> = Vec::new();
    for message in request.messages {
        let (role, blocks) = match message {
            Message::Said { role: Role::System, text } => {
                system.push(text);
                continue;
            }
            Message::Said { role: Role::User, text } => ("user", vec![Block::Text { text }]),
            Message::Said { role: Role::Assistant, text } => ("assistant", vec![Block::Text { text }]),
            Message::Called { text, calls } => ("assistant", called(text, calls)),
            Message::Returned { id, result, .. } => {
                ("user", vec![Block::ToolResult { tool_use_id: id, content: result }])
            }
        };
        match messages.last_mut().filter(|last| last.role == role) {
            // The two must take turns.
            Some(last) => last.content.extend(blocks),
            None => messages.push(WireMessage { role, content: blocks }),
        }
    }
    let body = Body {
        model: request.model,
        max_tokens: request.max_reply_tokens,
        system: system.join("\n\n"),
        messages,
        tools: request.tools().iter().map(WireTool::from).collect(),
        stream: !request.without.stream,
    };
    let body = serde_json::to_string(&body).expect("strings and numbers are always JSON");
    EncodedRequest { path: "/v1/messages", body }
}

fn called<'a>(text: &'a str, calls: &'a [ToolCall]) -> Vec<Block<'a>> {
    // An empty text is refused.
    let said = (!text.trim().is_empty()).then_some(Block::Text { text });
    let used = calls.iter().map(|call| Block::ToolUse { id: &call.id, name: &call.name, input: call.object().into() });
    said.into_iter().chain(used).collect()
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
