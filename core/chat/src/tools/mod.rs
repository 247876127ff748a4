//! What a language model can have done: Pipit's own tools, and those of servers that the owner has named.
//!
//! A model only asks. Whether a tool is used is decided here, by code: by its risk, by what the turn has read, and by the
//! people at home. What a tool returns is read by the model and obeyed by nobody.

mod built_in;
mod confirm;
mod home;
mod mcp;
mod toolbox;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Zoned;
use pipit_core::chat::{Door, Risk, Tier, ToolCall, ToolSpec};
use pipit_store::Store;
use serde_json::{Map, Value};

use crate::reply::DeviceAction;

use built_in::built_in;
pub use confirm::Confirmation;
pub(crate) use confirm::{Answer, Confirmations, Pending};
pub(crate) use home::spoken;
pub use home::{HOME_CONTROL, Home, HomeCommand};
use home::{NO_HOME, home_control};
pub use mcp::{McpServer, McpSettings, McpTool};
pub(crate) use toolbox::{Offered, TIME_LIMIT, ToolBox, Turn, Used, run};

/// Something that a model may want used. Whoever adds one gives it to [`crate::Engine::offer`].
pub trait Tool: Send + Sync {
    /// What a model is told of it.
    fn spec(&self) -> &ToolSpec;

    /// What this use of it may do.
    fn risk(&self, call: &ToolCall) -> Risk {
        let _ = call;
        self.spec().risk
    }

    /// This use of it in words, with every argument, for whoever is to confirm it.
    fn describe(&self, call: &ToolCall) -> String {
        confirm::describe(call)
    }

    /// What its results and its effects mean for the rest of the turn.
    fn nature(&self) -> Nature;

    /// How far what it is told travels.
    fn tier(&self) -> Tier {
        Tier::Device
    }

    /// Uses it. The turn is decided by then, and whatever had to be confirmed is.
    ///
    /// # Errors
    /// Why it can't be used, for the model and for the person, in a sentence.
    fn call(
        self: Arc<Self>,
        arguments: Map<String, Value>,
        at: Circumstances,
    ) -> BoxFuture<'static, Result<Done, String>>;
}

/// How far a tool may be trusted with the turn that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// What it returns was made by Pipit or by the person who speaks.
    Own,
    /// It keeps words that are read or said in later turns, so it is not used in a turn that read something of others.
    Remembers,
    /// What it returns may have been written by anybody, to be read by a model.
    Foreign,
}

/// Where and when a tool is used.
#[derive(Clone)]
pub struct Circumstances {
    /// What is remembered for whoever speaks.
    pub store: Store,
    /// The local time.
    pub now: Zoned,
    /// Through which door it was asked for.
    pub door: Door,
    /// By what the ledger knows the turn, if it belongs to one.
    pub turn: Option<i64>,
    /// The volume in percent, if nobody has changed it.
    pub default_volume: u8,
    /// How long an alarm is snoozed where nobody says for how long.
    pub snooze: Duration,
    /// Whether a person has confirmed exactly this.
    pub confirmed: bool,
}

/// What came of using a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// For the model to read.
    pub result: String,
    /// What is left for the device to do.
    pub device: Vec<DeviceAction>,
}

/// A text among a tool's arguments.
fn text_of(arguments: &Map<String, Value>, key: &str) -> Result<String, String> {
    optional_text(arguments, key)?.ok_or_else(|| format!("{key} is missing"))
}

/// A text that need not be there. Models write an empty one, or null, for none.
fn optional_text(arguments: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match arguments.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("{key} must be a text")),
    }
}
