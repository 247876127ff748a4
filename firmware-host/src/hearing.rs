//! What hears before anything is understood: ONNX Runtime with Silero VAD and Smart Turn where they are, and what takes their
//! place where they are not, as on 32-bit boards, for which there is no ONNX Runtime.

use std::path::PathBuf;

use pipit_core::config::Config;
use pipit_models::error::ModelError;
use pipit_models::runtime::Runtime;
use pipit_models::silero::SileroVad;
use pipit_models::smart_turn::SmartTurn;
use pipit_models::voice_activity::{LightVad, VoiceActivity};

/// What the set-up calls Silero VAD's file.
pub const SILERO_VAD: &str = "silero-vad-v6.onnx";

/// What the set-up calls Smart Turn's file.
pub const SMART_TURN: &str = "smart-turn-v3.2.onnx";

/// ONNX Runtime, if it is on this machine.
///
/// # Errors
/// It is there and can't be loaded, or is not where the owner says.
pub fn runtime(config: &Config) -> Result<Option<Runtime>, ModelError> {
    let found = first(config.models.runtimes());
    // What the owner names must be there; the loader says what is wrong with it.
    found.or_else(|| config.models.runtime.clone()).map(|library| Runtime::load(&library)).transpose()
}

/// Silero VAD, or the light detector where it or ONNX Runtime is missing.
///
/// # Errors
/// Silero VAD's file is there and can't be used.
pub fn voice_activity(config: &Config, runtime: Option<&Runtime>) -> Result<VoiceActivity, ModelError> {
    match (runtime, first(config.models.places(SILERO_VAD))) {
        (Some(runtime), Some(file)) => Ok(SileroVad::load(runtime, &file)?.into()),
        _ => Ok(LightVad::default().into()),
    }
}

/// Smart Turn, or nothing where it or ONNX Runtime is missing.
///
/// # Errors
/// Its file is there and can't be used.
pub fn smart_turn(config: &Config, runtime: Option<&Runtime>) -> Result<Option<SmartTurn>, ModelError> {
    match (runtime, first(config.models.places(SMART_TURN))) {
        (Some(runtime), Some(file)) => SmartTurn::load(runtime, &file, 1).map(Some),
        _ => Ok(None),
    }
}

/// What of all this is missing, what that means, and what to do about it; nothing where all of it is there.
pub fn missing(config: &Config, runtime: Option<&Runtime>) -> Option<String> {
    let is_missing = |file| first(config.models.places(file)).is_none();
    let (what, means) = match (runtime, is_missing(SILERO_VAD), is_missing(SMART_TURN)) {
        (None, ..) => ("ONNX Runtime", [LIGHT, SILENCE, NO_NEURAL_VOICE].join(", ")),
        (Some(_), true, true) => ("Silero VAD and Smart Turn", [LIGHT, SILENCE].join(", ")),
        (Some(_), true, false) => ("Silero VAD", LIGHT.to_owned()),
        (Some(_), false, true) => ("Smart Turn", SILENCE.to_owned()),
        (Some(_), false, false) => return None,
    };
    let places = match what {
        "ONNX Runtime" => config.models.runtimes(),
        "Smart Turn" => config.models.places(SMART_TURN).into(),
        _ => config.models.places(SILERO_VAD).into(),
    };
    let looked: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
    let remedy = if cfg!(target_pointer_width = "64") {
        "install the package pipit-models, or run Pipit's set-up script"
    } else {
        "there is none for this processor, so have a service recognise speech (stt.engine) if this hears too badly"
    };
    Some(format!("{what} is missing (there is no {}), so {means}; {remedy}", looked.join(" and no ")))
}

const LIGHT: &str = "a lighter detector tells voices from noise";
const SILENCE: &str = "silence alone decides when somebody has finished";
const NO_NEURAL_VOICE: &str = "no wake-word model and no voice but espeak-ng works on this device";

/// The first of these that exists.
fn first(places: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    places.into_iter().find(|place| place.exists())
}
