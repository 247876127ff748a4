//! What holds for the turn machine whatever happens, in whatever order, with whatever stale answer.
//!
//! A script is random, but most of its lines answer something that the machine has asked for, so that it leads somewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pipit_core::turn::{DraftId, Effect, Phase, TurnId};
use pipit_testkit::Sim;
use proptest::prelude::*;
use proptest::test_runner::Config;

const REPLIES: [&str; 3] =
    ["One two three. Four five six. Seven eight nine.", "Ten eleven twelve.", "Thirteen, fourteen"];

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// The ear or somebody else has something to say.
    Line(&'static str),
    /// Something that was asked for is answered: which, and how.
    Answer(usize, usize),
    /// Some draft's answer comes, wanted or not.
    Stray(u64, u32, &'static str),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let line = prop::sample::select(vec![
        "speech",
        "speech",
        "pause",
        "pause",
        "continue",
        "lull",
        "lull",
        "resume",
        "stir",
        "discard",
        "announce Your timer is done.",
        "chime 300",
        "stop",
        "outbid",
        "others there",
    ]);
    let stray = prop::sample::select(vec![
        "score 0.9",
        "heard nothing",
        "heard what time is it",
        "hearing fails",
        "followed 1 seven",
        "followed 2 cannot",
        "means deed",
        "acted",
        "sounds 300",
        "fails Sorry about that.",
        "ready 1 300",
        "unspeakable 0",
        "played 7",
    ]);
    let step = prop_oneof![
        4 => line.prop_map(Step::Line),
        7 => (0usize..8, 0usize..12).prop_map(|(which, how)| Step::Answer(which, how)),
        1 => (1u64..5, 1u32..4, stray).prop_map(|(turn, revision, line)| Step::Stray(turn, revision, line)),
    ];
    prop::collection::vec((prop_oneof![8 => 0u64..60, 8 => 0u64..900, 1 => 0u64..9_000], step), 0..60)
}

/// The machine, what it waits for, and what the person hears.
#[derive(Default)]
struct World {
    sim: Sim,
    at: u64,
    script: String,
    seen: usize,
    /// Answers that are to come, each a chain of lines in their order.
    owed: Vec<VecDeque<String>>,
    /// What the voice was asked for.
    words: BTreeMap<(DraftId, usize), String>,
    /// What is at the speaker: the first plays, once it has begun.
    speaker: VecDeque<(DraftId, usize)>,
    begun: bool,
    paused: bool,
    stop_asked: bool,
    /// What each draft's reply came to in the room.
    heard: BTreeMap<DraftId, String>,
    speaking: bool,
    acted: BTreeSet<DraftId>,
    cancelled: BTreeSet<DraftId>,
    decided: BTreeSet<DraftId>,
    ended: BTreeSet<TurnId>,
}

impl World {
    fn take(&mut self, gap: u64, step: &Step) -> Result<(), TestCaseError> {
        self.at += gap;
        match step {
            Step::Line(line) => self.play(line),
            Step::Stray(turn, revision, line) => self.play(&format!("@{turn}.{revision} {line}")),
            Step::Answer(which, how) => self.answer(*which, *how),
        }
    }

    fn answer(&mut self, which: usize, how: usize) -> Result<(), TestCaseError> {
        let at_speaker = usize::from(!self.speaker.is_empty() && (!self.paused || self.stop_asked));
        if self.owed.len() + at_speaker == 0 {
            return Ok(());
        }
        let which = which % (self.owed.len() + at_speaker);
        if which == self.owed.len() {
            return self.speak(how);
        }
        let line = self.owed[which].pop_front().expect("no chain is kept empty");
        if self.owed[which].is_empty() {
            self.owed.remove(which);
        }
        // A choice of answers is written with bars.
        let choices: Vec<&str> = line.split('|').collect();
        self.play(choices[how % choices.len()])
    }

    /// The speaker goes on: it begins with a clause, ends it, or does as it is told and stops.
    fn speak(&mut self, how: usize) -> Result<(), TestCaseError> {
        let (draft, clause) = self.speaker[0];
        let id = format!("@{}.{}", draft.turn, draft.revision);
        if self.stop_asked {
            self.stop_asked = false;
            self.paused = false;
            let line = if std::mem::take(&mut self.begun) {
                format!("{id} stopped {clause} {}", how * 40)
            } else {
                format!("{id} stopped")
            };
            // Another draft of the turn may wait behind the one that was told to stop.
            self.speaker.retain(|(playing, _)| *playing != draft);
            return self.play(&line);
        }
        if !std::mem::replace(&mut self.begun, true) {
            return self.play(&format!("{id} plays {clause}"));
        }
        self.begun = false;
        self.speaker.pop_front();
        let words = self.words[&(draft, clause)].clone();
        self.heard.entry(draft).or_default().push_str(&words);
        self.play(&format!("{id} played {clause}"))
    }

    fn play(&mut self, line: &str) -> Result<(), TestCaseError> {
        // Deadlines come first, and what they bring is looked at before anything else happens.
        self.sim.wait_until(self.at);
        self.look()?;
        match line {
            "speech" => self.speaking = true,
            "pause" | "discard" => self.speaking = false,
            _ => {}
        }
        self.script.push_str(&format!("{} {line}\n", self.at));
        self.sim.advance(&format!("{} {line}", self.at));
        self.look()
    }

    /// Takes in what the machine wants, and holds it to its promises.
    fn look(&mut self) -> Result<(), TestCaseError> {
        while let Some(effect) = self.sim.effects().get(self.seen).cloned() {
            self.seen += 1;
            let ended = turn_of(&effect).is_some_and(|turn| self.ended.contains(&turn));
            prop_assert!(!ended, "{effect:?} after the end in\n{}", self.script);
            self.obey(effect)?;
        }
        let waits = self.sim.phase() == Phase::Idle || self.sim.has_deadline();
        prop_assert!(waits, "nothing would end this:\n{}", self.script);
        Ok(())
    }

    fn obey(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        let script = self.script.clone();
        let id = draft_of(&effect).map(|draft| format!("@{}.{}", draft.turn, draft.revision)).unwrap_or_default();
        let mut owe = |lines: &[String]| self.owed.push(lines.iter().cloned().collect());
        match effect {
            Effect::ScoreTurn { .. } => owe(&[format!("{id} score 0.9|{id} score 0.1|{id} score fails")]),
            Effect::Transcribe { .. } => owe(&[format!(
                "{id} heard one|{id} heard stop|{id} heard yeah|{id} heard two|{id} heard three|{id} heard nothing|{id} heard badly|{id} heard badly stop|{id} hearing fails"
            )]),
            Effect::Respond { .. } => owe(&[
                format!("{id} means intent|{id} means deed|{id} means deed|{id} means talk"),
                format!("{}|{id} sounds 400", REPLIES.map(|reply| format!("{id} says {reply}")).join("|")),
                format!("{id} said|{id} said|{id} fails Sorry about that."),
            ]),
            Effect::Act { draft, .. } => {
                prop_assert!(self.decided.contains(&draft), "{draft} acts undecided in\n{script}");
                prop_assert!(!self.cancelled.contains(&draft), "{draft} acts though cancelled in\n{script}");
                prop_assert!(self.acted.insert(draft), "{draft} acts twice in\n{script}");
                owe(&[format!("{id} acted|{id} acted|{id} fails Sorry, the disk is full.")]);
            }
            Effect::Synthesise { draft, clause, words } => {
                let revised =
                    self.acted.iter().any(|acted| acted.turn == draft.turn && acted.revision < draft.revision);
                prop_assert!(!revised, "a turn was taken up again after its deed in\n{script}");
                self.words.insert((draft, clause), format!("{words} "));
                owe(&[format!("{id} ready {clause} 400|{id} ready {clause} 400|{id} unspeakable {clause}")]);
            }
            Effect::Play { draft, clause, .. } => {
                let floor = matches!(self.sim.phase(), Phase::Hearing | Phase::Weighing);
                let sounds = self.speaker.iter().any(|(playing, _)| *playing == draft);
                prop_assert!(!floor, "{draft} plays while somebody has the floor in\n{script}");
                prop_assert!(!self.speaking || sounds, "{draft} begins to play over somebody in\n{script}");
                prop_assert!(!self.paused, "{draft} plays though it is interrupted in\n{script}");
                // What is made elsewhere comes without words here.
                self.words.entry((draft, clause)).or_default();
                self.speaker.push_back((draft, clause));
            }
            Effect::PausePlayback { .. } => self.paused = true,
            Effect::ResumePlayback { .. } => self.paused = false,
            Effect::StopPlayback { .. } => self.stop_asked = !self.speaker.is_empty(),
            Effect::Decided { draft, .. } => {
                self.decided.insert(draft);
            }
            Effect::Cancel { draft } => {
                self.cancelled.insert(draft);
            }
            Effect::TranscribePart { turn, part, .. } => {
                let id = format!("@{turn}.1 part {part}");
                owe(&[format!("{id} five|{id} six|{id} nothing|{id} badly|{id} fails")]);
            }
            Effect::Follow { turn, round, .. } => {
                prop_assert!(self.sim.awaits_work(), "nobody waits for what is followed in\n{script}");
                let id = format!("@{turn} followed {round}");
                owe(&[format!("{id} eight|{id} eight nine|{id} nothing|{id} cannot")]);
            }
            Effect::Hearing { .. } => {
                prop_assert!(self.sim.phase() == Phase::Hearing, "words are told of nobody in\n{script}");
            }
            Effect::Reopened { .. } | Effect::Announced { .. } | Effect::Silenced | Effect::Claim => {}
            Effect::Ended { turn, heard, .. } => {
                prop_assert!(self.ended.insert(turn), "turn {turn} ended twice in\n{script}");
                self.compare(turn, &heard)?;
                // A speaker that has been told to stop and never says that it has is waited for until its turn is given up.
                if self.stop_asked && self.speaker.iter().all(|(draft, _)| draft.turn == turn) {
                    self.speaker.clear();
                    (self.stop_asked, self.paused, self.begun) = (false, false, false);
                }
            }
        }
        Ok(())
    }

    /// What the machine says was heard is what the speaker played, with a part of the clause in which it stopped.
    fn compare(&self, turn: TurnId, heard: &str) -> Result<(), TestCaseError> {
        let of_turn = |draft: &&DraftId| draft.turn == turn;
        let last = self.words.keys().map(|(draft, _)| draft).filter(of_turn).max_by_key(|draft| draft.revision);
        let played = last.and_then(|draft| self.heard.get(draft)).cloned().unwrap_or_default();
        let (heard, played) = (letters(heard), letters(&played));
        let whole: String =
            self.words.iter().filter(|((draft, _), _)| Some(draft) == last).map(|(_, w)| letters(w)).collect();
        let is_it = heard.starts_with(&played) && (heard == played || whole.contains(&heard[played.len()..]));
        prop_assert!(is_it, "heard `{heard}`, played `{played}` of `{whole}` in\n{}", self.script);
        Ok(())
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

proptest! {
    #![proptest_config(Config { cases: 12_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_script_makes_the_machine_break_its_promises(steps in steps()) {
        let mut world = World::default();
        for (gap, step) in &steps {
            world.take(*gap, step)?;
        }
        // `play` returns only once no deadline is left, which is to say: once the machine is idle.
        world.sim.play("");
        world.look()?;
        prop_assert_eq!(world.sim.phase(), Phase::Idle);
        let all: BTreeSet<TurnId> = world.sim.effects().iter().filter_map(turn_of).collect();
        prop_assert_eq!(all, world.ended, "a turn did not end in\n{}", world.script);
    }
}

fn turn_of(effect: &Effect) -> Option<TurnId> {
    match effect {
        Effect::Reopened { turn }
        | Effect::TranscribePart { turn, .. }
        | Effect::Follow { turn, .. }
        | Effect::Hearing { turn, .. }
        | Effect::Ended { turn, .. } => Some(*turn),
        effect => draft_of(effect).map(|draft| draft.turn),
    }
}

fn draft_of(effect: &Effect) -> Option<DraftId> {
    match effect {
        Effect::ScoreTurn { draft, .. }
        | Effect::Decided { draft, .. }
        | Effect::Transcribe { draft, .. }
        | Effect::Respond { draft, .. }
        | Effect::Act { draft, .. }
        | Effect::Synthesise { draft, .. }
        | Effect::Play { draft, .. }
        | Effect::PausePlayback { draft }
        | Effect::ResumePlayback { draft }
        | Effect::StopPlayback { draft }
        | Effect::Cancel { draft } => Some(*draft),
        Effect::Reopened { .. }
        | Effect::TranscribePart { .. }
        | Effect::Follow { .. }
        | Effect::Hearing { .. }
        | Effect::Ended { .. }
        | Effect::Announced { .. }
        | Effect::Silenced
        | Effect::Claim => None,
    }
}
