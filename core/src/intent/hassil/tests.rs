use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn matcher(pack: Value) -> Matcher {
    let pack: Pack = serde_json::from_value(pack).unwrap();
    Matcher::new(&pack).unwrap()
}

/// A pack of one sentence.
fn sentence(sentence: &str) -> Matcher {
    matcher(json!({
        "intents": { "It": { "data": [{ "sentences": [sentence] }] } },
        "lists": {
            "percent": { "range": { "from": 0, "to": 100 } },
            "degrees": { "range": { "from": -20, "to": 40, "fractions": "halves" } },
            "anything": { "wildcard": true },
            "colour": { "values": ["red", { "in": "(light|pale) blue", "out": "blue" }, { "in": "dark;green", "out": "green" }] },
        },
        "expansion_rules": { "the": "(the|my)", "light": "[<the>] (light|lamp)[s]" },
        "skip_words": ["please", "can you"],
    }))
}

/// The slots as text, or nothing where it is not recognised.
fn slots(matcher: &Matcher, said: &str) -> Option<String> {
    let recognised = matcher.recognise(said, &BTreeMap::new())?;
    let slots = recognised.slots.iter().map(|(name, slot)| format!("{name}={}", slot.value));
    Some(slots.collect::<Vec<_>>().join(" "))
}

#[test]
fn templates_say_what_they_mean() {
    for (template, said, expected) in [
        ("turn on [the] light", "Turn on the light!", Some("")),
        ("turn on [the] light", "turn on light", Some("")),
        ("turn on [the] light", "turn onlight", None),
        ("turn on [the] light", "turn on the lights", None),
        ("[please] turn[ ]on light[s]", "turnon lights", Some("")),
        ("(on;the light;[now])", "the light on now", Some("")),
        ("(on;the light;[now])", "now on the light", Some("")),
        ("(on;the light;[now])", "on now", None),
        ("<light> on", "my lamps on, please", Some("")),
        ("set to {percent}[([ ]%)| percent]", "set to 50%", Some("percent=50")),
        ("set to {percent}[([ ]%)| percent]", "set to fifty five percent", Some("percent=55")),
        ("set to {percent}", "set to 101", None),
        ("{degrees:temperature} degrees", "minus three and a half degrees", Some("temperature=-3.5")),
        ("{degrees:temperature} degrees", "20.5 degrees", Some("temperature=20.5")),
        ("{degrees:temperature} degrees", "20.3 degrees", None),
        ("{0..10,5:n} times", "five times", Some("n=5")),
        ("{0..10,5:n} times", "6 times", None),
        ("make it {colour}", "make it pale blue", Some("colour=\"blue\"")),
        ("make it {colour}", "make it green dark", Some("colour=\"green\"")),
        ("add {anything:item} to [the] list", "add milk and eggs to the list", Some("item=\"milk and eggs\"")),
        ("add {anything:item} to [the] list", "add to the list", None),
        ("play {anything:what}", "can you play please please me", Some("what=\"please please me\"")),
        (r"is it \(really\) so", "is it (really) so", Some("")),
    ] {
        assert_eq!(slots(&sentence(template), said).as_deref(), expected, "{template:?} and {said:?}");
    }
}

#[test]
fn what_is_in_the_house_is_named_with_its_context() {
    let mut matcher = matcher(json!({
        "intents": {
            "TurnOn": { "data": [
                { "sentences": ["turn on {name} [in {area}]"], "requires_context": { "domain": ["light", "switch"] } },
                { "sentences": ["turn on [the] lights"], "slots": { "domain": "light" }, "requires_context": { "area": { "slot": true } } },
            ] },
            "Lock": { "data": [{ "sentences": ["turn on {name}"], "requires_context": { "domain": "lock" }, "response": "locked" }] },
        },
    }));
    let entity = |name: &str, domain: &str| SlotValue {
        value: json!(name),
        context: BTreeMap::from([("domain".to_owned(), json!(domain))]),
    };
    matcher.set_list(
        "name",
        [
            ("Kitchen", entity("Kitchen", "light")),
            ("Kitchen Lamp", entity("Kitchen Lamp", "light")),
            ("front door", entity("Front Door", "lock")),
        ],
    );
    let here = BTreeMap::from([("area".to_owned(), json!("Hall"))]);
    let intent = |said: &str, context| matcher.recognise(said, context).map(|found| (found.intent, found.slots.len()));
    let nowhere = BTreeMap::new();
    assert_eq!(slots(&matcher, "turn on Kitchen-lamp").as_deref(), Some("name=\"Kitchen Lamp\""));
    assert_eq!(intent("turn on front door", &nowhere), Some(("Lock".to_owned(), 1)));
    assert_eq!(intent("turn on the lights", &nowhere), None);
    assert_eq!(intent("turn on the lights", &here), Some(("TurnOn".to_owned(), 2)));
    assert_eq!(intent("turn on the cellar", &here), None);
}

#[test]
fn the_own_sentences_can_be_used() {
    let matcher = Matcher::new(&Pack::english()).unwrap();
    let here = BTreeMap::from([("area".to_owned(), json!("Kitchen"))]);
    let found = matcher.recognise("Turn the lights off, please.", &here).unwrap();
    assert_eq!((found.intent.as_str(), found.slots["area"].value.clone()), ("HassTurnOff", json!("Kitchen")));
}

#[test]
fn what_cannot_be_used_is_named() {
    let refused = |template: &str| {
        let pack: Pack = serde_json::from_value(json!({
            "intents": { "It": { "data": [{ "sentences": [template] }] } },
            "expansion_rules": { "a": "x <b>", "b": "y <a>", "wide": "(<wider>|<wider>|<wider>|<wider>)",
                "wider": "(<widest>|<widest>|<widest>|<widest>)",
                "widest": "(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t)" },
        }))
        .unwrap();
        Matcher::new(&pack).map(drop).unwrap_err().to_string()
    };
    let deep = "[".repeat(100);
    let runaway = "<wide> <wide> <wide> <wide>".repeat(20);
    for (template, expected) in [
        ("turn (on", "')' is missing"),
        ("turn on]", "']' closes nothing"),
        ("turn {", "'}' is missing"),
        ("<a>", "is made of itself"),
        ("<c>", "there is no rule <c>"),
        ("(a;b;c;d;e;f;g)", "any order"),
        ("{9..1:n}", "nothing in it"),
        (&deep, "deep"),
        (&runaway, "parts"),
    ] {
        let error = refused(template);
        assert!(error.contains(expected) && error.contains("\"It\""), "{template:?}: {error}");
    }
}

#[test]
fn a_text_that_can_be_taken_in_too_many_ways_is_given_up() {
    let matcher = sentence("{anything:a} {anything:b} {anything:c} {anything:d} end");
    assert_eq!(slots(&matcher, &"word ".repeat(300)), None);
}

proptest! {
    #[test]
    fn whatever_is_written_and_said_ends_well(
        template in r"[\[\](){}<>|;:@\\.,0-9a-c é\-]{0,40}",
        said in r"([a-c]|é|İ|ß|-|'|%|\.|[0-9]| |one|half|please){0,30}",
    ) {
        let pack: Pack = serde_json::from_value(json!({
            "intents": { "It": { "data": [{ "sentences": [template, "{a} b {c}", "[a] {n} (b;c)"] }] } },
            "lists": { "a": { "wildcard": true }, "c": { "values": ["c", "b c"] }, "n": { "range": { "from": 0, "to": 9 } } },
            "expansion_rules": { "a": "a|b", "b": "<a> [c]" },
            "skip_words": ["please", "a"],
        }))
        .unwrap();
        if let Ok(matcher) = Matcher::new(&pack) {
            let found = matcher.recognise(&said, &BTreeMap::new());
            prop_assert!(found.is_none_or(|found| found.intent == "It"));
        }
    }
}
