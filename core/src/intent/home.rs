//! Sentences about the home: what is recognised with the names of one home, and what is said to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hassil::{Matcher, Pack, PackError, Recognised, Replies, SlotValue, normalised};
use super::near::{Corrected, Names, possible_names};
use crate::home::{UNDERSTOOD, Vocabulary};

/// What is said where a reply can't be made.
const DONE: &str = "Done.";

/// Domains of what a sentence commands by its name, but for scenes and the like, which one "plays" and "goes to" as one does anything.
const COMMANDED: [&str; 9] =
    ["climate", "cover", "fan", "humidifier", "light", "lock", "media_player", "switch", "valve"];

/// Intents by which nothing is done.
const QUESTIONS: [&str; 2] = ["HassGetState", "HassClimateGetTemperature"];

/// How many ways to correct a sentence are tried.
const MOST_CORRECTIONS: usize = 16;

/// Sentences about a home, with what is in it.
#[derive(Debug)]
pub struct HomeSentences {
    matcher: Matcher,
    replies: Replies,
    names: Names,
    /// One name of each kind of thing that is commanded, as it is said, and what it stands for.
    samples: Vec<(String, SlotValue)>,
    is_english: bool,
    /// Which vocabulary is in the lists.
    generation: Option<u64>,
}

/// What a sentence about the home is taken for.
#[derive(Clone, Debug, PartialEq)]
pub enum Understanding {
    /// It is this.
    Certain(Recognised),
    /// It is this with a letter or two of a name misheard, which is too little for what has to be confirmed. And the name.
    Likely(Recognised, String),
    /// It would be one of these sentences, with the name that each is about; none of the names was said well enough.
    Near(Vec<(Recognised, String)>),
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
        let (matcher, is_english) = (Matcher::new(&pack)?, pack.language == "en");
        Ok(HomeSentences {
            matcher,
            replies,
            names: Names::default(),
            samples: Vec::new(),
            is_english,
            generation: None,
        })
    }

    /// The intents of a pack that nothing is done for, and nothing said to.
    #[must_use]
    pub fn come_to_nothing(pack: &Pack) -> Vec<&str> {
        let comes_to = |intent: &str| UNDERSTOOD.contains(&intent) || (is_only_said(intent) && pack.has_reply(intent));
        pack.intents().filter(|intent| !comes_to(intent)).collect()
    }

    /// Pipit's own sentences, in English.
    #[must_use]
    pub fn english() -> HomeSentences {
        HomeSentences::new(Pack::english())
            .expect("the embedded sentences are the same in every run, and a test compiles them")
    }

    /// Takes up what is in the home now, unless it is what it was: `generation` tells.
    pub fn furnish(&mut self, generation: u64, vocabulary: impl FnOnce() -> Vocabulary) {
        if self.generation == Some(generation) {
            return;
        }
        let Vocabulary { names, areas } = vocabulary();
        self.matcher.set_list("name", names.iter().map(|(said, value)| (said.as_str(), value.clone())));
        let area = |area: &String| SlotValue { value: json!(area), context: BTreeMap::new() };
        self.matcher.set_list("area", areas.iter().map(|name| (name.as_str(), area(name))));
        let said = names.iter().map(|(said, _)| said).chain(&areas);
        self.names = Names::new(said.map(|name| normalised(name)));
        self.samples.clear();
        for (said, value) in names {
            let is_commanded =
                value.context.get("domain").and_then(Value::as_str).is_some_and(|one| COMMANDED.contains(&one));
            if is_commanded && self.samples.iter().all(|(_, sample)| sample.context != value.context) {
                self.samples.push((normalised(&said), value));
            }
        }
        self.generation = Some(generation);
    }

    /// What a sentence is taken for that was said in `here`, if that is known.
    #[must_use]
    pub fn understand(&self, said: &str, here: Option<&str>) -> Understanding {
        match recognise_as(&self.matcher, here)(said) {
            Some(recognised) => Understanding::Certain(recognised),
            None => self.misheard(said, &recognise_as(&self.matcher, here)),
        }
    }

    /// What was said, if a name in it was misheard.
    fn misheard(&self, said: &str, recognise: &dyn Fn(&str) -> Option<Recognised>) -> Understanding {
        let text = normalised(said);
        // "Off" and "of" sound alike, and the latter makes no sense there.
        let off = ["turn of ", "switch of ", "put of "]
            .into_iter()
            .find_map(|verb| text.strip_prefix(verb).map(|rest| (verb, rest)));
        let text = off.map_or(text.clone(), |(verb, rest)| format!("{} {rest}", verb.trim_end().to_owned() + "f"));
        if let Some(recognised) = off.and_then(|_| recognise(&text)) {
            return Understanding::Certain(recognised);
        }
        let corrections = self.names.corrections(&text);
        let mut found: Vec<(&Corrected, Recognised)> = Vec::new();
        for corrected in corrections.iter().take(MOST_CORRECTIONS) {
            // Once one fits, those that are farther away don't count.
            if found.first().is_some_and(|(first, _)| first.distance < corrected.distance) {
                break;
            }
            found.extend(recognise(&corrected.text).map(|recognised| (corrected, recognised)));
        }
        match found.as_slice() {
            [] => Understanding::Nothing,
            [(corrected, recognised)] if corrected.is_close => {
                Understanding::Likely(recognised.clone(), corrected.name.clone())
            }
            several => {
                let mut near: Vec<(Recognised, String)> = Vec::new();
                for (corrected, recognised) in several {
                    if near.iter().all(|(_, name)| *name != corrected.name) {
                        near.push((recognised.clone(), corrected.name.clone()));
                    }
                }
                Understanding::Near(near)
            }
        }
    }

    /// What an English sentence calls something that is not here, if that is all that keeps it from being a command: the "disco ball"
    /// that is to be turned on.
    #[must_use]
    pub fn unknown_name(&self, said: &str, here: Option<&str>) -> Option<String> {
        if !self.is_english {
            return None;
        }
        let recognise = recognise_as(&self.matcher, here);
        let is_command = |before: &str, (sample, known): &(String, SlotValue), behind: &str| {
            let command = recognise(format!("{before} {sample} {behind}").trim());
            command.is_some_and(|command| {
                !QUESTIONS.contains(&&*command.intent)
                    && command.slots.get("name").is_some_and(|slot| slot.value == known.value)
            })
        };
        let mut parts = possible_names(&normalised(said)).into_iter();
        let unknown = parts.find(|(before, _, behind)| self.samples.iter().any(|one| is_command(before, one, behind)));
        unknown.map(|(_, name, _)| name)
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

/// Recognises what is said in `here`. Where it is not known in which room one is, the room is left open.
fn recognise_as(matcher: &Matcher, here: Option<&str>) -> impl Fn(&str) -> Option<Recognised> {
    move |said| {
        let at = |here: Option<&str>| {
            let context: BTreeMap<String, Value> =
                here.map(|here| ("area".to_owned(), json!(here))).into_iter().collect();
            matcher.recognise(said, &context)
        };
        at(here).or_else(|| if here.is_none() { at(Some("")) } else { None })
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
