//! A pause after which the person may have finished, while that is being found out and an answer is prepared.

use super::draft::Draft;
use super::endpointing::{self, Evidence, Score};
use super::heard::Heard;
use super::utterance::Utterance;
use super::{DraftId, Effect, EndedBy, Event, TurnSettings, reads_finished};
use crate::time::Moment;

#[derive(Debug)]
pub(super) struct Weighing {
    pub(super) draft: Draft,
    pub(super) utterance: Utterance,
    pub(super) longest_until: Moment,
    /// Whether the recogniser was asked already.
    pub(super) transcribing: bool,
    pub(super) pause: Pause,
}

/// A pause and what is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pause {
    /// When the last speech ended.
    speech_ended: Moment,
    evidence: Evidence,
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
        let evidence = Evidence { score: Score::Awaited, fade: utterance.fade(), reads_finished: None, command: false };
        let pause = Pause { speech_ended: now - utterance.trailing_silence(), evidence };
        Weighing { draft: Draft::new(id), utterance, longest_until, transcribing: transcribe, pause }
    }

    /// Weighs again, with the transcript that came after the turn was decided.
    pub(super) fn again(draft: Draft, utterance: Utterance, longest_until: Moment, pause: Pause) -> Self {
        Weighing { draft, utterance, longest_until, transcribing: true, pause }
    }

    pub(super) fn take(&mut self, event: Event, out: &mut Vec<Effect>) {
        match &event {
            Event::TurnScored { probability, .. } => {
                self.pause.evidence.score = probability.map_or(Score::Failed, Score::Given);
                return;
            }
            Event::Understood { understanding, .. } => self.pause.evidence.command = understanding.intent,
            _ => {}
        }
        self.draft.take(event);
        self.draft.prepare(out);
    }

    pub(super) fn hear(&mut self, heard: Heard, out: &mut Vec<Effect>) {
        self.pause.evidence.reads_finished = heard.request().and_then(reads_finished);
        self.draft.hear(heard, out);
        self.draft.prepare(out);
    }

    /// Whether the evidence is still coming in.
    pub(super) fn awaits_work(&self) -> bool {
        self.pause.evidence.score == Score::Awaited || (self.transcribing && self.draft.is_understanding())
    }

    /// When the turn is over if nothing else happens, and why.
    pub(super) fn over_at(&self, settings: &TurnSettings) -> (Moment, EndedBy) {
        let (wait, ended_by) = endpointing::wait(&self.pause.evidence, settings);
        ((self.pause.speech_ended + wait).min(self.longest_until), ended_by)
    }
}

impl Pause {
    /// Whether a transcript that comes at `now`, after the turn was decided, shows that more is to be waited for.
    pub(super) fn is_open_after_all(&self, now: Moment, heard: &Heard, settings: &TurnSettings) -> bool {
        let goes_on = heard.request().and_then(reads_finished) == Some(false);
        goes_on && now < self.speech_ended + settings.fallback
    }
}
