//! What a sentence about the home comes to, once it was recognised: which devices it means, and what is to be done with them or
//! said of them. The sentences and their intents are Home Assistant's, and so is what a reply is filled in with.

mod answer;
mod select;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::entity::Entity;
use super::find::words;
use super::registry::Registry;
use super::said::{capitalised, listed, the, with_place};
use super::{Device, HomeAction, Reachable};
use crate::intent::hassil::{Recognised, SlotValue};
use select::Selection;

/// What the things of a home are called, and its rooms, for the lists of sentences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// Names of things, with the context that they bring: `domain` and `device_class`.
    pub names: Vec<(String, SlotValue)>,
    /// Rooms and other places.
    pub areas: Vec<String>,
}

/// What a sentence comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Something to be done.
    Command {
        /// What.
        action: HomeAction,
        /// With what; at least one.
        devices: Vec<Device>,
        /// With [`HomeAction::Set`], to what: percent, or degrees.
        value: Option<f64>,
        /// What a reply is filled in with.
        known: Value,
    },
    /// A question, with what a reply is filled in with.
    Question(Value),
    /// It can't be done, or not be told: a sentence that says why.
    Cannot(String),
    /// Nothing here is what it speaks of: a sentence that says so. Somebody else may know better what was meant.
    Unknown(String),
    /// It is not about what a home has.
    Elsewhere,
}

/// The intents that come to something.
pub(crate) const UNDERSTOOD: [&str; 9] = [
    "HassTurnOn",
    "HassTurnOff",
    "HassSetPosition",
    "HassLightSet",
    "HassClimateSetTemperature",
    "HassClimateGetTemperature",
    "HassGetState",
    "HassVacuumStart",
    "HassVacuumReturnToBase",
];

/// A sentence, where it was said, and the home that it is about.
struct Asked<'a> {
    registry: &'a Registry,
    said: &'a Recognised,
    here: Option<&'a str>,
}

impl Registry {
    /// What there is to be spoken of.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        let mut names = Vec::new();
        let mut areas: Vec<String> = Vec::new();
        for entity in self.entities() {
            let mut context = BTreeMap::from([("domain".to_owned(), json!(entity.domain()))]);
            context.extend(entity.class().map(|class| ("device_class".to_owned(), json!(class))));
            for name in select::called(entity) {
                let value = SlotValue { value: json!(name), context: context.clone() };
                names.push((name, value));
            }
            areas.extend(entity.device().place.clone());
        }
        areas.sort();
        areas.dedup_by(|one, other| words(one) == words(other));
        Vocabulary { names, areas }
    }

    /// What a sentence comes to, which was said in `here` if that is known. Nothing is done by it.
    #[must_use]
    pub fn meaning(&self, said: &Recognised, here: Option<&str>) -> Meaning {
        let asked = Asked { registry: self, said, here };
        if asked.slot("area").is_some_and(str::is_empty) {
            return Meaning::Unknown("In which room?".to_owned());
        }
        let meant = match &*said.intent {
            "HassTurnOn" => asked.command(&|entity| on(entity.domain()), None),
            "HassTurnOff" => asked.command(&|entity| off(entity.domain()), None),
            "HassVacuumStart" => asked.vacuum(),
            "HassVacuumReturnToBase" => asked.command(&|_| HomeAction::TurnOff, None),
            "HassSetPosition" => asked.set("position"),
            "HassLightSet" => asked.set("brightness"),
            "HassClimateSetTemperature" => asked.set("temperature"),
            "HassClimateGetTemperature" => asked.temperature(),
            "HassGetState" => asked.state(),
            _ => Ok(Meaning::Elsewhere),
        };
        meant.unwrap_or_else(|instead| instead)
    }
}

/// What "turn on" is with what stands behind a component.
fn on(domain: &str) -> HomeAction {
    match domain {
        "cover" | "valve" => HomeAction::Open,
        "lock" => HomeAction::Lock,
        "alarm_control_panel" => HomeAction::Arm,
        _ => HomeAction::TurnOn,
    }
}

fn off(domain: &str) -> HomeAction {
    match domain {
        "cover" | "valve" => HomeAction::Close,
        "lock" => HomeAction::Unlock,
        "alarm_control_panel" => HomeAction::Disarm,
        _ => HomeAction::TurnOff,
    }
}

impl<'a> Asked<'a> {
    fn slot(&self, name: &str) -> Option<&'a str> {
        self.said.slots.get(name)?.value.as_str()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.said.slots.get(name)?.value.as_f64()
    }

    /// A command to what is meant; `action` of the first thing counts, since one sentence asks for one.
    fn command(&self, action: &dyn Fn(&Entity) -> HomeAction, value: Option<f64>) -> Result<Meaning, Meaning> {
        let Selection { entities, what } = self.selection(true)?;
        let Some(action) = entities.first().map(|first| action(first)) else { return Err(Meaning::Elsewhere) };
        let (mut devices, mut refused) = (Vec::new(), Vec::new());
        for entity in &entities {
            match self.registry.command(&entity.device().id, action, value) {
                Ok(_) => devices.push(self.registry.device(entity)),
                Err(why) => refused.push(unreachable(entity).unwrap_or_else(|| sentence(why))),
            }
        }
        if devices.is_empty() {
            return Err(Meaning::Cannot(refused.swap_remove(0)));
        }
        let mut known = self.known(&what, &entities, &[]);
        known["besides"] = json!(refused.join(" "));
        Ok(Meaning::Command { action, devices, value, known })
    }

    fn set(&self, slot: &str) -> Result<Meaning, Meaning> {
        let Some(value) = self.number(slot) else {
            let why = "I can set how bright a light is, but not its colour.";
            return Err(Meaning::Cannot(why.to_owned()));
        };
        // Kelvins of a light are no brightness, and stand in another slot than it.
        self.command(&|_| HomeAction::Set, Some(value))
    }

    fn vacuum(&self) -> Result<Meaning, Meaning> {
        if self.said.slots.contains_key("area") {
            let why = "I can start a vacuum, but not send it to one room.";
            return Err(Meaning::Cannot(why.to_owned()));
        }
        self.command(&|_| HomeAction::TurnOn, None)
    }

    /// What one of several is called: with its place where its name alone does not tell it apart.
    fn called(&self, entity: &Entity) -> String {
        let name = &entity.device().name;
        let has_twin = self.registry.entities().filter(|other| other.device().name == *name).nth(1).is_some();
        if has_twin { with_place(entity) } else { the(name) }
    }

    /// What a reply is filled in with, as Home Assistant's replies expect it: the slots, the state of the first thing, and those
    /// that are as was asked and those that are not. `what` is how all of them are called together.
    fn known(&self, what: &str, matched: &[&Entity], unmatched: &[&Entity]) -> Value {
        let slots: serde_json::Map<String, Value> = self
            .said
            .slots
            .iter()
            .map(|(name, slot)| {
                let is_number = slot.value.is_number();
                // A name is written as the home writes it, however it was said.
                let as_it_is = slot.text.is_empty() || is_number || matches!(&**name, "name" | "area");
                (name.clone(), if as_it_is { slot.value.clone() } else { Value::String(slot.text.clone()) })
            })
            .collect();
        let shown = |entities: &[&Entity]| entities.iter().map(|entity| answer::shown(entity)).collect::<Vec<_>>();
        let names =
            |entities: &[&Entity]| listed(&entities.iter().map(|entity| self.called(entity)).collect::<Vec<_>>());
        json!({
            "slots": slots,
            "state": matched.first().or(unmatched.first()).map(|entity| answer::shown(entity)),
            "query": {
                "matched": shown(matched),
                "unmatched": shown(unmatched),
                "total_results": matched.len() + unmatched.len(),
            },
            "what": what,
            "What": capitalised(what),
            "names": names(matched),
            "others": names(unmatched),
        })
    }
}

fn sentence(why: String) -> String {
    if why.ends_with(['.', '?', '!']) { why } else { format!("{why}.") }
}

/// A sentence about what can't be reached.
fn unreachable(entity: &Entity) -> Option<String> {
    let name = capitalised(&the(&entity.device().name));
    match entity.reachable() {
        Reachable::Yes => None,
        Reachable::No => Some(format!("{name} can't be reached: it says that it is offline.")),
        Reachable::Unheard => Some(format!("{name} has not said yet whether it can be reached.")),
    }
}
