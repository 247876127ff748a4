//! Server-sent events out of bytes, by the WHATWG HTML standard, section 9.2.6. Bytes may come in any portions.

use std::borrow::Cow;

/// The longest line, and the longest event, that is taken to be sane.
const LONGEST: usize = 1 << 20;

/// What a line of the stream led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SseLine {
    /// An event is complete: [`SseParser::kind`] and [`SseParser::data`] are its own until more bytes are taken.
    Event,
    /// The line is part of an event, a comment, or a field without meaning here.
    Part,
    /// The line's field is none of the standard's, which a sane stream never has.
    Unknown,
    /// The line or the event is absurdly long.
    TooLong,
}

/// Splits bytes into lines and lines into events. Its buffers serve one event after the other.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    after_carriage_return: bool,
    past_first_line: bool,
    kind: String,
    data: String,
    has_data: bool,
    /// The event was given out, so that its buffers are free.
    given: bool,
}

impl SseParser {
    /// Takes bytes off the front of `bytes`, up to the next line end; says something only when there is one.
    pub(super) fn push(&mut self, bytes: &mut &[u8]) -> Option<SseLine> {
        if std::mem::take(&mut self.given) {
            self.kind.clear();
            self.data.clear();
            self.has_data = false;
        }
        let first = *bytes.first()?;
        // The second half of a line end.
        if std::mem::take(&mut self.after_carriage_return) && first == b'\n' {
            *bytes = &bytes[1..];
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.line.len() + line.len() > LONGEST {
            *bytes = &[];
            return Some(SseLine::TooLong);
        }
        let Some((line_end, rest)) = rest.split_first() else {
            self.line.extend_from_slice(line);
            *bytes = rest;
            return None;
        };
        self.after_carriage_return = *line_end == b'\r';
        *bytes = rest;
        if self.line.is_empty() {
            return Some(self.end_line(line));
        }
        let mut whole = std::mem::take(&mut self.line);
        whole.extend_from_slice(line);
        let led_to = self.end_line(&whole);
        whole.clear();
        self.line = whole;
        Some(led_to)
    }

    /// The `event:` field, empty if there was none.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// The `data:` lines, joined by line feeds.
    pub(super) fn data(&self) -> &str {
        &self.data
    }

    /// The data that the end of the stream cuts off, which the standard says to drop, and whether what follows it may
    /// have become a line of such a stream.
    pub(super) fn unfinished(mut self) -> (Option<String>, bool) {
        if std::mem::take(&mut self.given) {
            self.has_data = false;
        }
        let mut sane = true;
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let name_is_whole = line.contains(&b':');
            let name: Vec<u8> = line.iter().copied().take_while(|byte| *byte != b':').collect();
            sane = ["data", "event", "id", "retry", ""].iter().any(|known| {
                if name_is_whole { known.as_bytes() == name } else { known.as_bytes().starts_with(&name) }
            });
            self.end_line(&line);
        }
        (self.has_data.then_some(self.data), sane)
    }

    fn end_line(&mut self, mut bytes: &[u8]) -> SseLine {
        if !std::mem::replace(&mut self.past_first_line, true) {
            bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        }
        if bytes.is_empty() {
            if self.has_data {
                self.given = true;
                return SseLine::Event;
            }
            self.kind.clear();
            return SseLine::Part;
        }
        // Only whole lines are decoded, so that a character split between portions stays whole.
        let line: Cow<'_, str> = String::from_utf8_lossy(bytes);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))
    }

    fn field(&mut self, field: &str, value: &str) -> SseLine {
        match field {
            "data" if self.data.len() + value.len() > LONGEST => return SseLine::TooLong,
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.kind),
            "" | "id" | "retry" => {}
            _ => return SseLine::Unknown,
        }
        SseLine::Part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &[u8]) -> Vec<String> {
        let (mut parser, mut rest, mut events) = (SseParser::default(), stream, Vec::new());
        while !rest.is_empty() {
            if parser.push(&mut rest) == Some(SseLine::Event) {
                events.push(parser.data().to_owned());
            }
        }
        events
    }

    #[test]
    fn line_ends_comments_and_several_data_lines() {
        assert_eq!(events(b"data: a\r\ndata:b\r\n\r\n:note\n\ndata\n\ndata: c\r\rdata: lost"), ["a\nb", "", "c"]);
    }

    #[test]
    fn a_character_split_between_portions_is_whole() {
        assert_eq!(events("data: Grüße, 小鳥\n\n".as_bytes()), ["Grüße, 小鳥"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = SseParser::default();
        assert!((0..=LONGEST).any(|_| parser.push(&mut b"x".as_slice()) == Some(SseLine::TooLong)));
    }

    #[test]
    fn the_web_platform_tests_agree() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora/llm_streams/wpt_eventsource/cases.jsonl");
        let Ok(cases) = std::fs::read_to_string(path) else {
            println!("skipped: {path} is not here");
            return;
        };
        for case in cases.lines() {
            let case: serde_json::Value = serde_json::from_str(case).unwrap();
            let expected: Vec<&str> = case["expect"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
            let mut stream = case["stream"].as_str().unwrap().to_owned();
            if stream.ends_with('\n') {
                // The tests' own server ends its messages with an empty line.
                stream.push('\n');
            }
            assert_eq!(events(stream.as_bytes()), expected, "{}", case["name"]);
        }
    }
}
