//! `/api/audio`: microphones and speakers, and whether they work. What is recorded to try them is kept in memory for some minutes,
//! and for the owner alone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::models::accepted;
use crate::problem::{Problem, blocking, sentence};
use crate::tasks::{Outcome, Progress};
use crate::voices::wav_file;

/// Seconds that a recording may have.
const LONGEST: u32 = 15;

/// Sound in and out, as the panel needs it. Everything here may take a while; what fails says why, as errors do.
pub trait Sound: Send + Sync {
    /// Which devices there are.
    fn devices(&self) -> Devices;

    /// Plays a tone, once nobody speaks, and waits until it was heard.
    ///
    /// # Errors
    /// It was not heard.
    fn tone(&self, progress: &Progress) -> Result<Outcome, String>;

    /// Records some seconds of the microphone, in place of what was recorded before. Pipit itself hears nothing meanwhile.
    ///
    /// # Errors
    /// The microphone gives nothing, or is switched off.
    fn record(&self, seconds: u32, progress: &Progress) -> Result<Outcome, String>;

    /// What was recorded, as a WAV file, until it is forgotten.
    fn recording(&self) -> Option<Vec<u8>>;

    /// Forgets what was recorded.
    fn forget(&self);

    /// Plays what was recorded, once nobody speaks.
    ///
    /// # Errors
    /// There is nothing, or it was not heard.
    fn play(&self, progress: &Progress) -> Result<Outcome, String>;

    /// Plays a test sound and measures what the microphone hears of it, as `pipit doctor audio` does.
    ///
    /// # Errors
    /// It can't be measured here: why.
    fn echo(&self, progress: &Progress) -> Result<Outcome, String>;
}

/// Which devices there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Devices {
    /// What `audio.backend` says: `cpal`, `wav` or `null`.
    pub backend: &'static str,
    /// What that means, where it is not the machine's microphone and speaker: a sentence.
    pub note: Option<String>,
    /// What `audio.input` says.
    pub input: String,
    /// What `audio.output` says.
    pub output: String,
    /// The microphone that is heard now.
    pub hears: Option<String>,
    /// Why echo can't be measured here, if so.
    pub no_echo: Option<String>,
    /// Why no device can be listed, if so.
    pub problem: Option<String>,
    /// Each microphone.
    pub microphones: Vec<Device>,
    /// Each speaker.
    pub speakers: Vec<Device>,
    /// Whether something is recorded.
    pub recorded: bool,
}

/// A microphone or a speaker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// What names it for certain.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it offers, in words.
    pub formats: String,
    /// Whether it is what the configuration chooses.
    pub chosen: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    seconds: u32,
}

fn sound(sources: &Sources, who: &Who) -> Result<Arc<dyn Sound>, Problem> {
    who.require_owner()?;
    sources.sound.clone().ok_or_else(|| Problem::unavailable("Pipit has no sound here."))
}

async fn devices(State(sources): State<Sources>, who: Who) -> Result<Json<Devices>, Problem> {
    let sound = sound(&sources, &who)?;
    Ok(Json(blocking(move || sound.devices()).await?))
}

async fn begin(
    sources: Sources,
    who: Who,
    (kind, unit): (&'static str, &'static str),
    work: impl FnOnce(&dyn Sound, &Progress) -> Result<Outcome, String> + Send + 'static,
) -> Result<Response, Problem> {
    let sound = sound(&sources, &who)?;
    let task =
        sources.tasks.start((kind, "", unit), move |progress| work(&*sound, progress).map_err(|why| sentence(&why)))?;
    blocking(move || who.note(&format!("sound: {kind}"))).await?;
    Ok(accepted(task))
}

async fn tone(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    begin(sources, who, ("tone", ""), |sound, progress| sound.tone(progress)).await
}

async fn record(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Wanted { seconds }): JsonBody<Wanted>,
) -> Result<Response, Problem> {
    who.require_owner()?;
    if !(1..=LONGEST).contains(&seconds) {
        return Err(Problem::unfit(format!("A recording must have 1 to {LONGEST} seconds.")));
    }
    begin(sources, who, ("record", "seconds"), move |sound, progress| sound.record(seconds, progress)).await
}

async fn recording(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    let sound = sound(&sources, &who)?;
    let wav = blocking(move || sound.recording()).await?;
    wav.map(wav_file)
        .ok_or_else(|| Problem::not_found("Nothing is recorded, or it was forgotten since; record it again."))
}

async fn forget(State(sources): State<Sources>, who: Who) -> Result<StatusCode, Problem> {
    let sound = sound(&sources, &who)?;
    blocking(move || sound.forget()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn play(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    begin(sources, who, ("play", ""), |sound, progress| sound.play(progress)).await
}

async fn echo(State(sources): State<Sources>, who: Who) -> Result<Response, Problem> {
    begin(sources, who, ("echo", "seconds"), |sound, progress| sound.echo(progress)).await
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/audio", get(devices))
        .route("/api/audio/tone", post(tone))
        .route("/api/audio/recording", get(recording).post(record).delete(forget))
        .route("/api/audio/recording/play", post(play))
        .route("/api/audio/echo", post(echo))
}
