//! A thread per model: a job comes in through a bounded queue, and what came of it goes to the driver's inbox.
//!
//! Models are synchronous and slow, so none of them runs on the async runtime. A worker never decides anything.

mod ear;
mod smart_turn;
mod stt;
mod tts;
mod wake_word;

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pipit_chat::{DeviceAction, FinishedTurn};
use pipit_core::turn::{DraftId, Event};
use tokio::sync::{mpsc, oneshot};

use crate::audio::{CaptureCounters, PlaybackReport};

pub use ear::{Ear, EchoCancellation, Protection, spawn_ear};
pub use smart_turn::{ScoreJob, spawn_smart_turn};
pub use stt::{TranscribeJob, spawn_stt};
pub use tts::{SpeakJob, spawn_tts};
pub use wake_word::WakeWord;

/// Where workers report to. Bounded, and events are never dropped: a worker waits until there is room, which there soon
/// is, because the driver never waits for a worker.
pub type Inbox = mpsc::Sender<Message>;

/// What the driver is told.
#[derive(Debug)]
pub enum Message {
    /// Something happened.
    Event(Event),
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

/// Which model a piece of work was done by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Smart Turn.
    Endpointing,
    /// The recogniser.
    Transcription,
    /// The voice.
    Synthesis,
}

/// A thread that does one job after another.
pub struct Worker<Job> {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// Says once what a worker has loaded, or why it could not.
pub type Ready = oneshot::Receiver<anyhow::Result<String>>;

impl<Job: Send + 'static> Worker<Job> {
    /// Starts a thread that first calls `load`, which may take seconds, and then hands each job to `work` with what was
    /// loaded, or with nothing where loading failed. At most `capacity` jobs wait.
    pub fn spawn<Model: 'static>(
        name: &str,
        capacity: usize,
        load: impl FnOnce() -> anyhow::Result<(Model, String)> + Send + 'static,
        mut work: impl FnMut(Option<&mut Model>, Job) + Send + 'static,
    ) -> std::io::Result<(Worker<Job>, Ready)> {
        let (jobs, queue) = sync_channel(capacity);
        let (loaded, ready) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let (mut model, description) = match load() {
                Ok((model, description)) => (Some(model), Ok(description)),
                Err(error) => (None, Err(error)),
            };
            // Nobody may be waiting to hear it.
            let _ = loaded.send(description);
            for job in queue {
                work(model.as_mut(), job);
            }
        })?;
        Ok((Worker { jobs: Some(jobs), thread: Some(thread) }, ready))
    }

    /// Queues a job, or gives it back where the queue is full or the thread has ended.
    pub fn try_send(&self, job: Job) -> Result<(), Job> {
        let Some(jobs) = &self.jobs else { return Err(job) };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }
}

impl<Job> Drop for Worker<Job> {
    /// Lets the thread finish the jobs that it has, and waits for it.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has already said so on its own thread.
            let _ = thread.join();
        }
    }
}
