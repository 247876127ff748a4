//! The event bus: what others may want to know of the daemon, the moment it happens, and what is kept of it.

use std::sync::Arc;

use jiff::Timestamp;
use pipit_store::{Store, StoreError};
use pipit_web::{BusEvent, Metrics, Snapshot, TurnRecord};
use tokio::sync::{broadcast, watch};

use crate::worker::Worker;

/// A subscriber that is this many events behind loses the oldest, and is told how many. The driver never waits for one.
const EVENTS: usize = 256;

/// Turns that wait to be written. They come seconds apart; should the disk be slower still, the turn that finds no room
/// here is not kept.
const UNWRITTEN: usize = 16;

/// Tells everybody. Clones tell the same listeners.
#[derive(Clone)]
pub struct Bus {
    snapshots: watch::Sender<Snapshot>,
    events: broadcast::Sender<BusEvent>,
    metrics: Arc<Metrics>,
    keeper: Option<Arc<Worker<TurnRecord>>>,
}

impl Bus {
    /// A bus that nobody listens to yet. What turns took is written by `keeper`, if there is one.
    pub fn new(keeper: Option<Worker<TurnRecord>>) -> Self {
        Bus {
            snapshots: watch::Sender::default(),
            events: broadcast::Sender::new(EVENTS),
            metrics: Arc::default(),
            keeper: keeper.map(Arc::new),
        }
    }

    /// The state, always the newest.
    pub fn subscribe(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.subscribe()
    }

    /// The events, for those who subscribe to them. It holds no end of the bus open.
    pub fn events(&self) -> broadcast::WeakSender<BusEvent> {
        self.events.downgrade()
    }

    /// What has been counted.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Changes the state, and tells it if it has changed. True if it has.
    pub fn send_modify(&self, change: impl FnOnce(&mut Snapshot)) -> bool {
        let mut changed = None;
        self.snapshots.send_if_modified(|snapshot| {
            let before = snapshot.clone();
            change(snapshot);
            changed = (*snapshot != before).then(|| snapshot.clone());
            changed.is_some()
        });
        let Some(snapshot) = changed else { return false };
        self.tell(BusEvent::State(snapshot));
        true
    }

    /// A turn is over.
    pub fn turn_ended(&self, record: TurnRecord) {
        self.metrics.turn_ended(&record);
        if let Some(keeper) = &self.keeper
            && keeper.try_send(record.clone()).is_err()
        {
            tracing::warn!("the disk is too slow: what this turn took is not kept");
        }
        self.tell(BusEvent::Turn(Box::new(record)));
    }

    fn tell(&self, event: BusEvent) {
        // Nobody need listen.
        let _ = self.events.send(event);
    }
}

/// Starts the thread that writes down what turns took, of which the last `keep` are kept. A turn that can't be written is
/// lost, which is said once until the next can.
///
/// # Errors
/// The operating system gives Pipit no thread.
pub fn spawn_keeper(store: Store, keep: u32) -> std::io::Result<Worker<TurnRecord>> {
    let mut failing = false;
    let work = move |_: Option<&mut ()>, record: TurnRecord| match write(&store, &record, keep) {
        Ok(()) => failing = false,
        Err(error) if !std::mem::replace(&mut failing, true) => {
            tracing::warn!("what turns take is not kept: {error}");
        }
        Err(_) => {}
    };
    Ok(Worker::spawn("turns", UNWRITTEN, || Ok(((), String::new())), work)?.0)
}

fn write(store: &Store, record: &TurnRecord, keep: u32) -> Result<(), StoreError> {
    // Numbers and fixed words always have a JSON form.
    let json = serde_json::to_string(record).unwrap_or_else(|_| "{}".to_owned());
    store.add_turn(Timestamp::now(), &json, keep)
}
