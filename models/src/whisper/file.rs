//! Reading a ggml file's headers before whisper.cpp does, and for those who take its weights elsewhere.
//!
//! whisper.cpp trusts what it reads: a truncated file loads with weights of zero, and a wrong number in a header ends
//! the process. So everything that it relies upon is checked here; of the weights themselves only the places are kept.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use super::number_format::Format;
use super::{MODEL, WhisperSource, safetensors};
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

/// What a file holds besides the numbers of its tensors.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) architecture: Architecture,
    /// One row of [`FFT_BINS`] weights for each mel band.
    pub(super) filters: Vec<f32>,
    /// The bytes of each token that has any, by its id.
    pub(super) vocabulary: Vec<Vec<u8>>,
    pub(super) tensors: HashMap<String, Tensor>,
}

/// Where a tensor's numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    /// Its sizes, the last of which changes fastest.
    pub(super) sizes: Vec<usize>,
    pub(super) format: Format,
    /// The first byte in the file.
    pub(super) offset: u64,
}

/// Why a file was refused.
pub(super) enum Refusal {
    Io(io::Error),
    Content(String),
}

impl Refusal {
    pub(super) fn of(self, source: &WhisperSource) -> ModelError {
        let path = source.path();
        match self {
            Refusal::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                ModelError::unusable(MODEL, path, "it is cut short")
            }
            Refusal::Io(error) => ModelError::unusable(MODEL, path, error),
            Refusal::Content(reason) => ModelError::unusable(MODEL, path, reason),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

/// Checks a whole file and returns the shape of the model in it.
pub(super) fn check(source: &WhisperSource) -> Result<Architecture, ModelError> {
    Ok(read(source)?.architecture)
}

/// Checks a whole file and returns what it holds.
pub(super) fn read(source: &WhisperSource) -> Result<Contents, ModelError> {
    let contents = match source {
        WhisperSource::File(path) if safetensors::is_named_so(path) => {
            return Err(ModelError::Settings(format!(
                "whisper.cpp cannot run {}, which is in Hugging Face's safetensors format: that needs ONNX Runtime, which \
                 Pipit's set-up script fetches; without it, use a ggml file",
                path.display()
            )));
        }
        WhisperSource::File(path) => {
            let file = File::open(path).map_err(|error| ModelError::unreadable(MODEL, path, &error))?;
            if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                return Err(ModelError::unusable(MODEL, path, "it is a folder"));
            }
            read_contents(BufReader::new(file))
        }
        WhisperSource::Bytes(bytes) => read_contents(Cursor::new(*bytes)),
    };
    contents.map_err(|refusal| refusal.of(source))
}

fn read_contents(input: impl Read + Seek) -> Result<Contents, Refusal> {
    let mut headers = Headers::new(input)?;
    if headers.u32()? != MAGIC {
        return Err(Refusal::Content("it is no ggml file".to_owned()));
    }
    let architecture = read_architecture(&mut headers)?;
    let filters = read_filters(&mut headers, &architecture)?;
    let vocabulary = read_vocabulary(&mut headers, &architecture)?;
    let tensors = read_tensors(&mut headers, &architecture)?;
    Ok(Contents { architecture, filters, vocabulary, tensors })
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

fn read_filters<R: Read + Seek>(headers: &mut Headers<R>, architecture: &Architecture) -> Result<Vec<f32>, Refusal> {
    let mels = headers.number("the number of its mel filters", architecture.mels..=architecture.mels)?;
    let bins = headers.number("the size of its mel filters", FFT_BINS..=FFT_BINS)?;
    let bytes = headers.bytes(mels * bins * 4)?;
    let filters: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if filters.iter().all(|weight| weight.is_finite()) {
        return Ok(filters);
    }
    Err(Refusal::Content("its mel filters hold what is no number".to_owned()))
}

fn read_vocabulary<R: Read + Seek>(
    headers: &mut Headers<R>,
    architecture: &Architecture,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let tokens = headers.number("the number of its tokens", 1..=architecture.vocabulary)?;
    let mut vocabulary = Vec::with_capacity(tokens);
    for _ in 0..tokens {
        let length = headers.number("the length of a token", 0..=1024)?;
        vocabulary.push(headers.bytes(length)?);
    }
    // whisper.cpp looks it up, and ends the process where there is none.
    if vocabulary.iter().any(|token| token == b" ") {
        return Ok(vocabulary);
    }
    Err(Refusal::Content("its vocabulary has no space, as Whisper's has".to_owned()))
}

fn read_tensors<R: Read + Seek>(
    headers: &mut Headers<R>,
    architecture: &Architecture,
) -> Result<HashMap<String, Tensor>, Refusal> {
    let mut tensors = HashMap::new();
    while !headers.at_end() {
        let dimensions = headers.number("the dimensions of a tensor", 1..=3)?;
        let name_length = headers.number("the length of a tensor's name", 1..=128)?;
        let kind = headers.number("the number format of a tensor", 0..=14)?;
        let mut sizes = Vec::with_capacity(dimensions);
        for _ in 0..dimensions {
            sizes.push(headers.number("the size of a tensor", 1..=100_000)?);
        }
        let elements: u64 = sizes.iter().map(|size| *size as u64).product();
        sizes.reverse();
        let name = headers.bytes(name_length)?;
        let Some(format) = Format::of_ggml(kind) else {
            return Err(Refusal::Content(format!("the number format {kind} of a tensor is unknown")));
        };
        let tensor = Tensor { sizes, format, offset: headers.at };
        let block = format.block();
        let is_new = tensors.insert(String::from_utf8_lossy(&name).into_owned(), tensor).is_none();
        if !elements.is_multiple_of(block.elements) || !is_new {
            return Err(Refusal::Content("a tensor has a wrong size or comes twice".to_owned()));
        }
        headers.skip(elements / block.elements * block.bytes)?;
    }
    if tensors.len() != architecture.tensors() {
        return Err(Refusal::Content(format!(
            "it holds {} tensors instead of {}",
            tensors.len(),
            architecture.tensors()
        )));
    }
    Ok(tensors)
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
