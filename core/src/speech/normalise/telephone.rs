//! Telephone and similar numbers, which are said digit by digit in the groups they are written in.

use super::cursor::{Cursor, Reading};
use super::words::digit_by_digit;

/// Words after which digits name something and count nothing.
const BEFORE_A_CODE: [&str; 16] = [
    "code",
    "pin",
    "otp",
    "passcode",
    "password",
    "zip",
    "extension",
    "ext",
    "isbn",
    "ssn",
    "dial",
    "call",
    "text",
    "phone",
    "account",
    "flight",
];

/// Short numbers that are dialled: "call 911 now", but "call 200 people".
const EMERGENCY: [&str; 12] = ["911", "112", "999", "000", "111", "101", "311", "411", "211", "511", "811", "988"];

const MOST_GROUPS: usize = 8;

/// Reads a number that is dialled or keyed in.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    if at.peek()?.is_alphabetic() {
        return named_code(at);
    }
    if at.before().is_some_and(|c| matches!(c, '-' | '/' | '.' | '$')) {
        return None;
    }
    grouped(at)
}

/// "+1 (123) 123-5678 ext. 4".
fn grouped(at: Cursor<'_>) -> Reading<'_> {
    let mut groups: Vec<String> = Vec::new();
    let mut shape: Vec<usize> = Vec::new();
    let mut next = at;
    let international = next.eat('+');
    if let Some((country, after)) = international.and_then(|plus| plus.digits_of(1, 12)) {
        groups.push(format!("plus {}", digit_by_digit(country)));
        next = after.eat_any("-. ").unwrap_or(after);
        shape.push(country.len());
    } else if let Some((trunk, after)) = next.eat('1').and_then(|after| Some(("one", after.eat_any("-. ")?)))
        && (after.eat('(').is_some() || after.digits_of(3, 3).is_some())
    {
        groups.push(trunk.to_owned());
        next = after;
    }
    let mut end = next;
    while shape.len() < MOST_GROUPS
        && let Some((group, length, after)) = group(next)
    {
        groups.push(group);
        shape.push(length);
        end = after;
        let Some(separator) = separator(after) else { break };
        next = separator;
    }
    let international = international.is_some();
    let trunk = groups.first().is_some_and(|first| first == "one");
    let known = if international {
        (7..=16).contains(&shape.iter().sum::<usize>())
    } else {
        is_number(&shape, trunk, at.up_to(end))
    };
    let unfinished = end.eat_any("-./").is_some_and(|after| after.digits().is_some());
    if !known || !end.at_boundary() || unfinished {
        return None;
    }
    let (extension, end) = extension(end);
    Some((groups.join(", ") + &extension, end))
}

/// True if groups of these lengths are a number that people dial or key in.
fn is_number(shape: &[usize], trunk: bool, written: &str) -> bool {
    let digits: usize = shape.iter().sum();
    match shape {
        [3, 3, 4] | [3, 2, 4] => true,
        [3, 3, 4, extra] => *extra <= 4 && (!written.contains(' ') || written.contains('(')),
        [3, letters @ ..] if trunk => letters.len() >= 2,
        // "978-3-16-148410-0" names a book.
        [_, _, _, _, ..] if !written.contains([' ', '.', '(']) => digits >= 9,
        // "500-1000" is a span of round numbers.
        [3, 4] => {
            written.contains('-') && written.starts_with(|c| ('2'..='9').contains(&c)) && !written.ends_with("00")
        }
        // National numbers elsewhere begin with a zero: "020 7946 0958".
        [_, _, ..] => written.starts_with('0') && (9..=12).contains(&digits) && !written.contains('.'),
        _ => false,
    }
}

/// One group: "(123)", "5678", "GO", "HAUL". The zeros of a toll-free "800" are not spelled out.
fn group(at: Cursor<'_>) -> Option<(String, usize, Cursor<'_>)> {
    if let Some((digits, next)) = at.eat('(').and_then(|c| c.digits_of(1, 5)) {
        return Some((digit_by_digit(digits), digits.len(), next.eat(')')?));
    }
    if let Some((digits, next)) = at.digits_of(1, 8) {
        let said = match digits {
            "800" => "eight hundred".to_owned(),
            _ => digit_by_digit(digits),
        };
        return next.at_boundary().then_some((said, digits.len(), next));
    }
    let (letters, next) = at.letters().filter(|(word, _)| word.len() >= 2 && word.chars().all(char::is_uppercase))?;
    // "GO-2-HAUL": a lone digit inside the words is said with the word before it.
    if let Some((digit, after)) = next.eat('-').and_then(|c| c.digits_of(1, 1)) {
        return Some((format!("{letters} {}", digit_by_digit(digit)), letters.len() + 1, after));
    }
    next.at_boundary().then(|| (letters.to_owned(), letters.len(), next))
}

fn separator(at: Cursor<'_>) -> Option<Cursor<'_>> {
    let next = at.eat_any("-. ").or_else(|| at.before().filter(|c| *c == ')').map(|_| at))?;
    let lettered = next.peek().is_some_and(char::is_alphabetic) && at.eat('-').is_none();
    (!lettered && next.peek().is_some_and(|c| c.is_alphanumeric() || c == '(')).then_some(next)
}

fn extension(at: Cursor<'_>) -> (String, Cursor<'_>) {
    let found = || {
        let start = at.eat(',').unwrap_or(at).gap()?;
        let word = ["extension", "ext.", "ext", "x"].iter().find_map(|word| start.eat_text(word))?;
        let (digits, next) = word.spaces().digits_of(1, 6)?;
        next.at_boundary().then(|| (format!(", extension {}", digit_by_digit(digits)), next))
    };
    found().unwrap_or_else(|| (String::new(), at))
}

/// "ending in 8876", "PIN is 1234", "call 911": the digits name something, so they are said one by one.
fn named_code(at: Cursor<'_>) -> Reading<'_> {
    let (word, next) = at.letters()?;
    let next = if ["ending", "ends"].iter().any(|known| known.eq_ignore_ascii_case(word)) {
        next.gap()?.eat_word("in").or_else(|| next.gap()?.eat_word("with"))?
    } else {
        BEFORE_A_CODE.iter().find(|known| known.eq_ignore_ascii_case(word))?;
        let next = next.eat_any(":.#").unwrap_or(next);
        ["number", "no.", "is", "at"].iter().fold(next, |next, link| {
            next.gap().and_then(|gap| gap.eat_text(link)).filter(|after| after.gap().is_some()).unwrap_or(next)
        })
    };
    let start = next.gap()?;
    let (digits, end) = start.digits().filter(|(digits, _)| digits.len() >= 3)?;
    let dialled = digits.len() > 4 || EMERGENCY.contains(&digits) || end.gap().is_none();
    let alone = end.at_boundary() && !end.eat_any("-,.:/").is_some_and(|c| c.peek().is_some_and(char::is_alphanumeric));
    (alone && (dialled || !["call", "text", "phone"].iter().any(|verb| verb.eq_ignore_ascii_case(word))))
        .then(|| (format!("{}{}", at.up_to(start), digit_by_digit(digits)), end))
}
