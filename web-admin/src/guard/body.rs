//! What is sent: JSON, of a size and at a pace that nobody is kept from.

use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::{Json, RequestExt as _};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Bytes, where a route does not say otherwise.
pub(crate) const LARGEST_BODY: usize = 64 * 1024;

/// Whoever sends a body of JSON has so long for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What takes something else than JSON.
const UPLOADS: [&str; 3] = ["/v1/audio/transcriptions", crate::models::UPLOAD, crate::backup::UPLOAD];

/// Lets through what has no body, and JSON. A form is no JSON, and forms are what other people's pages can send without being
/// asked whether they may.
pub(super) fn judge(parts: &Parts) -> Result<(), Problem> {
    let is_empty = |length: &HeaderValue| length == "0";
    let has_body = parts.headers.contains_key(header::TRANSFER_ENCODING)
        || parts.headers.get(header::CONTENT_LENGTH).is_some_and(|length| !is_empty(length));
    if !has_body || UPLOADS.contains(&parts.uri.path()) {
        return Ok(());
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(no_json()) }
}

fn no_json() -> Problem {
    let message = "What is sent must be JSON, with the header Content-Type: application/json.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no_json", message)
}

/// A body of JSON. What is wrong with one is told without what was in it: that may be a password.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let read = tokio::time::timeout(PATIENCE, request.extract::<Json<T>, _>()).await;
        let slow =
            |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "It took too long to send that; try again.");
        match read.map_err(slow)? {
            Ok(Json(body)) => Ok(JsonBody(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(no_json()),
            Err(JsonRejection::JsonSyntaxError(_)) => {
                Err(Problem::unfit("What was sent is not JSON; look at its commas and braces."))
            }
            Err(JsonRejection::JsonDataError(_)) => {
                Err(Problem::unfit("What was sent has not the fields that are expected here, or not of their kinds."))
            }
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let message = "That is more than may be sent at once; send less.";
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message))
            }
            Err(_) => Err(Problem::unfit("What was sent did not arrive whole; try again.")),
        }
    }
}
