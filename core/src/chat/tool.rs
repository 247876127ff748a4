//! Tools that a language model may want used: what they are called, what they take, and what must not be done on a model's
//! word alone.

use serde_json::{Map, Value};

use super::ToolCall;

/// What a model is told of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// What it is called; letters, digits, `_` and `-`, at most 64, because servers take no other names.
    pub name: String,
    /// When to use it, for the model.
    pub description: String,
    /// Its arguments, as a JSON schema of an object.
    pub parameters: Value,
    /// What the tool does at most, whatever its arguments are.
    pub risk: Risk,
}

/// What a use of a tool may do to the people at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// It only tells something.
    Reads,
    /// It changes something that can be changed back.
    Changes,
    /// It opens a door, disarms an alarm or spends money. Somebody must confirm it, with exactly these arguments.
    Guarded,
}

/// Words in a tool's name or arguments that make its use [`Risk::Guarded`], each with the words that begin with it.
const GUARDED: [&str; 22] = [
    "lock", "unlock", "deadbolt", "alarm", "disarm", "garage", "gate", "buy", "purchas", "order", "checkout", "pay",
    "payment", "subscri", "transfer", "door", "safe", "security", "siren", "intercom", "vault", "valve",
];

/// Words that begin like one of those and mean nothing of the kind.
const HARMLESS: [&str; 8] = ["payload", "gateway", "locker", "orderly", "ordered", "locked", "unlocked", "payoff"];

/// What this use of a tool may do: at least what the tool is known for, and more if its name or its arguments speak of
/// locks, alarms, garages or money.
///
/// It judges by words, since a tool of somebody else's server says nothing about itself that could be trusted. It would
/// rather ask once too often.
#[must_use]
pub fn risk_of_call(known: Risk, call: &ToolCall) -> Risk {
    if known == Risk::Reads || known == Risk::Guarded {
        return known;
    }
    let arguments = Value::Object(call.object());
    if speaks_of_risk(&call.name) || any_text(&arguments, &speaks_of_risk) { Risk::Guarded } else { known }
}

/// Whether one of the words is of locks, alarms, garages or money.
pub(crate) fn speaks_of_risk(text: &str) -> bool {
    words(text).any(|word| {
        let risky = GUARDED.iter().any(|guarded| word.starts_with(guarded));
        risky && !HARMLESS.contains(&word.as_str())
    })
}

/// The words of `text` in lower case; "HassLockDoor" and "lock_door" have two and more.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut parted = String::with_capacity(text.len() + 8);
    let mut was_lower = false;
    for c in text.chars() {
        if c.is_uppercase() && was_lower {
            parted.push(' ');
        }
        was_lower = c.is_lowercase();
        parted.extend(c.to_lowercase());
    }
    let words: Vec<String> = parted.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

/// Whether any string in `value`, the names of its fields among them, is as `wanted`.
fn any_text(value: &Value, wanted: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => wanted(text),
        Value::Array(values) => values.iter().any(|value| any_text(value, wanted)),
        Value::Object(fields) => fields.iter().any(|(name, value)| wanted(name) || any_text(value, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl ToolCall {
    /// The arguments as an object; empty where they are none.
    #[must_use]
    pub fn object(&self) -> Map<String, Value> {
        self.checked_object().unwrap_or_default()
    }

    /// The arguments as an object; nothing where the model wrote something else.
    #[must_use]
    pub fn checked_object(&self) -> Option<Map<String, Value>> {
        if self.arguments.trim().is_empty() {
            return Some(Map::new());
        }
        serde_json::from_str(&self.arguments).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn risk(name: &str, arguments: &Value) -> Risk {
        let call = ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_string() };
        risk_of_call(Risk::Changes, &call)
    }

    #[test]
    fn what_opens_a_door_or_spends_money_is_guarded_whatever_the_tool_is_called() {
        for (name, arguments) in [
            ("HassTurnOff", json!({"name": "Front Door", "domain": ["lock"]})),
            ("HassTurnOff", json!({"name": "front_door_lock"})),
            ("HassOpenCover", json!({"device_class": ["garage"]})),
            ("unlockDoor", json!({})),
            ("call_service", json!({"service": "alarm_control_panel.alarm_disarm"})),
            ("shop", json!({"steps": [{"do": "Purchase it"}]})),
            ("shop", json!({"checkout": true})),
            ("PlaceOrder", json!({"what": "milk"})),
        ] {
            assert_eq!(risk(name, &arguments), Risk::Guarded, "{name} {arguments}");
        }
        for (name, arguments) in [
            ("HassTurnOn", json!({"area": "Kitchen", "domain": ["light"]})),
            ("HassLightSet", json!({"name": "Lamp", "brightness": 30})),
            ("publish", json!({"payload": "on", "gateway": 3})),
            ("HassMediaPause", json!({})),
        ] {
            assert_eq!(risk(name, &arguments), Risk::Changes, "{name} {arguments}");
        }
    }

    #[test]
    fn arguments_that_are_no_object_are_none() {
        let call = |arguments: &str| ToolCall { arguments: arguments.to_owned(), ..ToolCall::default() };
        assert_eq!(call(" ").checked_object(), Some(Map::new()));
        for broken in ["{\"a\":", "[1]", "\"x\"", "null", "{} {}"] {
            assert_eq!(call(broken).checked_object(), None, "{broken}");
        }
    }
}
