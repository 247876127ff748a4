//! `/v1/prompts`: what a model may be told to be, and what it is told in one conversation.

use axum::Json;
use axum::http::StatusCode;
use pipit_core::chat::Persona;
use pipit_store::ConversationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::description::Failures;
use super::in_store;
use super::wire::Number;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::Problem;

/// The longest instructions, in bytes. They are sent with every request.
const LONGEST: usize = 8000;

/// A persona that comes with Pipit.
#[derive(Serialize, ToSchema)]
pub(super) struct Prompt {
    /// As `chat.persona` has it.
    name: &'static str,
    title: String,
    /// What the model is told to be.
    prompt: String,
    greeting: Option<String>,
}

/// What a model is told in a conversation.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Instructions {
    /// In place of the persona's, up to 8000 bytes; null where the persona's hold.
    #[schema(example = "You answer in one short sentence.")]
    prompt: Option<String>,
}

/// The personas that come with Pipit.
#[utoipa::path(get, path = "/v1/prompts", tag = "prompts",
    responses((status = 200, body = Vec<Prompt>), Failures))]
pub(super) async fn list(_: Who) -> Result<Json<Vec<Prompt>>, Problem> {
    let built_in = |name| {
        let Persona { title, prompt, greeting, .. } = Persona::built_in(name)?;
        Some(Prompt { name, title, prompt, greeting })
    };
    Ok(Json(Persona::names().filter_map(built_in).collect()))
}

/// What the model is told in this conversation.
#[utoipa::path(get, path = "/v1/conversations/{id}/prompt", tag = "prompts", params(("id" = i64, Path)),
    responses((status = 200, body = Instructions), Failures))]
pub(super) async fn show(who: Who, Number(id): Number) -> Result<Json<Instructions>, Problem> {
    let shown = in_store(&who.store, move |store| Ok(store.conversation(ConversationId(id))?.system_prompt));
    Ok(Json(Instructions { prompt: shown.await? }))
}

/// Tells the model something else in this conversation.
#[utoipa::path(put, path = "/v1/conversations/{id}/prompt", tag = "prompts", params(("id" = i64, Path)),
    request_body = Instructions, responses((status = 204), Failures))]
pub(super) async fn set(
    who: Who,
    Number(id): Number,
    JsonBody(Instructions { prompt }): JsonBody<Instructions>,
) -> Result<StatusCode, Problem> {
    let prompt = prompt.map(|prompt| prompt.trim().to_owned()).filter(|prompt| !prompt.is_empty());
    if prompt.as_ref().is_some_and(|prompt| prompt.len() > LONGEST) {
        return Err(Problem::unfit("What a model is told has at most 8000 bytes."));
    }
    let set = in_store(&who.store, move |store| store.set_system_prompt(ConversationId(id), prompt.as_deref()));
    set.await?;
    Ok(StatusCode::NO_CONTENT)
}
