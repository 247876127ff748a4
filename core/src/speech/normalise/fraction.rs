//! Fractions: "1/4", "3 2/4", "1/4th", "½", "2½".

use super::cursor::{Cursor, Reading};
use super::words::{And, below_hundred, cardinal, ordinal, small};

const VULGAR: [(char, u32, u32); 18] = [
    ('½', 1, 2),
    ('⅓', 1, 3),
    ('⅔', 2, 3),
    ('¼', 1, 4),
    ('¾', 3, 4),
    ('⅕', 1, 5),
    ('⅖', 2, 5),
    ('⅗', 3, 5),
    ('⅘', 4, 5),
    ('⅙', 1, 6),
    ('⅚', 5, 6),
    ('⅐', 1, 7),
    ('⅛', 1, 8),
    ('⅜', 3, 8),
    ('⅝', 5, 8),
    ('⅞', 7, 8),
    ('⅑', 1, 9),
    ('⅒', 1, 10),
];

/// A fraction with its whole part, if it has one.
pub(super) struct Fraction {
    pub(super) words: String,
    /// True below one: "half of a mile", not "half miles".
    pub(super) proper: bool,
}

/// Reads a fraction on its own.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (fraction, next) = read_fraction(at)?;
    Some((fraction.words, next))
}

/// Reads a fraction, for whoever has a unit to put behind it.
pub(super) fn read_fraction(at: Cursor<'_>) -> Option<(Fraction, Cursor<'_>)> {
    if at.before().is_some_and(|c| matches!(c, '/' | '-')) {
        return None;
    }
    if let Some((words, next)) = part(at) {
        return Some((Fraction { words, proper: true }, next));
    }
    let (whole, after) = at.digits_of(1, 4)?;
    let (words, next) = part(after.gap().or_else(|| vulgar(after).map(|_| after))?)?;
    Some((Fraction { words: format!("{} and {words}", cardinal(whole, And::Said)), proper: false }, next))
}

fn part(at: Cursor<'_>) -> Reading<'_> {
    if let Some((numerator, denominator, next)) = vulgar(at) {
        return Some((say(&numerator.to_string(), &denominator.to_string()), next));
    }
    let (numerator, next) = at.digits_of(1, 4)?;
    let (denominator, next) = next.eat_any("/⁄")?.digits_of(1, 4)?;
    if denominator.starts_with('0') {
        return None;
    }
    let next = next.eat_word("th").or_else(|| next.eat_word("ths")).unwrap_or(next);
    let serial = next.eat_any("/-.").is_some_and(|after| after.peek().is_some_and(char::is_alphanumeric));
    (next.at_boundary() && !serial).then(|| (say(numerator, denominator), next))
}

fn vulgar(at: Cursor<'_>) -> Option<(u32, u32, Cursor<'_>)> {
    let (c, next) = at.next()?;
    VULGAR.iter().find(|(sign, ..)| *sign == c).map(|(_, numerator, denominator)| (*numerator, *denominator, next))
}

fn say(numerator: &str, denominator: &str) -> String {
    let one = numerator == "1";
    let parts = match (small(denominator), one) {
        (1, _) => return format!("{} over one", cardinal(numerator, And::Said)),
        (2, true) => "half".to_owned(),
        (2, false) => "halves".to_owned(),
        (4, true) => "quarter".to_owned(),
        (4, false) => "quarters".to_owned(),
        (100, false) => "hundredths".to_owned(),
        (_, true) => ordinal(denominator),
        (_, false) => format!("{}s", ordinal(denominator)),
    };
    let numerator = match small(numerator) {
        n @ 0..100 => below_hundred(n),
        _ => cardinal(numerator, And::Said),
    };
    format!("{numerator} {parts}")
}
