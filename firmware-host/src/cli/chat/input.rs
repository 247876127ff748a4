//! A text that somebody types, with a cursor in it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::text::printable;

/// The longest text that can be typed or pasted, in bytes.
const LONGEST: usize = 1 << 20;

/// What has been typed so far.
#[derive(Clone, Default)]
pub(super) struct Input {
    text: String,
    /// In bytes, between two graphemes.
    cursor: usize,
}

impl Input {
    /// A text to be changed, with the cursor at its end.
    pub(super) fn new(text: &str) -> Self {
        let text = printable(text);
        Input { cursor: text.len(), text }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes the text out and leaves none.
    pub(super) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Adds a text where the cursor is, as far as there is room.
    pub(super) fn insert(&mut self, text: &str) {
        let text = printable(&text.replace("\r\n", "\n").replace('\r', "\n"));
        let room = LONGEST.saturating_sub(self.text.len());
        let text = &text[..text.floor_char_boundary(room)];
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Does what an editing key says. False if it is none.
    pub(super) fn on(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('a') if control => self.cursor = self.line_start(),
            KeyCode::Char('e') if control => self.cursor = self.line_end(),
            KeyCode::Char('w') if control => self.delete(self.word_before(), self.cursor),
            KeyCode::Char('u') if control => self.delete(self.line_start(), self.cursor),
            KeyCode::Char('k') if control => self.delete(self.cursor, self.line_end()),
            KeyCode::Char('j') if control => self.insert("\n"),
            KeyCode::Enter if alt => self.insert("\n"),
            KeyCode::Char('b') if alt => self.cursor = self.word_before(),
            KeyCode::Char('f') if alt => self.cursor = self.word_after(),
            KeyCode::Left if control || alt => self.cursor = self.word_before(),
            KeyCode::Right if control || alt => self.cursor = self.word_after(),
            KeyCode::Backspace if control || alt => self.delete(self.word_before(), self.cursor),
            KeyCode::Char(c) if !control && !alt => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = self.line_start(),
            KeyCode::End => self.cursor = self.line_end(),
            KeyCode::Backspace => self.delete(self.before(), self.cursor),
            KeyCode::Delete => self.delete(self.cursor, self.after()),
            KeyCode::Up => return self.line_up(),
            KeyCode::Down => return self.line_down(),
            _ => return false,
        }
        true
    }

    /// The text's lines on `width` columns, and the line and column of the cursor.
    pub(super) fn lines(&self, width: usize) -> (Vec<&str>, (usize, usize)) {
        // A cursor behind the last character of a full line needs a column too.
        let width = width.saturating_sub(1).max(1);
        let (mut lines, mut cursor) = (Vec::new(), (0, 0));
        let (mut start, mut column) = (0, 0);
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let wide = grapheme.width();
            if grapheme != "\n" && column + wide > width && at > start {
                lines.push(&self.text[start..at]);
                (start, column) = (at, 0);
            }
            if at == self.cursor {
                cursor = (lines.len(), column);
            }
            if grapheme == "\n" {
                lines.push(&self.text[start..at]);
                (start, column) = (at + 1, 0);
            } else {
                column += wide;
            }
        }
        if self.cursor == self.text.len() {
            cursor = (lines.len(), column);
        }
        lines.push(&self.text[start..]);
        (lines, cursor)
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let mut words = self.text[..self.cursor].unicode_word_indices();
        words.next_back().map_or(0, |(at, _)| at)
    }

    fn word_after(&self) -> usize {
        let mut words = self.text[self.cursor..].unicode_word_indices();
        words.next().map_or(self.text.len(), |(at, word)| self.cursor + at + word.len())
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.cursor..].find('\n').map_or(self.text.len(), |at| self.cursor + at)
    }

    fn line_up(&mut self) -> bool {
        let start = self.line_start();
        let Some(end) = start.checked_sub(1) else { return false };
        let column = self.text[start..self.cursor].graphemes(true).count();
        let above = self.text[..end].rfind('\n').map_or(0, |at| at + 1);
        self.cursor = self.at_column(above, end, column);
        true
    }

    fn line_down(&mut self) -> bool {
        let (start, end) = (self.line_start(), self.line_end());
        if end == self.text.len() {
            return false;
        }
        let column = self.text[start..self.cursor].graphemes(true).count();
        let below = end + 1;
        let its_end = self.text[below..].find('\n').map_or(self.text.len(), |at| below + at);
        self.cursor = self.at_column(below, its_end, column);
        true
    }

    fn at_column(&self, start: usize, end: usize, column: usize) -> usize {
        self.text[start..end].grapheme_indices(true).nth(column).map_or(end, |(at, _)| start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types keys: `<` and `>` are the arrows, `^` and `v` those up and down, `#` is Backspace, `|` a new line, and capitals
    /// are typed with Control.
    fn typed(input: &mut Input, keys: &str) {
        for key in keys.chars() {
            let (code, modifiers) = match key {
                '<' => (KeyCode::Left, KeyModifiers::NONE),
                '>' => (KeyCode::Right, KeyModifiers::NONE),
                '^' => (KeyCode::Up, KeyModifiers::NONE),
                'v' => (KeyCode::Down, KeyModifiers::NONE),
                '#' => (KeyCode::Backspace, KeyModifiers::NONE),
                '|' => (KeyCode::Enter, KeyModifiers::ALT),
                c if c.is_ascii_uppercase() => (KeyCode::Char(c.to_ascii_lowercase()), KeyModifiers::CONTROL),
                c => (KeyCode::Char(c), KeyModifiers::NONE),
            };
            input.on(KeyEvent::new(code, modifiers));
        }
    }

    #[test]
    fn editing_keys_do_what_they_do_elsewhere() {
        for (keys, expected) in [
            ("hello", "hello_"),
            ("hello<<#", "he_lo"),
            ("hello world W", "hello _"),
            ("one two<<W", "one _wo"),
            ("one two<U", "_o"),
            ("one two<<K", "one t_"),
            ("one two Ax", "x_one two "),
            ("one|two^x", "onex_\ntwo"),
            ("one|twoU^vx", "one\nx_"),
            ("one|tw<^x", "ox_ne\ntw"),
            ("ab|^^Ax", "x_ab\n"),
            ("日e\u{301}x<<#", "_e\u{301}x"),
            ("#<<^>K", "_"),
        ] {
            let mut input = Input::default();
            typed(&mut input, keys);
            let mut shown = input.text.clone();
            shown.insert(input.cursor, '_');
            assert_eq!(shown, expected, "{keys}");
        }
    }

    #[test]
    fn what_is_pasted_stays_one_text_and_has_an_end() {
        let mut input = Input::default();
        input.insert("a\r\nb\rc\u{1b}[31m");
        assert_eq!(input.text(), "a\nb\nc[31m");
        input.insert(&"é".repeat(LONGEST));
        assert!(input.text().len() <= LONGEST);
    }

    #[test]
    fn the_cursor_is_where_the_next_character_will_be() {
        let mut input = Input::new("abcd");
        assert_eq!(input.lines(5), (vec!["abcd"], (0, 4)));
        typed(&mut input, "e");
        assert_eq!(input.lines(5), (vec!["abcd", "e"], (1, 1)));
        typed(&mut input, "|");
        assert_eq!(input.lines(5), (vec!["abcd", "e", ""], (2, 0)));
        assert_eq!(Input::new("日本語").lines(5), (vec!["日本", "語"], (1, 2)));
        assert_eq!(Input::default().lines(0), (vec![""], (0, 0)));
    }
}
