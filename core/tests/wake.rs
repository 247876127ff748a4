//! When Pipit listens, told as stories in virtual time: what was not said to it leads to nothing.

use expect_test::{Expect, expect};
use pipit_core::ear::WakePhrases;
use pipit_core::turn::{AttentionSettings, Phase, TurnSettings, WakeCounters, WakeMode};
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
fn asleep_what_is_said_to_others_ends_without_a_word() {
    check(
        WakeMode::Phrase,
        "0 speech\n 1200 pause\n 1225 score 0.9\n 1300 heard my card number is twelve",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   turn 1 ended, heard ``
        "#]],
    );
    for heard in ["heard nothing", "heard badly", "hearing fails"] {
        let mut sim = Sim::attending(mode(WakeMode::Phrase));
        sim.play(&format!("0 speech\n 1200 pause\n 1225 score 0.9\n 1300 {heard}"));
        assert_eq!(
            sim.into_log(),
            "1200   1.1 score 1.2s\n1200   1.1 transcribe 1.2s\n1300   turn 1 ended, heard ``\n"
        );
    }
}

#[test]
fn a_recogniser_that_hangs_is_nobodys_affair_while_pipit_sleeps() {
    check(
        WakeMode::Phrase,
        "0 speech\n 1200 pause\n 1225 score 0.9",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            31280  1.1 cancel
            31280  turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn the_phrase_makes_the_rest_a_request() {
    check(
        WakeMode::Phrase,
        "
        0    speech
        1200 pause
        1225 score 0.9
        1300 heard Hey Pipit, what time is it?
        1305 means intent
        1306 says Noon.
        1306 said
        1350 ready 0 400
        1751 played 0
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 respond to `what time is it?`
            1300   1.1 decided by smart_turn
            1306   1.1 synthesise 0 `Noon.`
            1350   1.1 play 0
            1751   turn 1 ended, heard `Noon.`
        "#]],
    );
}

#[test]
fn without_drafts_the_phrase_is_found_all_the_same() {
    let turn = TurnSettings { drafts: false, ..TurnSettings::default() };
    let mut sim = Sim::with(mode(WakeMode::Phrase), turn);
    sim.play("0 speech\n 1200 pause\n 1225 score 0.9\n 1300 heard hey pipit what time is it\n 1400 said");
    expect![[r#"
        1200   1.1 score 1.2s
        1200   1.1 transcribe 1.2s
        1300   1.1 respond to `what time is it`
        1300   1.1 decided by smart_turn
        1400   turn 1 ended, heard ``
    "#]]
    .assert_eq(&sim.into_log());
}

#[test]
fn after_the_phrase_alone_it_listens_and_shows_it() {
    let mut sim = Sim::attending(mode(WakeMode::Phrase));
    sim.advance("0 speech");
    sim.advance("600 pause");
    assert_eq!(sim.phase(), Phase::Idle, "nobody can see that it overhears");
    sim.advance("625 score 0.9");
    sim.advance("700 heard hey pipit");
    assert_eq!(sim.phase(), Phase::Listening);
    sim.advance("8600 speech");
    assert_eq!(sim.phase(), Phase::Hearing);
    sim.play("9400 pause\n 9425 score 0.9\n 9500 heard what time is it\n 9501 said");
    expect![[r#"
        600    1.1 score 600ms
        600    1.1 transcribe 600ms
        700    turn 1 ended, heard ``
        9400   2.1 score 1.3s
        9400   2.1 transcribe 1.3s
        9480   2.1 decided by smart_turn
        9500   2.1 respond to `what time is it`
        9501   turn 2 ended, heard ``
    "#]]
    .assert_eq(&sim.into_log());
}

#[test]
fn the_phrase_may_be_followed_by_a_pause_or_hold_one() {
    for (first, whole) in [("hey pipit", "hey pipit what time is it"), ("hey", "hey pipit what time is it")] {
        let mut sim = Sim::attending(mode(WakeMode::Phrase));
        sim.play(&format!(
            "0 speech\n 500 pause\n 520 score 0.1\n 600 heard {first}\n 700 speech\n 1500 pause\n 1520 score 0.9\n\
             1600 heard {whole}\n 1700 said"
        ));
        let log = sim.into_log();
        assert!(log.contains("1600   1.2 respond to `what time is it`\n"), "{log}");
    }
}

#[test]
fn in_a_room_where_people_talk_the_phrase_may_follow_any_pause() {
    check(
        WakeMode::Phrase,
        "
        0    speech
        2500 pause
        2520 score 0.1
        2600 heard and then she told him that
        2700 speech
        4000 pause
        4020 score 0.9
        4100 heard hey pipit what time is it
        4200 said
        ",
        expect![[r#"
            2500   1.1 score 2.5s
            2500   1.1 transcribe 2.5s
            2700   turn 1 ended, heard ``
            4000   2.1 score 1.5s
            4000   2.1 transcribe 1.5s
            4100   2.1 respond to `what time is it`
            4100   2.1 decided by smart_turn
            4200   turn 2 ended, heard ``
        "#]],
    );
}

#[test]
fn who_talks_without_a_pause_is_forgotten_too() {
    check(
        WakeMode::Phrase,
        "0 speech\n 5000 continue\n 30100 heard blah blah blah",
        expect![[r#"
        30000  1.1 score 5s
        30000  1.1 transcribe 5s
        30100  turn 1 ended, heard ``
    "#]],
    );
}

#[test]
fn after_an_answer_no_phrase_is_needed_for_a_while() {
    let script = |second: u64| {
        let mut sim = Sim::attending(mode(WakeMode::Phrase));
        sim.play(&format!(
            "0 speech\n 1200 pause\n 1225 score 0.9\n 1300 heard hey pipit what time is it\n 1301 said\n\
             {second} speech\n {} pause\n {} @2 score 0.9\n {} @2 heard and tomorrow",
            second + 700,
            second + 720,
            second + 800
        ));
        sim.into_log()
    };
    assert!(script(9_200).contains("2.1 respond to `and tomorrow`"), "{}", script(9_200));
    let late = script(9_400);
    assert!(!late.contains("tomorrow") && late.ends_with("10200  turn 2 ended, heard ``\n"), "{late}");
}

const REPLYING: &str = "
    0    speech
    1200 pause
    1225 score 0.9
    1300 heard hey pipit tell me a story
    1301 says Once upon a time there was a king. He had a horse.
    1301 said
    1400 ready 0 2000
    1401 plays 0
    1500 ready 1 1000
";

#[test]
fn stop_needs_no_phrase() {
    let mut sim = Sim::attending(mode(WakeMode::Phrase));
    sim.play(&format!("{REPLYING} 2000 speech\n 2400 pause\n 2450 @2 heard stop\n 2460 @1 stopped 0 650"));
    let log = sim.into_log();
    assert!(log.contains("2450   1.1 stop playback"), "{log}");
    assert!(log.ends_with("2460   turn 1 ended, heard `Once upon a`\n"), "{log}");
}

#[test]
fn calling_it_over_its_answer_makes_it_listen() {
    let mut sim = Sim::attending(mode(WakeMode::Phrase));
    sim.play(&format!(
        "{REPLYING} 2000 speech\n 2400 pause\n 2450 @2 heard hey pipit\n 2460 @1 stopped 0 650\n 2500 @2 score 0.9"
    ));
    let log = sim.into_log();
    assert!(log.contains("2450   1.1 stop playback"), "{log}");
    assert!(log.ends_with("2500   turn 2 ended, heard ``\n") && !log.contains("2.1 respond"), "{log}");
}

#[test]
fn a_wake_word_cuts_off_what_was_said_before_it() {
    // 1.2 s before the score are kept, in which the word was said.
    check(
        WakeMode::OpenWakeWord,
        "
        0     speech
        5000  continue
        8000  wake 0.9
        9500  pause
        9525  score 0.9
        9600  heard hey jarvis what time is it
        9700  said
        ",
        expect![[r#"
            9500   1.1 score 2.7s
            9500   1.1 transcribe 2.7s
            9580   1.1 decided by smart_turn
            9600   1.1 respond to `what time is it`
            9700   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn without_the_wake_word_nothing_is_even_transcribed() {
    check(
        WakeMode::OpenWakeWord,
        "0 speech\n 1200 pause\n 1225 score 0.9\n 2000 wake 0.3\n 3000 speech\n 8000 continue\n 40000 pause",
        expect![[""]],
    );
}

#[test]
fn the_wake_word_alone_needs_no_recogniser() {
    check(
        WakeMode::OpenWakeWord,
        "
        0    speech
        700  wake 0.9
        950  pause
        3000 speech
        3800 pause
        3825 score 0.9
        3900 heard what time is it
        4000 said
        ",
        expect![[r#"
            950    turn 1 ended, heard ``
            3800   2.1 score 1.3s
            3800   2.1 transcribe 1.3s
            3880   2.1 decided by smart_turn
            3900   2.1 respond to `what time is it`
            4000   turn 2 ended, heard ``
        "#]],
    );
    // The model is slower than the ear.
    check(
        WakeMode::OpenWakeWord,
        "
        0    speech
        700  pause
        780  wake 0.9
        3000 speech
        3800 pause
        3825 score 0.9
        3900 heard what time is it
        4000 said
        ",
        expect![[r#"
            3800   1.1 score 1.3s
            3800   1.1 transcribe 1.3s
            3880   1.1 decided by smart_turn
            3900   1.1 respond to `what time is it`
            4000   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_tap_makes_it_listen_once() {
    check(
        WakeMode::PushToTalk,
        "
        0     speech
        800   pause
        1000  press
        1100  release
        3000  speech
        3800  pause
        3825  score 0.9
        3900  heard lights on
        4000  said
        6000  speech
        6800  pause
        ",
        expect![[r#"
            3800   1.1 score 1.3s
            3800   1.1 transcribe 1.3s
            3880   1.1 decided by smart_turn
            3900   1.1 respond to `lights on`
            4000   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_button_forgets_what_was_said_before_it() {
    // In mid-sentence, all but the half second in which a finger goes down.
    check(
        WakeMode::PushToTalk,
        "0 speech\n 4000 press\n 5000 pause\n 5025 score 0.9\n 5100 heard lights on\n 5200 said",
        expect![[r#"
            5000   1.1 score 1.5s
            5000   1.1 transcribe 1.5s
            5080   1.1 decided by smart_turn
            5100   1.1 respond to `lights on`
            5200   turn 1 ended, heard ``
        "#]],
    );
    // At a pause, all of it, though the recogniser is at work on it.
    check(
        WakeMode::Phrase,
        "0 speech\n 1200 pause\n 1300 press\n 1350 heard my card number is twelve\n 1400 release",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1300   1.1 cancel
            1300   turn 1 ended, heard ``
        "#]],
    );
}

#[test]
fn a_button_over_an_answer_stops_it_and_listens() {
    for wake in [WakeMode::Always, WakeMode::Phrase, WakeMode::OpenWakeWord, WakeMode::PushToTalk] {
        let mut sim = Sim::attending(mode(wake));
        for line in ["0 press", "1 release"].into_iter().chain(REPLYING.lines().filter(|line| !line.trim().is_empty()))
        {
            sim.advance(line.trim());
        }
        sim.play("2000 press\n 2010 stopped 0 650\n 2100 release\n 2500 speech\n 3000 pause\n 3100 heard lights on");
        let log = sim.into_log();
        assert!(log.contains("2000   1.1 stop playback\n"), "{wake:?}: {log}");
        assert!(log.contains("2.1 respond to `lights on`"), "{wake:?}: {log}");
    }
}

#[test]
fn a_radio_does_not_keep_an_answer_to_a_button_from_being_given() {
    check(
        WakeMode::PushToTalk,
        "
        0    press
        10   release
        100  speech
        1200 pause
        1225 score 0.9
        1300 heard what time is it
        1305 means intent
        1306 says Noon. It is noon.
        1306 said
        1320 speech
        1350 ready 0 400
        1751 played 0
        1800 ready 1 400
        2201 played 1
        3000 pause
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1300   1.1 respond to `what time is it`
            1306   1.1 synthesise 0 `Noon.`
            1306   1.1 synthesise 1 `It is noon.`
            1350   1.1 play 0
            1800   1.1 play 1
            2201   turn 1 ended, heard `Noon. It is noon.`
        "#]],
    );
}

#[test]
fn a_timer_that_is_due_may_be_answered() {
    let mut sim = Sim::attending(mode(WakeMode::OpenWakeWord));
    sim.play(
        "
        0    announce Your timer is done.
        100  ready 0 700
        801  played 0
        2000 speech
        2600 pause
        2650 heard thanks
        ",
    );
    assert!(sim.into_log().contains("2.1 respond to `thanks`"));
}

#[test]
fn wakes_are_counted_with_those_that_were_none_and_those_that_were_missed() {
    let counted = |wake, script: &str| {
        let mut sim = Sim::attending(mode(wake));
        sim.play(script);
        sim.wake_counters()
    };
    let counters = |wakes, false_accepts, misses| WakeCounters { wakes, false_accepts, misses };
    let alone = "0 speech\n 600 pause\n 625 score 0.9\n 700 heard hey pipit";
    assert_eq!(counted(WakeMode::Phrase, alone), counters(1, 1, 0));
    let coughed = format!("{alone}\n 2000 speech\n 2300 pause\n 2310 @2 score 0.9\n 2400 @2 heard nothing");
    assert_eq!(counted(WakeMode::Phrase, &coughed), counters(1, 1, 0));
    let asked = format!("{alone}\n 2000 speech\n 2300 pause\n 2310 @2 score 0.9\n 2400 @2 heard lights on\n 2500 said");
    assert_eq!(counted(WakeMode::Phrase, &asked), counters(1, 0, 0));
    let twice =
        "1000 wake 0.4\n 4000 wake 0.9\n 4100 speech\n 5000 pause\n 5020 score 0.9\n 5100 heard lights on\n 5200 said";
    assert_eq!(counted(WakeMode::OpenWakeWord, twice), counters(1, 0, 1));
}

#[test]
fn another_mode_holds_from_now_on_and_what_was_overheard_is_forgotten() {
    check(
        WakeMode::Phrase,
        "
        0    speech
        1200 pause
        1210 mode push-to-talk
        1300 heard hey pipit what time is it
        2000 speech
        3000 pause
        4000 mode always
        5000 speech
        6000 pause
        6100 stop
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1210   1.1 cancel
            1210   turn 1 ended, heard ``
            6000   2.1 score 1.5s
            6000   2.1 transcribe 1.5s
            6100   silenced
            6100   2.1 cancel
            6100   turn 2 ended, heard ``
        "#]],
    );
    check(
        WakeMode::PushToTalk,
        "
        0    press
        200  speech
        900  mode phrase
        1200 pause
        1225 score 0.93
        1300 release
        1310 heard what time is it
        1320 stop
        ",
        expect![[r#"
            1200   1.1 score 1.2s
            1200   1.1 transcribe 1.2s
            1280   1.1 decided by smart_turn
            1310   1.1 respond to `what time is it`
            1320   silenced
            1320   1.1 cancel
            1320   turn 1 ended, heard ``
        "#]],
    );
}
