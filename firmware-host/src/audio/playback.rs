//! What every way to speak has in common: clauses go in and are worked off in order by one thread, reports come out.
//!
//! How a clause sounds, and where, is the backends' affair (`speaker`, `wav`, `null`). The order book between the
//! driver and the backend's thread is a short list behind a lock that neither side holds while it works.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pipit_core::audio::Pcm;

use super::echo::EchoSource;
use crate::service::{BEAT, Pulse};

/// Clauses that may wait. A reply is spoken more slowly than it is made, so a full queue means that the driver does not
/// hold back as it should.
const QUEUE_LIMIT: usize = 64;

/// Which clause of which reply a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClauseId {
    /// The turn whose reply it belongs to.
    pub turn: u64,
    /// Which of the turn's drafts.
    pub revision: u32,
    /// Its place in the reply.
    pub clause: usize,
}

/// What became of the clauses.
#[derive(Clone, Debug, PartialEq)]
pub enum PlaybackReport {
    /// The first sample of the clause has gone to the device or the file.
    Started(ClauseId),
    /// The last one has.
    Played(ClauseId),
    /// Nothing plays and nothing waits any more: after [`Playback::stop`], or because the device or the file is gone.
    Stopped {
        /// The clause that was cut, and how much of it was heard.
        cut: Option<(ClauseId, Duration)>,
    },
    /// A turn's reply is complete on disk.
    Written {
        /// The turn.
        turn: u64,
        /// The file.
        file: PathBuf,
    },
    /// The speaker is not there: why, and what to do, in words. Said once per loss, and at the start.
    SpeakerLost(String),
    /// The speaker of this name is open: at the start, and again after each loss.
    SpeakerFound(String),
    /// A clause could not be played for another reason, in words; [`PlaybackReport::Stopped`] follows.
    Failed(String),
}

/// Takes the reports, on the thread that plays. It must not block.
pub type ReportSink = Box<dyn Fn(PlaybackReport) + Send>;

/// The queue of clauses is full; nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{QUEUE_LIMIT} clauses wait to be spoken already: offer this one again when one has been played")
    }
}

impl std::error::Error for QueueFull {}

/// The way to the speaker, or to what stands in for it. No method blocks.
///
/// Dropping it stops what plays and finishes the file that is being written.
pub struct Playback {
    orders: Arc<OrderBook>,
    dials: Dials,
    thread: Option<JoinHandle<()>>,
    echo: Option<EchoSource>,
    /// Whether the thread ends within moments of being told to, so that dropping can wait for it.
    prompt: bool,
}

impl Playback {
    /// Queues a clause after those that are queued already; there is no gap between them.
    ///
    /// # Errors
    ///
    /// The queue is full.
    pub fn play(&self, id: ClauseId, pcm: Pcm) -> Result<(), QueueFull> {
        let mut orders = self.orders.lock();
        if orders.iter().filter(|order| matches!(order, Order::Play(..))).count() >= QUEUE_LIMIT {
            return Err(QueueFull);
        }
        orders.push_back(Order::Prepare);
        orders.push_back(Order::Play(id, pcm));
        drop(orders);
        self.orders.changed.notify_one();
        Ok(())
    }

    /// Says that there may soon be something to speak, so that a device at rest is opened meanwhile.
    pub fn prepare(&self) {
        self.orders.push(Order::Prepare);
    }

    /// Fades out within tens of milliseconds and drops what is queued. Reported as [`PlaybackReport::Stopped`].
    pub fn stop(&self) {
        let mut orders = self.orders.lock();
        orders.retain(|order| !matches!(order, Order::Play(..)));
        orders.push_back(Order::Stop);
        drop(orders);
        self.orders.changed.notify_one();
    }

    /// Falls silent within tens of milliseconds and keeps the place, until [`Playback::resume`] or [`Playback::stop`].
    /// A backend that does not play in real time takes no notice.
    pub fn pause(&self) {
        self.orders.push(Order::Pause);
    }

    /// Goes on where playback was paused.
    pub fn resume(&self) {
        self.orders.push(Order::Resume);
    }

    /// Says that no clause of this turn follows. `wav` finishes the turn's file.
    pub fn end_of_turn(&self, turn: u64) {
        self.orders.push(Order::EndOfTurn(turn));
    }

    /// Sets the volume, 0 to 100 percent, about as loudness is felt. Recordings by `wav` are not affected.
    pub fn set_volume(&self, percent: u8) {
        self.dials.volume.store(percent.min(100), Ordering::Relaxed);
    }

    /// Whether a speaker sounds: raised from just before the first sample reaches the device until the room's echo of
    /// the last one has died away.
    #[must_use]
    pub fn sounding(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.dials.sounding)
    }

    /// What is needed to cancel the echo of what is played, where there can be one. It is given once.
    pub fn take_echo(&mut self) -> Option<EchoSource> {
        self.echo.take()
    }

    /// Has somebody look after the thread that plays.
    pub fn watched_by(&self, pulse: Pulse) {
        // Whoever looks already goes on.
        let _ = self.orders.pulse.set(pulse);
        self.orders.changed.notify_one();
    }

    /// As [`Playback::take_echo`], for the backend that has one to give.
    pub(super) fn with_echo(mut self, echo: EchoSource) -> Self {
        self.echo = Some(echo);
        self
    }

    /// Starts the thread that works off the orders.
    pub(super) fn spawn(prompt: bool, work: impl FnOnce(&OrderBook, Dials) + Send + 'static) -> Result<Playback> {
        Self::spawn_with(OrderBook::new(), prompt, work)
    }

    /// As [`Playback::spawn`], for a backend that puts orders of its own into the book.
    pub(super) fn spawn_with(
        orders: Arc<OrderBook>,
        prompt: bool,
        work: impl FnOnce(&OrderBook, Dials) + Send + 'static,
    ) -> Result<Playback> {
        let dials = Dials { volume: Arc::new(AtomicU8::new(100)), sounding: Arc::new(AtomicBool::new(false)) };
        let (book, theirs) = (Arc::clone(&orders), dials.clone());
        let thread = thread::Builder::new()
            .name("playback".to_owned())
            .spawn(move || work(&book, theirs))
            .context("the system refused a thread for playback")?;
        Ok(Playback { orders, dials, thread: Some(thread), echo: None, prompt })
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        self.orders.push(Order::Leave);
        if let Some(thread) = self.thread.take().filter(|_| self.prompt) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// What is shared without any order: how loud, and whether it sounds.
#[derive(Clone)]
pub(super) struct Dials {
    pub(super) volume: Arc<AtomicU8>,
    pub(super) sounding: Arc<AtomicBool>,
}

/// What the thread is asked to do, in the order in which it was asked.
#[derive(Debug)]
pub(super) enum Order {
    /// A clause follows, or may follow soon.
    Prepare,
    Play(ClauseId, Pcm),
    EndOfTurn(u64),
    Pause,
    Resume,
    Stop,
    /// Something about the device changed; the backend knows what.
    Look,
    /// The owner has gone: stop, finish, end.
    Leave,
}

/// The orders that wait. Bounded: clauses by [`QUEUE_LIMIT`], the others by a few a turn.
pub(super) struct OrderBook {
    orders: Mutex<VecDeque<Order>>,
    changed: Condvar,
    pulse: OnceLock<Pulse>,
}

impl OrderBook {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(OrderBook { orders: Mutex::new(VecDeque::new()), changed: Condvar::new(), pulse: OnceLock::new() })
    }

    pub(super) fn push(&self, order: Order) {
        self.lock().push_back(order);
        self.changed.notify_one();
    }

    /// Has the thread look at the device; one such order at a time is enough.
    pub(super) fn push_look(&self) {
        let mut orders = self.lock();
        if !orders.iter().any(|order| matches!(order, Order::Look)) {
            orders.push_back(Order::Look);
        }
        drop(orders);
        self.changed.notify_one();
    }

    /// Takes the next order, waiting for it until `deadline` if there is one.
    ///
    /// While there is no `room` for a clause, clauses stay where they are and the other orders pass them: a stop takes
    /// the clauses before it out of the book itself, and a turn's end means nothing to a backend that plays in real
    /// time. The owner's leave passes everything.
    pub(super) fn next(&self, room: bool, deadline: Option<Instant>) -> Option<Order> {
        let mut orders = self.lock();
        loop {
            let pulse = self.pulse.get();
            pulse.iter().for_each(|pulse| pulse.beat());
            let leave = orders.iter().position(|order| matches!(order, Order::Leave));
            let first = || orders.iter().position(|order| room || !matches!(order, Order::Play(..)));
            if let Some(at) = leave.or_else(first) {
                return orders.remove(at);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let beat = pulse.map(|_| BEAT);
            orders = match left.into_iter().chain(beat).min() {
                _ if left == Some(Duration::ZERO) => return None,
                None => self.changed.wait(orders).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => self.changed.wait_timeout(orders, wait).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
