//! `/api/support`: what helps somebody else to find out why Pipit does not do what it should, without anything that anybody said, is called
//! or keeps secret. Its owner sees all of it before it goes anywhere, and sends it themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking};
use crate::tasks::{Outcome, Progress, Task};

/// The most that one part of it may have, in bytes; of a longer one, the beginning is there.
const LONGEST_PART: usize = 256 * 1024;

/// Collects the parts; it fails with a sentence for people.
pub type Collect = Arc<dyn Fn(&Progress) -> Result<Vec<Part>, String> + Send + Sync>;

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is about.
    pub name: &'static str,
    /// Lines for people.
    pub text: String,
}

/// What was collected last. Clones are about the same.
#[derive(Clone)]
pub struct Support {
    collect: Collect,
    kept: Arc<Mutex<Option<Bundle>>>,
}

#[derive(Clone)]
struct Bundle {
    at: Timestamp,
    parts: Vec<Part>,
}

impl Support {
    /// Nothing is collected yet.
    #[must_use]
    pub fn new(collect: Collect) -> Support {
        Support { collect, kept: Arc::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Bundle>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bundle {
    fn written(&self) -> String {
        let mut text = format!("Support bundle of Pipit, collected at {}\n", self.at);
        for Part { name, text: part } in &self.parts {
            let line = "-".repeat(name.len());
            text += &format!("\n{name}\n{line}\n{}\n", part.trim_end());
        }
        text
    }
}

async fn shown(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let kept = sources.support.kept().clone();
    let told =
        kept.map(|bundle| json!({"at": bundle.at.to_string(), "bytes": bundle.written().len(), "parts": bundle.parts}));
    Ok(Json(json!({"made": told})))
}

/// 202 with the task that collects it.
async fn collect(State(sources): State<Sources>, who: Who) -> Result<(StatusCode, Json<Task>), Problem> {
    who.require_owner()?;
    let support = sources.support;
    let task = sources.tasks.start(("bundle", "", ""), move |progress| {
        let mut parts = (support.collect)(progress)?;
        for part in parts.iter_mut().filter(|part| part.text.len() > LONGEST_PART) {
            part.text.truncate(part.text.floor_char_boundary(LONGEST_PART));
            part.text += "\n(more was left out)";
        }
        let at = Timestamp::now();
        *support.kept() = Some(Bundle { at, parts });
        who.note("support bundle collected");
        Ok(Outcome::from("It is collected; look at it before you send it to anybody.".to_owned()))
    })?;
    Ok((StatusCode::ACCEPTED, Json(task)))
}

async fn fetch(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    who.require_owner()?;
    let bundle = sources.support.kept().clone();
    let bundle = bundle.ok_or_else(|| Problem::not_found("There is no support bundle; collect one first."))?;
    blocking(move || who.note("support bundle fetched")).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"pipit-support.txt\"")),
    ];
    Ok((headers, bundle.written()).into_response())
}

async fn forget(State(sources): State<Sources>, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    *sources.support.kept() = None;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/support", get(shown).post(collect).delete(forget)).route("/api/support/file", get(fetch))
}
