//! What is passed on untouched: mark-up tags and phonemes in square brackets, which are meant for the voice.

use super::cursor::{Cursor, Reading};

const LONGEST: usize = 200;

/// Reads a tag or bracketed phonemes as they stand.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    match at.peek()? {
        '<' => tag(at),
        '[' => phonemes(at),
        _ => None,
    }
}

fn tag(at: Cursor<'_>) -> Reading<'_> {
    let inside = at.skip(1);
    let name = inside.eat('/').unwrap_or(inside);
    if !name.peek()?.is_ascii_alphabetic() {
        return None;
    }
    let end = within(at, '>')?;
    (!at.up_to(end)[1..].contains('<')).then(|| (at.up_to(end).to_owned(), end))
}

/// ARPAbet, each symbol with at most a stress digit: "[HH AH0 L OW1]".
fn phonemes(at: Cursor<'_>) -> Reading<'_> {
    let end = within(at, ']')?;
    let written = at.up_to(end);
    let inside = &written[1..written.len() - 1];
    let symbol = |symbol: &str| {
        let letters = symbol.trim_end_matches(['0', '1', '2']);
        (1..=2).contains(&letters.len())
            && symbol.len() <= letters.len() + 1
            && letters.bytes().all(|b| b.is_ascii_uppercase())
    };
    (!inside.is_empty() && inside.split(' ').all(symbol)).then(|| (written.to_owned(), end))
}

fn within(at: Cursor<'_>, close: char) -> Option<Cursor<'_>> {
    let (end, _) = at.rest().char_indices().take(LONGEST).find(|(_, c)| *c == close)?;
    Some(at.skip(end + 1))
}
