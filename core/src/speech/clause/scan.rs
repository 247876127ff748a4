//! One pass over the pending text, looking for where the next clause ends.

use super::span::{CLOSERS, LONGEST_SPAN, Span, width};
use super::stop::{self, Stop};
use crate::speech::markdown::{self, Fence};

/// How soon a clause may end, and by when it must. Widths are in characters as they are spoken, roughly: a digit
/// counts for several, since "7" is said "seven".
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// A comma ends the clause from this width and this many words.
    comma_width: usize,
    comma_words: usize,
    /// No clause is wider.
    widest: usize,
}

impl Pace {
    /// Early, because the listener waits for it.
    pub(super) const FIRST: Self = Self { comma_width: 10, comma_words: 3, widest: 120 };
    /// In whole sentences: a voice takes at most 510 phonemes at once, and 200 characters are a long breath.
    pub(super) const LATER: Self = Self { comma_width: 80, comma_words: 3, widest: 200 };
}

/// Where a clause ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The byte behind its last character.
    pub(super) at: usize,
    /// True if the line of text ends there too.
    pub(super) line: bool,
}

/// What a step of the scan found.
enum Step {
    /// Go on at this byte.
    On(usize),
    /// The clause ends here.
    End(End),
    /// More text is needed to say.
    Wait,
}

const CONJUNCTIONS: [&str; 14] =
    ["and", "but", "or", "because", "which", "who", "that", "so", "when", "while", "if", "although", "where", "then"];

pub(super) struct Scan<'a> {
    text: &'a str,
    pace: Pace,
    ended: bool,
    /// Where the clause's first word begins.
    start: usize,
    line_start: usize,
    /// True if `line_start` is the beginning of a line of the reply and not only of the clause.
    whole_line: bool,
    width: usize,
    words: usize,
    word_start: usize,
    /// The best places so far to end a clause that grows too wide: after a comma, before a conjunction, at a space.
    comma: Option<usize>,
    conjunction: Option<usize>,
    space: Option<usize>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, pace: Pace, starts_line: bool, ended: bool) -> Self {
        let start = text.len() - text.trim_start().len();
        Self {
            text,
            pace,
            ended,
            start,
            line_start: start,
            whole_line: starts_line,
            width: 0,
            words: 1,
            word_start: start,
            comma: None,
            conjunction: None,
            space: None,
        }
    }

    /// The end of the first clause, or nothing if there is none yet.
    pub(super) fn run(mut self) -> Option<End> {
        let mut at = self.start;
        while at < self.text.len() {
            match self.step(at) {
                Step::On(next) => at = next,
                Step::End(end) => return Some(end),
                Step::Wait => return None,
            }
            if self.width >= self.pace.widest
                && let Some(end) = self.cut(at)
            {
                return Some(end);
            }
        }
        None
    }

    fn step(&mut self, at: usize) -> Step {
        let rest = &self.text[at..];
        if at == self.line_start
            && self.whole_line
            && let Some(step) = self.fence(at)
        {
            return step;
        }
        if let Some(step) = self.span(at) {
            return step;
        }
        let Some(c) = rest.chars().next() else { return Step::Wait };
        let next = at + c.len_utf8();
        match c {
            '\n' => self.line_break(at),
            c if c.is_whitespace() => {
                self.end_word(at);
                Step::On(next)
            }
            '.' | '!' | '?' | '…' => self.sentence_mark(at, c),
            '。' | '！' | '？' => self.offer(next, false).map_or(Step::On(next), Step::End),
            ',' | ';' | ':' => self.comma(at, c),
            '—' => self.pause(next),
            '-' | '–' => self.dash(at, next),
            c => {
                self.width += width(c);
                Step::On(next)
            }
        }
    }

    /// A code block is one clause, however long, and nothing else is in it.
    fn fence(&mut self, at: usize) -> Option<Step> {
        let rest = &self.text[at..];
        let first_line = rest.trim_start_matches([' ', '\t']);
        if !first_line.starts_with(['`', '~']) {
            return None;
        }
        let opening = match rest.find('\n') {
            Some(end) => &rest[..end],
            None if self.ended => rest,
            None if first_line.len() < 3 && first_line.chars().all(|c| matches!(c, '`' | '~')) => {
                return Some(Step::Wait);
            }
            None if first_line.starts_with("```") || first_line.starts_with("~~~") => return Some(Step::Wait),
            None => return None,
        };
        let fence = Fence::open(opening)?;
        if let Some(end) = self.offer(self.text[..at].trim_end().len().max(self.start), true) {
            return Some(Step::End(end));
        }
        let mut line = at + opening.len();
        while line < self.text.len() {
            let begin = line + 1;
            let end = self.text[begin..].find('\n').map(|length| begin + length);
            if end.is_none() && !self.ended {
                return Some(Step::Wait);
            }
            line = end.unwrap_or(self.text.len());
            if fence.closes(&self.text[begin..line]) {
                return Some(Step::End(End { at: self.text[..line].trim_end().len(), line: true }));
            }
        }
        Some(if self.ended { Step::End(End { at: self.text.trim_end().len(), line: true }) } else { Step::Wait })
    }

    /// Links, code in a line and addresses are passed over whole.
    fn span(&mut self, at: usize) -> Option<Step> {
        let rest = &self.text[at..];
        if self.text[..at].ends_with(char::is_alphanumeric) && rest.starts_with('h') {
            return None;
        }
        match Span::begins(rest) {
            Span::None => None,
            Span::Open if !self.ended && rest.len() < LONGEST_SPAN => Some(Step::Wait),
            Span::Open => None,
            Span::Whole { bytes, width } => {
                self.width += width;
                Some(Step::On(at + bytes))
            }
        }
    }

    fn line_break(&mut self, at: usize) -> Step {
        self.end_word(at);
        let line = &self.text[self.line_start..at];
        let block = self.whole_line && markdown::is_block(line);
        if let Some(end) = (block || line.trim_end().ends_with(':')).then(|| self.offer(at, true)).flatten() {
            return Step::End(end);
        }
        let after = self.text[at + 1..].trim_start_matches([' ', '\t', '\r']);
        let closes = match next_line(after) {
            NextLine::Unknown if !self.ended => return Step::Wait,
            NextLine::Block | NextLine::Empty => true,
            NextLine::Unknown | NextLine::Text => false,
        };
        if closes && let Some(end) = self.offer(at, true) {
            return Step::End(end);
        }
        self.line_start = self.text.len() - after.len();
        self.word_start = self.line_start;
        self.whole_line = true;
        match self.pause(at) {
            Step::On(_) => Step::On(self.line_start),
            step => step,
        }
    }

    fn sentence_mark(&mut self, at: usize, mark: char) -> Step {
        self.width += 1;
        let after_mark = at + mark.len_utf8();
        let marks = self.text[at..].len() - self.text[at..].trim_start_matches(['.', '!', '?', '…']).len();
        let end = self.past_closers(at + marks);
        let Some(c) = self.text[end..].chars().next() else {
            return if self.ended { Step::On(end) } else { Step::Wait };
        };
        if !c.is_whitespace() {
            return Step::On(after_mark);
        }
        let written = &self.text[at..at + marks];
        if written == "." {
            let line = &self.text[self.line_start..at];
            match stop::judge(line, self.whole_line, &self.text[end..], self.ended) {
                Stop::Unknown => return Step::Wait,
                Stop::Belongs => return Step::On(end),
                Stop::Ends => {}
            }
        } else if written.ends_with("..") || written.ends_with('…') {
            return self.pause(end);
        }
        self.offer(end, false).map_or(Step::On(end), Step::End)
    }

    fn comma(&mut self, at: usize, mark: char) -> Step {
        let end = self.past_closers(at + mark.len_utf8());
        let rest = &self.text[end..];
        let Some(c) = rest.chars().next() else {
            return if self.ended { Step::On(end) } else { Step::Wait };
        };
        if !c.is_whitespace() {
            self.width += 1;
            return Step::On(at + mark.len_utf8());
        }
        if mark == ',' && self.text[..at].ends_with(|c: char| c.is_ascii_digit()) {
            // "July 4, 2025" and "1, 2, 3" stay together.
            match rest.trim_start().chars().next() {
                None if !self.ended => return Step::Wait,
                Some(c) if c.is_ascii_digit() => return Step::On(end),
                _ => {}
            }
        }
        self.pause(end)
    }

    /// A hyphen or short dash parts clauses only between spaces, and not between numbers.
    fn dash(&mut self, at: usize, next: usize) -> Step {
        self.width += 1;
        let before = self.text[..at].strip_suffix(' ');
        let apart = before.is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_digit() || c == '%'));
        let marker = self.whole_line && self.text[self.line_start..at].trim().is_empty();
        match self.text[next..].chars().next() {
            None if !self.ended && apart => Step::Wait,
            Some(c) if apart && c.is_whitespace() && !marker => self.pause(next),
            _ => Step::On(next),
        }
    }

    /// A place to breathe: the end of the clause if it is long enough, and otherwise a good place to cut.
    fn pause(&mut self, end: usize) -> Step {
        self.width += 1;
        if self.width >= self.pace.comma_width
            && self.words >= self.pace.comma_words
            && let Some(end) = self.offer(end, false)
        {
            return Step::End(end);
        }
        if self.width * 3 >= self.pace.widest {
            self.comma = Some(end);
        }
        Step::On(end)
    }

    fn end_word(&mut self, at: usize) {
        self.width += 1;
        let word = &self.text[self.word_start.min(at)..at];
        if self.width * 3 >= self.pace.widest && CONJUNCTIONS.contains(&word) {
            self.conjunction = self.space.or(self.conjunction);
        }
        if !word.is_empty() {
            self.words += 1;
            // "5 km" and "Dr. Smith" are better not parted, if there is another space.
            if self.space.is_none() || !word.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
                self.space = Some(at);
            }
        }
        self.word_start = at + self.text[at..].chars().next().map_or(0, char::len_utf8);
    }

    /// Cuts a clause that has grown too wide by `at`.
    fn cut(&mut self, at: usize) -> Option<End> {
        let place = self.comma.or(self.conjunction).or(self.space).unwrap_or(at);
        let end = self.offer(place, false);
        if end.is_none() {
            // Nothing to say so far: marks and pictures have no width.
            self.width = 0;
        }
        end
    }

    /// The end of the clause at `at`, unless there is nothing in it to say: then it goes with what follows.
    fn offer(&self, at: usize, line: bool) -> Option<End> {
        let text = self.text.get(self.start..at)?;
        let text = text.trim_end();
        text.contains(char::is_alphanumeric).then_some(End { at: self.start + text.len(), line })
    }

    fn past_closers(&self, at: usize) -> usize {
        self.text.len() - self.text[at..].trim_start_matches(|c| CLOSERS.contains(c)).len()
    }
}

enum NextLine {
    Block,
    Empty,
    Text,
    Unknown,
}

/// How the next line begins, from as little of it as will do.
fn next_line(text: &str) -> NextLine {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return NextLine::Unknown };
    let second = chars.next();
    match first {
        '\n' => NextLine::Empty,
        '#' | '|' | '>' | '•' | '◦' | '▪' => NextLine::Block,
        '-' | '*' | '+' | '–' | '_' | '`' | '~' | '=' => match second {
            None => NextLine::Unknown,
            Some(c) if c.is_whitespace() || (c == first && first != '*' && first != '_') => NextLine::Block,
            Some(_) => NextLine::Text,
        },
        '0'..='9' => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            if markdown::numbered(text).is_some() {
                NextLine::Block
            } else if digits <= 3 && text.len() < digits + 2 {
                NextLine::Unknown
            } else {
                NextLine::Text
            }
        }
        _ => NextLine::Text,
    }
}
