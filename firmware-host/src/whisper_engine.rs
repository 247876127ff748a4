//! What runs a Whisper model on this device: ONNX Runtime where it is there and can, else whisper.cpp.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pipit_core::config::{Config, SttEngine};
use pipit_models::recogniser::Recogniser;
use pipit_models::whisper::onnx::{Cache, OnnxWhisper, Precision, Scheme};
use pipit_models::whisper::{Whisper, WhisperSettings, WhisperSource};

use crate::hearing;

/// The folder of compiled models, in the models folder.
const COMPILED: &str = "compiled";
/// How often is told how far compiling has come.
const TELL: Duration = Duration::from_secs(5);
/// The precisions that are measured: 32 bits are for no board, and where anything is quicker than 8 bits in the encoder, it is 4.
const MEASURED: [Precision; 4] = [
    Precision::SMALL,
    Precision { encoder: Scheme::Int8, decoder: Scheme::Int8 },
    Precision { encoder: Scheme::Int8, decoder: Scheme::Block4 },
    Precision { encoder: Scheme::Block4, decoder: Scheme::Block4 },
];
const WHISPER_CPP: &str = "whisper.cpp";
const ONNX: &str = "ONNX Runtime";

/// An engine, with how exactly it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhisperEngine {
    /// As the model's file says.
    WhisperCpp,
    /// Without a precision, in the one that suits the model.
    Onnx(Option<Precision>),
}

impl WhisperEngine {
    /// The engines that `stt.engine` leaves open, the one that the others are compared with first.
    pub(crate) fn open_to(config: &Config) -> Vec<WhisperEngine> {
        if config.stt.engine == Some(SttEngine::WhisperCpp) {
            return vec![WhisperEngine::WhisperCpp];
        }
        let onnx = std::iter::once(None).chain(MEASURED.map(Some)).map(WhisperEngine::Onnx);
        std::iter::once(WhisperEngine::WhisperCpp).chain(onnx).collect()
    }

    /// The engine that displays itself so.
    pub(crate) fn named(name: &str) -> Option<WhisperEngine> {
        if name == WHISPER_CPP {
            return Some(WhisperEngine::WhisperCpp);
        }
        match name.strip_prefix(ONNX)? {
            "" => Some(WhisperEngine::Onnx(None)),
            precision => Precision::named(precision.strip_prefix(", ")?).map(|known| WhisperEngine::Onnx(Some(known))),
        }
    }

    /// Loads a model with this engine; what ONNX Runtime runs is compiled into `cache` first, where it is not there.
    ///
    /// # Errors
    /// It can't run it: why, and what to do.
    pub(crate) fn load(
        self,
        config: &Config,
        source: &WhisperSource,
        settings: &WhisperSettings,
        cache: &Cache,
    ) -> anyhow::Result<Box<dyn Recogniser>> {
        match self {
            WhisperEngine::WhisperCpp => Ok(Box::new(Whisper::load(source, settings)?)),
            WhisperEngine::Onnx(precision) => {
                let mut told = Instant::now();
                let mut tell = |share: f32| {
                    if told.elapsed() >= TELL {
                        told = Instant::now();
                        tracing::info!("compiling {source} for ONNX Runtime: {:.0} %", share * 100.0);
                    }
                    true
                };
                Ok(Box::new(load_onnx(config, source, settings, precision, cache, &mut tell)?))
            }
        }
    }
}

impl fmt::Display for WhisperEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhisperEngine::WhisperCpp => f.write_str(WHISPER_CPP),
            WhisperEngine::Onnx(None) => f.write_str(ONNX),
            WhisperEngine::Onnx(Some(precision)) => write!(f, "{ONNX}, {precision}"),
        }
    }
}

fn load_onnx(
    config: &Config,
    source: &WhisperSource,
    settings: &WhisperSettings,
    precision: Option<Precision>,
    cache: &Cache,
    tell: &mut dyn FnMut(f32) -> bool,
) -> anyhow::Result<OnnxWhisper> {
    let runtime = hearing::runtime(config)?.context("ONNX Runtime is missing; Pipit's set-up fetches it")?;
    Ok(OnnxWhisper::load(&runtime, source, settings, precision, cache, tell)?)
}

/// The engine of `stt.engine`, and the one that was `measured` to be the quickest where that is left open.
fn chosen(config: &Config, measured: Option<WhisperEngine>) -> WhisperEngine {
    let onnx = match measured {
        Some(WhisperEngine::Onnx(precision)) => WhisperEngine::Onnx(precision),
        _ => WhisperEngine::Onnx(None),
    };
    match config.stt.engine {
        Some(SttEngine::WhisperCpp) => WhisperEngine::WhisperCpp,
        Some(SttEngine::Onnx) => onnx,
        _ if hearing::runtime(config).is_ok_and(|runtime| runtime.is_none()) => WhisperEngine::WhisperCpp,
        _ => measured.unwrap_or(onnx),
    }
}

/// Compiles a model for ONNX Runtime where that is what runs it, so that nobody waits for it later. `tell` is told the share that is
/// done.
///
/// # Errors
/// It can't: why. [`load`] finds another way.
pub(crate) fn prepare(
    config: &Config,
    source: &WhisperSource,
    settings: &WhisperSettings,
    tell: &mut dyn FnMut(f32) -> bool,
) -> anyhow::Result<()> {
    if let WhisperEngine::Onnx(precision) = chosen(config, None) {
        load_onnx(config, source, settings, precision, &cache_of(config), tell)?;
    }
    Ok(())
}

fn cache_of(config: &Config) -> Cache {
    Cache::new(config.models.dir.join(COMPILED))
}

/// Loads a model with the engine of `stt.engine`, and with the one that was `measured` to be the quickest where that is left open. Where
/// one can't run it the other does, and the log says why.
///
/// # Errors
/// Neither can: why.
pub(crate) fn load(
    config: &Config,
    source: &WhisperSource,
    settings: &WhisperSettings,
    measured: Option<WhisperEngine>,
) -> anyhow::Result<Box<dyn Recogniser>> {
    let (cache, first) = (cache_of(config), chosen(config, measured));
    if config.stt.engine == Some(SttEngine::WhisperCpp) {
        return first.load(config, source, settings, &cache);
    }
    let error = match first.load(config, source, settings, &cache) {
        Ok(recogniser) => return Ok(recogniser),
        Err(error) => error,
    };
    let other = match first {
        WhisperEngine::WhisperCpp => WhisperEngine::Onnx(None),
        WhisperEngine::Onnx(_) => WhisperEngine::WhisperCpp,
    };
    match other.load(config, source, settings, &cache) {
        Ok(recogniser) => {
            tracing::warn!("{error:#}; {other} listens in place of {first}");
            Ok(recogniser)
        }
        // What the first says is about what was wanted.
        Err(other) => {
            tracing::debug!("{other:#}");
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_found_by_its_name() {
        let onnx = std::iter::once(None).chain(MEASURED.map(Some)).map(WhisperEngine::Onnx);
        for engine in onnx.chain([WhisperEngine::WhisperCpp]) {
            assert_eq!(WhisperEngine::named(&engine.to_string()), Some(engine));
        }
        assert_eq!(WhisperEngine::named("ONNX Runtime, int7"), None);
    }
}
