//! The sound that `espeak-ng --stdout` writes: a WAV header whose lengths are made up, because it is written before the
//! speech exists, and then samples until the stream ends. A reader of files would wait for the two gigabytes it promises.

use pipit_core::audio::{Hertz, Pcm};

/// The rate of every voice that espeak-ng carries. Those of MBROLA, packages of their own, have 16 kHz.
pub(super) const USUAL_RATE: Hertz = Hertz(22_050);

/// The sound of 16-bit mono PCM; `None` for anything else.
pub(super) fn sound(wav: &[u8]) -> Option<Pcm> {
    let mut chunks = wav.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let mut rate = None;
    loop {
        let (head, rest) = chunks.split_at_checked(8)?;
        let length = u32::from_le_bytes(head[4..8].try_into().ok()?) as usize;
        match &head[..4] {
            b"data" => return rate.map(|rate| Pcm::new(to_float(rest), rate)),
            b"fmt " => rate = rate_of(rest.get(..length)?),
            _ => {}
        }
        chunks = rest.get(length..)?;
    }
}

/// The rate of format 1 (PCM) with one channel and 16 bits a sample.
fn rate_of(format: &[u8]) -> Option<Hertz> {
    let ours = format.get(..4) == Some(&[1, 0, 1, 0]) && format.get(14..16) == Some(&[16, 0]);
    let rate = u32::from_le_bytes(format.get(4..8)?.try_into().ok()?);
    (ours && rate > 0).then_some(Hertz(rate))
}

fn to_float(data: &[u8]) -> Vec<f32> {
    data.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(channels: u8, data: &[u8]) -> Vec<u8> {
        let mut wav = b"RIFF\x24\xf0\xff\x7fWAVEfmt \x10\0\0\0\x01\0".to_vec();
        wav.extend([channels, 0]);
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(32_000_u32.to_le_bytes());
        wav.extend(b"\x02\0\x10\0data\0\xf0\xff\x7f");
        wav.extend(data);
        wav
    }

    #[test]
    fn samples_run_to_the_end_of_the_stream_whatever_the_header_says() {
        assert_eq!(sound(&wav(1, &[0, 0x40, 0, 0xc0, 9])), Some(Pcm::new([0.5, -0.5], Hertz(16_000))));
        assert!(sound(&wav(1, &[])).is_some_and(|pcm| pcm.is_empty()));
    }

    #[test]
    fn anything_else_is_refused_at_every_length() {
        assert_eq!(sound(&wav(2, &[0, 0])), None);
        let whole = wav(1, &[]);
        for length in 0..whole.len() {
            assert_eq!(sound(&whole[..length]), None, "{length} bytes");
        }
    }
}
