//! What is done the moment that a voice falls silent, long before that is a pause: the words are found out and an answer is
//! begun. Most lulls become pauses, and then all that is ahead of where it would be.

use super::{Hearing, Machine, State, Weighing};
use crate::audio::SpeechStretch;
use crate::ear::SpeechFact;
use crate::time::Moment;
use crate::turn::{DraftId, Effect};

impl Machine {
    /// Somebody may have paused just now.
    pub(super) fn lull(&mut self, now: Moment, mut heard: Hearing, stretch: &SpeechStretch, out: &mut Vec<Effect>) {
        heard.utterance.push(stretch, self.pre_roll);
        let ended = now - heard.utterance.trailing_silence();
        let wake_word = heard.revision == 0 && self.attention.was_wake_word_alone(heard.utterance.started(), ended);
        if !self.settings.drafts || !heard.utterance.is_attended() || wake_word {
            self.state = State::Hearing(heard);
            return;
        }
        self.transcribe_parts(now, &mut heard, out);
        let id = heard.last_draft().next();
        let Hearing { utterance, longest_until, reopened, .. } = heard;
        let weighing = Weighing::begin_early(now, id, utterance, longest_until, reopened, out);
        self.state = State::Weighing(Box::new(weighing));
    }

    /// What follows a lull.
    pub(super) fn after_lull(&mut self, now: Moment, mut w: Box<Weighing>, fact: SpeechFact, out: &mut Vec<Effect>) {
        if let SpeechFact::Paused(stretch) = fact {
            w.pause(now, &stretch, self.pre_roll, out);
            self.state = State::Weighing(w);
            return;
        }
        out.push(Effect::Cancel { draft: w.draft.id() });
        let Weighing { draft, utterance, longest_until, reopened, .. } = *w;
        let DraftId { turn, revision } = draft.id();
        self.state = State::Hearing(Hearing { turn, revision, utterance, longest_until, reopened });
        if fact != SpeechFact::Resumed {
            self.on_speech(now, fact, out);
        }
    }

    /// Something sounds over the answer that may be the beginning of speech.
    pub(super) fn on_stir(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if self.speech.is_some() || !self.attention.is_awake(now) {
            return;
        }
        if let State::Replying(r) = &mut self.state {
            r.hush(now, out);
        }
    }
}
