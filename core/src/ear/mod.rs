//! From voice-activity probabilities to facts about speech.
//!
//! The ear knows nothing of turns: it says when speech starts, pauses and resumes, and hands over the audio. What that
//! means is decided in [`crate::turn`].

mod segmenter;
mod settings;

pub use segmenter::{Segmenter, SpeechFact};
pub use settings::EarSettings;
