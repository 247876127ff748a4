//! `/api/people`: who lives there. The owner sees and changes everybody, the others themselves.

use std::sync::mpsc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use pipit_store::{Erased, NewPerson, NewPrivacy, Person, PersonId, Role, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::who::Scopes;
use super::{Accounts, Who, programs};
use crate::Sources;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};
use crate::tasks::{Outcome, Progress, Task, Tasks};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOne {
    name: String,
    role: Living,
    /// Without, they are given a code with which they choose one themselves.
    password: Option<Zeroizing<String>>,
}

/// What somebody may be made.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Living {
    Member,
    Guest,
}

impl From<Living> for Role {
    fn from(living: Living) -> Role {
        match living {
            Living::Member => Role::Member,
            Living::Guest => Role::Guest,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: Option<String>,
    role: Option<Living>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    /// What they are called, to show that it is meant.
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: Zeroizing<String>,
}

/// Everybody to the owner, and to the others themselves.
pub(super) async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let root = accounts.root();
        let visitor = root.visitor()?.map(|visitor| visitor.id);
        let is_shown = |person: &Person| match who.person.role {
            Role::Owner => Some(person.id) != visitor,
            Role::Member | Role::Guest => person.id == who.person.id,
        };
        let shown = root.people()?.into_iter().filter(is_shown);
        let told: Result<Vec<_>, Problem> = shown.map(|person| accounts.told_of(&person, &who)).collect();
        Ok(Json(told?.into()))
    })
    .await?
}

/// 201: somebody is made known. Without a password there is a code in the answer, which nobody is told again.
pub(super) async fn add(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(NewOne { name, role, password }): JsonBody<NewOne>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    who.require_owner()?;
    let accounts = sources.accounts;
    let permit = accounts.may_hash().await?;
    blocking(move || {
        let _permit = permit;
        let (root, now, role) = (accounts.root(), accounts.now(), Role::from(role));
        if let Some(password) = &password {
            root.check_new_password(&name, password)?;
        }
        let new = NewPerson { name: Some(&name), role, privacy: NewPrivacy::Standard };
        let id = root.add_person(&new, now)?;
        who.note(&format!("{id} made known: {role}"));
        let code = match &password {
            Some(password) => {
                root.set_password(id, password, None)?;
                who.note(&format!("password of {id} set"));
                json!({"id": id.to_string()})
            }
            None => accounts.invite(&who, id)?,
        };
        Ok((StatusCode::CREATED, Json(code)))
    })
    .await?
}

/// 204: somebody is called something else, or is something else to the device. Whoever is not the owner may rename themselves.
pub(super) async fn change(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
    JsonBody(Change { name, role }): JsonBody<Change>,
) -> Result<StatusCode, Problem> {
    if role.is_some() {
        who.require_owner()?;
    }
    let accounts = sources.accounts;
    blocking(move || {
        let person = accounts.someone(&who, &id)?;
        if let Some(role) = role.map(Role::from).filter(|role| *role != person.role) {
            accounts.root().set_role(person.id, role)?;
            who.note(&format!("{} made a {role}", person.id));
        }
        if let Some(name) = name {
            accounts.root().rename_person(person.id, &name)?;
            who.note(&format!("{} renamed", person.id));
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// 202: nobody can read any more what somebody said, and a task deletes it. Names the files beside the history that were set aside
/// earlier and may hold texts of theirs.
pub(super) async fn remove(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
    JsonBody(Removal { name }): JsonBody<Removal>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (accounts, tasks) = (sources.accounts, sources.tasks);
    blocking(move || {
        let person = accounts.someone(&who, &id)?;
        if person.role == Role::Owner {
            return Err(StoreError::OwnerStays.into());
        }
        if name.trim() != person.name.as_deref().unwrap_or_default() {
            let message = "That is not what they are called, so nobody was removed; type the name as it is written.";
            return Err(Problem::new(StatusCode::CONFLICT, "wrong_name", message));
        }
        let (task, erased) = erase(&accounts, &tasks, person.id)?;
        accounts.some_ended();
        who.note(&format!("{} removed", person.id));
        let name = |file: &std::path::PathBuf| file.file_name().map(|name| name.to_string_lossy().into_owned());
        let set_aside: Vec<_> = erased.set_aside.iter().filter_map(name).collect();
        Ok((StatusCode::ACCEPTED, Json(json!({"task": task, "set_aside": set_aside}))))
    })
    .await?
}

/// Takes somebody's key away, and has a task delete what can't be read without it. The task begins first: nobody is removed
/// where there is no room for one.
fn erase(accounts: &Accounts, tasks: &Tasks, id: PersonId) -> Result<(Task, Erased), Problem> {
    let (tell, forgotten) = mpsc::channel();
    let cleaning = accounts.clone();
    let work = move |progress: &Progress| {
        let root = cleaning.root();
        let erased = root.forget_person(id);
        let failed = erased.as_ref().err().map(|error| sentence(&error.to_string()));
        // Whoever asked has gone where nobody hears it.
        let _ = tell.send(erased);
        if let Some(failed) = failed {
            return Err(failed);
        }
        progress.say("Nobody can read any more what they have left; it is being deleted.");
        let mut reached = |done, total| {
            progress.reached(done, Some(total));
            if done == total {
                progress.say("All of it is deleted; the last good copy is being made anew without it.");
            }
        };
        let rest = |error: StoreError| {
            format!("{} Nobody can read what is left; it is deleted at the next start.", sentence(&error.to_string()))
        };
        root.clean_up(&mut reached).map_err(rest)?;
        Ok(Outcome::from("Nothing of theirs is left.".to_owned()))
    };
    // By the beginning of its number, as the audit log has it, since the name must be gone.
    let task = tasks.start_for_good(("erase", &id.to_string()[..8], ""), work)?;
    let broke_off = |_| Problem::unavailable("It broke off by a fault in Pipit; its log says where.");
    let erased = forgotten.recv().map_err(broke_off)??;
    Ok((task, erased))
}

/// 201 with a code with which somebody sets their password once.
pub(super) async fn invite(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    who.require_owner()?;
    let accounts = sources.accounts;
    blocking(move || {
        let person = accounts.someone(&who, &id)?;
        who.is_not(&person)?;
        Ok((StatusCode::CREATED, Json(accounts.invite(&who, person.id)?)))
    })
    .await?
}

/// 204: somebody else has this password, and is signed in nowhere.
pub(super) async fn set_password(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
    JsonBody(NewPassword { password }): JsonBody<NewPassword>,
) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    let accounts = sources.accounts;
    let permit = accounts.may_hash().await?;
    blocking(move || {
        let _permit = permit;
        let person = accounts.someone(&who, &id)?;
        who.is_not(&person)?;
        accounts.root().set_password(person.id, &password, None)?;
        accounts.some_ended();
        who.note(&format!("password of {} set", person.id));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// Everything by which somebody gets in.
pub(super) async fn access(
    State(sources): State<Sources>,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let person = accounts.someone(&who, &id)?;
        let (root, now) = (accounts.root(), accounts.now());
        let sessions = root.sessions(person.id, now)?.into_iter().map(|session| {
            json!({
                "id": session.id,
                "since": session.since.to_string(),
                "last_seen": session.last_seen.to_string(),
                "address": session.address,
                "agent": session.agent,
                "current": Some(session.id) == who.session(),
            })
        });
        let programs = root.families(person.id, now)?;
        let tokens = root.tokens(person.id)?.into_iter().map(|token| {
            let last_used = token.last_used.map(|at| at.to_string());
            json!({"id": token.id, "name": token.name, "scopes": Scopes::kept(&token.scopes).names(), "last_used": last_used})
        });
        Ok(Json(json!({
            "sessions": sessions.collect::<Value>(),
            "programs": programs.iter().map(|family| programs::told(family, who.by)).collect::<Value>(),
            "tokens": tokens.collect::<Value>(),
            "passkeys": root.passkeys(person.id)?.iter().map(told_of_passkey).collect::<Value>(),
            "links": root.links(person.id)?.into_iter().map(|link| {
                json!({"id": link.id, "issuer": link.issuer, "since": link.since.to_string()})
            }).collect::<Value>(),
        })))
    })
    .await?
}

pub(super) fn told_of_passkey(key: &pipit_store::Passkey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "host": key.host,
        "since": key.since.to_string(),
        "last_used": key.last_used.map(|at| at.to_string()),
    })
}

/// 204: one of those opens nothing any more.
pub(super) async fn revoke(
    State(sources): State<Sources>,
    who: Who,
    Path((id, kind, number)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    blocking(move || {
        let person = accounts.someone(&who, &id)?;
        let (root, missing) = (accounts.root(), || Problem::not_found("There is no such thing; list them again."));
        let number: i64 = number.parse().map_err(|_| missing())?;
        let (there_was, what) = match kind.as_str() {
            "sessions" => (root.end_session(person.id, number)?, "session"),
            "programs" => (root.end_family(person.id, number)?, "program"),
            "tokens" => (root.remove_token(person.id, number)?, "API token"),
            "passkeys" => (root.remove_passkey(person.id, number)?, "passkey"),
            "links" => (root.unlink(person.id, number)?, "connection"),
            _ => return Err(missing()),
        };
        if !there_was {
            return Err(missing());
        }
        accounts.some_ended();
        who.note(&format!("{what} {number} of {} ended", person.id));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

impl Accounts {
    /// Somebody whom `who` may see. To the others nobody is there but themselves.
    fn someone(&self, who: &Who, id: &str) -> Result<Person, Problem> {
        let missing = || Problem::not_found("There is no such person; list them again.");
        let id = PersonId::read(id).ok_or_else(missing)?;
        let is_visitor = self.root().visitor()?.is_some_and(|visitor| visitor.id == id);
        if is_visitor || id != who.person.id && who.require_owner().is_err() {
            return Err(missing());
        }
        self.root().known(id).map_err(|_| missing())
    }

    fn told_of(&self, person: &Person, who: &Who) -> Result<Value, Problem> {
        let (root, now) = (self.root(), self.now());
        let invited_until = root.invited_until(person.id, now)?.map(|at| at.to_string());
        Ok(json!({
            "id": person.id.to_string(),
            "name": person.name,
            "role": person.role.to_string(),
            "privacy": person.tier.to_string(),
            "since": person.since.to_string(),
            "has_password": root.has_password(person.id)?,
            "invited_until": invited_until,
            "sessions": root.sessions(person.id, now)?.len() + root.families(person.id, now)?.len(),
            "you": person.id == who.person.id,
        }))
    }

    fn invite(&self, who: &Who, id: PersonId) -> Result<Value, Problem> {
        let now = self.now();
        let code = self.root().invite(id, now)?;
        who.note(&format!("code for a password of {id} made"));
        let until = self.root().invited_until(id, now)?.map(|at| at.to_string());
        let parts = [code.get(..4), code.get(4..8), code.get(8..)].map(Option::unwrap_or_default);
        Ok(json!({"id": id.to_string(), "code": parts.join("-"), "until": until}))
    }
}

impl Who {
    /// Lets through what somebody does about somebody else.
    fn is_not(&self, person: &Person) -> Result<(), Problem> {
        if self.person.id == person.id {
            return Err(Problem::conflict("Your own password you change by showing the one that you have."));
        }
        Ok(())
    }
}
