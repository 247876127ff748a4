//! `/api/version`: which Pipit runs, and which lies on the disk in its place and runs from the next start on.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking};

/// The version of what lies on the disk in the place of the one that runs. It may have to be run to say so.
pub type OnDisk = Arc<dyn Fn() -> String + Send + Sync>;

async fn version(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let installed = blocking(move || (sources.on_disk)()).await?;
    Ok(Json(json!({
        "running": env!("CARGO_PKG_VERSION"),
        "installed": installed,
        "restart": sources.choices.restart,
    })))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/version", get(version))
}
