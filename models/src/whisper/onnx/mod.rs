//! Whisper on ONNX Runtime: the same files as whisper.cpp reads, compiled once into graphs for this board.
//!
//! The encoder looks at the utterance alone, not at a window of 30 s; the decoder keeps what it has computed. Why there are
//! two engines is in `docs/adr`.

mod bpe;
mod cache;
mod calibrate;
mod compile;
mod decoder;
mod decoding;
mod following;
mod graph;
mod layers;
mod log_mel;
mod proto;
mod quantise;
mod stop;
mod vocabulary;

use std::fmt;
use std::fs::File;
use std::time::{Duration, Instant};

use ort::session::{RunOptions, Session};
use ort::value::TensorRef;

use super::file::Architecture;
use super::guard::{Hearing, Transcript};
use super::weights::Weights;
use super::{MODEL, WhisperSettings, WhisperSource, listening};
use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::runtime::{Runtime, SessionSettings};
use bpe::BytePairs;
pub use cache::Cache;
use cache::Compiled;
use decoder::{Decoder, Embedding, Kept};
pub use decoding::LogitsHook;
use decoding::{Choice, Prompt, Rules};
pub use following::{Following, Listen};
use log_mel::LogMel;
pub use quantise::{Precision, Scheme};
pub use vocabulary::Token;
use vocabulary::Vocabulary;

/// Where the time of a transcription went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// On the spectrogram.
    pub features: Duration,
    /// In the encoder.
    pub encoder: Duration,
    /// In the decoder, for what stands before the first word.
    pub prompt: Duration,
    /// In the decoder, for the words.
    pub words: Duration,
    /// The tokens of the words, the one that ends them included.
    pub tokens: u32,
    /// So many of them had been guessed.
    pub guessed: u32,
}

/// A loaded recogniser.
pub struct OnnxWhisper {
    encoder: Session,
    decoder: Decoder,
    log_mel: LogMel,
    vocabulary: Vocabulary,
    rules: Rules,
    /// The language that is spoken; none where the model knows one alone, or is to find out.
    language: Option<Token>,
    /// What stands before the transcript.
    earlier: Vec<Token>,
    may_try_again: bool,
    hook: Option<Box<dyn LogitsHook>>,
    shape: Architecture,
    spent: Spent,
    following: Following,
}

/// A compiled model, ready to run.
struct Opened {
    encoder: Session,
    decoder: Decoder,
}

impl Opened {
    fn new(
        runtime: &Runtime,
        threads: usize,
        weights: &mut Weights,
        source: &WhisperSource,
        compiled: &Compiled,
    ) -> Result<Opened, ModelError> {
        let settings = SessionSettings { intra_threads: threads, memory_pattern: false };
        let encoder = runtime.session(MODEL, &compiled.folder.join(compile::ENCODER), settings)?;
        let decoder = runtime.session(MODEL, &compiled.folder.join(compile::DECODER), settings)?;
        let shape = weights.contents.architecture;
        let positions = weights
            .tensor("decoder.positional_embedding", &[shape.text_context, shape.width])
            .map_err(|refusal| refusal.of(source))?;
        let rows = compiled.folder.join(compile::WEIGHTS);
        let rows = File::open(&rows).map_err(|error| ModelError::unreadable(MODEL, &rows, &error))?;
        let embedding = Embedding::new(rows, compiled.written.embedding, positions, shape.width);
        Ok(Opened { encoder, decoder: Decoder::new(decoder, embedding, shape) })
    }
}

impl OnnxWhisper {
    /// Loads a model, and compiles it first where `cache` does not hold it yet; without a `precision`, in the one that suits
    /// it. `tell` is told the share that is compiled (0.0..=1.0), and answers whether to go on.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Unusable`] for the model's file, [`ModelError::NotCompiled`] where disk,
    /// memory or the runtime can't take it, [`ModelError::Settings`] for a language that the model does not know, or
    /// [`ModelError::Cancelled`].
    pub fn load(
        runtime: &Runtime,
        source: &WhisperSource,
        settings: &WhisperSettings,
        precision: Option<Precision>,
        cache: &Cache,
        tell: &mut dyn FnMut(f32) -> bool,
    ) -> Result<OnnxWhisper, ModelError> {
        let mut weights = Weights::open(source)?;
        let shape = weights.contents.architecture;
        let vocabulary = Vocabulary::new(std::mem::take(&mut weights.contents.vocabulary), shape.vocabulary);
        let language = super::language(!vocabulary.languages.is_empty(), settings.language.as_deref())?;
        let precision = precision.unwrap_or_else(|| Precision::suitable(&shape));
        let compiled = cache.compiled(runtime, source, &mut weights, precision, tell)?;
        let opened = match Opened::new(runtime, settings.threads, &mut weights, source, &compiled) {
            // The disk may have kept it badly: once more, from the source.
            Err(error) if !compiled.is_new => {
                tracing::warn!("{error}; compiling {source} anew");
                cache.discard(&compiled);
                let compiled = cache.compiled(runtime, source, &mut weights, precision, tell)?;
                Opened::new(runtime, settings.threads, &mut weights, source, &compiled)
            }
            opened => opened,
        };
        let Opened { encoder, decoder } = opened.map_err(|error| cache.refused(source, &error))?;
        Ok(OnnxWhisper {
            encoder,
            decoder,
            log_mel: LogMel::new(&weights.contents.filters),
            rules: Rules::new(&vocabulary, !shape.is_nano()),
            language: language.and_then(|code| vocabulary.language(code)),
            vocabulary,
            earlier: Vec::new(),
            may_try_again: false,
            hook: None,
            shape,
            spent: Spent::default(),
            following: Following::default(),
        })
    }

    /// What was probably said before, or may be expected, such as names: words like these are likelier then. Empty for
    /// nothing.
    pub fn expect(&mut self, text: &str) {
        self.following = Following::default();
        let text = text.trim();
        self.earlier = match text {
            "" => Vec::new(),
            text => BytePairs::new(&self.vocabulary).encode(&self.vocabulary, &format!(" {text}")),
        };
    }

    /// Whether what is doubtful is decoded again with chance in it, as Whisper's authors do. It takes several times as long, and
    /// makes up words where nobody speaks.
    pub fn try_again(&mut self, may: bool) {
        self.may_try_again = may;
    }

    /// Lets `hook` have a say in each token; none takes it out.
    pub fn set_hook(&mut self, hook: Option<Box<dyn LogitsHook>>) {
        self.following = Following::default();
        self.hook = hook;
    }

    /// What was said in `utterance`, mono audio at 16 kHz of any length. Sooner where it was listened ahead to.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`], or [`ModelError::Inference`] if ONNX Runtime fails.
    pub fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        let mut following = std::mem::take(&mut self.following);
        let transcript = following.transcribe(self, utterance, cancel);
        self.following = following;
        transcript
    }

    /// Listens ahead to an `utterance` that goes on, so that less is left to do at its end. Gives the words that will hardly
    /// change any more.
    ///
    /// # Errors
    /// As [`OnnxWhisper::transcribe`].
    pub fn follow(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<String, ModelError> {
        let mut following = std::mem::take(&mut self.following);
        let agreed = following.follow(self, utterance, cancel);
        self.following = following;
        agreed
    }

    /// One run of the model over `samples` with so many positions, unjudged, and the tokens. `guess` are those that it may begin
    /// with.
    pub(super) fn hear(
        &mut self,
        samples: &[f32],
        positions: usize,
        guess: &[Token],
        cancel: &CancelFlag,
    ) -> Result<(Hearing, Vec<Token>), ModelError> {
        let options = RunOptions::new().map_err(ModelError::inference(MODEL))?;
        let hearing = stop::while_watching(cancel, &options, || self.run(samples, positions, guess, &options));
        // A run that was stopped reports that it failed.
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        hearing.map_err(ModelError::inference(MODEL))
    }

    /// How long the spectrogram of `utterance` takes. For benchmarks.
    pub fn time_features(&mut self, utterance: &[f32]) -> Duration {
        let begun = Instant::now();
        let frames = 2 * utterance.len().div_ceil(listening::SAMPLES_PER_POSITION);
        std::hint::black_box(self.log_mel.compute(utterance, frames));
        begun.elapsed()
    }

    /// How long the encoder takes for `utterance` with so many positions of 20 ms. For benchmarks.
    ///
    /// # Errors
    /// [`ModelError::Inference`].
    pub fn time_encoder(&mut self, utterance: &[f32], positions: usize) -> Result<Duration, ModelError> {
        let encoded = RunOptions::new().and_then(|options| self.encode(utterance, positions, &options));
        encoded.map_err(ModelError::inference(MODEL))?;
        Ok(self.spent.encoder)
    }

    /// Where the time of the last run of the model went.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.spent
    }

    fn run(
        &mut self,
        samples: &[f32],
        positions: usize,
        guess: &[Token],
        options: &RunOptions,
    ) -> ort::Result<(Hearing, Vec<Token>)> {
        let mut kept = self.encode(samples, positions, options)?;
        let is_open = self.language.is_none() && !self.vocabulary.languages.is_empty();
        let language = if is_open { self.detect(&mut kept, options)? } else { self.language };
        let prompt = Prompt::new(&self.vocabulary, &self.earlier, language, self.shape.text_context);
        let most = listening::most_tokens(samples.len()).min(prompt.room(self.shape.text_context));
        let mut said = Vec::new();
        let hearing = decoding::best_try(self.may_try_again, |temperature| {
            // Chance does not do what was guessed.
            let guess = if temperature > 0.0 { &[] } else { &guess[..guess.len().min(most)] };
            let (hearing, tokens) = self.decode(&mut kept, &prompt, guess, most, temperature, options)?;
            said = tokens;
            Ok::<_, ort::Error>(hearing)
        })?;
        Ok((hearing, said))
    }

    /// The language that is spoken.
    fn detect(&mut self, kept: &mut Kept, options: &RunOptions) -> ort::Result<Option<Token>> {
        kept.forget(&self.shape)?;
        let mut logits = self.decoder.step(kept, &[self.vocabulary.start], &[0], options)?;
        let found = logits.pop().and_then(|logits| decoding::detect_language(&self.vocabulary, &logits));
        Ok(found.map(|(language, probability)| {
            let code = self.vocabulary.language_code(language).unwrap_or_default();
            tracing::debug!("the language is {code}, with a probability of {probability:.2}");
            language
        }))
    }

    /// One try at the words, of at most so many tokens, and the tokens.
    fn decode(
        &mut self,
        kept: &mut Kept,
        prompt: &Prompt,
        guess: &[Token],
        most: usize,
        temperature: f32,
        options: &RunOptions,
    ) -> ort::Result<(Hearing, Vec<Token>)> {
        kept.forget(&self.shape)?;
        let mut hearing = Hearing::default();
        let begun = Instant::now();
        let tokens = [prompt.tokens.as_slice(), guess].concat();
        let last = prompt.tokens.len() - 1;
        let wanted: Vec<i64> = [prompt.start].into_iter().chain(last..tokens.len()).map(|place| place as i64).collect();
        let mut logits = self.decoder.step(kept, &tokens, &wanted, options)?.into_iter();
        self.spent.prompt = begun.elapsed();
        if let Some(at_start) = logits.next() {
            hearing.no_speech = decoding::probability(&at_start, self.vocabulary.no_speech);
        }
        let begun = Instant::now();
        let hook = self.hook.as_deref_mut().map(|hook| hook as &mut dyn LogitsHook);
        // The same sound is heard the same way each time.
        let mut choice = Choice::new(&self.rules, hook, temperature, u64::from(temperature.to_bits()));
        let (mut said, mut guess, mut guessed) = (Vec::new(), guess.iter(), 0);
        while said.len() < most {
            let Some(mut next) = logits.next() else { break };
            let Some((token, log_probability)) = choice.next(&said, &mut next) else { break };
            hearing.tokens += 1;
            hearing.log_probability += log_probability;
            if token == self.vocabulary.end {
                hearing.ended = true;
                break;
            }
            if guess.next() == Some(&token) {
                guessed += 1;
            } else {
                kept.keep(prompt.tokens.len() + said.len())?;
                guess = [].iter();
                logits = self.decoder.step(kept, &[token], &[0], options)?.into_iter();
            }
            said.push(token);
        }
        self.spent = Spent { words: begun.elapsed(), tokens: hearing.tokens, guessed, ..self.spent };
        hearing.text = self.vocabulary.text(&said);
        Ok((hearing, said))
    }

    fn encode(&mut self, samples: &[f32], positions: usize, options: &RunOptions) -> ort::Result<Kept> {
        let begun = Instant::now();
        let mel = self.log_mel.compute(samples, 2 * positions);
        self.spent.features = begun.elapsed();
        let begun = Instant::now();
        let mel = TensorRef::from_array_view(([1, self.shape.mels, 2 * positions], mel.as_slice()))?;
        let mut outputs = self.encoder.run_with_options(ort::inputs!["mel" => mel], options)?;
        self.spent.encoder = begun.elapsed();
        let names = (0..self.shape.text_layers)
            .flat_map(|layer| [format!("cross_key_{layer}"), format!("cross_value_{layer}")]);
        let cross =
            names.map(|name| outputs.remove(&name).ok_or_else(|| ort::Error::new("the encoder gives too few values")));
        Ok(Kept::of(cross.collect::<ort::Result<_>>()?))
    }
}

impl Listen for OnnxWhisper {
    fn listen(
        &mut self,
        samples: &[f32],
        guess: &[Token],
        cancel: &CancelFlag,
    ) -> Result<(Transcript, Vec<Token>), ModelError> {
        let (shape, mut runs, mut tokens) = (self.shape, 0, Vec::new());
        let transcript = listening::transcribe(&shape, samples, cancel, |samples, positions| {
            let guess = if runs == 0 { guess } else { &[] };
            let (hearing, said) = self.hear(samples, positions, guess, cancel)?;
            runs += 1;
            // What was said in several pieces is no guess at what will be said in one.
            tokens = if runs == 1 { said } else { Vec::new() };
            Ok(hearing)
        })?;
        Ok((transcript, tokens))
    }

    fn longest(&self) -> usize {
        listening::longest_piece(&self.shape)
    }

    /// A language is not found out from a word or two.
    fn may_split(&self) -> bool {
        self.language.is_some() || self.vocabulary.languages.is_empty()
    }
}

impl fmt::Debug for OnnxWhisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxWhisper").field("shape", &self.shape).finish_non_exhaustive()
    }
}
