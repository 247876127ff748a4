//! `/api/password`: another password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Who;
use super::sign_in::Visitor;
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    old: Zeroizing<String>,
    new: Zeroizing<String>,
}

/// 204: whoever asks has another password, and is signed in nowhere else. 403 where the old one is wrong.
pub(super) async fn change(
    State(sources): State<Sources>,
    who: Who,
    visitor: Visitor,
    JsonBody(Change { old, new }): JsonBody<Change>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    let (attempt, peer) = (accounts.as_person(who.person.id), visitor.peer);
    accounts.attempt(attempt, peer)?;
    let permit = accounts.may_hash().await?;
    let changing = accounts.clone();
    blocking(move || {
        let (_permit, accounts) = (permit, changing);
        if !accounts.root().change_password(who.person.id, &old, &new, who.session())? {
            who.note("password not changed: the old one was wrong");
            let message = "The old password is wrong, so nothing was changed; try again.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "wrong_credentials", message));
        }
        accounts.some_ended();
        who.note("password changed");
        Ok(())
    })
    .await??;
    accounts.succeeded(attempt, peer);
    Ok(StatusCode::NO_CONTENT)
}
