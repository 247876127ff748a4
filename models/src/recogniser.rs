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

    /// Listens ahead to an utterance that goes on, so that less of it is left to do when it ends. Gives the words that will
    /// hardly change any more, all of them from the beginning and empty where there are none yet; nothing from a recogniser that
    /// can't listen ahead, which is what none does that does not say how.
    ///
    /// Whatever it gives, [`Recogniser::transcribe`] says later what was said in the longer utterance.
    ///
    /// # Errors
    /// As [`Recogniser::transcribe`].
    fn follow(&mut self, _utterance: &[f32], _cancel: &CancelFlag) -> Result<Option<String>, ModelError> {
        Ok(None)
    }
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

    fn follow(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Option<String>, ModelError> {
        OnnxWhisper::follow(self, utterance, cancel).map(Some)
    }
}
