//! The state in which an answer is given, and what is said meanwhile.

use std::time::Duration;

use super::draft::Draft;
use super::utterance::Utterance;
use super::{Effect, Event, TurnSettings};
use crate::ear::SpeechFact;
use crate::time::Moment;

const GIVEN_UP: &str = "Sorry, that is taking too long. I have given up on it.";

#[derive(Debug)]
pub(super) struct Replying {
    pub(super) draft: Draft,
    /// What is being answered; empty for an announcement.
    pub(super) utterance: Utterance,
    pub(super) longest_until: Moment,
    /// Nothing but an apology is to be said any more.
    pub(super) given_up: bool,
    pub(super) stopping: bool,
    /// Some of the answer has been heard.
    heard: bool,
    /// When what has been handed to the speaker will have been played.
    playing_until: Moment,
    pub(super) stalled_at: Moment,
    /// What has been said meanwhile.
    pub(super) overheard: Utterance,
}

/// What comes after an event.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// The answer goes on.
    Replying,
    /// It has ended; the clause in which it was cut, and how much of that was heard.
    Ended(Option<(usize, Duration)>),
}

impl Replying {
    pub(super) fn new(draft: Draft, utterance: Utterance, longest_until: Moment) -> Self {
        Replying {
            draft,
            utterance,
            longest_until,
            given_up: false,
            stopping: false,
            heard: false,
            playing_until: Moment::START,
            stalled_at: Moment::START,
            overheard: Utterance::default(),
        }
    }

    /// Whether the turn can be taken up again as if it had never been taken to be over.
    pub(super) fn can_reopen(&self) -> bool {
        let untouched = !self.heard && !self.draft.has_acted();
        untouched && !self.given_up && !self.stopping && !self.utterance.is_empty()
    }

    pub(super) fn take(
        &mut self,
        now: Moment,
        event: Event,
        speaking: bool,
        settings: &TurnSettings,
        out: &mut Vec<Effect>,
    ) -> Next {
        match event {
            Event::ClauseStarted { .. } => self.heard = true,
            Event::ClausePlayed { clause, .. } => {
                self.heard = true;
                self.draft.reply_mut().played(clause);
            }
            Event::PlaybackStopped { cut, .. } => {
                out.push(Effect::Cancel { draft: self.draft.id() });
                return Next::Ended(cut);
            }
            event => self.draft.take(event, out),
        }
        self.go_on(now, speaking, settings, out)
    }

    /// Says and does what can be said and done by now.
    pub(super) fn go_on(
        &mut self,
        now: Moment,
        speaking: bool,
        settings: &TurnSettings,
        out: &mut Vec<Effect>,
    ) -> Next {
        if self.stopping {
            self.stalled_at = now + settings.reply_stall;
            return Next::Replying;
        }
        // Nobody begins to speak while somebody else does. What sounds already is another matter.
        let may_play = self.draft.is_playing() || !speaking;
        let sent = self.draft.go_on(may_play, out);
        if !sent.is_zero() {
            self.playing_until = now.max(self.playing_until) + sent;
        }
        self.stalled_at = now.max(self.playing_until) + settings.reply_stall;
        if self.draft.is_over() { Next::Ended(None) } else { Next::Replying }
    }

    pub(super) fn overhear(&mut self, now: Moment, fact: SpeechFact, pre_roll: Duration, settings: &TurnSettings) {
        match fact {
            SpeechFact::Started { .. } => {}
            SpeechFact::Continues(stretch) | SpeechFact::Paused(stretch) => self.overheard.push(&stretch, pre_roll),
            SpeechFact::Discarded => self.overheard = Utterance::default(),
        }
        if !self.stopping {
            self.stalled_at = self.stalled_at.max(now + settings.reply_stall);
        }
    }

    pub(super) fn stop(&mut self, now: Moment, settings: &TurnSettings, out: &mut Vec<Effect>) -> Next {
        if self.stopping {
            return Next::Replying;
        }
        if self.draft.is_playing() {
            self.stopping = true;
            self.stalled_at = now + settings.reply_stall;
            out.push(Effect::StopPlayback { draft: self.draft.id() });
            return Next::Replying;
        }
        out.push(Effect::Cancel { draft: self.draft.id() });
        Next::Ended(None)
    }

    /// Nothing has come for too long.
    pub(super) fn stall(
        &mut self,
        now: Moment,
        speaking: bool,
        settings: &TurnSettings,
        out: &mut Vec<Effect>,
    ) -> Next {
        out.push(Effect::Cancel { draft: self.draft.id() });
        if self.given_up || self.stopping {
            return Next::Ended(None);
        }
        self.given_up = true;
        self.draft.close(GIVEN_UP);
        self.go_on(now, speaking, settings, out)
    }
}
