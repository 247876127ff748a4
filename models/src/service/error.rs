//! What can go wrong with a speech service, in words for the person who has to mend it.

use std::time::Duration;

/// Why a service did not do what was asked of it. Names the service, and shows neither its key nor its address nor what
/// anybody said.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nobody that far away may be asked just now.
    #[error("no server that is so far away may be asked just now, and nothing on this device can answer in its place")]
    NotAllowed,
    /// There was no connection, or it broke.
    #[error("{service} is not available: {detail}; check that it runs and can be reached from here")]
    Unavailable {
        /// What people call it.
        service: String,
        /// What the connection said.
        detail: String,
    },
    /// It took too long.
    #[error(
        "{service} has not answered within {} s; give it more time in timeout_s, or choose a smaller model",
        .limit.as_secs_f32()
    )]
    TimedOut {
        /// What people call it.
        service: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// It does not know the key, or the key may not do this.
    #[error("{service} refused the API key: {detail}; check the key and what it may do")]
    KeyRefused {
        /// What people call it.
        service: String,
        /// What it said.
        detail: String,
    },
    /// It wants no more requests for now.
    #[error("{service} takes no more requests for now: {detail}; ask later, or check its quota")]
    Busy {
        /// What people call it.
        service: String,
        /// How long it wants none, if it said so.
        retry_after: Option<Duration>,
        /// What it said.
        detail: String,
    },
    /// It does not do this.
    #[error(
        "{service} refused the request: {detail}; check the names of the model and the voice, and the service's address"
    )]
    Refused {
        /// What people call it.
        service: String,
        /// What it said.
        detail: String,
    },
    /// It answered with something else than what was asked for.
    #[error("{service} does not answer as such a service does: {detail}; check what kind it is, and its address")]
    Unreadable {
        /// What people call it.
        service: String,
        /// What it sent instead.
        detail: String,
    },
    /// The settings can't be used.
    #[error("{service} can't be used: {detail}")]
    Settings {
        /// What people call it.
        service: String,
        /// What is wrong with them.
        detail: String,
    },
    /// Nobody waits for the answer any more.
    #[error("the request was cancelled")]
    Cancelled,
}
