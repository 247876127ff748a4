//! `/api/version` and `/api/update`: which Pipit runs, which lies on the disk in its place and runs from the next start on, how the last update
//! ended, and that another is wanted.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking, sentence};

/// The other versions that the daemon knows of.
#[derive(Clone)]
pub struct Versions {
    /// The version of what lies on the disk in the place of the one that runs. It may have to be run to say so.
    pub on_disk: Arc<dyn Fn() -> String + Send + Sync>,
    /// How the last update ended, if there was one.
    pub last: Arc<dyn Fn() -> Option<LastUpdate> + Send + Sync>,
    /// Has the system update Pipit, from where its configuration says; nothing where that says nothing. Errors are sentences for people.
    pub ask: Option<Arc<dyn Fn() -> Result<(), String> + Send + Sync>>,
}

/// How an update ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUpdate {
    /// When.
    pub at: Timestamp,
    /// The version before, and the one that was wanted; nothing where only the reason tells of them, as with a system that is updated as
    /// a whole.
    pub versions: Option<(String, String)>,
    /// Why the version before is back, if it is. Somebody else's words, of one line.
    pub went_back: Option<String>,
}

async fn version(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let versions = sources.versions.clone();
    let (installed, last) = blocking(move || ((versions.on_disk)(), (versions.last)())).await?;
    let last = last.map(|LastUpdate { at, versions, went_back }| {
        let (from, to) = versions.unzip();
        json!({"at": at.to_string(), "from": from, "to": to, "went_back": went_back})
    });
    Ok(Json(json!({
        "running": env!("CARGO_PKG_VERSION"),
        "installed": installed,
        "restart": sources.choices.restart,
        "can_update": sources.versions.ask.is_some(),
        "last_update": last,
    })))
}

/// 202 once the system is asked, which ends Pipit and starts it again if there is a newer version.
async fn update(State(sources): State<Sources>, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    let ask = sources.versions.ask.ok_or_else(|| {
        Problem::conflict(
            "It is not known where updates come from; write update.feed and update.key into the configuration file.",
        )
    })?;
    let asked = move || {
        ask()?;
        who.note("update asked for");
        Ok::<_, String>(())
    };
    blocking(asked).await?.map_err(|error| Problem::unavailable(sentence(&error)))?;
    Ok(StatusCode::ACCEPTED)
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/version", get(version)).route("/api/update", post(update))
}
