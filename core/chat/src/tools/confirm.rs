//! What waits for a person to confirm it: one use of one tool, with exactly these arguments, for a short time.

use std::sync::Arc;
use std::time::Duration;

use pipit_core::chat::{Door, ToolCall};
use serde_json::Value;
use tokio::time::Instant;

use super::Tool;

/// Whoever was asked and has not answered by then has gone to see to something else.
const TIME_TO_LIVE: Duration = Duration::from_secs(30);

/// The shortest PIN that the store takes.
const FEWEST_DIGITS: usize = 4;

/// Something that is not done before somebody confirms it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// By which [`crate::Engine::confirm`] knows it.
    pub id: u64,
    /// What would be done, with every argument, to be read or said.
    pub what: String,
    /// How long it can be confirmed.
    pub within: Duration,
}

/// The one use of a tool that waits. A later one takes its place, so that a "yes" never means something older than what was
/// said last.
#[derive(Default)]
pub(crate) struct Confirmations {
    pending: Option<Pending>,
    last_id: u64,
}

pub(crate) struct Pending {
    pub(crate) id: u64,
    pub(crate) tool: Arc<dyn Tool>,
    pub(crate) call: ToolCall,
    /// What the person was asked.
    pub(crate) what: String,
    pub(crate) door: Door,
    expires: Instant,
}

/// What a request says about something that waits for confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// These digits and nothing else.
    Pin(String),
    Yes,
    No,
    /// It is another request.
    Neither,
}

impl Confirmations {
    /// Lets `call` wait.
    pub(crate) fn ask(&mut self, tool: Arc<dyn Tool>, call: &ToolCall, door: Door, now: Instant) -> Confirmation {
        self.last_id += 1;
        let (id, what, expires) = (self.last_id, tool.describe(call), now + TIME_TO_LIVE);
        self.pending = Some(Pending { id, tool, call: call.clone(), what: what.clone(), door, expires });
        Confirmation { id, what, within: TIME_TO_LIVE }
    }

    /// Whether anything waits.
    pub(crate) fn waits(&mut self, now: Instant) -> bool {
        self.pending.take_if(|pending| pending.expires <= now);
        self.pending.is_some()
    }

    /// What waits, to be done or dropped: it can be confirmed once. Nothing if it is another or too late.
    pub(crate) fn take(&mut self, id: Option<u64>, now: Instant) -> Option<Pending> {
        self.waits(now);
        self.pending.take_if(|pending| id.is_none_or(|id| id == pending.id))
    }
}

/// A use of a tool in words, such as `HassTurnOff (domain: lock, name: Front Door)`.
pub(super) fn describe(call: &ToolCall) -> String {
    let arguments: Vec<String> = call
        .object()
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        })
        .collect();
    if arguments.is_empty() { call.name.clone() } else { format!("{} ({})", call.name, arguments.join(", ")) }
}

impl Answer {
    /// Reads a request as an answer to "shall I?".
    pub(crate) fn read(request: &str) -> Answer {
        let lower = request.to_lowercase();
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
        match *words {
            ["yes" | "yeah" | "yep" | "sure" | "ok" | "okay", ..] if words.len() <= 3 => return Answer::Yes,
            ["no" | "nope" | "cancel" | "don't" | "stop" | "never" | "nevermind", ..] if words.len() <= 3 => {
                return Answer::No;
            }
            _ => {}
        }
        let mut digits = String::new();
        for word in words {
            match digit(word) {
                Some(digit) => digits.push_str(digit),
                None if word.bytes().all(|byte| byte.is_ascii_digit()) => digits.push_str(word),
                None if ["my", "the", "pin", "code", "is", "it's", "its", "yes"].contains(&word) => {}
                None => return Answer::Neither,
            }
        }
        // No PIN is shorter, and "for" alone is no try at one.
        if digits.len() < FEWEST_DIGITS { Answer::Neither } else { Answer::Pin(digits) }
    }
}

fn digit(word: &str) -> Option<&'static str> {
    Some(match word {
        "zero" | "oh" | "o" => "0",
        "one" => "1",
        "two" | "to" | "too" => "2",
        "three" => "3",
        "four" | "for" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" | "ate" => "8",
        "nine" => "9",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_understood_however_it_is_written() {
        for said in ["1234", "1 2 3 4.", "One, two, three, four", "My PIN is 12 34.", "it's one too 3 for"] {
            assert_eq!(Answer::read(said), Answer::Pin("1234".to_owned()), "{said}");
        }
        for said in ["", "what time is it", "set a timer for 5 minutes", "the", "twelve", "for", "12"] {
            assert_eq!(Answer::read(said), Answer::Neither, "{said}");
        }
        assert_eq!((Answer::read("Yes, please."), Answer::read("No!")), (Answer::Yes, Answer::No));
        assert_eq!(Answer::read("no more than five lamps please"), Answer::Neither);
    }
}
