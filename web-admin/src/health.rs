//! `GET /health` and `GET /ready`: whether Pipit is well, for whoever watches over it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::Sources;
use crate::account::Here;
use crate::problem::{Problem, blocking};

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/health", get(health)).route("/ready", get(ready))
}

/// 200, or 503 while Pipit has no microphone to listen to: on this machine with the newest snapshot, for others with a word.
async fn health(State(sources): State<Sources>, Here(is_here): Here) -> Response {
    let snapshot = sources.snapshots.borrow().clone();
    let is_well = snapshot.microphone.is_some();
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if is_here {
        return (status, Json(snapshot)).into_response();
    }
    (status, Json(json!({"status": if is_well { "ok" } else { "unwell" }}))).into_response()
}

/// 200 once Pipit can do everything that it is for, else 503; with what it is that it can.
async fn ready(State(sources): State<Sources>) -> Result<Response, Problem> {
    let (audio, models) = {
        let snapshot = sources.snapshots.borrow();
        (snapshot.microphone.is_some(), snapshot.recogniser.is_some() && snapshot.voice.is_some())
    };
    let store = sources.store;
    let database = blocking(move || store.people().is_ok()).await?;
    let is_ready = audio && models && database;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let told = json!({"ready": is_ready, "audio": audio, "models": models, "database": database});
    Ok((status, Json(told)).into_response())
}
