//! Which things a sentence means: one by its name, or all of a kind in a room.

use super::super::entity::Entity;
use super::super::find::words;
use super::super::said::{group, listed, noun, the, with_place};
use super::{Asked, Meaning};

/// Coverings of windows, any of which is meant where a household has not said what its own are.
const COVERINGS: [&str; 5] = ["awning", "blind", "curtain", "shade", "shutter"];

/// What is meant, and what it is called in a reply.
pub(super) struct Selection<'a> {
    /// At least one.
    pub(super) entities: Vec<&'a Entity>,
    pub(super) what: String,
}

/// All that something is called. A sensor is also called what its device is, or what it is without what it measures: one
/// speaks of the temperature of the freezer, and not of the freezer temperature's.
pub(super) fn called(entity: &Entity) -> Vec<String> {
    let mut names = entity.names().to_vec();
    if let ("sensor" | "binary_sensor", Some(whole)) = (entity.domain(), names.first().cloned()) {
        let stems = names[1..].iter().cloned().chain(entity.class().map(|class| class.replace('_', " ")));
        let stems: Vec<String> = stems.filter_map(|end| without_end(&whole, &end)).collect();
        names.extend(stems);
    }
    // "Temperature" names no sensor more than another one.
    let class = entity.class().map(|class| words(&class.replace('_', " ")));
    names.retain(|name| !words(name).is_empty() && Some(words(name)) != class);
    names.dedup();
    names
}

/// What is said for something that was called `name`.
fn spoken(entity: &Entity, name: &str) -> String {
    let is_own = entity.names().iter().any(|own| own == name);
    let rest = (!is_own).then(|| entity.device().name.strip_prefix(name).map(str::to_lowercase)).flatten();
    format!("{}{}", the(name), rest.unwrap_or_default())
}

fn without_end(whole: &str, end: &str) -> Option<String> {
    let at = whole.len().checked_sub(end.len()).filter(|at| whole.is_char_boundary(*at))?;
    let (before, after) = whole.split_at(at);
    let stem = before.trim_end();
    (after.eq_ignore_ascii_case(end) && stem.len() < before.len() && !stem.is_empty()).then(|| stem.to_owned())
}

impl<'a> Asked<'a> {
    /// The things that the sentence means, of those that can be commanded or of all.
    ///
    /// # Errors
    /// There are none, or it is not clear which.
    pub(super) fn selection(&self, commands: bool) -> Result<Selection<'a>, Meaning> {
        match self.slot("name").filter(|name| *name != "all") {
            Some(name) => self.named(name, commands),
            None => self.of_kind(commands),
        }
    }

    fn candidates(&self, commands: bool) -> impl Iterator<Item = &'a Entity> {
        self.registry.entities().filter(move |entity| !commands || entity.definition.is_commanded())
    }

    fn named(&self, name: &str, commands: bool) -> Result<Selection<'a>, Meaning> {
        let known = |key: &str| self.said.context.get(key).and_then(|value| value.as_str());
        let (domain, class, wanted) = (known("domain"), known("device_class"), words(name));
        let is_meant = |entity: &&Entity| {
            domain.is_none_or(|domain| entity.domain() == domain)
                && class.is_none_or(|class| entity.class() == Some(class))
                && called(entity).iter().any(|name| words(name) == wanted)
                && self.slot("area").is_none_or(|area| is_at(entity, area))
        };
        let mut entities: Vec<&Entity> = self.candidates(commands).filter(is_meant).collect();
        let narrowings: [&dyn Fn(&Entity) -> bool; 3] = [
            &|entity| !entity.definition.is_minor,
            &|entity| entity.names().iter().any(|name| words(name) == wanted),
            &|entity| self.here.is_some_and(|here| is_at(entity, here)),
        ];
        for is_likelier in narrowings {
            if entities.len() > 1 && entities.iter().any(|entity| is_likelier(entity)) {
                entities.retain(|entity| is_likelier(entity));
            }
        }
        match entities.as_slice() {
            [] => Err(Meaning::Unknown(format!("I don't know anything called {name}{}.", self.somewhere()))),
            [one] => {
                let has_area = self.said.slots.get("area").is_some_and(|area| !area.text.is_empty());
                let what = if has_area { with_place(one) } else { spoken(one, name) };
                Ok(Selection { entities, what })
            }
            several => {
                let mut several: Vec<String> = several.iter().map(|entity| with_place(entity)).collect();
                several.sort();
                Err(Meaning::Cannot(format!("Which one do you mean: {}?", listed(&several).replace(" and ", " or "))))
            }
        }
    }

    fn of_kind(&self, commands: bool) -> Result<Selection<'a>, Meaning> {
        let domain = self.slot("domain").or(match &*self.said.intent {
            "HassLightSet" => Some("light"),
            "HassClimateSetTemperature" | "HassClimateGetTemperature" => Some("climate"),
            "HassVacuumStart" => Some("vacuum"),
            _ => None,
        });
        let Some(domain) = domain else { return Err(Meaning::Elsewhere) };
        let is_there = |entity: &&Entity| {
            entity.domain() == domain
                && !entity.definition.is_minor
                && self.slot("area").is_none_or(|area| is_at(entity, area))
                // MQTT knows of no floors.
                && self.slot("floor").is_none()
        };
        let there: Vec<&Entity> = self.candidates(commands).filter(is_there).collect();
        let entities = match self.slot("device_class") {
            Some(class) => of_class(there, class),
            None => there,
        };
        let several = self.noun(domain, false);
        if entities.is_empty() {
            return Err(Meaning::Unknown(format!("I don't know of any {several}{}.", self.somewhere())));
        }
        // One sets the heating of a place; without one it has to be clear which is meant.
        if let ("HassClimateSetTemperature", None, [_, _, ..]) =
            (&*self.said.intent, self.slot("area"), entities.as_slice())
        {
            let names: Vec<String> = entities.iter().map(|entity| the(&entity.device().name)).collect();
            let names = listed(&names).replace(" and ", " or ");
            return Err(Meaning::Cannot(format!("Which one do you mean: {names}?")));
        }
        let area = self.said.slots.get("area").filter(|area| !area.text.is_empty());
        let area = area.and_then(|area| area.value.as_str());
        let what = match entities.as_slice() {
            [one] if area.is_none() || domain == "climate" => the(&one.device().name),
            [_] => group(&self.noun(domain, true), area),
            _ => group(&several, area),
        };
        Ok(Selection { entities, what })
    }

    /// All that the sentence asks about: where it is about doors or windows, those that are moved and those that only tell.
    ///
    /// # Errors
    /// There are none, or it is not clear which.
    pub(super) fn asked_about(&self) -> Result<Selection<'a>, Meaning> {
        let class =
            self.slot("device_class").filter(|_| matches!(self.slot("domain"), Some("cover" | "binary_sensor")));
        let Some((covers, sensors)) = class.and_then(openings) else { return self.selection(false) };
        let is_meant = |entity: &&Entity| {
            let classes = if entity.domain() == "cover" { covers } else { sensors };
            matches!(entity.domain(), "cover" | "binary_sensor")
                && entity.class().is_some_and(|class| classes.contains(&class))
                && self.slot("area").is_none_or(|area| is_at(entity, area))
        };
        let entities: Vec<&Entity> = self.registry.entities().filter(is_meant).collect();
        if entities.is_empty() {
            return self.selection(false);
        }
        Ok(Selection { entities, what: String::new() })
    }

    /// What several, or one, of a kind are called: as they were called in the sentence, if it had a word of its own for them.
    pub(super) fn noun(&self, domain: &str, is_one: bool) -> String {
        let class = self.said.slots.get("device_class").filter(|class| !class.text.is_empty());
        let said = class.map(|class| &*class.text).unwrap_or_default();
        match (domain, said.strip_suffix('s')) {
            ("cover", None) if !said.is_empty() && !is_one => format!("{said}s"),
            ("cover", Some(one)) if is_one => one.to_owned(),
            ("cover", _) if !said.is_empty() => said.to_owned(),
            _ => noun(domain, is_one).to_owned(),
        }
    }

    /// " in the kitchen", where a place was named.
    pub(super) fn somewhere(&self) -> String {
        let place = self.slot("area").or(self.slot("floor"));
        place.map(|place| format!(" in {}", the(place))).unwrap_or_default()
    }
}

/// The classes of covers, and of sensors, that stand for what can be open.
fn openings(class: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match class {
        "door" => (&["door", "garage", "gate"], &["door", "garage_door", "opening"]),
        "garage" | "garage_door" => (&["garage"], &["garage_door"]),
        "window" => (&["window"], &["window"]),
        "opening" => (&["door", "garage", "gate", "window"], &["door", "garage_door", "opening", "window"]),
        _ => return None,
    })
}

/// In a room that is called so; what has no room may have it in its name.
fn is_at(entity: &Entity, area: &str) -> bool {
    let area = words(area);
    match entity.device().place.as_deref().map(words).filter(|place| !place.is_empty()) {
        Some(place) => place == area,
        None => entity.names().iter().any(|name| {
            let name = words(name);
            name.len() > area.len() && name.starts_with(&area)
        }),
    }
}

/// Those of a class, going by their names where they don't say; or all that say nothing, where any covering will do.
fn of_class<'a>(there: Vec<&'a Entity>, class: &str) -> Vec<&'a Entity> {
    let named = |entity: &Entity| {
        entity.names().iter().flat_map(|name| words(name)).any(|word| word.strip_suffix('s').unwrap_or(&word) == class)
    };
    let is_of = |entity: &&Entity| entity.class().map_or_else(|| named(entity), |own| own == class);
    let found: Vec<&Entity> = there.iter().copied().filter(is_of).collect();
    if !found.is_empty() || !COVERINGS.contains(&class) {
        return found;
    }
    there.into_iter().filter(|entity| entity.domain() == "cover" && entity.class().is_none()).collect()
}
