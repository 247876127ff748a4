//! `GET /turns`: the waterfalls of the last turns.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Sources;
use crate::account::Watcher;
use crate::problem::{Problem, blocking};

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default = "few")]
    limit: usize,
}

fn few() -> usize {
    20
}

/// The last turns, the newest first, each with when it ended: as many as `?limit=` says, or 20.
pub(crate) async fn turns(
    State(sources): State<Sources>,
    _: Watcher,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Vec<Map<String, Value>>>, Problem> {
    let Query(Wanted { limit }) =
        wanted.map_err(|_| Problem::unfit("limit must be a whole number; write for example /turns?limit=5."))?;
    // SQLite may have to wait for another process, which the async runtime must not.
    let kept = blocking(move || sources.store.recent_turns(limit)).await??;
    let dated = kept.into_iter().filter_map(|turn| {
        // It is as it was written then, perhaps by an older Pipit.
        let mut record: Map<String, Value> = serde_json::from_str(&turn.record).ok()?;
        record.insert("at".to_owned(), turn.at.to_string().into());
        Some(record)
    });
    Ok(Json(dated.collect()))
}
