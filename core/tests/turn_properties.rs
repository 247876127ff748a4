//! What holds for the turn machine whatever happens, in whatever order, with whatever stale answer.

use std::collections::{BTreeMap, BTreeSet};

use pipit_core::turn::{Effect, Phase, TurnId};
use pipit_testkit::Sim;
use proptest::prelude::*;

/// One line of a script: how long after the one before, and what.
fn line() -> impl Strategy<Value = (u64, String)> {
    let turn = 1u64..5;
    let clause = 0usize..4;
    let of_turn = (turn, clause, 0u64..3000).prop_flat_map(|(turn, clause, ms)| {
        prop_oneof![
            Just(format!("@{turn} heard what time is it")),
            Just(format!("@{turn} heard nothing")),
            Just(format!("@{turn} hearing fails")),
            Just(format!("@{turn} says One sentence here. And another, ")),
            Just(format!("@{turn} said")),
            Just(format!("@{turn} fails Sorry about that.")),
            Just(format!("@{turn} ready {clause} {ms}")),
            Just(format!("@{turn} unspeakable {clause}")),
            Just(format!("@{turn} plays {clause}")),
            Just(format!("@{turn} played {clause}")),
            Just(format!("@{turn} stopped {clause} {ms}")),
        ]
    });
    let of_ear = prop_oneof![
        Just("speech".to_owned()),
        Just("pause".to_owned()),
        Just("continue".to_owned()),
        Just("discard".to_owned()),
        Just("score 0.9".to_owned()),
        Just("score 0.1".to_owned()),
        Just("score 0.9 of 1".to_owned()),
        Just("announce Your timer is done.".to_owned()),
        Just("stop".to_owned()),
    ];
    (0u64..2500, prop_oneof![of_ear, of_turn])
}

proptest! {
    #[test]
    fn every_turn_ends_once_and_the_machine_comes_to_rest(lines in prop::collection::vec(line(), 0..60)) {
        let mut at = 0;
        let script: String = lines.iter().map(|(gap, what)| { at += gap; format!("{at} {what}\n") }).collect();
        let mut sim = Sim::new();
        // `play` returns only once no deadline is left, which is to say: once the machine is idle.
        sim.play(&script);
        prop_assert_eq!(sim.phase(), Phase::Idle);

        let mut ended = BTreeSet::new();
        let mut asked: BTreeMap<TurnId, String> = BTreeMap::new();
        for effect in sim.effects() {
            let turn = turn_of(effect);
            prop_assert!(!ended.contains(&turn), "{effect:?} after the end of its turn in\n{script}");
            match effect {
                Effect::Synthesise { words, .. } => asked.entry(turn).or_default().push_str(words),
                Effect::Ended { heard, .. } => {
                    ended.insert(turn);
                    let spoken: String = asked.remove(&turn).unwrap_or_default();
                    let is_part = heard.split_whitespace().all(|word| spoken.contains(word));
                    prop_assert!(is_part, "`{heard}` was never spoken in\n{script}");
                }
                _ => {}
            }
        }
        let all: BTreeSet<_> = sim.effects().iter().map(turn_of).collect();
        prop_assert_eq!(all, ended);
    }

    #[test]
    fn nothing_is_played_while_somebody_has_the_floor(lines in prop::collection::vec(line(), 0..60)) {
        let mut sim = Sim::new();
        let mut at = 0;
        for (gap, what) in lines {
            at += gap;
            let before = sim.effects().len();
            sim.advance(&format!("{at} {what}"));
            let plays = sim.effects()[before..].iter().any(|effect| matches!(effect, Effect::Play { .. }));
            prop_assert!(!plays || !matches!(sim.phase(), Phase::Hearing | Phase::Weighing));
            prop_assert!(sim.phase() == Phase::Idle || sim.has_deadline());
        }
    }
}

fn turn_of(effect: &Effect) -> TurnId {
    match effect {
        Effect::ScoreTurn { draft, .. } => draft.turn,
        Effect::Decided { turn, .. }
        | Effect::Transcribe { turn, .. }
        | Effect::Respond { turn, .. }
        | Effect::Synthesise { turn, .. }
        | Effect::Play { turn, .. }
        | Effect::StopPlayback { turn }
        | Effect::Cancel { turn }
        | Effect::Ended { turn, .. } => *turn,
    }
}
