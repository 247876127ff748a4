//! How devices are spoken of in a reply: "the kitchen lights", "the lamp in the hall".

use super::entity::Entity;
use super::sayable;

/// Devices that one reply names.
const NAMED: usize = 6;

/// Words that a name begins with which takes no article.
const OWN_ARTICLES: [&str; 5] = ["the", "my", "our", "all", "a"];

/// A name or a place with its article, as it stands within a sentence: "the kitchen lamp", "Anna's lamp".
pub(super) fn the(name: &str) -> String {
    let name = sayable(name);
    let first = name.split(' ').next().unwrap_or_default();
    if is_possessive(first) || OWN_ARTICLES.contains(&&*first.to_lowercase()) {
        return name;
    }
    let mut letters = name.chars();
    match (letters.next(), letters.clone().next()) {
        // "TV" stays, and so do names that begin in another way.
        (Some(first), second) if second.is_none_or(|second| !second.is_uppercase()) => {
            format!("the {}{}", first.to_lowercase(), letters.as_str())
        }
        _ => format!("the {name}"),
    }
}

fn is_possessive(word: &str) -> bool {
    word.ends_with("'s") || word.ends_with("’s") || word.ends_with("s'")
}

/// As it stands at the beginning of a sentence.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Several devices of a kind, in a room if one was named: "the kitchen lights", "the lights in Anna's room".
pub(super) fn group(noun: &str, area: Option<&str>) -> String {
    match area {
        None => format!("the {noun}"),
        Some(area) if the(area).starts_with("the ") => format!("{} {noun}", the(area)),
        Some(area) => format!("the {noun} in {}", the(area)),
    }
}

/// What a few devices of a component are called.
pub(super) fn noun(domain: &str, is_one: bool) -> &'static str {
    match (domain, is_one) {
        ("light", true) => "light",
        ("light", false) => "lights",
        ("fan", true) => "fan",
        ("fan", false) => "fans",
        ("switch", true) => "switch",
        ("switch", false) => "switches",
        ("cover", true) => "blind",
        ("cover", false) => "blinds",
        ("lock", true) => "lock",
        ("lock", false) => "locks",
        ("climate", true) => "heating",
        ("vacuum", true) => "vacuum",
        ("binary_sensor" | "sensor", true) => "sensor",
        ("binary_sensor" | "sensor", false) => "sensors",
        (_, true) => "device",
        (_, false) => "devices",
    }
}

/// Names one after the other: "the lamp, the fan and 3 more".
pub(super) fn listed(names: &[String]) -> String {
    let mut names: Vec<String> = match names.len() > NAMED {
        true => names[..NAMED].iter().cloned().chain([format!("{} more", names.len() - NAMED)]).collect(),
        false => names.to_vec(),
    };
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
        None => String::new(),
    }
}

/// One of several of the same name: "the lamp in the hall".
pub(super) fn with_place(entity: &Entity) -> String {
    let device = entity.device();
    let place = device.place.as_deref().map(|place| format!(" in {}", the(place)));
    format!("{}{}", the(&device.name), place.unwrap_or_default())
}

/// Asks which of a few things is meant: "Did you mean the lamp or the fan?"
#[must_use]
pub fn which_one(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| the(name)).collect();
    format!("Did you mean {}?", listed(&names).replace(" and ", " or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_spoken_of_as_people_do() {
        for (name, expected) in [
            ("Kitchen lamp", "the kitchen lamp"),
            ("TV", "the TV"),
            ("Anna's lamp", "Anna's lamp"),
            ("The Beast", "The Beast"),
            ("Übergang", "the übergang"),
            ("A\nB", "A B"),
            ("", "the "),
        ] {
            assert_eq!(the(name), expected);
        }
        assert_eq!(group("lights", Some("Living room")), "the living room lights");
        assert_eq!(group("lights", Some("Anna's room")), "the lights in Anna's room");
        let names: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5 and 3 more");
        assert_eq!((listed(&names[..2]), listed(&[])), ("0 and 1".to_owned(), String::new()));
    }
}
