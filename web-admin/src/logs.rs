//! `/api/logs`: the last lines that this daemon has logged, for the owner.
//!
//! They are in memory only. What people say is logged at `trace` and nowhere else, so no line of that level is ever kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Level;

use crate::Sources;
use crate::account::Who;
use crate::problem::Problem;

/// Lines that are kept; of more, the oldest go.
const LINES: usize = 4000;
/// Bytes of their texts together.
const BYTES: usize = 1 << 20;
/// Bytes of one; what is longer is cut.
const LONGEST: usize = 2000;
/// Lines that are told at once.
const AT_ONCE: usize = 500;

/// The last lines of the log. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    /// How many there have been.
    count: u64,
}

#[derive(Debug)]
struct Line {
    /// Its number, from 1 on.
    id: u64,
    at: Timestamp,
    level: Level,
    /// Which part of the program wrote it.
    part: String,
    text: String,
}

/// Which lines are wanted.
struct Filter {
    /// This and whatever matters more.
    level: Level,
    /// In lower case; may be empty.
    words: String,
}

impl Logs {
    /// Keeps a line. One of the level `trace` is not kept.
    pub fn push(&self, at: Timestamp, level: Level, part: &str, text: &str) {
        if level == Level::TRACE {
            return;
        }
        let text = fit(text);
        let mut ring = self.ring();
        ring.count += 1;
        ring.bytes += text.len() + part.len();
        let line = Line { id: ring.count, at, level, part: part.to_owned(), text };
        ring.lines.push_back(line);
        while ring.lines.len() > LINES || ring.bytes > BYTES {
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes -= oldest.text.len() + oldest.part.len();
        }
    }

    /// All of them, as a file has them.
    #[must_use]
    pub fn text(&self) -> String {
        self.as_text(&Filter { level: Level::DEBUG, words: String::new() })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those after the line with the number `after`, and of too many the newest.
    fn told(&self, after: u64, filter: &Filter) -> Value {
        let ring = self.ring();
        let new = ring.lines.iter().rev().take_while(|line| line.id > after);
        let mut lines: Vec<_> = new.filter(|line| filter.lets(line)).take(AT_ONCE).map(told).collect();
        lines.reverse();
        json!({"lines": lines, "last": ring.count})
    }

    fn as_text(&self, filter: &Filter) -> String {
        let ring = self.ring();
        ring.lines.iter().filter(|line| filter.lets(line)).map(written).collect()
    }
}

impl Filter {
    fn lets(&self, line: &Line) -> bool {
        // What matters more is less.
        line.level <= self.level
            && (self.words.is_empty()
                || line.text.to_lowercase().contains(&self.words)
                || line.part.to_lowercase().contains(&self.words))
    }
}

/// Without what a terminal or a page would take for a command, and not too long.
fn fit(text: &str) -> String {
    let plain = |c: char| if c == '\n' || !c.is_control() { c } else { '\u{fffd}' };
    let mut fit: String = text.chars().map(plain).collect();
    if fit.len() > LONGEST {
        fit.truncate(fit.floor_char_boundary(LONGEST));
        fit.push('…');
    }
    fit
}

fn told(line: &Line) -> Value {
    json!({
        "id": line.id,
        "at": line.at.to_string(),
        "level": line.level.as_str().to_ascii_lowercase(),
        "part": line.part,
        "text": line.text,
    })
}

/// A line of a file. What goes on in further lines is indented, so that none passes for another.
fn written(line: &Line) -> String {
    let Line { at, level, part, text, .. } = line;
    format!("{at} {level:>5} {part}: {}\n", text.replace('\n', "\n    "))
}

#[derive(Deserialize)]
struct Wanted {
    after: Option<u64>,
    level: Option<String>,
    search: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Filter, Problem> {
        let level = match self.level.as_deref().unwrap_or("debug") {
            "error" => Level::ERROR,
            "warn" => Level::WARN,
            "info" => Level::INFO,
            "debug" => Level::DEBUG,
            _ => return Err(Problem::unfit("level must be \"error\", \"warn\", \"info\" or \"debug\".")),
        };
        Ok(Filter { level, words: self.search.as_deref().unwrap_or_default().trim().to_lowercase() })
    }
}

type Asked = Result<Query<Wanted>, QueryRejection>;

fn asked(wanted: Asked) -> Result<Wanted, Problem> {
    let unfit = |_| Problem::unfit("after must be a whole number; write for example /api/logs?after=100.");
    wanted.map(|Query(wanted)| wanted).map_err(unfit)
}

/// Those after the line `?after=`, or the newest, that matter as much as `?level=` and have `?search=` in them, the oldest first.
async fn list(State(sources): State<Sources>, who: Who, wanted: Asked) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    let wanted = asked(wanted)?;
    Ok(Json(sources.logs.told(wanted.after.unwrap_or(0), &wanted.filter()?)))
}

/// All of them, as a file.
async fn file(State(sources): State<Sources>, who: Who, wanted: Asked) -> Result<impl IntoResponse, Problem> {
    who.require_owner()?;
    let text = sources.logs.as_text(&asked(wanted)?.filter()?);
    let kind = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"pipit.log\""),
    ];
    Ok((kind, text))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/logs", get(list)).route("/api/logs.txt", get(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Filter {
        Filter { level: Level::DEBUG, words: String::new() }
    }

    fn push(logs: &Logs, level: Level, text: &str) {
        logs.push(Timestamp::UNIX_EPOCH, level, "pipit::test", text);
    }

    #[test]
    fn the_newest_are_kept_in_bounds_and_what_people_say_never() {
        let logs = Logs::default();
        push(&logs, Level::TRACE, "what is the time");
        assert_eq!(logs.told(0, &all()), json!({"lines": [], "last": 0}));
        (0..LINES + 10).for_each(|n| push(&logs, Level::INFO, &format!("line {n}")));
        assert_eq!(logs.ring().lines.len(), LINES);
        assert_eq!(logs.told(0, &all())["lines"].as_array().unwrap().len(), AT_ONCE);
        let long = "é".repeat(LONGEST);
        (0..LINES).for_each(|_| push(&logs, Level::INFO, &long));
        let ring = logs.ring();
        assert!(ring.bytes <= BYTES, "{} bytes", ring.bytes);
        assert_eq!(ring.bytes, ring.lines.iter().map(|line| line.text.len() + line.part.len()).sum::<usize>());
    }

    #[test]
    fn they_are_followed_by_their_numbers_and_found_by_level_and_words() {
        let logs = Logs::default();
        push(&logs, Level::ERROR, "no HTTPS: port taken");
        push(&logs, Level::INFO, "panel at\nhttp\u{1b}[31m");
        push(&logs, Level::DEBUG, "a detail");
        let of = |after, level, words: &str| {
            let told = logs.told(after, &Filter { level, words: words.to_owned() });
            let ids = told["lines"].as_array().unwrap().iter().map(|line| line["id"].as_u64().unwrap());
            (ids.collect::<Vec<_>>(), told["last"].as_u64().unwrap())
        };
        assert_eq!(of(0, Level::DEBUG, ""), (vec![1, 2, 3], 3));
        assert_eq!(of(2, Level::DEBUG, ""), (vec![3], 3));
        assert_eq!(of(0, Level::WARN, ""), (vec![1], 3));
        assert_eq!(of(0, Level::DEBUG, "https"), (vec![1], 3));
        let text = logs.as_text(&all());
        assert!(text.contains("1970-01-01T00:00:00Z  INFO pipit::test: panel at\n    http\u{fffd}[31m\n"), "{text}");
    }
}
