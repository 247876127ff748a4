//! The real espeak-ng: what it says is understood, and whatever program stands in its place, Pipit gets away from it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::espeak::{Espeak, EspeakNg, EspeakSettings};
use pipit_models::voice::{Voice, VoiceError};
use pipit_models::whisper::{self, Whisper, WhisperSettings, WhisperSource};

const LONG_ENOUGH: Duration = Duration::from_secs(30);

fn espeak(voice: &str) -> Result<Espeak, VoiceError> {
    Espeak::new(EspeakSettings { voice: voice.to_owned(), ..EspeakSettings::default() })
}

/// A program with the espeak-ng options that are asked of it before it speaks, and `speaking` when it should speak.
fn program(folder: &Path, speaking: &str) -> std::path::PathBuf {
    let path = folder.join("espeak-ng");
    let list = "Pty Language Age/Gender VoiceName File\\n 2 en-us --/M English gmw/en-US\\n";
    let script = format!("#!/bin/sh\ncase \"$1\" in --voices*) printf '{list}'; exit 0;; esac\n{speaking}\n");
    std::fs::write(&path, script).expect("the folder is ours");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    path
}

fn with_program(path: &Path, time_limit: Duration) -> Result<Espeak, VoiceError> {
    let program = EspeakNg::at(path, time_limit);
    Espeak::new(EspeakSettings { program, ..EspeakSettings::default() })
}

#[test]
fn what_it_says_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let mut whisper = Whisper::load(&WhisperSource::Bytes(whisper::nano()), &WhisperSettings::default()).unwrap();
    let mut voice = espeak("en-us").unwrap();
    for request in ["what time is it", "turn off the kitchen light", "set a timer for eight minutes"] {
        let path = folder.path().join("request.wav");
        clip::write_wav(&path, &voice.speak(request, &CancelFlag::new()).unwrap()).unwrap();
        let heard = whisper.transcribe(clip::read(&path).unwrap().samples(), &CancelFlag::new()).unwrap();
        assert_eq!(heard.text.trim_end_matches(['.', '?']), request);
    }
}

#[test]
fn a_dash_in_front_is_spoken() {
    let mut voice = espeak("en-us").unwrap();
    let mut length = |text: &str| voice.speak(text, &CancelFlag::new()).unwrap().samples().len();
    assert_eq!(length("--version of the day"), length("version of the day"));
    assert_eq!(length("[[h@l]]"), length("[h@l]]"));
}

#[test]
fn voices_and_variants_are_checked_before_anything_is_said() {
    for known in ["en-gb", "EN-GB", "en-us+f3", "gmw/en-US", "de"] {
        assert!(espeak(known).is_ok(), "{known}");
    }
    let error = espeak("en-gbb").err().unwrap().to_string();
    assert!(error.contains("no espeak-ng voice `en-gbb`") && error.contains("en-gb,"), "{error}");
    let error = espeak("en-gb+f99").err().unwrap().to_string();
    assert!(error.contains("no espeak-ng variant `f99`"), "{error}");
    for hostile in ["", "-x", "--path=/", "../../x", "en\0us", "en us"] {
        assert!(matches!(espeak(hostile), Err(VoiceError::Unknown { .. })), "{hostile:?}");
    }
}

#[test]
fn a_missing_program_names_the_package() {
    let error = with_program(Path::new("/nowhere/espeak-ng"), LONG_ENOUGH).err().unwrap();
    assert!(matches!(error, VoiceError::NotInstalled(_)));
    assert!(error.to_string().contains("apt install espeak-ng"), "{error}");
}

#[test]
fn a_program_that_hangs_is_ended_by_the_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path(), "exec sleep 600");
    let mut voice = with_program(&path, Duration::from_millis(300)).unwrap();
    let error = voice.speak("hello", &CancelFlag::new()).unwrap_err();
    assert!(error.to_string().contains("not finished after 0.3 s"), "{error}");
}

#[test]
fn cancelling_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    // Longer than a pipe holds, so that the text is still being written when the flag goes up.
    let text = "word ".repeat(100_000);
    let path = program(folder.path(), &format!("echo $$ > {}.new; mv {0}.new {0}; exec sleep 600", begun.display()));
    let mut voice = with_program(&path, LONG_ENOUGH * 10).unwrap();
    let cancel = CancelFlag::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !begun.exists() {
                std::thread::yield_now();
            }
            cancel.cancel();
        });
        assert!(matches!(voice.speak(&text, &cancel), Err(VoiceError::Cancelled)));
    });
    let process = std::fs::read_to_string(&begun).unwrap();
    assert!(!Path::new("/proc").join(process.trim()).exists(), "process {process} is still there");
}

#[test]
fn a_program_that_fails_or_babbles_is_quoted() {
    let table = [
        ("cat >/dev/null; echo 'no such dictionary' >&2; exit 3", "no such dictionary"),
        ("exit 4", "exit status: 4"),
        ("cat >/dev/null; echo this is no sound", "not 16-bit mono sound"),
        ("head -c 100000 /dev/zero", "not 16-bit mono sound"),
    ];
    for (speaking, expected) in table {
        let folder = tempfile::tempdir().unwrap();
        let mut voice = with_program(&program(folder.path(), speaking), LONG_ENOUGH).unwrap();
        let error = voice.speak("hello", &CancelFlag::new()).unwrap_err();
        assert!(matches!(error, VoiceError::Failed(_)) && error.to_string().contains(expected), "{error}");
    }
}
