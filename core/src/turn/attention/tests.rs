use proptest::prelude::*;

use super::*;

fn at(seconds: f64) -> Moment {
    Moment::START + Duration::from_secs_f64(seconds)
}

fn attention(mode: WakeMode) -> Attention {
    Attention::new(AttentionSettings { mode, ..AttentionSettings::default() })
}

fn jarvis() -> Attention {
    let phrases = WakePhrases::new(["hey jarvis"]).unwrap();
    Attention::new(AttentionSettings { mode: WakeMode::OpenWakeWord, phrases, ..AttentionSettings::default() })
}

fn attend() -> Admission {
    Admission::Attend { skip: Duration::ZERO }
}

/// Somebody says `words` from `started` to `ended`. Gives the request, if it was one, or what else it was.
fn say(attention: &mut Attention, started: f64, ended: f64, words: &str) -> String {
    if attention.speech_started(at(started)) == Admission::Ignore
        && attention.admission(at(started)) == Admission::Ignore
    {
        attention.came_to_nothing(at(ended));
        return "ignored".into();
    }
    let verdict = attention.judge(at(started), Overheard::new(words.into()));
    attention.settled(at(started), at(ended), &verdict);
    match verdict {
        Verdict::NotForPipit { nearly } => if nearly { "nearly" } else { "not for pipit" }.into(),
        Verdict::Addressed => "addressed".into(),
        Verdict::Request { text, .. } => text,
    }
}

fn reply(attention: &mut Attention, began: f64, ended: f64) {
    attention.reply_began(at(began));
    attention.reply_ended(at(ended));
}

fn counters(wakes: u64, false_accepts: u64, misses: u64) -> WakeCounters {
    WakeCounters { wakes, false_accepts, misses }
}

#[test]
fn always_hears_everything_and_takes_its_name_off_the_front() {
    let mut always = attention(WakeMode::Always);
    assert_eq!(say(&mut always, 0.0, 1.0, "What time is it?"), "What time is it?");
    assert_eq!(say(&mut always, 99.0, 100.0, "Hey Pipit, stop."), "stop.");
    assert_eq!(say(&mut always, 199.0, 200.0, "Hey Pipit!"), "Hey Pipit!");
    assert_eq!(say(&mut always, 299.0, 300.0, "..."), "not for pipit");
    always.tick(at(999.0));
    assert_eq!(always.counters(), counters(0, 0, 0));
}

#[test]
fn a_phrase_makes_what_follows_it_a_request_and_nothing_else_does() {
    let mut phrase = attention(WakeMode::Phrase);
    assert_eq!(phrase.admission(at(0.0)), Admission::Overhear);
    assert_eq!(say(&mut phrase, 0.0, 2.0, "my card number is 1234"), "not for pipit");
    assert_eq!(say(&mut phrase, 3.0, 5.0, "Hey, Pipit, what time is it?"), "what time is it?");
    assert_eq!(phrase.counters(), counters(1, 0, 0));
    assert!(!phrase.is_awake(at(2.9)));
}

#[test]
fn after_the_phrase_alone_the_request_may_follow_for_a_while() {
    let mut phrase = attention(WakeMode::Phrase);
    assert_eq!(say(&mut phrase, 0.0, 1.0, "hey pip it"), "addressed");
    assert_eq!(phrase.next_deadline(), Some(at(9.0)));
    assert_eq!(say(&mut phrase, 8.9, 12.0, "what time is it"), "what time is it");
    phrase.tick(at(60.0));
    assert_eq!(phrase.counters(), counters(1, 0, 0));
}

#[test]
fn a_wake_that_nobody_makes_use_of_was_false() {
    let mut phrase = attention(WakeMode::Phrase);
    assert_eq!(say(&mut phrase, 0.0, 1.0, "a pip it"), "addressed");
    phrase.tick(at(8.9));
    assert_eq!(phrase.counters(), counters(1, 0, 0));
    phrase.tick(at(9.0));
    assert_eq!(phrase.counters(), counters(1, 1, 0));
    phrase.tick(at(99.0));
    assert_eq!(phrase.counters(), counters(1, 1, 0));

    // Speech that begins in time is waited for, and may come to nothing.
    assert_eq!(say(&mut phrase, 100.0, 101.0, "hey pipit"), "addressed");
    assert_eq!(phrase.speech_started(at(108.5)), attend());
    phrase.tick(at(110.0));
    assert_eq!(phrase.counters(), counters(2, 1, 0));
    phrase.came_to_nothing(at(111.0));
    assert_eq!(phrase.counters(), counters(2, 2, 0));
}

#[test]
fn a_reply_may_be_followed_up_without_a_wake() {
    for mode in [WakeMode::Phrase, WakeMode::OpenWakeWord] {
        let mut woken = attention(mode);
        reply(&mut woken, 10.0, 14.0);
        assert!(woken.is_awake(at(12.0)), "one may speak over the reply");
        assert_eq!(woken.next_deadline(), Some(at(22.0)));
        assert_eq!(say(&mut woken, 21.9, 25.0, "and tomorrow"), "and tomorrow");
        assert!(woken.is_awake(at(40.0)), "the reply is on its way");
        woken.reply_ended(at(50.0));
        assert!(woken.is_awake(at(57.9)) && !woken.is_awake(at(58.0)));
        assert_ne!(say(&mut woken, 58.0, 59.0, "and tomorrow"), "and tomorrow");
        assert_eq!(woken.counters(), counters(0, 0, 0));
    }
}

#[test]
fn speech_from_before_a_reply_is_not_part_of_the_conversation() {
    let mut phrase = attention(WakeMode::Phrase);
    assert_eq!(phrase.speech_started(at(9.0)), Admission::Overhear);
    reply(&mut phrase, 10.0, 11.0);
    assert_eq!(phrase.admission(at(9.0)), Admission::Overhear);
}

#[test]
fn no_follow_up_is_wanted_where_it_is_set_to_nothing() {
    let settings =
        AttentionSettings { mode: WakeMode::Phrase, follow_up: Duration::ZERO, ..AttentionSettings::default() };
    let mut phrase = Attention::new(settings);
    reply(&mut phrase, 1.0, 2.0);
    assert_eq!(say(&mut phrase, 2.0, 3.0, "and tomorrow"), "not for pipit");
}

#[test]
fn a_wake_word_opens_the_ear_for_what_is_said_with_it() {
    let mut model = jarvis();
    assert_eq!(say(&mut model, 0.0, 2.0, "my card number is 1234"), "ignored");
    assert_eq!(model.speech_started(at(10.0)), Admission::Ignore);
    assert!(!model.wake_word_scored(at(10.6), 0.1));
    assert!(model.wake_word_scored(at(11.0), 0.9));
    assert!(!model.wake_word_scored(at(11.08), 0.95), "it has been woken already");
    // Nine seconds of other talk before the word would not be transcribed.
    assert_eq!(model.admission(at(10.0)), attend());
    assert_eq!(model.admission(at(1.0)), Admission::Attend { skip: Duration::from_millis(8800) });
    let judge = |words: &str| model.judge(at(10.0), Overheard::new(words.into()));
    let lights_on = Verdict::Request { text: "lights on".into(), woke: false };
    for words in ["Hey, Jarvis, lights on", "hey Javis lights on", "is 1234. Hey Jarvis, lights on", "lights on"] {
        assert_eq!(judge(words), lights_on, "{words}");
    }
    assert_eq!(judge("Hey Jarvis."), Verdict::Addressed);
    assert_eq!(model.counters(), counters(1, 0, 0));
}

#[test]
fn a_wake_word_that_only_woke_is_followed_by_the_request() {
    let mut model = jarvis();
    assert_eq!(model.speech_started(at(0.0)), Admission::Ignore);
    assert!(model.wake_word_scored(at(0.9), 0.5));
    let verdict = model.judge(at(0.0), Overheard::new("hey jarvis".into()));
    model.settled(at(0.0), at(1.5), &verdict);
    assert_eq!(say(&mut model, 3.0, 4.0, "lights on"), "lights on");
    assert_eq!(model.counters(), counters(1, 0, 0));
}

#[test]
fn what_ends_with_the_wake_word_was_the_wake_word() {
    let mut model = jarvis();
    model.speech_started(at(10.0));
    assert!(model.wake_word_scored(at(10.9), 0.9));
    assert!(model.was_wake_word_alone(at(10.0), at(11.1)));
    assert!(!model.was_wake_word_alone(at(10.0), at(11.3)), "something follows it");
    assert!(!model.was_wake_word_alone(at(10.9), at(11.1)), "it began after the wake");
    // Who speaks while the finger goes down has said something.
    let mut button = attention(WakeMode::PushToTalk);
    button.button_pressed(at(1.0));
    assert!(!button.was_wake_word_alone(at(0.8), at(1.1)));
}

#[test]
fn a_timer_that_is_due_does_not_use_up_a_tap() {
    let mut button = attention(WakeMode::PushToTalk);
    button.button_pressed(at(0.0));
    button.button_released(at(0.2));
    reply(&mut button, 0.5, 2.0);
    assert_eq!(say(&mut button, 3.0, 4.0, "lights on"), "lights on");
}

#[test]
fn what_had_to_be_said_twice_was_missed_once() {
    let mut model = jarvis();
    for (second, score) in [(1.0, 0.3), (1.08, 0.45), (4.0, 0.3), (4.08, 0.8)] {
        model.wake_word_scored(at(second), score);
    }
    assert_eq!(model.counters(), counters(1, 0, 1));
    // A score on its way up is no attempt of its own, nor is one of long ago.
    for (second, score) in [(30.0, 0.3), (40.0, 0.3), (40.08, 0.8)] {
        model.wake_word_scored(at(second), score);
    }
    assert_eq!(model.counters(), counters(2, 1, 1));

    let mut phrase = attention(WakeMode::Phrase);
    assert_eq!(say(&mut phrase, 0.0, 2.0, "Hey, pick it, lights on"), "nearly");
    assert_eq!(say(&mut phrase, 3.0, 5.0, "Hey Pipit, lights on"), "lights on");
    assert_eq!(phrase.counters(), counters(1, 0, 1));
}

#[test]
fn a_button_that_is_held_opens_the_ear_until_it_is_let_go() {
    let mut button = attention(WakeMode::PushToTalk);
    assert_eq!(say(&mut button, 0.0, 1.0, "not yet"), "ignored");
    button.button_pressed(at(10.0));
    button.tick(at(30.0));
    // A word begun as the finger went down is whole, one begun long before is cut.
    assert_eq!(button.admission(at(9.6)), attend());
    assert_eq!(button.admission(at(8.0)), Admission::Attend { skip: Duration::from_millis(1500) });
    button.button_released(at(31.0));
    assert_eq!(say(&mut button, 30.9, 33.0, "lights on"), "lights on");
    reply(&mut button, 34.0, 35.0);
    assert_eq!(say(&mut button, 35.5, 36.0, "and tomorrow"), "ignored");
}

#[test]
fn a_tap_on_the_button_opens_the_ear_for_one_request() {
    let mut button = attention(WakeMode::PushToTalk);
    button.button_pressed(at(0.0));
    button.button_released(at(0.2));
    assert_eq!(say(&mut button, 7.0, 9.0, "lights on"), "lights on");
    assert_eq!(say(&mut button, 9.5, 10.0, "and tomorrow"), "ignored");
    button.button_pressed(at(20.0));
    button.button_released(at(20.2));
    assert_eq!(say(&mut button, 28.3, 29.0, "lights on"), "ignored");
    button.button_released(at(30.0));
    assert!(!button.is_awake(at(30.0)));
}

#[test]
fn a_button_wakes_in_every_mode_and_does_not_end_a_conversation() {
    for mode in [WakeMode::Phrase, WakeMode::OpenWakeWord] {
        let mut woken = attention(mode);
        woken.button_pressed(at(0.0));
        assert_eq!(say(&mut woken, 0.1, 1.0, "lights on"), "lights on");
        woken.reply_began(at(1.5));
        woken.button_released(at(2.0));
        assert!(woken.is_awake(at(3.0)), "{mode:?}");
        woken.reply_ended(at(4.0));
        assert!(woken.is_awake(at(11.0)), "{mode:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Speech { said: usize },
    Score(f32),
    Press,
    Release,
    ReplyBegins,
    ReplyEnds,
    Nothing,
}

const SAID: &[&str] = &["", "a secret", "hey pipit", "hey pipit a request", "hey pick it", "okay"];

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        (0..SAID.len()).prop_map(|said| Step::Speech { said }),
        (0.0_f32..1.2).prop_map(Step::Score),
        Just(Step::Score(f32::NAN)),
        Just(Step::Press),
        Just(Step::Release),
        Just(Step::ReplyBegins),
        Just(Step::ReplyEnds),
        Just(Step::Nothing),
    ];
    prop::collection::vec((0_u64..12_000, step), 0..40)
}

fn modes() -> impl Strategy<Value = WakeMode> {
    prop::sample::select(vec![WakeMode::Always, WakeMode::PushToTalk, WakeMode::Phrase, WakeMode::OpenWakeWord])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_a_request_before_something_wakes(steps in steps(), mode in modes()) {
        let mut attention = attention(mode);
        let mut now = Moment::START;
        let mut awake = mode == WakeMode::Always;
        for (after, step) in steps {
            let started = now;
            now = now + Duration::from_millis(after);
            match step {
                Step::Speech { said } => {
                    attention.speech_started(started);
                    let verdict = attention.judge(started, Overheard::new(SAID[said].into()));
                    awake |= mode == WakeMode::Phrase && SAID[said].starts_with("hey pipit");
                    let admitted = matches!(verdict, Verdict::Request { .. } | Verdict::Addressed);
                    prop_assert!(awake || !admitted, "{:?}", verdict);
                    attention.settled(started, now, &verdict);
                }
                Step::Score(score) => awake |= attention.wake_word_scored(now, score),
                Step::Press => { attention.button_pressed(now); awake = true }
                Step::Release => attention.button_released(now),
                Step::ReplyBegins => { attention.reply_began(now); awake |= mode != WakeMode::PushToTalk }
                Step::ReplyEnds => { attention.reply_ended(now); awake |= mode != WakeMode::PushToTalk }
                Step::Nothing => attention.came_to_nothing(now),
            }
            let WakeCounters { wakes, false_accepts, misses } = attention.counters();
            prop_assert!(false_accepts <= wakes && misses <= wakes);
        }
    }

    #[test]
    fn it_falls_asleep_when_it_says_so(steps in steps(), mode in modes()) {
        let mut attention = attention(mode);
        let mut now = Moment::START;
        for (after, step) in steps {
            now = now + Duration::from_millis(after);
            match step {
                Step::Score(score) => { attention.wake_word_scored(now, score); }
                Step::Press => attention.button_pressed(now),
                Step::Release => attention.button_released(now),
                Step::ReplyEnds => attention.reply_ended(now),
                _ => attention.tick(now),
            }
            if let Some(deadline) = attention.next_deadline() {
                prop_assert_eq!(attention.is_awake(deadline), mode == WakeMode::Always);
            }
        }
    }
}
