//! `/api/models`: what there is of the catalogue, and what the owner does with it. Which files those are is for the daemon to know:
//! nothing here names one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use futures_util::StreamExt as _;
use pipit_core::control::Command;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking, sentence};
use crate::tasks::{Outcome, Progress, Task};

/// Where files are sent to. What is sent is no JSON.
pub(crate) const UPLOAD: &str = "/api/models/upload";

/// Whoever sends a file and then nothing for so long has gone.
const SENDS: Duration = Duration::from_secs(30);

/// Pieces of a file that wait for the disk: some hundred kilobytes.
const PIECES: usize = 8;

/// The models folder, as the panel needs it. Everything here may wait for the disk; what fails says why, as errors do.
pub trait Shelf: Send + Sync {
    /// What there is.
    ///
    /// # Errors
    /// The owner's own catalogue is wrong.
    fn list(&self) -> Result<Models, String>;

    /// Downloads a model, or what is missing of it.
    ///
    /// # Errors
    /// It is not there whole: why, and what to do.
    fn pull(&self, name: &str, progress: &Progress) -> Result<Outcome, String>;

    /// Compares a model's files with their hashes.
    ///
    /// # Errors
    /// A file is missing or not what it should be, or can't be read.
    fn verify(&self, name: &str, progress: &Progress) -> Result<Outcome, String>;

    /// Measures how fast a model is on this board.
    ///
    /// # Errors
    /// It can't be loaded, or does not work.
    fn measure(&self, name: &str, progress: &Progress) -> Result<Outcome, String>;

    /// Takes what there is of the catalogue in the folder that the configuration names.
    ///
    /// # Errors
    /// There is no such folder, or the disk refuses.
    fn import(&self, progress: &Progress) -> Result<Outcome, String>;

    /// Takes a file, whose `pieces` end with nothing once it is whole, or with `Err` where the rest does not come. Gives the name of
    /// the file.
    ///
    /// # Errors
    /// It is no file of the catalogue, or the disk refuses.
    fn take(&self, announced: Option<u64>, pieces: mpsc::Receiver<Result<Vec<u8>, ()>>) -> Result<String, String>;

    /// Removes a model's files.
    ///
    /// # Errors
    /// It is at work, or needed, or the disk refuses.
    fn remove(&self, name: &str) -> Result<(), String>;

    /// Finds out how a recogniser is put to work.
    ///
    /// # Errors
    /// It can't be: why.
    fn usable(&self, name: &str) -> Result<Usable, String>;

    /// Keeps that this recogniser is to work from the next start on.
    ///
    /// # Errors
    /// It can't be kept.
    fn use_from_next_start(&self, name: &str) -> Result<(), String>;
}

/// When a recogniser can be put to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usable {
    /// At once.
    Now,
    /// It came since the start, and is known from the next one on.
    FromNextStart,
}

/// What there is of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Models {
    /// Every entry.
    pub models: Vec<Model>,
    /// What the board is called.
    pub board: String,
    /// Its cores.
    pub cores: usize,
    /// Bytes of memory that models may take.
    pub memory: u64,
    /// Bytes that are free where models lie, if that is known.
    pub free: Option<u64>,
    /// The folder from which models are imported, if the configuration names one.
    pub import_from: Option<String>,
    /// The recogniser and the voice that suit this board best.
    pub recommended: Vec<String>,
    /// What recognised speech before the one that does now, if that can be chosen.
    pub former: Option<String>,
}

/// An entry of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// What it is called.
    pub name: String,
    /// What it is for: `stt`, `tts`, `vad`, `turn`, `wake`, `intents` or `runtime`.
    pub kind: &'static str,
    /// A sentence for people.
    pub about: String,
    /// The licence.
    pub licence: String,
    /// Bytes of all files, where that is known.
    pub bytes: Option<u64>,
    /// Bytes of memory at work.
    pub memory: u64,
    /// Bytes that are on the disk now.
    pub on_disk: u64,
    /// `installed`, `partial`, `absent` or `corrupt`.
    pub state: &'static str,
    /// `download`, `setup` or `in the box`.
    pub source: &'static str,
    /// The server that it is downloaded from.
    pub host: Option<String>,
    /// Whether this board can afford it.
    pub fits: bool,
    /// Why, in words.
    pub fit: String,
    /// Seconds of work per second of sound, if that is known.
    pub factor: Option<f64>,
    /// Whether that was measured here.
    pub measured: bool,
    /// Whether it is at work, or needed by what is.
    pub at_work: bool,
    /// Whether speed is what it is chosen by, so that it can be measured.
    pub measurable: bool,
}

fn shelf(sources: &Sources, who: &Who) -> Result<Arc<dyn Shelf>, Problem> {
    who.require_owner()?;
    sources.models.clone().ok_or_else(|| Problem::unavailable("Pipit has no models folder here."))
}

async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Models>, Problem> {
    let shelf = shelf(&sources, &who)?;
    let listed = blocking(move || shelf.list()).await?;
    listed.map(Json).map_err(|why| Problem::conflict(sentence(&why)))
}

/// What takes a while with one model.
type Work = fn(&dyn Shelf, &str, &Progress) -> Result<Outcome, String>;

async fn begin(
    sources: Sources,
    who: Who,
    (kind, name, unit): (&'static str, String, &'static str),
    work: Work,
) -> Result<Response, Problem> {
    let shelf = shelf(&sources, &who)?;
    let looked = Arc::clone(&shelf);
    let listed = blocking(move || looked.list()).await?.map_err(|why| Problem::conflict(sentence(&why)))?;
    if !listed.models.iter().any(|model| model.name == name) {
        return Err(Problem::not_found("There is no such model in the catalogue; list them again."));
    }
    let (noted, about) = (format!("{kind} of {name}"), name.clone());
    let work = move |progress: &Progress| work(&*shelf, &name, progress).map_err(|why| sentence(&why));
    let task = sources.tasks.start((kind, &about, unit), work)?;
    blocking(move || who.note(&noted)).await?;
    Ok(accepted(task))
}

/// 202 with the task.
pub(crate) fn accepted(task: Task) -> Response {
    (StatusCode::ACCEPTED, Json(task)).into_response()
}

async fn pull(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<Response, Problem> {
    begin(sources, who, ("pull", name, "bytes"), |shelf, name, progress| shelf.pull(name, progress)).await
}

async fn verify(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<Response, Problem> {
    begin(sources, who, ("verify", name, "bytes"), |shelf, name, progress| shelf.verify(name, progress)).await
}

async fn measure(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<Response, Problem> {
    begin(sources, who, ("measure", name, ""), |shelf, name, progress| shelf.measure(name, progress)).await
}

async fn import(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    let shelf = shelf(&sources, &who)?;
    let work = move |progress: &Progress| shelf.import(progress).map_err(|why| sentence(&why));
    let task = sources.tasks.start(("import", "", "bytes"), work)?;
    blocking(move || who.note("import of models")).await?;
    Ok(accepted(task))
}

/// 201 with the file's name, once it is on the disk under it.
async fn upload(State(sources): State<Sources>, who: Who, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let shelf = shelf(&sources, &who)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let (pieces, received) = mpsc::channel(PIECES);
    let taken = tokio::task::spawn_blocking(move || shelf.take(announced, received));
    let mut stream = body.into_data_stream();
    loop {
        let piece = match tokio::time::timeout(SENDS, stream.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(bytes))) => Ok(bytes.to_vec()),
            // Whoever sends it has gone, or its network has.
            Ok(Some(Err(_))) | Err(_) => Err(()),
        };
        // Nobody takes it any more where it turned out to be unfit.
        if pieces.send(piece).await.is_err() {
            break;
        }
    }
    drop(pieces);
    let taken = taken.await.map_err(|_| Problem::unavailable("Pipit is ending; try again soon."))?;
    let file = taken.map_err(|why| Problem::new(StatusCode::CONFLICT, "refused", sentence(&why)))?;
    let noted = format!("file {file} sent");
    blocking(move || who.note(&noted)).await?;
    Ok((StatusCode::CREATED, Json(json!({"file": file}))).into_response())
}

async fn remove(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let shelf = shelf(&sources, &who)?;
    let removed = blocking(move || {
        let known = shelf.list()?.models.iter().any(|model| model.name == name);
        if !known {
            return Ok(None);
        }
        shelf.remove(&name)?;
        who.note(&format!("model {name} removed"));
        Ok(Some(()))
    });
    let removed = removed.await?.map_err(|why: String| Problem::conflict(sentence(&why)))?;
    removed.ok_or_else(|| Problem::not_found("There is no such model in the catalogue; list them again."))?;
    Ok(StatusCode::NO_CONTENT)
}

/// 200 with `{"when"}`: `now`, `restarting`, or `next start` where nobody starts Pipit again.
async fn put_to_work(sources: Sources, who: Who, name: String) -> Result<Response, Problem> {
    let shelf = shelf(&sources, &who)?;
    let (looked, wanted) = (Arc::clone(&shelf), name.clone());
    let refused = |why: String| Problem::new(StatusCode::CONFLICT, "refused", sentence(&why));
    let when = match blocking(move || looked.usable(&wanted)).await?.map_err(refused)? {
        Usable::Now => {
            (sources.control)(Command::SetModel(name.clone())).await.map_err(refused)?;
            "now"
        }
        Usable::FromNextStart => {
            let wanted = name.clone();
            blocking(move || shelf.use_from_next_start(&wanted)).await?.map_err(refused)?;
            if sources.choices.restart { "restarting" } else { "next start" }
        }
    };
    let noted = format!("recogniser {name}");
    blocking(move || who.note(&noted)).await?;
    if when == "restarting" {
        (sources.control)(Command::Restart).await.map_err(refused)?;
    }
    Ok(Json(json!({"when": when})).into_response())
}

async fn use_it(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<Response, Problem> {
    put_to_work(sources, who, name).await
}

async fn roll_back(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    let shelf = shelf(&sources, &who)?;
    let listed = blocking(move || shelf.list()).await?.map_err(|why| Problem::conflict(sentence(&why)))?;
    let none = || Problem::conflict("There is no other recogniser to go back to; choose one in the list.");
    put_to_work(sources, who, listed.former.ok_or_else(none)?).await
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/models", get(list))
        .route("/api/models/import", post(import))
        .route("/api/models/rollback", post(roll_back))
        .route(UPLOAD, post(upload))
        .route("/api/models/{name}", delete(remove))
        .route("/api/models/{name}/pull", post(pull))
        .route("/api/models/{name}/verify", post(verify))
        .route("/api/models/{name}/measure", post(measure))
        .route("/api/models/{name}/use", post(use_it))
}
