//! `/api/welcome`: how far the owner has come in setting Pipit up, so that it is left and come back to.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking};

/// What the configuration says of what is set up first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Household {
    /// Whether there is an MQTT broker.
    pub mqtt: bool,
    /// Whether a language model may be asked.
    pub llm: bool,
}

/// The steps, in their order, and what stands after the last.
const STEPS: [&str; 6] = ["room", "sound", "model", "wake", "more", "done"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reached {
    step: String,
}

async fn welcome(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let store = sources.accounts.device_store();
    let step = blocking(move || store.welcome_step()).await??;
    let step = step.filter(|step| STEPS.contains(&step.as_str())).unwrap_or_else(|| STEPS[0].to_owned());
    Ok(Json(json!({"step": step, "household": *sources.household})))
}

async fn reach(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Reached { step }): JsonBody<Reached>,
) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    if !STEPS.contains(&step.as_str()) {
        return Err(Problem::unfit(format!("The step must be one of {}.", STEPS.join(", "))));
    }
    let store = sources.accounts.device_store();
    blocking(move || store.set_welcome_step(&step)).await??;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/welcome", get(welcome).put(reach))
}
