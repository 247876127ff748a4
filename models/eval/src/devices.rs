//! What a home full of devices costs that make themselves known over MQTT: reading what the broker retains after a restart, and
//! commanding one of them by name. There is no broker in it, and no network.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use pipit_core::home::{HomeAction, Household, Registry, Settings};
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
    /// Finding out that there is no such device, and which are called most like it.
    unknown_median_us: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { entities, discovery_ms, again_ms, states_ms, availability_ms, .. } = self;
        let Figures { command_median_us, command_p99_us, unknown_median_us, .. } = self;
        write!(
            f,
            "entities {entities}  discovery {discovery_ms:.1} ms  again {again_ms:.1} ms  states {states_ms:.1} ms  \
             availability {availability_ms:.1} ms  command median {command_median_us:.0} us p99 {command_p99_us:.0} us  \
             unknown {unknown_median_us:.0} us"
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
    })
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
