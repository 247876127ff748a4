//! Amounts with units: "half a litre", "five foot ten", "an hour and a half", "70 degrees Fahrenheit".

use super::number::{leading_fraction, leading_number, leading_signed};
use super::numeral::Numeral;
use super::unit::{Dimension, UnitName};

/// An amount in one unit, or in several of one dimension from large to small ("6 feet and 2 inches").
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    amount: f64,
    unit: UnitName,
}

impl Quantity {
    /// The quantity that `words` are, all of them.
    pub(super) fn parse(words: &[&str]) -> Option<Quantity> {
        let (first, mut taken) = leading_part(words, true)?;
        let mut parts = vec![first];
        while taken < words.len() {
            let last = parts.last()?;
            let rest = &words[taken..];
            let rest = rest.strip_prefix(&["and"]).unwrap_or(rest);
            let (part, more) = leading_part(rest, false)
                .filter(|(part, _)| follows(*part, *last))
                .or_else(|| bare_number(rest, *last))?;
            taken = words.len() - rest.len() + more;
            parts.push(part);
        }
        Some(Quantity { parts })
    }

    /// So many of one unit.
    pub(super) fn of(amount: f64, unit: UnitName) -> Quantity {
        Quantity { parts: vec![Part { amount, unit }] }
    }

    pub(super) fn dimension(&self) -> Dimension {
        self.unit().dimension()
    }

    /// The largest unit in it.
    pub(super) fn unit(&self) -> UnitName {
        self.parts.first().expect("a quantity has a part, since it is parsed into one").unit
    }

    /// The whole in the base unit of its dimension.
    pub(super) fn in_base(&self) -> f64 {
        self.parts.iter().map(|part| part.unit.to_base(part.amount)).sum()
    }

    /// The quantity with ounces that are fluid if `other` is.
    pub(super) fn beside(mut self, other: UnitName) -> Quantity {
        for part in &mut self.parts {
            part.unit = part.unit.beside(other);
        }
        self
    }

    /// "6 feet and 2 inches".
    pub(super) fn phrase(&self) -> String {
        let parts = self
            .parts
            .iter()
            .map(|Part { amount, unit }| format!("{} {}", Numeral::of(*amount).figures, unit.name(*amount)));
        parts.collect::<Vec<_>>().join(" and ")
    }
}

/// Whether `part` can come behind `last`, as minutes behind hours. A temperature has no parts.
fn follows(part: Part, last: Part) -> bool {
    part.unit.dimension() == last.unit.dimension()
        && part.unit.dimension() != Dimension::Temperature
        && part.unit.is_smaller_than(last.unit)
        && last.amount >= 0.0
}

/// The "ten" of "five foot ten", which ends the quantity.
fn bare_number(words: &[&str], last: Part) -> Option<(Part, usize)> {
    let (amount, taken) = leading_number(words)?;
    let unit = last.unit.next_smaller()?;
    (taken == words.len() && last.amount.fract() == 0.0 && last.amount >= 0.0).then_some((Part { amount, unit }, taken))
}

/// The amount and unit at the start of `words`, and how many words they take.
fn leading_part(words: &[&str], signed: bool) -> Option<(Part, usize)> {
    let of_one = |rest: &[&str]| match rest {
        ["of", "a" | "an" | "one", ..] => 2,
        ["of" | "a" | "an", ..] => 1,
        _ => 0,
    };
    // "half an hour", "three quarters of a mile", "half a dozen" is left to the numbers.
    if let Some((amount, fraction)) = leading_fraction(words) {
        let taken = fraction + of_one(&words[fraction..]);
        if let Some((unit, more)) = UnitName::leading(&words[taken..]) {
            return Some((Part { amount, unit }, taken + more));
        }
    }
    let (amount, taken) = match leading_signed(words) {
        Some((amount, taken)) if signed || amount >= 0.0 => (amount, taken),
        Some(_) => return None,
        None => match words {
            ["a" | "an", ..] => (1.0, 1),
            _ => return None,
        },
    };
    let (unit, more) = UnitName::leading(&words[taken..])?;
    let taken = taken + more;
    // "an hour and a half"; but "an hour and half a minute" is two parts.
    if let ["and", rest @ ..] = &words[taken..]
        && let Some((fraction, more)) = leading_fraction(rest)
        && matches!(rest[more..], [] | ["and", ..])
    {
        return Some((Part { amount: amount + fraction, unit }, taken + 1 + more));
    }
    Some((Part { amount, unit }, taken))
}
