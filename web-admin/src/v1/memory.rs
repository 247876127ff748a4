//! `/v1/memory`: what Pipit was told to remember.

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use pipit_core::intent::FactId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::description::Failures;
use super::wire::Number;
use super::{erase, in_store};
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::Problem;

/// The longest that is remembered, in bytes: it is told to the model with every request.
const LONGEST: usize = 1000;
/// So much is remembered at most, for the same reason.
const MOST: usize = 500;

/// Something to remember.
#[derive(Serialize, ToSchema)]
pub(super) struct Fact {
    id: i64,
    /// In the person's own words.
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remembered {
    /// In your own words, up to 1000 bytes.
    #[schema(example = "I park on level two")]
    text: String,
}

/// Everything that is remembered, the oldest first.
#[utoipa::path(get, path = "/v1/memory", tag = "memory",
    responses((status = 200, body = Vec<Fact>), Failures))]
pub(super) async fn list(who: Who) -> Result<Json<Vec<Fact>>, Problem> {
    let facts = in_store(&who.store, |store| {
        Ok(store.facts()?.into_iter().map(|fact| Fact { id: fact.id.0, text: fact.text }).collect())
    });
    facts.await.map(Json)
}

/// Has something remembered, as "remember that ..." does.
#[utoipa::path(post, path = "/v1/memory", tag = "memory", request_body = Remembered,
    responses((status = 201, body = Fact), Failures))]
pub(super) async fn remember(
    who: Who,
    JsonBody(Remembered { text }): JsonBody<Remembered>,
) -> Result<(StatusCode, Json<Fact>), Problem> {
    let text = text.trim().to_owned();
    if text.is_empty() || text.len() > LONGEST {
        return Err(Problem::unfit("What is to be remembered has at least one letter and at most 1000 bytes."));
    }
    let kept = in_store(&who.store, move |store| {
        if store.facts()?.len() >= MOST {
            return Ok(None);
        }
        let id = store.add_fact(&text, Timestamp::now())?;
        Ok(Some(Fact { id: id.0, text }))
    });
    match kept.await? {
        Some(fact) => Ok((StatusCode::CREATED, Json(fact))),
        None => {
            Err(Problem::new(StatusCode::CONFLICT, "memory_full", "Five hundred things are remembered; forget one."))
        }
    }
}

/// Forgets something for good.
#[utoipa::path(delete, path = "/v1/memory/{id}", tag = "memory", params(("id" = i64, Path)),
    responses((status = 204), Failures))]
pub(super) async fn forget(who: Who, Number(id): Number) -> Result<StatusCode, Problem> {
    match erase(&who.store, move |store| store.forget_facts(&[FactId(id)])).await? {
        0 => Err(Problem::not_found("Nothing is remembered under this number, or not any more.")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
