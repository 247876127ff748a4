//! `/api/sessions`: where somebody is signed in.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Who, take_away};
use crate::Sources;
use crate::problem::{Problem, blocking};

/// The sessions of whoever asks.
pub(super) async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let (of, current) = (who.person.id, who.session());
    let sessions = blocking(move || accounts.root().sessions(of, accounts.now())).await??;
    let told = sessions.into_iter().map(|session| {
        json!({
            "id": session.id,
            "since": session.since.to_string(),
            "last_seen": session.last_seen.to_string(),
            "address": session.address,
            "agent": session.agent,
            "current": Some(session.id) == current,
        })
    });
    Ok(Json(told.collect()))
}

/// 204: one of their sessions is over. 404 where it is nobody's, or somebody else's.
pub(super) async fn end(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let end = |id| accounts.root().end_session(who.person.id, id);
        take_away(&id, end, || Problem::not_found("There is no such session; list them again."))?;
        accounts.some_ended();
        who.note("session ended");
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}
