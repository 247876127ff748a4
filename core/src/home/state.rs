//! What is known of how an entity is, and how its messages tell it.

use std::fmt;

use super::template::{Message, Templates};

/// The longest text of a sensor that is kept, in bytes.
const LONGEST_TEXT: usize = 256;

/// How something is, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Turned on, or for a binary sensor: it has noticed something.
    On,
    /// Turned off, or for a binary sensor: it has noticed nothing.
    Off,
    /// Open, if only by a hand's breadth.
    Open,
    /// On its way to open.
    Opening,
    /// Wholly closed.
    Closed,
    /// On its way to closed.
    Closing,
    /// Stopped between open and closed.
    Stopped,
    /// Locked.
    Locked,
    /// About to be locked.
    Locking,
    /// Not locked.
    Unlocked,
    /// About to be unlocked.
    Unlocking,
    /// A lock that could do neither.
    Jammed,
    /// What a sensor measures, or the word of a device that has words of its own: "21.5", "heat", "armed_away", "docked".
    Other(String),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::On => "on",
            Status::Off => "off",
            Status::Open => "open",
            Status::Opening => "opening",
            Status::Closed => "closed",
            Status::Closing => "closing",
            Status::Stopped => "stopped",
            Status::Locked => "locked",
            Status::Locking => "locking",
            Status::Unlocked => "unlocked",
            Status::Unlocking => "unlocking",
            Status::Jammed => "jammed",
            Status::Other(word) => word,
        })
    }
}

/// What is known of how an entity is. What is `None` has not been told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// How it is.
    pub status: Option<Status>,
    /// Brightness, position or speed, in percent.
    pub level: Option<f64>,
    /// What it is set to: degrees, or a number of its own scale.
    pub target: Option<f64>,
    /// What it measures, in the same scale.
    pub current: Option<f64>,
    /// Whether the above is what it was told to do last, and not what it said.
    pub assumed: bool,
}

/// A topic that tells of a state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub(super) topic: String,
    pub(super) template: Option<String>,
    pub(super) reads: Reads,
}

/// How what is told is to be understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reads {
    /// As one of these words.
    Words(Vec<(String, Status)>),
    /// As it is.
    Text,
    /// As a number between those for 0 % and for 100 %; what it is at 0 % and above it, if that follows.
    Level { zero: f64, full: f64, is: Option<[Status; 2]> },
    /// As what it is set to.
    Target,
    /// As what it measures.
    Current,
    /// As an object with a state and a brightness of this scale.
    JsonLight { scale: f64 },
}

impl Source {
    /// Enters into `state` what `message` says; what it does not speak of stays.
    pub(super) fn read(&self, templates: &Templates, message: &Message<'_>, state: &mut State) {
        if let Reads::JsonLight { scale } = self.reads {
            return read_json_light(message, scale, state);
        }
        let Some(text) = templates.read(self.template.as_deref(), message) else { return };
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        state.assumed = false;
        match &self.reads {
            Reads::Words(words) => read_word(words, text, message, state),
            Reads::Text => state.status = (!is_none(text)).then(|| Status::Other(shortened(text))),
            Reads::Level { zero, full, is } => {
                let Some(number) = number(text) else { return };
                let percent = ((number - zero) / (full - zero) * 100.0).clamp(0.0, 100.0).round();
                state.level = Some(percent);
                if let Some([at_zero, above]) = is {
                    state.status = Some(if percent == 0.0 { at_zero.clone() } else { above.clone() });
                }
            }
            Reads::Target => state.target = number(text).or(state.target),
            Reads::Current => state.current = number(text).or(state.current),
            Reads::JsonLight { .. } => {}
        }
    }
}

fn read_word(words: &[(String, Status)], text: &str, message: &Message<'_>, state: &mut State) {
    let known = |text: &str| words.iter().find(|(word, _)| is_same(word, text)).map(|(_, status)| status.clone());
    // Sirens and valves may put the word into an object.
    let inside = || known(message.json()?.get("state")?.as_str()?);
    match known(text).or_else(inside) {
        Some(status) => state.status = Some(status),
        None if is_none(text) => state.status = None,
        None => {}
    }
}

fn read_json_light(message: &Message<'_>, scale: f64, state: &mut State) {
    let Some(object) = message.json().and_then(serde_json::Value::as_object) else { return };
    state.assumed = false;
    match object.get("state") {
        Some(serde_json::Value::String(word)) if word == "ON" => state.status = Some(Status::On),
        Some(serde_json::Value::String(word)) if word == "OFF" => state.status = Some(Status::Off),
        Some(serde_json::Value::Null) => state.status = None,
        Some(_) | None => {}
    }
    if let Some(brightness) = object.get("brightness").and_then(serde_json::Value::as_f64) {
        state.level = Some((brightness / scale * 100.0).clamp(0.0, 100.0).round());
    }
}

/// Templates write "True" as Python does, and JSON "true".
pub(super) fn is_same(word: &str, text: &str) -> bool {
    word == text
        || (word.eq_ignore_ascii_case(text) && ["true", "false"].iter().any(|it| it.eq_ignore_ascii_case(word)))
}

/// How a template, or a device, says that it does not know.
fn is_none(text: &str) -> bool {
    text == "None" || text == "none" || text == "null"
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn shortened(text: &str) -> String {
    let end = (0..=text.len().min(LONGEST_TEXT)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}
