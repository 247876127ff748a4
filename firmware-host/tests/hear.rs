//! `pipit hear`: from a recording to a spoken reply, every step of it done by the real component.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::recording::{self, Sound, TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, demo};
use support::server::{Server, cut_after, nobody, streamed};
use support::{Home, Said};

#[test]
fn every_recording_of_the_demo_is_understood_and_answered_aloud() {
    let (home, recordings) = (Home::new(), recording::all_of_the_demo());
    let said = home.hear(&recordings).succeeded();
    let words: Vec<_> = recordings.iter().map(|recording| recording::words_beside(recording)).collect();
    assert_eq!(said.transcripts(), words);
    for (number, turn) in said.turns().iter().enumerate() {
        assert_eq!(turn["turn"], number as u64 + 1);
        assert!(turn["intent"].is_string(), "{turn}");
        assert!(["smart_turn", "intent", "silence"].contains(&turn["ended_by"].as_str().unwrap()), "{turn}");
        Sound::of(reply_wav(turn)).could_be(turn["reply"].as_str().unwrap());
        stages_follow_one_another(turn);
    }
}

#[test]
fn a_turn_is_one_line_of_json_with_the_agreed_keys() {
    let home = Home::new();
    let said = home.hear(&[demo(WHAT_TIME_IS_IT)]).succeeded();
    assert_eq!(said.out.lines().count(), 1, "{said:?}");
    let turn = &said.turns()[0];
    for key in ["turn", "transcript", "intent", "reply", "reply_wav", "ended_by", "timings_ms"] {
        assert!(turn.get(key).is_some_and(|value| !value.is_null()), "{key} in {turn}");
    }
    assert_eq!(turn["intent"], "HassGetCurrentTime");
}

#[test]
fn the_waterfall_says_when_each_stage_began_and_ended() {
    let home = Home::new();
    let said = home.hear(&[demo(TWELVE_TIMES_SEVEN)]).succeeded();
    let turn = &said.turns()[0];
    let drafts = turn["waterfall"]["drafts"].as_array().unwrap();
    assert_eq!(turn["drafts"], drafts.len());
    let (answer, earlier) = drafts.split_last().unwrap();
    for draft in earlier {
        let thrown_away = |span: &Value| span["discarded"] == true && span["speculative"] == true;
        assert!(
            draft["dropped_ms"].is_number() && draft["spans"].as_array().unwrap().iter().all(thrown_away),
            "{turn}"
        );
    }
    assert!(answer["dropped_ms"].is_null(), "{turn}");
    let span = |stage: &str| {
        let mut spans = answer["spans"].as_array().unwrap().iter();
        spans.find(|span| span["stage"] == stage).unwrap_or_else(|| panic!("no {stage} in {turn}"))
    };
    let ms =
        |stage: &str, key: &str| span(stage)[key].as_f64().unwrap_or_else(|| panic!("no {key} of {stage}: {turn}"));
    for stage in ["transcription", "understanding", "synthesis", "playback"] {
        assert!(ms(stage, "began_ms") <= ms(stage, "ended_ms") && span(stage)["discarded"] == false, "{stage}: {turn}");
    }
    // It was begun when the voice fell silent, in the hope that the turn was over, and each stage waits for the one before it.
    assert_eq!(span("transcription")["speculative"], true, "{turn}");
    assert_eq!(span("playback")["speculative"], false, "nothing is heard before the turn is decided: {turn}");
    let order = ["transcription", "understanding", "synthesis", "playback"];
    assert!(order.map(|stage| ms(stage, "ended_ms")).is_sorted(), "{turn}");
    assert!(order.map(|stage| ms(stage, "began_ms")).is_sorted(), "{turn}");
    let took = ms("transcription", "ended_ms") - ms("transcription", "began_ms");
    assert!(ms("transcription", "model_ms") > 0.0 && ms("transcription", "model_ms") <= took + 0.2, "{turn}");
    assert!(!turn["waterfall"].to_string().contains("twelve"), "no word that was said is in it: {turn}");
}

/// What is decided may not depend on how fast it is decided.
#[test]
fn in_real_time_the_same_is_decided() {
    let home = Home::new();
    let fast = home.hear(&[demo(TWELVE_TIMES_SEVEN)]).succeeded();
    let live = home.pipit(home.hearing(&[demo(TWELVE_TIMES_SEVEN)], true)).succeeded();
    assert_eq!((fast.turns().len(), live.turns().len()), (1, 1), "{fast:?} {live:?}");
    // What it was ended by is whichever of the reasons to end it came first.
    for key in ["turn", "transcript", "intent", "reply"] {
        assert_eq!(fast.turns()[0][key], live.turns()[0][key], "{key}");
    }
    stages_follow_one_another(&live.turns()[0]);
}

#[test]
fn two_requests_in_one_recording_are_two_turns_with_whole_replies() {
    let home = Home::new();
    let both = home.path("both.wav");
    let parts = [recording::samples(TWELVE_TIMES_SEVEN), recording::silence(2.0), recording::samples(WHAT_TIME_IS_IT)];
    recording::write(&both, &parts.concat());
    let said = home.hear(&[&both]).succeeded();
    let words = [TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT].map(|name| recording::words_beside(&demo(name)));
    assert_eq!(said.transcripts(), words);
    let turns = said.turns();
    assert_ne!(turns[0]["reply_wav"], turns[1]["reply_wav"]);
    for turn in &turns {
        Sound::of(reply_wav(turn)).could_be(turn["reply"].as_str().unwrap());
    }
}

#[test]
fn what_was_said_by_voice_is_remembered_by_the_next_process() {
    let home = Home::new();
    let said = home.hear(&[demo(TWELVE_TIMES_SEVEN)]).succeeded();
    let reply = said.turns()[0]["reply"].as_str().unwrap().to_owned();
    assert!(reply.contains("84"), "{reply}");
    assert_eq!(home.ask("repeat that"), reply);
}

/// What no built-in sentence covers goes to the language model, and where that fails Pipit apologises aloud.
#[test]
fn a_language_model_answers_by_voice_and_its_absence_is_apologised_for() {
    let home = Home::new();
    let request = home.path("request.wav");
    home.pipit(["say", "Turn on the kitchen light.", "-o", request.to_str().unwrap()]).succeeded();
    let server = Server::answering(streamed(&["I have ", "no hands. ", "Would a ", "song do?"]));
    home.configure(&(home.usual_config() + &server.config()));
    let turn = &home.hear(&[&request]).succeeded().turns()[0];
    assert_eq!((&turn["transcript"], &turn["intent"]), (&"turn on the kitchen light".into(), &Value::Null));
    assert_eq!(turn["reply"], "I have no hands. Would a song do?");
    let answered = turn["waterfall"]["drafts"].as_array().unwrap().last().unwrap();
    let provider = json!({ "name": "openai-compatible", "model": "test", "tier": "on this device" });
    assert_eq!(answered["provider"], provider, "it is told who answered, and no address");
    Sound::of(reply_wav(turn)).could_be("I have no hands. Would a song do?");

    let broken = Server::answering(cut_after(&["I have no hands. ", "Would a "]));
    home.configure(&(home.usual_config() + &broken.config()));
    let said = home.hear(&[&request]).succeeded().said(&["broke off"]);
    assert!(said.turns()[0]["reply"].as_str().unwrap().contains("please ask again"), "{said:?}");
    home.configure(&(home.usual_config() + &server.config().replace(&server.address, &nobody())));
    let said = home.hear(&[&request, &demo(TWELVE_TIMES_SEVEN)]).succeeded().said(&["can be reached"]);
    let turns = said.turns();
    assert!(turns[0]["reply"].as_str().unwrap().contains("check that its server is running"), "{said:?}");
    assert!(turns[0]["reply_wav"].is_string(), "the apology is spoken: {said:?}");
    assert!(turns[1]["reply"].as_str().unwrap().contains("84"), "Pipit goes on: {said:?}");
}

#[test]
fn strict_fails_where_other_words_were_expected() {
    let home = Home::new();
    let recording = home.path("request.wav");
    recording::write(&recording, &recording::samples(WHAT_TIME_IS_IT));
    let strictly = || home.pipit([home.hearing(&[&recording], false), vec!["--strict".into()]].concat());
    strictly().succeeded();
    home.file("request.txt", "What time is it?\n");
    strictly().succeeded();
    home.file("request.txt", "what time is the train");
    strictly().failed_saying(&["request.wav", "what time is the train", "what time is it"]);
    recording::write(&recording, &recording::silence(2.0));
    strictly().failed_saying(&["request.wav", "nobody was heard to speak"]);
}

#[test]
fn without_json_a_person_can_read_what_happened() {
    let home = Home::new();
    let arguments = ["hear", "--realtime=false", "--replies", "here"].map(Into::into);
    let said = home.pipit([arguments.to_vec(), vec![demo(TWELVE_TIMES_SEVEN)]].concat()).succeeded();
    for words in
        ["how much is twelve times seven", "84", "reply-001.wav", "end of speech", "first audio", "prepared before"]
    {
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
    let bars = said.out.lines().filter(|line| !line.contains(".wav") && !line.contains("replied"));
    assert!(bars.into_iter().all(|line| line.chars().count() <= 80), "{}", said.out);
}

#[test]
fn a_reply_that_cannot_be_written_is_still_reported_with_what_to_do() {
    let home = Home::new();
    let in_the_way = home.file("replies", "a file where the folder should be");
    home.hear(&[demo(WHAT_TIME_IS_IT)])
        .failed_saying(&[in_the_way.to_str().unwrap(), "choose one that can be written to"]);
}

#[test]
fn a_full_disk_costs_the_reply_its_file_and_nothing_else() {
    let home = Home::new();
    assert!(home.ask("what is two plus two").contains('4'));
    let recordings = [demo(TWELVE_TIMES_SEVEN), demo(WHAT_TIME_IS_IT)];
    let said = Said::of(home.short_of_space(96).args(home.hearing(&recordings, false)).output().unwrap());
    let said = said.said(&["reply-001.wav", "free some space"]);
    assert_eq!(
        said.transcripts(),
        [TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT].map(|name| recording::words_beside(&demo(name)))
    );
    assert!(said.turns().iter().all(|turn| turn["reply_wav"].is_null()), "{said:?}");
    let left = std::fs::read_dir(home.path("replies")).unwrap().count();
    assert_eq!(left, 0, "half a reply only takes up room");
    assert!(home.ask("what is three plus three").contains('6'), "and Pipit goes on");
}

fn reply_wav(turn: &Value) -> &Path {
    Path::new(turn["reply_wav"].as_str().unwrap_or_else(|| panic!("no recording of the reply: {turn}")))
}

/// Of each turn, all stages were reached, and in their order.
#[track_caller]
fn stages_follow_one_another(turn: &Value) {
    let at = |stage: &str| turn["timings_ms"][stage].as_f64().unwrap();
    // An answer is prepared while it is not yet certain that the turn is over, so only its sound waits for that.
    for stages in [&["transcript", "reply_first_text", "first_audio"][..], &["pause", "turn_decided", "first_audio"]] {
        assert!(stages.iter().map(|stage| at(stage)).is_sorted(), "{turn}");
    }
    // Nothing can be decided without some silence.
    assert!(at("speech_end") == 0.0 && at("pause") > 30.0, "{turn}");
}
