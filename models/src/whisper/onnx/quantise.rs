//! Matrices in small whole numbers.

use std::fmt;

use super::super::file::Architecture;

/// How the weights of large matrices are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// 32-bit floating point, as exact as the file.
    Fp32,
    /// 8 bits with a scale for each output; what goes in is made 8 bits too, with one scale at a time.
    Int8,
    /// 8 bits with a scale for each block of inputs to an output; what goes in as well.
    Block8,
    /// The same with weights of 4 bits.
    Block4,
}

impl Scheme {
    /// All of them, the most exact first.
    pub const ALL: [Scheme; 4] = [Scheme::Fp32, Scheme::Block8, Scheme::Int8, Scheme::Block4];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Fp32 => "fp32",
            Scheme::Int8 => "int8",
            Scheme::Block8 => "block8",
            Scheme::Block4 => "block4",
        }
    }

    /// Bits of a weight, its share of the scales included.
    pub(super) fn bits(self) -> u64 {
        match self {
            Scheme::Fp32 => 32,
            Scheme::Int8 => 8,
            Scheme::Block8 => 9,
            Scheme::Block4 => 5,
        }
    }

    fn named(name: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.name() == name)
    }
}

/// How exactly a model computes. What suits one half need not suit the other: the encoder multiplies hundreds of rows at a time, and
/// the decoder one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Precision {
    /// The encoder's matrices.
    pub encoder: Scheme,
    /// The decoder's.
    pub decoder: Scheme,
}

impl Precision {
    /// As exact as the file.
    pub const EXACT: Precision = Precision { encoder: Scheme::Fp32, decoder: Scheme::Fp32 };
    /// 8 bits: a quarter of the memory, and two to three times as quick.
    pub const SMALL: Precision = Precision { encoder: Scheme::Int8, decoder: Scheme::Block8 };

    /// What suits a model of this shape on this processor where nothing was measured. Rounding costs pipit-nano-en, which is narrow, more
    /// than the published models, and its encoder takes next to no time in any case.
    pub(super) fn suitable(shape: &Architecture) -> Precision {
        Precision {
            encoder: if shape.is_nano() { Scheme::Fp32 } else { Scheme::Int8 },
            decoder: if multiplies_blocks() { Scheme::Block8 } else { Scheme::Int8 },
        }
    }

    /// The precision with this name, as it displays itself: `int8+block8`, or `int8` for both halves.
    #[must_use]
    pub fn named(name: &str) -> Option<Precision> {
        let (encoder, decoder) = name.split_once('+').unwrap_or((name, name));
        Some(Precision { encoder: Scheme::named(encoder)?, decoder: Scheme::named(decoder)? })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoder.name())?;
        if self.encoder == self.decoder { Ok(()) } else { write!(f, "+{}", self.decoder.name()) }
    }
}

/// Weights of one row for each output.
pub(super) struct Matrix {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) numbers: Vec<f32>,
}

impl Matrix {
    /// The weights of each output.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.inputs)
    }

    /// Turned, so that the outputs change fastest: little-endian bytes.
    pub(super) fn turned(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.numbers.len() * 4);
        for input in 0..self.inputs {
            let column = self.numbers[input..].iter().step_by(self.inputs);
            bytes.extend(column.flat_map(|number| number.to_le_bytes()));
        }
        bytes
    }

    /// In 8 bits, turned as in [`Matrix::turned`], and the scale of each output.
    pub(super) fn by_outputs(&self) -> (Vec<u8>, Vec<f32>) {
        let most = most_in_8_bits();
        let scales: Vec<f32> = self.rows().map(|row| largest(row) / most).collect();
        let mut bytes = Vec::with_capacity(self.numbers.len());
        for input in 0..self.inputs {
            let column = self.numbers[input..].iter().step_by(self.inputs);
            bytes.extend(column.zip(&scales).map(|(number, scale)| nearest(*number, *scale, most).cast_unsigned()));
        }
        (bytes, scales)
    }

    /// In so many bits (8 or 4), by blocks of `length` inputs, and the scale of each block. Zero is written as the middle.
    pub(super) fn by_blocks(&self, bits: usize, length: usize) -> (Vec<u8>, Vec<f32>) {
        let middle = 1u8 << (bits - 1);
        let most = f32::from(middle - 1);
        let mut bytes = Vec::with_capacity(self.numbers.len() * bits / 8);
        let mut scales = Vec::with_capacity(self.numbers.len() / length);
        for block in self.rows().flat_map(|row| row.chunks(length)) {
            let scale = largest(block) / most;
            scales.push(scale);
            let small = |number: &f32| nearest(*number, scale, most).cast_unsigned().wrapping_add(middle);
            // The last block of a row is filled up with what counts for nothing.
            let numbers = block.iter().map(small).chain(std::iter::repeat_n(middle, length - block.len()));
            if bits == 4 {
                let numbers: Vec<u8> = numbers.collect();
                bytes.extend(numbers.chunks(2).map(|pair| pair[0] | pair[1] << 4));
            } else {
                bytes.extend(numbers);
            }
        }
        (bytes, scales)
    }
}

/// Whether ONNX Runtime multiplies by blocks of 8 bits as they are. Without dot products, as on a Cortex-A72, it makes 32 bits of them
/// each time, which takes 30 times the instructions.
fn multiplies_blocks() -> bool {
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    false
}

/// The largest number that weights are given in 8 bits. Processors of Intel and AMD without VNNI add up pairs of products in 16 bits,
/// where larger ones overflow.
fn most_in_8_bits() -> f32 {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx512vnni") && !std::arch::is_x86_feature_detected!("avxvnni") {
        return 63.0;
    }
    127.0
}

/// What weights of one output stand for in 8 bits.
pub(super) fn in_8_bits(row: &[f32]) -> Vec<f32> {
    let most = most_in_8_bits();
    let scale = largest(row) / most;
    row.iter().map(|number| f32::from(nearest(*number, scale, most)) * scale).collect()
}

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |largest: f32, number| largest.max(number.abs()))
}

fn nearest(number: f32, scale: f32, most: f32) -> i8 {
    if scale > 0.0 { (number / scale).round().clamp(-most, most) as i8 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Matrix {
        let numbers = (0..3 * 64).map(|n| ((n * 37 % 101) as f32 - 50.0) * 0.01 * (1 + n / 64) as f32).collect();
        Matrix { outputs: 3, inputs: 64, numbers }
    }

    #[test]
    fn a_precision_is_found_by_its_name() {
        for encoder in Scheme::ALL {
            for decoder in Scheme::ALL {
                let precision = Precision { encoder, decoder };
                assert_eq!(Precision::named(&precision.to_string()), Some(precision));
            }
        }
        assert_eq!(Precision::named("int8").map(|precision| precision.to_string()).as_deref(), Some("int8"));
        assert_eq!((Precision::named("int7"), Precision::named("int8+")), (None, None));
    }

    #[test]
    fn small_numbers_stand_for_what_they_were_to_half_a_step() {
        let matrix = matrix();
        let (bytes, scales) = matrix.by_outputs();
        for (at, number) in matrix.numbers.iter().enumerate() {
            let (output, input) = (at / 64, at % 64);
            let small = f32::from(bytes[input * 3 + output].cast_signed());
            assert!((small * scales[output] - number).abs() <= scales[output] * 0.501, "{at}");
        }
        let (bytes, scales) = matrix.by_blocks(8, 32);
        for (at, number) in matrix.numbers.iter().enumerate() {
            let small = f32::from(bytes[at]) - 128.0;
            assert!((small * scales[at / 32] - number).abs() <= scales[at / 32] * 0.501, "{at}");
        }
        let (bytes, scales) = matrix.by_blocks(4, 32);
        for (at, number) in matrix.numbers.iter().enumerate() {
            let small = f32::from(bytes[at / 2] >> (at % 2 * 4) & 15) - 8.0;
            assert!((small * scales[at / 32] - number).abs() <= scales[at / 32] * 0.501, "{at}");
        }
    }

    #[test]
    fn a_row_that_ends_within_a_block_is_filled_up_with_zeros() {
        let matrix = Matrix { outputs: 2, inputs: 6, numbers: vec![1.0; 12] };
        let (bytes, scales) = matrix.by_blocks(8, 4);
        let row = [255, 255, 255, 255, 255, 255, 128, 128];
        assert_eq!((bytes, scales.len()), ([row, row].concat(), 4));
        let (bytes, _) = matrix.by_blocks(4, 4);
        assert_eq!(bytes, [[0xff, 0xff, 0xff, 0x88]; 2].concat());
    }

    #[test]
    fn a_row_of_zeros_stays_one() {
        let zeros = Matrix { outputs: 1, inputs: 32, numbers: vec![0.0; 32] };
        assert_eq!(zeros.by_outputs(), (vec![0; 32], vec![0.0]));
        assert_eq!(zeros.by_blocks(4, 32), (vec![0x88; 16], vec![0.0]));
    }
}
