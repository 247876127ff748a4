//! Files of every kind that people have, made up here, whole and damaged.

use std::fs;

use pipit_core::audio::Hertz;
use tempfile::TempDir;

use super::*;

/// Half a second of 500 Hz at half of full scale.
fn tone(rate: u32) -> Vec<f32> {
    let step = 2.0 * std::f32::consts::PI * 500.0 / rate as f32;
    (0..rate / 2).map(|i| (i as f32 * step).sin() * 0.5).collect()
}

fn wav(rate: u32, channels: u16, bits: u16, format: SampleFormat) -> Vec<u8> {
    let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    let full_scale = 2f64.powi(i32::from(bits) - 1) - 1.0;
    for sample in tone(rate) {
        for _ in 0..channels {
            match format {
                SampleFormat::Float => writer.write_sample(sample).unwrap(),
                SampleFormat::Int => writer.write_sample((f64::from(sample) * full_scale) as i32).unwrap(),
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn read_bytes(bytes: &[u8]) -> Result<Pcm, ClipError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clip.wav");
    fs::write(&path, bytes).unwrap();
    read(&path)
}

fn error_of(bytes: &[u8]) -> String {
    let error = read_bytes(bytes).expect_err("this should not have been read").to_string();
    assert!(error.contains("clip.wav: "), "the file is not named: {error}");
    error
}

/// The strength of 500 Hz in the clip, and how much of the clip is something else.
fn tone_and_rest(pcm: &Pcm) -> (f64, f64) {
    let middle = &pcm.samples()[1600..6400];
    let step = 2.0 * std::f64::consts::PI * 500.0 / 16_000.0;
    let project = |wave: fn(f64) -> f64| {
        middle.iter().enumerate().map(|(i, s)| f64::from(*s) * wave(i as f64 * step)).sum::<f64>()
            / (middle.len() as f64 / 2.0)
    };
    let amplitude = project(f64::sin).hypot(project(f64::cos));
    let power = middle.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / middle.len() as f64;
    (amplitude, (power - amplitude.powi(2) / 2.0).max(0.0).sqrt())
}

#[test]
fn every_format_and_rate_becomes_the_same_tone() {
    let mut formats = vec![(SampleFormat::Float, 32)];
    formats.extend([8, 16, 24, 32].map(|bits| (SampleFormat::Int, bits)));
    for (format, bits) in formats {
        for (rate, channels) in
            [(16_000, 1), (8000, 2), (11_025, 1), (22_050, 1), (44_100, 2), (48_000, 6), (96_000, 1)]
        {
            let pcm = read_bytes(&wav(rate, channels, bits, format)).unwrap();
            let (amplitude, rest) = tone_and_rest(&pcm);
            let what = format!("{format:?} {bits} bits, {rate} Hz, {channels} channels: {amplitude} and {rest}");
            assert_eq!(pcm.rate(), LISTENING_RATE, "{what}");
            assert!(pcm.samples().len().abs_diff(8000) <= 1, "{what}: {} samples", pcm.samples().len());
            let step = 2f64.powi(1 - i32::from(bits.min(16)));
            assert!((amplitude - 0.5).abs() < 0.002 + 2.0 * step && rest < 0.002 + step, "{what}");
        }
    }
}

#[test]
fn resampling_keeps_time() {
    let mut samples = vec![0.0; 48_000];
    samples[24_000] = 0.9;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("click.wav");
    write_wav(&path, &Pcm::new(samples, Hertz(48_000))).unwrap();
    let click = read(&path).unwrap();
    let loudest = click.samples().iter().enumerate().max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs())).unwrap().0;
    assert!(loudest.abs_diff(8000) <= 1, "the click moved to {loudest}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let good = wav(16_000, 1, 16, SampleFormat::Int);
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let table: [(&[u8], &str); 10] = [
        (b"", "the file is empty"),
        (b"<!doctype html>", "neither a WAV nor a FLAC"),
        (b"RIFF", "neither a WAV nor a FLAC"),
        (&good[..30], "cut short before its audio begins"),
        (&good[..44], "holds no audio"),
        (&with(20, &[7, 0]), "not plain PCM"),
        (&with(22, &[0, 0]), "damaged"),
        (&with(24, &0u32.to_le_bytes()), ""),
        (&wav(3000, 1, 16, SampleFormat::Int), "its sample rate of 3000 Hz is outside"),
        (b"fLaC\0\0\0\x22", "damaged"),
    ];
    for (bytes, expected) in table {
        let error = error_of(bytes);
        assert!(error.contains(expected), "{error} instead of {expected}");
    }
    let missing = read(Path::new("/nowhere/clip.wav")).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/clip.wav: cannot be read"), "{missing}");
}

#[test]
fn samples_that_are_no_numbers_are_refused() {
    for number in [f32::NAN, f32::INFINITY] {
        let mut bytes = wav(16_000, 1, 32, SampleFormat::Float);
        let end = bytes.len();
        bytes[end - 4000..end - 3996].copy_from_slice(&number.to_le_bytes());
        assert!(error_of(&bytes).contains("the sample at 0.438 s is not a number"));
    }
}

#[test]
fn a_file_that_is_cut_short_gives_what_is_there() {
    for format in [(16, SampleFormat::Int), (32, SampleFormat::Float)] {
        let whole = wav(16_000, 2, format.0, format.1);
        let cut = read_bytes(&whole[..whole.len() / 2 + 1]).unwrap();
        assert!((3900..4000).contains(&cut.samples().len()), "{}", cut.samples().len());
    }
}

#[test]
fn a_header_that_lies_about_the_length_is_not_believed() {
    let good = wav(16_000, 1, 16, SampleFormat::Int);
    let at = good.windows(4).position(|window| window == b"data").unwrap() + 4;
    for length in [0, 0x7fff_f000, u32::MAX, 16_001] {
        let mut lying = good.clone();
        lying[at..at + 4].copy_from_slice(&length.to_le_bytes());
        assert_eq!(read_bytes(&lying).unwrap().samples().len(), 8000, "a length of {length}");
    }
}

#[test]
fn what_was_written_is_read_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.wav");
    let samples: Vec<f32> = vec![0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0];
    write_wav(&path, &Pcm::new(samples, LISTENING_RATE)).unwrap();
    let back = read(&path).unwrap();
    for (sample, expected) in back.samples().iter().zip([0.0, 0.5, -0.5, 1.0, -1.0, 1.0, -1.0]) {
        assert!((sample - expected).abs() < 1e-4, "{sample} instead of {expected}");
    }
    let error = write_wav(&folder.path().join("none/out.wav"), &back).unwrap_err().to_string();
    assert!(error.contains("none/out.wav: cannot be written"), "{error}");
}

#[test]
fn what_is_too_long_is_refused_by_its_header_or_once_it_is_heard() {
    let half_a_second = |rate: u32| wav(rate, 2, 16, SampleFormat::Int);
    let given = |bytes: Vec<u8>, longest: Duration| {
        let mut samples = 0;
        let outcome = in_blocks(bytes, longest, |_, block| samples += block.len());
        (outcome, samples)
    };
    let enough = Duration::from_millis(500);
    assert_eq!(given(half_a_second(48_000), enough), (Ok(Hertz(48_000)), 24_000));
    let less = Duration::from_millis(400);
    assert_eq!(given(half_a_second(48_000), less), (Err(Unfit::TooLong(less)), 0));
    // A header of unknown length is no help.
    let mut of_a_pipe = half_a_second(48_000);
    of_a_pipe[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(given(of_a_pipe, less).0, Err(Unfit::TooLong(less)));
    assert!(matches!(given(b"no sound".to_vec(), enough), (Err(Unfit::NotSound(_)), 0)));
}
