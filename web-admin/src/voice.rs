//! Speaking with Pipit from somewhere else: what passes between whoever keeps the connection and the endpoint on the device.

use std::sync::Arc;

use pipit_core::audio::{LISTENING_RATE, Pcm};
use pipit_store::Store;
use tokio::sync::mpsc;

/// Opens a place from which somebody speaks whose store this is, as a guest or not. It ends when what it gives is dropped.
///
/// It fails with a sentence for people.
pub type OpenVoice = Arc<dyn Fn(Store, bool) -> Result<Voice, String> + Send + Sync>;

/// A place from which somebody speaks. It listens while a button is held there.
pub struct Voice {
    /// What it is given. Never waits.
    pub give: Box<dyn Fn(Given) + Send + Sync>,
    /// What it tells. Whoever does not take that in time loses the place.
    pub told: mpsc::Receiver<Told>,
}

/// What the place is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Sound of the microphone there, mono at [`LISTENING_RATE`], samples in -1.0..=1.0.
    Sound(Vec<f32>),
    /// The button went down.
    Pressed,
    /// It went up.
    Released,
    /// Silence is wanted.
    Stop,
}

/// What is to be done or shown there.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// What Pipit does there now, as [`crate::Snapshot::phase`] has it.
    Phase(&'static str),
    /// Play this behind what plays.
    Clause(Pcm),
    /// Fall silent, and keep the place.
    Pause,
    /// Go on from there.
    Resume,
    /// Fall silent, and forget what waits.
    Stop,
    /// This has been said so far, and more is being said. Another takes its place, or what was understood.
    Hearing(String),
    /// This was understood, as it seems so far. Another takes its place where more was said.
    Understood(String),
    /// This is said next.
    Saying(String),
    /// The last turn stands at the end of the conversation with this number.
    Kept(i64),
    /// A turn is over.
    Turn {
        /// What was understood; empty where nothing was.
        transcript: String,
        /// What was heard of the reply.
        reply: String,
        /// Milliseconds from the end of speech to the first sound of the reply, if there was one.
        first_audio_ms: Option<f64>,
    },
}

/// What [`Given::Sound`] is sampled at.
pub const VOICE_RATE: u32 = LISTENING_RATE.0;
