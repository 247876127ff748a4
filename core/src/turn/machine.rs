//! The state machine itself.

mod ahead;
mod answering;
mod claiming;
mod lull;
mod waking;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::attention::Attention;
use super::draft::{Announcement, Draft};
use super::following::Following;
use super::parts::Parts;
use super::replying::Replying;
use super::utterance::{Speech, Utterance};
use super::weighing::Weighing;
use super::{Admission, AttentionSettings, DraftId, Effect, EndedBy, Event, NoticeId, TurnId, TurnSettings};
use crate::ear::SpeechFact;
use crate::intent::Catalogue;
use crate::time::Moment;

/// Takes turns with one person at one microphone.
///
/// ```text
///            speech                pause               decided
///   Idle ------------> Hearing ------------> Weighing ---------> Replying
///    ^                   ^ ^ <----------------- | resumed          |  |
///    |                   +-+-------------------------- resumed, ---+  |
///    |                                       nothing heard or done    |
///    +---------------------------------------------------- heard -----+
/// ```
///
/// Whenever the voice falls silent a draft of the answer is begun. It is given once the turn is decided, and thrown away
/// when the person goes on. Every state but `Idle` has a deadline, so a turn always ends.
///
/// Speech over an answer makes it pause at once. If it turns out to be a request, or lasts, the answer ends there and the
/// next turn has begun; if it was only a sign of listening, or no speech, the answer goes on where it stopped.
///
/// Speech that is not meant for Pipit either never leads out of `Idle`, or leads back to it without a word; see
/// `machine/waking.rs`.
#[derive(Debug)]
pub struct Machine {
    settings: TurnSettings,
    pre_roll: Duration,
    catalogue: Arc<Catalogue>,
    /// Whether drafts are wanted. Whether the turn under way has any stands in the settings.
    drafts_wanted: bool,
    /// Whether the board can afford them.
    drafts_affordable: bool,
    attention: Attention,
    last_turn: u64,
    state: State,
    parts: Parts,
    following: Following,
    claims: claiming::Claims,
    /// What somebody is saying just now, to Pipit or not.
    speech: Option<Speech>,
    /// What is to be said once the floor is free.
    announcements: VecDeque<(NoticeId, Announcement)>,
    /// The turn in which one is said just now.
    announcing: Option<(TurnId, NoticeId)>,
}

/// What the machine is doing, for a face to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting to be spoken to, or asleep, whatever others say.
    Idle,
    /// Woken: what is said next is meant for Pipit.
    Listening,
    /// Somebody is speaking.
    Hearing,
    /// Somebody has paused, perhaps for good.
    Weighing,
    /// The turn is over and its answer is being found.
    Thinking,
    /// The answer can be heard.
    Speaking,
}

impl Phase {
    /// The name by which reports know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Listening => "listening",
            Phase::Hearing => "hearing",
            Phase::Weighing => "weighing",
            Phase::Thinking => "thinking",
            Phase::Speaking => "speaking",
        }
    }
}

#[derive(Debug)]
enum State {
    Idle,
    Hearing(Hearing),
    Weighing(Box<Weighing>),
    Replying(Box<Replying>),
}

#[derive(Debug)]
struct Hearing {
    turn: TurnId,
    revision: u32,
    utterance: Utterance,
    longest_until: Moment,
    /// The turn was taken to be over with what had been said until then.
    reopened: bool,
}

impl Hearing {
    /// That of the last pause before this speech; there was none where its revision is 0.
    fn last_draft(&self) -> DraftId {
        DraftId { turn: self.turn, revision: self.revision }
    }
}

impl Machine {
    /// A machine that has heard nothing yet. `pre_roll` is how much audio before the first speech belongs to a turn, and
    /// `catalogue` knows the words that stop an answer.
    #[must_use]
    pub fn new(settings: TurnSettings, pre_roll: Duration, catalogue: Arc<Catalogue>) -> Self {
        Machine {
            drafts_wanted: settings.drafts,
            drafts_affordable: true,
            settings,
            pre_roll,
            catalogue,
            attention: Attention::new(AttentionSettings::default()),
            last_turn: 0,
            state: State::Idle,
            parts: Parts::default(),
            following: Following::default(),
            claims: claiming::Claims::default(),
            speech: None,
            announcements: VecDeque::new(),
            announcing: None,
        }
    }

    /// Takes in what happened at `now` and appends what to do about it to `out`.
    pub fn step(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        self.attention.tick(now);
        if matches!(self.state, State::Idle) {
            self.settings.drafts = self.drafts_wanted && self.drafts_affordable;
        }
        let seen = out.len();
        match self.parts.complete(event) {
            Event::Speech(fact) => self.on_speech(now, fact, out),
            Event::Transcribed { draft, transcription } => self.on_transcribed(now, draft, transcription, out),
            Event::Followed { turn, round, agreed } => self.on_followed(now, turn, (round, agreed), out),
            Event::WakeWordScored { score } => self.on_wake_word(now, score, out),
            Event::ButtonPressed => self.on_button(now, out),
            Event::ButtonReleased => self.attention.button_released(now),
            Event::WakeModeChosen { mode } => self.on_wake_mode(now, mode, out),
            Event::Announce { notice, text } => self.announcements.push_back((notice, Announcement::Text(text))),
            Event::AnnounceSound { notice, pcm } => self.announcements.push_back((notice, Announcement::Sound(pcm))),
            Event::Outbid => self.on_outbid(now, out),
            Event::StopRequested => self.on_stop(now, out),
            Event::Tick => {}
            event => self.on_work(now, event, out),
        }
        self.check_deadline(now, out);
        self.rest(now);
        if matches!(self.state, State::Idle)
            && !self.is_spoken_to()
            && let Some(next) = self.announcements.pop_front()
        {
            self.announce(now, next, out);
        }
        for effect in &out[seen..] {
            if let Effect::Ended { turn, .. } = effect {
                self.parts.forget(*turn);
            }
        }
    }

    /// Says whether the board can afford drafts, if they are wanted at all. It counts from the next turn on.
    pub fn allow_drafts(&mut self, affordable: bool) {
        self.drafts_affordable = affordable;
    }

    /// When [`Machine::step`] must be called again if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let asleep_at = self.attention.next_deadline();
        self.state_deadline().into_iter().chain(asleep_at).min()
    }

    fn state_deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Idle => None,
            State::Hearing(h) => Some(h.longest_until),
            State::Weighing(w) => Some(self.over_at(w).0),
            State::Replying(r) => Some(r.deadline(self.is_spoken_to(), &self.settings)),
        }
    }

    /// Whether some work has been asked for whose result will come without any further sound or time.
    ///
    /// Recordings that are fed faster than real time wait for it, so that they are decided as they would be live.
    #[must_use]
    pub fn awaits_work(&self) -> bool {
        match &self.state {
            State::Idle => self.parts.are_awaited(),
            State::Hearing(h) => self.parts.are_awaited() || self.following.is_awaited(h.last_draft()),
            State::Weighing(w) => w.awaits_work() || self.parts.are_awaited(),
            // What is ready and held back because somebody speaks is heard only once the sound goes on.
            State::Replying(r) => !self.is_spoken_to() || r.draft.is_in_the_making(),
        }
    }

    /// Whether nothing is under way that anybody waits for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// What the machine is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            _ if self.only_overhears() => Phase::Idle,
            State::Idle if self.attention.is_listening() => Phase::Listening,
            State::Idle => Phase::Idle,
            State::Hearing(_) => Phase::Hearing,
            State::Weighing(w) if w.is_lull() => Phase::Hearing,
            State::Weighing(_) => Phase::Weighing,
            State::Replying(r) if r.draft.is_playing() => Phase::Speaking,
            State::Replying(_) => Phase::Thinking,
        }
    }

    fn new_turn(&mut self) -> TurnId {
        self.last_turn += 1;
        TurnId(self.last_turn)
    }

    fn on_speech(&mut self, now: Moment, fact: SpeechFact, out: &mut Vec<Effect>) {
        if fact == SpeechFact::Stirred {
            return self.on_stir(now, out);
        }
        let pre_roll = self.pre_roll;
        let speech = self.notice(now, &fact);
        match (std::mem::replace(&mut self.state, State::Idle), speech.cut(fact)) {
            (State::Idle, SpeechFact::Started { .. }) => self.hear(now, speech),
            (State::Idle, _) => {}
            (State::Hearing(mut h), SpeechFact::Continues(stretch)) => {
                h.utterance.push(&stretch, pre_roll);
                self.transcribe_parts(now, &mut h, out);
                self.follow(now, &h, out);
                self.state = State::Hearing(h);
            }
            (State::Hearing(mut h), SpeechFact::Paused(stretch)) => {
                h.utterance.push(&stretch, pre_roll);
                self.pause(now, h, out);
            }
            (State::Hearing(h), SpeechFact::Lulled(stretch)) => self.lull(now, h, &stretch, out),
            (State::Weighing(w), fact) if w.is_lull() && !matches!(fact, SpeechFact::Started { .. }) => {
                self.after_lull(now, w, fact, out);
            }
            // What had been said before was enough for an answer.
            (State::Hearing(h), SpeechFact::Discarded) if h.reopened => self.weigh(now, h, out),
            (State::Hearing(h), SpeechFact::Discarded) => {
                out.push(Effect::Ended { turn: h.turn, heard: String::new(), given_up: false });
                self.attention.came_to_nothing(now);
            }
            (State::Weighing(w), SpeechFact::Started { .. }) => self.resume(now, *w, speech, out),
            (State::Replying(r), _) if !speech.is_attended() => self.state = State::Replying(r),
            (State::Replying(r), SpeechFact::Started { .. }) if r.can_reopen() => {
                let Replying { draft, utterance, longest_until, .. } = *r;
                if draft.is_playing() {
                    out.push(Effect::StopPlayback { draft: draft.id() });
                }
                out.push(Effect::Reopened { turn: draft.id().turn });
                self.revise(&draft, utterance, longest_until, true, out);
            }
            (State::Replying(r), fact) => self.overhear(now, r, (speech, fact), out),
            (state @ (State::Hearing(_) | State::Weighing(_)), _) => self.state = state,
        }
    }

    fn hear(&mut self, now: Moment, speech: Speech) {
        if speech.admission == Admission::Ignore {
            return;
        }
        let (turn, utterance) = (self.new_turn(), Utterance::begun(speech));
        let longest_until = now + self.settings.longest_utterance;
        self.state = State::Hearing(Hearing { turn, revision: 0, utterance, longest_until, reopened: false });
    }

    /// Has what has been said so far transcribed, but for the last stretch of it.
    fn transcribe_parts(&mut self, now: Moment, heard: &mut Hearing, out: &mut Vec<Effect>) {
        while let Some(utterance) = heard.utterance.next_part() {
            self.following.stop(now);
            let (turn, part) = (heard.turn, self.parts.add(heard.turn));
            out.push(Effect::TranscribePart { turn, part, utterance });
        }
    }

    /// The person goes on, so the draft is useless, but for the transcript of much that was said before the pause.
    fn revise(
        &mut self,
        draft: &Draft,
        mut utterance: Utterance,
        longest_until: Moment,
        reopened: bool,
        out: &mut Vec<Effect>,
    ) {
        let DraftId { turn, revision } = draft.id();
        if self.settings.drafts || reopened || !utterance.is_attended() {
            out.push(Effect::Cancel { draft: draft.id() });
        }
        if let Some(utterance) = utterance.part_before_pause()
            && let Some(part) = self.parts.add_rest(draft.id())
        {
            out.push(Effect::TranscribePart { turn, part, utterance });
        }
        self.state = State::Hearing(Hearing { turn, revision, utterance, longest_until, reopened });
    }

    fn weigh(&mut self, now: Moment, mut heard: Hearing, out: &mut Vec<Effect>) {
        self.transcribe_parts(now, &mut heard, out);
        let id = heard.last_draft().next();
        let Hearing { utterance, longest_until, .. } = heard;
        // Whether it is a turn at all can be told only by its words.
        let transcribe = self.settings.drafts || !utterance.is_attended();
        let weighing = Weighing::begin(now, id, utterance, longest_until, transcribe, out);
        self.state = State::Weighing(Box::new(weighing));
    }

    fn on_work(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        match &mut self.state {
            State::Weighing(w) if event.draft() == Some(w.draft.id()) => w.take(event, out),
            State::Replying(_) => self.on_work_while_replying(now, event, out),
            _ => {}
        }
    }

    fn decide(&mut self, now: Moment, ended_by: EndedBy, out: &mut Vec<Effect>) {
        let (draft, mut utterance, longest_until, transcribed, pause) =
            match std::mem::replace(&mut self.state, State::Idle) {
                State::Weighing(w) => (w.draft, w.utterance, w.longest_until, w.transcribing, Some(w.pause)),
                State::Hearing(h) => {
                    let id = h.last_draft().next();
                    (Draft::new(id), h.utterance, h.longest_until, false, None)
                }
                state => return self.state = state,
            };
        if let Some(heard) = draft.heard() {
            heard.settle(&mut self.attention, utterance.started(), now);
            utterance.attend(self.attention.admission(utterance.started()));
        }
        out.push(Effect::Decided { draft: draft.id(), ended_by, speech_end: utterance.speech_end() });
        if !transcribed {
            out.push(Effect::Transcribe { draft: draft.id(), utterance: utterance.rest() });
        }
        let mut replying = Replying::new(draft, utterance, longest_until);
        replying.pause = pause;
        self.state = State::Replying(Box::new(replying));
        self.go_on_replying(now, out);
    }

    fn on_stop(&mut self, now: Moment, out: &mut Vec<Effect>) {
        out.extend(self.announcements.drain(..).map(|(notice, _)| Effect::Announced { notice, heard: true }));
        out.push(Effect::Silenced);
        let turn = match &mut self.state {
            State::Idle => return,
            State::Hearing(h) => h.turn,
            State::Weighing(w) => {
                out.push(Effect::Cancel { draft: w.draft.id() });
                w.draft.id().turn
            }
            State::Replying(_) => return self.on_replying(now, Replying::stop, out),
        };
        out.push(Effect::Ended { turn, heard: String::new(), given_up: false });
        self.attention.came_to_nothing(now);
        self.state = State::Idle;
    }

    fn check_deadline(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if self.state_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.state {
            State::Idle => {}
            State::Hearing(h) if h.utterance.is_empty() => {
                out.push(Effect::Ended { turn: h.turn, heard: String::new(), given_up: false });
                self.attention.came_to_nothing(now);
                self.state = State::Idle;
            }
            State::Hearing(h) if h.utterance.is_attended() => self.decide(now, EndedBy::Length, out),
            State::Hearing(_) => self.weigh_all(now, out),
            State::Weighing(w) => match waking::over_at(w, &self.settings).1 {
                Some(ended_by) => self.decide(now, ended_by, out),
                None => self.dismiss(now, out),
            },
            State::Replying(_) => self.on_replying(now, Replying::wait_no_longer, out),
        }
    }
}
