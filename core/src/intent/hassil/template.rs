//! Reads one sentence template of the hassil language: `turn on [the] (light|lamp)[s] {area}`.
//!
//! Syntax: `[optional]`, `(one|other)`, `(any;order)`, `{list}`, `{list:slot}`, `{list:@capture}`, `{0..100:slot}`, `<rule>`,
//! and `\` before a character that is meant as it is. <https://github.com/OHF-Voice/hassil> describes it.

use super::text;

/// How deep brackets may stand in brackets. Home Assistant's own sentences need six.
const DEEPEST: usize = 32;

/// A template as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Template {
    /// Letters as they have to be said, normalised, with no space in them.
    Word(Box<str>),
    /// The end of a word.
    Space,
    /// One after the other.
    Sequence(Vec<Template>),
    /// One of them.
    Alternatives(Vec<Template>),
    /// All of them, in any order.
    Permutation(Vec<Template>),
    /// Something out of a list.
    List(ListReference),
    /// What an expansion rule stands for.
    Rule(Box<str>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ListReference {
    pub(super) list: ListName,
    /// What it fills; of a capture, the name that replies know it by.
    pub(super) slot: Box<str>,
    /// Only replies hear of it.
    pub(super) is_capture: bool,
    /// Whether a word ends behind it.
    pub(super) ends_word: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ListName {
    Named(Box<str>),
    Range { from: i64, to: i64, step: i64 },
}

/// Reads a template.
///
/// # Errors
/// What is wrong with it, for whoever wrote it.
pub(super) fn parse(source: &str) -> Result<Template, String> {
    let mut parser = Parser { rest: source, depth: 0 };
    let template = parser.group(None)?;
    match parser.rest.chars().next() {
        Some(bracket) => Err(format!("{bracket:?} closes nothing")),
        None => Ok(template),
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    /// Reads up to the bracket that closes this group, which it takes, or to the end.
    fn group(&mut self, close: Option<char>) -> Result<Template, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("brackets stand more than {DEEPEST} deep"));
        }
        // Alternatives of orders of sequences: each of the separators, if it is used at all, makes a group of its kind.
        let (mut alternatives, mut parts, mut sequence) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match self.next(close)? {
                Token::End => break,
                Token::Or => alternatives.push(finish(&mut parts, &mut sequence)),
                Token::And => parts.push(Template::Sequence(std::mem::take(&mut sequence))),
                Token::Part(part) => sequence.push(part),
                Token::Text(words) => text(&words, &mut sequence),
            }
        }
        self.depth -= 1;
        let last = finish(&mut parts, &mut sequence);
        if alternatives.is_empty() {
            return Ok(last);
        }
        alternatives.push(last);
        Ok(Template::Alternatives(alternatives))
    }

    fn next(&mut self, close: Option<char>) -> Result<Token, String> {
        let Some(first) = self.rest.chars().next() else {
            return close.map_or(Ok(Token::End), |close| Err(format!("{close:?} is missing")));
        };
        if matches!(first, '(' | ')' | '[' | ']' | '{' | '<' | '|' | ';') {
            self.rest = &self.rest[1..];
        }
        Ok(match first {
            _ if Some(first) == close => Token::End,
            ')' | ']' | '}' | '>' => return Err(format!("{first:?} closes nothing")),
            '(' => Token::Part(self.group(Some(')'))?),
            '[' => Token::Part(Template::Alternatives(vec![self.group(Some(']'))?, Template::Sequence(Vec::new())])),
            '{' => {
                let name = self.until('}')?;
                let ends_word =
                    self.rest.chars().next().is_none_or(|next| next.is_whitespace() || ")]|;".contains(next));
                Token::Part(Template::List(list_reference(&name, ends_word)?))
            }
            '<' => Token::Part(Template::Rule(self.until('>')?.into())),
            '|' => Token::Or,
            ';' => Token::And,
            _ => Token::Text(self.words()),
        })
    }

    fn until(&mut self, close: char) -> Result<String, String> {
        let (name, rest) = self.rest.split_once(close).ok_or_else(|| format!("{close:?} is missing"))?;
        let name = name.trim();
        if name.is_empty() || name.contains(['(', '[', '{', '<']) {
            return Err(format!("a name is missing before {close:?}"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn words(&mut self) -> String {
        let mut words = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => words.extend(chars.next().map(|(_, c)| c)),
                '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '|' | ';' if at > 0 => {
                    self.rest = &self.rest[at..];
                    return words;
                }
                _ => words.push(c),
            }
        }
        self.rest = "";
        words
    }
}

enum Token {
    Text(String),
    Part(Template),
    Or,
    And,
    End,
}

/// What stood between two `|`: a sequence, or parts in any order, around each of which a word ends.
fn finish(parts: &mut Vec<Template>, sequence: &mut Vec<Template>) -> Template {
    let last = Template::Sequence(std::mem::take(sequence));
    if parts.is_empty() {
        return last;
    }
    parts.push(last);
    let spaced = |part| Template::Sequence(vec![Template::Space, part, Template::Space]);
    Template::Permutation(std::mem::take(parts).into_iter().map(spaced).collect())
}

/// Adds words and the spaces around them.
fn text(words: &str, sequence: &mut Vec<Template>) {
    let words = text::folded(words);
    for (number, word) in words.split(' ').enumerate() {
        if number > 0 && sequence.last() != Some(&Template::Space) {
            sequence.push(Template::Space);
        }
        if !word.is_empty() {
            sequence.push(Template::Word(word.into()));
        }
    }
}

fn list_reference(name: &str, ends_word: bool) -> Result<ListReference, String> {
    let (list, slot) = name.split_once(':').unwrap_or_else(|| (name.trim_start_matches('@'), name));
    let (slot, is_capture) = slot.strip_prefix('@').map_or((slot, false), |slot| (slot, true));
    let list = match list.split_once("..") {
        Some((from, to)) => {
            let (to, step) = to.split_once(',').unwrap_or((to, "1"));
            let number = |written: &str| written.trim().parse().map_err(|_| format!("{written:?} is no number"));
            ListName::Range { from: number(from)?, to: number(to)?, step: number(step)? }
        }
        None => ListName::Named(list.into()),
    };
    if let ListName::Range { from, to, step } = list
        && (from > to || step < 1)
    {
        return Err(format!("{name:?} is a range with nothing in it"));
    }
    Ok(ListReference { list, slot: slot.into(), is_capture, ends_word })
}
