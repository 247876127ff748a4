//! Where there are several Pipits in a house: whoever is called says so, and leaves the call to another that heard it better.
//!
//! A request that may yet be another's is understood and its answer prepared as always, and nothing of it is heard or done until
//! that is settled. That costs time only where everything else was faster than [`SAME_CALL`].

use super::{Machine, State};
use crate::time::Moment;
use crate::turn::contest::SAME_CALL;
use crate::turn::weighing::Weighing;
use crate::turn::{Effect, EndedBy, TurnId};

#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Whether there is anybody else who may have been called.
    contested: bool,
    /// The last one, and the turn that it is about if there was one yet.
    last: Option<(Moment, Option<TurnId>)>,
}

impl Machine {
    /// Says whether there are other Pipits in the house, which may hear what this one hears.
    pub fn contest(&mut self, contested: bool) {
        self.claims.contested = contested;
    }

    /// Pipit has been called, by what `turn` is about if that is known. What is weighed again is claimed once.
    pub(super) fn claim(&mut self, now: Moment, turn: Option<TurnId>, out: &mut Vec<Effect>) {
        let again = self.claims.last.is_some_and(|(_, of)| of.is_some() && of == turn);
        if self.claims.contested && !again {
            self.claims.last = Some((now, turn));
            out.push(Effect::Claim);
        }
    }

    /// When a turn is over if nothing else happens, and why; no reason where it is none.
    pub(super) fn over_at(&self, weighing: &Weighing) -> (Moment, Option<EndedBy>) {
        let (at, ended_by) = super::waking::over_at(weighing, &self.settings);
        (self.claimed_until().map_or(at, |until| at.max(until)), ended_by)
    }

    /// Another Pipit answers. Of what was said nothing remains here.
    pub(super) fn on_outbid(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if self.claimed_until().is_none_or(|until| now > until) {
            return;
        }
        self.claims.last = None;
        let turn = match &self.state {
            State::Idle => None,
            State::Hearing(h) => Some(h.turn),
            State::Weighing(w) => {
                out.push(Effect::Cancel { draft: w.draft.id() });
                Some(w.draft.id().turn)
            }
            // What it says already was asked for before.
            State::Replying(_) => return,
        };
        out.extend(turn.map(|turn| Effect::Ended { turn, heard: String::new(), given_up: false }));
        // The rest of what is being said leads nowhere from here, and nothing is announced over it.
        self.state = State::Idle;
        self.attention.stand_down();
    }

    fn claimed_until(&self) -> Option<Moment> {
        self.claims.last.map(|(at, _)| at + SAME_CALL)
    }
}
