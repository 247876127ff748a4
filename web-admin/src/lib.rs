//! The panel on the LAN, as a router. It knows the daemon only through the [`Snapshot`]s that it is handed.
//!
//! So far it answers one question, whether Pipit is well, for whoever watches over it. The panel itself comes later.
#![forbid(unsafe_code)]

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::watch;

/// The daemon's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// What Pipit is doing: `idle`, `listening`, `hearing`, `weighing`, `thinking` or `speaking`. Speech that is not
    /// meant for Pipit changes nothing here.
    pub phase: &'static str,
    /// The microphone that it listens to, if it hears one.
    pub microphone: Option<String>,
    /// Milliseconds of sound that were lost since the start because the machine was too busy to listen.
    pub sound_dropped_ms: u64,
    /// Times since the start that the sound device itself lost sound.
    pub sound_overruns: u64,
    /// Turns since the start.
    pub turns: u64,
    /// Times since the start that a word or a phrase woke Pipit.
    pub wakes: u64,
    /// Wakes after which no request came.
    pub wake_false_accepts: u64,
    /// Attempts to wake Pipit that it did not hear, as far as it can know: nearly a wake, and soon after it a wake.
    pub wake_misses: u64,
}

/// Everything that is served. `snapshots` always holds the newest one.
pub fn router(snapshots: watch::Receiver<Snapshot>) -> Router {
    Router::new().route("/health", get(health)).fallback(not_there_yet).with_state(snapshots)
}

/// 200 with the newest snapshot, or 503 while Pipit has no microphone to listen to.
async fn health(State(snapshots): State<watch::Receiver<Snapshot>>) -> impl IntoResponse {
    let snapshot = snapshots.borrow().clone();
    let status = if snapshot.microphone.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(snapshot))
}

async fn not_there_yet() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "There is no panel yet. GET /health says whether Pipit is well.\n")
}
