//! A written number: sign, digits with or without commas, decimals; and how it is said on its own.

use super::cursor::{Cursor, Reading};
use super::words::{And, cardinal, digit_by_digit, ordinal, plural_of, year};

/// Words that multiply the number before them.
pub(super) const SCALE_WORDS: [&str; 6] = ["thousand", "million", "billion", "trillion", "quadrillion", "gazillion"];

/// A number as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    /// The digits before the point, commas included; empty in ".5".
    pub(super) whole: &'a str,
    /// The digits behind the point.
    pub(super) fraction: Option<&'a str>,
}

impl<'a> Number<'a> {
    /// Reads a number; a sign counts only where it cannot be a hyphen.
    pub(super) fn read(at: Cursor<'a>) -> Option<(Self, Cursor<'a>)> {
        let signed = at.eat_any("-−").filter(|_| may_be_signed(at));
        let (mut number, next) = Self::read_unsigned(signed.unwrap_or(at))?;
        number.negative = signed.is_some();
        Some((number, next))
    }

    /// Reads a number without a sign.
    pub(super) fn read_unsigned(at: Cursor<'a>) -> Option<(Self, Cursor<'a>)> {
        let after_whole = whole(at);
        let whole = after_whole.map_or("", |next| at.up_to(next));
        let after = after_whole.unwrap_or(at);
        if let Some((fraction, next)) = after.eat('.').and_then(Cursor::digits) {
            let version = next.eat('.').and_then(Cursor::digits).is_some();
            if !version && (after_whole.is_some() || !at.before().is_some_and(|c| c.is_alphanumeric() || c == '.')) {
                return Some((Self { negative: false, whole, fraction: Some(fraction) }, next));
            }
        }
        after_whole.map(|next| (Self { negative: false, whole, fraction: None }, next))
    }

    /// In full words, whatever its length: the reading before a unit or in a sum of money.
    pub(super) fn say(&self, and: And) -> String {
        let mut said = String::new();
        if self.negative {
            said.push_str("minus ");
        }
        if !self.whole.is_empty() {
            said.push_str(&cardinal(self.whole, and));
        }
        if let Some(fraction) = self.fraction {
            if !self.whole.is_empty() {
                said.push(' ');
            }
            said.push_str("point ");
            said.push_str(&digit_by_digit(fraction));
        }
        said
    }

    /// As it is said with nothing around it that tells its kind: long and zero-led ones are identifiers and are said
    /// digit by digit, four digits from 1000 to 2099 sound best as a year.
    pub(super) fn say_alone(&self) -> String {
        let sign = if self.negative { "minus " } else { "" };
        if self.fraction.is_some() || self.whole.contains(',') {
            return self.say(And::Said);
        }
        if self.whole.len() > 4 || (self.whole.len() > 1 && self.whole.starts_with('0')) {
            return format!("{sign}{}", digit_by_digit(self.whole));
        }
        if !self.negative && is_year_like(self.whole) {
            return year(self.whole);
        }
        self.say(And::Said)
    }

    /// True for exactly one, which takes the singular.
    pub(super) fn is_one(&self) -> bool {
        self.fraction.is_none() && self.whole == "1"
    }
}

/// True for four digits that are more often a year than a count.
pub(super) fn is_year_like(digits: &str) -> bool {
    digits.len() == 4
        && (digits.starts_with('1') || digits.starts_with("20"))
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The word that multiplies ("million"), after a space.
pub(super) fn scale_word(at: Cursor<'_>) -> Reading<'_> {
    let (word, next) = at.gap()?.letters()?;
    SCALE_WORDS.iter().find(|scale| scale.eq_ignore_ascii_case(word)).map(|scale| ((*scale).to_owned(), next))
}

/// Numbers on their own, decimals, and numbers before "million".
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (number, next) = Number::read(at)?;
    if let Some((scale, next)) = scale_word(next) {
        return Some((format!("{} {scale}", number.say(And::Left)), next));
    }
    if number.fraction.is_none() && is_version(next) {
        return version(at);
    }
    next.at_boundary().then(|| (number.say_alone(), next)).or_else(|| {
        // "4.4x", "123.5abc": the number stands, the letters follow.
        number.fraction.map(|_| (number.say(And::Said), next))
    })
}

/// "100s of people": a round number in the plural.
pub(super) fn read_plural(at: Cursor<'_>) -> Reading<'_> {
    let (number, next) = Number::read_unsigned(at)?;
    let next = next.eat('s').filter(|next| next.at_boundary())?;
    let round = matches!(number.whole, "10" | "100" | "1000" | "1,000" | "10,000" | "100,000" | "1,000,000");
    let words = number.say(And::Left);
    (round && number.fraction.is_none()).then(|| (plural_of(words.strip_prefix("one ").unwrap_or(&words)), next))
}

/// "23rd", "1,000th".
pub(super) fn read_ordinal(at: Cursor<'_>) -> Reading<'_> {
    let next = whole(at)?;
    let digits = at.up_to(next);
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b == b'0') {
        return None;
    }
    let end = ordinal_suffix(digits, next)?;
    Some((ordinal(digits), end))
}

/// Past the suffix that belongs to these digits: "1st" but not "11st".
pub(super) fn ordinal_suffix<'a>(digits: &str, at: Cursor<'a>) -> Option<Cursor<'a>> {
    let teens = digits.len() > 1 && digits[..digits.len() - 1].ends_with('1');
    let suffix = match digits.bytes().last()? {
        b'1' if !teens => "st",
        b'2' if !teens => "nd",
        b'3' if !teens => "rd",
        _ => "th",
    };
    at.eat_word(suffix)
}

/// True where a hyphen is a sign: at the start, after a space, or after a mark that closes nothing.
fn may_be_signed(at: Cursor<'_>) -> bool {
    at.before().is_none_or(|c| c.is_whitespace() || "([{,;:?!.>=/*×÷+\"'“‘~<|–—".contains(c))
}

/// Past the digits before the point, with commas only where they part thousands.
fn whole(at: Cursor<'_>) -> Option<Cursor<'_>> {
    let (digits, plain) = at.digits()?;
    let mut next = plain;
    if digits.len() <= 3 {
        while let Some((_, group)) = next.eat(',').and_then(|c| c.digits_of(3, 3)) {
            next = group;
        }
    }
    Some(next)
}

fn is_version(at: Cursor<'_>) -> bool {
    at.eat('.').and_then(Cursor::digits).is_some()
}

/// "1.2.3" -> "one point two point three"; four parts are a network address and are said with "dot".
fn version(at: Cursor<'_>) -> Reading<'_> {
    let (first, mut next) = at.digits()?;
    let mut parts = vec![first];
    while let Some((part, after)) = next.eat('.').and_then(Cursor::digits) {
        parts.push(part);
        next = after;
    }
    let address = parts.len() == 4 && parts.iter().all(|part| part.len() <= 3);
    let said: Vec<String> = parts
        .iter()
        .map(|part| if address || part.starts_with('0') { digit_by_digit(part) } else { cardinal(part, And::Said) })
        .collect();
    Some((said.join(if address { " dot " } else { " point " }), next))
}
