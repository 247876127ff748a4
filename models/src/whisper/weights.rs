//! The weights of a recogniser, one tensor at a time.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use super::file::{self, Contents, Refusal};
use super::{WhisperSource, safetensors};
use crate::error::ModelError;

/// A model's file, opened for its numbers.
pub(super) struct Weights {
    pub(super) contents: Contents,
    input: Box<dyn Input>,
}

trait Input: Read + Seek + Send {}

impl<T: Read + Seek + Send> Input for T {}

impl Weights {
    /// # Errors
    /// The file is missing, damaged, or no Whisper model.
    pub(super) fn open(source: &WhisperSource) -> Result<Weights, ModelError> {
        let contents = match source {
            WhisperSource::File(path) if safetensors::is_named_so(path) => safetensors::read(path)?,
            _ => file::read(source)?,
        };
        let input: Box<dyn Input> = match source {
            WhisperSource::File(path) => {
                let file = File::open(path).map_err(|error| Refusal::Io(error).of(source))?;
                Box::new(BufReader::new(file))
            }
            WhisperSource::Bytes(bytes) => Box::new(Cursor::new(*bytes)),
        };
        Ok(Weights { contents, input })
    }

    /// The numbers of a tensor that must have these sizes, the last of which changes fastest.
    pub(super) fn tensor(&mut self, name: &str, sizes: &[usize]) -> Result<Vec<f32>, Refusal> {
        let Some(tensor) = self.contents.tensors.get(name) else {
            return Err(Refusal::Content(format!("it has no tensor {name}")));
        };
        if significant(&tensor.sizes) != significant(sizes) {
            return Err(Refusal::Content(format!(
                "its tensor {name} has the sizes {:?} instead of {sizes:?}",
                tensor.sizes
            )));
        }
        let (format, block) = (tensor.format, tensor.format.block());
        let count = sizes.iter().product::<usize>() as u64;
        let mut bytes = vec![0; (count / block.elements * block.bytes) as usize];
        self.input.seek(SeekFrom::Start(tensor.offset))?;
        self.input.read_exact(&mut bytes)?;
        let numbers = format.decode(&bytes).ok_or_else(|| {
            Refusal::Content(format!(
                "its tensor {name} is in a number format that ONNX Runtime is not fed from ({format:?})"
            ))
        })?;
        if numbers.iter().all(|number| number.is_finite()) {
            return Ok(numbers);
        }
        Err(Refusal::Content(format!("its tensor {name} holds what is no number")))
    }
}

/// The sizes by which a tensor is known: a bias of a convolution has a second size of one in ggml's files.
pub(super) fn significant(sizes: &[usize]) -> Vec<usize> {
    sizes.iter().copied().filter(|size| *size != 1).collect()
}
