//! The event bus: what others may want to know of the daemon, the moment it happens.

use std::sync::Arc;

use pipit_core::audio::LOWEST_LEVEL;
use pipit_web::{BusEvent, Hearing, Metrics, Snapshot, TurnRecord};
use tokio::sync::{broadcast, watch};

use crate::display::Beside;
use crate::turn_log::TurnLog;

/// A subscriber that is this many events behind loses the oldest, and is told how many. Nobody ever waits for one.
const EVENTS: usize = 256;

/// Tells everybody. Clones tell the same listeners.
#[derive(Clone)]
pub struct Bus {
    snapshots: watch::Sender<Snapshot>,
    events: broadcast::Sender<BusEvent>,
    levels: watch::Sender<f32>,
    hearing: watch::Sender<Hearing>,
    calls: watch::Sender<u64>,
    beside: watch::Sender<Beside>,
    metrics: Arc<Metrics>,
    turn_log: Option<Arc<TurnLog>>,
    is_private: bool,
}

impl Bus {
    /// A bus that nobody listens to yet. What turns took goes into `turn_log`, if there is one.
    pub fn new(turn_log: Option<TurnLog>) -> Self {
        Bus {
            snapshots: watch::Sender::default(),
            events: broadcast::Sender::new(EVENTS),
            levels: watch::Sender::new(LOWEST_LEVEL),
            hearing: watch::Sender::default(),
            calls: watch::Sender::default(),
            beside: watch::Sender::default(),
            metrics: Arc::default(),
            turn_log: turn_log.map(Arc::new),
            is_private: false,
        }
    }

    /// The state, always the newest.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.subscribe()
    }

    /// The events, for those who subscribe to them. It holds no end of the bus open.
    pub fn events(&self) -> broadcast::WeakSender<BusEvent> {
        self.events.downgrade()
    }

    /// How loud the microphone hears it, in dB below the loudest that there is; the ear tells it with each frame.
    pub fn levels(&self) -> &watch::Sender<f32> {
        &self.levels
    }

    /// What the ear makes of what it hears, which it tells while somebody looks.
    pub fn hearing(&self) -> &watch::Sender<Hearing> {
        &self.hearing
    }

    /// Smart Turn has judged a pause.
    pub fn turn_judged(&self, probability: f32) {
        if self.hearing.receiver_count() > 0 {
            self.hearing.send_modify(|hearing| {
                hearing.turn = Some(probability);
                hearing.turns_judged += 1;
            });
        }
    }

    /// How often Pipit was called where others may have been called too.
    pub fn calls(&self) -> &watch::Sender<u64> {
        &self.calls
    }

    /// What a face shows beside the state. It goes to no page and no log.
    pub fn beside(&self) -> &watch::Sender<Beside> {
        &self.beside
    }

    /// Whether somebody shows what is being said.
    pub fn shows_words(&self) -> bool {
        self.beside.receiver_count() > 0
    }

    /// These words have been said so far to Pipit; none that are known, if there are none.
    pub fn heard_so_far(&self, words: &str) {
        self.beside.send_if_modified(|beside| {
            (beside.hearing != words).then(|| words.clone_into(&mut beside.hearing)).is_some()
        });
    }

    /// These words are being said by Pipit; none that are known, if there are none.
    pub fn saying(&self, words: &str) {
        self.beside.send_if_modified(|beside| {
            (beside.saying != words).then(|| words.clone_into(&mut beside.saying)).is_some()
        });
    }

    /// What is counted.
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

    /// The same for people who want to leave no trace: of their turns, nothing is told or kept but when each stage was reached.
    #[must_use]
    pub fn of_private_turns(self, is_private: bool) -> Bus {
        Bus { is_private, ..self }
    }

    /// A turn is over. One that came to nothing may never have been meant for Pipit: it is counted, and neither told nor
    /// kept.
    pub fn turn_ended(&self, record: TurnRecord) {
        self.metrics.turn_ended(&record);
        if record.came_to_nothing() {
            return;
        }
        let record = if self.is_private { record.redacted() } else { record };
        if let Some(log) = &self.turn_log {
            log.keep(record.clone());
        }
        self.tell(BusEvent::Turn(Box::new(record)));
    }

    fn tell(&self, event: BusEvent) {
        // Nobody need listen.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use pipit_store::Store;
    use pipit_web::{Draft, Provider, Timings, Waterfall};

    use super::*;

    #[test]
    fn what_came_to_nothing_is_counted_and_neither_told_nor_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let bus = Bus::new(Some(TurnLog::start(store.clone(), 10).unwrap()));
        let mut events = bus.events().upgrade().unwrap().subscribe();
        let spoken =
            TurnRecord { timings_ms: Timings { pause: Some(200.0), ..Timings::default() }, ..Default::default() };
        let answered = TurnRecord { turn: 2, ended_by: Some("intent"), ..spoken.clone() };
        bus.turn_ended(spoken);
        bus.turn_ended(answered.clone());
        let counted = bus.metrics().written(&Snapshot::default());
        assert!(counted.contains("pipit_turns_total{ended_by=\"dropped\"} 1\n"), "{counted}");
        assert_eq!(events.try_recv().unwrap(), BusEvent::Turn(Box::new(answered)));
        // Everything is written once it is dropped.
        drop(bus);
        let kept = store.recent_turns(10).unwrap();
        assert!(kept.len() == 1 && kept[0].record.contains("\"turn\":2"), "{kept:?}");
    }

    #[test]
    fn of_private_turns_only_the_stages_are_told_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let bus = Bus::new(Some(TurnLog::start(store.clone(), 10).unwrap())).of_private_turns(true);
        let mut events = bus.events().upgrade().unwrap().subscribe();
        let provider = Provider { name: "cloud".to_owned(), model: "m".to_owned(), tier: "leaves the house".into() };
        let drafts = vec![Draft { provider: Some(provider), ..Draft::default() }];
        let waterfall = Waterfall { drafts, ended_ms: 900.0, ..Waterfall::default() };
        let timings_ms = Timings { first_audio: Some(400.0), ..Timings::default() };
        bus.turn_ended(TurnRecord { ended_by: Some("intent"), timings_ms, waterfall, ..TurnRecord::default() });
        let BusEvent::Turn(told) = events.try_recv().unwrap() else { panic!("a turn is told") };
        assert!(told.private && told.waterfall == Waterfall { ended_ms: 900.0, ..Waterfall::default() }, "{told:?}");
        assert_eq!((told.ended_by, told.timings_ms.first_audio), (Some("intent"), Some(400.0)));
        drop(bus);
        let kept = store.recent_turns(10).unwrap();
        assert!(!kept[0].record.contains("cloud") && kept[0].record.contains("\"private\":true"), "{kept:?}");
    }

    #[test]
    fn the_state_is_told_when_it_has_changed() {
        let bus = Bus::new(None);
        let mut events = bus.events().upgrade().unwrap().subscribe();
        assert!(bus.send_modify(|snapshot| snapshot.phase = "hearing"));
        assert!(!bus.send_modify(|snapshot| snapshot.phase = "hearing"));
        assert!(bus.send_modify(|snapshot| snapshot.turns = 1));
        let state = Snapshot { phase: "hearing", ..Snapshot::default() };
        assert_eq!(events.try_recv().unwrap(), BusEvent::State(state.clone()));
        assert_eq!(events.try_recv().unwrap(), BusEvent::State(Snapshot { turns: 1, ..state }));
        assert!(events.try_recv().is_err());
    }
}
