//! `/api/house`: how it stands with the MQTT broker, what was found there, and what was last commanded.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use pipit_core::chat::Tier;
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking, sentence};

/// Gives how it stands with the home; `None` where none is connected.
pub type House = Arc<dyn Fn() -> Option<HouseState> + Send + Sync>;

/// How it stands with the home.
#[derive(Clone, Debug, PartialEq)]
pub struct HouseState {
    /// The connection to the broker.
    pub link: Link,
    /// How far away the broker is.
    pub tier: Tier,
    /// Under which topics devices make themselves known.
    pub discovery: String,
    /// Devices that are known.
    pub devices: usize,
    /// Those of them that can't be reached, or of which nothing was heard yet.
    pub away: usize,
    /// What was last commanded, since the start.
    pub last: Option<LastCommand>,
    /// The last messages that were ignored, the newest first: when, and why.
    pub ignored: Vec<(Timestamp, String)>,
}

/// A connection to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not there yet.
    Connecting,
    /// There.
    Connected,
    /// Not there, and why; it is tried again.
    Failed(String),
}

/// Something that was commanded. Who wanted it is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCommand {
    /// When.
    pub at: Timestamp,
    /// What, such as `turn on: Ceiling light (Kitchen)`.
    pub what: String,
    /// Why it was not done, or not wholly; `None` where it was.
    pub failed: Option<String>,
}

async fn read(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_resident()?;
    // The registry may be at work on a message.
    let state = blocking(move || (sources.house)()).await?;
    Ok(Json(state.map_or(Value::Null, |state| told(&state))))
}

fn told(state: &HouseState) -> Value {
    let (link, why) = match &state.link {
        Link::Connecting => ("connecting", None),
        Link::Connected => ("connected", None),
        Link::Failed(why) => ("failed", Some(sentence(why))),
    };
    let last = state.last.as_ref().map(|LastCommand { at, what, failed }| {
        json!({"at": at.to_string(), "what": what, "failed": failed.as_deref().map(sentence)})
    });
    let ignored: Vec<_> =
        state.ignored.iter().map(|(at, why)| json!({"at": at.to_string(), "why": sentence(why)})).collect();
    json!({
        "link": link,
        "why": why,
        "tier": state.tier.name(),
        "discovery": state.discovery,
        "devices": state.devices,
        "away": state.away,
        "last": last,
        "ignored": ignored,
    })
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/house", get(read))
}
