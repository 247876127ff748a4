//! `/api/passkeys` and `/api/session/passkey`: passkeys are made known, listed, renamed and removed, and somebody signs in with one.
//! They are beside the password and never in its place.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use pipit_store::{NewPasskey, PersonId, PrivacyTier, StoreError};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::people::told_of_passkey;
use super::sign_in::{Visitor, told};
use super::webauthn::{self, Ceremony, Place};
use super::{Accounts, Attempt, Who, take_away};
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

/// How long an authenticator has for its answer.
const GOOD_FOR: Duration = Duration::from_secs(5 * 60);

/// Challenges that wait for their answer. Of more, the oldest go.
const MOST: usize = 256;

/// Bytes, written as base64url.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = String::deserialize(from)?;
        BASE64.decode(written).map(Bytes).map_err(serde::de::Error::custom)
    }
}

/// What authenticators were asked to sign.
#[derive(Default)]
pub(super) struct Challenges(HashMap<[u8; 32], Asked>);

struct Asked {
    /// Who wants another passkey; nobody where somebody wants to sign in.
    by: Option<PersonId>,
    at: Timestamp,
}

impl Challenges {
    fn make(&mut self, by: Option<PersonId>, now: Timestamp) -> Result<String, Problem> {
        let mut challenge = [0; 32];
        getrandom::fill(&mut challenge).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
        self.0.retain(|_, asked| asked.is_good(now));
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, asked)| asked.at).map(|(challenge, _)| *challenge);
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(challenge, Asked { by, at: now });
        Ok(BASE64.encode(challenge))
    }

    /// Whether this was asked by them, a moment ago; it is good for nothing afterwards.
    fn take(&mut self, challenge: &[u8; 32], by: Option<PersonId>, now: Timestamp) -> bool {
        self.0.remove(challenge).is_some_and(|asked| asked.by == by && asked.is_good(now))
    }
}

impl Asked {
    fn is_good(&self, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.at)).is_ok_and(|age| age < GOOD_FOR)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        Place::of(host).ok_or_else(|| {
            let message = "Passkeys are for names and not for addresses; open the panel by its name, with HTTPS.";
            Problem::conflict(message)
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    password: Zeroizing<String>,
}

/// What a browser needs to make one. Whoever finds a browser signed in makes none: it takes the password.
pub(super) async fn options(
    State(sources): State<Sources>,
    who: Who,
    place: Place,
    visitor: Visitor,
    JsonBody(Proof { password }): JsonBody<Proof>,
) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    accounts.prove(&who, password, &visitor).await?;
    blocking(move || {
        let challenge = accounts.challenges().make(Some(who.person.id), accounts.now())?;
        let known = accounts.root().passkeys(who.person.id)?;
        let known = known.iter().filter(|key| key.host == place.host).map(|key| BASE64.encode(&key.credential));
        let id = u128::from_str_radix(&who.person.id.to_string(), 16).unwrap_or_default().to_be_bytes();
        Ok(Json(json!({
            "challenge": challenge,
            "host": place.host,
            "user": BASE64.encode(id),
            "name": who.person.name,
            "known": known.collect::<Vec<_>>(),
        })))
    })
    .await?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    client_data: Bytes,
    authenticator_data: Bytes,
}

/// 201: the passkey is known.
pub(super) async fn add(
    State(sources): State<Sources>,
    who: Who,
    place: Place,
    JsonBody(New { name, client_data, authenticator_data }): JsonBody<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let now = accounts.now();
        let is_asked = webauthn::challenge(&client_data.0)
            .is_some_and(|challenge| accounts.challenges().take(&challenge, Some(who.person.id), now));
        let is_here = webauthn::is_said_here(&client_data.0, Ceremony::Create, &place);
        let made = webauthn::made(&authenticator_data.0, &place).filter(|_| is_asked && is_here);
        let made = made.ok_or_else(|| {
            let message = "That passkey can't be used here: it took too long, or it asks nobody for a finger or a PIN.";
            Problem::new(StatusCode::BAD_REQUEST, "unfit_passkey", message)
        })?;
        let new = NewPasskey {
            credential: &made.credential,
            host: &place.host,
            algorithm: made.algorithm,
            public_key: &made.public_key,
            sign_count: made.sign_count,
            name: &name,
        };
        let id = accounts.root().add_passkey(who.person.id, new, now)?;
        who.note(&format!("passkey {id} made"));
        Ok((StatusCode::CREATED, Json(json!({"id": id}))))
    })
    .await?
}

/// The passkeys of whoever asks.
pub(super) async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let keys = blocking(move || accounts.root().passkeys(who.person.id)).await??;
    Ok(Json(keys.iter().map(told_of_passkey).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Called {
    name: String,
}

/// 204: it is called something else.
pub(super) async fn rename(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
    JsonBody(Called { name }): JsonBody<Called>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let rename = |id| accounts.root().rename_passkey(who.person.id, id, &name);
        if !id.parse().map_or(Ok(false), rename)? {
            return Err(missing());
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// 204: nobody signs in with it any more.
pub(super) async fn remove(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let remove = |id| accounts.root().remove_passkey(who.person.id, id);
        let id = take_away(&id, remove, missing)?;
        who.note(&format!("passkey {id} removed"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

fn missing() -> Problem {
    Problem::not_found("There is no such passkey; list them again.")
}

/// What a browser needs to sign somebody in, whoever it will be.
pub(super) async fn sign_in_options(
    State(sources): State<Sources>,
    place: Place,
    visitor: Visitor,
) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    accounts.attempt(Attempt::Come, visitor.peer)?;
    let challenge = accounts.challenges().make(None, accounts.now())?;
    Ok(Json(json!({"challenge": challenge, "host": place.host})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    id: Bytes,
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
    user: Bytes,
}

/// 200 with a new cookie, 401 where the passkey is nobody's or has not signed what it was to sign.
pub(super) async fn sign_in(
    State(sources): State<Sources>,
    place: Place,
    visitor: Visitor,
    JsonBody(signed): JsonBody<Signed>,
) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    let peer = visitor.peer;
    accounts.attempt(Attempt::Come, peer)?;
    let signing_in = accounts.clone();
    let signed_in = blocking(move || {
        let accounts = signing_in;
        let (root, now) = (accounts.root(), accounts.now());
        let client_data = &signed.client_data.0;
        let is_asked =
            webauthn::challenge(client_data).is_some_and(|challenge| accounts.challenges().take(&challenge, None, now));
        let is_here = webauthn::is_said_here(client_data, Ceremony::Get, &place);
        let found = root.passkey(&signed.id.0, &place.host)?.filter(|_| is_asked && is_here);
        let found = found.and_then(|(key, person)| {
            let by = (key.algorithm, key.public_key.as_slice());
            let data = &signed.authenticator_data.0;
            let count = webauthn::signed(data, client_data, &signed.signature.0, by, &place)?;
            // Who it is says the passkey; this is what its authenticator takes them for.
            let user = PersonId::read(&signed.user.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            (user == Some(person.id) && person.tier != PrivacyTier::Private).then_some((key, person, count))
        });
        let Some((key, person, count)) = found else {
            accounts.note(None, "sign-in by a passkey failed", &visitor.address);
            return Err(refused());
        };
        if !root.use_passkey(key.id, count, now)? {
            let what = format!("sign-in by passkey {} refused: it was copied, or sent a second time", key.id);
            accounts.note(Some(person.id), &what, &visitor.address);
            return Err(refused());
        }
        let (_, cookie) = accounts.begin(&person, &visitor)?;
        accounts.note(Some(person.id), &format!("signed in by passkey {}", key.id), &visitor.address);
        Ok((told(true, Some(&person)), cookie))
    });
    let (told, cookie) = signed_in.await??;
    accounts.succeeded(Attempt::Come, peer);
    Ok(([(header::SET_COOKIE, cookie)], Json(told)).into_response())
}

fn refused() -> Problem {
    let message = "This passkey signs nobody in here; try again, or sign in with name and password.";
    Problem::new(StatusCode::UNAUTHORIZED, "wrong_passkey", message)
}

impl Accounts {
    fn challenges(&self) -> std::sync::MutexGuard<'_, Challenges> {
        self.0.challenges.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets through whoever shows their password once more.
    pub(crate) async fn prove(&self, who: &Who, password: Zeroizing<String>, visitor: &Visitor) -> Result<(), Problem> {
        if who.person.tier == PrivacyTier::Private {
            return Err(StoreError::PersonLocked.into());
        }
        let (attempt, peer) = (self.as_person(who.person.id), visitor.peer);
        self.attempt(attempt, peer)?;
        let permit = self.may_hash().await?;
        let (accounts, who) = (self.clone(), who.clone());
        blocking(move || {
            let _permit = permit;
            if accounts.root().is_password(who.person.id, &password)? {
                return Ok(());
            }
            who.note("another way to sign in refused: the password was wrong");
            let message = "The password is wrong, so nothing was changed; try again.";
            Err(Problem::new(StatusCode::FORBIDDEN, "wrong_credentials", message))
        })
        .await??;
        self.succeeded(attempt, peer);
        Ok(())
    }
}
