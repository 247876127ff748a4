//! What a service answered, as far as that is the same for all of them: whether it did what was asked, and if not, why.

use std::time::Duration;

use serde_json::Value;

use super::ServiceError;

/// How much of what a service says about a refusal is shown.
const LONGEST_MESSAGE: usize = 200;

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    /// How the body is packed, if it is, although that was not asked for.
    pub(super) encoding: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer if it is what was asked for, as far as its head says.
    pub(super) fn checked(self) -> Result<Answer, Refusal> {
        let well = (200..300).contains(&self.status);
        if well && self.encoding.is_none() && !self.is_web_page() {
            return Ok(self);
        }
        Err(Refusal(self))
    }

    fn is_web_page(&self) -> bool {
        let begins = |with: &str| {
            self.body.trim_ascii_start().get(..with.len()).is_some_and(|b| b.eq_ignore_ascii_case(with.as_bytes()))
        };
        self.content_type.trim_start().to_ascii_lowercase().starts_with("text/html")
            || begins("<!doctype")
            || begins("<html")
    }
}

/// An answer that is not what was asked for.
pub(super) struct Refusal(Answer);

impl Refusal {
    /// The error that says so for `service`; `scrubbed` takes out what must not be shown.
    pub(super) fn reported(self, service: &str, scrubbed: impl Fn(&str) -> String) -> ServiceError {
        let Refusal(answer) = self;
        let service = service.to_owned();
        if (200..300).contains(&answer.status) {
            let detail = match &answer.encoding {
                Some(encoding) => format!("its answer is packed as {}, which was not asked for", shortened(encoding)),
                None => "it sent a web page".to_owned(),
            };
            return ServiceError::Unreadable { service, detail };
        }
        let message = if answer.is_web_page() { None } else { message(&answer.body) };
        let detail = match message {
            Some(message) => format!("{}: {}", answer.status, shortened(&scrubbed(&message))),
            None => format!("status {}", answer.status),
        };
        let retry_after = answer.retry_after;
        match answer.status {
            300..=399 => {
                let detail = "it redirects to another address, which Pipit does not follow".to_owned();
                ServiceError::Refused { service, detail }
            }
            401 | 403 => ServiceError::KeyRefused { service, detail },
            400 if looks_keys_up(&answer.body) => ServiceError::KeyRefused { service, detail },
            402 | 429 => ServiceError::Busy { service, retry_after, detail },
            503 if retry_after.is_some() => ServiceError::Busy { service, retry_after, detail },
            408 | 425 | 500.. => ServiceError::Unavailable { service, detail },
            _ => ServiceError::Refused { service, detail },
        }
    }
}

/// litellm looks a key that it does not know up in a database, which it need not have.
fn looks_keys_up(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|body: Value| body["error"]["type"] == "no_db_connection")
}

/// What a service says about a refusal. Whole bodies are not shown, because some repeat the request in them.
fn message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let reported = body.get("error").filter(|error| !error.is_null()).unwrap_or(&body);
    let named = |key: &str| reported.get(key).filter(|value| !value.is_null());
    let said = named("message").or_else(|| named("detail")).unwrap_or(reported);
    match said {
        Value::String(message) => Some(message.clone()),
        // FastAPI lists what is wrong with a request, each with the input itself beside `msg`.
        Value::Array(list) => {
            let messages: Vec<&str> = list.iter().filter_map(|one| one.get("msg")?.as_str()).collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        }
        _ => None,
    }
}

pub(super) fn shortened(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn reported(status: u16, content_type: &str, body: &str) -> String {
        let (content_type, body) = (content_type.to_owned(), body.as_bytes().to_vec());
        let answer = Answer { status, content_type, encoding: None, retry_after: None, body };
        match answer.checked() {
            Ok(_) => "well".to_owned(),
            Err(refusal) => refusal.reported("nas", str::to_owned).to_string(),
        }
    }

    #[test]
    fn refusals_in_the_words_of_each_kind_of_server() {
        let json = "application/json";
        let said = [
            reported(200, json, "{}"),
            reported(200, "text/html; charset=utf-8", "hello"),
            reported(200, "", "\n <!DOCTYPE html>"),
            reported(302, "", ""),
            reported(401, json, r#"{"error": {"message": "Incorrect API key"}}"#),
            // litellm without a database, of a key that is not its own.
            reported(400, json, r#"{"error":{"message":"No connected db.","type":"no_db_connection","code":"400"}}"#),
            reported(429, json, r#"{"error": "slow down"}"#),
            reported(404, json, r#"{"detail": "no such model"}"#),
            reported(422, json, r#"{"detail": [{"msg": "Field required", "input": {"input": "what somebody says"}}]}"#),
            reported(400, json, r#"{"detail": {"input": "what somebody says"}}"#),
            reported(502, "text/html", "<html>Bad gateway</html>"),
            reported(400, "text/plain", "what somebody says"),
        ];
        expect![[r#"
            well
            nas does not answer as such a service does: it sent a web page; check what kind it is, and its address
            nas does not answer as such a service does: it sent a web page; check what kind it is, and its address
            nas refused the request: it redirects to another address, which Pipit does not follow; check the names of the model and the voice, and the service's address
            nas refused the API key: 401: Incorrect API key; check the key and what it may do
            nas refused the API key: 400: No connected db.; check the key and what it may do
            nas takes no more requests for now: 429: slow down; ask later, or check its quota
            nas refused the request: 404: no such model; check the names of the model and the voice, and the service's address
            nas refused the request: 422: Field required; check the names of the model and the voice, and the service's address
            nas refused the request: status 400; check the names of the model and the voice, and the service's address
            nas is not available: status 502; check that it runs and can be reached from here
            nas refused the request: status 400; check the names of the model and the voice, and the service's address"#]]
        .assert_eq(&said.join("\n"));
    }
}
