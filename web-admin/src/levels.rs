//! `GET /levels`: how loud the microphone hears it, for a meter.
//!
//! It tells that somebody speaks, whether or not that is meant for Pipit, so it is for programs on this machine and for those who are
//! signed in.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;

use crate::Sources;
use crate::account::{Watcher, while_signed_in};

/// A meter that moves more often is no better to read.
const APART: Duration = Duration::from_millis(100);

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told {
    Level { dbfs: f32 },
}

/// Server-Sent Events: the level now, and then at most ten times a second until the daemon ends.
pub(crate) async fn levels(State(sources): State<Sources>, watcher: Watcher) -> Response {
    let events = stream::unfold((sources.levels, true), |(mut levels, first)| async move {
        if !first {
            tokio::time::sleep(APART).await;
            levels.changed().await.ok()?;
        }
        let dbfs = *levels.borrow_and_update();
        // A number always has a JSON form.
        let event = Event::default().event("level").json_data(Told::Level { dbfs }).unwrap_or_default();
        Some((Ok::<_, Infallible>(event), (levels, false)))
    });
    Sse::new(while_signed_in(events, watcher)).keep_alive(KeepAlive::default()).into_response()
}
