//! Programs that somebody signed in with: what they are given, and `/api/programs`, where they are listed and ended.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pipit_store::{Client, Refreshed};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::sign_in::Visitor;
use super::who::Scopes;
use super::{Accounts, Attempt, Credential, Who, access, take_away};
use crate::Sources;
use crate::problem::{Problem, blocking};

/// What somebody shows for tokens.
pub(crate) enum NewGrant {
    Password { name: String, password: Zeroizing<String> },
    Refresh { token: Zeroizing<String> },
}

/// What they are given.
pub(crate) struct Granted {
    pub(crate) access_token: Zeroizing<String>,
    pub(crate) refresh_token: Zeroizing<String>,
    pub(crate) scopes: String,
}

impl Accounts {
    /// Gives tokens for a password, or the next for a refresh token; good for `scopes` at most, where any are named.
    pub(crate) async fn grant(
        &self,
        grant: NewGrant,
        scopes: Option<Vec<String>>,
        visitor: Visitor,
    ) -> Result<Granted, Problem> {
        let scopes = match scopes {
            None => Scopes::all(),
            Some(names) => {
                let read = Scopes::read(names.iter().map(String::as_str)).filter(|scopes| !scopes.is_empty());
                read.ok_or_else(Scopes::unfit)?
            }
        };
        match grant {
            NewGrant::Password { name, password } => self.grant_by_password(name, password, scopes, visitor).await,
            NewGrant::Refresh { token } => self.grant_by_refresh(token, scopes, visitor).await,
        }
    }

    async fn grant_by_password(
        &self,
        name: String,
        password: Zeroizing<String>,
        scopes: Scopes,
        visitor: Visitor,
    ) -> Result<Granted, Problem> {
        let (attempt, peer) = (self.as_name(&name), visitor.peer);
        self.attempt(attempt, peer)?;
        let permit = self.may_hash().await?;
        let accounts = self.clone();
        let granted = blocking(move || {
            let _permit = permit;
            let (root, now) = (accounts.root(), accounts.now());
            let Some(recognised) = root.recognise(&name, &password)? else {
                accounts.note(None, "sign-in failed", &visitor.address);
                return Err(Problem::wrong_credentials());
            };
            let of = recognised.person.id;
            let client = Client { address: &visitor.address, agent: &visitor.agent };
            let (family, refresh_token) = root.begin_family(of, &scopes.to_string(), client, now)?;
            if let Some(store) = recognised.unlocked.filter(|_| !accounts.0.in_memory) {
                accounts.open().insert(Credential::Family(family), store);
            }
            let access_token = access::make(root, of, family, &scopes, now)?;
            accounts.note(Some(of), &format!("program {family} signed in: {scopes}"), &visitor.address);
            Ok(Granted { access_token, refresh_token, scopes: scopes.to_string() })
        });
        let granted = granted.await??;
        self.succeeded(attempt, peer);
        Ok(granted)
    }

    async fn grant_by_refresh(
        &self,
        token: Zeroizing<String>,
        scopes: Scopes,
        visitor: Visitor,
    ) -> Result<Granted, Problem> {
        let peer = visitor.peer;
        self.attempt(Attempt::Come, peer)?;
        let accounts = self.clone();
        let granted = blocking(move || {
            let (root, now) = (accounts.root(), accounts.now());
            match root.refresh(&token, now)? {
                Refreshed::Good(family, person, refresh_token) => {
                    let scopes = scopes.and(&Scopes::kept(&family.scopes));
                    let access_token = access::make(root, person.id, family.id, &scopes, now)?;
                    Ok(Granted { access_token, refresh_token, scopes: scopes.to_string() })
                }
                Refreshed::Reused(of, family) => {
                    accounts.some_ended();
                    let what = format!("program {family} ended: a refresh token came a second time");
                    accounts.note(Some(of), &what, &visitor.address);
                    tracing::warn!("a refresh token came a second time, so what it belonged to is over");
                    Err(over())
                }
                Refreshed::Unknown => Err(over()),
            }
        });
        let granted = granted.await??;
        self.succeeded(Attempt::Come, peer);
        Ok(granted)
    }

    /// Ends what a refresh token belongs to, if it belongs to anything.
    pub(crate) async fn revoke(&self, token: Zeroizing<String>, visitor: Visitor) -> Result<(), Problem> {
        self.attempt(Attempt::Come, visitor.peer)?;
        let accounts = self.clone();
        let peer = visitor.peer;
        let ended = blocking(move || {
            let ended = accounts.root().end_family_of(&token)?;
            if let Some((of, family)) = ended {
                accounts.some_ended();
                accounts.note(Some(of), &format!("program {family} signed out"), &visitor.address);
            }
            Ok::<_, Problem>(ended.is_some())
        });
        if ended.await?? {
            self.succeeded(Attempt::Come, peer);
        }
        Ok(())
    }
}

fn over() -> Problem {
    let message = "This refresh token is not good, or not any more; sign in with name and password.";
    Problem::new(StatusCode::UNAUTHORIZED, "refresh_over", message)
}

/// The programs that whoever asks signed in with.
pub(super) async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let current = who.by;
    let families = blocking(move || accounts.root().families(who.person.id, accounts.now())).await??;
    Ok(Json(families.iter().map(|family| told(family, current)).collect()))
}

pub(super) fn told(family: &pipit_store::TokenFamily, current: Credential) -> Value {
    json!({
        "id": family.id,
        "since": family.since.to_string(),
        "last_used": family.last_used.to_string(),
        "address": family.address,
        "agent": family.agent,
        "scopes": family.scopes.split(' ').collect::<Vec<_>>(),
        "current": Credential::Family(family.id) == current,
    })
}

/// 204: one of them is signed out. 404 where it is nobody's, or somebody else's.
pub(super) async fn end(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let remove = |id| accounts.root().end_family(who.person.id, id);
        let id = take_away(&id, remove, || Problem::not_found("There is no such program; list them again."))?;
        accounts.some_ended();
        who.note(&format!("program {id} signed out"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}
