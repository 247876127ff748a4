//! The daemon's rule beside simpler ones on the same clips, from the same pauses and the same scores: every wait that a
//! threshold on Smart Turn's probability chooses between, and silence alone.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use pipit_core::audio::{LISTENING_RATE, Pcm, samples_in};
use pipit_core::ear::{EarSettings, SpeechFact};
use pipit_core::time::Moment;
use serde::Serialize;

use super::{Decision, Figures, Heard, Labels, Listener, SILENCE_AFTER, Score, clips};

const THRESHOLDS: [f32; 16] = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995];
const FIRST_WAITS_MS: [u64; 11] = [200, 250, 280, 300, 400, 500, 600, 700, 800, 900, 1000];
const SECOND_WAITS_MS: [u64; 9] = [400, 600, 800, 1000, 1200, 1500, 2000, 2500, 2900];
const FIXED_MS: u64 = 700;

/// One rule's figures.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    rule: String,
    #[serde(flatten)]
    figures: Figures,
    /// Whether the daemon's rule cuts off fewer. Nothing where it does not and is faster: that is another trade-off.
    below: Option<bool>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = match self.below {
            Some(true) => "  ours is below",
            Some(false) => "  OURS IS NOT BELOW",
            None => "",
        };
        write!(f, "{:<28} {}{below}", self.rule, self.figures)
    }
}

/// A pause, as the ear heard it.
#[derive(Debug)]
struct Pause {
    noticed: Moment,
    speech_ended: Moment,
    /// When speech went on, or the clip ended.
    until: Moment,
    /// Samples in the clip: where a turn would begin that began with this stretch, and where the stretch ends.
    begin: usize,
    end: usize,
}

/// What a rule needs of one clip.
struct Clip {
    labels: Labels,
    samples: Vec<f32>,
    pauses: Vec<Pause>,
    frames: Vec<Moment>,
}

/// The daemon's figures, then the best points of the others.
pub(crate) fn compare(folder: &Path) -> Result<Vec<Line>> {
    let mut listener = Listener::load()?;
    let (mut ours, mut read) = (Score::default(), Vec::new());
    for (labels, pcm) in clips(folder)? {
        let pcm = pcm?;
        let heard = listener.hear(&pcm)?;
        ours.add(&labels, &listener.decide(&heard)?);
        read.push(Clip::new(labels, &pcm, &heard));
    }
    let ours = ours.figures();
    let mut others = Vec::new();
    for (threshold, first, second) in grid() {
        let rule = format!("smart turn {threshold}: {first}, {second} ms");
        let figures = judge(&mut listener, &read, |p| if p >= threshold { first } else { second })?;
        others.push(Line { rule, figures, below: None });
    }
    let mut others = best(others);
    let figures = judge(&mut listener, &read, |_| FIXED_MS)?;
    others.push(Line { rule: format!("silence of {FIXED_MS} ms"), figures, below: None });
    for line in &mut others {
        line.below = below(&ours, &line.figures);
    }
    others.insert(0, Line { rule: "ours".to_owned(), figures: ours, below: None });
    Ok(others)
}

fn grid() -> impl Iterator<Item = (f32, u64, u64)> {
    let waits = FIRST_WAITS_MS.into_iter().flat_map(|first| SECOND_WAITS_MS.map(|second| (first, second)));
    let waits = waits.filter(|(first, second)| first < second);
    waits.flat_map(|(first, second)| THRESHOLDS.map(|threshold| (threshold, first, second)))
}

/// The lines that no faster line beats, fastest first.
fn best(mut lines: Vec<Line>) -> Vec<Line> {
    lines.retain(|line| line.figures.median_ms.is_some());
    let key = |line: &Line| (line.figures.median_ms.unwrap_or(f64::MAX), line.figures.cutoff_rate);
    lines.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    let mut lowest = f64::MAX;
    let mut is_best = |line: &Line| {
        let better = line.figures.cutoff_rate < lowest;
        lowest = lowest.min(line.figures.cutoff_rate);
        better
    };
    lines.into_iter().filter(|line| is_best(line)).collect()
}

fn below(ours: &Figures, other: &Figures) -> Option<bool> {
    let below = ours.cutoff_rate < other.cutoff_rate;
    (below || other.median_ms <= ours.median_ms).then_some(below)
}

/// The figures of a rule that waits so many milliseconds after the end of speech, by Smart Turn's probability.
fn judge(listener: &mut Listener, clips: &[Clip], wait_ms: impl Fn(f32) -> u64) -> Result<Figures> {
    let mut score = Score::default();
    for clip in clips {
        let mut decisions = Vec::new();
        let mut first = 0;
        for (number, pause) in clip.pauses.iter().enumerate() {
            let utterance = &clip.samples[clip.pauses[first].begin..pause.end];
            let wait = Duration::from_millis(wait_ms(listener.probability(utterance)?));
            let due = pause.noticed.max(pause.speech_ended + wait);
            if let Some(at) = clip.frames.iter().find(|frame| **frame >= due).filter(|frame| **frame < pause.until) {
                decisions.push(Decision { at_s: at.since_start().as_secs_f64() });
                first = number + 1;
            }
        }
        score.add(&clip.labels, &decisions);
    }
    Ok(score.figures())
}

impl Clip {
    fn new(labels: Labels, pcm: &Pcm, heard: &[Heard]) -> Self {
        let pre_roll = samples_in(EarSettings::default().pre_roll, LISTENING_RATE);
        let mut pauses: Vec<Pause> = Vec::new();
        let mut begin = None;
        for (now, fact) in heard {
            match fact {
                Some(SpeechFact::Started { .. }) => {
                    if let Some(pause) = pauses.last_mut() {
                        pause.until = *now;
                    }
                }
                Some(SpeechFact::Continues(stretch) | SpeechFact::Lulled(stretch) | SpeechFact::Paused(stretch)) => {
                    let own = *begin.get_or_insert(stretch.start.0.max((stretch.onset - pre_roll).0) as usize);
                    if matches!(fact, Some(SpeechFact::Paused(_))) {
                        let speech_ended = *now - stretch.end().duration_since(stretch.speech_end);
                        let (until, end) = (Moment::after_start(Duration::MAX), stretch.end().0 as usize);
                        pauses.push(Pause { noticed: *now, speech_ended, until, begin: own, end });
                        begin = None;
                    }
                }
                _ => {}
            }
        }
        let samples = [pcm.samples(), &vec![0.0; samples_in(SILENCE_AFTER, LISTENING_RATE)]].concat();
        Clip { labels, samples, pauses, frames: heard.iter().map(|(now, _)| *now).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(median_ms: f64, cutoff_rate: f64) -> Line {
        let (rows, spoken_over_rate, p95_ms, missed) = (1, 0.0, None, 0);
        let figures = Figures { rows, cutoff_rate, spoken_over_rate, median_ms: Some(median_ms), p95_ms, missed };
        Line { rule: String::new(), figures, below: None }
    }

    #[test]
    fn the_best_are_those_that_nothing_faster_beats() {
        let lines = vec![line(500.0, 0.2), line(300.0, 0.3), line(400.0, 0.3), line(450.0, 0.4), line(500.0, 0.1)];
        let best: Vec<f64> = best(lines).iter().filter_map(|line| line.figures.median_ms).collect();
        assert_eq!(best, [300.0, 500.0]);
    }

    #[test]
    fn what_cuts_off_fewer_and_is_slower_is_another_trade_off() {
        let below = |median, rate| below(&line(350.0, 0.15).figures, &line(median, rate).figures);
        assert_eq!((below(300.0, 0.2), below(300.0, 0.15), below(350.0, 0.1)), (Some(true), Some(false), Some(false)));
        assert_eq!((below(400.0, 0.2), below(400.0, 0.1)), (Some(true), None));
    }
}
