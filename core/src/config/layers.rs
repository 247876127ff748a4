//! File, environment and flags, each over the one before it, as one flat list of settings that know where they come
//! from. Each setting is checked on its own here; how settings go together is for `checked.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use serde_json::{Number, Value, json};
use toml::de::{DeArray, DeTable, DeValue};

use super::keys::{Keys, Kind, instead_in_table};
use super::problem::{Origin, Problem};
use super::wire;

/// The prefix of the variables that are meant for Pipit's configuration.
const PREFIX: &str = "PIPIT__";

/// What has been gathered so far.
pub(super) struct Settings<'k> {
    keys: &'k Keys,
    given: BTreeMap<(String, String), (Value, Origin)>,
    refused: BTreeSet<(String, String)>,
    /// Where each table of a key that holds tables begins, by the section that its keys are found under.
    tables: BTreeMap<String, Origin>,
    /// Where each of those keys was written last, which counts as a whole.
    lists: BTreeMap<(String, String), Origin>,
    /// Something was written of which it is not known which key it is meant for.
    some_unplaced: bool,
    problems: Vec<Problem>,
}

/// A value as one of the layers writes it.
enum Written {
    /// TOML, which has types.
    Typed(Value),
    /// TOML of a type that no key has.
    Odd(&'static str),
    /// The environment or a flag, which are text whatever is meant.
    Untyped(String),
}

impl<'k> Settings<'k> {
    pub(super) fn new(keys: &'k Keys) -> Self {
        Settings {
            keys,
            given: BTreeMap::new(),
            refused: BTreeSet::new(),
            tables: BTreeMap::new(),
            lists: BTreeMap::new(),
            some_unplaced: false,
            problems: Vec::new(),
        }
    }

    /// Takes in a TOML file. `name` is what its problems are reported under.
    pub(super) fn add_file(&mut self, name: &str, text: &str) {
        let at = |offset: usize| position(name, text, offset);
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What stands after a slip may have slipped into another section, so only the slips are reported.
            let slips = errors.iter().map(|error| {
                let offset = error.span().map_or(text.len(), |span| span.start);
                Problem::new(at(offset), format!("this is not TOML: {}", error.message()))
            });
            slips.for_each(|slip| self.refuse_unplaced(slip));
            return;
        }
        for (section, content) in table.into_inner() {
            let origin = at(section.span().start);
            let DeValue::Table(table) = content.into_inner() else {
                self.refuse_unplaced(outside_sections(self.keys, origin, section.get_ref()));
                continue;
            };
            self.add_section(section.get_ref(), origin, table, &at);
        }
    }

    /// Takes in those of the environment's variables that begin with `PIPIT__`.
    pub(super) fn add_environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut ours: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_string_lossy().strip_prefix(PREFIX)?.to_owned(), value)))
            .collect();
        ours.sort();
        for (name, value) in ours {
            let origin = Origin::Environment(format!("{PREFIX}{name}"));
            let Some((section, key)) = name.split_once("__") else {
                let sentence = format!("this names no key; write {PREFIX}SECTION__KEY, such as {PREFIX}AUDIO__INPUT");
                self.refuse_unplaced(Problem::new(origin, sentence));
                continue;
            };
            let Ok(text) = value.into_string() else {
                self.refuse_unplaced(Problem::new(origin, "its value is not UTF-8 text; write it as UTF-8"));
                continue;
            };
            self.admit(&section.to_lowercase(), &key.to_lowercase(), Written::Untyped(text), origin);
        }
    }

    /// Takes in flags of the form `section.key=value`; of two for one key the later one counts.
    pub(super) fn add_flags(&mut self, flags: &[String]) {
        for flag in flags {
            let Some((path, value)) = flag.split_once('=') else {
                // What lacks its key may be nothing but a value, and that a secret, so it is not repeated.
                let sentence = "this is not section.key=value; write for example --set audio.volume=60";
                self.refuse_unplaced(Problem::new(Origin::Flag(String::new()), sentence));
                continue;
            };
            let Some((section, key)) = path.split_once('.') else {
                let sentence = format!("this names no section; {}", self.keys.instead_of_key("", path));
                self.refuse_unplaced(Problem::new(Origin::Flag(path.to_owned()), sentence));
                continue;
            };
            self.admit(section.trim(), key.trim(), Written::Untyped(value.to_owned()), Origin::Flag(path.to_owned()));
        }
    }

    /// What each setting comes from, where it is set at all.
    pub(super) fn origin(&self, section: &str, key: &str) -> Option<&Origin> {
        let name = (section.to_owned(), key.to_owned());
        self.given.get(&name).map(|(_, origin)| origin).or_else(|| self.lists.get(&name))
    }

    /// Where the table begins whose keys are found under `section`.
    pub(super) fn table_origin(&self, section: &str) -> Option<&Origin> {
        self.tables.get(section)
    }

    /// Whether something about this key has been reported already.
    pub(super) fn is_refused(&self, section: &str, key: &str) -> bool {
        self.refused.contains(&(section.to_owned(), key.to_owned()))
    }

    /// Whether this key may have been written all the same, although nothing is known of it: under a wrong name.
    pub(super) fn may_be_misspelt(&self, section: &str, key: &str) -> bool {
        self.some_unplaced && self.origin(section, key).is_none()
    }

    /// Reports something about a key.
    pub(super) fn refuse(&mut self, section: &str, key: &str, origin: Origin, sentence: impl Into<String>) {
        self.refused.insert((section.to_owned(), key.to_owned()));
        self.problems.push(Problem::new(origin, sentence));
    }

    /// Every problem, in the order in which the owner wrote what they are about.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(Problem::place);
        self.problems
    }

    /// All settings as the file that would say the same.
    pub(super) fn as_file(&self) -> wire::File {
        let mut file = json!({});
        for section in self.tables.keys() {
            put(&mut file, section, json!({}));
        }
        for ((section, key), (value, _)) in &self.given {
            put(&mut file, section, json!({ key: value }));
        }
        serde_json::from_value(file).expect("each setting has been read on its own by `take`")
    }

    fn add_section(&mut self, section: &str, origin: Origin, table: DeTable<'_>, at: &dyn Fn(usize) -> Origin) {
        if !self.keys.has_section(section) {
            let sentence = format!("there is no section [{section}]; {}", self.keys.instead_of_section(section));
            return self.refuse_unplaced(Problem::new(origin, sentence));
        }
        for (key, value) in table {
            let kind = self.keys.kind(section, key.get_ref());
            if let (Some(Kind::Tables(kinds)), DeValue::Array(tables)) = (kind, value.get_ref())
                && tables.iter().all(|table| table.get_ref().is_table())
            {
                let first = tables.iter().next().map_or(value.span().start, |table| table.span().start);
                self.forget_tables(section, key.get_ref());
                self.lists.insert((section.to_owned(), key.get_ref().to_string()), at(first));
                self.add_tables(section, key.get_ref(), kinds, tables, at);
                continue;
            }
            let origin = at(if kind.is_some() { value.span().start } else { key.span().start });
            self.admit(section, key.get_ref(), written(value.get_ref()), origin);
        }
    }

    /// Another layer has tables of its own in their place.
    fn forget_tables(&mut self, section: &str, key: &str) {
        let of_them = format!("{section}.{key}#");
        self.tables.retain(|id, _| !id.starts_with(&of_them));
        self.given.retain(|(id, _), _| !id.starts_with(&of_them));
    }

    fn add_tables(
        &mut self,
        section: &str,
        key: &str,
        kinds: &BTreeMap<String, Kind>,
        tables: &DeArray<'_>,
        at: &dyn Fn(usize) -> Origin,
    ) {
        for (number, content) in tables.iter().enumerate() {
            let id = table(section, key, number);
            self.tables.insert(id.clone(), at(content.span().start));
            for (key, value) in content.get_ref().as_table().into_iter().flatten() {
                let key_origin = at(key.span().start);
                let key = key.get_ref().as_ref();
                match kinds.get(key) {
                    Some(kind) => self.take(&id, key, kind, written(value.get_ref()), at(value.span().start)),
                    None => {
                        let instead = || instead_in_table(shown(&id), kinds, key);
                        self.refuse_unplaced(Problem::new(key_origin, unknown_key(shown(&id), key, instead)));
                    }
                }
            }
        }
    }

    /// Reports something of which it is not known which key it is about.
    fn refuse_unplaced(&mut self, problem: Problem) {
        self.some_unplaced = true;
        self.problems.push(problem);
    }

    fn admit(&mut self, section: &str, key: &str, written: Written, origin: Origin) {
        let keys = self.keys;
        match keys.kind(section, key) {
            Some(kind) => self.take(section, key, kind, written, origin),
            None => {
                let sentence = unknown_key(section, key, || keys.instead_of_key(section, key));
                self.refuse_unplaced(Problem::new(origin, sentence));
            }
        }
    }

    /// Takes in a key of which it is known what it holds.
    fn take(&mut self, section: &str, key: &str, kind: &Kind, written: Written, origin: Origin) {
        let value = match read(shown(section), key, kind, written) {
            Ok(value) => value,
            Err(sentence) => return self.refuse(section, key, origin, sentence),
        };
        // The schema has let it pass; that serde does too makes `as_file` safe.
        let mut alone = json!({});
        put(&mut alone, section, json!({ key: &value }));
        match serde_json::from_value::<wire::File>(alone) {
            Ok(_) => {
                self.given.insert((section.to_owned(), key.to_owned()), (value, origin));
            }
            Err(error) => self.refuse(section, key, origin, format!("{}.{key}: {error}", shown(section))),
        }
    }
}

/// What the keys of one table of `section.key` are found under. No section has a name like it.
pub(super) fn table(section: &str, key: &str, number: usize) -> String {
    // The digits are padded, so that the tables stay in their order.
    format!("{section}.{key}#{number:05}")
}

/// A section as its owner knows it: which of several tables is meant, the line says.
pub(super) fn shown(section: &str) -> &str {
    section.split('#').next().unwrap_or(section)
}

/// Adds `keys` to a file's section, or to one of its tables; those come in their order.
fn put(file: &mut Value, section: &str, keys: Value) {
    let Some((list, number)) = section.split_once('#') else {
        return merge(&mut file[section], keys);
    };
    let (section, key) = list.split_once('.').unwrap_or((list, ""));
    let list = &mut file[section][key];
    if list.is_null() {
        *list = json!([]);
    }
    if let (Value::Array(tables), Ok(place)) = (list, number.parse::<usize>()) {
        tables.resize_with(tables.len().max(place + 1), || json!({}));
        merge(&mut tables[place], keys);
    }
}

fn merge(into: &mut Value, keys: Value) {
    if into.is_null() {
        *into = json!({});
    }
    if let (Value::Object(into), Value::Object(keys)) = (into, keys) {
        into.extend(keys);
    }
}

/// The value that was written, or what is wrong with it.
fn read(section: &str, key: &str, kind: &Kind, written: Written) -> Result<Value, String> {
    match written {
        Written::Typed(value) if kind.allows(&value) => Ok(value),
        Written::Typed(value) => {
            let is_quoted_number =
                value.is_string() && matches!(kind, Kind::Flag | Kind::Whole { .. } | Kind::Decimal { .. });
            let hint = if is_quoted_number { ", without quotes" } else { "" };
            Err(wrong(section, key, &value, kind) + hint)
        }
        Written::Odd(what) => Err(format!("{section}.{key} is {what}; write {}", kind.wanted())),
        Written::Untyped(text) => match kind.read(&text) {
            Some(value) if kind.allows(&value) => Ok(value),
            _ => Err(wrong(section, key, &Value::String(text), kind)),
        },
    }
}

fn position(name: &str, text: &str, offset: usize) -> Origin {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let begins_a_character = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    Origin::File {
        name: name.to_owned(),
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: before[line_start..].iter().filter(begins_a_character).count() + 1,
    }
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Typed(Value::String(text.to_string())),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Written::Typed(Value::from(number)),
            Err(_) => Written::Odd("a number beyond all limits"),
        },
        DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Written::Typed(Value::Number(number)),
            None => Written::Odd("not a finite number"),
        },
        DeValue::Boolean(yes) => Written::Typed(Value::Bool(*yes)),
        DeValue::Datetime(_) => Written::Odd("a date or a time"),
        DeValue::Array(_) => Written::Odd("a list"),
        DeValue::Table(_) => Written::Odd("a table"),
    }
}

fn outside_sections(keys: &Keys, origin: Origin, name: &str) -> Problem {
    if keys.has_section(name) {
        let sentence =
            format!("{name} is a section, not a key; write [{name}] on a line of its own and its keys below");
        return Problem::new(origin, sentence);
    }
    let instead = keys.instead_of_key("", name);
    Problem::new(origin, format!("{name} stands above every section, where there are no keys; {instead}"))
}

fn unknown_key(section: &str, key: &str, instead: impl FnOnce() -> String) -> String {
    if is_about_servers(section) && matches!(key, "api_key" | "key" | "token" | "password" | "secret") {
        return format!(
            "there is no key {section}.{key}, because secrets do not belong in the configuration; name the environment \
             variable that holds the key in {section}.api_key_env, a file that holds it in {section}.api_key_file, or what \
             `pipit secrets set` keeps in {section}.api_key_secret"
        );
    }
    format!("there is no key {section}.{key}; {}", instead())
}

fn wrong(section: &str, key: &str, value: &Value, kind: &Kind) -> String {
    let wanted = kind.wanted();
    if is_about_servers(section) {
        // People paste keys and passwords into the wrong place: nothing of these sections is repeated.
        return format!("{section}.{key} cannot be this; {}write {wanted}", kind.guess(value));
    }
    format!("{section}.{key} cannot be {}; {}write {wanted}", shortened(&value.to_string()), kind.guess(value))
}

fn is_about_servers(section: &str) -> bool {
    matches!(section, "chat" | "chat.fallback" | "chat.mcp")
}

/// The beginning of what someone wrote, enough to find it by.
fn shortened(written: &str) -> String {
    const LONGEST: usize = 60;
    match written.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &written[..end]),
        None => written.to_owned(),
    }
}
