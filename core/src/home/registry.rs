//! All that devices made known over MQTT. Messages go in; what is to be subscribed to, and what is different now, comes out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::control::Publish;
use super::discovery::{self, Fields};
use super::entity::{Definition, Entity, Household, Reachable};
use super::template::{Message, Templates};
use super::topic::{Place, Territory, is_below};
use super::{Device, DeviceId, DeviceKind, Guard, HomeAction};

/// The most entities that are known at once. A large house has some hundreds.
const MOST_ENTITIES: usize = 10_000;
/// The longest message that tells a state, in bytes.
const LONGEST_STATE: usize = 256 * 1024;
/// How much of a topic, and of what is wrong with a message, is said, in characters.
const SHOWN: usize = 120;
const MOST_SAID: usize = 400;

/// Where devices are looked for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the topics of discovery begin with: "homeassistant".
    pub prefix: String,
    /// Topics that are this Pipit's own, with all below them: no entity is told by them or commanded on them.
    pub own_topics: Vec<String>,
    /// The id under which this Pipit makes itself known: it is no device of the household.
    pub own_id: Option<String>,
    /// What the household says about its devices.
    pub household: Household,
}

/// A topic to listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topic, or for discovery a filter.
    pub topic: String,
    /// The quality of service: 0, 1 or 2.
    pub qos: u8,
}

/// What follows from a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What is to be subscribed to, even if it is already: the broker then says again what it retains.
    pub subscribe: Vec<Subscription>,
    /// What need not be listened to any more.
    pub unsubscribe: Vec<String>,
    /// What is new, different or gone.
    pub changed: Vec<DeviceId>,
    /// Why the message, or part of it, was ignored: a sentence for the log.
    pub problem: Option<String>,
}

/// What is known of a home's devices.
#[derive(Debug)]
pub struct Registry {
    territory: Territory,
    own_id: Option<String>,
    household: Household,
    templates: Templates,
    entities: BTreeMap<String, Entity>,
    /// Who is told something on a topic.
    topics: HashMap<String, BTreeSet<String>>,
    /// Which entity has a component's unique id.
    unique: HashMap<(String, String), String>,
    /// The topics on which something is commanded that opens the house.
    guarded: BTreeMap<String, BTreeMap<String, DeviceKind>>,
    /// Counts what came and went.
    generation: u64,
}

impl Registry {
    /// A registry that knows of nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Registry {
        let Settings { prefix, own_topics, own_id, household } = settings;
        Registry {
            territory: Territory { prefix, own: own_topics },
            own_id,
            household,
            templates: Templates::new(),
            entities: BTreeMap::new(),
            topics: HashMap::new(),
            unique: HashMap::new(),
            guarded: BTreeMap::new(),
            generation: 0,
        }
    }

    /// All that is to be subscribed to with a new session, first of all the discovery.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> {
        let prefix = &self.territory.prefix;
        let discovery = [format!("{prefix}/+/+/config"), format!("{prefix}/+/+/+/config")];
        let discovery = discovery.into_iter().map(|topic| Subscription { topic, qos: 0 });
        let state = self.topics.iter().map(|(topic, ids)| {
            let qos = ids.iter().filter_map(|id| self.entities.get(id)).map(|entity| entity.definition.qos).max();
            Subscription { topic: topic.clone(), qos: qos.unwrap_or(0) }
        });
        discovery.chain(state)
    }

    /// Takes in a message that came on any topic.
    pub fn on_message(&mut self, topic: &str, payload: &[u8]) -> Changes {
        let mut changes = Changes::default();
        let understood = match self.territory.place(topic) {
            Some(place) if self.is_own(&place) => Ok(()),
            Some(place) => self.discover(&place, payload, &mut changes),
            None => self.hear(topic, payload, &mut changes),
        };
        if let Err(why) = understood {
            let topic: String = topic.chars().take(SHOWN).collect();
            let why: String = why.chars().take(MOST_SAID).collect();
            changes.problem = Some(format!("the message on the topic {topic:?} {why}; that is ignored"));
        }
        changes.unsubscribe.retain(|topic| !self.topics.contains_key(topic));
        changes.subscribe.retain(|wanted| self.topics.contains_key(&wanted.topic));
        changes.subscribe.sort_by(|one, other| (&one.topic, other.qos).cmp(&(&other.topic, one.qos)));
        changes.subscribe.dedup_by(|one, other| one.topic == other.topic);
        changes
    }

    /// A number that is another one whenever an entity is new, is called something else, or is gone.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is known by this id.
    #[must_use]
    pub fn entity(&self, id: &DeviceId) -> Option<&Entity> {
        self.entities.get(&id.0)
    }

    /// All that is known.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    /// The device that an entity is, as the rest of Pipit sees it: where what opens the house is commanded on the same topic, or
    /// on one above or below it, it is guarded like that.
    #[must_use]
    pub fn device(&self, entity: &Entity) -> Device {
        let mut device = entity.definition.device.clone();
        if let Some(kind) = entity.definition.commanded().find_map(|topic| self.guarded_at(topic)) {
            device.kind = kind;
        }
        device
    }

    fn guarded_at(&self, topic: &str) -> Option<DeviceKind> {
        let above = topic.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &topic[..at]);
        let at = above.chain([topic]).find_map(|topic| self.guarded.get(topic));
        let below = format!("{topic}/");
        let below = self.guarded.range(below..).next().filter(|(one, _)| is_below(one, topic)).map(|(_, ids)| ids);
        at.or(below).and_then(|ids| ids.values().next().copied())
    }

    /// What is to be published for doing `action`, with `value` if it is to be set to something.
    ///
    /// # Errors
    /// Why it can't be done, in a sentence for the person.
    pub fn command(&self, id: &DeviceId, action: HomeAction, value: Option<f64>) -> Result<Vec<Publish>, String> {
        let entity = self.entities.get(&id.0).ok_or("It is not there any more: its device was removed.")?;
        let definition = &entity.definition;
        let device = &definition.device;
        if entity.reachable() != Reachable::Yes {
            return Err(entity.said());
        }
        let controls = &definition.component.controls;
        let is_turned_off = action == HomeAction::Set && value == Some(0.0);
        let off = is_turned_off && matches!(device.kind, DeviceKind::Light | DeviceKind::Fan);
        let action = if off { HomeAction::TurnOff } else { action };
        let control = controls.iter().find(|control| control.action == action).ok_or_else(|| {
            let known: Vec<String> = controls.iter().map(|control| control.action.to_string()).collect();
            let known = if known.is_empty() { "nothing: it only tells something".to_owned() } else { known.join(", ") };
            format!("{device} can't do this: {action}. What it can do: {known}.")
        })?;
        control.takes.check(device, value)?;
        let publish = |step: &super::control::Step| {
            let payload = step.payload.write(&self.templates, value);
            let payload = payload.map_err(|why| format!("{device} has a template that can't be used: {why}"))?;
            Ok(Publish { topic: step.topic.clone(), payload, qos: definition.qos, retain: definition.retain })
        };
        control.steps.iter().map(publish).collect()
    }

    /// Takes note that a command was published: what does not say how it is, is taken to be as it was told.
    pub fn commanded(&mut self, id: &DeviceId, action: HomeAction, value: Option<f64>) -> Changes {
        let changed = self.entities.get_mut(&id.0).is_some_and(|entity| entity.assume(action, value));
        Changes { changed: if changed { vec![id.clone()] } else { Vec::new() }, ..Changes::default() }
    }

    fn is_own(&self, place: &Place<'_>) -> bool {
        self.own_id.as_deref().is_some_and(|own| place.ids.contains(&Some(own)))
    }

    fn discover(&mut self, place: &Place<'_>, payload: &[u8], changes: &mut Changes) -> Result<(), String> {
        if payload.is_empty() {
            self.keep_of(place.id, &BTreeSet::new(), changes);
            return Ok(());
        }
        if payload.len() > discovery::LONGEST {
            return Err(format!("has {} bytes; at most {} are allowed", payload.len(), discovery::LONGEST));
        }
        let payload = std::str::from_utf8(payload).map_err(|_| "is not UTF-8".to_owned())?;
        if place.component != "device" {
            return self.put(place.id, place.component, &discovery::read_entity(payload)?, changes);
        }
        let entities = discovery::read_device(payload)?;
        let mut kept = BTreeSet::new();
        let mut wrong = Vec::new();
        for (key, component, fields) in entities {
            let Some(component) = component else { continue };
            let id = part_id(place.id, &key);
            match self.put(&id, &component, &fields, changes) {
                Ok(()) => {}
                Err(why) => wrong.push(format!("has a component {key:?} that {why}")),
            }
            kept.insert(id);
        }
        // What is not in the message now would not be known after a restart either.
        self.keep_of(place.id, &kept, changes);
        match wrong.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            [first, others @ ..] => Err(format!("{first}; so are {} more", others.len())),
        }
    }

    /// Of what the messages on one topic made known, keeps these.
    fn keep_of(&mut self, place: &str, kept: &BTreeSet<String>, changes: &mut Changes) {
        let parts = part_id(place, "");
        let of_place = |id: &&String| *id == place || id.starts_with(&parts);
        let from = self.entities.range(place.to_owned()..).map(|(id, _)| id);
        let gone: Vec<String> = from
            .take_while(|id| id.starts_with(place))
            .filter(of_place)
            .filter(|id| !kept.contains(*id))
            .cloned()
            .collect();
        for id in gone {
            self.take_out(&id, changes);
            changes.changed.push(DeviceId(id));
        }
    }

    pub(super) fn put(
        &mut self,
        id: &str,
        component: &str,
        fields: &Fields,
        changes: &mut Changes,
    ) -> Result<(), String> {
        let Some(definition) = Definition::read(id, component, fields, &self.household)? else {
            // It may have been of use before.
            self.keep_of(id, &BTreeSet::new(), changes);
            return Ok(());
        };
        definition.check(&self.territory, &self.templates)?;
        let before = self.entities.get(id);
        if before.is_some_and(|entity| entity.definition == definition) {
            return Ok(());
        }
        if before.is_none() && self.entities.len() >= MOST_ENTITIES {
            return Err(format!("would be one more than the {MOST_ENTITIES} entities that are kept"));
        }
        let other = definition.unique.as_ref().and_then(|unique| self.unique.get(unique));
        if let Some(other) = other.filter(|other| *other != id) {
            return Err(format!("has the unique_id of an entity that is known already, by {other:?}"));
        }
        let before = self.take_out(id, changes);
        self.put_in(id, definition, before, changes);
        Ok(())
    }

    fn put_in(&mut self, id: &str, definition: Definition, before: Option<Entity>, changes: &mut Changes) {
        self.generation += 1;
        for topic in definition.topics() {
            self.topics.entry(topic.to_owned()).or_default().insert(id.to_owned());
            changes.subscribe.push(Subscription { topic: topic.to_owned(), qos: definition.qos });
        }
        let kind = definition.device.kind;
        if kind.guard() == Guard::Always {
            for topic in definition.commanded() {
                self.guarded.entry(topic.to_owned()).or_default().insert(id.to_owned(), kind);
            }
        }
        self.unique.extend(definition.unique.clone().map(|unique| (unique, id.to_owned())));
        let mut entity = Entity::new(definition);
        if let Some(before) = before {
            entity.take_over(before);
        }
        self.entities.insert(id.to_owned(), entity);
        changes.changed.push(DeviceId(id.to_owned()));
    }

    fn take_out(&mut self, id: &str, changes: &mut Changes) -> Option<Entity> {
        let entity = self.entities.remove(id)?;
        self.generation += 1;
        for topic in entity.definition.topics() {
            if let Some(ids) = self.topics.get_mut(topic) {
                ids.remove(id);
                if ids.is_empty() {
                    self.topics.remove(topic);
                    changes.unsubscribe.push(topic.to_owned());
                }
            }
        }
        for topic in entity.definition.commanded() {
            if let Some(ids) = self.guarded.get_mut(topic) {
                ids.remove(id);
                if ids.is_empty() {
                    self.guarded.remove(topic);
                }
            }
        }
        if let Some(unique) = &entity.definition.unique {
            self.unique.remove(unique);
        }
        Some(entity)
    }

    fn hear(&mut self, topic: &str, payload: &[u8], changes: &mut Changes) -> Result<(), String> {
        let Some(ids) = self.topics.get(topic) else { return Ok(()) };
        if payload.len() > LONGEST_STATE {
            return Err(format!("has {} bytes; at most {LONGEST_STATE} are allowed", payload.len()));
        }
        let text = std::str::from_utf8(payload).map_err(|_| "is not UTF-8".to_owned())?;
        let message = Message::new(text);
        for id in ids {
            let entity = self.entities.get_mut(id);
            if entity.is_some_and(|entity| entity.hear(&self.templates, topic, &message)) {
                changes.changed.push(DeviceId(id.clone()));
            }
        }
        Ok(())
    }
}

/// Tells a device's entities apart; no topic of discovery has a "#".
fn part_id(place: &str, key: &str) -> String {
    format!("{place}#{key}")
}
