//! The recogniser's work.

use std::time::Duration;

use pipit_core::audio::Pcm;
use pipit_core::turn::{Event, Overheard, Transcription};
use pipit_models::error::ModelError;
use pipit_models::recogniser::Recogniser;
use pipit_models::whisper::Outcome;

use super::{Job, LoadModel, Stage, Work};
use crate::ledger;

/// One utterance to transcribe.
pub struct Utterance {
    /// Which part of the turn's utterance it is, or none for what follows the parts.
    pub part: Option<usize>,
    /// The sound of it.
    pub utterance: Pcm,
    /// By what the ledger knows the turn.
    pub number: i64,
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
        run: |recogniser, job| transcribed(job, transcribe(&mut **recogniser, job)),
        failed: |job| transcribed(job, Transcription::Failed),
        // Nobody chooses a recogniser that is four times slower than people speak.
        limit: Box::new(move |utterance| service + Duration::from_secs(15) + utterance.utterance.duration() * 4),
        begins: |_| true,
    }
}

fn transcribed(job: &Job<Utterance>, transcription: Transcription) -> Event {
    match job.task.part {
        None => Event::Transcribed { draft: job.draft, transcription },
        Some(part) => Event::PartTranscribed { turn: job.draft.turn, part, transcription },
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
