//! What a home full of devices costs that make themselves known over MQTT: reading what the broker retains after a restart, and
//! commanding one of them by name. There is no broker in it, and no network.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pipit_chat::tools::{Home, HomeCommand};
use pipit_chat::{Door, Engine, EngineSettings, Place, ReplyEvent, Request};
use pipit_core::home::{Device, HomeAction, Household, Meaning, Registry, Settings, Vocabulary};
use pipit_core::intent::hassil::Recognised;
use pipit_store::Store;
use serde::Serialize;
use serde_json::json;

use crate::figures::quantile;

const ROOMS: [&str; 10] =
    ["Kitchen", "Hall", "Bedroom", "Study", "Attic", "Cellar", "Garden", "Bathroom", "Nursery", "Living room"];

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    entities: usize,
    /// Reading all discovery messages.
    discovery_ms: f64,
    /// Reading them a second time, as they come after each reconnection.
    again_ms: f64,
    /// One state for each entity.
    states_ms: f64,
    /// That the bridge of all of them is online.
    availability_ms: f64,
    /// From a device's name to what is to be published.
    command_median_us: f64,
    command_p99_us: f64,
    /// From a sentence, such as a recogniser has written it, to what is to be published, through the whole chat engine.
    spoken_median_ms: f64,
    spoken_p99_ms: f64,
    /// Finding out that there is no such device, and which are called most like it.
    unknown_median_us: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { entities, discovery_ms, again_ms, states_ms, availability_ms, .. } = self;
        let Figures { command_median_us, command_p99_us, spoken_median_ms, spoken_p99_ms, unknown_median_us, .. } =
            self;
        write!(
            f,
            "entities {entities}  discovery {discovery_ms:.1} ms  again {again_ms:.1} ms  states {states_ms:.1} ms  \
             availability {availability_ms:.1} ms  command median {command_median_us:.0} us p99 {command_p99_us:.0} us  \
             spoken median {spoken_median_ms:.2} ms p99 {spoken_p99_ms:.2} ms  unknown {unknown_median_us:.0} us"
        )
    }
}

/// Measures with this many lights, as Zigbee2MQTT makes them known.
pub(crate) fn measure(entities: usize) -> Result<Figures> {
    let mut registry = Registry::new(Settings {
        prefix: "homeassistant".to_owned(),
        own_topics: Vec::new(),
        own_id: None,
        household: Household::default(),
    });
    let discovery: Vec<(String, Vec<u8>)> = (0..entities).map(discovery_message).collect();
    let states: Vec<(String, &[u8])> = (0..entities)
        .map(|at| {
            (format!("zigbee2mqtt/light {at}"), br#"{"state":"ON","brightness":127,"linkquality":90}"#.as_slice())
        })
        .collect();
    let hear = |registry: &mut Registry, topic: &str, payload: &[u8]| match registry.on_message(topic, payload).problem
    {
        Some(problem) => Err(anyhow!(problem)),
        None => Ok(()),
    };
    let discovery_ms = timed(|| discovery.iter().try_for_each(|(topic, payload)| hear(&mut registry, topic, payload)))?;
    let again_ms = timed(|| discovery.iter().try_for_each(|(topic, payload)| hear(&mut registry, topic, payload)))?;
    let states_ms = timed(|| states.iter().try_for_each(|(topic, payload)| hear(&mut registry, topic, payload)))?;
    let availability_ms = timed(|| hear(&mut registry, "zigbee2mqtt/bridge/state", br#"{"state":"online"}"#))?;
    ensure!(registry.entities().count() == entities, "not all entities are known");
    let told = registry.entities().filter(|entity| entity.state().level == Some(50.0)).count();
    ensure!(told == entities, "only {told} of {entities} have told their state");
    let mut commands: Vec<f64> = (0..entities.min(500))
        .map(|at| {
            timed(|| {
                let found = registry.find(&format!("spot {at}"), None).map_err(|why| anyhow!(why))?;
                let publish = registry.command(&found[0].id, HomeAction::TurnOff, None).map_err(|why| anyhow!(why))?;
                ensure!(publish.len() == 1, "{} messages would be published", publish.len());
                Ok(())
            })
        })
        .collect::<Result<_>>()?;
    let mut unknown: Vec<f64> = (0..20)
        .map(|_| {
            timed(|| {
                ensure!(registry.find("dishwasher", None).is_err(), "a dishwasher was found");
                Ok(())
            })
        })
        .collect::<Result<_>>()?;
    let mut sentences = vec!["turn off the kitchen lights".to_owned()];
    sentences.extend((0..entities.min(500)).map(|at| format!("Turn off the spot {at}.")));
    sentences.extend(ROOMS.iter().map(|room| format!("turn off the lights in the {room}")));
    let spoken = tokio::runtime::Runtime::new()?.block_on(spoken(registry, &sentences))?;
    commands.sort_by(f64::total_cmp);
    unknown.sort_by(f64::total_cmp);
    let us = |sorted: &[f64], q| quantile(sorted, q).unwrap_or_default() * 1e3;
    Ok(Figures {
        entities,
        discovery_ms,
        again_ms,
        states_ms,
        availability_ms,
        command_median_us: us(&commands, 0.5),
        command_p99_us: us(&commands, 0.99),
        unknown_median_us: us(&unknown, 0.5),
        spoken_median_ms: quantile(&spoken, 0.5).unwrap_or_default(),
        spoken_p99_ms: quantile(&spoken, 0.99).unwrap_or_default(),
    })
}

/// A home that takes note of when its commands were ready to be published.
struct Published {
    registry: Mutex<Registry>,
    at: Mutex<Vec<Instant>>,
}

impl Home for Published {
    fn find(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String> {
        lock(&self.registry).find(what, place)
    }

    fn generation(&self) -> u64 {
        lock(&self.registry).generation()
    }

    fn vocabulary(&self) -> Vocabulary {
        lock(&self.registry).vocabulary()
    }

    fn meaning(&self, said: &Recognised, here: Option<&str>) -> Meaning {
        lock(&self.registry).meaning(said, here)
    }

    fn command(self: Arc<Self>, command: HomeCommand) -> BoxFuture<'static, Result<(), String>> {
        let registry = lock(&self.registry);
        let publish = command.devices.iter().map(|one| registry.command(&one.id, command.action, command.value));
        let publish: Result<Vec<_>, String> = publish.collect();
        drop(registry);
        lock(&self.at).push(Instant::now());
        std::future::ready(publish.map(drop)).boxed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How many milliseconds each of these sentences takes, sorted; the first one, for which sentences and names are compiled, is
/// not among them.
async fn spoken(registry: Registry, sentences: &[String]) -> Result<Vec<f64>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("pipit.db"))?;
    let settings = EngineSettings::default();
    let engine = Engine::new(settings, store, Arc::new(jiff::Zoned::now))?;
    let home = Arc::new(Published { registry: Mutex::new(registry), at: Mutex::default() });
    engine.connect_home(Some(Arc::clone(&home) as Arc<dyn Home>));
    let mut took = Vec::with_capacity(sentences.len());
    for text in sentences {
        let asked = Instant::now();
        let request = Request { text: text.clone(), door: Door::Voice, place: Place::Standing, turn: None };
        let mut reply = engine.respond(request);
        let deed = match reply.next().await.transpose()? {
            Some(ReplyEvent::Understood { deed: Some(deed), .. }) => deed,
            other => return Err(anyhow!("{text:?} comes to {other:?}")),
        };
        engine.perform(deed).await?;
        let published = lock(&home.at).pop().with_context(|| format!("nothing was published for {text:?}"))?;
        took.push(published.duration_since(asked).as_secs_f64() * 1e3);
    }
    took.remove(0);
    took.sort_by(f64::total_cmp);
    Ok(took)
}

pub(crate) fn discovery_message(at: usize) -> (String, Vec<u8>) {
    let availability = json!([{"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"}]);
    let device = json!({
        "identifiers": [format!("zigbee2mqtt_{at:#018x}")], "manufacturer": "IKEA", "name": format!("Spot {at}"),
        "model": "TRADFRI bulb E27, white spectrum, globe, opal, 980 lm", "suggested_area": ROOMS[at % ROOMS.len()],
    });
    let payload = json!({
        "availability": availability, "availability_mode": "all", "brightness": true, "brightness_scale": 254,
        "command_topic": format!("zigbee2mqtt/light {at}/set"), "device": device, "effect": true,
        "effect_list": ["blink", "breathe", "okay", "channel_change", "finish_effect", "stop_effect"],
        "max_mireds": 454, "min_mireds": 250, "name": null, "schema": "json",
        "origin": {"name": "Zigbee2MQTT", "sw": "2.1.0", "url": "https://www.zigbee2mqtt.io"},
        "state_topic": format!("zigbee2mqtt/light {at}"), "supported_color_modes": ["color_temp"],
        "unique_id": format!("{at:#018x}_light_zigbee2mqtt"),
    });
    (format!("homeassistant/light/{at:#018x}/light/config"), payload.to_string().into_bytes())
}

/// How many milliseconds something takes.
fn timed(mut what: impl FnMut() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    what()?;
    let taken: Duration = begun.elapsed();
    Ok(taken.as_secs_f64() * 1e3)
}
