//! Voice activity against labels of who speaks when.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, SampleIndex};
use pipit_core::ear::{EarSettings, EnergyGate, Gated, Segmenter, SpeechFact};
use pipit_models::clip;
use pipit_models::silero::SileroVad;
use serde::Serialize;

use crate::figures::share;
use crate::{manifest, models};

/// 10 ms, the step in which speech and labels are compared.
const STEP: usize = 160;

/// Counted over all clips in steps of 10 ms.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    f1: f64,
    /// The share of speech that was missed.
    miss: f64,
    /// The share of silence that was taken for speech.
    false_alarm: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { f1, miss, false_alarm } = self;
        write!(f, "f1 {f1:.4}  miss {miss:.4}  false_alarm {false_alarm:.4}")
    }
}

#[derive(Debug, Default)]
struct Counts {
    found: usize,
    missed: usize,
    invented: usize,
    quiet: usize,
}

pub(crate) fn measure(folder: &Path) -> Result<Figures> {
    let mut silero = models::silero()?;
    let mut counts = Counts::default();
    for entry in manifest::clips(folder)? {
        let name = entry.path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let labels = read_rttm(&folder.join(format!("{name}.rttm")))?;
        let samples = clip::read(&entry.path)?;
        let heard = speech(&mut silero, samples.samples())?;
        counts.add(samples.samples().len() / STEP, &heard, &labels);
    }
    if counts.found + counts.missed == 0 {
        bail!("{} labels no speech", folder.display());
    }
    Ok(Figures {
        f1: share(2 * counts.found, 2 * counts.found + counts.missed + counts.invented),
        miss: share(counts.missed, counts.found + counts.missed),
        false_alarm: share(counts.invented, counts.invented + counts.quiet),
    })
}

impl Counts {
    fn add(&mut self, steps: usize, heard: &[Range<usize>], labels: &[Range<usize>]) {
        let within = |stretches: &[Range<usize>], at: usize| stretches.iter().any(|stretch| stretch.contains(&at));
        for step in 0..steps {
            let middle = step * STEP + STEP / 2;
            match (within(labels, middle), within(heard, middle)) {
                (true, true) => self.found += 1,
                (true, false) => self.missed += 1,
                (false, true) => self.invented += 1,
                (false, false) => self.quiet += 1,
            }
        }
    }
}

/// When somebody speaks, in samples at 16 kHz, by the fields `SPEAKER file channel start duration` of an RTTM file.
fn read_rttm(path: &Path) -> Result<Vec<Range<usize>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let stretch = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (start, duration): (f64, f64) = (fields.get(3)?.parse().ok()?, fields.get(4)?.parse().ok()?);
        Some((start * 16_000.0) as usize..((start + duration) * 16_000.0) as usize)
    };
    let speakers = text.lines().filter(|line| line.starts_with("SPEAKER"));
    speakers
        .map(|line| stretch(line).with_context(|| format!("{}: cannot understand \"{line}\"", path.display())))
        .collect()
}

/// Where the daemon's ear hears speech, in samples.
fn speech(silero: &mut SileroVad, samples: &[f32]) -> Result<Vec<Range<usize>>> {
    silero.reset();
    let mut segmenter = Segmenter::new(EarSettings::default());
    let mut gate = EnergyGate::default();
    let (mut heard, mut started) = (Vec::new(), None);
    for (number, frame) in samples.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        let frame = AudioFrame { at: SampleIndex((number * FRAME_SAMPLES) as u64), samples: *frame };
        for gated in gate.push(frame, !segmenter.is_quiet()) {
            let fact = match gated {
                Gated::Quiet(frame) => segmenter.push(&frame, 0.0),
                Gated::Judge { frame, first } => {
                    if first {
                        silero.reset();
                    }
                    segmenter.push(&frame, silero.voice_activity(&frame.samples)?)
                }
            };
            match fact {
                Some(SpeechFact::Started { at }) => started = Some(at.0 as usize),
                Some(SpeechFact::Paused(stretch)) => {
                    heard.extend(started.take().map(|start| start..stretch.speech_end.0 as usize));
                }
                _ => {}
            }
        }
    }
    heard.extend(started.map(|start| start..samples.len()));
    Ok(heard)
}
