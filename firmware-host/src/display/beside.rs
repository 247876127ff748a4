//! What a face shows beside the state that everybody is told.

use std::time::Instant;

/// Known to this process alone. Not `Debug`: it holds what is said, and the code by which the device is claimed.
#[derive(Clone, Default, PartialEq)]
pub struct Beside {
    /// The words that somebody has said so far; empty where they are not known.
    pub hearing: String,
    /// The words that are being spoken; empty where they are not known.
    pub saying: String,
    /// The code to claim the device with, and until when it is good.
    pub code: Option<(String, Instant)>,
    /// Where the panel is found, without `http://`.
    pub address: Option<String>,
    /// Whether everything that was to be loaded was, or could not be.
    pub loaded: bool,
}
