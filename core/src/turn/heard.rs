//! What a recogniser's answer comes to for a turn, once it is known whom the words were meant for. From here on words
//! that were meant for somebody else do not exist.

use super::utterance::Utterance;
use super::{Attention, Transcription, Verdict, WakeMode};
use crate::time::Moment;

#[derive(Debug)]
pub(super) enum Heard {
    /// Words, and whom they were meant for. Of words for somebody else the verdict holds none.
    Words(Verdict),
    /// Nobody said anything.
    Silence,
    /// Somebody spoke to Pipit and could not be understood. The verdict is on what it may have been.
    NotUnderstood(Verdict),
    /// Somebody spoke to Pipit and the recogniser failed.
    Failed,
}

impl Heard {
    pub(super) fn new(attention: &Attention, utterance: &Utterance, transcription: Transcription) -> Self {
        let judge = |overheard| attention.judge_as(utterance.admission(), utterance.started(), overheard);
        match transcription {
            Transcription::Words(overheard) => Heard::Words(judge(overheard)),
            // Asleep, nothing but the phrase is noticed: nobody wants to hear that others were not understood.
            _ if !utterance.is_attended() => Heard::NOT_FOR_PIPIT,
            Transcription::Silence => Heard::Silence,
            Transcription::NotUnderstood(guess) => Heard::NotUnderstood(judge(guess)),
            Transcription::Failed => Heard::Failed,
        }
    }

    pub(super) const NOT_FOR_PIPIT: Heard = Heard::Words(Verdict::NotForPipit { nearly: false });

    /// What is to be answered.
    pub(super) fn request(&self) -> Option<&str> {
        match self {
            Heard::Words(Verdict::Request { text, .. }) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing to answer because nothing was said to Pipit but its name, if that.
    pub(super) fn asks_nothing(&self) -> bool {
        matches!(self, Heard::Words(Verdict::NotForPipit { .. } | Verdict::Addressed))
    }

    /// Whether it was said to somebody else.
    pub(super) fn is_for_somebody_else(&self) -> bool {
        matches!(self, Heard::Words(Verdict::NotForPipit { .. }))
    }

    /// Whether Pipit was called by it, so that another Pipit may have been called too.
    pub(super) fn is_call(&self, mode: WakeMode) -> bool {
        match self {
            Heard::Words(Verdict::Request { woke, .. }) => *woke || mode == WakeMode::Always,
            Heard::Words(Verdict::Addressed) => mode == WakeMode::Phrase,
            _ => false,
        }
    }

    /// Tells the attention that the turn which began at `started` has come to this.
    pub(super) fn settle(&self, attention: &mut Attention, started: Moment, now: Moment) {
        match self {
            Heard::Words(verdict) => attention.settled(started, now, verdict),
            Heard::Silence => attention.came_to_nothing(now),
            // There will be an apology.
            Heard::NotUnderstood(_) | Heard::Failed => {
                attention.came_to_nothing(now);
                attention.reply_began(now);
            }
        }
    }
}
