//! Smart Turn version 3.2: whether the speaker, who has just paused, has finished.
//!
//! Source: <https://github.com/pipecat-ai/smart-turn> (BSD-2-Clause); the file is `smart-turn-v3.2-cpu.onnx` of the
//! Python package `pipecat-ai`. What follows from a probability is decided in `pipit_core::turn`, not here.

mod log_mel;

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use crate::error::ModelError;
use crate::runtime::{Runtime, SessionSettings, expect_names};
use log_mel::{BANDS, FRAMES, LogMel};

const MODEL: &str = "Smart Turn";

/// The turn model and its feature extraction.
#[derive(Debug)]
pub struct SmartTurn {
    session: Session,
    log_mel: LogMel,
}

impl SmartTurn {
    /// Loads the model. `threads` is the number of cores that one judgement may use.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Unusable`].
    pub fn load(runtime: &Runtime, path: &Path, threads: usize) -> Result<SmartTurn, ModelError> {
        let settings = SessionSettings { intra_threads: threads, ..SessionSettings::default() };
        let session = runtime.session(MODEL, path, settings)?;
        expect_names(&session, MODEL, path, &["input_features"], &["logits"])?;
        Ok(SmartTurn { session, log_mel: LogMel::new() })
    }

    /// The probability, 0.0..=1.0, that the turn is complete at the end of `utterance`.
    ///
    /// `utterance` is mono audio at 16 kHz of any length, of which the last 8 seconds count; it ends with the silence
    /// that made somebody ask.
    ///
    /// # Errors
    /// [`ModelError::Inference`] if the runtime fails.
    pub fn probability(&mut self, utterance: &[f32]) -> Result<f32, ModelError> {
        let features = self.log_mel.compute(utterance);
        let probability = infer(&mut self.session, features).map_err(ModelError::inference(MODEL))?;
        // The output is called `logits` and has been through the sigmoid already.
        Ok(probability.clamp(0.0, 1.0))
    }
}

fn infer(session: &mut Session, features: &[f32]) -> ort::Result<f32> {
    let input = TensorRef::from_array_view(([1usize, BANDS, FRAMES], features))?;
    let outputs = session.run(ort::inputs!["input_features" => input])?;
    let (_, probability) = outputs["logits"].try_extract_tensor::<f32>()?;
    match probability.first() {
        Some(probability) if probability.is_finite() => Ok(*probability),
        _ => Err(ort::Error::new("it answered with no number")),
    }
}
