//! The turn machine, told as stories in virtual time.

use expect_test::expect;
use pipit_testkit::{Sim, check};

#[test]
fn a_finished_sentence_is_answered() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.93
        1300 heard what time is it
        1305 says It's noon.
        1305 said
        1350 ready 0 800
        1360 plays 0
        2160 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1300   1.1 respond to `what time is it`
            1305   1.1 synthesise 0 `It's noon.`
            1350   1.1 play 0
            2160   turn 1 ended, heard `It's noon.`
        "#]],
    );
}

#[test]
fn an_unfinished_sentence_is_waited_for() {
    check(
        "
        0    speech
        1200 pause
        1225 score 0.1
        1900 speech
        2600 pause
        2625 score 0.9
        2700 heard set a timer for ten minutes
        2700 said
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1900   1.1 cancel
            2600   1.2 score 2.6s
            2600   1.2 transcribe 2.6s
            2680   1.2 decided by smart_turn
            2700   1.2 respond to `set a timer for ten minutes`
            2700   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn silence_decides_where_smart_turn_does_not() {
    check(
        "
        0    speech
        700  pause
        725  score 0.2
        2100 heard stop
        2101 said
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            2000   1.1 decided by silence
            2100   1.1 respond to `stop`
            2101   turn 1 ended, heard ``
        "#]],
    );
    check(
        "0 speech\n 700 pause\n 725 score fails\n 2100 heard nothing",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            2000   1.1 decided by silence
            2100   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_late_score_of_an_earlier_pause_decides_nothing() {
    check(
        "
        0    speech
        700  pause
        900  speech
        1500 pause
        1501 @1.1 score 0.99
        1525 score 0.1
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            900    1.1 cancel
            1500   1.2 score 1.5s
            1500   1.2 transcribe 1.5s
            2800   1.2 decided by silence
            32800  1.2 cancel
            32800  1.2 synthesise 0 `Sorry, that is taking too long.`
            32800  1.2 synthesise 1 `I have given up on it.`
            62800  1.2 cancel
            62800  turn 1 ended, given up, heard ``
        "#]],
    );
}

#[test]
fn clauses_are_synthesised_ahead_and_heard_in_order() {
    check(
        "
        0    speech
        700  pause
        725  score 0.9
        800  heard tell me a story
        900  says Once upon a time there was a king. He had a horse. It was white. He sold it. The end.
        950  said
        1000 ready 0 1000
        1000 plays 0
        1100 ready 1 500
        2000 played 0
        2000 plays 1
        2100 ready 2 500
        2200 ready 3 500
        2300 ready 4 500
        2500 played 1
        3000 played 2
        3500 played 3
        4000 played 4
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `tell me a story`
            900    1.1 synthesise 0 `Once upon a time there was a king.`
            900    1.1 synthesise 1 `He had a horse.`
            1000   1.1 play 0
            1000   1.1 synthesise 2 `It was white.`
            1100   1.1 play 1
            1100   1.1 synthesise 3 `He sold it.`
            2100   1.1 play 2
            2100   1.1 synthesise 4 `The end.`
            2200   1.1 play 3
            2300   1.1 play 4
            4000   turn 1 ended, heard `Once upon a time there was a king. He had a horse. It was white. He sold it. The end.`
        "#]],
    );
}

#[test]
fn history_records_what_was_heard_when_playback_is_stopped() {
    check(
        "
        0    speech
        700  pause
        725  score 0.9
        800  heard tell me a story
        900  says Once upon a time there was a king. He had a horse.
        900  said
        1000 ready 0 2000
        1000 plays 0
        2000 stop
        2010 stopped 0 1000
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `tell me a story`
            900    1.1 synthesise 0 `Once upon a time there was a king.`
            900    1.1 synthesise 1 `He had a horse.`
            1000   1.1 play 0
            2000   silenced
            2000   1.1 stop playback
            2010   1.1 cancel
            2010   turn 1 ended, heard `Once upon a time`
        "#]],
    );
}

#[test]
fn what_was_not_understood_gets_an_apology() {
    check(
        "0 speech\n 700 pause\n 725 score 0.9\n 800 heard badly\n 850 ready 0 900\n 1750 played 0",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 synthesise 0 `Sorry, I didn't catch that.`
            850    1.1 play 0
            1750   turn 1 ended, heard `Sorry, I didn't catch that.`
        "#]],
    );
}

#[test]
fn a_failing_model_server_is_apologised_for_after_what_it_had_said() {
    check(
        "
        0    speech
        700  pause
        725  score 0.9
        800  heard what is love
        900  says Love is
        950  fails Sorry, the language model stopped in mid-sentence.
        1000 ready 0 500
        1100 ready 1 500
        1600 played 0
        2000 played 1
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `what is love`
            950    1.1 synthesise 0 `Love is.`
            950    1.1 synthesise 1 `Sorry, the language model stopped in mid-sentence.`
            1000   1.1 play 0
            1100   1.1 play 1
            2000   turn 1 ended, heard `Love is

            Sorry, the language model stopped in mid-sentence.`
        "#]],
    );
}

#[test]
fn a_reply_that_stalls_is_given_up_and_a_voice_that_stalls_too_ends_the_turn() {
    check(
        "0 speech\n 700 pause\n 725 score 0.9\n 800 heard what is love",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `what is love`
            30800  1.1 cancel
            30800  1.1 synthesise 0 `Sorry, that is taking too long.`
            30800  1.1 synthesise 1 `I have given up on it.`
            60800  1.1 cancel
            60800  turn 1 ended, given up, heard ``
        "#]],
    );
}

#[test]
fn an_apology_for_a_voice_that_stalled_is_no_answer_to_remember() {
    check(
        "
        0     speech
        700   pause
        725   score 0.9
        800   heard hello
        801   says Hello there.
        801   said
        30900 ready 1 500
        31000 ready 2 500
        31500 played 1
        32000 played 2
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `hello`
            801    1.1 synthesise 0 `Hello there.`
            30801  1.1 cancel
            30801  1.1 synthesise 1 `Sorry, that is taking too long.`
            30801  1.1 synthesise 2 `I have given up on it.`
            30900  1.1 play 1
            31000  1.1 play 2
            32000  turn 1 ended, given up, heard `Sorry, that is taking too long. I have given up on it.`
        "#]],
    );
}

#[test]
fn a_voice_that_fails_does_not_hold_the_turn() {
    check(
        "0 speech\n 700 pause\n 725 score 0.9\n 800 heard hello\n 801 says Hello!\n 801 said\n 810 unspeakable 0",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `hello`
            801    1.1 synthesise 0 `Hello!`
            810    turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn speech_during_a_reply_becomes_the_next_turn() {
    check(
        "
        0    speech
        700  pause
        725  score 0.9
        800  heard hello
        801  says Hello!
        801  said
        900  speech
        1000 ready 0 500
        1600 pause
        1700 played 0
        1725 score 0.9
        1800 heard nothing
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    1.1 respond to `hello`
            801    1.1 synthesise 0 `Hello!`
            900    turn 1 reopened
            900    1.1 cancel
            1600   1.2 score 1.6s
            1600   1.2 transcribe 1.6s
            1725   1.2 decided by smart_turn
            1800   turn 1 ended, heard ``
        "#]],
    );
    check(
        "
        0    speech
        700  pause
        725  score 0.9
        800  speech
        900  heard nothing
        1600 pause
        1625 score 0.9
        1700 heard nothing
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    turn 1 reopened
            800    1.1 cancel
            1600   1.2 score 1.6s
            1600   1.2 transcribe 1.6s
            1680   1.2 decided by smart_turn
            1700   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_microphone_that_fails_in_mid_sentence_leads_back_to_idle() {
    check(
        "0 speech\n 600 discard\n 5000 speech\n 5500 pause\n 5525 score 0.9\n 5600 heard nothing",
        expect![[r#"
            600    turn 1 ended, heard ``
            5500   2.1 score 1s
            5500   2.1 transcribe 1s
            5580   2.1 decided by smart_turn
            5600   turn 2 ended, heard ``
        "#]],
    );
    // A microphone that stalls sends no fact at all.
    check(
        "0 speech",
        expect![[r#"
            30000  turn 1 ended, heard ``
        "#]],
    );
    check(
        "0 speech\n 5000 continue",
        expect![[r#"
            5000   turn 1 follow 5s
            30000  1.1 decided by length
            30000  1.1 transcribe 5s
            60000  1.1 cancel
            60000  1.1 synthesise 0 `Sorry, that is taking too long.`
            60000  1.1 synthesise 1 `I have given up on it.`
            90000  1.1 cancel
            90000  turn 1 ended, given up, heard ``
            120000 turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn an_announcement_waits_for_the_floor() {
    check(
        "
        0    speech
        100  announce Your timer is done.
        700  pause
        725  score 0.9
        800  heard nothing
        850  ready 0 500
        1350 played 0
        ",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            780    1.1 decided by smart_turn
            800    turn 1 ended, heard ``
            800    2.1 synthesise 0 `Your timer is done.`
            850    2.1 play 0
            1350   turn 2 ended, heard `Your timer is done.`
            1350   announced 1 heard
        "#]],
    );
}

#[test]
fn stop_silences_everything() {
    check(
        "0 speech\n 300 stop\n 700 pause",
        expect![[r#"
            300    silenced
            300    turn 1 ended, heard ``
        "#]],
    );
    check(
        "0 speech\n 700 pause\n 725 score 0.9\n 750 stop\n 800 heard hello",
        expect![[r#"
            700    1.1 score 700ms
            700    1.1 transcribe 700ms
            750    silenced
            750    1.1 cancel
            750    turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn an_announcement_that_is_ready_while_somebody_speaks_waits_for_them_and_for_no_more_work() {
    let mut sim = Sim::new();
    sim.advance("0   announce Your timer is done.");
    sim.advance("10  speech");
    assert!(sim.awaits_work());
    sim.advance("20  ready 0 900");
    assert!(!sim.awaits_work());
}
