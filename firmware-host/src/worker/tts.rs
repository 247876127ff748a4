//! The voice's thread.

use std::time::Instant;

use pipit_core::turn::{DraftId, Event};
use pipit_models::cancel::CancelFlag;
use pipit_models::voice::{self, Voice};

use super::{Inbox, Message, Ready, Stage, Worker};

/// One clause to speak.
pub struct SpeakJob {
    /// The draft.
    pub draft: DraftId,
    /// The clause's number in the reply.
    pub clause: usize,
    /// Its words for the voice.
    pub words: String,
    /// Raised when nobody wants to hear it any more.
    pub cancel: CancelFlag,
}

/// Starts the thread. Four clauses may wait; the turn machine asks for fewer at a time.
pub fn spawn_tts(
    load: impl FnOnce() -> anyhow::Result<Box<dyn Voice>> + Send + 'static,
    inbox: Inbox,
) -> std::io::Result<(Worker<SpeakJob>, Ready)> {
    let load = move || {
        let voice = load()?;
        let name = voice.name().to_owned();
        Ok((voice, name))
    };
    Worker::spawn("tts", 4, load, move |model: Option<&mut Box<dyn Voice>>, job: SpeakJob| {
        let begun = Instant::now();
        let (draft, clause) = (job.draft, job.clause);
        let event = match model.map(|voice| voice::say(&mut **voice, &job.words, &job.cancel)) {
            Some(Ok(pcm)) => Event::ClauseReady { draft, clause, pcm },
            Some(Err(error)) => {
                if !job.cancel.is_cancelled() {
                    tracing::error!("the voice could not speak: {error}");
                }
                Event::ClauseFailed { draft, clause }
            }
            None => Event::ClauseFailed { draft, clause },
        };
        let _ = inbox.blocking_send(Message::Worked { stage: Stage::Synthesis, draft, took: begun.elapsed(), event });
    })
}
