//! What devices make known, in the formats that Zigbee2MQTT, Tasmota and ESPHome document, and what strangers may send.

mod components;
mod described;
mod device;
mod finding;
mod firmware;
mod hostile;
mod spoken;

use serde_json::{Map, Value};

use super::*;

/// A registry that hears Home Assistant's prefix; "pipit/kitchen" is its own.
fn registry() -> Registry {
    registry_of(Household::default())
}

fn registry_of(household: Household) -> Registry {
    let own_topics = vec!["pipit/kitchen".to_owned()];
    Registry::new(Settings {
        prefix: "homeassistant".to_owned(),
        own_topics,
        own_id: Some("pipit_kitchen".to_owned()),
        household,
    })
}

/// Lets a registry hear the recorded messages of a firmware, none of which it may find fault with.
fn hear_all(registry: &mut Registry, recorded: &str) {
    let recorded: Map<String, Value> = serde_json::from_str(recorded).unwrap();
    for (topic, payload) in recorded {
        assert_eq!(registry.on_message(&topic, payload.to_string().as_bytes()).problem, None, "{topic}");
    }
}

/// A registry with one entity, which a message below this topic made known.
fn with(topic: &str, payload: &Value) -> Registry {
    let mut registry = registry();
    let topic = format!("homeassistant/{topic}/config");
    assert_eq!(registry.on_message(&topic, payload.to_string().as_bytes()).problem, None, "{payload}");
    registry
}

/// It is shared between the task that hears the broker and whoever asks it.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Registry>();
};

fn id(id: &str) -> DeviceId {
    DeviceId(id.to_owned())
}

/// What is published for a command, one message a line; or why it is not.
fn commanded(registry: &Registry, of: &str, action: HomeAction, value: Option<f64>) -> String {
    match registry.command(&id(of), action, value) {
        Ok(publish) => {
            let lines: Vec<String> = publish.iter().map(|one| format!("{} {}", one.topic, one.payload)).collect();
            lines.join("\n")
        }
        Err(why) => why,
    }
}

fn said(registry: &Registry, of: &str) -> String {
    registry.entity(&id(of)).map_or_else(|| "nothing".to_owned(), Entity::said)
}

/// The names of what is found; or why nothing is.
fn found(registry: &Registry, what: &str, place: Option<&str>) -> String {
    match registry.find(what, place) {
        Ok(devices) => devices.iter().map(Device::to_string).collect::<Vec<_>>().join(", "),
        Err(why) => why,
    }
}
