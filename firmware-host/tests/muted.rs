//! A microphone that is switched off: nothing of what is said reaches anything, and what was going on comes to nothing.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pipit::audio::{Capture, CaptureStep};
use pipit::hearing::SILERO_VAD;
use pipit::worker::{Ear, Message, Protection, spawn_ear};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LOWEST_LEVEL, SampleIndex};
use pipit_core::ear::{EarSettings, SpeechFact};
use pipit_core::turn::Event;
use pipit_models::runtime::Runtime;
use pipit_models::silero::SileroVad;
use support::models_folder;
use support::recording::{TWELVE_TIMES_SEVEN, samples, silence};
use tokio::sync::{mpsc, watch};

/// A recording, at some frames of which a switch is pressed.
struct Recording {
    frames: std::vec::IntoIter<[f32; FRAME_SAMPLES]>,
    next: usize,
    muted: Arc<AtomicBool>,
    /// Before which frame, and what the switch is then.
    switched: Vec<(usize, bool)>,
}

impl Capture for Recording {
    fn next_frame(&mut self, _timeout: Duration) -> CaptureStep {
        let Some(samples) = self.frames.next() else { return CaptureStep::End };
        if let Some((_, muted)) = self.switched.iter().find(|(at, _)| *at == self.next) {
            self.muted.store(*muted, Ordering::Relaxed);
        }
        let at = SampleIndex((self.next * FRAME_SAMPLES) as u64);
        self.next += 1;
        CaptureStep::Frame(AudioFrame { at, samples })
    }
}

/// What the ear tells while somebody says a sentence twice and the switch is pressed, and the last level.
fn heard(switched: &[(usize, bool)]) -> (Vec<&'static str>, f32) {
    let sentence = [silence(1.0), samples(TWELVE_TIMES_SEVEN), silence(1.0)].concat();
    let (frames, _) = sentence.as_chunks::<FRAME_SAMPLES>();
    let muted = Arc::new(AtomicBool::new(false));
    let twice: Vec<_> = [frames, frames].concat();
    let recording =
        Recording { frames: twice.into_iter(), next: 0, muted: Arc::clone(&muted), switched: switched.to_vec() };
    let models = models_folder();
    let runtime = Runtime::load(&models.join("onnxruntime/libonnxruntime.so")).unwrap();
    let vad = SileroVad::load(&runtime, &models.join(SILERO_VAD)).unwrap();
    let ear = Ear::new(vad, EarSettings::default(), Protection::None);
    let (inbox, mut messages) = mpsc::channel(4096);
    let (levels, level) = watch::channel(LOWEST_LEVEL);
    let thread = spawn_ear(ear, Box::new(recording), Arc::default(), muted, inbox, levels).unwrap();
    thread.join().unwrap();
    let mut told = Vec::new();
    while let Ok(message) = messages.try_recv() {
        match message {
            Message::Event(Event::Speech(SpeechFact::Started { .. })) => told.push("started"),
            Message::Event(Event::Speech(SpeechFact::Paused(_))) => told.push("paused"),
            Message::Event(Event::Speech(SpeechFact::Discarded)) => told.push("discarded"),
            _ => {}
        }
    }
    (told, *level.borrow())
}

#[test]
fn nothing_is_heard_while_the_microphone_is_off() {
    let (told, level) = heard(&[(0, true)]);
    assert_eq!((told.as_slice(), level), (&[][..], LOWEST_LEVEL));
    let whole = heard(&[]).0;
    assert_eq!(whole.iter().filter(|what| **what == "paused").count(), 2, "it is heard while it is on: {whole:?}");
}

#[test]
fn what_is_being_said_when_it_is_switched_off_comes_to_nothing() {
    let frames_of_a_sentence = (silence(2.0).len() + samples(TWELVE_TIMES_SEVEN).len()) / FRAME_SAMPLES;
    // In the middle of the first sentence, and on again before the second.
    let (told, _) = heard(&[(frames_of_a_sentence / 2, true), (frames_of_a_sentence, false)]);
    assert_eq!(told, ["started", "discarded", "started", "paused"]);
}
