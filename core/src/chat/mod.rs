//! What a conversation consists of, and how LLM servers write it on the wire.
//!
//! Messages, the prompt that is made of them, and the servers' formats as plain bytes. No socket, clock or storage:
//! `pipit-chat` sends the bytes and `pipit-store` keeps the messages.

pub mod dialect;
mod persona;

mod breaker;
mod budget;
mod model_list;
mod prompt;
mod sse;
mod tier;
mod tool;
mod topic;

pub use breaker::{Breaker, BreakerSettings, Verdict};
pub use budget::{TokenBudget, estimated_prompt_tokens};
pub use model_list::{is_listed, model_list_path, read_model_list};
pub use persona::{Pack, PackTopic, Persona, PersonaError};
pub use prompt::{Clock, aside, newest_that_fit, prompt, title, with_background};
pub use tier::Tier;
pub(crate) use tool::speaks_of_risk;
pub use tool::{Risk, ToolSpec, risk_of_call};
pub use topic::{ReplyCheck, Topic, TopicGuard};

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The instructions to the LLM.
    System,
    /// The person.
    User,
    /// Pipit.
    Assistant,
}

/// Through which door a person speaks to Pipit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The microphone and the loudspeaker.
    Voice,
    /// `pipit ask` and `pipit chat`.
    Terminal,
    /// The panel, and programs that speak to the daemon over HTTP.
    Panel,
}

/// A part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something said.
    Said {
        /// Who said it.
        role: Role,
        /// What was said; of a spoken reply, what was heard.
        text: String,
    },
    /// The model wanted tools used before it went on.
    Called {
        /// What it had said by then. May be empty.
        text: String,
        /// What it wanted, each with an id that no other call of the prompt has.
        calls: Vec<ToolCall>,
    },
    /// What came of one of those calls.
    Returned {
        /// [`ToolCall::id`].
        id: String,
        /// [`ToolCall::name`].
        name: String,
        /// The result, or why there is none, for the model to read.
        result: String,
    },
}

impl Message {
    /// `text`, said by `role`.
    #[must_use]
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Message::Said { role, text: text.into() }
    }
}

/// A request of a person and the reply that the person heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What the person said.
    pub asked: String,
    /// What was heard of the reply.
    pub heard: String,
}

/// Something that the language model wants done before it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// By what the server knows the call; empty where it gives calls no names.
    pub id: String,
    /// The tool. It need not exist.
    pub name: String,
    /// Its arguments, as the model wrote them: JSON, if it wrote well.
    pub arguments: String,
}

/// How many tokens a reply took, as the server counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the prompt.
    pub prompt_tokens: u64,
    /// Of the reply, reasoning included.
    pub reply_tokens: u64,
    /// Of the prompt's, those that the server had in its cache.
    pub cached_tokens: u64,
}
