//! The formats that weights come in: plain numbers, and ggml's blocks of small ones with a common scale.
//!
//! Source: <https://github.com/ggml-org/ggml> (MIT), whose blocks these are.

use half::{bf16, f16};

/// How the numbers of a tensor are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    F32,
    F16,
    Bf16,
    /// 4 bits around zero, with a scale.
    Q4_0,
    /// 4 bits, with a scale and an offset.
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    /// One of ggml's "k-quants", which only whisper.cpp reads: the bytes of a block of 256.
    K(u64),
}

/// What is written as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) elements: u64,
    pub(super) bytes: u64,
}

impl Format {
    /// The format with this number in ggml's files.
    pub(super) fn of_ggml(kind: usize) -> Option<Format> {
        Some(match kind {
            0 => Format::F32,
            1 => Format::F16,
            2 => Format::Q4_0,
            3 => Format::Q4_1,
            6 => Format::Q5_0,
            7 => Format::Q5_1,
            8 => Format::Q8_0,
            10 => Format::K(84),
            11 => Format::K(110),
            12 => Format::K(144),
            13 => Format::K(176),
            14 => Format::K(210),
            _ => return None,
        })
    }

    pub(super) fn block(self) -> Block {
        let (elements, bytes) = match self {
            Format::F32 => (1, 4),
            Format::F16 | Format::Bf16 => (1, 2),
            Format::Q4_0 => (32, 18),
            Format::Q4_1 => (32, 20),
            Format::Q5_0 => (32, 22),
            Format::Q5_1 => (32, 24),
            Format::Q8_0 => (32, 34),
            Format::K(bytes) => (256, bytes),
        };
        Block { elements, bytes }
    }

    /// The numbers in `bytes`, which are whole blocks. None for a format that is not read here.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Vec<f32>> {
        let block = self.block();
        let mut numbers = Vec::with_capacity(bytes.len() / block.bytes as usize * block.elements as usize);
        for block in bytes.chunks_exact(block.bytes as usize) {
            match self {
                Format::F32 => numbers.push(f32::from_le_bytes(*block.first_chunk()?)),
                Format::F16 => numbers.push(half_at(block, 0)),
                Format::Bf16 => numbers.push(bf16::from_le_bytes(*block.first_chunk()?).to_f32()),
                Format::Q4_0 => {
                    push_nibbles(
                        &mut numbers,
                        &block[2..],
                        0,
                        Scale { step: half_at(block, 0), middle: 8.0, low: 0.0 },
                    );
                }
                Format::Q4_1 => {
                    let scale = Scale { step: half_at(block, 0), middle: 0.0, low: half_at(block, 2) };
                    push_nibbles(&mut numbers, &block[4..], 0, scale);
                }
                Format::Q5_0 => {
                    let scale = Scale { step: half_at(block, 0), middle: 16.0, low: 0.0 };
                    push_nibbles(&mut numbers, &block[6..], fifth_bits(&block[2..])?, scale);
                }
                Format::Q5_1 => {
                    let scale = Scale { step: half_at(block, 0), middle: 0.0, low: half_at(block, 2) };
                    push_nibbles(&mut numbers, &block[8..], fifth_bits(&block[4..])?, scale);
                }
                Format::Q8_0 => {
                    let step = half_at(block, 0);
                    numbers.extend(block[2..].iter().map(|byte| f32::from(byte.cast_signed()) * step));
                }
                Format::K(_) => return None,
            }
        }
        Some(numbers)
    }
}

/// What a small number stands for.
struct Scale {
    step: f32,
    /// The small number that stands for nothing.
    middle: f32,
    low: f32,
}

/// Sixteen numbers are in the low halves of the bytes, and sixteen in the high ones; their fifth bits are elsewhere.
fn push_nibbles(numbers: &mut Vec<f32>, bytes: &[u8], fifth: u32, scale: Scale) {
    let number = |nibble: u8, at: usize| {
        let small = u32::from(nibble) | (fifth >> at & 1) << 4;
        (small as f32 - scale.middle) * scale.step + scale.low
    };
    numbers.extend(bytes.iter().enumerate().map(|(at, byte)| number(byte & 15, at)));
    numbers.extend(bytes.iter().enumerate().map(|(at, byte)| number(byte >> 4, at + 16)));
}

fn fifth_bits(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block whose small numbers are 0, 1, 2 and so on, as ggml lays them out.
    fn block(format: Format, step: f32, low: f32, small: impl Fn(usize) -> u32) -> Vec<u8> {
        let mut bytes = f16::from_f32(step).to_le_bytes().to_vec();
        if matches!(format, Format::Q4_1 | Format::Q5_1) {
            bytes.extend(f16::from_f32(low).to_le_bytes());
        }
        if matches!(format, Format::Q5_0 | Format::Q5_1) {
            let fifth = (0..32).fold(0u32, |bits, at| bits | (small(at) >> 4 & 1) << at);
            bytes.extend(fifth.to_le_bytes());
        }
        bytes.extend((0..16).map(|at| (small(at) & 15) as u8 | ((small(at + 16) & 15) << 4) as u8));
        bytes
    }

    #[test]
    fn blocks_of_small_numbers_are_read_as_they_were_written() {
        let table =
            [(Format::Q4_0, -8.0, 16), (Format::Q4_1, 3.0, 16), (Format::Q5_0, -16.0, 32), (Format::Q5_1, 3.0, 32)];
        for (format, first, distinct) in table {
            let bytes = block(format, 1.0, 3.0, |at| at as u32 % distinct);
            assert_eq!(bytes.len() as u64, format.block().bytes);
            let expected: Vec<f32> = (0..32u32).map(|at| first + (at % distinct) as f32).collect();
            assert_eq!(format.decode(&bytes), Some(expected), "{format:?}");
        }
        let eight =
            [f16::from_f32(0.5).to_le_bytes().to_vec(), (0..32).map(|n: i8| (n - 16).cast_unsigned()).collect()]
                .concat();
        assert_eq!(Format::Q8_0.decode(&eight).unwrap()[..3], [-8.0, -7.5, -7.0]);
        assert_eq!(Format::Bf16.decode(&[0x80, 0x3f]), Some(vec![1.0]));
        assert_eq!(Format::K(84).decode(&[0; 84]), None);
    }
}
