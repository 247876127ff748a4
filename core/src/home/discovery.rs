//! Home Assistant's MQTT discovery: what a retained message says of an entity, or of all of a device, before it is known what it
//! means. Formats: Home Assistant's documentation, "MQTT discovery".

use serde_json::{Map, Value};

use super::abbreviations;

/// The longest discovery message, in bytes. Those of devices with many entities have some ten thousand.
pub(super) const LONGEST: usize = 256 * 1024;
/// The most entities of one device.
const MOST_COMPONENTS: usize = 512;
/// The longest base of topics, and the most that a device's entities may share, in bytes. Both are copied many times.
const LONGEST_BASE: usize = 512;
const MOST_SHARED: usize = 8 * 1024;

/// The longest text of an entity and the longest key of a component, in bytes. Both are kept.
const LONGEST_TEXT: usize = 4096;
const LONGEST_KEY: usize = 256;

/// What a device's entities have in common, unless they say otherwise.
const SHARED: [&str; 11] = [
    "availability",
    "availability_mode",
    "availability_template",
    "availability_topic",
    "command_topic",
    "device",
    "encoding",
    "payload_available",
    "payload_not_available",
    "qos",
    "state_topic",
];

/// The keys and values of one entity, all names in full, all topics whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(Map<String, Value>);

/// Text as devices give it, who write numbers and booleans where text belongs.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Fields {
    /// Fields whose names are in full and whose topics are whole.
    pub(super) fn new(fields: Map<String, Value>) -> Fields {
        Fields(fields)
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(text_of)
    }

    /// The text, or what is taken for it where it is not given.
    pub(super) fn text_or(&self, key: &str, otherwise: &str) -> String {
        self.text(key).unwrap_or_else(|| otherwise.to_owned())
    }

    /// The text, which is not empty.
    pub(super) fn name(&self, key: &str) -> Option<String> {
        self.text(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A finite number, also where it is given as text.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        let value = self.0.get(key)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        number.filter(|number: &f64| number.is_finite())
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.text(key)?.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Some(true),
            "false" | "off" | "no" | "0" => Some(false),
            _ => None,
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether it is given, as nothing.
    pub(super) fn is_null(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_null)
    }

    /// A list of text; one text alone is a list of one.
    pub(super) fn list(&self, key: &str) -> Option<Vec<String>> {
        match self.0.get(key)? {
            Value::Array(values) => Some(values.iter().filter_map(text_of).collect()),
            value => text_of(value).map(|text| vec![text]),
        }
    }

    /// The parts below a key: one, or a list of them.
    pub(super) fn below(&self, key: &str) -> Vec<Fields> {
        let one = |value: &Value| value.as_object().cloned().map(Fields);
        match self.0.get(key) {
            Some(Value::Array(values)) => values.iter().filter_map(one).collect(),
            Some(value) => one(value).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// The entity in the message of a component.
///
/// # Errors
/// What is wrong with the message.
pub(super) fn read_entity(payload: &str) -> Result<Fields, String> {
    let (fields, base) = expanded(object(payload)?)?;
    with_topics(fields, base.as_deref()).map(Fields)
}

/// The entities in the message of a device: for each its key, its component (nothing where it is to vanish), and its fields.
///
/// # Errors
/// What is wrong with the message.
pub(super) fn read_device(payload: &str) -> Result<Vec<(String, Option<String>, Fields)>, String> {
    let (device, base) = expanded(object(payload)?)?;
    let Some(Value::Object(components)) = device.get("components") else {
        return Err("has no components (cmps), which are an object".to_owned());
    };
    if components.len() > MOST_COMPONENTS {
        return Err(format!("has {} components; at most {MOST_COMPONENTS} are allowed", components.len()));
    }
    let shared = SHARED.into_iter().filter_map(|key| Some((key.to_owned(), device.get(key)?.clone())));
    let shared: Map<String, Value> = shared.collect();
    let size = shared.values().map(|value| value.to_string().len()).sum::<usize>();
    if size > MOST_SHARED {
        return Err(format!("shares {size} bytes among its components; at most {MOST_SHARED} are allowed"));
    }
    let entities = components.iter().map(|(key, value)| {
        if key.len() > LONGEST_KEY {
            return Err(format!(
                "has a component with a key of {} bytes; at most {LONGEST_KEY} are allowed",
                key.len()
            ));
        }
        let Value::Object(component) = value else { return Err(format!("has a component {key:?} that is no object")) };
        let (own, own_base) = expanded(component.clone())?;
        let mut fields = shared.clone();
        fields.extend(own);
        let platform = fields.get("platform").and_then(text_of);
        // With the platform alone, a device says that it has this entity no longer.
        let gone = component.len() <= 1;
        let fields = with_topics(fields, own_base.as_deref().or(base.as_deref()))?;
        Ok((key.clone(), platform.filter(|_| !gone), Fields(fields)))
    });
    entities.collect()
}

fn object(payload: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(payload).map_err(|error| format!("is no JSON object: {error}"))
}

fn renamed(fields: Map<String, Value>, long: fn(&str) -> &str) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (long(&key).to_owned(), value)).collect()
}

/// All names in full, and the base that topics are told with.
fn expanded(fields: Map<String, Value>) -> Result<(Map<String, Value>, Option<String>), String> {
    let mut fields = renamed(fields, abbreviations::of_entity);
    if let Some(Value::Object(device)) = fields.get_mut("device") {
        *device = renamed(std::mem::take(device), abbreviations::of_device);
    }
    match fields.get_mut("availability") {
        Some(Value::Array(topics)) => topics.iter_mut().for_each(rename_availability),
        Some(topic) => rename_availability(topic),
        None => {}
    }
    let base = match fields.remove("~") {
        None => None,
        Some(Value::String(base)) if base.len() <= LONGEST_BASE => Some(base),
        Some(Value::String(base)) => {
            return Err(format!("has a base topic (~) of {} bytes; at most {LONGEST_BASE} are allowed", base.len()));
        }
        Some(_) => return Err("has a base topic (~) that is no text".to_owned()),
    };
    Ok((fields, base))
}

fn rename_availability(value: &mut Value) {
    if let Value::Object(fields) = value {
        *fields = renamed(std::mem::take(fields), abbreviations::of_entity);
    }
}

/// Puts the base in place of `~` at a topic's beginning or end. It is done once: a `~` in the base stays what it is.
fn with_topics(mut fields: Map<String, Value>, base: Option<&str>) -> Result<Map<String, Value>, String> {
    let put = |topic: &mut Value| {
        if let (Value::String(topic), Some(base)) = (topic, base) {
            if let Some(rest) = topic.strip_prefix('~') {
                *topic = format!("{base}{rest}");
            } else if let Some(rest) = topic.strip_suffix('~') {
                *topic = format!("{rest}{base}");
            }
        }
    };
    fields.iter_mut().filter(|(key, _)| key.ends_with("topic")).for_each(|(_, topic)| put(topic));
    let one = |value: &mut Value| value.get_mut("topic").into_iter().for_each(put);
    match fields.get_mut("availability") {
        Some(Value::Array(values)) => values.iter_mut().for_each(one),
        Some(value) => one(value),
        None => {}
    }
    let within = fields.values().chain(fields.get("availability").into_iter().flat_map(parts_of));
    match within.filter_map(Value::as_str).map(str::len).max() {
        Some(longest) if longest > LONGEST_TEXT => {
            Err(format!("has a text of {longest} bytes in it; at most {LONGEST_TEXT} are allowed"))
        }
        _ => Ok(fields),
    }
}

/// What the topics of an availability say.
fn parts_of(availability: &Value) -> Vec<&Value> {
    let topics = availability.as_array().map_or(std::slice::from_ref(availability), Vec::as_slice);
    topics.iter().filter_map(Value::as_object).flat_map(Map::values).collect()
}
