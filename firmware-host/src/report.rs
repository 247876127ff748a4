//! What became of a turn that somebody spoke: what was said, and how long each stage took.

use std::path::PathBuf;

use pipit_core::turn::TurnId;
use pipit_web::{Stage, TurnRecord, Waterfall};
use serde::Serialize;

pub use pipit_web::Timings;

/// One turn, as `pipit hear --json` prints it.
#[derive(Debug, Serialize)]
pub struct TurnReport {
    /// The turn's number.
    pub turn: u64,
    /// What was understood; empty where nothing was.
    pub transcript: String,
    /// What is remembered of what was asked, which leaves a PIN out; nothing where the exchange is not remembered.
    #[serde(skip)]
    pub remembered: Option<String>,
    /// The intent that answered without an LLM.
    pub intent: Option<&'static str>,
    /// What was said in reply; of a reply that was stopped, what was heard.
    pub reply: String,
    /// The recording of the reply, where one was made.
    pub reply_wav: Option<PathBuf>,
    /// What ended the turn: `smart_turn`, `intent`, `silence` or `length`.
    pub ended_by: Option<&'static str>,
    /// How often an answer was begun; all but the last were thrown away because the person went on.
    pub drafts: u32,
    /// When each stage was reached.
    pub timings_ms: Timings,
    /// How long each model worked.
    pub model_ms: ModelTimes,
    /// All that was done for it, and what was thrown away.
    pub waterfall: Waterfall,
}

impl TurnReport {
    /// Whether what was said was understood and answered.
    pub fn was_understood(&self) -> bool {
        !self.transcript.is_empty() && (self.intent.is_some() || !self.reply.is_empty())
    }
}

/// Milliseconds that each model worked for the answer until its first audio.
#[derive(Debug, Default, Serialize)]
pub struct ModelTimes {
    /// Smart Turn, at the last pause.
    pub endpointing: f64,
    /// The recogniser.
    pub transcription: f64,
    /// The voice, for the first clause.
    pub first_clause: f64,
}

impl ModelTimes {
    fn of(waterfall: &Waterfall) -> Self {
        let spans = waterfall.drafts.last().map(|draft| &draft.spans[..]).unwrap_or_default();
        let first = |stage| spans.iter().filter(|span| span.stage == stage).find_map(|span| span.model_ms);
        let ms = |stage| first(stage).unwrap_or(0.0);
        ModelTimes {
            endpointing: ms(Stage::Endpointing),
            transcription: ms(Stage::Transcription),
            first_clause: ms(Stage::Synthesis),
        }
    }
}

/// A turn that is being recorded: what only its report tells. The rest is in its [`TurnRecord`].
#[derive(Debug)]
pub struct Recording {
    turn: TurnId,
    transcript: String,
    remembered: Option<String>,
    intent: Option<&'static str>,
    reply_wav: Option<PathBuf>,
}

impl Recording {
    /// Begins to record `turn`.
    pub fn new(turn: TurnId) -> Self {
        Recording { turn, transcript: String::new(), remembered: None, intent: None, reply_wav: None }
    }

    /// The transcript is there, if only to say that there is none.
    pub fn transcribed(&mut self, transcript: String) {
        self.transcript = transcript;
    }

    /// The exchange is remembered, with this for what was asked.
    pub fn remembered(&mut self, asked: &str) {
        self.remembered = Some(asked.to_owned());
    }

    /// The request is understood, without a language model if there is an intent.
    pub fn understood(&mut self, intent: Option<&'static str>) {
        self.intent = intent;
    }

    /// The person has gone on, and what was prepared is thrown away.
    pub fn revised(&mut self) {
        *self = Recording { reply_wav: self.reply_wav.take(), ..Recording::new(self.turn) };
    }

    /// The reply was written to a file.
    pub fn written(&mut self, file: PathBuf) {
        self.reply_wav = Some(file);
    }

    /// The finished report. `heard` is what of the reply was heard.
    pub fn report(self, record: TurnRecord, heard: String) -> TurnReport {
        TurnReport {
            turn: self.turn.0,
            transcript: self.transcript,
            remembered: self.remembered,
            intent: self.intent,
            reply: heard,
            reply_wav: self.reply_wav,
            ended_by: record.ended_by,
            drafts: record.waterfall.drafts.len() as u32,
            timings_ms: record.timings_ms,
            model_ms: ModelTimes::of(&record.waterfall),
            waterfall: record.waterfall,
        }
    }
}
