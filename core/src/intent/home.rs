//! Sentences about the home: what is recognised with the names of one home, and what is said to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hassil::{Matcher, Pack, PackError, Recognised, Replies};
use crate::home::{UNDERSTOOD, Vocabulary};

/// What is said where a reply can't be made.
const DONE: &str = "Done.";

/// Sentences about a home, with what is in it.
#[derive(Debug)]
pub struct HomeSentences {
    matcher: Matcher,
    replies: Replies,
    /// Which vocabulary is in the lists.
    generation: Option<u64>,
}

/// What a sentence about the home is taken for.
#[derive(Clone, Debug, PartialEq)]
pub enum Understanding {
    /// It is this.
    Certain(Recognised),
    /// It is none.
    Nothing,
}

impl HomeSentences {
    /// Compiles the sentences of a pack that come to something: those of intents that a home has done or answers, and those that
    /// are only answered, of intents which are not Home Assistant's.
    ///
    /// # Errors
    /// Something in the pack can't be used; it is named.
    pub fn new(mut pack: Pack) -> Result<HomeSentences, PackError> {
        let replies = Replies::new(&pack)?;
        let said: Vec<String> = pack.intents().filter(|intent| pack.has_reply(intent)).map(str::to_owned).collect();
        pack.keep_intents(|intent| {
            UNDERSTOOD.contains(&intent) || (is_only_said(intent) && said.iter().any(|said| said == intent))
        });
        Ok(HomeSentences { matcher: Matcher::new(&pack)?, replies, generation: None })
    }

    /// Pipit's own sentences, in English.
    #[must_use]
    pub fn english() -> HomeSentences {
        HomeSentences::new(Pack::english()).expect("the embedded sentences are the same in every run, and a test compiles them")
    }

    /// Takes up what is in the home now, unless it is what it was: `generation` tells.
    pub fn furnish(&mut self, generation: u64, vocabulary: impl FnOnce() -> Vocabulary) {
        if self.generation == Some(generation) {
            return;
        }
        let Vocabulary { names, areas } = vocabulary();
        self.matcher.set_list("name", names.iter().map(|(said, value)| (said.as_str(), value.clone())));
        let area = |area: &String| super::hassil::SlotValue { value: json!(area), context: BTreeMap::new() };
        self.matcher.set_list("area", areas.iter().map(|name| (name.as_str(), area(name))));
        self.generation = Some(generation);
    }

    /// What a sentence is taken for that was said in `here`, if that is known.
    #[must_use]
    pub fn understand(&self, said: &str, here: Option<&str>) -> Understanding {
        let recognise = |here: Option<&str>| {
            let context: BTreeMap<String, Value> =
                here.map(|here| ("area".to_owned(), json!(here))).into_iter().collect();
            self.matcher.recognise(said, &context)
        };
        // Where it is not known in which room one is, the room is left open.
        match recognise(here).or_else(|| recognise(Some("")).filter(|_| here.is_none())) {
            Some(recognised) => Understanding::Certain(recognised),
            None => Understanding::Nothing,
        }
    }

    /// What is said to it, filled in with what is `known`.
    ///
    /// # Errors
    /// The reply's template can't be filled in with that.
    pub fn reply(&self, recognised: &Recognised, known: &Value) -> Result<String, PackError> {
        let key = recognised.response.as_deref().unwrap_or("default");
        let reply = match self.replies.render(&recognised.intent, key, known)? {
            None => self.replies.render(&recognised.intent, "default", known)?,
            reply => reply,
        };
        let reply = reply.filter(|reply| !reply.is_empty()).unwrap_or_else(|| DONE.to_owned());
        // What a template does not know of: part of what was meant could not be reached.
        let besides = known.get("besides").and_then(Value::as_str).filter(|besides| !besides.is_empty());
        Ok(besides.map_or_else(|| reply.clone(), |besides| format!("{reply} {besides}")))
    }

    /// What is said to a sentence that is only answered; nothing to one that a home has to do with.
    #[must_use]
    pub fn answer(&self, recognised: &Recognised) -> Option<String> {
        if !is_only_said(&recognised.intent) {
            return None;
        }
        let slots = recognised.slots.iter().map(|(name, slot)| (name.clone(), slot.value.clone()));
        let known = json!({ "slots": slots.collect::<serde_json::Map<_, _>>() });
        self.reply(recognised, &known).ok()
    }
}

/// Whether an intent is the household's own, or one that is answered whatever there is in the home.
fn is_only_said(intent: &str) -> bool {
    intent == "HassRespond" || !intent.starts_with("Hass")
}

impl Recognised {
    /// The name of the intent, for the record of what a turn took.
    #[must_use]
    pub fn intent_name(&self) -> &'static str {
        UNDERSTOOD.into_iter().find(|intent| *intent == self.intent).unwrap_or("HassRespond")
    }
}
