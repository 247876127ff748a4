//! Which devices are meant by what people call them.

use serde_json::json;

use super::*;

/// A house: component, name, room.
fn house(household: Household) -> Registry {
    let mut registry = registry_of(household);
    for (at, (component, name, room)) in [
        ("light", "Ceiling light", "Kitchen"),
        ("light", "Worktop", "Kitchen"),
        ("light", "Lamp", "Living room"),
        ("light", "Lamp", "Bedroom"),
        ("light", "Desk lamp", "Study"),
        ("switch", "Coffee machine", "Kitchen"),
        ("lock", "Front door", "Hall"),
        ("cover", "Left blind", "Bedroom"),
        ("cover", "Right blind", "Bedroom"),
        ("climate", "Radiator", "Bedroom"),
        ("fan", "Attic fan", ""),
        ("switch", "Plug in heater", "Study"),
        ("sensor", "Weather", "Garden"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut payload = json!({"name": name, "dev": {"sa": room}});
        let key = if component == "sensor" { "stat_t" } else { "cmd_t" };
        let key = if component == "climate" { "temp_cmd_t" } else { key };
        payload[key] = json!(format!("topic/{at}"));
        let topic = format!("homeassistant/{component}/{at}/config");
        assert_eq!(registry.on_message(&topic, payload.to_string().as_bytes()).problem, None);
    }
    registry
}

#[test]
fn devices_are_found_as_people_call_them() {
    let registry = house(Household::default());
    for (what, place, expected) in [
        ("the ceiling light", None, "Ceiling light (Kitchen)"),
        ("Kitchen ceiling light", None, "Ceiling light (Kitchen)"),
        ("ceiling-light", Some("the kitchen"), "Ceiling light (Kitchen)"),
        ("the lights", Some("kitchen"), "Ceiling light (Kitchen), Worktop (Kitchen)"),
        ("kitchen lights", None, "Ceiling light (Kitchen), Worktop (Kitchen)"),
        ("all the lights in the kitchen", None, "Ceiling light (Kitchen), Worktop (Kitchen)"),
        ("the study light", None, "Desk lamp (Study)"),
        ("bedroom light", None, "Lamp (Bedroom)"),
        ("light", Some("living room"), "Lamp (Living room)"),
        ("bedroom blinds", None, "Left blind (Bedroom), Right blind (Bedroom)"),
        ("blinds", None, "Left blind (Bedroom), Right blind (Bedroom)"),
        ("lamps", None, "Lamp (Living room), Lamp (Bedroom), Desk lamp (Study)"),
        ("all lamps", Some("bedroom"), "Lamp (Bedroom)"),
        ("every lamp", None, "Lamp (Living room), Lamp (Bedroom)"),
        ("the heating", Some("bedroom"), "Radiator (Bedroom)"),
        ("coffee", None, "Coffee machine (Kitchen)"),
        ("cofee machine", None, "Coffee machine (Kitchen)"),
        ("fan", None, "Attic fan"),
        ("the plug in heater", None, "Plug in heater (Study)"),
        ("fan", Some("attic"), "Attic fan"),
        ("the locks", None, "Front door (Hall)"),
        ("lamp in the bedroom", None, "Lamp (Bedroom)"),
    ] {
        assert_eq!(found(&registry, what, place), expected, "{what} {place:?}");
    }
    assert_eq!(registry.find("lights", None).unwrap().len(), 5);
}

#[test]
fn what_is_unclear_is_asked_and_what_is_unknown_is_said() {
    let registry = house(Household::default());
    for (what, place, expected) in [
        ("lamp", None, "Several devices may be meant by lamp: Lamp (Bedroom), Lamp (Living room). Ask which of them."),
        (
            "the kitchen light",
            None,
            "Several devices may be meant by the kitchen light: Ceiling light (Kitchen), Worktop (Kitchen). Ask which of them.",
        ),
        (
            "blind",
            Some("bedroom"),
            "Several devices may be meant by blind in bedroom: Left blind (Bedroom), Right blind (Bedroom). Ask which of them.",
        ),
    ] {
        assert_eq!(found(&registry, what, place), expected);
    }
    let unknown = found(&registry, "dishwasher", Some("kitchen"));
    assert!(unknown.starts_with("Nothing is called dishwasher in kitchen. There are: "), "{unknown}");
    assert!(unknown.contains("Coffee machine (Kitchen)") && !unknown.contains("Bedroom"), "{unknown}");
    let nowhere = found(&registry, "lamp", Some("cellar"));
    assert!(nowhere.starts_with("No device is known in that place; nothing is called lamp in cellar."), "{nowhere}");
    // A sensor is no device to command, and can be asked about.
    assert!(found(&registry, "weather", None).starts_with("Nothing is called weather."));
    assert_eq!(registry.find_to_ask("weather", Some("garden")).unwrap()[0].name, "Weather");
    for nothing in ["", "the", "  \n", "💡"] {
        assert!(found(&registry, nothing, None).starts_with("Nothing is called"), "{nothing}");
    }
    assert_eq!(found(&registry, &"x".repeat(1000), None), "That is too long to be the name of a device.");
    assert_eq!(found(&super::registry(), "lights", None), "Nothing is called lights. No device is known.");
}

#[test]
fn the_household_says_where_things_are_and_what_else_they_are_called() {
    let names = |of: &[(&str, &str)]| of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let household = Household {
        places: names(&[("attic fan", "Attic"), ("light/2", "Snug")]),
        aliases: [("Coffee machine".to_owned(), vec!["Gaggia".to_owned()])].into(),
    };
    let registry = house(household);
    assert_eq!(found(&registry, "fan", Some("attic")), "Attic fan (Attic)");
    assert_eq!(found(&registry, "lamp", Some("snug")), "Lamp (Snug)");
    assert_eq!(found(&registry, "the gaggia", None), "Coffee machine (Kitchen)");
}

#[test]
fn two_devices_with_one_name_are_both_known() {
    let mut registry = house(Household::default());
    let other = json!({"name": "Lamp", "cmd_t": "other", "dev": {"sa": "Bedroom"}}).to_string();
    assert_eq!(registry.on_message("homeassistant/light/other/config", other.as_bytes()).problem, None);
    let unclear = found(&registry, "lamp", Some("bedroom"));
    assert!(unclear.contains("Lamp (Bedroom), Lamp (Bedroom). Ask which of them. Some have one name"), "{unclear}");
    assert_eq!(found(&registry, "all lamps", Some("bedroom")), "Lamp (Bedroom), Lamp (Bedroom)");
}

#[test]
fn settings_of_a_device_are_not_meant_by_its_kind() {
    let mut registry = house(Household::default());
    let minor = json!({"name": "Child lock", "cmd_t": "t", "ent_cat": "config", "dev": {"name": "Coffee machine", "sa": "Kitchen"}});
    registry.on_message("homeassistant/switch/minor/config", minor.to_string().as_bytes());
    assert_eq!(found(&registry, "switches", Some("kitchen")), "Coffee machine (Kitchen)");
    assert_eq!(found(&registry, "coffee", None), "Coffee machine (Kitchen)");
    assert_eq!(found(&registry, "child lock", None), "Coffee machine Child lock (Kitchen)");
}
