//! The APIs under `/v1`, for the panel and for other programs: chat, conversations, timers, memory and the home as Pipit has them,
//! and OpenAI's for whatever speaks those. Each person sees what is theirs; what they say goes to the same engine and the same models
//! as speech does, behind whoever speaks to the device.

mod announcements;
mod answer;
mod auth;
mod chat;
mod conversations;
mod description;
mod engines;
mod home;
mod memory;
mod openai;
mod prompts;
mod speech;
mod times;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use futures_util::{Stream, StreamExt as _, stream};
use pipit_chat::{ChatError, DeviceAction, Engine};
use pipit_store::{Role, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::warn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Sources;
use crate::account::Who;
use crate::problem::Problem;

use engines::Engines;
pub use home::Entity;
pub use speech::{Recording, Segment, Speak, SpeechProblem, ToSpeak, Transcribe, Transcript};

/// The longest body but for recordings, in bytes. A long conversation has some hundred thousand.
const LONGEST_BODY: usize = 1 << 20;

/// Replies that are given at once. A house has a handful of people, and a language model on the device does one after the other.
const REPLIES: usize = 8;
/// Recordings that are transcribed at once: each may hold some forty megabytes of sound.
const TRANSCRIPTIONS: usize = 2;
/// Texts that are spoken at once.
const SPEECHES: usize = 4;

/// Whoever takes nothing of a reply for so long has gone.
const TAKES: Duration = Duration::from_secs(60);

/// What the APIs are made of. Clones share everything.
#[derive(Clone)]
pub struct Apis {
    /// The chat core, for whoever it is asked by.
    pub(crate) engine: Engine,
    transcribe: Transcribe,
    speak: Speak,
    entities: Entities,
    on_device: OnDevice,
    shared: Arc<Shared>,
}

/// Gives what is known of the home.
pub type Entities = Arc<dyn Fn() -> Vec<Entity> + Send + Sync>;

/// Does what only the device can do.
pub type OnDevice = Arc<dyn Fn(DeviceAction) + Send + Sync>;

struct Shared {
    engines: Engines,
    replies: Arc<Semaphore>,
    transcriptions: Arc<Semaphore>,
    speeches: Arc<Semaphore>,
}

impl Apis {
    /// Chat by `engine`, speech by the other two, and neither home nor device yet.
    pub fn new(engine: Engine, transcribe: Transcribe, speak: Speak) -> Apis {
        let at_once = |number| Arc::new(Semaphore::new(number));
        let shared = Shared {
            engines: Engines::default(),
            replies: at_once(REPLIES),
            transcriptions: at_once(TRANSCRIPTIONS),
            speeches: at_once(SPEECHES),
        };
        let (entities, on_device): (Entities, OnDevice) = (Arc::new(Vec::new), Arc::new(|_| {}));
        Apis { engine, transcribe, speak, entities, on_device, shared: Arc::new(shared) }
    }

    /// The same with this home.
    #[must_use]
    pub fn at_home(self, entities: Entities) -> Apis {
        Apis { entities, ..self }
    }

    /// The same for a device that does what only it can.
    #[must_use]
    pub fn on_device(self, on_device: OnDevice) -> Apis {
        Apis { on_device, ..self }
    }

    /// The engine for whoever asks.
    fn engine_of(&self, who: &Who) -> Engine {
        self.shared.engines.of(&self.engine, &who.store, who.person.role == Role::Guest)
    }
}

/// All routes, and the description of them.
pub(crate) fn routes() -> Router<Sources> {
    let (router, about) = OpenApiRouter::with_openapi(description::beginning())
        .routes(routes!(auth::token))
        .routes(routes!(auth::revoke))
        .routes(routes!(chat::chat))
        .routes(routes!(chat::confirm))
        .routes(routes!(conversations::list, conversations::create))
        .routes(routes!(conversations::show, conversations::change, conversations::delete))
        .routes(routes!(conversations::find))
        .routes(routes!(conversations::message, conversations::delete_message))
        .routes(routes!(prompts::list))
        .routes(routes!(prompts::show, prompts::set))
        .routes(routes!(announcements::list, announcements::make))
        .routes(routes!(announcements::cancel))
        .routes(routes!(times::timers, times::start))
        .routes(routes!(times::cancel))
        .routes(routes!(times::alarms))
        .routes(routes!(home::entities))
        .routes(routes!(memory::list, memory::remember))
        .routes(routes!(memory::forget))
        .routes(routes!(openai::models::list))
        .routes(routes!(openai::completions::complete))
        .routes(routes!(openai::speech::speak))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(openai::transcriptions::transcribe))
                .layer(DefaultBodyLimit::max(openai::transcriptions::LONGEST_BODY)),
        )
        .split_for_parts();
    router.route("/v1/openapi.json", description::page(about))
}

/// Has the store do something where it holds nobody up.
async fn in_store<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || work(&store)).await {
        Ok(outcome) => outcome.map_err(Problem::from),
        Err(_) => Err(stopping()),
    }
}

/// Deletes something for good: from the copy of last night too, which is made anew if there is one.
async fn erase<T: Send + 'static>(
    store: &Store,
    delete: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    in_store(store, move |store| {
        let is_copied = store.backed_up_at().is_some();
        let deleted = delete(store)?;
        if is_copied {
            store.back_up()?;
        }
        Ok(deleted)
    })
    .await
}

/// A place among those that are served at once.
fn place_in(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(semaphore).try_acquire_owned().map_err(|_| busy("Pipit is busy with others; try again in a moment."))
}

/// Passes on what comes, to whoever takes it: nothing comes any more once they have gone or take nothing. Until then it holds `permit`.
fn passed_on<T: Send + 'static>(
    from: impl Stream<Item = T> + Send + 'static,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = T> + Send {
    // Nothing is made far ahead of somebody who takes it slowly.
    let (to, passed) = mpsc::channel(1);
    tokio::spawn(async move {
        let _permit = permit;
        let mut from = Box::pin(from);
        loop {
            let next = tokio::select! {
                biased;
                () = to.closed() => break,
                next = from.next() => next,
            };
            let Some(next) = next else { break };
            if !matches!(tokio::time::timeout(TAKES, to.send(next)).await, Ok(Ok(()))) {
                break;
            }
        }
    });
    stream::unfold(passed, |mut passed| async move { Some((passed.recv().await?, passed)) })
}

/// The answer where others have to be done with first.
fn busy(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).after(Duration::from_secs(5))
}

fn stopping() -> Problem {
    Problem::unavailable("Pipit is ending; try again when it has started.")
}

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Problem {
        let wait = match &error {
            ChatError::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        };
        let (status, code) = match error {
            ChatError::Store(error) => return error.into(),
            ChatError::Stopping => return stopping(),
            ChatError::NothingToConfirm => (StatusCode::NOT_FOUND, "not_found"),
            ChatError::NotDone(_) => (StatusCode::CONFLICT, "not_done"),
            ChatError::ContextTooLong { .. } => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            ChatError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "model_failed"),
        };
        if code == "model_failed" {
            warn!("{error}");
        }
        let problem = Problem::new(status, code, error.spoken());
        match wait {
            Some(wait) => problem.after(wait),
            None => problem,
        }
    }
}
