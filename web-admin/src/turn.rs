//! What is told about a turn that is over: the latency waterfall. No word that anybody said is in it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A turn, as it is kept and told. Every figure in milliseconds is relative to the end of the speech that the turn
/// answers, or where nobody had spoken, to its beginning; what happened before that is negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TurnRecord {
    /// The turn's number since the start.
    pub turn: u64,
    /// What ended the turn: `smart_turn`, `intent`, `silence` or `length`. Null for an announcement, and for what came to
    /// nothing, such as a cough over an answer or words that were not for Pipit.
    pub ended_by: Option<&'static str>,
    /// It is somebody's who wants to leave no trace, so that nothing else is told of it than when each stage was reached.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// When each stage of the answer was reached.
    pub timings_ms: Timings,
    /// What was done for it, and when.
    pub waterfall: Waterfall,
}

impl TurnRecord {
    /// Somebody spoke, but it was not taken for a turn.
    #[must_use]
    pub fn came_to_nothing(&self) -> bool {
        let somebody_spoke = self.timings_ms.pause.is_some() || !self.waterfall.parts.is_empty();
        self.ended_by.is_none() && somebody_spoke
    }

    /// The same of somebody who wants to leave no trace: neither who answered nor what was done is in it.
    #[must_use]
    pub fn redacted(self) -> TurnRecord {
        let waterfall = Waterfall { ended_ms: self.waterfall.ended_ms, ..Waterfall::default() };
        TurnRecord { private: true, waterfall, ..self }
    }

    /// What became of it, in one word: what ended it, or `announcement`, or `dropped`.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        self.ended_by.unwrap_or(if self.came_to_nothing() { "dropped" } else { "announcement" })
    }
}

/// Milliseconds after the end of speech. A stage that was not reached is null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

/// All that was done for a turn, whether or not anything came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waterfall {
    /// When the turn's end was taken back because the person went on.
    pub reopened_ms: Vec<f64>,
    /// When somebody spoke over the answer, and what came of it.
    pub interruptions: Vec<Interruption>,
    /// When the turn ended, all said and done.
    pub ended_ms: f64,
    /// Of a long utterance, the parts that were transcribed while it was still spoken.
    pub parts: Vec<Span>,
    /// The answers that were begun, one each time that the voice fell silent. All but the last were thrown away.
    pub drafts: Vec<Draft>,
}

/// Speech over an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interruption {
    /// The answer paused, or stopped at once.
    pub at_ms: f64,
    /// It went on from where it had paused: nobody had meant to interrupt.
    pub resumed_ms: Option<f64>,
    /// It was told to stop for good.
    pub stopped_ms: Option<f64>,
}

/// One guess that the turn was over, and the answer that was prepared on the strength of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Counts them in the turn.
    pub revision: u32,
    /// The voice fell silent; whether it was a pause was known only later.
    pub pause_ms: Option<f64>,
    /// The draft was thrown away; null for the one that was the answer.
    pub dropped_ms: Option<f64>,
    /// The language model that answered it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// What was done for it, in the order in which it was asked for.
    pub spans: Vec<Span>,
}

/// All that is told of a language model's server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// What the owner calls it.
    pub name: String,
    /// The server's own name for the model.
    pub model: String,
    /// How far the request went: `on this device`, `in the house` or `leaves the house`.
    pub tier: Cow<'static, str>,
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// What was done.
    pub stage: Stage,
    /// For which clause of the reply, where it was for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<usize>,
    /// Which part of the utterance, where it was a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// It was asked for; of a clause that is played, its first sample went to the speaker.
    pub began_ms: f64,
    /// It was done or given up. Null if nobody knew any more: the turn had ended before, or it was cancelled while it
    /// waited in a queue.
    pub ended_ms: Option<f64>,
    /// How long a model of this machine worked on it. Whatever else passed until the end was spent waiting in a queue.
    pub model_ms: Option<f64>,
    /// It was begun before the turn was taken to be over.
    pub speculative: bool,
    /// Nothing came of it: its draft was thrown away, it came too late, or it was never heard.
    pub discarded: bool,
    /// It could not be done.
    pub failed: bool,
}

/// What can be done for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Smart Turn judges a pause.
    Endpointing,
    /// The recogniser makes words of it.
    Transcription,
    /// An intent or the language model makes a reply of them, up to its first text.
    Understanding,
    /// What was asked for is done.
    Action,
    /// The voice speaks a clause into memory.
    Synthesis,
    /// A clause is played.
    Playback,
}

impl Stage {
    /// Every stage, in the order in which a turn reaches them.
    pub const ALL: [Stage; 6] = [
        Stage::Endpointing,
        Stage::Transcription,
        Stage::Understanding,
        Stage::Action,
        Stage::Synthesis,
        Stage::Playback,
    ];

    /// The name by which it is told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Endpointing => "endpointing",
            Stage::Transcription => "transcription",
            Stage::Understanding => "understanding",
            Stage::Action => "action",
            Stage::Synthesis => "synthesis",
            Stage::Playback => "playback",
        }
    }
}

impl Waterfall {
    /// Everything that was done.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.parts.iter().chain(self.drafts.iter().flat_map(|draft| &draft.spans))
    }

    /// Of each stage of which work was thrown away, how often, and how long models had worked in milliseconds.
    #[must_use]
    pub fn thrown_away(&self) -> Vec<(Stage, usize, f64)> {
        let of = |stage| {
            let discarded = self.spans().filter(|span| span.discarded && span.stage == stage);
            let (count, ms) = discarded.fold((0, 0.0), |(n, ms), span| (n + 1, ms + span.model_ms.unwrap_or(0.0)));
            (count > 0).then_some((stage, count, ms))
        };
        Stage::ALL.into_iter().filter_map(of).collect()
    }
}
