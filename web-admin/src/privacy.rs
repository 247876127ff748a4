//! `/api/privacy` and `/api/ledger`: what left this device, for whom it can be seen, and what is kept for how long. The owner sees
//! everybody's, others their own; what was said is in none of it.

use std::collections::HashMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use pipit_core::chat::Tier;
use pipit_store::{HostTraffic, PersonId, PrivacyTier, Store, Traffic};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking};

/// Rows that are told at once.
const PAGE: u32 = 100;

/// What is kept of what people say, as it was configured at the start.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whether what is said by voice and at the panel is in memory only.
    pub ephemeral: bool,
    /// For how many days conversations are kept; `None` for ever.
    pub conversation_days: Option<u32>,
    /// For how many days the ledger is kept; `None` for ever.
    pub ledger_days: Option<u32>,
    /// How many turns are kept, without a word of them.
    pub turns: u32,
    /// How far away the MQTT broker is, and whether what is said is published there; `None` without one.
    pub broker: Option<(Tier, bool)>,
    /// When Pipit was started.
    pub started: Timestamp,
}

/// Whose ledger somebody may see.
struct Ledgers {
    root: Store,
    /// Whose in the file; `None` for everybody's.
    person: Option<PersonId>,
    /// Those that are in memory until Pipit or the session ends.
    in_memory: Vec<Store>,
}

impl Ledgers {
    fn of(sources: &Sources, who: &Who) -> Ledgers {
        let is_owner = who.require_owner().is_ok();
        let mut in_memory: Vec<_> = Some(who.store.clone()).filter(Store::is_in_memory).into_iter().collect();
        let speakers = Some(&sources.store).filter(|store| is_owner && store.is_in_memory());
        in_memory.extend(speakers.filter(|store| !store.is_for_the_same(&who.store)).cloned());
        let person = (!is_owner).then_some(who.person.id);
        Ledgers { root: sources.accounts.root().clone(), person, in_memory }
    }

    fn by_host(&self) -> Result<Vec<HostTraffic>, Problem> {
        let mut all = self.root.ledger_by_host(self.person)?;
        for store in &self.in_memory {
            for more in store.traffic_by_host()? {
                match all.iter_mut().find(|sum| sum.host == more.host && sum.tier == more.tier) {
                    Some(sum) => add(sum, more),
                    None => all.push(more),
                }
            }
        }
        all.sort_by_key(|sum| (std::cmp::Reverse(sum.tier), std::cmp::Reverse(sum.sent)));
        Ok(all)
    }
}

fn add(sum: &mut HostTraffic, more: HostTraffic) {
    sum.requests += more.requests;
    sum.sent += more.sent;
    sum.received += more.received;
    sum.last = sum.last.max(more.last);
    sum.purposes.extend(more.purposes);
    let mut seen = Vec::new();
    sum.purposes.retain(|purpose| {
        !seen.contains(purpose) && {
            seen.push(*purpose);
            true
        }
    });
}

async fn overview(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    let kept = sources.privacy.clone();
    blocking(move || {
        let ledgers = Ledgers::of(&sources, &who);
        let people = ledgers.root.people()?;
        let is_everybodys = ledgers.person.is_none();
        let known_since =
            if is_everybodys { people.iter().map(|person| person.since).min() } else { Some(who.person.since) };
        let hosts = ledgers.by_host()?;
        let left = hosts.iter().filter(|sum| sum.tier == Tier::Outside).map(|sum| sum.last).max();
        let since = since(&kept, known_since, !ledgers.in_memory.is_empty(), sources.accounts.now());
        // Whose ledger is gone with their session, nobody can speak for.
        let untold = is_everybodys && people.iter().any(|person| person.tier == PrivacyTier::Ephemeral);
        let hosts: Vec<_> = hosts.iter().map(told_sum).collect();
        let broker = kept.broker.map(|(tier, words)| json!({"tier": tier.name(), "words": words}));
        Ok(Json(json!({
            "whose": if is_everybodys { "everybody" } else { "own" },
            "since": since.to_string(),
            "left": left.map(|at| at.to_string()),
            "untold": untold,
            "hosts": hosts,
            "broker": broker,
            "kept": {
                "ephemeral": kept.ephemeral,
                "own_in_memory": who.store.is_in_memory(),
                "conversation_days": kept.conversation_days,
                "ledger_days": kept.ledger_days,
                "turns": kept.turns,
            },
        })))
    })
    .await?
}

/// From when on the ledger knows everything.
fn since(kept: &Kept, known_since: Option<Timestamp>, in_memory: bool, now: Timestamp) -> Timestamp {
    let forgotten = kept.ledger_days.map(|days| now - SignedDuration::from_hours(i64::from(days) * 24));
    let started = in_memory.then_some(kept.started);
    [known_since, forgotten, started].into_iter().flatten().max().unwrap_or(kept.started)
}

fn told_sum(sum: &HostTraffic) -> Value {
    let purposes: Vec<_> = sum.purposes.iter().map(ToString::to_string).collect();
    json!({
        "host": sum.host,
        "tier": sum.tier.name(),
        "requests": sum.requests,
        "sent": sum.sent,
        "received": sum.received,
        "last": sum.last.to_string(),
        "purposes": purposes,
    })
}

#[derive(Deserialize)]
struct Wanted {
    host: Option<String>,
    before: Option<i64>,
}

/// The newest hundred rows before the one with the number `?before=`, of `?host=` if one is named. Rows that are in memory only have
/// no number, and come with the first page.
async fn ledger(
    State(sources): State<Sources>,
    who: Who,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let unfit = |_| Problem::unfit("before must be a whole number; write for example /api/ledger?before=100.");
    let Query(Wanted { host, before }) = wanted.map_err(unfit)?;
    blocking(move || {
        let ledgers = Ledgers::of(&sources, &who);
        let names: HashMap<_, _> =
            ledgers.root.people()?.into_iter().filter_map(|person| Some((person.id, person.name?))).collect();
        let mut rows = Vec::new();
        for store in ledgers.in_memory.iter().filter(|_| before.is_none()) {
            let of_host = |traffic: &Traffic| host.as_ref().is_none_or(|host| *host == traffic.host);
            let newest = store.traffic(PAGE as usize)?.into_iter().filter(of_host);
            rows.extend(newest.map(|traffic| told(&traffic, None, None)));
        }
        let of_file = ledgers.root.ledger_rows(ledgers.person, host.as_deref(), before, PAGE)?;
        let more = of_file.len() == PAGE as usize;
        rows.extend(of_file.iter().map(|row| told(&row.traffic, Some(row.id), names.get(&row.who))));
        Ok(Json(json!({"rows": rows, "more": more})))
    })
    .await?
}

fn told(traffic: &Traffic, id: Option<i64>, who: Option<&String>) -> Value {
    let Traffic { at, purpose, host, provider, tier, sent, received, .. } = traffic;
    json!({
        "id": id,
        "at": at.to_string(),
        "who": who,
        "purpose": purpose.to_string(),
        "host": host,
        "provider": provider,
        "tier": tier.name(),
        "sent": sent,
        "received": received,
    })
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/privacy", get(overview)).route("/api/ledger", get(ledger))
}
