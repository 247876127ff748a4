//! What a `{list}` may be: values from a fixed list, numbers, or anything.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pack::{self, Fractions, ListValue, Range};
use super::template::{self, Template};
use super::text;
use crate::intent::number::parse_number;

/// How many ways of saying one value may have.
const MOST_SPELLINGS: usize = 1000;
const TOO_MANY: &str = "it may be said in more than 1000 ways";

/// The words of the longest number.
const LONGEST_NUMBER: usize = 12;

#[derive(Debug)]
pub(super) enum List {
    Values(Values),
    Range(Numbers),
    Wildcard,
}

/// One of the values of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotValue {
    /// What becomes of it in the slot.
    pub value: Value,
    /// What is known when it was said, such as the domain of an entity.
    pub context: BTreeMap<String, Value>,
}

impl List {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(list: &pack::List) -> Result<List, String> {
        Ok(match list {
            pack::List::Wildcard(_) => List::Wildcard,
            pack::List::Range(range) => List::Range(Numbers::new(range)?),
            pack::List::Values(values) => {
                let mut list = Values::default();
                for value in values {
                    let (said, value, context) = match value {
                        ListValue::Written(said) => (said, None, BTreeMap::new()),
                        ListValue::Mapped { said, value, context } => (said, value.clone(), context.clone()),
                    };
                    let value = value.unwrap_or_else(|| Value::String(said.clone()));
                    list.add_template(said, SlotValue { value, context })?;
                }
                List::Values(list)
            }
        })
    }
}

/// Values by how they are said: a trie over the bytes.
#[derive(Debug)]
pub(super) struct Values {
    values: Vec<SlotValue>,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by the byte.
    children: Vec<(u8, u32)>,
    values: Vec<u32>,
}

impl Default for Values {
    fn default() -> Values {
        Values { values: Vec::new(), nodes: vec![Node::default()] }
    }
}

impl Values {
    /// Adds a value that is said so.
    pub(super) fn add(&mut self, said: &str, value: SlotValue) {
        let spelling = text::normalised(said);
        self.insert([spelling], value);
    }

    fn add_template(&mut self, said: &str, value: SlotValue) -> Result<(), String> {
        self.insert(spellings(said)?.into_iter().map(|spelling| text::normalised(&spelling)), value);
        Ok(())
    }

    fn insert(&mut self, spellings: impl IntoIterator<Item = String>, value: SlotValue) {
        let number = self.values.len() as u32;
        self.values.push(value);
        for spelling in spellings.into_iter().filter(|spelling| !spelling.is_empty()) {
            let mut at = 0;
            for byte in spelling.bytes() {
                at = match self.nodes[at].children.binary_search_by_key(&byte, |(byte, _)| *byte) {
                    Ok(found) => self.nodes[at].children[found].1 as usize,
                    Err(place) => {
                        let next = self.nodes.len();
                        self.nodes[at].children.insert(place, (byte, next as u32));
                        self.nodes.push(Node::default());
                        next
                    }
                };
            }
            if self.nodes[at].values.last() != Some(&number) {
                self.nodes[at].values.push(number);
            }
        }
    }

    pub(super) fn value(&self, number: u32) -> &SlotValue {
        &self.values[number as usize]
    }

    /// Calls `found` with the end and the number of each value that `said` begins with.
    pub(super) fn find(&self, said: &str, mut found: impl FnMut(usize, u32)) {
        let mut at = &self.nodes[0];
        for (end, byte) in said.bytes().enumerate() {
            let Ok(next) = at.children.binary_search_by_key(&byte, |(byte, _)| *byte) else { return };
            at = &self.nodes[at.children[next].1 as usize];
            for value in &at.values {
                found(end + 1, *value);
            }
        }
    }
}

/// Every way of saying what a template stands for, which may have no list and no rule in it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn spellings(template: &str) -> Result<Vec<String>, String> {
    let mut spellings = vec![String::new()];
    spell(&template::parse(template)?, &mut spellings)?;
    Ok(spellings)
}

/// Everything that a template may stand for, behind each of what there is.
fn spell(template: &Template, spellings: &mut Vec<String>) -> Result<(), String> {
    match template {
        Template::Word(word) => spellings.iter_mut().for_each(|spelling| spelling.push_str(word)),
        Template::Space => spellings.iter_mut().for_each(|spelling| spelling.push(' ')),
        Template::Sequence(parts) => parts.iter().try_for_each(|part| spell(part, spellings))?,
        Template::Alternatives(parts) => {
            let mut all = Vec::new();
            for part in parts {
                let mut with = spellings.clone();
                spell(part, &mut with)?;
                all.append(&mut with);
            }
            *spellings = all;
        }
        Template::Permutation(parts) => {
            let before = std::mem::take(spellings);
            in_any_order(parts, &before, &mut Vec::new(), spellings)?;
        }
        Template::List(_) | Template::Rule(_) => {
            return Err("the value of a list may have no {list} and no <rule> in it".to_owned());
        }
    }
    if spellings.len() > MOST_SPELLINGS {
        return Err(TOO_MANY.to_owned());
    }
    Ok(())
}

/// The parts in each order, behind each of what there is.
fn in_any_order(
    parts: &[Template],
    before: &[String],
    taken: &mut Vec<usize>,
    all: &mut Vec<String>,
) -> Result<(), String> {
    if taken.len() == parts.len() {
        all.extend_from_slice(before);
    }
    for (number, part) in parts.iter().enumerate() {
        if !taken.contains(&number) {
            let mut with = before.to_vec();
            spell(part, &mut with)?;
            taken.push(number);
            in_any_order(parts, &with, taken, all)?;
            taken.pop();
        }
        if all.len() > MOST_SPELLINGS {
            return Err(TOO_MANY.to_owned());
        }
    }
    Ok(())
}

/// Numbers with bounds.
#[derive(Debug)]
pub(super) struct Numbers {
    from: i64,
    to: i64,
    step: i64,
    fractions: Option<Fractions>,
    multiplier: f64,
}

impl Numbers {
    /// # Errors
    /// There is no number in it.
    pub(super) fn new(range: &Range) -> Result<Numbers, String> {
        let Range { from, to, step, multiplier, fractions } = *range;
        if from > to || step < 1 {
            return Err(format!("no number is from {from} to {to} in steps of {step}"));
        }
        Ok(Numbers { from, to, step, fractions, multiplier: multiplier.unwrap_or(1.0) })
    }

    /// Calls `found` with the end and the value of each number that `said` begins with, in figures or in words.
    pub(super) fn find(&self, said: &str, mut found: impl FnMut(usize, f64)) {
        let sign = usize::from(said.starts_with('-'));
        let whole = sign + said[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if whole > sign {
            let fraction = said[whole..].strip_prefix(['.', ',']).map_or(0, |rest| {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 { 0 } else { digits + 1 }
            });
            let end = whole + fraction;
            let number = said[..end].replace(',', ".").parse().ok();
            if let Some(value) = number.and_then(|number| self.allowed(number)) {
                found(end, value);
            }
            return;
        }
        let (mut words, mut end) = (Vec::new(), 0);
        for word in said.split([' ', '-']).take(LONGEST_NUMBER) {
            words.push(word);
            end += word.len() + usize::from(words.len() > 1);
            if let Some(value) = parse_number(&words).and_then(|number| self.allowed(number)) {
                found(end, value);
            }
        }
    }

    fn allowed(&self, number: f64) -> Option<f64> {
        let parts = match self.fractions {
            None => 1.0,
            Some(Fractions::Halves) => 2.0,
            Some(Fractions::Tenths) => 10.0,
        };
        let is_part = ((number * parts).round() - number * parts).abs() < 1e-9;
        let (whole, from) = (number.floor(), self.from as f64);
        let is_step = ((whole - from) / self.step as f64).fract() == 0.0;
        let inside = number >= from && whole <= self.to as f64;
        (is_part && is_step && inside).then_some(number * self.multiplier)
    }
}
