//! Sentences of home automation, with Home Assistant's own pack: intents, slots and replies by its own rule.
//!
//! The folder has `tests_LANG.jsonl` with a sentence to a line, `_fixtures.LANG.yaml` with a house, and the pack as Home
//! Assistant writes it under `templates/`.

mod house;
mod pack;
mod reply;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pipit_core::intent::hassil::{Matcher, Pack, Recognised, Replies};
use pipit_core::intent::{HomeSentences, Understanding, carried_on, in_parts, with_shared_end};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::figures::{quantile, resident_kb, share};
use house::House;

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    sentence: String,
    intent: String,
    slots: BTreeMap<String, Value>,
    domain_any_of: Option<Vec<String>>,
    context: Option<BTreeMap<String, Value>>,
    response: Option<Value>,
    /// The name of the file with the house, or what is in it.
    fixtures: Value,
}

/// Whose sentences are recognised.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Sentences {
    Ha,
    /// Home Assistant's as they are in the models folder, for every language.
    Wheel,
    Own,
}

impl Sentences {
    fn read(self, folder: &Path, language: &str) -> Result<Pack> {
        match self {
            Sentences::Ha => pack::read(folder, language),
            Sentences::Wheel => {
                let archive = crate::models::folder()?.join("home-assistant-intents.whl");
                Ok(pipit_models::sentences::pack(&archive, language)?)
            }
            Sentences::Own if language == "en" => Ok(Pack::english()),
            Sentences::Own => bail!("Pipit has sentences of its own in English only"),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    rows: usize,
    intent_ok: usize,
    slots_ok: usize,
    reply_ok: usize,
    /// In the house.
    entities: usize,
    compiled_ms: f64,
    /// By how much the process has grown, with what was needed only to read the pack.
    memory_mb: f64,
    median_us: f64,
    p99_us: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Figures { rows, intent_ok, slots_ok, reply_ok, entities, compiled_ms, memory_mb, median_us, p99_us } = self;
        write!(
            f,
            "rows {rows}  intents {intent_ok}  slots {slots_ok}  replies {reply_ok}  entities {entities}  \
             compiled in {compiled_ms:.0} ms  memory {memory_mb:.1} MB  median {median_us:.1} us  p99 {p99_us:.0} us"
        )
    }
}

/// Recognises each sentence, and tells on standard error of those that come out wrong, if that is wanted.
#[allow(clippy::print_stderr, reason = "only where it is asked for")]
pub(crate) fn measure(
    folder: &Path,
    (language, sentences): (&str, Sentences),
    entities: usize,
    verbose: bool,
) -> Result<Figures> {
    let mut usual = House::read(&folder.join(format!("_fixtures.{language}.yaml")))?;
    usual.fill(entities);
    let before = resident_kb()?;
    let pack = sentences.read(folder, language)?;
    let began = Instant::now();
    let mut matcher = Matcher::new(&pack)?;
    usual.furnish(&mut matcher);
    let replies = Replies::new(&pack)?;
    let compiled_ms = began.elapsed().as_secs_f64() * 1000.0;
    drop(pack);
    let memory_mb = resident_kb()?.saturating_sub(before) as f64 / 1024.0;

    let rows = std::fs::read_to_string(folder.join(format!("tests_{language}.jsonl")))
        .with_context(|| format!("{} has no sentences in {language}", folder.display()))?;
    let rows: Vec<Row> = rows.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let (mut intent_ok, mut slots_ok, mut reply_ok, mut times) = (0, 0, 0, Vec::with_capacity(rows.len()));
    for row in &rows {
        let other = match &row.fixtures {
            Value::String(_) => None,
            Value::Object(_) => Some(House::of_test(&row.fixtures)?),
            _ => bail!("{}: a house is a file or an object", row.id),
        };
        if let Some(other) = &other {
            other.furnish(&mut matcher);
        }
        let known = row.context.clone().unwrap_or_default();
        let began = Instant::now();
        let recognised = matcher.recognise(&row.sentence, &known);
        times.push(began.elapsed().as_secs_f64() * 1e6);
        if other.is_some() {
            usual.furnish(&mut matcher);
        }
        let wrong = recognised.as_ref().map_or(Some("not understood".to_owned()), |found| row.differs(found));
        intent_ok += usize::from(recognised.as_ref().is_some_and(|found| found.intent == row.intent));
        slots_ok += usize::from(wrong.is_none());
        let wrong =
            wrong.or_else(|| row.replies_wrongly(&replies, other.as_ref().unwrap_or(&usual), recognised.as_ref()?));
        reply_ok += usize::from(wrong.is_none());
        if let (true, Some(wrong)) = (verbose, wrong) {
            eprintln!("{}: {:?}: {wrong}", row.id, row.sentence);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(Figures {
        rows: rows.len(),
        entities: usual.entities.len(),
        memory_mb,
        intent_ok,
        slots_ok,
        reply_ok,
        compiled_ms,
        median_us: quantile(&times, 0.5).unwrap_or_default(),
        p99_us: quantile(&times, 0.99).unwrap_or_default(),
    })
}

#[derive(Debug, Serialize)]
pub(crate) struct Taken {
    /// Sentences that are about something else than a home.
    rows: usize,
    taken: usize,
    percent: f64,
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rows {}  taken {}  {:.2} %", self.rows, self.taken, self.percent)
    }
}

/// Counts the sentences of a table that would be taken for commands to a home although its column `scenario` says that they are
/// about something else, in the house of `folder`, as the daemon takes them: in parts and with letters misheard.
#[allow(clippy::print_stderr, reason = "only where it is asked for")]
pub(crate) fn taken(folder: &Path, table: &Path, sentences: Sentences, verbose: bool) -> Result<Taken> {
    let mut known = HomeSentences::new(sentences.read(folder, "en")?)?;
    let house = House::read(&folder.join("_fixtures.en.yaml"))?;
    known.furnish(0, || house.vocabulary());
    let table = std::fs::read_to_string(table).with_context(|| format!("{} can't be read", table.display()))?;
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().context("the table is empty")?;
    let column = |name| header.iter().position(|column| *column == name).with_context(|| format!("no column {name}"));
    let (sentence, scenario) = (column("sentence")?, column("scenario")?);
    let alone = |said: &str| match known.understand(said, Some("Kitchen")) {
        Understanding::Certain(found) | Understanding::Likely(found, _) => Some((said.to_owned(), found)),
        Understanding::Near(_) | Understanding::Nothing => None,
    };
    let behind = |said: &str, before: Option<&(String, Recognised)>| match before {
        None => alone(said),
        Some((text, found)) => carried_on(text, found, said).iter().find_map(|said| alone(said)),
    };
    let (mut rows, mut taken) = (0, 0);
    for line in lines.filter(|line| line.get(scenario).is_some_and(|scenario| *scenario != "iot")) {
        let said = line.get(sentence).context("a line is too short")?;
        rows += 1;
        let found = alone(said).map(|found| vec![found]);
        let found = found.or_else(|| in_parts(said, |said, before| alone(said).or_else(|| behind(said, before))));
        let found = found.or_else(|| with_shared_end(said, behind));
        if let Some(found) = found {
            taken += 1;
            if verbose {
                eprintln!("{}: {said:?}: {}", line[scenario], found[0].1.intent);
            }
        }
    }
    Ok(Taken { rows, taken, percent: share(taken, rows) * 100.0 })
}

impl Row {
    /// What is wrong with it by Home Assistant's rule: each slot that was found has to be expected, and none may be missing.
    fn differs(&self, found: &Recognised) -> Option<String> {
        if found.intent != self.intent {
            return Some(format!("{} in place of {}", found.intent, self.intent));
        }
        for (name, slot) in &found.slots {
            let fits = match (name.as_str(), &self.domain_any_of, self.slots.get(name)) {
                ("domain", Some(domains), _) => {
                    slot.value.as_str().is_some_and(|it| domains.iter().any(|any| any == it))
                }
                (_, _, Some(expected)) => same(expected, &slot.value),
                // The area of whoever speaks may be a slot that the test leaves out.
                ("area", _, None) => {
                    self.context.as_ref().is_some_and(|context| context.get("area") == Some(&slot.value))
                }
                (_, _, None) => false,
            };
            if !fits {
                return Some(format!("{name} = {}, to be {:?}", slot.value, self.slots.get(name)));
            }
        }
        let missing = self.slots.keys().find(|name| !found.slots.contains_key(*name));
        if let Some(missing) = missing {
            return Some(format!("{missing} is missing"));
        }
        let context = self.context.iter().flatten();
        let mut differing = context.filter(|(key, value)| found.context.get(*key) != Some(value));
        differing
            .next()
            .map(|(key, value)| format!("the context has {key} = {:?}, to be {value}", found.context.get(key)))
    }

    /// What is wrong with the reply, where one is expected.
    fn replies_wrongly(&self, replies: &Replies, house: &House, found: &Recognised) -> Option<String> {
        let expected = match self.response.as_ref()? {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let key = found.response.as_deref().unwrap_or("default");
        let reply = match replies.render(&found.intent, key, reply::known(house, found)) {
            Ok(reply) => reply.unwrap_or_default(),
            Err(error) => return Some(error.to_string()),
        };
        let fits = |expected: &&str| expected.split_whitespace().eq(reply.split_whitespace());
        (!expected.iter().any(fits)).then(|| format!("{reply:?} in place of {expected:?}"))
    }
}

/// A list of values is met by any of them.
fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(several), found) => several.iter().any(|one| same(one, found)),
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::String(one), Value::String(other)) => one.trim().eq_ignore_ascii_case(other.trim()),
        (one, other) => one == other,
    }
}
