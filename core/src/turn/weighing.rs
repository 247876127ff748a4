//! A pause after which the person may have finished, while that is being found out and an answer is prepared.

use std::time::Duration;

use super::draft::Draft;
use super::endpointing::{self, Evidence, Score};
use super::heard::Heard;
use super::utterance::Utterance;
use super::{DraftId, Effect, EndedBy, Event, TurnSettings, reads_finished};
use crate::audio::SpeechStretch;
use crate::time::Moment;

#[derive(Debug)]
pub(super) struct Weighing {
    pub(super) draft: Draft,
    pub(super) utterance: Utterance,
    pub(super) longest_until: Moment,
    /// Whether the recogniser was asked already.
    pub(super) transcribing: bool,
    pub(super) pause: Pause,
    /// As in [`super::machine`]'s hearing, to which a lull leads back.
    pub(super) reopened: bool,
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
        let pause = Pause::new(now, &utterance, Score::Awaited);
        Weighing { draft: Draft::new(id), utterance, longest_until, transcribing: transcribe, pause, reopened: false }
    }

    /// Begins to find out what was said when the voice falls silent, before that is known to be a pause.
    pub(super) fn begin_early(
        now: Moment,
        id: DraftId,
        utterance: Utterance,
        longest_until: Moment,
        reopened: bool,
        out: &mut Vec<Effect>,
    ) -> Self {
        out.push(Effect::Transcribe { draft: id, utterance: utterance.rest() });
        let pause = Pause::new(now, &utterance, Score::Unasked);
        Weighing { draft: Draft::new(id), utterance, longest_until, transcribing: true, pause, reopened }
    }

    /// It is a pause. `stretch` is the silence.
    pub(super) fn pause(&mut self, now: Moment, stretch: &SpeechStretch, pre_roll: Duration, out: &mut Vec<Effect>) {
        self.utterance.push(stretch, pre_roll);
        let known = self.pause.evidence;
        // Nobody has to guess whether a whole command is finished.
        if !known.command {
            out.push(Effect::ScoreTurn { draft: self.draft.id(), utterance: self.utterance.pcm() });
        }
        self.pause = Pause::new(now, &self.utterance, Score::Awaited);
        (self.pause.evidence.reads_finished, self.pause.evidence.command) = (known.reads_finished, known.command);
    }

    /// Whether the voice has fallen silent so recently that it may be none.
    pub(super) fn is_lull(&self) -> bool {
        self.pause.evidence.score == Score::Unasked
    }

    /// Weighs again, with the transcript that came after the turn was decided.
    pub(super) fn again(draft: Draft, utterance: Utterance, longest_until: Moment, pause: Pause) -> Self {
        Weighing { draft, utterance, longest_until, transcribing: true, pause, reopened: false }
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
        self.pause.evidence.score == Score::Awaited || (self.transcribing && self.draft.is_in_the_making())
    }

    /// When the turn is over if nothing else happens, and why.
    pub(super) fn over_at(&self, settings: &TurnSettings) -> (Moment, EndedBy) {
        let (wait, ended_by) = endpointing::wait(&self.pause.evidence, settings);
        ((self.pause.speech_ended + wait).min(self.longest_until), ended_by)
    }
}

impl Pause {
    fn new(now: Moment, utterance: &Utterance, score: Score) -> Self {
        let evidence = Evidence { score, fade: utterance.fade(), reads_finished: None, command: false };
        Pause { speech_ended: now - utterance.trailing_silence(), evidence }
    }

    /// Whether a transcript that comes at `now`, after the turn was decided, shows that more is to be waited for.
    pub(super) fn is_open_after_all(&self, now: Moment, heard: &Heard, settings: &TurnSettings) -> bool {
        let goes_on = heard.request().and_then(reads_finished) == Some(false);
        goes_on && now < self.speech_ended + settings.fallback
    }
}
