//! The panel on the LAN, as a router. It knows the daemon only through the [`Sources`] that it is handed.
//!
//! Who asks is found out in `account`, and what every request has to pass is in `guard`. Whether Pipit is well and what it has
//! been doing, but nothing that anybody said, is told to programs on this machine without a sign-in.
#![forbid(unsafe_code)]

mod account;
mod announce;
pub mod backup;
mod bus;
mod control;
pub mod display;
mod guard;
mod health;
mod hearing;
pub mod house;
mod levels;
mod logs;
mod metrics;
mod models;
mod panel;
mod personas;
pub mod privacy;
mod problem;
pub mod providers;
mod requests;
mod secrets;
mod serve;
pub mod settings;
mod socket;
mod sound;
pub mod support;
mod tasks;
mod turn;
mod turns;
pub mod v1;
mod version;
pub mod voice;
mod voices;
mod welcome;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use pipit_core::control::Choices;
use pipit_store::Store;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

use account::Watcher;
use problem::Problem;

pub use account::{Accounts, AskProvider, CODE_GOOD_FOR, Now, Provider as IdentityProvider, Question, ShowCode};
pub use announce::{Announce, NotAnnounced};
pub use bus::BusEvent;
pub use control::CarryOut;
pub use hearing::{Hearing, Thresholds};
pub use logs::Logs;
pub use metrics::Metrics;
pub use models::{Model, Models, Shelf, Usable};
pub use serve::serve;
pub use socket::Sockets;
pub use sound::{Device, Devices, Sound};
pub use tasks::{Outcome, Progress, Task, TaskState, Tasks};
pub use turn::{Draft, Interruption, Provider, Span, Stage, Timings, TurnRecord, Waterfall};
pub use version::{LastUpdate, Versions};
pub use voices::{List, Voice, Voices};
pub use welcome::Household;

/// The daemon's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// What Pipit is doing: `idle`, `listening`, `hearing`, `weighing`, `thinking` or `speaking`. Speech that is not
    /// meant for Pipit changes nothing here.
    pub phase: &'static str,
    /// The microphone that it listens to, if it hears one.
    pub microphone: Option<String>,
    /// Whether the microphone is switched off, so that nothing of it is heard.
    pub muted: bool,
    /// Loudness of what it says, in percent.
    pub volume: u8,
    /// What makes it listen, as `wake.mode` has it.
    pub wake_mode: &'static str,
    /// How far away servers may be that are asked: `on this device`, `in the house` or `leaves the house`.
    pub widest_tier: &'static str,
    /// The voice that speaks, if one is loaded.
    pub voice: Option<String>,
    /// What recognises speech, if anything is loaded.
    pub recogniser: Option<String>,
    /// Whether Home Assistant's Assist answers what is said, but for what is for Pipit itself.
    pub assist: bool,
    /// Milliseconds of sound that were lost since the start because the machine was too busy to listen.
    pub sound_dropped_ms: u64,
    /// Times since the start that the sound device itself lost sound.
    pub sound_overruns: u64,
    /// What Pipit does without because this machine does not keep up, and why; nothing where it does.
    pub overload: Option<String>,
    /// What is wrong with the board (heat, power, disk) or the configuration and what to do about it, the gravest first. Sentences
    /// without their full stop: what is wrong, and behind a colon what to do.
    pub troubles: Vec<String>,
    /// Turns since the start.
    pub turns: u64,
    /// Times since the start that a word or a phrase woke Pipit.
    pub wakes: u64,
    /// Wakes after which no request came.
    pub wake_false_accepts: u64,
    /// Attempts to wake Pipit that it did not hear, as far as it can know: nearly a wake, and soon after it a wake.
    pub wake_misses: u64,
}

/// Says whether the MQTT broker is connected; nothing where none is configured.
pub type Broker = Arc<dyn Fn() -> Option<bool> + Send + Sync>;

/// Where everything that is served comes from.
#[derive(Clone)]
pub struct Sources {
    /// The newest state.
    pub snapshots: watch::Receiver<Snapshot>,
    /// The event bus. Weak, so that its end is not kept from those who listen.
    pub events: broadcast::WeakSender<BusEvent>,
    /// How loud the microphone hears it, in dB below the loudest that there is.
    pub levels: watch::Receiver<f32>,
    /// What has been counted.
    pub metrics: Arc<Metrics>,
    /// Where the last turns are kept.
    pub store: Store,
    /// Takes what is to be announced.
    pub announce: Announce,
    /// What the APIs under `/v1` are made of.
    pub apis: v1::Apis,
    /// Who may sign in, and who has.
    pub accounts: Accounts,
    /// Everybody who keeps a socket open, and what speaking from one is made of.
    pub sockets: Sockets,
    /// Whether the MQTT broker is connected; nothing where none is configured.
    pub broker: Broker,
    /// What can be chosen.
    pub choices: Arc<Choices>,
    /// Carries out what somebody who may wants changed.
    pub control: CarryOut,
    /// The configuration, as far as the panel may see and change it.
    pub settings: Arc<dyn settings::Settings>,
    /// Makes backups, and restores them.
    pub backups: Arc<dyn backup::Backups>,
    /// Collects what helps others to help.
    pub support: support::Support,
    /// Which other versions of Pipit there are, and how another comes.
    pub versions: Versions,
    /// What takes longer than a request.
    pub tasks: Tasks,
    /// The models folder, where there is one.
    pub models: Option<Arc<dyn Shelf>>,
    /// Who can speak, where anybody can.
    pub voices: Option<Arc<dyn Voices>>,
    /// Sound in and out, where there is any.
    pub sound: Option<Arc<dyn Sound>>,
    /// What the configuration says of what is set up first.
    pub household: Arc<Household>,
    /// How it stands with the home.
    pub house: house::House,
    /// What a display shows, without words.
    pub display: display::Display,
    /// The language models and speech services that may be asked.
    pub providers: Arc<dyn providers::Providers>,
    /// The last lines of the log.
    pub logs: Logs,
    /// What is kept of what people say.
    pub privacy: privacy::Kept,
    /// The certificate of who vouches for this device by TLS, PEM, if anybody does.
    pub authority: Option<Arc<str>>,
    /// The names by which this machine is asked, beside its addresses and those that end in `.local`.
    pub hosts: Arc<[String]>,
}

/// Everything that is served.
pub fn router(sources: Sources) -> Router {
    Router::new()
        .route("/announce", post(announce::announce))
        .route("/events", get(bus::events))
        .route("/levels", get(levels::levels))
        .route("/turns", get(turns::turns))
        .route("/metrics", get(metrics))
        .route("/authority.crt", get(authority))
        .merge(v1::routes())
        .merge(health::routes())
        .merge(account::routes())
        .merge(control::routes())
        .merge(tasks::routes())
        .merge(settings::routes())
        .merge(socket::routes())
        .merge(models::routes())
        .merge(voices::routes())
        .merge(sound::routes())
        .merge(welcome::routes())
        .merge(backup::routes())
        .merge(support::routes())
        .merge(version::routes())
        .merge(logs::routes())
        .merge(privacy::routes())
        .merge(providers::routes())
        .merge(house::routes())
        .merge(display::routes())
        .merge(personas::routes())
        .merge(secrets::routes())
        .fallback(panel::file)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(guard::LARGEST_BODY))
        .layer(from_fn_with_state(sources.clone(), guard::stand))
        .with_state(sources)
}

async fn metrics(State(sources): State<Sources>, _: Watcher) -> impl IntoResponse {
    let snapshot = sources.snapshots.borrow().clone();
    let written = sources.metrics.written(&snapshot) + &metrics::gauges(&snapshot, (sources.broker)());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], written)
}

/// For whoever wants browsers to know this device. It is no secret.
async fn authority(State(sources): State<Sources>) -> Result<impl IntoResponse, Problem> {
    let missing = || Problem::not_found("Nobody vouches for this device; set web.https_listen first.");
    let certificate = sources.authority.ok_or_else(missing)?.to_string();
    Ok(([(header::CONTENT_TYPE, "application/x-x509-ca-cert")], certificate))
}

async fn not_that_way() -> Problem {
    let message = "That can't be done with what is at this address.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message)
}
