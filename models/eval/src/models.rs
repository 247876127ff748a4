//! Finding and loading the models that are measured.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pipit_models::runtime::Runtime;
use pipit_models::silero::SileroVad;
use pipit_models::smart_turn::SmartTurn;
use pipit_models::whisper::{Whisper, WhisperSettings, WhisperSource, nano, stand_in};

/// The folder that the set-up fills.
pub(crate) fn folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("PIPIT_MODELS_DIR") {
        return Ok(folder.into());
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
    Ok(data.context("neither PIPIT_MODELS_DIR nor HOME is set")?.join("pipit/models"))
}

pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Runtime::load(&folder()?.join("onnxruntime/libonnxruntime.so"))?)
}

pub(crate) fn silero() -> Result<SileroVad> {
    Ok(SileroVad::load(&runtime()?, &folder()?.join("silero-vad-v6.onnx"))?)
}

pub(crate) fn smart_turn() -> Result<SmartTurn> {
    Ok(SmartTurn::load(&runtime()?, &folder()?.join("smart-turn-v3.2.onnx"), 1)?)
}

/// The recogniser at the path `model`, or the one in the box by the name `nano`.
pub(crate) fn whisper(model: &str, language: String, threads: usize) -> Result<Whisper> {
    Ok(Whisper::load(&whisper_source(model), &WhisperSettings { threads, language: Some(language) })?)
}

/// The file at the path `model`, or the recogniser in the box by the name `nano`.
pub(crate) fn whisper_source(model: &str) -> WhisperSource {
    if model == "nano" { WhisperSource::Bytes(nano()) } else { WhisperSource::File(model.into()) }
}

/// Writes a model of the size of the real one `name`, with random weights.
pub(crate) fn stand_in(name: &str, path: &Path) -> Result<()> {
    let shape =
        stand_in::architecture(name).with_context(|| format!("`{name}` is none of Whisper's models known here"))?;
    let mut file = BufWriter::new(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?);
    stand_in::write(&shape, 1, &mut file)?;
    file.flush()?;
    Ok(())
}

/// Writes the model with 16-bit numbers in place of smaller ones.
pub(crate) fn in_f16(model: &str, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?);
    stand_in::write_in_f16(&whisper_source(model), &mut file)?;
    file.flush()?;
    Ok(())
}
