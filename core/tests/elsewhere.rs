//! Replies and announcements whose sound is made elsewhere, told as stories in virtual time.

use std::time::Duration;

use expect_test::expect;
use pipit_core::turn::Effect;
use pipit_testkit::{Sim, check};

#[test]
fn whoever_acts_is_given_all_that_was_said() {
    let mut sim = Sim::new();
    sim.play("0 speech\n 1200 pause\n 1225 score 0.1\n 1900 speech\n 2600 pause\n 2610 heard do it\n 2615 means deed");
    let given = sim.effects().iter().find_map(|effect| match effect {
        Effect::Act { utterance, .. } => Some(utterance.duration()),
        _ => None,
    });
    assert_eq!(given, Some(Duration::from_millis(2600)));
}

#[test]
fn a_reply_that_is_made_elsewhere_is_played_piece_by_piece_once_the_request_has_been_given_away() {
    check(
        "
        0    speech
        1200 pause
        1210 heard turn on the lamp
        1215 means deed
        1225 score 0.93
        1400 acted
        1400 sounds 900 Turned on
        1401 plays 0
        1450 sounds 600 the lamp.
        1460 said
        2300 played 0
        2900 played 1
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1210   1.1 respond to `turn on the lamp`
            1215   1.1 decided by intent
            1215   1.1 act
            1400   1.1 play 0
            1450   1.1 play 1
            2900   turn 1 ended, heard `Turned on the lamp.`
        "#]],
    );
}

#[test]
fn the_words_of_a_piece_that_is_cut_are_those_that_were_heard() {
    check(
        "
        0    speech
        1200 pause
        1210 heard tell me a story
        1215 means deed
        1225 score 0.93
        1400 acted
        1400 sounds 3000 Once upon a time there was a frog.
        1401 plays 0
        2000 stop
        2010 stopped 0 600
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1210   1.1 respond to `tell me a story`
            1215   1.1 decided by intent
            1215   1.1 act
            1400   1.1 play 0
            2000   silenced
            2000   1.1 stop playback
            2010   1.1 cancel
            2010   turn 1 ended, heard `Once`
        "#]],
    );
}

#[test]
fn what_fails_elsewhere_is_said_by_the_voice_here() {
    check(
        "
        0    speech
        1200 pause
        1210 heard turn on the lamp
        1215 means deed
        1225 score 0.93
        3000 fails Home Assistant did not answer.
        3050 ready 0 900
        3060 plays 0
        3960 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1210   1.1 respond to `turn on the lamp`
            1215   1.1 decided by intent
            1215   1.1 act
            3000   1.1 synthesise 0 `Home Assistant did not answer.`
            3050   1.1 play 0
            3960   turn 1 ended, heard `Home Assistant did not answer.`
        "#]],
    );
}

#[test]
fn a_sound_is_announced_once_nobody_speaks() {
    check(
        "
        0    speech
        100  chime 500
        1200 pause
        1225 score 0.9
        1300 heard nothing
        1310 @2 plays 0
        1810 @2 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1300   turn 1 ended, heard ``
            1300   2.1 play 0
            1810   turn 2 ended, heard ``
            1810   announced 1 heard
        "#]],
    );
}

#[test]
fn a_sound_that_could_not_be_played_was_not_heard() {
    check(
        "0 chime 500\n 10 @1 stopped",
        expect![[r#"
        0      1.1 play 0
        10     1.1 cancel
        10     turn 1 ended, heard ``
        10     announced 1 unheard
    "#]],
    );
}
