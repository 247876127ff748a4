//! `POST /announce`: has Pipit say something, once nobody speaks.
//!
//! Until there is a sign-in it is for programs on this machine, and for no page in a browser: whatever page is open there may send to
//! this machine too, under its own name, which browsers then tell in `Origin`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::BoxFuture;
use serde::Deserialize;

use crate::Sources;

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
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    announcement: Result<Json<Announcement>, JsonRejection>,
) -> Response {
    let is_here = peer.is_some_and(|Extension(ConnectInfo(peer))| peer.ip().to_canonical().is_loopback());
    if !is_here || headers.contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "Only programs on the machine itself may have something announced.\n")
            .into_response();
    }
    let Json(Announcement { text }) = match announcement {
        Ok(announcement) => announcement,
        Err(error) => {
            let why = format!("Send JSON such as {{\"text\": \"Dinner is ready\"}}: {}\n", error.body_text());
            return (error.status(), why).into_response();
        }
    };
    match (sources.announce)(text).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(NotAnnounced::Unfit(why)) => (StatusCode::UNPROCESSABLE_ENTITY, why + "\n").into_response(),
        Err(NotAnnounced::NotNow(why)) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}
