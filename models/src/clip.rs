//! Recorded clips: WAV and FLAC files as mono audio at Pipit's listening rate, and writing audio down as WAV.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use pipit_core::audio::{Hertz, LISTENING_RATE, Pcm};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// Why a clip could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = .path.display())]
pub struct ClipError {
    path: PathBuf,
    reason: String,
}

/// The sample rates that recordings of speech come in.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 4000..=192_000;

/// Why sound that is in memory is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is none, or none that is understood: what is wrong with it.
    #[error("{0}")]
    NotSound(String),
    /// It is longer than is wanted.
    #[error("it is longer than {} s", .0.as_secs())]
    TooLong(Duration),
}

/// So many samples are given at once.
const BLOCK: usize = 4096;

/// Reads a WAV file (8 to 32 bit integers, or 32 bit floats) or a FLAC file, mixes its channels into one and brings it
/// to [`LISTENING_RATE`].
///
/// Of a file that is cut short, what is there is returned.
///
/// # Errors
/// [`ClipError`], which names the file, if it is missing, holds no audio, is of another kind, or holds samples that are
/// not numbers.
pub fn read(path: &Path) -> Result<Pcm, ClipError> {
    let failed = |reason: String| ClipError { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let clip = decode_mono(bytes).map_err(&failed)?;
    let (mono, rate) = (clip.samples().to_vec(), clip.rate().0);
    if mono.is_empty() {
        return Err(failed("it holds no audio".to_owned()));
    }
    if let Some(at) = mono.iter().position(|sample| !sample.is_finite()) {
        let seconds = at as f64 / f64::from(rate);
        return Err(failed(format!("the sample at {seconds:.3} s is not a number; export the recording again")));
    }
    let samples = resample(mono, rate, LISTENING_RATE.0).map_err(failed)?;
    Ok(Pcm::new(samples, LISTENING_RATE))
}

/// Writes `pcm` as a mono WAV file of 16 bits at its own rate.
///
/// # Errors
/// [`ClipError`], which names the file.
pub fn write_wav(path: &Path, pcm: &Pcm) -> Result<(), ClipError> {
    let failed = |error| ClipError { path: path.to_owned(), reason: format!("cannot be written: {error}") };
    std::fs::write(path, wav(pcm)).map_err(failed)
}

/// `pcm` as a mono WAV file of 16 bits at its own rate.
pub fn wav(pcm: &Pcm) -> Vec<u8> {
    let spec =
        WavSpec { channels: 1, sample_rate: pcm.rate().0, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::with_capacity(44 + 2 * pcm.samples().len()));
    let write = |file: &mut Cursor<Vec<u8>>| {
        let mut wav = WavWriter::new(file, spec)?;
        for sample in pcm.samples() {
            wav.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
        }
        wav.finalize()
    };
    write(&mut file).expect("memory takes it, and no sound is as long as a WAV file can be");
    file.into_inner()
}

/// The sound of a WAV or FLAC file that is in memory, with its channels mixed into one, at its own rate.
pub(crate) fn decode_mono(bytes: Vec<u8>) -> Result<Pcm, String> {
    let mut mono = Vec::new();
    let rate = in_blocks(bytes, Duration::MAX, |_, block| mono.extend_from_slice(block));
    Ok(Pcm::new(mono, rate.map_err(|unfit| unfit.to_string())?))
}

/// Gives the sound of a WAV or FLAC file that is in memory block by block, with its channels mixed into one, at its own rate, so
/// that no more of it than that is ever in memory as samples. Of a file that is cut short, what is there is given. Gives the rate.
///
/// # Errors
/// [`Unfit`]. What is too long is so by its header, if that tells the truth, before anything was given.
pub fn in_blocks(mut bytes: Vec<u8>, longest: Duration, mut take: impl FnMut(Hertz, &[f32])) -> Result<Hertz, Unfit> {
    if bytes.is_empty() {
        return Err(Unfit::NotSound("the file is empty".to_owned()));
    }
    if bytes.starts_with(b"fLaC") {
        return flac_in_blocks(&bytes, longest, &mut take);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE") {
        mend_data_length(&mut bytes).map_err(Unfit::NotSound)?;
        return wav_in_blocks(&bytes, longest, &mut take);
    }
    Err(Unfit::NotSound("it is neither a WAV nor a FLAC file; convert it, for example with `sox`".to_owned()))
}

/// Mixes and gives what comes, and minds how much that is.
struct Mixer<'a> {
    channels: usize,
    rate: Hertz,
    longest: Duration,
    /// Of a frame that is not whole.
    sum: f32,
    summed: usize,
    mono: Vec<f32>,
    given: usize,
    take: &'a mut dyn FnMut(Hertz, &[f32]),
}

impl<'a> Mixer<'a> {
    fn new(
        (rate, channels): (u32, usize),
        longest: Duration,
        take: &'a mut dyn FnMut(Hertz, &[f32]),
    ) -> Result<Self, Unfit> {
        if !RATES.contains(&rate) {
            return Err(Unfit::NotSound(format!("its sample rate of {rate} Hz is outside 4 to 192 kHz")));
        }
        let (channels, mono) = (channels.max(1), Vec::with_capacity(BLOCK));
        Ok(Mixer { channels, rate: Hertz(rate), longest, sum: 0.0, summed: 0, mono, given: 0, take })
    }

    fn check(&self, frames: u64) -> Result<(), Unfit> {
        let seconds = frames as f64 / f64::from(self.rate.0);
        if seconds > self.longest.as_secs_f64() { Err(Unfit::TooLong(self.longest)) } else { Ok(()) }
    }

    fn push(&mut self, sample: f32) -> Result<(), Unfit> {
        (self.sum, self.summed) = (self.sum + sample, self.summed + 1);
        if self.summed == self.channels {
            self.mono.push(self.sum / self.channels as f32);
            (self.sum, self.summed) = (0.0, 0);
            if self.mono.len() == BLOCK {
                self.give()?;
            }
        }
        Ok(())
    }

    fn give(&mut self) -> Result<(), Unfit> {
        self.given += self.mono.len();
        self.check(self.given as u64)?;
        (self.take)(self.rate, &self.mono);
        self.mono.clear();
        Ok(())
    }
}

/// Makes the header tell the truth about how much audio follows.
///
/// Programs that write to a pipe leave the length at 0 or at its maximum, and a copy may have been cut short.
fn mend_data_length(bytes: &mut [u8]) -> Result<(), String> {
    let mut at = 12;
    let mut block = 1;
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if header.starts_with(b"data") {
            let there = bytes.len() - at - 8;
            let length = if length == 0 || length > there { there } else { length };
            let whole = u32::try_from(length - length % block).map_err(|_| "it is larger than 4 GB".to_owned())?;
            bytes[at + 4..at + 8].copy_from_slice(&whole.to_le_bytes());
            return Ok(());
        }
        if header.starts_with(b"fmt ")
            && let Some(align) = bytes.get(at + 20..at + 22)
        {
            block = usize::from(u16::from_le_bytes([align[0], align[1]])).max(1);
        }
        // Chunks begin at even places.
        at = at.saturating_add(8).saturating_add(length).saturating_add(length % 2);
    }
    Err("it is cut short before its audio begins".to_owned())
}

fn wav_in_blocks(bytes: &[u8], longest: Duration, take: &mut dyn FnMut(Hertz, &[f32])) -> Result<Hertz, Unfit> {
    let mut wav = WavReader::new(Cursor::new(bytes)).map_err(|error| {
        Unfit::NotSound(match error {
            hound::Error::Unsupported => {
                "its encoding is not plain PCM; convert it, for example with `sox in.wav -e signed -b 16 out.wav`"
                    .to_owned()
            }
            error => format!("it is damaged: {error}"),
        })
    })?;
    let spec = wav.spec();
    let mut mixer = Mixer::new((spec.sample_rate, usize::from(spec.channels)), longest, take)?;
    mixer.check(u64::from(wav.duration()))?;
    let scale = 1.0 / (1u64 << spec.bits_per_sample.saturating_sub(1).min(31)) as f32;
    // A sample that cannot be read ends the audio, as the end of the file would.
    match spec.sample_format {
        SampleFormat::Float => wav.samples::<f32>().map_while(Result::ok).try_for_each(|sample| mixer.push(sample))?,
        SampleFormat::Int => {
            wav.samples::<i32>().map_while(Result::ok).try_for_each(|sample| mixer.push(sample as f32 * scale))?;
        }
    }
    mixer.give()?;
    Ok(mixer.rate)
}

fn flac_in_blocks(bytes: &[u8], longest: Duration, take: &mut dyn FnMut(Hertz, &[f32])) -> Result<Hertz, Unfit> {
    let damaged = |error: claxon::Error| Unfit::NotSound(format!("it is damaged: {error}"));
    let mut flac = claxon::FlacReader::new(Cursor::new(bytes)).map_err(damaged)?;
    let info = flac.streaminfo();
    let scale = 1.0 / (1u64 << (info.bits_per_sample.clamp(1, 32) - 1)) as f32;
    let mut mixer = Mixer::new((info.sample_rate, info.channels as usize), longest, take)?;
    mixer.check(info.samples.unwrap_or_default())?;
    let mut blocks = flac.blocks();
    let (mut buffer, mut begun) = (Vec::new(), false);
    loop {
        match blocks.read_next_or_eof(buffer) {
            Ok(Some(block)) => {
                begun |= block.duration() > 0;
                for at in 0..block.duration() {
                    (0..block.channels())
                        .try_for_each(|channel| mixer.push(block.sample(channel, at) as f32 * scale))?;
                }
                buffer = block.into_buffer();
            }
            Ok(None) => break,
            // What came before the damage is still good.
            Err(_) if begun => break,
            Err(error) => return Err(damaged(error)),
        }
    }
    mixer.give()?;
    Ok(mixer.rate)
}

/// Brings `samples` from one rate to another, in time with the original and of the same duration.
fn resample(samples: Vec<f32>, from: u32, to: u32) -> Result<Vec<f32>, String> {
    if from == to {
        return Ok(samples);
    }
    let cannot = |error: &dyn std::fmt::Display| format!("cannot be brought from {from} Hz to {to} Hz: {error}");
    let mut resampler =
        Fft::<f32>::new(from as usize, to as usize, 1024, 1, FixedSync::Both).map_err(|error| cannot(&error))?;
    let input = InterleavedSlice::new(&samples, 1, samples.len()).map_err(|error| cannot(&error))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|error| cannot(&error))?;
    Ok(output.take_data())
}

#[cfg(test)]
mod tests;
