//! The recogniser in the box, run for real: what it makes of speech, of silence, and of being stopped.

use std::path::Path;

use super::*;

fn nano_recogniser() -> Whisper {
    Whisper::load(&WhisperSource::Bytes(nano()), &WhisperSettings::default()).expect("the model in the box loads")
}

/// Speech from espeak-ng at 16 kHz with silence around it, as the ear would cut it.
pub(super) fn speech(text: &str) -> Vec<f32> {
    let wav = tempfile::NamedTempFile::new().unwrap();
    let run = std::process::Command::new("espeak-ng").arg("-w").arg(wav.path()).arg(text).status();
    assert!(run.expect("espeak-ng is installed").success());
    let spoken = crate::clip::read(wav.path()).unwrap();
    let mut samples = vec![0.0; 4000];
    samples.extend_from_slice(spoken.samples());
    samples.extend_from_slice(&[0.0; 4000]);
    samples
}

fn noise(length: usize, level: f32) -> Vec<f32> {
    let mut seed = 1u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(|_| next() * level).collect()
}

#[test]
fn nano_hears_requests() {
    let mut whisper = nano_recogniser();
    for request in ["what time is it", "turn on the kitchen light", "set a timer for ten minutes"] {
        let transcript = whisper.transcribe(&speech(request), &CancelFlag::new()).unwrap();
        assert_eq!(transcript.text, request);
        assert!(transcript.mean_log_probability > -0.25);
    }
}

#[test]
fn nothing_is_heard_where_nobody_speaks() {
    let mut whisper = nano_recogniser();
    let mut click = vec![0.0; 16_000];
    click[8000..8040].fill(0.9);
    let hum: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.0196).sin() * 0.3).collect();
    for sound in [
        vec![],
        vec![0.1; 10],
        vec![0.0; 32_000],
        vec![0.4; 32_000],
        noise(32_000, 0.05),
        click,
        hum,
        vec![f32::NAN; 9000],
    ] {
        let transcript = whisper.transcribe(&sound, &CancelFlag::new()).unwrap();
        assert_eq!(transcript.text, "", "{transcript:?}");
    }
}

#[test]
fn audio_longer_than_the_window_is_heard_in_pieces() {
    let mut whisper = nano_recogniser();
    let mut samples = speech("what time is it");
    samples.resize(listening::longest_piece(&whisper.architecture) + 8000, 0.0);
    let transcript = whisper.transcribe(&samples, &CancelFlag::new()).unwrap();
    assert_eq!(transcript.text, "what time is it");
    // Twice as long, with words in each half: the model in the box may not be sure of them, but hears somebody.
    samples.extend_from_within(..);
    assert!(whisper.transcribe(&samples, &CancelFlag::new()).unwrap().somebody_spoke());
}

#[test]
fn a_raised_flag_stops_whisper_itself() {
    let mut whisper = nano_recogniser();
    let samples = speech("what time is it");
    let cancel = CancelFlag::new();
    cancel.cancel();
    // Below `transcribe`, which would not have begun.
    let window = whisper.architecture.audio_context;
    let parameters = whisper.parameters.clone();
    let stopped = cancel::while_watching(&cancel, parameters, |parameters| whisper.state.full(parameters, &samples));
    assert!(stopped.is_err(), "whisper.cpp went on");
    assert!(matches!(whisper.hear(&samples, window, &cancel), Err(ModelError::Cancelled)));
    assert!(matches!(whisper.transcribe(&samples, &cancel), Err(ModelError::Cancelled)));
    let afterwards = whisper.transcribe(&samples, &CancelFlag::new()).unwrap();
    assert_eq!(afterwards.text, "what time is it");
}

#[test]
fn a_flag_raised_at_any_time_leaves_words_or_a_cancellation() {
    let mut whisper = nano_recogniser();
    let samples = speech("set a timer for ten minutes");
    for step in 0..12 {
        let cancel = CancelFlag::new();
        let raise = cancel.clone();
        let raiser = std::thread::spawn(move || {
            (0..step * 40_000).for_each(|_| std::hint::spin_loop());
            raise.cancel();
        });
        match whisper.transcribe(&samples, &cancel) {
            Ok(transcript) => assert_eq!(transcript.text, "set a timer for ten minutes"),
            Err(error) => assert!(matches!(error, ModelError::Cancelled), "{error}"),
        }
        raiser.join().unwrap();
    }
}

/// Loads `bytes` from a file.
fn load(bytes: &[u8]) -> Result<Whisper, ModelError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Whisper::load(&WhisperSource::File(file.path().to_owned()), &WhisperSettings::default())
}

#[test]
fn damaged_files_are_refused() {
    let whole = nano();
    assert!(load(whole).is_ok());
    for length in [0, 3, 4, 47, 48, 1000, 70_000, 700_000, whole.len() / 2, whole.len() - 1] {
        assert!(load(&whole[..length]).is_err(), "cut to {length} bytes");
    }
    let longer = [whole, b"more"].concat();
    assert!(load(&longer).is_err());
    assert!(load(&[b"<html>".as_slice(), whole].concat()).is_err());
    assert!(load(b"RIFF\0\0\0\0WAVE").is_err());
}

#[test]
fn another_vocabulary_is_refused() {
    let mut bytes = nano().to_vec();
    // Every token gets another text of its length, from the first one's length on.
    let mut at = 48 + 8 + 80 * 201 * 4;
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let tokens = number(&bytes, at);
    at += 4;
    for _ in 0..tokens {
        let length = number(&bytes, at);
        bytes[at + 4..][..length].fill(b'x');
        at += 4 + length;
    }
    let refused = load(&bytes).expect_err("no word is as it was");
    assert!(refused.to_string().contains("vocabulary"), "{refused}");
}

#[test]
fn wrong_numbers_in_the_header_neither_crash_nor_hang() {
    let whole = nano();
    // Every number of the header, the mel filters' sizes, the vocabulary's size and the first tensors' headers.
    let after_filters = 48 + 8 + 80 * 201 * 4;
    let places = (0..14).map(|i| i * 4).chain([after_filters, after_filters + 4]);
    for place in places {
        let original = u32::from_le_bytes(whole[place..place + 4].try_into().unwrap());
        for number in [0, 1, 3, original.wrapping_add(1), original.wrapping_mul(2), 257, u32::MAX, 0x7fff_ffff] {
            let mut bytes = whole.to_vec();
            bytes[place..place + 4].copy_from_slice(&number.to_le_bytes());
            if let Ok(mut whisper) = load(&bytes) {
                // What still loads must still run.
                whisper.transcribe(&noise(16_000, 0.1), &CancelFlag::new()).unwrap();
            }
        }
    }
}

#[test]
fn errors_name_the_file() {
    let missing = Path::new("/nowhere/ggml-base.en.bin");
    let error = Whisper::load(&WhisperSource::File(missing.to_owned()), &WhisperSettings::default()).unwrap_err();
    assert!(matches!(error, ModelError::Missing { .. }));
    assert!(error.to_string().contains("/nowhere/ggml-base.en.bin"), "{error}");
    let folder = WhisperSource::File(std::env::temp_dir());
    let error = Whisper::load(&folder, &WhisperSettings::default()).unwrap_err();
    assert!(error.to_string().contains("it is a folder"), "{error}");
}

#[test]
fn a_language_that_the_model_does_not_know_is_refused() {
    for language in ["de", "xx", "e\0n", ""] {
        let settings = WhisperSettings { language: Some(language.to_owned()), ..WhisperSettings::default() };
        let error = Whisper::load(&WhisperSource::Bytes(nano()), &settings).unwrap_err();
        assert!(matches!(error, ModelError::Settings(_)), "{error}");
    }
    let any = WhisperSettings { language: None, ..WhisperSettings::default() };
    assert!(Whisper::load(&WhisperSource::Bytes(nano()), &any).is_ok());
}

#[test]
fn the_model_in_the_box_is_known_by_its_shape() {
    let nano = nano_recogniser();
    assert!(nano.architecture().is_nano());
    let tiny = Architecture { audio_context: 1500, width: 384, heads: 6, text_layers: 4, ..*nano.architecture() };
    assert!(!tiny.is_nano());
}
