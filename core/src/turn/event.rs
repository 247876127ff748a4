//! What the machine is told.

use std::time::Duration;

use super::{DraftId, NoticeId, Overheard, TurnId, WakeMode};
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
        /// The draft.
        draft: DraftId,
        /// What it made of it.
        transcription: Transcription,
    },
    /// The recogniser is done with a part of an utterance that is still going on.
    PartTranscribed {
        /// The turn.
        turn: TurnId,
        /// The part's number in the turn.
        part: usize,
        /// What it made of it.
        transcription: Transcription,
    },
    /// The recogniser has listened ahead to an utterance that is still going on.
    Followed {
        /// The turn.
        turn: TurnId,
        /// As it was asked for.
        round: u32,
        /// The words that will hardly change any more; nothing where it can't listen ahead, or could not.
        agreed: Option<Overheard>,
    },
    /// It is known how the request will be answered.
    Understood {
        /// The draft.
        draft: DraftId,
        /// What it comes to.
        understanding: Understanding,
    },
    /// What [`super::Effect::Act`] asked for is done.
    Acted {
        /// The draft.
        draft: DraftId,
    },
    /// More of the reply's text.
    ReplyText {
        /// The draft.
        draft: DraftId,
        /// Text as written; words may be split between two of these.
        text: String,
    },
    /// More of a reply that is made elsewhere, voice and all.
    ReplySound {
        /// The draft.
        draft: DraftId,
        /// The words that are heard in it, as written and with the white space before them; empty where they are not known.
        text: String,
        /// Its sound.
        pcm: Pcm,
    },
    /// The reply's text is complete.
    ReplyEnded {
        /// The draft.
        draft: DraftId,
    },
    /// The reply could not be made, or not to its end, or what was asked for could not be done.
    ReplyFailed {
        /// The draft.
        draft: DraftId,
        /// What to say about it.
        apology: String,
    },
    /// The voice has spoken a clause into memory.
    ClauseReady {
        /// The draft.
        draft: DraftId,
        /// The clause's number in the reply.
        clause: usize,
        /// Its sound.
        pcm: Pcm,
    },
    /// The voice could not speak a clause.
    ClauseFailed {
        /// The draft.
        draft: DraftId,
        /// The clause's number in the reply.
        clause: usize,
    },
    /// The first sample of a clause has gone to the speaker.
    ClauseStarted {
        /// The draft.
        draft: DraftId,
        /// The clause's number in the reply.
        clause: usize,
    },
    /// A clause has been played to its end.
    ClausePlayed {
        /// The draft.
        draft: DraftId,
        /// The clause's number in the reply.
        clause: usize,
    },
    /// Playback has stopped before its end, because it was told to or because the speaker failed.
    PlaybackStopped {
        /// The draft.
        draft: DraftId,
        /// The clause that was being played, and how much of it was heard.
        cut: Option<(usize, Duration)>,
    },
    /// Something to say that nobody asked for just now, such as a timer that is due.
    Announce {
        /// By which it is told what became of it.
        notice: NoticeId,
        /// Text as written.
        text: String,
    },
    /// A sound to play that nobody asked for just now, such as what somebody wants announced here.
    AnnounceSound {
        /// By which it is told what became of it.
        notice: NoticeId,
        /// The sound.
        pcm: Pcm,
    },
    /// The wake-word model has listened on.
    WakeWordScored {
        /// The probability that its phrase has just been said, 0.0..=1.0.
        score: f32,
    },
    /// The button, or what stands for it, went down.
    ButtonPressed,
    /// It went up.
    ButtonReleased,
    /// Another Pipit in the house has heard better what this one claimed with [`super::Effect::Claim`], and answers it.
    Outbid,
    /// Somebody has chosen what is to make Pipit listen from now on.
    WakeModeChosen {
        /// What.
        mode: WakeMode,
    },
    /// A button, a signal or another program wants silence.
    StopRequested,
    /// Nothing happened, but a deadline may have passed.
    Tick,
}

impl Event {
    /// The draft whose work it reports.
    #[must_use]
    pub fn draft(&self) -> Option<DraftId> {
        match self {
            Event::TurnScored { draft, .. }
            | Event::Transcribed { draft, .. }
            | Event::Understood { draft, .. }
            | Event::Acted { draft }
            | Event::ReplyText { draft, .. }
            | Event::ReplySound { draft, .. }
            | Event::ReplyEnded { draft }
            | Event::ReplyFailed { draft, .. }
            | Event::ClauseReady { draft, .. }
            | Event::ClauseFailed { draft, .. }
            | Event::ClauseStarted { draft, .. }
            | Event::ClausePlayed { draft, .. }
            | Event::PlaybackStopped { draft, .. } => Some(*draft),
            Event::Speech(_)
            | Event::PartTranscribed { .. }
            | Event::Followed { .. }
            | Event::Announce { .. }
            | Event::AnnounceSound { .. }
            | Event::WakeWordScored { .. }
            | Event::ButtonPressed
            | Event::ButtonReleased
            | Event::Outbid
            | Event::WakeModeChosen { .. }
            | Event::StopRequested
            | Event::Tick => None,
        }
    }
}

/// What a request comes to, before anything is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Understanding {
    /// It is a whole command, understood without a language model.
    pub intent: bool,
    /// Answering it changes something in the world, so that it can't be taken back.
    pub acts: bool,
}

/// What a recogniser made of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transcription {
    /// Somebody said this, to Pipit or not.
    Words(Overheard),
    /// Nobody said anything.
    Silence,
    /// Somebody spoke, but what they said is not certain enough to act upon.
    /// It may have been this, which is empty where it is anybody's guess.
    NotUnderstood(Overheard),
    /// The recogniser failed; the cause has been logged.
    Failed,
}
