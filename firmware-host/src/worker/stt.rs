//! The recogniser's work.

use std::time::Duration;

use pipit_core::audio::Pcm;
use pipit_core::turn::{Event, Overheard, Transcription};
use pipit_models::error::ModelError;
use pipit_models::recogniser::Recogniser;
use pipit_models::whisper::Outcome;

use super::{Job, LoadModel, Stage, Work};
use crate::ledger;

/// One utterance to transcribe, or to listen ahead to.
pub struct Utterance {
    /// Which stretch of the turn's utterance it is.
    pub stretch: Stretch,
    /// The sound of it.
    pub utterance: Pcm,
    /// By what the ledger knows the turn.
    pub number: i64,
}

/// A stretch of a turn's utterance, which decides what is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// All of it, or what follows its parts: to be transcribed.
    Rest,
    /// The part with this number: to be transcribed while the utterance goes on.
    Part(usize),
    /// What follows the parts so far: to be listened to ahead, in this round.
    SoFar(u32),
}

/// A recogniser. `load` also gives the model's name. Eight utterances of an endpoint may wait: the parts of the longest that
/// there is, what follows them, and something that was said over an answer. A service has `service` for itself, before a model
/// on this device begins.
pub fn stt(load: LoadModel<Box<dyn Recogniser>>, service: Duration) -> Work<Box<dyn Recogniser>, Utterance> {
    Work {
        name: "the recogniser",
        thread: "stt",
        stage: Stage::Transcription,
        advice: "Choose another stt.model, or find out more with `pipit doctor`.",
        share: 8,
        load,
        run: |recogniser, job| match job.task.stretch {
            Stretch::SoFar(round) => followed(job, round, follow(&mut **recogniser, job)),
            Stretch::Rest | Stretch::Part(_) => transcribed(job, transcribe(&mut **recogniser, job)),
        },
        failed: |job| transcribed(job, Transcription::Failed),
        // Nobody chooses a recogniser that is four times slower than people speak.
        limit: Box::new(move |utterance| service + Duration::from_secs(15) + utterance.utterance.duration() * 4),
        begins: |_| true,
    }
}

fn transcribed(job: &Job<Utterance>, transcription: Transcription) -> Event {
    match job.task.stretch {
        Stretch::Rest => Event::Transcribed { draft: job.draft, transcription },
        Stretch::Part(part) => Event::PartTranscribed { turn: job.draft.turn, part, transcription },
        // Nothing is transcribed ahead.
        Stretch::SoFar(round) => followed(job, round, None),
    }
}

fn followed(job: &Job<Utterance>, round: u32, agreed: Option<Overheard>) -> Event {
    Event::Followed { turn: job.draft.turn, round, agreed }
}

/// Nothing where it can't, where it failed and where something else is wanted by now: the transcript says what was said all the same.
fn follow(recogniser: &mut dyn Recogniser, job: &Job<Utterance>) -> Option<Overheard> {
    let Utterance { utterance, number, .. } = &job.task;
    match ledger::for_turn(*number, || recogniser.follow(utterance.samples(), &job.cancel)) {
        Ok(agreed) => agreed.map(Overheard::new),
        Err(ModelError::Cancelled) => None,
        Err(error) => {
            tracing::warn!("what is being said could not be listened to ahead: {error}");
            None
        }
    }
}

fn transcribe(recogniser: &mut dyn Recogniser, job: &Job<Utterance>) -> Transcription {
    let Utterance { utterance, number, .. } = &job.task;
    match ledger::for_turn(*number, || recogniser.transcribe(utterance.samples(), &job.cancel)) {
        // Sealed here, because it is not known yet whom it was said to.
        Ok(transcript) if transcript.outcome == Outcome::Words => Transcription::Words(Overheard::new(transcript.text)),
        Ok(transcript) if transcript.somebody_spoke() => Transcription::NotUnderstood(Overheard::new(transcript.guess)),
        Ok(_) => Transcription::Silence,
        // Nobody waits for the answer any more.
        Err(ModelError::Cancelled) => Transcription::Silence,
        Err(error) => {
            tracing::error!("an utterance could not be transcribed: {error}");
            Transcription::Failed
        }
    }
}
