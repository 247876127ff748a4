//! A board that can't afford drafts, told as a story in virtual time.

use expect_test::expect;
use pipit_testkit::check;

#[test]
fn without_drafts_the_recogniser_is_asked_when_the_turn_is_decided_and_a_change_waits_for_the_next_turn() {
    check(
        "
        0     speech
        100   drafts off
        1200  pause
        1300  heard set a timer for
        1310  means talk
        1500  speech
        2200  pause
        2300  drafts on
        2301  score 0.9
        2400  heard set a timer for ten minutes
        2401  means deed
        2402  said
        2403  acted
        2500  drafts off
        3000  speech
        4000  pause
        4100  score 0.1
        4200  speech
        5000  pause
        5100  score 0.9
        5200  heard nothing
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `set a timer for`
            1500   1.1 cancel
            2200   1.2 score 2.2s
            2200   1.2 transcribe 2.2s
            2301   1.2 decided by smart_turn
            2400   1.2 respond to `set a timer for ten minutes`
            2401   1.2 act
            2403   turn 1 ended, heard ``
            4000   2.1 score 1.5s
            5000   2.2 score 2.5s
            5100   2.2 decided by smart_turn
            5100   2.2 transcribe 2.5s
            5200   turn 2 ended, heard ``
        "#]],
    );
}
