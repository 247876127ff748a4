//! Numbers with a unit: "5 km", "2-5lb", "2x8 m2", "21°C", "3 cc/s", "12/kg", "1/2 mi", `12"`, "5'10\"".

use super::cursor::{Cursor, Reading};
use super::fraction::read_fraction;
use super::number::{Number, scale_word};
use super::units::{self, Spacing, Unit};
use super::words::And;

/// The longest unit, in bytes, that is looked at: "nmi²/kWh" and the like.
const LONGEST_UNIT: usize = 12;

/// Reads a quantity: one number, a span or a product of numbers, and their unit.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    if let Some(found) = feet_and_inches(at).or_else(|| fraction_of_unit(at)) {
        return Some(found);
    }
    let (first, after_first) = Number::read(at)?;
    if let Some(found) = per(&first, after_first).or_else(|| spelled_unit(&first, after_first)) {
        return Some(found);
    }
    let mut said = first.say(And::Said);
    let mut one = first.is_one();
    let mut next = after_first;
    if let Some((joined, second, after)) = second_number(next) {
        said = format!("{said} {joined} {}", second.say(And::Said));
        one = false;
        next = after;
    }
    if let Some((scale, after)) = scale_word(next) {
        said = format!("{} {scale}", first.say(And::Left));
        one = false;
        next = after;
    }
    let (name, end) = unit(next, one)?;
    let (said, end) = inches_after_feet(format!("{said} {name}"), &name, end);
    if let Some((last, end)) = second_quantity(end) {
        return Some((format!("{said} to {last}"), end));
    }
    Some((said, end))
}

/// "2%-10%", "20°C–25°C": each end of the span with its own unit.
fn second_quantity(at: Cursor<'_>) -> Reading<'_> {
    let (number, next) = Number::read_unsigned(at.range_dash()?)?;
    let (name, end) = unit(next, number.is_one())?;
    Some((format!("{} {name}", number.say(And::Said)), end))
}

/// The unit behind "per" in "$20/mo": its name if it is known, or else the word as it stands.
pub(super) fn per_unit(at: Cursor<'_>) -> Reading<'_> {
    let (word, next) = at.letters()?;
    let name = match word {
        "d" => "day",
        "m" | "mo" | "mth" => "month",
        "y" | "yr" | "a" => "year",
        "w" => "week",
        "pp" => "person",
        _ => units::find(word).map_or(word, |unit| unit.one),
    };
    next.at_boundary().then(|| (name.to_owned(), next))
}

/// "to" or "by", and the number behind it.
fn second_number(at: Cursor<'_>) -> Option<(&'static str, Number<'_>, Cursor<'_>)> {
    if let Some(to) = at.range_dash()
        && let Some((number, next)) = Number::read_unsigned(to)
    {
        return Some(("to", number, next));
    }
    let times = at.spaces().eat_any("x×")?.spaces();
    let (number, next) = Number::read_unsigned(times)?;
    Some(("by", number, next))
}

/// The unit here, in the singular if `one`.
fn unit(at: Cursor<'_>, one: bool) -> Reading<'_> {
    let spaced = at.gap();
    let start = spaced.unwrap_or(at);
    if let Some(end) = inch_mark(at) {
        return Some((if one { "inch" } else { "inches" }.to_owned(), end));
    }
    let (found, power, end) = simple_unit(start)?;
    // "5 in. wide": with its stop in mid-sentence, "in" is an inch.
    let stopped = || end.eat('.').and_then(Cursor::gap).and_then(Cursor::peek).is_some_and(char::is_lowercase);
    let fits = match found.spacing {
        Spacing::Any => true,
        Spacing::Attached => spaced.is_none() || stopped(),
        Spacing::Spaced => spaced.is_some(),
    };
    if !fits || (spaced.is_some() && reads_as_word(found, end)) {
        return None;
    }
    let name = format!("{power}{}", if one { found.one } else { found.many });
    let (name, mut end) = over(&name, end).unwrap_or((name, end));
    // The stop of "5 lbs. of flour" is the abbreviation's, not the sentence's.
    if let Some(after) = end.eat('.')
        && after.gap().and_then(Cursor::peek).is_some_and(char::is_lowercase)
    {
        end = after;
    }
    Some((name, end))
}

/// `12"`, unless a quotation is open that the mark may close.
fn inch_mark(at: Cursor<'_>) -> Option<Cursor<'_>> {
    let end = at.eat_any("\"”″")?;
    (at.behind().matches(['"', '“']).count().is_multiple_of(2) && end.at_boundary()).then_some(end)
}

/// A unit with what stands below its slash: "m/s²", "cc/s".
fn over<'a>(name: &str, at: Cursor<'a>) -> Reading<'a> {
    let below = at.eat('/')?;
    let Some((unit, power, end)) = simple_unit(below) else {
        let (word, end) = below.letters()?;
        return Some((format!("{name} per {word}"), end));
    };
    let name = match power {
        "square " if unit.one == "second" => format!("{name} per second squared"),
        _ => format!("{name} per {power}{}", unit.one),
    };
    Some((name, end))
}

/// "5 K" and "3 MP" may be units, but "1 ms. Smith" and "2 L Street" are not: a unit of one letter in the middle of a
/// sentence is believed unless a capitalised word follows it.
fn reads_as_word(unit: &Unit, end: Cursor<'_>) -> bool {
    unit.sign.len() == 1
        && unit.sign.starts_with(char::is_uppercase)
        && end.gap().and_then(Cursor::peek).is_some_and(char::is_uppercase)
}

/// A unit with its exponent: "km³", "m2", "m^2", "sq ft".
fn simple_unit(at: Cursor<'_>) -> Option<(&'static Unit, &'static str, Cursor<'_>)> {
    for (words, power) in [("sq. ", "square "), ("sq ", "square "), ("cu. ", "cubic "), ("cu ", "cubic ")] {
        if let Some(next) = at.eat_text(words)
            && let Some((unit, "", end)) = simple_unit(next)
        {
            return Some((unit, power, end));
        }
    }
    let rest = at.rest();
    let mut lengths = [0; LONGEST_UNIT];
    let mut count = 0;
    for (index, c) in rest.char_indices().take(LONGEST_UNIT) {
        if !(c.is_alphabetic() || "°º℃℉%‰".contains(c)) {
            break;
        }
        lengths[count] = index + c.len_utf8();
        count += 1;
    }
    lengths[..count].iter().rev().find_map(|&length| {
        let found = units::find(&rest[..length])?;
        let mut end = at.skip(length);
        if found.sign == "°"
            && let Some((scale, end)) = scale(end)
        {
            return Some((scale, "", end));
        }
        let mut power = "";
        for (sign, name) in
            [("²", "square "), ("³", "cubic "), ("^2", "square "), ("^3", "cubic "), ("2", "square "), ("3", "cubic ")]
        {
            if let Some(next) = end.eat_text(sign).filter(|next| next.at_boundary()) {
                (power, end) = (name, next);
                break;
            }
        }
        end.at_boundary().then_some((found, power, end))
    })
}

/// The scale behind a lone degree sign: "21° C".
fn scale(at: Cursor<'_>) -> Option<(&'static Unit, Cursor<'_>)> {
    let (letter, end) = at.gap()?.next()?;
    let sign = match letter {
        'C' => "°C",
        'F' => "°F",
        _ => return None,
    };
    end.at_boundary().then_some((units::find(sign)?, end))
}

/// "12/kg" -> "twelve per kilogram".
fn per<'a>(number: &Number<'_>, at: Cursor<'a>) -> Reading<'a> {
    let over = at.eat('/')?;
    let (letters, plain) = over.letters()?;
    let (name, end) = match simple_unit(over) {
        Some((unit, power, end)) => (format!("{power}{}", unit.one), end),
        None if letters.len() == 1 => (letters.to_uppercase(), plain),
        None => return None,
    };
    end.at_boundary().then(|| (format!("{} per {name}", number.say(And::Said)), end))
}

/// "7.2-millimeter bullet" and "1440 minutes": the unit is a word already, but the number must be read as a count.
fn spelled_unit<'a>(number: &Number<'_>, at: Cursor<'a>) -> Reading<'a> {
    if number.fraction.is_some()
        && let Some((word, _)) = at.eat('-').and_then(Cursor::letters)
        && units::is_name(word)
    {
        return Some((format!("{} ", number.say(And::Said)), at.skip(1)));
    }
    let (word, _) = at.gap()?.letters()?;
    (number.whole.len() >= 4 && units::is_name(word)).then(|| (number.say(And::Said), at))
}

/// "1/2 mi" -> "one half of a mile", "2 1/2 lb" -> "two and one half pounds".
fn fraction_of_unit(at: Cursor<'_>) -> Reading<'_> {
    let (fraction, next) = read_fraction(at)?;
    let (name, end) = unit(next, fraction.proper)?;
    let said = match fraction.proper {
        true => format!("{} of {} {name}", fraction.words, if starts_with_vowel(&name) { "an" } else { "a" }),
        false => format!("{} {name}", fraction.words),
    };
    Some((said, end))
}

fn starts_with_vowel(name: &str) -> bool {
    name.starts_with(['a', 'e', 'i', 'o', 'u']) || name.starts_with("hour")
}

/// "5'10\"" -> "five feet ten inches".
fn feet_and_inches(at: Cursor<'_>) -> Reading<'_> {
    let (feet, next) = at.digits_of(1, 2)?;
    let (inches, next) = next.eat_any("'’′")?.spaces().digits_of(1, 2)?;
    let end = next.eat_any("\"”″")?;
    let said = |digits: &str, one: &str, many: &str| {
        format!("{} {}", super::words::cardinal(digits, And::Said), if digits == "1" { one } else { many })
    };
    Some((format!("{} {}", said(feet, "foot", "feet"), said(inches, "inch", "inches")), end))
}

/// "6 ft 2 in": "in" is an inch here, which it cannot be on its own.
fn inches_after_feet<'a>(said: String, unit: &str, at: Cursor<'a>) -> (String, Cursor<'a>) {
    let inches = || {
        let (number, next) = Number::read_unsigned(at.gap()?)?;
        let next = next.gap()?.eat_word("in")?;
        Some((number, next.eat('.').unwrap_or(next)))
    };
    match inches() {
        Some((number, next)) if unit == "feet" || unit == "foot" => {
            (format!("{said} {} {}", number.say(And::Said), if number.is_one() { "inch" } else { "inches" }), next)
        }
        _ => (said, at),
    }
}
