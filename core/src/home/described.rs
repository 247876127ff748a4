//! Devices that do not make themselves known, as the household describes them. They are read as if they did.

use serde_json::{Map, Value, json};

use super::discovery::Fields;
use super::registry::{Changes, Registry};

/// A device that the household describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// What it is called. No two of them share it.
    pub name: String,
    /// What it is.
    pub kind: DescribedKind,
    /// Where it is commanded, if it can be.
    pub command_topic: Option<String>,
    /// Where it tells how it is, if it does.
    pub state_topic: Option<String>,
    /// What makes its state of a message there; without it, the message is the state.
    pub state_template: Option<String>,
    /// Where it tells that it is "online" or "offline", if it does.
    pub availability_topic: Option<String>,
    /// What turns it on, opens or locks it, if not Home Assistant's usual word.
    pub on: Option<String>,
    /// What turns it off, closes or unlocks it, if not Home Assistant's usual word.
    pub off: Option<String>,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum DescribedKind {
    Light,
    Switch,
    Fan,
    Cover,
    Door,
    Lock,
    Heating,
    Scene,
    Sensor,
    Contact,
}

impl Registry {
    /// Takes in a device that the household describes; one of the same name before is forgotten.
    ///
    /// # Errors
    /// What is wrong with it, about the device.
    pub fn describe(&mut self, device: &Described) -> Result<(), String> {
        use DescribedKind::*;
        let (component, on, off, template) = match device.kind {
            Light => ("light", "payload_on", "payload_off", "state_value_template"),
            Fan => ("fan", "payload_on", "payload_off", "state_value_template"),
            Switch => ("switch", "payload_on", "payload_off", "value_template"),
            Cover | Door => ("cover", "payload_open", "payload_close", "value_template"),
            Lock => ("lock", "payload_lock", "payload_unlock", "value_template"),
            Heating => ("climate", "", "", "temperature_state_template"),
            Scene => ("scene", "payload_on", "", "value_template"),
            Sensor => ("sensor", "", "", "value_template"),
            Contact => ("binary_sensor", "payload_on", "payload_off", "value_template"),
        };
        let (command, state) = match device.kind {
            Heating => ("temperature_command_topic", "temperature_state_topic"),
            _ => ("command_topic", "state_topic"),
        };
        let mut fields = Map::from_iter([("name".to_owned(), json!(device.name))]);
        if device.kind == Door {
            fields.insert("device_class".to_owned(), json!("garage"));
        }
        for (key, value) in [
            (command, &device.command_topic),
            (state, &device.state_topic),
            (template, &device.state_template),
            ("availability_topic", &device.availability_topic),
            (on, &device.on),
            (off, &device.off),
        ] {
            match value {
                Some(_) if key.is_empty() => return Err("is of a kind that is not turned on and off".to_owned()),
                Some(text) => drop(fields.insert(key.to_owned(), Value::String(text.clone()))),
                None => {}
            }
        }
        self.put(&described_id(&device.name), component, &Fields::new(fields), &mut Changes::default())
    }
}

/// No topic of discovery makes this of its device: there is always something before the "#".
fn described_id(name: &str) -> String {
    format!("#{name}")
}
