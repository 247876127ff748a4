//! What it brings to listen ahead to people who speak for long: how much is left to do at the end, and whether the same is heard.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use pipit_core::audio::LISTENING_RATE;
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::error::ModelError;
use pipit_models::espeak::{Espeak, EspeakSettings};
use pipit_models::voice;
use pipit_models::whisper::onnx::{Following, Listen, LogitsHook, OnnxWhisper, Precision, Token};
use pipit_models::whisper::{Outcome, Transcript};
use serde::Serialize;

use crate::figures::{quantile, share};
use crate::words::{spoken_words, word_errors};
use crate::{manifest, models, stt_engines};

/// So long is listened to before the first look ahead, and from one to the next: 1 s.
const PACE: usize = 16_000;

/// What listening ahead comes to, over some clips.
#[derive(Debug, Serialize)]
pub(crate) struct Followed {
    clips: usize,
    /// The mean length of a clip, in seconds.
    seconds: f64,
    /// Clips of which the same is heard as without listening ahead.
    same: f64,
    /// Word error rates: of the whole at the end, and with listening ahead.
    whole_wer: f64,
    followed_wer: f64,
    /// From the end to the text: of the whole at the end, and of what is left then. Medians, in ms.
    whole_ms: f64,
    left_ms: f64,
    /// The second as a share of the first: the median, and what nine of ten stay below.
    ratio: f64,
    ratio_p90: f64,
    /// What was spent before the end, as a share of the time in which it was spoken.
    ahead: f64,
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Followed { clips, seconds, same, whole_wer, followed_wer, whole_ms, left_ms, ratio, ratio_p90, ahead } =
            self;
        write!(
            f,
            "clips {clips} of {seconds:.1} s  same {same:.4}  wer {followed_wer:.4}, of the whole {whole_wer:.4}  after the end \
             {left_ms:.1} ms, the whole {whole_ms:.1} ms, ratio {ratio:.3}, p90 {ratio_p90:.3}  ahead {ahead:.3} of a core"
        )
    }
}

/// A sound at 16 kHz, and what is said in it.
struct Clip {
    samples: Vec<f32>,
    transcript: String,
}

/// Measures a model on the clips of a folder or, if it is `prompted` because it is a stand-in, on as good as continuous speech of 10 s
/// made of their words.
pub(crate) fn measure(
    folder: &Path,
    model: &str,
    precision: Precision,
    prompted: bool,
    most: usize,
) -> Result<Followed> {
    let cache = tempfile::tempdir()?;
    let mut whisper = stt_engines::load(&models::whisper_source(model), precision, cache.path())?;
    let entries = manifest::clips(folder)?;
    if prompted {
        let (mut prompted, clips) = Prompted::new(whisper, entries.into_iter().map(|entry| entry.transcript))?;
        return measure_clips(&mut prompted, clips.into_iter().map(Ok).take(most));
    }
    let clips = entries
        .into_iter()
        .map(|entry| Ok(Clip { samples: clip::read(&entry.path)?.samples().to_vec(), transcript: entry.transcript }));
    measure_clips(&mut whisper, clips.take(most))
}

/// Measures `listener` on clips, with what is said in them: each second it listens ahead to what there is.
fn measure_clips(listener: &mut impl Listen, clips: impl Iterator<Item = Result<Clip>>) -> Result<Followed> {
    let (mut same, mut said, mut whole_errors, mut followed_errors) = (0, 0, 0, 0);
    let (mut whole_ms, mut left_ms, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut spoken, mut ahead) = (Duration::ZERO, Duration::ZERO);
    for clip in clips {
        let Clip { samples, transcript } = clip?;
        let (whole, whole_took) = timed(|| Following::default().transcribe(listener, &samples, &CancelFlag::new()))?;
        let mut following = Following::default();
        for until in (PACE..samples.len()).step_by(PACE) {
            let (_, took) = timed(|| following.follow(listener, &samples[..until], &CancelFlag::new()))?;
            ahead += took;
        }
        let (followed, left) = timed(|| following.transcribe(listener, &samples, &CancelFlag::new()))?;
        let words = spoken_words(&transcript);
        said += words.len();
        whole_errors += word_errors(&words, &spoken_words(&whole.text));
        followed_errors += word_errors(&words, &spoken_words(&followed.text));
        same += usize::from(spoken_words(&whole.text) == spoken_words(&followed.text));
        spoken += Duration::from_secs_f64(samples.len() as f64 / f64::from(LISTENING_RATE.0));
        whole_ms.push(whole_took.as_secs_f64() * 1e3);
        left_ms.push(left.as_secs_f64() * 1e3);
        ratios.push(left.as_secs_f64() / whole_took.as_secs_f64());
    }
    let clips = ratios.len();
    if clips == 0 {
        bail!("there are no clips");
    }
    for times in [&mut whole_ms, &mut left_ms, &mut ratios] {
        times.sort_by(f64::total_cmp);
    }
    let median = |times: &[f64]| quantile(times, 0.5).unwrap_or_default();
    Ok(Followed {
        clips,
        seconds: spoken.as_secs_f64() / clips as f64,
        same: share(same, clips),
        whole_wer: share(whole_errors, said),
        followed_wer: share(followed_errors, said),
        whole_ms: median(&whole_ms),
        left_ms: median(&left_ms),
        ratio: median(&ratios),
        ratio_p90: quantile(&ratios, 0.9).unwrap_or_default(),
        ahead: ahead.as_secs_f64() / spoken.as_secs_f64(),
    })
}

fn timed<T>(run: impl FnOnce() -> Result<T, ModelError>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    Ok((run()?, begun.elapsed()))
}

/// A stand-in that says which words there are in a sound that is made of words: its weights mean nothing, and its work is real.
struct Prompted {
    whisper: OnnxWhisper,
    script: Script,
    /// Each word by the hash of its sound.
    words: HashMap<u64, String>,
}

/// What is between two words: 80 ms.
const GAP: usize = LISTENING_RATE.0 as usize * 80 / 1000;

impl Prompted {
    /// Also gives clips of 10 s made of such words, and which words they are.
    fn new(mut whisper: OnnxWhisper, sentences: impl Iterator<Item = String>) -> Result<(Prompted, Vec<Clip>)> {
        let script = Script::default();
        whisper.set_hook(Some(Box::new(script.clone())));
        let mut prompted = Prompted { whisper, script, words: HashMap::new() };
        let mut espeak = Espeak::new(EspeakSettings::default())?;
        let mut sounds = HashMap::<String, Vec<f32>>::new();
        let (mut clips, mut clip) = (Vec::new(), (Vec::new(), Vec::new()));
        for word in sentences.flat_map(|sentence| spoken_words(&sentence)) {
            let sound = match sounds.entry(word.clone()) {
                Entry::Occupied(sound) => sound.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(say(&mut espeak, &word)?),
            };
            clip.0.extend([&vec![0.0; GAP / 2], sound.as_slice(), &vec![0.0; GAP / 2]].concat());
            prompted.words.insert(hash(sound), word.clone());
            clip.1.push(word);
            if clip.0.len() >= 10 * PACE {
                let (samples, words) = std::mem::take(&mut clip);
                clips.push(Clip { samples, transcript: words.join(" ") });
            }
        }
        Ok((prompted, clips))
    }

    /// The words that are wholly in some samples, and `what` for each piece of one.
    fn heard(&self, samples: &[f32]) -> Vec<&str> {
        let (mut heard, mut start, mut silent) = (Vec::new(), None, 0);
        for (at, sample) in samples.iter().chain(&[0.0; GAP]).enumerate() {
            if *sample != 0.0 {
                start.get_or_insert(at);
                silent = 0;
                continue;
            }
            silent += 1;
            if let Some(start) = start.take_if(|_| silent == GAP / 2) {
                let word = &samples[start..(at + 1 - silent).min(samples.len())];
                heard.push(self.words.get(&hash(word)).map_or("what", String::as_str));
            }
        }
        heard
    }
}

/// A word's sound at 16 kHz, without the silence around it, and with none within that could be taken for the gap between two words.
fn say(espeak: &mut Espeak, word: &str) -> Result<Vec<f32>> {
    let wav = tempfile::NamedTempFile::new()?;
    clip::write_wav(wav.path(), &voice::say(espeak, word, &CancelFlag::new())?)?;
    let pcm = clip::read(wav.path())?;
    let samples = pcm.samples();
    let start = samples.iter().position(|sample| sample.abs() > 1e-3).unwrap_or_default();
    let end = samples.iter().rposition(|sample| sample.abs() > 1e-3).map_or(samples.len(), |last| last + 1);
    Ok(samples[start..end].iter().map(|sample| if *sample == 0.0 { 1e-6 } else { *sample }).collect())
}

fn hash(samples: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    samples.iter().for_each(|sample| hasher.write_u32(sample.to_bits()));
    hasher.finish()
}

impl Listen for Prompted {
    fn listen(
        &mut self,
        samples: &[f32],
        guess: &[Token],
        cancel: &CancelFlag,
    ) -> Result<(Transcript, Vec<Token>), ModelError> {
        let text = self.heard(samples).join(" ");
        *self.script.0.lock().unwrap_or_else(PoisonError::into_inner) = tokens(&text);
        let (transcript, tokens) = self.whisper.listen(samples, guess, cancel)?;
        let outcome = if text.is_empty() { transcript.outcome } else { Outcome::Words };
        Ok((Transcript { text, outcome, ..transcript }, tokens))
    }

    fn longest(&self) -> usize {
        self.whisper.longest()
    }

    fn may_split(&self) -> bool {
        self.whisper.may_split()
    }
}

/// Tokens that stand for the words of a text, four for three words, as English has them.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (at, word) in text.split_whitespace().enumerate() {
        let mut hash = DefaultHasher::new();
        hash.write(word.as_bytes());
        let token = 1000 + (hash.finish() % 40_000) as Token;
        tokens.push(token);
        if at % 3 == 2 {
            tokens.push(token + 1);
        }
    }
    tokens
}

/// The tokens that are to be said.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Vec<Token>>>);

impl LogitsHook for Script {
    fn adjust(&mut self, said: &[Token], logits: &mut [f32]) {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where a text ends: models for English alone have one language token less.
        let end = if logits.len() == 51_864 { 50_256 } else { 50_257 };
        let next = script.get(said.len()).copied().unwrap_or(end);
        if let Some(logit) = logits.get_mut(next as usize) {
            *logit = 1e4;
        }
    }
}
