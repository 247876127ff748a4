//! Utterances that are so long that they are transcribed while they are spoken, told as stories in virtual time.

use expect_test::expect;
use pipit_testkit::check;

#[test]
fn whoever_never_pauses_is_transcribed_meanwhile_and_only_the_last_stretch_is_left() {
    check(
        "
        0     speech
        5000  continue
        10500 continue
        11000 @1 part 0 I would like to hear a story
        17000 continue
        20000 pause
        20100 @1 part 1 about a king
        20200 score 0.9
        20300 heard and his horse.
        20301 means talk
        20400 says Once.
        20400 said
        20500 ready 0 500
        21010 played 0
        ",
        expect![[r#"
            5000   turn 1 follow 5s
            10500  turn 1 transcribe part 0 6.05s
            17000  turn 1 transcribe part 1 6.05s
            20000  1.1 score 20s
            20000  1.1 transcribe 7.9s
            20200  1.1 decided by smart_turn
            20300  1.1 respond to `I would like to hear a story about a king and his horse.`
            20400  1.1 synthesise 0 `Once.`
            20500  1.1 play 0
            21010  turn 1 ended, heard `Once.`
        "#]],
    );
}

#[test]
fn what_was_transcribed_at_a_pause_is_not_transcribed_again() {
    check(
        "
        0     speech
        8000  pause
        8050  score 0.1
        8300  heard tell me a story
        8301  means talk
        8600  speech
        9800  pause
        9900  score 0.9
        10000 heard about a king
        10001 means talk
        10010 says Once.
        10010 said
        10100 ready 0 500
        10610 played 0
        ",
        expect![[r#"
            8000   1.1 score 8s
            8000   1.1 transcribe 8s
            8300   1.1 respond to `tell me a story`
            8560   1.1 decided by silence
            8600   turn 1 reopened
            8600   1.1 cancel
            9800   1.2 score 9.8s
            9800   1.2 transcribe 1.8s
            9900   1.2 decided by smart_turn
            10000  1.2 respond to `tell me a story about a king`
            10010  1.2 synthesise 0 `Once.`
            10100  1.2 play 0
            10610  turn 1 ended, heard `Once.`
        "#]],
    );
    // The recogniser is slow: what it was asked at the pause is cancelled, and it is asked for that part alone.
    check(
        "
        0     speech
        8000  pause
        8050  score 0.1
        8600  speech
        9800  pause
        9900  score 0.9
        10000 heard about a king
        10400 @1 part 0 tell me a story
        10401 means talk
        10410 says Once.
        10410 said
        10500 ready 0 500
        11010 played 0
        ",
        expect![[r#"
            8000   1.1 score 8s
            8000   1.1 transcribe 8s
            8600   1.1 cancel
            8600   turn 1 transcribe part 0 8s
            9800   1.2 score 9.8s
            9800   1.2 transcribe 1.8s
            9900   1.2 decided by smart_turn
            10400  1.2 respond to `tell me a story about a king`
            10410  1.2 synthesise 0 `Once.`
            10500  1.2 play 0
            11010  turn 1 ended, heard `Once.`
        "#]],
    );
}

#[test]
fn a_part_that_was_not_understood_is_not_left_out_in_silence() {
    check(
        "
        0     speech
        10500 continue
        10900 @1 part 0 badly
        12000 pause
        12050 score 0.9
        12100 heard at noon
        12200 ready 0 500
        12710 played 0
        ",
        expect![[r#"
            10500  turn 1 transcribe part 0 6.05s
            10500  turn 1 follow 4.45s
            12000  1.1 score 12s
            12000  1.1 transcribe 5.95s
            12080  1.1 decided by smart_turn
            12100  1.1 synthesise 0 `Sorry, I didn't catch that.`
            12200  1.1 play 0
            12710  turn 1 ended, heard `Sorry, I didn't catch that.`
        "#]],
    );
}
