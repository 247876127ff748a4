//! The components one by one, where they differ from what the recorded messages show.

use serde_json::json;

use super::*;

#[test]
fn every_component_is_commanded_in_its_own_words() {
    use HomeAction::*;
    for (component, payload, action, value, expected) in [
        ("switch", json!({"cmd_t": "t", "cmd_tpl": "{\"on\":\"{{ value }}\"}"}), TurnOn, None, r#"t {"on":"ON"}"#),
        ("siren", json!({"cmd_t": "t"}), TurnOn, None, r#"t {"state":"ON"}"#),
        ("siren", json!({"cmd_t": "t", "cmd_tpl": "{{ value }}!"}), TurnOff, None, "t OFF!"),
        ("light", json!({"cmd_t": "t", "bri_cmd_t": "b"}), Set, Some(50.0), "b 128\nt ON"),
        ("light", json!({"cmd_t": "t", "bri_cmd_t": "b", "on_cmd_type": "first"}), Set, Some(1.0), "t ON\nb 3"),
        (
            "light",
            json!({"cmd_t": "t", "bri_cmd_t": "b", "bri_cmd_tpl": "<{{ value }}>"}),
            Set,
            Some(100.0),
            "b <255>\nt ON",
        ),
        (
            "light",
            json!({"schema": "template", "cmd_t": "t", "cmd_off_tpl": "off", "bri_tpl": "{{ value }}",
                   "cmd_on_tpl": "on{% if brightness is defined %},{{ brightness }}{% endif %}"}),
            Set,
            Some(20.0),
            "t on,51",
        ),
        ("light", json!({"schema": "template", "cmd_t": "t", "cmd_off_tpl": "{{ state }}"}), TurnOff, None, "t off"),
        ("cover", json!({"set_pos_t": "p", "pos_open": 0, "pos_clsd": 100}), Set, Some(30.0), "p 70"),
        ("valve", json!({"cmd_t": "t"}), Close, None, "t CLOSE"),
        ("valve", json!({"cmd_t": "t", "reports_position": true, "pos_open": 255}), Open, None, "t 255"),
        ("valve", json!({"cmd_t": "t", "reports_position": true}), Set, Some(25.0), "t 25"),
        ("lock", json!({"cmd_t": "t"}), Unlock, None, "t UNLOCK"),
        ("lock", json!({"cmd_t": "t", "pl_open": "LATCH"}), Open, None, "t LATCH"),
        ("alarm_control_panel", json!({"cmd_t": "t"}), Arm, None, "t ARM_AWAY"),
        ("alarm_control_panel", json!({"cmd_t": "t", "sup_feat": ["arm_home"]}), Arm, None, "t ARM_HOME"),
        ("alarm_control_panel", json!({"cmd_t": "t", "pl_disarm": "0"}), Disarm, None, "t 0"),
        ("vacuum", json!({"cmd_t": "t"}), TurnOff, None, "t return_to_base"),
        ("lawn_mower", json!({"strt_mow_cmd_t": "t", "dock_cmd_t": "d"}), TurnOn, None, "t start_mowing"),
        ("climate", json!({"pow_cmd_t": "p", "mode_cmd_t": "m"}), TurnOff, None, "p OFF"),
        ("climate", json!({"temp_cmd_t": "t", "temp_cmd_tpl": "{{ value * 10 }}"}), Set, Some(21.5), "t 215.0"),
        ("humidifier", json!({"cmd_t": "t", "hum_cmd_t": "h"}), Set, Some(45.0), "h 45"),
        ("number", json!({"cmd_t": "t", "min": -5, "max": 5}), Set, Some(-2.5), "t -2.5"),
        ("scene", json!({"cmd_t": "t"}), TurnOn, None, "t ON"),
    ] {
        let registry = with(&format!("{component}/it"), &payload);
        assert_eq!(commanded(&registry, &format!("{component}/it"), action, value), expected, "{payload}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    use HomeAction::*;
    for (component, payload, action, value, expected) in [
        (
            "light",
            json!({"cmd_t": "t"}),
            Set,
            Some(50.0),
            "light can't do this: set. What it can do: turn on, turn off.",
        ),
        (
            "lock",
            json!({"cmd_t": "t", "cod_form": "^\\d{4}$"}),
            Unlock,
            None,
            "lock can't do this: unlock. What it can do: lock.",
        ),
        (
            "alarm_control_panel",
            json!({"cmd_t": "t", "code": "REMOTE_CODE", "cod_arm_req": false}),
            Disarm,
            None,
            "alarm control panel can't do this: disarm. What it can do: arm.",
        ),
        (
            "cover",
            json!({"cmd_t": "t", "pl_cls": null}),
            Close,
            None,
            "cover can't do this: close. What it can do: open.",
        ),
        ("cover", json!({"set_pos_t": "t"}), Set, None, "cover has to be set to something: say to what"),
        ("cover", json!({"set_pos_t": "t"}), Set, Some(101.0), "cover can be set to 0 to 100 percent, and not to 101"),
        ("number", json!({"cmd_t": "t"}), Set, Some(f64::NAN), "number can be set to 1 to 100, and not to NaN"),
        ("climate", json!({"temp_cmd_t": "t"}), Set, Some(f64::INFINITY), "climate can't be set to inf degrees"),
    ] {
        let registry = with(&format!("{component}/it"), &payload);
        assert_eq!(commanded(&registry, &format!("{component}/it"), action, value), expected, "{payload}");
    }
    assert_eq!(commanded(&registry(), "light/it", TurnOn, None), "It is not there any more: its device was removed.");
}

#[test]
fn quality_of_service_and_retention_are_the_devices() {
    let registry = with("switch/it", &json!({"cmd_t": "t", "qos": 1, "ret": true}));
    let publish = registry.command(&id("switch/it"), HomeAction::TurnOn, None).unwrap();
    let expected = Publish { topic: "t".to_owned(), payload: "ON".to_owned(), qos: 1, retain: true };
    assert_eq!(publish, [expected]);
}

#[test]
fn what_does_not_tell_its_state_is_taken_to_be_as_it_was_told() {
    let mut registry = with("switch/it", &json!({"name": "Kettle", "cmd_t": "t"}));
    assert_eq!(said(&registry, "switch/it"), "Kettle has not told how it is.");
    let changes = registry.commanded(&id("switch/it"), HomeAction::TurnOn, None);
    assert_eq!(changes.changed, [id("switch/it")]);
    assert_eq!(said(&registry, "switch/it"), "Kettle is on, as far as it was told to be; it does not say so itself.");
    // What tells it is believed alone.
    let mut registry = with("switch/it", &json!({"name": "Kettle", "cmd_t": "t", "stat_t": "s"}));
    assert_eq!(registry.commanded(&id("switch/it"), HomeAction::TurnOn, None), Changes::default());
    assert_eq!(said(&registry, "switch/it"), "Kettle has not told how it is.");
    let mut registry = with("cover/it", &json!({"name": "Blind", "set_pos_t": "t", "pos_t": "s", "opt": true}));
    registry.commanded(&id("cover/it"), HomeAction::Set, Some(0.0));
    let state = registry.entity(&id("cover/it")).unwrap().state();
    assert_eq!((&state.status, state.level), (&Some(Status::Closed), Some(0.0)));
}

#[test]
fn a_device_tells_of_all_its_entities_in_one_message() {
    let mut registry = registry();
    let topic = "homeassistant/device/0AFFD2/config";
    let device = |components: Value| {
        json!({
            "dev": {"ids": "ea334450945afc", "name": "Kitchen", "mf": "Bla electronics", "sa": "Kitchen"},
            "o": {"name": "bla2mqtt", "sw": "2.1", "url": "https://bla2mqtt.example.com/support"},
            "~": "sensorBedroom", "stat_t": "~/state", "avty": {"t": "~/status"}, "qos": 1, "cmps": components,
        })
        .to_string()
    };
    let both = device(json!({
        "some_unique_component_id1": {"p": "sensor", "dev_cla": "temperature", "unit_of_meas": "°C",
            "val_tpl": "{{ value_json.temperature }}", "uniq_id": "temp01ae_t"},
        "plug": {"p": "switch", "name": "Plug", "cmd_t": "~/plug", "uniq_id": "plug01", "stat_t": "own"},
    }));
    let changes = registry.on_message(topic, both.as_bytes());
    let topics: Vec<&str> = changes.subscribe.iter().map(|one| &*one.topic).collect();
    assert_eq!(topics, ["own", "sensorBedroom/state", "sensorBedroom/status"]);
    assert!(changes.subscribe.iter().all(|one| one.qos == 1));
    assert_eq!(registry.on_message(topic, both.as_bytes()), Changes::default());
    registry.on_message("sensorBedroom/status", b"online");
    registry.on_message("sensorBedroom/state", br#"{"temperature":21.5}"#);
    assert_eq!(said(&registry, "device/0AFFD2#some_unique_component_id1"), "Kitchen (Kitchen) is 21.5 °C.");
    assert_eq!(commanded(&registry, "device/0AFFD2#plug", HomeAction::TurnOn, None), "sensorBedroom/plug ON");
    // A component vanishes by its platform alone, and so it does by not being there.
    for without in
        [json!({"some_unique_component_id1": {"p": "sensor"}, "plug": {"p": "switch", "cmd_t": "c"}}), json!({})]
    {
        assert_eq!(registry.on_message(topic, both.as_bytes()).problem, None);
        let changes = registry.on_message(topic, device(without).as_bytes());
        assert!(changes.changed.contains(&id("device/0AFFD2#some_unique_component_id1")), "{changes:?}");
        assert_eq!(registry.find_to_ask("temperature", None).ok(), None);
    }
    assert_eq!(registry.entities().count(), 0);
    assert_eq!(registry.subscriptions().count(), 2);
}

#[test]
fn an_empty_message_removes_an_entity_and_what_it_was_told_by() {
    let mut registry = with("light/a", &json!({"cmd_t": "c", "stat_t": "shared", "avty_t": "a/status"}));
    registry
        .on_message("homeassistant/light/ab/config", json!({"cmd_t": "d", "stat_t": "shared"}).to_string().as_bytes());
    let changes = registry.on_message("homeassistant/light/a/config", b"");
    assert_eq!((changes.changed, changes.unsubscribe), (vec![id("light/a")], vec!["a/status".to_owned()]));
    assert_eq!(registry.on_message("homeassistant/light/a/config", b""), Changes::default());
    let changes = registry.on_message("homeassistant/light/ab/config", b"");
    assert_eq!(changes.unsubscribe, ["shared"]);
}

#[test]
fn an_entity_that_is_told_of_anew_keeps_its_state_and_asks_for_what_is_retained() {
    let mut registry = with("light/a", &json!({"name": "Lamp", "cmd_t": "c", "stat_t": "s"}));
    registry.on_message("s", b"ON");
    let changed = json!({"name": "Floor lamp", "cmd_t": "c", "stat_t": "s", "avty_t": "v"});
    let changes = registry.on_message("homeassistant/light/a/config", changed.to_string().as_bytes());
    let topics: Vec<&str> = changes.subscribe.iter().map(|one| &*one.topic).collect();
    assert_eq!((topics.as_slice(), changes.unsubscribe.is_empty()), (["s", "v"].as_slice(), true));
    assert_eq!(registry.entity(&id("light/a")).unwrap().state().status, Some(Status::On));
}

#[test]
fn several_topics_of_availability_count_as_their_mode_says() {
    let reachable = |mode: &str, heard: &[(&str, &str)]| {
        let payload = json!({"cmd_t": "c", "avty": [{"t": "a"}, {"topic": "b", "pl_avail": "1", "pl_not_avail": "0"}],
            "avty_mode": mode});
        let mut registry = with("switch/it", &payload);
        for (topic, payload) in heard {
            registry.on_message(topic, payload.as_bytes());
        }
        registry.entity(&id("switch/it")).unwrap().reachable()
    };
    for (mode, heard, expected) in [
        ("all", [("a", "online"), ("a", "odd")].as_slice(), Reachable::Unheard),
        ("all", &[("a", "online"), ("b", "1")], Reachable::Yes),
        ("all", &[("a", "online"), ("b", "0")], Reachable::No),
        ("any", &[("a", "offline"), ("b", "1")], Reachable::Yes),
        ("any", &[("a", "offline")], Reachable::Unheard),
        ("any", &[("a", "offline"), ("b", "0")], Reachable::No),
        ("latest", &[("a", "offline"), ("b", "1")], Reachable::Yes),
        ("latest", &[("b", "1"), ("a", "offline")], Reachable::No),
        ("latest", &[], Reachable::Unheard),
    ] {
        assert_eq!(reachable(mode, heard), expected, "{mode} {heard:?}");
    }
}
