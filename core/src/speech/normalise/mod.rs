//! Written English to spoken words: "at 18:05 it's 21°C" -> "at eighteen oh five it's twenty one degrees Celsius".
//!
//! One file per class of writing. A class is a function that is shown the text at the start of a token and either
//! gives the words to say and where the text goes on, or declines; [`CLASSES`] asks them in order and the first
//! reading wins. What nobody claims is copied, so ordinary sentences come out as they went in, in their own case and
//! with the punctuation that the voice phrases by.
//!
//! The classes and the wording of their readings follow the test sets of NeMo text processing (Apache-2.0), except
//! where a person would not say it so. No Markdown here: that is gone before text arrives.

mod abbreviation;
mod address;
mod cursor;
mod date;
mod electronic;
mod fraction;
mod math;
mod measure;
mod money;
mod number;
mod range;
mod roman;
mod serial;
mod symbol;
mod telephone;
mod time;
mod units;
mod verbatim;
mod words;

use cursor::{Cursor, Reading};

/// The classes in the order in which they are asked: those that need the most evidence come first.
const CLASSES: &[for<'a> fn(Cursor<'a>) -> Reading<'a>] = &[
    verbatim::read,
    abbreviation::read,
    electronic::read,
    telephone::read,
    address::read,
    money::read,
    time::read,
    math::read,
    measure::read,
    date::read,
    time::read_hours,
    fraction::read,
    number::read_ordinal,
    number::read_plural,
    range::read,
    roman::read,
    serial::read,
    number::read,
    symbol::read,
];

/// Gives the words in which `written` is said. Any text goes in; white space comes out as single spaces.
pub fn spoken(written: &str) -> String {
    let mut out = Output::with_capacity(written.len() * 2);
    let mut at = Cursor::new(written);
    while let Some((c, next)) = at.next() {
        let reading = (at.starts_token() || !c.is_alphanumeric()).then(|| read(at)).flatten();
        if let Some((words, next)) = reading {
            out.say(&words);
            at = next;
        } else if let Some((word, next)) = at.alphanumerics() {
            out.copy_word(word);
            at = next;
        } else {
            out.copy(c);
            at = next;
        }
    }
    out.finish()
}

fn read(at: Cursor<'_>) -> Reading<'_> {
    // White space begins nothing; and a reading that goes nowhere would be asked for again for ever.
    if at.peek().is_some_and(char::is_whitespace) {
        return None;
    }
    CLASSES.iter().find_map(|class| class(at).filter(|(_, next)| next.behind().len() > at.behind().len()))
}

/// The words as they are put together, with the spaces that reading things out makes necessary.
struct Output {
    said: String,
    /// True while nothing but marks has come since a reading: the next word needs a space before it.
    touching: bool,
}

impl Output {
    fn with_capacity(bytes: usize) -> Self {
        Self { said: String::with_capacity(bytes), touching: false }
    }

    /// Adds a reading, parted from a word or a closing mark that stands right before it.
    fn say(&mut self, words: &str) {
        let word = words.starts_with(|c: char| c.is_alphanumeric() || c == '<');
        if word && self.said.ends_with(|c: char| c.is_alphanumeric() || ",.;:!?>)%".contains(c)) {
            self.space();
        }
        self.said.push_str(words);
        self.touching = word;
    }

    fn copy_word(&mut self, word: &str) {
        if self.touching && self.said.ends_with(|c: char| c.is_alphanumeric() || ",.;:!?)>".contains(c)) {
            self.space();
        }
        self.said.push_str(word);
        self.touching = false;
    }

    fn copy(&mut self, c: char) {
        if c.is_whitespace() {
            self.space();
            self.touching = false;
        } else {
            self.said.push(c);
            self.touching &= ",.;:!?)".contains(c);
        }
    }

    fn space(&mut self) {
        if !self.said.is_empty() && !self.said.ends_with(' ') {
            self.said.push(' ');
        }
    }

    fn finish(mut self) -> String {
        self.said.truncate(self.said.trim_end().len());
        self.said
    }
}

#[cfg(test)]
mod tests;
