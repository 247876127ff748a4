//! How likely it is that somebody speaks in a frame: by Silero VAD, and where ONNX Runtime or its model are not there, by a
//! light detector that needs neither.
//!
//! The light one is `earshot` (MIT or Apache-2.0), a small network that is part of the program, in Rust for every processor.

use earshot::Detector;
use pipit_core::audio::FRAME_SAMPLES;

use crate::error::ModelError;
use crate::silero::SileroVad;

/// What the light detector takes at once: 16 ms at 16 kHz.
const LIGHT_SAMPLES: usize = FRAME_SAMPLES / 2;

/// A voice activity detector with the state of one stream of audio.
#[derive(Debug)]
pub enum VoiceActivity {
    /// Silero VAD.
    Silero(Box<SileroVad>),
    /// The light detector.
    Light(LightVad),
}

impl VoiceActivity {
    /// The probability, 0.0..=1.0, that `frame` holds speech. Frames are the consecutive 32 ms of one stream at 16 kHz.
    ///
    /// # Errors
    /// [`ModelError::Inference`] if Silero VAD fails; the state is then as before a stream.
    pub fn voice_activity(&mut self, frame: &[f32; FRAME_SAMPLES]) -> Result<f32, ModelError> {
        match self {
            VoiceActivity::Silero(silero) => silero.voice_activity(frame),
            VoiceActivity::Light(light) => Ok(light.voice_activity(frame)),
        }
    }

    /// Forgets the stream: the next frame is the first of another.
    pub fn reset(&mut self) {
        match self {
            VoiceActivity::Silero(silero) => silero.reset(),
            VoiceActivity::Light(light) => light.0.reset(),
        }
    }
}

impl From<SileroVad> for VoiceActivity {
    fn from(silero: SileroVad) -> Self {
        VoiceActivity::Silero(Box::new(silero))
    }
}

impl From<LightVad> for VoiceActivity {
    fn from(light: LightVad) -> Self {
        VoiceActivity::Light(light)
    }
}

/// The light detector with the state of one stream of audio.
pub struct LightVad(Box<Detector>);

impl Default for LightVad {
    fn default() -> Self {
        LightVad(Detector::default_boxed())
    }
}

impl std::fmt::Debug for LightVad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LightVad")
    }
}

impl LightVad {
    fn voice_activity(&mut self, frame: &[f32; FRAME_SAMPLES]) -> f32 {
        // One sample that is not a number would spoil the state for good, and the detector wants none beyond full scale.
        let samples = frame.map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 });
        let scores = samples.as_chunks::<LIGHT_SAMPLES>().0.iter().map(|half| self.0.predict_f32(half));
        // The surer half: a word may begin or end in the middle of a frame.
        let activity = scores.fold(0.0, f32::max);
        if activity.is_finite() { activity.clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn highest(vad: &mut VoiceActivity, samples: &[f32]) -> f32 {
        let frames = samples.as_chunks::<FRAME_SAMPLES>().0;
        frames.iter().map(|frame| vad.voice_activity(frame).unwrap()).fold(0.0, f32::max)
    }

    #[test]
    fn the_light_detector_hears_a_voice_and_no_silence_hum_or_nonsense() {
        let mut vad = VoiceActivity::from(LightVad::default());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware-host/demo/1-what-time-is-it.wav");
        let clip: Vec<f32> = hound::WavReader::open(path)
            .unwrap()
            .samples::<i16>()
            .map(|sample| f32::from(sample.unwrap()) / 32768.0)
            .collect();
        assert!(highest(&mut vad, &clip) > 0.9);
        vad.reset();
        // What the ear takes for silence where nobody sets it otherwise.
        assert!(highest(&mut vad, &[0.0; 16_000]) < 0.35);
        let hum: Vec<f32> = (0..16_000).map(|n| 0.1 * (n as f32 * 0.05).sin()).collect();
        vad.reset();
        assert!(highest(&mut vad, &hum) < 0.5);
        for nonsense in [f32::NAN, f32::INFINITY, 1e30] {
            let activity = vad.voice_activity(&[nonsense; FRAME_SAMPLES]).unwrap();
            assert!((0.0..=1.0).contains(&activity), "{nonsense}: {activity}");
        }
        vad.reset();
        assert!(highest(&mut vad, &clip) > 0.9, "what came before is forgotten");
    }
}
