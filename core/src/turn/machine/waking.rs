//! Where the machine asks its [`Attention`] whether it is being spoken to, and what it does where it is not: nothing that
//! anybody could see, hear or read.
//!
//! Speech that may not even be transcribed leaves the machine in `Idle`. Speech that is overheard is weighed as any
//! other, but it is no turn until its words have been judged, and then all of it is one or none of it ever was.

use std::time::Duration;

use super::{Hearing, Machine, State, Weighing};
use crate::ear::SpeechFact;
use crate::time::Moment;
use crate::turn::attention::Attention;
use crate::turn::heard::Heard;
use crate::turn::utterance::Speech;
use crate::turn::{
    Admission, AttentionSettings, DraftId, Effect, EndedBy, Transcription, TurnSettings, Verdict, WakeCounters,
    WakeMode,
};

/// What was said to somebody else and lasted longer than this does not begin with "Hey", so what comes after its pause
/// may be judged by itself. In a room where people talk, the phrase would be found in no other way.
const LONGER_THAN_A_CALL: Duration = Duration::from_millis(1500);

impl Machine {
    /// A machine that listens only when `attention` says so. Without it, it always does.
    #[must_use]
    pub fn with_attention(self, attention: AttentionSettings) -> Self {
        Machine { attention: Attention::new(attention), ..self }
    }

    /// Whether a wake-word model has to listen now. Otherwise its scores are not looked at.
    #[must_use]
    pub fn wants_wake_word(&self) -> bool {
        self.attention.wants_wake_word()
    }

    /// What makes it listen.
    #[must_use]
    pub fn wake_mode(&self) -> WakeMode {
        self.attention.mode()
    }

    /// How well waking works.
    #[must_use]
    pub fn wake_counters(&self) -> WakeCounters {
        self.attention.counters()
    }

    /// Whether somebody is speaking to Pipit just now.
    pub(super) fn is_spoken_to(&self) -> bool {
        self.speech.is_some_and(|speech| speech.is_attended())
    }

    /// Whether what is going on is not known to be meant for Pipit.
    pub(super) fn only_overhears(&self) -> bool {
        match &self.state {
            State::Hearing(h) => !h.utterance.is_attended(),
            State::Weighing(w) => is_overheard(w),
            State::Idle | State::Replying(_) => false,
        }
    }

    /// Keeps account of who speaks. Gives the speech that `fact` is about.
    pub(super) fn notice(&mut self, now: Moment, fact: &SpeechFact) -> Speech {
        let (at, begins) = match fact {
            SpeechFact::Started { at } => (*at, true),
            SpeechFact::Continues(stretch) | SpeechFact::Lulled(stretch) | SpeechFact::Paused(stretch) => {
                (stretch.onset, false)
            }
            SpeechFact::Resumed | SpeechFact::Discarded | SpeechFact::Stirred => Default::default(),
        };
        let known = self.speech.filter(|_| !begins);
        let speech = known.unwrap_or_else(|| Speech { since: now, at, admission: self.attention.speech_started(now) });
        let goes_on = !matches!(fact, SpeechFact::Paused(_) | SpeechFact::Discarded);
        self.speech = goes_on.then_some(speech);
        speech
    }

    /// Somebody has paused.
    pub(super) fn pause(&mut self, now: Moment, heard: Hearing, out: &mut Vec<Effect>) {
        let started = heard.utterance.started();
        let ended = now - heard.utterance.trailing_silence();
        if heard.revision == 0 && self.attention.was_wake_word_alone(started, ended) {
            self.attention.settled(started, now, &Verdict::Addressed);
            out.push(Effect::Ended { turn: heard.turn, heard: String::new(), given_up: false });
            return;
        }
        self.weigh(now, heard, out);
    }

    /// Somebody goes on after a pause.
    pub(super) fn resume(&mut self, now: Moment, weighing: Weighing, speech: Speech, out: &mut Vec<Effect>) {
        let was_for_others = weighing.draft.heard().is_some_and(Heard::is_for_somebody_else);
        if was_for_others && weighing.utterance.length() > LONGER_THAN_A_CALL {
            self.state = State::Weighing(Box::new(weighing));
            self.dismiss(now, out);
            return self.hear(now, speech);
        }
        let Weighing { draft, utterance, longest_until, .. } = weighing;
        // It is all one utterance, to whomever it is said.
        if let Some(speech) = &mut self.speech
            && utterance.is_attended()
        {
            speech.admission = Admission::Attend { skip: Duration::ZERO };
        }
        self.revise(&draft, utterance, longest_until, false, out);
    }

    /// Somebody talks without end, and nobody knows yet to whom.
    pub(super) fn weigh_all(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if let State::Hearing(heard) = std::mem::replace(&mut self.state, State::Idle) {
            self.weigh(now, heard, out);
        }
    }

    /// Forgets what has been said: there is nothing to answer.
    pub(super) fn dismiss(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let State::Weighing(weighing) = std::mem::replace(&mut self.state, State::Idle) else { return };
        let heard = weighing.draft.heard().unwrap_or(&Heard::NOT_FOR_PIPIT);
        heard.settle(&mut self.attention, weighing.utterance.started(), now);
        if weighing.draft.awaits_words() {
            out.push(Effect::Cancel { draft: weighing.draft.id() });
        }
        out.push(Effect::Ended { turn: weighing.draft.id().turn, heard: String::new(), given_up: false });
    }

    /// The recogniser is done. Nothing but what is meant for Pipit gets beyond this.
    pub(super) fn on_transcribed(
        &mut self,
        now: Moment,
        draft: DraftId,
        transcription: Transcription,
        out: &mut Vec<Effect>,
    ) {
        match &mut self.state {
            State::Weighing(w) if w.draft.id() == draft => {
                let heard = Heard::new(&self.attention, &w.utterance, transcription);
                let called = heard.is_call(self.attention.mode());
                w.hear(heard, out);
                if called {
                    self.claim(now, Some(draft.turn), out);
                }
            }
            State::Replying(r) if r.draft.id() == draft => {
                if !r.draft.awaits_words() {
                    return;
                }
                let heard = Heard::new(&self.attention, &r.utterance, transcription);
                if r.is_taken_back_by(now, &heard, &self.settings) {
                    return self.weigh_again(heard, out);
                }
                heard.settle(&mut self.attention, r.utterance.started(), now);
                self.on_replying(now, |r, scene, out| r.hear(scene, heard, out), out);
            }
            State::Replying(r) => {
                let Some(weighing) = r.overheard.weighing_mut().filter(|w| w.draft.id() == draft) else { return };
                let heard = Heard::new(&self.attention, &weighing.utterance, transcription);
                self.on_replying(now, |r, scene, out| r.hear_overheard(scene, heard, out), out);
            }
            State::Idle | State::Hearing(_) | State::Weighing(_) => {}
        }
    }

    /// Something else makes Pipit listen from now on. What it only overheard until now is forgotten.
    pub(super) fn on_wake_mode(&mut self, now: Moment, mode: WakeMode, out: &mut Vec<Effect>) {
        self.attention.set_mode(mode);
        if !self.only_overhears() {
            return;
        }
        match &self.state {
            State::Hearing(h) => {
                out.push(Effect::Ended { turn: h.turn, heard: String::new(), given_up: false });
                self.state = State::Idle;
            }
            _ => self.dismiss(now, out),
        }
    }

    pub(super) fn on_wake_word(&mut self, now: Moment, score: f32, out: &mut Vec<Effect>) {
        if self.attention.wake_word_scored(now, score) {
            self.on_woken(now, out);
            self.claim(now, None, out);
        }
    }

    /// The button went down. Whoever presses it wants to speak, so Pipit does not.
    pub(super) fn on_button(&mut self, now: Moment, out: &mut Vec<Effect>) {
        self.attention.button_pressed(now);
        self.on_woken(now, out);
        if matches!(self.state, State::Replying(_)) {
            self.on_replying(now, super::Replying::stop, out);
        }
    }

    /// Something makes Pipit listen while somebody may be speaking, or has just spoken.
    fn on_woken(&mut self, now: Moment, out: &mut Vec<Effect>) {
        let unheard = self.speech.as_mut().filter(|speech| !speech.is_attended());
        let unheard = unheard.map(|speech| {
            speech.admission = self.attention.admission(speech.since);
            *speech
        });
        match &mut self.state {
            State::Hearing(h) if !h.utterance.is_attended() => {
                h.utterance.attend(self.attention.admission(h.utterance.started()));
                h.longest_until = now + self.settings.longest_utterance;
            }
            // Its speaker had paused before that, so it was said to somebody else.
            State::Weighing(w) if is_overheard(w) => self.dismiss(now, out),
            _ => {}
        }
        let Some(speech) = unheard else { return };
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => self.hear(now, speech),
            State::Replying(r) => self.overhear(now, r, (speech, SpeechFact::Started { at: speech.at }), out),
            state => self.state = state,
        }
    }

    /// Where everything has come to an end, so has the conversation.
    pub(super) fn rest(&mut self, now: Moment) {
        if matches!(self.state, State::Idle) && self.attention.is_conversing() {
            self.attention.reply_ended(now);
        }
    }
}

/// When a turn is over if nothing else happens, and why; no reason where it is none.
pub(super) fn over_at(weighing: &Weighing, settings: &TurnSettings) -> (Moment, Option<EndedBy>) {
    let (at, ended_by) = weighing.over_at(settings);
    match weighing.draft.heard() {
        Some(heard) if heard.asks_nothing() => (at, None),
        None if !weighing.utterance.is_attended() => (at + settings.reply_stall, None),
        _ => (at, Some(ended_by)),
    }
}

/// Whether nothing is known by which it is meant for Pipit.
fn is_overheard(weighing: &Weighing) -> bool {
    let asks = weighing.draft.heard().is_some_and(|heard| heard.request().is_some());
    !weighing.utterance.is_attended() && !asks
}
