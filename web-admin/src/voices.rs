//! `/api/voices`: who can speak, what they sound like, and how fast. Which of them speaks is chosen by `/api/control`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};

/// Characters of what is said to try a voice.
const LONGEST: usize = 300;

/// Voices that are tried at once: each is a model that is loaded for it.
static TRYING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));

/// The voices, as the panel needs them. What fails says why, as errors do.
pub trait Voices: Send + Sync {
    /// Who can speak.
    fn list(&self) -> List;

    /// Has the voice of this name speak, also one that is not at work, and gives that as a WAV file; or plays it on the device once
    /// nobody speaks there, waits until it was heard, and gives nothing. Gives up soon once `cancelled` is raised. May take seconds.
    ///
    /// # Errors
    /// There is no such voice, or it does not speak, or was not heard.
    fn preview(
        &self,
        name: &str,
        text: &str,
        on_device: bool,
        cancelled: &Arc<AtomicBool>,
    ) -> Result<Option<Vec<u8>>, String>;

    /// Speaks at this speed from the next clause on, and after a restart: 1 is the voice's own.
    ///
    /// # Errors
    /// It can't be kept.
    fn set_speed(&self, speed: f32) -> Result<(), String>;
}

/// Who can speak.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct List {
    /// Each voice.
    pub voices: Vec<Voice>,
    /// Voices that came since the start, and are known from the next one on.
    pub waiting: Vec<String>,
    /// How fast they speak: 1 is the voice's own.
    pub speed: f32,
}

/// A voice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Voice {
    /// By which it is chosen, such as `kokoro af_heart`.
    pub name: String,
    /// Its engine, or the service.
    pub engine: String,
    /// The engine's own name for it.
    pub own_name: String,
    /// How far away it is: `on this device`, `in the house` or `leaves the house`.
    pub tier: &'static str,
    /// The model of the catalogue that it needs.
    pub model: Option<String>,
    /// Bytes of that model.
    pub bytes: Option<u64>,
    /// Seconds of work per second of speech on this board, where that is known.
    pub factor: Option<f64>,
    /// Whether that was measured here.
    pub measured: bool,
    /// Whether it speaks now.
    pub at_work: bool,
    /// Whether its speed can be chosen.
    pub has_speed: bool,
}

/// Gives up what is done for somebody who has gone.
struct WhileWaiting(Arc<AtomicBool>);

impl Drop for WhileWaiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preview {
    voice: String,
    text: String,
    /// Whether it is to be heard on the device in place of the browser.
    #[serde(default)]
    on_device: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speed {
    speed: f32,
}

fn voices(sources: &Sources, who: &Who) -> Result<Arc<dyn Voices>, Problem> {
    who.require_owner()?;
    sources.voices.clone().ok_or_else(|| Problem::unavailable("Pipit has no voices here."))
}

async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<List>, Problem> {
    let voices = voices(&sources, &who)?;
    Ok(Json(blocking(move || voices.list()).await?))
}

/// 200 with a WAV file, or 204 once it was heard on the device.
async fn preview(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Preview { voice, text, on_device }): JsonBody<Preview>,
) -> Result<Response, Problem> {
    let voices = voices(&sources, &who)?;
    let text = text.trim().to_owned();
    if !text.chars().any(char::is_alphanumeric) || text.chars().count() > LONGEST {
        return Err(Problem::unfit(format!("The text must have words, and at most {LONGEST} characters.")));
    }
    let trying = TRYING.try_acquire();
    let trying = trying.map_err(|_| Problem::conflict("Another voice is being tried; wait until it has spoken."))?;
    let waiting = WhileWaiting(Arc::default());
    let cancelled = Arc::clone(&waiting.0);
    let said = blocking(move || {
        let _trying = trying;
        voices.preview(&voice, &text, on_device, &cancelled)
    });
    let said = said.await?.map_err(|why| Problem::new(StatusCode::CONFLICT, "refused", sentence(&why)))?;
    drop(waiting);
    Ok(match said {
        Some(wav) => wav_file(wav),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// 200 with a WAV file that is kept nowhere.
pub(crate) fn wav_file(wav: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "audio/wav"), (header::CACHE_CONTROL, "no-store")], wav).into_response()
}

async fn set_speed(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Speed { speed }): JsonBody<Speed>,
) -> Result<StatusCode, Problem> {
    let voices = voices(&sources, &who)?;
    if !(0.5..=2.0).contains(&speed) {
        return Err(Problem::unfit("The speed must be a number from 0.5 to 2."));
    }
    let kept = blocking(move || {
        voices.set_speed(speed)?;
        who.note(&format!("speaking speed {speed}"));
        Ok(())
    });
    kept.await?.map_err(|why: String| Problem::unavailable(sentence(&why)))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/voices", get(list))
        .route("/api/voices/preview", post(preview))
        .route("/api/voices/speed", put(set_speed))
}
