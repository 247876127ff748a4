//! `/v1/announcements`: what waits to be said aloud for whoever asks. Each sees and cancels their own.

use axum::Json;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use pipit_core::control::Command;
use pipit_core::intent::AnnouncementId;
use pipit_store::StoredAnnouncement;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::description::Failures;
use super::wire::{Number, written};
use super::{erase, in_store};
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::Problem;

/// The farthest ahead that one may be: a year.
const FARTHEST: u64 = 366 * 24 * 3600;
/// So many wait at most.
const MOST: usize = 100;

/// Something that waits to be said aloud.
#[derive(Serialize, ToSchema)]
pub(super) struct Announcement {
    id: i64,
    text: String,
    /// When it is said; the next time, if it is said again and again.
    due: String,
    /// Whether it reminds you of something.
    reminder: bool,
    /// Whether it is said on several days of every week.
    repeats: bool,
}

/// Something to be said aloud.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToSay {
    /// Up to 255 characters, with words in them.
    #[schema(example = "Dinner is ready")]
    text: String,
    /// From now on, up to 31622400, which is 366 days; without it, as soon as nobody speaks.
    #[serde(default)]
    #[schema(example = 600)]
    seconds: u64,
}

/// What waits to be said aloud, the soonest first.
#[utoipa::path(get, path = "/v1/announcements", tag = "announcements",
    responses((status = 200, body = Vec<Announcement>), Failures))]
pub(super) async fn list(who: Who) -> Result<Json<Vec<Announcement>>, Problem> {
    let waiting = in_store(&who.store, |store| Ok(store.announcements()?.into_iter().map(told).collect()));
    waiting.await.map(Json)
}

/// Has something said aloud, in the whole house.
#[utoipa::path(post, path = "/v1/announcements", tag = "announcements", request_body = ToSay,
    responses((status = 201, body = Announcement), Failures))]
pub(super) async fn make(
    who: Who,
    JsonBody(ToSay { text, seconds }): JsonBody<ToSay>,
) -> Result<(StatusCode, Json<Announcement>), Problem> {
    who.require_resident()?;
    let Ok(Command::Announce(text)) = Command::announcement(&text) else {
        return Err(Problem::unfit("An announcement is a text of at most 255 characters, with words in it."));
    };
    if seconds > FARTHEST {
        return Err(Problem::unfit("An announcement is made within 366 days (31622400 seconds)."));
    }
    let kept = in_store(&who.store, move |store| {
        if store.announcements()?.len() >= MOST {
            return Ok(None);
        }
        let ahead = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let due = Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
        let id = store.add_announcement(&text, due)?;
        // As it was kept, which is to the millisecond. What was due at once may have been taken to be said already.
        let kept = store.announcements()?.into_iter().find(|waiting| waiting.id == id).map(told);
        let said = || Announcement { id: id.0, text, due: written(due), reminder: false, repeats: false };
        Ok(Some(kept.unwrap_or_else(said)))
    });
    match kept.await? {
        Some(announcement) => Ok((StatusCode::CREATED, Json(announcement))),
        None => {
            Err(Problem::new(StatusCode::CONFLICT, "too_many", "A hundred announcements wait already; cancel one."))
        }
    }
}

/// Takes back what was to be said.
#[utoipa::path(delete, path = "/v1/announcements/{id}", tag = "announcements", params(("id" = i64, Path)),
    responses((status = 204), Failures))]
pub(super) async fn cancel(who: Who, Number(id): Number) -> Result<StatusCode, Problem> {
    match erase(&who.store, move |store| store.cancel_announcements(&[AnnouncementId(id)])).await? {
        0 => Err(Problem::not_found("Nothing waits to be said under this number, or not any more.")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

fn told(waiting: StoredAnnouncement) -> Announcement {
    let StoredAnnouncement { id, text, due, reminder, every, .. } = waiting;
    Announcement { id: id.0, text, due: written(due), reminder, repeats: every.is_some() }
}
