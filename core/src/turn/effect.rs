//! What the machine wants done.

use super::{DraftId, TurnId};
use crate::audio::{Pcm, SampleIndex};

/// Something to do. Results come back as [`super::Event`]s that carry the same id.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask Smart Turn whether the person has finished.
    ScoreTurn {
        /// The pause.
        draft: DraftId,
        /// Everything said in the turn so far.
        utterance: Pcm,
    },
    /// The turn is over: for the record, there is nothing to do.
    Decided {
        /// The turn.
        turn: TurnId,
        /// Why it is over.
        ended_by: EndedBy,
        /// Where its last speech ended.
        speech_end: SampleIndex,
    },
    /// Find out what was said.
    Transcribe {
        /// The turn.
        turn: TurnId,
        /// The whole utterance.
        utterance: Pcm,
    },
    /// Find an answer.
    Respond {
        /// The turn.
        turn: TurnId,
        /// What was said.
        request: String,
    },
    /// Speak a clause into memory.
    Synthesise {
        /// The turn.
        turn: TurnId,
        /// The clause's number in the turn.
        clause: usize,
        /// Its words for the voice: no markup, and numbers in words.
        words: String,
    },
    /// Play a clause after those already playing.
    Play {
        /// The turn.
        turn: TurnId,
        /// The clause's number in the turn.
        clause: usize,
        /// Its sound.
        pcm: Pcm,
    },
    /// Fall silent now, and say how much was heard.
    StopPlayback {
        /// The turn.
        turn: TurnId,
    },
    /// Whatever is still being done for this turn is useless.
    Cancel {
        /// The turn.
        turn: TurnId,
    },
    /// The turn has ended. Said exactly once for each turn.
    Ended {
        /// The turn.
        turn: TurnId,
        /// What of the reply was heard.
        heard: String,
        /// Whether the reply was given up, so that what was heard is no answer to remember.
        given_up: bool,
    },
}

/// Why a turn was taken to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// Smart Turn took the sentence for finished.
    SmartTurn,
    /// The silence had lasted too long for anything to follow.
    Silence,
    /// The utterance had become as long as utterances may.
    Length,
}

impl EndedBy {
    /// The name by which reports know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EndedBy::SmartTurn => "smart_turn",
            EndedBy::Silence => "silence",
            EndedBy::Length => "length",
        }
    }
}
