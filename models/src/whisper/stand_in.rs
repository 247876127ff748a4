//! Whisper models of the true sizes with random weights: they cost what the real ones cost and say noise, ten tokens of it, so that
//! time and memory can be measured where the real ones are not at hand.

use std::io::{self, Write};

use half::f16;

use super::Architecture;
use super::file::{FFT_BINS, MAGIC};
use crate::mel::slaney_bands;

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
    writer.headers(shape)?;
    for (name, sizes) in tensors(shape) {
        writer.tensor(&name, &sizes)?;
    }
    Ok(())
}

/// Every tensor with its sizes, the last of which changes fastest.
fn tensors(shape: &Architecture) -> Vec<(String, Vec<usize>)> {
    let width = shape.width;
    let mut all = vec![
        ("encoder.positional_embedding".to_owned(), vec![shape.audio_context, width]),
        ("encoder.conv1.weight".to_owned(), vec![width, shape.mels, 3]),
        ("encoder.conv1.bias".to_owned(), vec![width, 1]),
        ("encoder.conv2.weight".to_owned(), vec![width, width, 3]),
        ("encoder.conv2.bias".to_owned(), vec![width, 1]),
    ];
    for layer in 0..shape.audio_layers {
        push_block(&mut all, &format!("encoder.blocks.{layer}"), width, &["attn"]);
    }
    push_pair(&mut all, "encoder.ln_post", vec![width]);
    all.push(("decoder.positional_embedding".to_owned(), vec![shape.text_context, width]));
    all.push(("decoder.token_embedding.weight".to_owned(), vec![shape.vocabulary, width]));
    for layer in 0..shape.text_layers {
        push_block(&mut all, &format!("decoder.blocks.{layer}"), width, &["attn", "cross_attn"]);
    }
    push_pair(&mut all, "decoder.ln", vec![width]);
    all
}

fn push_block(all: &mut Vec<(String, Vec<usize>)>, block: &str, width: usize, attentions: &[&str]) {
    for attention in attentions {
        push_pair(all, &format!("{block}.{attention}.query"), vec![width, width]);
        all.push((format!("{block}.{attention}.key.weight"), vec![width, width]));
        push_pair(all, &format!("{block}.{attention}.value"), vec![width, width]);
        push_pair(all, &format!("{block}.{attention}.out"), vec![width, width]);
        push_pair(all, &format!("{block}.{attention}_ln"), vec![width]);
    }
    push_pair(all, &format!("{block}.mlp.0"), vec![4 * width, width]);
    push_pair(all, &format!("{block}.mlp.2"), vec![width, 4 * width]);
    push_pair(all, &format!("{block}.mlp_ln"), vec![width]);
}

/// A weight and the bias of its outputs.
fn push_pair(all: &mut Vec<(String, Vec<usize>)>, layer: &str, sizes: Vec<usize>) {
    let outputs = sizes[0];
    all.push((format!("{layer}.weight"), sizes));
    all.push((format!("{layer}.bias"), vec![outputs]));
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

    fn headers(&mut self, shape: &Architecture) -> io::Result<()> {
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
        for band in slaney_bands(mels) {
            let mut row = [0.0f32; FFT_BINS];
            for (slot, weight) in row[band.first_bin..].iter_mut().zip(&band.weights) {
                *slot = *weight as f32;
            }
            self.floats(&row)?;
        }
        // Words that look like none, as what it says is noise in any case; but a space is looked for. The special ones have no text
        // in a file.
        self.number(self.end)?;
        for word in 0..self.end {
            let text = if word == 220 { " ".to_owned() } else { format!(" {word:x}") };
            self.number(text.len())?;
            self.out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    fn tensor(&mut self, name: &str, sizes: &[usize]) -> io::Result<()> {
        let is_half = sizes.len() > 1 && !name.ends_with("bias") && !name.ends_with("positional_embedding");
        self.number(sizes.len())?;
        self.number(name.len())?;
        self.number(usize::from(is_half))?;
        for size in sizes.iter().rev() {
            self.number(*size)?;
        }
        self.out.write_all(name.as_bytes())?;
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
    use super::super::{Whisper, WhisperSettings, WhisperSource};
    use super::*;
    use crate::cancel::CancelFlag;

    #[test]
    fn whisper_cpp_hears_ten_tokens_with_a_stand_in() {
        for name in ["tiny.en", "tiny"] {
            let shape =
                Architecture { width: 64, heads: 2, audio_layers: 1, text_layers: 1, ..architecture(name).unwrap() };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("small.bin");
            let mut file = std::fs::File::create(&path).unwrap();
            write(&shape, 1, &mut file).unwrap();
            let mut whisper = Whisper::load(&WhisperSource::File(path), &WhisperSettings::default()).unwrap();
            let sound: Vec<f32> = (0..48_000).map(|at| (at as f32 * 0.1).sin() * 0.3).collect();
            let heard = whisper.hear(&sound, 200, &CancelFlag::new()).unwrap();
            // And the one that ends the text.
            assert_eq!((heard.tokens as usize, heard.ended), (TOKENS + 1, true), "{name}");
        }
    }
}
