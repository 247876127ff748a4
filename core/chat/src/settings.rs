//! What the engine is told once, when it is built.

use std::fmt;
use std::time::Duration;

use pipit_core::chat::TopicGuard;
use pipit_core::chat::dialect::Dialect;

/// The engine's settings.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The language models in order of preference; without one, only what the intents cover is answered.
    pub providers: Vec<ProviderSettings>,
    /// What the model is told before every conversation. May be empty.
    pub system_prompt: String,
    /// What keeps the model to its subject, if it has one.
    pub topic: Option<TopicGuard>,
    /// The names of the tools that it may want used; without a list, all.
    pub tools: Option<Vec<String>>,
    /// How much of the conversation is repeated to the model, in tokens.
    pub history_tokens: u32,
    /// Length at which a reply is cut, in tokens.
    pub max_reply_tokens: u32,
    /// The volume in percent until somebody sets another.
    pub volume: u8,
    /// How late an alarm may still ring, after Pipit was off.
    pub ring_late: Duration,
    /// How long an alarm is snoozed where nobody says for how long.
    pub snooze: Duration,
}

impl Default for EngineSettings {
    /// Without a language model, and otherwise as the configuration has it if nobody writes anything else.
    fn default() -> Self {
        EngineSettings {
            providers: Vec::new(),
            system_prompt: String::new(),
            topic: None,
            tools: None,
            history_tokens: 0,
            max_reply_tokens: 0,
            volume: 100,
            ring_late: Duration::from_mins(15),
            snooze: Duration::from_mins(9),
        }
    }
}

/// A language-model server and how to talk to it.
#[derive(Clone)]
pub struct ProviderSettings {
    /// What people are told in place of its address.
    pub name: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// `http` or `https`, with whatever path the server's API stands under, such as `http://localhost:8080/v1`.
    pub base_url: String,
    /// The server's own name for the model.
    pub model: String,
    /// Sent in the header that its kind wants it in.
    pub api_key: Option<Secret>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the first token may take, connecting and retrying included.
    pub first_token_timeout: Duration,
    /// How long each further token may take.
    pub idle_timeout: Duration,
}

/// Leaves the address out: it may have a password in it.
impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProviderSettings");
        shown.field("name", &self.name).field("kind", &self.kind).field("model", &self.model).finish_non_exhaustive()
    }
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenAI's chat completions, which most servers speak.
    OpenAi,
    /// Ollama's own chat API.
    Ollama,
    /// Anthropic's messages.
    Anthropic,
}

impl From<ProviderKind> for Dialect {
    fn from(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::OpenAi => Dialect::OpenAi,
            ProviderKind::Ollama => Dialect::Ollama,
            ProviderKind::Anthropic => Dialect::Anthropic,
        }
    }
}

/// Something that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `secret` from being printed.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Secret(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
