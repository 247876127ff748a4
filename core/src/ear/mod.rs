//! From voice-activity probabilities to facts about speech.
//!
//! The ear knows nothing of turns: it says when speech starts, pauses and resumes, hands over the audio, and recognises
//! the phrase by which Pipit is addressed. What that means is decided in [`crate::turn`].

mod echo_guard;
mod echo_path;
mod gate;
mod segmenter;
mod settings;
mod stir;
pub(crate) mod transcript;
mod wake_phrase;

pub use echo_guard::{ECHO_BANDS, EchoGuard, EchoLevels};
pub use echo_path::{EchoPath, Obstacle};
pub use gate::{EnergyGate, Gated};
pub use segmenter::{Segmenter, SpeechFact};
pub use settings::EarSettings;
pub use wake_phrase::{Address, ShortPhrase, WakePhrases};
