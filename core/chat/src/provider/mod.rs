//! Language-model servers. What the bytes mean is for [`pipit_core::chat::dialect`] to say, and when a server is left alone
//! for [`pipit_core::chat::Breaker`]; here is the way to them, and their order.

mod chain;
mod generation;
mod http;
mod meter;
mod response;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Message, Tier, ToolSpec};

use crate::error::ChatError;
pub use chain::ProviderReport;
pub(crate) use chain::{Chain, FromChain};
pub use http::HttpProvider;
pub(crate) use http::{Scrubber, http_client};
pub use meter::Meter;

/// Everything that is shown of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderIdentity {
    /// What the owner calls it.
    pub name: String,
    /// The server's own name for the model.
    pub model: String,
    /// How far what is said travels to it.
    pub tier: Tier,
}

impl fmt::Display for ProviderIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.model, self.tier)
    }
}

/// What a language model is given for one reply.
#[derive(Clone)]
pub struct Prompt {
    /// The conversation, with the request last.
    pub messages: Vec<Message>,
    /// What the model may want used.
    pub tools: Vec<ToolSpec>,
    /// Length at which the reply is cut, in tokens.
    pub max_reply_tokens: u32,
    /// What counts the bytes for the ledger; without it they are not counted.
    pub meter: Option<Meter>,
}

/// Leaves out what people said.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("messages", &self.messages.len()).finish_non_exhaustive()
    }
}

/// One server and model, whatever it speaks. Nothing is sent before a future or a stream is polled, and dropping it cancels
/// the request.
pub trait Provider: Send + Sync {
    /// What it is called.
    fn identity(&self) -> &ProviderIdentity;

    /// The names of the models that it has.
    ///
    /// # Errors
    /// Any [`ChatError`] of a server; [`ChatError::Rejected`] from one that keeps no list.
    fn list_models(&self) -> BoxFuture<'_, Result<Vec<String>, ChatError>>;

    /// The reply to `prompt` as it comes. It ends with [`ReplyChunk::End`] or with an error.
    fn chat_stream(self: Arc<Self>, prompt: Arc<Prompt>) -> BoxStream<'static, Result<ReplyChunk, ChatError>>;

    /// Whether it can be reached and takes the key, by the cheapest request that it knows. No model has to do anything.
    ///
    /// # Errors
    /// What is wrong.
    fn health(&self) -> BoxFuture<'_, Result<(), ChatError>>;
}
