//! What there is after a cut: the files as they are, and what Pipit knows.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use rusqlite::Connection;
use serde_json::Value;

use super::daemon::Daemon;
use super::known::{Found, Kind, Known};
use super::words_of;
use crate::panel::{Failed, Panel};

/// What may lie beside the database. What was unfinished is replaced by the next.
const USUAL: [&str; 6] = [
    "pipit.db.key",
    "pipit.db.key.new",
    "pipit.db.good",
    "pipit.db.good.new",
    "pipit.db.good.new-journal",
    "pipit.db.copy",
];

/// A log with one of these tells of a loss.
const BAD_WORDS: [&str; 5] = ["ERROR", "panicked", "damaged", "is kept as", "can't be read"];
/// But for this: power that goes while Pipit tries what was restored has it go back to what there was.
const GOOD_WORDS: &str = "what was restored is not gone on with";

/// Looks through the files before Pipit touches them.
pub(super) fn look_through(state: &Path, daemon: &Daemon, known: &Known) -> Result<()> {
    for name in ["pipit.db", "pipit.db.good"] {
        database(state, name).with_context(|| format!("{name} is damaged"))?;
    }
    daemon.command(&["config", "check"], &[0])?;
    models(daemon, known)?;
    for entry in fs::read_dir(state).into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(!name.starts_with("pipit.db.") || USUAL.contains(&name.as_str()), "beside the database lies {name}");
    }
    Ok(())
}

/// Looks through a copy, so that the file stays as it is.
fn database(state: &Path, name: &str) -> Result<()> {
    if !fs::metadata(state.join(name)).is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let copy = tempfile::tempdir()?;
    for part in [name.to_owned(), format!("{name}-wal")] {
        if state.join(&part).exists() {
            fs::copy(state.join(&part), copy.path().join(&part))?;
        }
    }
    let database = Connection::open(copy.path().join(name))?;
    let said = rows(&database, "PRAGMA integrity_check")?;
    ensure!(said == ["ok"], "{:?}", &said[..said.len().min(3)]);
    let broken = rows(&database, "PRAGMA foreign_key_check")?;
    ensure!(broken.is_empty(), "rows of these tables refer to nothing: {:?}", &broken[..broken.len().min(3)]);
    Ok(())
}

/// The first column of what it answers.
fn rows(database: &Connection, question: &str) -> Result<Vec<String>> {
    let mut asked = database.prepare(question)?;
    let rows = asked.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(rows)
}

fn models(daemon: &Daemon, known: &Known) -> Result<()> {
    // It fails for a model that is there in part, such as a download that was cut.
    let verified = daemon.command(&["models", "verify"], &[0, 1])?;
    let verdicts: HashMap<&str, &str> = verified.lines().filter_map(verdict).collect();
    let sure = known.surely(Kind::Model, "installed");
    for (&name, &verdict) in &verdicts {
        let must_be_whole = sure.iter().any(|sure| sure == name) || !known.has(Kind::Model, name);
        let is_right = verdict == "good" || (!must_be_whole && verdict.starts_with("missing"));
        ensure!(is_right, "the model {name} is {verdict}");
    }
    for name in sure {
        ensure!(verdicts.contains_key(name.as_str()), "the model {name} is gone: {}", verified.trim_end());
    }
    Ok(())
}

/// Of a line `model: file: verdict`, the first and the last.
fn verdict(line: &str) -> Option<(&str, &str)> {
    match line.split(": ").collect::<Vec<_>>()[..] {
        [name, _, verdict] => Some((name, verdict)),
        _ => None,
    }
}

/// Compares what Pipit knows with what it had confirmed.
pub(super) fn compare(daemon: &Daemon, known: &Known) -> Result<()> {
    let panel = &daemon.panel;
    let lists = [
        (Kind::Timer, "/v1/timers", "", ["id", "name"]),
        (Kind::Fact, "/v1/memory", "", ["id", "text"]),
        (Kind::Setting, "/api/settings", "settings", ["name", "value"]),
        (Kind::Persona, "/api/personas", "personas", ["name", "prompt"]),
        (Kind::Model, "/api/models", "models", ["name", "state"]),
    ];
    for (kind, path, list, [name, value]) in lists {
        known.compare(kind, &found(panel, path, list, |one| (words_of(&one[name]), words_of(&one[value])))?)?;
    }
    let secrets = found(panel, "/api/secrets", "", |one| (words_of(&one["name"]), "kept".to_owned()))?;
    known.compare(Kind::Secret, &secrets)?;
    conversations(panel, known)?;
    let log = daemon.log()?;
    let bad = log.lines().find(|line| !line.contains(GOOD_WORDS) && BAD_WORDS.iter().any(|word| line.contains(word)));
    if let Some(line) = bad {
        bail!("the log says: {line}");
    }
    Ok(())
}

/// What is in the list of this name, or in the list that the answer is.
fn found(panel: &Panel, path: &str, list: &str, read: impl Fn(&Value) -> (String, String)) -> Result<Found> {
    let answer = panel.get(path)?;
    let list = if list.is_empty() { &answer } else { &answer[list] };
    Ok(list.as_array().with_context(|| format!("{path} answers no list"))?.iter().map(read).collect())
}

fn conversations(panel: &Panel, known: &Known) -> Result<()> {
    let (mut there, mut messages) = (Found::new(), Found::new());
    for name in known.all_names(Kind::Conversation) {
        let told = match panel.get(&format!("/v1/conversations/{name}?last=1000")) {
            Err(Failed::Refused { status: 404, .. }) => continue,
            told => told?,
        };
        for message in told["messages"].as_array().context("a conversation has messages")? {
            messages.insert(format!("{name}/{}", words_of(&message["id"])), words_of(&message["text"]));
        }
        there.insert(name, "there".to_owned());
    }
    known.compare(Kind::Conversation, &there)?;
    // With a conversation go its messages.
    known.forget(Kind::Message, |message| !message.split_once('/').is_some_and(|(of, _)| there.contains_key(of)));
    known.compare(Kind::Message, &messages)
}
