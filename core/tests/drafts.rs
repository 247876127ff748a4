//! Answers that are prepared before it is certain that the person has finished, told as stories in virtual time.

use expect_test::expect;
use pipit_testkit::check;

#[test]
fn an_answer_is_prepared_at_the_pause_and_heard_once_the_turn_is_decided() {
    check(
        "
        0    speech
        1200 pause
        1300 heard why is the sky blue
        1301 means talk
        1600 says Because air scatters blue light. It
        1700 ready 0 1500
        1800 says  does so more than red.
        1800 said
        2600 ready 1 900
        2610 plays 0
        4110 played 0
        5010 played 1
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `why is the sky blue`
            1600   1.1 synthesise 0 `Because air scatters blue light.`
            2500   1.1 decided by silence
            2500   1.1 play 0
            2500   1.1 synthesise 1 `It does so more than red.`
            2600   1.1 play 1
            5010   turn 1 ended, heard `Because air scatters blue light. It does so more than red.`
        "#]],
    );
}

#[test]
fn a_whole_command_needs_no_silence() {
    check(
        "
        0    speech
        1200 pause
        1300 heard what time is it
        1301 means intent
        1302 says It's noon.
        1302 said
        1350 ready 0 800
        1360 plays 0
        2160 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `what time is it`
            1301   1.1 decided by intent
            1302   1.1 synthesise 0 `It's noon.`
            1350   1.1 play 0
            2160   turn 1 ended, heard `It's noon.`
        "#]],
    );
}

#[test]
fn what_a_command_asks_for_is_done_once_it_is_decided_and_said_once_it_is_done() {
    check(
        "
        0    speech
        1200 pause
        1300 heard set a timer
        1302 means deed
        1303 says Timer set.
        1303 said
        1310 acted
        1350 ready 0 800
        2160 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `set a timer`
            1302   1.1 decided by intent
            1302   1.1 act
            1303   1.1 synthesise 0 `Timer set.`
            1350   1.1 play 0
            2160   turn 1 ended, heard `Timer set.`
        "#]],
    );
    // The voice is quicker than the disk.
    check(
        "
        0    speech
        1200 pause
        1300 heard set a timer
        1302 means deed
        1303 says Timer set.
        1303 said
        1310 ready 0 800
        1320 fails Sorry, the disk is full.
        1350 ready 1 800
        2160 played 1
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `set a timer`
            1302   1.1 decided by intent
            1302   1.1 act
            1303   1.1 synthesise 0 `Timer set.`
            1320   1.1 synthesise 1 `Sorry, the disk is full.`
            1350   1.1 play 1
            2160   turn 1 ended, heard `Sorry, the disk is full.`
        "#]],
    );
}

#[test]
fn what_was_prepared_is_thrown_away_when_the_person_goes_on() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.1
        1300 heard set a timer for
        1301 means talk
        1350 says For how long?
        1350 said
        1400 ready 0 700
        1500 speech
        1510 @1.1 ready 0 700
        2100 pause
        2200 heard set a timer for ten minutes
        2202 means deed
        2203 said
        2204 acted
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `set a timer for`
            1350   1.1 synthesise 0 `For how long?`
            1500   1.1 cancel
            2100   1.2 score 2.1s
            2100   1.2 transcribe 2.1s
            2200   1.2 respond to `set a timer for ten minutes`
            2202   1.2 decided by intent
            2202   1.2 act
            2204   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_turn_that_was_decided_too_early_is_taken_up_again_before_its_answer_is_heard() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard hello
        1301 means talk
        1350 says What about?
        1350 said
        1400 ready 0 700
        1410 speech
        1415 @1.1 stopped
        2100 pause
        2125 score 0.9
        2200 heard tell me a joke
        2200 means talk
        2201 says No.
        2201 said
        2250 ready 0 400
        2251 plays 0
        2651 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1300   1.1 respond to `hello`
            1350   1.1 synthesise 0 `What about?`
            1400   1.1 play 0
            1410   1.1 stop playback
            1410   turn 1 reopened
            1410   1.1 cancel
            2100   1.2 score 2.1s
            2100   1.2 transcribe 2.1s
            2180   1.2 decided by smart_turn
            2200   1.2 respond to `tell me a joke`
            2201   1.2 synthesise 0 `No.`
            2250   1.2 play 0
            2651   turn 1 ended, heard `No.`
        "#]],
    );
}

#[test]
fn after_the_first_word_or_the_deed_it_is_too_late_to_take_up_the_turn_again() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard hello
        1300 says What about?
        1300 said
        1400 ready 0 700
        1401 plays 0
        1410 speech
        1900 pause
        2000 heard nothing
        2800 @1 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1300   1.1 respond to `hello`
            1300   1.1 synthesise 0 `What about?`
            1400   1.1 play 0
            1410   1.1 pause playback
            1900   2.1 score 700ms
            1900   2.1 transcribe 700ms
            2000   2.1 cancel
            2000   turn 2 ended, heard ``
            2000   1.1 resume playback
            2800   turn 1 ended, heard `What about?`
        "#]],
    );
    check(
        "
        0    speech
        1200 pause
        1300 heard volume up
        1301 means deed
        1302 speech
        1303 acted
        1303 said
        1800 pause
        1900 heard nothing
        1925 score 0.9
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `volume up`
            1301   1.1 decided by intent
            1301   1.1 act
            1303   turn 1 ended, heard ``
            1800   2.1 score 600ms
            1800   2.1 transcribe 600ms
            1925   2.1 decided by smart_turn
            1925   turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn an_answer_does_not_begin_while_somebody_speaks() {
    check(
        "
        0    speech
        1200 pause
        1300 heard volume up
        1301 means deed
        1302 speech
        1303 says Volume at 60 percent.
        1303 said
        1304 acted
        1400 ready 0 900
        2500 pause
        3400 @1 played 0
        3500 heard nothing
        3525 score 0.9
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `volume up`
            1301   1.1 decided by intent
            1301   1.1 act
            1303   1.1 synthesise 0 `Volume at sixty percent.`
            2500   2.1 score 1.3s
            2500   2.1 transcribe 1.3s
            2500   1.1 play 0
            3400   turn 1 ended, heard `Volume at 60 percent.`
            3525   2.1 decided by smart_turn
            3525   turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn a_turn_that_was_taken_up_again_is_answered_though_the_rest_was_not_heard() {
    // The speaker has just begun, and a microphone without echo cancellation goes deaf.
    check(
        "
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard hello
        1300 says What about?
        1300 said
        1400 ready 0 700
        1401 speech
        1402 discard
        1410 @1.1 stopped 0 10
        1425 score 0.9
        1500 heard hello
        1500 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1300   1.1 respond to `hello`
            1300   1.1 synthesise 0 `What about?`
            1400   1.1 play 0
            1401   1.1 stop playback
            1401   turn 1 reopened
            1401   1.1 cancel
            1402   1.2 score 1.2s
            1402   1.2 transcribe 1.2s
            1482   1.2 decided by smart_turn
            1500   1.2 respond to `hello`
            1500   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_stop_at_a_pause_throws_the_draft_away_and_announcements_wait_for_whoever_still_speaks() {
    check(
        "0 speech\n 700 pause\n 800 heard hello\n 900 stop",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            800    1.1 respond to `hello`
            900    silenced
            900    1.1 cancel
            900    turn 1 ended, heard ``
        "#]],
    );
    check(
        "
        0    speech
        500  stop
        600  announce Your timer is done.
        1500 pause
        1600 ready 0 700
        2300 played 0
        ",
        expect![[r#"
            500    silenced
            500    turn 1 ended, heard ``
            1500   2.1 synthesise 0 `Your timer is done.`
            1600   2.1 play 0
            2300   turn 2 ended, heard `Your timer is done.`
            2300   announced 1 heard
        "#]],
    );
}

#[test]
fn the_words_are_found_out_and_the_answer_is_begun_before_the_pause_is_certain() {
    check(
        "
        0    speech
        1000 lull
        1040 heard why is the sky blue
        1041 means talk
        1200 pause
        1225 score 0.9
        1400 says Because air scatters blue light.
        1400 said
        1420 ready 0 1500
        1430 plays 0
        2930 played 0
        ",
        expect![[r#"
            1000   1.1 transcribe 1s
            1040   1.1 respond to `why is the sky blue`
            1200   1.1 score 1.2s
            1280   1.1 decided by smart_turn
            1400   1.1 synthesise 0 `Because air scatters blue light.`
            1420   1.1 play 0
            2930   turn 1 ended, heard `Because air scatters blue light.`
        "#]],
    );
}

#[test]
fn a_lull_inside_of_a_sentence_costs_nothing_but_work() {
    check(
        "
        0    speech
        1000 lull
        1040 heard turn
        1060 resume
        1500 lull
        1532 lull
        1570 heard turn the light on
        1571 means deed
        1572 says Done.
        1572 said
        1580 ready 0 400
        1700 pause
        1701 acted
        1702 plays 0
        2102 played 0
        ",
        expect![[r#"
            1000   1.1 transcribe 1s
            1040   1.1 respond to `turn`
            1060   1.1 cancel
            1500   1.2 transcribe 1.5s
            1532   1.2 cancel
            1532   1.3 transcribe 1.532s
            1570   1.3 respond to `turn the light on`
            1572   1.3 synthesise 0 `Done.`
            1700   1.3 decided by intent
            1700   1.3 act
            1701   1.3 play 0
            2102   turn 1 ended, heard `Done.`
        "#]],
    );
}

#[test]
fn a_microphone_that_fails_in_a_lull_leaves_nothing_behind() {
    check(
        "
        0    speech
        1000 lull
        1040 heard turn the light on
        1041 means deed
        1100 discard
        ",
        expect![[r#"
            1000   1.1 transcribe 1s
            1040   1.1 respond to `turn the light on`
            1100   1.1 cancel
            1100   turn 1 ended, heard ``
        "#]],
    );
}
