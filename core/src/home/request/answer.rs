//! Questions about how something is.

use serde_json::{Value, json};

use super::super::entity::Entity;
use super::super::find::words;
use super::super::said::{listed, the};
use super::super::{State, Status};
use super::{Asked, Meaning, Selection, unreachable};

/// How an entity is, in one word.
fn word(entity: &Entity) -> Option<String> {
    entity.state().status.as_ref().map(Status::to_string)
}

/// A number without a fraction that says nothing.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}

/// As a reply sees it.
pub(super) fn shown(entity: &Entity) -> Value {
    let state = word(entity).or_else(|| entity.state().target.map(|target| target.to_string())).unwrap_or_default();
    let with_unit = match entity.unit() {
        Some(unit) => format!("{state} {unit}"),
        None => state.clone(),
    };
    json!({
        "entity_id": entity.device().id.0,
        "name": entity.device().name,
        "domain": entity.domain(),
        "state": state,
        "state_with_unit": with_unit,
        "told": entity.told(),
        "attributes": {
            "device_class": entity.class(),
            "unit_of_measurement": entity.unit(),
            "current_temperature": entity.state().current.map(number),
            "temperature": entity.state().target.map(number),
            "current_position": entity.state().level.map(number),
        },
    })
}

/// Whether it is so; nothing where that is not known.
fn is(entity: &Entity, state: &str) -> Option<bool> {
    if unreachable(entity).is_some() {
        return None;
    }
    let word = word(entity)?;
    Some(match (entity.domain(), state) {
        // What is warm, or cold, is on.
        ("climate" | "water_heater", "on") => word != "off",
        ("binary_sensor", "open") => word == "on",
        ("binary_sensor", "closed") => word == "off",
        ("cover", "off") => word == "closed",
        ("cover" | "valve", "open" | "on") => word == "open" || word == "stopped",
        _ => word == state,
    })
}

impl<'a> Asked<'a> {
    pub(super) fn state(&self) -> Result<Meaning, Meaning> {
        match self.said.response.as_deref().unwrap_or("one") {
            "one" => self.one(),
            "one_yesno" => self.whether(),
            "any" | "all" | "which" | "how_many" => self.several(),
            _ => Ok(Meaning::Elsewhere),
        }
    }

    fn one(&self) -> Result<Meaning, Meaning> {
        let selection = self.selection(false)?;
        let entity = first(&selection)?;
        if let Some(why) = unreachable(entity) {
            return Err(Meaning::Cannot(why));
        }
        let State { status, level, target, current, .. } = entity.state();
        if status.is_none() && level.is_none() && target.is_none() && current.is_none() {
            return Err(Meaning::Cannot(self.not_told(entity)));
        }
        Ok(Meaning::Question(self.known(&selection.what, &[entity], &[])))
    }

    fn whether(&self) -> Result<Meaning, Meaning> {
        let selection = self.selection(false)?;
        let entity = first(&selection)?;
        // "Did I lock the door?"
        let state = self.slot("state").or((entity.domain() == "lock").then_some("locked"));
        let Some(state) = state else { return Ok(Meaning::Elsewhere) };
        let Some(is) = is(entity, state) else {
            return Err(Meaning::Cannot(unreachable(entity).unwrap_or_else(|| self.not_told(entity))));
        };
        let (matched, unmatched): (&[&Entity], &[&Entity]) = if is { (&[entity], &[]) } else { (&[], &[entity]) };
        let asked = self.said.slots.get("state").filter(|state| !state.text.is_empty()).map(|state| &*state.text);
        let answer = match (is, asked.unwrap_or(state)) {
            (true, asked) => asked.to_owned(),
            // Of a sensor, off says less than not open.
            (false, asked) if entity.domain() == "binary_sensor" => format!("not {asked}"),
            (false, _) => word(entity).unwrap_or_default(),
        };
        let mut known = self.known(&selection.what, matched, unmatched);
        known["answer"] = json!(answer);
        known["assumed"] = json!(if entity.state().assumed { ", as far as I know" } else { "" });
        Ok(Meaning::Question(known))
    }

    fn several(&self) -> Result<Meaning, Meaning> {
        let Selection { entities, what } = self.asked_about()?;
        let Some(state) = self.slot("state") else { return Ok(Meaning::Elsewhere) };
        let (mut matched, mut unmatched, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for entity in entities {
            match is(entity, state) {
                Some(true) => matched.push(entity),
                Some(false) => unmatched.push(entity),
                None => unknown.push(the(&entity.device().name)),
            }
        }
        if matched.is_empty() && unmatched.is_empty() {
            return Err(Meaning::Cannot(format!("I don't know, because {} told me nothing yet.", listed(&unknown))));
        }
        let mut known = self.known(&what, &matched, &unmatched);
        if !unknown.is_empty() {
            known["besides"] = json!(format!("I don't know about {}.", listed(&unknown)));
        }
        Ok(Meaning::Question(known))
    }

    /// How warm it is somewhere: as a thermostat measures it, or else a sensor.
    pub(super) fn temperature(&self) -> Result<Meaning, Meaning> {
        let measured = |entity: &Entity| {
            let number = || word(entity)?.parse::<f64>().ok();
            let is_sensor = entity.domain() == "sensor" && entity.class() == Some("temperature");
            if unreachable(entity).is_some() {
                return None;
            }
            if is_sensor { number() } else { entity.state().current }
        };
        let named = self.slot("name").map(|_| self.selection(false)).transpose()?;
        let place = self.slot("area");
        let asked = match named {
            Some(Selection { entities, .. }) => entities,
            None => {
                let place = place.ok_or(Meaning::Elsewhere)?;
                let at = |entity: &&Entity| {
                    entity.device().place.as_deref().map(words) == Some(words(place))
                        && (entity.domain() == "climate" || entity.class() == Some("temperature"))
                        && !entity.definition.is_minor
                };
                self.registry.entities().filter(at).collect()
            }
        };
        if asked.is_empty() {
            return Err(Meaning::Unknown(format!("Nothing measures how warm it is{}.", self.somewhere())));
        }
        let Some((entity, degrees)) = asked.iter().find_map(|entity| Some((*entity, measured(entity)?))) else {
            let why = asked.first().map(|entity| unreachable(entity).unwrap_or_else(|| self.not_told(entity)));
            return Err(Meaning::Cannot(why.unwrap_or_default()));
        };
        let mut known = self.known(&the(&entity.device().name), &[entity], &[]);
        known["temperature"] = number(degrees);
        known["where"] = json!(match place {
            Some(place) => format!("in {}", the(place)),
            None => format!("at {}", the(&entity.device().name)),
        });
        Ok(Meaning::Question(known))
    }

    fn not_told(&self, entity: &Entity) -> String {
        format!("I don't know, because {} has not told me how it is.", the(&entity.device().name))
    }
}

fn first<'a>(selection: &Selection<'a>) -> Result<&'a Entity, Meaning> {
    selection.entities.first().copied().ok_or(Meaning::Elsewhere)
}
