//! The description of the APIs, made of the code: `GET /v1/openapi.json`.

use std::sync::Arc;

use axum::http::header;
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::Sources;

/// What is answered where a request can't be done.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it only describes what others write")]
pub(super) enum Failures {
    /// It can't be done as it was asked for: signed out, not there, unfit, too large or too often.
    #[response(status = "4XX")]
    Refused(Failure),
    /// It can't be done now.
    #[response(status = "5XX")]
    NotNow(Failure),
}

#[derive(Serialize, ToSchema)]
pub(super) struct Failure {
    error: Why,
}

#[derive(Serialize, ToSchema)]
struct Why {
    /// For programs.
    code: String,
    /// For people, with what to do.
    message: String,
    /// By which the log knows the request.
    request_id: Option<String>,
}

/// One of Server-Sent Events.
#[derive(Serialize, ToSchema)]
pub(super) struct ServerSentEvent {
    /// What it is about, if it has a name.
    event: Option<String>,
    /// JSON, or `[DONE]` at the end of what OpenAI's API has.
    data: String,
}

pub(super) fn beginning() -> OpenApi {
    let info = InfoBuilder::new().title("Pipit").version(env!("CARGO_PKG_VERSION")).description(Some(
        "A private voice assistant: chat, conversations, timers, memory and the home as Pipit has them, and OpenAI's APIs \
         served by the device's own engine and models.",
    ));
    // What every route may answer is not found by itself.
    let failures = ComponentsBuilder::new().schema_from::<Failure>().schema_from::<Why>();
    OpenApiBuilder::new().info(info.build()).components(Some(failures.build())).build()
}

/// The page that has it. It says nothing of anybody, so whoever may connect may read it.
pub(super) fn page(about: OpenApi) -> MethodRouter<Sources> {
    let written: Arc<str> = about.to_json().unwrap_or_default().into();
    get(move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], String::from(&*written))))
}
