//! `[[home.device]]`: what the household says about its devices, and those that it describes itself.

use std::collections::BTreeSet;

use super::check::path;
use super::checked::{HomeSettings, MqttSettings, Sentences};
use super::layers::{Settings, table};
use super::wire::{self, HomeKind};
use crate::home::{self, Described, DescribedKind, Registry};

/// Reads all of them. Where there is a broker, its topics are not for them.
pub(super) fn home(settings: &mut Settings<'_>, written: wire::Home, mqtt: Option<&MqttSettings>) -> HomeSettings {
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (mut names, mut home) =
        (BTreeSet::new(), HomeSettings { area: text(&written.area), ..HomeSettings::default() });
    home.sentences = sentences(settings, written.sentences);
    home.custom_sentences = path(settings, ("home", "custom_sentences"), text(&written.custom_sentences));
    for (number, device) in written.device.into_iter().enumerate() {
        let section = table("home", "device", number);
        let Some(name) = text(&device.name) else {
            let sentence = "home.device.name must be what the device is called; write for example \"Coffee machine\"";
            settings.object(&[(&section, "name")], sentence);
            continue;
        };
        if !names.insert(name.to_lowercase()) {
            let sentence = "home.device.name is another device's already; put what is said of one into one table";
            settings.object(&[(&section, "name")], sentence);
        }
        home.household.places.extend(text(&device.area).map(|area| (name.clone(), area)));
        let aliases: Vec<String> = device.aliases.split(',').filter_map(text).collect();
        if !aliases.is_empty() {
            home.household.aliases.insert(name.clone(), aliases);
        }
        let Some(kind) = described(device.kind) else {
            let keys = [
                ("command_topic", &device.command_topic),
                ("state_topic", &device.state_topic),
                ("state_template", &device.state_template),
                ("availability_topic", &device.availability_topic),
                ("on", &device.on),
                ("off", &device.off),
            ];
            if let Some((key, _)) = keys.into_iter().find(|(_, text)| !text.is_empty()) {
                let sentence = format!(
                    "home.device.{key} is for a device that does not make itself known; write in home.device.kind what it is"
                );
                settings.object(&[(&section, key), (&section, "kind")], sentence);
            }
            continue;
        };
        let device = Described {
            name,
            kind,
            command_topic: text(&device.command_topic),
            state_topic: text(&device.state_topic),
            state_template: text(&device.state_template),
            availability_topic: text(&device.availability_topic),
            on: text(&device.on),
            off: text(&device.off),
        };
        let prefix = mqtt.map_or("homeassistant", |mqtt| &mqtt.discovery_prefix).to_owned();
        let own_topics = mqtt.iter().map(|mqtt| mqtt.topic_prefix.clone()).collect();
        let household = home.household.clone();
        let mut registry = Registry::new(home::Settings { prefix, own_topics, own_id: None, household });
        match registry.describe(&device) {
            Ok(()) => home.described.push(device),
            Err(why) => {
                let keys = ["command_topic", "state_topic", "state_template", "availability_topic"];
                settings.object(&keys.map(|key| (&*section, key)), format!("home.device {:?}: {why}", device.name));
            }
        }
    }
    home
}

/// Whose sentences are understood.
fn sentences(settings: &mut Settings<'_>, written: String) -> Sentences {
    if written == "pipit" {
        return Sentences::Pipit;
    }
    // It becomes part of a file's name. Which languages there are, the packs say.
    let is_tag = |tag: &str| (2..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !written.split('-').all(is_tag) {
        let sentence = "home.sentences must be \"pipit\" or the code of a language; write for example \"de\"";
        settings.object(&[("home", "sentences")], sentence);
    }
    Sentences::HomeAssistant(written)
}

fn described(kind: HomeKind) -> Option<DescribedKind> {
    Some(match kind {
        HomeKind::Known => return None,
        HomeKind::Light => DescribedKind::Light,
        HomeKind::Switch => DescribedKind::Switch,
        HomeKind::Fan => DescribedKind::Fan,
        HomeKind::Cover => DescribedKind::Cover,
        HomeKind::Door => DescribedKind::Door,
        HomeKind::Lock => DescribedKind::Lock,
        HomeKind::Heating => DescribedKind::Heating,
        HomeKind::Scene => DescribedKind::Scene,
        HomeKind::Sensor => DescribedKind::Sensor,
        HomeKind::Contact => DescribedKind::Contact,
    })
}
