//! What one discovery message makes known: an entity, with what it is called, how it is, and whether it can be reached.

use std::collections::BTreeMap;

use super::component::{self, Component};
use super::control::{Payload, Takes};
use super::discovery::Fields;
use super::find::{Called, words};
use super::state::{State, Status, is_same};
use super::template::{Message, Templates};
use super::topic::Territory;
use super::{Device, DeviceId, DeviceKind, HomeAction};

/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 120;
/// The most topics that tell whether one entity is available.
const MOST_AVAILABILITY: usize = 16;

/// What the household says about its devices, by what they are called or by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Household {
    /// Where they are, if not where they say.
    pub places: BTreeMap<String, String>,
    /// What else they are called.
    pub aliases: BTreeMap<String, Vec<String>>,
}

/// Whether an entity can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// It can, or it does not tell.
    Yes,
    /// It says that it can't.
    No,
    /// It would tell, and has not yet.
    Unheard,
}

/// Something that devices made known over MQTT: it can be commanded, or tells something, or both.
#[derive(Clone, Debug)]
pub struct Entity {
    pub(super) definition: Definition,
    pub(super) state: State,
    /// What each of the topics of its availability said last.
    heard: Vec<Option<bool>>,
    /// What any of them said last.
    latest: Option<bool>,
}

/// What a discovery message said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) device: Device,
    /// All that it is called.
    pub(super) names: Vec<String>,
    /// The same, as it is looked for.
    pub(super) called: Called,
    /// Whether it is a setting or a diagnosis of a device, which nobody means who says "all the switches".
    pub(super) is_minor: bool,
    /// What no two entities of a component share.
    pub(super) unique: Option<(String, String)>,
    /// The component that it is, in Home Assistant's word: "light", "binary_sensor".
    pub(super) domain: String,
    pub(super) component: Component,
    pub(super) optimistic: bool,
    pub(super) qos: u8,
    pub(super) retain: bool,
    class: Option<String>,
    unit: Option<String>,
    availability: Vec<Availability>,
    mode: Mode,
}

/// A topic that tells whether an entity can be reached.
#[derive(Clone, Debug, PartialEq)]
struct Availability {
    topic: String,
    template: Option<String>,
    available: String,
    not_available: String,
}

/// Which of several topics counts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    All,
    Any,
    Latest,
}

impl Definition {
    /// What the fields of an entity with this id and component say; nothing where it is of no use in a home, or is switched off.
    ///
    /// # Errors
    /// What is wrong with it, about "it".
    pub(super) fn read(
        id: &str,
        component_name: &str,
        fields: &Fields,
        household: &Household,
    ) -> Result<Option<Definition>, String> {
        if fields.flag("enabled_by_default") == Some(false) {
            return Ok(None);
        }
        let Some(component) = component::read(component_name, fields) else { return Ok(None) };
        if component.sources.is_empty() && component.controls.is_empty() {
            return Err(format!("names no topic that a {component_name} is told by or commanded with"));
        }
        let owner = fields.below("device").into_iter().next().unwrap_or_default();
        let mut names = names(component_name, fields, &owner);
        let called = |names: &[String], key: &str| key == id || names.iter().any(|name| words(name) == words(key));
        let place = household.places.iter().find(|(key, _)| called(&names, key)).map(|(_, place)| place.clone());
        let place = place.or_else(|| owner.name("suggested_area").map(|area| shortened(&area)));
        let aliases = household.aliases.iter().filter(|(key, _)| called(&names, key));
        let aliases: Vec<String> = aliases.flat_map(|(_, aliases)| aliases.clone()).collect();
        let name = names.first().cloned().unwrap_or_default();
        names.extend(aliases);
        let called = Called::new(&names, place.as_deref());
        let device = Device { id: DeviceId(id.to_owned()), name, place, kind: component.kind };
        Ok(Some(Definition {
            device,
            names,
            called,
            is_minor: fields.has("entity_category"),
            unique: fields.name("unique_id").map(|unique| (component_name.to_owned(), unique)),
            domain: component_name.to_owned(),
            optimistic: fields.flag("optimistic").unwrap_or(component.sources.is_empty()),
            component,
            qos: fields.number("qos").map_or(0, |qos| qos.clamp(0.0, 2.0) as u8),
            retain: fields.flag("retain").unwrap_or(false),
            class: fields.name("device_class"),
            unit: fields.name("unit_of_measurement").map(|unit| shortened(&unit)),
            availability: availability(fields)?,
            mode: match fields.text("availability_mode").as_deref() {
                Some("all") => Mode::All,
                Some("any") => Mode::Any,
                _ => Mode::Latest,
            },
        }))
    }

    /// Whether its topics and templates may be used.
    ///
    /// # Errors
    /// Which may not, and why.
    pub(super) fn check(&self, territory: &Territory, templates: &Templates) -> Result<(), String> {
        for topic in self.topics() {
            territory.readable(topic).map_err(|why| refused(topic, &why))?;
        }
        for topic in self.commanded() {
            territory.writable(topic).map_err(|why| refused(topic, &why))?;
        }
        let of_sources = self.component.sources.iter().filter_map(|source| source.template.as_deref());
        let of_availability = self.availability.iter().filter_map(|topic| topic.template.as_deref());
        let steps = self.component.controls.iter().flat_map(|control| &control.steps);
        let of_steps = steps.filter_map(|step| match &step.payload {
            Payload::Text { template, .. } | Payload::Level { template, .. } | Payload::Number { template } => {
                template.as_deref()
            }
            Payload::TemplateLight { template, .. } => Some(template),
            Payload::JsonLight { .. } => None,
        });
        of_sources.chain(of_availability).chain(of_steps).try_for_each(|template| templates.check(template))
    }

    /// The topics that it tells something on.
    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        let of_sources = self.component.sources.iter().map(|source| &*source.topic);
        of_sources.chain(self.availability.iter().map(|topic| &*topic.topic))
    }

    /// The topics that it is commanded on.
    pub(super) fn commanded(&self) -> impl Iterator<Item = &str> {
        self.component.controls.iter().flat_map(|control| &control.steps).map(|step| &*step.topic)
    }

    /// Whether it is a thing that somebody may want to have commanded.
    pub(super) fn is_commanded(&self) -> bool {
        !self.component.controls.is_empty()
    }
}

fn refused(topic: &str, why: &str) -> String {
    let topic: String = topic.chars().take(LONGEST_NAME).collect();
    format!("names the topic {topic:?}, which {why}")
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// What an entity is called, its full name first: that of its device and its own, as Home Assistant shows it.
fn names(component: &str, fields: &Fields, owner: &Fields) -> Vec<String> {
    let [own, device] = [fields.name("name"), owner.name("name")].map(|name| name.map(|name| shortened(&name)));
    match (own, device) {
        (Some(own), Some(device)) if words(&own).starts_with(&words(&device)) => vec![own],
        (Some(own), Some(device)) => vec![format!("{device} {own}"), own],
        (Some(name), None) | (None, Some(name)) => vec![name],
        (None, None) => {
            let name = fields.name("object_id").or_else(|| fields.name("device_class"));
            vec![shortened(&name.unwrap_or_else(|| component.to_owned()).replace('_', " "))]
        }
    }
}

fn availability(fields: &Fields) -> Result<Vec<Availability>, String> {
    let topic = |at: &Fields, topic: &str, template: &str| {
        Some(Availability {
            topic: at.name(topic)?,
            template: at.name(template),
            available: at.text_or("payload_available", "online"),
            not_available: at.text_or("payload_not_available", "offline"),
        })
    };
    let mut topics: Vec<Availability> =
        fields.below("availability").iter().filter_map(|at| topic(at, "topic", "value_template")).collect();
    topics.extend(topic(fields, "availability_topic", "availability_template"));
    if topics.len() > MOST_AVAILABILITY {
        return Err(format!(
            "has {} topics for its availability; at most {MOST_AVAILABILITY} are allowed",
            topics.len()
        ));
    }
    Ok(topics)
}

impl Entity {
    pub(super) fn new(definition: Definition) -> Entity {
        let heard = vec![None; definition.availability.len()];
        Entity { definition, state: State::default(), heard, latest: None }
    }

    /// Takes over what is known of it from what its device said before; it may have changed in other ways.
    pub(super) fn take_over(&mut self, before: Entity) {
        if before.definition.device.kind == self.definition.device.kind {
            self.state = before.state;
        }
        if before.definition.availability == self.definition.availability {
            (self.heard, self.latest) = (before.heard, before.latest);
        }
    }

    /// Enters what a message on one of its topics says; whether anything is different now.
    pub(super) fn hear(&mut self, templates: &Templates, topic: &str, message: &Message<'_>) -> bool {
        let before = (self.state.clone(), self.reachable());
        for (at, availability) in self.definition.availability.iter().enumerate() {
            if availability.topic != topic {
                continue;
            }
            let Some(text) = templates.read(availability.template.as_deref(), message) else { continue };
            // Zigbee2MQTT has said this as an object and as a word.
            let inside = || message.json()?.get("state")?.as_str().map(str::to_owned);
            let says = |text: &str| {
                let available = is_same(&availability.available, text);
                (available || is_same(&availability.not_available, text)).then_some(available)
            };
            if let Some(available) = says(text.trim()).or_else(|| says(&inside()?)) {
                self.heard[at] = Some(available);
                self.latest = Some(available);
            }
        }
        for source in self.definition.component.sources.iter().filter(|source| source.topic == topic) {
            source.read(templates, message, &mut self.state);
        }
        before != (self.state.clone(), self.reachable())
    }

    /// Takes it to be as it was told to be, if it does not say itself how it is; whether anything is different now.
    pub(super) fn assume(&mut self, action: HomeAction, value: Option<f64>) -> bool {
        if !self.definition.optimistic {
            return false;
        }
        let before = self.state.clone();
        let status = match action {
            HomeAction::TurnOn => Some(Status::On),
            HomeAction::TurnOff => Some(Status::Off),
            HomeAction::Open => Some(Status::Open),
            HomeAction::Close => Some(Status::Closed),
            HomeAction::Lock => Some(Status::Locked),
            HomeAction::Unlock => Some(Status::Unlocked),
            HomeAction::Arm => Some(Status::Other("armed".to_owned())),
            HomeAction::Disarm => Some(Status::Other("disarmed".to_owned())),
            HomeAction::Set => None,
        };
        let moves = matches!(self.definition.device.kind, DeviceKind::Cover | DeviceKind::Door | DeviceKind::Valve);
        let takes = self.definition.component.controls.iter().find(|one| one.action == action).map(|one| &one.takes);
        match (takes, value) {
            (Some(Takes::Percent), Some(percent)) => {
                self.state.level = Some(percent);
                let (zero, above) = if moves { (Status::Closed, Status::Open) } else { (Status::Off, Status::On) };
                self.state.status = Some(if percent == 0.0 { zero } else { above });
            }
            (Some(Takes::Number { .. }), Some(value)) => self.state.target = Some(value),
            // What is pressed and what is begun is not on because of that.
            _ if self.definition.device.kind != DeviceKind::Scene => self.state.status = status,
            _ => {}
        }
        self.state.assumed = true;
        before != self.state
    }

    /// What it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.definition.device
    }

    /// What is known of how it is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// All that it is called.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.definition.names
    }

    /// The component that it is, in Home Assistant's word: "light", "binary_sensor".
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.definition.domain
    }

    /// What kind of a sensor or a cover it is, in Home Assistant's words: "temperature", "door".
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.definition.class.as_deref()
    }

    /// What it measures in.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.definition.unit.as_deref()
    }

    /// Whether it can be reached.
    #[must_use]
    pub fn reachable(&self) -> Reachable {
        let of = |heard: Option<bool>| match heard {
            Some(true) => Reachable::Yes,
            Some(false) => Reachable::No,
            None => Reachable::Unheard,
        };
        match self.definition.mode {
            _ if self.heard.is_empty() => Reachable::Yes,
            Mode::Latest => of(self.latest),
            Mode::Any if self.heard.contains(&Some(true)) => Reachable::Yes,
            Mode::Any if self.heard.contains(&None) => Reachable::Unheard,
            Mode::Any => Reachable::No,
            Mode::All if self.heard.contains(&Some(false)) => Reachable::No,
            Mode::All if self.heard.contains(&None) => Reachable::Unheard,
            Mode::All => Reachable::Yes,
        }
    }

    /// How it is, in a sentence: "Front door (Hall) is locked."
    #[must_use]
    pub fn said(&self) -> String {
        let device = &self.definition.device;
        match self.reachable() {
            Reachable::Yes => format!("{device} {}.", self.told()),
            Reachable::No => format!("{device} can't be reached: it says that it is offline."),
            Reachable::Unheard => format!("{device} has not said yet whether it can be reached."),
        }
    }

    /// The same without its name and without looking whether it can be reached: "is on and is at 50 percent".
    pub(super) fn told(&self) -> String {
        let State { status, level, target, current, assumed } = &self.state;
        let mut parts = Vec::new();
        let unit = self.definition.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
        parts.extend(status.as_ref().map(|status| format!("is {status}{unit}")));
        // What is off has a brightness or a speed only for when it is turned on.
        let level = level.filter(|_| *status != Some(Status::Off));
        parts.extend(level.map(|level| format!("is at {level} percent")));
        parts.extend(target.map(|target| format!("is set to {target}{unit}")));
        parts.extend(current.map(|current| format!("measures {current}{unit}")));
        let told = if parts.is_empty() { "has not told how it is".to_owned() } else { parts.join(" and ") };
        let source = if *assumed { ", as far as it was told to be; it does not say so itself" } else { "" };
        format!("{told}{source}")
    }
}
