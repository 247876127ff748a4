//! What becomes of an answer that somebody speaks over, told as stories in virtual time.

use expect_test::{Expect, expect};
use pipit_testkit::Sim;

/// A reply is under way from 1.4 s on; its first clause lasts 2 s.
const REPLYING: &str = "
    0    speech
    1200 pause
    1225 score 0.9
    1300 heard tell me a story
    1301 says Once upon a time there was a king. He had a horse.
    1301 said
    1400 ready 0 2000
    1401 plays 0
    1500 ready 1 1000
";

/// Plays `script` after the reply has begun, and compares what the machine did from then on.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut sim = Sim::new();
    sim.play(&format!("{REPLYING}{script}"));
    let log = sim.into_log();
    let from = log.find("play 1").expect("the reply plays");
    expected.assert_eq(log[from..].split_once('\n').map_or("", |(_, rest)| rest));
}

#[test]
fn a_request_ends_the_answer_where_it_was_heard_and_is_the_next_turn() {
    check(
        "
        2000 speech
        2400 pause
        2500 @2 heard what time is it
        2510 @1 stopped 0 700
        2511 @2 means intent
        2512 @2 says Noon.
        2512 @2 said
        2600 @2 ready 0 400
        3000 @2 played 0
        ",
        expect![[r#"
            2000   1.1 pause playback
            2400   2.1 score 900ms
            2400   2.1 transcribe 900ms
            2500   1.1 stop playback
            2500   2.1 respond to `what time is it`
            2510   1.1 cancel
            2510   turn 1 ended, heard `Once upon a`
            2511   2.1 decided by intent
            2512   2.1 synthesise 0 `Noon.`
            2600   2.1 play 0
            3000   turn 2 ended, heard `Noon.`
        "#]],
    );
}

#[test]
fn whoever_speaks_over_the_first_word_is_answered_and_that_word_is_all_that_was_heard() {
    check(
        "
        1650 speech
        1900 pause
        2000 @2 heard what time is it
        2010 @1 stopped 0 300
        2011 @2 means intent
        2012 @2 says Noon.
        2012 @2 said
        2100 @2 ready 0 400
        2101 @2 plays 0
        2501 @2 played 0
        ",
        expect![[r#"
            1650   1.1 pause playback
            1900   2.1 score 700ms
            1900   2.1 transcribe 700ms
            2000   1.1 stop playback
            2000   2.1 respond to `what time is it`
            2010   1.1 cancel
            2010   turn 1 ended, heard `Once`
            2011   2.1 decided by intent
            2012   2.1 synthesise 0 `Noon.`
            2100   2.1 play 0
            2501   turn 2 ended, heard `Noon.`
        "#]],
    );
}

#[test]
fn whoever_goes_on_speaking_means_it() {
    check(
        "
        2000 speech
        2710 @1 stopped 0 650
        4000 pause
        4025 @2 score 0.9
        4100 @2 heard nothing
        ",
        expect![[r#"
            2000   1.1 pause playback
            2700   1.1 stop playback
            2710   1.1 cancel
            2710   turn 1 ended, heard `Once upon a`
            4000   2.1 score 2.5s
            4000   2.1 transcribe 2.5s
            4080   2.1 decided by smart_turn
            4100   turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn stop_is_silence_at_once_and_no_turn_of_its_own() {
    check(
        "
        2000 speech
        2400 pause
        2450 @2 heard stop
        2460 @1 stopped 0 650
        ",
        expect![[r#"
            2000   1.1 pause playback
            2400   2.1 score 900ms
            2400   2.1 transcribe 900ms
            2450   silenced
            2450   2.1 cancel
            2450   turn 2 ended, heard ``
            2450   1.1 stop playback
            2460   1.1 cancel
            2460   turn 1 ended, heard `Once upon a`
        "#]],
    );
}

#[test]
fn signs_of_listening_coughs_and_noises_leave_the_answer_where_it_was() {
    let told = |heard: &str| {
        let mut sim = Sim::new();
        let rest = format!("2000 speech\n 2400 pause\n 2500 @2 {heard}\n 3900 @1 played 0\n 4900 @1 played 1");
        sim.play(&format!("{REPLYING}{rest}"));
        sim.into_log()
    };
    let murmured = told("heard mm-hm");
    assert!(murmured.contains("2500   1.1 resume playback"), "{murmured}");
    assert!(murmured.ends_with("4900   turn 1 ended, heard `Once upon a time there was a king. He had a horse.`\n"));
    for heard in ["heard nothing", "heard badly", "hearing fails"] {
        assert_eq!(told(heard), murmured);
    }
}

#[test]
fn an_answer_to_a_question_is_no_sign_of_listening() {
    let mut sim = Sim::new();
    sim.play(
        "
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard cancel the timer
        1301 says Shall I cancel both of them?
        1301 said
        1400 ready 0 2000
        1401 plays 0
        3200 speech
        3600 pause
        3700 @2 heard yes
        3710 @1 stopped 0 1800
        3711 @2 means intent
        3712 @2 said
        ",
    );
    assert!(sim.into_log().contains("2.1 respond to `yes`"));
}

#[test]
fn a_second_word_after_a_short_one_interrupts() {
    check(
        "
        2000 speech
        2400 pause
        2450 speech
        2750 @1 stopped 0 600
        3200 pause
        3300 @2 heard nothing
        3325 @2 score 0.9
        ",
        expect![[r#"
            2000   1.1 pause playback
            2400   2.1 score 900ms
            2400   2.1 transcribe 900ms
            2450   2.1 cancel
            2700   1.1 stop playback
            2750   1.1 cancel
            2750   turn 1 ended, heard `Once upon`
            3200   2.2 score 1.7s
            3200   2.2 transcribe 1.7s
            3325   2.2 decided by smart_turn
            3325   turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn an_answer_that_ends_as_it_is_interrupted_has_been_heard() {
    // The last word was out before the speaker could pause.
    check(
        "
        3400 @1 played 0
        4300 speech
        4301 @1 played 1
        4700 pause
        4800 @2 heard nothing
        4825 @2 score 0.9
        ",
        expect![[r#"
            4300   1.1 pause playback
            4301   1.1 resume playback
            4301   turn 1 ended, heard `Once upon a time there was a king. He had a horse.`
            4700   2.1 score 900ms
            4700   2.1 transcribe 900ms
            4825   2.1 decided by smart_turn
            4825   turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn a_microphone_that_fails_in_the_middle_of_an_interruption_lets_the_answer_go_on() {
    check(
        "
        2000 speech
        2100 discard
        3500 @1 played 0
        4500 @1 played 1
        ",
        expect![[r#"
            2000   1.1 pause playback
            2100   1.1 resume playback
            4500   turn 1 ended, heard `Once upon a time there was a king. He had a horse.`
        "#]],
    );
}

#[test]
fn a_stop_word_that_is_not_certain_ends_the_answer_and_anything_else_does_not() {
    check(
        "
        2000 speech
        2400 pause
        2500 @2 heard badly stop
        2510 @1 stopped 0 700
        ",
        expect![[r#"
            2000   1.1 pause playback
            2400   2.1 score 900ms
            2400   2.1 transcribe 900ms
            2500   silenced
            2500   2.1 cancel
            2500   turn 2 ended, heard ``
            2500   1.1 stop playback
            2510   1.1 cancel
            2510   turn 1 ended, heard `Once upon a`
        "#]],
    );
    check(
        "
        2000 speech
        2400 pause
        2500 @2 heard badly what time is it
        3600 @1 played 0
        4600 @1 played 1
        ",
        expect![[r#"
            2000   1.1 pause playback
            2400   2.1 score 900ms
            2400   2.1 transcribe 900ms
            2500   2.1 cancel
            2500   turn 2 ended, heard ``
            2500   1.1 resume playback
            4600   turn 1 ended, heard `Once upon a time there was a king. He had a horse.`
        "#]],
    );
}

#[test]
fn a_sound_over_the_answer_silences_it_until_it_is_known_to_be_speech() {
    check(
        "
        2000 stir
        2100 speech
        2400 pause
        2500 @2 heard stop
        2510 @1 stopped 0 700
        ",
        expect![[r#"
            2000   1.1 pause playback
            2400   2.1 score 800ms
            2400   2.1 transcribe 800ms
            2500   silenced
            2500   2.1 cancel
            2500   turn 2 ended, heard ``
            2500   1.1 stop playback
            2510   1.1 cancel
            2510   turn 1 ended, heard `Once upon a`
        "#]],
    );
}

#[test]
fn a_sound_that_is_no_speech_is_a_moment_of_silence() {
    check(
        "
        2000 stir
        3611 played 0
        3612 plays 1
        4612 played 1
        ",
        expect![[r#"
            2000   1.1 pause playback
            2200   1.1 resume playback
            4612   turn 1 ended, heard `Once upon a time there was a king. He had a horse.`
        "#]],
    );
}

#[test]
fn a_sound_before_the_first_word_of_the_answer_takes_nothing_from_whoever_goes_on() {
    let mut sim = Sim::new();
    sim.play(
        "
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard tell me
        1301 says Once upon a time.
        1400 ready 0 2000
        1490 stir
        1550 speech
        ",
    );
    let log = sim.into_log();
    assert!(log.contains("turn 1 reopened") && !log.contains("pause playback"), "{log}");
}
