//! OpenAI's APIs, for programs that speak nothing else: only their base URL has to be changed. The names of models and voices
//! that they send are OpenAI's, so any is taken, and the device's own serve.

pub(super) mod completions;
pub(super) mod models;
pub(super) mod speech;
pub(super) mod transcriptions;

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use jiff::Timestamp;

use crate::problem::Problem;

/// The name of the model that is Pipit itself.
const PIPIT: &str = "pipit";

/// Something that OpenAI's servers know and Pipit does not.
fn not_here(what: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "unsupported_parameter", format!("{what}; leave it out."))
}

/// A name for a reply that no other of this process has.
fn name(of: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{of}-{:x}-{:x}", Timestamp::now().as_millisecond(), COUNT.fetch_add(1, Ordering::Relaxed))
}
