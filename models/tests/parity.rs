//! Silero VAD, Smart Turn and openWakeWord against the Python packages they come from, on signals that both make from
//! integers, and openWakeWord on recordings too where this machine has them.
//!
//! The reference numbers were written by `models/eval/peers/references.py` and `wake_references.py`.

use std::path::{Path, PathBuf};

use pipit_models::clip;
use pipit_models::error::ModelError;
use pipit_models::openwakeword::OpenWakeWord;
use pipit_models::runtime::Runtime;
use pipit_models::silero::SileroVad;
use pipit_models::smart_turn::SmartTurn;

/// Where the set-up puts what the tests need.
fn models_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("PIPIT_MODELS_DIR") {
        return folder.into();
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
    data.expect("HOME is set").join("pipit/models")
}

fn runtime() -> Runtime {
    Runtime::load(&models_folder().join("onnxruntime/libonnxruntime.so")).unwrap_or_else(|error| panic!("{error}"))
}

/// Buzzing syllables with pauses; `references.py` makes the same.
fn signal(seed: u32, length: usize) -> Vec<f32> {
    let (mut state, mut phase) = (seed, 0u32);
    (0..length as u32)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            phase = phase.wrapping_add(268_435 * (100 + 25 * ((i / 1600 + seed) % 5)));
            let centred = |bits: u32| i64::from(bits >> 16) - 32_768;
            let within = i % 3200;
            let envelope = if (i / 3200 + seed) % 4 == 3 { 0 } else { i64::from(within.min(3200 - within)) };
            let sound = 6 * centred(phase) + 3 * centred(phase.wrapping_mul(7)) + centred(state);
            ((sound * envelope) >> 15) as f32 / 32_768.0
        })
        .collect()
}

/// The rows of a file of reference numbers.
fn rows(text: &str) -> Vec<(u32, usize, f32)> {
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().expect("three fields");
        let seed = next().parse().expect("a seed");
        (seed, next().parse().expect("a count"), next().parse().expect("a probability"))
    };
    text.lines().map(row).collect()
}

#[test]
fn silero_gives_the_reference_probabilities() {
    let reference = rows(include_str!("parity/silero.tsv"));
    let mut silero = SileroVad::load(&runtime(), &models_folder().join("silero-vad-v6.onnx")).unwrap();
    for seed in [1, 2] {
        silero.reset();
        let frames: Vec<_> = reference.iter().filter(|row| row.0 == seed).collect();
        let mut samples = signal(seed, frames.len() * 512);
        if let Some(quiet) = samples.get_mut(80 * 512..140 * 512) {
            // Long enough for the state to be reset.
            quiet.fill(0.0);
        }
        for (frame, (_, at, expected)) in samples.as_chunks::<512>().0.iter().zip(frames) {
            let probability = silero.voice_activity(frame).unwrap();
            assert!((probability - expected).abs() <= 1e-5, "seed {seed}, frame {at}: {probability}, not {expected}");
        }
    }
}

#[test]
fn smart_turn_gives_the_reference_probabilities() {
    let mut smart_turn = SmartTurn::load(&runtime(), &models_folder().join("smart-turn-v3.2.onnx"), 1).unwrap();
    for (seed, length, expected) in rows(include_str!("parity/smart_turn.tsv")) {
        let probability = smart_turn.probability(&signal(seed, length)).unwrap();
        assert!((probability - expected).abs() <= 1e-3, "{length} samples: {probability}, not {expected}");
    }
}

fn phrase(name: &str) -> OpenWakeWord {
    let file = models_folder().join(format!("openwakeword/{name}_v0.1.onnx"));
    OpenWakeWord::load(&runtime(), &models_folder(), &file)
        .unwrap_or_else(|error| panic!("{error}. `firmware-host/setup.sh test` brings it"))
}

/// The score of each 80 ms, and 0 where there is none yet.
fn scores(phrase: &mut OpenWakeWord, samples: &[f32]) -> Vec<f32> {
    let frames = samples.as_chunks::<512>().0;
    let mut scores: Vec<f32> = frames
        .iter()
        .filter_map(|frame| phrase.score(frame).expect("the phrase has a score for every frame"))
        .collect();
    scores.splice(0..0, [0.0; 5]);
    scores
}

#[test]
fn openwakeword_gives_the_reference_scores() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/wake_words");
    for line in include_str!("parity/openwakeword.tsv").lines() {
        let mut fields = line.split('\t');
        let mut next = || fields.next().expect("three fields");
        let (name, file) = (next(), next());
        let expected: Vec<f32> = next().split(' ').map(|score| score.parse().unwrap()).collect();
        let (samples, tolerance) = if file.is_empty() {
            (signal(1, expected.len() * 1280), 1e-4)
        } else if let Ok(pcm) = clip::read(&recordings.join(file)) {
            let quiet = [0.0; 16_000];
            ([&quiet, pcm.samples(), &quiet].concat(), 1e-3)
        } else {
            eprintln!("skipped: {file} is not here");
            continue;
        };
        let scores = scores(&mut phrase(name), &samples);
        // The last hop may not fill a frame.
        assert!(expected.len() - scores.len() <= 1, "{name} {file}: {} scores", scores.len());
        for (hop, (score, expected)) in scores.iter().zip(expected).enumerate() {
            assert!((score - expected).abs() <= tolerance, "{name} {file}, hop {hop}: {score}, not {expected}");
        }
    }
}

#[test]
fn a_phrase_that_was_reset_has_forgotten_the_stream() {
    let mut alexa = phrase("alexa");
    let first = scores(&mut alexa, &signal(1, 40_000));
    assert_ne!(scores(&mut alexa, &signal(1, 40_000))[5..], first[5..]);
    alexa.reset();
    assert_eq!(scores(&mut alexa, &signal(1, 40_000)), first);
    // One sample that is not a number counts as none.
    let mut bad = signal(1, 40_000);
    alexa.reset();
    bad[20_000] = f32::NAN;
    bad[20_001] = f32::INFINITY;
    bad[20_002] = f32::MAX;
    assert!(scores(&mut alexa, &bad).iter().all(|score| (0.0..=1.0).contains(score)));
}

#[test]
fn a_file_that_is_no_phrase_is_an_error_that_names_it() {
    let load = |file: &str| OpenWakeWord::load(&runtime(), &models_folder(), &models_folder().join(file)).unwrap_err();
    assert!(matches!(load("openwakeword/hey_nobody.onnx"), ModelError::Missing { .. }));
    for wrong in ["silero-vad-v6.onnx", "openwakeword/embedding_model.onnx", "openwakeword/LICENSE"] {
        let error = load(wrong);
        assert!(matches!(error, ModelError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(wrong), "{error}");
    }
    let nowhere = tempfile::TempDir::new().unwrap();
    let alexa = models_folder().join("openwakeword/alexa_v0.1.onnx");
    let error = OpenWakeWord::load(&runtime(), nowhere.path(), &alexa).unwrap_err().to_string();
    assert!(error.contains("melspectrogram.onnx"), "{error}");
}

#[test]
fn a_bad_sample_does_not_spoil_what_follows() {
    let mut silero = SileroVad::load(&runtime(), &models_folder().join("silero-vad-v6.onnx")).unwrap();
    let mut bad = [0.0; 512];
    bad[10] = f32::NAN;
    bad[11] = f32::INFINITY;
    bad[12] = f32::MAX;
    let _ = silero.voice_activity(&bad);
    for _ in 0..20 {
        let probability = silero.voice_activity(&[0.0; 512]).unwrap();
        assert!((0.0..=1.0).contains(&probability));
    }
    let mut smart_turn = SmartTurn::load(&runtime(), &models_folder().join("smart-turn-v3.2.onnx"), 1).unwrap();
    assert!(smart_turn.probability(&[f32::NAN; 4000]).unwrap().is_finite());
}

#[test]
fn the_runtime_is_loaded_once_and_a_wrong_library_is_an_error() {
    let folder = tempfile::TempDir::new().unwrap();
    let wrong = folder.path().join("libonnxruntime.so");
    let error = Runtime::load(&wrong).unwrap_err();
    assert!(matches!(error, ModelError::Runtime { .. }));
    assert!(error.to_string().contains(wrong.to_str().unwrap()), "{error}");
    std::fs::write(&wrong, "no library").unwrap();
    assert!(Runtime::load(&wrong).is_err());

    let first = runtime();
    let second = runtime();
    assert_eq!(first.library(), second.library());
    let error = Runtime::load(&wrong).unwrap_err().to_string();
    assert!(error.contains("already loaded"), "{error}");
}

#[test]
fn wrong_and_missing_model_files_are_errors_that_name_them() {
    let runtime = runtime();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("model.onnx");
    assert!(matches!(SileroVad::load(&runtime, &file), Err(ModelError::Missing { .. })));
    let whole = std::fs::read(models_folder().join("silero-vad-v6.onnx")).unwrap();
    for content in [&b""[..], b"<html>", &whole[..whole.len() / 2]] {
        std::fs::write(&file, content).unwrap();
        let error = SileroVad::load(&runtime, &file).unwrap_err();
        assert!(matches!(error, ModelError::Unusable { .. }));
        assert!(error.to_string().contains("model.onnx"), "{error}");
    }
    let other = SmartTurn::load(&runtime, &models_folder().join("silero-vad-v6.onnx"), 1).unwrap_err().to_string();
    assert!(other.contains("its inputs are (input, state)"), "{other}");
}
