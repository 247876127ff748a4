//! The real cpal and rodio path without hardware: a private PulseAudio server with two microphones and a speaker, which
//! ALSA reaches through its own plugin.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use pipit::audio::{
    Capture, CaptureStep, ClauseId, Input, Output, Pace, Playback, PlaybackReport, backend, devices, resample,
};
use pipit_core::audio::{Hertz, Pcm, SampleIndex};
use support::sound_server::{PATIENCE, wait_until, with_sound_server};

const SPEAKER_RATE: Hertz = Hertz(48_000);

#[test]
fn what_is_said_is_heard_by_the_microphone_that_was_chosen() {
    with_sound_server("what_is_said_is_heard_by_the_microphone_that_was_chosen", |server| {
        let mut kitchen = microphone("kitchen mic");
        let mut hall = microphone("hall");
        assert!(wait_found(&mut *kitchen).contains("Kitchen microphone"));
        wait_found(&mut *hall);
        let clip = noise(1, 16_000, 24_000);
        let saying = server.say("kitchen_feed", &clip);
        let heard = listen_until_over(&mut *kitchen, saying);
        assert_heard(&clip, &heard, 0.99);
        let (_, elsewhere) = frames(&mut *hall, heard.len() / 512);
        assert!(elsewhere.iter().all(|&s| s == 0.0), "the other microphone heard it too");

        let list = devices();
        let listed = list.devices.iter().find(|device| device.id == "kitchen").expect("the kitchen is listed");
        assert_eq!(listed.name, "Kitchen microphone");
        assert!(listed.input.is_some_and(|formats| formats.rates.1 >= Hertz(48_000)), "{listed:?}");
        assert!(list.devices.iter().any(|device| device.default));
        assert!(list.to_string().contains("kitchen  Kitchen microphone"), "{list}");
    });
}

#[test]
fn clauses_are_heard_one_after_the_other_without_a_gap_and_a_stop_cuts() {
    with_sound_server("clauses_are_heard_one_after_the_other_without_a_gap_and_a_stop_cuts", |server| {
        let (playback, reports) = speaker("speaker");
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(name) if name.contains("Living room")));
        let sounding = playback.sounding();
        assert!(!sounding.load(Ordering::Acquire));

        let clip = noise(2, 24_000, 48_000);
        let ear = server.listen();
        for (n, part) in clip.chunks(20_000).enumerate() {
            playback.play(id(1, n), Pcm::new(part, Hertz(24_000))).unwrap();
        }
        for n in 0..3 {
            assert_eq!(next(&reports), PlaybackReport::Started(id(1, n)));
            assert!(sounding.load(Ordering::Acquire));
            assert_eq!(next(&reports), PlaybackReport::Played(id(1, n)));
        }
        let heard = ear.until_quiet();
        let whole = resample(&clip, Hertz(24_000), SPEAKER_RATE).unwrap();
        assert_heard(&whole, &heard, 0.99);
        wait_until("the speaker counts as quiet", || !sounding.load(Ordering::Acquire));

        let ear = server.listen();
        playback.play(id(2, 0), Pcm::new(noise(3, 48_000, 960_000), SPEAKER_RATE)).unwrap();
        playback.play(id(2, 1), Pcm::new(noise(4, 48_000, 960_000), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Started(id(2, 0)));
        let started = Instant::now();
        ear.wait_for_sound(24_000);
        let asked = started.elapsed();
        playback.stop();
        let PlaybackReport::Stopped { cut: Some((cut, played)) } = next(&reports) else { panic!("not stopped") };
        assert_eq!(cut, id(2, 0));
        assert!(played < asked + Duration::from_millis(500), "{played:?} were played, stopped after {asked:?}");
        let heard = trimmed(&ear.until_quiet()).len() as f64 / 48_000.0;
        assert!((heard - played.as_secs_f64()).abs() < 0.01, "{heard} s were heard, {played:?} reported");

        playback.play(id(3, 0), Pcm::new(noise(5, 48_000, 4_800), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Started(id(3, 0)));
        assert_eq!(next(&reports), PlaybackReport::Played(id(3, 0)));
    });
}

#[test]
fn the_volume_is_a_dial() {
    with_sound_server("the_volume_is_a_dial", |server| {
        let (playback, reports) = speaker("default");
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(_)));
        let level = |percent: u8, turn: u64| {
            playback.set_volume(percent);
            let ear = server.listen();
            playback.play(id(turn, 0), Pcm::new(noise(6, 48_000, 48_000), SPEAKER_RATE)).unwrap();
            assert_eq!(next(&reports), PlaybackReport::Started(id(turn, 0)));
            assert_eq!(next(&reports), PlaybackReport::Played(id(turn, 0)));
            let heard = ear.until_quiet();
            let loud = trimmed(&heard);
            let rest = &loud[loud.len() / 2..];
            (rest.iter().map(|s| s * s).sum::<f32>() / rest.len() as f32).sqrt()
        };
        let (full, half) = (level(100, 1), level(50, 2));
        assert!((half / full - 0.25).abs() < 0.01, "{half} of {full}");
    });
}

#[test]
fn devices_that_vanish_are_told_and_used_again_when_they_are_back() {
    with_sound_server("devices_that_vanish_are_told_and_used_again_when_they_are_back", |server| {
        let mut microphone = microphone("kitchen");
        let (playback, reports) = speaker("living");
        wait_found(&mut *microphone);
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(_)));
        let (before, _) = frames(&mut *microphone, 3);
        playback.play(id(1, 0), Pcm::new(noise(7, 48_000, 960_000), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Started(id(1, 0)));

        server.kill();
        let why = wait_lost(&mut *microphone);
        assert!(why.contains("Kitchen microphone") && why.contains("plug it in") && !why.contains('\n'), "{why}");
        let PlaybackReport::SpeakerLost(why) = next(&reports) else { panic!("the loss is not told") };
        assert!(why.contains("Living room") && !why.contains('\n'), "{why}");
        let PlaybackReport::Stopped { cut: Some((cut, heard)) } = next(&reports) else { panic!("not stopped") };
        assert!(cut == id(1, 0) && heard < Duration::from_secs(20), "{heard:?}");
        playback.play(id(1, 1), Pcm::new(noise(8, 48_000, 48_000), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Stopped { cut: None });

        server.start();
        wait_found(&mut *microphone);
        let (after, _) = frames(&mut *microphone, 3);
        assert!(after > before + 3 * 512, "positions go on across the gap: {before:?}, {after:?}");
        let clip = noise(9, 16_000, 24_000);
        let saying = server.say("kitchen_feed", &clip);
        assert_heard(&clip, &listen_until_over(&mut *microphone, saying), 0.99);
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(_)));
        playback.play(id(2, 0), Pcm::new(noise(10, 48_000, 4_800), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Started(id(2, 0)));
        assert_eq!(next(&reports), PlaybackReport::Played(id(2, 0)));
        assert_eq!(microphone.counters().losses, 1);
    });
}

#[test]
fn a_sound_server_that_hangs_holds_up_neither_ear_nor_reply() {
    with_sound_server("a_sound_server_that_hangs_holds_up_neither_ear_nor_reply", |server| {
        let mut microphone = microphone("default");
        let (playback, reports) = speaker("default");
        wait_found(&mut *microphone);
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(_)));
        frames(&mut *microphone, 3);
        playback.play(id(1, 0), Pcm::new(noise(13, 48_000, 2_880_000), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Started(id(1, 0)));

        server.signal("STOP");
        wait_lost(&mut *microphone);
        assert!(matches!(next(&reports), PlaybackReport::SpeakerLost(_)));
        assert!(matches!(next(&reports), PlaybackReport::Stopped { cut: Some((cut, _)) } if cut == id(1, 0)));
        playback.play(id(1, 1), Pcm::new(noise(14, 48_000, 48_000), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Stopped { cut: None });
        assert_eq!(microphone.next_frame(Duration::from_millis(20)), CaptureStep::TimedOut);

        server.signal("CONT");
        wait_found(&mut *microphone);
        frames(&mut *microphone, 3);
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(_)));
    });
}

#[test]
fn devices_that_are_not_there_at_the_start_are_told_in_a_line_and_used_when_they_come() {
    with_sound_server("devices_that_are_not_there_at_the_start_are_told_in_a_line_and_used_when_they_come", |server| {
        server.kill();
        let mut microphone = microphone("kitchen");
        let mut nowhere = self::microphone("garden");
        let (playback, reports) = speaker("living");
        playback.play(id(1, 0), Pcm::new(noise(11, 48_000, 4_800), SPEAKER_RATE)).unwrap();
        let first = microphone.next_frame(PATIENCE);
        assert!(matches!(&first, CaptureStep::Lost(why) if !why.contains('\n')), "{first:?}");
        let missing = nowhere.next_frame(PATIENCE);
        assert!(
            matches!(&missing, CaptureStep::Lost(why) if why.contains("\"garden\"") && why.contains("`audio.input`")),
            "{missing:?}"
        );
        assert!(matches!(next(&reports), PlaybackReport::SpeakerLost(why) if !why.contains('\n')));
        assert_eq!(next(&reports), PlaybackReport::Stopped { cut: None });
        server.start();
        wait_found(&mut *microphone);
        frames(&mut *microphone, 3);
        assert!(matches!(next(&reports), PlaybackReport::SpeakerFound(_)));
        playback.play(id(2, 0), Pcm::new(noise(12, 48_000, 4_800), SPEAKER_RATE)).unwrap();
        assert_eq!(next(&reports), PlaybackReport::Started(id(2, 0)));
        assert_eq!(next(&reports), PlaybackReport::Played(id(2, 0)));
        assert_eq!(nowhere.next_frame(Duration::ZERO), CaptureStep::TimedOut, "a loss is told once");
    });
}

#[test]
fn who_speaks_to_the_daemon_hears_its_answer() {
    with_sound_server("who_speaks_to_the_daemon_hears_its_answer", |server| {
        let home = support::Home::new();
        home.configure(&home.usual_config().replace("\"null\"", "\"cpal\""));
        let mut daemon = home.command().arg("run").stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(daemon.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut logged = |words: &str| log.find(|line| line.contains(words)).expect("the daemon says so");
        // The microphone, the speaker and the voice come in any order; the voice is the last to be ready.
        logged("voice: espeak");
        let ear = server.listen();
        let mut saying = server.say("kitchen_feed", &support::recording::samples("1-what-time-is-it"));
        assert!(logged("turn=1").contains("intent=\"HassGetCurrentTime\""));
        ear.wait("a voice", |heard| heard.iter().filter(|sample| sample.abs() > 0.05).count() > 4_800);
        saying.wait().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    });
}

fn microphone(device: &str) -> Box<dyn Capture> {
    let input = Input { device: device.to_owned(), clip: None, pace: Pace::RealTime, trailing_silence: Duration::ZERO };
    (backend("cpal").unwrap().capture)(&input).unwrap()
}

fn speaker(device: &str) -> (Playback, Receiver<PlaybackReport>) {
    let (send, reports) = mpsc::channel();
    let output = Output { target: device.to_owned() };
    let playback = (backend("cpal").unwrap().playback)(&output, Box::new(move |report| drop(send.send(report))));
    (playback.unwrap(), reports)
}

fn id(turn: u64, clause: usize) -> ClauseId {
    ClauseId { turn, revision: 1, clause }
}

fn next(reports: &Receiver<PlaybackReport>) -> PlaybackReport {
    reports.recv_timeout(PATIENCE).expect("a report comes")
}

fn wait_found(capture: &mut dyn Capture) -> String {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match capture.next_frame(Duration::from_secs(1)) {
            CaptureStep::Found(name) => return name,
            CaptureStep::TimedOut => {}
            other => panic!("{other:?} in place of the microphone"),
        }
    }
    panic!("the microphone was not found");
}

fn wait_lost(capture: &mut dyn Capture) -> String {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match capture.next_frame(Duration::from_secs(1)) {
            CaptureStep::Lost(why) => return why,
            CaptureStep::TimedOut | CaptureStep::Frame(_) => {}
            other => panic!("{other:?} in place of the loss"),
        }
    }
    panic!("the loss was not noticed");
}

/// The next frames: where the last one lies, and all their samples.
fn frames(capture: &mut dyn Capture, count: usize) -> (SampleIndex, Vec<f32>) {
    let (mut at, mut samples) = (SampleIndex::default(), Vec::new());
    for _ in 0..count {
        match capture.next_frame(PATIENCE) {
            CaptureStep::Frame(frame) => {
                at = frame.at;
                samples.extend(frame.samples);
            }
            other => panic!("{other:?} in place of a frame"),
        }
    }
    (at, samples)
}

/// Listens while somebody speaks, and half a second longer.
fn listen_until_over(capture: &mut dyn Capture, mut saying: Child) -> Vec<f32> {
    let mut heard = Vec::new();
    while saying.try_wait().unwrap().is_none() {
        heard.extend(frames(capture, 1).1);
    }
    heard.extend(frames(capture, 16).1);
    heard
}

/// Noise without the highest frequencies, always the same for the same seed. It resembles only itself.
fn noise(seed: u64, rate: u32, samples: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let smooth = 0.2 * 24_000.0 / rate as f32;
    let mut level = [0.0_f32; 2];
    (0..samples)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let white = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
            level[0] += (white - level[0]) * smooth;
            level[1] += (level[0] - level[1]) * smooth;
            level[1] * 0.9
        })
        .collect()
}

fn trimmed(samples: &[f32]) -> &[f32] {
    let first = samples.iter().position(|&s| s != 0.0).unwrap_or(0);
    let last = samples.iter().rposition(|&s| s != 0.0).map_or(0, |at| at + 1);
    &samples[first..last.max(first)]
}

/// Asserts that the whole clip lies somewhere in what was heard, in one piece.
fn assert_heard(clip: &[f32], heard: &[f32], at_least: f32) {
    let probe = &clip[..1_024];
    let likeness = |a: &[f32], b: &[f32]| {
        let (mut ab, mut aa, mut bb) = (0.0_f32, 1e-9_f32, 1e-9_f32);
        for (a, b) in a.iter().zip(b) {
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        ab / (aa * bb).sqrt()
    };
    let best = (0..heard.len().saturating_sub(clip.len()))
        .map(|at| (at, likeness(probe, &heard[at..])))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((at, _)) = best else { panic!("{} samples cannot hold {}", heard.len(), clip.len()) };
    let whole = likeness(clip, &heard[at..]);
    assert!(whole >= at_least, "the clip correlates with what was heard by {whole} only, at {at}");
}
