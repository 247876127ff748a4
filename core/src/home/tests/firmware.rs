//! Recorded discovery messages of three firmwares, in their documented formats.

use super::*;

const ZIGBEE2MQTT: &str = include_str!("zigbee2mqtt.json");
const TASMOTA: &str = include_str!("tasmota.json");
const ESPHOME: &str = include_str!("esphome.json");

fn zigbee2mqtt() -> Registry {
    let mut registry = registry();
    hear_all(&mut registry, ZIGBEE2MQTT);
    registry.on_message("zigbee2mqtt/bridge/state", br#"{"state":"online"}"#);
    registry.on_message("zigbee2mqtt/Kitchen ceiling/availability", br#"{"state":"online"}"#);
    registry
}

#[test]
fn zigbee2mqtts_devices_are_known_with_their_rooms() {
    let registry = zigbee2mqtt();
    let known: Vec<String> =
        registry.entities().map(|one| format!("{:?}: {}", one.device().kind, one.device())).collect();
    expect_test::expect![[r#"
        Other: Patio window (Living room)
        Climate: Living room radiator (Living room)
        Cover: Bedroom blind (Bedroom)
        Fan: Attic fan (Attic)
        Light: Kitchen ceiling (Kitchen)
        Lock: Front door (Hall)
        Scene: Living room group Evening (Living room)
        Other: Bedroom weather Temperature (Bedroom)
        Switch: Front door Auto relock (Hall)"#]]
    .assert_eq(&known.join("\n"));
}

#[test]
fn zigbee2mqtts_devices_tell_how_they_are() {
    let mut registry = zigbee2mqtt();
    for (topic, payload, of, expected) in [
        (
            "Kitchen ceiling",
            r#"{"state":"ON","brightness":127,"color_temp":370}"#,
            "light/0x000b57fffec6a5b2/light",
            "Kitchen ceiling (Kitchen) is on and is at 50 percent.",
        ),
        (
            "bedroom_blind",
            r#"{"position":0,"state":"CLOSE"}"#,
            "cover/0x90fd9ffffe0bcb51/cover",
            "Bedroom blind (Bedroom) is closed and is at 0 percent.",
        ),
        (
            "front_door",
            r#"{"state":"LOCK","auto_relock":true}"#,
            "lock/0x000d6f00106bd5f2/lock",
            "Front door (Hall) is locked.",
        ),
        (
            "front_door",
            r#"{"auto_relock":false}"#,
            "switch/0x000d6f00106bd5f2/auto_relock",
            "Front door Auto relock (Hall) is off.",
        ),
        (
            "living_radiator",
            r#"{"system_mode":"heat","occupied_heating_setpoint":21.5,"local_temperature":19}"#,
            "climate/0x0c4314fffe639db0/climate",
            "Living room radiator (Living room) is heat and is set to 21.5 and measures 19.",
        ),
        (
            "attic_fan",
            r#"{"fan_state":"ON","fan_mode":"medium"}"#,
            "fan/0x0004740000ea7a4c/fan",
            "Attic fan (Attic) is on and is at 50 percent.",
        ),
        (
            "patio_window",
            r#"{"contact":false}"#,
            "binary_sensor/0x00158d0001d8e1d2/contact",
            "Patio window (Living room) is on.",
        ),
        (
            "bedroom_weather",
            r#"{"temperature":20.31,"battery":97}"#,
            "sensor/0x00158d00018255df/temperature",
            "Bedroom weather Temperature (Bedroom) is 20.31 °C.",
        ),
    ] {
        let changes = registry.on_message(&format!("zigbee2mqtt/{topic}"), payload.as_bytes());
        assert!(changes.changed.contains(&id(of)), "{topic} {changes:?}");
        assert_eq!(said(&registry, of), expected);
    }
    // The lock kept its state, of which the second message on its topic said nothing.
    assert_eq!(said(&registry, "lock/0x000d6f00106bd5f2/lock"), "Front door (Hall) is locked.");
    assert_eq!(registry.on_message("zigbee2mqtt/patio_window", br#"{"contact":false}"#).changed, []);
}

#[test]
fn zigbee2mqtts_devices_are_commanded() {
    use HomeAction::*;
    let registry = zigbee2mqtt();
    for (of, action, value, expected) in [
        ("light/0x000b57fffec6a5b2/light", TurnOn, None, r#"zigbee2mqtt/Kitchen ceiling/set {"state":"ON"}"#),
        (
            "light/0x000b57fffec6a5b2/light",
            Set,
            Some(40.0),
            r#"zigbee2mqtt/Kitchen ceiling/set {"brightness":102,"state":"ON"}"#,
        ),
        ("light/0x000b57fffec6a5b2/light", Set, Some(0.0), r#"zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}"#),
        ("cover/0x90fd9ffffe0bcb51/cover", Close, None, "zigbee2mqtt/bedroom_blind/set CLOSE"),
        ("cover/0x90fd9ffffe0bcb51/cover", Set, Some(30.0), r#"zigbee2mqtt/bedroom_blind/set { "position": 30 }"#),
        ("lock/0x000d6f00106bd5f2/lock", Unlock, None, "zigbee2mqtt/front_door/set UNLOCK"),
        ("switch/0x000d6f00106bd5f2/auto_relock", TurnOn, None, "zigbee2mqtt/front_door/set/auto_relock true"),
        (
            "climate/0x0c4314fffe639db0/climate",
            Set,
            Some(20.5),
            "zigbee2mqtt/living_radiator/set/occupied_heating_setpoint 20.5",
        ),
        (
            "climate/0x0c4314fffe639db0/climate",
            Set,
            Some(50.0),
            "Living room radiator (Living room) can be set to 5 to 35 degrees Celsius, and not to 50",
        ),
        ("climate/0x0c4314fffe639db0/climate", TurnOff, None, "zigbee2mqtt/living_radiator/set/system_mode off"),
        ("climate/0x0c4314fffe639db0/climate", TurnOn, None, "zigbee2mqtt/living_radiator/set/system_mode heat"),
        ("fan/0x0004740000ea7a4c/fan", Set, Some(75.0), "zigbee2mqtt/attic_fan/set/fan_mode high"),
        ("fan/0x0004740000ea7a4c/fan", Set, Some(1.0), "zigbee2mqtt/attic_fan/set/fan_mode low"),
        (
            "scene/1221051039810110150109113116116_9/scene_3",
            TurnOn,
            None,
            r#"zigbee2mqtt/living_room_group/set { "scene_recall": 3 }"#,
        ),
        (
            "sensor/0x00158d00018255df/temperature",
            TurnOn,
            None,
            "Bedroom weather Temperature (Bedroom) can't do this: turn on. What it can do: nothing: it only tells something.",
        ),
    ] {
        assert_eq!(commanded(&registry, of, action, value), expected, "{of} {action} {value:?}");
    }
}

#[test]
fn availability_is_respected() {
    let mut registry = registry();
    hear_all(&mut registry, ZIGBEE2MQTT);
    let light = "light/0x000b57fffec6a5b2/light";
    let turned_on = |registry: &Registry| commanded(registry, light, HomeAction::TurnOn, None);
    assert_eq!(turned_on(&registry), "Kitchen ceiling (Kitchen) has not said yet whether it can be reached.");
    registry.on_message("zigbee2mqtt/bridge/state", br#"{"state":"online"}"#);
    assert_eq!(turned_on(&registry), "Kitchen ceiling (Kitchen) has not said yet whether it can be reached.");
    let changes = registry.on_message("zigbee2mqtt/Kitchen ceiling/availability", br#"{"state":"online"}"#);
    assert_eq!(changes.changed, [id(light)]);
    assert_eq!(turned_on(&registry), r#"zigbee2mqtt/Kitchen ceiling/set {"state":"ON"}"#);
    assert_eq!(said(&registry, light), "Kitchen ceiling (Kitchen) has not told how it is.");
    // All of its topics have to say so.
    registry.on_message("zigbee2mqtt/bridge/state", br#"{"state":"offline"}"#);
    assert_eq!(turned_on(&registry), "Kitchen ceiling (Kitchen) can't be reached: it says that it is offline.");
}

#[test]
fn tasmotas_devices_are_known_told_by_and_commanded() {
    use HomeAction::*;
    let mut registry = registry();
    hear_all(&mut registry, TASMOTA);
    registry.on_message("tele/kettle/LWT", b"Online");
    registry.on_message("tasmota/sideboard/tele/LWT", b"Online");
    registry.on_message("tele/kettle/STATE", br#"{"Time":"2026-09-01T10:00:00","POWER":"OFF"}"#);
    registry.on_message("tele/kettle/SENSOR", br#"{"ENERGY":{"Total":3.1,"Power":1840}}"#);
    registry.on_message("tasmota/sideboard/tele/STATE", br#"{"POWER":"ON","Dimmer":35,"CT":300}"#);
    assert_eq!(said(&registry, "switch/5F8A4C_RL_1"), "Kettle (Kitchen) is off.");
    assert_eq!(said(&registry, "sensor/5F8A4C_ENERGY_Power"), "Kettle ENERGY Power is 1840 W.");
    assert_eq!(said(&registry, "light/DC4F22_LI_1"), "Sideboard (Living room) is on and is at 35 percent.");
    assert_eq!(commanded(&registry, "switch/5F8A4C_RL_1", TurnOn, None), "cmnd/kettle/POWER ON");
    assert_eq!(commanded(&registry, "light/DC4F22_LI_1", Set, Some(60.0)), "tasmota/sideboard/cmnd/Dimmer 60");
    assert_eq!(commanded(&registry, "light/DC4F22_LI_1", TurnOff, None), "tasmota/sideboard/cmnd/POWER OFF");
    registry.on_message("tele/kettle/LWT", b"Offline");
    let unreachable = "Kettle (Kitchen) can't be reached: it says that it is offline.";
    assert_eq!(commanded(&registry, "switch/5F8A4C_RL_1", TurnOn, None), unreachable);
}

#[test]
fn esphomes_devices_are_known_told_by_and_commanded() {
    use HomeAction::*;
    let mut registry = registry();
    hear_all(&mut registry, ESPHOME);
    for (topic, payload) in [
        ("desk/status", "online"),
        ("garage/status", "online"),
        ("heatpump/status", "online"),
        ("desk/light/desk_lamp/state", r#"{"state":"ON","color_mode":"brightness","brightness":255,"color":{}}"#),
        ("garage/cover/garage_door/state", "opening"),
        ("garage/cover/garage_door/position/state", "20"),
        ("desk/fan/fan/state", "ON"),
        ("desk/fan/fan/speed_level/state", "1"),
        ("heatpump/climate/heat_pump/mode/state", "off"),
        ("heatpump/climate/heat_pump/target_temperature/state", "21.0"),
    ] {
        assert!(!registry.on_message(topic, payload.as_bytes()).changed.is_empty(), "{topic}");
    }
    for (of, expected) in [
        ("light/desk/desk_lamp", "Desk lamp (Study) is on and is at 100 percent."),
        ("cover/garage/garage_door", "Garage door (Garage) is opening and is at 20 percent."),
        ("fan/desk/fan", "Desk Fan (Study) is on and is at 33 percent."),
        ("climate/heatpump/heat_pump", "Heatpump Heat pump (Study) is off and is set to 21."),
        ("binary_sensor/desk/presence", "Desk Presence (Study) has not told how it is."),
    ] {
        assert_eq!(said(&registry, of), expected);
    }
    for (of, action, value, expected) in [
        ("light/desk/desk_lamp", TurnOff, None, r#"desk/light/desk_lamp/command {"state":"OFF"}"#),
        ("cover/garage/garage_door", Open, None, "garage/cover/garage_door/command OPEN"),
        ("cover/garage/garage_door", Set, Some(15.0), "garage/cover/garage_door/position/command 15"),
        ("fan/desk/fan", Set, Some(66.0), "desk/fan/fan/speed_level/command 2"),
        ("climate/heatpump/heat_pump", TurnOn, None, "heatpump/climate/heat_pump/mode/command heat_cool"),
        ("button/desk/restart", TurnOn, None, "desk/button/restart/command PRESS"),
    ] {
        assert_eq!(commanded(&registry, of, action, value), expected);
    }
    let garage = registry.find("garage door", None).unwrap();
    assert_eq!(garage[0].kind, DeviceKind::Door);
}
