//! Smart Turn's thread.

use std::time::Instant;

use pipit_core::audio::Pcm;
use pipit_core::turn::{DraftId, Event};
use pipit_models::smart_turn::SmartTurn;

use super::{Inbox, Message, Ready, Stage, Worker};

/// One pause to judge.
pub struct ScoreJob {
    /// The pause.
    pub draft: DraftId,
    /// What was said until then.
    pub utterance: Pcm,
}

/// Starts the thread. Two jobs may wait: a newer pause makes an older one's answer useless anyway.
pub fn spawn_smart_turn(
    load: impl FnOnce() -> anyhow::Result<SmartTurn> + Send + 'static,
    inbox: Inbox,
) -> std::io::Result<(Worker<ScoreJob>, Ready)> {
    let load = move || Ok((load()?, "Smart Turn".to_owned()));
    Worker::spawn("smart-turn", 2, load, move |model, job: ScoreJob| {
        let begun = Instant::now();
        let probability = model.and_then(|smart_turn| {
            smart_turn
                .probability(job.utterance.samples())
                .inspect_err(|error| tracing::warn!("Smart Turn could not judge a pause: {error}"))
                .ok()
        });
        let draft = job.draft;
        let event = Event::TurnScored { draft, probability };
        // The driver has gone only when everything is shutting down.
        let _ = inbox.blocking_send(Message::Worked { stage: Stage::Endpointing, draft, took: begun.elapsed(), event });
    })
}
