//! Which keys there are and what each may hold, read from the JSON schema, so that what is checked and what an editor
//! shows cannot differ.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::problem::{all_of, any_of};

/// Every section with its keys.
pub(super) struct Keys(BTreeMap<String, BTreeMap<String, Kind>>);

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text {
        may_be_empty: bool,
    },
    Choice(Vec<String>),
    Flag,
    Whole {
        from: i64,
        to: i64,
    },
    Decimal {
        from: f64,
        to: f64,
    },
    /// Tables, each with these keys. They stand in the file, or are the panel's, and nowhere else.
    Tables(BTreeMap<String, Kind>),
}

impl Keys {
    /// Reads the schema that `wire.rs` derives.
    pub(super) fn of(schema: &Value) -> Self {
        let sections = properties(schema).map(|(section, inner)| (section.clone(), kinds(inner)));
        Keys(sections.collect())
    }

    pub(super) fn kind(&self, section: &str, key: &str) -> Option<&Kind> {
        self.0.get(section)?.get(key)
    }

    pub(super) fn has_section(&self, section: &str) -> bool {
        self.0.contains_key(section)
    }

    /// Every key as (section, key).
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(section, keys)| keys.keys().map(move |key| (section.as_str(), key.as_str())))
    }

    /// What to write instead of a section that does not exist.
    pub(super) fn instead_of_section(&self, section: &str) -> String {
        match nearest(section, self.0.keys()) {
            Some(near) => format!("did you mean [{near}]?"),
            None => {
                let sections: Vec<_> = self.0.keys().map(|name| format!("[{name}]")).collect();
                format!("the sections are {}", all_of(&sections))
            }
        }
    }

    /// What to write instead of a key that does not exist, whose section may not exist either.
    pub(super) fn instead_of_key(&self, section: &str, key: &str) -> String {
        let likely = match self.0.get_key_value(section) {
            Some(found) => Some(found),
            None => nearest(section, self.0.keys()).and_then(|near| self.0.get_key_value(near)),
        };
        if let Some((section, keys)) = likely
            && let Some(near) = nearest(key, keys.keys())
        {
            return format!("did you mean {section}.{near}?");
        }
        // What holds tables is not mistaken for what holds a value.
        let plain = |kind: &Kind| !matches!(kind, Kind::Tables(_));
        let everywhere = self.0.iter().flat_map(|(section, keys)| {
            keys.iter().filter(move |(_, kind)| plain(kind)).map(move |(key, _)| (section, key))
        });
        let elsewhere = nearest(key, everywhere.clone().map(|(_, key)| key));
        if let Some((section, key)) = everywhere.clone().find(|(_, key)| Some(*key) == elsewhere) {
            return format!("did you mean {section}.{key}?");
        }
        match likely {
            Some((section, keys)) => format!("[{section}] has {}", all_of(&keys.keys().collect::<Vec<_>>())),
            None => self.instead_of_section(section),
        }
    }
}

/// What to write instead of a key that the tables `name` do not have.
pub(super) fn instead_in_table(name: &str, kinds: &BTreeMap<String, Kind>, key: &str) -> String {
    match nearest(key, kinds.keys()) {
        Some(near) => format!("did you mean {name}.{near}?"),
        None => format!("[[{name}]] has {}", all_of(&kinds.keys().collect::<Vec<_>>())),
    }
}

impl Kind {
    /// Types that are none of these are left to serde, which knows what it wants.
    fn of(schema: &Value) -> Kind {
        let choices = choices(schema);
        if !choices.is_empty() {
            return Kind::Choice(choices);
        }
        match schema["type"].as_str() {
            Some("boolean") => Kind::Flag,
            Some("integer") => Kind::Whole {
                from: schema["minimum"].as_i64().unwrap_or(i64::MIN),
                to: schema["maximum"].as_i64().unwrap_or(i64::MAX),
            },
            Some("number") => Kind::Decimal {
                from: schema["minimum"].as_f64().unwrap_or(f64::MIN),
                to: schema["maximum"].as_f64().unwrap_or(f64::MAX),
            },
            Some("array") => Kind::Tables(kinds(&schema["items"])),
            _ => Kind::Text { may_be_empty: schema["minLength"].as_u64().unwrap_or(0) == 0 },
        }
    }

    /// The value that `text`, from the environment or a flag, stands for; `None` if it is not of this type.
    pub(super) fn read(&self, text: &str) -> Option<Value> {
        match self {
            Kind::Text { .. } | Kind::Choice(_) => Some(Value::String(text.to_owned())),
            Kind::Flag => text.trim().parse::<bool>().ok().map(Value::Bool),
            Kind::Whole { .. } => text.trim().parse::<i64>().ok().map(Value::from),
            Kind::Decimal { .. } => text.trim().parse().ok().and_then(Number::from_f64).map(Value::Number),
            Kind::Tables(_) => None,
        }
    }

    /// Whether `value` is of this type and within its limits.
    pub(super) fn allows(&self, value: &Value) -> bool {
        match self {
            Kind::Text { may_be_empty } => value.as_str().is_some_and(|text| *may_be_empty || !text.trim().is_empty()),
            Kind::Choice(choices) => value.as_str().is_some_and(|text| choices.iter().any(|choice| choice == text)),
            Kind::Flag => value.is_boolean(),
            Kind::Whole { from, to } => value.as_i64().is_some_and(|number| (*from..=*to).contains(&number)),
            Kind::Decimal { from, to } => value.as_f64().is_some_and(|number| (*from..=*to).contains(&number)),
            Kind::Tables(_) => false,
        }
    }

    /// A question for someone who wrote nearly one of the choices; otherwise nothing.
    pub(super) fn guess(&self, value: &Value) -> String {
        match (self, value.as_str()) {
            (Kind::Choice(choices), Some(typed)) => nearest(typed, choices.iter())
                .map(|near| format!("did you mean {near:?}? Otherwise "))
                .unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// What may be written, for the end of "write ...".
    pub(super) fn wanted(&self) -> String {
        match self {
            Kind::Text { may_be_empty: true } => "text in quotes".to_owned(),
            Kind::Text { may_be_empty: false } => "text in quotes, not empty".to_owned(),
            Kind::Choice(choices) => any_of(&choices.iter().map(|choice| format!("{choice:?}")).collect::<Vec<_>>()),
            Kind::Flag => "true or false".to_owned(),
            Kind::Whole { from, to } => format!("a whole number from {from} to {to}"),
            Kind::Decimal { from, to } => format!("a number from {from} to {to}"),
            Kind::Tables(_) => {
                "each of its tables into the file, below a line of its own in double brackets".to_owned()
            }
        }
    }
}

fn kinds(schema: &Value) -> BTreeMap<String, Kind> {
    properties(schema).map(|(key, value)| (key.clone(), Kind::of(value))).collect()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// The values of a schema that lists them, either as constants with a description each or as a plain `enum`.
fn choices(schema: &Value) -> Vec<String> {
    let constants = schema["oneOf"].as_array().into_iter().flatten().map(|choice| &choice["const"]);
    let plain = schema["enum"].as_array().into_iter().flatten();
    constants.chain(plain).filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// The name that someone who typed `typed` is likely to have meant.
fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let typed = typed.trim().to_lowercase().replace(['-', ' '], "_");
    let distance = |name: &str| {
        let unit_left_out = name.strip_prefix(typed.as_str()).is_some_and(|rest| rest.starts_with('_'));
        if unit_left_out { 1 } else { strsim::damerau_levenshtein(&typed, name) }
    };
    let (near, away) = names.map(|name| (name, distance(name))).min_by_key(|(_, away)| *away)?;
    // A third of the letters may be wrong, so that "modle" finds "model" but "mic" does not find "dir".
    (away <= typed.chars().count().max(near.len()) / 3).then_some(near)
}
