//! `/v1/timers` and `/v1/alarms`. They are the device's: whoever may talk to it may see and change them, as by speech.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pipit_core::intent::{Repeats, TimerId};
use pipit_store::{StoredAlarm, StoredTimer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::description::Failures;
use super::in_store;
use super::wire::{Number, written};
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::Problem;

/// The longest timer, as by speech: seven days.
const LONGEST: u64 = 7 * 24 * 3600;
/// So many run at once at most.
const MOST: usize = 100;
/// The longest name, in letters.
const LONGEST_NAME: usize = 40;

/// A timer that runs or was paused.
#[derive(Serialize, ToSchema)]
pub(super) struct Timer {
    id: i64,
    name: Option<String>,
    /// What it was set to.
    seconds: u64,
    /// When it rings, unless it is paused.
    due: Option<String>,
    /// What it has left.
    left_seconds: u64,
    paused: bool,
}

/// A timer that is to run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TimerToStart)]
pub(super) struct Wanted {
    /// From 1 to 604800, which is seven days.
    #[schema(example = 600)]
    seconds: u64,
    /// Up to 40 letters.
    #[serde(default)]
    #[schema(example = "pasta")]
    name: Option<String>,
}

/// An alarm that is set.
#[derive(Serialize, ToSchema)]
pub(super) struct Alarm {
    id: i64,
    /// What the clock shows when it rings.
    time: String,
    /// On this date, if it rings once.
    date: Option<String>,
    /// On these days, if it repeats: `monday` and so on.
    days: Vec<&'static str>,
    /// When it rings next.
    next: Option<String>,
    /// Since when it rings, if it does.
    ringing: Option<String>,
}

/// The timers.
#[utoipa::path(get, path = "/v1/timers", tag = "timers",
    responses((status = 200, body = Vec<Timer>), Failures))]
pub(super) async fn timers(who: Who) -> Result<Json<Vec<Timer>>, Problem> {
    let now = Timestamp::now();
    in_store(&who.store, move |store| Ok(store.timers()?.into_iter().map(|timer| told(timer, now)).collect()))
        .await
        .map(Json)
}

/// Starts a timer.
#[utoipa::path(post, path = "/v1/timers", tag = "timers", request_body = Wanted,
    responses((status = 201, body = Timer), Failures))]
pub(super) async fn start(who: Who, JsonBody(wanted): JsonBody<Wanted>) -> Result<(StatusCode, Json<Timer>), Problem> {
    let Wanted { seconds, name } = wanted;
    if !(1..=LONGEST).contains(&seconds) {
        return Err(Problem::unfit("A timer runs for 1 second to 7 days (604800 seconds)."));
    }
    let name = name.map(|name| name.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME || name.contains(char::is_control)) {
        return Err(Problem::unfit("The name of a timer has at most 40 letters."));
    }
    let started = in_store(&who.store, move |store| {
        if store.timers()?.len() >= MOST {
            return Ok(None);
        }
        let (length, now) = (Duration::from_secs(seconds), Timestamp::now());
        let due = now.saturating_add(length).unwrap_or(Timestamp::MAX);
        let id = store.add_timer(name.as_deref(), length, due)?;
        Ok(store.timers()?.into_iter().find(|timer| timer.id == id).map(|timer| told(timer, now)))
    });
    match started.await? {
        Some(timer) => Ok((StatusCode::CREATED, Json(timer))),
        None => Err(Problem::new(StatusCode::CONFLICT, "too_many_timers", "A hundred timers run already; cancel one.")),
    }
}

/// Cancels a timer.
#[utoipa::path(delete, path = "/v1/timers/{id}", tag = "timers", params(("id" = i64, Path)),
    responses((status = 204), Failures))]
pub(super) async fn cancel(who: Who, Number(id): Number) -> Result<StatusCode, Problem> {
    let id = TimerId(id);
    let was_there = in_store(&who.store, move |store| {
        let is_there = store.timers()?.iter().any(|timer| timer.id == id);
        store.cancel_timers(&[id])?;
        Ok(is_there)
    });
    if was_there.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("There is no such timer, or not any more."))
    }
}

/// The alarms.
#[utoipa::path(get, path = "/v1/alarms", tag = "timers",
    responses((status = 200, body = Vec<Alarm>), Failures))]
pub(super) async fn alarms(who: Who) -> Result<Json<Vec<Alarm>>, Problem> {
    let (now, zone) = (Timestamp::now(), TimeZone::system());
    in_store(&who.store, move |store| Ok(store.alarms()?.into_iter().map(|alarm| set(&alarm, now, &zone)).collect()))
        .await
        .map(Json)
}

fn told(timer: StoredTimer, now: Timestamp) -> Timer {
    let StoredTimer { id, name, length, due, paused } = timer;
    let until = due.duration_since(now).max(SignedDuration::ZERO);
    let left = paused.unwrap_or_else(|| until.unsigned_abs());
    Timer {
        id: id.0,
        name,
        seconds: length.as_secs(),
        due: paused.is_none().then(|| written(due)),
        left_seconds: left.as_secs_f64().ceil() as u64,
        paused: paused.is_some(),
    }
}

fn set(alarm: &StoredAlarm, now: Timestamp, zone: &TimeZone) -> Alarm {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let schedule = &alarm.schedule;
    let (date, days) = match schedule.repeats {
        Repeats::Once(date) => (Some(date.to_string()), Vec::new()),
        Repeats::Weekly(days) => {
            let on = |day: &usize| days.bits() & (1 << day) != 0;
            (None, (0..DAYS.len()).filter(on).map(|day| DAYS[day]).collect())
        }
    };
    Alarm {
        id: alarm.id.0,
        time: schedule.time.strftime("%H:%M").to_string(),
        date,
        days,
        next: schedule.next(now, zone).map(written),
        ringing: alarm.ringing.map(written),
    }
}
