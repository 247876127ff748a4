//! Making ONNX graphs of a model's file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use half::f16;
use serde::{Deserialize, Serialize};

use super::super::file::{Architecture, Refusal};
use super::super::weights::Weights;
use super::calibrate;
use super::graph::WeightFile;
use super::layers::{Failure, Layers, Progress, matrices};
use super::quantise::{Precision, Scheme};
use crate::runtime::Runtime;

pub(super) const ENCODER: &str = "encoder.onnx";
pub(super) const DECODER: &str = "decoder.onnx";
pub(super) const WEIGHTS: &str = "weights.bin";

/// What is in the file of weights besides what the graphs know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// Where the token embedding begins: 16-bit numbers.
    pub(super) embedding: u64,
    /// The length of the whole file.
    pub(super) length: u64,
    /// The matrices that are kept exactly, because they would lose too much.
    pub(super) exact: Vec<String>,
}

/// Writes all files into `folder`, and waits until they are on disk.
pub(super) fn compile(
    runtime: &Runtime,
    weights: &mut Weights,
    precision: Precision,
    folder: &Path,
    tell: &mut dyn FnMut(f32) -> bool,
) -> Result<Written, Failure> {
    let mut progress = Progress::new(&weights.contents.architecture, precision, tell);
    let exact = match precision.encoder {
        Scheme::Int8 => calibrate::too_coarse(runtime, weights, folder, &mut progress)?,
        _ => HashSet::new(),
    };
    let mut file = WeightFile::new(WEIGHTS, BufWriter::new(File::create(folder.join(WEIGHTS))?));
    let encoder = Layers::new("encoder", weights, &mut file, precision.encoder, &exact, &mut progress).encoder()?;
    write(&folder.join(ENCODER), &encoder)?;
    let decoder = Layers::new("decoder", weights, &mut file, precision.decoder, &exact, &mut progress).decoder()?;
    write(&folder.join(DECODER), &decoder)?;
    let embedding = file.append(&embedding_rows(weights)?)?;
    let (mut out, length) = file.finish();
    out.flush()?;
    out.get_ref().sync_all()?;
    let mut exact: Vec<String> = exact.into_iter().collect();
    exact.sort();
    Ok(Written { embedding, length, exact })
}

/// Bytes of disk that compiling takes, about.
pub(super) fn disk_needed(shape: &Architecture, precision: Precision) -> u64 {
    let (encoder, decoder) = matrices(shape);
    let embedding = (shape.vocabulary * shape.width * 2) as u64;
    let convolutions = (3 * shape.width * (shape.width + shape.mels) * 4) as u64;
    let matrices = (encoder * precision.encoder.bits() + decoder * precision.decoder.bits()) / 8;
    matrices + embedding + convolutions + (1 << 20)
}

/// Bytes of memory that compiling takes, at most: the largest matrix as it is read, as numbers, and as it is written.
pub(super) fn memory_needed(shape: &Architecture) -> u64 {
    let largest = (shape.vocabulary * shape.width).max(4 * shape.width * shape.width) as u64;
    largest * 12 + (32 << 20)
}

/// Writes a file that is on disk afterwards.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The token embedding in 16 bits.
fn embedding_rows(weights: &mut Weights) -> Result<Vec<u8>, Refusal> {
    let shape = weights.contents.architecture;
    let rows = weights.tensor("decoder.token_embedding.weight", &[shape.vocabulary, shape.width])?;
    Ok(rows.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect())
}
