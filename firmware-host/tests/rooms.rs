//! Several Pipits in a house, against mosquitto: they know of each other, one of them answers, and all say what all are to hear.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use pipit::mqtt::{Connection, Rooms, Status};
use pipit::worker::Message;
use pipit_core::turn::Event;
use pipit_store::Store;
use support::broker::{Broker, PATIENCE, Peer};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A Pipit in a room, without the rest of it.
struct Room {
    rooms: Rooms,
    inbox: mpsc::Receiver<Message>,
    calls: watch::Sender<u64>,
    levels: watch::Sender<f32>,
    store: Store,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Room {
    async fn new(broker: &Broker, id: &str) -> Room {
        let settings = broker.config(&format!("client_id = \"{id}\"\n")).mqtt.unwrap();
        let mut connection = Connection::new(settings.clone(), Box::new(|| Ok(None)));
        let rooms = Rooms::new(&settings, connection.outbox());
        let (participant, tasks) = rooms.participant();
        connection.join(participant);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let (sender, inbox) = mpsc::channel(100);
        let (calls, levels) = (watch::Sender::new(0), watch::Sender::new(-100.0));
        tokio::spawn(tasks.run(sender, store.clone(), calls.subscribe(), levels.subscribe()));
        let (status, stop) = (connection.status(), CancellationToken::new());
        let task = tokio::spawn(connection.run(stop.clone()));
        let mut room = Room { rooms, inbox, calls, levels, store, status, stop, task, _folder: folder };
        timeout(PATIENCE, room.status.wait_for(|status| *status == Status::Connected)).await.unwrap().unwrap();
        room
    }

    /// What the driver is told next.
    async fn told(&mut self) -> String {
        match timeout(PATIENCE, self.inbox.recv()).await.unwrap().unwrap() {
            Message::Others(there) => format!("others {there}"),
            Message::Event(Event::Outbid) => "outbid".to_owned(),
            _ => "something else".to_owned(),
        }
    }

    fn is_called(&self) {
        self.calls.send_modify(|calls| *calls += 1);
    }

    async fn ends(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn they_know_of_each_other_while_they_are_there() {
    let broker = Broker::start();
    let mut kitchen = Room::new(&broker, "kitchen").await;
    let mut hall = Room::new(&broker, "hall").await;
    assert_eq!((kitchen.told().await, hall.told().await), ("others true".to_owned(), "others true".to_owned()));
    hall.ends().await;
    assert_eq!(kitchen.told().await, "others false");
}

#[tokio::test]
async fn who_heard_the_call_less_loudly_is_told_so() {
    let broker = Broker::start();
    let mut peer = Peer::hearing(&broker, "pipit-house/#").await;
    let mut kitchen = Room::new(&broker, "kitchen").await;
    let mut hall = Room::new(&broker, "hall").await;
    // The levels are looked at only once there are others.
    for room in [&mut kitchen, &mut hall] {
        assert_eq!(room.told().await, "others true");
    }
    kitchen.levels.send_replace(-20.0);
    hall.levels.send_replace(-30.0);
    kitchen.is_called();
    peer.hears("pipit-house/calls", r#"{"id":"kitchen","loudness_db":-20.0}"#).await;
    hall.is_called();
    assert_eq!(hall.told().await, "outbid");
    assert!(kitchen.inbox.is_empty());
}

#[tokio::test]
async fn what_all_are_to_hear_the_others_say() {
    let broker = Broker::start();
    let mut peer = Peer::hearing(&broker, "pipit-house/#").await;
    let kitchen = Room::new(&broker, "kitchen").await;
    let hall = Room::new(&broker, "hall").await;
    for nonsense in ["", "{", "{\"id\":7}", "{\"id\":\"x\",\"text\":\" \"}"] {
        for topic in ["announcements", "calls", "present/x"] {
            peer.publish(&format!("pipit-house/{topic}"), nonsense, false).await;
        }
    }
    kitchen.rooms.announce("Dinner is ready");
    peer.hears("pipit-house/announcements", r#"{"id":"kitchen","text":"Dinner is ready"}"#).await;
    let said = async {
        loop {
            let waiting = hall.store.announcements().unwrap();
            if let [only] = &waiting[..] {
                break only.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let said = timeout(PATIENCE, said).await.unwrap();
    assert_eq!((said.text.as_str(), said.here), ("Dinner is ready", true));
    assert!(kitchen.store.announcements().unwrap().is_empty());
}
