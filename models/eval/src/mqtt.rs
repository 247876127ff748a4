//! How Pipit gets on with a broker that is restarted, against mosquitto: what a home full of devices costs that the broker makes
//! known at once, and how soon it is found again each time that it was killed under load.

pub(crate) mod broker;
pub(crate) mod peer;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use pipit::mqtt::{Connection, Incoming, MqttHome, Outcome, Participant, Status};
use pipit_core::config::{HomeSettings, MqttSettings};
use pipit_core::home::{Publish, Subscription};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::broker::Broker;
use self::peer::{Bridge, retained};
use crate::devices::discovery_message;
use crate::figures::quantile;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many devices tell something while the broker is killed, and how often they do in a second.
const LOAD_DEVICES: usize = 200;
const LOAD_RATE: u64 = 1000;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    entities: usize,
    /// From the connection of a Pipit that knows nothing to all devices with their states.
    start_ms: f64,
    /// From the broker's return, with all that it retains, to its connection.
    found_ms: f64,
    /// From there until all is known again.
    again_ms: f64,
    /// Messages that did not arrive, of all these.
    lost: usize,
    /// By how much the process grew from before the first connection to its largest, in MB: the registry and all queues.
    grown_mb: f64,
    restarts: usize,
    /// From the return of a broker that has forgotten everything to the connection.
    reconnect_p50_ms: f64,
    reconnect_p99_ms: f64,
    reconnect_max_ms: f64,
    /// How often it took more than two seconds.
    late: usize,
    /// After how many of the restarts a state was not what the devices had said last, or was missing.
    wrong_states: usize,
    /// After how many something that Pipit had retained was missing.
    not_retained: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { entities, start_ms, found_ms, again_ms, lost, grown_mb, .. } = self;
        let Figures { restarts, reconnect_p50_ms, reconnect_p99_ms, reconnect_max_ms, .. } = self;
        let Figures { late, wrong_states, not_retained, .. } = self;
        write!(
            f,
            "entities {entities}  start {start_ms:.0} ms  broker restarted: found after {found_ms:.0} ms, all known again \
             {again_ms:.0} ms later, lost {lost}  grown {grown_mb:.1} MB\n\
             restarts {restarts}  reconnected p50 {reconnect_p50_ms:.0} ms p99 {reconnect_p99_ms:.0} ms max \
             {reconnect_max_ms:.0} ms  late {late}  wrong states {wrong_states}  not retained {not_retained}"
        )
    }
}

/// What Pipit retains, and a count of the topics that were heard of since the last connection.
struct Witness(Arc<Mutex<HashSet<String>>>);

/// What it retains in place of the device that Pipit is: as long as one, on a topic of its own.
const ANNOUNCED: &str = "homeassistant/device/pipit/config";

impl Participant for Witness {
    fn subscriptions(&self) -> Vec<Subscription> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Vec::new()
    }

    fn announcements(&mut self) -> Vec<Publish> {
        vec![Publish { topic: ANNOUNCED.to_owned(), payload: "x".repeat(8000), qos: 1, retain: true }]
    }

    fn message(&mut self, message: &Incoming<'_>) -> Outcome {
        if message.topic != ANNOUNCED {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(message.topic.to_owned());
        }
        Outcome::default()
    }
}

/// Pipit on a broker.
struct Pipit {
    home: Arc<MqttHome>,
    heard: Arc<Mutex<HashSet<String>>>,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Pipit {
    fn start(settings: &MqttSettings) -> Pipit {
        let mut connection = Connection::new(settings.clone(), Box::new(|| Ok(None)));
        let home = MqttHome::new(settings, &HomeSettings::default(), connection.outbox());
        let heard = Arc::default();
        connection.join(home.participant());
        connection.join(Box::new(Witness(Arc::clone(&heard))));
        let (status, stop) = (connection.status(), CancellationToken::new());
        let task = tokio::spawn(connection.run(stop.clone()));
        Pipit { home, heard, status, stop, task }
    }

    async fn is(&mut self, wanted: impl FnMut(&Status) -> bool) -> Result<()> {
        let last = self.status.clone();
        let waited = timeout(PATIENCE, self.status.wait_for(wanted)).await;
        waited.with_context(|| format!("the connection is {:?}", *last.borrow()))??;
        Ok(())
    }

    /// Waits until so many topics were heard of since the connection, and says how many are missing in the end.
    async fn hears(&self, topics: usize) -> usize {
        let missing = || topics.saturating_sub(self.heard.lock().unwrap_or_else(PoisonError::into_inner).len());
        let deadline = Instant::now() + Duration::from_secs(10);
        while missing() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        missing()
    }

    async fn ends(self) -> Result<()> {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.context("the connection does not end")??;
        Ok(())
    }
}

pub(crate) fn measure(entities: usize, restarts: usize) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let large = large_home(entities).await?;
        let killed = killed(restarts).await?;
        let ms = |q| quantile(&killed.reconnect_ms, q).unwrap_or_default();
        Ok(Figures {
            entities,
            start_ms: large.start_ms,
            found_ms: large.found_ms,
            again_ms: large.again_ms,
            lost: large.lost,
            grown_mb: large.grown_mb,
            restarts,
            reconnect_p50_ms: ms(0.5),
            reconnect_p99_ms: ms(0.99),
            reconnect_max_ms: ms(1.0),
            late: killed.reconnect_ms.iter().filter(|ms| **ms > 2000.0).count(),
            wrong_states: killed.wrong_states,
            not_retained: killed.not_retained,
        })
    })
}

struct Large {
    start_ms: f64,
    found_ms: f64,
    again_ms: f64,
    lost: usize,
    grown_mb: f64,
}

fn ms_since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// A broker with its usual limits that retains everything, also over a restart.
async fn large_home(entities: usize) -> Result<Large> {
    let mut broker = Broker::start(true)?;
    let bridge = Bridge::connect(&broker).await?;
    for at in 0..entities {
        let (topic, payload) = discovery_message(at);
        bridge.publish(&topic, payload, true).await?;
        bridge.publish(&format!("zigbee2mqtt/light {at}"), state(at, 1), true).await?;
    }
    bridge.publish("zigbee2mqtt/bridge/state", br#"{"state":"online"}"#.to_vec(), true).await?;
    drop(bridge);
    // A discovery message and a state of each, and what all of them are told by.
    let topics = 2 * entities + 1;
    let before = memory("VmRSS")?;
    let begun = Instant::now();
    let mut pipit = Pipit::start(&broker.settings()?);
    pipit.is(|status| *status == Status::Connected).await?;
    let mut lost = pipit.hears(topics).await;
    let start_ms = ms_since(begun);
    check(&pipit.home, entities, 1)?;
    broker.stop()?;
    pipit.is(|status| *status != Status::Connected).await?;
    let returned = broker.restart()?;
    pipit.is(|status| *status == Status::Connected).await?;
    let found_ms = ms_since(returned);
    lost += pipit.hears(topics).await;
    let again_ms = ms_since(returned) - found_ms;
    check(&pipit.home, entities, 1)?;
    let grown_mb = (memory("VmHWM")? - before) / 1024.0;
    pipit.ends().await?;
    Ok(Large { start_ms, found_ms, again_ms, lost, grown_mb })
}

pub(crate) fn state(at: usize, round: usize) -> Vec<u8> {
    format!(r#"{{"state":"ON","brightness":{}}}"#, (at + round) % 200 + 20).into_bytes()
}

/// Whether all are known, and as they said last.
fn check(home: &MqttHome, entities: usize, round: usize) -> Result<()> {
    let wrong = wrong(home, entities, round);
    let (known, silent) = home.look(|registry| {
        let silent = registry.entities().filter(|entity| entity.state().level.is_none()).count();
        (registry.entities().count(), silent)
    });
    ensure!(
        wrong == 0,
        "of {entities} devices, {known} are known, of which {silent} are silent, and {wrong} are not as they are"
    );
    Ok(())
}

/// How many devices are not known as they said last.
fn wrong(home: &MqttHome, entities: usize, round: usize) -> usize {
    home.look(|registry| {
        let right = (0..entities).filter(|at| {
            let id = pipit_core::home::DeviceId(format!("light/{at:#018x}/light"));
            let brightness = (at + round) % 200 + 20;
            let level = registry.entity(&id).and_then(|entity| entity.state().level);
            level.is_some_and(|level| (level - brightness as f64 / 254.0 * 100.0).abs() < 0.6)
        });
        entities - right.count()
    })
}

struct Killed {
    /// Sorted.
    reconnect_ms: Vec<f64>,
    wrong_states: usize,
    not_retained: usize,
}

/// A broker that is killed again and again while devices tell something all the time, and comes back with no memory.
async fn killed(restarts: usize) -> Result<Killed> {
    let mut broker = Broker::start(false)?;
    let settings = broker.settings()?;
    let mut bridge = Bridge::under_load(&broker, LOAD_DEVICES, LOAD_RATE, state).await?;
    let mut pipit = Pipit::start(&settings);
    let mut killed = Killed { reconnect_ms: Vec::new(), wrong_states: 0, not_retained: 0 };
    pipit.is(|status| *status == Status::Connected).await?;
    for _ in 0..restarts {
        // So that the pauses between attempts are met at every place.
        let chance = f64::from(getrandom::u32()?) / f64::from(u32::MAX);
        tokio::time::sleep(Duration::from_millis(100)).await;
        broker.kill()?;
        pipit.is(|status| *status != Status::Connected).await?;
        tokio::time::sleep(Duration::from_secs(2).mul_f64(chance)).await;
        let returned = broker.restart()?;
        pipit.is(|status| *status == Status::Connected).await?;
        killed.reconnect_ms.push(ms_since(returned));
        let kept = retained(&broker, &[ANNOUNCED, "pipit/pipit/status"], Duration::from_secs(5)).await?;
        let is_kept =
            kept.first().is_some_and(|device| device.len() == 8000) && kept.get(1).is_some_and(|is| is == b"online");
        killed.not_retained += usize::from(!is_kept);
        // The devices say everything once more when they are connected, then fall silent.
        let round = bridge.settle().await?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while wrong(&pipit.home, LOAD_DEVICES, round) > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        killed.wrong_states += usize::from(wrong(&pipit.home, LOAD_DEVICES, round) > 0);
        bridge.go_on();
    }
    killed.reconnect_ms.sort_by(f64::total_cmp);
    pipit.ends().await?;
    Ok(killed)
}

/// A line of what Linux says of this process, in KB.
fn memory(what: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(what)).context("Linux does not say how large this is")?;
    Ok(line.split_whitespace().nth(1).context("it says no figure")?.parse()?)
}
