//! What was recorded of a turn, as it is told.

use std::time::Duration;

use pipit_core::time::Moment;
use pipit_core::turn::TurnId;
use pipit_web::{Draft, Interruption, Span, Stage, Timings, TurnRecord, Waterfall};

use super::Recording;

impl Recording {
    /// The whole record of the turn, which ended just now.
    pub(super) fn finished(mut self, turn: TurnId, at: Moment) -> TurnRecord {
        self.throw_away_the_rest(at);
        let scale = Scale { origin: self.speech_end.unwrap_or(self.began) };
        TurnRecord {
            turn: turn.0,
            ended_by: self.decided.map(|(_, by)| by.name()),
            private: false,
            timings_ms: self.timings(&scale),
            waterfall: Waterfall {
                reopened_ms: self.reopened.iter().map(|at| scale.ms(*at)).collect(),
                interruptions: self.interruptions.iter().map(|it| scale.interruption(it)).collect(),
                ended_ms: scale.ms(at),
                parts: self.parts.iter().map(|span| scale.part(span)).collect(),
                drafts: self.drafts.iter().map(|draft| scale.draft(draft)).collect(),
            },
        }
    }

    /// What nothing came of: all that was done for a turn that came to nothing, and of the others what was not done in
    /// time, and what nobody heard.
    fn throw_away_the_rest(&mut self, at: Moment) {
        let answered = self.decided.is_some() || self.is_announcement();
        self.parts.iter_mut().for_each(|part| part.discarded |= !answered || part.ended.is_none());
        for draft in self.drafts.iter_mut().filter(|draft| draft.dropped.is_none()) {
            if !answered {
                draft.drop(at);
            }
            let played = draft.spans.iter().filter(|span| span.stage == Stage::Playback);
            let played: Vec<_> = played.map(|span| span.number).collect();
            for span in &mut draft.spans {
                let unheard = span.stage == Stage::Synthesis && !span.failed && !played.contains(&span.number);
                span.discarded |= span.ended.is_none() || unheard;
            }
        }
    }

    /// When the stages were reached by the draft that was the answer.
    fn timings(&self, scale: &Scale) -> Timings {
        let draft = self.drafts.last();
        let of = |stage| draft.and_then(|draft| draft.spans.iter().find(|span| span.stage == stage));
        // Of an utterance in parts, the last may be done after what follows them.
        let complete = of(Stage::Understanding).map(|span| span.began);
        let transcript = complete.or_else(|| of(Stage::Transcription).and_then(|span| span.ended));
        let after = |at: Option<Moment>| at.map(|at| scale.ms(at).max(0.0));
        Timings {
            speech_end: 0.0,
            pause: after(self.pause),
            turn_decided: after(self.decided.map(|(at, _)| at)),
            transcript: after(transcript),
            reply_first_text: after(draft.and_then(|draft| draft.first_text)),
            first_audio: after(of(Stage::Playback).map(|span| span.began)),
        }
    }
}

/// Milliseconds after the end of speech, before which they are negative.
struct Scale {
    origin: Moment,
}

impl Scale {
    fn ms(&self, at: Moment) -> f64 {
        round(at.saturating_since(self.origin)) - round(self.origin.saturating_since(at))
    }

    fn interruption(&self, interruption: &super::Interruption) -> Interruption {
        Interruption {
            at_ms: self.ms(interruption.at),
            resumed_ms: interruption.resumed.map(|at| self.ms(at)),
            stopped_ms: interruption.stopped.map(|at| self.ms(at)),
        }
    }

    fn draft(&self, draft: &super::Draft) -> Draft {
        Draft {
            revision: draft.revision,
            pause_ms: draft.pause.map(|at| self.ms(at)),
            dropped_ms: draft.dropped.map(|at| self.ms(at)),
            provider: draft.provider.clone(),
            spans: draft.spans.iter().map(|span| self.span(span)).collect(),
        }
    }

    fn part(&self, span: &super::Span) -> Span {
        Span { clause: None, part: span.number, ..self.span(span) }
    }

    fn span(&self, span: &super::Span) -> Span {
        Span {
            stage: span.stage,
            clause: span.number,
            part: None,
            began_ms: self.ms(span.began),
            ended_ms: span.ended.map(|at| self.ms(at)),
            model_ms: span.model.map(round),
            speculative: span.speculative,
            discarded: span.discarded,
            failed: span.failed,
        }
    }
}

/// In milliseconds. A tenth of one is finer than anything here is known.
fn round(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}
