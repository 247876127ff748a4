//! Wake modes by recordings: what was said while Pipit slept leads to no turn, no reply and no word on any disk, and what
//! wakes it makes it answer.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::recording::{self, TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, samples, silence};
use support::{Home, Said};

/// Words that the recogniser in the box knows, which "pipit" is not.
const PHRASE: &str = "good morning";

/// What is said to others holds these words. Nothing else on any disk does.
const SECRET: [&str; 2] = ["twelve", "seven"];

fn home_in_mode(wake: &str) -> Home {
    let home = Home::new();
    home.configure(&(home.usual_config() + "[wake]\n" + wake));
    home
}

/// Lets Pipit listen, and say all that it ever says about it.
fn hear(home: &Home, recording: &Path, realtime: bool) -> Said {
    let mut command = home.command();
    command.env("RUST_LOG", "trace").args(home.hearing(&[recording], realtime));
    Said::of(command.output().unwrap()).succeeded()
}

/// espeak-ng says `words`.
fn said(home: &Home, words: &str) -> Vec<f32> {
    let file = home.path("said.wav");
    home.pipit(["say", words, "-o", file.to_str().unwrap()]).succeeded();
    let pcm = pipit_models::clip::read(&file).unwrap();
    pcm.samples().to_vec()
}

/// A recording of these parts, with silence between them.
fn recording(home: &Home, name: &str, parts: &[Vec<f32>]) -> PathBuf {
    let file = home.path(name);
    let apart: Vec<f32> = parts.iter().flat_map(|part| [silence(1.5), part.clone()].concat()).collect();
    recording::write(&file, &apart);
    file
}

/// Nothing below the home holds what was said to others, but the recordings themselves.
#[track_caller]
fn keeps_no_secret(home: &Home, said: &Said) {
    for secret in SECRET {
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "{secret}: {said:?}");
        let mut folders = vec![home.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let bytes = fs::read(&entry).unwrap();
                    let found =
                        bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
                    assert!(!found, "{secret} is in {}", entry.display());
                }
            }
        }
    }
    assert!(home.path("state").read_dir().unwrap().count() > 0, "the history is looked through too");
}

fn replies(home: &Home) -> usize {
    fs::read_dir(home.path("replies")).map_or(0, Iterator::count)
}

#[test]
fn in_phrase_mode_only_what_begins_with_the_phrase_is_answered() {
    let home = home_in_mode(&format!("mode = \"phrase\"\nphrases = \"{PHRASE}\"\n"));
    let request = said(&home, "Good morning, what time is it?");
    let file = recording(&home, "both.wav", &[samples(TWELVE_TIMES_SEVEN), request]);
    let fast = hear(&home, &file, false);
    assert_eq!(fast.transcripts(), ["what time is it"], "{fast:?}");
    assert_eq!(fast.turns()[0]["intent"], "HassGetCurrentTime");
    assert_eq!(replies(&home), 1);
    keeps_no_secret(&home, &fast);
    assert!(home.ask("repeat that").contains(fast.turns()[0]["reply"].as_str().unwrap()));

    let live = hear(&home, &file, true);
    assert_eq!(live.transcripts(), fast.transcripts(), "in real time the same is decided");
    keeps_no_secret(&home, &live);
}

#[test]
fn after_the_phrase_alone_and_after_a_reply_no_phrase_is_needed() {
    let home = home_in_mode(&format!("mode = \"phrase\"\nphrases = \"{PHRASE}\"\n"));
    let parts = [said(&home, "Good morning."), samples(WHAT_TIME_IS_IT), samples(TWELVE_TIMES_SEVEN)];
    let said = home.hear(&[&recording(&home, "three.wav", &parts)]).succeeded();
    assert_eq!(said.transcripts(), ["what time is it", "how much is twelve times seven"], "{said:?}");
}

#[test]
fn push_to_talk_hears_nobody_without_the_button() {
    let home = home_in_mode("mode = \"push-to-talk\"\n");
    let file = recording(&home, "said.wav", &[samples(TWELVE_TIMES_SEVEN)]);
    let said = hear(&home, &file, false);
    assert_eq!(said.out, "", "{said:?}");
    assert_eq!(replies(&home), 0);
    keeps_no_secret(&home, &said);
    let strictly = home.pipit([home.hearing(&[&file], false), vec!["--strict".into()]].concat());
    assert!(strictly.code == Some(1) && strictly.err.contains("to Pipit, as wake.mode asks"), "{strictly:?}");
}

#[test]
fn a_wake_word_by_its_sound_makes_it_listen() {
    let clips = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/wake_words/audio");
    let Ok(alexa) = pipit_models::clip::read(&clips.join("alexa_203.flac")) else {
        println!("skipped: {} is not there", clips.display());
        return;
    };
    let home = home_in_mode("mode = \"openwakeword\"\nmodel = \"openwakeword-alexa\"\n");
    let secret = samples(TWELVE_TIMES_SEVEN);
    let parts = [secret.clone(), alexa.samples().to_vec(), samples(WHAT_TIME_IS_IT)];
    let file = recording(&home, "three.wav", &parts);
    for realtime in [false, true] {
        let heard = hear(&home, &file, realtime);
        assert_eq!(heard.transcripts(), ["what time is it"], "{heard:?}");
        assert!(heard.err.contains("wakes=1") && heard.err.contains("false_accepts=0"), "{heard:?}");
        keeps_no_secret(&home, &heard);
    }
    let asleep = hear(&home, &recording(&home, "two.wav", &[secret, samples(WHAT_TIME_IS_IT)]), false);
    assert_eq!(asleep.out, "", "{asleep:?}");
}

#[test]
fn a_wake_word_that_is_not_there_is_named_with_what_fetches_it() {
    let empty = tempfile::tempdir().unwrap();
    for file in ["silero-vad-v6.onnx", "smart-turn-v3.2.onnx", "onnxruntime"] {
        std::os::unix::fs::symlink(support::models_folder().join(file), empty.path().join(file)).unwrap();
    }
    let models = format!("models.dir={}", empty.path().display());
    let hear_without = |home: &Home| {
        let arguments = ["--set", &models].map(PathBuf::from).to_vec();
        home.pipit([arguments, home.hearing(&[recording::demo(WHAT_TIME_IS_IT)], false)].concat()).succeeded()
    };
    let home = home_in_mode("mode = \"openwakeword\"\n");
    let heard =
        hear_without(&home).said(&["pipit models pull openwakeword-features openwakeword-hey_jarvis", "SIGUSR1"]);
    assert_eq!(heard.out, "", "{heard:?}");
    assert_eq!(hear_without(&Home::new()).transcripts(), ["what time is it"], "other modes go on");
    home_in_mode("mode = \"openwakeword\"\nmodel = \"silero-vad-v6\"\n")
        .hear(&[recording::demo(WHAT_TIME_IS_IT)])
        .succeeded()
        .said(&["silero-vad-v6", "is no wake word"]);
}
