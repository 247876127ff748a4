//! Ollama's `/api/chat`: one JSON object a line, the last one with `"done": true`.

use serde::Serialize;
use serde_json::Value;

use super::openai::{WireTool, role_name};
use super::tool_calls::ToolCalls;
use super::{ChatRequest, DecodeError, EncodedRequest, LONGEST_WHOLE, Piece, ServerError, excerpt};
use crate::chat::{Message, ToolCall, Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    stream: bool,
    /// Reasoning would only be silence before the reply. Models that cannot reason ignore this.
    think: bool,
    options: Options,
}

#[derive(Serialize)]
struct Options {
    num_predict: u32,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    /// An object, not its text.
    arguments: Value,
}

impl<'a> From<&'a Message> for WireMessage<'a> {
    fn from(message: &'a Message) -> Self {
        let said = |role, content| WireMessage { role, content, tool_calls: Vec::new(), tool_name: None };
        match message {
            Message::Said { role, text } => said(role_name(*role), text),
            Message::Called { text, calls } => {
                let call = |call: &'a ToolCall| WireCall {
                    function: WireFunction { name: &call.name, arguments: call.object().into() },
                };
                WireMessage { tool_calls: calls.iter().map(call).collect(), ..said("assistant", text) }
            }
            Message::Returned { name, result, .. } => WireMessage { tool_name: Some(name), ..said("tool", result) },
        }
    }
}

pub(super) fn encode(request: &ChatRequest<'_>) -> EncodedRequest {
    let body = Body {
        model: request.model,
        messages: request.messages.iter().map(WireMessage::from).collect(),
        tools: request.tools().iter().map(WireTool::from).collect(),
        stream: !request.without.stream,
        think: false,
        options: Options { num_predict: request.max_reply_tokens },
    };
    EncodedRequest {
        path: "/api/chat",
        body: serde_json::to_string(&body).expect("strings and numbers are always JSON"),
    }
}

#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    calls: ToolCalls,
}

impl Decoder {
    pub(super) fn feed(&mut self, mut bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        while !bytes.is_empty() && !matches!(pieces.last(), Some(Piece::End(_))) {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let room = LONGEST_WHOLE - self.line.len().min(LONGEST_WHOLE);
            self.line.extend_from_slice(&line[..line.len().min(room)]);
            if line.len() > room {
                return Err(DecodeError::Malformed(excerpt(&self.line)));
            }
            if end.is_some() {
                self.end_line(pieces)?;
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        self.end_line(pieces).map_err(|error| match error {
            DecodeError::Malformed(_) if self.line.first() == Some(&b'{') => DecodeError::Cut,
            other => other,
        })?;
        if pieces.iter().any(|piece| matches!(piece, Piece::End(_))) { Ok(()) } else { Err(DecodeError::Cut) }
    }

    fn end_line(&mut self, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        let line = self.line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.line).trim_ascii();
        if line.is_empty() {
            self.line.clear();
            return Ok(());
        }
        let payload: Value = serde_json::from_slice(line).map_err(|_| DecodeError::Malformed(excerpt(line)))?;
        if let Some(error) = ServerError::from_json(&payload, None) {
            return Err(DecodeError::Server(error));
        }
        let (message, done) = (&payload["message"], &payload["done"]);
        if !message.is_object() && !done.is_boolean() {
            return Err(DecodeError::Malformed(excerpt(line)));
        }
        if message["thinking"].as_str().is_some_and(|text| !text.is_empty()) {
            pieces.push(Piece::Reasoning);
        }
        if let Some(text) = message["content"].as_str().filter(|text| !text.is_empty()) {
            pieces.push(Piece::Text(text.to_owned()));
        }
        self.calls.take_in(message);
        if done == true {
            pieces.extend(self.calls.complete().map(Piece::ToolCall));
            pieces.extend(usage(&payload).map(Piece::Usage));
            pieces.push(Piece::End(payload["done_reason"].as_str().map(str::to_owned)));
        }
        self.line.clear();
        Ok(())
    }
}

/// A prompt that the server had in its cache is not counted by it.
fn usage(payload: &Value) -> Option<Usage> {
    let prompt_tokens = payload["prompt_eval_count"].as_u64()?;
    Some(Usage { prompt_tokens, reply_tokens: payload["eval_count"].as_u64().unwrap_or(0), cached_tokens: 0 })
}
