//! What the recogniser makes of an utterance while it goes on, told as stories in virtual time.

use expect_test::{Expect, expect};
use pipit_core::turn::{AttentionSettings, TurnSettings, WakeMode};
use pipit_testkit::{Sim, check, check_attending};

/// As the log has it, what was asked of the recogniser and told.
#[track_caller]
fn check_only(mut sim: Sim, script: &str, expected: Expect) {
    sim.play(script);
    let log = sim.into_log();
    let about = ["follow", "hearing", "transcribe"];
    let lines = log.lines().filter(|line| about.iter().any(|word| line.contains(word)));
    expected.assert_eq(&lines.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn who_goes_on_speaking_is_listened_to_and_the_words_are_told() {
    check(
        "
        0    speech
        1000 continue
        1200 follows I would
        1500 continue
        1800 continue
        1900 follows I would
        2500 continue
        2600 follows I would like to
        3000 pause
        3025 score 0.9
        3100 heard I would like to hear a story
        3200 means talk
        3300 said
        ",
        expect![[r#"
            1000   turn 1 follow 1s
            1200   turn 1 hearing `I would`
            1800   turn 1 follow 1.8s
            2500   turn 1 follow 2.5s
            2600   turn 1 hearing `I would like to`
            3000   1.1 score 3s
            3000   1.1 transcribe 3s
            3080   1.1 decided by smart_turn
            3100   1.1 respond to `I would like to hear a story`
            3300   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn it_rests_twice_as_long_as_it_has_worked() {
    check_only(
        Sim::new(),
        "
        0    speech
        900  continue
        1000 continue
        1400 continue
        2000 follows one
        3900 continue
        4000 continue
        4100 follows one two
        4500 continue
        4600 continue
        ",
        expect![[r#"
            1000   turn 1 follow 1s
            2000   turn 1 hearing `one`
            4000   turn 1 follow 4s
            4100   turn 1 hearing `one two`
            4600   turn 1 follow 4.6s
            30000  1.1 transcribe 4.6s
        "#]],
    );
}

#[test]
fn a_recogniser_that_cannot_is_asked_once_a_turn() {
    check_only(
        Sim::new(),
        "
        0     speech
        1000  continue
        1001  follows cannot
        3000  continue
        4000  pause
        4010  score 0.1
        4100  speech
        6000  continue
        7000  pause
        7010  score 0.9
        7020  heard nothing
        8000  speech
        10000 continue
        11000 discard
        ",
        expect![[r#"
            1000   turn 1 follow 1s
            4000   1.1 transcribe 4s
            7000   1.2 transcribe 7s
            10000  turn 2 follow 2.5s
        "#]],
    );
}

#[test]
fn where_drafts_are_off_nothing_is_listened_to_ahead() {
    check_only(
        Sim::new(),
        "
        0    drafts off
        0    speech
        2000 continue
        3000 pause
        3010 score 0.9
        3100 heard nothing
        ",
        expect![[r#"
            3080   1.1 transcribe 3s
        "#]],
    );
    let settings = TurnSettings { drafts: false, ..TurnSettings::default() };
    check_only(
        Sim::with(AttentionSettings::default(), settings),
        "0 speech\n 2000 continue\n 3000 discard",
        expect![[""]],
    );
}

#[test]
fn what_may_not_be_meant_for_pipit_is_not_listened_to_ahead() {
    for mode in [WakeMode::Phrase, WakeMode::OpenWakeWord, WakeMode::PushToTalk] {
        let attention = AttentionSettings { mode, ..AttentionSettings::default() };
        check_only(Sim::attending(attention), "0 speech\n 2000 continue\n 3000 discard", expect![[""]]);
    }
    // From when the button goes down it is, and only what was said since.
    check_attending(
        AttentionSettings { mode: WakeMode::PushToTalk, ..AttentionSettings::default() },
        "
        0    speech
        2000 continue
        3000 press
        4500 continue
        4600 follows lights
        5000 release
        5000 discard
        ",
        expect![[r#"
            4500   turn 1 follow 2s
            4600   turn 1 hearing `lights`
            5000   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn the_wake_phrase_is_cut_off_and_alone_it_is_nothing_to_tell() {
    check_only(
        Sim::new(),
        "
        0    speech
        1200 continue
        1300 follows nothing
        2000 continue
        2100 follows hey pipit what
        3000 continue
        3100 follows hey pipit what time is it
        4000 discard
        ",
        expect![[r#"
            1200   turn 1 follow 1.2s
            2000   turn 1 follow 2s
            2100   turn 1 hearing `what`
            3000   turn 1 follow 3s
            3100   turn 1 hearing `what time is it`
        "#]],
    );
    let attention = AttentionSettings { mode: WakeMode::Phrase, ..AttentionSettings::default() };
    check_only(
        Sim::attending(attention),
        "
        0    press
        0    speech
        1200 continue
        1300 follows hey pipit
        2000 continue
        2100 follows hey pipit lights
        4000 discard
        4000 release
        ",
        expect![[r#"
            1200   turn 1 follow 1.2s
            2000   turn 1 follow 2s
            2100   turn 1 hearing `lights`
        "#]],
    );
}

#[test]
fn what_comes_late_is_told_to_nobody() {
    // After the pause, after the person has gone on, and after the turn.
    check_only(
        Sim::new(),
        "
        0     speech
        1000  continue
        2000  pause
        2010  follows one
        2020  score 0.1
        2100  speech
        2110  followed 1 one
        4000  continue
        4010  followed 1 one
        4020  followed 1 cannot
        4100  follows one two
        6000  continue
        6500  discard
        6510  follows one two three
        ",
        expect![[r#"
            1000   turn 1 follow 1s
            2000   1.1 transcribe 2s
            4000   turn 1 follow 4s
            4100   turn 1 hearing `one two`
            6000   turn 1 follow 6s
        "#]],
    );
}

#[test]
fn what_is_said_between_two_lulls_goes_on_from_what_was_said_before() {
    check_only(
        Sim::new(),
        "
        0    speech
        1200 continue
        1300 follows tell me
        1500 lull
        1600 resume
        2500 continue
        2600 follows tell me a
        3000 discard
        ",
        expect![[r#"
            1200   turn 1 follow 1.2s
            1300   turn 1 hearing `tell me`
            1500   1.1 transcribe 1.5s
            2500   turn 1 follow 2.5s
            2600   turn 1 hearing `tell me a`
        "#]],
    );
}

#[test]
fn the_words_of_the_parts_stand_before_those_of_the_rest() {
    check_only(
        Sim::new(),
        "
        0     speech
        8000  continue
        8100  follows I would like
        10500 continue
        10600 followed 1 I would like to hear
        11000 @1 part 0 I would like to hear a story
        12000 follows about a
        13000 continue
        13100 follows about a king
        17000 continue
        17100 follows and his
        18000 @1 part 1 about a king
        20000 continue
        20100 follows nothing
        22000 continue
        22100 follows and his horse
        23000 discard
        ",
        expect![[r#"
            8000   turn 1 follow 8s
            8100   turn 1 hearing `I would like`
            10500  turn 1 transcribe part 0 6.05s
            10500  turn 1 follow 4.45s
            12000  turn 1 hearing `I would like to hear a story about a`
            17000  turn 1 transcribe part 1 6.05s
            17000  turn 1 follow 4.9s
            20000  turn 1 follow 7.9s
            20100  turn 1 hearing `I would like to hear a story about a king`
            22000  turn 1 follow 9.9s
            22100  turn 1 hearing `I would like to hear a story about a king and his horse`
        "#]],
    );
}

#[test]
fn after_a_part_that_is_not_known_nothing_is_told() {
    for lost in ["badly", "fails"] {
        check_only(
            Sim::new(),
            &format!("0 speech\n 10500 continue\n 10600 @1 part 0 {lost}\n 11000 follows about a king\n 12000 discard"),
            expect![[r#"
                10500  turn 1 transcribe part 0 6.05s
                10500  turn 1 follow 4.45s
            "#]],
        );
    }
}

#[test]
fn a_recording_waits_for_what_is_listened_to_and_for_nothing_that_was_dropped() {
    let mut sim = Sim::new();
    let mut waits = |line: &str| {
        sim.advance(line);
        sim.awaits_work()
    };
    assert!(!waits("0 speech"));
    assert!(waits("8000 continue"));
    assert!(!waits("8100 follows one"));
    assert!(waits("9000 continue"));
    // A part is cut off, for which what is listened to is dropped.
    assert!(waits("10500 continue"));
    assert!(!waits("10600 @1 part 0 one"));
    assert!(!waits("10700 follows one"));
    assert!(waits("14000 continue"));
    // So it is where the person falls silent, whether they go on or not.
    assert!(waits("14500 lull"));
    assert!(!waits("14600 resume"));
}
