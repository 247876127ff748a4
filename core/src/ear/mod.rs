//! From voice-activity probabilities to facts about speech.
//!
//! The ear knows nothing of turns: it says when speech starts, pauses and resumes, and hands over the audio. What that
//! means is decided in [`crate::turn`].

mod gate;
mod segmenter;
mod settings;

pub use gate::{EnergyGate, Gated};
pub use segmenter::{Segmenter, SpeechFact};
pub use settings::EarSettings;
