//! The house of Home Assistant's tests: floors, areas, and what stands in them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use pipit_core::home::Vocabulary;
use pipit_core::intent::hassil::{Matcher, SlotValue, spellings};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is made up, and where.
const ROOMS: [&str; 10] =
    ["Attic", "Cellar", "Hobby room", "Guest room", "Pantry", "Workshop", "Nursery", "Terrace", "Landing", "Laundry"];
const THINGS: [(&str, &str); 10] = [
    ("spot", "light"),
    ("lamp", "light"),
    ("plug", "switch"),
    ("blind", "cover"),
    ("fan", "fan"),
    ("radiator", "climate"),
    ("contact", "binary_sensor"),
    ("thermometer", "sensor"),
    ("speaker", "media_player"),
    ("bolt", "lock"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct House {
    pub(super) floors: Vec<Named>,
    pub(super) areas: Vec<Named>,
    pub(super) entities: Vec<Entity>,
    pub(super) timers: Vec<Timer>,
    pub(super) media: Vec<Media>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
    pub(super) id: Option<String>,
    pub(super) floor: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entity {
    name: String,
    id: Option<String>,
    domain: Option<String>,
    pub(super) area: Option<String>,
    state: Option<State>,
    state_with_unit: Option<String>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum State {
    Same(String),
    Translated {
        #[serde(rename = "in")]
        said: String,
        #[serde(rename = "out")]
        meant: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Timer {
    is_active: bool,
    pub(super) name: Option<String>,
    pub(super) area: Option<String>,
    pub(super) start_hours: Option<i64>,
    pub(super) start_minutes: Option<i64>,
    pub(super) start_seconds: Option<i64>,
    rounded_hours_left: i64,
    rounded_minutes_left: i64,
    rounded_seconds_left: i64,
    total_seconds_left: i64,
}

impl Default for Timer {
    fn default() -> Timer {
        Timer {
            is_active: true,
            name: None,
            area: None,
            start_hours: None,
            start_minutes: None,
            start_seconds: None,
            rounded_hours_left: 0,
            rounded_minutes_left: 0,
            rounded_seconds_left: 0,
            total_seconds_left: 0,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Media {
    pub(super) title: String,
}

impl House {
    pub(super) fn read(file: &Path) -> Result<House> {
        super::pack::yaml(file)
    }

    /// The house of one test.
    pub(super) fn of_test(fixtures: &Value) -> Result<House> {
        Ok(serde_json::from_value(fixtures.clone())?)
    }

    /// Puts made-up things into it, as many as it has fewer than `entities`; the peer in Python makes up the same.
    pub(super) fn fill(&mut self, entities: usize) {
        for number in 0..entities.saturating_sub(self.entities.len()) {
            let (thing, domain) = THINGS[number / ROOMS.len() % THINGS.len()];
            let name = format!("{} {thing} {}", ROOMS[number % ROOMS.len()], number / 100 + 1);
            let id = format!("{domain}.made_up_{number}");
            let entity = Entity {
                name,
                id: Some(id),
                domain: Some(domain.to_owned()),
                area: None,
                state: None,
                state_with_unit: None,
                attributes: BTreeMap::new(),
            };
            self.entities.push(entity);
        }
    }

    /// What there is to be spoken of.
    pub(super) fn vocabulary(&self) -> Vocabulary {
        let areas = self.areas.iter().flat_map(|place| names(&place.name)).collect();
        Vocabulary { names: self.named(), areas }
    }

    fn named(&self) -> Vec<(String, SlotValue)> {
        let entities = self.entities.iter().flat_map(|entity| {
            let mut context = entity.attributes.clone();
            context.insert("domain".to_owned(), Value::String(entity.domain().to_owned()));
            names(&entity.name).into_iter().map(move |name| (name, context.clone()))
        });
        let valued = entities.map(|(name, context)| {
            let value = value(&name, context);
            (name, value)
        });
        valued.collect()
    }

    /// Tells the matcher what is there.
    pub(super) fn furnish(&self, matcher: &mut Matcher) {
        for (list, places) in [("area", &self.areas), ("floor", &self.floors)] {
            let names: Vec<_> = places.iter().flat_map(|place| names(&place.name)).collect();
            matcher.set_list(list, names.iter().map(|name| (name.as_str(), value(name, BTreeMap::new()))));
        }
        let named = self.named();
        matcher.set_list("name", named.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }

    pub(super) fn area_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.areas.iter().find(|area| area.id.as_deref() == Some(id)).map_or(id, |area| &area.name)
    }
}

impl Named {
    pub(super) fn is_called(&self, name: &str) -> bool {
        is_called(&self.name, name)
    }
}

impl Entity {
    pub(super) fn domain(&self) -> &str {
        let of_id = self.id.as_deref().and_then(|id| Some(id.split_once('.')?.0));
        self.domain.as_deref().or(of_id).unwrap_or_default()
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        is_called(&self.name, name)
    }

    /// The state as Home Assistant has it.
    pub(super) fn state_of_home_assistant(&self) -> &str {
        match &self.state {
            None => "off",
            Some(State::Same(state) | State::Translated { meant: state, .. }) => state,
        }
    }

    /// As a reply sees it.
    pub(super) fn shown(&self) -> Value {
        let state = match &self.state {
            Some(State::Translated { said, .. }) => said,
            _ => self.state_of_home_assistant(),
        };
        let with_unit = match self.attributes.get("unit_of_measurement").and_then(Value::as_str) {
            Some(unit) => format!("{state} {unit}"),
            None => state.to_owned(),
        };
        json!({
            "entity_id": self.id,
            "name": names(&self.name).first(),
            "domain": self.domain(),
            "state": state,
            "state_with_unit": self.state_with_unit.as_ref().unwrap_or(&with_unit),
            "attributes": self.attributes,
        })
    }
}

impl Timer {
    /// As a reply sees it.
    pub(super) fn shown(&self, house: &House) -> Value {
        json!({
            "is_active": self.is_active,
            "start_hours": self.start_hours.unwrap_or(0),
            "start_minutes": self.start_minutes.unwrap_or(0),
            "start_seconds": self.start_seconds.unwrap_or(0),
            "rounded_hours_left": self.rounded_hours_left,
            "rounded_minutes_left": self.rounded_minutes_left,
            "rounded_seconds_left": self.rounded_seconds_left,
            "name": self.name.as_deref().unwrap_or_default().to_lowercase(),
            "area": self.area.as_deref().map_or_else(String::new, |id| house.area_name(id).to_lowercase()),
            "total_seconds_left": self.total_seconds_left,
        })
    }
}

/// Names may be templates: "Trader Joe[']s".
fn names(name: &str) -> Vec<String> {
    let name = name.trim();
    if name.contains(['[', '(']) {
        return spellings(name).unwrap_or_else(|_| vec![name.to_owned()]);
    }
    vec![name.to_owned()]
}

fn is_called(named: &str, name: &str) -> bool {
    names(named).iter().any(|own| own.to_lowercase() == name.to_lowercase())
}

fn value(name: &str, context: BTreeMap<String, Value>) -> SlotValue {
    SlotValue { value: Value::String(name.to_owned()), context }
}
