//! `/api/providers`: the language models and speech services that may be asked, how they did, and a test of each.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use pipit_core::chat::Tier;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};
use crate::tasks::{Outcome, Progress, Task};

/// The longest name, in bytes.
const LONGEST_NAME: usize = 200;

/// Those that may be asked.
pub trait Providers: Send + Sync {
    /// In the order in which they are asked, speech services last. May wait for the disk.
    ///
    /// # Errors
    /// A sentence for people.
    fn list(&self) -> Result<Vec<Listed>, String>;

    /// Asks the one of this name for a word.
    ///
    /// # Errors
    /// A sentence for people: what is wrong.
    fn test(&self, name: &str, progress: &Progress) -> Result<Outcome, String>;
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// What the owner calls it.
    pub name: String,
    /// Its own name for the model; may be empty.
    pub model: String,
    /// How far away it is.
    pub tier: Tier,
    /// What it is asked for.
    pub used_for: Use,
    /// Whether it wants a key, and has it.
    pub key: Key,
    /// Whether it is near enough to be asked at all.
    pub allowed: bool,
    /// Whether it is asked now, and not only after the next start.
    pub in_use: bool,
    /// Whether it is left alone for now, because it failed again and again.
    pub rests: bool,
    /// What came of asking it last.
    pub seen: Option<Seen>,
}

/// What came of asking a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// How long it took to begin an answer, or what went wrong.
    pub came: Result<Duration, String>,
    /// Whether somebody had it tested.
    pub by_test: bool,
}

/// What somebody is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To answer.
    Answers,
    /// To make words of sound.
    Hearing,
    /// To make sound of words.
    Speaking,
}

/// An API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// None is wanted.
    Unneeded,
    /// It is there.
    There,
    /// It is not.
    Missing,
}

async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let providers = Arc::clone(&sources.providers);
    let unread = |error: String| Problem::unavailable(sentence(&error));
    let all = blocking(move || providers.list()).await?.map_err(unread)?;
    Ok(Json(all.iter().map(told).collect()))
}

fn told(one: &Listed) -> Value {
    let seen = one.seen.as_ref().map(|Seen { at, came, by_test }| {
        let (took, error) = match came {
            Ok(took) => (Some(took.as_millis() as u64), None),
            Err(error) => (None, Some(sentence(error))),
        };
        json!({"at": at.to_string(), "took_ms": took, "error": error, "by_test": by_test})
    });
    json!({
        "name": one.name,
        "model": one.model,
        "tier": one.tier.name(),
        "used_for": match one.used_for {
            Use::Answers => "answers",
            Use::Hearing => "hearing",
            Use::Speaking => "speaking",
        },
        "key": match one.key {
            Key::Unneeded => "unneeded",
            Key::There => "there",
            Key::Missing => "missing",
        },
        "allowed": one.allowed,
        "in_use": one.in_use,
        "rests": one.rests,
        "seen": seen,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
}

/// 202 with the task that asks it.
async fn test(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Wanted { name }): JsonBody<Wanted>,
) -> Result<(StatusCode, Json<Task>), Problem> {
    who.require_owner()?;
    if name.len() > LONGEST_NAME {
        return Err(Problem::unfit(format!("A name has at most {LONGEST_NAME} bytes.")));
    }
    let providers = Arc::clone(&sources.providers);
    let known = Arc::clone(&providers);
    let unread = |error: String| Problem::unavailable(sentence(&error));
    let all = blocking(move || known.list()).await?.map_err(unread)?;
    if !all.iter().any(|one| one.name == name) {
        return Err(Problem::not_found("There is no such provider; list them again."));
    }
    let asked = name.clone();
    let work = move |progress: &Progress| providers.test(&asked, progress).map_err(|error| sentence(&error));
    let task = sources.tasks.start(("test", &name, ""), work)?;
    blocking(move || who.note(&format!("test of {name}"))).await?;
    Ok((StatusCode::ACCEPTED, Json(task)))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/providers", get(list)).route("/api/providers/test", post(test))
}
