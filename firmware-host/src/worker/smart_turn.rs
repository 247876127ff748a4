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

/// Smart Turn. Two pauses of an endpoint may wait: a newer one makes an older one's answer useless anyway.
pub fn smart_turn(load: LoadModel<SmartTurn>) -> Work<SmartTurn, Pause> {
    Work {
        name: "Smart Turn",
        thread: "smart-turn",
        stage: Stage::Endpointing,
        advice: "Until then silence decides when somebody has finished. `pipit doctor` tries it out.",
        share: 2,
        load,
        run: |smart_turn, job| {
            let probability = smart_turn.probability(job.task.utterance.samples());
            let probability =
                probability.inspect_err(|error| tracing::warn!("Smart Turn could not judge a pause: {error}")).ok();
            Event::TurnScored { draft: job.draft, probability }
        },
        failed: |job: &Job<Pause>| Event::TurnScored { draft: job.draft, probability: None },
        // It always judges the last 8 s, and takes a tenth of a second on a small board.
        limit: Box::new(|_| Duration::from_secs(10)),
        begins: |_| true,
    }
}
