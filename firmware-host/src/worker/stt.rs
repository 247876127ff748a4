//! The recogniser's thread.

use std::time::Instant;

use pipit_core::audio::Pcm;
use pipit_core::turn::{DraftId, Event, Transcription};
use pipit_models::cancel::CancelFlag;
use pipit_models::error::ModelError;
use pipit_models::whisper::{Outcome, Whisper};

use super::{Inbox, Message, Ready, Stage, Worker};

/// One utterance to transcribe.
pub struct TranscribeJob {
    /// The draft; of a part, its turn.
    pub draft: DraftId,
    /// Which part of the turn's utterance it is, or none for what follows the parts.
    pub part: Option<usize>,
    /// The sound of it.
    pub utterance: Pcm,
    /// Raised when nobody wants the transcript any more.
    pub cancel: CancelFlag,
}

/// Starts the thread. `load` also gives the model's name. Two utterances may wait.
pub fn spawn_stt(
    load: impl FnOnce() -> anyhow::Result<(Whisper, String)> + Send + 'static,
    inbox: Inbox,
) -> std::io::Result<(Worker<TranscribeJob>, Ready)> {
    Worker::spawn("stt", 2, load, move |model, job: TranscribeJob| {
        let begun = Instant::now();
        let transcription = model.map_or(Transcription::Failed, |whisper| transcribe(whisper, &job));
        let event = match job.part {
            None => Event::Transcribed { draft: job.draft, transcription },
            Some(part) => Event::PartTranscribed { turn: job.draft.turn, part, transcription },
        };
        let took = begun.elapsed();
        let _ = inbox.blocking_send(Message::Worked { stage: Stage::Transcription, draft: job.draft, took, event });
    })
}

fn transcribe(whisper: &mut Whisper, job: &TranscribeJob) -> Transcription {
    match whisper.transcribe(job.utterance.samples(), &job.cancel) {
        Ok(transcript) if transcript.outcome == Outcome::Words => Transcription::Words(transcript.text),
        Ok(transcript) if transcript.somebody_spoke() => Transcription::NotUnderstood,
        Ok(_) => Transcription::Silence,
        // Nobody waits for the answer any more.
        Err(ModelError::Cancelled) => Transcription::Silence,
        Err(error) => {
            tracing::error!("an utterance could not be transcribed: {error}");
            Transcription::Failed
        }
    }
}
