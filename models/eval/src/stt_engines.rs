//! The two engines that run Whisper, beside each other: what they make of the same clips, and what they cost.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::error::ModelError;
use pipit_models::espeak::{Espeak, EspeakSettings};
use pipit_models::recogniser::Recogniser;
use pipit_models::voice;
use pipit_models::whisper::onnx::{Cache, OnnxWhisper, Precision, Scheme, Spent};
use pipit_models::whisper::stand_in::TOKENS;
use pipit_models::whisper::{Whisper, WhisperSettings, WhisperSource};
use serde::Serialize;

use crate::figures::{resident_kb, share};
use crate::words::{spoken_words, word_errors};
use crate::{manifest, models};

/// Voices and paces, taken in turn.
const SPEAKERS: [(&str, f32); 7] = [
    ("en-us", 1.0),
    ("en-gb", 0.9),
    ("en-us+f2", 1.1),
    ("en-gb+m3", 1.0),
    ("en-us+f4", 0.85),
    ("en-gb-scotland", 1.05),
    ("en-us+m7", 0.95),
];

/// Has espeak-ng say sentences spread evenly over a file, so many together, into a folder with a manifest.
pub(crate) fn speak(sentences: &Path, folder: &Path, most: usize, together: usize) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Row {
        sentence: String,
    }
    let text = std::fs::read_to_string(sentences).with_context(|| format!("cannot read {}", sentences.display()))?;
    let rows = text.lines().map(serde_json::from_str::<Row>).collect::<Result<Vec<_>, _>>()?;
    std::fs::create_dir_all(folder)?;
    let mut manifest = String::from("file\ttranscript\n");
    let together = together.max(1);
    let step = rows.len().div_ceil((most * together).max(1)).max(1);
    let spread: Vec<&str> =
        (0..step).flat_map(|first| rows.iter().skip(first).step_by(step)).map(|row| row.sentence.as_str()).collect();
    let texts = spread.chunks(together).map(|texts| texts.join(" and ")).take(most);
    for (number, (text, (voice, speed))) in texts.zip(SPEAKERS.iter().cycle()).enumerate() {
        let settings = EspeakSettings { voice: (*voice).to_owned(), speed: *speed, ..EspeakSettings::default() };
        let pcm = voice::say(&mut Espeak::new(settings)?, &text, &CancelFlag::new())?;
        let name = format!("{number:03}.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: pcm.rate().0,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(folder.join(&name), spec)?;
        let silence = vec![0.0; pcm.rate().0 as usize / 4];
        for sample in silence.iter().chain(pcm.samples()).chain(&silence) {
            wav.write_sample((sample * 32_767.0) as i16)?;
        }
        wav.finalize()?;
        manifest.push_str(&format!("{name}\t{text}\n"));
    }
    std::fs::write(folder.join("manifest.tsv"), manifest)?;
    Ok(())
}

/// One precision against whisper.cpp, over the same clips.
#[derive(Debug, Serialize)]
pub(crate) struct Agreement {
    precision: String,
    clips: usize,
    /// Clips with the same text.
    same: f64,
    /// The largest difference between mean log-probabilities where the text is the same.
    largest_difference: f32,
    /// Word error rate of whisper.cpp, and of ONNX Runtime.
    whisper_cpp_wer: f64,
    onnx_wer: f64,
}

#[allow(
    clippy::print_stderr,
    reason = "what differs goes to standard error, so that standard output holds the figures alone"
)]
pub(crate) fn compare(folder: &Path, model: &str, precisions: &[Precision], most: usize) -> Result<Vec<Agreement>> {
    let source = models::whisper_source(model);
    let settings = WhisperSettings::default();
    let mut reference = Whisper::load(&source, &settings)?;
    let mut heard = Vec::new();
    for entry in manifest::clips(folder)?.into_iter().take(most) {
        let pcm = clip::read(&entry.path)?;
        let transcript = reference.transcribe(pcm.samples(), &CancelFlag::new())?;
        heard.push((spoken_words(&entry.transcript), pcm, transcript));
    }
    if heard.is_empty() {
        bail!("{} has no clips", folder.display());
    }
    let mut lines = Vec::new();
    for precision in precisions {
        let cache = tempfile::tempdir()?;
        let mut onnx = load(&source, *precision, cache.path())?;
        let (mut same, mut largest, mut said, mut theirs, mut ours) = (0, 0.0_f32, 0, 0, 0);
        let begun = Instant::now();
        for (words, pcm, reference) in &heard {
            let transcript = onnx.transcribe(pcm.samples(), &CancelFlag::new())?;
            if (&transcript.text, &transcript.guess) == (&reference.text, &reference.guess) {
                same += 1;
                largest = largest.max((transcript.mean_log_probability - reference.mean_log_probability).abs());
            } else {
                eprintln!("{:?}\n  {:?}", reference, transcript);
            }
            said += words.len();
            theirs += word_errors(words, &spoken_words(&reference.text));
            ours += word_errors(words, &spoken_words(&transcript.text));
        }
        eprintln!("{} took {:?}, last {:?}", precision, begun.elapsed(), onnx.spent());
        lines.push(Agreement {
            precision: precision.to_string(),
            clips: heard.len(),
            same: share(same, heard.len()),
            largest_difference: largest,
            whisper_cpp_wer: share(theirs, said),
            onnx_wer: share(ours, said),
        });
    }
    Ok(lines)
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Agreement { precision, clips, same, largest_difference, whisper_cpp_wer, onnx_wer } = self;
        write!(
            f,
            "{precision}: clips {clips}  same {same:.4}  log-probabilities within {largest_difference:.1e}  wer {onnx_wer:.4}  \
             whisper.cpp {whisper_cpp_wer:.4}"
        )
    }
}

/// What one engine spends on 3 s of sound and the ten tokens that a stand-in says, in ms.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    engine: String,
    /// The encoder alone, with positions for the 3 s and no more.
    encoder_ms: f64,
    /// For each token after the first; of whisper.cpp without choosing it.
    token_ms: f64,
    /// All of it, with the silence that the model is given after the sound.
    whole_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    features_ms: Option<f64>,
    /// The same for 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    features_30_s_ms: Option<f64>,
    /// From a flag that is raised in mid-encoder to the return, the longest of several.
    cancel_ms: f64,
    /// Memory of this process after 5 s of sound, in MB.
    resident_mb: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { engine, encoder_ms, token_ms, whole_ms, features_ms, features_30_s_ms, cancel_ms, resident_mb } =
            self;
        write!(f, "{engine}: encoder {encoder_ms:.2} ms  token {token_ms:.2} ms  whole {whole_ms:.2} ms")?;
        if let (Some(short), Some(long)) = (features_ms, features_30_s_ms) {
            write!(f, "  features {short:.2} ms, of 30 s {long:.2} ms")?;
        }
        write!(f, "  cancelled within {cancel_ms:.1} ms  resident {resident_mb:.0} MB")
    }
}

/// The precisions of these names, or all.
pub(crate) fn precisions(names: &[String]) -> Result<Vec<Precision>> {
    if names.is_empty() {
        let all = Scheme::ALL.map(|scheme| Precision { encoder: scheme, decoder: scheme });
        return Ok([all.as_slice(), &[Precision::SMALL]].concat());
    }
    names.iter().map(|name| precision(name)).collect()
}

/// The precision of this name.
pub(crate) fn precision(name: &str) -> Result<Precision> {
    Precision::named(name).with_context(|| format!("there is no precision {name}"))
}

/// Loads a model, compiled into a folder.
pub(crate) fn load(source: &WhisperSource, precision: Precision, folder: &Path) -> Result<OnnxWhisper> {
    let (cache, settings) = (Cache::new(folder), WhisperSettings::default());
    Ok(OnnxWhisper::load(&models::runtime()?, source, &settings, Some(precision), &cache, &mut |_| true)?)
}

/// Compiles a model into a folder.
pub(crate) fn compile(model: &str, folder: &Path, precision: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let source = models::whisper_source(model);
    load(&source, self::precision(precision)?, folder)?;
    Ok(())
}

const RUNS: usize = 7;
/// Positions of 3 s of sound.
const POSITIONS: usize = 150;

/// So many seconds that sound, and mean nothing.
fn sound(seconds: usize) -> Vec<f32> {
    (0..16_000 * seconds).map(|i| (i as f32 * 0.08).sin() * (i as f32 * 0.001).sin() * 0.1).collect()
}

/// Measures whisper.cpp, or one precision of ONNX Runtime. One to a process, so that memory is what that one takes.
pub(crate) fn cost(model: &str, precision: Option<Precision>) -> Result<Cost> {
    let source = models::whisper_source(model);
    match precision {
        None => cost_of_whisper_cpp(&mut Whisper::load(&source, &WhisperSettings::default())?),
        Some(precision) => {
            let cache = tempfile::tempdir()?;
            // Compiled by a process of its own, whose memory would count.
            let compiled = Command::new(std::env::current_exe()?)
                .args(["stt-compile", model, "--precision", &precision.to_string()])
                .arg(cache.path())
                .status()?;
            ensure!(compiled.success(), "{model} could not be compiled");
            cost_of_onnx(&mut load(&source, precision, cache.path())?, precision)
        }
    }
}

fn cost_of_whisper_cpp(whisper: &mut Whisper) -> Result<Cost> {
    timed(whisper, &sound(5))?;
    let resident = resident_kb()?;
    let three = sound(3);
    let encoder = median(RUNS, || Ok(whisper.time_encoder(&three, POSITIONS)?))?;
    let whole = median(RUNS, || timed(whisper, &three))?;
    let token = median(RUNS, || Ok(whisper.time_token(TOKENS)?))?;
    Ok(Cost {
        engine: "whisper.cpp".to_owned(),
        encoder_ms: ms(encoder),
        token_ms: ms(token),
        whole_ms: ms(whole),
        features_ms: None,
        features_30_s_ms: None,
        cancel_ms: ms(cancelled(whisper, encoder)?),
        resident_mb: resident as f64 / 1e3,
    })
}

fn cost_of_onnx(whisper: &mut OnnxWhisper, precision: Precision) -> Result<Cost> {
    timed(whisper, &sound(5))?;
    let resident = resident_kb()?;
    let three = sound(3);
    let encoder = median(RUNS, || Ok(whisper.time_encoder(&three, POSITIONS)?))?;
    let whole = median(RUNS, || timed(whisper, &three))?;
    let token = median(RUNS, || {
        timed(whisper, &three)?;
        let Spent { words, tokens, .. } = whisper.spent();
        Ok(words / tokens.saturating_sub(1).max(1))
    })?;
    let mut features = |seconds| {
        let sound = sound(seconds);
        median(RUNS, || Ok(whisper.time_features(&sound)))
    };
    let (features, features_30_s) = (features(3)?, features(30)?);
    let cancel = cancelled(whisper, encoder)?;
    Ok(Cost {
        engine: format!("ONNX Runtime, {precision}"),
        encoder_ms: ms(encoder),
        token_ms: ms(token),
        whole_ms: ms(whole),
        features_ms: Some(ms(features)),
        features_30_s_ms: Some(ms(features_30_s)),
        cancel_ms: ms(cancel),
        resident_mb: resident as f64 / 1e3,
    })
}

fn timed(recogniser: &mut dyn Recogniser, sound: &[f32]) -> Result<Duration> {
    let begun = Instant::now();
    recogniser.transcribe(sound, &CancelFlag::new())?;
    Ok(begun.elapsed())
}

/// The longest time from a flag that is raised halfway through the encoder to the return.
fn cancelled(recogniser: &mut dyn Recogniser, encoder: Duration) -> Result<Duration> {
    let sound = sound(3);
    let mut longest = Duration::ZERO;
    for _ in 0..RUNS {
        let cancel = CancelFlag::new();
        let raise = cancel.clone();
        let raiser = thread::spawn(move || {
            thread::sleep(encoder / 2);
            raise.cancel();
            Instant::now()
        });
        let stopped = recogniser.transcribe(&sound, &cancel);
        let returned = Instant::now();
        let raised = raiser.join().map_err(|_| anyhow!("the thread that raises the flag has failed"))?;
        ensure!(matches!(stopped, Err(ModelError::Cancelled)), "it went on: {stopped:?}");
        longest = longest.max(returned.saturating_duration_since(raised));
    }
    Ok(longest)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn median(runs: usize, mut run: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut times = (0..runs).map(|_| run()).collect::<Result<Vec<_>>>()?;
    times.sort();
    Ok(times[runs / 2])
}
