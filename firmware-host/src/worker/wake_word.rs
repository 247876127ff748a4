//! The wake-word model at the ear: which sound it gets, and what of its scores is told. What a score means is decided in
//! `pipit_core::turn`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipit_core::audio::{AudioFrame, FRAME_SAMPLES};
use pipit_models::openwakeword::OpenWakeWord;

/// Listens for one phrase while that is wanted.
pub struct WakeWord {
    model: OpenWakeWord,
    /// Raised by the driver while Pipit is asleep. Awake nobody asks for scores, and they are what costs most at the ear.
    wanted: Arc<AtomicBool>,
    /// A score below this tells nothing.
    least: f32,
    /// The highest score since the last one was taken.
    score: Option<f32>,
    /// What the model made of the last frame, if it listened to it and said something.
    last: Option<f32>,
    /// Whether the model has heard the frame before.
    follows: bool,
    failing: bool,
}

impl WakeWord {
    /// Listens with `model` while `wanted` is raised. Scores below `least` are not told.
    pub fn new(model: OpenWakeWord, wanted: Arc<AtomicBool>, least: f32) -> Self {
        WakeWord { model, wanted, least, score: None, last: None, follows: false, failing: false }
    }

    /// Takes the next frame.
    pub(super) fn hear(&mut self, frame: &AudioFrame) {
        if !self.wanted.load(Ordering::Relaxed) {
            return self.forget();
        }
        self.follows = true;
        self.score(&frame.samples);
    }

    /// What follows is another sound.
    pub(super) fn forget(&mut self) {
        self.last = None;
        if std::mem::replace(&mut self.follows, false) {
            self.model.reset();
        }
    }

    /// The highest score that has not been told, if there is one that says anything.
    pub(super) fn take(&mut self) -> Option<f32> {
        self.score.take()
    }

    /// The score of what it has just heard, however low; none while it does not listen.
    pub(super) fn last(&self) -> Option<f32> {
        self.last
    }

    fn score(&mut self, samples: &[f32; FRAME_SAMPLES]) {
        let scored = self.model.score(samples);
        if let Ok(Some(score)) = &scored {
            self.last = Some(*score);
        }
        match scored {
            Ok(Some(score)) if score >= self.least => {
                self.score = Some(self.score.map_or(score, |best| best.max(score)));
                self.failing = false;
            }
            Ok(_) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!("the wake word can't be listened for: {error}");
                }
            }
        }
    }
}
