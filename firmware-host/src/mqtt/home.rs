//! The home as it makes itself known over MQTT: the registry of its devices, kept by what comes over the connection and commanded
//! over it. What messages mean is decided in `pipit_core::home`; here is only the way there and back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pipit_chat::tools::{Home, HomeCommand};
use pipit_core::chat::Tier;
use pipit_core::config::{HomeSettings, MqttSettings};
use pipit_core::home::{
    Changes, Device, DeviceId, HomeAction, Meaning, Publish, Reachable, Registry, Settings, Subscription, Vocabulary,
};
use pipit_core::intent::hassil::Recognised;
use pipit_web::house::{HouseState, LastCommand, Link};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

use super::{Incoming, Outbox, Outcome, Participant, Sending, Status, Unsent};

/// How long the broker may take to confirm a command. Whoever gave it waits.
const CONFIRMED: Duration = Duration::from_secs(3);

/// Ignored messages that are told of.
const IGNORED: usize = 5;

/// The home behind a broker.
pub struct MqttHome {
    registry: Mutex<Registry>,
    outbox: Outbox,
    tier: Tier,
    /// Counts the messages after which something was different.
    changes: watch::Sender<u64>,
    /// How it stands with the connection, where that is told.
    link: OnceLock<watch::Receiver<Status>>,
    discovery: String,
    past: Mutex<Past>,
}

/// What the panel tells of what was.
#[derive(Default)]
struct Past {
    last: Option<LastCommand>,
    /// The newest last.
    ignored: VecDeque<(Timestamp, String)>,
}

/// What is to be done with one device: its messages, in turn.
struct Order {
    device: Device,
    messages: Vec<Publish>,
}

impl MqttHome {
    /// A home that nothing is known of yet. Let [`MqttHome::participant`] join the connection that `outbox` belongs to.
    #[must_use]
    pub fn new(settings: &MqttSettings, home: &HomeSettings, outbox: Outbox) -> Arc<MqttHome> {
        let mut registry = Registry::new(Settings {
            prefix: settings.discovery_prefix.clone(),
            own_topics: vec![settings.topic_prefix.clone()],
            own_id: Some(settings.client_id.clone()),
            household: home.household.clone(),
        });
        for device in &home.described {
            if let Err(why) = registry.describe(device) {
                warn!("home.device {:?}: {why}", device.name);
            }
        }
        let (changes, _) = watch::channel(0);
        let (link, discovery, past) = (OnceLock::new(), settings.discovery_prefix.clone(), Mutex::default());
        Arc::new(MqttHome {
            registry: Mutex::new(registry),
            outbox,
            tier: settings.tier,
            changes,
            link,
            discovery,
            past,
        })
    }

    /// What lets the home hear what comes over the connection.
    #[must_use]
    pub fn participant(self: &Arc<Self>) -> Box<dyn Participant> {
        Box::new(Listener(Arc::clone(self)))
    }

    /// Tells when something is different: a device, or how it is.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks at what is known. The connection waits meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Registry) -> T) -> T {
        look(&self.registry())
    }

    /// From now on knows how it stands with the connection. The first is kept.
    pub fn watch(&self, link: watch::Receiver<Status>) {
        self.link.get_or_init(|| link);
    }

    /// How it stands with it.
    #[must_use]
    pub fn state(&self) -> HouseState {
        let link = match self.link.get().map(|link| link.borrow().clone()) {
            Some(Status::Connected) => Link::Connected,
            Some(Status::Failed(why)) => Link::Failed(why),
            Some(Status::Connecting | Status::Ended) | None => Link::Connecting,
        };
        let (devices, away) = self.look(|registry| {
            let away = registry.entities().filter(|entity| entity.reachable() != Reachable::Yes).count();
            (registry.entities().count(), away)
        });
        let past = self.past();
        let (last, ignored) = (past.last.clone(), past.ignored.iter().rev().cloned().collect());
        HouseState { link, tier: self.tier, discovery: self.discovery.clone(), devices, away, last, ignored }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // A registry takes a message in wholly or not at all, so what a panic has left is sound.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self, changes: &Changes) {
        if !changes.changed.is_empty() {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// What is to be published for a command, and why not for some of its devices.
    fn orders(&self, command: &HomeCommand) -> (Vec<Order>, Vec<String>) {
        let (registry, mut wrong) = (self.registry(), Vec::new());
        let mut orders = Vec::new();
        for device in &command.devices {
            match registry.command(&device.id, command.action, command.value) {
                Ok(messages) => orders.push(Order { device: device.clone(), messages }),
                Err(why) => wrong.push(why),
            }
        }
        (orders, wrong)
    }

    /// Publishes everything and waits until the broker has it. The first that does not arrive ends it.
    async fn carry_out(&self, orders: &[Order]) -> Result<(), Unsent> {
        let mut under_way: VecDeque<Sending> = VecDeque::new();
        for message in orders.iter().flat_map(|order| &order.messages) {
            let sending = loop {
                match self.outbox.try_publish(message) {
                    Err(Unsent::Full) if !under_way.is_empty() => {
                        if let Some(first) = under_way.pop_front() {
                            first.sent().await?;
                        }
                    }
                    outcome => break outcome?,
                }
            };
            under_way.push_back(sending);
        }
        for sending in under_way {
            sending.sent().await?;
        }
        Ok(())
    }

    fn was_commanded(&self, id: &DeviceId, action: HomeAction, value: Option<f64>) {
        let changes = self.registry().commanded(id, action, value);
        self.told(&changes);
    }
}

impl Home for MqttHome {
    fn tier(&self) -> Tier {
        self.tier
    }

    fn find(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String> {
        self.registry().find(what, place)
    }

    fn generation(&self) -> u64 {
        self.registry().generation()
    }

    fn vocabulary(&self) -> Vocabulary {
        self.registry().vocabulary()
    }

    fn meaning(&self, said: &Recognised, here: Option<&str>) -> Meaning {
        self.registry().meaning(said, here)
    }

    fn command(self: Arc<Self>, command: HomeCommand) -> BoxFuture<'static, Result<(), String>> {
        async move {
            let came = self.obey(&command).await;
            let devices: Vec<_> = command.devices.iter().map(ToString::to_string).collect();
            let value = command.value.map(|value| format!(" to {value}")).unwrap_or_default();
            let what = format!("{}{value}: {}", command.action, devices.join(", "));
            self.past().last = Some(LastCommand { at: Timestamp::now(), what, failed: came.clone().err() });
            came
        }
        .boxed()
    }
}

impl MqttHome {
    async fn obey(&self, command: &HomeCommand) -> Result<(), String> {
        let (orders, wrong) = self.orders(command);
        let sent = timeout(CONFIRMED, self.carry_out(&orders)).await;
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = error.to_string();
                return Err(format!("It was not done, or not wholly: {error}."));
            }
            Err(_) => return Err("The MQTT broker has not confirmed it, so it may not have been done.".to_owned()),
        }
        for Order { device, .. } in &orders {
            self.was_commanded(&device.id, command.action, command.value);
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let done: Vec<String> = orders.iter().map(|order| order.device.to_string()).collect();
        let rest = if done.is_empty() { String::new() } else { format!(" Done with: {}.", done.join(", ")) };
        Err(wrong.join(" ") + &rest)
    }
}

struct Listener(Arc<MqttHome>);

impl Participant for Listener {
    fn subscriptions(&self) -> Vec<Subscription> {
        self.0.registry().subscriptions().collect()
    }

    fn message(&mut self, message: &Incoming<'_>) -> Outcome {
        let changes = self.0.registry().on_message(message.topic, message.payload);
        self.0.told(&changes);
        let Changes { subscribe, unsubscribe, problem, .. } = changes;
        if let Some(problem) = &problem {
            let mut past = self.0.past();
            past.ignored.push_back((Timestamp::now(), problem.clone()));
            if past.ignored.len() > IGNORED {
                past.ignored.pop_front();
            }
        }
        Outcome { publish: Vec::new(), subscribe, unsubscribe, problem }
    }
}
