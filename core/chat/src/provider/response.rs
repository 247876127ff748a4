//! Everything but a reply that a server, or the way to it, may answer with.

use std::time::Duration;

use jiff::fmt::rfc2822;
use pipit_core::chat::dialect::{DecodeError, ServerError, ServerErrorKind, excerpt};
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use tokio::time::{Instant, timeout_at};

use super::http::HttpProvider;
use super::meter::Count;
use crate::error::{ChatError, Wait};

/// How much of an error's body is read.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// How long an error's body is waited for.
const REFUSAL_BODY: Duration = Duration::from_secs(2);

/// The request did not get through.
pub(super) fn not_sent(provider: &HttpProvider, error: reqwest::Error) -> ChatError {
    if error.is_timeout() {
        let (wait, limit) = (Wait::Connection, provider.limits.connect);
        return ChatError::TimedOut { provider: provider.name(), wait, limit };
    }
    ChatError::Unavailable { provider: provider.name(), detail: provider.scrubbed(&root_cause(error)) }
}

/// The body broke off.
pub(super) fn broken(provider: &HttpProvider, error: reqwest::Error) -> ChatError {
    ChatError::Cut { provider: provider.name(), detail: Some(provider.scrubbed(&root_cause(error))) }
}

/// Reads a response whose status is not a success, until `deadline` at most.
pub(super) async fn refusal(
    provider: &HttpProvider,
    mut response: Response,
    deadline: Instant,
    mut count: Option<&mut Count>,
) -> (ChatError, ServerErrorKind) {
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    let mut body = Vec::new();
    // The status says enough, so a body is not waited for as long as a reply; and whatever of it can be read says more than
    // that it broke off.
    let deadline = deadline.min(Instant::now() + REFUSAL_BODY);
    while let Ok(Ok(Some(bytes))) = timeout_at(deadline, response.chunk()).await {
        if let Some(count) = &mut count {
            count.received(bytes.len() as u64);
        }
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST_REFUSAL {
            break;
        }
    }
    let mut error = ServerError::from_response(status.as_u16(), &body);
    if status.is_redirection() {
        error.message = "it redirects to another address, which Pipit does not follow".to_owned();
    }
    let kind = error.kind;
    error.message = format!("{status}{}{}", if error.message.is_empty() { "" } else { ": " }, error.message);
    (reported(provider, error, retry_after), kind)
}

/// What the decoder ran into.
pub(super) fn decode_failure(provider: &HttpProvider, failure: DecodeError) -> ChatError {
    let name = provider.name();
    match failure {
        DecodeError::Server(error) => reported(provider, error, None),
        DecodeError::Malformed(beginning) => {
            ChatError::Malformed { provider: name, detail: format!("it sent {:?}", provider.scrubbed(&beginning)) }
        }
        DecodeError::Cut => ChatError::Cut { provider: name, detail: None },
    }
}

/// What should be a list of models is none.
pub(super) fn no_list(provider: &HttpProvider, body: &[u8]) -> ChatError {
    decode_failure(provider, DecodeError::Malformed(excerpt(body)))
}

fn reported(provider: &HttpProvider, error: ServerError, retry_after: Option<Duration>) -> ChatError {
    let (detail, provider) = (provider.scrubbed(&error.message), provider.name());
    match error.kind {
        ServerErrorKind::Authentication => ChatError::Authentication { provider, detail },
        ServerErrorKind::RateLimited => ChatError::RateLimited { provider, retry_after, detail },
        ServerErrorKind::ContextTooLong => ChatError::ContextTooLong { provider, detail },
        ServerErrorKind::Unavailable => ChatError::Unavailable { provider, detail },
        ServerErrorKind::WantsMaxCompletionTokens
        | ServerErrorKind::KnowsNoUsage
        | ServerErrorKind::KnowsNoTools
        | ServerErrorKind::Rejected => ChatError::Rejected { provider, detail },
    }
}

/// `Retry-After` by RFC 9110, section 10.2.3: seconds, or a date, which is compared to the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let value = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let instant = |date: &str| Some(rfc2822::parse(date).ok()?.timestamp());
    instant(value)?.duration_since(instant(text(DATE)?)?).try_into().ok()
}

/// The innermost cause, which is what tells people something. The outer ones only repeat the address.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, seconds) in [
            ("20", Some(20)),
            ("Sat, 07 Mar 2026 14:00:30 GMT", Some(30)),
            ("Sat, 07 Mar 2026 13:00:00 GMT", None),
            ("-1", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, HeaderValue::from_static("Sat, 07 Mar 2026 14:00:00 GMT"));
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            assert_eq!(retry_after(&headers), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
