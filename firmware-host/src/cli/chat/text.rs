//! Text as a terminal shows it: without what could command the terminal, and broken into lines at words.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// A tab is shown as wide as this.
const TAB: &str = "    ";

/// `text` without the characters by which it could command the terminal, or turn the direction of what stands around it.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push_str(TAB),
            '\n' => shown.push('\n'),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => shown.push(c),
        }
    }
    shown
}

/// The same on one line.
pub(super) fn on_one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Adds to `lines` what of `text` stands on each line of `width` columns, from the byte `from` on, at which a line begins.
/// What is appended to a text changes none of its lines but the last.
pub(super) fn wrap(text: &str, from: usize, width: usize, lines: &mut Vec<Range<usize>>) {
    let (mut start, mut column) = (from, 0);
    let (mut word, mut word_column, mut after_space) = (from, 0, false);
    for (at, grapheme) in text[from..].grapheme_indices(true).map(|(at, grapheme)| (from + at, grapheme)) {
        if grapheme == "\n" {
            lines.push(start..at);
            (start, column) = (at + 1, 0);
            (word, word_column, after_space) = (start, 0, false);
            continue;
        }
        if grapheme == " " {
            // Spaces at the end of a line take no room.
            column = (column + 1).min(width);
            after_space = true;
            continue;
        }
        if std::mem::take(&mut after_space) {
            (word, word_column) = (at, column);
        }
        let wide = grapheme.width();
        if column + wide > width && !text[start..word].trim_end_matches(' ').is_empty() {
            lines.push(start..start + text[start..word].trim_end_matches(' ').len());
            (start, column, word_column) = (word, column - word_column, 0);
        }
        if column + wide > width && at > start {
            // A word that is longer than a line goes on in the next.
            lines.push(start..at);
            (start, column) = (at, 0);
            (word, word_column) = (at, 0);
        }
        column += wide;
    }
    lines.push(start..text.len());
}

/// The lines of a text of which no more is to come.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    wrap(text, 0, width.max(1), &mut lines);
    lines.into_iter().map(|line| text[line].to_owned()).collect()
}

/// `text`, cut so that it fits into `width` columns.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut column = 1;
    for grapheme in text.graphemes(true) {
        column += grapheme.width();
        if column > width {
            break;
        }
        kept.push_str(grapheme);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_words_and_are_as_wide_as_the_terminal_draws_them() {
        assert_eq!(wrapped("the cat sat on the mat", 7), ["the cat", "sat on", "the mat"]);
        assert_eq!(wrapped("one\n\n  two   three", 9), ["one", "", "  two", "three"]);
        assert_eq!(wrapped("Donaudampfschiff", 6), ["Donaud", "ampfsc", "hiff"]);
        assert_eq!(wrapped("to Donaudampf", 6), ["to", "Donaud", "ampf"]);
        assert_eq!(wrapped("日本語の文", 4), ["日本", "語の", "文"]);
        assert_eq!(wrapped("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("ab\n", 5), ["ab", ""]);
        assert_eq!(wrapped("日本", 1), ["日", "本"]);
        assert_eq!(wrapped("full     stop", 4), ["full", "stop"]);
    }

    #[test]
    fn a_text_that_comes_in_pieces_is_broken_like_one_that_came_whole() {
        let text = "Würze die 日本語 Suppe\n\n  mit e\u{301}e\u{301} 👩‍👩‍👧 und Donaudampfschifffahrt,   lange   gekocht. ";
        for width in 1..30 {
            let (mut grown, mut lines) = (String::new(), Vec::new());
            for c in text.chars() {
                let from = lines.pop().map_or(0, |last: Range<usize>| last.start);
                grown.push(c);
                wrap(&grown, from, width, &mut lines);
            }
            let mut whole = Vec::new();
            wrap(text, 0, width, &mut whole);
            assert_eq!(lines, whole, "{width}");
        }
    }

    #[test]
    fn what_could_command_the_terminal_is_left_out() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{7}c\td\u{202e}e"), "a[2Jb\nc    de");
        assert_eq!(on_one_line(" two\n lines "), "two lines");
        assert_eq!(fitted("日本語", 5), "日本…");
        assert_eq!(fitted("abc", 3), "abc");
        assert_eq!(fitted("abcd", 0), "");
    }
}
