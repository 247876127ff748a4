//! What the device's ear makes of the sound, for whoever wants to see it drawn.

use serde::Serialize;

/// The ear at one moment. It is told only while somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hearing {
    /// How loud it is, in dB below the loudest that there is.
    pub dbfs: f32,
    /// The probability that somebody speaks, 0.0..=1.0; none where it is too quiet to ask.
    pub voice: Option<f32>,
    /// The newest wake-word score, 0.0..=1.0, while one is listened for.
    pub wake: Option<f32>,
    /// The probability that somebody had finished, 0.0..=1.0, as it was judged last.
    pub turn: Option<f32>,
    /// How often that was judged while somebody looked: another figure is another pause.
    pub turns_judged: u64,
    /// Frames of 32 ms that were lost since the start because this machine was too busy to listen.
    pub dropped_frames: u64,
}

impl Default for Hearing {
    fn default() -> Self {
        let dbfs = pipit_core::audio::LOWEST_LEVEL;
        Hearing { dbfs, voice: None, wake: None, turn: None, turns_judged: 0, dropped_frames: 0 }
    }
}

/// From where on each figure means something, 0.0..=1.0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// A frame begins speech.
    pub voice: f32,
    /// It speaks for the end of a turn.
    pub turn: f32,
    /// It wakes Pipit; none where no wake word is listened for.
    pub wake: Option<f32>,
}
