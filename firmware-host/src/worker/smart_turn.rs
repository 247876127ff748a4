//! Smart Turn's work.

use std::time::Duration;

use pipit_core::audio::Pcm;
use pipit_core::turn::Event;
use pipit_models::smart_turn::SmartTurn;

use super::{Job, LoadModel, Stage, Work};

/// One pause to judge.
pub struct Pause {
    /// What was said until then.
    pub utterance: Pcm,
}

/// Smart Turn, or nothing in its place, where silence alone decides. Two pauses of an endpoint may wait: a newer one makes an older one's answer useless anyway.
pub fn smart_turn(load: LoadModel<Option<SmartTurn>>) -> Work<Option<SmartTurn>, Pause> {
    Work {
        name: "Smart Turn",
        thread: "smart-turn",
        stage: Stage::Endpointing,
        advice: "Until then silence decides when somebody has finished. `pipit doctor` tries it out.",
        share: 2,
        load,
        run: |smart_turn, job| {
            let probability =
                smart_turn.as_mut().map(|model| model.probability(job.task.utterance.samples())).transpose();
            let probability =
                probability.inspect_err(|error| tracing::warn!("Smart Turn could not judge a pause: {error}"));
            Event::TurnScored { draft: job.draft, probability: probability.ok().flatten() }
        },
        failed: |job: &Job<Pause>| Event::TurnScored { draft: job.draft, probability: None },
        // It always judges the last 8 s, and takes a tenth of a second on a small board.
        limit: Box::new(|_| Duration::from_secs(10)),
        begins: |_| true,
    }
}
