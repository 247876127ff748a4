//! A table: what is measured, and what Pipit makes of it.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::{Level, Load, LoadSettings, Reason, Work};
use crate::time::Moment;

/// Plays a script, a line each: the second, then `heard WAITED`, `spoke VOICE WAITED WORKED SPEECH` (milliseconds) or
/// `chosen LIGHTER` or `heat CELSIUS`, or nothing, up to `N times`, a second apart. Deadlines fire by themselves. The log has a line for each change.
#[track_caller]
fn check(lighter_voices: usize, script: &str, expected: Expect) {
    let mut load = Load::new(LoadSettings::default(), lighter_voices);
    let mut log = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, times) = line.split_once(" x").unwrap_or((line, "1"));
        let mut words = line.split_whitespace();
        let second: u64 = words.next().and_then(|word| word.parse().ok()).expect("a second");
        let words: Vec<_> = words.collect();
        for nth in 0..times.parse().expect("a number") {
            let now = second + nth;
            while let Some(deadline) = load.next_deadline().filter(|deadline| *deadline <= at(now)) {
                let reason = load.tick(deadline);
                note(&mut log, deadline, load.level(), reason);
            }
            let ms = |nth: usize| Duration::from_millis(words[nth].parse().expect("milliseconds"));
            let work = match words.first() {
                Some(&"heard") => Work::Heard { waited: ms(1) },
                Some(&"spoke") => {
                    let voice = words[1].parse().expect("a voice");
                    Work::Spoke { voice, waited: ms(2), worked: ms(3), speech: ms(4) }
                }
                Some(&"chosen") => {
                    let reason = load.voice_chosen(at(now), words[1].parse().expect("a number"));
                    note(&mut log, at(now), load.level(), reason);
                    continue;
                }
                Some(&"heat") => {
                    let reason = load.heat(at(now), words[1].parse().expect("degrees"));
                    note(&mut log, at(now), load.level(), reason);
                    continue;
                }
                _ => continue,
            };
            let reason = load.take(at(now), work);
            note(&mut log, at(now), load.level(), reason);
        }
    }
    expected.assert_eq(&log);
}

fn at(second: u64) -> Moment {
    Moment::after_start(Duration::from_secs(second))
}

fn note(log: &mut String, at: Moment, level: Level, reason: Option<Reason>) {
    let Some(reason) = reason else { return };
    writeln!(log, "{:<5} {level:?}: {reason:.2?}", at.since_start().as_secs()).expect("a string takes everything");
}

#[test]
fn a_board_that_keeps_up_gives_up_nothing() {
    check(2, "0 spoke 0 0 900 1000 x100\n200 heard 450 x50\n300 spoke 0 500 400 1000 x50", expect![[""]]);
}

#[test]
fn one_late_clause_or_utterance_is_no_overload() {
    check(2, "0 spoke 0 0 900 1000 x10\n10 spoke 0 0 1200 1000\n11 spoke 0 0 800 1000 x5\n20 heard 900", expect![[""]]);
    // Nor is a voice judged by a word or two.
    check(2, "0 spoke 0 0 4000 1400 x2", expect![[""]]);
}

#[test]
fn drafts_are_given_up_where_people_wait_for_the_recogniser_and_the_voice_is_left_alone() {
    check(
        2,
        "0 heard 800 x30",
        expect![[r#"
            1     NoDrafts: Wait(600.00ms)
        "#]],
    );
}

#[test]
fn a_voice_that_is_too_slow_costs_the_drafts_first_and_then_step_by_step_its_beauty() {
    check(
        2,
        "
        0  spoke 0 0 1300 1000 x10
        20 spoke 1 0 1100 1000 x10
        40 spoke 2 0 1500 1000 x10
        ",
        expect![[r#"
            2     NoDrafts: Voice(1.30)
            5     LighterVoice(1): Voice(1.30)
            22    LighterVoice(2): Voice(1.10)
        "#]],
    );
    // Where no lighter voice is installed there is nothing more to give up.
    check(
        0,
        "0 spoke 0 0 3000 1000 x30",
        expect![[r#"
            2     NoDrafts: Voice(3.00)
        "#]],
    );
}

#[test]
fn whoever_has_to_wait_while_the_voice_speaks_for_others_hears_the_same_gaps() {
    check(
        1,
        "0 spoke 0 900 300 1000 x10",
        expect![[r#"
            2     NoDrafts: Voice(1.20)
            5     LighterVoice(1): Voice(1.20)
        "#]],
    );
}

#[test]
fn what_was_given_up_is_tried_again_after_a_while_of_quiet_and_later_each_time_it_was_too_early() {
    check(
        1,
        "
        0    spoke 0 0 1300 1000 x6
        6    spoke 1 0 100 1000 x10
        130  spoke 0 0 1300 1000 x3
        300
        380  spoke 0 0 1300 1000 x3
        2000
        ",
        expect![[r#"
            2     NoDrafts: Voice(1.30)
            5     LighterVoice(1): Voice(1.30)
            125   NoDrafts: Calm(120.00s)
            132   LighterVoice(1): Voice(1.30)
            372   NoDrafts: Calm(240.00s)
            382   LighterVoice(1): Voice(1.30)
            862   NoDrafts: Calm(480.00s)
            1342  Full: Calm(480.00s)
        "#]],
    );
}

#[test]
fn between_quick_and_slow_nothing_changes() {
    check(
        1,
        "
        0    spoke 0 0 1300 1000 x3
        3    spoke 0 0 850 1000 x1000
        1003 spoke 0 0 500 1000 x300
        ",
        expect![[r#"
            2     NoDrafts: Voice(1.30)
            1123  Full: Calm(120.00s)
        "#]],
    );
}

#[test]
fn a_new_trouble_is_waited_out_no_longer_than_the_first() {
    check(
        0,
        "0 heard 800 x2\n122 heard 800 x2\n1000 heard 800 x2\n3000",
        expect![[r#"
            1     NoDrafts: Wait(600.00ms)
            121   Full: Calm(120.00s)
            123   NoDrafts: Wait(600.00ms)
            363   Full: Calm(240.00s)
            1001  NoDrafts: Wait(600.00ms)
            1121  Full: Calm(120.00s)
        "#]],
    );
}

#[test]
fn a_voice_that_somebody_chose_is_judged_by_itself_and_so_are_those_that_are_lighter() {
    check(
        1,
        "1 spoke 0 0 1500 1000 x12
         20 chosen 0
         21 spoke 0 0 1500 1000 x12
         40 chosen 2
         41 spoke 0 0 1500 1000 x12",
        expect![[r#"
            3     NoDrafts: Voice(1.50)
            6     LighterVoice(1): Voice(1.50)
            20    NoDrafts: Chosen
            43    LighterVoice(1): Voice(1.50)
        "#]],
    );
}

#[test]
fn a_hot_board_prepares_nothing_in_advance_until_it_is_cool_and_its_voice_stays() {
    check(
        2,
        "0 heat 77.9 x10\n20 heat 81.5 x100\n120 heat 73 x100\n220 heat 71 x400",
        expect![[r#"
            20    NoDrafts: Heat(81.50)
            339   Full: Calm(120.00s)
        "#]],
    );
}
