//! What is written about hearing: `[audio]`, `[ear]`, `[turn]` and `[wake]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::as_written;
use crate::ear::EarSettings;
use crate::turn::{AttentionSettings, TurnSettings};

/// The microphone and the speaker.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Audio {
    /// Where sound comes from and goes to.
    pub(in crate::config) backend: Backend,
    /// The microphone: "default", or a name that `pipit devices` lists. With backend "wav": the WAV file to listen to.
    #[schemars(length(min = 1))]
    pub(in crate::config) input: String,
    /// The speaker: "default", or a name that `pipit devices` lists. With backend "wav": the folder for the replies,
    /// where "default" means the folder "replies" in state.dir.
    #[schemars(length(min = 1))]
    pub(in crate::config) output: String,
    /// Loudness of the voice at start, in percent of what the voice was made with.
    #[schemars(range(min = 0, max = 100))]
    pub(in crate::config) volume: u8,
    /// Whether Pipit listens while it speaks, so that it can be interrupted.
    pub(in crate::config) barge_in: BargeIn,
}

impl Default for Audio {
    fn default() -> Self {
        Audio {
            backend: Backend::Cpal,
            input: "default".into(),
            output: "default".into(),
            volume: 100,
            barge_in: BargeIn::Auto,
        }
    }
}

/// Where sound comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum Backend {
    /// The sound devices of this machine.
    Cpal,
    /// Files: one is listened to, the replies are written as others.
    Wav,
    /// Neither microphone nor speaker.
    Null,
}

/// Whether Pipit listens while it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum BargeIn {
    /// Where `pipit doctor audio` has found that its echo can be cancelled.
    Auto,
    /// Always.
    On,
    /// Never: the microphone is muted while the speaker sounds.
    Off,
}

/// When sound counts as speech.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Ear {
    /// Voice activity from which speech begins. Higher for a room with a television, lower for a quiet voice.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(in crate::config) speech_threshold: f64,
    /// Voice activity below which speech pauses. It must be lower than speech_threshold.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(in crate::config) silence_threshold: f64,
    /// Milliseconds of voice activity that are taken for speech. Above about 200, a short "yes" is lost.
    #[schemars(range(min = 32, max = 1000))]
    pub(in crate::config) onset_ms: u32,
    /// Milliseconds of silence that are taken for a pause, at which Pipit considers whether you have finished.
    #[schemars(range(min = 64, max = 3000))]
    pub(in crate::config) pause_ms: u32,
    /// Milliseconds from before speech was noticed that are listened to all the same.
    #[schemars(range(min = 0, max = 2000))]
    pub(in crate::config) pre_roll_ms: u32,
}

impl Default for Ear {
    fn default() -> Self {
        let ear = EarSettings::default();
        Ear {
            speech_threshold: as_written(ear.speech_threshold),
            silence_threshold: as_written(ear.silence_threshold),
            onset_ms: ear.onset.as_millis() as u32,
            pause_ms: ear.pause.as_millis() as u32,
            pre_roll_ms: ear.pre_roll.as_millis() as u32,
        }
    }
}

/// When you have finished speaking.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Turn {
    /// How sure Smart Turn must be, at a pause, that you have finished. Higher interrupts less and answers later.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(in crate::config) complete_threshold: f64,
    /// Prepare the answer while it is not yet certain that you have finished. It comes sooner, for more work: some of it
    /// is thrown away.
    pub(in crate::config) drafts: bool,
    /// Milliseconds of silence after which you have finished, whatever Smart Turn thinks. It must be longer than
    /// ear.pause_ms.
    #[schemars(range(min = 200, max = 10_000))]
    pub(in crate::config) fallback_ms: u32,
    /// Seconds after which an utterance is cut, and the rest taken for another. Whisper hears 30 at most.
    #[schemars(range(min = 2, max = 30))]
    pub(in crate::config) longest_utterance_s: u32,
    /// Milliseconds of speech over a reply that interrupt it for good, whatever is said. "Mm-hm" and a cough are shorter.
    #[schemars(range(min = 200, max = 5000))]
    pub(in crate::config) interruption_ms: u32,
    /// Seconds that a reply may take to begin, and then to go on, before Pipit apologises and listens again.
    #[schemars(range(min = 2, max = 600))]
    pub(in crate::config) reply_stall_s: u32,
}

impl Default for Turn {
    fn default() -> Self {
        let turn = TurnSettings::default();
        Turn {
            complete_threshold: as_written(turn.complete_threshold),
            drafts: turn.drafts,
            fallback_ms: turn.fallback.as_millis() as u32,
            longest_utterance_s: turn.longest_utterance.as_secs() as u32,
            interruption_ms: turn.interruption.as_millis() as u32,
            reply_stall_s: turn.reply_stall.as_secs() as u32,
        }
    }
}

/// When Pipit takes itself to be spoken to.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Wake {
    /// What makes Pipit listen. In every mode but "always", nothing that is said before is kept or sent anywhere.
    pub(in crate::config) mode: WakeMode,
    /// With mode "phrase": what a request must begin with, as you would say it. Several are parted by commas.
    #[schemars(length(min = 1))]
    pub(in crate::config) phrases: String,
    /// With mode "openwakeword": the phrase model by the name that `pipit models list` shows, or the path of an ONNX file
    /// that is named after its phrase.
    #[schemars(length(min = 1))]
    pub(in crate::config) model: String,
    /// With mode "openwakeword": how sure the model must be. Higher wakes less often by mistake, and misses more.
    #[schemars(range(min = 0.05, max = 1.0))]
    pub(in crate::config) threshold: f64,
    /// Seconds after a reply in which you need no phrase to go on; 0 for none.
    #[schemars(range(min = 0, max = 120))]
    pub(in crate::config) follow_up_s: u32,
}

impl Default for Wake {
    fn default() -> Self {
        let attention = AttentionSettings::default();
        Wake {
            mode: WakeMode::Always,
            phrases: attention.phrases.written().collect::<Vec<_>>().join(", "),
            model: "openwakeword-hey_jarvis".into(),
            threshold: as_written(attention.threshold),
            follow_up_s: attention.follow_up.as_secs() as u32,
        }
    }
}

/// What makes Pipit listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(in crate::config) enum WakeMode {
    /// Nothing need: it always does.
    Always,
    /// A button, while it is held or after a tap.
    PushToTalk,
    /// Words at the beginning of what is said, whatever they are; speech is transcribed on this machine to find them.
    Phrase,
    /// A model that knows one phrase by its sound.
    #[serde(rename = "openwakeword")]
    OpenWakeWord,
}
