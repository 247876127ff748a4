//! Turn ends against recordings of people who pause, go on, and finish.

mod grid;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LISTENING_RATE, Pcm, SampleIndex, samples_in};
use pipit_core::ear::{EarSettings, Segmenter, SpeechFact};
use pipit_core::intent::Catalogue;
use pipit_core::time::Moment;
use pipit_core::turn::{Effect, Event, Machine, Transcription, TurnSettings};
use pipit_models::clip;
use pipit_models::silero::SileroVad;
use pipit_models::smart_turn::SmartTurn;
use serde::Serialize;

use crate::figures::{quantile, share};
use crate::{decisions, manifest, models};

pub(crate) use grid::compare;

/// How long after a decision the first sound of a reply comes at the earliest.
const REPLY_AFTER_S: f64 = 0.3;

/// The silence after each clip, in which every deadline of a turn passes.
const SILENCE_AFTER: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    rows: usize,
    /// The share of pauses in which the turn was taken to be over.
    cutoff_rate: f64,
    /// The share of pauses in which a reply would have begun.
    spoken_over_rate: f64,
    /// From the end of speech to the decision, over the ends that were decided.
    median_ms: Option<f64>,
    p95_ms: Option<f64>,
    /// Ends that were never decided.
    missed: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { rows, cutoff_rate, spoken_over_rate, missed, .. } = self;
        write!(f, "rows {rows}  cutoff_rate {cutoff_rate:.4}  spoken_over_rate {spoken_over_rate:.4}  ")?;
        let ms = |delay: Option<f64>| delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.0}"));
        write!(f, "median_ms {}  p95_ms {}  missed {missed}", ms(self.median_ms), ms(self.p95_ms))
    }
}

/// A moment in a clip, in seconds, at which a turn was taken to be over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Decision {
    at_s: f64,
}

/// What the labels say about a clip.
#[derive(Debug, Default)]
struct Labels {
    /// Pauses after which the speaker goes on: from, to.
    holds: Vec<(f64, f64)>,
    /// Where the last speech ends.
    ends: Vec<f64>,
}

#[derive(Debug, Default)]
struct Score {
    rows: usize,
    holds: usize,
    cut_off: usize,
    spoken_over: usize,
    delays_ms: Vec<f64>,
    missed: usize,
}

/// Scores the daemon's decisions over a folder, or those of another program that are in the file `decisions`.
pub(crate) fn measure(folder: &Path, decisions: Option<&Path>) -> Result<Figures> {
    if let Some(decisions) = decisions {
        return score_decisions(folder, decisions);
    }
    let mut listener = Listener::load()?;
    let mut score = Score::default();
    for (labels, pcm) in clips(folder)? {
        let heard = listener.hear(&pcm?)?;
        score.add(&labels, &listener.decide(&heard)?);
    }
    Ok(score.figures())
}

/// The file has a decision a line: the clip as the folder's table names it, and when, in seconds from its beginning.
fn score_decisions(folder: &Path, file: &Path) -> Result<Figures> {
    let decisions = decisions::read(file)?;
    let labels = read_labels(&folder.join("turn_events.tsv"))?;
    if let Some(unknown) = decisions.keys().find(|clip| !labels.contains_key(*clip)) {
        bail!("{}: {} knows no clip \"{unknown}\"", file.display(), folder.display());
    }
    let mut score = Score::default();
    for (clip, labels) in labels {
        let decided = decisions.get(&clip).into_iter().flatten();
        score.add(&labels, &decided.map(|at_s| Decision { at_s: *at_s }).collect::<Vec<_>>());
    }
    Ok(score.figures())
}

/// The clips with their labels, each read when it is its turn.
fn clips(folder: &Path) -> Result<impl Iterator<Item = (Labels, Result<Pcm>)> + use<>> {
    let clips_folder = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let clips_folder = clips_folder.map_or_else(|| folder.join(".."), Path::to_owned);
    let labels = read_labels(&folder.join("turn_events.tsv"))?;
    Ok(labels
        .into_iter()
        .map(move |(file, labels)| (labels, clip::read(&clips_folder.join(&file)).map_err(Into::into))))
}

fn read_labels(path: &Path) -> Result<BTreeMap<String, Labels>> {
    let mut clips: BTreeMap<String, Labels> = BTreeMap::new();
    for row in manifest::rows(path, &["clip", "event", "speech_stops_s", "speech_resumes_s"])? {
        let seconds = |column: &str| -> Result<f64> {
            row[column].parse().with_context(|| format!("{}: {column} of {} is no number", path.display(), row["clip"]))
        };
        let labels = clips.entry(row["clip"].clone()).or_default();
        match row["event"].as_str() {
            "hold" => labels.holds.push((seconds("speech_stops_s")?, seconds("speech_resumes_s")?)),
            "end" => labels.ends.push(seconds("speech_stops_s")?),
            event => bail!("{}: unknown event \"{event}\"", path.display()),
        }
    }
    Ok(clips)
}

impl Score {
    fn add(&mut self, labels: &Labels, decisions: &[Decision]) {
        self.rows += labels.holds.len() + labels.ends.len();
        for (from, to) in &labels.holds {
            let mut inside = decisions.iter().filter(|decision| (*from..*to).contains(&decision.at_s)).peekable();
            self.holds += 1;
            self.cut_off += usize::from(inside.peek().is_some());
            self.spoken_over += usize::from(inside.any(|decision| decision.at_s + REPLY_AFTER_S < *to));
        }
        for end in &labels.ends {
            // The labels may lie a little late, so what counts is the last decision since the speaker last went on.
            let resumed = labels.holds.iter().map(|(_, to)| *to).filter(|to| to <= end).fold(0.0, f64::max);
            match decisions.iter().rfind(|decision| decision.at_s >= resumed) {
                Some(decision) => self.delays_ms.push(((decision.at_s - end) * 1000.0).max(0.0)),
                None => self.missed += 1,
            }
        }
    }

    fn figures(mut self) -> Figures {
        self.delays_ms.sort_by(f64::total_cmp);
        Figures {
            rows: self.rows,
            cutoff_rate: share(self.cut_off, self.holds),
            spoken_over_rate: share(self.spoken_over, self.holds),
            median_ms: quantile(&self.delays_ms, 0.5),
            p95_ms: quantile(&self.delays_ms, 0.95),
            missed: self.missed,
        }
    }
}

/// The daemon's ear and its turn model.
struct Listener {
    silero: SileroVad,
    smart_turn: SmartTurn,
    /// Smart Turn's answers, by the sound that it was asked about: many rules ask about the same.
    scores: HashMap<u64, f32>,
    catalogue: Arc<Catalogue>,
}

/// A frame's end, and what the ear noticed there.
type Heard = (Moment, Option<SpeechFact>);

impl Listener {
    fn load() -> Result<Self> {
        let catalogue = Arc::new(Catalogue::english());
        Ok(Listener { silero: models::silero()?, smart_turn: models::smart_turn()?, scores: HashMap::new(), catalogue })
    }

    /// Feeds a clip, and silence after it, to the daemon's own segmenter.
    fn hear(&mut self, clip: &Pcm) -> Result<Vec<Heard>> {
        self.silero.reset();
        let mut segmenter = Segmenter::new(EarSettings::default());
        let samples = [clip.samples(), &vec![0.0; samples_in(SILENCE_AFTER, LISTENING_RATE)]].concat();
        let mut heard = Vec::new();
        for (number, samples) in samples.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
            let frame = AudioFrame { at: SampleIndex((number * FRAME_SAMPLES) as u64), samples: *samples };
            let now = Moment::after_start(frame.end().duration_since(SampleIndex::default()));
            heard.push((now, segmenter.push(&frame, self.silero.voice_activity(samples)?)));
        }
        Ok(heard)
    }

    /// Feeds what was heard to the daemon's own turn machine.
    ///
    /// The time that Smart Turn takes is not counted, and nothing is ever replied: the machine listens again at once.
    fn decide(&mut self, heard: &[Heard]) -> Result<Vec<Decision>> {
        let pre_roll = EarSettings::default().pre_roll;
        let mut machine = Machine::new(TurnSettings::default(), pre_roll, Arc::clone(&self.catalogue));
        let mut decisions = Vec::new();
        for (now, fact) in heard {
            if self.step(&mut machine, *now, fact.clone().map_or(Event::Tick, Event::Speech))? {
                decisions.push(Decision { at_s: now.since_start().as_secs_f64() });
            }
        }
        Ok(decisions)
    }

    fn probability(&mut self, utterance: &[f32]) -> Result<f32> {
        let mut hasher = DefaultHasher::new();
        utterance.iter().for_each(|sample| sample.to_bits().hash(&mut hasher));
        let key = hasher.finish();
        if let Some(probability) = self.scores.get(&key) {
            return Ok(*probability);
        }
        let probability = self.smart_turn.probability(utterance)?;
        self.scores.insert(key, probability);
        Ok(probability)
    }

    /// Tells the machine what happened and does what it wants done. Returns whether a turn was taken to be over.
    fn step(&mut self, machine: &mut Machine, now: Moment, event: Event) -> Result<bool> {
        let mut events = VecDeque::from([event]);
        let mut decided = false;
        while let Some(event) = events.pop_front() {
            let mut effects = Vec::new();
            machine.step(now, event, &mut effects);
            for effect in effects {
                match effect {
                    Effect::ScoreTurn { draft, utterance } => {
                        let probability = Some(self.probability(utterance.samples())?);
                        events.push_back(Event::TurnScored { draft, probability });
                    }
                    Effect::Decided { .. } => decided = true,
                    Effect::Transcribe { draft, .. } => {
                        events.push_back(Event::Transcribed { draft, transcription: Transcription::Silence });
                    }
                    _ => {}
                }
            }
        }
        Ok(decided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(labels: &Labels, decisions: &[f64]) -> Figures {
        let mut score = Score::default();
        score.add(labels, &decisions.iter().map(|at_s| Decision { at_s: *at_s }).collect::<Vec<_>>());
        score.figures()
    }

    #[test]
    fn decisions_are_scored() {
        let labels = Labels { holds: vec![(1.0, 1.5), (2.0, 3.0)], ends: vec![4.0] };
        let good = score(&labels, &[4.4]);
        assert_eq!((good.rows, good.cutoff_rate, good.missed), (3, 0.0, 0));
        assert!((good.median_ms.unwrap() - 400.0).abs() < 1e-6);

        let late_in_a_hold = score(&labels, &[1.3, 4.4]);
        assert_eq!((late_in_a_hold.cutoff_rate, late_in_a_hold.spoken_over_rate), (0.5, 0.0));
        let early_in_a_hold = score(&labels, &[2.3, 4.4]);
        assert_eq!((early_in_a_hold.cutoff_rate, early_in_a_hold.spoken_over_rate), (0.5, 0.5));

        let never = score(&labels, &[2.3]);
        assert_eq!((never.missed, never.median_ms), (1, None));
        let before_a_late_label = score(&labels, &[3.9]);
        assert_eq!((before_a_late_label.missed, before_a_late_label.median_ms), (0, Some(0.0)));
    }
}
