//! Why there is no reply, and how to say so aloud.

use std::time::Duration;

use pipit_store::StoreError;
use thiserror::Error;

/// Why a request was not answered. What it prints is for the log: of a
/// provider it shows the name, and neither key nor address.
#[derive(Debug, Error)]
pub enum ChatError {
    /// The key is missing, wrong, or not allowed to use the model.
    #[error("{provider} refused the API key: {detail}; check the key and what it may do")]
    Authentication {
        /// The provider's name.
        provider: String,
        /// Its own words.
        detail: String,
    },
    /// Too many requests, or the account's quota is used up.
    #[error("{provider} takes no more requests for now{}: {detail}", after(*.retry_after))]
    RateLimited {
        /// The provider's name.
        provider: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
        /// Its own words.
        detail: String,
    },
    /// The prompt is longer than the model can take.
    #[error(
        "the prompt is too long for the model of {provider}: {detail}; lower history_tokens or choose another model"
    )]
    ContextTooLong {
        /// The provider's name.
        provider: String,
        /// Its own words.
        detail: String,
    },
    /// The server can't be reached, or has trouble of its own.
    #[error("{provider} is not available: {detail}; check that it runs and can be reached from here")]
    Unavailable {
        /// The provider's name.
        provider: String,
        /// What went wrong.
        detail: String,
    },
    /// The server refused the request in a way that asking again does not mend, such as an unknown model.
    #[error("{provider} refused the request: {detail}; check the model's name and the server's address")]
    Rejected {
        /// The provider's name.
        provider: String,
        /// Its own words.
        detail: String,
    },
    /// The server took too long.
    #[error("{provider} took longer than {limit:?} for {wait}; try again, or use a faster server or a smaller model")]
    TimedOut {
        /// The provider's name.
        provider: String,
        /// For what.
        wait: Wait,
        /// How long it was given.
        limit: Duration,
    },
    /// What answers is not a chat server, or not one of the kind that was configured.
    #[error("{provider} does not answer as a chat server does: {detail}; check the provider and the server's address")]
    Malformed {
        /// The provider's name.
        provider: String,
        /// The beginning of what it sent, or what is wrong with it.
        detail: String,
    },
    /// The connection broke off before the reply was complete.
    #[error("{provider} broke off in the middle of its reply{}; ask again", .detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default())]
    Cut {
        /// The provider's name.
        provider: String,
        /// What the connection says about it.
        detail: Option<String>,
    },
    /// The model wanted tools again and again, and did not answer.
    #[error("the language model wanted tools {rounds} times and gave no answer; ask otherwise, or use a larger model")]
    WentInCircles {
        /// How often.
        rounds: usize,
    },
    /// There is nothing of that number to be confirmed, or not any more.
    #[error(
        "there is nothing to confirm any more: it was confirmed, declined, or asked more than 30 seconds ago; ask for it again"
    )]
    NothingToConfirm,
    /// Something in the home was not done: sentences that say what, and why.
    #[error("something that was asked for was not done: {0}")]
    NotDone(String),
    /// The settings can't be used.
    #[error("the language model can't be used: {0}")]
    Settings(String),
    /// The history or the timers can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program is ending.
    #[error("the request was given up because Pipit is stopping")]
    Stopping,
}

/// What was waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A connection.
    Connection,
    /// The reply's first token.
    FirstToken,
    /// One of the reply's further tokens.
    NextToken,
    /// An answer about the server itself.
    Answer,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Wait::Connection => "a connection",
            Wait::FirstToken => "the first token",
            Wait::NextToken => "the next token",
            Wait::Answer => "an answer",
        })
    }
}

impl ChatError {
    /// One sentence that apologises aloud, with what the owner can do about it.
    #[must_use]
    pub fn spoken(&self) -> String {
        match self {
            ChatError::Authentication { .. } => {
                "Sorry, the language model refused my key, so please check the API key in my settings.".to_owned()
            }
            ChatError::RateLimited { retry_after: Some(delay), .. } if *delay < Duration::from_secs(120) => {
                let seconds = delay.as_secs_f32().ceil().max(1.0);
                let plural = if seconds > 1.0 { "s" } else { "" };
                format!("Sorry, the language model is busy, so please ask again in {seconds} second{plural}.")
            }
            ChatError::RateLimited { .. } => {
                "Sorry, the language model takes no more requests for now, so please ask later or check its quota.".to_owned()
            }
            ChatError::ContextTooLong { .. } => {
                "Sorry, that was too much for the language model, so please ask for less, or shorten its history in my settings."
                    .to_owned()
            }
            ChatError::Unavailable { .. } => {
                "Sorry, I can't reach the language model, so please check that its server is running.".to_owned()
            }
            ChatError::Rejected { .. } => {
                "Sorry, the language model's server refused the request, so please check the model's name in my settings."
                    .to_owned()
            }
            ChatError::TimedOut { .. } => {
                "Sorry, the language model took too long, so please ask again or choose a smaller one.".to_owned()
            }
            ChatError::Malformed { .. } => {
                "Sorry, I don't understand what the language model's server says, so please check its address in my settings."
                    .to_owned()
            }
            ChatError::Cut { .. } => "Sorry, the language model broke off, so please ask again.".to_owned(),
            ChatError::WentInCircles { .. } => {
                "Sorry, the language model went round in circles, so please ask otherwise.".to_owned()
            }
            ChatError::NothingToConfirm => "There is nothing to confirm any more, so please ask again.".to_owned(),
            ChatError::NotDone(why) => why.clone(),
            ChatError::Settings(_) => {
                "Sorry, I can't use the language model, so please check its settings.".to_owned()
            }
            ChatError::Store(_) => {
                "Sorry, I can't get at my memory, so please check that the disk is neither full nor read-only.".to_owned()
            }
            ChatError::Stopping => "Sorry, I am being switched off, so please ask again later.".to_owned(),
        }
    }

    /// How much this says about what is to be put right: what only the owner can mend more than what may pass. Of several
    /// failures the most telling one is worth showing.
    pub(crate) fn tells(&self) -> u8 {
        match self {
            ChatError::Settings(_) | ChatError::Store(_) | ChatError::Stopping => 6,
            ChatError::Authentication { .. } | ChatError::Rejected { .. } => 5,
            ChatError::ContextTooLong { .. } => 4,
            ChatError::RateLimited { .. } => 3,
            ChatError::Malformed { .. }
            | ChatError::WentInCircles { .. }
            | ChatError::NothingToConfirm
            | ChatError::NotDone(_) => 2,
            ChatError::TimedOut { .. } | ChatError::Cut { .. } => 1,
            ChatError::Unavailable { .. } => 0,
        }
    }
}

fn after(delay: Option<Duration>) -> String {
    delay.map(|delay| format!(" (ask again after {} s)", delay.as_secs_f32().ceil())).unwrap_or_default()
}
