use super::*;

fn usual() -> Situation {
    let clock = Clock { hour: 14, minute: 5, weekday: 4, day: 27, month: 11, twelve_hours: false };
    Situation { loading: false, clock, ..Situation::default() }
}

fn words(words: &str) -> String {
    words.to_owned()
}

fn listening(level: u8, said: &str) -> Face {
    Face::Listening { level, words: words(said) }
}

fn idle(muted: bool, timers: Vec<TimerShown>) -> Face {
    Face::Idle { time: words("14:05"), date: words("Friday 27 November"), muted, timers, warning: None }
}

fn warning(warning: &str) -> Face {
    let Face::Idle { time, date, muted, timers, .. } = idle(false, Vec::new()) else { unreachable!("it is idle") };
    Face::Idle { time, date, muted, timers, warning: Some(words(warning)) }
}

/// Compared by hand, since what is printed of a face hides its words.
#[track_caller]
fn check(situation: &Situation, face: &Face) {
    let shown = Face::of(situation);
    assert!(shown == *face, "{shown:?} is shown and not {face:?}, or with other words");
}

#[test]
fn what_somebody_waits_for_comes_first() {
    let address = Some(words("pipit.local:7847"));
    let new = Situation { claimed: false, address: address.clone(), ..usual() };
    let coded = Situation { code: Some(words("048219")), phase: Phase::Speaking, rings: true, ..new.clone() };
    let code = Face::Code { digits: words("048219"), address: address.clone() };
    let spoken = Situation { saying: words("It is five."), trouble: Some(Trouble::Voice), muted: true, ..new.clone() };
    let heard = Situation { hearing: words("what time"), ..usual() };
    let microphone = Situation { trouble: Some(Trouble::Microphone), ..usual() };
    let hot = Situation { warning: Some(words("it is hot: give it air")), ..usual() };
    let table = [
        (usual(), idle(false, Vec::new())),
        (Situation { muted: true, ..usual() }, idle(true, Vec::new())),
        (Situation::default(), Face::Starting),
        (Situation { loading: true, phase: Phase::Hearing, ..usual() }, listening(0, "")),
        (new.clone(), Face::Welcome { address: address.clone() }),
        (coded.clone(), code),
        (Situation { claimed: true, ..coded }, Face::Ringing { words: String::new() }),
        (Situation { phase: Phase::Speaking, ..spoken.clone() }, Face::Speaking { words: words("It is five.") }),
        (Situation { phase: Phase::Thinking, ..spoken.clone() }, Face::Thinking),
        (Situation { phase: Phase::Hearing, ..heard.clone() }, listening(0, "what time")),
        (Situation { phase: Phase::Weighing, ..heard.clone() }, listening(0, "what time")),
        (Situation { phase: Phase::Thinking, ..heard }, Face::Thinking),
        (Situation { phase: Phase::Weighing, level_db: -20.0, ..usual() }, listening(0, "")),
        (Situation { phase: Phase::Speaking, rings: true, ..spoken }, Face::Ringing { words: words("It is five.") }),
        (Situation { phase: Phase::Hearing, rings: true, ..usual() }, listening(0, "")),
        (Situation { rings: true, ..microphone.clone() }, Face::Ringing { words: String::new() }),
        (microphone.clone(), Face::Trouble(Trouble::Microphone)),
        (Situation { muted: true, ..microphone }, idle(true, Vec::new())),
        (Situation { muted: true, trouble: Some(Trouble::Voice), ..usual() }, Face::Trouble(Trouble::Voice)),
        (hot.clone(), warning("It is hot: give it air")),
        (Situation { phase: Phase::Thinking, ..hot.clone() }, Face::Thinking),
        (Situation { trouble: Some(Trouble::Voice), ..hot }, Face::Trouble(Trouble::Voice)),
    ];
    for (situation, face) in table {
        check(&situation, &face);
    }
}

#[test]
fn loudness_comes_in_steps() {
    for (level_db, level) in [(LOWEST_LEVEL, 0), (-55.0, 0), (-35.0, 5), (-15.0, 10), (0.0, 10), (f32::NAN, 0)] {
        check(&Situation { phase: Phase::Hearing, level_db, ..usual() }, &listening(level, ""));
    }
}

#[test]
fn the_first_timers_are_shown_with_what_is_left_of_them() {
    let timer = |name: Option<&str>, milliseconds, paused| Timer {
        name: name.map(words),
        left: Duration::from_millis(milliseconds),
        paused,
    };
    let shown = |name, left, paused| TimerShown { name: words(name), left: words(left), paused };
    let timers = vec![
        timer(Some("pasta"), 451_001, false),
        timer(None, 4_052_000, false),
        timer(None, 0, true),
        timer(None, 1, true),
    ];
    let face = vec![shown("pasta", "7:32", false), shown("", "1:07:32", false), shown("", "0:00", true)];
    check(&Situation { timers, ..usual() }, &idle(false, face));
}

#[test]
fn hours_are_told_as_they_are_wanted() {
    let table = [
        (0, "0:07", "12:07"),
        (1, "1:07", "1:07"),
        (12, "12:07", "12:07"),
        (13, "13:07", "1:07"),
        (23, "23:07", "11:07"),
    ];
    for (hour, whole, half) in table {
        let clock = Clock { hour, minute: 7, ..usual().clock };
        assert_eq!((clock.time().as_str(), Clock { twelve_hours: true, ..clock }.time().as_str()), (whole, half));
    }
}

#[test]
fn nothing_of_what_is_said_is_left_for_others() {
    let speaking = Face::Speaking { words: words("secret") }.without_words();
    assert!(speaking == Face::Speaking { words: String::new() });
    assert!(listening(3, "secret").without_words() == listening(3, ""));
    let code = Face::Code { digits: words("048219"), address: None };
    assert_eq!(format!("{code:?}"), "Code");
    assert!(code.without_words() == Face::Welcome { address: None });
    let named = vec![TimerShown { name: words("surprise party"), left: words("7:32"), paused: false }];
    let nameless = vec![TimerShown { name: String::new(), left: words("7:32"), paused: false }];
    assert!(idle(true, named).without_words() == idle(true, nameless));
}

#[test]
fn lights_are_off_while_nobody_needs_them_and_red_while_it_does_not_listen() {
    assert_eq!(idle(false, Vec::new()).light(), Light::Off);
    assert_eq!(warning("it is hot").light(), Light::Off, "what can wait shines into nobody's night");
    assert_eq!(idle(true, Vec::new()).light(), Light::Steady(Hue::Muted));
    assert_eq!(listening(7, "lights").light(), Light::Level(7));
    assert_eq!(Face::Ringing { words: String::new() }.light(), Light::Blinking(Hue::Due));
}
