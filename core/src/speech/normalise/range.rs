//! Spans of plain numbers ("2-5", "10–20"), scores and ratios ("3:1"), products without a unit ("4x6").

use super::cursor::{Cursor, Reading};
use super::number::Number;
use super::words::{And, cardinal};

/// Reads two numbers and what joins them.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (first, next) = Number::read(at)?;
    ratio(at).or_else(|| rating(&first, next)).or_else(|| product(&first, next)).or_else(|| span(&first, next))
}

fn span<'a>(first: &Number<'_>, at: Cursor<'a>) -> Reading<'a> {
    let (last, next) = Number::read_unsigned(at.range_dash()?)?;
    let serial = next.eat_any("-–/").is_some_and(|c| c.peek().is_some_and(char::is_alphanumeric));
    if !next.at_boundary() || serial {
        return None;
    }
    let (low, high) = (value(first)?, value(&last)?);
    let said = (first.say_alone(), last.say_alone());
    // Falling numbers are office hours or a score ("9-5", "21-17"), or else parts of a longer number.
    let short = low < 100.0 && high < 100.0;
    Some((
        if low < high || short { format!("{} to {}", said.0, said.1) } else { format!("{} - {}", said.0, said.1) },
        next,
    ))
}

/// "3:1", "16:9": short numbers that cannot be a time of day, whose minutes have two digits.
fn ratio(at: Cursor<'_>) -> Reading<'_> {
    let (first, next) = at.digits_of(1, 3)?;
    let (second, next) = next.eat(':')?.digits_of(1, 3)?;
    let said = |digits: &str| cardinal(digits, And::Said);
    (next.at_boundary() && next.eat(':').is_none() && !(second.len() > 1 && second.starts_with('0')))
        .then(|| (format!("{} to {}", said(first), said(second)), next))
}

/// "4.5/5" is no fraction, with its decimals.
fn rating<'a>(first: &Number<'_>, at: Cursor<'a>) -> Reading<'a> {
    first.fraction?;
    let (digits, next) = at.eat('/')?.digits_of(1, 3)?;
    next.at_boundary().then(|| (format!("{} out of {}", first.say(And::Said), cardinal(digits, And::Said)), next))
}

fn product<'a>(first: &Number<'_>, at: Cursor<'a>) -> Reading<'a> {
    let spaced = at.gap();
    let start = spaced.unwrap_or(at).eat_any("x×")?;
    let start = if spaced.is_some() { start.gap()? } else { start };
    let (second, next) = Number::read_unsigned(start)?;
    next.at_boundary().then(|| (format!("{} by {}", first.say(And::Said), second.say(And::Said)), next))
}

/// The value, for comparison alone.
fn value(number: &Number<'_>) -> Option<f64> {
    let whole: String = number.whole.chars().filter(char::is_ascii_digit).collect();
    let fraction = number.fraction.unwrap_or("0");
    let value: f64 = format!("{whole}.{fraction}").parse().ok()?;
    Some(if number.negative { -value } else { value })
}
