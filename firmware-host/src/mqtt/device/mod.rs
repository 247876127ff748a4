//! Pipit as a device of Home Assistant's: what it makes known of itself over MQTT, and the commands that it takes there. How the
//! broker is reached is told elsewhere; here messages come in as topic and bytes, and what is to be published goes out as data.
//!
//! Nobody's words are published unless the owner wants that, and then they are not retained: what a broker retains is on its disk.
//!
//! Source: Home Assistant's documentation of MQTT discovery, "Device discovery payload", and of each component.

mod command;
mod discovery;
mod link;
mod participant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::config::MqttSettings;
use pipit_core::control::{Choices, Command, Selection};
use pipit_core::home::{Publish, Subscription};
use pipit_core::time::Moment;
use pipit_web::{Snapshot, Stage, TurnRecord};
use serde_json::json;

pub use link::{Told, has_thermometer, obey, tell};
pub use participant::OnConnection;

use command::Pace;

/// What Home Assistant knows of no value.
const UNKNOWN: &str = "None";

/// A longer text does not fit into a state of Home Assistant's, in characters.
const LONGEST_STATE: usize = 255;

/// At least once: a command that is lost is worse than one that comes twice.
const QOS: u8 = 1;

/// What the device is called, and what can be commanded.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the topics of discovery begin with: "homeassistant".
    pub discovery_prefix: String,
    /// What Pipit's own topics begin with: "pipit/kitchen".
    pub topic_prefix: String,
    /// What tells this Pipit from others: letters, digits, `-` and `_`.
    pub id: String,
    /// Pipit's version.
    pub version: &'static str,
    /// What can be chosen.
    pub choices: Choices,
    /// Whether the board has a thermometer.
    pub has_thermometer: bool,
    /// Whether what is asked and answered, and what timers are called, is published.
    pub words: bool,
}

impl Settings {
    /// The settings of a device that nobody's words are published of, on a board without a thermometer.
    #[must_use]
    pub fn new(mqtt: &MqttSettings, choices: Choices) -> Settings {
        Settings {
            discovery_prefix: mqtt.discovery_prefix.clone(),
            topic_prefix: mqtt.topic_prefix.clone(),
            id: mqtt.client_id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            choices,
            has_thermometer: false,
            words: false,
        }
    }
}

/// What follows from a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be done, if it may be ([`pipit_core::control::judge`]).
    pub command: Option<Command>,
    /// What is to be published, in this order.
    pub publish: Vec<Publish>,
    /// Why the message was ignored: a sentence for the log, with nothing of what was in it.
    pub problem: Option<String>,
}

/// A timer, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerState {
    /// What it is called.
    pub name: Option<String>,
    /// What it was set to.
    pub length: Duration,
    /// When it rings, unless it is paused.
    pub due: Timestamp,
    /// What it has left, if it is paused.
    pub paused: Option<Duration>,
}

/// How the machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vitals {
    /// The processor's temperature in degrees Celsius.
    pub temperature: Option<f64>,
    /// What the process has in memory, in bytes.
    pub memory: Option<u64>,
}

/// Pipit as a device.
#[derive(Debug)]
pub struct Device {
    settings: Settings,
    /// What was published last on each topic that is retained, by what stands behind the prefix.
    states: BTreeMap<String, String>,
    pace: Pace,
    told_of_retained: bool,
}

impl Device {
    /// A device of which nothing is known yet.
    #[must_use]
    pub fn new(settings: Settings) -> Device {
        let mut device = Device { settings, states: BTreeMap::new(), pace: Pace::default(), told_of_retained: false };
        // What was true before the start is true no more, and the broker may have kept it.
        device.change(discovery::latencies().map(|(key, ..)| (key.to_owned(), UNKNOWN.to_owned())));
        device.on_timers(&[]);
        device.on_installed(device.settings.version);
        device
    }

    /// Where it is told whether Pipit is there: `online`, or as the connection's last will `offline`.
    #[must_use]
    pub fn status_topic(&self) -> String {
        self.topic("status")
    }

    /// What makes the device known to Home Assistant. It is retained.
    #[must_use]
    pub fn discovery(&self) -> Publish {
        let topic = format!("{}/device/{}/config", self.settings.discovery_prefix, self.settings.id);
        Publish { topic, payload: discovery::payload(&self.settings).to_string(), qos: QOS, retain: true }
    }

    /// Every state that is known.
    #[must_use]
    pub fn states(&self) -> Vec<Publish> {
        self.states.iter().map(|(key, payload)| self.retained(key, payload.clone())).collect()
    }

    /// All that a broker has to know that may have forgotten everything: the device, that it is there, and its states.
    #[must_use]
    pub fn connected(&self) -> Vec<Publish> {
        let online = self.retained("status", "online".to_owned());
        [self.discovery(), online].into_iter().chain(self.states()).collect()
    }

    /// What is to be listened to.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let topics = [self.topic("+/set"), self.birth_topic()];
        topics.into_iter().map(|topic| Subscription { topic, qos: QOS }).collect()
    }

    /// The state has changed.
    pub fn on_change(&mut self, snapshot: &Snapshot) -> Vec<Publish> {
        let on_off = |on: bool| if on { "ON" } else { "OFF" }.to_owned();
        let states = [
            ("state".into(), snapshot.phase.into()),
            ("muted".into(), on_off(snapshot.muted)),
            ("volume".into(), snapshot.volume.to_string()),
            ("wake_mode".into(), snapshot.wake_mode.into()),
            ("privacy".into(), snapshot.widest_tier.into()),
            ("microphone".into(), on_off(snapshot.microphone.is_some())),
            ("overloaded".into(), on_off(snapshot.overload.is_some())),
        ];
        let Choices { voices, models, .. } = &self.settings.choices;
        let at_work = [("voice", voices, &snapshot.voice), ("model", models, &snapshot.recogniser)];
        let at_work = at_work.into_iter().filter(|(_, selection, _)| !selection.0.is_empty());
        let at_work: Vec<_> = at_work.map(|(key, all, name)| (key.to_owned(), one_of_them(all, name))).collect();
        self.change(states.into_iter().chain(at_work))
    }

    /// This version of Pipit is installed. It runs from the next start on.
    pub fn on_installed(&mut self, version: &str) -> Vec<Publish> {
        let told = json!({ "installed_version": self.settings.version, "latest_version": version });
        self.change([("update".into(), told.to_string())])
    }

    /// A turn is over.
    pub fn on_turn(&mut self, record: &TurnRecord) -> Vec<Publish> {
        let ms = |at: Option<f64>| at.map_or(UNKNOWN.to_owned(), |at| format!("{at:.0}"));
        let stopped = record.waterfall.interruptions.iter().any(|interruption| interruption.stopped_ms.is_some());
        let kind = match record.ended_by {
            None => "announced",
            Some(_) if record.timings_ms.first_audio.is_none() => "unanswered",
            Some(_) if stopped => "interrupted",
            Some(_) => "answered",
        };
        let event = json!({ "event_type": kind, "turn": record.turn, "ended_by": record.ended_by });
        let event = self.passing("event", event.to_string());
        let measured = discovery::latencies().map(|(key, _, of)| (key.to_owned(), ms(of(record))));
        let changed = if record.ended_by.is_some() { self.change(measured) } else { Vec::new() };
        std::iter::once(event).chain(changed).collect()
    }

    /// Something was asked and answered, and is remembered. Published only where the owner wants that; never retained.
    pub fn on_words(&mut self, asked: &str, heard: &str) -> Vec<Publish> {
        if !self.settings.words {
            return Vec::new();
        }
        let told = [("last_request", asked), ("last_reply", heard)];
        let published = told.into_iter().flat_map(|(key, words)| {
            let whole = json!({ "text": words }).to_string();
            [self.passing(&format!("{key}/attributes"), whole), self.passing(key, cut(words))]
        });
        published.collect()
    }

    /// These timers run or are paused, the soonest first.
    pub fn on_timers(&mut self, timers: &[TimerState]) -> Vec<Publish> {
        let told = timers.iter().map(|timer| {
            let mut told = match timer.paused {
                Some(left) => json!({ "paused": true, "remaining_s": left.as_secs() }),
                None => json!({ "ends_at": timer.due.to_string() }),
            };
            told["length_s"] = timer.length.as_secs().into();
            if let Some(name) = timer.name.as_ref().filter(|_| self.settings.words) {
                told["name"] = name.as_str().into();
            }
            told
        });
        let attributes = json!({ "timers": told.collect::<Vec<_>>() }).to_string();
        let next = timers.iter().filter(|timer| timer.paused.is_none()).map(|timer| timer.due).min();
        self.change([
            ("timers/attributes".into(), attributes),
            ("timers".into(), timers.len().to_string()),
            ("next_timer".into(), next.map_or(UNKNOWN.to_owned(), |due| due.to_string())),
        ])
    }

    /// How the machine is. Small changes are not told.
    pub fn on_vitals(&mut self, vitals: &Vitals) -> Vec<Publish> {
        let known = [
            ("temperature", vitals.temperature.map(|celsius| format!("{celsius:.0}"))),
            ("memory", vitals.memory.map(|bytes| (bytes >> 20).to_string())),
        ];
        self.change(known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))))
    }

    /// Takes in a message at `now`.
    pub fn message(&mut self, now: Moment, topic: &str, payload: &[u8], retained: bool) -> Outcome {
        if topic == self.birth_topic() {
            // Home Assistant has just started and may have missed everything.
            let publish = if payload == b"online" && !retained { self.connected() } else { Vec::new() };
            return Outcome { publish, ..Outcome::default() };
        }
        let Some(key) = self.command_key(topic) else { return Outcome::default() };
        let ignored = |why: &str| Outcome {
            problem: Some(format!("what was published on {topic} was ignored: {why}")),
            ..Outcome::default()
        };
        if retained {
            // It would be carried out anew at each start, whoever published it once and when.
            let told = std::mem::replace(&mut self.told_of_retained, true);
            return if told { Outcome::default() } else { ignored("it is retained, and a command must not be") };
        }
        match self.pace.take(now) {
            command::Paced::Go => {}
            command::Paced::TooFast => return Outcome::default(),
            command::Paced::TooFastAtLast => {
                return ignored("there were too many commands; none is taken until there are fewer");
            }
        }
        match command::read(&key, payload, &self.settings.choices) {
            Ok(command) => Outcome { command: Some(command), ..Outcome::default() },
            Err(accepted) => ignored(&format!("it must be {accepted}")),
        }
    }

    /// The part of a command's topic that names it.
    fn command_key(&self, topic: &str) -> Option<String> {
        let key = topic.strip_prefix(&self.settings.topic_prefix)?.strip_prefix('/')?.strip_suffix("/set")?;
        (!key.contains('/')).then(|| key.to_owned())
    }

    /// Where Home Assistant says that it has started.
    fn birth_topic(&self) -> String {
        format!("{}/status", self.settings.discovery_prefix)
    }

    fn topic(&self, key: &str) -> String {
        format!("{}/{key}", self.settings.topic_prefix)
    }

    fn retained(&self, key: &str, payload: String) -> Publish {
        Publish { topic: self.topic(key), payload, qos: QOS, retain: true }
    }

    fn passing(&self, key: &str, payload: String) -> Publish {
        Publish { topic: self.topic(key), payload, qos: QOS, retain: false }
    }

    /// Publishes what is different from what was published last.
    fn change(&mut self, states: impl IntoIterator<Item = (String, String)>) -> Vec<Publish> {
        let mut publish = Vec::new();
        for (key, payload) in states {
            // Nothing is retained under an empty message.
            if !payload.is_empty() && self.states.get(&key) != Some(&payload) {
                publish.push(self.retained(&key, payload.clone()));
                self.states.insert(key, payload);
            }
        }
        publish
    }
}

/// What Home Assistant knows of what works: nothing where it can't be chosen.
fn one_of_them(selection: &Selection, name: &Option<String>) -> String {
    name.clone().filter(|name| selection.find(name).is_some()).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// As much of a text as a state can hold.
fn cut(words: &str) -> String {
    if words.chars().count() <= LONGEST_STATE {
        return words.to_owned();
    }
    words.chars().take(LONGEST_STATE - 1).chain(['…']).collect()
}

/// How long a model worked on this for the answer, in milliseconds.
fn model_ms(record: &TurnRecord, stage: Stage) -> Option<f64> {
    let spans = &record.waterfall.drafts.last()?.spans;
    spans.iter().filter(|span| span.stage == stage).find_map(|span| span.model_ms)
}
