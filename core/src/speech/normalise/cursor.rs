//! A position in the written text, and the small steps that the classes take from it.
//!
//! A cursor is a copyable value: every step gives a new one, so a class tries a reading and simply drops it when it
//! does not fit. No class knows how another one reads; they share only these steps.

/// What a class makes of the text at a cursor: the words to say, and where the text goes on.
pub(super) type Reading<'a> = Option<(String, Cursor<'a>)>;

/// A position in the text that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is still to be read.
    pub(super) fn rest(self) -> &'a str {
        &self.text[self.at..]
    }

    /// What lies before this position.
    pub(super) fn behind(self) -> &'a str {
        &self.text[..self.at]
    }

    pub(super) fn peek(self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The character before this position.
    pub(super) fn before(self) -> Option<char> {
        self.behind().chars().next_back()
    }

    /// The last word before this position, and where it begins. A word too long to be one of English is cut short.
    pub(super) fn word_behind(self) -> (&'a str, Self) {
        let behind = self.behind().trim_end_matches(' ');
        let from = behind.floor_char_boundary(behind.len().saturating_sub(40));
        let start = behind[from..]
            .rfind(char::is_whitespace)
            .map_or(from, |space| from + space + behind[from + space..].chars().next().map_or(0, char::len_utf8));
        (&behind[start..], Self { at: start, ..self })
    }

    /// The text between two positions.
    pub(super) fn up_to(self, end: Self) -> &'a str {
        &self.text[self.at..end.at.max(self.at)]
    }

    /// Goes on by `bytes`, which must lie on a character boundary: the length of a prefix of [`Self::rest`].
    pub(super) fn skip(self, bytes: usize) -> Self {
        Self { at: (self.at + bytes).min(self.text.len()), ..self }
    }

    pub(super) fn next(self) -> Option<(char, Self)> {
        let c = self.peek()?;
        Some((c, self.skip(c.len_utf8())))
    }

    pub(super) fn eat(self, wanted: char) -> Option<Self> {
        self.next().filter(|(c, _)| *c == wanted).map(|(_, next)| next)
    }

    pub(super) fn eat_any(self, wanted: &str) -> Option<Self> {
        self.next().filter(|(c, _)| wanted.contains(*c)).map(|(_, next)| next)
    }

    /// Eats `wanted`, whatever the case of its ASCII letters.
    pub(super) fn eat_text(self, wanted: &str) -> Option<Self> {
        let prefix = self.rest().get(..wanted.len())?;
        prefix.eq_ignore_ascii_case(wanted).then(|| self.skip(wanted.len()))
    }

    /// Eats the whole word `wanted`, whatever its case.
    pub(super) fn eat_word(self, wanted: &str) -> Option<Self> {
        self.eat_text(wanted).filter(|next| next.at_boundary())
    }

    fn run(self, belongs: impl Fn(char) -> bool) -> Option<(&'a str, Self)> {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        (end > 0).then(|| (&rest[..end], self.skip(end)))
    }

    /// One or more ASCII digits.
    pub(super) fn digits(self) -> Option<(&'a str, Self)> {
        self.run(|c| c.is_ascii_digit())
    }

    /// Between `least` and `most` ASCII digits, with no further digit behind them.
    pub(super) fn digits_of(self, least: usize, most: usize) -> Option<(&'a str, Self)> {
        self.digits().filter(|(digits, _)| (least..=most).contains(&digits.len()))
    }

    /// One or more letters of any script.
    pub(super) fn letters(self) -> Option<(&'a str, Self)> {
        self.run(char::is_alphabetic)
    }

    /// One or more letters and digits of any script.
    pub(super) fn alphanumerics(self) -> Option<(&'a str, Self)> {
        self.run(char::is_alphanumeric)
    }

    /// Everything up to the next white space, of at most `most` bytes; nothing when it is longer.
    pub(super) fn unbroken(self, most: usize) -> Option<&'a str> {
        let rest = self.rest();
        let mut end = rest.len();
        for (index, c) in rest.char_indices() {
            if c.is_whitespace() {
                end = index;
                break;
            }
            if index > most {
                return None;
            }
        }
        (end > 0).then(|| &rest[..end])
    }

    /// Past any spaces here, perhaps none.
    pub(super) fn spaces(self) -> Self {
        self.run(|c| c == ' ' || c == '\u{a0}' || c == '\u{202f}').map_or(self, |(_, next)| next)
    }

    /// Past at least one space.
    pub(super) fn gap(self) -> Option<Self> {
        let next = self.spaces();
        (next.at > self.at).then_some(next)
    }

    /// True where no letter or digit follows: a word or number that stops here is whole.
    pub(super) fn at_boundary(self) -> bool {
        !self.peek().is_some_and(char::is_alphanumeric)
    }

    /// True where a token may start: no letter or digit stands right before.
    pub(super) fn starts_token(self) -> bool {
        !self.before().is_some_and(char::is_alphanumeric)
    }

    /// True at the end of the text, or before white space only.
    pub(super) fn at_end(self) -> bool {
        self.rest().trim_start().is_empty()
    }

    /// Eats the hyphen or dash of a range, with or without spaces around a dash.
    pub(super) fn range_dash(self) -> Option<Self> {
        if let Some(next) = self.eat_any("-–—") {
            return Some(next);
        }
        self.gap()?.eat_any("–—").and_then(Cursor::gap)
    }

    /// Past the stop of an abbreviation that ends here. A stop with another sentence mark behind it stays: it is
    /// that mark's company and not the abbreviation's.
    pub(super) fn abbreviation_stop(self) -> Self {
        match self.eat('.') {
            Some(next) if !matches!(next.peek(), Some('.' | '?' | '!')) => next,
            _ => self,
        }
    }
}
