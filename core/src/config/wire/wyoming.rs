//! What is written about Pipit's ear and voice for others in the house: `[wyoming]`.

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
    /// Whether the network is told by zeroconf, so that Home Assistant finds Pipit by itself. With an address of this machine
    /// alone it never is.
    pub(in crate::config) advertise: bool,
}

impl Default for Wyoming {
    fn default() -> Self {
        Wyoming { listen: String::new(), advertise: true }
    }
}
