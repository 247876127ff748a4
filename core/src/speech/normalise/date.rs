//! Dates, years, decades and spans of them.
//!
//! Numeric dates are read month first ("01/07/98" -> "january seventh"), as the yardstick and most English text
//! online have it; a first number above twelve makes it day first. A year in front is always year, month, day.

use super::cursor::{Cursor, Reading};
use super::number::{is_year_like, ordinal_suffix};
use super::words::{And, below_hundred, cardinal, ordinal, plural_of, small, year};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [(&str, &[&str]); 7] = [
    ("Monday", &["mon"]),
    ("Tuesday", &["tu", "tue", "tues"]),
    ("Wednesday", &["wed"]),
    ("Thursday", &["th", "thu", "thur", "thurs"]),
    ("Friday", &["fri"]),
    ("Saturday", &["sat"]),
    ("Sunday", &["sun"]),
];
const ERAS: [(&str, &str); 8] = [
    ("BCE", "BCE"),
    ("B.C.E.", "BCE"),
    ("BC", "BC"),
    ("B.C.", "BC"),
    ("CE", "CE"),
    ("C.E.", "CE"),
    ("AD", "AD"),
    ("A.D.", "AD"),
];
/// Words after which "3/4" is a day and not a fraction.
const BEFORE_A_DAY: [&str; 10] = ["on", "by", "until", "till", "since", "before", "after", "due", "dated", "date:"];

/// Reads whatever speaks of days and years.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let first = at.peek()?;
    if first.is_ascii_digit() {
        return numeric(at)
            .or_else(|| day_first(at))
            .or_else(|| decades(at))
            .or_else(|| years(at))
            .or_else(|| month_slash_day(at));
    }
    if first.is_alphabetic() {
        return month_first(at).or_else(|| weekday(at)).or_else(|| decade_with_prefix(at)).or_else(|| era_first(at));
    }
    decades(at)
}

/// "july 25 2012", "Jan-15", "SEPT. 15", "July 4-6", "july 1876".
fn month_first(at: Cursor<'_>) -> Reading<'_> {
    let (month, after) = month(at)?;
    let after = after.eat('.').unwrap_or(after);
    let separated = after.gap().or_else(|| after.eat('-'))?;
    if let Some((digits, next)) = separated.digits_of(4, 4)
        && is_calendar_year(digits)
        && next.at_boundary()
        && certain(at, month, next)
    {
        return Some((format!("{month} {}", year(digits)), next));
    }
    let (day, next) = day(separated)?;
    if next.eat_any(":./").is_some_and(|c| c.digits().is_some()) {
        return None;
    }
    let mut said = format!("{month} {day}");
    let mut end = next;
    if let Some((last, next)) = next.range_dash().and_then(self::day) {
        said = format!("{said} to {last}");
        end = next;
    }
    if let Some((year, next)) = year_after(end) {
        return Some((said + &year, next));
    }
    certain(at, month, end).then_some((said, end))
}

/// "25 july 2012", "25th jul", "4 June".
fn day_first(at: Cursor<'_>) -> Reading<'_> {
    let (mut said, mut next) = day(at)?;
    if let Some((last, after)) = next.range_dash().and_then(self::day) {
        said = format!("{said} to {last}");
        next = after;
    }
    let (month, after) = month(next.gap().or_else(|| next.eat('-'))?)?;
    let end =
        if month.len() > 3 { after.eat('.').filter(|_| is_abbreviated(next, after)).unwrap_or(after) } else { after };
    let article = if at.word_behind().0.eq_ignore_ascii_case("the") { "" } else { "the " };
    let said = format!("{article}{said} of {month}");
    if let Some((year, next)) = year_after(end) {
        return Some((said + &year, next));
    }
    certain(next.spaces(), month, end).then_some((said, end))
}

/// "2016/07/03", "01.10.2010", "15/01/2020", "11/17/05".
fn numeric(at: Cursor<'_>) -> Reading<'_> {
    let (first, next) = at.digits_of(1, 4)?;
    let separator = next.peek().filter(|c| "/-.".contains(*c))?;
    let (second, next) = next.eat(separator)?.digits_of(1, 2)?;
    let (third, next) = next.eat(separator)?.digits_of(1, 4)?;
    if !next.at_boundary() || next.eat_any("/-.").is_some_and(|c| c.peek().is_some_and(char::is_alphanumeric)) {
        return None;
    }
    if first.len() == 4 && third.len() <= 2 && is_calendar_year(first) {
        return Some((format!("{} {}", month_and_day(second, third)?, year(first)), next));
    }
    let said_year = match third.len() {
        4 if is_calendar_year(third) => year(third),
        2 if separator != '.' => short_year(third),
        _ => return None,
    };
    let date = if small(first) > 12 {
        format!("the {} of {}", ordinal_day(first)?, month_named(second)?)
    } else {
        month_and_day(first, second)?
    };
    Some((format!("{date} {said_year}"), next))
}

/// "on 12/25": only behind a word that wants a day.
fn month_slash_day(at: Cursor<'_>) -> Reading<'_> {
    let (word, _) = at.word_behind();
    if !BEFORE_A_DAY.iter().any(|before| before.eq_ignore_ascii_case(word)) {
        return None;
    }
    let (month, next) = at.digits_of(1, 2)?;
    let (day, next) = next.eat('/')?.digits_of(1, 2)?;
    let said = month_and_day(month, day)?;
    (next.at_boundary() && next.eat('/').is_none()).then_some((said, next))
}

/// "Tue, Jan 3", "Tu (2/22)": the short names of days only where a date follows, for "sun" and "sat" are words.
fn weekday(at: Cursor<'_>) -> Reading<'_> {
    let (word, next) = at.letters()?;
    if !word.starts_with(char::is_uppercase) {
        return None;
    }
    let (name, _) = WEEKDAYS.iter().find(|(_, short)| short.iter().any(|short| short.eq_ignore_ascii_case(word)))?;
    // "Mon-Fri"
    if let Some((last, after)) = next.range_dash().and_then(Cursor::letters)
        && let Some((last, _)) =
            WEEKDAYS.iter().find(|(_, short)| short.iter().any(|short| short.eq_ignore_ascii_case(last)))
        && after.at_boundary()
    {
        return Some((format!("{name} to {last}"), after));
    }
    let end = next.eat('.').unwrap_or(next);
    let follows = end.eat(',').unwrap_or(end).gap()?;
    if let Some(inner) = follows.eat('(')
        && let Some((day, next)) = date_in_brackets(inner)
    {
        return Some((format!("{name} ({day}"), next));
    }
    (month(follows).is_some() || day_first(follows).is_some() || numeric(follows).is_some())
        .then(|| ((*name).to_owned(), end))
}

fn date_in_brackets(at: Cursor<'_>) -> Reading<'_> {
    let (month, next) = at.digits_of(1, 2)?;
    let (day, next) = next.eat('/')?.digits_of(1, 2)?;
    next.eat(')')?;
    Some((month_and_day(month, day)?, next))
}

/// "1980s", "'80s", "1960s-1980s".
fn decades(at: Cursor<'_>) -> Reading<'_> {
    let (first, next) = decade(at)?;
    if let Some((last, next)) = next.range_dash().and_then(decade) {
        return Some((format!("{first} to {last}"), next));
    }
    Some((first, next))
}

/// "mid-1980s".
fn decade_with_prefix(at: Cursor<'_>) -> Reading<'_> {
    let (prefix, next) = at.letters()?;
    ["mid", "early", "late", "pre", "post"].iter().find(|known| known.eq_ignore_ascii_case(prefix))?;
    let (decade, next) = decades(next.eat('-')?)?;
    Some((format!("{prefix} {decade}"), next))
}

fn decade(at: Cursor<'_>) -> Reading<'_> {
    let unquoted = at.eat_any("'’");
    let (digits, next) = unquoted.unwrap_or(at).digits()?;
    let next = next.eat('s').or_else(|| next.eat_any("'’")?.eat('s').filter(|_| digits.len() == 4))?;
    let whole = match digits.len() {
        2 if !digits.starts_with('0') => below_hundred(small(digits)),
        4 if unquoted.is_none() && is_calendar_year(digits) && digits != "1000" => year(digits),
        _ => return None,
    };
    (digits.ends_with('0') && digits != "10" && next.at_boundary()).then(|| (plural_of(&whole), next))
}

/// "1980-1986", "1980–86", "300 BC".
fn years(at: Cursor<'_>) -> Reading<'_> {
    let (first, next) = at.digits_of(1, 4)?;
    let said = if is_calendar_year(first) { year(first) } else { cardinal(first, And::Said) };
    if let Some((era, next)) = era(next.spaces()) {
        return Some((format!("{said} {era}"), next));
    }
    if !is_year_like(first) {
        return None;
    }
    // "2024/25" is one season.
    if let Some((last, next)) = next.eat('/').and_then(|c| c.digits_of(2, 2))
        && small(last) == (small(first) + 1) % 100
        && next.at_boundary()
    {
        return Some((format!("{} {}", year(first), below_hundred(small(last))), next));
    }
    let (last, next) = next.range_dash()?.digits()?;
    if !next.at_boundary() || next.eat_any("-–/").is_some_and(|c| c.digits().is_some()) {
        return None;
    }
    let end = match last.len() {
        4 if is_calendar_year(last) && last > first => year(last),
        2 if small(last) > small(&first[2..]) && small(last) >= 10 => below_hundred(small(last)),
        _ => return None,
    };
    let said = format!("{said} to {end}");
    match era(next.spaces()) {
        Some((era, next)) => Some((format!("{said} {era}"), next)),
        None => Some((said, next)),
    }
}

/// "AD 79".
fn era_first(at: Cursor<'_>) -> Reading<'_> {
    let next = at.eat('A')?.eat('D')?;
    let (digits, next) = next.gap()?.digits_of(1, 4)?;
    next.at_boundary().then(|| {
        (format!("AD {}", if is_year_like(digits) { year(digits) } else { cardinal(digits, And::Said) }), next)
    })
}

fn era(at: Cursor<'_>) -> Option<(&'static str, Cursor<'_>)> {
    ERAS.iter().find_map(|(written, said)| {
        let next = at.skip(at.rest().starts_with(written).then_some(written.len())?);
        next.at_boundary().then_some((*said, next))
    })
}

/// The month's full name, in lower case, from any usual spelling.
fn month(at: Cursor<'_>) -> Option<(&'static str, Cursor<'_>)> {
    let (word, next) = at.letters()?;
    if word.len() < 3 {
        return None;
    }
    let found = MONTHS.into_iter().find(|month| {
        let short = word.len() == 3 || (word.len() == 4 && *month == "september");
        (short || word.len() == month.len())
            && month.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    (next.at_boundary()).then_some((found, next))
}

fn is_abbreviated(before: Cursor<'_>, after: Cursor<'_>) -> bool {
    before.up_to(after).trim().len() <= 4
}

/// "may" and "march" (and "mar", "dec"...) in lower case are also words: "you may 5 times" is no date. They count
/// with a capital, or where nothing that belongs to a sentence follows.
fn certain(name: Cursor<'_>, month: &str, end: Cursor<'_>) -> bool {
    let capital = name.peek().is_some_and(char::is_uppercase);
    if capital || !matches!(month, "may" | "march") {
        return true;
    }
    let after = end.spaces();
    !after.peek().is_some_and(char::is_alphanumeric)
        || ["at", "in", "on", "to", "and", "or", "from", "is", "was"].iter().any(|word| after.eat_word(word).is_some())
}

/// A day of the month as its ordinal, from "4" or "4th".
fn day(at: Cursor<'_>) -> Reading<'_> {
    let (digits, next) = at.digits_of(1, 2)?;
    let said = ordinal_day(digits)?;
    let next = ordinal_suffix(digits, next).unwrap_or(next);
    next.at_boundary().then_some((said, next))
}

/// ", 1998" or " 1998" behind a day, as ", nineteen ninety eight".
fn year_after(at: Cursor<'_>) -> Reading<'_> {
    let comma = at.eat(',');
    let start = comma.map(Cursor::spaces).or_else(|| at.gap()).or_else(|| at.eat('-'))?;
    let (digits, next) = start.digits_of(4, 4)?;
    if !is_calendar_year(digits) || !next.at_boundary() || next.eat_any(":.").is_some_and(|c| c.digits().is_some()) {
        return None;
    }
    Some((format!("{}{}", if comma.is_some() { ", " } else { " " }, year(digits)), next))
}

fn month_and_day(month: &str, day: &str) -> Option<String> {
    Some(format!("{} {}", month_named(month)?, ordinal_day(day)?))
}

fn month_named(digits: &str) -> Option<&'static str> {
    MONTHS.get((small(digits) as usize).checked_sub(1)?).copied()
}

fn ordinal_day(digits: &str) -> Option<String> {
    (1..=31).contains(&small(digits)).then(|| ordinal(digits))
}

fn short_year(digits: &str) -> String {
    match small(digits) {
        0 => "two thousand".to_owned(),
        n @ 1..10 => format!("oh {}", below_hundred(n)),
        n => below_hundred(n),
    }
}

fn is_calendar_year(digits: &str) -> bool {
    digits.len() == 4 && matches!(digits.as_bytes()[0], b'1' | b'2')
}
