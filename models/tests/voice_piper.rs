//! Piper's inputs and files, on the stand-ins that `make_voices.py` describes.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::{Path, PathBuf};

use pipit_core::audio::Hertz;
use pipit_models::cancel::CancelFlag;
use pipit_models::piper::{Piper, PiperSettings};
use pipit_models::voice::Voice;

mod voice_support;
use voice_support::{fixture, runtime};

fn load(model: &Path, settings: PiperSettings) -> Result<Piper, String> {
    Piper::load(&runtime(), model, settings).map_err(|error| error.to_string())
}

/// The ids that the model was given, and the samples after them: the full scale, n / 1024, noise, noise of the durations.
fn speak(voice: &mut Piper, text: &str, each: usize, after: usize) -> (Vec<i64>, Vec<f32>) {
    let pcm = voice.speak(text, &CancelFlag::new()).unwrap();
    assert_eq!(pcm.rate(), Hertz(22_050));
    let (speech, tail) = pcm.samples().split_at(pcm.samples().len() - after);
    assert_eq!(speech.len() % each, 0);
    (speech.chunks(each).map(|chunk| (chunk[0] * 256.0).round() as i64).collect(), tail.to_vec())
}

/// The stand-in's ids for `phonemes`, as its JSON has them.
fn ids(phonemes: &str) -> Vec<i64> {
    let json = std::fs::read_to_string(fixture("voice_piper.onnx.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let id = |phoneme: char| json["phoneme_id_map"][phoneme.to_string()][0].as_i64().unwrap();
    let mut ids = vec![id('^'), id('_')];
    ids.extend(phonemes.chars().flat_map(|phoneme| [id(phoneme), id('_')]));
    ids.push(id('$'));
    ids
}

/// A copy of the stand-in whose JSON `change` has changed.
fn changed(folder: &Path, change: impl Fn(&mut serde_json::Value)) -> PathBuf {
    let model = folder.join("voice.onnx");
    std::fs::copy(fixture("voice_piper.onnx"), &model).unwrap();
    let json = std::fs::read_to_string(fixture("voice_piper.onnx.json")).unwrap();
    let mut json = serde_json::from_str(&json).unwrap();
    change(&mut json);
    std::fs::write(folder.join("voice.onnx.json"), json.to_string()).unwrap();
    model
}

#[test]
fn phonemes_lengths_and_scales_reach_the_model() {
    let mut voice = load(&fixture("voice_piper.onnx"), PiperSettings::default()).unwrap();
    let (given, tail) = speak(&mut voice, "Hello, world.", 64, 4);
    let expected = ids("həlˈoʊ, wˈɜːld.");
    assert_eq!(given, expected);
    assert_eq!(tail, [1.0, expected.len() as f32 / 1024.0, 0.5, 0.25]);
}

#[test]
fn a_higher_speed_is_a_smaller_length_scale() {
    let settings = PiperSettings { speed: 2.0, ..PiperSettings::default() };
    let (given, _) = speak(&mut load(&fixture("voice_piper.onnx"), settings).unwrap(), "Hello.", 32, 4);
    assert_eq!(given, ids("həlˈoʊ."));
}

#[test]
fn sentences_are_spoken_one_by_one_with_a_pause() {
    let mut voice = load(&fixture("voice_piper.onnx"), PiperSettings::default()).unwrap();
    let mut length = |text: &str| voice.speak(text, &CancelFlag::new()).unwrap().samples().len();
    assert_eq!(length("Hello. Hello."), 2 * length("Hello.") + 22_050 / 5);
}

#[test]
fn speakers_are_chosen_by_name_or_number() {
    let model = fixture("voice_piper_speakers.onnx");
    for (wanted, id) in [(None, 0), (Some("p227"), 2), (Some("1"), 1)] {
        let speaker = wanted.map(str::to_owned);
        let mut voice = load(&model, PiperSettings { speaker, ..PiperSettings::default() }).unwrap();
        let (_, tail) = speak(&mut voice, "Hello.", 64, 5);
        assert_eq!(tail[4] * 16.0, id as f32, "{wanted:?}");
    }
    let unknown = PiperSettings { speaker: Some("p2277".to_owned()), ..PiperSettings::default() };
    let error = load(&model, unknown).err().unwrap();
    assert_eq!(error, "there is no speaker `p2277`; there are: p227, p225, p226");
}

#[test]
fn voices_of_letters_need_no_phonemes() {
    let folder = tempfile::tempdir().unwrap();
    let model = changed(folder.path(), |json| {
        json["phoneme_type"] = "text".into();
        json["espeak"] = serde_json::Value::Null;
    });
    let (given, _) = speak(&mut load(&model, PiperSettings::default()).unwrap(), "Ça va?", 64, 4);
    // The cedilla is not in the stand-in's map.
    assert_eq!(given, ids("ca va?"));
}

#[test]
fn missing_numbers_of_the_json_are_pipers_own() {
    let folder = tempfile::tempdir().unwrap();
    let model = changed(folder.path(), |json| {
        let json = json.as_object_mut().unwrap();
        for key in ["inference", "phoneme_type", "num_speakers", "speaker_id_map"] {
            json.remove(key);
        }
    });
    let (_, tail) = speak(&mut load(&model, PiperSettings::default()).unwrap(), "Hello.", 64, 4);
    assert_eq!(tail[2..], [0.667, 0.8]);
}

#[test]
fn unfit_files_are_named_with_the_reason() {
    type Change = fn(&mut serde_json::Value);
    let table: [(Change, &str); 6] = [
        (|json| json["audio"]["sample_rate"] = 0.into(), "audio.sample_rate is 0"),
        (|json| json["phoneme_type"] = "pinyin".into(), "phoneme_type"),
        (|json| json["espeak"] = serde_json::Value::Null, "espeak.voice is missing"),
        (|json| json["espeak"]["voice"] = "en-uz".into(), "no espeak-ng voice `en-uz`"),
        (|json| json["phoneme_id_map"] = serde_json::json!({"a": [1]}), "phoneme_id_map has no `^`"),
        (|json| *json = serde_json::json!({"hello": 1}), "missing field `audio`"),
    ];
    for (change, expected) in table {
        let folder = tempfile::tempdir().unwrap();
        let error = load(&changed(folder.path(), change), PiperSettings::default()).err().expect("unfit");
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let model = changed(folder.path(), |_| {});
    std::fs::copy(fixture("voice_kokoro.onnx"), &model).unwrap();
    let error = load(&model, PiperSettings::default()).err().expect("unfit");
    assert!(error.contains("takes tokens, style, speed, not input"), "{error}");
    std::fs::write(&model, "garbage").unwrap();
    assert!(load(&model, PiperSettings::default()).err().expect("unfit").contains("cannot be used as a Piper voice"));
    std::fs::remove_file(folder.path().join("voice.onnx.json")).unwrap();
    assert!(load(&model, PiperSettings::default()).err().expect("unfit").contains("voice.onnx.json"));
}
