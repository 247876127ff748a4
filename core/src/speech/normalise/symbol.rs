//! Signs that are said by name where no other class has claimed them.

use super::cursor::{Cursor, Reading};

/// Reads one sign.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (c, next) = at.next()?;
    if let Some(next) = at.eat_text("``") {
        return Some(("\"".to_owned(), next));
    }
    if let Some(next) = at.eat_text("->") {
        return Some(("to".to_owned(), next));
    }
    for (sign, said) in [("^2", "squared"), ("^3", "cubed"), ("²", "squared"), ("³", "cubed")] {
        if let Some(next) = at.eat_text(sign).filter(|next| next.at_boundary()) {
            return Some((said.to_owned(), next));
        }
    }
    let said = match c {
        '&' => "and",
        '@' => "at",
        '%' => "percent",
        '+' => "plus",
        '=' => "equals",
        '°' => "degrees",
        '§' => "section",
        '$' => "dollar",
        '£' => "pound",
        '€' => "euro",
        '¥' => "yen",
        '×' => "times",
        '÷' => "divided by",
        '±' => "plus or minus",
        '≈' => "about",
        '≤' => "at most",
        '≥' => "at least",
        '≠' => "not equal to",
        '∞' => "infinity",
        'π' => "pi",
        '√' => "square root",
        '→' | '⇒' => "to",
        '~' if next.peek().is_some_and(|c| c.is_ascii_digit() || c == '$') => "about",
        '#' if next.peek().is_some_and(|c| c.is_ascii_digit()) => "number",
        '#' if next.peek().is_some_and(char::is_alphabetic) => "hashtag",
        '<' if alone(at, next) => "less than",
        '>' if alone(at, next) => "greater than",
        '*' if between_numbers(at, next) => "times",
        '/' if !serial(at, next) => "slash",
        '_' if between_letters(at, next) => " ",
        '\\' => "backslash",
        _ => return None,
    };
    Some((said.to_owned(), next))
}

fn alone(at: Cursor<'_>, next: Cursor<'_>) -> bool {
    at.before() == Some(' ') && next.peek().is_some_and(|c| c == ' ' || c.is_ascii_digit())
}

fn between_numbers(at: Cursor<'_>, next: Cursor<'_>) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    digit(at.behind().trim_end().chars().next_back()) && digit(next.spaces().peek())
}

fn between_letters(at: Cursor<'_>, next: Cursor<'_>) -> bool {
    !at.starts_token() && next.peek().is_some_and(char::is_alphanumeric)
}

/// "25/235212": a slash inside a number is part of it, and is only a breath.
fn serial(at: Cursor<'_>, next: Cursor<'_>) -> bool {
    let (before, after) = (at.before(), next.peek());
    let joined = before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
    joined && [before, after].iter().flatten().any(char::is_ascii_digit)
}
