//! What strangers may send: whoever may publish on the broker.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::Risk;

/// Why a message is ignored.
fn problem(registry: &mut Registry, topic: &str, payload: &[u8]) -> String {
    registry.on_message(topic, payload).problem.unwrap_or_else(|| "none".to_owned())
}

#[test]
fn what_is_wrong_with_a_message_is_said_and_nothing_changes() {
    let mut registry = with("light/a", &json!({"name": "Lamp", "cmd_t": "c", "stat_t": "s"}));
    let topic = "homeassistant/light/a/config";
    for (payload, expected) in [
        (json!("text"), "is no JSON object"),
        (json!({"name": "Lamp"}), "names no topic that a light is told by or commanded with"),
        (
            json!({"cmd_t": "c/#"}),
            "names the topic \"c/#\", which has a wildcard (+ or #), so that it is no single topic",
        ),
        (json!({"cmd_t": "zigbee2mqtt/+/set"}), "has a wildcard"),
        (json!({"cmd_t": "c", "stat_t": "#"}), "has a wildcard"),
        (json!({"cmd_t": "c", "avty": [{"t": "+/status"}]}), "has a wildcard"),
        (json!({"cmd_t": "c\u{0}"}), "has a control character in it"),
        (json!({"cmd_t": "x".repeat(600)}), "has 600 bytes; 1 to 512 are allowed"),
        (json!({"cmd_t": "$SYS/broker"}), "is the broker's own"),
        (json!({"cmd_t": "pipit/kitchen/mute/set"}), "is Pipit's own"),
        (json!({"cmd_t": "c", "stat_t": "pipit/kitchen"}), "is Pipit's own"),
        (json!({"cmd_t": "homeassistant/light/b/config"}), "is for discovery"),
        (json!({"cmd_t": "c", "stat_t": "s", "val_tpl": "{{ value"}), "the template \"{{ value\" can't be read"),
        (json!({"cmd_t": "c", "~": {"~": "~"}}), "has a base topic (~) that is no text"),
        (json!({"cmd_t": "c", "pl_on": "x".repeat(5000)}), "has a text of 5000 bytes in it"),
        (json!({"cmd_t": "c", "avty": {"t": "t", "pl_avail": "x".repeat(5000)}}), "has a text of 5000 bytes in it"),
        (json!({"cmd_t": "~", "~": "x".repeat(600)}), "has a base topic (~) of 600 bytes"),
        (json!({"cmd_t": "c", "avty": vec![json!({"t": "t"}); 17]}), "has 17 topics for its availability"),
    ] {
        let problem = problem(&mut registry, topic, payload.to_string().as_bytes());
        assert!(problem.starts_with("the message on the topic \"homeassistant/light/a/config\" "), "{problem}");
        assert!(problem.contains(expected), "{problem}");
        assert_eq!(commanded(&registry, "light/a", HomeAction::TurnOn, None), "c ON");
    }
    assert!(problem(&mut registry, topic, &[b'{', 0xff, b'}']).contains("is not UTF-8"));
    assert!(problem(&mut registry, topic, &vec![b' '; 300_000]).contains("has 300000 bytes"));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(problem(&mut registry, topic, format!("{{\"a\":{deep}}}").as_bytes()).contains("recursion limit"));
    assert!(problem(&mut registry, "s", &[0xc3, 0x28]).contains("is not UTF-8"));
    assert!(problem(&mut registry, "s", &vec![b'O'; 300_000]).contains("has 300000 bytes"));
    assert_eq!(said(&registry, "light/a"), "Lamp has not told how it is.");
}

#[test]
fn a_base_topic_is_put_in_once() {
    let registry = with("light/a", &json!({"~": "~/~", "cmd_t": "~/set"}));
    assert_eq!(commanded(&registry, "light/a", HomeAction::TurnOn, None), "~/~/set ON");
    let registry = with("light/a", &json!({"~": "base", "cmd_t": "cmnd/~", "pl_on": "~"}));
    assert_eq!(commanded(&registry, "light/a", HomeAction::TurnOn, None), "cmnd/base ~");
}

#[test]
fn a_device_of_too_much_is_refused() {
    let mut registry = registry();
    let topic = "homeassistant/device/a/config";
    let many: Map<String, Value> = (0..600).map(|at| (at.to_string(), json!({"p": "light", "cmd_t": "c"}))).collect();
    let many = json!({"dev": {"ids": "a"}, "o": {"name": "a"}, "cmps": many}).to_string();
    assert!(problem(&mut registry, topic, many.as_bytes()).contains("has 600 components; at most 512 are allowed"));
    let shared = json!({"dev": {"ids": "a".repeat(9000)}, "cmps": {"a": {"p": "light", "cmd_t": "c"}}}).to_string();
    assert!(problem(&mut registry, topic, shared.as_bytes()).contains("shares"));
    assert!(problem(&mut registry, topic, br#"{"cmps": []}"#).contains("has no components"));
    assert!(problem(&mut registry, topic, br#"{"cmps": {"a": 1}}"#).contains("a component \"a\" that is no object"));
    let long_key = format!(r#"{{"cmps": {{"{}": {{"p": "light", "cmd_t": "c"}}}}}}"#, "k".repeat(300));
    assert!(problem(&mut registry, topic, long_key.as_bytes()).contains("a key of 300 bytes"));
    // One component that is wrong costs the others nothing.
    let one = json!({"cmps": {"a": {"p": "light", "cmd_t": "#"}, "b": {"p": "light", "cmd_t": "c"}}}).to_string();
    assert!(problem(&mut registry, topic, one.as_bytes()).contains("has a component \"a\" that names the topic \"#\""));
    assert_eq!(registry.entities().count(), 1);
}

#[test]
fn there_are_only_so_many_entities() {
    let mut registry = registry();
    for at in 0..10_000 {
        let topic = format!("homeassistant/button/{at}/config");
        assert_eq!(registry.on_message(&topic, br#"{"cmd_t": "c"}"#).problem, None);
    }
    let refused = problem(&mut registry, "homeassistant/button/more/config", br#"{"cmd_t": "c"}"#);
    assert!(refused.contains("would be one more than the 10000 entities that are kept"), "{refused}");
    // What is known can still change, and make room.
    assert_eq!(problem(&mut registry, "homeassistant/button/7/config", br#"{"cmd_t": "d"}"#), "none");
    registry.on_message("homeassistant/button/7/config", b"");
    assert_eq!(problem(&mut registry, "homeassistant/button/more/config", br#"{"cmd_t": "c"}"#), "none");
}

#[test]
fn what_writes_to_a_locks_topic_is_guarded_like_the_lock() {
    // Whichever comes first, and above or below the lock's topic as on it.
    let lock = ("lock/door", json!({"name": "Front door", "cmd_t": "z/front_door/set"}));
    for topic in ["z/front_door/set", "z/front_door/set/state", "z/front_door"] {
        let lamp = ("light/lamp", json!({"name": "Lamp", "cmd_t": topic, "pl_on": "UNLOCK"}));
        for order in [[&lock, &lamp], [&lamp, &lock]] {
            let mut registry = registry();
            for (id, payload) in order {
                registry.on_message(&format!("homeassistant/{id}/config"), payload.to_string().as_bytes());
            }
            let found = registry.find("lamp", None).unwrap();
            assert_eq!(found[0].risk(HomeAction::TurnOn), Risk::Guarded, "{topic}");
            registry.on_message("homeassistant/lock/door/config", b"");
            assert_eq!(registry.find("lamp", None).unwrap()[0].risk(HomeAction::TurnOn), Risk::Changes);
        }
    }
    let mut registry = with("lock/door", &lock.1);
    registry.on_message("homeassistant/light/lamp/config", br#"{"name":"Lamp","cmd_t":"z/front_door_lamp/set"}"#);
    assert_eq!(registry.find("lamp", None).unwrap()[0].risk(HomeAction::TurnOn), Risk::Changes);
}

#[test]
fn one_unique_id_is_one_entity() {
    let mut registry = with("light/a", &json!({"name": "Lamp", "uniq_id": "1", "cmd_t": "c"}));
    let other = json!({"name": "Lamp", "uniq_id": "1", "cmd_t": "evil"}).to_string();
    let refused = problem(&mut registry, "homeassistant/light/b/config", other.as_bytes());
    assert!(refused.contains("has the unique_id of an entity that is known already, by \"light/a\""), "{refused}");
    assert_eq!(found(&registry, "lamp", None), "Lamp");
    // It may move to another topic once the old one is empty.
    registry.on_message("homeassistant/light/a/config", b"");
    assert_eq!(problem(&mut registry, "homeassistant/light/b/config", other.as_bytes()), "none");
}

#[test]
fn pipits_own_discovery_and_what_is_no_device_is_passed_over() {
    let mut registry = registry();
    for topic in [
        "homeassistant/device/pipit_kitchen/config",
        "homeassistant/switch/pipit_kitchen/mute/config",
        "homeassistant/device_automation/x/config",
        "homeassistant/camera/x/config",
        "homeassistant/status",
        "homeassistant/light/config",
        "homeassistant/light/a/b/c/config",
        "homeassistant/li ght/a/config",
        "elsewhere/light/a/config",
        "",
    ] {
        let payload = json!({"cmd_t": "pipit/kitchen/mute", "topic": "t", "cmps": {}}).to_string();
        assert_eq!(registry.on_message(topic, payload.as_bytes()), Changes::default(), "{topic}");
    }
}

#[test]
fn a_state_that_never_comes_is_said_to_be_unknown() {
    let mut registry = with("lock/door", &json!({"name": "Front door", "cmd_t": "c", "stat_t": "s"}));
    assert_eq!(said(&registry, "lock/door"), "Front door has not told how it is.");
    for nonsense in [&b""[..], b"perhaps", b"{}", b"[1", b"none"] {
        registry.on_message("s", nonsense);
        assert_eq!(said(&registry, "lock/door"), "Front door has not told how it is.");
    }
    registry.on_message("s", b"LOCKED");
    assert_eq!(said(&registry, "lock/door"), "Front door is locked.");
    registry.on_message("s", b"None");
    assert_eq!(said(&registry, "lock/door"), "Front door has not told how it is.");
}

/// JSON as strangers write it, with the keys that something is done with.
fn fields() -> impl Strategy<Value = Value> {
    let keys = [
        "~",
        "cmd_t",
        "stat_t",
        "avty",
        "avty_t",
        "avty_mode",
        "t",
        "val_tpl",
        "dev",
        "sa",
        "ids",
        "name",
        "cmps",
        "p",
        "schema",
        "bri_cmd_t",
        "bri_scl",
        "pos_t",
        "set_pos_t",
        "pos_open",
        "pos_clsd",
        "spd_rng_min",
        "spd_rng_max",
        "pct_cmd_t",
        "pct_stat_t",
        "temp_cmd_t",
        "temp_stat_t",
        "min",
        "max",
        "modes",
        "qos",
        "uniq_id",
        "opt",
        "cmd_tpl",
        "reports_position",
        "brightness",
        "en",
        "sup_clrm",
        "bri_tpl",
        "cmd_on_tpl",
    ];
    let text = prop_oneof![
        Just("~/a".to_owned()),
        Just("a".to_owned()),
        Just("light".to_owned()),
        Just("json".to_owned()),
        Just("template".to_owned()),
        Just("{{ value_json.a.b | float / 0 }}".to_owned()),
        Just("{{ value | int }}".to_owned()),
        "\\PC{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(3, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(keys.to_vec()), inner), 0..8).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    });
    prop::collection::vec((prop::sample::select(keys.to_vec()), inner), 1..16)
        .prop_map(|fields| Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

const COMPONENTS: [&str; 20] = [
    "light",
    "switch",
    "siren",
    "cover",
    "valve",
    "climate",
    "water_heater",
    "fan",
    "humidifier",
    "lock",
    "alarm_control_panel",
    "vacuum",
    "lawn_mower",
    "scene",
    "button",
    "number",
    "select",
    "sensor",
    "binary_sensor",
    "device",
];

proptest! {
    #[test]
    fn nothing_that_is_sent_breaks_it(
        messages in prop::collection::vec((prop::sample::select(COMPONENTS.to_vec()), "[ab]", fields()), 1..6),
        states in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..24), Just(b"ON".to_vec()), Just(b"{\"a\":{\"b\":1}}".to_vec()), Just(b"1e400".to_vec()),
        ], 1..4),
        value in proptest::option::of(any::<f64>()),
        what in "\\PC{0,20}",
        topic in "\\PC{0,30}",
    ) {
        let mut registry = registry();
        for (component, id, fields) in &messages {
            registry.on_message(&format!("homeassistant/{component}/{id}/config"), fields.to_string().as_bytes());
        }
        let topics: Vec<String> = registry.subscriptions().map(|one| one.topic).collect();
        for state in &states {
            registry.on_message(&topic, state);
            registry.on_message(&format!("homeassistant/{topic}/config"), state);
            topics.iter().for_each(|topic| drop(registry.on_message(topic, state)));
        }
        let ids: Vec<DeviceId> = registry.entities().map(|one| one.device().id.clone()).collect();
        for (id, action) in ids.iter().flat_map(|id| HomeAction::ALL.map(|action| (id, action))) {
            for publish in registry.command(id, action, value).into_iter().flatten() {
                prop_assert!(!publish.topic.contains(['+', '#']) && publish.qos <= 2);
                prop_assert!(!publish.topic.starts_with("pipit/kitchen"));
            }
            registry.commanded(id, action, value);
            registry.entity(id).map(Entity::said);
        }
        let _ = registry.find(&what, Some("a"));
        let _ = registry.find(&what, None);
        // And all of it can be taken away again.
        for (component, id, _) in &messages {
            registry.on_message(&format!("homeassistant/{component}/{id}/config"), b"");
        }
        prop_assert_eq!((registry.entities().count(), registry.subscriptions().count()), (0, 2));
    }
}
