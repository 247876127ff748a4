//! Speech that somebody else has transcribed. A long one is cut into parts, so that whoever speaks to this device never waits for
//! more than one of them, and so that most of it is transcribed when it ends.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::audio::{LISTENING_RATE, Pcm, samples_in};
use pipit_core::time::Moment;
use pipit_core::turn::{Attention, AttentionSettings, DraftId, Transcription, TurnId, Verdict, WakeMode, part_to_cut};

use super::Refused;
use crate::assist::Known;
use crate::worker::{Endpoint, Urgency};

/// No two sounds are the same for so many samples, unless they are one.
const ENOUGH: usize = LISTENING_RATE.0 as usize / 2;

/// So many parts are with the recogniser at once. Its queue takes more.
const AT_ONCE: usize = 2;

/// One request, from `transcribe` to `transcript`.
pub(crate) struct Dictation {
    turn: TurnId,
    /// By what the ledger knows it, should a service be the recogniser.
    number: i64,
    /// Sound of which no part has been made.
    kept: Vec<f32>,
    taken: usize,
    /// As much is transcribed at most.
    longest: Duration,
    /// How long each part is.
    parts: Vec<usize>,
    heard: Vec<String>,
    ended: bool,
    /// What it is the same as so far, and for how many samples.
    known: Option<(Arc<Known>, usize)>,
}

/// How far it has come.
#[derive(Debug, PartialEq)]
pub(crate) enum Progress {
    /// More is to come.
    Part(String),
    /// This is all.
    Whole { last: String, all: String },
}

impl Dictation {
    /// One that has heard nothing yet, and may turn out to be something `known`.
    pub(crate) fn new(turn: TurnId, longest: Duration, known: Option<Arc<Known>>) -> Self {
        let number = Timestamp::now().as_millisecond();
        let known = known.map(|known| (known, 0));
        let (kept, parts, heard) = (Vec::new(), Vec::new(), Vec::new());
        Dictation { turn, number, kept, taken: 0, longest, parts, heard, ended: false, known }
    }

    /// Takes the next sound, at [`LISTENING_RATE`].
    pub(crate) fn push(&mut self, samples: &[f32], endpoint: &Endpoint) -> Result<(), Refused> {
        self.taken += samples.len();
        if self.taken > samples_in(self.longest, LISTENING_RATE) {
            return Err(Refused(format!("no more than {} s are transcribed at once", self.longest.as_secs())));
        }
        if let Some((known, at)) = &mut self.known
            && known.samples()[*at..].starts_with(samples)
        {
            *at += samples.len();
            return Ok(());
        }
        self.is_not_known();
        self.kept.extend_from_slice(samples);
        self.ask(endpoint)
    }

    /// It is something else, which has to be transcribed.
    fn is_not_known(&mut self) {
        if let Some((known, at)) = self.known.take() {
            self.kept.extend_from_slice(&known.samples()[..at]);
        }
    }

    /// No more sound follows. Gives what there was, if nothing is left to be done.
    pub(crate) fn end(&mut self, endpoint: &Endpoint) -> Result<Option<Progress>, Refused> {
        self.ended = true;
        if let Some((known, _)) = self.known.take_if(|(_, at)| *at >= ENOUGH) {
            let words = known.words().to_owned();
            return Ok(Some(Progress::Whole { last: words.clone(), all: words }));
        }
        self.is_not_known();
        self.ask(endpoint)?;
        // Without a sample there was nothing to ask for.
        Ok(self.parts.is_empty().then(|| Progress::Whole { last: String::new(), all: String::new() }))
    }

    /// Whether it has enough to do for now.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting() >= AT_ONCE
    }

    /// Whether nothing has been transcribed yet.
    pub(crate) fn is_first(&self) -> bool {
        self.heard.is_empty()
    }

    /// Whether nothing is to come but results.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The recogniser has told something; nothing if that belongs to another request.
    pub(crate) fn transcribed(
        &mut self,
        draft: DraftId,
        transcription: Transcription,
        endpoint: &Endpoint,
    ) -> Result<Option<Progress>, Refused> {
        if draft.turn != self.turn {
            return Ok(None);
        }
        let heard = match transcription {
            Transcription::Words(words) => meant(words),
            Transcription::Silence | Transcription::NotUnderstood(_) => String::new(),
            Transcription::Failed => {
                return Err(Refused("the speech could not be transcribed; Pipit's log says why".to_owned()));
            }
        };
        self.heard.push(heard.clone());
        self.ask(endpoint)?;
        if !self.ended || !self.kept.is_empty() || self.waiting() > 0 {
            return Ok(Some(Progress::Part(heard)));
        }
        let all: Vec<&str> = self.heard.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
        Ok(Some(Progress::Whole { last: heard, all: all.join(" ") }))
    }

    /// The parts that have been transcribed: how many samples each has, and its words.
    pub(crate) fn heard(&self) -> impl Iterator<Item = (usize, &str)> {
        self.parts.iter().copied().zip(self.heard.iter().map(|part| part.trim()))
    }

    fn waiting(&self) -> usize {
        self.parts.len() - self.heard.len()
    }

    fn ask(&mut self, endpoint: &Endpoint) -> Result<(), Refused> {
        while !self.is_full() {
            let part: Vec<f32> = match part_to_cut(&self.kept) {
                Some(at) => self.kept.drain(..at).collect(),
                None if self.ended && !self.kept.is_empty() => std::mem::take(&mut self.kept),
                None => break,
            };
            self.parts.push(part.len());
            let draft = DraftId { turn: self.turn, revision: self.parts.len() as u32 };
            if !endpoint.transcribe(draft, Urgency::Guest, Pcm::new(part, LISTENING_RATE), self.number) {
                return Err(Refused("too much waits to be transcribed; try again later".to_owned()));
            }
        }
        Ok(())
    }
}

/// Whoever sends speech here to have it transcribed means all of it to be.
fn meant(words: pipit_core::turn::Overheard) -> String {
    let phrases = pipit_core::ear::WakePhrases::default();
    let settings = AttentionSettings { mode: WakeMode::Always, phrases, ..AttentionSettings::default() };
    match Attention::new(settings).judge(Moment::START, words) {
        Verdict::Request { text, .. } => text,
        Verdict::NotForPipit { .. } | Verdict::Addressed => String::new(),
    }
}
