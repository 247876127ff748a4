//! Which matrices of an encoder lose too much in 8 bits, by what they make of a sound.
//!
//! What goes into a product shares one scale, which a few large numbers make coarse for all others, and some layers of trained models
//! have such numbers. So one layer after the other computes exactly, and each of its matrices is tried in 8 bits on what it was given.
//! Only one layer is in memory at a time.

use std::collections::HashSet;
use std::f32::consts::TAU;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use ort::value::Tensor;

use super::super::listening::SAMPLES_PER_POSITION;
use super::super::weights::Weights;
use super::graph::WeightFile;
use super::layers::{Failure, Layers, Part, Progress};
use super::log_mel::LogMel;
use super::quantise::{Matrix, Scheme, in_8_bits};
use crate::runtime::{Runtime, SessionSettings};

/// How much of what a matrix gives may be wrong in 8 bits: the root mean square of the error as a share of that of what is right.
const MOST: f32 = 0.05;
/// Positions of the sound: two seconds.
const POSITIONS: usize = 100;
/// Positions at which a matrix is tried.
const TRIED: usize = 8;

const GRAPH: &str = "probe.onnx";
const WEIGHTS: &str = "probe.bin";
const MODEL: &str = "a part of the Whisper recogniser";

/// The names of the encoder's matrices that stay exact. `folder` holds one part at a time meanwhile.
pub(super) fn too_coarse(
    runtime: &Runtime,
    weights: &mut Weights,
    folder: &Path,
    progress: &mut Progress,
) -> Result<HashSet<String>, Failure> {
    let shape = weights.contents.architecture;
    let mel = LogMel::new(&weights.contents.filters).compute(&sound(), 2 * POSITIONS);
    let mut hidden = Tensor::from_array(([1, shape.mels, 2 * POSITIONS], mel))?.into_dyn();
    let mut coarse = HashSet::new();
    let blocks = (0..shape.audio_layers).map(Part::Block);
    for part in std::iter::once(Part::Stem).chain(blocks).chain([Part::Crosses]) {
        let mut file = WeightFile::new(WEIGHTS, BufWriter::new(File::create(folder.join(WEIGHTS))?));
        let exact = HashSet::new();
        let (graph, names) = Layers::new("probe", weights, &mut file, Scheme::Fp32, &exact, progress).probe(part)?;
        file.finish().0.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        std::fs::write(folder.join(GRAPH), graph)?;
        let settings = SessionSettings { memory_pattern: false, ..SessionSettings::default() };
        let session = runtime.session(MODEL, &folder.join(GRAPH), settings);
        let mut session = session.map_err(|error| Failure::Probe(error.to_string()))?;
        let mut outputs = session.run([(&hidden).into()])?;
        for (number, name) in names.into_iter().enumerate() {
            let (_, x) = outputs[format!("into_{number}").as_str()].try_extract_tensor::<f32>()?;
            let loss = loss(&matrix(weights, &name)?, x);
            tracing::debug!("{name} is wrong by {loss:.4} in 8 bits");
            if !loss.is_finite() || loss > MOST {
                coarse.insert(name);
            }
        }
        if let Some(given) = outputs.remove("given") {
            hidden = given;
        }
    }
    for name in [GRAPH, WEIGHTS] {
        std::fs::remove_file(folder.join(name))?;
    }
    Ok(coarse)
}

/// The matrix of this name.
fn matrix(weights: &mut Weights, name: &str) -> Result<Matrix, Failure> {
    let name = format!("{name}.weight");
    let sizes = weights.contents.tensors.get(&name).map_or(vec![0, 0], |tensor| tensor.sizes.clone());
    let numbers = weights.tensor(&name, &sizes)?;
    Ok(Matrix { outputs: sizes[0], inputs: sizes[1], numbers })
}

/// How wrong a matrix is in 8 bits about some of the rows of `x`, as a share of what is right. Each row counts the same, however large its
/// numbers are.
fn loss(matrix: &Matrix, x: &[f32]) -> f32 {
    let rounding = Rounding::of(x);
    let rows: Vec<&[f32]> = x.chunks_exact(matrix.inputs).collect();
    let mut tried: Vec<Tried> = rows
        .iter()
        .step_by(rows.len().div_ceil(TRIED).max(1))
        .map(|row| Tried {
            exact: row,
            coarse: row.iter().map(|number| rounding.value(*number)).collect(),
            right: 0.0,
            wrong: 0.0,
        })
        .collect();
    for weights in matrix.rows() {
        let small = in_8_bits(weights);
        for row in &mut tried {
            let (right, given) = (dot(weights, row.exact), dot(&small, &row.coarse));
            row.right += right * right;
            row.wrong += (right - given) * (right - given);
        }
    }
    let shares = tried.iter().map(|row| if row.wrong == 0.0 { 0.0 } else { row.wrong / row.right });
    (shares.sum::<f32>() / tried.len().max(1) as f32).sqrt()
}

/// A row that a matrix is tried on.
struct Tried<'x> {
    exact: &'x [f32],
    coarse: Vec<f32>,
    /// The squares of what the matrix makes of it, and of how wrong that is in 8 bits.
    right: f32,
    wrong: f32,
}

/// How `DynamicQuantizeMatMul` rounds what goes in: 256 steps from the smallest number to the largest, zero among them.
struct Rounding {
    step: f32,
    zero: f32,
}

impl Rounding {
    fn of(x: &[f32]) -> Rounding {
        let (low, high) =
            x.iter().fold((0.0_f32, 0.0_f32), |(low, high), number| (low.min(*number), high.max(*number)));
        let step = ((high - low) / 255.0).max(f32::MIN_POSITIVE);
        Rounding { step, zero: (-low / step).round() }
    }

    fn value(&self, number: f32) -> f32 {
        ((number / self.step).round().clamp(-self.zero, 255.0 - self.zero)) * self.step
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    // In lanes, so that the compiler may compute them at once.
    let (ones, rest) = one.as_chunks::<16>();
    let (others, other_rest) = other.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for (one, other) in ones.iter().zip(others) {
        for (lane, (one, other)) in lanes.iter_mut().zip(one.iter().zip(other)) {
            *lane += one * other;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().zip(other_rest).map(|(one, other)| one * other).sum::<f32>()
}

/// Something like speech: a gliding voice with two formants that move, in syllables, over a little noise.
fn sound() -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(1);
    let (mut phase, length) = (0.0_f32, POSITIONS * SAMPLES_PER_POSITION);
    let sample = |at: usize| {
        let t = at as f32 / 16_000.0;
        let turn = |hertz: f32| (TAU * hertz * t).sin();
        let pitch = 130.0 + 30.0 * turn(0.7);
        phase += TAU * pitch / 16_000.0;
        let (first, second) = (500.0 + 250.0 * turn(2.3), 1_600.0 + 600.0 * turn(1.7));
        let loudness = |hertz: f32| {
            let near = |formant: f32, width: f32| (-((hertz - formant) / width).powi(2)).exp();
            near(first, 150.0) + 0.5 * near(second, 250.0) + 0.01
        };
        let voice: f32 = (1..30).map(|n| loudness(pitch * n as f32) * (phase * n as f32).sin()).sum();
        0.1 * voice * turn(2.0).abs() + 0.003 * (random.f32() * 2.0 - 1.0)
    };
    (0..length).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_large_numbers_make_the_rest_coarse() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut numbers = |count: usize| (0..count).map(|_| random.f32() * 2.0 - 1.0).collect::<Vec<_>>();
        let matrix = Matrix { outputs: 32, inputs: 64, numbers: numbers(32 * 64) };
        let mut x = numbers(10 * 64);
        let smooth = loss(&matrix, &x);
        assert!(smooth < 0.02, "{smooth}");
        // A number that the others drown beside, where the matrix looks little at it.
        x[3] = 100.0;
        let outlier = loss(&matrix, &x);
        assert!(outlier > MOST, "{outlier}");
        assert_eq!(loss(&matrix, &vec![0.0; 64]), 0.0);
    }
}
