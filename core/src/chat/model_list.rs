//! How a server says which models it has. One request and one whole body, so no stream to decode.

use serde_json::Value;

use super::dialect::Dialect;

/// What follows the server's base address to ask for its models by `GET`.
#[must_use]
pub fn model_list_path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi => "/models",
        Dialect::Ollama => "/api/tags",
        // Pages of twenty, unless more are asked for.
        Dialect::Anthropic => "/v1/models?limit=1000",
    }
}

/// The names in the answer to that; `None` if it is no list of models.
#[must_use]
pub fn read_model_list(dialect: Dialect, body: &[u8]) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let (list, name) = match dialect {
        Dialect::OpenAi | Dialect::Anthropic => ("data", "id"),
        Dialect::Ollama => ("models", "name"),
    };
    let models = body[list].as_array()?;
    Some(models.iter().filter_map(|model| model[name].as_str().map(str::to_owned)).collect())
}

/// Whether a server that has `listed` knows what the owner calls `model`.
#[must_use]
pub fn is_listed(model: &str, listed: &[String]) -> bool {
    // Ollama takes the newest of a family where no tag says which.
    let latest = format!("{model}:latest");
    listed.iter().any(|name| name == model || *name == latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_server_has_its_list() {
        let openai = br#"{"object":"list","data":[{"id":"gpt-4o","object":"model"},{"id":"o3"},{"no":"id"}]}"#;
        let ollama = br#"{"models":[{"name":"qwen3:latest","model":"qwen3:latest","size":1},{"name":"gemma3:4b"}]}"#;
        let anthropic = br#"{"data":[{"type":"model","id":"claude-haiku-4-5"}],"has_more":false}"#;
        for (dialect, body, names) in [
            (Dialect::OpenAi, &openai[..], &["gpt-4o", "o3"][..]),
            (Dialect::Ollama, ollama, &["qwen3:latest", "gemma3:4b"]),
            (Dialect::Anthropic, anthropic, &["claude-haiku-4-5"]),
            (Dialect::OpenAi, br#"{"data":[]}"#, &[]),
        ] {
            assert_eq!(read_model_list(dialect, body).unwrap(), names);
        }
        for body in ["", "<html>", "[]", "{}", r#"{"data":{}}"#, r#"{"error":"no"}"#] {
            assert_eq!(read_model_list(Dialect::OpenAi, body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_family_without_a_tag_is_its_newest() {
        let listed = ["qwen3:latest".to_owned(), "gemma3:4b".to_owned()];
        let known = |model| is_listed(model, &listed);
        assert!(known("qwen3") && known("qwen3:latest") && known("gemma3:4b"));
        assert!(!known("gemma3") && !known("qwen"));
    }
}
