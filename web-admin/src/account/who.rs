//! Who asks, as the session's cookie or the API token says.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{Method, header};
use futures_util::{Stream, StreamExt as _};
use pipit_store::{Person, Role, Store};
use zeroize::Zeroizing;

use super::{Accounts, access};
use crate::Sources;
use crate::guard::{self, is_here};
use crate::problem::{Problem, blocking};

/// The cookie that holds a session's secret. By TLS it has a name under which browsers take it from nobody else: RFC 6265bis, 4.1.3.2.
fn cookie_name(by_tls: bool) -> &'static str {
    if by_tls { "__Host-pipit_session" } else { "pipit_session" }
}

/// What has a browser keep that cookie for `age`.
pub(super) fn cookie(by_tls: bool, secret: &str, age: Duration) -> Zeroizing<String> {
    let (name, age, secure) = (cookie_name(by_tls), age.as_secs(), if by_tls { "; Secure" } else { "" });
    Zeroizing::new(format!("{name}={secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}"))
}

/// How often a stream looks whether its session goes on, where nothing tells it: it may have been too long, or another program
/// may have ended it.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Who asks. The one extractor for authentication: a request without a good session or token is answered 401, and one with a
/// token that is not good for it 403.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) person: Person,
    /// What belongs to them.
    #[allow(dead_code, reason = "it is for what people say, which the APIs under /v1 serve")]
    pub(crate) store: Store,
    /// What they may do, as far as the token says; a session may everything that the person may.
    pub(crate) scopes: Scopes,
    /// What they showed.
    pub(crate) by: Credential,
    /// Where they ask from, as the audit log has it.
    pub(crate) address: String,
    accounts: Accounts,
}

/// By which somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Credential {
    /// The session with this number.
    Session(i64),
    /// The API token with this number.
    Token(i64),
    /// An access token of the family with this number.
    Family(i64),
}

/// What an API token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Whatever changes nothing, but for accounts.
    Read,
    /// To talk to Pipit, and what comes of that: conversations, timers, what is remembered.
    Talk,
    /// What is at hand while it runs: volume, microphone, announcements.
    Control,
    /// Everything else.
    Admin,
}

/// Several of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(BTreeSet<Scope>);

impl Scope {
    const ALL: [Scope; 4] = [Scope::Read, Scope::Talk, Scope::Control, Scope::Admin];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Talk => "talk",
            Scope::Control => "control",
            Scope::Admin => "admin",
        }
    }

    /// What it takes to ask for this. What nobody has thought of here takes the most.
    fn for_request(method: &Method, path: &str) -> Scope {
        let is_of_v1 = path.strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let only_asks = [Method::GET, Method::HEAD].contains(method);
        match path {
            _ if is_of_v1 => {
                if only_asks {
                    Scope::Read
                } else {
                    Scope::Talk
                }
            }
            "/api/state" | "/api/choices" | "/turns" | "/events" | "/levels" | "/metrics" if only_asks => Scope::Read,
            "/api/control" | "/announce" => Scope::Control,
            _ => Scope::Admin,
        }
    }
}

impl Scopes {
    pub(crate) fn all() -> Scopes {
        Scopes(Scope::ALL.into())
    }

    pub(crate) fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether there is nothing in it that `others` lacks.
    pub(crate) fn is_within(&self, others: &Scopes) -> bool {
        self.0.is_subset(&others.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|scope| scope.name()).collect()
    }

    /// Those with these names; nothing where one has no such name.
    pub(crate) fn read<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Scopes> {
        let find = |name| Scope::ALL.into_iter().find(|scope| scope.name() == name);
        names.into_iter().map(find).collect::<Option<_>>().map(Scopes)
    }

    /// What it takes to talk and to see what Pipit does.
    fn of_visitors() -> Scopes {
        Scopes([Scope::Read, Scope::Talk].into())
    }

    /// Those that were written down for a token. What no token can have was taken from it.
    pub(crate) fn kept(written: &str) -> Scopes {
        Scopes::read(written.split(' ')).unwrap_or(Scopes(BTreeSet::new()))
    }

    /// What to say of other names.
    pub(crate) fn unfit() -> Problem {
        Problem::unfit("The scopes are one or more of \"read\", \"talk\", \"control\" and \"admin\".")
    }

    pub(crate) fn and(&self, others: &Scopes) -> Scopes {
        Scopes(self.0.intersection(&others.0).copied().collect())
    }
}

/// As the store keeps it.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

impl Who {
    /// Lets through the owner, in person or by a token that may everything.
    ///
    /// # Errors
    /// It is somebody else.
    pub(crate) fn require_owner(&self) -> Result<(), Problem> {
        if self.person.role == Role::Owner && self.scopes.contains(Scope::Admin) {
            return Ok(());
        }
        Err(Problem::forbidden("Only the owner may do this; ask them, or sign in as the owner."))
    }

    /// Lets through the owner and those who live there.
    ///
    /// # Errors
    /// It is a guest.
    pub(crate) fn require_resident(&self) -> Result<(), Problem> {
        match self.person.role {
            Role::Owner | Role::Member => Ok(()),
            Role::Guest => Err(Problem::forbidden("Guests may not do this; ask somebody who lives here.")),
        }
    }

    /// Writes down in the audit log that they did something. SQLite may have to wait, so this is for a blocking thread.
    pub(crate) fn note(&self, what: &str) {
        self.accounts.note(Some(self.person.id), what, &self.address);
    }

    /// The number of the session, if it is one.
    pub(crate) fn session(&self) -> Option<i64> {
        match self.by {
            Credential::Session(id) => Some(id),
            Credential::Token(_) | Credential::Family(_) => None,
        }
    }

    /// Comes when the session or the token is no longer good.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let (accounts, by) = (self.accounts.clone(), self.by);
        let mut endings = accounts.0.endings.subscribe();
        // It may have ended before this was asked for.
        endings.mark_changed();
        async move {
            loop {
                // What tells of endings lives as long as the accounts do.
                let _ = tokio::time::timeout(LOOK_AGAIN, endings.changed()).await;
                // When one session ends, a thousand sockets look at once.
                let Ok(_place) = accounts.0.looking.acquire().await else { return };
                let look = accounts.clone();
                let looked = blocking(move || look.is_good(by, look.now())).await;
                // A store that can't be read now may be read in a minute.
                if matches!(looked, Ok(Ok(false)) | Err(_)) {
                    return;
                }
            }
        }
    }
}

/// Whether it is the guest that everybody is who comes without a password: nobody else who signs in is without a name.
fn is_visitor(person: &Person) -> bool {
    person.name.is_none()
}

/// Whether this is to talk, or to see what Pipit does.
fn is_for_visitors(path: &str) -> bool {
    let talk = ["/v1/chat", "/v1/confirmations", "/v1/conversations", "/v1/messages"];
    let is_talk = talk.into_iter().any(|whole| {
        path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') && whole != "/v1/chat")
    });
    is_talk || ["/api/state", "/api/session", "/events", "/levels"].contains(&path)
}

/// What was shown.
enum Shown {
    Session(Zeroizing<String>),
    Token(Zeroizing<String>),
}

impl Shown {
    /// A token is taken for what it is and never for a session beside it, since with a token no page's origin is looked at.
    fn of(parts: &Parts) -> Option<Shown> {
        let Some(authorization) = parts.headers.get(header::AUTHORIZATION) else {
            return session_secret(parts).map(Shown::Session);
        };
        let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
        let token = scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
        token.map(Zeroizing::new).map(Shown::Token)
    }
}

/// The secret in the session's cookie.
pub(super) fn session_secret(parts: &Parts) -> Option<Zeroizing<String>> {
    let wanted = cookie_name(guard::is_by_tls(parts));
    let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, secret)| Zeroizing::new(secret.to_owned()))
}

/// The address that a request comes from, as the audit log and the list of sessions have it.
pub(crate) fn address(parts: &Parts) -> String {
    guard::peer(parts).map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
}

impl Accounts {
    /// Whose session or token this is.
    async fn who(&self, shown: Shown, address: String) -> Result<Who, Problem> {
        let accounts = self.clone();
        let found = blocking(move || {
            let (root, now) = (accounts.root(), accounts.now());
            let found = match &shown {
                Shown::Session(secret) => {
                    let found = root.session(secret, now)?;
                    found.map(|(session, person)| {
                        let scopes = if is_visitor(&person) { Scopes::of_visitors() } else { Scopes::all() };
                        (Credential::Session(session.id), person, scopes)
                    })
                }
                Shown::Token(token) if access::is_one(token) => access::whose(root, token, now)?,
                Shown::Token(secret) => {
                    let found = root.token(secret, now)?;
                    found.map(|(token, person)| (Credential::Token(token.id), person, Scopes::kept(&token.scopes)))
                }
            };
            let (by, person, scopes) = found.ok_or_else(Problem::signed_out)?;
            let store = accounts.theirs(by, &person)?;
            Ok(Who { person, store, scopes, by, address, accounts })
        });
        found.await?
    }
}

impl Accounts {
    /// Whose token this is, for somebody at this address.
    ///
    /// # Errors
    /// It is nobody's.
    pub(crate) async fn by_token(&self, token: Zeroizing<String>, address: String) -> Result<Who, Problem> {
        self.who(Shown::Token(token), address).await
    }
}

impl FromRequestParts<Sources> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, sources: &Sources) -> Result<Self, Problem> {
        let shown = Shown::of(parts).ok_or_else(Problem::signed_out)?;
        let who = sources.accounts.who(shown, address(parts)).await?;
        let path = parts.extensions.get::<OriginalUri>().map_or(parts.uri.path(), |OriginalUri(uri)| uri.path());
        let needed = Scope::for_request(&parts.method, path);
        if is_visitor(&who.person) && !is_for_visitors(path) {
            return Err(Problem::forbidden(
                "Guests can talk and see what Pipit does; for more, ask somebody who lives here.",
            ));
        }
        if who.scopes.contains(needed) {
            return Ok(who);
        }
        Err(Problem::forbidden(format!(
            "This token is not good for that; it takes one with the scope \"{}\".",
            needed.name()
        )))
    }
}

/// Whoever it is, if it is anybody. What a session or a token that is not good any more asks for, nobody asks for.
impl OptionalFromRequestParts<Sources> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, sources: &Sources) -> Result<Option<Self>, Problem> {
        let Some(shown) = Shown::of(parts) else { return Ok(None) };
        match sources.accounts.who(shown, address(parts)).await {
            Ok(who) => Ok(Some(who)),
            Err(problem) if problem.is_signed_out() => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// Whoever opens a socket, if that is known: then it is looked at later what they may do. What is shown and not good is answered 401.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Option<Box<Who>>);

impl FromRequestParts<Sources> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, sources: &Sources) -> Result<Self, Problem> {
        let shows_something = parts.headers.contains_key(header::AUTHORIZATION) || session_secret(parts).is_some();
        if !shows_something {
            return Ok(Caller(None));
        }
        let shown = Shown::of(parts).ok_or_else(Problem::signed_out)?;
        let who = sources.accounts.who(shown, address(parts)).await?;
        Ok(Caller(Some(Box::new(who))))
    }
}

/// Somebody who may see what Pipit does: a program on this machine, or somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) enum Watcher {
    /// A program on this machine.
    Here,
    /// Somebody who is signed in.
    Known(Box<Who>),
}

impl FromRequestParts<Sources> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, sources: &Sources) -> Result<Self, Problem> {
        if is_here(parts) {
            return Ok(Watcher::Here);
        }
        let who = <Who as FromRequestParts<Sources>>::from_request_parts(parts, sources).await?;
        Ok(Watcher::Known(Box::new(who)))
    }
}

/// Whether a program on this machine asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here(pub(crate) bool);

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Here(is_here(parts)))
    }
}

/// A stream that ends when whoever it is for is signed out.
pub(crate) fn while_signed_in<S: Stream + Send>(stream: S, watcher: Watcher) -> impl Stream<Item = S::Item> + Send {
    let ended = match watcher {
        Watcher::Here => None,
        Watcher::Known(who) => Some(who.ended()),
    };
    stream.take_until(async move {
        match ended {
            Some(ended) => ended.await,
            None => std::future::pending().await,
        }
    })
}
