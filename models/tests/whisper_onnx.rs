//! Whisper on ONNX Runtime: it hears what whisper.cpp hears, stops when it is told to, and keeps what it has compiled.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod voice_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::error::ModelError;
use pipit_models::whisper::onnx::{Cache, LogitsHook, OnnxWhisper, Precision, Token};
use pipit_models::whisper::{Nothing, Outcome, Whisper, WhisperSettings, WhisperSource, nano};
use voice_support::runtime;

const REQUESTS: [&str; 6] = [
    "what time is it",
    "turn on the kitchen light",
    "set a timer for ten minutes",
    "close the blinds in the bedroom",
    "what is the weather tomorrow",
    "stop",
];

fn load(source: &WhisperSource, precision: Precision, cache: &Cache) -> Result<OnnxWhisper, ModelError> {
    OnnxWhisper::load(&runtime(), source, &WhisperSettings::default(), Some(precision), cache, &mut |_| true)
}

fn nano_in(precision: Precision) -> OnnxWhisper {
    let folder = tempfile::tempdir().unwrap();
    load(&WhisperSource::Bytes(nano()), precision, &Cache::new(folder.path())).unwrap()
}

/// Speech from espeak-ng at 16 kHz with silence around it, as the ear would cut it.
fn speech(text: &str) -> Vec<f32> {
    let wav = tempfile::NamedTempFile::new().unwrap();
    let run = std::process::Command::new("espeak-ng").arg("-w").arg(wav.path()).arg(text).status();
    assert!(run.unwrap().success());
    [&[0.0; 4000], clip::read(wav.path()).unwrap().samples(), &[0.0; 4000]].concat()
}

#[test]
fn it_hears_what_whisper_cpp_hears() {
    let mut theirs = Whisper::load(&WhisperSource::Bytes(nano()), &WhisperSettings::default()).unwrap();
    for (name, most) in [("fp32", 0.05), ("fp32+block8", 0.1), ("int8", 0.2)] {
        let mut ours = nano_in(Precision::named(name).unwrap());
        for request in REQUESTS {
            let sound = speech(request);
            let (expected, heard) = (
                theirs.transcribe(&sound, &CancelFlag::new()).unwrap(),
                ours.transcribe(&sound, &CancelFlag::new()).unwrap(),
            );
            assert_eq!((&heard.text, heard.outcome), (&expected.text, expected.outcome), "{name}");
            let difference = (heard.mean_log_probability - expected.mean_log_probability).abs();
            assert!(difference < most, "{name}, {request}: {difference}");
        }
    }
}

#[test]
fn nothing_is_heard_where_nobody_speaks() {
    let mut whisper = nano_in(Precision::EXACT);
    let mut click = vec![0.0; 16_000];
    click[8000..8040].fill(0.9);
    let hum: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.0196).sin() * 0.3).collect();
    for sound in [vec![], vec![0.4], vec![0.0; 32_000], click, hum, vec![f32::NAN; 9000]] {
        let transcript = whisper.transcribe(&sound, &CancelFlag::new()).unwrap();
        assert_eq!(transcript.text, "", "{transcript:?}");
    }
}

#[test]
fn words_are_found_in_five_minutes_and_beside_what_is_no_number() {
    let mut whisper = nano_in(Precision::EXACT);
    let words = speech("what time is it");
    let mut long = vec![0.0; 5 * 60 * 16_000];
    let middle = long.len() / 2;
    long[middle..middle + words.len()].copy_from_slice(&words);
    assert_eq!(whisper.transcribe(&long, &CancelFlag::new()).unwrap().text, "what time is it");
    let mut torn = words;
    torn[100] = f32::NAN;
    torn[200] = f32::INFINITY;
    assert_eq!(whisper.transcribe(&torn, &CancelFlag::new()).unwrap().text, "what time is it");
}

#[test]
fn a_flag_raised_at_any_time_leaves_words_or_a_cancellation() {
    let mut whisper = nano_in(Precision::EXACT);
    let sound = speech("set a timer for ten minutes");
    let raised = CancelFlag::new();
    raised.cancel();
    assert!(matches!(whisper.transcribe(&sound, &raised), Err(ModelError::Cancelled)));
    for step in 0..12 {
        let cancel = CancelFlag::new();
        let raise = cancel.clone();
        let raiser = std::thread::spawn(move || {
            (0..step * 40_000).for_each(|_| std::hint::spin_loop());
            raise.cancel();
        });
        match whisper.transcribe(&sound, &cancel) {
            Ok(transcript) => assert_eq!(transcript.text, "set a timer for ten minutes"),
            Err(error) => assert!(matches!(error, ModelError::Cancelled), "{error}"),
        }
        raiser.join().unwrap();
    }
    assert_eq!(whisper.transcribe(&sound, &CancelFlag::new()).unwrap().text, "set a timer for ten minutes");
}

#[test]
fn who_was_listened_to_ahead_is_heard_like_anybody_else() {
    let mut whisper = nano_in(Precision::named("fp32+block8").unwrap());
    let sentence = "set a timer for ten minutes";
    let sound = speech(sentence);
    let mut agreed = Vec::new();
    for until in (8_000..sound.len()).step_by(8_000) {
        agreed.push(whisper.follow(&sound[..until], &CancelFlag::new()).unwrap());
    }
    assert!(agreed.iter().all(|agreed| sentence.starts_with(agreed)), "{agreed:?}");
    assert!(agreed.last().is_some_and(|agreed| !agreed.is_empty()), "{agreed:?}");
    let transcript = whisper.transcribe(&sound, &CancelFlag::new()).unwrap();
    assert_eq!(transcript.text, sentence);
    // Most of it was known before the end.
    let spent = whisper.spent();
    assert!(spent.guessed * 2 > spent.tokens, "{spent:?}");
    // Somebody else begins alike and says something else, and what was expected of the first does not matter.
    let other = [&sound[..12_000], speech("what time is it").as_slice()].concat();
    let heard = whisper.transcribe(&other, &CancelFlag::new()).unwrap();
    let mut fresh = nano_in(Precision::named("fp32+block8").unwrap());
    assert_eq!(heard.text, fresh.transcribe(&other, &CancelFlag::new()).unwrap().text);
}

/// Loads nano's file and says how often it was told how far compiling has come.
fn compilations(source: &WhisperSource, cache: &Cache) -> usize {
    let mut told = 0;
    let mut tell = |share: f32| {
        assert!((0.0..=1.0).contains(&share), "{share}");
        told += 1;
        true
    };
    let settings = WhisperSettings::default();
    let mut whisper =
        OnnxWhisper::load(&runtime(), source, &settings, Some(Precision::EXACT), cache, &mut tell).unwrap();
    let heard = whisper.transcribe(&speech("what time is it"), &CancelFlag::new()).unwrap();
    assert_eq!(heard.text, "what time is it");
    told
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_model_is_compiled_once_and_again_where_what_was_kept_is_damaged() {
    let home = tempfile::tempdir().unwrap();
    let (file, folder) = (home.path().join("nano.bin"), home.path().join("compiled"));
    fs::write(&file, nano()).unwrap();
    let (source, cache) = (WhisperSource::File(file.clone()), Cache::new(&folder));
    assert_ne!(compilations(&source, &cache), 0);
    assert_eq!(compilations(&source, &cache), 0);
    // The same file under another name, and the same model out of memory.
    let copy = home.path().join("copy.bin");
    fs::copy(&file, &copy).unwrap();
    assert_eq!(compilations(&WhisperSource::File(copy), &cache), 0);
    assert_eq!(compilations(&WhisperSource::Bytes(nano()), &cache), 0);

    let kept = entries(&folder).pop().unwrap();
    for name in ["weights.bin", "encoder.onnx", "decoder.onnx", "compiled.json"] {
        let damaged = kept.join(name);
        let bytes = fs::read(&damaged).unwrap();
        fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
        assert_ne!(compilations(&source, &cache), 0, "{name} was cut to half its length");
        fs::remove_file(&damaged).unwrap();
        assert_ne!(compilations(&source, &cache), 0, "{name} was removed");
    }
    fs::write(kept.join("decoder.onnx"), "no graph").unwrap();
    assert_ne!(compilations(&source, &cache), 0, "the decoder is another file");
    let notes = fs::read_to_string(kept.join("compiled.json")).unwrap();
    fs::write(kept.join("compiled.json"), notes.replace("\"version\":", "\"version\":9")).unwrap();
    assert_ne!(compilations(&source, &cache), 0, "another version compiled it");
    assert_eq!(entries(&folder), [kept]);
    assert_eq!(compilations(&source, &cache), 0);
}

#[test]
fn compiling_that_is_no_longer_wanted_or_that_was_cut_off_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::new(home.path());
    let source = WhisperSource::Bytes(nano());
    let (mut told, settings) = (0, WhisperSettings::default());
    let mut tell = |_| {
        told += 1;
        told < 5
    };
    let stopped = OnnxWhisper::load(&runtime(), &source, &settings, Some(Precision::EXACT), &cache, &mut tell);
    assert!(matches!(stopped, Err(ModelError::Cancelled)), "{stopped:?}");
    assert_eq!(entries(home.path()), Vec::<PathBuf>::new());
    // As a process leaves it that was killed; no process has this number.
    let unfinished = home.path().join(".compiling-99999999-abc");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("weights.bin"), [0; 100]).unwrap();
    load(&source, Precision::EXACT, &cache).unwrap();
    assert!(!unfinished.exists());
}

#[test]
fn what_cannot_be_compiled_says_why() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("no-folder");
    fs::write(&file, "").unwrap();
    let error = load(&WhisperSource::Bytes(nano()), Precision::EXACT, &Cache::new(&file)).unwrap_err();
    assert!(matches!(error, ModelError::NotCompiled { .. }), "{error}");
    assert!(error.to_string().contains("no-folder"), "{error}");

    let mut bytes = nano().to_vec();
    let name = b"decoder.ln.bias";
    let after = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    bytes[after..after + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let damaged = home.path().join("damaged.bin");
    fs::write(&damaged, bytes).unwrap();
    let cache = Cache::new(home.path().join("compiled"));
    let error = load(&WhisperSource::File(damaged), Precision::EXACT, &cache).unwrap_err().to_string();
    assert!(error.contains("damaged.bin") && error.contains("decoder.ln.bias"), "{error}");

    let german = WhisperSettings { language: Some("de".to_owned()), ..WhisperSettings::default() };
    let refused =
        OnnxWhisper::load(&runtime(), &WhisperSource::Bytes(nano()), &german, None, &cache, &mut |_| true).unwrap_err();
    assert!(matches!(refused, ModelError::Settings(_)), "{refused}");
}

#[test]
fn a_loop_is_none_of_its_words() {
    // Random weights never end by themselves where the sound is longer than what they say.
    let mut whisper = nano_in(Precision::named("block4").unwrap());
    let noise: Vec<f32> = (0..64_000).map(|i| ((i * 7919 % 1013) as f32 / 506.0 - 1.0) * 0.2).collect();
    let heard = whisper.transcribe(&noise, &CancelFlag::new()).unwrap();
    assert_ne!(heard.outcome, Outcome::Words, "{heard:?}");
    assert_ne!(heard.outcome, Outcome::Nothing(Nothing::Silence), "{heard:?}");
}

/// Ends the text at once, and counts how often it is asked.
struct Impatient(Arc<AtomicUsize>);

impl LogitsHook for Impatient {
    fn adjust(&mut self, said: &[Token], logits: &mut [f32]) {
        self.0.fetch_add(1, Ordering::Relaxed);
        if said.len() == 2 {
            // The token that ends a text, of a model for English alone.
            logits[50_256] = 1e6;
        }
    }
}

#[test]
fn a_hook_has_a_say_and_what_is_expected_leaves_room_for_what_is_said() {
    let mut whisper = nano_in(Precision::EXACT);
    let sound = speech("turn on the kitchen light");
    let asked = Arc::new(AtomicUsize::new(0));
    whisper.set_hook(Some(Box::new(Impatient(Arc::clone(&asked)))));
    assert_eq!(whisper.transcribe(&sound, &CancelFlag::new()).unwrap().text, "turn on");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    whisper.set_hook(None);
    assert_eq!(whisper.transcribe(&sound, &CancelFlag::new()).unwrap().text, "turn on the kitchen light");
    // The model in the box was never given anything before a transcript, so what it makes of it is its affair.
    whisper.expect(&"the kitchen light and the blinds ".repeat(200));
    whisper.transcribe(&sound, &CancelFlag::new()).unwrap();
    whisper.expect("");
    whisper.try_again(true);
    assert_eq!(whisper.transcribe(&sound, &CancelFlag::new()).unwrap().text, "turn on the kitchen light");
}
