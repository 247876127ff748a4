//! `/api/secrets`: API keys and passwords by their names. They are set and removed, and never shown.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use pipit_core::config::panel::Setting;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};

/// The longest, in bytes.
const LONGEST: usize = 8192;

/// What Pipit keeps for itself among them begins so, and is nobody's to set or remove here.
const OWN: &str = "panel-";

/// Checks what somebody wants kept.
///
/// # Errors
/// It can't be a secret, or has a name that is not theirs to give.
pub(crate) fn check(name: &str, secret: &str) -> Result<(), Problem> {
    check_name(name)?;
    let secret = secret.trim();
    if secret.is_empty() || secret.len() > LONGEST || secret.chars().any(char::is_control) {
        return Err(Problem::unfit(format!("A secret is one line of 1 to {LONGEST} bytes.")));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Problem> {
    if name.starts_with(OWN) {
        return Err(Problem::forbidden(format!("Names that begin with \"{OWN}\" are Pipit's own; choose another.")));
    }
    Ok(())
}

/// Their names, and since when they are there.
async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    blocking(move || {
        let all = sources.accounts.root().secrets_since()?.into_iter().filter(|(name, _)| !name.starts_with(OWN));
        let told = all.map(|(name, since)| json!({"name": name, "since": since.map(|at| at.to_string())}));
        Ok(Json(told.collect()))
    })
    .await?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    secret: String,
}

/// Keeps one under this name, in place of the one that had it.
async fn set(
    State(sources): State<Sources>,
    who: Who,
    Path(name): Path<String>,
    JsonBody(Given { secret }): JsonBody<Given>,
) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    let secret = Zeroizing::new(secret);
    check(&name, &secret)?;
    blocking(move || {
        sources.accounts.root().set_secret_at(&name, secret.trim(), sources.accounts.now())?;
        who.note(&format!("secret {name} set"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// Removes one. 404 where there is none, and 409 where the configuration names it: without it Pipit might not start.
async fn remove(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    check_name(&name)?;
    blocking(move || {
        let shown = sources.settings.read().map_err(|error| Problem::unavailable(sentence(&error)))?;
        if let Some(by) = shown.settings.iter().find_map(|setting| named_by(setting, &name)) {
            return Err(Problem::conflict(format!("{by} names this secret; change that first.")));
        }
        if !sources.accounts.root().remove_secret(&name)? {
            return Err(Problem::not_found("There is no such secret; list them again."));
        }
        who.note(&format!("secret {name} removed"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// Which key of the configuration names a secret, if this setting has one that does.
fn named_by(setting: &Setting, name: &str) -> Option<String> {
    let Setting { section, key, value, .. } = setting;
    let is_named = |key: &str, value: &Value| key.ends_with("_secret") && value == name;
    if is_named(key, value) {
        return Some(format!("{section}.{key}"));
    }
    let tables = value.as_array().into_iter().flatten().filter_map(Value::as_object);
    let mut keys = tables.flatten();
    keys.any(|(key, value)| is_named(key, value)).then(|| format!("{section}.{key}"))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/secrets", get(list)).route("/api/secrets/{name}", put(set).delete(remove))
}
