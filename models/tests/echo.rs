//! The echo canceller with a microphone and a speaker that no sound card shares: their clocks differ, and buffers lie between.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::f64::consts::PI;

use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, SampleIndex};
use pipit_core::ear::{EchoGuard, EchoLevels};
use pipit_models::echo::{EchoCanceller, Reference};

const RATE: usize = 16_000;
/// What a sound device takes at a time.
const BURST: usize = 640;
/// How long before it sounds the speaker is given a sample: 100 ms.
const LEAD: usize = 1_600;

#[test]
fn a_clock_that_drifts_is_followed() {
    let removed: Vec<f64> = [0.0, 200.0, -200.0].iter().map(|ppm| removed_db(*ppm)).collect();
    assert!(removed.iter().all(|db| *db > 12.0), "the filter alone removes {removed:.1?} dB");
    // In the half minute the clocks part by 6 ms: without following, nothing would be removed at its end.
    assert!(removed[1..].iter().all(|db| *db > removed[0] - 8.0), "with equal clocks first: {removed:.1?} dB");
}

/// A busy machine keeps the sound device waiting: it plays nothing for a moment, and the rest later than it was meant to.
#[test]
fn a_speaker_that_stumbles_is_nobody() {
    let played = speech_like(30 * RATE);
    for gap in [20, 35, 90, 200].map(|ms| ms * RATE / 1_000) {
        let echo = in_a_room(&played);
        let (before, after) = echo.split_at(15 * RATE);
        let heard = [before, &vec![0.0; gap], after].concat();
        let mut guard = EchoGuard::default();
        let mut person: Vec<f64> = Vec::new();
        listen(&played, &heard, 0.0, |at, levels| {
            if guard.judge(levels, 1.0) > 0.0 {
                person.push(at as f64 / RATE as f64);
            }
        });
        // A frame by itself is not taken for speech.
        let speech = person.windows(2).find(|pair| pair[1] - pair[0] < 0.04);
        assert_eq!(speech, None, "after {gap} samples of nothing, of {person:.2?}");
    }
}

/// A tone tells little about when it was played: what is made of it must not keep from finding the echo of what follows.
#[test]
fn a_sweep_leads_nobody_astray_for_good() {
    let played = [sweep(2 * RATE), speech_like(7 * RATE)].concat();
    for (delay, gap) in [(0, 0), (700, 0), (2_600, 0), (700, 320), (700, 1_120), (700, 3_000)] {
        let (before, after) = played.split_at(RATE * 3 / 2);
        let heard: Vec<f32> = [&vec![0.0; delay], before, &vec![0.0; gap], after].concat();
        // What comes back without a room, as through a cable: nothing but the steps of 16 bits.
        let heard: Vec<f32> = heard.iter().map(|sample| (sample * 32_768.0).round() / 32_768.0).collect();
        let (mut before, mut after) = (0.0, 0.0);
        listen(&played, &heard[..played.len()], 0.0, |at, levels| {
            if at > 7 * RATE {
                before += f64::from(levels.microphone);
                after += f64::from(levels.linear);
            }
        });
        let removed = 10.0 * (before / after).log10();
        assert!(removed > 12.0, "delay {delay}, gap {gap}: the filter removes {removed:.1} dB");
    }
}

/// A tone that rises from 150 to 6,000 Hz.
fn sweep(length: usize) -> Vec<f32> {
    let (seconds, octaves) = (length as f64 / RATE as f64, (6_000.0_f64 / 150.0).ln());
    let phase = |n: usize| ((n as f64 / length as f64 * octaves).exp() - 1.0) * 150.0 * seconds / octaves;
    (0..length).map(|n| 0.25 * (2.0 * PI * phase(n)).sin() as f32).collect()
}

/// How much of the echo the adaptive filter takes out in the last ten of thirty seconds, where the microphone's clock is
/// slower by `ppm` parts in a million.
fn removed_db(ppm: f64) -> f64 {
    let played = speech_like(30 * RATE);
    let heard = drifted(&in_a_room(&played), ppm);
    let (mut before, mut after) = (0.0, 0.0);
    listen(&played, &heard, ppm, |at, levels| {
        if at > 20 * RATE {
            assert!(levels.aligned, "{ppm} ppm: the delay is lost at {} s", at / RATE);
            before += f64::from(levels.microphone);
            after += f64::from(levels.linear);
        }
    });
    10.0 * (before / after).log10()
}

/// Cancels the echo of `played` in `heard`, and gives what is known of each frame in which there may be any.
fn listen(played: &[f32], heard: &[f32], ppm: f64, mut learnt: impl FnMut(usize, &EchoLevels)) {
    let (mut canceller, mut reference, mut pushed) = (EchoCanceller::new(), Reference::default(), 0);
    for (number, samples) in heard.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        let at = number * FRAME_SAMPLES;
        let theirs = ((at + FRAME_SAMPLES) as f64 * (1.0 + ppm * 1e-6)) as usize;
        let given = ((theirs + LEAD) / BURST * BURST).min(played.len()).max(pushed);
        reference.push(&played[pushed..given]);
        pushed = given;
        if let Some(levels) =
            canceller.cancel(&AudioFrame { at: SampleIndex(at as u64), samples: *samples }, &reference).echo
        {
            learnt(at, &levels);
        }
    }
}

/// Smooth noise that rises and falls as syllables do.
fn speech_like(length: usize) -> Vec<f32> {
    let (mut noise, mut smooth) = (noise(3), 0.0);
    let sample = |n: usize| {
        smooth += (noise() - smooth) * 0.4;
        let syllables = (PI * 3.0 * n as f64 / RATE as f64).sin().abs() as f32;
        0.3 * smooth * (0.1 + 0.9 * syllables)
    };
    (0..length).map(sample).collect()
}

/// A direct sound and a reverberation of a quarter of a second, with a little noise.
fn in_a_room(played: &[f32]) -> Vec<f32> {
    let mut noise = noise(5);
    let taps: Vec<(usize, f32)> = (0..40)
        .map(|n| {
            let late = 40 + n * 97;
            (late, 0.35 * noise() * (-6.9 * late as f32 / (0.25 * RATE as f32)).exp())
        })
        .collect();
    let sample = |n: usize| {
        let tail: f32 = taps.iter().filter_map(|(late, gain)| Some(played[n.checked_sub(*late)?] * gain)).sum();
        0.5 * (played[n] + tail)
    };
    (0..played.len()).map(sample).map(|sample| sample + 0.000_3 * noise()).collect()
}

/// `samples` as a clock sees them that is slower by `ppm` parts in a million.
fn drifted(samples: &[f32], ppm: f64) -> Vec<f32> {
    const TAPS: i64 = 12;
    let at = |n: i64| usize::try_from(n).ok().and_then(|n| samples.get(n)).copied().unwrap_or(0.0);
    let sample = |n: usize| {
        let place = n as f64 * (1.0 + ppm * 1e-6);
        let (whole, part) = (place.floor() as i64, place.fract());
        let tap = |k: i64| {
            let x = (k as f64 - part) * PI;
            let window = 0.5 + 0.5 * (x / (TAPS as f64 + 1.0)).cos();
            f64::from(at(whole + k)) * window * if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
        };
        (1 - TAPS..=TAPS).map(tap).sum::<f64>() as f32
    };
    (0..samples.len()).map(sample).collect()
}

/// Noise between -1 and 1 that is the same each time.
fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}
