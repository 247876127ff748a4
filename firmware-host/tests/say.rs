//! `pipit say`: any text becomes sound, or the reason why not becomes words.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use support::Home;
use support::recording::Sound;

#[test]
fn a_text_becomes_a_wav_file() {
    let home = Home::new();
    let text = "The washing machine has finished.";
    home.pipit(["say", text, "-o", "said.wav"]).succeeded();
    Sound::of(&home.path("said.wav")).could_be(text);
}

/// The whole way round: what Pipit says, it understands.
#[test]
fn pipit_understands_what_it_says() {
    let home = Home::new();
    home.pipit(["say", "What time is it?", "-o", "said.wav"]).succeeded();
    assert_eq!(home.hear(&[home.path("said.wav")]).succeeded().transcripts(), ["what time is it"]);
}

#[test]
fn odd_texts_are_spoken_or_come_to_nothing() {
    let home = Home::new();
    let long = "A sentence of middling length, spoken at leisure. ".repeat(200);
    let one_word = "a".repeat(5_000);
    let odd = [
        "",
        " ",
        "\n",
        "🐦🎉",
        "**bold** and `code`\n\n# Title\n- item",
        "-",
        "--version",
        "'\"$(ls)",
        "<b>&amp;</b>",
        &long,
        &one_word,
    ];
    for text in odd {
        home.pipit(["say", "-o", "odd.wav", "--", text]).succeeded();
        let sound = Sound::of(&home.path("odd.wav"));
        assert_eq!(sound.peak > 0.05, text.contains(char::is_alphabetic), "{sound:?} for {text:.40}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let home = Home::new();
    let nowhere = home.path("nowhere/said.wav");
    home.pipit(["say", "hello", "-o", nowhere.to_str().unwrap()]).failed_saying(&[nowhere.to_str().unwrap()]);
    home.pipit(["say", "hello", "-o", "/dev/full"]).failed_saying(&["/dev/full"]);
}

#[test]
fn without_espeak_ng_the_message_says_how_to_get_it() {
    let home = Home::new();
    let mut command = home.command();
    let said = command.env("PATH", home.path("nowhere")).args(["say", "hello", "-o", "said.wav"]).output().unwrap();
    support::Said::of(said).failed_saying(&["espeak-ng", "install"]);
}

/// Silence takes the time that speech would.
#[test]
fn the_null_speaker_is_spoken_to() {
    let home = Home::new();
    home.pipit(["say", "yes"]).succeeded();
}
