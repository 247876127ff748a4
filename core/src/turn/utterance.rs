//! What has been said in one turn so far, joined from the ear's stretches.

use std::time::Duration;

use super::parts;
use crate::audio::{Fade, LISTENING_RATE, Pcm, SampleIndex, SpeechStretch, samples_in};

/// One turn's audio. It begins with the pre-roll and holds the pauses inside.
#[derive(Clone, Debug, Default)]
pub(super) struct Utterance {
    samples: Vec<f32>,
    end: SampleIndex,
    speech_end: SampleIndex,
    fade: Fade,
    /// Samples that were given away as parts.
    given: usize,
}

impl Utterance {
    /// Appends a stretch. The first one is cut to `pre_roll` before its speech: what lies further back is not this turn's.
    pub(super) fn push(&mut self, stretch: &SpeechStretch, pre_roll: Duration) {
        let mut samples = stretch.pcm.samples();
        if self.samples.is_empty() {
            let begin = stretch.onset - samples_in(pre_roll, LISTENING_RATE);
            let surplus = begin.0.saturating_sub(stretch.start.0) as usize;
            samples = &samples[surplus.min(samples.len())..];
        }
        self.samples.extend_from_slice(samples);
        self.end = stretch.end();
        self.speech_end = stretch.speech_end;
        self.fade = stretch.fade;
    }

    /// Where the last speech ended.
    pub(super) fn speech_end(&self) -> SampleIndex {
        self.speech_end
    }

    /// How long the silence at the end is.
    pub(super) fn trailing_silence(&self) -> Duration {
        self.end.duration_since(self.speech_end)
    }

    /// How the voice faded into it.
    pub(super) fn fade(&self) -> Fade {
        self.fade
    }

    /// The next part to be transcribed by itself, if enough of the utterance is there.
    pub(super) fn next_part(&mut self) -> Option<Pcm> {
        let samples = &self.samples[self.given..];
        let length = (samples.len() >= parts::ENOUGH).then(|| parts::cut(samples))?;
        Some(self.give(length))
    }

    /// What was said up to this pause, if it is long enough to be transcribed by itself.
    pub(super) fn part_before_pause(&mut self) -> Option<Pcm> {
        let length = self.samples.len() - self.given;
        (length >= parts::LEAST).then(|| self.give(length))
    }

    fn give(&mut self, length: usize) -> Pcm {
        let part = &self.samples[self.given..self.given + length];
        self.given += length;
        Pcm::new(part, LISTENING_RATE)
    }

    /// What is left to be transcribed.
    pub(super) fn rest(&self) -> Pcm {
        Pcm::new(&self.samples[self.given..], LISTENING_RATE)
    }

    /// The whole.
    pub(super) fn pcm(&self) -> Pcm {
        Pcm::new(&self.samples[..], LISTENING_RATE)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
