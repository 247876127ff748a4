//! What of turn-taking the owner may set. How the evidence at a pause is weighed stands in `endpointing.rs`.

use std::time::Duration;

/// What ends a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnSettings {
    /// Smart Turn's probability, 0.0..=1.0, that speaks neither for an end of the turn nor against it.
    pub complete_threshold: f32,
    /// Whether an answer is prepared while it is not yet certain that the person has finished. It comes sooner and costs
    /// more work, because some of it is thrown away. Nobody who goes on speaking is listened to ahead without it.
    pub drafts: bool,
    /// Silence after which the turn is over whatever Smart Turn thinks: the longest that is waited.
    pub fallback: Duration,
    /// The longest utterance; what is said after it begins another turn.
    pub longest_utterance: Duration,
    /// Speech over a reply that lasts so long means to interrupt it, whatever is said. Signs of listening are shorter.
    pub interruption: Duration,
    /// How long a reply may take to begin, and then to go on, before the turn is given up with an apology.
    pub reply_stall: Duration,
}

impl Default for TurnSettings {
    fn default() -> Self {
        TurnSettings {
            complete_threshold: 0.5,
            drafts: true,
            fallback: Duration::from_millis(1500),
            longest_utterance: Duration::from_secs(30),
            interruption: Duration::from_millis(700),
            reply_stall: Duration::from_secs(30),
        }
    }
}
