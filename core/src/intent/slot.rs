//! What can stand in a slot, and how words become its value. Each kind's grammar has a file of its own.

use super::alarm::{self, Days};
use super::arithmetic::Arithmetic;
use super::clock_time::{self, ClockTime};
use super::day::{self, Day};
use super::duration;
use super::number;
use super::quantity::Quantity;
use super::unit::UnitName;
use std::time::Duration;

/// A slot's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Duration(Duration),
    Quantity(Quantity),
    Unit(UnitName),
    Arithmetic(Arithmetic),
    Day(Day),
    Days(Days),
    Time(ClockTime),
    Name(String),
}

/// The slots whose values code reads, rather than a list in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotKind {
    Number,
    Duration,
    Quantity,
    Unit,
    Arithmetic,
    Day,
    Days,
    Time,
    Name,
}

impl SlotKind {
    /// The kind that a template calls `list`.
    pub(super) fn named(list: &str) -> Option<SlotKind> {
        Some(match list {
            "number" => SlotKind::Number,
            "duration" => SlotKind::Duration,
            "quantity" => SlotKind::Quantity,
            "unit" => SlotKind::Unit,
            "arithmetic" => SlotKind::Arithmetic,
            "day" => SlotKind::Day,
            "days" => SlotKind::Days,
            "time" => SlotKind::Time,
            "name" => SlotKind::Name,
            _ => return None,
        })
    }

    /// The value that `words` are, all of them.
    pub(super) fn parse(self, words: &[&str]) -> Option<Value> {
        match self {
            SlotKind::Number => number::parse_number(words).map(Value::Number),
            SlotKind::Duration => duration::parse(words).map(Value::Duration),
            SlotKind::Quantity => Quantity::parse(words).map(Value::Quantity),
            SlotKind::Unit => UnitName::parse(words).map(Value::Unit),
            SlotKind::Arithmetic => Arithmetic::parse(words).map(Value::Arithmetic),
            SlotKind::Day => day::parse(words).map(Value::Day),
            SlotKind::Days => alarm::parse_days(words).map(Value::Days),
            SlotKind::Time => clock_time::parse(words).map(Value::Time),
            SlotKind::Name => name(words).map(Value::Name),
        }
    }
}

/// Longer names than this are more likely the rest of another request.
const MAX_NAME_WORDS: usize = 3;

/// Words that are in no timer's name: what they begin or end is something else ("a timer and", "the other timer").
const NOT_IN_NAMES: &[&str] = &[
    "a",
    "add",
    "alarm",
    "all",
    "an",
    "another",
    "any",
    "are",
    "at",
    "be",
    "begin",
    "both",
    "by",
    "call",
    "can",
    "cancel",
    "change",
    "check",
    "close",
    "continue",
    "could",
    "create",
    "current",
    "decrease",
    "delete",
    "did",
    "do",
    "does",
    "each",
    "end",
    "every",
    "extend",
    "find",
    "first",
    "for",
    "from",
    "get",
    "give",
    "half",
    "has",
    "have",
    "he",
    "hour",
    "hours",
    "how",
    "i",
    "if",
    "in",
    "increase",
    "is",
    "it",
    "keep",
    "last",
    "later",
    "left",
    "let",
    "long",
    "make",
    "many",
    "me",
    "minute",
    "minutes",
    "much",
    "my",
    "new",
    "next",
    "no",
    "not",
    "now",
    "off",
    "on",
    "one",
    "open",
    "or",
    "other",
    "our",
    "out",
    "pause",
    "per",
    "percent",
    "play",
    "please",
    "put",
    "quarter",
    "remaining",
    "remind",
    "remove",
    "reset",
    "restart",
    "resume",
    "second",
    "seconds",
    "set",
    "she",
    "shorten",
    "should",
    "show",
    "start",
    "status",
    "stop",
    "take",
    "tell",
    "than",
    "that",
    "the",
    "them",
    "then",
    "these",
    "they",
    "this",
    "those",
    "timer",
    "timers",
    "to",
    "tomorrow",
    "turn",
    "unpause",
    "until",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
];

/// A timer's name: up to three plain words, none of them part of a sentence's frame.
fn name(words: &[&str]) -> Option<String> {
    let plain = |word: &&str| word.chars().all(|c| c.is_alphabetic() || c == '\'') && !NOT_IN_NAMES.contains(word);
    let joins_two = |(at, word): (usize, &&str)| *word != "and" || (at == 1 && words.len() == MAX_NAME_WORDS);
    (words.len() <= MAX_NAME_WORDS
        && words.iter().all(plain)
        && words.iter().enumerate().all(joins_two)
        && number::leading_signed(words).is_none())
    .then(|| words.join(" "))
}
