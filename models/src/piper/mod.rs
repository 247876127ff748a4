//! Piper's VITS voices, which a Raspberry Pi can afford, on ONNX Runtime.
//!
//! Source: OHF-Voice/piper1-gpl and rhasspy/piper-voices; each voice has its own licence. A voice is `<name>.onnx` and
//! `<name>.onnx.json`. Inputs: `input` int64 `[1, n]`, `input_lengths` int64 `[1]`, `scales` f32 `[3]` (noise, length, noise
//! of the durations), and with several speakers `sid` int64 `[1]`. Output: samples f32 at the rate that the JSON names. Its
//! phonemes are those of espeak-ng, whose program must be installed.

use std::borrow::Cow;
use std::path::Path;

use ort::session::Session;
use ort::value::Tensor;
use pipit_core::audio::{Hertz, Pcm};

use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::espeak::EspeakNg;
use crate::runtime::{Runtime, SessionSettings};
use crate::synthesis::{failed, infer};
use crate::voice::{Engine, Opened, Voice, VoiceError, VoiceSettings, pace};

use config::{PhonemeType, VoiceConfig};

mod config;
mod phoneme_ids;

/// The engine's line in the table of engines.
pub(crate) const ENGINE: Engine = Engine { name: "piper", open, voices, usual };

/// How errors call a voice's files.
const MODEL: &str = "a Piper voice";

/// The voice of the catalogue that anyone may use for anything; without it the first that is installed.
const DEFAULT_VOICE: &str = "en_US-ljspeech-medium";

/// How a Piper voice speaks.
#[derive(Clone, Debug)]
pub struct PiperSettings {
    /// Who speaks, where the voice has several speakers: a name of the JSON's `speaker_id_map` or a number. `None` is the
    /// first.
    pub speaker: Option<String>,
    /// The pace, 0.5..=2.0; 1.0 is the voice's own.
    pub speed: f32,
    /// Where the phonemes come from.
    pub espeak: EspeakNg,
}

impl Default for PiperSettings {
    fn default() -> Self {
        PiperSettings { speaker: None, speed: 1.0, espeak: EspeakNg::default() }
    }
}

/// A loaded Piper voice.
pub struct Piper {
    session: Session,
    config: VoiceConfig,
    speaker: Option<i64>,
    scales: [f32; 3],
    espeak: EspeakNg,
    name: String,
}

impl Piper {
    /// Loads the voice at `model` and the JSON beside it.
    ///
    /// # Errors
    /// Files that are missing or are something else; a speaker whom the voice does not have, with the nearest names.
    pub fn load(runtime: &Runtime, model: &Path, settings: PiperSettings) -> Result<Self, VoiceError> {
        let config = VoiceConfig::load(model)?;
        if let (PhonemeType::Espeak, Some(espeak)) = (config.phoneme_type, &config.espeak) {
            settings.espeak.check_voice(&espeak.voice)?;
        }
        let session = runtime.session(MODEL, model, SessionSettings { memory_pattern: false, ..Default::default() })?;
        let takes_speaker = check_inputs(&session).map_err(|reason| ModelError::unusable(MODEL, model, reason))?;
        let speaker = if takes_speaker { Some(speaker(&config, settings.speaker.as_deref())?) } else { None };
        let scales = [
            config.inference.noise_scale,
            config.inference.length_scale / settings.speed.max(0.1),
            config.inference.noise_w,
        ];
        let stem = model.file_stem().unwrap_or_default().to_string_lossy();
        let name = settings.speaker.map_or(format!("piper {stem}"), |speaker| format!("piper {stem}#{speaker}"));
        Ok(Piper { session, config, speaker, scales, espeak: settings.espeak, name })
    }

    fn infer(&mut self, ids: Vec<i64>, cancel: &CancelFlag) -> Result<Vec<f32>, VoiceError> {
        let length = ids.len();
        let mut inputs = vec![
            (Cow::Borrowed("input"), Tensor::from_array(([1, length], ids)).map_err(failed)?.into()),
            (Cow::Borrowed("input_lengths"), Tensor::from_array(([1], vec![length as i64])).map_err(failed)?.into()),
            (Cow::Borrowed("scales"), Tensor::from_array(([3], self.scales.to_vec())).map_err(failed)?.into()),
        ];
        if let Some(speaker) = self.speaker {
            inputs.push((Cow::Borrowed("sid"), Tensor::from_array(([1], vec![speaker])).map_err(failed)?.into()));
        }
        let mut samples = infer(&mut self.session, inputs, cancel)?;
        to_full_scale(&mut samples);
        Ok(samples)
    }
}

impl Voice for Piper {
    fn name(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Hertz {
        Hertz(self.config.audio.sample_rate)
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let sentences = phoneme_ids::sentences(spoken_text, &self.config, &self.espeak, cancel)?;
        let ids: Vec<Vec<i64>> =
            sentences.iter().filter_map(|phonemes| phoneme_ids::ids(phonemes, &self.config.phoneme_id_map)).collect();
        if ids.is_empty() && spoken_text.chars().any(char::is_alphanumeric) {
            return Err(VoiceError::Failed(format!("{} has no sounds for this text; is it its language?", self.name)));
        }
        let mut samples = Vec::new();
        for ids in ids {
            if !samples.is_empty() {
                samples.extend(std::iter::repeat_n(0.0, self.rate().0 as usize / 5));
            }
            samples.extend(self.infer(ids, cancel)?);
        }
        Ok(Pcm::new(samples, self.rate()))
    }

    fn set_speed(&mut self, speed: f32) {
        self.scales[1] = self.config.inference.length_scale / pace(speed);
    }
}

/// Whether the model takes a speaker; the reason if it is no Piper voice.
fn check_inputs(session: &Session) -> Result<bool, String> {
    let names: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
    if ["input", "input_lengths", "scales"].iter().all(|name| names.contains(name)) {
        return Ok(names.contains(&"sid"));
    }
    Err(format!("it takes {}, not input, input_lengths and scales", names.join(", ")))
}

fn speaker(config: &VoiceConfig, wanted: Option<&str>) -> Result<i64, VoiceError> {
    let Some(wanted) = wanted else { return Ok(0) };
    if let Some(&id) = config.speaker_id_map.get(wanted) {
        return Ok(id);
    }
    match wanted.parse::<u32>() {
        Ok(id) if id < config.num_speakers => Ok(i64::from(id)),
        _ => {
            let names: Vec<&String> = config.speaker_id_map.keys().collect();
            Err(VoiceError::unknown("speaker", wanted, &names))
        }
    }
}

/// Piper's own players bring each sentence to full scale: the voices are not equally loud without.
fn to_full_scale(samples: &mut [f32]) {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    // Below this it is silence, and would only become noise.
    if peak > 0.01 {
        samples.iter_mut().for_each(|sample| *sample /= peak);
    }
}

fn open(settings: &VoiceSettings, runtime: Option<&Runtime>) -> Opened {
    let installed = voices(settings)?;
    let Some(wanted) = settings.voice.clone().or_else(|| usual(settings)) else {
        let models = settings.models.display();
        let reason = format!("no Piper voice is installed in {models}: `pipit models list` shows those to pull");
        return Err(VoiceError::NotInstalled(reason));
    };
    let (name, speaker) = wanted.split_once('#').map_or((&*wanted, None), |(name, id)| (name, Some(id.to_owned())));
    if !installed.iter().any(|known| known == name) {
        return Err(VoiceError::unknown("Piper voice", name, &installed));
    }
    let runtime = runtime.ok_or_else(crate::synthesis::no_runtime)?;
    let model = settings.models.join(format!("{name}.onnx"));
    let settings = PiperSettings { speaker, speed: settings.pace(), espeak: EspeakNg::default() };
    Ok(Box::new(Piper::load(runtime, &model, settings)?))
}

fn usual(settings: &VoiceSettings) -> Option<String> {
    let installed = voices(settings).ok()?;
    installed.iter().find(|name| *name == DEFAULT_VOICE).or(installed.first()).cloned()
}

/// The `.onnx` files of the models' folder that have a `.onnx.json` beside them. With `#` and a speaker after it, a voice
/// of several speakers speaks as that one.
fn voices(settings: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    let Ok(folder) = std::fs::read_dir(&settings.models) else { return Ok(Vec::new()) };
    let mut names: Vec<String> = folder
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|kind| kind == "onnx") && config::path_of(path).exists())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
