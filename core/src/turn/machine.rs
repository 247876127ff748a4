//! The state machine itself.

use std::collections::VecDeque;
use std::time::Duration;

use super::reply::Reply;
use super::utterance::Utterance;
use super::{DraftId, Effect, EndedBy, Event, Transcription, TurnId, TurnSettings};
use crate::audio::Pcm;
use crate::ear::SpeechFact;
use crate::time::Moment;

const NOT_UNDERSTOOD: &str = "Sorry, I didn't catch that.";
const RECOGNISER_FAILED: &str = "Sorry, I can't make out speech just now. My log says why.";
const GIVEN_UP: &str = "Sorry, that is taking too long. I have given up on it.";

/// Takes turns with one person at one microphone.
///
/// ```text
///            speech                pause               decided
///   Idle ------------> Hearing ------------> Weighing ---------> Replying
///    ^                    ^ <----------------- | resumed             |
///    +----------------------------------------------------- heard ---+
/// ```
///
/// Every state but `Idle` has a deadline, so a turn always ends. Speech during a reply is kept and becomes the next turn.
#[derive(Debug)]
pub struct Machine {
    settings: TurnSettings,
    pre_roll: Duration,
    last_turn: u64,
    state: State,
    /// What is to be said once the floor is free.
    announcements: VecDeque<String>,
}

/// What the machine is doing, for a face to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting to be spoken to.
    Idle,
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
    Weighing(Weighing),
    Replying(Box<Replying>),
}

#[derive(Debug)]
struct Hearing {
    turn: TurnId,
    revision: u32,
    utterance: Utterance,
    longest_until: Moment,
}

#[derive(Debug)]
struct Weighing {
    draft: DraftId,
    utterance: Utterance,
    longest_until: Moment,
    silence_until: Moment,
    scored: bool,
}

#[derive(Debug)]
struct Replying {
    turn: TurnId,
    reply: Reply,
    /// Nothing but an apology is to be said any more.
    given_up: bool,
    stopping: bool,
    /// When what has been handed to the speaker will have been played.
    playing_until: Moment,
    stalled_at: Moment,
    overheard: Overheard,
}

/// What was said while Pipit was busy.
#[derive(Debug, Default)]
struct Overheard {
    utterance: Utterance,
    speaking: bool,
}

impl Machine {
    /// A machine that has heard nothing yet. `pre_roll` is how much audio before the first speech belongs to a turn.
    #[must_use]
    pub fn new(settings: TurnSettings, pre_roll: Duration) -> Self {
        Machine { settings, pre_roll, last_turn: 0, state: State::Idle, announcements: VecDeque::new() }
    }

    /// Takes in what happened at `now` and appends what to do about it to `out`.
    pub fn step(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Speech(fact) => self.on_speech(now, fact, out),
            Event::TurnScored { draft, probability } => self.on_score(now, draft, probability, out),
            Event::Announce { text } => self.announcements.push_back(text),
            Event::StopRequested => self.on_stop(now, out),
            Event::Tick => {}
            event => self.on_reply(now, event, out),
        }
        self.check_deadline(now, out);
        if matches!(self.state, State::Idle)
            && let Some(text) = self.announcements.pop_front()
        {
            self.announce(now, text, out);
        }
    }

    /// When [`Machine::step`] must be called again if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Idle => None,
            State::Hearing(h) => Some(h.longest_until),
            State::Weighing(w) => Some(w.silence_until.min(w.longest_until)),
            State::Replying(r) => Some(r.stalled_at),
        }
    }

    /// Whether some work has been asked for whose result will come without any further sound or time.
    ///
    /// Recordings that are fed faster than real time wait for it, so that they are decided as they would be live.
    #[must_use]
    pub fn awaits_work(&self) -> bool {
        match &self.state {
            State::Idle | State::Hearing(_) => false,
            State::Weighing(w) => !w.scored,
            State::Replying(_) => true,
        }
    }

    /// What the machine is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Idle => Phase::Idle,
            State::Hearing(_) => Phase::Hearing,
            State::Weighing(_) => Phase::Weighing,
            State::Replying(r) if r.reply.is_playing() => Phase::Speaking,
            State::Replying(_) => Phase::Thinking,
        }
    }

    fn new_turn(&mut self) -> TurnId {
        self.last_turn += 1;
        TurnId(self.last_turn)
    }

    fn on_speech(&mut self, now: Moment, fact: SpeechFact, out: &mut Vec<Effect>) {
        let pre_roll = self.pre_roll;
        match (std::mem::replace(&mut self.state, State::Idle), fact) {
            (State::Idle, SpeechFact::Started { .. }) => self.hear(now, Utterance::default()),
            (State::Idle, _) => {}
            (State::Hearing(mut h), SpeechFact::Continues(stretch)) => {
                h.utterance.push(&stretch, pre_roll);
                self.state = State::Hearing(h);
            }
            (State::Hearing(mut h), SpeechFact::Paused(stretch)) => {
                h.utterance.push(&stretch, pre_roll);
                let draft = DraftId { turn: h.turn, revision: h.revision + 1 };
                self.weigh(now, draft, h.utterance, h.longest_until, out);
            }
            (State::Hearing(h), SpeechFact::Discarded) => {
                out.push(Effect::Ended { turn: h.turn, heard: String::new(), given_up: false })
            }
            (State::Weighing(w), SpeechFact::Started { .. }) => {
                let Weighing { draft: DraftId { turn, revision }, utterance, longest_until, .. } = w;
                self.state = State::Hearing(Hearing { turn, revision, utterance, longest_until });
            }
            (State::Replying(mut r), fact) => {
                r.overheard.take_in(fact, pre_roll);
                self.state = State::Replying(r);
            }
            (state @ (State::Hearing(_) | State::Weighing(_)), _) => self.state = state,
        }
    }

    fn hear(&mut self, now: Moment, utterance: Utterance) {
        let turn = self.new_turn();
        let longest_until = now + self.settings.longest_utterance;
        self.state = State::Hearing(Hearing { turn, revision: 0, utterance, longest_until });
    }

    fn weigh(
        &mut self,
        now: Moment,
        draft: DraftId,
        utterance: Utterance,
        longest_until: Moment,
        out: &mut Vec<Effect>,
    ) {
        out.push(Effect::ScoreTurn { draft, utterance: utterance.pcm() });
        let silence_until = now + self.settings.fallback.saturating_sub(utterance.trailing_silence());
        self.state = State::Weighing(Weighing { draft, utterance, longest_until, silence_until, scored: false });
    }

    fn on_score(&mut self, now: Moment, draft: DraftId, probability: Option<f32>, out: &mut Vec<Effect>) {
        let State::Weighing(w) = &mut self.state else { return };
        if w.draft != draft {
            return;
        }
        w.scored = true;
        if probability.is_some_and(|p| p >= self.settings.complete_threshold) {
            let utterance = std::mem::take(&mut w.utterance);
            self.decide(now, draft.turn, &utterance, EndedBy::SmartTurn, out);
        }
    }

    fn decide(&mut self, now: Moment, turn: TurnId, utterance: &Utterance, ended_by: EndedBy, out: &mut Vec<Effect>) {
        out.push(Effect::Decided { turn, ended_by, speech_end: utterance.speech_end() });
        out.push(Effect::Transcribe { turn, utterance: utterance.pcm() });
        self.state = State::Replying(Box::new(Replying::begin(turn, now + self.settings.reply_stall)));
    }

    fn announce(&mut self, now: Moment, text: String, out: &mut Vec<Effect>) {
        let turn = self.new_turn();
        let mut replying = Replying::begin(turn, now + self.settings.reply_stall);
        replying.reply.push_text(&text);
        replying.reply.end_text();
        self.state = State::Replying(Box::new(replying));
        self.go_on_replying(now, None, out);
    }

    fn on_reply(&mut self, now: Moment, event: Event, out: &mut Vec<Effect>) {
        let stall = self.settings.reply_stall;
        let State::Replying(r) = &mut self.state else { return };
        let mut cut = None;
        match event {
            Event::Transcribed { turn, transcription } if turn == r.turn && !r.given_up => {
                r.on_transcription(transcription, out);
            }
            Event::ReplyText { turn, text } if turn == r.turn && !r.given_up => r.reply.push_text(&text),
            Event::ReplyEnded { turn } if turn == r.turn => r.reply.end_text(),
            Event::ReplyFailed { turn, apology } if turn == r.turn && !r.given_up => {
                r.reply.push_text("\n\n");
                r.reply.push_text(&apology);
                r.reply.end_text();
            }
            Event::ClauseReady { turn, clause, pcm } if turn == r.turn => r.on_clause(now, clause, pcm, out),
            Event::ClauseFailed { turn, clause } if turn == r.turn => r.reply.failed(clause),
            Event::ClauseStarted { turn, .. } if turn == r.turn => {}
            Event::ClausePlayed { turn, clause } if turn == r.turn => r.reply.played(clause),
            Event::PlaybackStopped { turn, cut: at } if turn == r.turn => {
                r.stopping = true;
                cut = Some(at);
            }
            _ => return,
        }
        r.stalled_at = now.max(r.playing_until) + stall;
        self.go_on_replying(now, cut, out);
    }

    /// Asks the voice for what it should be asked for, and ends the turn once there is nothing left to hear.
    fn go_on_replying(&mut self, now: Moment, stopped: Option<Option<(usize, Duration)>>, out: &mut Vec<Effect>) {
        let State::Replying(r) = &mut self.state else { return };
        if let Some(cut) = stopped {
            let turn = r.turn;
            out.push(Effect::Cancel { turn });
            return self.end_reply(now, cut, out);
        }
        if r.stopping {
            return;
        }
        while let Some((clause, words)) = r.reply.next_to_synthesise() {
            out.push(Effect::Synthesise { turn: r.turn, clause, words });
        }
        if r.reply.is_over() {
            self.end_reply(now, None, out);
        }
    }

    fn end_reply(&mut self, now: Moment, cut: Option<(usize, Duration)>, out: &mut Vec<Effect>) {
        let State::Replying(r) = std::mem::replace(&mut self.state, State::Idle) else { return };
        out.push(Effect::Ended { turn: r.turn, heard: r.reply.heard(cut), given_up: r.given_up });
        let Overheard { utterance, speaking } = r.overheard;
        if speaking {
            self.hear(now, utterance);
        } else if !utterance.is_empty() {
            let draft = DraftId { turn: self.new_turn(), revision: 1 };
            self.weigh(now, draft, utterance, now + self.settings.longest_utterance, out);
        }
    }

    fn on_stop(&mut self, now: Moment, out: &mut Vec<Effect>) {
        self.announcements.clear();
        match &mut self.state {
            State::Idle => {}
            State::Hearing(Hearing { turn, .. }) | State::Weighing(Weighing { draft: DraftId { turn, .. }, .. }) => {
                out.push(Effect::Ended { turn: *turn, heard: String::new(), given_up: false });
                self.state = State::Idle;
            }
            State::Replying(r) if r.stopping => {}
            State::Replying(r) if r.reply.is_playing() => {
                r.stopping = true;
                r.stalled_at = now + self.settings.reply_stall;
                out.push(Effect::StopPlayback { turn: r.turn });
            }
            State::Replying(r) => {
                let turn = r.turn;
                out.push(Effect::Cancel { turn });
                self.end_reply(now, None, out);
            }
        }
    }

    fn check_deadline(&mut self, now: Moment, out: &mut Vec<Effect>) {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.state {
            State::Idle => {}
            State::Hearing(h) => {
                let (turn, utterance) = (h.turn, std::mem::take(&mut h.utterance));
                if utterance.is_empty() {
                    out.push(Effect::Ended { turn, heard: String::new(), given_up: false });
                    self.state = State::Idle;
                } else {
                    self.decide(now, turn, &utterance, EndedBy::Length, out);
                }
            }
            State::Weighing(w) => {
                let (turn, utterance) = (w.draft.turn, std::mem::take(&mut w.utterance));
                self.decide(now, turn, &utterance, EndedBy::Silence, out);
            }
            State::Replying(r) => {
                let turn = r.turn;
                out.push(Effect::Cancel { turn });
                if r.given_up || r.stopping {
                    return self.end_reply(now, None, out);
                }
                r.given_up = true;
                r.reply.replace_rest(GIVEN_UP);
                r.stalled_at = now + self.settings.reply_stall;
                self.go_on_replying(now, None, out);
            }
        }
    }
}

impl Replying {
    fn begin(turn: TurnId, stalled_at: Moment) -> Self {
        Replying {
            turn,
            reply: Reply::default(),
            given_up: false,
            stopping: false,
            playing_until: Moment::START,
            stalled_at,
            overheard: Overheard::default(),
        }
    }

    fn on_transcription(&mut self, transcription: Transcription, out: &mut Vec<Effect>) {
        let apology = match transcription {
            Transcription::Words(request) => {
                out.push(Effect::Respond { turn: self.turn, request });
                return;
            }
            Transcription::Silence => "",
            Transcription::NotUnderstood => NOT_UNDERSTOOD,
            Transcription::Failed => RECOGNISER_FAILED,
        };
        self.reply.push_text(apology);
        self.reply.end_text();
    }

    fn on_clause(&mut self, now: Moment, clause: usize, pcm: Pcm, out: &mut Vec<Effect>) {
        let length = pcm.duration();
        if self.reply.made(clause, length) && !self.stopping {
            self.playing_until = now.max(self.playing_until) + length;
            out.push(Effect::Play { turn: self.turn, clause, pcm });
        }
    }
}

impl Overheard {
    fn take_in(&mut self, fact: SpeechFact, pre_roll: Duration) {
        match fact {
            SpeechFact::Started { .. } => self.speaking = true,
            SpeechFact::Continues(stretch) => self.utterance.push(&stretch, pre_roll),
            SpeechFact::Paused(stretch) => {
                self.utterance.push(&stretch, pre_roll);
                self.speaking = false;
            }
            SpeechFact::Discarded => *self = Overheard::default(),
        }
    }
}
