//! A pause after which the person may have finished, while that is being found out and an answer is prepared.

use std::time::Duration;

use super::draft::Draft;
use super::heard::Heard;
use super::utterance::Utterance;
use super::{DraftId, Effect, EndedBy, Event, TurnSettings};
use crate::time::Moment;

#[derive(Debug)]
pub(super) struct Weighing {
    pub(super) draft: Draft,
    pub(super) utterance: Utterance,
    pub(super) longest_until: Moment,
    /// Whether the recogniser was asked already.
    pub(super) transcribing: bool,
    /// When the last speech ended.
    speech_ended: Moment,
    score: Score,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Score {
    Awaited,
    Given(f32),
    Failed,
}

impl Weighing {
    /// Begins to weigh the pause that was noticed `now`. With `transcribe` it is found out at once what was said.
    pub(super) fn begin(
        now: Moment,
        id: DraftId,
        utterance: Utterance,
        longest_until: Moment,
        transcribe: bool,
        out: &mut Vec<Effect>,
    ) -> Self {
        out.push(Effect::ScoreTurn { draft: id, utterance: utterance.pcm() });
        if transcribe {
            out.push(Effect::Transcribe { draft: id, utterance: utterance.rest() });
        }
        let speech_ended = now - utterance.trailing_silence();
        let (draft, score) = (Draft::new(id), Score::Awaited);
        Weighing { draft, utterance, longest_until, transcribing: transcribe, speech_ended, score }
    }

    pub(super) fn take(&mut self, event: Event, out: &mut Vec<Effect>) {
        if let Event::TurnScored { probability, .. } = event {
            self.score = probability.map_or(Score::Failed, Score::Given);
        } else {
            self.draft.take(event);
            self.draft.prepare(out);
        }
    }

    pub(super) fn hear(&mut self, heard: Heard, out: &mut Vec<Effect>) {
        self.draft.hear(heard, out);
        self.draft.prepare(out);
    }

    /// Whether the evidence is still coming in.
    pub(super) fn awaits_work(&self) -> bool {
        self.score == Score::Awaited || (self.transcribing && self.draft.is_understanding())
    }

    /// When the turn is over if nothing else happens, and why.
    pub(super) fn over_at(&self, settings: &TurnSettings) -> (Moment, EndedBy) {
        let complete = matches!(self.score, Score::Given(p) if p >= settings.complete_threshold);
        let command = self.draft.understanding().is_some_and(|understanding| understanding.intent);
        let (wait, ended_by) = if complete {
            (Duration::ZERO, EndedBy::SmartTurn)
        } else if command {
            (Duration::ZERO, EndedBy::Intent)
        } else {
            (settings.fallback, EndedBy::Silence)
        };
        ((self.speech_ended + wait).min(self.longest_until), ended_by)
    }
}
