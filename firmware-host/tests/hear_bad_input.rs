//! Recordings that nobody should have to hear: each is understood all the same, or refused in words, or comes to nothing.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::f32::consts::TAU;
use std::fs;

use hound::{SampleFormat, WavSpec};
use support::Home;
use support::recording::{self, RATE, TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, demo, spec};

#[test]
fn the_usual_kinds_of_wav_are_understood_alike() {
    let float = WavSpec { sample_format: SampleFormat::Float, ..spec(1, RATE, 32) };
    let kinds = [
        ("eight-bit", spec(1, RATE, 8)),
        ("24-bit", spec(1, RATE, 24)),
        ("32-bit", spec(1, RATE, 32)),
        ("float", float),
        ("stereo", spec(2, RATE, 16)),
        ("8-khz", spec(1, 8_000, 16)),
        ("44.1-khz", spec(1, 44_100, 16)),
        ("48-khz-stereo-float", WavSpec { channels: 2, sample_rate: 48_000, ..float }),
    ];
    let (home, speech) = (Home::new(), recording::samples(TWELVE_TIMES_SEVEN));
    let files = kinds.map(|(name, spec)| {
        let file = home.path(format!("{name}.wav"));
        recording::write_as(&file, &spec, &recording::at_rate(&speech, spec.sample_rate));
        file
    });
    let words = recording::words_beside(&demo(TWELVE_TIMES_SEVEN));
    let heard = home.hear(&files).succeeded().transcripts();
    assert_eq!(heard, files.map(|_| words.clone()));
}

#[test]
fn of_a_recording_that_is_cut_short_what_is_there_is_heard() {
    let home = Home::new();
    let speech = recording::samples(WHAT_TIME_IS_IT);
    let file = home.path("cut.wav");
    recording::write(&file, &[speech, recording::silence(3.0)].concat());
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 2 * RATE as usize - 1]).unwrap();
    assert_eq!(home.hear(&[&file]).succeeded().transcripts(), [recording::words_beside(&demo(WHAT_TIME_IS_IT))]);
}

/// A program that writes to a pipe can't go back to write the length.
#[test]
fn a_length_that_was_never_written_is_no_obstacle() {
    let home = Home::new();
    let mut bytes = fs::read(demo(WHAT_TIME_IS_IT)).unwrap();
    let data = bytes.windows(4).position(|four| four == b"data").unwrap();
    bytes[data + 4..data + 8].fill(0);
    let file = home.file("piped.wav", bytes);
    assert_eq!(home.hear(&[&file]).succeeded().transcripts(), [recording::words_beside(&demo(WHAT_TIME_IS_IT))]);
}

#[test]
fn what_cannot_be_heard_is_refused_by_name() {
    let home = Home::new();
    let whole = fs::read(demo(WHAT_TIME_IS_IT)).unwrap();
    let without_sound = home.path("no-sound.wav");
    recording::write(&without_sound, &[]);
    let mut compressed = whole.clone();
    // Format 0x55 is MP3.
    compressed[20..22].copy_from_slice(&[0x55, 0]);
    let mut no_channels = whole.clone();
    no_channels[22..24].fill(0);
    let mut no_rate = whole.clone();
    no_rate[24..28].fill(0);
    let not_numbers = home.path("not-numbers.wav");
    let float = WavSpec { sample_format: SampleFormat::Float, ..spec(1, RATE, 32) };
    recording::write_as(&not_numbers, &float, &[f32::NAN; 16_000]);
    let cases = [
        (home.file("empty.wav", ""), "empty"),
        (without_sound, "no audio"),
        (home.file("header.wav", &whole[..30]), "cut short"),
        (home.file("letter.wav", "Dear Pipit,\nthis is a letter."), "convert it"),
        (home.file("compressed.wav", compressed), "convert it"),
        (home.file("no-channels.wav", no_channels), "damaged"),
        (home.file("no-rate.wav", no_rate), "damaged"),
        (not_numbers, "export the recording again"),
        (home.path("missing.wav"), "No such file"),
        (home.path("."), "directory"),
        ("/dev/zero".into(), "device"),
    ];
    for (file, why) in cases {
        home.hear(&[&file]).failed_saying(&[file.to_str().unwrap(), why]);
    }
}

/// A recording that is no good is noticed before anything is done for those before it.
#[test]
fn one_bad_recording_is_noticed_before_the_first_is_heard() {
    let home = Home::new();
    let said = home.hear(&[demo(WHAT_TIME_IS_IT), home.path("missing.wav")]).failed_saying(&["missing.wav"]);
    assert_eq!(said.out, "");
}

/// Whatever comes of it, no words are put into anybody's mouth, and the request after it is understood.
#[test]
fn what_is_not_speech_has_no_words_and_spoils_nothing() {
    let home = Home::new();
    let sounds = [
        ("silence", sound(|_| 0.0)),
        ("direct current", sound(|_| 0.5)),
        ("clicks", sound(|at| if at % 4_000 < 3 { 0.9 } else { 0.0 })),
        ("noise", white_noise(0.1)),
        ("loud noise", white_noise(0.9)),
        ("music", sound(chord)),
        ("hum", sound(|at| 0.3 * (TAU * 50.0 * seconds(at)).sin())),
    ];
    let mut files = Vec::new();
    for (name, samples) in &sounds {
        let file = home.path(format!("{name}.wav"));
        recording::write(&file, samples);
        let said = home.hear(&[&file]).succeeded();
        for turn in said.turns() {
            assert_eq!(
                (&turn["transcript"], &turn["intent"]),
                (&"".into(), &serde_json::Value::Null),
                "{name}: {turn}"
            );
        }
        files.push(file);
    }
    files.push(demo(WHAT_TIME_IS_IT));
    let heard = home.hear(&files).succeeded().transcripts();
    assert_eq!(heard.last(), Some(&recording::words_beside(&demo(WHAT_TIME_IS_IT))));
}

/// Four seconds of sound.
fn sound(at: impl Fn(usize) -> f32) -> Vec<f32> {
    (0..4 * RATE as usize).map(at).collect()
}

fn seconds(at: usize) -> f32 {
    at as f32 / RATE as f32
}

/// A chord a second, each struck and dying away, with overtones.
fn chord(at: usize) -> f32 {
    let roots = [220.0, 174.61, 261.63, 196.0];
    let (root, since) = (roots[at / RATE as usize % 4], seconds(at % RATE as usize));
    let note = |pitch: f32| (1..=5).map(|k| (TAU * pitch * k as f32 * seconds(at)).sin() / k as f32).sum::<f32>();
    0.1 * (-2.0 * since).exp() * [1.0, 1.26, 1.5].map(|ratio| note(root * ratio)).iter().sum::<f32>()
}

fn white_noise(level: f32) -> Vec<f32> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..4 * RATE as usize).map(|_| level * next()).collect()
}
