//! Finds what was said among the sentences of a pack.
//!
//! A part of a sentence that begins somewhere in the text may end in several places. Those are found for one part after the
//! other, so nothing is ever tried twice for a sentence; rules without lists and lists are looked up once for all of them.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::compile::{Automaton, Meaning, Node, NodeId, Sentence};
use super::lists::List;
use super::text;

/// The most ways in which one sentence is followed at once; a text that needs more matches nothing.
const MOST_WAYS: usize = 4096;

/// What was said, recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// What is wanted.
    pub intent: String,
    /// What was said about it.
    pub slots: BTreeMap<String, SlotFilled>,
    /// Which reply of the intent fits.
    pub response: Option<String>,
    /// What is known besides, such as the domain of the entity that was named.
    pub context: BTreeMap<String, Value>,
    /// What only the reply hears of.
    pub captures: BTreeMap<String, String>,
}

/// What fills a slot.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotFilled {
    /// As the list has it.
    pub value: Value,
    /// As it was said; empty where it was not said.
    pub text: String,
}

/// The value of this in `context`, which may be `{value: ..., text: ...}`.
fn bare(value: &Value) -> &Value {
    value.get("value").unwrap_or(value)
}

/// One way in which a part matched: where it ends, what filled slots on the way, and how many letters were literal.
#[derive(Clone, Copy, PartialEq)]
struct Way {
    end: u32,
    filled: u32,
    literal: u32,
}

/// A slot that was filled, and the one before.
#[derive(Clone, Copy)]
struct Filled {
    before: u32,
    node: NodeId,
    what: What,
    from: u32,
    to: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Value(u32),
    Number(f64),
    Anything,
}

const NOTHING: u32 = u32::MAX;

/// A text under examination.
struct Search<'a> {
    automaton: &'a Automaton,
    text: &'a str,
    filled: Vec<Filled>,
    /// Where rules without lists end, by rule and beginning.
    rules: HashMap<(u32, u32), Vec<(u32, u32)>>,
    /// Where lists end, and with what.
    lists: HashMap<(u32, u32), Vec<(u32, What)>>,
}

struct TooMany;

impl<'a> Search<'a> {
    fn new(automaton: &'a Automaton, text: &'a str) -> Search<'a> {
        Search { automaton, text, filled: Vec::new(), rules: HashMap::new(), lists: HashMap::new() }
    }

    /// The ways in which a sentence is the whole text.
    fn ways(&mut self, sentence: &Sentence) -> Vec<Way> {
        self.filled.clear();
        let start = Way { end: 0, filled: NOTHING, literal: 0 };
        let mut ways = Vec::new();
        if self.follow(sentence.root, start, &mut ways).is_err() {
            return Vec::new();
        }
        ways.retain(|way| self.text[way.end as usize..].trim_start().is_empty());
        ways
    }

    fn follow(&mut self, node: NodeId, way: Way, out: &mut Vec<Way>) -> Result<(), TooMany> {
        let automaton = self.automaton;
        let at = way.end as usize;
        match &automaton.nodes[node as usize] {
            Node::Word(word) => {
                if self.text[at..].starts_with(&**word) {
                    let (end, literal) = (way.end + word.len() as u32, way.literal + word.chars().count() as u32);
                    push(out, Way { end, literal, ..way })?;
                }
            }
            Node::Space => {
                if self.text[at..].starts_with(' ') {
                    push(out, Way { end: way.end + 1, ..way })?;
                } else if at == 0 || at == self.text.len() || self.text[..at].ends_with([' ', '\'']) {
                    push(out, way)?;
                }
            }
            Node::Sequence(parts) => {
                let (mut ways, mut next) = (vec![way], Vec::new());
                for part in parts {
                    for way in ways.drain(..) {
                        self.follow(*part, way, &mut next)?;
                    }
                    if next.is_empty() {
                        return Ok(());
                    }
                    std::mem::swap(&mut ways, &mut next);
                }
                ways.into_iter().try_for_each(|way| push(out, way))?;
            }
            Node::Alternatives(parts) => {
                for part in parts {
                    self.follow(*part, way, out)?;
                }
            }
            Node::Permutation(parts) => self.in_any_order(parts, (1 << parts.len()) - 1, way, out)?,
            Node::Plain { rule, body } => {
                let key = (*rule, way.end);
                if !self.rules.contains_key(&key) {
                    let mut ways = Vec::new();
                    self.follow(*body, Way { filled: NOTHING, literal: 0, ..way }, &mut ways)?;
                    self.rules.insert(key, ways.iter().map(|way| (way.end, way.literal)).collect());
                }
                for (end, literal) in &self.rules[&key] {
                    push(out, Way { end: *end, literal: way.literal + literal, ..way })?;
                }
            }
            Node::List { list, ends_word, .. } => self.follow_list(node, *list, *ends_word, way, out)?,
        }
        Ok(())
    }

    fn in_any_order(&mut self, parts: &[NodeId], left: u32, way: Way, out: &mut Vec<Way>) -> Result<(), TooMany> {
        if left == 0 {
            return push(out, way);
        }
        for (number, part) in parts.iter().enumerate().filter(|(number, _)| left >> number & 1 == 1) {
            let mut ways = Vec::new();
            self.follow(*part, way, &mut ways)?;
            for way in ways {
                self.in_any_order(parts, left & !(1 << number), way, out)?;
            }
        }
        Ok(())
    }

    fn follow_list(
        &mut self,
        node: NodeId,
        list: u32,
        ends_word: bool,
        way: Way,
        out: &mut Vec<Way>,
    ) -> Result<(), TooMany> {
        let key = (list, way.end);
        if !self.lists.contains_key(&key) {
            let found = self.find_in_list(list, way.end as usize);
            self.lists.insert(key, found);
        }
        let is_wildcard = matches!(self.automaton.lists[list as usize], List::Wildcard);
        for number in 0..self.lists[&key].len() {
            let (to, what) = self.lists[&key][number];
            let rest = &self.text[to as usize..];
            if is_wildcard && ends_word && !rest.is_empty() && !rest.starts_with(' ') {
                continue;
            }
            let filled = self.filled.len() as u32;
            self.filled.push(Filled { before: way.filled, node, what, from: way.end, to });
            push(out, Way { end: to, filled, ..way })?;
        }
        Ok(())
    }

    fn find_in_list(&self, list: u32, at: usize) -> Vec<(u32, What)> {
        let (rest, mut found) = (&self.text[at..], Vec::new());
        match &self.automaton.lists[list as usize] {
            List::Values(values) => values.find(rest, |end, value| found.push(((at + end) as u32, What::Value(value)))),
            List::Range(numbers) => {
                numbers.find(rest, |end, value| found.push(((at + end) as u32, What::Number(value))));
            }
            List::Wildcard => {
                let ends = rest.char_indices().map(|(place, c)| (place + c.len_utf8(), c));
                found.extend(ends.filter(|(_, c)| *c != ' ').map(|(end, _)| ((at + end) as u32, What::Anything)));
            }
        }
        found
    }

    /// The slots that were filled on a way, the first one first.
    fn slots(&self, way: Way) -> Vec<Filled> {
        let mut slots = Vec::new();
        let mut at = way.filled;
        while at != NOTHING {
            let filled = self.filled[at as usize];
            slots.push(filled);
            at = filled.before;
        }
        slots.reverse();
        slots
    }
}

/// Adds a way, unless one like it is there. Of two that differ in what was literal only, the one with more stays.
fn push(out: &mut Vec<Way>, way: Way) -> Result<(), TooMany> {
    if let Some(same) = out.iter_mut().find(|other| other.end == way.end && other.filled == way.filled) {
        same.literal = same.literal.max(way.literal);
        return Ok(());
    }
    if out.len() >= MOST_WAYS {
        return Err(TooMany);
    }
    out.push(way);
    Ok(())
}

/// What makes one way of understanding better than another, the most important first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Merit {
    /// A named thing of the house was named, with as many letters as possible.
    name: Option<usize>,
    fewer_wildcards: std::cmp::Reverse<usize>,
    literal: u32,
    less_in_wildcards: std::cmp::Reverse<usize>,
}

impl Automaton {
    /// The best way to understand what was said, where `context` is known already.
    pub(super) fn recognise(&self, said: &str, context: &BTreeMap<String, Value>) -> Option<Recognised> {
        let whole = text::normalised(said);
        if whole.is_empty() {
            return None;
        }
        let texts = Texts::new(whole, &self.skip_words);
        let mut present = vec![false; self.fragment_count];
        let fragments = self.fragments.as_ref()?;
        for found in fragments.find_overlapping_iter(&texts.whole) {
            present[found.pattern().as_usize()] = true;
        }
        let mut searches: Vec<Option<Search<'_>>> = (0..texts.all().len()).map(|_| None).collect();
        let mut best: Option<(Merit, Recognised)> = None;
        for sentence in &self.sentences {
            let may_match = sentence.needs.iter().all(|needs| needs.iter().any(|needed| present[*needed as usize]));
            if !may_match || !self.may_be_meant(sentence, context) {
                continue;
            }
            for number in texts.fit_for(sentence) {
                let text = texts.all()[number];
                let search = searches[number].get_or_insert_with(|| Search::new(self, text));
                for way in search.ways(sentence) {
                    let slots = search.slots(way);
                    let merit = self.merit(way, &slots);
                    if best.as_ref().is_some_and(|(best, _)| *best >= merit) {
                        continue;
                    }
                    if let Some(recognised) = self.understood(sentence, text, &slots, context) {
                        best = Some((merit, recognised));
                    }
                }
            }
        }
        best.map(|(_, recognised)| recognised)
    }

    /// Whether the context that is known already forbids it.
    fn may_be_meant(&self, sentence: &Sentence, context: &BTreeMap<String, Value>) -> bool {
        let Meaning { requires, excludes, .. } = &self.meanings[sentence.block as usize];
        requires.iter().all(|(key, wanted)| context.get(key).is_none_or(|actual| fits(wanted, actual)))
            && !excludes.iter().any(|(key, unwanted)| context.get(key).is_some_and(|actual| fits(unwanted, actual)))
    }

    fn merit(&self, way: Way, slots: &[Filled]) -> Merit {
        let wildcards = slots.iter().filter(|filled| filled.what == What::Anything);
        let name = slots.iter().filter(|filled| filled.what != What::Anything && self.slot(filled.node) == "name");
        Merit {
            name: name.map(|filled| (filled.to - filled.from) as usize).max(),
            fewer_wildcards: std::cmp::Reverse(wildcards.clone().count()),
            literal: way.literal,
            less_in_wildcards: std::cmp::Reverse(wildcards.map(|filled| (filled.to - filled.from) as usize).sum()),
        }
    }

    fn slot(&self, node: NodeId) -> &str {
        match &self.nodes[node as usize] {
            Node::List { slot, .. } => &self.slots[*slot as usize],
            _ => "",
        }
    }

    /// The meaning of a sentence with these slots, unless the context forbids it.
    fn understood(
        &self,
        sentence: &Sentence,
        text: &str,
        filled: &[Filled],
        known: &BTreeMap<String, Value>,
    ) -> Option<Recognised> {
        let Meaning { slots: fixed, response, requires, excludes } = &self.meanings[sentence.block as usize];
        let (mut context, mut slots, mut captures) = (known.clone(), BTreeMap::new(), BTreeMap::new());
        for Filled { node, what, from, to, .. } in filled {
            let Node::List { list, slot, is_capture, .. } = &self.nodes[*node as usize] else { continue };
            let said = text[*from as usize..*to as usize].trim().to_owned();
            if said.is_empty() {
                return None;
            }
            let name = self.slots[*slot as usize].clone();
            let value = match (what, &self.lists[*list as usize]) {
                (What::Value(number), List::Values(values)) => {
                    let value = values.value(*number);
                    context.extend(value.context.iter().map(|(key, value)| (key.clone(), value.clone())));
                    value.value.clone()
                }
                (What::Number(number), _) => number_value(*number),
                _ => Value::String(said.clone()),
            };
            if *is_capture {
                captures.insert(name, said);
            } else {
                slots.insert(name, SlotFilled { value, text: said });
            }
        }
        if excludes.iter().any(|(key, unwanted)| context.get(key).is_some_and(|actual| fits(unwanted, actual))) {
            return None;
        }
        for (key, wanted) in requires {
            let actual = context.get(key).filter(|actual| !bare(actual).is_null() && fits(wanted, actual))?;
            let into = match wanted.get("slot") {
                Some(Value::String(slot)) => Some(slot),
                Some(Value::Bool(true)) => Some(key),
                _ => None,
            };
            if let Some(slot) = into {
                let value = bare(actual).clone();
                slots.entry(slot.clone()).or_insert(SlotFilled { value, text: String::new() });
            }
        }
        for (slot, value) in fixed {
            slots.entry(slot.clone()).or_insert_with(|| SlotFilled { value: value.clone(), text: String::new() });
        }
        let intent = self.intents[sentence.intent as usize].clone();
        Some(Recognised { intent, slots, response: response.clone(), context, captures })
    }
}

/// Whether a value of the context is what is wanted: one value, one of several, or any.
fn fits(wanted: &Value, actual: &Value) -> bool {
    let (wanted, actual) =
        (if wanted.is_object() { wanted.get("value").unwrap_or(&Value::Null) } else { wanted }, bare(actual));
    match wanted {
        Value::Null => true,
        Value::Array(several) => several.contains(actual),
        one => one == actual,
    }
}

fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) }
}

/// What was said, whole, and without the words that mean nothing: everywhere, at its beginning, at its end.
struct Texts {
    whole: String,
    without: String,
    without_first: String,
    without_last: String,
}

impl Texts {
    const WHOLE: usize = 0;
    const WITHOUT: usize = 1;
    const WITHOUT_FIRST: usize = 2;
    const WITHOUT_LAST: usize = 3;

    fn new(whole: String, skip_words: &[String]) -> Texts {
        let (mut without, mut first, mut last) = (whole.clone(), whole.clone(), whole.clone());
        for words in skip_words {
            while let Some(at) = find_words(&without, words) {
                without = joined(&without[..at], &without[at + words.len()..]);
            }
        }
        while let Some(words) = skip_words.iter().find(|words| find_words(&first, words) == Some(0)) {
            first = joined("", &first[words.len()..]);
        }
        let ends = |text: &str, words: &str| {
            text.strip_suffix(words).is_some_and(|before| before.is_empty() || before.ends_with(' '))
        };
        while let Some(words) = skip_words.iter().find(|words| ends(&last, words)) {
            last = joined(&last[..last.len() - words.len()], "");
        }
        Texts { whole, without, without_first: first, without_last: last }
    }

    fn all(&self) -> [&str; 4] {
        [&self.whole, &self.without, &self.without_first, &self.without_last]
    }

    /// The texts that a sentence is looked for in. A word that means nothing may be meant by a sentence, so the whole comes
    /// first; and what a wildcard takes stays as it was said.
    fn fit_for(&self, sentence: &Sentence) -> impl Iterator<Item = usize> {
        let less = match (sentence.begins_with_wildcard, sentence.ends_with_wildcard) {
            (true, true) => Texts::WHOLE,
            (true, false) => Texts::WITHOUT_LAST,
            (false, true) => Texts::WITHOUT_FIRST,
            (false, false) => Texts::WITHOUT,
        };
        let differs = self.all()[less] != self.whole && !self.all()[less].is_empty();
        [Some(Texts::WHOLE), differs.then_some(less)].into_iter().flatten()
    }
}

/// Where these words stand as words of their own.
fn find_words(text: &str, words: &str) -> Option<usize> {
    if words.is_empty() {
        return None;
    }
    text.match_indices(words).map(|(at, _)| at).find(|at| {
        let (before, after) = (&text[..*at], &text[at + words.len()..]);
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}

fn joined(before: &str, after: &str) -> String {
    let (before, after) = (before.trim_end(), after.trim_start());
    if before.is_empty() || after.is_empty() { format!("{before}{after}") } else { format!("{before} {after}") }
}
