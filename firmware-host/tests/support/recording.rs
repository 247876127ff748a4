//! Recordings: those of the demo, and what a test makes of them.

use std::fs;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

pub(crate) const RATE: u32 = 16_000;

pub(crate) const WHAT_TIME_IS_IT: &str = "1-what-time-is-it";
pub(crate) const TWELVE_TIMES_SEVEN: &str = "3-how-much-is-twelve-times-seven";

pub(crate) fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo").join(name).with_extension("wav")
}

/// The recordings of the demo, in their order.
pub(crate) fn all_of_the_demo() -> Vec<PathBuf> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    assert!(files.len() > 1, "the demo has recordings");
    files
}

/// What is said in a recording of the demo.
pub(crate) fn words_beside(recording: &Path) -> String {
    fs::read_to_string(recording.with_extension("txt")).unwrap().trim().to_owned()
}

/// The samples of a recording of the demo, at [`RATE`].
pub(crate) fn samples(name: &str) -> Vec<f32> {
    let mut wav = WavReader::open(demo(name)).unwrap();
    let WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, .. } = wav.spec() else {
        panic!("{:?}", wav.spec())
    };
    wav.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
}

pub(crate) fn silence(seconds: f32) -> Vec<f32> {
    vec![0.0; (seconds * RATE as f32) as usize]
}

pub(crate) fn at_rate(samples: &[f32], rate: u32) -> Vec<f32> {
    resampled(samples, RATE, rate)
}

pub(crate) fn resampled(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    let mut resampler = Fft::<f32>::new(from as usize, to as usize, 1024, 1, FixedSync::Both).unwrap();
    let input = InterleavedSlice::new(samples, 1, samples.len()).unwrap();
    resampler.process_all(&input, samples.len(), None).unwrap().take_data()
}

/// A mono WAV file of 16 bits at [`RATE`].
pub(crate) fn write(path: &Path, samples: &[f32]) {
    write_as(path, &spec(1, RATE, 16), samples);
}

pub(crate) fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int }
}

/// A WAV file with the same sound on every channel.
pub(crate) fn write_as(path: &Path, spec: &WavSpec, samples: &[f32]) {
    let mut wav = WavWriter::create(path, *spec).unwrap();
    let full = ((1_u64 << (spec.bits_per_sample - 1)) - 1) as f32;
    for sample in samples {
        for _ in 0..spec.channels {
            match spec.sample_format {
                SampleFormat::Float => wav.write_sample(*sample).unwrap(),
                SampleFormat::Int => wav.write_sample((sample.clamp(-1.0, 1.0) * full) as i32).unwrap(),
            }
        }
    }
    wav.finalize().unwrap();
}

/// What there is to be heard of a WAV file.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) seconds: f32,
    /// Root mean square, of full scale.
    pub(crate) level: f32,
    pub(crate) peak: f32,
}

impl Sound {
    pub(crate) fn of(wav: &Path) -> Self {
        let mut wav = WavReader::open(wav).unwrap_or_else(|error| panic!("{}: {error}", wav.display()));
        let rate = wav.spec().sample_rate as f32;
        let samples: Vec<f32> = wav.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
        let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32;
        let peak = samples.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
        Sound { seconds: samples.len() as f32 / rate, level: power.sqrt(), peak }
    }

    /// Somebody could say `text` in this time, and be heard.
    #[track_caller]
    pub(crate) fn could_be(&self, text: &str) {
        let letters = text.chars().count() as f32;
        // From a hasty 25 letters a second to a slow 5, with half a second for the edges.
        let plausible = letters / 25.0..letters / 5.0 + 0.5;
        assert!(plausible.contains(&self.seconds), "{self:?} for `{text}`");
        assert!(self.level > 0.01 && self.peak > 0.1, "{self:?} for `{text}`");
    }
}
