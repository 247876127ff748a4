//! Kokoro-82M, the most natural of the voices, on ONNX Runtime.
//!
//! Model: hexgrad/Kokoro-82M v1.0 (Apache-2.0), a StyleTTS 2 with an ISTFTNet vocoder, as exported by kokoro-onnx
//! (`kokoro-v1.0.onnx`) or by onnx-community. Inputs: `tokens` or `input_ids` int64 `[1, n]`, with token 0 at both ends and
//! n at most 512; `style` f32 `[1, 256]`; `speed` f32 (in some exports int32) `[1]`. Output: 24 kHz samples f32. The styles
//! of all voices are in one NumPy archive (`voices-v1.0.bin`).

use std::borrow::Cow;
use std::path::Path;

use ort::session::{Session, SessionInputValue};
use ort::value::{Tensor, TensorElementType};
use pipit_core::audio::{Hertz, Pcm};

use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::espeak::EspeakNg;
use crate::runtime::{Runtime, SessionSettings};
use crate::synthesis::{failed, infer};
use crate::voice::{Engine, Opened, Voice, VoiceError, VoiceSettings, pace};

use speech_sounds::SpeechSounds;
use styles::Styles;

mod speech_sounds;
mod styles;
mod vocabulary;

/// The engine's line in the table of engines.
pub(crate) const ENGINE: Engine = Engine { name: "kokoro", open, voices, usual };

// The names of the files of the release that carries them.
const MODEL_FILE: &str = "kokoro-v1.0.onnx";
const VOICES_FILE: &str = "voices-v1.0.bin";

/// How errors call the files.
const MODEL: &str = "Kokoro";

const DEFAULT_VOICE: &str = "af_heart";
const RATE: Hertz = Hertz(24_000);

/// How Kokoro speaks.
#[derive(Clone, Debug)]
pub struct KokoroSettings {
    /// A voice such as `af_heart`, or a blend such as `af_sky*0.6+af_bella*0.4`. The first letter of the (first) voice
    /// says the language: a American, b British, e Spanish, f French, h Hindi, i Italian, p Brazilian Portuguese.
    pub voice: String,
    /// The pace, 0.5..=2.0; 1.0 is the voice's own.
    pub speed: f32,
    /// Where unknown words and languages other than English get their phonemes.
    pub espeak: EspeakNg,
}

impl Default for KokoroSettings {
    fn default() -> Self {
        KokoroSettings { voice: DEFAULT_VOICE.to_owned(), speed: 1.0, espeak: EspeakNg::default() }
    }
}

/// A loaded Kokoro with one voice.
pub struct Kokoro {
    session: Session,
    inputs: Inputs,
    styles: Styles,
    sounds: SpeechSounds,
    speed: f32,
    name: String,
}

impl Kokoro {
    /// Loads the model at `model` (325 MB) and the voice's styles out of the archive at `voices`.
    ///
    /// # Errors
    /// Files that are missing or are something else; a voice that the archive does not hold, with the nearest names.
    pub fn load(runtime: &Runtime, model: &Path, voices: &Path, settings: KokoroSettings) -> Result<Self, VoiceError> {
        let styles = Styles::load(voices, &settings.voice)?;
        let sounds = SpeechSounds::of_voice(&settings.voice, settings.espeak)?;
        let session = runtime.session(MODEL, model, SessionSettings { memory_pattern: false, ..Default::default() })?;
        let inputs = Inputs::of(&session).map_err(|reason| ModelError::unusable(MODEL, model, reason))?;
        let name = format!("kokoro {}", settings.voice);
        Ok(Kokoro { session, inputs, styles, sounds, speed: settings.speed, name })
    }

    /// The names of the voices in the archive at `path`.
    ///
    /// # Errors
    /// A file that is missing or no NumPy archive.
    pub fn voices(path: &Path) -> Result<Vec<String>, VoiceError> {
        styles::names(path)
    }

    fn infer(&mut self, tokens: &[i64], cancel: &CancelFlag) -> Result<Vec<f32>, VoiceError> {
        let style = self.styles.for_length(tokens.len()).to_vec();
        let mut padded = vec![0];
        padded.extend_from_slice(tokens);
        padded.push(0);
        let tokens = Tensor::from_array(([1, padded.len()], padded)).map_err(failed)?;
        let style = Tensor::from_array(([1, style.len()], style)).map_err(failed)?;
        let inputs = vec![
            (Cow::Borrowed(self.inputs.tokens), tokens.into()),
            (Cow::Borrowed("style"), style.into()),
            (Cow::Borrowed("speed"), self.inputs.speed(self.speed).map_err(failed)?),
        ];
        infer(&mut self.session, inputs, cancel)
    }
}

impl Voice for Kokoro {
    fn name(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Hertz {
        RATE
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let symbols = self.sounds.symbols(spoken_text, cancel)?;
        let inferences = vocabulary::inferences(&symbols);
        if inferences.is_empty() && spoken_text.chars().any(char::is_alphanumeric) {
            return Err(VoiceError::Failed(format!("{} has no sounds for this text; is it its language?", self.name)));
        }
        let mut samples = Vec::new();
        for tokens in inferences {
            samples.extend(self.infer(&tokens, cancel)?);
        }
        Ok(Pcm::new(samples, RATE))
    }

    fn set_speed(&mut self, speed: f32) {
        self.speed = pace(speed);
    }
}

/// How an export names and types its inputs.
struct Inputs {
    tokens: &'static str,
    whole_speed: bool,
}

impl Inputs {
    fn of(session: &Session) -> Result<Self, String> {
        let names: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        let tokens = ["tokens", "input_ids"].into_iter().find(|name| names.contains(name));
        let speed = session.inputs().iter().find(|input| input.name() == "speed");
        match (tokens, speed) {
            (Some(tokens), Some(speed)) if names.contains(&"style") => {
                let whole_speed = speed.dtype().tensor_type() == Some(TensorElementType::Int32);
                Ok(Inputs { tokens, whole_speed })
            }
            _ => Err(format!("it takes {}, not tokens, style and speed", names.join(", "))),
        }
    }

    fn speed(&self, speed: f32) -> ort::Result<SessionInputValue<'static>> {
        if self.whole_speed {
            Ok(Tensor::from_array(([1], vec![speed.round().max(1.0) as i32]))?.into())
        } else {
            Ok(Tensor::from_array(([1], vec![speed]))?.into())
        }
    }
}

fn open(settings: &VoiceSettings, runtime: Option<&Runtime>) -> Opened {
    let (model, styles) = (settings.models.join(MODEL_FILE), settings.models.join(VOICES_FILE));
    if let Some(missing) = [&model, &styles].into_iter().find(|path| !path.exists()) {
        let missing = missing.display();
        return Err(VoiceError::NotInstalled(format!(
            "{missing} is not installed: `pipit models pull kokoro-v1.0` gets it"
        )));
    }
    let runtime = runtime.ok_or_else(crate::synthesis::no_runtime)?;
    let voice = settings.voice.clone().unwrap_or_else(|| DEFAULT_VOICE.to_owned());
    let settings = KokoroSettings { voice, speed: settings.pace(), espeak: EspeakNg::default() };
    Ok(Box::new(Kokoro::load(runtime, &model, &styles, settings)?))
}

fn usual(_: &VoiceSettings) -> Option<String> {
    Some(DEFAULT_VOICE.to_owned())
}

fn voices(settings: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    let path = settings.models.join(VOICES_FILE);
    if path.exists() { Kokoro::voices(&path) } else { Ok(Vec::new()) }
}
