//! Model files that are missing, damaged or something else: the message names the file and what to do about it.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::recording::{WHAT_TIME_IS_IT, demo};
use support::{Home, Said, models_folder};

const SILERO_VAD: &str = "silero-vad-v6.onnx";
const SMART_TURN: &str = "smart-turn-v3.2.onnx";
const RUNTIME: &str = "onnxruntime/libonnxruntime.so";

#[test]
fn a_recogniser_that_is_none_is_refused() {
    let home = Home::new();
    let nano = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pipit-nano-en-q5_0.bin")).unwrap();
    let mut huge = nano.clone();
    // The width of the audio encoder, which its tensors then do not have.
    huge[12..16].copy_from_slice(&1_000_000_i32.to_le_bytes());
    let cases = [
        home.file("empty.bin", ""),
        home.file("beginning.bin", &nano[..20]),
        home.file("half.bin", &nano[..nano.len() / 2]),
        home.file("almost.bin", &nano[..nano.len() - 1]),
        home.file("huge.bin", huge),
        home.file("page.bin", "<!doctype html><title>404</title>".repeat(1000)),
        home.file("zeros.bin", vec![0; 100_000]),
        models_folder().join(SILERO_VAD),
        home.path("missing.bin"),
        home.path("."),
    ];
    for model in cases {
        hear_with(&home, &[("stt.model", &model)]).failed_saying(&[model.to_str().unwrap(), "fetch"]);
    }
}

#[test]
fn a_recogniser_that_is_not_installed_is_named_with_how_to_get_it() {
    let home = Home::new();
    let missing = |name: &str| home.pipit([vec![format!("--set=stt.model={name}").into()], listening(&home)].concat());
    missing("whisper-tiny.en").failed_saying(&["whisper-tiny.en", "pipit models pull whisper-tiny.en"]);
    missing("whisper-tny.en").failed_saying(&["whisper-tny.en", "whisper-tiny.en"]);
    missing("kokoro-v1.0").failed_saying(&["kokoro-v1.0", "no recogniser"]);
}

#[test]
fn a_damaged_neural_ear_is_named_with_what_to_do() {
    for model in [SILERO_VAD, SMART_TURN] {
        let real = fs::read(models_folder().join(model)).unwrap();
        let other = fs::read(models_folder().join(if model == SMART_TURN { SILERO_VAD } else { SMART_TURN })).unwrap();
        let spoilt = [("half", &real[..real.len() / 2]), ("empty", &[]), ("text", b"not found"), ("other", &other[..])];
        for (how, content) in spoilt {
            let home = Home::new();
            let folder = linked_models(&home, model);
            let file = folder.join(model);
            fs::write(&file, content).unwrap();
            let said = hear_with(&home, &[("models.dir", &folder)]);
            assert!(!said.err.contains("<!"), "{how}: {said:?}");
            said.failed_saying(&[file.to_str().unwrap(), "fetch it again"]);
        }
    }
}

/// As on a 32-bit board, for which there is no ONNX Runtime: it is said, and heard all the same.
#[test]
fn what_is_missing_has_something_in_its_place() {
    let cases = [
        (SILERO_VAD, "a lighter detector"),
        (SMART_TURN, "silence alone decides"),
        (RUNTIME, "a lighter detector tells voices from noise, silence alone decides"),
    ];
    for (missing, instead) in cases {
        let home = Home::new();
        let (folder, nowhere) = (linked_models(&home, missing), home.path("nowhere"));
        let said = hear_with(&home, &[("models.dir", &folder), ("models.system_dir", &nowhere)]).succeeded();
        let turn: serde_json::Value = serde_json::from_str(said.out.lines().next().unwrap()).unwrap();
        assert_eq!(turn["intent"], "HassGetCurrentTime", "{missing}: {said:?}");
        for words in [folder.join(missing).to_str().unwrap(), instead, "pipit-models"] {
            assert!(said.err.contains(words), "{missing}: {words}: {}", said.err);
        }
    }
}

/// As where the package pipit-models is installed.
#[test]
fn what_came_with_the_system_is_found_there() {
    let home = Home::new();
    let (empty, folder) = (home.path("empty"), models_folder());
    let said = hear_with(&home, &[("models.dir", &empty), ("models.system_dir", &folder)]).succeeded();
    assert!(said.out.contains("HassGetCurrentTime"), "{said:?}");
    assert!(!said.err.contains("missing"), "{}", said.err);
}

#[test]
fn a_runtime_that_is_named_must_be_there() {
    let home = Home::new();
    let library = home.path("nowhere.so");
    hear_with(&home, &[("models.runtime", &library)]).failed_saying(&[library.to_str().unwrap(), "set-up script"]);
    let text = home.file("text.so", "not a library");
    hear_with(&home, &[("models.runtime", &text)]).failed_saying(&[text.to_str().unwrap(), "set-up script"]);
}

/// A library that is there, and is another.
#[test]
fn another_library_in_the_runtimes_place_is_refused() {
    let home = Home::new();
    let libraries = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    let Some(library) = libraries.iter().map(Path::new).find(|library| library.exists()) else {
        println!("skipped: this system keeps its libraries elsewhere");
        return;
    };
    let library = library.canonicalize().unwrap();
    hear_with(&home, &[("models.runtime", &library)]).failed_saying(&[library.to_str().unwrap(), "set-up script"]);
}

/// espeak-ng needs neither, and the engine behind `pipit ask` needs no model at all.
#[test]
fn what_needs_no_model_works_without_any() {
    let home = Home::new();
    let nowhere = format!("--set=models.dir={}", home.path("nowhere").display());
    assert!(home.pipit([&nowhere, "ask", "what is two plus two"]).succeeded().out.contains('4'));
    home.pipit([&nowhere, "say", "hello", "-o", "hello.wav"]).succeeded();
    assert!(home.path("hello.wav").exists());
}

fn hear_with(home: &Home, settings: &[(&str, &Path)]) -> Said {
    let settings = settings.iter().map(|(key, path)| PathBuf::from(format!("--set={key}={}", path.display())));
    home.pipit(settings.chain(listening(home)))
}

fn listening(home: &Home) -> Vec<PathBuf> {
    home.hearing(&[demo(WHAT_TIME_IS_IT)], false)
}

/// A models folder in which `without` is missing and everything else is the real thing.
fn linked_models(home: &Home, without: &str) -> PathBuf {
    let folder = home.path("models");
    fs::create_dir_all(folder.join("onnxruntime")).unwrap();
    for file in [SILERO_VAD, SMART_TURN, RUNTIME].iter().filter(|file| **file != without) {
        symlink(models_folder().join(file), folder.join(file)).unwrap();
    }
    folder
}
