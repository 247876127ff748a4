//! The settings as the panel shows and changes them: what each key is, holds, and comes from, and the layer that the panel
//! writes. That layer stands over the file, which is its owner's to write, and under the environment and the flags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::keys::{Keys, Kind};
use super::problem::Origin;
use super::{Layers, Problem, layers, load, schema, wire};

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The section's name.
    pub section: String,
    /// The key's name.
    pub key: String,
    /// What it is for, as the schema says it.
    pub about: String,
    /// What it may hold.
    pub kind: SettingKind,
    /// What it holds where nobody writes anything; null where it then holds nothing.
    pub default: Value,
    /// What it holds; null where it holds nothing.
    pub value: Value,
    /// Where that comes from.
    pub source: Source,
    /// Why the panel may not change it, if so: a sentence.
    pub fixed: Option<String>,
}

/// What a key may hold.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingKind {
    /// Text, which may be empty or not.
    Text {
        /// Whether it may be empty.
        may_be_empty: bool,
    },
    /// One of several, each with what it means.
    Choice(Vec<(String, String)>),
    /// Yes or no.
    Flag,
    /// A whole number within these limits, both of them included.
    Whole(i64, i64),
    /// A number within these limits, both of them included.
    Decimal(f64, f64),
    /// Tables, each with these keys.
    Tables(Vec<Field>),
}

/// A key of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key's name.
    pub key: String,
    /// What it is for, as the schema says it.
    pub about: String,
    /// What it may hold.
    pub kind: SettingKind,
    /// Whether it is written in the owner's file alone.
    pub fixed: bool,
}

/// Which layer a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody wrote it.
    Default,
    /// The owner's file: its name, line and column.
    File(String),
    /// The panel.
    Panel,
    /// The environment or a flag, by name.
    Outside(String),
}

/// What the panel is to write for one key; without a value, nothing any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The section's name.
    pub section: String,
    /// The key's name.
    pub key: String,
    /// What it is to hold.
    pub value: Option<Value>,
}

/// Keys that decide which files and programs of this machine Pipit reads, loads and writes. Whoever has a session at the panel
/// must not thereby have the machine.
const FOR_THE_FILE: [(&str, &str); 14] = [
    ("state", "dir"),
    ("models", "dir"),
    ("models", "import_dir"),
    ("models", "runtime"),
    ("models", "system_dir"),
    ("audio", "backend"),
    ("home", "custom_sentences"),
    ("mqtt", "ca_file"),
    // It is installed as root.
    ("update", "feed"),
    ("update", "key"),
    ("update", "failure"),
    ("board", "gpio_chip"),
    ("display", "path"),
    ("leds", "path"),
];

/// Endings of keys that name a file or a variable of the environment.
const NAMES_A_SECRETS_PLACE: [&str; 2] = ["_file", "_env"];

/// What a section sends a secret of.
struct Sends {
    section: &'static str,
    /// The keys that say where to.
    to: &'static [&'static str],
    /// The keys by which it is read from the environment or a file.
    held: &'static [&'static str],
    /// The key that names one that is kept among the secrets.
    named: &'static str,
}

const HELD: &[&str] = &["api_key_env", "api_key_file"];

const SENDS: [Sends; 5] = [
    Sends { section: "chat", to: &["provider", "base_url"], held: HELD, named: "api_key_secret" },
    Sends { section: "stt", to: &["engine", "base_url"], held: HELD, named: "api_key_secret" },
    Sends { section: "tts", to: &["engine", "base_url"], held: HELD, named: "api_key_secret" },
    Sends {
        section: "mqtt",
        to: &["host", "port", "tls"],
        held: &["password_env", "password_file"],
        named: "password_secret",
    },
    Sends { section: "web", to: &["oidc_issuer"], held: &[], named: "oidc_secret" },
];

/// What the tables of `chat` that are under this key send a secret of.
const TABLES_SEND: [(&str, Sends); 2] = [
    ("fallback", Sends { section: "chat", to: &["provider", "base_url"], held: HELD, named: "api_key_secret" }),
    ("mcp", Sends { section: "chat", to: &["url"], held: HELD, named: "api_key_secret" }),
];

/// Tables under one key.
const MOST_TABLES: usize = 100;

/// Keys that hold a name or, in the file, a path.
const NAME_OR_PATH: [(&str, &str); 6] = [
    ("audio", "input"),
    ("audio", "output"),
    ("wake", "model"),
    ("stt", "model"),
    ("tts", "voice"),
    ("chat", "persona"),
];

/// Every key, as `layers` set it.
///
/// # Errors
/// Whatever is wrong with the layers.
pub fn settings(layers: Layers<'_>) -> Result<Vec<Setting>, Vec<Problem>> {
    let schema = schema();
    let keys = Keys::of(&schema);
    let panel = layers.panel.map(|text| text.name);
    let set = gathered(&keys, &layers);
    load(layers)?;
    let as_json = |file: wire::File| serde_json::to_value(file).unwrap_or_default();
    let (values, defaults) = (as_json(set.as_file()), as_json(wire::File::default()));
    let described = keys.all().map(|(section, key)| {
        let about = &schema["properties"][section]["properties"][key];
        let source = match set.origin(section, key) {
            None => Source::Default,
            Some(Origin::File { name, .. }) if Some(name.as_str()) == panel => Source::Panel,
            Some(place @ Origin::File { .. }) => Source::File(place.to_string()),
            Some(outside) => Source::Outside(outside.to_string()),
        };
        let kind = keys.kind(section, key).map_or(SettingKind::Tables(Vec::new()), |kind| described(kind, about));
        Setting {
            section: section.to_owned(),
            key: key.to_owned(),
            about: about["description"].as_str().unwrap_or_default().to_owned(),
            fixed: fixed(section, key, &source),
            kind,
            default: defaults[section][key].clone(),
            value: values[section][key].clone(),
            source,
        }
    });
    Ok(described.collect())
}

/// Every section with what it is for, in the order of the alphabet.
#[must_use]
pub fn sections() -> Vec<(String, String)> {
    let schema = schema();
    let sections = schema["properties"].as_object().into_iter().flatten();
    let about = |section: &Value| section["description"].as_str().unwrap_or_default().to_owned();
    sections.map(|(name, section)| (name.clone(), about(section))).collect()
}

/// What the panel's layer is once `changes` are made to it, for a file of its own. `layers` are those before. Nothing of it sends
/// a secret elsewhere.
///
/// # Errors
/// Sentences about what can't be so.
pub fn changed(layers: Layers<'_>, changes: &[Change]) -> Result<String, Vec<String>> {
    changed_with(layers, changes, &[])
}

/// The same where the secrets with these names are `given` anew together with the changes, so that they may go wherever the
/// changes say. Whoever has a session at the panel could otherwise have a key that is kept sent to an address of their own.
///
/// # Errors
/// As [`changed`].
pub fn changed_with(layers: Layers<'_>, changes: &[Change], given: &[&str]) -> Result<String, Vec<String>> {
    let before = layers.panel.map_or("", |text| text.content);
    let mut written: BTreeMap<String, BTreeMap<String, Value>> =
        toml::from_str(before).map_err(|error| vec![format!("What the panel wrote before can't be read: {error}")])?;
    let now = settings(layers.clone()).map_err(|problems| sentences(&problems, ""))?;
    for Change { section, key, value } in changes {
        let setting = now.iter().find(|setting| setting.section == *section && setting.key == *key);
        let setting = setting.ok_or_else(|| vec![format!("There is no setting {section}.{key}.")])?;
        if let Some(why) = &setting.fixed {
            return Err(vec![why.clone()]);
        }
        let keys = written.entry(section.clone()).or_default();
        match value {
            Some(value) if is_a_path(section, key, value) => {
                let sentence = format!("{section}.{key} names a file here; only the configuration file may do that.");
                return Err(vec![sentence]);
            }
            Some(value) => drop(keys.insert(key.clone(), as_written(value)?)),
            None => drop(keys.remove(key)),
        }
    }
    written.retain(|_, keys| !keys.is_empty());
    let text = toml::to_string(&written).map_err(|error| vec![format!("This can't be written: {error}.")])?;
    let name = layers.panel.map_or("the panel", |text| text.name);
    let after = Layers { panel: Some(super::Text { name, content: &text }), ..layers };
    let after = settings(after).map_err(|problems| sentences(&problems, name))?;
    let refused = SENDS.iter().filter_map(|sends| sent_elsewhere(sends, &now, &after, given));
    let in_tables = |(key, sends): &(&str, Sends)| a_table_sends_elsewhere(key, sends, &now, &after, given);
    let refused: Vec<_> = refused.chain(TABLES_SEND.iter().filter_map(in_tables)).collect();
    if refused.is_empty() { Ok(text) } else { Err(refused) }
}

/// Why a section may not send its secret where it would after a change, if so: a sentence.
fn sent_elsewhere(sends: &Sends, before: &[Setting], after: &[Setting], given: &[&str]) -> Option<String> {
    let Sends { section, to, held, named } = sends;
    let find = |all: &[Setting], key: &str| {
        all.iter().find(|setting| setting.section == *section && setting.key == key).cloned()
    };
    let keys = || to.iter().chain(*held).chain([named]);
    let is_as_before = keys().all(|key| {
        let value = |all| find(all, key).map(|setting| setting.value);
        value(before) == value(after)
    });
    let is_the_owners_own = !keys().any(|key| find(after, key).is_some_and(|setting| setting.source == Source::Panel));
    if is_as_before || is_the_owners_own {
        return None;
    }
    let holds = |key: &str| find(after, key)?.value.as_str().filter(|value| !value.is_empty()).map(str::to_owned);
    if let Some(key) = held.iter().find(|key| holds(key).is_some()) {
        return Some(format!(
            "What {section}.{key} names is sent where the configuration file says; set {} there.",
            named_in(section, to)
        ));
    }
    let secret = holds(named).filter(|name| !given.contains(&name.as_str()))?;
    Some(to_be_given_anew(&secret))
}

/// The same of the tables under a key: each that sends a secret sends it where one did before.
fn a_table_sends_elsewhere(
    key: &str,
    Sends { section, to, held, named }: &Sends,
    before: &[Setting],
    after: &[Setting],
    given: &[&str],
) -> Option<String> {
    let find = |all: &[Setting]| all.iter().find(|one| one.section == *section && one.key == key).cloned();
    let tables = |setting: Option<Setting>| setting.and_then(|one| one.value.as_array().cloned()).unwrap_or_default();
    let now = find(after).filter(|setting| setting.source == Source::Panel);
    let before = tables(find(before));
    let text = |table: &Value, key: &str| table[key].as_str().unwrap_or_default().to_owned();
    let is_as = |one: &Value, other: &Value| {
        to.iter().chain(*held).chain([named]).all(|key| text(one, key) == text(other, key))
    };
    tables(now).iter().filter(|table| !before.iter().any(|known| is_as(table, known))).find_map(|table| {
        if let Some(key_there) = held.iter().find(|key| !text(table, key).is_empty()) {
            return Some(format!(
                "What {section}.{key}.{key_there} names is sent where the configuration file says; change that table there."
            ));
        }
        let secret = text(table, named);
        (!secret.is_empty() && !given.contains(&secret.as_str())).then(|| to_be_given_anew(&secret))
    })
}

fn to_be_given_anew(secret: &str) -> String {
    format!(
        "A secret is sent only where it was given for: give \"{secret}\" anew together with what says where it goes."
    )
}

/// A value as it is written: of tables, what nobody filled in is left out.
fn as_written(value: &Value) -> Result<Value, Vec<String>> {
    let Value::Array(tables) = value else { return Ok(value.clone()) };
    if tables.len() > MOST_TABLES {
        return Err(vec![format!("There are at most {MOST_TABLES} of them.")]);
    }
    let filled_in = |table: &Value| match table {
        Value::Object(keys) => {
            let is_something = |value: &Value| !value.is_null() && value.as_str() != Some("");
            keys.iter()
                .filter(|(_, value)| is_something(value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        }
        other => other.clone(),
    };
    Ok(tables.iter().map(filled_in).collect())
}

fn named_in(section: &str, keys: &[&str]) -> String {
    let names: Vec<_> = keys.iter().map(|key| format!("{section}.{key}")).collect();
    names.join(" and ")
}

/// All that the layers set, each key checked on its own.
pub(super) fn gathered<'k>(keys: &'k Keys, layers: &Layers<'_>) -> layers::Settings<'k> {
    let mut settings = layers::Settings::new(keys);
    for text in [layers.file, layers.panel].into_iter().flatten() {
        settings.add_file(text.name, text.content);
    }
    settings.add_environment(layers.environment.iter().cloned());
    settings.add_flags(layers.flags);
    settings
}

/// What is wrong with the panel's own layer needs no place, since nobody wrote that file.
fn sentences(problems: &[Problem], panel: &str) -> Vec<String> {
    let told = problems.iter().map(|problem| match problem.origin() {
        Origin::File { name, .. } if name == panel => problem.sentence().to_owned(),
        _ => problem.to_string(),
    });
    told.collect()
}

fn names_a_secrets_place(key: &str) -> bool {
    NAMES_A_SECRETS_PLACE.iter().any(|end| key.ends_with(end))
}

fn fixed(section: &str, key: &str, source: &Source) -> Option<String> {
    if let Source::Outside(name) = source {
        return Some(format!("The {name} sets this, and outweighs the panel."));
    }
    let is_for_the_file = FOR_THE_FILE.contains(&(section, key)) || names_a_secrets_place(key);
    is_for_the_file.then(|| format!("{section}.{key} is set in the configuration file alone."))
}

fn is_a_path(section: &str, key: &str, value: &Value) -> bool {
    let names_one = |text: &str| text.contains(['/', '~']) || text.starts_with('.');
    NAME_OR_PATH.contains(&(section, key)) && value.as_str().is_some_and(names_one)
}

fn described(kind: &Kind, schema: &Value) -> SettingKind {
    match kind {
        Kind::Text { may_be_empty } => SettingKind::Text { may_be_empty: *may_be_empty },
        Kind::Flag => SettingKind::Flag,
        Kind::Whole { from, to } => SettingKind::Whole(*from, *to),
        Kind::Decimal { from, to } => SettingKind::Decimal(*from, *to),
        Kind::Tables(kinds) => {
            let field = |(key, kind): (&String, &Kind)| {
                let about = &schema["items"]["properties"][key];
                let (kind, fixed) = (described(kind, about), names_a_secrets_place(key));
                let about = about["description"].as_str().unwrap_or_default().to_owned();
                Field { key: key.clone(), about, kind, fixed }
            };
            // What it is called first, and last by what it is let in.
            let mut fields: Vec<Field> = kinds.iter().map(field).collect();
            fields.sort_by_key(|field| (field.key != "name", field.key.starts_with("api_key")));
            SettingKind::Tables(fields)
        }
        Kind::Choice(choices) => {
            let meaning = |choice: &String| {
                let listed = schema["oneOf"].as_array().into_iter().flatten();
                let found =
                    listed.filter(|one| one["const"] == json!(choice)).find_map(|one| one["description"].as_str());
                (choice.clone(), found.unwrap_or_default().to_owned())
            };
            SettingKind::Choice(choices.iter().map(meaning).collect())
        }
    }
}
