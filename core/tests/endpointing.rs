//! When a turn counts as over, by the sound of its end, its words and its intent, told as stories in virtual time.

use expect_test::expect;
use pipit_testkit::check;

#[test]
fn a_whole_command_does_not_wait_though_the_voice_sounds_unfinished() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.02
        1300 heard turn the light off
        1301 means deed
        1302 acted
        1302 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `turn the light off`
            1301   1.1 decided by intent
            1301   1.1 act
            1302   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_text_that_plainly_goes_on_waits_though_smart_turn_is_sure() {
    check(
        "
        0    speech
        1200 pause
        1210 heard set a timer for
        1211 means talk
        1225 score 0.99
        2600 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1210   1.1 respond to `set a timer for`
            2500   1.1 decided by silence
            2600   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_decision_is_taken_back_when_the_words_turn_out_to_go_on() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.99
        1400 heard set a timer for
        1401 means talk
        1450 says For how long?
        1450 said
        1500 ready 0 700
        1900 speech
        2700 pause
        2725 score 0.99
        2900 heard set a timer for ten minutes
        2901 means deed
        2902 acted
        2902 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1400   turn 1 reopened
            1400   1.1 respond to `set a timer for`
            1450   1.1 synthesise 0 `For how long?`
            1900   1.1 cancel
            2700   1.2 score 2.7s
            2700   1.2 transcribe 2.7s
            2780   1.2 decided by smart_turn
            2900   1.2 respond to `set a timer for ten minutes`
            2901   1.2 act
            2902   turn 1 ended, heard ``
        "#]],
    );
    // Nobody goes on, so it is answered as it stands, from what was prepared in the meantime.
    check(
        "
        0    speech
        1200 pause
        1225 score 0.99
        1400 heard set a timer for
        1401 means talk
        1450 says For how long?
        1450 said
        1500 ready 0 700
        3300 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1400   turn 1 reopened
            1400   1.1 respond to `set a timer for`
            1450   1.1 synthesise 0 `For how long?`
            2500   1.1 decided by silence
            2500   1.1 play 0
            3300   turn 1 ended, heard `For how long?`
        "#]],
    );
}

#[test]
fn a_transcript_that_comes_after_the_longest_wait_takes_nothing_back() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.99
        2600 heard set a timer for
        2650 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            2600   1.1 respond to `set a timer for`
            2650   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_finished_text_shortens_the_wait_after_a_voice_that_sounds_unfinished() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.02
        1300 heard why is the sky blue
        1301 means talk
        2600 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `why is the sky blue`
            1900   1.1 decided by silence
            2600   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn without_a_transcript_the_sound_decides_alone() {
    check(
        "0 speech\n 1200 pause\n 1210 heard nothing\n 1225 score 0.99",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1280   turn 1 ended, heard ``
        "#]],
    );
    check(
        "0 speech\n 1200 pause\n 1210 heard nothing\n 1225 score 0.02",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            2500   1.1 decided by silence
            2500   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn without_any_evidence_the_longest_silence_decides() {
    check(
        "0 speech\n 1200 pause\n 3000 heard hello\n 3001 said",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            2500   1.1 decided by silence
            3000   1.1 respond to `hello`
            3001   turn 1 ended, heard ``
        "#]],
    );
    check(
        "0 speech\n 1200 pause\n 1225 score fails\n 3000 heard hello\n 3001 said",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            2500   1.1 decided by silence
            3000   1.1 respond to `hello`
            3001   turn 1 ended, heard ``
        "#]],
    );
}
