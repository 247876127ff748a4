//! What has been said in one turn so far, joined from the ear's stretches.

use std::time::Duration;

use super::{Admission, parts};
use crate::audio::{Fade, LISTENING_RATE, Pcm, SampleIndex, SpeechStretch, duration_of, samples_in};
use crate::ear::SpeechFact;
use crate::time::Moment;

/// Where speech began, on both clocks, and what may be done with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speech {
    pub(super) since: Moment,
    pub(super) at: SampleIndex,
    pub(super) admission: Admission,
}

impl Speech {
    pub(super) fn is_attended(&self) -> bool {
        matches!(self.admission, Admission::Attend { .. })
    }

    /// Without what must not be listened to.
    pub(super) fn cut(&self, fact: SpeechFact) -> SpeechFact {
        match fact {
            SpeechFact::Continues(stretch) => SpeechFact::Continues(self.cut_stretch(stretch)),
            SpeechFact::Lulled(stretch) => SpeechFact::Lulled(self.cut_stretch(stretch)),
            SpeechFact::Paused(stretch) => SpeechFact::Paused(self.cut_stretch(stretch)),
            fact => fact,
        }
    }

    fn cut_stretch(&self, stretch: SpeechStretch) -> SpeechStretch {
        let SpeechStretch { start, onset, speech_end, fade, pcm } = stretch;
        let from = self.from().max(start);
        let surplus = ((from.0 - start.0) as usize).min(pcm.samples().len());
        let pcm = if surplus == 0 { pcm } else { Pcm::new(&pcm.samples()[surplus..], pcm.rate()) };
        SpeechStretch { start: start + surplus, onset: onset.max(from), speech_end, fade, pcm }
    }

    /// Nothing before it may be listened to.
    fn from(&self) -> SampleIndex {
        match self.admission {
            Admission::Attend { skip } if !skip.is_zero() => self.at + samples_in(skip, LISTENING_RATE),
            _ => SampleIndex::default(),
        }
    }
}

impl Default for Speech {
    /// That of nobody, which nothing has to be known about.
    fn default() -> Self {
        let admission = Admission::Attend { skip: Duration::ZERO };
        Speech { since: Moment::START, at: SampleIndex::default(), admission }
    }
}

/// One turn's audio. It begins with the pre-roll and holds the pauses inside.
#[derive(Clone, Debug, Default)]
pub(super) struct Utterance {
    began: Speech,
    samples: Vec<f32>,
    end: SampleIndex,
    speech_end: SampleIndex,
    fade: Fade,
    /// Samples that were given away as parts.
    given: usize,
}

impl Utterance {
    /// One of which no sound has come yet.
    pub(super) fn begun(began: Speech) -> Self {
        Utterance { began, ..Utterance::default() }
    }

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

    /// It has become clear that it is meant for Pipit, from some place on. What was said before that is forgotten.
    pub(super) fn attend(&mut self, admission: Admission) {
        if self.is_attended() {
            return;
        }
        self.began.admission = admission;
        let wanted = self.end.0.saturating_sub(self.began.from().0) as usize;
        let surplus = self.samples.len().saturating_sub(wanted);
        self.samples.drain(..surplus);
    }

    /// Whether it is meant for Pipit because of when it was said, whatever it says.
    pub(super) fn is_attended(&self) -> bool {
        self.began.is_attended()
    }

    /// What may be done with it.
    pub(super) fn admission(&self) -> Admission {
        self.began.admission
    }

    /// When it began.
    pub(super) fn started(&self) -> Moment {
        self.began.since
    }

    /// Where the last speech ended.
    pub(super) fn speech_end(&self) -> SampleIndex {
        self.speech_end
    }

    /// From the first word to the last.
    pub(super) fn length(&self) -> Duration {
        self.speech_end.duration_since(self.began.at)
    }

    /// How long the silence at the end is.
    pub(super) fn trailing_silence(&self) -> Duration {
        self.end.duration_since(self.speech_end)
    }

    /// How the voice faded into it.
    pub(super) fn fade(&self) -> Fade {
        self.fade
    }

    /// The next part to be transcribed by itself, if enough of the utterance is there. Before it is known to be meant for
    /// Pipit there are no parts, because its beginning may yet be forgotten.
    pub(super) fn next_part(&mut self) -> Option<Pcm> {
        let samples = &self.samples[self.given..];
        let length = (self.is_attended() && samples.len() >= parts::ENOUGH).then(|| parts::cut(samples))?;
        Some(self.give(length))
    }

    /// What was said up to this pause, if it is long enough to be transcribed by itself.
    pub(super) fn part_before_pause(&mut self) -> Option<Pcm> {
        let length = self.samples.len() - self.given;
        (self.is_attended() && length >= parts::LEAST).then(|| self.give(length))
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

    /// How much of that was said, from its first word to the last.
    pub(super) fn rest_said(&self) -> Duration {
        self.length().min(duration_of(self.samples.len() - self.given, LISTENING_RATE))
    }

    /// The whole.
    pub(super) fn pcm(&self) -> Pcm {
        Pcm::new(&self.samples[..], LISTENING_RATE)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
