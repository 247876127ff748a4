//! Serial and model numbers: letters and digits mixed, perhaps with hyphens ("B2A23C", "t-0t25d12-f", "COVID-19").

use super::cursor::{Cursor, Reading};
use super::number::is_year_like;
use super::words::{And, below_hundred, cardinal, digit_by_digit, small, year};

/// A longer chain of parts is read piece by piece.
const MOST_PARTS: usize = 16;

/// Reads a run of letters and digits that holds both.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let mut end = at.alphanumerics()?.1;
    for _ in 0..MOST_PARTS {
        let Some((_, next)) = end.eat_any("-/").and_then(Cursor::alphanumerics) else { break };
        end = next;
    }
    let written = at.up_to(end);
    if !(written.bytes().any(|b| b.is_ascii_digit()) && written.chars().any(char::is_alphabetic)) {
        return None;
    }
    if starts_version(at) {
        let (number, end) = points(parts(&written[1..]), end);
        return Some((format!("version {number}"), end));
    }
    Some(points(parts(written), end))
}

/// "v2.0"
fn starts_version(at: Cursor<'_>) -> bool {
    at.eat_any("vV").and_then(Cursor::digits).is_some_and(|(_, next)| next.at_boundary())
}

/// The decimals or further parts of a version behind the last number: "GPT-4.5", "v2.0.1".
fn points(mut said: String, mut end: Cursor<'_>) -> (String, Cursor<'_>) {
    for _ in 0..MOST_PARTS {
        let numbered = end.before().is_some_and(|c| c.is_ascii_digit());
        let Some((digits, next)) = end.eat('.').filter(|_| numbered).and_then(Cursor::digits) else { break };
        said = format!("{said} point {}", say(digits, true));
        end = next;
    }
    (said, end)
}

fn parts(written: &str) -> String {
    let mut said = String::with_capacity(written.len() * 3);
    let mut at = Cursor::new(written);
    while let Some((c, next)) = at.next() {
        if let Some((digits, next)) = at.digits() {
            space(&mut said);
            let alone = at.starts_token() && next.at_boundary();
            said.push_str(&say(digits, alone));
            at = next;
        } else if c.is_alphabetic() {
            space(&mut said);
            let (letters, next) = at.letters().unwrap_or(("", next));
            said.push_str(letters);
            at = next;
        } else {
            said.push(c);
            at = next;
        }
    }
    said
}

fn space(said: &mut String) {
    if said.ends_with(char::is_alphanumeric) {
        said.push(' ');
    }
}

/// Digits that stand between hyphens are a number of up to three figures; those stuck to letters, of up to two.
fn say(digits: &str, alone: bool) -> String {
    let zero_led = digits.len() > 1 && digits.starts_with('0');
    match digits.len() {
        _ if zero_led => digit_by_digit(digits),
        1..=2 => below_hundred(small(digits)),
        3 if alone => cardinal(digits, And::Left),
        4 if alone && is_year_like(digits) => year(digits),
        _ => digit_by_digit(digits),
    }
}
