//! `/api/session/code`: the first password of somebody whom the owner has given a code, or another one in place of a forgotten.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::sign_in::{Visitor, told};
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    name: String,
    code: Zeroizing<String>,
    password: Zeroizing<String>,
}

/// 200 with a cookie: the password is set, and whoever set it is signed in. The code is good for nothing then.
pub(super) async fn accept(
    State(sources): State<Sources>,
    visitor: Visitor,
    JsonBody(Accepted { name, code, password }): JsonBody<Accepted>,
) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    // Whoever has only mistaken the password has tried nothing.
    accounts.root().check_new_password(&name, &password)?;
    let (attempt, peer) = (accounts.as_name(&name), visitor.peer);
    accounts.attempt(attempt, peer)?;
    let permit = accounts.may_hash().await?;
    let accepting = accounts.clone();
    let accepted = blocking(move || {
        let (_permit, accounts) = (permit, accepting);
        let root = accounts.root();
        let Some(person) = root.accept_invitation(&name, &code, &password, accounts.now())? else {
            accounts.note(None, "code for a password refused", &visitor.address);
            let message = "Name or code is wrong, or the code is too old; ask the owner for a new one.";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "wrong_code", message));
        };
        accounts.some_ended();
        let (_, cookie) = accounts.begin(&person, &visitor)?;
        accounts.note(Some(person.id), "password set by a code", &visitor.address);
        Ok((told(true, Some(&person)), cookie))
    });
    let (told, cookie) = accepted.await??;
    accounts.succeeded(attempt, peer);
    Ok(([(header::SET_COOKIE, cookie)], Json(told)).into_response())
}
