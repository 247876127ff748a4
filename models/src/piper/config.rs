//! The JSON that lies beside a Piper voice: what its training fixed, and its speakers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::ModelError;

use super::MODEL;

/// What Pipit reads of `<voice>.onnx.json`; the file holds more.
#[derive(Debug, Deserialize)]
pub(super) struct VoiceConfig {
    pub(super) audio: Audio,
    #[serde(default)]
    pub(super) phoneme_type: PhonemeType,
    #[serde(default)]
    pub(super) espeak: Option<EspeakVoice>,
    #[serde(default)]
    pub(super) inference: Inference,
    /// A phoneme is one code point (decomposed), and has one or more ids.
    pub(super) phoneme_id_map: HashMap<String, Vec<i64>>,
    #[serde(default = "one")]
    pub(super) num_speakers: u32,
    #[serde(default)]
    pub(super) speaker_id_map: HashMap<String, i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Audio {
    pub(super) sample_rate: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct EspeakVoice {
    pub(super) voice: String,
}

/// What the phonemes of a voice are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PhonemeType {
    /// The alphabet of espeak-ng.
    #[default]
    Espeak,
    /// The letters of the text themselves.
    Text,
    /// Anything else, such as pinyin, which Pipit cannot make.
    #[serde(other)]
    Other,
}

/// The scales of Piper's VITS; the defaults are Piper's.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Inference {
    pub(super) noise_scale: f32,
    pub(super) length_scale: f32,
    pub(super) noise_w: f32,
}

impl Default for Inference {
    fn default() -> Self {
        Inference { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 }
    }
}

fn one() -> u32 {
    1
}

/// Where the JSON of the voice at `model` lies.
pub(super) fn path_of(model: &Path) -> PathBuf {
    let mut path = model.as_os_str().to_owned();
    path.push(".json");
    path.into()
}

impl VoiceConfig {
    pub(super) fn load(model: &Path) -> Result<Self, ModelError> {
        let path = path_of(model);
        let text = std::fs::read(&path).map_err(|error| ModelError::unreadable(MODEL, &path, &error))?;
        let config: VoiceConfig =
            serde_json::from_slice(&text).map_err(|error| ModelError::unusable(MODEL, &path, error))?;
        config.check().map_err(|reason| ModelError::unusable(MODEL, &path, reason))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if !(8_000..=48_000).contains(&self.audio.sample_rate) {
            return Err(format!("audio.sample_rate is {}, and voices have 8000 to 48000", self.audio.sample_rate));
        }
        if self.phoneme_type == PhonemeType::Other {
            return Err("its phoneme_type is one that Pipit cannot make; it has espeak and text".to_owned());
        }
        if self.phoneme_type == PhonemeType::Espeak && self.espeak.is_none() {
            return Err("espeak.voice is missing".to_owned());
        }
        let missing = ["^", "_", "$"].into_iter().find(|mark| !self.phoneme_id_map.contains_key(*mark));
        missing.map_or(Ok(()), |mark| Err(format!("phoneme_id_map has no `{mark}`")))
    }
}
