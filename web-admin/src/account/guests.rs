//! Guests without a password, if the owner allows them: `/api/guests` is the switch, and `/api/session/guest` lets them in.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Who;
use super::sign_in::{Visitor, told};
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

/// How long a guest stays signed in, however much they do.
const STAYS: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    allowed: bool,
}

/// Whether guests may come, and how many are here.
pub(super) async fn show(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let accounts = sources.accounts;
    blocking(move || {
        let (root, now) = (accounts.root(), accounts.now());
        let visitor = root.visitor()?;
        let here = visitor.as_ref().map_or(Ok(0), |visitor| root.sessions(visitor.id, now).map(|all| all.len()))?;
        Ok(Json(json!({"allowed": visitor.is_some(), "here": here})))
    })
    .await?
}

/// 204: they may, or may not any more, and then whoever is here is signed out.
pub(super) async fn allow(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Switch { allowed }): JsonBody<Switch>,
) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    let accounts = sources.accounts;
    blocking(move || {
        accounts.root().allow_visitors(allowed, accounts.now())?;
        accounts.some_ended();
        who.note(if allowed { "guests allowed" } else { "guests not allowed any more" });
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// 200 with a cookie: whoever asks is a guest for two hours. 403 where the owner allows none.
pub(super) async fn come(State(sources): State<Sources>, visitor: Visitor) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    let come = blocking(move || {
        let guest = accounts.root().visitor()?;
        let guest = guest.ok_or_else(|| Problem::forbidden("Guests need to be asked in; the owner can allow them."))?;
        // It is counted like a password: each guest takes memory, and the fifty-first ends the first one's stay.
        accounts.attempt(accounts.as_name("\0guest"), visitor.peer)?;
        let (_, cookie) = accounts.begin_for(&guest, &visitor, STAYS)?;
        accounts.note(Some(guest.id), "a guest came", &visitor.address);
        Ok::<_, Problem>((told(true, Some(&guest)), cookie))
    });
    let (told, cookie) = come.await??;
    Ok(([(header::SET_COOKIE, cookie)], Json(told)).into_response())
}
