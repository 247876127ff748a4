//! Reading a ggml file's headers before whisper.cpp does.
//!
//! whisper.cpp trusts what it reads: a truncated file loads with weights of zero, and a wrong number in a header ends
//! the process. So everything that it relies upon is checked here; the weights themselves are only counted.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use super::{MODEL, WhisperSource};
use crate::error::ModelError;

pub(super) const MAGIC: u32 = 0x6767_6d6c;

/// The ids of Whisper's special tokens are fixed, and whisper.cpp looks for them up to here.
const SMALLEST_VOCABULARY: usize = 50_364;

/// The frequency bins of the mel filters.
pub(super) const FFT_BINS: usize = 201;

/// The shape of a Whisper model, as its file states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Tokens, special ones included.
    pub vocabulary: usize,
    /// Positions of 20 ms that the encoder has room for: 1500 in OpenAI's models.
    pub audio_context: usize,
    /// The width of encoder and decoder.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers of the encoder.
    pub audio_layers: usize,
    /// Tokens that the decoder has room for.
    pub text_context: usize,
    /// Layers of the decoder.
    pub text_layers: usize,
    /// Mel bands.
    pub mels: usize,
}

impl Architecture {
    /// Whether this is pipit-nano-en, whose thresholds differ. No published model is as narrow or has its window.
    #[must_use]
    pub fn is_nano(&self) -> bool {
        (self.audio_context, self.width, self.audio_layers, self.text_layers) == (512, 128, 4, 2)
    }

    fn tensors(&self) -> usize {
        11 + 15 * self.audio_layers + 24 * self.text_layers
    }
}

/// Why a file was refused.
enum Refusal {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

/// Checks a whole file and returns the shape of the model in it.
pub(super) fn check(source: &WhisperSource) -> Result<Architecture, ModelError> {
    let path = source.path();
    let result = match source {
        WhisperSource::File(path) => {
            let file = File::open(path).map_err(|error| ModelError::unreadable(MODEL, path, &error))?;
            if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                return Err(ModelError::unusable(MODEL, path, "it is a folder"));
            }
            check_content(BufReader::new(file))
        }
        WhisperSource::Bytes(bytes) => check_content(Cursor::new(*bytes)),
    };
    result.map_err(|refusal| match refusal {
        Refusal::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ModelError::unusable(MODEL, path, "it is cut short")
        }
        Refusal::Io(error) => ModelError::unusable(MODEL, path, error),
        Refusal::Content(reason) => ModelError::unusable(MODEL, path, reason),
    })
}

fn check_content(input: impl Read + Seek) -> Result<Architecture, Refusal> {
    let mut headers = Headers::new(input)?;
    if headers.u32()? != MAGIC {
        return Err(Refusal::Content("it is no ggml file".to_owned()));
    }
    let architecture = read_architecture(&mut headers)?;
    check_filters(&mut headers, &architecture)?;
    check_vocabulary(&mut headers, &architecture)?;
    check_tensors(&mut headers, &architecture)?;
    Ok(architecture)
}

fn read_architecture<R: Read + Seek>(headers: &mut Headers<R>) -> Result<Architecture, Refusal> {
    let vocabulary = headers.number("the size of its vocabulary", SMALLEST_VOCABULARY..=70_000)?;
    let audio_context = headers.number("its audio context", 64..=1500)?;
    let width = headers.number("its width", 32..=2048)?;
    let heads = headers.number("the number of its heads", 1..=64)?;
    let audio_layers = headers.number("the number of its encoder layers", 1..=64)?;
    let text_context = headers.number("its text context", 16..=448)?;
    let text_width = headers.number("the width of its decoder", 32..=2048)?;
    let text_heads = headers.number("the number of its decoder's heads", 1..=64)?;
    let text_layers = headers.number("the number of its decoder layers", 1..=64)?;
    let mels = headers.number("the number of its mel bands", 1..=128)?;
    // Thousands count the version of the quantisation.
    let format = headers.number("its number format", 0..=1_000_000)? % 1000;
    let block = match format {
        0 | 1 => 1,
        2 | 3 | 7 | 8 | 9 => 32,
        10..=14 => 256,
        _ => return Err(Refusal::Content(format!("its number format {format} is unknown"))),
    };
    if width != text_width
        || !width.is_multiple_of(heads)
        || !width.is_multiple_of(text_heads)
        || !width.is_multiple_of(block)
    {
        return Err(Refusal::Content(format!(
            "its sizes do not fit together (widths {width} and {text_width}, heads {heads} and {text_heads}, blocks of {block})"
        )));
    }
    Ok(Architecture { vocabulary, audio_context, width, heads, audio_layers, text_context, text_layers, mels })
}

fn check_filters<R: Read + Seek>(headers: &mut Headers<R>, architecture: &Architecture) -> Result<(), Refusal> {
    let mels = headers.number("the number of its mel filters", architecture.mels..=architecture.mels)?;
    let bins = headers.number("the size of its mel filters", FFT_BINS..=FFT_BINS)?;
    headers.skip((mels * bins * 4) as u64)
}

fn check_vocabulary<R: Read + Seek>(headers: &mut Headers<R>, architecture: &Architecture) -> Result<(), Refusal> {
    let tokens = headers.number("the number of its tokens", 1..=architecture.vocabulary)?;
    let mut has_space = false;
    for _ in 0..tokens {
        let length = headers.number("the length of a token", 0..=1024)?;
        has_space |= headers.bytes(length)? == b" ";
    }
    // whisper.cpp looks it up, and ends the process where there is none.
    if has_space { Ok(()) } else { Err(Refusal::Content("its vocabulary has no space, as Whisper's has".to_owned())) }
}

fn check_tensors<R: Read + Seek>(headers: &mut Headers<R>, architecture: &Architecture) -> Result<(), Refusal> {
    let mut names = HashSet::new();
    while !headers.at_end() {
        let dimensions = headers.number("the dimensions of a tensor", 1..=3)?;
        let name_length = headers.number("the length of a tensor's name", 1..=128)?;
        let kind = headers.number("the number format of a tensor", 0..=14)?;
        let mut elements = 1;
        for _ in 0..dimensions {
            elements *= headers.number("the size of a tensor", 1..=100_000)? as u64;
        }
        let name = headers.bytes(name_length)?;
        let Some((block, bytes)) = block_of(kind) else {
            return Err(Refusal::Content(format!("the number format {kind} of a tensor is unknown")));
        };
        if !elements.is_multiple_of(block) || !names.insert(name) {
            return Err(Refusal::Content("a tensor has a wrong size or comes twice".to_owned()));
        }
        headers.skip(elements / block * bytes)?;
    }
    if names.len() != architecture.tensors() {
        return Err(Refusal::Content(format!(
            "it holds {} tensors instead of {}",
            names.len(),
            architecture.tensors()
        )));
    }
    Ok(())
}

/// Elements and bytes of a block in one of ggml's number formats.
fn block_of(kind: usize) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}

/// A file that is read for its headers and skipped for the rest, with its true length in mind.
struct Headers<R> {
    input: R,
    at: u64,
    length: u64,
}

impl<R: Read + Seek> Headers<R> {
    fn new(mut input: R) -> io::Result<Self> {
        let length = input.seek(SeekFrom::End(0))?;
        input.rewind()?;
        Ok(Headers { input, at: 0, length })
    }

    fn at_end(&self) -> bool {
        self.at >= self.length
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        let mut bytes = vec![0; count];
        self.input.read_exact(&mut bytes)?;
        self.at += count as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        self.at += 4;
        Ok(u32::from_le_bytes(bytes))
    }

    fn number(&mut self, what: &str, allowed: std::ops::RangeInclusive<usize>) -> Result<usize, Refusal> {
        let number = self.u32()? as usize;
        if allowed.contains(&number) {
            return Ok(number);
        }
        Err(Refusal::Content(format!("{what} cannot be {number}")))
    }

    fn skip(&mut self, count: u64) -> Result<(), Refusal> {
        if count > self.length - self.at {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        // Relative to the present place, so that a buffered reader keeps its buffer.
        self.input.seek_relative(count as i64)?;
        self.at += count;
        Ok(())
    }
}
