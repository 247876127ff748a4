//! A turn machine in virtual time: a script of events goes in, a log of effects comes out, and no test ever sleeps.
//!
//! A script has one event a line, after the millisecond at which it happens:
//!
//! ```text
//! 0    speech            1000 pause             1000 continue         1000 discard
//! 1020 score 0.9         1020 score fails       (of the latest pause; `score 0.9 of 1` is the first pause's, late)
//! 1100 heard what time is it                    1100 heard nothing    1100 heard badly      1100 hearing fails
//! 1110 says It's noon.   1120 said              1120 fails Sorry.
//! 1200 ready 0 800       (clause 0, 800 ms of sound)                  1200 unspeakable 0
//! 1210 plays 0           2010 played 0          1500 stopped 0 400    1500 stopped
//! 3000 announce Your timer is done.             3000 stop
//! ```
//!
//! Reply events concern the latest turn, or turn N with `@N` in front of the verb. Deadlines fire by themselves between
//! the lines, and after the last line until none is left.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::Expect;
use pipit_core::audio::{LISTENING_RATE, Pcm, SampleIndex, SpeechStretch, samples_in};
use pipit_core::ear::{EarSettings, SpeechFact};
use pipit_core::time::Moment;
use pipit_core::turn::{DraftId, Effect, Event, Machine, Phase, Transcription, TurnId, TurnSettings};

/// Plays `script` and compares the log of what the machine did with `expected`.
pub fn check(script: &str, expected: Expect) {
    let mut sim = Sim::new();
    sim.play(script);
    expected.assert_eq(&sim.into_log());
}

/// A machine with a clock of its own.
pub struct Sim {
    machine: Machine,
    now: Moment,
    /// Where the next stretch of speech begins.
    stretch_from: u64,
    onset: u64,
    draft: DraftId,
    turn: TurnId,
    effects: Vec<Effect>,
    log: String,
}

impl Sim {
    /// A machine with the default settings, at the start of its clock.
    #[must_use]
    pub fn new() -> Self {
        Sim {
            machine: Machine::new(TurnSettings::default(), EarSettings::default().pre_roll),
            now: Moment::START,
            stretch_from: 0,
            onset: 0,
            draft: DraftId { turn: TurnId(0), revision: 0 },
            turn: TurnId(0),
            effects: Vec::new(),
            log: String::new(),
        }
    }

    /// Plays every line of `script`, then lets time run until the machine wants nothing any more.
    pub fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
            self.advance(line);
        }
        while let Some(deadline) = self.machine.next_deadline() {
            self.run_until(deadline);
        }
    }

    /// Plays one line, and leaves the clock there.
    pub fn advance(&mut self, line: &str) {
        let (at, what) = line.split_once(char::is_whitespace).unwrap_or_else(|| panic!("no event in `{line}`"));
        let at: u64 = at.parse().unwrap_or_else(|_| panic!("no milliseconds in `{line}`"));
        self.run_until(Moment::after_start(Duration::from_millis(at)));
        let event = self.event(at, what.trim());
        self.step(event);
    }

    /// Everything that the machine has wanted so far.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// What the machine is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.machine.phase()
    }

    /// Whether the machine will act by itself.
    #[must_use]
    pub fn has_deadline(&self) -> bool {
        self.machine.next_deadline().is_some()
    }

    /// What the machine did, a line each.
    #[must_use]
    pub fn into_log(self) -> String {
        self.log
    }

    fn run_until(&mut self, moment: Moment) {
        while let Some(deadline) = self.machine.next_deadline().filter(|d| *d <= moment) {
            self.now = self.now.max(deadline);
            self.step(Event::Tick);
        }
        self.now = self.now.max(moment);
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.machine.step(self.now, event, &mut effects);
        for effect in effects {
            self.note(&effect);
            self.effects.push(effect);
        }
    }

    fn note(&mut self, effect: &Effect) {
        match effect {
            Effect::ScoreTurn { draft, .. } => {
                self.draft = *draft;
                self.turn = draft.turn;
            }
            Effect::Synthesise { turn, .. } => self.turn = *turn,
            _ => {}
        }
        let ms = self.now.since_start().as_millis();
        let line = describe(effect);
        writeln!(self.log, "{ms:<6} {line}").expect("a string takes all that is written");
    }

    fn event(&mut self, at: u64, what: &str) -> Event {
        let (turn, what) = match what.strip_prefix('@').and_then(|w| w.split_once(' ')) {
            Some((number, rest)) => (TurnId(number.parse().expect("a turn's number")), rest),
            None => (self.turn, what),
        };
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("no number in `{what}`"));
        match verb {
            "speech" => {
                self.onset = at;
                Event::Speech(SpeechFact::Started { at: sample(at) })
            }
            "pause" => Event::Speech(SpeechFact::Paused(self.stretch(at, 200))),
            "continue" => Event::Speech(SpeechFact::Continues(self.stretch(at, 0))),
            "discard" => Event::Speech(SpeechFact::Discarded),
            "score" => self.score(rest),
            "heard" | "hearing" => Event::Transcribed { turn, transcription: transcription(rest) },
            "says" => Event::ReplyText { turn, text: rest.to_owned() },
            "said" => Event::ReplyEnded { turn },
            "fails" => Event::ReplyFailed { turn, apology: rest.to_owned() },
            "ready" => {
                let (clause, ms) = rest.split_once(' ').unwrap_or_else(|| panic!("clause and length in `{what}`"));
                Event::ClauseReady { turn, clause: number(clause), pcm: silence(number(ms) as u64) }
            }
            "unspeakable" => Event::ClauseFailed { turn, clause: number(rest) },
            "plays" => Event::ClauseStarted { turn, clause: number(rest) },
            "played" => Event::ClausePlayed { turn, clause: number(rest) },
            "stopped" => {
                let cut = rest.split_once(' ').map(|(c, ms)| (number(c), Duration::from_millis(number(ms) as u64)));
                Event::PlaybackStopped { turn, cut }
            }
            "announce" => Event::Announce { text: rest.to_owned() },
            "stop" => Event::StopRequested,
            _ => panic!("unknown event `{what}`"),
        }
    }

    fn score(&self, rest: &str) -> Event {
        let (figure, draft) = match rest.split_once(" of ") {
            Some((figure, n)) => (figure, DraftId { revision: n.parse().expect("a revision"), ..self.draft }),
            None => (rest, self.draft),
        };
        Event::TurnScored { draft, probability: figure.parse().ok() }
    }

    fn stretch(&mut self, at: u64, silence_ms: u64) -> SpeechStretch {
        let start = std::mem::replace(&mut self.stretch_from, at);
        SpeechStretch {
            start: sample(start),
            onset: sample(self.onset),
            speech_end: sample(at.saturating_sub(silence_ms)),
            pcm: silence(at.saturating_sub(start)),
        }
    }
}

impl Default for Sim {
    fn default() -> Self {
        Sim::new()
    }
}

fn sample(ms: u64) -> SampleIndex {
    SampleIndex(samples_in(Duration::from_millis(ms), LISTENING_RATE) as u64)
}

fn silence(ms: u64) -> Pcm {
    Pcm::new(vec![0.0; samples_in(Duration::from_millis(ms), LISTENING_RATE)], LISTENING_RATE)
}

fn transcription(words: &str) -> Transcription {
    match words {
        "nothing" => Transcription::Silence,
        "badly" => Transcription::NotUnderstood,
        "fails" => Transcription::Failed,
        words => Transcription::Words(words.to_owned()),
    }
}

fn describe(effect: &Effect) -> String {
    match effect {
        Effect::ScoreTurn { draft, utterance } => {
            format!("turn {} score pause {} of {:?}", draft.turn, draft.revision, utterance.duration())
        }
        Effect::Decided { turn, ended_by, .. } => format!("turn {turn} decided by {}", ended_by.name()),
        Effect::Transcribe { turn, utterance } => format!("turn {turn} transcribe {:?}", utterance.duration()),
        Effect::Respond { turn, request } => format!("turn {turn} respond to `{request}`"),
        Effect::Synthesise { turn, clause, words } => format!("turn {turn} synthesise {clause} `{words}`"),
        Effect::Play { turn, clause, .. } => format!("turn {turn} play {clause}"),
        Effect::StopPlayback { turn } => format!("turn {turn} stop playback"),
        Effect::Cancel { turn } => format!("turn {turn} cancel"),
        Effect::Ended { turn, heard, given_up } => {
            format!("turn {turn} ended{}, heard `{heard}`", if *given_up { ", given up" } else { "" })
        }
    }
}
