//! `GET /v1/models`: what serves here.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::description::Failures;
use super::PIPIT;
use crate::Sources;
use crate::account::Who;
use crate::problem::Problem;

#[derive(Serialize, ToSchema)]
pub(in super::super) struct Models {
    /// `list`.
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize, ToSchema)]
struct Model {
    id: String,
    /// `model`.
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

/// Pipit itself, which answers as the device does, and what recognises speech and speaks just now.
#[utoipa::path(get, path = "/v1/models", tag = "openai", responses((status = 200, body = Models), Failures))]
pub(in super::super) async fn list(_: Who, State(sources): State<Sources>) -> Result<Json<Models>, Problem> {
    let snapshot = sources.snapshots.borrow().clone();
    let names = [Some(PIPIT.to_owned()), snapshot.recogniser, snapshot.voice];
    let model = |id| Model { id, object: "model", created: 0, owned_by: PIPIT };
    Ok(Json(Models { object: "list", data: names.into_iter().flatten().map(model).collect() }))
}
