//! The voice's work.

use std::time::Duration;

use pipit_core::turn::Event;
use pipit_models::voice::{self, Voice};

use super::{Job, LoadModel, Stage, Work};
use crate::ledger;

/// One clause to speak.
pub struct ClauseText {
    /// The clause's number in the reply.
    pub clause: usize,
    /// Its words for the voice.
    pub words: String,
    /// By what the ledger knows the turn.
    pub number: i64,
}

/// A voice. Four clauses of an endpoint may wait; the turn machine asks for fewer at a time. A service has `service` for itself,
/// before a voice on this device begins.
pub fn tts(load: LoadModel<Box<dyn Voice>>, service: Duration) -> Work<Box<dyn Voice>, ClauseText> {
    Work {
        name: "the voice",
        thread: "tts",
        stage: Stage::Synthesis,
        advice: "Choose another tts.engine, or find out more with `pipit doctor`.",
        share: 4,
        load,
        run: speak,
        failed,
        // People speak some twelve letters a second, so this is about four times as long as it sounds.
        limit: Box::new(move |clause| {
            service + Duration::from_secs(15) + Duration::from_millis(330) * (clause.words.len() as u32)
        }),
        begins: |clause| clause.clause == 0,
    }
}

fn speak(voice: &mut Box<dyn Voice>, job: &Job<ClauseText>) -> Event {
    let ClauseText { words, number, .. } = &job.task;
    match ledger::for_turn(*number, || voice::say(&mut **voice, words, &job.cancel)) {
        Ok(pcm) => Event::ClauseReady { draft: job.draft, clause: job.task.clause, pcm },
        Err(error) => {
            if !job.cancel.is_cancelled() {
                tracing::error!("the voice could not speak: {error}");
            }
            failed(job)
        }
    }
}

fn failed(job: &Job<ClauseText>) -> Event {
    Event::ClauseFailed { draft: job.draft, clause: job.task.clause }
}
