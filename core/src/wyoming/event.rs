//! An event, and how it is written.

use std::fmt;

use serde_json::{Map, Value, json};

/// The release of the protocol's own package whose events these are. Peers ignore it.
const VERSION: &str = "1.10.2";

/// Something that one peer tells the other.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// What it is, such as `transcribe`.
    pub kind: String,
    /// What there is to say about it.
    pub data: Map<String, Value>,
    /// Bytes of sound, in the format that `data` names.
    pub payload: Vec<u8>,
}

/// Names the data and leaves out what they are: it may be what somebody said.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.data.keys().map(String::as_str).collect();
        write!(f, "{}({}; {} bytes)", self.kind, names.join(", "), self.payload.len())
    }
}

impl Event {
    /// An event without data.
    #[must_use]
    pub fn new(kind: impl Into<String>) -> Event {
        Event { kind: kind.into(), data: Map::new(), payload: Vec::new() }
    }

    /// The same with something more to say.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Event {
        self.data.insert(key.to_owned(), value.into());
        self
    }

    /// The same with sound.
    #[must_use]
    pub fn carrying(self, payload: Vec<u8>) -> Event {
        Event { payload, ..self }
    }

    /// The text under `key`, if there is one.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key)?.as_str()
    }

    /// The bytes that say it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let data = if self.data.is_empty() { Vec::new() } else { bytes(&self.data) };
        let mut header =
            Map::from_iter([("type".to_owned(), json!(self.kind)), ("version".to_owned(), json!(VERSION))]);
        for (key, length) in [("data_length", data.len()), ("payload_length", self.payload.len())] {
            if length > 0 {
                header.insert(key.to_owned(), json!(length));
            }
        }
        [&bytes(&header)[..], b"\n", &data, &self.payload].concat()
    }
}

fn bytes(object: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(object).expect("keys of an object are texts, so it always is JSON")
}
