//! Records when each piece of work for a turn began and ended, what was begun before the turn was decided, and what was
//! thrown away. Effects say when work is asked for, events when it is done. Nothing that anybody said is kept here.

mod record;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use pipit_core::audio::SampleIndex;
use pipit_core::ear::SpeechFact;
use pipit_core::time::Moment;
use pipit_core::turn::{DraftId, Effect, EndedBy, Event, Transcription, TurnId};
use pipit_web::{Provider, Stage, TurnRecord};

/// The turns that are under way.
#[derive(Debug, Default)]
pub struct Waterfalls {
    turns: HashMap<TurnId, Recording>,
    /// The latest stretch of speech. It ties the microphone's samples to the clock.
    heard: Heard,
}

/// Where the latest stretch of speech ended, and when that was known.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    until: SampleIndex,
    at: Moment,
    speech_end: SampleIndex,
}

impl Heard {
    /// When the sample at `index` was spoken.
    fn moment_of(self, index: SampleIndex) -> Moment {
        self.at - self.until.duration_since(index)
    }
}

#[derive(Debug, Default)]
struct Recording {
    began: Moment,
    speech_end: Option<Moment>,
    pause: Option<Moment>,
    decided: Option<(Moment, EndedBy)>,
    reopened: Vec<Moment>,
    interruptions: Vec<Interruption>,
    parts: Vec<Span>,
    drafts: Vec<Draft>,
}

#[derive(Debug)]
struct Interruption {
    at: Moment,
    resumed: Option<Moment>,
    stopped: Option<Moment>,
}

#[derive(Debug)]
struct Draft {
    revision: u32,
    pause: Option<Moment>,
    dropped: Option<Moment>,
    first_text: Option<Moment>,
    provider: Option<Provider>,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    stage: Stage,
    /// Of the clause or of the part.
    number: Option<usize>,
    began: Moment,
    ended: Option<Moment>,
    model: Option<Duration>,
    speculative: bool,
    discarded: bool,
    failed: bool,
}

/// What an event says about a piece of work that was asked for.
struct Done {
    stage: Stage,
    number: Option<usize>,
    failed: bool,
}

impl Waterfalls {
    /// The machine wants something done.
    pub fn asked(&mut self, at: Moment, effect: &Effect) {
        match effect {
            Effect::ScoreTurn { draft, .. } => {
                self.paused(at, *draft);
                self.begin(at, *draft, Stage::Endpointing, None);
            }
            Effect::Decided { draft, ended_by, speech_end } => {
                let heard = self.heard;
                let turn = self.turn(at, *draft);
                turn.speech_end = Some(heard.moment_of(*speech_end));
                turn.pause = Some(heard.at);
                turn.decided = Some((at, *ended_by));
            }
            Effect::Transcribe { draft, .. } => {
                self.paused(at, *draft);
                self.begin(at, *draft, Stage::Transcription, None);
            }
            Effect::TranscribePart { turn, part, .. } => {
                let turn = self.turns.entry(*turn).or_insert_with(|| Recording::new(at));
                turn.parts.push(Span::new(Stage::Transcription, Some(*part), at));
            }
            // What becomes of announcements is no stage of a turn.
            Effect::Announced { .. } | Effect::Silenced | Effect::Claim => {}
            // No answer waits for what is listened to ahead, and it is not kept what anybody said.
            Effect::Follow { .. } | Effect::Hearing { .. } => {}
            Effect::Respond { draft, .. } => self.begin(at, *draft, Stage::Understanding, None),
            Effect::Act { draft, .. } => self.begin(at, *draft, Stage::Action, None),
            Effect::Synthesise { draft, clause, .. } => self.begin(at, *draft, Stage::Synthesis, Some(*clause)),
            Effect::Reopened { turn } => self.with(*turn, |turn| {
                turn.decided = None;
                turn.reopened.push(at);
                // What was stopped just now had not been heard yet.
                turn.interruptions.retain(|interruption| interruption.at != at);
            }),
            Effect::PausePlayback { draft } => self.with(draft.turn, |turn| turn.interrupted(at)),
            Effect::ResumePlayback { draft } => self.with(draft.turn, |turn| {
                if let Some(last) = turn.interruptions.last_mut() {
                    last.resumed = Some(at);
                }
            }),
            Effect::StopPlayback { draft } => self.with(draft.turn, |turn| turn.stopped(at)),
            Effect::Cancel { draft } => self.with(draft.turn, |turn| turn.cancelled(at, draft.revision)),
            // A sound that is announced needs nothing done before it is played.
            Effect::Play { draft, .. } => drop(self.turn(at, *draft)),
            Effect::Ended { .. } => {}
        }
    }

    /// Something has happened.
    pub fn happened(&mut self, at: Moment, event: &Event) {
        match event {
            Event::Speech(
                SpeechFact::Paused(stretch) | SpeechFact::Lulled(stretch) | SpeechFact::Continues(stretch),
            ) => {
                self.heard = Heard { until: stretch.end(), at, speech_end: stretch.speech_end };
            }
            Event::PartTranscribed { turn, transcription, .. } => {
                let failed = *transcription == Transcription::Failed;
                self.with(*turn, |turn| turn.part(event).into_iter().for_each(|part| part.end(at, failed)));
            }
            _ => {}
        }
        let Some((turn, revision)) = self.find(event) else { return };
        match event {
            Event::ClauseStarted { clause, .. } => turn.begin(at, revision, Stage::Playback, Some(*clause)),
            Event::ReplyText { .. } | Event::ReplySound { .. } => turn.first_text(at, revision),
            Event::PlaybackStopped { .. } => turn.playback_stopped(at, revision),
            _ => {}
        }
        for done in Done::by(event) {
            turn.end(at, revision, &done);
        }
    }

    /// A model has worked for so long on what `event` tells.
    pub fn worked(&mut self, event: &Event, took: Duration) {
        if let Event::PartTranscribed { turn, .. } = event {
            self.with(*turn, |turn| turn.part(event).into_iter().for_each(|part| part.model = Some(took)));
        }
        let Some((turn, revision)) = self.find(event) else { return };
        for done in Done::by(event) {
            if let Some(span) = turn.draft(revision).and_then(|draft| draft.open(&done)) {
                span.model = Some(took);
            }
        }
    }

    /// A language model begins to answer.
    pub fn answered_by(&mut self, draft: DraftId, provider: Provider) {
        self.with(draft.turn, |turn| {
            if let Some(draft) = turn.draft(draft.revision) {
                draft.provider = Some(provider);
            }
        });
    }

    /// The turn is over. Nothing where nothing was ever done for it.
    pub fn ended(&mut self, at: Moment, turn: TurnId) -> Option<TurnRecord> {
        Some(self.turns.remove(&turn)?.finished(turn, at))
    }

    /// The turn, in which a new draft takes the place of those before it.
    fn turn(&mut self, at: Moment, draft: DraftId) -> &mut Recording {
        let turn = self.turns.entry(draft.turn).or_insert_with(|| Recording::new(at));
        if turn.drafts.last().is_none_or(|last| last.revision < draft.revision) {
            turn.drafts.iter_mut().for_each(|earlier| earlier.drop(at));
            turn.drafts.push(Draft::new(draft.revision));
        }
        turn
    }

    /// A draft is begun because somebody has fallen silent, unless the turn is over already.
    fn paused(&mut self, at: Moment, draft: DraftId) {
        let heard = self.heard;
        let turn = self.turn(at, draft);
        if turn.decided.is_some() {
            return;
        }
        turn.speech_end = Some(heard.moment_of(heard.speech_end));
        turn.pause = Some(heard.at);
        if let Some(draft) = turn.drafts.last_mut() {
            draft.pause.get_or_insert(heard.at);
        }
    }

    fn begin(&mut self, at: Moment, draft: DraftId, stage: Stage, clause: Option<usize>) {
        self.turn(at, draft).begin(at, draft.revision, stage, clause);
    }

    /// The turn that an event belongs to, unless it is over, and the revision of its draft.
    fn find(&mut self, event: &Event) -> Option<(&mut Recording, u32)> {
        let draft = event.draft()?;
        Some((self.turns.get_mut(&draft.turn)?, draft.revision))
    }

    fn with(&mut self, turn: TurnId, change: impl FnOnce(&mut Recording)) {
        if let Some(turn) = self.turns.get_mut(&turn) {
            change(turn);
        }
    }
}

impl Recording {
    fn new(began: Moment) -> Self {
        Recording { began, ..Recording::default() }
    }

    /// The part that `event` tells of, while it is worked on.
    fn part(&mut self, event: &Event) -> Option<&mut Span> {
        let Event::PartTranscribed { part, .. } = event else { return None };
        self.parts.iter_mut().find(|span| span.number == Some(*part) && span.ended.is_none())
    }

    fn draft(&mut self, revision: u32) -> Option<&mut Draft> {
        self.drafts.iter_mut().find(|draft| draft.revision == revision)
    }

    fn begin(&mut self, at: Moment, revision: u32, stage: Stage, number: Option<usize>) {
        let speculative = self.decided.is_none() && !self.is_announcement();
        let Some(draft) = self.draft(revision) else { return };
        let discarded = draft.dropped.is_some();
        draft.spans.push(Span { speculative, discarded, ..Span::new(stage, number, at) });
    }

    fn end(&mut self, at: Moment, revision: u32, done: &Done) {
        let too_late = done.stage == Stage::Endpointing && self.decided.is_some();
        let Some(span) = self.draft(revision).and_then(|draft| draft.open(done)) else { return };
        span.end(at, done.failed);
        span.discarded |= too_late;
    }

    fn first_text(&mut self, at: Moment, revision: u32) {
        if let Some(draft) = self.draft(revision) {
            draft.first_text.get_or_insert(at);
        }
    }

    fn playback_stopped(&mut self, at: Moment, revision: u32) {
        let spans = self.draft(revision).into_iter().flat_map(|draft| &mut draft.spans);
        spans.filter(|span| span.stage == Stage::Playback && span.ended.is_none()).for_each(|span| span.end(at, false));
    }

    fn interrupted(&mut self, at: Moment) {
        self.interruptions.push(Interruption { at, resumed: None, stopped: None });
    }

    fn stopped(&mut self, at: Moment) {
        match self.interruptions.last_mut().filter(|last| last.resumed.is_none()) {
            Some(interruption) => interruption.stopped = Some(at),
            None => self.interruptions.push(Interruption { at, resumed: None, stopped: Some(at) }),
        }
    }

    /// Until the turn is decided, a draft is cancelled to be thrown away. Later it ends there, and what was done is used.
    fn cancelled(&mut self, at: Moment, revision: u32) {
        let answers = self.decided.is_some() || self.is_announcement();
        let Some(draft) = self.draft(revision) else { return };
        if !answers {
            draft.drop(at);
        }
        for span in draft.spans.iter_mut().filter(|span| span.ended.is_none() && span.stage != Stage::Playback) {
            span.discarded = true;
            // The engine says nothing any more; a model still says when it has noticed.
            if matches!(span.stage, Stage::Understanding | Stage::Action) {
                span.end(at, false);
            }
        }
    }

    fn is_announcement(&self) -> bool {
        self.pause.is_none() && self.parts.is_empty()
    }
}

impl Draft {
    fn new(revision: u32) -> Self {
        Draft { revision, pause: None, dropped: None, first_text: None, provider: None, spans: Vec::new() }
    }

    fn drop(&mut self, at: Moment) {
        self.dropped.get_or_insert(at);
        self.spans.iter_mut().for_each(|span| span.discarded = true);
    }

    /// The work of that kind that is under way.
    fn open(&mut self, done: &Done) -> Option<&mut Span> {
        let mut under_way = self.spans.iter_mut().filter(|span| span.ended.is_none());
        under_way.find(|span| span.stage == done.stage && span.number == done.number)
    }
}

impl Span {
    /// Begun before the turn was decided, as nearly everything is.
    fn new(stage: Stage, number: Option<usize>, began: Moment) -> Self {
        let (ended, model, speculative, discarded, failed) = (None, None, true, false, false);
        Span { stage, number, began, ended, model, speculative, discarded, failed }
    }

    fn end(&mut self, at: Moment, failed: bool) {
        // What is cancelled fails too, but by no fault.
        self.failed = failed && !self.discarded;
        // A clock that stands still while models work goes back when sound is fed again.
        self.ended = Some(at.max(self.began));
    }
}

impl Done {
    /// What `event` says has been done. A reply that fails is one that could not be understood, or not be acted upon.
    fn by(event: &Event) -> Vec<Done> {
        let done = |stage, number, failed| Done { stage, number, failed };
        match event {
            Event::TurnScored { probability, .. } => vec![done(Stage::Endpointing, None, probability.is_none())],
            Event::Transcribed { transcription, .. } => {
                vec![done(Stage::Transcription, None, *transcription == Transcription::Failed)]
            }
            Event::ReplyText { .. } | Event::ReplySound { .. } | Event::ReplyEnded { .. } => {
                vec![done(Stage::Understanding, None, false)]
            }
            Event::ReplyFailed { .. } => [Stage::Understanding, Stage::Action].map(|s| done(s, None, true)).into(),
            Event::Acted { .. } => vec![done(Stage::Action, None, false)],
            Event::ClauseReady { clause, .. } => vec![done(Stage::Synthesis, Some(*clause), false)],
            Event::ClauseFailed { clause, .. } => vec![done(Stage::Synthesis, Some(*clause), true)],
            Event::ClausePlayed { clause, .. } => vec![done(Stage::Playback, Some(*clause), false)],
            _ => Vec::new(),
        }
    }
}
