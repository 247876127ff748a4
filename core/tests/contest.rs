//! Several Pipits in a house that may have been called together, told as stories in virtual time from the view of one of them.

use expect_test::{Expect, expect};
use pipit_core::ear::WakePhrases;
use pipit_core::turn::{AttentionSettings, Phase, WakeMode};
use pipit_testkit::{Sim, check_attending};

fn mode(mode: WakeMode) -> AttentionSettings {
    let phrase = if mode == WakeMode::OpenWakeWord { "hey jarvis" } else { "hey pipit" };
    let phrases = WakePhrases::new([phrase]).expect("it has sounds enough");
    AttentionSettings { mode, phrases, ..AttentionSettings::default() }
}

#[track_caller]
fn check(wake: WakeMode, script: &str, expected: Expect) {
    check_attending(mode(wake), script, expected);
}

#[test]
fn where_others_may_have_been_called_nothing_is_done_until_that_is_settled() {
    let script = "
        0    others there
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard Hey Pipit, what time is it?
        1305 means deed
        1306 says Noon.
        1306 said
        1350 ready 0 400
        1600 acted
        2100 played 0
    ";
    check(
        WakeMode::Phrase,
        script,
        expect![[r#"
        1200   1.1 score 1.2s
        1200   1.1 transcribe 1.2s
        1300   1.1 respond to `what time is it?`
        1300   claim
        1306   1.1 synthesise 0 `Noon.`
        1600   1.1 decided by intent
        1600   1.1 act
        1600   1.1 play 0
        2100   turn 1 ended, heard `Noon.`
    "#]],
    );
    let outbid = script.replace("1600 acted", "1400 outbid");
    check(
        WakeMode::Phrase,
        &outbid,
        expect![[r#"
        1200   1.1 score 1.2s
        1200   1.1 transcribe 1.2s
        1300   1.1 respond to `what time is it?`
        1300   claim
        1306   1.1 synthesise 0 `Noon.`
        1400   1.1 cancel
        1400   turn 1 ended, heard ``
    "#]],
    );
    // Too late: it has begun, and nothing is different.
    let played = |script: &str| {
        let mut sim = Sim::attending(mode(WakeMode::Phrase));
        sim.play(script);
        sim.into_log()
    };
    assert_eq!(played(&script.replace("1600 acted", "1600 acted\n 1601 outbid")), played(script));
}

#[test]
fn a_wake_word_that_another_heard_better_is_forgotten_with_what_follows() {
    check(
        WakeMode::OpenWakeWord,
        "
        0    others there
        0    speech
        800  wake 0.9
        900  outbid
        1500 pause
        3000 speech
        4000 pause
        ",
        expect![[r#"
            800    claim
            900    turn 1 ended, heard ``
        "#]],
    );
    let mut sim = Sim::attending(mode(WakeMode::OpenWakeWord));
    sim.play("0 others there\n 0 speech\n 800 wake 0.9\n 900 outbid\n 2000 discard");
    assert_eq!(sim.phase(), Phase::Idle);
    assert_eq!(sim.wake_counters().false_accepts, 0);
}

#[test]
fn without_others_nothing_is_claimed() {
    check(
        WakeMode::Phrase,
        "0 others there\n 0 others gone\n 0 speech\n 1200 pause\n 1225 score 0.9\n 1300 heard Hey Pipit, what time is it?\n 1301 outbid\n 1310 fails Sorry.",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `what time is it?`
            1300   1.1 decided by smart_turn
            1310   1.1 synthesise 0 `Sorry.`
            31310  1.1 cancel
            31310  1.1 synthesise 1 `Sorry, that is taking too long.`
            31310  1.1 synthesise 2 `I have given up on it.`
            61310  1.1 cancel
            61310  turn 1 ended, given up, heard ``
        "#]],
    );
}
