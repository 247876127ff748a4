//! What the machine is told.

use std::time::Duration;

use super::{DraftId, TurnId};
use crate::audio::Pcm;
use crate::ear::SpeechFact;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The ear noticed something.
    Speech(SpeechFact),
    /// Smart Turn has judged a pause.
    TurnScored {
        /// The pause that was judged.
        draft: DraftId,
        /// The probability that the person has finished, 0.0..=1.0, or nothing where the model failed.
        probability: Option<f32>,
    },
    /// The recogniser is done.
    Transcribed {
        /// The turn.
        turn: TurnId,
        /// What it made of it.
        transcription: Transcription,
    },
    /// More of the reply's text.
    ReplyText {
        /// The turn.
        turn: TurnId,
        /// Text as written; words may be split between two of these.
        text: String,
    },
    /// The reply's text is complete.
    ReplyEnded {
        /// The turn.
        turn: TurnId,
    },
    /// The reply could not be made, or not to its end.
    ReplyFailed {
        /// The turn.
        turn: TurnId,
        /// What to say about it.
        apology: String,
    },
    /// The voice has spoken a clause into memory.
    ClauseReady {
        /// The turn.
        turn: TurnId,
        /// The clause's number in the turn.
        clause: usize,
        /// Its sound.
        pcm: Pcm,
    },
    /// The voice could not speak a clause.
    ClauseFailed {
        /// The turn.
        turn: TurnId,
        /// The clause's number in the turn.
        clause: usize,
    },
    /// The first sample of a clause has gone to the speaker.
    ClauseStarted {
        /// The turn.
        turn: TurnId,
        /// The clause's number in the turn.
        clause: usize,
    },
    /// A clause has been played to its end.
    ClausePlayed {
        /// The turn.
        turn: TurnId,
        /// The clause's number in the turn.
        clause: usize,
    },
    /// Playback has stopped before its end, because it was told to or because the speaker failed.
    PlaybackStopped {
        /// The turn.
        turn: TurnId,
        /// The clause that was being played, and how much of it was heard.
        cut: Option<(usize, Duration)>,
    },
    /// Something to say that nobody asked for just now, such as a timer that is due.
    Announce {
        /// Text as written.
        text: String,
    },
    /// A button, a signal or another program wants silence.
    StopRequested,
    /// Nothing happened, but a deadline may have passed.
    Tick,
}

/// What a recogniser made of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transcription {
    /// Somebody said this.
    Words(String),
    /// Nobody said anything.
    Silence,
    /// Somebody spoke, but what they said is not certain enough to act upon.
    NotUnderstood,
    /// The recogniser failed; the cause has been logged.
    Failed,
}
