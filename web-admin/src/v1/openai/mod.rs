//! OpenAI's APIs, for programs that speak nothing else: only their base URL has to be changed. The names of models and voices
//! that they send are OpenAI's, so any is taken, and the device's own serve.

pub(super) mod completions;
pub(super) mod models;
pub(super) mod speech;
pub(super) mod transcriptions;

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::problem::Problem;

/// The name of the model that is Pipit itself.
const PIPIT: &str = "pipit";

/// A problem as OpenAI's clients read it, with our own fields beside theirs.
#[derive(Debug)]
pub(super) struct Refusal(Problem);

impl Refusal {
    fn body(&self) -> Value {
        let Problem { status, code, message, .. } = &self.0;
        let kind = match *status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "server_error",
        };
        json!({"error": {"message": message, "type": kind, "code": code, "param": null}})
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let wait = self.0.retry_after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (self.0.status, wait, Json(self.body())).into_response()
    }
}

/// Something that OpenAI's servers know and Pipit does not.
fn not_here(what: &str) -> Refusal {
    super::bad_request("unsupported_parameter", format!("{what}; leave it out.")).into()
}

/// A name for a reply that no other of this process has.
fn id(of: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{of}-{:x}-{:x}", Timestamp::now().as_millisecond(), COUNT.fetch_add(1, Ordering::Relaxed))
}
