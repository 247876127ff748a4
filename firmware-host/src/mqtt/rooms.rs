//! The other Pipits in the house, one in each room. Over the broker they know of each other, settle which of them answers when
//! several were called, and say to everybody what everybody is to hear.
//!
//! ```text
//! pipit-house/present/<id>    who there is and where it says whether it is online; kept by the broker
//! pipit-house/calls           how loud one of them heard that it was called
//! pipit-house/announcements   what all of them are to say
//! ```
//!
//! Whoever may publish on the broker may make Pipit speak, and keep it from answering; so may whoever talks in the room.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use pipit_core::audio::LOWEST_LEVEL;
use pipit_core::chat::Tier;
use pipit_core::config::MqttSettings;
use pipit_core::home::{Publish, Subscription};
use pipit_core::time::Moment;
use pipit_core::turn::{Contest, Event, RivalClaim};
use pipit_store::Store;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::{Incoming, ONLINE, Outbox, Outcome, Participant, status_topic};
use crate::worker::{Inbox, Message};

const PRESENT: &str = "pipit-house/present";
const CALLS: &str = "pipit-house/calls";
const ANNOUNCEMENTS: &str = "pipit-house/announcements";

/// So many other Pipits are known. A house has fewer rooms that anybody talks in.
const MOST_OTHERS: usize = 32;
/// The longest id or topic, and the longest text that is announced, in bytes.
const LONGEST_NAME: usize = 256;
const LONGEST_TEXT: usize = 800;
/// What came and is not seen to yet. Of more nobody hears, and the log says so.
const WAITING: usize = 64;
/// So many announcements may wait to be said. There are no more before some have been.
const MOST_WAITING: usize = 10;
/// The call was said in this many of the last frames, which are two seconds.
const FRAMES_OF_A_CALL: usize = 62;

/// The other Pipits in the house. Clones are the same.
#[derive(Clone)]
pub struct Rooms {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    status_topic: String,
    outbox: Outbox,
    /// Nothing that people say goes to a broker farther away than this house.
    tier: Tier,
    began: Instant,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    others: BTreeMap<String, Other>,
    contest: Contest,
}

/// Another Pipit.
struct Other {
    status_topic: String,
    is_online: bool,
}

/// What is to be done about something that came.
enum Task {
    /// Whether anybody else is there is different now.
    Others(bool),
    /// Another has heard the call better.
    Outbid,
    Announce(String),
}

#[derive(Serialize, Deserialize)]
struct Presence {
    status_topic: String,
}

#[derive(Serialize, Deserialize)]
struct Call {
    id: String,
    loudness_db: f32,
}

#[derive(Serialize, Deserialize)]
struct Announcement {
    id: String,
    text: String,
}

impl Rooms {
    /// Knows of nobody yet.
    #[must_use]
    pub fn new(settings: &MqttSettings, outbox: Outbox) -> Rooms {
        let (id, status_topic) = (settings.client_id.clone(), status_topic(settings));
        let (tier, began) = (settings.tier, Instant::now());
        Rooms { shared: Arc::new(Shared { id, status_topic, outbox, tier, began, known: Mutex::default() }) }
    }

    /// What listens to the others, for the connection that the outbox belongs to, and what has to run for it.
    #[must_use]
    pub fn participant(&self) -> (Box<dyn Participant>, Tasks) {
        let (tasks, waiting) = mpsc::channel(WAITING);
        (Box::new(Listener { rooms: self.clone(), tasks }), Tasks { rooms: self.clone(), waiting })
    }

    /// Has the others say something.
    pub fn announce(&self, text: &str) {
        if self.shared.tier > Tier::House {
            debug!("what is announced is not said in other rooms, because the MQTT broker is not in the house");
            return;
        }
        let payload = serde_json::json!(Announcement { id: self.shared.id.clone(), text: text.to_owned() });
        self.publish(ANNOUNCEMENTS, payload.to_string(), 1);
    }

    /// Pipit was called, and heard it so loud. False if the call is another's.
    fn claim(&self, loudness_db: f32) -> bool {
        let stands = self.known().contest.claim(self.now(), loudness_db);
        let payload = serde_json::json!(Call { id: self.shared.id.clone(), loudness_db });
        self.publish(CALLS, payload.to_string(), 0);
        stands
    }

    fn publish(&self, topic: &str, payload: String, qos: u8) {
        let message = Publish { topic: topic.to_owned(), payload, qos, retain: false };
        if let Err(error) = self.shared.outbox.try_publish(&message) {
            debug!("the other rooms are not told: {error}");
        }
    }

    fn now(&self) -> Moment {
        Moment::START + self.shared.began.elapsed()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_anybody_there(&self) -> bool {
        self.others.values().any(|other| other.is_online)
    }
}

struct Listener {
    rooms: Rooms,
    tasks: mpsc::Sender<Task>,
}

impl Participant for Listener {
    fn subscriptions(&self) -> Vec<Subscription> {
        let others: Vec<String> = self.rooms.known().others.values().map(|other| other.status_topic.clone()).collect();
        let fixed = [format!("{PRESENT}/+"), CALLS.to_owned(), ANNOUNCEMENTS.to_owned()];
        fixed.into_iter().chain(others).map(|topic| Subscription { topic, qos: 1 }).collect()
    }

    fn announcements(&mut self) -> Vec<Publish> {
        let Shared { id, status_topic, .. } = &*self.rooms.shared;
        let payload = serde_json::json!(Presence { status_topic: status_topic.clone() }).to_string();
        vec![Publish { topic: format!("{PRESENT}/{id}"), payload, qos: 1, retain: true }]
    }

    fn message(&mut self, message: &Incoming<'_>) -> Outcome {
        let outcome = if let Some(id) = message.topic.strip_prefix(PRESENT).and_then(|rest| rest.strip_prefix('/')) {
            self.somebody_is_present(id, message.payload)
        } else if message.topic == CALLS && !message.retained {
            self.somebody_was_called(message.payload)
        } else if message.topic == ANNOUNCEMENTS && !message.retained {
            self.somebody_announces(message.payload)
        } else {
            self.somebody_says_whether_it_is_online(message)
        };
        outcome.unwrap_or_else(|problem| Outcome { problem: Some(problem), ..Outcome::default() })
    }
}

impl Listener {
    fn somebody_is_present(&self, id: &str, payload: &[u8]) -> Result<Outcome, String> {
        if id == self.rooms.shared.id {
            return Ok(Outcome::default());
        }
        let mut known = self.rooms.known();
        if payload.is_empty() {
            let gone = known.others.remove(id);
            self.queue(Task::Others(known.is_anybody_there()))?;
            return Ok(Outcome {
                unsubscribe: gone.into_iter().map(|other| other.status_topic).collect(),
                ..Outcome::default()
            });
        }
        let Presence { status_topic } = read(payload, "what another Pipit says of itself")?;
        let unfit = status_topic.is_empty() || status_topic.contains(['+', '#', '\0']) || status_topic.starts_with('$');
        if unfit || id.len() > LONGEST_NAME || status_topic.len() > LONGEST_NAME {
            return Err(
                "what another Pipit says of itself is ignored: it names no topic that can be listened to".to_owned()
            );
        }
        if known.others.len() >= MOST_OTHERS && !known.others.contains_key(id) {
            return Err(format!("another Pipit is ignored, because {MOST_OTHERS} are known already"));
        }
        let is_online = known.others.get(id).is_some_and(|other| other.is_online && other.status_topic == status_topic);
        known.others.insert(id.to_owned(), Other { status_topic: status_topic.clone(), is_online });
        // The broker keeps that status, and says it now.
        Ok(Outcome { subscribe: vec![Subscription { topic: status_topic, qos: 1 }], ..Outcome::default() })
    }

    fn somebody_says_whether_it_is_online(&self, message: &Incoming<'_>) -> Result<Outcome, String> {
        let mut known = self.rooms.known();
        let before = known.is_anybody_there();
        for other in known.others.values_mut().filter(|other| other.status_topic == message.topic) {
            other.is_online = message.payload == ONLINE.as_bytes();
        }
        let after = known.is_anybody_there();
        if before != after {
            self.queue(Task::Others(after))?;
        }
        Ok(Outcome::default())
    }

    fn somebody_was_called(&self, payload: &[u8]) -> Result<Outcome, String> {
        let Call { id, loudness_db } = read(payload, "another Pipit's call")?;
        if id == self.rooms.shared.id || !loudness_db.is_finite() {
            return Ok(Outcome::default());
        }
        let claim = RivalClaim { loudness_db: loudness_db.min(0.0), goes_first: id < self.rooms.shared.id };
        let stands = self.rooms.known().contest.rival(self.rooms.now(), claim);
        if !stands {
            self.queue(Task::Outbid)?;
        }
        Ok(Outcome::default())
    }

    fn somebody_announces(&self, payload: &[u8]) -> Result<Outcome, String> {
        let Announcement { id, text } = read(payload, "an announcement from another room")?;
        if id == self.rooms.shared.id || text.trim().is_empty() {
            return Ok(Outcome::default());
        }
        if text.len() > LONGEST_TEXT {
            return Err(format!(
                "an announcement from another room is longer than {LONGEST_TEXT} bytes, and is not made"
            ));
        }
        self.queue(Task::Announce(text))?;
        Ok(Outcome::default())
    }

    fn queue(&self, task: Task) -> Result<(), String> {
        self.tasks.try_send(task).map_err(|_| format!("{WAITING} messages of other Pipits wait already"))
    }
}

/// Reads a payload. What is wrong with it is told without what it says.
fn read<'a, T: Deserialize<'a>>(payload: &'a [u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| {
        format!("{what} is ignored: it can't be read at line {}, column {}", error.line(), error.column())
    })
}

/// What has to be done about what the others say.
pub struct Tasks {
    rooms: Rooms,
    waiting: mpsc::Receiver<Task>,
}

impl Tasks {
    /// Tells the driver behind `inbox`, and the others when Pipit was called, until nobody takes part any more. What is announced
    /// goes into `store`.
    pub async fn run(
        mut self,
        inbox: Inbox,
        store: Store,
        mut calls: watch::Receiver<u64>,
        mut levels: watch::Receiver<f32>,
    ) {
        let mut heard = VecDeque::with_capacity(FRAMES_OF_A_CALL);
        let mut others = false;
        calls.mark_unchanged();
        loop {
            let event = tokio::select! {
                // The newest level belongs to the call.
                biased;
                task = self.waiting.recv() => match task {
                    None => return,
                    Some(Task::Others(there)) => {
                        others = there;
                        heard.clear();
                        Message::Others(there)
                    }
                    Some(Task::Outbid) => Message::Event(Event::Outbid),
                    Some(Task::Announce(text)) => {
                        keep(store.clone(), text).await;
                        continue;
                    }
                },
                Ok(()) = levels.changed(), if others => {
                    heard.truncate(FRAMES_OF_A_CALL - 1);
                    heard.push_front(*levels.borrow_and_update());
                    continue;
                }
                Ok(()) = calls.changed() => {
                    if self.rooms.claim(heard.iter().copied().fold(LOWEST_LEVEL, f32::max)) {
                        continue;
                    }
                    Message::Event(Event::Outbid)
                }
            };
            if inbox.send(event).await.is_err() {
                return;
            }
        }
    }
}

async fn keep(store: Store, text: String) {
    let kept = tokio::task::spawn_blocking(move || {
        if store.announcements()?.len() >= MOST_WAITING {
            warn!("an announcement from another room is not made, because {MOST_WAITING} are waiting already");
            return Ok(());
        }
        store.add_announcement_here(&text, Timestamp::now()).map(drop)
    });
    if let Ok(Err(error)) = kept.await {
        warn!("an announcement from another room is not made: {error}");
    }
}
