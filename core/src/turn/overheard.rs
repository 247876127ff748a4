//! What is said while an answer is given.

use std::time::Duration;

use super::utterance::{Speech, Utterance};
use super::weighing::Weighing;
use super::{DraftId, Effect, TurnId, TurnSettings};
use crate::ear::SpeechFact;
use crate::time::Moment;

#[derive(Debug, Default)]
pub(super) struct Overheard {
    /// The turn that it will be, once there is one.
    turn: Option<DraftId>,
    utterance: Utterance,
    /// When it began.
    since: Option<Moment>,
    /// Its first or latest pause.
    weighing: Option<Box<Weighing>>,
}

/// What is left of it when the answer has ended.
#[derive(Debug)]
pub(super) enum Left {
    Nothing,
    /// Somebody is still speaking. This was said up to now, by whom a draft had been begun if there is one.
    Speaking(Option<DraftId>, Utterance),
    Weighing(Box<Weighing>),
}

impl Overheard {
    /// When it began, if there is anything.
    pub(super) fn since(&self) -> Option<Moment> {
        self.since
    }

    pub(super) fn weighing_mut(&mut self) -> Option<&mut Weighing> {
        self.weighing.as_deref_mut()
    }

    /// Takes in what the ear has noticed. `new_turn` is the id for a turn that begins; true if it was used.
    pub(super) fn take_in(
        &mut self,
        now: Moment,
        (speech, fact): (Speech, SpeechFact),
        new_turn: TurnId,
        pre_roll: Duration,
        (settings, transcribe): (&TurnSettings, bool),
        out: &mut Vec<Effect>,
    ) -> bool {
        if self.since.is_none() {
            self.since = Some(speech.since);
            self.utterance = Utterance::begun(speech);
        }
        match fact {
            SpeechFact::Started { .. } => self.revise(out),
            SpeechFact::Continues(stretch) | SpeechFact::Lulled(stretch) => self.utterance.push(&stretch, pre_roll),
            SpeechFact::Paused(stretch) => {
                self.utterance.push(&stretch, pre_roll);
                let id = self.turn.map_or(DraftId { turn: new_turn, revision: 1 }, DraftId::next);
                let longest_until = now + settings.longest_utterance;
                let utterance = std::mem::take(&mut self.utterance);
                let weighing = Weighing::begin(now, id, utterance, longest_until, transcribe, out);
                self.weighing = Some(Box::new(weighing));
                return self.turn.replace(id).is_none();
            }
            SpeechFact::Discarded => self.drop(out),
            SpeechFact::Resumed | SpeechFact::Stirred => {}
        }
        false
    }

    /// The person goes on after a pause.
    fn revise(&mut self, out: &mut Vec<Effect>) {
        if let Some(weighing) = self.weighing.take() {
            out.push(Effect::Cancel { draft: weighing.draft.id() });
            self.utterance = weighing.utterance;
        }
    }

    /// It was nothing, or nothing that wants an answer.
    pub(super) fn drop(&mut self, out: &mut Vec<Effect>) {
        if let Some(draft) = self.turn {
            out.push(Effect::Cancel { draft });
            out.push(Effect::Ended { turn: draft.turn, heard: String::new(), given_up: false });
        }
        *self = Overheard::default();
    }

    /// What becomes of it now that the answer has ended.
    pub(super) fn left(self, speech: Option<Speech>) -> Left {
        match (self.weighing, speech) {
            (Some(weighing), _) => Left::Weighing(weighing),
            (None, Some(_)) if self.since.is_some() => Left::Speaking(self.turn, self.utterance),
            (None, Some(speech)) => Left::Speaking(None, Utterance::begun(speech)),
            (None, None) => Left::Nothing,
        }
    }
}
