//! What the models cost: CPU time for each call, beside the Python packages on the same clips in the same run.

use std::collections::HashMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pipit_core::audio::FRAME_SAMPLES;
use pipit_models::clip;
use pipit_models::whisper::{Whisper, WhisperSettings, WhisperSource, nano};
use serde::Serialize;

use crate::{manifest, models};

/// As many clips as the comparison with pipecat wants.
const CLIPS: usize = 50;

/// Runs over all clips; the quickest counts, because everything that disturbs a run makes it slower.
const RUNS: usize = 5;

/// An encoder that takes long is run no more once this has passed: its runs differ by less than those of a quick one.
const ENOUGH: Duration = Duration::from_secs(20);

/// One line of the report. `ratio` is ours to the peer's, and `largest_difference` that of the probabilities.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line {
    what: String,
    ours: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    largest_difference: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_name: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.3}", self.what, self.ours)?;
        if let (Some(peer), Some(ratio)) = (self.peer, self.ratio) {
            write!(f, "  {} {peer:.3}  ratio {ratio:.3}", self.peer_name.as_deref().unwrap_or("peer"))?;
        }
        self.largest_difference.map_or(Ok(()), |difference| write!(f, "  largest difference {difference:.1e}"))
    }
}

/// What a run over the clips gave.
struct Run {
    /// CPU time of the quickest run, divided by the calls in it.
    cpu_per_call_s: f64,
    probabilities: Vec<f64>,
    name: String,
}

pub(crate) fn measure(folder: &Path, python: Option<&Path>, whisper: &[PathBuf]) -> Result<Vec<Line>> {
    let clips = sample_clips(folder)?;
    let (silero, smart_turn) = (run_silero(&clips)?, run_smart_turn(&clips)?);
    let (silero_peer, smart_turn_peer) = match python {
        None => (None, None),
        Some(python) => {
            let written = write_raw(&clips)?;
            (Some(run_peer(python, "silero", written.path())?), Some(run_peer(python, "smart_turn", written.path())?))
        }
    };
    let mut lines = vec![
        compare("Silero VAD, CPU us for each 32 ms", 1e6, &silero, silero_peer.as_ref())?,
        compare("Smart Turn, CPU ms for each judgement", 1e3, &smart_turn, smart_turn_peer.as_ref())?,
    ];
    lines.extend(encoder_lines("pipit-nano-en", WhisperSource::Bytes(nano()))?);
    for path in whisper {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("Whisper");
        lines.extend(encoder_lines(name, WhisperSource::File(path.clone()))?);
    }
    Ok(lines)
}

/// Clips spread evenly over every manifest in the folder and in the folders in it.
fn sample_clips(folder: &Path) -> Result<Vec<Vec<f32>>> {
    let mut folders = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        folders.push(entry?.path());
    }
    folders.sort();
    let mut paths = Vec::new();
    for folder in folders.iter().filter(|folder| folder.join("manifest.tsv").is_file()) {
        paths.extend(manifest::clips(folder)?.into_iter().map(|clip| clip.path));
    }
    ensure!(!paths.is_empty(), "there is no manifest.tsv in {} or in the folders in it", folder.display());
    let step = paths.len().div_ceil(CLIPS.min(paths.len()));
    // An odd share of each step, so that clips of one kind that follow each other are not all alike.
    let chosen = paths.iter().step_by(step.max(1)).chain(paths.iter().skip(step / 2 + 1).step_by(step.max(1)));
    let mut chosen: Vec<&PathBuf> = chosen.take(CLIPS).collect();
    chosen.dedup();
    chosen.into_iter().map(|path| Ok(clip::read(path)?.samples().to_vec())).collect()
}

fn run_silero(clips: &[Vec<f32>]) -> Result<Run> {
    let mut silero = models::silero()?;
    best_of_runs("Pipit", || {
        let mut probabilities = Vec::new();
        for samples in clips {
            silero.reset();
            for frame in samples.as_chunks::<FRAME_SAMPLES>().0 {
                probabilities.push(f64::from(silero.voice_activity(frame)?));
            }
        }
        Ok(probabilities)
    })
}

fn run_smart_turn(clips: &[Vec<f32>]) -> Result<Run> {
    let mut smart_turn = models::smart_turn()?;
    best_of_runs("Pipit", || {
        let judge = |samples: &Vec<f32>| Ok(f64::from(smart_turn.probability(samples)?));
        clips.iter().map(judge).collect()
    })
}

fn best_of_runs(name: &str, mut run: impl FnMut() -> Result<Vec<f64>>) -> Result<Run> {
    // The first run also warms caches and does not count.
    let mut probabilities = run()?;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let before = cpu_time_s()?;
        probabilities = run()?;
        best = best.min(cpu_time_s()? - before);
    }
    Ok(Run { cpu_per_call_s: best / probabilities.len().max(1) as f64, probabilities, name: name.to_owned() })
}

/// The CPU time that this thread has used, as Linux counts it in nanoseconds.
fn cpu_time_s() -> Result<f64> {
    let path = "/proc/thread-self/schedstat";
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let nanoseconds: f64 = text.split_whitespace().next().context("it is empty").and_then(|n| Ok(n.parse()?))?;
    Ok(nanoseconds / 1e9)
}

/// The clips as files of raw 32-bit floats, so that both sides see the very same samples.
fn write_raw(clips: &[Vec<f32>]) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (number, samples) in clips.iter().enumerate() {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(folder.path().join(format!("{number:03}.f32")), bytes)?;
    }
    Ok(folder)
}

/// Runs `peers/NAME.py` over the clips. Its answer is a line of JSON.
fn run_peer(python: &Path, name: &str, clips: &Path) -> Result<Run> {
    #[derive(serde::Deserialize)]
    struct Answer {
        name: String,
        cpu_per_call_s: f64,
        probabilities: Vec<f64>,
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(format!("{name}.py"));
    let threads =
        HashMap::from([("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    let output = Command::new(python)
        .arg(&script)
        .arg(clips)
        .arg(RUNS.to_string())
        .envs(threads)
        .stderr(Stdio::piped())
        .output();
    let output = output.with_context(|| format!("cannot start {}", python.display()))?;
    if !output.status.success() {
        std::io::stderr().write_all(&output.stderr)?;
        bail!(
            "{} failed; are the packages of peers/requirements.txt installed for {}?",
            script.display(),
            python.display()
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    // Packages may print a greeting before it.
    let answer = text.lines().rev().find(|line| line.starts_with('{')).context("the peer gave no answer")?;
    let answer: Answer = serde_json::from_str(answer)?;
    Ok(Run { cpu_per_call_s: answer.cpu_per_call_s, probabilities: answer.probabilities, name: answer.name })
}

fn compare(what: &str, scale: f64, ours: &Run, peer: Option<&Run>) -> Result<Line> {
    let line = Line { what: what.to_owned(), ours: ours.cpu_per_call_s * scale, ..Line::default() };
    let Some(peer) = peer else { return Ok(line) };
    ensure!(ours.probabilities.len() == peer.probabilities.len(), "{} judged another number of times", peer.name);
    let differences = ours.probabilities.iter().zip(&peer.probabilities).map(|(ours, peer)| (ours - peer).abs());
    Ok(Line {
        peer: Some(peer.cpu_per_call_s * scale),
        ratio: Some(ours.cpu_per_call_s / peer.cpu_per_call_s),
        largest_difference: Some(differences.fold(0.0, f64::max)),
        peer_name: Some(peer.name.clone()),
        ..line
    })
}

/// The encoder with the positions that 3 s of speech get, and with the whole window.
fn encoder_lines(name: &str, source: WhisperSource) -> Result<Vec<Line>> {
    let mut whisper = Whisper::load(&source, &WhisperSettings::default())?;
    let window = whisper.architecture().audio_context;
    let window_s = window as f64 * 0.02;
    let three_seconds: Vec<f32> =
        (0..48_000).map(|i| (i as f32 * 0.08).sin() * (i as f32 * 0.001).sin() * 0.1).collect();
    let needed = whisper.positions(three_seconds.len());
    let mut quickest = |positions: usize| -> Result<f64> {
        let (mut best, begun) = (f64::INFINITY, Instant::now());
        for _ in 0..RUNS {
            best = best.min(whisper.time_encoder(&three_seconds, positions)?.as_secs_f64());
            if begun.elapsed() >= ENOUGH {
                break;
            }
        }
        Ok(best)
    };
    let (trimmed, whole) = (quickest(needed)?, quickest(window)?);
    Ok(vec![Line {
        what: format!("{name}, encoder ms for 3 s of speech, and for its window of {window_s} s as the peer"),
        ours: trimmed * 1e3,
        peer: Some(whole * 1e3),
        ratio: Some(trimmed / whole),
        ..Line::default()
    }])
}
