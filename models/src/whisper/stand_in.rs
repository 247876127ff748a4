//! Whisper models of the true sizes with random weights: they cost what the real ones cost and say noise, ten tokens of it, so that
//! time and memory can be measured where the real ones are not at hand.

use std::io::{self, Write};

use half::f16;

use super::file::{FFT_BINS, MAGIC, Tensor};
use super::number_format::Format;
use super::weights::Weights;
use super::{Architecture, MODEL, WhisperSource, tensors};
use crate::error::ModelError;
use crate::mel::slaney_filters;

/// The shape of one of OpenAI's models by its name, such as `base.en` or `large-v3-turbo`.
#[must_use]
pub fn architecture(name: &str) -> Option<Architecture> {
    let (vocabulary, width, heads, audio_layers, text_layers, mels) = match name {
        "tiny.en" => (51_864, 384, 6, 4, 4, 80),
        "tiny" => (51_865, 384, 6, 4, 4, 80),
        "base.en" => (51_864, 512, 8, 6, 6, 80),
        "base" => (51_865, 512, 8, 6, 6, 80),
        "small.en" => (51_864, 768, 12, 12, 12, 80),
        "small" => (51_865, 768, 12, 12, 12, 80),
        "large-v3-turbo" => (51_866, 1280, 20, 32, 4, 128),
        _ => return None,
    };
    Some(Architecture {
        vocabulary,
        audio_context: 1500,
        width,
        heads,
        audio_layers,
        text_context: 448,
        text_layers,
        mels,
    })
}

/// How many tokens a stand-in says: a short request.
pub const TOKENS: usize = 10;

/// Writes a model of this shape in ggml's format, with matrices in 16 bits. The same `seed` gives the same model.
pub fn write(shape: &Architecture, seed: u64, out: &mut impl Write) -> io::Result<()> {
    // Models for English alone have one token less, and none for the language and the task.
    let (end, prompt) = if shape.vocabulary == 51_864 { (50_256, 2) } else { (50_257, 4) };
    let mut writer = Writer { out, random: fastrand::Rng::with_seed(seed), end, prompt };
    // Words that look like none, as what it says is noise in any case; but a space is looked for. The special ones have no text
    // in a file.
    let word = |word: usize| if word == 220 { b" ".to_vec() } else { format!(" {word:x}").into_bytes() };
    writer.headers(shape, &slaney_filters(shape.mels), &(0..end).map(word).collect::<Vec<_>>())?;
    for (name, sizes) in tensors::of(shape) {
        writer.tensor(&name, &sizes)?;
    }
    Ok(())
}

/// Writes the model in `source` with its small numbers as 16-bit ones: the same model, for comparisons.
///
/// # Errors
/// The source can't be read, or the copy not written: why.
pub fn write_in_f16(source: &WhisperSource, out: &mut impl Write) -> Result<(), ModelError> {
    let mut weights = Weights::open(source)?;
    let failed =
        |error: io::Error| ModelError::unusable(MODEL, source.path(), format!("its copy can't be written ({error})"));
    let contents = weights.contents.clone();
    let mut writer = Writer { out, random: fastrand::Rng::with_seed(0), end: 0, prompt: 0 };
    writer.headers(&contents.architecture, &contents.filters, &contents.vocabulary).map_err(failed)?;
    for (name, Tensor { sizes, format, .. }) in &contents.tensors {
        let numbers = weights.tensor(name, sizes).map_err(|refusal| refusal.of(source))?;
        let is_half = *format != Format::F32;
        writer.tensor_header(name, sizes, is_half).map_err(failed)?;
        if is_half { writer.halves(&numbers) } else { writer.floats(&numbers) }.map_err(failed)?;
    }
    Ok(())
}

/// The direction that the end of the text lies in.
fn toward_the_end(reach: f32) -> impl Iterator<Item = f32> {
    [reach, -reach].into_iter().cycle()
}

struct Writer<'a, W> {
    out: &'a mut W,
    random: fastrand::Rng,
    /// The token that ends a text.
    end: usize,
    /// Tokens before the first that is said.
    prompt: usize,
}

impl<W: Write> Writer<'_, W> {
    fn number(&mut self, number: usize) -> io::Result<()> {
        let number = u32::try_from(number).map_err(|_| io::Error::other("a size does not fit the format"))?;
        self.out.write_all(&number.to_le_bytes())
    }

    fn headers(&mut self, shape: &Architecture, filters: &[f32], vocabulary_texts: &[Vec<u8>]) -> io::Result<()> {
        self.out.write_all(&MAGIC.to_le_bytes())?;
        let Architecture { vocabulary, audio_context, width, heads, audio_layers, text_context, text_layers, mels } =
            *shape;
        // The last is the number format: 16 bits.
        for size in
            [vocabulary, audio_context, width, heads, audio_layers, text_context, width, heads, text_layers, mels, 1]
        {
            self.number(size)?;
        }
        self.number(mels)?;
        self.number(FFT_BINS)?;
        self.floats(filters)?;
        self.number(vocabulary_texts.len())?;
        for text in vocabulary_texts {
            self.number(text.len())?;
            self.out.write_all(text)?;
        }
        Ok(())
    }

    fn tensor_header(&mut self, name: &str, sizes: &[usize], is_half: bool) -> io::Result<()> {
        self.number(sizes.len())?;
        self.number(name.len())?;
        self.number(usize::from(is_half))?;
        for size in sizes.iter().rev() {
            self.number(*size)?;
        }
        self.out.write_all(name.as_bytes())
    }

    fn tensor(&mut self, name: &str, sizes: &[usize]) -> io::Result<()> {
        let is_half = sizes.len() > 1 && !name.ends_with("bias") && !name.ends_with("positional_embedding");
        self.tensor_header(name, sizes, is_half)?;
        let count: usize = sizes.iter().product();
        if name.ends_with("bias") {
            self.floats(&vec![0.0; count])
        } else if name == "encoder.positional_embedding" {
            self.floats(&sinusoids(sizes[0], sizes[1]))
        } else if sizes.len() == 1 {
            self.floats(&vec![1.0; count])
        } else {
            // As wide as keeps what flows through a layer as large as it was.
            let inputs: usize = if name.contains("embedding") { 2500 } else { sizes[1..].iter().product() };
            let reach = (3.0 / inputs as f32).sqrt();
            let random = &mut self.random;
            let mut weights: Vec<f32> = (0..count).map(|_| (random.f32() * 2.0 - 1.0) * reach).collect();
            let width = sizes[1];
            if name == "decoder.token_embedding.weight" {
                weights[self.end * width..][..width]
                    .iter_mut()
                    .zip(toward_the_end(reach))
                    .for_each(|(slot, weight)| *slot = weight);
            } else if name == "decoder.positional_embedding" {
                // Far more than what any layer adds.
                for row in weights.chunks_exact_mut(width).skip(self.prompt - 1 + TOKENS) {
                    row.iter_mut().zip(toward_the_end(50.0)).for_each(|(slot, weight)| *slot += weight);
                }
            }
            if is_half { self.halves(&weights) } else { self.floats(&weights) }
        }
    }

    fn floats(&mut self, values: &[f32]) -> io::Result<()> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.out.write_all(&bytes)
    }

    fn halves(&mut self, values: &[f32]) -> io::Result<()> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        self.out.write_all(&bytes)
    }
}

/// The encoder's positions: sines in the first half of a row, cosines in the second.
fn sinusoids(length: usize, width: usize) -> Vec<f32> {
    let half = width / 2;
    let step = 10_000f64.ln() / (half - 1) as f64;
    let angle = |position: usize, channel: usize| position as f64 * (-step * channel as f64).exp();
    (0..length)
        .flat_map(|position| {
            let sines = (0..half).map(move |channel| angle(position, channel).sin() as f32);
            sines.chain((0..half).map(move |channel| angle(position, channel).cos() as f32))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::onnx::{Cache, OnnxWhisper, Precision};
    use super::super::{Whisper, WhisperSettings, WhisperSource};
    use super::*;
    use crate::cancel::CancelFlag;

    #[test]
    fn both_engines_hear_ten_tokens_with_a_stand_in() {
        let folder = tempfile::tempdir().unwrap();
        let sound: Vec<f32> = (0..48_000).map(|at| (at as f32 * 0.1).sin() * 0.3).collect();
        for (name, language) in [("tiny.en", Some("en")), ("tiny", Some("de")), ("tiny", None)] {
            let shape =
                Architecture { width: 64, heads: 2, audio_layers: 1, text_layers: 1, ..architecture(name).unwrap() };
            let path = folder.path().join("small.bin");
            write(&shape, 1, &mut std::fs::File::create(&path).unwrap()).unwrap();
            let (source, cancel) = (WhisperSource::File(path), CancelFlag::new());
            let settings = WhisperSettings { threads: 1, language: language.map(str::to_owned) };
            // And the one that ends the text.
            let ten = (TOKENS as u32 + 1, true);
            let mut whisper = Whisper::load(&source, &settings).unwrap();
            let theirs = whisper.hear(&sound, 200, &cancel).unwrap();
            assert_eq!((theirs.tokens, theirs.ended), ten, "whisper.cpp, {name}");
            let cache = Cache::new(folder.path().join("compiled"));
            let precision = Some(Precision::EXACT);
            let mut whisper = OnnxWhisper::load(
                &crate::runtime::tests::runtime(),
                &source,
                &settings,
                precision,
                &cache,
                &mut |_| true,
            )
            .unwrap();
            let (ours, _) = whisper.hear(&sound, 200, &[], &cancel).unwrap();
            assert_eq!((ours.tokens, ours.ended), ten, "ONNX Runtime, {name}");
            if language.is_some() {
                assert_eq!(ours.text, theirs.text, "{name}");
            }
        }
    }
}
