//! Where the machine has [`Replying`] take a step, and what comes after the answer.

use super::{Hearing, Machine, State};
use crate::ear::SpeechFact;
use crate::time::Moment;
use crate::turn::draft::{Announcement, Draft};
use crate::turn::heard::Heard;
use crate::turn::overheard::Left;
use crate::turn::replying::{Next, Replying, Scene};
use crate::turn::utterance::{Speech, Utterance};
use crate::turn::weighing::Weighing;
use crate::turn::{DraftId, Effect, Event, NoticeId, TurnId};

impl Machine {
    pub(super) fn overhear(
        &mut self,
        now: Moment,
        mut r: Box<Replying>,
        said: (Speech, SpeechFact),
        out: &mut Vec<Effect>,
    ) {
        let used = r.overhear(self.scene(now), said, TurnId(self.last_turn + 1), out);
        self.last_turn += u64::from(used);
        self.state = State::Replying(r);
        self.go_on_replying(now, out);
    }

    /// The turn was decided by its sound alone, and now its words go on.
    pub(super) fn weigh_again(&mut self, heard: Heard, out: &mut Vec<Effect>) {
        let State::Replying(r) = std::mem::replace(&mut self.state, State::Idle) else { return };
        let Replying { draft, utterance, longest_until, pause: Some(pause), .. } = *r else { return };
        out.push(Effect::Reopened { turn: draft.id().turn });
        let mut weighing = Weighing::again(draft, utterance, longest_until, pause);
        weighing.hear(heard, out);
        self.state = State::Weighing(Box::new(weighing));
    }

    pub(super) fn on_work_while_replying(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        let step = |r: &mut Replying, scene: Scene<'_>, out: &mut Vec<Effect>| {
            if event.draft() == Some(r.draft.id()) {
                return r.take(scene, event, out);
            }
            if event.draft() == r.overheard.weighing_mut().map(|weighing| weighing.draft.id()) {
                return r.take_overheard(scene, event, out);
            }
            Next::Replying
        };
        self.on_replying(now, step, out);
    }

    pub(super) fn scene(&self, now: Moment) -> Scene<'_> {
        let Machine { settings, catalogue, pre_roll, .. } = self;
        Scene { now, speaking: self.is_spoken_to(), settings, catalogue, pre_roll: *pre_roll }
    }

    pub(super) fn announce(
        &mut self,
        now: Moment,
        (notice, announcement): (NoticeId, Announcement),
        out: &mut Vec<Effect>,
    ) {
        let id = DraftId { turn: self.new_turn(), revision: 1 };
        self.announcing = Some((id.turn, notice));
        let draft = Draft::announcement(id, announcement);
        self.attention.reply_began(now);
        self.state = State::Replying(Box::new(Replying::new(draft, Utterance::default(), now)));
        self.go_on_replying(now, out);
    }

    pub(super) fn go_on_replying(&mut self, now: Moment, out: &mut Vec<Effect>) {
        self.on_replying(now, Replying::go_on, out);
    }

    pub(super) fn on_replying(
        &mut self,
        now: Moment,
        step: impl FnOnce(&mut Replying, Scene<'_>, &mut Vec<Effect>) -> Next,
        out: &mut Vec<Effect>,
    ) {
        let State::Replying(mut r) = std::mem::replace(&mut self.state, State::Idle) else { return };
        let next = step(&mut r, self.scene(now), out);
        self.state = State::Replying(r);
        self.end_if_over(now, next, out);
    }

    pub(super) fn end_if_over(&mut self, now: Moment, next: Next, out: &mut Vec<Effect>) {
        let Next::Ended(cut) = next else { return };
        let State::Replying(r) = std::mem::replace(&mut self.state, State::Idle) else { return };
        let heard = r.draft.reply().heard(cut);
        let turn = r.draft.id().turn;
        out.push(Effect::Ended { turn, heard, given_up: r.given_up });
        if let Some((_, notice)) = self.announcing.take_if(|(announcing, _)| *announcing == turn) {
            out.push(Effect::Announced { notice, heard: r.draft.reply().was_heard(cut) });
        }
        if self.attention.is_conversing() {
            self.attention.reply_ended(now);
        }
        let begun = r.overheard.since().unwrap_or(now);
        match r.overheard.left(self.speech.filter(Speech::is_attended)) {
            Left::Nothing => {}
            Left::Speaking(draft, utterance) => {
                let DraftId { turn, revision } =
                    draft.unwrap_or_else(|| DraftId { turn: self.new_turn(), revision: 0 });
                let longest_until = begun + self.settings.longest_utterance;
                self.state = State::Hearing(Hearing { turn, revision, utterance, longest_until, reopened: false });
            }
            Left::Weighing(weighing) => self.state = State::Weighing(weighing),
        }
    }
}
