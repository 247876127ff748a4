//! Street addresses and the abbreviations of states: "1211 E Arques Ave", "Santa Clara, CA 95051".

use super::cursor::{Cursor, Reading};
use super::number;
use super::words::{digit_by_digit, in_pairs};

const STREETS: [(&str, &str); 18] = [
    ("st", "Street"),
    ("ave", "Avenue"),
    ("av", "Avenue"),
    ("blvd", "Boulevard"),
    ("rd", "Road"),
    ("dr", "Drive"),
    ("ln", "Lane"),
    ("ct", "Court"),
    ("pl", "Place"),
    ("sq", "Square"),
    ("pkwy", "Parkway"),
    ("hwy", "Highway"),
    ("expy", "Expressway"),
    ("expwy", "Expressway"),
    ("fwy", "Freeway"),
    ("ter", "Terrace"),
    ("cir", "Circle"),
    ("trl", "Trail"),
];
const FULL_STREETS: [&str; 14] = [
    "Street",
    "Avenue",
    "Boulevard",
    "Road",
    "Drive",
    "Lane",
    "Court",
    "Place",
    "Square",
    "Parkway",
    "Highway",
    "Way",
    "Terrace",
    "Circle",
];
const DIRECTIONS: [(&str, &str); 8] = [
    ("N", "North"),
    ("S", "South"),
    ("E", "East"),
    ("W", "West"),
    ("NE", "Northeast"),
    ("NW", "Northwest"),
    ("SE", "Southeast"),
    ("SW", "Southwest"),
];
const STATES: [(&str, &str); 51] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "DC"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];
/// Codes that are words or other abbreviations too; they count only before a ZIP code.
const ALSO_WORDS: [&str; 11] = ["AL", "CO", "HI", "ID", "IN", "LA", "ME", "OH", "OK", "OR", "MS"];

/// How many words a street's name may have before its kind.
const LONGEST_NAME: usize = 4;

/// Reads a house number and its street, or the abbreviation of a state.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    if at.peek()?.is_ascii_digit() { room(at).or_else(|| house(at)) } else { state(at).or_else(|| street_alone(at)) }
}

/// "room 404" -> "room four oh four".
fn room(at: Cursor<'_>) -> Reading<'_> {
    let (word, _) = at.word_behind();
    ["room", "suite", "flight"].iter().find(|known| known.eq_ignore_ascii_case(word))?;
    let (digits, next) = at.digits_of(3, 4)?;
    next.at_boundary().then(|| (in_pairs(digits), next))
}

fn house(at: Cursor<'_>) -> Reading<'_> {
    let (number, after) = at.digits_of(1, 5)?;
    let mut next = after.gap()?;
    let mut said = in_pairs(number);
    let mut named = false;
    for _ in 0..=LONGEST_NAME {
        let (word, end) = next.alphanumerics()?;
        if named && let Some((street, end)) = street(word, end) {
            return Some((format!("{said} {street}"), end));
        }
        let direction = DIRECTIONS.iter().find(|(short, _)| *short == word);
        let spoken = match direction {
            Some((_, full)) => (*full).to_owned(),
            None if word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphabetic) => word.to_owned(),
            None => number::read_ordinal(next)?.0,
        };
        named |= direction.is_none();
        said = format!("{said} {spoken}");
        let end = if direction.is_some() { end.eat('.').unwrap_or(end) } else { end };
        next = end.gap()?;
    }
    None
}

/// The street's kind in full; its stop stays where it ends the sentence.
fn street<'a>(word: &str, end: Cursor<'a>) -> Reading<'a> {
    if FULL_STREETS.contains(&word) {
        return Some((word.to_owned(), end));
    }
    let (_, full) = STREETS.iter().find(|(short, _)| short.eq_ignore_ascii_case(word))?;
    let next = match end.eat('.') {
        Some(dotted) if !dotted.gap().is_some_and(|c| c.peek().is_some_and(char::is_uppercase)) => dotted,
        _ => end,
    };
    Some(((*full).to_owned(), next))
}

/// "Main St." -> "Main Street.": behind a name and not before one, where it would be a saint.
fn street_alone(at: Cursor<'_>) -> Reading<'_> {
    let (word, end) = at.letters()?;
    if !matches!(word, "St" | "Ave" | "Blvd" | "Rd" | "Ln" | "Pkwy" | "Hwy" | "Expy") {
        return None;
    }
    let before = at.behind().strip_suffix(' ')?.rsplit(' ').next()?;
    let name = before.starts_with(char::is_uppercase) && before.chars().all(char::is_alphabetic);
    let named = before.len() > 2 && (name || before.starts_with(|c: char| c.is_ascii_digit()));
    let dotted = end.eat('.')?;
    let follows = dotted.gap().and_then(Cursor::peek);
    if !named || follows.is_some_and(char::is_uppercase) {
        return None;
    }
    let (_, full) = STREETS.iter().find(|(short, _)| short.eq_ignore_ascii_case(word))?;
    Some(((*full).to_owned(), if dotted.at_end() { end } else { dotted }))
}

/// "CA 95051" or "NY", after a city and a comma.
fn state(at: Cursor<'_>) -> Reading<'_> {
    let (code, next) = at.letters().filter(|(code, _)| code.len() == 2)?;
    let city = at.behind().strip_suffix(", ")?;
    let (_, name) = STATES.iter().find(|(short, _)| *short == code)?;
    let zip = next.gap().and_then(|c| c.digits_of(5, 5)).filter(|(_, end)| end.at_boundary());
    if let Some((zip, end)) = zip {
        let extra = end.eat('-').and_then(|c| c.digits_of(4, 4));
        let (more, end) =
            extra.map_or((String::new(), end), |(more, end)| (format!(", {}", digit_by_digit(more)), end));
        return Some((format!("{name} {}{more}", digit_by_digit(zip)), end));
    }
    let place = city.rsplit(' ').next().is_some_and(|word| word.starts_with(char::is_uppercase));
    (place && next.at_boundary() && !ALSO_WORDS.contains(&code)).then(|| ((*name).to_owned(), next))
}
