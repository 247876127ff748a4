//! Which models a board can afford: by memory, and by speed as measured or, until then, as estimated.

use std::fmt;

use super::{Catalogue, Kind, Measurements, Model};
use crate::board::Board;

/// A recogniser must take less than a second for a command of three: longer feels like not having been heard.
const SLOWEST_RECOGNISER: f64 = 0.28;

/// A voice must stay ahead of its own playback, with room for the rest of the board's work.
const SLOWEST_VOICE: f64 = 0.7;

/// Whether one model suits a board, and by which figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The outcome.
    pub verdict: Verdict,
    /// Seconds of work per second of audio on this board, if there is any idea of it.
    pub real_time_factor: Option<f64>,
    /// Whether that was measured here rather than estimated.
    pub measured: bool,
    /// Resident bytes that it needs.
    pub memory: u64,
}

/// Whether a model suits a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can be used.
    Fits,
    /// It needs more memory than Pipit may take.
    TooLarge,
    /// It could not keep up.
    TooSlow,
    /// It needs ONNX Runtime, which there is none of for this processor.
    NoRuntime,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Fits => write!(f, "fits")?,
            Verdict::TooLarge => return write!(f, "too large: needs {} MB of memory", self.memory / 1_000_000),
            Verdict::TooSlow => write!(f, "too slow")?,
            Verdict::NoRuntime => return write!(f, "needs ONNX Runtime, which does not exist for this processor"),
        }
        match self.real_time_factor {
            Some(factor) if self.measured => write!(f, ": measured at {factor:.2} s per second of speech"),
            Some(factor) => write!(f, ": estimated at {factor:.2} s per second of speech"),
            None => Ok(()),
        }
    }
}

/// The recogniser and the voice that a board can afford together.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation<'a> {
    /// The best recogniser that fits.
    pub recogniser: Option<&'a Model>,
    /// The best voice that fits beside it; none leaves espeak-ng, which needs no model.
    pub voice: Option<&'a Model>,
}

impl Catalogue {
    /// Whether `model` alone suits `board`.
    #[must_use]
    pub fn fit(&self, model: &Model, board: &Board, measured: &Measurements) -> Fit {
        self.fit_within(board.memory_for_models(), model, board, measured)
    }

    /// The best recogniser and voice for `language` that `board` can afford.
    ///
    /// The recogniser comes first: being understood matters more than a beautiful voice. Where none is fast enough, the
    /// fastest that keeps up at all is taken: a slow answer is better than none. Downloaded or not plays no part; entries
    /// of quality 0 are the owner's choice alone.
    #[must_use]
    pub fn recommended(&self, board: &Board, language: &str, measured: &Measurements) -> Recommendation<'_> {
        let budget = board.memory_for_models();
        let recogniser = self
            .best(Kind::Stt, budget, board, language, measured)
            .or_else(|| self.slow_recogniser(board, language, measured));
        let left = budget.saturating_sub(recogniser.map_or(0, |model| model.memory));
        Recommendation { recogniser, voice: self.best(Kind::Tts, left, board, language, measured) }
    }

    fn best(&self, kind: Kind, budget: u64, board: &Board, language: &str, measured: &Measurements) -> Option<&Model> {
        self.eligible(kind, language)
            .filter(|model| self.fit_within(budget, model, board, measured).verdict == Verdict::Fits)
            .max_by_key(|model| model.quality)
    }

    fn slow_recogniser(&self, board: &Board, language: &str, measured: &Measurements) -> Option<&Model> {
        self.eligible(Kind::Stt, language)
            .filter_map(|model| {
                let fit = self.fit(model, board, measured);
                let factor = fit.real_time_factor.filter(|factor| *factor < 1.0)?;
                (fit.verdict == Verdict::TooSlow).then_some((factor, model))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.quality.cmp(&a.1.quality)))
            .map(|(_, model)| model)
    }

    fn eligible(&self, kind: Kind, language: &str) -> impl Iterator<Item = &Model> {
        self.models().iter().filter(move |model| model.kind() == kind && model.quality > 0 && model.knows(language))
    }

    fn fit_within(&self, budget: u64, model: &Model, board: &Board, measured: &Measurements) -> Fit {
        let measurement = measured.of(&model.name, board).map(|known| known.real_time_factor.wall);
        let estimate = model.reference_real_time_factor.map(|factor| factor / board.speed);
        let real_time_factor = measurement.or(estimate);
        let slowest = match model.kind() {
            Kind::Stt => SLOWEST_RECOGNISER,
            Kind::Tts => SLOWEST_VOICE,
            Kind::Vad | Kind::Turn | Kind::Wake | Kind::Intents | Kind::Runtime => f64::INFINITY,
        };
        let verdict = if model.files.is_empty() || (model.engine.needs_onnx_runtime() && !self.has_runtime()) {
            Verdict::NoRuntime
        } else if model.memory > budget {
            Verdict::TooLarge
        } else if real_time_factor.is_some_and(|factor| factor > slowest) {
            Verdict::TooSlow
        } else {
            Verdict::Fits
        };
        Fit { verdict, real_time_factor, measured: measurement.is_some(), memory: model.memory }
    }

    /// Whether there is an ONNX Runtime for the processor whose entries these are.
    fn has_runtime(&self) -> bool {
        self.models().iter().any(|model| model.kind() == Kind::Runtime && !model.files.is_empty())
    }
}
