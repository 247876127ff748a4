use std::fmt::Write as _;
use std::path::PathBuf;

use expect_test::expect;
use proptest::prelude::*;

use super::*;

fn pipit() -> WakePhrases {
    WakePhrases::new(["hey pipit"]).unwrap()
}

/// A line for each transcript: who was addressed, and with what.
fn table(phrases: &WakePhrases, transcripts: &[&str]) -> String {
    let mut out = String::new();
    for transcript in transcripts {
        match phrases.find(transcript) {
            Address::ToPipit(request) => writeln!(out, "{transcript} -> {request}|"),
            Address::Perhaps(_) => writeln!(out, "{transcript} -> perhaps"),
            Address::ToSomebodyElse => writeln!(out, "{transcript} -> no"),
        }
        .unwrap();
    }
    out
}

#[test]
fn what_recognisers_make_of_the_phrase_is_the_phrase() {
    let written = [
        "hey pipit what time is it",
        "Hey, Pipit! What time is it?",
        "HEY PIPIT",
        "Hey Pipit.",
        "hey pip it what's the weather",
        "Hey pippet, set a timer.",
        "A pipit, stop.",
        "Hay peppit turn it up",
        "Hi Pippit, hello",
        "Heypipit what day is it",
        "Hey, Pip-it, what day is it?",
        "hey pipette, five plus three",
        "Hey Puppet, are you there?",
        "Ey pipit go on",
        "Hey, Pepit... turn it off",
        "hey bippit mute",
        "Hey Pippid -- mute",
        "Um, hey Pipit, mute",
        "Okay. So, hey Pipit: mute",
        "[coughs] Hey Pipit, mute",
        "Hey Pipit, hey Pipit, mute",
        "Hey Pipit, it is late, is it?",
        "“Hey, Pipit,” mute",
        "Hey Pipit, (laughs) tell me a joke",
    ];
    expect![[r#"
        hey pipit what time is it -> what time is it|
        Hey, Pipit! What time is it? -> What time is it?|
        HEY PIPIT -> |
        Hey Pipit. -> |
        hey pip it what's the weather -> what's the weather|
        Hey pippet, set a timer. -> set a timer.|
        A pipit, stop. -> stop.|
        Hay peppit turn it up -> turn it up|
        Hi Pippit, hello -> hello|
        Heypipit what day is it -> what day is it|
        Hey, Pip-it, what day is it? -> what day is it?|
        hey pipette, five plus three -> five plus three|
        Hey Puppet, are you there? -> are you there?|
        Ey pipit go on -> go on|
        Hey, Pepit... turn it off -> turn it off|
        hey bippit mute -> mute|
        Hey Pippid -- mute -> mute|
        Um, hey Pipit, mute -> mute|
        Okay. So, hey Pipit: mute -> mute|
        [coughs] Hey Pipit, mute -> mute|
        Hey Pipit, hey Pipit, mute -> mute|
        Hey Pipit, it is late, is it? -> it is late, is it?|
        “Hey, Pipit,” mute -> mute|
        Hey Pipit, (laughs) tell me a joke -> (laughs) tell me a joke|
    "#]]
    .assert_eq(&table(&pipit(), &written));
}

#[test]
fn what_only_resembles_the_phrase_is_not_the_phrase() {
    let written = [
        "",
        "...",
        "hey",
        "pipit",
        "Hey Peter, how are you?",
        "Hey, pick it up!",
        "hey pop it in the oven",
        "hey put it down",
        "hey pip what time is it",
        "Hey Pete, it is late",
        "Hey Pippa, it's late",
        "hey baby it's cold outside",
        "hey people",
        "happy birthday to you",
        "happy pitta bread",
        "a puppet show is on",
        "a pivot table",
        "hey it is happening",
        "he bit it",
        "I beat it",
        "say pipit",
        "they keep it",
        "I told you, hey pipit works",
        "she said hey pipit what time is it",
        "keep it up",
        "hey Siri what time is it",
        "and so well um hey pipit",
    ];
    expect![[r#"
         -> no
        ... -> no
        hey -> no
        pipit -> perhaps
        Hey Peter, how are you? -> no
        Hey, pick it up! -> perhaps
        hey pop it in the oven -> perhaps
        hey put it down -> no
        hey pip what time is it -> no
        Hey Pete, it is late -> perhaps
        Hey Pippa, it's late -> no
        hey baby it's cold outside -> no
        hey people -> no
        happy birthday to you -> no
        happy pitta bread -> no
        a puppet show is on -> perhaps
        a pivot table -> no
        hey it is happening -> no
        he bit it -> no
        I beat it -> no
        say pipit -> perhaps
        they keep it -> no
        I told you, hey pipit works -> no
        she said hey pipit what time is it -> no
        keep it up -> no
        hey Siri what time is it -> no
        and so well um hey pipit -> no
    "#]]
    .assert_eq(&table(&pipit(), &written));
}

#[test]
fn several_phrases_of_any_kind_are_allowed() {
    let phrases = WakePhrases::new(["hey jarvis", " Okay, Pipit ", "computer", "привет птица"]).unwrap();
    assert_eq!(phrases.written().collect::<Vec<_>>(), ["hey jarvis", "Okay, Pipit", "computer", "привет птица"]);
    let written = [
        "Hey Jarvis, lights on",
        "a jarvis lights on",
        "hey Travis lights on",
        "OK Pipit, lights on",
        "okay okay pip it lights on",
        "Komputer lights on",
        "commuter lights on",
        "Привет, птица! Который час?",
        "Привет, друзья!",
    ];
    expect![[r#"
        Hey Jarvis, lights on -> lights on|
        a jarvis lights on -> lights on|
        hey Travis lights on -> no
        OK Pipit, lights on -> lights on|
        okay okay pip it lights on -> lights on|
        Komputer lights on -> lights on|
        commuter lights on -> perhaps
        Привет, птица! Который час? -> Который час?|
        Привет, друзья! -> no
    "#]]
    .assert_eq(&table(&phrases, &written));
}

#[test]
fn words_of_somebody_else_may_stand_before_the_phrase_where_that_is_allowed() {
    let phrases = pipit();
    for (transcript, others, address) in [
        ("over there hey pipit lights on", 2, Address::ToPipit("lights on")),
        ("over there hey pipit lights on", 1, Address::ToSomebodyElse),
        ("hey pick it hey pipit lights on", 3, Address::ToPipit("lights on")),
        ("", 3, Address::ToSomebodyElse),
    ] {
        assert!(phrases.find_after(transcript, others) == address, "{transcript}");
    }
}

#[test]
fn a_phrase_that_everyday_talk_would_hold_is_refused() {
    for phrase in ["", "...", "hey", "bob", "a b c"] {
        assert_eq!(WakePhrases::new(["hey pipit", phrase]).unwrap_err(), ShortPhrase(phrase.to_owned()));
    }
    assert_eq!(WakePhrases::new([]).unwrap().find("hey pipit"), Address::ToSomebodyElse);
}

#[test]
fn what_was_said_does_not_show_in_debug_output() {
    let shown = format!("{:?} {:?}", pipit().find("hey pipit secret"), pipit().find("hey picket secret"));
    assert_eq!(shown, "ToPipit Perhaps");
}

/// A column of a table among the shared test data, or `None` where this machine has none.
fn shared(path: &str, column: usize) -> Option<Vec<String>> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora").join(path);
    let text = std::fs::read_to_string(file).ok();
    if text.is_none() {
        eprintln!("skipped: {path} is not here");
    }
    let field = |line: &str| line.split('\t').nth(column).unwrap_or_default().to_owned();
    text.map(|text| text.lines().skip(1).map(field).collect())
}

#[test]
fn nobody_who_talks_of_other_things_is_taken_to_address_pipit() {
    for (path, column) in [("slurp_text/slurp_devel.tsv", 1), ("turn_text/turnsense.tsv", 0)] {
        let Some(sentences) = shared(path, column) else { continue };
        for phrase in ["hey pipit", "okay pipit", "pipit", "hey jarvis", "computer"] {
            let phrases = WakePhrases::new([phrase]).unwrap();
            let taken: Vec<_> = sentences.iter().filter(|s| matches!(phrases.find(s), Address::ToPipit(_))).collect();
            let nearly: Vec<_> = sentences.iter().filter(|s| matches!(phrases.find(s), Address::Perhaps(_))).collect();
            eprintln!("{path}: {phrase} in {} of {}, nearly in {nearly:?}", taken.len(), sentences.len());
            let meant = |sentence: &str| sentence.to_lowercase().starts_with(phrase);
            assert!(taken.iter().all(|sentence| meant(sentence)), "{phrase}: {taken:#?}");
        }
    }
}

#[test]
fn whatever_follows_the_phrase_is_given_back_as_it_was() {
    let Some(sentences) = shared("slurp_text/slurp_devel.tsv", 1) else { return };
    let written = ["Hey Pipit, ", "hey pip it ", "um, a pippet. ", "Oh, hay peppit! "];
    for (sentence, before) in sentences.iter().zip(written.iter().cycle()) {
        let transcript = format!("{before}{sentence}");
        assert_eq!(table(&pipit(), &[&transcript]), format!("{transcript} -> {}|\n", sentence.trim()));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", phrase in "[\\p{L}\\p{N} ,.'-]{0,20}") {
        let _ = pipit().find(&text);
        if let Ok(phrases) = WakePhrases::new([phrase.as_str()]) {
            // What the owner wrote is what they may say, whatever letters it has.
            let said = format!("{phrase} {text}");
            prop_assert!(matches!(phrases.find(&said), Address::ToPipit(_)), "{}", said);
        }
    }

    #[test]
    fn the_request_is_the_end_of_the_transcript(text in "(hey|a|um|pip|it|pipit|peppit|[a-z]{1,6}|[ ,.!?]){0,12}") {
        if let Address::ToPipit(request) | Address::Perhaps(request) = pipit().find(&text) {
            prop_assert!(text.trim_end().ends_with(request) || request.is_empty());
            prop_assert!(request.is_empty() || request.starts_with(char::is_alphanumeric));
        }
    }
}
