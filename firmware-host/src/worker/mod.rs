//! A worker per model, which all endpoints share: a job comes in through a bounded queue, and what came of it goes to the
//! inbox of whoever asked.
//!
//! Models are synchronous and slow, so none of them runs on the async runtime: each has a thread of its own, and a second
//! one watches over it. A worker never decides anything but which job is next.

mod ear;
mod endpoint;
mod gauge;
mod model;
mod queue;
mod restarts;
mod shared;
mod smart_turn;
mod stt;
mod supervisor;
mod tts;
mod wake_word;

use std::sync::Arc;
use std::time::Duration;

use pipit_chat::{DeviceAction, FinishedTurn, ProviderIdentity};
use pipit_core::audio::Pcm;
use pipit_core::turn::{DraftId, Event};
use tokio::sync::{mpsc, oneshot};

use crate::assist::Link;
use crate::audio::{CaptureCounters, PlaybackReport};
use crate::service::Pulse;

pub use pipit_web::Stage;

pub use ear::{Ear, EchoCancellation, Protection, spawn_ear};
pub use endpoint::{Endpoint, Models};
pub use gauge::{Gauge, Overload};
pub use model::{Choice, Job, LoadModel, TellName, TimeLimit, Which, Work};
pub use queue::{EndpointId, Urgency};
pub use smart_turn::{Pause, smart_turn};
pub use stt::{Stretch, Utterance, stt};
pub use tts::{ClauseText, tts};
pub use wake_word::WakeWord;

pub use shared::NotChosen;

use shared::Shared;
use supervisor::Supervisor;

/// How long the end of a worker is waited for.
const STOPS: Duration = Duration::from_secs(3);

/// Where workers report to. Bounded, and events are never dropped: a worker waits until there is room, which there soon
/// is, because the driver never waits for a worker.
pub type Inbox = mpsc::Sender<Message>;

/// What the driver is told.
#[derive(Debug)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// Whether there are other Pipits in the house, which may hear what this one hears.
    Others(bool),
    /// A model is done with a job.
    Worked {
        /// Which model.
        stage: Stage,
        /// The draft that it worked for.
        draft: DraftId,
        /// How long it worked.
        took: Duration,
        /// What came of it.
        event: Event,
    },
    /// It is known how the request will be answered: by the intent of this name, if by any, and whether that changes
    /// something.
    Understood(DraftId, Option<&'static str>, bool),
    /// This language model begins to answer.
    AnsweredBy(DraftId, ProviderIdentity),
    /// Home Assistant's Assist, on this connection, is given the request.
    AskedAssist(DraftId, Link),
    /// Somebody wants a sound heard here, and to be told whether it was.
    Announce {
        /// The sound.
        pcm: Pcm,
        /// Told once: whether something of it was heard.
        done: oneshot::Sender<bool>,
    },
    /// All is said and done but for the speaking: this is what to record once it is known how much was heard.
    Answered(DraftId, FinishedTurn),
    /// The request wants the device to do something.
    Device(DeviceAction),
    /// The microphone has gone; says why and what to do.
    MicrophoneLost(String),
    /// The microphone is there (again); its name.
    MicrophoneFound(String),
    /// Sound from the microphone has been lost; what was lost since the start.
    SoundLost(CaptureCounters),
    /// What became of what was to be played.
    Playback(PlaybackReport),
    /// The recording that was listened to is over.
    InputEnded,
}

/// One model at work for every endpoint. Dropping it stops what is being done.
pub struct Worker<Task> {
    shared: Arc<Shared<Task>>,
}

/// Says once what a worker has loaded at first, or why it could not.
pub type Ready = oneshot::Receiver<anyhow::Result<String>>;

impl<Task: Send + Sync + 'static> Worker<Task> {
    /// Starts the threads. Jobs are taken at once, and done when the model is loaded.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start<Model: 'static>(work: Work<Model, Task>, gauge: Arc<Gauge>) -> std::io::Result<(Worker<Task>, Ready)> {
        Worker::start_with(work, Choice::default(), gauge)
    }

    /// The same with models of which one can be chosen.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start_with<Model: 'static>(
        work: Work<Model, Task>,
        choice: Choice,
        gauge: Arc<Gauge>,
    ) -> std::io::Result<(Worker<Task>, Ready)> {
        let shared = Arc::new(Shared::new(work.share, choice.at_start));
        let (loaded, ready) = oneshot::channel();
        let supervisor = Supervisor::new(work, choice, Arc::clone(&shared), gauge);
        let ended = Arc::clone(&shared);
        std::thread::Builder::new().name(supervisor.name()).spawn(move || {
            supervisor.run(loaded);
            ended.ended();
        })?;
        Ok((Worker { shared }, ready))
    }

    /// Has another model take over, as its place among those that can be chosen: it is loaded while the present one works, which
    /// stays where the other can't be loaded. Which of the two it came to is told as soon as it is known; nothing where something
    /// else was chosen before that.
    pub fn choose(&self, choice: usize) -> oneshot::Receiver<Result<(), NotChosen>> {
        self.shared.choose(choice)
    }

    /// Has somebody look after the thread that watches over the model.
    pub fn watched_by(&self, pulse: Pulse) {
        self.shared.watched_by(pulse);
    }
}

impl<Task> Drop for Worker<Task> {
    /// Stops what is being done, and waits for it. A model that hangs is left behind.
    fn drop(&mut self) {
        self.shared.close();
        self.shared.wait_for_end(STOPS);
    }
}

#[cfg(test)]
mod tests;
