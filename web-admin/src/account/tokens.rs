//! `/api/tokens`: what programs show in place of a session.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::who::Scopes;
use super::{Who, take_away};
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    scopes: Vec<String>,
}

/// The tokens of whoever asks, without what opens anything.
pub(super) async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let tokens = blocking(move || accounts.root().tokens(who.person.id)).await??;
    let told = tokens.into_iter().map(|token| {
        json!({
            "id": token.id,
            "name": token.name,
            "scopes": token.scopes.split(' ').collect::<Vec<_>>(),
            "since": token.since.to_string(),
            "last_used": token.last_used.map(|at| at.to_string()),
        })
    });
    Ok(Json(told.collect()))
}

/// 201 with the token, which nobody is told again.
pub(super) async fn make(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(NewToken { name, scopes }): JsonBody<NewToken>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let scopes = Scopes::read(scopes.iter().map(String::as_str)).filter(|scopes| !scopes.is_empty());
    let scopes = scopes.ok_or_else(Scopes::unfit)?;
    if !scopes.is_within(&who.scopes) {
        return Err(Problem::forbidden("A token can't be good for more than what made it; take fewer scopes."));
    }
    let accounts = sources.accounts;
    blocking(move || {
        let (of, now) = (who.person.id, accounts.now());
        let (id, secret) = accounts.root().make_token(of, &name, &scopes.to_string(), now)?;
        who.note(&format!("API token {id} made: {scopes}"));
        Ok((StatusCode::CREATED, Json(json!({"id": id, "token": secret.as_str()}))))
    })
    .await?
}

/// 204: the token opens nothing any more. 404 where it is nobody's, or somebody else's.
pub(super) async fn remove(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let remove = |id| accounts.root().remove_token(who.person.id, id);
        let id = take_away(&id, remove, || Problem::not_found("There is no such token; list them again."))?;
        accounts.some_ended();
        who.note(&format!("API token {id} removed"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}
