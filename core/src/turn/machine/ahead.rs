//! Where the recogniser listens ahead to somebody who goes on speaking, and what a face is told of it.
//!
//! Nothing is decided by these words. They cost only time in which the recogniser would do nothing, and save some of what it
//! needs once the person has finished.

use super::{Hearing, Machine, State};
use crate::time::Moment;
use crate::turn::heard::Heard;
use crate::turn::{Effect, Overheard, Transcription, TurnId};

impl Machine {
    /// Has what is being said listened to, if it is time for that. What may not be meant for Pipit is not.
    pub(super) fn follow(&mut self, now: Moment, heard: &Hearing, out: &mut Vec<Effect>) {
        let Hearing { turn, utterance, .. } = heard;
        if !self.settings.drafts || !utterance.is_attended() {
            return;
        }
        if let Some(round) = self.following.ask(now, heard.last_draft(), utterance.rest_said()) {
            out.push(Effect::Follow { turn: *turn, round, utterance: utterance.rest() });
        }
    }

    /// The recogniser has listened. Tells the words if they are a request so far and others than before.
    pub(super) fn on_followed(
        &mut self,
        now: Moment,
        turn: TurnId,
        (round, agreed): (u32, Option<Overheard>),
        out: &mut Vec<Effect>,
    ) {
        let State::Hearing(heard) = &self.state else { return };
        if heard.turn != turn || !self.following.done(now, heard.last_draft(), round, agreed.is_some()) {
            return;
        }
        let Some(so_far) = agreed.and_then(|agreed| self.parts.so_far(turn, agreed)) else { return };
        let judged = Heard::new(&self.attention, &heard.utterance, Transcription::Words(so_far));
        if let Some(text) = judged.request()
            && self.following.is_news(text)
        {
            out.push(Effect::Hearing { turn, text: text.to_owned() });
        }
    }
}
