//! What Pipit makes of a language-model server that is running somewhere: each question is asked as Pipit asks it, and the row
//! says what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::StreamExt as _;
use pipit_chat::{ChatError, HttpProvider, Prompt, Provider as _, ProviderKind, ProviderSettings, Secret};
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Message, Risk, Role, ToolCall, ToolSpec};
use serde::Serialize;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);

/// How long a reply may be, in tokens.
const REPLY: u32 = 24;

/// A server, and what is known of it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) base_url: String,
    pub(crate) model: String,
    /// The key that it takes, if it takes but one.
    pub(crate) key: Option<String>,
    /// How many tokens a prompt may have at most, if that is little enough to be tried.
    pub(crate) context: Option<usize>,
}

/// What was asked and what came.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    what: &'static str,
    came: String,
    /// Whether that is what Pipit's users need to come.
    good: bool,
}

impl Row {
    pub(crate) fn is_good(&self) -> bool {
        self.good
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { what, came, good } = self;
        write!(f, "{}  {what:<14} {came}", if *good { "ok  " } else { "BAD " })
    }
}

/// A reply, as far as it came.
#[derive(Default)]
struct Heard {
    texts: usize,
    calls: Vec<ToolCall>,
    usage: String,
    end: Option<String>,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Heard { texts, calls, usage, end } = self;
        let end = end.as_deref().unwrap_or("not said");
        write!(f, "{texts} pieces of text, {} tool calls, usage {usage}, ended by {end}", calls.len())
    }
}

/// Asks everything, one after the other.
pub(crate) async fn measure(server: &Server) -> Result<Vec<Row>> {
    let right = server.provider(server.key.clone(), &server.model)?;
    let mut rows = Vec::new();
    let mut told = |what, came: String, good| rows.push(Row { what, came, good });
    match right.health().await {
        Ok(()) => told("health", "answers".to_owned(), true),
        Err(error) => told("health", error.to_string(), false),
    }
    match right.list_models().await {
        Ok(models) => told("models", models.join(", "), models.contains(&server.model)),
        Err(error) => told("models", error.to_string(), false),
    }
    let tool = || vec![get_time()];
    for (what, tools) in [("reply", Vec::new()), ("tools offered", tool())] {
        match reply(&right, "What time is it?", tools).await {
            Ok(heard) => told(what, heard.to_string(), heard.texts + heard.calls.len() > 0),
            Err(error) => told(what, error.to_string(), false),
        }
    }
    match result_of_tool(&right).await {
        Ok(heard) => told("tool's result", heard.to_string(), heard.texts + heard.calls.len() > 0),
        Err(error) => told("tool's result", error.to_string(), false),
    }
    if server.key.is_some() {
        for (what, key) in [("wrong key", Some("sk-wrong".to_owned())), ("no key", None)] {
            let provider = server.provider(key, &server.model)?;
            let came = reply(&provider, "Hello", Vec::new()).await;
            told(what, said(&came), matches!(came, Err(ChatError::Authentication { .. })));
        }
    }
    if let Some(context) = server.context {
        let came = reply(&right, &"time ".repeat(context + 100), Vec::new()).await;
        told("too long", said(&came), matches!(came, Err(ChatError::ContextTooLong { .. })));
    }
    let unknown = server.provider(server.key.clone(), "no-such-model")?;
    let came = reply(&unknown, "Hello", Vec::new()).await;
    // A server with one model may answer with that.
    told("unknown model", said(&came), matches!(came, Ok(_) | Err(ChatError::Rejected { .. })));
    let first = cut_short(&right).await;
    let then = reply(&right, "What time is it?", Vec::new()).await;
    told("after a cut", format!("{}; then {}", said(&first), said(&then)), first.is_ok() && then.is_ok());
    let (one, other) = tokio::join!(reply(&right, "Hello", Vec::new()), reply(&right, "Good evening", Vec::new()));
    told("two at once", format!("{}; {}", said(&one), said(&other)), one.is_ok() && other.is_ok());
    Ok(rows)
}

impl Server {
    fn provider(&self, key: Option<String>, model: &str) -> Result<Arc<HttpProvider>> {
        Ok(Arc::new(HttpProvider::new(&ProviderSettings {
            name: "the server".to_owned(),
            kind: ProviderKind::OpenAi,
            base_url: self.base_url.clone(),
            model: model.to_owned(),
            api_key: key.map(Secret::from),
            connect_timeout: LIMIT,
            first_token_timeout: LIMIT,
            idle_timeout: LIMIT,
        })?))
    }
}

fn said(came: &Result<Heard, ChatError>) -> String {
    came.as_ref().map_or_else(ToString::to_string, ToString::to_string)
}

fn get_time() -> ToolSpec {
    let parameters = json!({"type": "object", "properties": {}, "required": []});
    ToolSpec { name: "get_time".to_owned(), description: "The local time.".to_owned(), parameters, risk: Risk::Reads }
}

fn prompt(messages: Vec<Message>, tools: Vec<ToolSpec>, max_reply_tokens: u32) -> Arc<Prompt> {
    let mut whole = vec![Message::new(Role::System, "You are Pipit. Answer briefly.")];
    whole.extend(messages);
    Arc::new(Prompt { messages: whole, tools, max_reply_tokens, meter: None })
}

async fn reply(provider: &Arc<HttpProvider>, text: &str, tools: Vec<ToolSpec>) -> Result<Heard, ChatError> {
    heard(provider, prompt(vec![Message::new(Role::User, text)], tools, REPLY), usize::MAX).await
}

/// What is said to a tool's result, in a turn that used one.
async fn result_of_tool(provider: &Arc<HttpProvider>) -> Result<Heard, ChatError> {
    let (id, name) = ("call_1".to_owned(), "get_time".to_owned());
    let call = ToolCall { id: id.clone(), name: name.clone(), arguments: "{}".to_owned() };
    let messages = vec![
        Message::new(Role::User, "What time is it?"),
        Message::Called { text: String::new(), calls: vec![call] },
        Message::Returned { id, name, result: "five past two".to_owned() },
    ];
    heard(provider, prompt(messages, vec![get_time()], REPLY), usize::MAX).await
}

/// A long reply, of which one piece is waited for.
async fn cut_short(provider: &Arc<HttpProvider>) -> Result<Heard, ChatError> {
    heard(provider, prompt(vec![Message::new(Role::User, "Tell me a story")], Vec::new(), 400), 1).await
}

async fn heard(provider: &Arc<HttpProvider>, prompt: Arc<Prompt>, pieces: usize) -> Result<Heard, ChatError> {
    let mut chunks = Arc::clone(provider).chat_stream(prompt);
    let mut heard = Heard { usage: "not said".to_owned(), ..Heard::default() };
    while let Some(chunk) = chunks.next().await {
        match chunk? {
            ReplyChunk::Text(_) => heard.texts += 1,
            ReplyChunk::ToolCall(call) => heard.calls.push(call),
            ReplyChunk::Usage(usage) => heard.usage = format!("{} and {}", usage.prompt_tokens, usage.reply_tokens),
            ReplyChunk::End(reason) => heard.end = reason,
            ReplyChunk::Reasoning => {}
        }
        if heard.texts >= pieces {
            break;
        }
    }
    Ok(heard)
}
