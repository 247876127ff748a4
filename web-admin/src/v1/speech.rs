//! Speech as the APIs need it: what makes words of a recording, and what speaks a text. The daemon's models do it.

use std::sync::Arc;

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use pipit_core::audio::{Hertz, Pcm};
use pipit_core::chat::Tier;

use super::busy;
use crate::problem::Problem;

/// Makes words of a recording. Dropping the future gives it up.
pub type Transcribe = Arc<dyn Fn(Recording) -> BoxFuture<'static, Result<Transcript, SpeechProblem>> + Send + Sync>;

/// Speaks a text, clause by clause. Dropping the stream gives up the rest; an error is its last item.
pub type Speak = Arc<dyn Fn(ToSpeak) -> BoxStream<'static, Result<Pcm, SpeechProblem>> + Send + Sync>;

/// Something to be transcribed.
pub struct Recording {
    /// A file as it came.
    pub file: Vec<u8>,
    /// The language that it is said to be in, if any.
    pub language: Option<String>,
    /// Nothing that is farther away may be asked.
    pub widest: Tier,
}

/// Something to be spoken.
pub struct ToSpeak {
    /// The text.
    pub text: String,
    /// The rate that is wanted; else the voice's own.
    pub rate: Option<Hertz>,
    /// Nothing that is farther away may be asked.
    pub widest: Tier,
}

/// The words of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The language, as ISO 639 has it.
    pub language: String,
    /// How long the recording is.
    pub seconds: f64,
    /// The parts in which it was transcribed.
    pub segments: Vec<Segment>,
}

/// A part of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Where it begins.
    pub start_seconds: f64,
    /// Where it ends.
    pub end_seconds: f64,
    /// Its words; none where nobody speaks.
    pub text: String,
}

impl Transcript {
    /// All of the words.
    #[must_use]
    pub fn text(&self) -> String {
        let parts = self.segments.iter().map(|segment| segment.text.trim()).filter(|text| !text.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    }
}

/// Why there are no words, or no sound: each a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechProblem {
    /// It is not sound, or not of a kind that is understood.
    NotSound(String),
    /// It is too much at once.
    TooLong(String),
    /// It can't be done as it was asked for.
    Unfit(String),
    /// Not now.
    NotNow(String),
    /// It went wrong.
    Failed(String),
}

impl From<SpeechProblem> for Problem {
    fn from(problem: SpeechProblem) -> Problem {
        match problem {
            SpeechProblem::NotSound(why) => {
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", why)
            }
            SpeechProblem::TooLong(why) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", why),
            SpeechProblem::Unfit(why) => Problem::unfit(why),
            SpeechProblem::NotNow(why) => busy(why),
            SpeechProblem::Failed(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "speech_failed", why),
        }
    }
}
