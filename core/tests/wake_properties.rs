//! What holds in every mode in which Pipit sleeps, whatever is said, pressed and answered in whatever order: nothing comes
//! of what was said while it slept, unless it was called.
//!
//! The world keeps its own, simpler account of when Pipit may listen, and `Sim`'s sound says when it was taken, so
//! that it is seen what of it a recogniser gets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pipit_core::audio::Pcm;
use pipit_core::ear::WakePhrases;
use pipit_core::turn::{AttentionSettings, DraftId, Effect, Phase, TurnId, TurnSettings, WakeMode};
use pipit_testkit::{Sim, taken_from};
use proptest::prelude::*;
use proptest::test_runner::Config;

/// How long Pipit listens after a call, a tap and an answer, and a wake word's pause on top.
const LISTENS: u64 = 8_500;
const PHRASE: &str = "hey pipit";
const SAID: [&str; 9] = [
    "heard a secret",
    "heard hey pipit",
    "heard hey pipit lights on",
    "heard stop",
    "heard yeah",
    "heard a secret pipit",
    "heard nothing",
    "heard badly",
    "hearing fails",
];

#[derive(Clone, Debug)]
enum Step {
    /// Somebody begins to speak, or pauses.
    Speech,
    Line(&'static str),
    Answer(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let line = prop::sample::select(vec![
        "continue",
        "lull",
        "lull",
        "resume",
        "stir",
        "discard",
        "wake 0.9",
        "wake 0.3",
        "press",
        "release",
        "announce Your timer is done.",
        "stop",
        "outbid",
        "others there",
    ]);
    let step = prop_oneof![
        4 => Just(Step::Speech),
        3 => line.prop_map(Step::Line),
        8 => (0usize..8, 0usize..18).prop_map(|(which, how)| Step::Answer(which, how)),
    ];
    prop::collection::vec((prop_oneof![3 => 0u64..60, 3 => 0u64..900, 1 => 0u64..10_000], step), 0..60)
}

fn settings() -> impl Strategy<Value = (WakeMode, bool, u64)> {
    let modes = vec![WakeMode::Phrase, WakeMode::Phrase, WakeMode::OpenWakeWord, WakeMode::PushToTalk];
    (prop::sample::select(modes), any::<bool>(), prop::sample::select(vec![0, 8]))
}

/// A time in which speech that begins is meant for Pipit.
#[derive(Clone, Copy, Debug)]
struct Open {
    from: u64,
    until: u64,
    /// Speech that began before it is meant for Pipit from here on.
    reaches: bool,
}

#[derive(Clone, Copy, Debug)]
struct Speech {
    began: u64,
    /// Unless it goes on.
    ended: Option<u64>,
    /// Something that was said to Pipit was followed by it before it was over.
    continues: bool,
}

struct World {
    sim: Sim,
    mode: WakeMode,
    at: u64,
    script: String,
    seen: usize,
    owed: Vec<VecDeque<String>>,
    speeches: Vec<Speech>,
    held: bool,
    open: Vec<Open>,
    /// Drafts whose sound was meant for Pipit, and those that began with its name.
    meant: BTreeSet<DraftId>,
    transcribed: BTreeMap<DraftId, String>,
    /// Turns to which was listened ahead.
    followed: BTreeSet<TurnId>,
    /// Turns that nobody asked for, and those that were decided to be Pipit's: taken up again, they still are.
    known: BTreeSet<TurnId>,
}

impl World {
    fn new((mode, drafts, follow_up): (WakeMode, bool, u64)) -> World {
        let phrases = WakePhrases::new([PHRASE]).expect("it has sounds enough");
        let follow_up = std::time::Duration::from_secs(follow_up);
        let attention = AttentionSettings { mode, phrases, follow_up, ..AttentionSettings::default() };
        World {
            sim: Sim::with(attention, TurnSettings { drafts, ..TurnSettings::default() }),
            mode,
            at: 0,
            script: format!("{mode:?}, drafts {drafts}\n"),
            seen: 0,
            owed: Vec::new(),
            speeches: Vec::new(),
            held: false,
            open: Vec::new(),
            meant: BTreeSet::new(),
            transcribed: BTreeMap::new(),
            followed: BTreeSet::new(),
            known: BTreeSet::new(),
        }
    }

    fn take(&mut self, gap: u64, step: &Step) -> Result<(), TestCaseError> {
        self.at += gap;
        let speaks = self.speeches.last().is_some_and(|speech| speech.ended.is_none());
        match step {
            Step::Speech if speaks => self.play("pause"),
            Step::Speech => self.play("speech"),
            Step::Line("continue" | "lull" | "resume" | "discard") if !speaks => Ok(()),
            Step::Line(line) => self.play(line),
            Step::Answer(which, how) => self.answer(*which, *how),
        }
    }

    fn answer(&mut self, which: usize, how: usize) -> Result<(), TestCaseError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let which = which % self.owed.len();
        let line = self.owed[which].pop_front().expect("no chain is kept empty");
        if self.owed[which].is_empty() {
            self.owed.remove(which);
        }
        let choices: Vec<&str> = line.split('|').collect();
        self.play(choices[how % choices.len()])
    }

    fn play(&mut self, line: &str) -> Result<(), TestCaseError> {
        self.sim.wait_until(self.at);
        self.look()?;
        self.account_for(line);
        self.script.push_str(&format!("{} {line}\n", self.at));
        self.sim.advance(&format!("{} {line}", self.at));
        self.look()
    }

    fn account_for(&mut self, line: &str) {
        let now = self.at;
        match line {
            "speech" => {
                let continues = self.sim.phase() == Phase::Weighing;
                self.speeches.push(Speech { began: now, ended: None, continues });
            }
            "pause" | "discard" => {
                if let Some(speech) = self.speeches.last_mut() {
                    speech.ended = Some(now);
                }
            }
            "press" => {
                self.held = true;
                self.open.push(Open { from: now.saturating_sub(500), until: u64::MAX, reaches: true });
            }
            "release" if std::mem::take(&mut self.held) => {
                let pressed = self.open.iter_mut().filter(|open| open.until == u64::MAX);
                pressed.for_each(|open| open.until = now + LISTENS);
            }
            "wake 0.9" if self.mode == WakeMode::OpenWakeWord => {
                let from = now.saturating_sub(1_200);
                self.open.push(Open { from, until: now + LISTENS, reaches: true });
            }
            _ => {}
        }
        if let Some((id, said)) = line.strip_prefix('@').and_then(|line| line.split_once(" heard ")) {
            let (turn, revision) = id.split_once('.').expect("a draft");
            let number = |text: &str| text.parse::<u32>().expect("a number");
            let draft = DraftId { turn: TurnId(u64::from(number(turn))), revision: number(revision) };
            self.transcribed.entry(draft).or_insert_with(|| said.to_owned());
        }
    }

    fn look(&mut self) -> Result<(), TestCaseError> {
        while let Some(effect) = self.sim.effects().get(self.seen).cloned() {
            self.seen += 1;
            self.obey(effect)?;
        }
        if matches!(self.sim.phase(), Phase::Thinking | Phase::Speaking) {
            self.converse();
        }
        // A button may be held for as long as anybody likes.
        let waits = matches!(self.sim.phase(), Phase::Idle | Phase::Listening) || self.sim.has_deadline();
        prop_assert!(waits, "nothing would end this:\n{}", self.script);
        Ok(())
    }

    /// Pipit speaks or is about to.
    fn converse(&mut self) {
        if self.mode != WakeMode::PushToTalk {
            self.open.push(Open { from: self.now(), until: self.now() + LISTENS, reaches: false });
        }
    }

    /// Deadlines may have passed beyond the last line.
    fn now(&self) -> u64 {
        self.at
    }

    fn is_meant(&self, draft: DraftId) -> bool {
        let called = self.transcribed.get(&draft).is_some_and(|said| said.starts_with(PHRASE));
        self.meant.contains(&draft) || (self.mode == WakeMode::Phrase && called) || self.known.contains(&draft.turn)
    }

    fn obey(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        let script = self.script.clone();
        let id = |draft: &DraftId| format!("@{}.{}", draft.turn, draft.revision);
        let owe = |owed: &mut Vec<_>, lines: Vec<String>| owed.push(VecDeque::from(lines));
        match &effect {
            Effect::ScoreTurn { draft, .. } => {
                let id = id(draft);
                owe(&mut self.owed, vec![format!("{id} score 0.9|{id} score 0.1|{id} score fails")]);
            }
            Effect::Transcribe { draft, utterance } => {
                if self.is_legitimate(utterance) {
                    self.meant.insert(*draft);
                }
                let may = self.mode == WakeMode::Phrase || self.meant.contains(draft);
                prop_assert!(may, "{draft} is transcribed, which nobody meant for Pipit, in\n{script}");
                owe(&mut self.owed, vec![SAID.map(|said| format!("{} {said}", id(draft))).join("|")]);
            }
            Effect::Follow { turn, round, utterance } => {
                let may = self.is_legitimate(utterance) || self.known.contains(turn);
                prop_assert!(may, "what nobody meant for Pipit is followed in\n{script}");
                self.followed.insert(*turn);
                owe(
                    &mut self.owed,
                    vec![
                        ["a secret", PHRASE, "hey pipit lights"]
                            .map(|said| format!("@{turn} followed {round} {said}"))
                            .join("|"),
                    ],
                );
            }
            Effect::Hearing { turn, text } => {
                prop_assert!(self.followed.contains(turn), "`{text}` is told of nobody in\n{script}");
            }
            Effect::Respond { draft, request } => {
                prop_assert!(self.is_meant(*draft), "{draft} was not meant for Pipit: `{request}` in\n{script}");
                let id = id(draft);
                let means = format!("{id} means intent|{id} means deed|{id} means talk");
                let says = format!("{id} says One two three. Four five six.|{id} says Seven");
                owe(&mut self.owed, vec![means, says, format!("{id} said|{id} fails Sorry about that.")]);
            }
            Effect::Act { draft, .. } => {
                prop_assert!(self.is_meant(*draft), "{draft} acts for nobody in\n{script}");
                owe(&mut self.owed, vec![format!("{} acted", id(draft))]);
            }
            Effect::Synthesise { draft, clause, words } => {
                if words == "Your timer is done." {
                    self.known.insert(draft.turn);
                }
                prop_assert!(self.is_meant(*draft), "{draft} says `{words}` to nobody in\n{script}");
                owe(&mut self.owed, vec![format!("{0} ready {clause} 400|{0} unspeakable {clause}", id(draft))]);
            }
            Effect::Play { draft, clause, .. } => {
                prop_assert!(self.is_meant(*draft), "{draft} plays to nobody in\n{script}");
                owe(
                    &mut self.owed,
                    vec![format!("{} plays {clause}", id(draft)), format!("{} played {clause}", id(draft))],
                );
            }
            Effect::StopPlayback { draft } => owe(&mut self.owed, vec![format!("{} stopped", id(draft))]),
            Effect::Decided { draft, .. } => {
                let judged = self.transcribed.contains_key(draft);
                prop_assert!(!judged || self.is_meant(*draft), "{draft} is a turn of nobody's in\n{script}");
                if self.is_meant(*draft) {
                    self.known.insert(draft.turn);
                    // Whoever is still speaking when an utterance has become as long as it may goes on speaking to Pipit.
                    if let Some(speech) = self.speeches.last_mut().filter(|speech| speech.ended.is_none()) {
                        speech.continues = true;
                    }
                }
            }
            Effect::Ended { turn, .. } => self.end(*turn),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, turn: TurnId) {
        let last = self.transcribed.iter().rfind(|(draft, _)| draft.turn == turn);
        let addressed = last.is_some_and(|(draft, said)| said == PHRASE && self.is_meant(*draft));
        if addressed {
            self.open.push(Open { from: self.now(), until: self.now() + LISTENS, reaches: false });
        }
        if self.known.contains(&turn) || self.meant.iter().any(|draft| draft.turn == turn) || addressed {
            self.converse();
        }
    }

    /// Whether the first of what was said in this sound was meant for Pipit when it was said.
    fn is_legitimate(&self, sound: &Pcm) -> bool {
        let Some(from) = taken_from(sound) else { return true };
        let to = from + sound.duration().as_millis() as u64;
        let within = |speech: &&Speech| speech.began < to && speech.ended.is_none_or(|ended| from < ended);
        let Some(Speech { began, continues, .. }) = self.speeches.iter().find(within) else { return true };
        let first = from.max(*began);
        let meant = |open: &Open| {
            let begins_in_it = (open.from..=open.until).contains(began);
            begins_in_it || (open.reaches && *began < open.from && first >= open.from)
        };
        *continues || self.open.iter().any(meant)
    }
}

proptest! {
    #![proptest_config(Config { cases: 12_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_comes_of_what_was_said_to_others(settings in settings(), steps in steps()) {
        let mut world = World::new(settings);
        for (gap, step) in &steps {
            world.take(*gap, step)?;
        }
        world.sim.play(&format!("{} release", world.at));
        world.look()?;
        prop_assert_eq!(world.sim.phase(), Phase::Idle);
    }
}
