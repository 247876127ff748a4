//! OpenAI's chat completions, as OpenAI and the many compatible servers write them.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_body::{EventBody, EventReply, whole_reply};
use super::tool_calls::ToolCalls;
use super::{ChatRequest, DecodeError, EncodedRequest, Piece, ServerError, excerpt};
use crate::chat::{Message, Role, ToolCall, ToolSpec, Usage};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// A tool as OpenAI and Ollama are told of it.
#[derive(Serialize)]
pub(super) struct WireTool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

impl<'a> From<&'a ToolSpec> for WireTool<'a> {
    fn from(ToolSpec { name, description, parameters, .. }: &'a ToolSpec) -> Self {
        WireTool { r#type: "function", function: Function { name, description, parameters } }
    }
}

impl<'a> From<&'a Message> for WireMessage<'a> {
    fn from(message: &'a Message) -> Self {
        let said = |role, content| WireMessage { role, content, tool_calls: Vec::new(), tool_call_id: None };
        match message {
            Message::Said { role, text } => said(role_name(*role), text),
            Message::Called { text, calls } => {
                let call = |ToolCall { id, name, arguments }: &'a ToolCall| WireCall {
                    id,
                    r#type: "function",
                    function: WireFunction { name, arguments },
                };
                WireMessage { tool_calls: calls.iter().map(call).collect(), ..said("assistant", text) }
            }
            Message::Returned { id, result, .. } => WireMessage { tool_call_id: Some(id), ..said("tool", result) },
        }
    }
}

/// What OpenAI and Ollama call whoever says something.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

pub(super) fn encode(request: &ChatRequest<'_>) -> EncodedRequest {
    let limit = |named: bool| named.then_some(request.max_reply_tokens);
    let body = Body {
        model: request.model,
        messages: request.messages.iter().map(WireMessage::from).collect(),
        tools: request.tools().iter().map(WireTool::from).collect(),
        stream: !request.without.stream,
        // It is refused where nothing is streamed; usage is told then in any case.
        stream_options: (!request.without.usage && !request.without.stream)
            .then_some(StreamOptions { include_usage: true }),
        max_tokens: limit(!request.without.max_tokens),
        max_completion_tokens: limit(request.without.max_tokens),
    };
    let body = serde_json::to_string(&body).expect("strings and numbers are always JSON");
    EncodedRequest { path: "/chat/completions", body }
}

/// Decodes one reply.
pub(super) type Decoder = EventBody<Reply>;

/// What is known of a reply before its end.
#[derive(Debug, Default)]
pub(super) struct Reply {
    understood_an_event: bool,
    saw_other_events: bool,
    /// The server has said why the reply ends; what it says after that is about the reply, no part of it.
    finish: Option<Option<String>>,
    calls: ToolCalls,
    usage: Option<Usage>,
}

impl EventReply for Reply {
    fn event(&mut self, kind: &str, data: &str, pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        if let Some(text) = only_text(data).filter(|_| kind != "error") {
            self.understood_an_event = true;
            say(text, pieces);
            return Ok(());
        }
        let data = data.trim();
        if data == "[DONE]" {
            let reason = self.finish.take().flatten();
            self.complete(reason, pieces);
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
        if kind == "error" {
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
        self.usage = usage(&payload).or(self.usage);
        // An event with no choice in it reports usage or filtering.
        if let Some(choice) = first_choice(&payload) {
            said(&choice["delta"], pieces);
            self.calls.take_in(&choice["delta"]);
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.finish = Some(Some(reason.to_owned()));
            }
        }
        Ok(())
    }

    fn whole(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), DecodeError> {
        let payload = whole_reply(body)?;
        let choice = first_choice(&payload).ok_or_else(|| DecodeError::Malformed(excerpt(body)))?;
        said(&choice["message"], pieces);
        self.calls.take_in(&choice["message"]);
        self.usage = usage(&payload);
        self.complete(choice["finish_reason"].as_str().map(str::to_owned), pieces);
        Ok(())
    }

    fn end(&mut self, unfinished: Option<&str>, pieces: &mut Vec<Piece>) -> bool {
        // Some servers leave `[DONE]` out; the finish reason already said that the reply is complete.
        let reason = self.finish.take();
        let done = unfinished.is_some_and(|data| data.trim() == "[DONE]");
        if reason.is_some() || done {
            self.complete(reason.flatten(), pieces);
        }
        done || matches!(pieces.last(), Some(Piece::End(_)))
    }

    fn kinds_of_events(&self) -> (bool, bool) {
        (self.understood_an_event, self.saw_other_events)
    }
}

impl Reply {
    fn complete(&mut self, reason: Option<String>, pieces: &mut Vec<Piece>) {
        pieces.extend(self.calls.complete().map(Piece::ToolCall));
        pieces.extend(self.usage.take().map(Piece::Usage));
        pieces.push(Piece::End(reason));
    }
}

/// The text of an event in which there is nothing else, as nearly all are: that is read without copying anything but it.
fn only_text(data: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Chunk<'a> {
        #[serde(borrow)]
        choices: [Choice<'a>; 1],
        error: Option<IgnoredAny>,
        usage: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Choice<'a> {
        #[serde(default)]
        index: u64,
        #[serde(borrow)]
        delta: Delta<'a>,
        finish_reason: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Delta<'a> {
        #[serde(borrow)]
        content: Cow<'a, str>,
        reasoning_content: Option<IgnoredAny>,
        reasoning: Option<IgnoredAny>,
        thinking: Option<IgnoredAny>,
        tool_calls: Option<IgnoredAny>,
        function_call: Option<IgnoredAny>,
        refusal: Option<IgnoredAny>,
    }
    let Chunk { choices: [Choice { index, delta, finish_reason }], error, usage } = serde_json::from_str(data).ok()?;
    let Delta { content, reasoning_content, reasoning, thinking, tool_calls, function_call, refusal } = delta;
    let others =
        [error, usage, finish_reason, reasoning_content, reasoning, thinking, tool_calls, function_call, refusal];
    (index == 0 && others.iter().all(Option::is_none)).then_some(content)
}

fn usage(payload: &Value) -> Option<Usage> {
    let usage = payload.get("usage").filter(|usage| usage.is_object())?;
    Some(Usage {
        prompt_tokens: usage["prompt_tokens"].as_u64()?,
        reply_tokens: usage["completion_tokens"].as_u64().unwrap_or(0),
        cached_tokens: usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
    })
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

fn say<'a>(text: impl Into<Cow<'a, str>>, pieces: &mut Vec<Piece>) {
    let text = text.into();
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into_owned()));
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
