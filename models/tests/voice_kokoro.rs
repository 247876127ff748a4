//! Kokoro's inputs and files, on the stand-in that `make_voices.py` describes.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::time::Duration;

use pipit_core::audio::Hertz;
use pipit_models::cancel::CancelFlag;
use pipit_models::espeak::EspeakNg;
use pipit_models::kokoro::{Kokoro, KokoroSettings};
use pipit_models::voice::{Voice, VoiceError};

mod voice_support;
use voice_support::{fixture, runtime};

fn load(model: &str, voice: &str, speed: f32) -> Result<Kokoro, VoiceError> {
    let settings = KokoroSettings { voice: voice.to_owned(), speed, ..KokoroSettings::default() };
    Kokoro::load(&runtime(), &fixture(model), &fixture("voice_styles.npz"), settings)
}

fn speak(voice: &mut Kokoro, text: &str) -> Vec<f32> {
    let pcm = voice.speak(text, &CancelFlag::new()).unwrap();
    assert_eq!(pcm.rate(), Hertz(24_000));
    pcm.samples().to_vec()
}

/// The numbers that the model was given, one for each stretch of `each` samples.
fn tokens(samples: &[f32], each: usize, style: f32) -> Vec<i64> {
    assert_eq!(samples.len() % each, 0);
    samples.chunks(each).map(|chunk| ((chunk[0] - style) * 256.0).round() as i64).collect()
}

/// "Hello." is həlˈO. in Kokoro's symbols.
const HELLO: [i64; 8] = [0, 50, 83, 54, 156, 31, 4, 0];

#[test]
fn tokens_style_and_speed_reach_the_model() {
    let samples = speak(&mut load("voice_kokoro.onnx", "af_one", 1.0).unwrap(), "Hello.");
    // Six symbols use row 5.
    assert_eq!(tokens(&samples, 240, 0.0005), HELLO);
    assert!((samples[0] - 0.0005).abs() < 1e-6, "row 5 of the style, not {}", samples[0]);
    let samples = speak(&mut load("voice_kokoro.onnx", "af_one", 1.5).unwrap(), "Hello.");
    assert_eq!(tokens(&samples, 160, 0.0005), HELLO);
}

#[test]
fn exports_with_other_names_and_types_work() {
    let samples = speak(&mut load("voice_kokoro_input_ids.onnx", "af_one", 1.2).unwrap(), "Hello.");
    assert_eq!(tokens(&samples, 240, 0.0005), HELLO, "a whole speed is rounded");
}

#[test]
fn the_voice_and_its_language_are_those_asked_for() {
    let samples = speak(&mut load("voice_kokoro.onnx", "bf_two", 1.0).unwrap(), "Hello.");
    let british = tokens(&samples, 240, 0.1005);
    assert_eq!(british[5], 33, "the British o is Q: {british:?}");
    let samples = speak(&mut load("voice_kokoro.onnx", "af_one*0.75 + bf_two*0.25", 1.0).unwrap(), "Hello.");
    assert!((samples[0] - 0.0255).abs() < 1e-6, "{}", samples[0]);
}

#[test]
fn long_text_is_cut_and_nothing_of_it_is_lost() {
    let mut voice = load("voice_kokoro.onnx", "af_one", 1.0).unwrap();
    let once = speak(&mut voice, "Hello.").len();
    let words = "hello ".repeat(300);
    let symbols = speak(&mut voice, &words).len() / 240;
    // Five symbols and a space a word, of which those at the cuts remain, and two pads for each inference.
    assert!((1_800..1_830).contains(&symbols), "{symbols}");
    assert_eq!(speak(&mut voice, &"Hello. ".repeat(3)).len(), once * 3 - 2 * 240, "spaces between, pads once");
}

#[test]
fn a_running_inference_is_cancelled() {
    let mut voice = load("voice_kokoro_endless.onnx", "af_one", 1.0).unwrap();
    let cancel = CancelFlag::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Long enough to be past the phonemes and inside the model, which would take hours.
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        assert!(matches!(voice.speak("Hello.", &cancel), Err(VoiceError::Cancelled)));
    });
}

#[test]
fn without_espeak_unknown_words_are_spelled() {
    let espeak = EspeakNg::at("/nowhere/espeak-ng", Duration::from_secs(1));
    let settings = KokoroSettings { voice: "af_one".to_owned(), speed: 1.0, espeak };
    let model = fixture("voice_kokoro.onnx");
    let mut spelled = Kokoro::load(&runtime(), &model, &fixture("voice_styles.npz"), settings).unwrap();
    let mut sounded = load("voice_kokoro.onnx", "af_one", 1.0).unwrap();
    // kjˈu zˈi ˈɛks dˈʌbᵊljˌu vˈi and the pads.
    assert_eq!(speak(&mut spelled, "qzxwv").len() / 240, 29);
    assert_ne!(speak(&mut sounded, "Wojciech").len(), speak(&mut spelled, "Wojciech").len());
    assert_eq!(speak(&mut sounded, "hello"), speak(&mut spelled, "hello"));
}

#[test]
fn unfit_files_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, b"PK\x03\x04 not at all").unwrap();
    let (model, styles) = (fixture("voice_kokoro.onnx"), fixture("voice_styles.npz"));
    let missing = folder.path().join("missing");
    let table: [(&Path, &Path, &str, &str); 8] = [
        (&garbage, &styles, "af_one", "garbage cannot be used as Kokoro"),
        (&fixture("voice_piper.onnx"), &styles, "af_one", "takes input, input_lengths, scales, not tokens"),
        (&missing, &styles, "af_one", "no file"),
        (&model, &garbage, "af_one", "garbage"),
        (&model, &missing, "af_one", "no file"),
        (&model, &styles, "af_oen", "no Kokoro voice `af_oen`; there are: af_one, "),
        (&model, &styles, "xx_flat", "has the shape [256]"),
        (&model, &styles, "af_one*much", "`af_one*much` is no voice"),
    ];
    for (model, styles, voice, expected) in table {
        let settings = KokoroSettings { voice: voice.to_owned(), ..KokoroSettings::default() };
        let error = Kokoro::load(&runtime(), model, styles, settings).err().expect("unfit").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
