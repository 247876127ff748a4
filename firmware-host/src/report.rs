//! What became of a turn, and how long each stage took: the latency waterfall.

use std::path::PathBuf;
use std::time::Duration;

use pipit_core::time::Moment;
use pipit_core::turn::{EndedBy, TurnId};
use serde::Serialize;

use crate::worker::Stage;

/// One turn, as `pipit hear --json` prints it.
#[derive(Debug, Serialize)]
pub struct TurnReport {
    /// The turn's number.
    pub turn: u64,
    /// What was understood; empty where nothing was.
    pub transcript: String,
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
}

impl TurnReport {
    /// Whether what was said was understood and answered.
    pub fn was_understood(&self) -> bool {
        !self.transcript.is_empty() && (self.intent.is_some() || !self.reply.is_empty())
    }
}

/// Milliseconds after the end of speech. A stage that was not reached is null.
#[derive(Debug, Default, Serialize)]
pub struct Timings {
    /// The end of speech itself.
    pub speech_end: f64,
    /// The pause was noticed. Until here nothing but silence was waited for.
    pub pause: Option<f64>,
    /// The turn was taken to be over.
    pub turn_decided: Option<f64>,
    /// The transcript was there.
    pub transcript: Option<f64>,
    /// The first words of the reply were there.
    pub reply_first_text: Option<f64>,
    /// The first sample of the reply went to the speaker.
    pub first_audio: Option<f64>,
}

/// Milliseconds that each model worked until the first audio.
#[derive(Debug, Default, Serialize)]
pub struct ModelTimes {
    /// Smart Turn, at the last pause.
    pub endpointing: f64,
    /// The recogniser.
    pub transcription: f64,
    /// The voice, for the first clause.
    pub first_clause: f64,
}

/// A turn that is being recorded.
#[derive(Debug)]
pub struct Recording {
    turn: TurnId,
    speech_end: Option<Moment>,
    pause: Option<Moment>,
    decided: Option<(Moment, EndedBy)>,
    transcript: Option<(Moment, String)>,
    intent: Option<&'static str>,
    first_text: Option<Moment>,
    first_audio: Option<Moment>,
    reply_wav: Option<PathBuf>,
    /// Drafts of an answer.
    drafts: u32,
    model: ModelTimes,
}

impl Recording {
    /// Begins to record `turn`.
    pub fn new(turn: TurnId) -> Self {
        Recording {
            turn,
            speech_end: None,
            pause: None,
            decided: None,
            transcript: None,
            intent: None,
            first_text: None,
            first_audio: None,
            reply_wav: None,
            drafts: 1,
            model: ModelTimes::default(),
        }
    }

    /// Speech has paused: it ended at `speech_end`, which was noticed at `noticed`. A later pause replaces it.
    pub fn paused(&mut self, speech_end: Moment, noticed: Moment) {
        self.speech_end = Some(speech_end);
        self.pause = Some(noticed);
    }

    /// The turn is over.
    pub fn decided(&mut self, at: Moment, ended_by: EndedBy) {
        self.decided = Some((at, ended_by));
    }

    /// The transcript is there, if only to say that there is none.
    pub fn transcribed(&mut self, at: Moment, transcript: String) {
        self.transcript = Some((at, transcript));
    }

    /// The request is understood, without a language model if there is an intent.
    pub fn understood(&mut self, intent: Option<&'static str>) {
        self.intent = intent;
    }

    /// The person has gone on, and what was prepared is thrown away.
    pub fn revised(&mut self) {
        self.drafts += 1;
        self.decided = None;
        self.transcript = None;
        self.intent = None;
        self.first_text = None;
        self.model = ModelTimes::default();
    }

    /// There is some text to say.
    pub fn text_at(&mut self, at: Moment) {
        self.first_text.get_or_insert(at);
    }

    /// Sound goes to the speaker.
    pub fn audio_at(&mut self, at: Moment) {
        self.first_audio.get_or_insert(at);
    }

    /// The reply was written to a file.
    pub fn written(&mut self, file: PathBuf) {
        self.reply_wav = Some(file);
    }

    /// A model has worked on the turn.
    pub fn worked(&mut self, stage: Stage, took: Duration) {
        let ms = took.as_secs_f64() * 1e3;
        match stage {
            Stage::Endpointing => self.model.endpointing = ms,
            Stage::Transcription => self.model.transcription = ms,
            Stage::Synthesis if self.first_audio.is_none() && self.model.first_clause == 0.0 => {
                self.model.first_clause = ms;
            }
            Stage::Synthesis => {}
        }
    }

    /// Whether a person's speech is behind it, rather than an announcement or a noise that came to nothing.
    pub fn was_spoken(&self) -> bool {
        self.decided.is_some()
    }

    /// The finished report. `heard` is what of the reply was heard.
    pub fn report(self, heard: String) -> TurnReport {
        let origin = self.speech_end;
        let after = |moment: Option<Moment>| {
            let duration = moment?.saturating_since(origin?);
            // A tenth of a millisecond is finer than anything here is known.
            Some((duration.as_secs_f64() * 1e4).round() / 10.0)
        };
        let round = |ms: f64| (ms * 10.0).round() / 10.0;
        TurnReport {
            turn: self.turn.0,
            intent: self.intent,
            reply: heard,
            reply_wav: self.reply_wav,
            ended_by: self.decided.map(|(_, by)| by.name()),
            drafts: self.drafts,
            timings_ms: Timings {
                speech_end: 0.0,
                pause: after(self.pause),
                turn_decided: after(self.decided.map(|(at, _)| at)),
                transcript: after(self.transcript.as_ref().map(|(at, _)| *at)),
                reply_first_text: after(self.first_text),
                first_audio: after(self.first_audio),
            },
            transcript: self.transcript.map(|(_, text)| text).unwrap_or_default(),
            model_ms: ModelTimes {
                endpointing: round(self.model.endpointing),
                transcription: round(self.model.transcription),
                first_clause: round(self.model.first_clause),
            },
        }
    }
}
