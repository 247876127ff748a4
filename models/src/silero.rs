//! Silero VAD version 6: how likely it is that somebody speaks in a frame of 32 ms.
//!
//! Source: <https://github.com/snakers4/silero-vad> (MIT); the file is `silero_vad_openvino_16k.onnx` of the Python
//! package `silero-vad`. What follows from a probability is decided in `pipit_core::ear`, not here.

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;
use pipit_core::audio::FRAME_SAMPLES;

use crate::error::ModelError;
use crate::runtime::{Runtime, SessionSettings, expect_names};

const MODEL: &str = "Silero VAD";

/// The end of the frame before, which the model sees in front of each frame.
const CONTEXT_SAMPLES: usize = 64;

/// The recurrent state: [2, 1, 128].
const STATE_VALUES: usize = 256;

/// Music and noise leave a state in which the model under-reports the speech that follows: after 20 s of music a speaker
/// is heard 200 ms late. So the state is cleared this often: 63 frames are two seconds.
const FRAMES_BETWEEN_RESETS: u32 = 63;

/// A reset that is due waits for a second of quiet. In the shorter pauses of a conversation it would cost more than it
/// gives: with 160 ms, which is what pipecat waits, the AMI excerpts lose 0.013 of F1, and with a second nothing.
const QUIET_FRAMES_BEFORE_RESET: u32 = 31;
const QUIET_BELOW: f32 = 0.1;

/// The voice activity detector with the state of one stream of audio.
#[derive(Debug)]
pub struct SileroVad {
    session: Session,
    window: [f32; CONTEXT_SAMPLES + FRAME_SAMPLES],
    state: [f32; STATE_VALUES],
    frames_since_reset: u32,
    quiet_frames: u32,
}

impl SileroVad {
    /// Loads the model. Takes about 5 ms.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Unusable`].
    pub fn load(runtime: &Runtime, path: &Path) -> Result<SileroVad, ModelError> {
        let session = runtime.session(MODEL, path, SessionSettings::default())?;
        expect_names(&session, MODEL, path, &["input", "state"], &["output", "stateN"])?;
        Ok(SileroVad {
            session,
            window: [0.0; CONTEXT_SAMPLES + FRAME_SAMPLES],
            state: [0.0; STATE_VALUES],
            frames_since_reset: 0,
            quiet_frames: 0,
        })
    }

    /// The probability, 0.0..=1.0, that `frame` holds speech. Frames are the consecutive 32 ms of one stream at 16 kHz.
    ///
    /// # Errors
    /// [`ModelError::Inference`] if the runtime fails; the state is then as before a stream.
    pub fn voice_activity(&mut self, frame: &[f32; FRAME_SAMPLES]) -> Result<f32, ModelError> {
        self.window.copy_within(FRAME_SAMPLES.., 0);
        for (slot, sample) in self.window[CONTEXT_SAMPLES..].iter_mut().zip(frame) {
            // One sample that is not a number would spoil the state for good.
            *slot = if sample.is_finite() { *sample } else { 0.0 };
        }
        let probability = match self.infer() {
            Ok(probability) if probability.is_finite() => probability,
            Ok(_) => {
                self.reset();
                return Err(ModelError::Inference { model: MODEL, reason: "it answered with no number".to_owned() });
            }
            Err(error) => {
                self.reset();
                return Err(ModelError::Inference { model: MODEL, reason: error.to_string() });
            }
        };
        self.reset_if_due(probability);
        Ok(probability)
    }

    /// Forgets the stream: the next frame is the first of another.
    pub fn reset(&mut self) {
        self.window.fill(0.0);
        self.state.fill(0.0);
        self.frames_since_reset = 0;
        self.quiet_frames = 0;
    }

    fn infer(&mut self) -> ort::Result<f32> {
        let outputs = self.session.run(ort::inputs![
            "input" => TensorRef::from_array_view(([1usize, self.window.len()], &self.window[..]))?,
            "state" => TensorRef::from_array_view(([2usize, 1, 128], &self.state[..]))?,
        ])?;
        let (_, next_state) = outputs["stateN"].try_extract_tensor::<f32>()?;
        let (_, probability) = outputs["output"].try_extract_tensor::<f32>()?;
        let (Some(probability), true) = (probability.first().copied(), next_state.len() == STATE_VALUES) else {
            return Err(ort::Error::new("its outputs have another shape"));
        };
        let mut state = [0.0; STATE_VALUES];
        state.copy_from_slice(next_state);
        drop(outputs);
        self.state = state;
        Ok(probability)
    }

    fn reset_if_due(&mut self, probability: f32) {
        self.frames_since_reset = self.frames_since_reset.saturating_add(1);
        self.quiet_frames = if probability < QUIET_BELOW { self.quiet_frames.saturating_add(1) } else { 0 };
        if self.frames_since_reset >= FRAMES_BETWEEN_RESETS && self.quiet_frames >= QUIET_FRAMES_BEFORE_RESET {
            self.reset();
        }
    }
}
