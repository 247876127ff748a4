//! Server-sent events out of bytes, by the WHATWG HTML standard, section 9.2.6. Bytes may come in any portions.

/// The longest line, and the longest event, that is taken to be sane.
const LONGEST: usize = 1 << 20;

/// One dispatched event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SseEvent {
    /// The `event:` field, empty if there was none.
    pub(super) kind: String,
    /// The `data:` lines, joined by line feeds.
    pub(super) data: String,
}

/// What a line of the stream led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SseLine {
    /// An event is complete.
    Event(SseEvent),
    /// The line is part of an event, a comment, or a field without meaning here.
    Part,
    /// The line's field is none of the standard's, which a sane stream never has.
    Unknown,
    /// The line or the event is absurdly long.
    TooLong,
}

/// Splits bytes into lines and lines into events.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    line: Vec<u8>,
    after_carriage_return: bool,
    past_first_line: bool,
    kind: String,
    data: Option<String>,
}

impl SseParser {
    /// Takes one byte; says something only when the byte ends a line.
    pub(super) fn push(&mut self, byte: u8) -> Option<SseLine> {
        let second_half_of_line_end = byte == b'\n' && self.after_carriage_return;
        self.after_carriage_return = byte == b'\r';
        match byte {
            b'\n' if second_half_of_line_end => None,
            b'\n' | b'\r' => Some(self.end_line()),
            _ if self.line.len() >= LONGEST => Some(SseLine::TooLong),
            _ => {
                self.line.push(byte);
                None
            }
        }
    }

    /// The data that the end of the stream cuts off: the standard says to drop them.
    pub(super) fn unfinished(mut self) -> (Option<String>, bool) {
        let mut sane = true;
        if !self.line.is_empty() {
            let name_is_whole = self.line.contains(&b':');
            let name: Vec<u8> = self.line.iter().copied().take_while(|byte| *byte != b':').collect();
            sane = ["data", "event", "id", "retry", ""].iter().any(|known| {
                if name_is_whole { known.as_bytes() == name } else { known.as_bytes().starts_with(&name) }
            });
            self.end_line();
        }
        (self.data, sane)
    }

    fn end_line(&mut self) -> SseLine {
        let bytes = std::mem::take(&mut self.line);
        let mut bytes = bytes.as_slice();
        if !std::mem::replace(&mut self.past_first_line, true) {
            bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        }
        if bytes.is_empty() {
            let kind = std::mem::take(&mut self.kind);
            return self.data.take().map_or(SseLine::Part, |data| SseLine::Event(SseEvent { kind, data }));
        }
        // Only whole lines are decoded, so that a character split between portions stays whole.
        let line = String::from_utf8_lossy(bytes);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        self.field(field, value)
    }

    fn field(&mut self, field: &str, value: &str) -> SseLine {
        match field {
            "data" => {
                match &mut self.data {
                    None => self.data = Some(value.to_owned()),
                    Some(data) if data.len() + value.len() > LONGEST => return SseLine::TooLong,
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                }
                SseLine::Part
            }
            "event" => {
                value.clone_into(&mut self.kind);
                SseLine::Part
            }
            "" | "id" | "retry" => SseLine::Part,
            _ => SseLine::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &[u8]) -> Vec<String> {
        let mut parser = SseParser::default();
        stream
            .iter()
            .filter_map(|byte| match parser.push(*byte) {
                Some(SseLine::Event(event)) => Some(event.data),
                _ => None,
            })
            .collect()
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
        assert!((0..=LONGEST).any(|_| parser.push(b'x') == Some(SseLine::TooLong)));
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
