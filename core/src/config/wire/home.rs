//! What is written about the devices at home: `[[home.device]]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The devices at home. Most make themselves known over MQTT and need nothing here.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Home {
    /// The room that this device stands in, as the home calls it: its lights are meant where no room is named. Empty where none is.
    pub(in crate::config) area: String,
    /// Whose sentences about the home are understood: "pipit" for Pipit's own, which are English, or for Home Assistant's the
    /// code of their language, such as "de" or "pt-BR".
    pub(in crate::config) sentences: String,
    /// A folder with sentences of your own about the home, in Home Assistant's format of custom_sentences. Empty for none.
    pub(in crate::config) custom_sentences: String,
    /// Devices that have another name or room than they say, or that do not make themselves known at all.
    pub(in crate::config) device: Vec<HomeDevice>,
}

impl Default for Home {
    fn default() -> Self {
        Home { area: String::new(), sentences: "pipit".into(), custom_sentences: String::new(), device: Vec::new() }
    }
}

/// One device.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct HomeDevice {
    /// What it is called: for one that makes itself known, as it says.
    pub(in crate::config) name: String,
    /// The room that it is in.
    pub(in crate::config) area: String,
    /// What else it is called, with commas between.
    pub(in crate::config) aliases: String,
    /// What it is, if it does not make itself known and is described here.
    pub(in crate::config) kind: HomeKind,
    /// Where it is commanded.
    pub(in crate::config) command_topic: String,
    /// Where it tells how it is; "" if it does not.
    pub(in crate::config) state_topic: String,
    /// What makes its state of a message there, as Home Assistant writes value_template; "" for the message itself.
    pub(in crate::config) state_template: String,
    /// Where it tells that it is "online" or "offline"; "" if it does not.
    pub(in crate::config) availability_topic: String,
    /// What turns it on, opens or locks it; "" for ON, OPEN and LOCK.
    pub(in crate::config) on: String,
    /// What turns it off, closes or unlocks it; "" for OFF, CLOSE and UNLOCK.
    pub(in crate::config) off: String,
}

/// What a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum HomeKind {
    /// It makes itself known.
    #[default]
    Known,
    /// A light.
    Light,
    /// A socket or a relay.
    Switch,
    /// A fan.
    Fan,
    /// A blind, a curtain, a shutter.
    Cover,
    /// A garage door or a gate.
    Door,
    /// A lock.
    Lock,
    /// A heating that is set to a temperature.
    Heating,
    /// A scene, which can only be turned on.
    Scene,
    /// Something that measures.
    Sensor,
    /// Something that notices: a contact, a motion.
    Contact,
}
