//! What is written about the broker in the house: `[mqtt]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The MQTT broker by which Home Assistant finds Pipit.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Mqtt {
    /// The broker's name or address, such as "homeassistant.local"; "" for no MQTT.
    pub(in crate::config) host: String,
    /// The broker's port; 0 for the usual one, which is 8883 with TLS and 1883 without.
    #[schemars(range(min = 0, max = 65_535))]
    pub(in crate::config) port: u16,
    /// What the broker knows this Pipit by, and Home Assistant too: letters, digits, - and _. No two on one broker may share it.
    #[schemars(length(min = 1))]
    pub(in crate::config) client_id: String,
    /// The user name, if the broker wants one.
    pub(in crate::config) username: String,
    /// The environment variable that holds the password, such as "MQTT_PASSWORD". The password itself never stands here.
    pub(in crate::config) password_env: String,
    /// A file that holds nothing but the password, for example one of systemd's credentials.
    pub(in crate::config) password_file: String,
    /// The name under which `pipit secrets set` keeps the password, sealed.
    pub(in crate::config) password_secret: String,
    /// Whether the connection is encrypted.
    pub(in crate::config) tls: bool,
    /// With TLS: the PEM file of the authority that vouches for the broker; "" for those that the system trusts.
    pub(in crate::config) ca_file: String,
    /// With TLS: the PEM file of this Pipit's own certificate, if the broker wants one.
    pub(in crate::config) client_cert_file: String,
    /// With TLS: the PEM file of that certificate's key.
    pub(in crate::config) client_key_file: String,
    /// The first level of the topics that Home Assistant looks for devices under.
    #[schemars(length(min = 1))]
    pub(in crate::config) discovery_prefix: String,
    /// What Pipit's own topics begin with; "" for "pipit/" and mqtt.client_id.
    pub(in crate::config) topic_prefix: String,
    /// Whether Pipit may be made to listen more, or to ask servers farther away, over MQTT: a muted microphone switched on again,
    /// a wider wake mode, a farther tier. Less is always possible.
    pub(in crate::config) allow_unmute: bool,
    /// Whether what was last asked and answered is published, for all who listen to the broker, and not if privacy.ephemeral. Home
    /// Assistant keeps it for days, unsealed.
    pub(in crate::config) publish_words: bool,
}

impl Default for Mqtt {
    fn default() -> Self {
        Mqtt {
            host: String::new(),
            port: 0,
            client_id: "pipit".into(),
            username: String::new(),
            password_env: String::new(),
            password_file: String::new(),
            password_secret: String::new(),
            tls: false,
            ca_file: String::new(),
            client_cert_file: String::new(),
            client_key_file: String::new(),
            discovery_prefix: "homeassistant".into(),
            topic_prefix: String::new(),
            allow_unmute: false,
            publish_words: false,
        }
    }
}
