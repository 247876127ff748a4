//! The recogniser's work.

use std::time::Duration;

use pipit_core::audio::Pcm;
use pipit_core::turn::{Event, Transcription};
use pipit_models::error::ModelError;
use pipit_models::whisper::{Outcome, Whisper};

use super::{Job, LoadModel, Stage, Work};

/// One utterance to transcribe.
pub struct Utterance {
    /// The whole of it.
    pub utterance: Pcm,
}

/// A recogniser. `load` also gives the model's name. Two utterances of an endpoint may wait: that of its turn, and one that
/// was said over the answer.
pub fn stt(load: LoadModel<Whisper>) -> Work<Whisper, Utterance> {
    Work {
        name: "the recogniser",
        thread: "stt",
        stage: Stage::Transcription,
        advice: "Choose another stt.model, or find out more with `pipit doctor`.",
        share: 2,
        load,
        run: |whisper, job| Event::Transcribed { draft: job.draft, transcription: transcribe(whisper, job) },
        failed: |job: &Job<Utterance>| Event::Transcribed { draft: job.draft, transcription: Transcription::Failed },
        // Nobody chooses a recogniser that is four times slower than people speak.
        limit: |utterance| Duration::from_secs(15) + utterance.utterance.duration() * 4,
        begins: |_| true,
    }
}

fn transcribe(whisper: &mut Whisper, job: &Job<Utterance>) -> Transcription {
    match whisper.transcribe(job.task.utterance.samples(), &job.cancel) {
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
