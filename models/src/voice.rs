//! What every voice can do, and the table of engines from which one is chosen at run time.
//!
//! A new engine is one file with a `const ENGINE: Engine`, one line in [`ENGINES`], and a copy of the test
//! `voice_contract.rs`. How an engine makes sound stays in its own file; what becomes of the sound is not decided here.

use std::path::PathBuf;

use pipit_core::audio::{Hertz, Pcm};

use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::runtime::Runtime;
use crate::service::{self, ServiceError, ServiceSettings};
use crate::{espeak, kokoro, piper};

/// Every engine on this device, the most natural voice first, then the services.
pub const ENGINES: &[Engine] =
    &[kokoro::ENGINE, piper::ENGINE, espeak::ENGINE, service::OPENAI, service::FISH, service::WYOMING];

/// A text-to-speech engine, ready to speak. It belongs to one thread at a time.
pub trait Voice: Send {
    /// The engine and the voice, such as `kokoro af_heart`: for logs and the panel.
    fn name(&self) -> &str;

    /// The engine's usual rate. What [`Voice::speak`] returns carries its own.
    fn rate(&self) -> Hertz;

    /// The sound of `spoken_text`, which is in words already: no digits, no markup. Text without a pronounceable
    /// character gives an empty [`Pcm`].
    ///
    /// # Errors
    /// [`VoiceError::Cancelled`] soon after `cancel` is raised; otherwise what went wrong.
    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError>;

    /// Speaks at another speed from now on, as [`VoiceSettings::speed`] has it. An engine whose speed is not ours to choose takes
    /// no notice.
    fn set_speed(&mut self, _speed: f32) {}
}

/// An engine that is ready to speak, or why it is not.
pub type Opened = Result<Box<dyn Voice>, VoiceError>;

/// A line of the table [`ENGINES`].
pub struct Engine {
    /// What the configuration calls it.
    pub name: &'static str,
    /// Makes it ready to speak.
    pub open: fn(&VoiceSettings, Option<&Runtime>) -> Opened,
    /// The voices that it is known to have, by the names that [`VoiceSettings::voice`] takes. A service may have others.
    pub voices: fn(&VoiceSettings) -> Result<Vec<String>, VoiceError>,
    /// The voice on this device that speaks where none is chosen, if it has one.
    pub usual: fn(&VoiceSettings) -> Option<String>,
}

/// What a person chooses about the voice.
#[derive(Clone, Debug)]
pub struct VoiceSettings {
    /// The engine's own name for a voice; `None` takes the engine's first choice.
    pub voice: Option<String>,
    /// How fast it speaks: 1.0 is the voice's own pace. Values outside 0.5..=2.0 are brought to the nearer end.
    pub speed: f32,
    /// The folder that holds the models.
    pub models: PathBuf,
    /// The server to ask, for an engine that is one.
    pub service: Option<ServiceSettings>,
}

impl VoiceSettings {
    /// `speed`, finite and within what every engine can speak intelligibly.
    pub(crate) fn pace(&self) -> f32 {
        pace(self.speed)
    }

    /// The server to ask.
    pub(crate) fn service(&self) -> Result<&ServiceSettings, VoiceError> {
        let missing = || VoiceError::NotInstalled("there is no server to ask: name one in tts.base_url".to_owned());
        self.service.as_ref().ok_or_else(missing)
    }
}

/// `speed`, finite and within what every engine can speak intelligibly.
pub(crate) fn pace(speed: f32) -> f32 {
    if speed.is_finite() { speed.clamp(0.5, 2.0) } else { 1.0 }
}

/// Why nothing was spoken.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// The flag was raised: nobody waits for this clause any more.
    #[error("the speech was cancelled")]
    Cancelled,
    /// Something that the engine needs is not installed. Another engine may still speak.
    #[error("{0}")]
    NotInstalled(String),
    /// The engine has no voice, or Pipit no engine, of that name.
    #[error("there is no {what} `{wanted}`; {known}")]
    Unknown {
        /// What sort of name it is.
        what: &'static str,
        /// The name that was asked for.
        wanted: String,
        /// The names that there are, or the nearest of them, as a phrase.
        known: String,
    },
    /// A model's file or the runtime is unfit.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A service did not speak.
    #[error("{0}")]
    Service(ServiceError),
    /// The engine failed on this clause; the next may succeed.
    #[error("{0}")]
    Failed(String),
}

impl From<ServiceError> for VoiceError {
    fn from(error: ServiceError) -> Self {
        if matches!(error, ServiceError::Cancelled) { VoiceError::Cancelled } else { VoiceError::Service(error) }
    }
}

impl VoiceError {
    /// An unknown name, with the names that come nearest to it.
    pub(crate) fn unknown<S: AsRef<str>>(what: &'static str, wanted: &str, known: &[S]) -> Self {
        const NAMED: usize = 5;
        let mut names: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
        let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase());
        names.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)).then(a.cmp(b)));
        let known = match names.as_slice() {
            [] => "none is installed".to_owned(),
            all if all.len() <= NAMED => format!("there are: {}", all.join(", ")),
            [nearest @ .., _] => {
                format!("the nearest of {} are: {}", names.len(), nearest[..NAMED.min(nearest.len())].join(", "))
            }
        };
        VoiceError::Unknown { what, wanted: wanted.to_owned(), known }
    }
}

/// Opens the engine of that name.
///
/// `runtime` may be missing: the neural engines then say what is not installed, and espeak-ng speaks without it.
///
/// # Errors
/// An engine or voice of an unknown name, with the nearest names; files that are missing or unfit.
pub fn open(engine: &str, settings: &VoiceSettings, runtime: Option<&Runtime>) -> Opened {
    (find(engine)?.open)(settings, runtime)
}

/// The voices that are installed for the engine of that name.
///
/// # Errors
/// An unknown engine; files that are missing or unfit.
pub fn voices(engine: &str, settings: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    (find(engine)?.voices)(settings)
}

/// The voice that the engine of that name speaks with where none is chosen; none of a service, or without any.
#[must_use]
pub fn usual(engine: &str, settings: &VoiceSettings) -> Option<String> {
    (find(engine).ok()?.usual)(settings)
}

/// What [`Voice::name`] says of this voice on this device: `kokoro af_heart`.
#[must_use]
pub fn full_name(engine: &str, voice: &str) -> String {
    let engine = if engine == espeak::ENGINE.name { espeak::PROGRAM } else { engine };
    format!("{engine} {voice}")
}

/// The sound of `spoken_text`, which is a [`Clause::spoken`](pipit_core::speech::Clause) or comes from
/// [`spoken`](pipit_core::speech::spoken): numbers, dates and units are in words already.
///
/// Everything that Pipit says passes here. Text without a letter or digit is silence for every engine, and the silence
/// that an engine puts in front of the first sound costs no one any time.
///
/// # Errors
/// Those of [`Voice::speak`].
pub fn say(voice: &mut dyn Voice, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
    if cancel.is_cancelled() {
        return Err(VoiceError::Cancelled);
    }
    if !spoken_text.chars().any(char::is_alphanumeric) {
        return Ok(Pcm::new([], voice.rate()));
    }
    voice.speak(spoken_text, cancel).map(without_leading_silence)
}

fn find(engine: &str) -> Result<&'static Engine, VoiceError> {
    let names: Vec<_> = ENGINES.iter().map(|engine| engine.name).collect();
    ENGINES
        .iter()
        .find(|known| known.name == engine)
        .ok_or_else(|| VoiceError::unknown("speech engine", engine, &names))
}

/// Drops what lies more than 20 ms before the first sample that can be heard (-50 dB of full scale). The silence at the
/// end stays: it is the pause that the engine makes for the punctuation.
fn without_leading_silence(pcm: Pcm) -> Pcm {
    const AUDIBLE: f32 = 0.003;
    let margin = pcm.rate().0 as usize / 50;
    let first = pcm.samples().iter().position(|sample| sample.abs() > AUDIBLE).unwrap_or(0);
    match first.saturating_sub(margin) {
        0 => pcm,
        start => Pcm::new(&pcm.samples()[start..], pcm.rate()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_bring_the_nearest() {
        let error = VoiceError::unknown("voice", "af_hart", &["bm_lewis", "af_heart", "am_adam"]);
        assert_eq!(error.to_string(), "there is no voice `af_hart`; there are: af_heart, am_adam, bm_lewis");
        let many: Vec<String> = (0..40).map(|n| format!("voice{n}")).chain(["af_heart".into()]).collect();
        let error = VoiceError::unknown("voice", "af_hart", &many).to_string();
        assert!(error.contains("the nearest of 41 are: af_heart, "), "{error}");
        assert!(VoiceError::unknown::<&str>("voice", "x", &[]).to_string().ends_with("none is installed"));
    }

    #[test]
    fn silence_before_the_first_sound_goes_and_after_the_last_stays() {
        let mut samples = vec![0.0; 10_000];
        samples[5_000] = 0.5;
        let pcm = without_leading_silence(Pcm::new(samples, Hertz(1_000)));
        assert_eq!(pcm.samples().len(), 5_020);
        assert_eq!(pcm.samples()[20], 0.5);
        let silent = Pcm::new(vec![0.0; 100], Hertz(1_000));
        assert_eq!(without_leading_silence(silent.clone()), silent);
    }
}
