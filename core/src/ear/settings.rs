//! When a probability counts as speech. The only place where these figures stand.

use std::time::Duration;

/// What makes speech begin and pause.
#[derive(Clone, Debug, PartialEq)]
pub struct EarSettings {
    /// Voice activity, 0.0..=1.0, from which a frame begins speech.
    pub speech_threshold: f32,
    /// Voice activity, 0.0..=1.0, below which a frame of speech counts as silence. Below `speech_threshold`, so that a
    /// voice that hovers around one figure does not flicker.
    pub silence_threshold: f32,
    /// How long voice activity must last to be taken for speech. Short, because "yes" and "stop" are.
    pub onset: Duration,
    /// How long silence must last to be taken for a pause.
    pub pause: Duration,
    /// Audio from before speech was noticed that belongs to it all the same.
    pub pre_roll: Duration,
}

impl Default for EarSettings {
    fn default() -> Self {
        EarSettings {
            speech_threshold: 0.5,
            silence_threshold: 0.35,
            onset: Duration::from_millis(64),
            pause: Duration::from_millis(200),
            pre_roll: Duration::from_millis(500),
        }
    }
}
