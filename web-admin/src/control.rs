//! `/api/state`, `/api/choices` and `/api/control`: how Pipit is, and what can be changed while it runs. What may be done is decided
//! by [`pipit_core::control`], and who may do it here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use pipit_core::control::{Choices, Command};
use pipit_store::Role;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};
use crate::{Snapshot, Sources};

/// Carries out a command; says why not if it is not, as an error does.
pub type CarryOut = Arc<dyn Fn(Command) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What is wanted: one of these, with its value.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Mute(bool),
    Volume(f64),
    WakeMode(String),
    Tier(String),
    Voice(String),
    Model(String),
    Stop(bool),
    Announce(String),
    Restart(bool),
}

impl Wanted {
    fn command(self, choices: &Choices) -> Result<Command, Problem> {
        let none = |what: &str| {
            Problem::conflict(format!("There is no such {what} here; /api/choices tells which there are."))
        };
        let only_true = |command, wanted| {
            if wanted { Ok(command) } else { Err(Problem::unfit("Only true means anything here.")) }
        };
        match self {
            Wanted::Mute(off) => Ok(Command::Mute(off)),
            Wanted::Volume(percent) => Command::volume(&percent.to_string())
                .map_err(|accepted| Problem::unfit(format!("The volume must be {accepted}."))),
            Wanted::WakeMode(name) => {
                let mode = choices.modes.iter().find(|mode| mode.name() == name);
                mode.map(|mode| Command::SetWakeMode(*mode)).ok_or_else(|| none("wake mode"))
            }
            Wanted::Tier(name) => {
                let tier = choices.tiers.iter().find(|tier| tier.name() == name);
                tier.map(|tier| Command::SetWidest(*tier)).ok_or_else(|| none("tier"))
            }
            Wanted::Voice(name) => Ok(Command::SetVoice(name)),
            Wanted::Model(name) => Ok(Command::SetModel(name)),
            Wanted::Stop(wanted) => only_true(Command::Stop, wanted),
            Wanted::Announce(text) => {
                Command::announcement(&text).map_err(|accepted| Problem::unfit(format!("The text must be {accepted}.")))
            }
            Wanted::Restart(wanted) => only_true(Command::Restart, wanted),
        }
    }
}

/// What the audit log says of a command. What people want said is not in it.
fn described(command: &Command) -> String {
    match command {
        Command::Mute(off) => format!("microphone {}", if *off { "off" } else { "on" }),
        Command::SetVolume(percent) => format!("volume {percent} %"),
        Command::SetWakeMode(mode) => format!("wake mode {}", mode.name()),
        Command::SetWidest(tier) => format!("servers {}", tier.name()),
        Command::SetVoice(name) => format!("voice {name}"),
        Command::SetModel(name) => format!("recogniser {name}"),
        Command::Announce(_) => "announcement".to_owned(),
        Command::Stop => "stop".to_owned(),
        Command::Restart => "restart".to_owned(),
    }
}

/// What is at hand is for everybody who lives there; what changes how much is heard or told is the owner's.
fn judge(who: &Who, command: &Command) -> Result<(), Problem> {
    let is_at_hand = matches!(command, Command::SetVolume(_) | Command::Stop | Command::Announce(_));
    match who.person.role {
        Role::Owner => Ok(()),
        Role::Member if is_at_hand => Ok(()),
        Role::Member => Err(Problem::forbidden("Only the owner may change this; ask them.")),
        Role::Guest => Err(Problem::forbidden("Guests may change nothing; ask somebody who lives here.")),
    }
}

async fn state(State(sources): State<Sources>, _: Who) -> Json<Snapshot> {
    Json(sources.snapshots.borrow().clone())
}

async fn choices(State(sources): State<Sources>, _: Who) -> Json<Value> {
    let Choices { modes, tiers, voices, models, restart, .. } = &*sources.choices;
    let modes: Vec<_> = modes.iter().map(|mode| mode.name()).collect();
    let tiers: Vec<_> = tiers.iter().map(|tier| tier.name()).collect();
    let (voices, models): (Vec<_>, Vec<_>) = (voices.names().collect(), models.names().collect());
    Json(json!({"wake_modes": modes, "tiers": tiers, "voices": voices, "models": models, "restart": restart}))
}

/// 204 once it is done, or 409 with what refused it.
async fn control(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<StatusCode, Problem> {
    let command = wanted.command(&sources.choices)?;
    judge(&who, &command)?;
    let what = described(&command);
    let refused = |why: String| Problem::new(StatusCode::CONFLICT, "refused", sentence(&why));
    (sources.control)(command).await.map_err(refused)?;
    blocking(move || who.note(&what)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/state", get(state))
        .route("/api/choices", get(choices))
        .route("/api/control", post(control))
}
