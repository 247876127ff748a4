//! What sentences about a home come to, with the recorded devices of three firmwares.

use serde_json::json;

use super::*;
use crate::intent::hassil::Recognised;
use crate::intent::{HomeSentences, Understanding};

/// The recorded devices, all of which have told how they are, and two lamps of one name.
fn house() -> Registry {
    let mut registry = registry();
    for recorded in [include_str!("zigbee2mqtt.json"), include_str!("tasmota.json"), include_str!("esphome.json")] {
        hear_all(&mut registry, recorded);
    }
    for (at, (name, room)) in [("Lamp", "Hall"), ("Lamp", "Bedroom"), ("Worktop", "Kitchen")].into_iter().enumerate() {
        let topic = format!("lamp/{at}");
        let payload = json!({"name": name, "dev": {"sa": room}, "cmd_t": topic, "stat_t": topic, "avty_t": format!("{topic}/online")});
        registry.on_message(&format!("homeassistant/light/lamp{at}/config"), payload.to_string().as_bytes());
        registry.on_message(&format!("lamp/{at}/online"), if at == 2 { b"offline" } else { b"online" });
    }
    for (topic, payload) in [
        ("zigbee2mqtt/bridge/state", r#"{"state":"online"}"#),
        ("zigbee2mqtt/Kitchen ceiling/availability", r#"{"state":"online"}"#),
        ("zigbee2mqtt/Kitchen ceiling", r#"{"state":"ON","brightness":127}"#),
        ("zigbee2mqtt/bedroom_blind", r#"{"position":0,"state":"CLOSE"}"#),
        ("zigbee2mqtt/front_door", r#"{"state":"LOCK","auto_relock":true}"#),
        (
            "zigbee2mqtt/living_radiator",
            r#"{"system_mode":"heat","occupied_heating_setpoint":21.5,"local_temperature":19}"#,
        ),
        ("zigbee2mqtt/attic_fan", r#"{"fan_state":"OFF","fan_mode":"off"}"#),
        ("zigbee2mqtt/patio_window", r#"{"contact":true}"#),
        ("zigbee2mqtt/bedroom_weather", r#"{"temperature":18.4}"#),
        ("tele/kettle/LWT", "Online"),
        ("tele/sideboard/LWT", "Online"),
        ("desk/status", "online"),
        ("heatpump/status", "online"),
        ("garage/status", "online"),
        ("garage/cover/garage_door/state", "open"),
        ("lamp/0", "OFF"),
        ("lamp/1", "ON"),
    ] {
        registry.on_message(topic, payload.as_bytes());
    }
    registry
}

/// What a sentence comes to in a line: what is done, and what is said to it.
fn spoken(registry: &Registry, sentences: &mut HomeSentences, said: &str, here: Option<&str>) -> String {
    sentences.furnish(registry.generation(), || registry.vocabulary());
    let recognised = match sentences.understand(said, here) {
        Understanding::Certain(recognised) => recognised,
        Understanding::Likely(recognised, name) => {
            let meaning = registry.meaning(&recognised, here);
            return format!("likely {name}: {}", meant(sentences, &recognised, meaning));
        }
        Understanding::Near(near) => return which_one(&near.into_iter().map(|(_, name)| name).collect::<Vec<_>>()),
        Understanding::Nothing => return "not understood".to_owned(),
    };
    meant(sentences, &recognised, registry.meaning(&recognised, here))
}

fn meant(sentences: &HomeSentences, recognised: &Recognised, meaning: Meaning) -> String {
    match meaning {
        Meaning::Command { action, devices, value, known } => {
            let devices: Vec<String> = devices.iter().map(Device::to_string).collect();
            let value = value.map(|value| format!(" to {value}")).unwrap_or_default();
            let reply = sentences.reply(recognised, &known).unwrap();
            format!("[{action} {}{value}] {reply}", devices.join(" + "))
        }
        Meaning::Question(known) => sentences.reply(recognised, &known).unwrap(),
        Meaning::Cannot(why) => format!("can't: {why}"),
        Meaning::Unknown(why) => format!("unknown: {why}"),
        Meaning::Elsewhere => format!("elsewhere: {}", recognised.intent),
    }
}

#[test]
fn sentences_about_a_home_come_to_commands_and_answers() {
    let (registry, mut sentences) = (house(), HomeSentences::english());
    let mut told = String::new();
    for said in [
        "Turn off the kitchen lights",
        "turn on the kitchen ceiling light, please",
        "Turn off the kitchen worktop",
        "turn off all the lights in the kitchen",
        "switch the hall lamp on",
        "turn off the lamp",
        "turn off the lamp in the bedroom",
        "lights off",
        "turn on all the lights",
        "Turn on the lights in the garden",
        "turn on the kettle",
        "turn on the attic fan",
        "activate evening",
        "Set the living room to 21 degrees",
        "set the living room radiator to 20.5°",
        "set the living room radiator to twenty degrees",
        "set the living room to 50 degrees",
        "set the temperature to 20 degrees",
        "Set the kitchen ceiling to 30 percent",
        "set the bedroom brightness to 30%",
        "make the desk lamp red",
        "open the bedroom blind",
        "close the blinds in the bedroom",
        "close the bedroom curtains",
        "set the bedroom blind to 40 percent",
        "open the garage door",
        "unlock the front door",
        "lock the front door",
        "Is the front door locked?",
        "did I lock the front door",
        "is the front door unlocked",
        "is the patio window open",
        "are any doors open",
        "is the door open",
        "is the garage door open",
        "are all the doors closed",
        "are the kitchen lights on",
        "are the lights on in the hall",
        "is the hall light on",
        "is the light on in the kitchen",
        "is the kitchen ceiling on",
        "is the worktop on",
        "which lights are on",
        "how many lights are on",
        "are all the lights off",
        "is the bedroom blind open",
        "what is the living room radiator",
        "what's the temperature in the living room",
        "what's the temperature in the bedroom",
        "how warm is it in the kitchen",
        "what is the temperature of the bedroom weather",
        "is the kettle on",
        "clean the kitchen",
        "play some jazz",
        "add milk to the shopping list",
        "what is the weather",
    ] {
        told.push_str(&format!("{said}\n    {}\n", spoken(&registry, &mut sentences, said, None)));
    }
    expect_test::expect![[r#"
        Turn off the kitchen lights
            [turn off Kitchen ceiling (Kitchen)] Turned off the kitchen lights. The worktop can't be reached: it says that it is offline.
        turn on the kitchen ceiling light, please
            [turn on Kitchen ceiling (Kitchen)] Turned on the kitchen ceiling.
        Turn off the kitchen worktop
            can't: The worktop can't be reached: it says that it is offline.
        turn off all the lights in the kitchen
            [turn off Kitchen ceiling (Kitchen)] Turned off the kitchen lights. The worktop can't be reached: it says that it is offline.
        switch the hall lamp on
            [turn on Lamp (Hall)] Turned on the lamp in the hall.
        turn off the lamp
            can't: Which one do you mean: the lamp in the bedroom or the lamp in the hall?
        turn off the lamp in the bedroom
            [turn off Lamp (Bedroom)] Turned off the lamp in the bedroom.
        lights off
            unknown: In which room?
        turn on all the lights
            [turn on Kitchen ceiling (Kitchen) + Desk lamp (Study) + Lamp (Hall) + Lamp (Bedroom)] Turned on the lights. The sideboard has not said yet whether it can be reached. The worktop can't be reached: it says that it is offline.
        Turn on the lights in the garden
            not understood
        turn on the kettle
            [turn on Kettle (Kitchen)] Turned on the kettle.
        turn on the attic fan
            [turn on Attic fan (Attic)] Turned on the attic fan.
        activate evening
            [turn on Living room group Evening (Living room)] Activated the evening.
        Set the living room to 21 degrees
            [set Living room radiator (Living room) to 21] Set the living room radiator to 21 degrees.
        set the living room radiator to 20.5°
            [set Living room radiator (Living room) to 20.5] Set the living room radiator to 20.5 degrees.
        set the living room radiator to twenty degrees
            [set Living room radiator (Living room) to 20] Set the living room radiator to 20 degrees.
        set the living room to 50 degrees
            can't: Living room radiator (Living room) can be set to 5 to 35 degrees Celsius, and not to 50.
        set the temperature to 20 degrees
            can't: Which one do you mean: the living room radiator or the heatpump Heat pump?
        Set the kitchen ceiling to 30 percent
            [set Kitchen ceiling (Kitchen) to 30] Set the kitchen ceiling to 30 percent.
        set the bedroom brightness to 30%
            can't: Lamp (Bedroom) can't do this: set. What it can do: turn on, turn off.
        make the desk lamp red
            can't: I can set how bright a light is, but not its colour.
        open the bedroom blind
            [open Bedroom blind (Bedroom)] Opened the bedroom blind.
        close the blinds in the bedroom
            [close Bedroom blind (Bedroom)] Closed the bedroom blind.
        close the bedroom curtains
            [close Bedroom blind (Bedroom)] Closed the bedroom curtain.
        set the bedroom blind to 40 percent
            [set Bedroom blind (Bedroom) to 40] Set the bedroom blind to 40 percent.
        open the garage door
            [open Garage door (Garage)] Opened the garage door.
        unlock the front door
            [unlock Front door (Hall)] Unlocked the front door.
        lock the front door
            [lock Front door (Hall)] Locked the front door.
        Is the front door locked?
            Yes, the front door is locked.
        did I lock the front door
            Yes, the front door is locked.
        is the front door unlocked
            No, the front door is locked.
        is the patio window open
            No, the patio window is not open.
        are any doors open
            Yes, the garage door is open.
        is the door open
            Yes, the garage door is open.
        is the garage door open
            Yes, the garage door is open.
        are all the doors closed
            No, the garage door is not closed.
        are the kitchen lights on
            Yes, all of them. I don't know about the worktop.
        are the lights on in the hall
            No, the lamp in the hall is not on.
        is the hall light on
            No.
        is the light on in the kitchen
            Yes, the kitchen ceiling is on. I don't know about the worktop.
        is the kitchen ceiling on
            Yes, the kitchen ceiling is on.
        is the worktop on
            can't: The worktop can't be reached: it says that it is offline.
        which lights are on
            The kitchen ceiling and the lamp in the bedroom are on. I don't know about the sideboard, the desk lamp and the worktop.
        how many lights are on
            2. I don't know about the sideboard, the desk lamp and the worktop.
        are all the lights off
            No, the kitchen ceiling and the lamp in the bedroom are not off. I don't know about the sideboard, the desk lamp and the worktop.
        is the bedroom blind open
            No, the bedroom blind is closed.
        what is the living room radiator
            The living room radiator is set to 21.5 degrees and measures 19 degrees.
        what's the temperature in the living room
            It is 19 degrees in the living room.
        what's the temperature in the bedroom
            It is 18.4 degrees in the bedroom.
        how warm is it in the kitchen
            unknown: Nothing measures how warm it is in the kitchen.
        what is the temperature of the bedroom weather
            The bedroom weather temperature is 18.4 °C.
        is the kettle on
            can't: I don't know, because the kettle has not told me how it is.
        clean the kitchen
            can't: I can start a vacuum, but not send it to one room.
        play some jazz
            not understood
        add milk to the shopping list
            not understood
        what is the weather
            not understood
    "#]].assert_eq(&told);
}

#[test]
fn what_was_misheard_is_what_is_called_most_like_it() {
    let (registry, mut sentences) = (house(), HomeSentences::english());
    let mut told = String::new();
    for said in [
        "turn off the kitchin lights",
        "turn of the kitchen lights",
        "turn off the kitchen sealing",
        "turn off the kitchen seeling",
        "turn on the attick fan",
        "turn on the a tick fan",
        "set the livingroom to twenty one degrees",
        "unlock the frant door",
        "is the frant door locked",
        "turn on the kettel",
        "turn on the cattle",
        "close the bad room blind",
        "turn off the lamb",
        "activate evenin",
        "what is the capital of france",
        "play the kettle song",
        "tell me about the kitchen sealing",
    ] {
        told.push_str(&format!("{said}\n    {}\n", spoken(&registry, &mut sentences, said, None)));
    }
    expect_test::expect![[r#"
        turn off the kitchin lights
            likely kitchen: [turn off Kitchen ceiling (Kitchen)] Turned off the kitchen lights. The worktop can't be reached: it says that it is offline.
        turn of the kitchen lights
            [turn off Kitchen ceiling (Kitchen)] Turned off the kitchen lights. The worktop can't be reached: it says that it is offline.
        turn off the kitchen sealing
            likely kitchen ceiling: [turn off Kitchen ceiling (Kitchen)] Turned off the kitchen ceiling.
        turn off the kitchen seeling
            likely kitchen ceiling: [turn off Kitchen ceiling (Kitchen)] Turned off the kitchen ceiling.
        turn on the attick fan
            likely attic: [turn on Attic fan (Attic)] Turned on the attic fan.
        turn on the a tick fan
            likely attic fan: [turn on Attic fan (Attic)] Turned on the attic fan.
        set the livingroom to twenty one degrees
            likely living room: [set Living room radiator (Living room) to 21] Set the living room radiator to 21 degrees.
        unlock the frant door
            likely front door: [unlock Front door (Hall)] Unlocked the front door.
        is the frant door locked
            likely front door: Yes, the front door is locked.
        turn on the kettel
            likely kettle: [turn on Kettle (Kitchen)] Turned on the kettle.
        turn on the cattle
            Did you mean the kettle?
        close the bad room blind
            likely bedroom: [close Bedroom blind (Bedroom)] Closed the bedroom blind.
        turn off the lamb
            Did you mean the lamp?
        activate evenin
            likely evening: [turn on Living room group Evening (Living room)] Activated the evening.
        what is the capital of france
            not understood
        play the kettle song
            not understood
        tell me about the kitchen sealing
            not understood
    "#]].assert_eq(&told);
}

#[test]
fn what_is_not_here_is_told_by_its_name() {
    let (registry, mut sentences) = (house(), HomeSentences::english());
    sentences.furnish(registry.generation(), || registry.vocabulary());
    let mut told = String::new();
    for said in [
        "Turn on the disco ball.",
        "turn the disco ball off, please",
        "could you turn off my christmas tree lights",
        "start the dishwasher",
        "open the garden gate",
        "lock the back door",
        "set the jacuzzi to 30 degrees",
        "dim the reading lamp to 20 percent",
        "turn on the lamp in the orangery",
        "turn off the disco ball in the kitchen",
        "Turn on the lights in the garden",
        "turn it on",
        "turn on something nice",
        "what's going on",
        "the game is on",
        "what is the capital of france",
        "play some jazz",
        "tell me a joke",
        "please turn disco ball off",
        "please shut off",
        "is the disco ball on",
        "turn on the disco ball and tell me a joke",
    ] {
        told.push_str(&format!("{said} -> {}\n", sentences.unknown_name(said, None).unwrap_or_default()));
    }
    expect_test::expect![[r#"
        Turn on the disco ball. -> disco ball
        turn the disco ball off, please -> disco ball
        could you turn off my christmas tree lights -> christmas tree lights
        start the dishwasher -> dishwasher
        open the garden gate -> garden gate
        lock the back door -> back door
        set the jacuzzi to 30 degrees -> jacuzzi
        dim the reading lamp to 20 percent -> reading lamp
        turn on the lamp in the orangery -> lamp in the orangery
        turn off the disco ball in the kitchen -> disco ball in the kitchen
        Turn on the lights in the garden -> lights in the garden
        turn it on -> 
        turn on something nice -> 
        what's going on -> 
        the game is on -> 
        what is the capital of france -> 
        play some jazz -> 
        tell me a joke -> 
        please turn disco ball off -> disco ball
        please shut off -> 
        is the disco ball on -> 
        turn on the disco ball and tell me a joke -> 
    "#]]
    .assert_eq(&told);
}

#[test]
fn where_no_room_is_named_the_one_where_it_was_said_is_meant() {
    let (registry, mut sentences) = (house(), HomeSentences::english());
    let mut told = String::new();
    for (said, here) in [
        ("turn off the lights", "Hall"),
        ("turn off the lamp", "Bedroom"),
        ("turn on all the lights everywhere", "Hall"),
        ("turn on the light in the kitchen", "Hall"),
        ("set the temperature to 20 degrees", "Living room"),
        ("what's the temperature", "Bedroom"),
        ("close the blinds", "Bedroom"),
        ("turn off the lights", "Cellar"),
    ] {
        told.push_str(&format!("{here}: {said}\n    {}\n", spoken(&registry, &mut sentences, said, Some(here))));
    }
    expect_test::expect![[r#"
        Hall: turn off the lights
            [turn off Lamp (Hall)] Turned off the lamp.
        Bedroom: turn off the lamp
            [turn off Lamp (Bedroom)] Turned off the lamp.
        Hall: turn on all the lights everywhere
            [turn on Kitchen ceiling (Kitchen) + Desk lamp (Study) + Lamp (Hall) + Lamp (Bedroom)] Turned on the lights. The sideboard has not said yet whether it can be reached. The worktop can't be reached: it says that it is offline.
        Hall: turn on the light in the kitchen
            [turn on Kitchen ceiling (Kitchen)] Turned on the kitchen lights. The worktop can't be reached: it says that it is offline.
        Living room: set the temperature to 20 degrees
            [set Living room radiator (Living room) to 20] Set the living room radiator to 20 degrees.
        Bedroom: what's the temperature
            It is 18.4 degrees in the bedroom.
        Bedroom: close the blinds
            [close Bedroom blind (Bedroom)] Closed the bedroom blind.
        Cellar: turn off the lights
            unknown: I don't know of any lights in the cellar.
    "#]].assert_eq(&told);
}

#[test]
fn what_comes_and_goes_is_known_by_its_name_at_once() {
    let (mut registry, mut sentences) = (registry(), HomeSentences::english());
    assert_eq!(spoken(&registry, &mut sentences, "turn on the heron", None), "not understood");
    let payload = json!({"name": "Heron", "cmd_t": "heron"}).to_string();
    registry.on_message("homeassistant/switch/heron/config", payload.as_bytes());
    assert_eq!(spoken(&registry, &mut sentences, "turn on the heron", None), "[turn on Heron] Turned on the heron.");
    registry.on_message("homeassistant/switch/heron/config", b"");
    assert_eq!(spoken(&registry, &mut sentences, "turn on the heron", None), "not understood");
}
