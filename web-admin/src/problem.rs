//! What went wrong, as JSON: `{"error": {"code", "message", "request_id"}}`. The code is for programs, and the message for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pipit_store::StoreError;
use serde_json::{Value, json};

use crate::guard::RequestId;

/// Something that was asked for and is not done. A handler returns it; [`crate::guard`] adds the request's id.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Seconds after which it may be asked for again.
    retry_after: Option<u64>,
}

impl Problem {
    /// `code` is in snake_case, `message` a sentence with what to do.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { status, code, message: message.into(), retry_after: None }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// 400: what was sent can't be meant.
    pub(crate) fn unfit(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "unfit", message)
    }

    /// 401: nobody is signed in.
    pub(crate) fn signed_out() -> Problem {
        let message = "Nobody is signed in; sign in, or send an API token in the header Authorization.";
        Problem::new(StatusCode::UNAUTHORIZED, "signed_out", message)
    }

    /// 401: it is nobody's name, or not their password.
    pub(crate) fn wrong_credentials() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "Name or password is wrong; try again.")
    }

    /// 403: somebody else may do it.
    pub(crate) fn forbidden(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404: it is not there, or it is somebody else's.
    pub(crate) fn not_found(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409: it can't be done as things are.
    pub(crate) fn conflict(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// 429: it was asked for too often.
    pub(crate) fn too_many(wait: std::time::Duration) -> Problem {
        let seconds = wait.as_secs().max(1) + u64::from(wait.subsec_nanos() > 0 && wait.as_secs() > 0);
        let message = format!("That was tried too often; try again in {seconds} s.");
        Problem { retry_after: Some(seconds), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message) }
    }

    /// 503: not now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// 500: whoever asked can do nothing about it. The reason is for the log.
    pub(crate) fn internal(reason: &dyn std::fmt::Display) -> Problem {
        tracing::error!("a request failed: {reason}");
        let message = "Something failed in Pipit; its log says what.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// Whether it is that nobody is signed in.
    pub(crate) fn is_signed_out(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// The same, for whoever may ask again after so long.
    pub(crate) fn after(self, wait: std::time::Duration) -> Problem {
        Problem { retry_after: Some(wait.as_secs_f64().ceil().max(1.0) as u64), ..self }
    }

    /// The JSON, for a request with this id: also for an event in a stream that has begun. OpenAI's clients find in it what they
    /// look for, which is the type.
    pub(crate) fn written(&self, id: &RequestId) -> Value {
        let (code, message, id) = (self.code, &self.message, id.as_str());
        json!({"error": {"code": code, "message": message, "request_id": id, "type": self.kind()}})
    }

    /// What OpenAI calls such a problem.
    fn kind(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_client_error() => "invalid_request_error",
            _ => "server_error",
        }
    }

    /// The answer to the request with this id.
    pub(crate) fn answer(&self, id: &RequestId) -> Response {
        let mut response = (self.status, axum::Json(self.written(id))).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // Browsers ask nobody for a password because of this one.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pipit\""));
        }
        response
    }
}

/// The id comes later: [`crate::guard`] finds the problem again in what is returned here.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let message = sentence(&error.to_string());
        let with = |status, code| Problem::new(status, code, message.clone());
        match error {
            StoreError::UnfitPassword(_) => with(StatusCode::BAD_REQUEST, "unfit_password"),
            StoreError::UnfitName | StoreError::UnfitPin | StoreError::UnfitSecretName => Problem::unfit(message),
            StoreError::AlreadyClaimed => with(StatusCode::CONFLICT, "claimed"),
            StoreError::NameTaken => with(StatusCode::CONFLICT, "name_taken"),
            StoreError::NotTheOwners | StoreError::OwnerStays => Problem::forbidden(message),
            StoreError::NoPerson | StoreError::NoConversation(_) | StoreError::NoMessage(_) => {
                Problem::not_found(message)
            }
            StoreError::PersonLocked
            | StoreError::WrongMessage { .. }
            | StoreError::WrongPassphrase
            | StoreError::NoPassphrase
            | StoreError::PasskeyKnown
            | StoreError::TooManyPasskeys
            | StoreError::Linked
            | StoreError::TooManyTokens => Problem::conflict(message),
            StoreError::DiskFull
            | StoreError::Locked
            | StoreError::NoDeviceKey
            | StoreError::Underivable(_)
            | StoreError::NoRandomness(_) => Problem::unavailable(message),
            error => Problem::internal(&error),
        }
    }
}

/// What begins small and ends without a full stop, as errors do, made a sentence.
pub(crate) fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if error.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Does what may have to wait for a disk or for a hash, which the async runtime must not.
///
/// # Errors
/// Pipit is ending.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::unavailable("Pipit is ending; try again soon."))
}
