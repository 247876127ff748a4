//! What is written about Pipit's ear, voice, microphone and speaker for others in the house: `[wyoming]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pipit's ear and voice for others in the house, over the Wyoming protocol.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Wyoming {
    /// Address and port to listen on; "" for nobody. 127.0.0.1:10300 is for this machine alone, 0.0.0.0:10300 for whoever is in
    /// the network at home: the protocol has neither password nor encryption.
    pub(in crate::config) listen: String,
    /// Address and port where Home Assistant's Assist finds a satellite, so that it answers what is said to Pipit; "" for none.
    /// It needs a port of its own, such as "0.0.0.0:10700".
    pub(in crate::config) satellite: String,
    /// Whether the network is told of either by zeroconf, so that Home Assistant finds Pipit by itself. Of an address of this
    /// machine alone it never is.
    pub(in crate::config) advertise: bool,
}

impl Default for Wyoming {
    fn default() -> Self {
        Wyoming { listen: String::new(), satellite: String::new(), advertise: true }
    }
}
