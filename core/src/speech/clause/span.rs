//! Links, code in a line and bare addresses: stretches of a line in which no clause ends.

/// Links and code in a line are looked through up to this many bytes; longer ones are taken as plain text.
pub(super) const LONGEST_SPAN: usize = 600;
/// What may stand between a sentence's last mark and the space behind it.
pub(super) const CLOSERS: &str = "\"')]”’»*_`";

/// What begins at a place.
pub(super) enum Span {
    /// Nothing of the kind.
    None,
    /// Begun, and its end is not in the text.
    Open,
    /// All of it, and how wide it is when it is spoken.
    Whole { bytes: usize, width: usize },
}

impl Span {
    /// The span that begins with this text.
    pub(super) fn begins(text: &str) -> Self {
        match text.chars().next() {
            Some('[') => link(text),
            Some('`') => code(text),
            Some('h') => address(text),
            _ => Self::None,
        }
    }
}

fn link(text: &str) -> Span {
    let Some(close) = find(text, ']') else { return open(text) };
    match text[close + 1..].chars().next() {
        None => Span::Open,
        Some('(') => match find(&text[close + 1..], ')') {
            Some(end) => Span::Whole { bytes: close + 1 + end + 1, width: text[..close].chars().map(width).sum() },
            None => open(&text[close + 1..]),
        },
        Some(_) => Span::None,
    }
}

fn code(text: &str) -> Span {
    match find(&text[1..], '`') {
        Some(0) => Span::None,
        Some(end) => Span::Whole { bytes: end + 2, width: text[1..=end].chars().map(width).sum() },
        None => open(text),
    }
}

fn address(text: &str) -> Span {
    let scheme = ["https://", "http://"].iter().find(|scheme| text.starts_with(**scheme) || scheme.starts_with(text));
    match scheme {
        None => Span::None,
        Some(scheme) if text.len() < scheme.len() => Span::Open,
        Some(_) => match text.find(char::is_whitespace) {
            Some(end) => {
                let bytes = text[..end].trim_end_matches(|c: char| ".,;:!?…—".contains(c) || CLOSERS.contains(c)).len();
                Span::Whole { bytes, width: 20 }
            }
            None => Span::Open,
        },
    }
}

/// The place of `wanted` in this line, not too far away.
fn find(text: &str, wanted: char) -> Option<usize> {
    text.char_indices()
        .take_while(|(at, c)| *at < LONGEST_SPAN && *c != '\n')
        .find(|(_, c)| *c == wanted)
        .map(|(at, _)| at)
}

/// A span whose end may still come in this line.
fn open(text: &str) -> Span {
    if text.contains('\n') { Span::None } else { Span::Open }
}

/// How wide a character is when it is spoken.
pub(super) fn width(c: char) -> usize {
    match c {
        '0'..='9' => 4,
        '%' | '$' | '€' | '£' | '&' | '@' | '°' | '+' | '=' => 6,
        _ => 1,
    }
}
