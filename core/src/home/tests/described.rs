//! Devices that the household describes.

use super::*;

fn described(name: &str, kind: DescribedKind) -> Described {
    let topic = |what: &str| Some(format!("{name}/{what}"));
    Described {
        name: name.to_owned(),
        kind,
        command_topic: topic("set"),
        state_topic: topic("is"),
        state_template: None,
        availability_topic: None,
        on: None,
        off: None,
    }
}

#[test]
fn what_is_described_is_commanded_like_what_makes_itself_known() {
    use DescribedKind::{Cover, Door, Fan, Heating, Light, Scene, Switch};
    use HomeAction::*;
    for (kind, action, value, state, expected) in [
        (Light, TurnOn, None, "ON", "thing/set ON; thing is on. Changes"),
        (Switch, TurnOff, None, "OFF", "thing/set OFF; thing is off. Changes"),
        (Fan, TurnOn, None, "ON", "thing/set ON; thing is on. Changes"),
        (Cover, Open, None, "open", "thing/set OPEN; thing is open. Changes"),
        (Door, Close, None, "closed", "thing/set CLOSE; thing is closed. Guarded"),
        (DescribedKind::Lock, Unlock, None, "UNLOCKED", "thing/set UNLOCK; thing is unlocked. Guarded"),
        (Heating, Set, Some(21.0), "20.5", "thing/set 21; thing is set to 20.5. Changes"),
        (Scene, TurnOn, None, "", "thing/set ON; thing has not told how it is. Changes"),
    ] {
        let mut registry = registry();
        registry.describe(&described("thing", kind)).unwrap();
        let id = registry.entities().next().unwrap().device().id.0.clone();
        registry.on_message("thing/is", state.as_bytes());
        let risk = registry.entities().next().unwrap().device().risk(action);
        let is = format!("{}; {} {risk:?}", commanded(&registry, &id, action, value), said(&registry, &id));
        assert_eq!(is, expected, "{kind:?}");
    }
}

#[test]
fn nobody_takes_back_what_the_household_has_described() {
    let mut registry = registry();
    let words =
        Described { on: Some("1".to_owned()), off: Some("0".to_owned()), ..described("lamp", DescribedKind::Light) };
    registry.describe(&words).unwrap();
    for topic in ["homeassistant/light/lamp/config", "homeassistant/device//config", "homeassistant//config", "#lamp"] {
        registry.on_message(topic, b"");
    }
    assert_eq!(commanded(&registry, "#lamp", HomeAction::TurnOff, None), "lamp/set 0");
    assert!(registry.subscriptions().any(|wanted| wanted.topic == "lamp/is"));
    let odd = Described { on: Some("1".to_owned()), ..described("sun", DescribedKind::Sensor) };
    assert_eq!(registry.describe(&odd), Err("is of a kind that is not turned on and off".to_owned()));
}
