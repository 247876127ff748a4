//! `/api/audit`: what was done from afar.

use std::collections::HashMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Who;
use crate::Sources;
use crate::problem::{Problem, blocking};

/// Rows that are told at once.
const PAGE: u32 = 100;

#[derive(Deserialize)]
pub(super) struct Wanted {
    before: Option<i64>,
}

/// The newest hundred rows before the one with the number `?before=`. Somebody who was erased is told as a number.
pub(super) async fn list(
    State(sources): State<Sources>,
    who: Who,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let Query(Wanted { before }) = wanted
        .map_err(|_| Problem::unfit("before must be a whole number; write for example /api/audit?before=100."))?;
    let accounts = sources.accounts;
    blocking(move || {
        let root = accounts.root();
        let people = root.people()?.into_iter();
        let names: HashMap<_, _> = people.filter_map(|person| Some((person.id, person.name?))).collect();
        let told = root.audit_rows(before, PAGE)?.into_iter().map(|row| {
            let who = row.who.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string()));
            // About whom it is, by name while they are there.
            let mut what = row.what;
            for (id, name) in names.iter().map(|(id, name)| (id.to_string(), name)) {
                if what.contains(&id) {
                    what = what.replace(&id, name);
                }
            }
            json!({"id": row.id, "at": row.at.to_string(), "who": who, "what": what, "address": row.address})
        });
        Ok(Json(told.collect()))
    })
    .await?
}
