//! What every recogniser can do: the model on this device, and services in its place.

use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::whisper::onnx::OnnxWhisper;
use crate::whisper::{Transcript, Whisper};

/// A recogniser, ready to listen. It belongs to one thread at a time.
pub trait Recogniser: Send {
    /// What was said in `utterance`, mono audio at 16 kHz of any length.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] soon after `cancel` is raised; otherwise what went wrong.
    fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError>;
}

impl Recogniser for Whisper {
    fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        Whisper::transcribe(self, utterance, cancel)
    }
}

impl Recogniser for OnnxWhisper {
    fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        OnnxWhisper::transcribe(self, utterance, cancel)
    }
}
