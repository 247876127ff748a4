//! What the neural voices share: an inference that a [`CancelFlag`] stops. Nothing here knows a model's inputs.

use std::borrow::Cow;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ort::session::{RunOptions, Session, SessionInputValue};

use crate::cancel::CancelFlag;
use crate::voice::VoiceError;

/// How often a running inference looks at its flag. ONNX Runtime stops between two operators, which on a small board
/// takes longer than this.
const LOOK: Duration = Duration::from_millis(5);

/// Runs `session` and returns its first output as one row of finite samples in -1.0..=1.0.
pub(crate) fn infer(
    session: &mut Session,
    inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)>,
    cancel: &CancelFlag,
) -> Result<Vec<f32>, VoiceError> {
    if cancel.is_cancelled() {
        return Err(VoiceError::Cancelled);
    }
    let options = RunOptions::new().map_err(failed)?;
    let (finished, running) = mpsc::channel::<()>();
    let samples = thread::scope(|scope| {
        scope.spawn(|| terminate_when_cancelled(&options, running, cancel));
        let outcome = session.run_with_options(inputs, &options).map_err(failed).and_then(|outputs| {
            let (_, samples) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
            Ok(samples.to_vec())
        });
        drop(finished);
        outcome
    });
    if cancel.is_cancelled() {
        return Err(VoiceError::Cancelled);
    }
    let mut samples = samples?;
    for sample in &mut samples {
        *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
    }
    Ok(samples)
}

/// Without the runtime no neural voice can speak.
pub(crate) fn no_runtime() -> VoiceError {
    VoiceError::NotInstalled("ONNX Runtime is not loaded, which neural voices need: `pipit doctor` says why".to_owned())
}

pub(crate) fn failed(error: ort::Error) -> VoiceError {
    VoiceError::Failed(format!("the voice's model failed on this clause: {error}"))
}

/// Returns when the other end of `running` is dropped.
fn terminate_when_cancelled(options: &RunOptions, running: mpsc::Receiver<()>, cancel: &CancelFlag) {
    while running.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
        if cancel.is_cancelled() {
            // Were it to fail, the inference would end by itself and its sound would be dropped all the same.
            let _ = options.terminate();
        }
    }
}
