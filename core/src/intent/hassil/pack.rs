//! A pack of sentences as it is written: Home Assistant's own, or a file of `custom_sentences`. Several of them add up.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Sentences, and the lists and rules that they are made of.
///
/// The format is Home Assistant's: <https://developers.home-assistant.io/docs/voice/intent-recognition/template-sentence-syntax>.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pack {
    /// A tag of BCP 47.
    pub language: String,
    pub(super) intents: BTreeMap<String, Intent>,
    pub(super) lists: BTreeMap<String, List>,
    pub(super) expansion_rules: BTreeMap<String, String>,
    pub(super) skip_words: Vec<String>,
    pub(super) responses: Responses,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Intent {
    pub(super) data: Vec<Block>,
}

/// Sentences that mean the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Block {
    pub(super) sentences: Vec<String>,
    pub(super) slots: BTreeMap<String, Value>,
    pub(super) response: Option<String>,
    pub(super) requires_context: BTreeMap<String, Value>,
    pub(super) excludes_context: BTreeMap<String, Value>,
    pub(super) expansion_rules: BTreeMap<String, String>,
    pub(super) lists: BTreeMap<String, List>,
    /// Short for what the context must be.
    pub(super) name_domains: Vec<String>,
    /// Short for a slot.
    pub(super) inferred_domain: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum List {
    Values(Vec<ListValue>),
    Range(Range),
    Wildcard(IgnoredAny),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ListValue {
    Written(String),
    Mapped {
        #[serde(rename = "in")]
        said: String,
        #[serde(rename = "out")]
        value: Option<Value>,
        #[serde(default)]
        context: BTreeMap<String, Value>,
    },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
    #[serde(default = "one")]
    pub(super) step: i64,
    pub(super) multiplier: Option<f64>,
    pub(super) fractions: Option<Fractions>,
}

fn one() -> i64 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fractions {
    Halves,
    Tenths,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Responses {
    pub(super) intents: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) errors: BTreeMap<String, String>,
}

impl Pack {
    /// Adds what another file of the same language has. Of what has a name, the other one's counts.
    pub fn add(&mut self, other: Pack) {
        if !other.language.is_empty() {
            self.language = other.language;
        }
        for (name, intent) in other.intents {
            self.intents.entry(name).or_default().data.extend(intent.data);
        }
        self.lists.extend(other.lists);
        self.expansion_rules.extend(other.expansion_rules);
        self.skip_words.extend(other.skip_words);
        for (name, replies) in other.responses.intents {
            self.responses.intents.entry(name).or_default().extend(replies);
        }
        self.responses.errors.extend(other.responses.errors);
    }

    /// Adds sentences of one intent.
    pub fn add_sentences(&mut self, intent: &str, blocks: Vec<Block>) {
        self.intents.entry(intent.to_owned()).or_default().data.extend(blocks);
    }

    /// Keeps the sentences of these intents only.
    pub fn keep_intents(&mut self, keep: impl Fn(&str) -> bool) {
        self.intents.retain(|intent, _| keep(intent));
    }

    /// The intents that it has sentences of.
    pub fn intents(&self) -> impl Iterator<Item = &str> {
        self.intents.keys().map(String::as_str)
    }

    /// Whether an intent has replies.
    #[must_use]
    pub fn has_reply(&self, intent: &str) -> bool {
        self.responses.intents.contains_key(intent)
    }

    /// The template of a reply.
    #[must_use]
    pub fn reply(&self, intent: &str, key: &str) -> Option<&str> {
        self.responses.intents.get(intent)?.get(key).map(String::as_str)
    }
}

impl Block {
    /// Asks for the area of whoever speaks, and takes it into the slots.
    pub fn require_area(&mut self) {
        let as_slot = Value::Object(std::iter::once(("slot".to_owned(), Value::Bool(true))).collect());
        self.requires_context.entry("area".to_owned()).or_insert(as_slot);
    }
}
