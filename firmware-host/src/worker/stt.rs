//! The recogniser's thread.

use std::time::Instant;

use pipit_core::audio::Pcm;
use pipit_core::turn::{DraftId, Event, Overheard, Transcription};
use pipit_models::cancel::CancelFlag;
use pipit_models::error::ModelError;
use pipit_models::whisper::{Outcome, Whisper};

use super::{Inbox, Message, Ready, Stage, Worker};

/// One utterance to transcribe.
pub struct TranscribeJob {
    /// The draft.
    pub draft: DraftId,
    /// The whole utterance.
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
        let event = Event::Transcribed { draft: job.draft, transcription };
        let took = begun.elapsed();
        let _ = inbox.blocking_send(Message::Worked { stage: Stage::Transcription, draft: job.draft, took, event });
    })
}

fn transcribe(whisper: &mut Whisper, job: &TranscribeJob) -> Transcription {
    match whisper.transcribe(job.utterance.samples(), &job.cancel) {
        // Sealed here, because it is not known yet whom it was said to.
        Ok(transcript) if transcript.outcome == Outcome::Words => Transcription::Words(Overheard::new(transcript.text)),
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
