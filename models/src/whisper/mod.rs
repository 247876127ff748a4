//! Speech to text with Whisper, run by whisper.cpp, for utterances of a few seconds.
//!
//! Source: "Robust Speech Recognition via Large-Scale Weak Supervision" (Radford et al., 2022) and
//! <https://github.com/ggml-org/whisper.cpp> (MIT). Whisper invents text where nobody speaks and can fall into loops,
//! so every transcript passes `guard` before anybody sees it. What to do with a transcript is not decided here.

mod cancel;
mod file;
mod guard;
mod listening;
mod logging;
mod number_format;
pub mod onnx;
mod pieces;
mod safetensors;
#[cfg(feature = "stand-in")]
pub mod stand_in;
mod tensors;
mod weights;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError, WhisperState};

use crate::cancel::CancelFlag;
use crate::error::ModelError;
pub use file::Architecture;
use guard::Hearing;
pub use guard::{Nothing, Outcome, Transcript};
pub(crate) use guard::{SegmentHeard, judge_segments, silence};

const MODEL: &str = "the Whisper recogniser";

/// The English command recogniser that comes with Pipit: see `models/pipit-nano-en.md`.
#[must_use]
pub fn nano() -> &'static [u8] {
    include_bytes!("../../pipit-nano-en-q5_0.bin")
}

/// Where a recogniser's weights are: a file in whisper.cpp's ggml format, or one from Hugging Face by the name of
/// `NAME.safetensors` beside its `config.json` and `vocab.json`, which only ONNX Runtime runs.
#[derive(Clone, Debug)]
pub enum WhisperSource {
    /// A file on disk.
    File(PathBuf),
    /// A file that is in memory already, as [`nano`] is.
    Bytes(&'static [u8]),
}

impl fmt::Display for WhisperSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

impl WhisperSource {
    /// What errors call it.
    fn path(&self) -> &Path {
        match self {
            WhisperSource::File(path) => path,
            WhisperSource::Bytes(_) => Path::new("<built in>"),
        }
    }
}

/// How to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhisperSettings {
    /// Threads for one transcription. More than there are idle cores is many times slower than too few.
    pub threads: usize,
    /// The language spoken, as a code such as `en`, or `None` to let a multilingual model find out each time.
    pub language: Option<String>,
}

impl Default for WhisperSettings {
    fn default() -> Self {
        WhisperSettings { threads: 1, language: Some("en".to_owned()) }
    }
}

/// A loaded recogniser.
pub struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    parameters: FullParams<'static, 'static>,
    architecture: Architecture,
    threads: usize,
}

/// Whether whisper.cpp can run here: what is built for other machines, with `GGML_NATIVE=OFF`, takes AVX2 for granted on x86, and
/// would end the process without a word.
fn suits_this_processor() -> bool {
    #[cfg(target_arch = "x86_64")]
    if option_env!("GGML_NATIVE") == Some("OFF") {
        return std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("fma")
            && std::arch::is_x86_feature_detected!("f16c")
            && std::arch::is_x86_feature_detected!("bmi2");
    }
    true
}

impl Whisper {
    /// Loads a recogniser. The file is checked first: whisper.cpp ends the process on some damaged files.
    ///
    /// # Errors
    /// [`ModelError::Missing`], [`ModelError::Unusable`], or [`ModelError::Settings`] for a language that the model
    /// does not know, or a processor that it was not built for.
    pub fn load(source: &WhisperSource, settings: &WhisperSettings) -> Result<Whisper, ModelError> {
        logging::send_to_tracing();
        if !suits_this_processor() {
            return Err(ModelError::Settings(
                "the recogniser was built for processors with AVX2, which this one is not: build Pipit on this machine, or \
                 have a service recognise speech (stt.engine)"
                    .to_owned(),
            ));
        }
        let path = source.path();
        let unusable = |reason: String| ModelError::unusable(MODEL, path, reason);
        let architecture = file::check(source)?;
        let mut options = WhisperContextParameters::default();
        // Flash attention does not mask the padding of a trimmed context, which gives wrong text.
        options.use_gpu(false).flash_attn(false);
        let context = match source {
            WhisperSource::File(path) => WhisperContext::new_with_params(path, options),
            WhisperSource::Bytes(bytes) => WhisperContext::new_from_buffer_with_params(bytes, options),
        }
        .map_err(|error| unusable(error.to_string()))?;
        let parameters = parameters(&context, &architecture, settings)?;
        let state = context.create_state().map_err(|error| unusable(format!("{error} Is there enough memory?")))?;
        Ok(Whisper { context, state, parameters, architecture, threads: settings.threads.max(1) })
    }

    /// The shape of the model that was loaded.
    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// What was said in `utterance`, mono audio at 16 kHz of any length.
    ///
    /// Audio longer than the model's window is cut at its quietest places. `cancel` takes effect after the encoder's
    /// pass and then at each token.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`], or [`ModelError::Inference`] if whisper.cpp fails.
    pub fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        let architecture = self.architecture;
        listening::transcribe(&architecture, utterance, cancel, |samples, positions| {
            self.hear(samples, positions, cancel)
        })
    }

    /// One run of the model over `samples` with `audio_context` positions, unjudged.
    fn hear(&mut self, samples: &[f32], audio_context: usize, cancel: &CancelFlag) -> Result<Hearing, ModelError> {
        let mut parameters = self.parameters.clone();
        parameters.set_audio_ctx(audio_context as i32);
        parameters.set_max_tokens(listening::most_tokens(samples.len()) as i32);
        let result = cancel::while_watching(cancel, parameters, |parameters| self.state.full(parameters, samples));
        // A run that was stopped reports that a step failed.
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        result.map_err(ModelError::inference(MODEL))?;
        self.read_out().map_err(ModelError::inference(MODEL))
    }

    /// The positions of 20 ms that [`Whisper::transcribe`] gives an utterance of so many samples.
    #[must_use]
    pub fn positions(&self, samples: usize) -> usize {
        listening::positions(&self.architecture, samples)
    }

    /// How long the encoder takes for `utterance` with so many positions. For benchmarks.
    ///
    /// # Errors
    /// [`ModelError::Inference`].
    pub fn time_encoder(&mut self, utterance: &[f32], positions: usize) -> Result<Duration, ModelError> {
        let mut parameters = self.parameters.clone();
        parameters.set_audio_ctx(positions as i32);
        parameters.set_max_tokens(1);
        // A whole run computes the spectrogram and sets the number of positions; the pass that counts comes after it.
        self.state.full(parameters, utterance).map_err(ModelError::inference(MODEL))?;
        let start = Instant::now();
        self.state.encode(0, self.threads).map_err(ModelError::inference(MODEL))?;
        Ok(start.elapsed())
    }

    /// How long the decoder takes for one more token, without choosing it: the mean of so many after an utterance was transcribed. For
    /// benchmarks.
    ///
    /// # Errors
    /// [`ModelError::Inference`].
    pub fn time_token(&mut self, tokens: usize) -> Result<Duration, ModelError> {
        let start = Instant::now();
        for place in 0..tokens {
            self.state.decode(&[0], place, self.threads).map_err(ModelError::inference(MODEL))?;
        }
        Ok(start.elapsed() / tokens.max(1) as u32)
    }

    fn read_out(&self) -> Result<Hearing, WhisperError> {
        let mut hearing = Hearing::default();
        for segment in self.state.as_iter() {
            hearing.text.push_str(&segment.to_str_lossy()?);
            hearing.no_speech = hearing.no_speech.max(segment.no_speech_probability());
            let tokens = (0..segment.n_tokens()).filter_map(|index| segment.get_token(index));
            for data in tokens.map(|token| token.token_data()) {
                hearing.tokens += 1;
                hearing.log_probability += data.plog;
                hearing.ended = data.id == self.context.token_eot();
            }
        }
        Ok(hearing)
    }
}

impl std::fmt::Debug for Whisper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Whisper").field("architecture", &self.architecture).finish_non_exhaustive()
    }
}

/// What stays the same from one utterance to the next.
fn parameters(
    context: &WhisperContext,
    architecture: &Architecture,
    settings: &WhisperSettings,
) -> Result<FullParams<'static, 'static>, ModelError> {
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    parameters.set_n_threads(i32::try_from(settings.threads.max(1)).unwrap_or(1));
    parameters.set_single_segment(true);
    parameters.set_no_timestamps(true);
    parameters.set_no_context(true);
    // Trying again at higher temperatures takes several times as long and invents text.
    parameters.set_temperature_inc(0.0);
    // The guard judges silence itself: whisper.cpp would drop the segment together with its probabilities.
    parameters.set_no_speech_thold(2.0);
    // Pipit's own model says `[BLANK_AUDIO]` for silence, so it must be allowed to.
    parameters.set_suppress_nst(!architecture.is_nano());
    parameters.set_print_special(false);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    // whisper-rs leaks the string it is given here, once for each recogniser.
    parameters.set_language(language(context.is_multilingual(), settings.language.as_deref())?);
    Ok(parameters)
}

/// The language that is asked for, by Whisper's own word for it. Of a model for English alone nobody need ask; of another, none
/// means that it is to find out.
fn language(is_multilingual: bool, wanted: Option<&str>) -> Result<Option<&'static str>, ModelError> {
    let unknown = |language: &str| {
        ModelError::Settings(format!("Whisper knows no language \"{language}\"; use a code such as \"en\" or \"de\""))
    };
    let Some(wanted) = wanted else {
        return Ok(if is_multilingual { None } else { Some("en") });
    };
    if wanted.contains('\0') {
        return Err(unknown(&wanted.replace('\0', " ")));
    }
    let known = whisper_rs::get_lang_id(wanted).and_then(whisper_rs::get_lang_str).ok_or_else(|| unknown(wanted))?;
    if known != "en" && !is_multilingual {
        return Err(ModelError::Settings(format!(
            "this recogniser understands English only, not \"{wanted}\"; choose a multilingual one"
        )));
    }
    Ok(Some(known))
}

#[cfg(test)]
mod tests;
