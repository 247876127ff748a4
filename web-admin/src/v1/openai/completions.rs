//! `POST /v1/chat/completions`: the caller keeps the conversation, and the device's engine answers at its end. What it understands
//! without a language model it does; nothing is kept here.

use std::collections::VecDeque;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use pipit_chat::{Door, Given};
use pipit_core::chat::{Message, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use utoipa::ToSchema;

use super::super::answer::{Answer, Part};
use super::super::chat::LONGEST;
use super::super::description::{Failures, ServerSentEvent};
use super::super::wire::too_large;
use super::super::{passed_on, place_in};
use super::{PIPIT, name, not_here};
use crate::Sources;
use crate::account::Who;
use crate::guard::{JsonBody, RequestId};
use crate::problem::Problem;

/// What is asked, as OpenAI's API has it. What is not named here is ignored.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChatCompletionRequest)]
pub(in super::super) struct Wanted {
    /// Any name is taken.
    #[serde(default)]
    #[schema(example = "pipit")]
    #[expect(dead_code, reason = "it is described, and any is taken")]
    model: Option<String>,
    messages: Vec<Said>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    /// 1.
    #[serde(default)]
    n: Option<u64>,
    /// None: Pipit's model has the device's own.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    tools: Option<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    functions: Option<Value>,
    /// `{"type": "text"}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    response_format: Option<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    stop: Option<Value>,
    #[serde(default)]
    logprobs: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// A message; the last one is the user's.
#[derive(Deserialize, ToSchema)]
struct Said {
    /// `system`, `developer`, `user` or `assistant`.
    #[schema(example = "user")]
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Piece>),
}

#[derive(Deserialize, ToSchema)]
struct Piece {
    /// `text`.
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// Answers at the end of a conversation that the caller keeps, whole or, with `stream`, as Server-Sent Events that end with `[DONE]`.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai", request_body = Wanted,
    responses((status = 200, description = "A chat.completion, or chat.completion.chunk events",
               content((Object = "application/json"), (ServerSentEvent = "text/event-stream"))),
              Failures))]
pub(in super::super) async fn complete(
    who: Who,
    State(sources): State<Sources>,
    Extension(id): Extension<RequestId>,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, Problem> {
    let apis = sources.apis;
    let permit = place_in(&apis.shared.replies)?;
    let (streams, include_usage) =
        (wanted.stream.unwrap_or(false), wanted.stream_options.as_ref().is_some_and(|options| options.include_usage));
    let (text, given) = read(wanted)?;
    let engine = apis.engine_of(&who);
    let reply = engine.respond_apart(text, Door::Panel, given);
    let mut completion = Completion::new(Answer::new(apis, engine, reply));
    if !streams {
        let text = completion.whole().await?;
        return Ok(Json(completion.written(&text)).into_response());
    }
    // Whatever goes wrong before the first word is told by the status.
    let first = completion.next().await?;
    let chunks = Chunks { completion, next: VecDeque::new(), begun: false, include_usage, over: false, id };
    let chunks = stream::unfold((chunks, Some(first)), |(mut chunks, first)| async move {
        Some((chunks.next(first).await?, (chunks, None)))
    });
    let events =
        passed_on(chunks.take_until(who.ended()), permit).map(|data| Ok::<_, Infallible>(Event::default().data(data)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// The request, and what goes before it.
fn read(wanted: Wanted) -> Result<(String, Given), Problem> {
    let some = |value: &Option<Value>| {
        value.as_ref().is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
    };
    if some(&wanted.tools) || some(&wanted.functions) {
        return Err(not_here("The model here uses the device's own tools, and none of the caller's"));
    }
    if wanted.n.is_some_and(|n| n != 1) {
        return Err(not_here("There is one reply to a request, so n is 1"));
    }
    if wanted.response_format.as_ref().is_some_and(|format| !format.is_null() && format["type"] != "text") {
        return Err(not_here("Replies are plain text, so there is no other response_format"));
    }
    if some(&wanted.stop) {
        return Err(not_here("A reply can't be ended at a word, so there is no stop"));
    }
    if wanted.logprobs == Some(true) {
        return Err(not_here("There are no logprobs here"));
    }
    let mut messages = wanted.messages.into_iter().map(message).collect::<Result<Vec<_>, _>>()?;
    let text = match messages.pop() {
        Some((Role::User, text)) if !text.trim().is_empty() => text,
        _ => {
            return Err(Problem::unfit("The last message must be the user's, with a text in it."));
        }
    };
    if text.len() > LONGEST {
        return Err(too_large("64 kB of text in the last message"));
    }
    let (instructions, said): (Vec<_>, Vec<_>) = messages.into_iter().partition(|(role, _)| *role == Role::System);
    let instructions: Vec<String> = instructions.into_iter().map(|(_, text)| text).collect();
    let given = Given {
        system_prompt: (!instructions.is_empty()).then(|| instructions.join("\n\n")),
        before: said.into_iter().map(|(role, text)| Message::new(role, text)).collect(),
        max_reply_tokens: wanted.max_completion_tokens.or(wanted.max_tokens).map(|most| most.max(1)),
    };
    Ok((text, given))
}

fn message(Said { role, content }: Said) -> Result<(Role, String), Problem> {
    let role = match role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => {
            return Err(not_here(
                "Messages are of the roles system, developer, user and assistant; others are not known here",
            ));
        }
    };
    let text = match content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => {
            if parts.iter().any(|part| part.kind != "text") {
                return Err(not_here("Only text is understood here, and no pictures, sounds or files"));
            }
            parts.into_iter().filter_map(|part| part.text).collect::<Vec<_>>().join("\n")
        }
        None => String::new(),
    };
    Ok((role, text))
}

/// A reply as OpenAI has it.
struct Completion {
    answer: Answer,
    id: String,
    created: i64,
    /// What answers.
    model: String,
    /// No language model was asked, so that nothing was spent.
    offline: bool,
}

impl Completion {
    fn new(answer: Answer) -> Self {
        let created = Timestamp::now().as_second();
        Completion { answer, id: name("chatcmpl"), created, model: PIPIT.to_owned(), offline: true }
    }

    /// The next text; none at the end.
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        while let Some(part) = self.answer.next().await {
            match part? {
                Part::Text(text) => return Ok(Some(text)),
                Part::AnsweredBy(by) => (self.model, self.offline) = (by.model, false),
                // It is asked in the text that follows, and confirmed by a PIN.
                Part::Understood(_) | Part::Confirm(_) => {}
            }
        }
        Ok(None)
    }

    async fn whole(&mut self) -> Result<String, Problem> {
        let mut all = String::new();
        while let Some(text) = self.next().await? {
            all.push_str(&text);
        }
        Ok(all)
    }

    fn written(&self, text: &str) -> Value {
        let message = json!({"role": "assistant", "content": text, "refusal": null});
        let mut written = json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason()}],
        });
        if let Some(usage) = self.usage() {
            written["usage"] = usage;
        }
        written
    }

    fn finish_reason(&self) -> &'static str {
        if self.answer.reply().counted().cut { "length" } else { "stop" }
    }

    /// As servers counted it; nothing where they don't.
    fn usage(&self) -> Option<Value> {
        let counted = self.answer.reply().counted().usage;
        let usage = counted.or(self.offline.then(Default::default))?;
        Some(json!({
            "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.reply_tokens,
            "total_tokens": usage.prompt_tokens.saturating_add(usage.reply_tokens),
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        }))
    }
}

/// A reply in chunks.
struct Chunks {
    completion: Completion,
    next: VecDeque<String>,
    begun: bool,
    include_usage: bool,
    over: bool,
    /// By which the request is found again.
    id: RequestId,
}

impl Chunks {
    /// The data of the next event. `first` is what came of the reply already.
    async fn next(&mut self, first: Option<Option<String>>) -> Option<String> {
        if let Some(data) = self.next.pop_front() {
            return Some(data);
        }
        if self.over {
            return None;
        }
        let text = match first {
            Some(text) => Ok(text),
            None => self.completion.next().await,
        };
        if !std::mem::replace(&mut self.begun, true) {
            self.push(json!({"role": "assistant", "content": ""}), None);
        }
        match text {
            Ok(Some(text)) => self.push(json!({"content": text}), None),
            Ok(None) => {
                self.push(json!({}), Some(self.completion.finish_reason()));
                if self.include_usage
                    && let Some(usage) = self.completion.usage()
                {
                    let mut last = self.chunk(json!([]));
                    last["usage"] = usage;
                    self.next.push_back(last.to_string());
                }
                self.end();
            }
            Err(problem) => {
                self.next.push_back(problem.written(&self.id).to_string());
                self.end();
            }
        }
        self.next.pop_front()
    }

    fn end(&mut self) {
        self.next.push_back("[DONE]".to_owned());
        self.over = true;
    }

    fn push(&mut self, delta: Value, finish_reason: Option<&str>) {
        let chunk = self.chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]));
        self.next.push_back(chunk.to_string());
    }

    fn chunk(&self, choices: Value) -> Value {
        let Completion { id, created, model, .. } = &self.completion;
        json!({"id": id, "object": "chat.completion.chunk", "created": created, "model": model, "choices": choices})
    }
}
