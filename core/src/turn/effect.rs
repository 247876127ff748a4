//! What the machine wants done.

use super::{DraftId, NoticeId, TurnId};
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
    /// The turn is over, and this draft is its answer. For the record: there is nothing to do.
    Decided {
        /// The draft.
        draft: DraftId,
        /// Why it is over.
        ended_by: EndedBy,
        /// Where its last speech ended.
        speech_end: SampleIndex,
    },
    /// Find out what was said.
    Transcribe {
        /// The draft.
        draft: DraftId,
        /// The utterance, but for what was given away as parts before.
        utterance: Pcm,
    },
    /// Find out what was said in a part of an utterance that is so long that its end must not wait for all of it.
    TranscribePart {
        /// The turn.
        turn: TurnId,
        /// The part's number in the turn.
        part: usize,
        /// Its sound.
        utterance: Pcm,
    },
    /// Listen ahead to an utterance that goes on, so that less of it is left to do when it ends. The recogniser drops it as soon as
    /// the same turn wants [`Effect::Transcribe`] or [`Effect::TranscribePart`].
    Follow {
        /// The turn.
        turn: TurnId,
        /// Tells what comes of it from what comes late of an earlier one.
        round: u32,
        /// The utterance so far, but for what was given away as parts before.
        utterance: Pcm,
    },
    /// This has been said so far, and will hardly change any more, for a face to show. The transcript may be another all the same.
    Hearing {
        /// The turn.
        turn: TurnId,
        /// The words, all of them, without the wake phrase.
        text: String,
    },
    /// Find an answer, without doing anything yet that can't be taken back.
    Respond {
        /// The draft.
        draft: DraftId,
        /// What was said.
        request: String,
    },
    /// Do what the request asks for. Never said of a draft that is cancelled later or was before.
    Act {
        /// The draft.
        draft: DraftId,
        /// The request as sound, from the first word to the last, for whoever would rather hear it than read it.
        utterance: Pcm,
    },
    /// The person goes on where the turn was taken to be over, and has heard nothing of the answer: the turn is not over.
    /// For the record: there is nothing to do.
    Reopened {
        /// The turn.
        turn: TurnId,
    },
    /// Speak a clause into memory.
    Synthesise {
        /// The draft.
        draft: DraftId,
        /// The clause's number in the reply.
        clause: usize,
        /// Its words for the voice: no markup, and numbers in words.
        words: String,
    },
    /// Play a clause after those already playing.
    Play {
        /// The draft.
        draft: DraftId,
        /// The clause's number in the reply.
        clause: usize,
        /// Its sound.
        pcm: Pcm,
    },
    /// Fall silent now, and keep the place: it may go on from there.
    PausePlayback {
        /// The draft.
        draft: DraftId,
    },
    /// Go on where playback was paused.
    ResumePlayback {
        /// The draft.
        draft: DraftId,
    },
    /// Fall silent now, and say how much was heard.
    StopPlayback {
        /// The draft.
        draft: DraftId,
    },
    /// Whatever is still being done for this draft is useless.
    Cancel {
        /// The draft.
        draft: DraftId,
    },
    /// What was to be announced is settled.
    Announced {
        /// Which.
        notice: NoticeId,
        /// Whether something of it was heard, or nobody wants to hear it any more.
        heard: bool,
    },
    /// Pipit has been called. Tell that to the other Pipits in the house; whether one of them heard it better comes back as
    /// [`super::Event::Outbid`].
    Claim,
    /// Whatever rings is to be silent: somebody has said so, or pressed the button for it.
    Silenced,
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
    /// What had been said was a whole command.
    Intent,
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
            EndedBy::Intent => "intent",
            EndedBy::Silence => "silence",
            EndedBy::Length => "length",
        }
    }
}
