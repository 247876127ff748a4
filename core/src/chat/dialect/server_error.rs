//! What a server's own error report means. Each server words it differently; what the owner can do about it is one of few
//! things.

use serde_json::Value;

use super::excerpt;

/// An error that the server reported, in the HTTP status, in the body, or in the middle of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// What can be done about it.
    pub kind: ServerErrorKind,
    /// The server's own words, on one line.
    pub message: String,
}

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerErrorKind {
    /// The key is missing, wrong, or not allowed to do this.
    Authentication,
    /// Too many requests, or the account's quota is used up.
    RateLimited,
    /// The prompt is longer than the model can take.
    ContextTooLong,
    /// The model wants the reply's limit under its newer name, `max_completion_tokens`.
    WantsMaxCompletionTokens,
    /// The server does not know `stream_options`.
    KnowsNoUsage,
    /// The model or the server can't use tools.
    KnowsNoTools,
    /// The server has trouble of its own.
    Unavailable,
    /// The request is wrong in a way that asking again does not mend, such as an unknown model.
    Rejected,
}

impl ServerError {
    /// Reads the body of a reply whose HTTP status is not a success.
    #[must_use]
    pub fn from_response(status: u16, body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|body| ServerError::from_json(&body, Some(status)))
            .unwrap_or_else(|| {
                let message = excerpt(body);
                ServerError { kind: kind_of(Some(status), "", &message), message }
            })
    }

    /// Reads the error in `body`, if there is one: `{"error": "..."}`, `{"error": {...}}`, `{"detail": "..."}` or
    /// `{"object": "error", "message": "..."}`.
    pub(super) fn from_json(body: &Value, status: Option<u16>) -> Option<Self> {
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let reported = match body.get("error") {
            Some(Value::Null) | None if status.is_some() || body.get("object").is_some_and(|kind| kind == "error") => {
                body
            }
            Some(Value::Null) | None => return None,
            Some(error) => error,
        };
        Some(ServerError::from_reported(reported, status))
    }

    /// Reads an object or a string that is known to report an error.
    pub(super) fn from_reported(reported: &Value, status: Option<u16>) -> Self {
        let named = |key: &str| reported.get(key).filter(|value| !value.is_null());
        let message = match named("message").or_else(|| named("detail")).unwrap_or(reported) {
            Value::String(message) => excerpt(message.as_bytes()),
            other => excerpt(other.to_string().as_bytes()),
        };
        let codes =
            ["code", "type", "param"].map(|key| named(key).map(ToString::to_string).unwrap_or_default()).join(" ");
        let number = ["status_code", "status", "code"].iter().find_map(|key| named(key)?.as_u64());
        let status =
            status.or(number.and_then(|number| u16::try_from(number).ok()).filter(|code| (400..600).contains(code)));
        ServerError { kind: kind_of(status, &codes, &message), message }
    }
}

/// What a refusal of tools has in it: Ollama's, vLLM's, OpenRouter's, llama.cpp's, and a server's that checks its fields.
const NO_TOOLS: [&[&str]; 5] = [
    &["does not support tools"],
    &["tool choice", "--enable-auto-tool-choice"],
    &["no endpoints found that support tool use"],
    &["tools param requires"],
    &["tools", "extra"],
];

fn kind_of(status: Option<u16>, codes: &str, message: &str) -> ServerErrorKind {
    let codes = codes.to_ascii_lowercase();
    let message = message.to_ascii_lowercase();
    let coded = |words: &[&str]| words.iter().any(|word| codes.contains(word));
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    const TOO_LONG: [&str; 7] = [
        "context length",
        "context window",
        "context size",
        "maximum context",
        "prompt is too long",
        "input is too long",
        "too many tokens",
    ];
    if coded(&["context_length", "exceed_context"]) || status == Some(413) || said(&TOO_LONG) {
        return ServerErrorKind::ContextTooLong;
    }
    if message.contains("max_completion_tokens") && message.contains("max_tokens") {
        return ServerErrorKind::WantsMaxCompletionTokens;
    }
    let refused = matches!(status, Some(400 | 404 | 422 | 500 | 501));
    if refused && (message.contains("stream_options") || message.contains("include_usage")) {
        return ServerErrorKind::KnowsNoUsage;
    }
    if refused && NO_TOOLS.iter().any(|words| words.iter().all(|word| message.contains(word))) {
        return ServerErrorKind::KnowsNoTools;
    }
    // litellm looks a key that it does not know up in a database, which it need not have.
    if coded(&["no_db_connection"]) {
        return ServerErrorKind::Authentication;
    }
    match status {
        Some(401 | 403) => ServerErrorKind::Authentication,
        Some(402 | 429) => ServerErrorKind::RateLimited,
        Some(408 | 425 | 500..) => ServerErrorKind::Unavailable,
        _ if coded(&["api_key", "authentication", "permission"]) => ServerErrorKind::Authentication,
        _ if coded(&["rate_limit", "quota"]) => ServerErrorKind::RateLimited,
        _ if coded(&["invalid_request", "not_found"]) => ServerErrorKind::Rejected,
        // In the middle of a stream the request was already accepted, so what fails is the server.
        None => ServerErrorKind::Unavailable,
        Some(_) => ServerErrorKind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn servers_words_and_what_they_mean() {
        let reports: [(u16, &str); 18] = [
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-***","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            ),
            (
                429,
                r#"{"error":{"message":"Rate limit reached for requests","type":"requests","code":"rate_limit_exceeded"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","code":"unsupported_parameter"}}"#,
            ),
            (404, r#"{"error":"model \"llama9\" not found, try pulling it first"}"#),
            // litellm without a database, of a key that is not its own.
            (400, r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#),
            (503, "<html>\n<h1>503 Service Unavailable</h1></html>"),
            (404, "404 page not found"),
            (422, r#"{"detail":[{"loc":["body","model"],"msg":"field required"}]}"#),
            (400, r#"{"object":"error","message":"bad","type":"BadRequestError","code":400}"#),
            (402, r#"{"error":{"message":"Insufficient credits","code":402}}"#),
            (413, ""),
            (500, r#"{"error":null}"#),
            (400, r#"{"error":"registry.ollama.ai/library/gemma:2b does not support tools"}"#),
            (500, r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#),
            (
                422,
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
            ),
            (
                422,
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","tools"],"msg":"Extra inputs are not permitted"}]}"#,
            ),
        ];
        let read: Vec<String> = reports
            .iter()
            .map(|(status, body)| {
                let error = ServerError::from_response(*status, body.as_bytes());
                format!("{status} {:?}: {}", error.kind, error.message)
            })
            .collect();
        expect![[r#"
            401 Authentication: Incorrect API key provided: sk-***
            429 RateLimited: Rate limit reached for requests
            400 ContextTooLong: This model's maximum context length is 8192 tokens.
            400 ContextTooLong: the request exceeds the available context size
            400 WantsMaxCompletionTokens: Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.
            404 Rejected: model "llama9" not found, try pulling it first
            400 Authentication: No connected db.
            503 Unavailable: <html> <h1>503 Service Unavailable</h1></html>
            404 Rejected: 404 page not found
            422 Rejected: [{"loc":["body","model"],"msg":"field required"}]
            400 Rejected: bad
            402 RateLimited: Insufficient credits
            413 ContextTooLong: 
            500 Unavailable: {"error":null}
            400 KnowsNoTools: registry.ollama.ai/library/gemma:2b does not support tools
            500 KnowsNoTools: tools param requires --jinja flag
            422 KnowsNoUsage: [{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted","type":"extra_forbidden"}]
            422 KnowsNoTools: [{"loc":["body","tools"],"msg":"Extra inputs are not permitted","type":"extra_forbidden"}]"#]].assert_eq(&read.join("\n"));
    }
}
