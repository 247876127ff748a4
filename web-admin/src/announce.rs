//! `POST /announce`: has Pipit say something, once nobody speaks.
//!
//! It is for programs on this machine, and for those who live there and are signed in. It is for no page in a browser that is
//! not the panel: whatever page is open there may send to this machine too, under its own name, which browsers then tell in
//! `Origin`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use serde::Deserialize;

use crate::Sources;
use crate::account::Watcher;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

/// Takes what is to be said; says why not if it is not.
pub type Announce = Arc<dyn Fn(String) -> BoxFuture<'static, Result<(), NotAnnounced>> + Send + Sync>;

/// Why something is not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnnounced {
    /// It can't be said: what can, in a sentence.
    Unfit(String),
    /// Not now: why, in a sentence.
    NotNow(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announcement {
    text: String,
}

/// 202 once it is kept, so that it is said also after a restart.
pub(crate) async fn announce(
    State(sources): State<Sources>,
    watcher: Watcher,
    JsonBody(Announcement { text }): JsonBody<Announcement>,
) -> Result<StatusCode, Problem> {
    if let Watcher::Known(who) = &watcher {
        who.require_resident()?;
    }
    (sources.announce)(text).await.map_err(|error| match error {
        NotAnnounced::Unfit(why) => Problem::unfit(why),
        NotAnnounced::NotNow(why) => Problem::unavailable(why),
    })?;
    if let Watcher::Known(who) = watcher {
        blocking(move || who.note("announcement")).await?;
    }
    Ok(StatusCode::ACCEPTED)
}
