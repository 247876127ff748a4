//! openWakeWord: how likely it is that a phrase has just been said, by its sound.
//!
//! Three networks in a chain, of which the first two are the same for every phrase: a mel spectrogram of 10 ms frames, an
//! embedding of each 0.76 s of it (Google's speech embedding, <https://arxiv.org/abs/2002.01322>), and a small classifier
//! over the last 16 embeddings. Source: <https://github.com/dscripka/openWakeWord>, whose Python package 0.5.1 gives the
//! same scores. What follows from a score is decided in `pipit_core::turn`, not here.
//!
//! A step costs some hundred times what Silero VAD's does, so it should get only frames that
//! [`EnergyGate`](pipit_core::ear::EnergyGate) wants judged.

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;
use pipit_core::audio::FRAME_SAMPLES;

use crate::error::ModelError;
use crate::runtime::{Runtime, SessionSettings, expect_names};

const MODEL: &str = "openWakeWord";

/// The networks that every phrase needs, below the models folder.
pub const MELSPECTROGRAM: &str = "openwakeword/melspectrogram.onnx";
/// See [`MELSPECTROGRAM`].
pub const EMBEDDING: &str = "openwakeword/embedding_model.onnx";

/// The chain goes on by 80 ms at a time.
const HOP: usize = 1280;
/// Samples from before the hop that its first mel frames look at: three frames of 160.
const OVERLAP: usize = 480;
/// Mel bands.
const BANDS: usize = 32;
/// Mel frames that one embedding is made of.
const MEL_FRAMES: usize = 76;
const EMBEDDING_VALUES: usize = 96;
/// Embeddings that a classifier looks at.
const EMBEDDINGS: usize = 16;
/// At the beginning of a stream scores say more about what came before than about it. As in the Python package.
const HOPS_BEFORE_SCORE: u32 = 5;
/// Seconds of made-up noise that stand for what came before a stream, at the loudness that the Python package takes.
const PRELUDE: usize = 4 * 16_000;
const PRELUDE_AMPLITUDE: f32 = 1000.0;

/// One phrase, with the state of one stream of audio.
#[derive(Debug)]
pub struct OpenWakeWord {
    melspectrogram: Session,
    embedding: Session,
    phrase: Session,
    phrase_input: String,
    /// Samples of which no mel frame has been made, behind [`OVERLAP`] of which they have; in 16-bit steps.
    samples: Vec<f32>,
    mel: Vec<f32>,
    embeddings: Vec<f32>,
    hops: u32,
    /// The embeddings of the prelude: what a stream begins with.
    prelude: Vec<f32>,
}

impl OpenWakeWord {
    /// Loads the two networks of every phrase from the folder `models`, where [`MELSPECTROGRAM`] and [`EMBEDDING`] lie,
    /// and the classifier of one phrase. Takes about 0.1 s.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Unusable`].
    pub fn load(runtime: &Runtime, models: &Path, phrase: &Path) -> Result<OpenWakeWord, ModelError> {
        let open = |path: &Path| runtime.session(MODEL, path, SessionSettings::default());
        let (mel_path, embedding_path) = (models.join(MELSPECTROGRAM), models.join(EMBEDDING));
        let melspectrogram = open(&mel_path)?;
        expect_names(&melspectrogram, MODEL, &mel_path, &["input"], &["output"])?;
        let embedding = open(&embedding_path)?;
        expect_names(&embedding, MODEL, &embedding_path, &["input_1"], &["conv2d_19"])?;
        let classifier = open(phrase)?;
        // Each phrase has names of its own for its one input and its one output.
        let phrase_input = match (classifier.inputs(), classifier.outputs()) {
            ([input], [_]) => input.name().to_owned(),
            (inputs, outputs) => {
                let reason =
                    format!("it has {} inputs and {} outputs instead of one each", inputs.len(), outputs.len());
                return Err(ModelError::unusable(MODEL, phrase, reason));
            }
        };
        let mut loaded = OpenWakeWord {
            melspectrogram,
            embedding,
            phrase: classifier,
            phrase_input,
            samples: Vec::new(),
            mel: Vec::new(),
            embeddings: Vec::new(),
            hops: 0,
            prelude: Vec::new(),
        };
        let unusable = |error: ort::Error| ModelError::unusable(MODEL, phrase, error);
        loaded.prelude = loaded.embed_prelude().map_err(unusable)?;
        loaded.reset();
        // A classifier for another chain shows itself here and not in the middle of a day.
        loaded.classify().map_err(unusable)?;
        Ok(loaded)
    }

    /// Takes the next 32 ms of the stream. Every 80 ms, when there is a new score, gives it: the probability, 0.0..=1.0,
    /// that the phrase has just been said.
    ///
    /// # Errors
    /// [`ModelError::Inference`] if the runtime fails; the state is then as before a stream.
    pub fn score(&mut self, frame: &[f32; FRAME_SAMPLES]) -> Result<Option<f32>, ModelError> {
        // The networks were made for 16-bit samples, unscaled.
        let in_steps = |sample: &f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) * 32_768.0 } else { 0.0 };
        self.samples.extend(frame.iter().map(in_steps));
        if self.fresh() < HOP {
            return Ok(None);
        }
        let score = self.step().and_then(|()| self.classify());
        match score {
            Ok(score) if score.is_finite() => Ok((self.hops > HOPS_BEFORE_SCORE).then(|| score.clamp(0.0, 1.0))),
            Ok(_) => Err(self.failed("it answered with no number")),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Forgets the stream: the next frame is the first of another.
    pub fn reset(&mut self) {
        self.samples.clear();
        self.mel.clear();
        // What the Python package begins with.
        self.mel.resize(MEL_FRAMES * BANDS, 1.0);
        self.embeddings.clone_from(&self.prelude);
        self.hops = 0;
    }

    fn failed(&mut self, reason: impl std::fmt::Display) -> ModelError {
        self.reset();
        ModelError::inference(MODEL)(reason)
    }

    /// Samples that no mel frame begins with.
    fn fresh(&self) -> usize {
        if self.hops == 0 { self.samples.len() } else { self.samples.len().saturating_sub(OVERLAP) }
    }

    /// Makes one hop of sound into one embedding.
    fn step(&mut self) -> ort::Result<()> {
        let length = self.samples.len() - (self.fresh() - HOP);
        let frames = melspectrogram(&mut self.melspectrogram, &self.samples[..length])?;
        self.mel.extend(frames);
        self.mel.drain(..self.mel.len() - MEL_FRAMES * BANDS);
        self.samples.drain(..length - OVERLAP);
        let embedding = embed(&mut self.embedding, &self.mel)?;
        self.embeddings.extend(embedding);
        self.embeddings.drain(..self.embeddings.len() - EMBEDDINGS * EMBEDDING_VALUES);
        self.hops = self.hops.saturating_add(1);
        Ok(())
    }

    fn classify(&mut self) -> ort::Result<f32> {
        let window = TensorRef::from_array_view(([1usize, EMBEDDINGS, EMBEDDING_VALUES], &self.embeddings[..]))?;
        let outputs = self.phrase.run(ort::inputs![self.phrase_input.as_str() => window])?;
        let (_, scores) = outputs[0].try_extract_tensor::<f32>()?;
        match scores {
            [score] => Ok(*score),
            _ => Err(ort::Error::new("it does not give one score")),
        }
    }

    /// The last embeddings of noise that is the same each time.
    fn embed_prelude(&mut self) -> ort::Result<Vec<f32>> {
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..PRELUDE)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 16) as f32 / 32_768.0 - 1.0) * PRELUDE_AMPLITUDE
            })
            .map(f32::trunc)
            .collect();
        let mel = melspectrogram(&mut self.melspectrogram, &noise)?;
        let starts = (0..mel.len() / BANDS).step_by(HOP / 160).filter(|start| start + MEL_FRAMES <= mel.len() / BANDS);
        let starts: Vec<usize> = starts.collect();
        let last =
            starts.len().checked_sub(EMBEDDINGS).ok_or_else(|| ort::Error::new("its spectrogram is too short"))?;
        let mut embeddings = Vec::with_capacity(EMBEDDINGS * EMBEDDING_VALUES);
        for start in &starts[last..] {
            embeddings.extend(embed(&mut self.embedding, &mel[start * BANDS..(start + MEL_FRAMES) * BANDS])?);
        }
        Ok(embeddings)
    }
}

/// Mel frames of [`BANDS`] values, one after the other: `samples / 160 - 3` of them.
fn melspectrogram(session: &mut Session, samples: &[f32]) -> ort::Result<Vec<f32>> {
    let outputs = session.run(ort::inputs![
        "input" => TensorRef::from_array_view(([1usize, samples.len()], samples))?,
    ])?;
    let (_, frames) = outputs["output"].try_extract_tensor::<f32>()?;
    if frames.is_empty() || !frames.len().is_multiple_of(BANDS) {
        return Err(ort::Error::new("its spectrogram has another shape"));
    }
    // To the scale of the spectrogram with which the embedding was trained.
    Ok(frames.iter().map(|power| power / 10.0 + 2.0).collect())
}

/// The embedding of [`MEL_FRAMES`] frames.
fn embed(session: &mut Session, mel: &[f32]) -> ort::Result<Vec<f32>> {
    let outputs = session.run(ort::inputs![
        "input_1" => TensorRef::from_array_view(([1usize, MEL_FRAMES, BANDS, 1], mel))?,
    ])?;
    let (_, embedding) = outputs["conv2d_19"].try_extract_tensor::<f32>()?;
    if embedding.len() != EMBEDDING_VALUES {
        return Err(ort::Error::new("its embedding has another shape"));
    }
    Ok(embedding.to_vec())
}
