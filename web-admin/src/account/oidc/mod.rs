//! Sign-in by another server that vouches for people: OpenID Connect Core 1.0, by the authorization code with PKCE. It vouches only for
//! those who exist here and have said, while they were signed in, that they are who it says.
//!
//! `POST /api/session/provider` signs in, `/api/links` connects and disconnects, and the browser comes back to
//! `/api/session/provider/back`.

mod flow;
mod provider;
mod token;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::sign_in::Visitor;
use super::{Accounts, Attempt, Credential, Who};
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

pub use provider::{AskProvider, Provider, Question};

pub(super) use flow::Flows;
use flow::{Begun, Link};

/// By which the browser that comes back is known to be the one that left. It has to come along from another site, which a strict
/// cookie would not.
const COOKIE: &str = "pipit_leaving";
const BACK: &str = "/api/session/provider/back";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    password: Zeroizing<String>,
}

/// What the other server sends along with the browser.
#[derive(Deserialize)]
pub(super) struct Back {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Why somebody who comes back is not signed in, as the sign-in page is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Not {
    /// It took too long, came twice, or began elsewhere.
    Stale,
    /// The other server, or whoever sat there, said no.
    Refused,
    /// What the other server says is not what it should be, or it says nothing.
    Failed,
    /// Nobody here is who it says.
    Unlinked,
    /// They are connected already.
    Linked,
}

impl Not {
    fn name(self) -> &'static str {
        match self {
            Not::Stale => "stale",
            Not::Refused => "refused",
            Not::Failed => "failed",
            Not::Unlinked => "unlinked",
            Not::Linked => "linked",
        }
    }
}

/// 200 with the address to go to, to sign in.
pub(super) async fn leave(
    State(sources): State<Sources>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sources.accounts.attempt(Attempt::Come, visitor.peer)?;
    begin(&sources.accounts, &visitor, &headers, None).await
}

/// The same, to connect whoever asks with who they are there. It takes their password.
pub(super) async fn connect(
    State(sources): State<Sources>,
    who: Who,
    visitor: Visitor,
    headers: HeaderMap,
    JsonBody(Proof { password }): JsonBody<Proof>,
) -> Result<Response, Problem> {
    let Some(session) = who.session() else {
        return Err(Problem::forbidden("Only somebody at a browser can do this; sign in there."));
    };
    sources.accounts.prove(&who, password, &visitor).await?;
    begin(&sources.accounts, &visitor, &headers, Some(Link { person: who.person.id, session })).await
}

async fn begin(
    accounts: &Accounts,
    visitor: &Visitor,
    headers: &HeaderMap,
    link: Option<Link>,
) -> Result<Response, Problem> {
    let missing =
        || Problem::not_found("No other server vouches for anybody here; the owner can name one in web.oidc_issuer.");
    let provider = accounts.0.provider.get().ok_or_else(missing)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scheme = if visitor.by_tls() { "https" } else { "http" };
    let known = provider.known().await.map_err(|why| {
        tracing::warn!("nobody can sign in by {}: {why}", provider.issuer);
        Problem::unavailable(crate::problem::sentence(&format!(
            "the server that vouches for people can't be asked: {why}"
        )))
    })?;
    let Begun { state, binding, url } =
        accounts.flows().begin(provider, &known, format!("{scheme}://{host}{BACK}"), link, accounts.now())?;
    tracing::debug!(state = state.len(), "somebody leaves to sign in elsewhere");
    let cookie = cookie(&binding, flow::GOOD_FOR.as_secs(), visitor.by_tls())?;
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({"url": url}))).into_response())
}

fn cookie(binding: &str, age: u64, by_tls: bool) -> Result<HeaderValue, Problem> {
    let secure = if by_tls { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={binding}; HttpOnly; SameSite=Lax; Path={BACK}; Max-Age={age}{secure}");
    let mut cookie = HeaderValue::from_str(&cookie).map_err(|error| Problem::internal(&error))?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// 303 to the panel, with a session or with the reason why not.
pub(super) async fn back(
    State(sources): State<Sources>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(told): Query<Back>,
) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    accounts.attempt(Attempt::Come, visitor.peer)?;
    let peer = visitor.peer;
    let gone = cookie("", 0, visitor.by_tls())?;
    let to = |path: &str| [(header::LOCATION, HeaderValue::from_str(path))];
    let (path, session) = match come_back(&accounts, visitor, &headers, told).await? {
        Ok((path, session)) => {
            accounts.succeeded(Attempt::Come, peer);
            (path.to_owned(), session)
        }
        Err((link, why)) => (format!("{}?provider={}", if link { "/access" } else { "/" }, why.name()), None),
    };
    let [(name, location)] = to(&path);
    let location = location.map_err(|error| Problem::internal(&error))?;
    let mut response = (StatusCode::SEE_OTHER, [(name, location)]).into_response();
    response.headers_mut().append(header::SET_COOKIE, gone);
    if let Some(session) = session {
        response.headers_mut().append(header::SET_COOKIE, session);
    }
    Ok(response)
}

/// Where to go and with which cookie; or whether it was to connect, and why it was not done.
type CameBack = Result<(&'static str, Option<HeaderValue>), (bool, Not)>;

async fn come_back(
    accounts: &Accounts,
    visitor: Visitor,
    headers: &HeaderMap,
    told: Back,
) -> Result<CameBack, Problem> {
    let Some(provider) = accounts.0.provider.get() else { return Ok(Err((false, Not::Stale))) };
    let state = told.state.unwrap_or_default();
    let left = accounts.flows().take(&state, &binding(headers), accounts.now());
    let Some(left) = left else { return Ok(Err((false, Not::Stale))) };
    let is_link = left.link.is_some();
    // RFC 9207: an answer of another server is not for this one.
    if told.iss.is_some_and(|issuer| issuer != provider.issuer) {
        return Ok(Err((is_link, Not::Failed)));
    }
    let Some(code) = told.code.filter(|_| told.error.is_none()) else { return Ok(Err((is_link, Not::Refused))) };
    let subject = match provider.who(&code, &left, accounts.now()).await {
        Ok(subject) => subject,
        Err(why) => {
            tracing::warn!("{} vouches for nobody: {why}", provider.issuer);
            return Ok(Err((is_link, Not::Failed)));
        }
    };
    let (accounts, issuer) = (accounts.clone(), provider.issuer.clone());
    blocking(move || accounts.vouched(&visitor, &issuer, &subject, left.link)).await?
}

/// What the cookie holds.
fn binding(headers: &HeaderMap) -> String {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, binding)| binding.to_owned()).unwrap_or_default()
}

impl Accounts {
    /// Has this server vouch for people. Of several the first does.
    #[must_use]
    pub fn vouched_for_by(self, provider: Provider) -> Accounts {
        let _ = self.0.provider.set(provider);
        self
    }

    fn flows(&self) -> std::sync::MutexGuard<'_, Flows> {
        self.0.flows.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Signs in, or connects, whom the other server has named.
    fn vouched(&self, visitor: &Visitor, issuer: &str, subject: &str, link: Option<Link>) -> Result<CameBack, Problem> {
        let (root, now) = (self.root(), self.now());
        if let Some(Link { person, session }) = link {
            if !self.is_good(Credential::Session(session), now)? {
                return Ok(Err((true, Not::Stale)));
            }
            return match root.link(person, issuer, subject, now) {
                Ok(()) => {
                    self.note(Some(person), "connected with an account elsewhere", &visitor.address);
                    Ok(Ok(("/access", None)))
                }
                Err(pipit_store::StoreError::Linked) => Ok(Err((true, Not::Linked))),
                Err(error) => Err(error.into()),
            };
        }
        let Some(person) = root.linked(issuer, subject)? else {
            self.note(None, "sign-in by an account elsewhere failed: it is nobody's here", &visitor.address);
            return Ok(Err((false, Not::Unlinked)));
        };
        let (_, cookie) = self.begin(&person, visitor)?;
        self.note(Some(person.id), "signed in by an account elsewhere", &visitor.address);
        Ok(Ok(("/", Some(cookie))))
    }
}

/// With which accounts elsewhere whoever asks is connected.
pub(super) async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let links = blocking(move || accounts.root().links(who.person.id)).await??;
    let told =
        links.into_iter().map(|link| json!({"id": link.id, "issuer": link.issuer, "since": link.since.to_string()}));
    Ok(Json(told.collect()))
}

/// 204: that account signs nobody in here any more.
pub(super) async fn disconnect(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        if !id.parse().map_or(Ok(false), |id| accounts.root().unlink(who.person.id, id))? {
            return Err(Problem::not_found("There is no such connection; list them again."));
        }
        who.note("disconnected from an account elsewhere");
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}
