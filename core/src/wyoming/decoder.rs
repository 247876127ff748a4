//! Bytes in, events out.

use std::fmt;

use serde_json::{Map, Value};

use super::Event;

/// How long an event's parts may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The line, without its end.
    pub header: usize,
    /// The JSON behind the line.
    pub data: usize,
    /// The sound.
    pub payload: usize,
}

/// Why bytes are no event. What follows them can't be read either, for nobody knows where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A part of it is longer than it may be.
    TooLong {
        /// Which part.
        part: &'static str,
        /// How many bytes it may have.
        most: usize,
    },
    /// A part of it is no JSON object.
    NotAnObject {
        /// Which part.
        part: &'static str,
    },
    /// Its line has no `type`.
    NoType,
    /// A length is no whole number.
    NoLength {
        /// Which.
        key: &'static str,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::TooLong { part, most } => write!(f, "an event's {part} is longer than {most} bytes"),
            Malformed::NotAnObject { part } => write!(f, "an event's {part} is no JSON object"),
            Malformed::NoType => f.write_str("an event has no type"),
            Malformed::NoLength { key } => write!(f, "an event's {key} is no number of bytes"),
        }
    }
}

impl std::error::Error for Malformed {}

const HEADER: &str = "header";
const DATA: &str = "data";
const PAYLOAD: &str = "payload";

/// Reads one peer's events. It makes room for what has come and never for what is only promised.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// Of the part that is being read.
    held: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Header,
    Data { header: Header },
    Payload { header: Header },
    Failed(Malformed),
}

/// What a line says.
#[derive(Debug, Default)]
struct Header {
    kind: String,
    data: Map<String, Value>,
    data_length: usize,
    payload_length: usize,
}

impl Decoder {
    /// A decoder that has read nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Decoder {
        Decoder { limits, held: Vec::new(), stage: Stage::Header }
    }

    /// Reads from the front of `input`, and takes off it what has been read: up to the end of an event, or all.
    ///
    /// # Errors
    /// What has come is no event. It stays so.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Malformed> {
        let outcome = self.advance(input);
        if let Err(malformed) = &outcome {
            self.held = Vec::new();
            self.stage = Stage::Failed(malformed.clone());
        }
        outcome
    }

    /// Whether what comes next is the beginning of an event.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        matches!(self.stage, Stage::Header) && self.held.is_empty()
    }

    /// Bytes that it has room for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.held.capacity()
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Malformed> {
        loop {
            match &mut self.stage {
                Stage::Failed(malformed) => return Err(malformed.clone()),
                Stage::Header => {
                    let line = input.iter().position(|byte| *byte == b'\n');
                    let length = self.held.len() + line.unwrap_or(input.len());
                    if length > self.limits.header {
                        return Err(Malformed::TooLong { part: HEADER, most: self.limits.header });
                    }
                    take(&mut self.held, input, length, self.limits.header);
                    if line.is_none() {
                        return Ok(None);
                    }
                    *input = &input[1..];
                    let header = self.read_header()?;
                    self.stage = Stage::Data { header };
                }
                Stage::Data { header } => {
                    take(&mut self.held, input, header.data_length, self.limits.data);
                    if self.held.len() < header.data_length {
                        return Ok(None);
                    }
                    if header.data_length > 0 {
                        header.data.extend(object(&std::mem::take(&mut self.held), DATA)?);
                    }
                    self.stage = Stage::Payload { header: std::mem::take(header) };
                }
                Stage::Payload { header } => {
                    take(&mut self.held, input, header.payload_length, self.limits.payload);
                    if self.held.len() < header.payload_length {
                        return Ok(None);
                    }
                    let Header { kind, data, .. } = std::mem::take(header);
                    self.stage = Stage::Header;
                    return Ok(Some(Event { kind, data, payload: std::mem::take(&mut self.held) }));
                }
            }
        }
    }

    fn read_header(&mut self) -> Result<Header, Malformed> {
        let mut line = object(&std::mem::take(&mut self.held), HEADER)?;
        let Some(Value::String(kind)) = line.remove("type") else { return Err(Malformed::NoType) };
        let data = match line.remove("data") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(data)) => data,
            Some(_) => return Err(Malformed::NotAnObject { part: DATA }),
        };
        let data_length = length(&line, "data_length", DATA, self.limits.data)?;
        let payload_length = length(&line, "payload_length", PAYLOAD, self.limits.payload)?;
        Ok(Header { kind, data, data_length, payload_length })
    }
}

/// Moves bytes from the front of `input` until `held` has `length` of them, with room for no more than `most`.
fn take(held: &mut Vec<u8>, input: &mut &[u8], length: usize, most: usize) {
    let (taken, rest) = input.split_at(length.saturating_sub(held.len()).min(input.len()));
    let needed = held.len() + taken.len();
    if held.capacity() < needed {
        // Twice as much, so that many small pieces do not have it all copied for each of them.
        let room = (held.capacity() * 2).clamp(needed, most.max(needed));
        held.reserve_exact(room - held.len());
    }
    held.extend_from_slice(taken);
    *input = rest;
}

fn object(bytes: &[u8], part: &'static str) -> Result<Map<String, Value>, Malformed> {
    serde_json::from_slice(bytes).map_err(|_| Malformed::NotAnObject { part })
}

fn length(line: &Map<String, Value>, key: &'static str, part: &'static str, most: usize) -> Result<usize, Malformed> {
    let length = match line.get(key) {
        None | Some(Value::Null) => return Ok(0),
        Some(value) => value.as_u64().ok_or(Malformed::NoLength { key })?,
    };
    usize::try_from(length).ok().filter(|length| *length <= most).ok_or(Malformed::TooLong { part, most })
}
