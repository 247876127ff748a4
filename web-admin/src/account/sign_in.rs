//! `/api/session`: who is signed in, signing in, and signing out.

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pipit_store::{ABSOLUTE_LIMIT, Client, Person};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::who::{self, Who};
use super::{Accounts, Credential};
use crate::Sources;
use crate::guard::{self, JsonBody};
use crate::problem::{Problem, blocking};

/// Where somebody signs in from, and what they showed before.
pub(crate) struct Visitor {
    pub(super) peer: Option<IpAddr>,
    pub(super) address: String,
    pub(super) agent: String,
    by_tls: bool,
    old_session: Option<Zeroizing<String>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Ok(Visitor {
            peer: guard::peer(parts),
            address: who::address(parts),
            agent: agent.to_owned(),
            by_tls: guard::is_by_tls(parts),
            old_session: who::session_secret(parts),
        })
    }
}

impl Visitor {
    pub(super) fn by_tls(&self) -> bool {
        self.by_tls
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    name: String,
    password: Zeroizing<String>,
}

/// Whether the device has an owner who can sign in, and who is signed in.
pub(super) async fn session(State(sources): State<Sources>, who: Option<Who>) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let is_claimed = blocking(move || accounts.root().is_claimed()).await??;
    Ok(Json(told(is_claimed, who.as_ref().map(|who| &who.person))))
}

/// 200 with a new cookie, 401 where name or password is wrong, 429 where it was tried too often.
pub(super) async fn sign_in(
    State(sources): State<Sources>,
    visitor: Visitor,
    JsonBody(SignIn { name, password }): JsonBody<SignIn>,
) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    let (attempt, peer) = (accounts.as_name(&name), visitor.peer);
    accounts.attempt(attempt, peer)?;
    let permit = accounts.may_hash().await?;
    let signing_in = accounts.clone();
    let signed_in = blocking(move || {
        let _permit = permit;
        let accounts = signing_in;
        let root = accounts.root();
        let Some(recognised) = root.recognise(&name, &password)? else {
            accounts.note(None, "sign-in failed", &visitor.address);
            return Err(Problem::wrong_credentials());
        };
        let person = recognised.person;
        let (id, cookie) = accounts.begin(&person, &visitor)?;
        if let Some(store) = recognised.unlocked.filter(|_| !accounts.0.in_memory) {
            accounts.open().insert(Credential::Session(id), store);
        }
        accounts.note(Some(person.id), "signed in", &visitor.address);
        Ok((told(true, Some(&person)), cookie))
    });
    let (told, cookie) = signed_in.await??;
    accounts.succeeded(attempt, peer);
    Ok(([(header::SET_COOKIE, cookie)], Json(told)).into_response())
}

/// 204, whether or not anybody was signed in. The browser forgets the cookie too.
pub(super) async fn sign_out(State(sources): State<Sources>, visitor: Visitor) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    let gone = who::cookie(visitor.by_tls, "", Duration::ZERO);
    blocking(move || -> Result<(), Problem> {
        if let Some(secret) = &visitor.old_session
            && let Some((session, person)) = accounts.root().session(secret, accounts.now())?
        {
            accounts.root().end_session(person.id, session.id)?;
            accounts.some_ended();
            accounts.note(Some(person.id), "signed out", &visitor.address);
        }
        Ok(())
    })
    .await??;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone.as_str())]).into_response())
}

impl Accounts {
    /// Begins a session in place of the one that the browser had, and gives its number and its cookie.
    pub(super) fn begin(&self, person: &Person, visitor: &Visitor) -> Result<(i64, HeaderValue), Problem> {
        self.begin_for(person, visitor, ABSOLUTE_LIMIT)
    }

    /// The same for a session that ends after so long.
    pub(super) fn begin_for(
        &self,
        person: &Person,
        visitor: &Visitor,
        lasts: Duration,
    ) -> Result<(i64, HeaderValue), Problem> {
        let (root, now) = (self.root(), self.now());
        if let Some(secret) = &visitor.old_session
            && let Some((old, whose)) = root.session(secret, now)?
        {
            root.end_session(whose.id, old.id)?;
        }
        let client = Client { address: &visitor.address, agent: &visitor.agent };
        let (id, secret) = root.begin_session_for(person.id, client, lasts, now)?;
        self.some_ended();
        let cookie = who::cookie(visitor.by_tls, secret.as_str(), lasts);
        let mut cookie = HeaderValue::from_str(&cookie).map_err(|error| Problem::internal(&error))?;
        cookie.set_sensitive(true);
        Ok((id, cookie))
    }
}

/// What is told of who is signed in.
pub(super) fn told(is_claimed: bool, person: Option<&Person>) -> Value {
    let person =
        person.map(|person| json!({"id": person.id.to_string(), "name": person.name, "role": person.role.to_string()}));
    json!({"claimed": is_claimed, "person": person})
}
