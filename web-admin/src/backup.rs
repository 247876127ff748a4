//! `/api/backup` and `/api/restore`: everything that Pipit knows in one file under a passphrase, and the way back, which tries a backup
//! before it takes anything's place. For the owner, and for nobody while Pipit has none.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use pipit_store::{Contents, SHORTEST_PASSPHRASE};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::Sources;
use crate::account::{Visitor, Who};
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};
use crate::tasks::{Outcome, Progress, Task};

/// Where a backup is uploaded to, which is the one body here that is no JSON.
pub(crate) const UPLOAD: &str = "/api/restore/file";

/// Bytes that are written to the disk or read from it at once.
const PIECE: usize = 256 * 1024;

/// Whoever sends nothing of a backup for so long has gone.
const SENDS: Duration = Duration::from_secs(30);

/// Told how many bytes are done, of how many; says whether to go on.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// What the daemon does about backups. All of it may have to wait for the disk. Errors are sentences for people.
#[allow(missing_docs, reason = "the errors are all alike, and the names say the rest")]
pub trait Backups: Send + Sync {
    /// The backup that was made and lies there to be fetched.
    fn made(&self) -> Option<Made>;

    /// Makes one, in place of the one that was made before.
    fn make(&self, passphrase: &str, told: Told<'_>) -> Result<Made, String>;

    /// Its content.
    fn read(&self) -> Result<Option<(Made, File)>, String>;

    /// Deletes it.
    fn discard(&self) -> Result<(), String>;

    /// How far a restoration is, and how the last one ended.
    fn restoration(&self) -> Restoration;

    /// Begins to take in a backup of so many bytes, if that is known, in place of another. One is taken in at a time.
    fn take_in(&self, bytes: Option<u64>) -> Result<Box<dyn TakeIn>, String>;

    /// Unpacks what was taken in beside what is there, and finds out whether Pipit can go on with it.
    fn try_out(&self, passphrase: &str, told: Told<'_>) -> Result<Contents, String>;

    /// Has what was tried take the place of what is there at the next start.
    fn confirm(&self) -> Result<(), String>;

    /// Forgets what was taken in, tried or confirmed.
    fn cancel(&self) -> Result<(), String>;

    /// Deletes what the last restoration has set aside.
    fn delete_kept(&self) -> Result<(), String>;

    /// Whether all that Pipit knows is erased at the next start.
    fn is_erased_next(&self) -> bool;

    /// Has it erased at the next start, or not.
    fn erase_next(&self, wanted: bool) -> Result<(), String>;
}

/// A backup that is being taken in. Dropped before its end, nothing of it is kept.
pub trait TakeIn: Send {
    /// Writes more of it.
    ///
    /// # Errors
    /// A sentence for people: it is too much, or the disk is full.
    fn write(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// All of it is there.
    ///
    /// # Errors
    /// A sentence for people.
    fn end(&mut self) -> Result<(), String>;
}

/// A backup to be fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// What it is called.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was made.
    pub at: Timestamp,
}

/// How far a restoration is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restoration {
    /// How many bytes were taken in, if a backup was.
    pub taken_in: Option<u64>,
    /// What was found in it.
    pub tried: Option<Contents>,
    /// Whether it takes the place of what is there at the next start.
    pub confirmed: bool,
    /// What came of the last one.
    pub last: Option<Last>,
}

/// What came of a restoration.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    /// When it was.
    pub at: Timestamp,
    /// Why Pipit went back to what was there; nothing where it goes on with what was restored.
    pub went_back: Option<String>,
    /// The folder that holds what was there before, or what Pipit could not go on with; nothing once it is deleted.
    pub kept: Option<String>,
    /// The file that holds the configuration out of the backup, which takes nothing's place, if there was one.
    pub configuration: Option<String>,
}

/// Lets nobody through while Pipit has no owner: whoever came first could bring a history of theirs.
struct Claimed;

impl FromRequestParts<Sources> for Claimed {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, sources: &Sources) -> Result<Self, Problem> {
        let accounts = sources.accounts.clone();
        if blocking(move || accounts.is_claimed()).await?? {
            return Ok(Claimed);
        }
        Err(Problem::forbidden("Nobody owns this Pipit yet; claim it first."))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    password: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passphrase {
    passphrase: Zeroizing<String>,
}

async fn shown(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let made = blocking(move || sources.backups.made()).await?;
    Ok(Json(json!({"made": made.as_ref().map(told_of), "shortest_passphrase": SHORTEST_PASSPHRASE})))
}

/// 202 with the task that makes it.
async fn make(
    State(sources): State<Sources>,
    _: Claimed,
    who: Who,
    JsonBody(Passphrase { passphrase }): JsonBody<Passphrase>,
) -> Result<(StatusCode, Json<Task>), Problem> {
    who.require_owner()?;
    if passphrase.chars().count() < SHORTEST_PASSPHRASE {
        return Err(Problem::unfit(format!(
            "A passphrase for a backup has at least {SHORTEST_PASSPHRASE} characters; five words that do not belong together are good."
        )));
    }
    let (backups, who) = (Arc::clone(&sources.backups), who);
    let task = sources.tasks.start(("backup", "", "bytes"), move |progress| {
        progress.say("Copying what is remembered.");
        let made = backups.make(&passphrase, &mut reached(progress))?;
        who.note("backup made");
        Ok(Outcome { message: "The backup is ready to be fetched.".to_owned(), result: Some(told_of(&made)) })
    })?;
    Ok((StatusCode::ACCEPTED, Json(task)))
}

/// The backup itself.
async fn fetch(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<Response, Problem> {
    who.require_owner()?;
    let backups = Arc::clone(&sources.backups);
    let found = blocking(move || {
        let found = backups.read().map_err(|error| Problem::unavailable(sentence(&error)))?;
        if found.is_some() {
            who.note("backup fetched");
        }
        Ok::<_, Problem>(found)
    });
    let (made, file) = found.await??.ok_or_else(|| Problem::not_found("There is no backup; make one first."))?;
    Ok(download(&made.name, "application/octet-stream", made.bytes, file))
}

/// A file that a browser keeps, of which no more is in memory than what is on its way.
pub(crate) fn download(name: &str, kind: &'static str, bytes: u64, file: File) -> Response {
    let pieces = stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let read = move || -> io::Result<(Vec<u8>, File)> {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok((piece, file))
        };
        match tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten() {
            Ok((piece, _)) if piece.is_empty() => None,
            Ok((piece, file)) => Some((Ok(Bytes::from(piece)), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    });
    let named = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let named = named.unwrap_or(HeaderValue::from_static("attachment"));
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_LENGTH, bytes.into()),
        (header::CONTENT_DISPOSITION, named),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

async fn discard(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    noted(sources, who, "backup deleted from the device", |backups| backups.discard()).await
}

async fn restoration(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    how_far(sources).await
}

/// Takes in a backup, as it is, in the body.
async fn take_in(
    State(sources): State<Sources>,
    _: Claimed,
    who: Who,
    request: Request,
) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let backups = Arc::clone(&sources.backups);
    let refused = |error: String| Problem::conflict(sentence(&error));
    let mut into = blocking(move || backups.take_in(length)).await?.map_err(refused)?;
    let mut body = request.into_body().into_data_stream();
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        let slow =
            |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "Nothing more came for too long; try again.");
        let next = timeout(SENDS, body.next()).await.map_err(slow)?;
        let is_last = next.is_none();
        if let Some(bytes) = next {
            piece.extend_from_slice(
                &bytes.map_err(|_| Problem::unfit("What was sent did not arrive whole; try again."))?,
            );
        }
        if is_last || piece.len() >= PIECE {
            let write = move || {
                let wrote = into.write(&piece).and_then(|()| if is_last { into.end() } else { Ok(()) });
                piece.clear();
                (wrote, into, piece)
            };
            let wrote;
            (wrote, into, piece) = blocking(write).await?;
            let large = |error: String| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", sentence(&error));
            wrote.map_err(large)?;
        }
        if is_last {
            break;
        }
    }
    drop(into);
    blocking(move || who.note("backup uploaded to be restored")).await?;
    how_far(sources).await
}

/// 202 with the task that tries it.
async fn try_out(
    State(sources): State<Sources>,
    _: Claimed,
    who: Who,
    JsonBody(Passphrase { passphrase }): JsonBody<Passphrase>,
) -> Result<(StatusCode, Json<Task>), Problem> {
    who.require_owner()?;
    let backups = Arc::clone(&sources.backups);
    if blocking(move || backups.restoration()).await?.taken_in.is_none() {
        return Err(Problem::conflict("There is no backup to try; upload one first."));
    }
    let backups = Arc::clone(&sources.backups);
    let task = sources.tasks.start(("trial", "", "bytes"), move |progress| {
        progress.say("Looking whether it is whole, and what is in it.");
        let contents = backups.try_out(&passphrase, &mut reached(progress))?;
        let result = Some(told_contents(&contents));
        Ok(Outcome { message: "Pipit can go on with this backup.".to_owned(), result })
    })?;
    Ok((StatusCode::ACCEPTED, Json(task)))
}

async fn confirm(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    noted(sources, who, "restoration confirmed", |backups| backups.confirm()).await
}

async fn cancel(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    noted(sources, who, "restoration cancelled", |backups| backups.cancel()).await
}

async fn delete_kept(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    noted(sources, who, "what a restoration had set aside deleted", |backups| backups.delete_kept()).await
}

async fn erasure(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let ordered = blocking(move || sources.backups.is_erased_next()).await?;
    Ok(Json(json!({"ordered": ordered})))
}

/// Has everything erased at the next start, for whoever shows the owner's password once more.
async fn order_erasure(
    State(sources): State<Sources>,
    _: Claimed,
    who: Who,
    visitor: Visitor,
    JsonBody(Proof { password }): JsonBody<Proof>,
) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    sources.accounts.prove(&who, password, &visitor).await?;
    noted(sources, who, "factory reset ordered", |backups| backups.erase_next(true)).await
}

async fn cancel_erasure(State(sources): State<Sources>, _: Claimed, who: Who) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    noted(sources, who, "factory reset cancelled", |backups| backups.erase_next(false)).await
}

/// Does it and writes it down.
async fn noted(
    sources: Sources,
    who: Who,
    what: &'static str,
    work: impl FnOnce(&dyn Backups) -> Result<(), String> + Send + 'static,
) -> Result<StatusCode, Problem> {
    let done = blocking(move || {
        work(&*sources.backups)?;
        who.note(what);
        Ok(())
    });
    done.await?.map_err(|error: String| Problem::conflict(sentence(&error)))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn how_far(sources: Sources) -> Result<Json<Value>, Problem> {
    let Restoration { taken_in, tried, confirmed, last } = blocking(move || sources.backups.restoration()).await?;
    let last = last.map(|Last { at, went_back, kept, configuration }| {
        json!({"at": at.to_string(), "went_back": went_back, "kept": kept, "configuration": configuration})
    });
    let tried = tried.as_ref().map(told_contents);
    Ok(Json(json!({"taken_in": taken_in, "tried": tried, "confirmed": confirmed, "last": last})))
}

fn reached(progress: &Progress) -> impl FnMut(u64, u64) -> bool + '_ {
    |done, all| {
        progress.reached(done, Some(all));
        !progress.is_cancelled()
    }
}

fn told_of(made: &Made) -> Value {
    json!({"name": made.name, "bytes": made.bytes, "at": made.at.to_string()})
}

fn told_contents(contents: &Contents) -> Value {
    json!({
        "pipit": contents.pipit,
        "made_at": contents.made_at.to_string(),
        "people": contents.people,
        "is_claimed": contents.is_claimed,
        "conversations": contents.conversations,
        "messages": contents.messages,
        "facts": contents.facts,
        "timers": contents.timers,
        "alarms": contents.alarms,
        "announcements": contents.announcements,
        "tokens": contents.tokens,
        "secrets": contents.secrets,
        "has_settings": contents.has_settings,
        "has_configuration": contents.has_configuration,
    })
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/backup", get(shown).post(make).delete(discard))
        .route("/api/backup/file", get(fetch))
        .route("/api/restore", get(restoration).post(confirm).delete(cancel))
        .route(UPLOAD, put(take_in))
        .route("/api/restore/try", post(try_out))
        .route("/api/restore/kept", delete(delete_kept))
        .route("/api/factory-reset", get(erasure).post(order_erasure).delete(cancel_erasure))
}
