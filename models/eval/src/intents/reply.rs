//! What Home Assistant's tests hand to a reply: the states, timers and media that a request is about.

use pipit_core::intent::hassil::Recognised;
use serde_json::{Value, json};

use super::house::{Entity, House, Timer};

/// What a reply is filled in with.
pub(super) fn known(house: &House, found: &Recognised) -> Value {
    let (matched, unmatched): (Vec<_>, Vec<_>) = house
        .entities
        .iter()
        .filter(|entity| is_about(house, found, entity))
        .partition(|entity| slot(found, "state").is_none_or(|state| entity.state_of_home_assistant() == state));
    let state = matched.first().or(unmatched.first()).map(|entity| entity.shown());
    let shown = |entities: &[&Entity]| entities.iter().map(|entity| entity.shown()).collect::<Vec<_>>();
    let mut slots: serde_json::Map<String, Value> = found
        .slots
        .iter()
        .map(|(name, slot)| {
            let value = if slot.text.is_empty() { slot.value.clone() } else { Value::String(slot.text.clone()) };
            (name.clone(), value)
        })
        .collect();
    let timers: Vec<&Timer> = house.timers.iter().filter(|timer| is_meant(house, found, timer)).collect();
    slots.insert("canceled".to_owned(), json!(timers.len()));
    slots.insert("timers".to_owned(), timers.iter().map(|timer| timer.shown(house)).collect());
    slots.insert("date".to_owned(), json!({ "year": 2013, "month": 9, "day": 17 }));
    slots.insert("time".to_owned(), json!({ "hour": 1, "minute": 2 }));
    let wanted = slot(found, "search_query").map(str::to_lowercase);
    let media = house.media.iter().find(|media| Some(media.title.to_lowercase()) == wanted);
    slots.insert("media".to_owned(), json!(media.map(|media| &media.title)));
    let total = matched.len() + unmatched.len();
    json!({
        "slots": slots,
        "state": state,
        "query": { "matched": shown(&matched), "unmatched": shown(&unmatched), "total_results": total },
    })
}

fn slot<'a>(found: &'a Recognised, name: &str) -> Option<&'a str> {
    found.slots.get(name)?.value.as_str()
}

fn is_about(house: &House, found: &Recognised, entity: &Entity) -> bool {
    let only = match found.intent.as_str() {
        "HassClimateGetTemperature" | "HassClimateSetTemperature" => Some("climate"),
        "HassGetWeather" => Some("weather"),
        _ => None,
    };
    let area = entity.area.as_deref();
    let floor =
        area.and_then(|area| house.areas.iter().find(|known| known.id.as_deref() == Some(area))?.floor.as_deref());
    let is_place = |wanted: &str, places: &[super::house::Named], is: Option<&str>| {
        is.is_some_and(|is| places.iter().any(|place| place.id.as_deref() == Some(is) && place.is_called(wanted)))
    };
    only.is_none_or(|only| entity.domain() == only)
        && slot(found, "name").is_none_or(|name| entity.is_called(name))
        && slot(found, "area").is_none_or(|wanted| is_place(wanted, &house.areas, area))
        && slot(found, "floor").is_none_or(|wanted| is_place(wanted, &house.floors, floor))
        && slot(found, "domain").is_none_or(|domain| entity.domain() == domain)
        && slot(found, "device_class")
            .is_none_or(|class| entity.attributes.get("device_class").and_then(Value::as_str) == Some(class))
}

fn is_meant(house: &House, found: &Recognised, timer: &Timer) -> bool {
    const ABOUT_TIMERS: [&str; 7] = [
        "HassTimerStatus",
        "HassCancelTimer",
        "HassCancelAllTimers",
        "HassIncreaseTimer",
        "HassDecreaseTimer",
        "HassPauseTimer",
        "HassUnpauseTimer",
    ];
    let number = |name: &str| found.slots.get(name).and_then(|slot| slot.value.as_i64());
    let starts = [
        (number("start_hours"), timer.start_hours),
        (number("start_minutes"), timer.start_minutes),
        (number("start_seconds"), timer.start_seconds),
    ];
    let says_start = starts.iter().any(|(said, _)| said.is_some());
    let area = timer.area.as_deref().map(|id| house.area_name(id).to_lowercase());
    ABOUT_TIMERS.contains(&found.intent.as_str())
        && (!says_start || starts.iter().all(|(said, is)| said == is))
        && slot(found, "name")
            .is_none_or(|name| timer.name.as_deref().map(str::to_lowercase) == Some(name.to_lowercase()))
        && slot(found, "area").is_none_or(|wanted| area == Some(wanted.to_lowercase()))
}
