//! A turn machine in virtual time: a script of events goes in, a log of effects comes out, and no test ever sleeps.
//!
//! A script has one event a line, after the millisecond at which it happens:
//!
//! ```text
//! 0    speech            1000 pause             1000 continue         1000 discard
//! 800  lull              900  resume            1000 stir
//! 1020 score 0.9         1020 score fails       
//! 1100 heard what time is it                    1100 heard nothing    1100 heard badly      1100 hearing fails
//! 1100 heard badly stop  (not understood, but it may have been this)
//! 1100 @1 part 0 tell me (a part of a long utterance)
//! 1100 follows tell me   (of the latest round)           1100 followed 1 tell me   1100 follows cannot
//! 1105 means intent (a whole command), `means deed` (one that changes something) or `means talk`       1106 acted
//! 1110 says It's noon.   1120 said              1120 fails Sorry.
//! 1200 ready 0 800       (clause 0, 800 ms of sound)                  1200 unspeakable 0
//! 1210 plays 0           2010 played 0          1500 stopped 0 400    1500 stopped
//! 3000 announce Your timer is done.             3000 stop           3000 drafts off       3000 drafts on
//! 3000 others there (other Pipits)                                    3000 outbid (by one of them)
//! 4000 wake 0.9          (a score of the wake-word model)             4000 press              4100 release
//! ```
//!
//! They concern the latest draft, or with `@N` in front of the verb the latest draft of turn N, or with `@N.R` its draft R.
//! Deadlines fire by themselves between
//! the lines, and after the last line until none is left.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use expect_test::Expect;
use pipit_core::audio::{Fade, LISTENING_RATE, Pcm, SampleIndex, SpeechStretch, samples_in};
use pipit_core::ear::{EarSettings, SpeechFact};
use pipit_core::intent::Catalogue;
use pipit_core::time::Moment;
use pipit_core::turn::{
    AttentionSettings, DraftId, Effect, Event, Machine, NoticeId, Overheard, Phase, Transcription, TurnId,
    TurnSettings, Understanding, WakeCounters, WakeMode,
};

/// Plays `script` and compares the log of what the machine did with `expected`.
pub fn check(script: &str, expected: Expect) {
    let mut sim = Sim::new();
    sim.play(script);
    expected.assert_eq(&sim.into_log());
}

/// As [`check`], with a machine that listens only when `attention` says so.
pub fn check_attending(attention: AttentionSettings, script: &str, expected: Expect) {
    let mut sim = Sim::attending(attention);
    sim.play(script);
    expected.assert_eq(&sim.into_log());
}

static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::english()));

/// A machine with a clock of its own.
pub struct Sim {
    machine: Machine,
    now: Moment,
    /// Where the next stretch of speech begins.
    stretch_from: u64,
    onset: u64,
    /// The latest draft, and the latest of each turn.
    draft: DraftId,
    drafts: BTreeMap<TurnId, DraftId>,
    /// The latest time that the recogniser was to listen ahead.
    followed: (TurnId, u32),
    effects: Vec<Effect>,
    log: String,
}

impl Sim {
    /// A machine with the default settings, at the start of its clock.
    #[must_use]
    pub fn new() -> Self {
        Sim::with(AttentionSettings::default(), TurnSettings::default())
    }

    /// A machine that listens only when `attention` says so.
    #[must_use]
    pub fn attending(attention: AttentionSettings) -> Self {
        Sim::with(attention, TurnSettings::default())
    }

    /// A machine with these settings.
    #[must_use]
    pub fn with(attention: AttentionSettings, turn: TurnSettings) -> Self {
        let machine = Machine::new(turn, EarSettings::default().pre_roll, Arc::clone(&CATALOGUE));
        Sim {
            machine: machine.with_attention(attention),
            now: Moment::START,
            stretch_from: 0,
            onset: 0,
            draft: DraftId { turn: TurnId(0), revision: 0 },
            drafts: BTreeMap::new(),
            followed: (TurnId(0), 0),
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
        self.wait_until(at);
        let event = self.event(at, what.trim());
        self.step(event);
    }

    /// Lets time run to `ms`, with every deadline on the way.
    pub fn wait_until(&mut self, ms: u64) {
        self.run_until(Moment::after_start(Duration::from_millis(ms)));
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

    /// How well waking works.
    #[must_use]
    pub fn wake_counters(&self) -> WakeCounters {
        self.machine.wake_counters()
    }

    /// Whether the machine will act by itself.
    #[must_use]
    pub fn has_deadline(&self) -> bool {
        self.machine.next_deadline().is_some()
    }

    /// Whether the result of something that the machine has asked for is still to come.
    #[must_use]
    pub fn awaits_work(&self) -> bool {
        self.machine.awaits_work()
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
        if let Effect::ScoreTurn { draft, .. } | Effect::Transcribe { draft, .. } | Effect::Synthesise { draft, .. } =
            effect
        {
            self.draft = *draft;
            self.drafts.insert(draft.turn, *draft);
        }
        if let Effect::TranscribePart { turn, .. } = effect {
            self.drafts.entry(*turn).or_insert(DraftId { turn: *turn, revision: 1 });
        }
        if let Effect::Follow { turn, round, .. } = effect {
            self.followed = (*turn, *round);
        }
        let ms = self.now.since_start().as_millis();
        let line = describe(effect);
        writeln!(self.log, "{ms:<6} {line}").expect("a string takes all that is written");
    }

    fn event(&mut self, at: u64, what: &str) -> Event {
        let (draft, what) = match what.strip_prefix('@').and_then(|w| w.split_once(' ')) {
            Some((id, rest)) => (self.named(id), rest),
            None => (self.draft, what),
        };
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("no number in `{what}`"));
        match verb {
            "speech" => {
                self.onset = at;
                Event::Speech(SpeechFact::Started { at: sample(at) })
            }
            "pause" => Event::Speech(SpeechFact::Paused(self.stretch(at, 200))),
            "lull" => Event::Speech(SpeechFact::Lulled(self.stretch(at, 0))),
            "resume" => Event::Speech(SpeechFact::Resumed),
            "stir" => Event::Speech(SpeechFact::Stirred),
            "continue" => Event::Speech(SpeechFact::Continues(self.stretch(at, 0))),
            "discard" => {
                self.stretch_from = at;
                Event::Speech(SpeechFact::Discarded)
            }
            "score" => Event::TurnScored { draft, probability: rest.parse().ok() },
            "heard" | "hearing" => Event::Transcribed { draft, transcription: transcription(rest) },
            "part" => {
                let (part, words) = rest.split_once(' ').unwrap_or_else(|| panic!("part and words in `{what}`"));
                let transcription = transcription(words);
                Event::PartTranscribed { turn: draft.turn, part: number(part), transcription }
            }
            "follows" => followed(self.followed, rest),
            "followed" => {
                let (round, words) = rest.split_once(' ').unwrap_or_else(|| panic!("round and words in `{what}`"));
                followed((draft.turn, number(round) as u32), words)
            }
            "means" => Event::Understood {
                draft,
                understanding: Understanding { intent: rest != "talk", acts: rest == "deed" },
            },
            "acted" => Event::Acted { draft },
            "says" => Event::ReplyText { draft, text: rest.to_owned() },
            "said" => Event::ReplyEnded { draft },
            "sounds" => {
                let (ms, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let text = if text.is_empty() { String::new() } else { format!(" {text}") };
                Event::ReplySound { draft, text, pcm: silence(number(ms) as u64) }
            }
            "fails" => Event::ReplyFailed { draft, apology: rest.to_owned() },
            "ready" => {
                let (clause, ms) = rest.split_once(' ').unwrap_or_else(|| panic!("clause and length in `{what}`"));
                Event::ClauseReady { draft, clause: number(clause), pcm: silence(number(ms) as u64) }
            }
            "unspeakable" => Event::ClauseFailed { draft, clause: number(rest) },
            "plays" => Event::ClauseStarted { draft, clause: number(rest) },
            "played" => Event::ClausePlayed { draft, clause: number(rest) },
            "stopped" => {
                let cut = rest.split_once(' ').map(|(c, ms)| (number(c), Duration::from_millis(number(ms) as u64)));
                Event::PlaybackStopped { draft, cut }
            }
            "wake" => Event::WakeWordScored { score: rest.parse().expect("a score") },
            "press" => Event::ButtonPressed,
            "release" => Event::ButtonReleased,
            "announce" => Event::Announce { notice: NoticeId(1), text: rest.to_owned() },
            "chime" => Event::AnnounceSound { notice: NoticeId(1), pcm: silence(number(rest) as u64) },
            "stop" => Event::StopRequested,
            "outbid" => Event::Outbid,
            "others" => {
                self.machine.contest(rest == "there");
                Event::Tick
            }
            "mode" => {
                let mode = WakeMode::ALL.into_iter().find(|mode| mode.name() == rest);
                Event::WakeModeChosen { mode: mode.unwrap_or_else(|| panic!("no wake mode in `{what}`")) }
            }
            "drafts" => {
                self.machine.allow_drafts(rest == "on");
                Event::Tick
            }
            _ => panic!("unknown event `{what}`"),
        }
    }

    /// The draft that a script calls `N`, which is the latest of turn N, or `N.R`.
    fn named(&self, id: &str) -> DraftId {
        let (turn, revision) = id.split_once('.').map_or((id, None), |(turn, revision)| (turn, Some(revision)));
        let turn = TurnId(turn.parse().expect("a turn's number"));
        let latest = self.drafts.get(&turn).copied().unwrap_or(DraftId { turn, revision: 1 });
        revision.map_or(latest, |revision| DraftId { turn, revision: revision.parse().expect("a draft's number") })
    }

    fn stretch(&mut self, at: u64, silence_ms: u64) -> SpeechStretch {
        let start = std::mem::replace(&mut self.stretch_from, at);
        SpeechStretch {
            start: sample(start),
            onset: sample(self.onset),
            speech_end: sample(at.saturating_sub(silence_ms)),
            fade: FADE,
            pcm: marked(start, at),
        }
    }
}

impl Default for Sim {
    fn default() -> Self {
        Sim::new()
    }
}

/// How every voice fades: so that Smart Turn makes the difference.
const FADE: Fade = Fade { last: 0.6, after: 0.04 };

fn sample(ms: u64) -> SampleIndex {
    SampleIndex(samples_in(Duration::from_millis(ms), LISTENING_RATE) as u64)
}

fn silence(ms: u64) -> Pcm {
    Pcm::new(vec![0.0; samples_in(Duration::from_millis(ms), LISTENING_RATE)], LISTENING_RATE)
}

/// Silence whose first and last samples say when they were taken, as [`taken_from`] reads it.
fn marked(from: u64, to: u64) -> Pcm {
    let mut samples = vec![0.0; samples_in(Duration::from_millis(to.saturating_sub(from)), LISTENING_RATE)];
    if let [first, .., last] = &mut samples[..] {
        (*first, *last) = ((from + 1) as f32, to as f32);
    }
    Pcm::new(samples, LISTENING_RATE)
}

/// The millisecond at which `sound` begins, if it holds any that the ear handed over.
#[must_use]
pub fn taken_from(sound: &Pcm) -> Option<u64> {
    let (place, mark) = sound.samples().iter().enumerate().find(|(_, sample)| **sample != 0.0)?;
    Some((*mark as u64 - 1).saturating_sub(place as u64 / 16))
}

fn transcription(words: &str) -> Transcription {
    match words {
        "nothing" => Transcription::Silence,
        "badly" => Transcription::NotUnderstood(Overheard::default()),
        "fails" => Transcription::Failed,
        words => match words.strip_prefix("badly ") {
            Some(guess) => Transcription::NotUnderstood(Overheard::new(guess.to_owned())),
            None => Transcription::Words(Overheard::new(words.to_owned())),
        },
    }
}

fn followed((turn, round): (TurnId, u32), words: &str) -> Event {
    let agreed = match words {
        "cannot" => None,
        "nothing" => Some(Overheard::default()),
        words => Some(Overheard::new(words.to_owned())),
    };
    Event::Followed { turn, round, agreed }
}

fn describe(effect: &Effect) -> String {
    match effect {
        Effect::ScoreTurn { draft, utterance } => format!("{draft} score {:?}", utterance.duration()),
        Effect::Decided { draft, ended_by, .. } => format!("{draft} decided by {}", ended_by.name()),
        Effect::Transcribe { draft, utterance } => format!("{draft} transcribe {:?}", utterance.duration()),
        Effect::TranscribePart { turn, part, utterance } => {
            format!("turn {turn} transcribe part {part} {:?}", utterance.duration())
        }
        Effect::Follow { turn, utterance, .. } => format!("turn {turn} follow {:?}", utterance.duration()),
        Effect::Hearing { turn, text } => format!("turn {turn} hearing `{text}`"),
        Effect::Respond { draft, request } => format!("{draft} respond to `{request}`"),
        Effect::Act { draft, .. } => format!("{draft} act"),
        Effect::Announced { notice, heard } => {
            format!("announced {} {}", notice.0, if *heard { "heard" } else { "unheard" })
        }
        Effect::Silenced => "silenced".to_owned(),
        Effect::Claim => "claim".to_owned(),
        Effect::Reopened { turn } => format!("turn {turn} reopened"),
        Effect::Synthesise { draft, clause, words } => format!("{draft} synthesise {clause} `{words}`"),
        Effect::Play { draft, clause, .. } => format!("{draft} play {clause}"),
        Effect::PausePlayback { draft } => format!("{draft} pause playback"),
        Effect::ResumePlayback { draft } => format!("{draft} resume playback"),
        Effect::StopPlayback { draft } => format!("{draft} stop playback"),
        Effect::Cancel { draft } => format!("{draft} cancel"),
        Effect::Ended { turn, heard, given_up } => {
            format!("turn {turn} ended{}, heard `{heard}`", if *given_up { ", given up" } else { "" })
        }
    }
}
