//! The file as it is written: one struct for each section, every key optional.
//!
//! The JSON schema is derived from these types, and the schema in turn says which keys there are, of what type, and
//! within which limits (see `keys.rs`). So the doc comments here are read by owners, and limits stand nowhere else.
//! What a value means is not decided here but in `checked.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ear::EarSettings;
use crate::turn::{AttentionSettings, TurnSettings};

/// Pipit's configuration, pipit.toml. Every key may be left out.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "pipit.toml")]
pub(super) struct File {
    pub(super) state: State,
    pub(super) audio: Audio,
    pub(super) ear: Ear,
    pub(super) turn: Turn,
    pub(super) wake: Wake,
    pub(super) models: Models,
    pub(super) stt: Stt,
    pub(super) tts: Tts,
    pub(super) chat: Chat,
    pub(super) privacy: Keeping,
    pub(super) web: Web,
    pub(super) log: Log,
}

/// Where Pipit keeps what it must not forget.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct State {
    /// Folder for the history, the timers and, unless models.dir says otherwise, the models. Left out, it is systemd's
    /// state directory (/var/lib/pipit) for the service and ~/.local/share/pipit for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub(super) dir: Option<String>,
}

/// The microphone and the speaker.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Audio {
    /// Where sound comes from and goes to.
    pub(super) backend: Backend,
    /// The microphone: "default", or a name that `pipit devices` lists. With backend "wav": the WAV file to listen to.
    #[schemars(length(min = 1))]
    pub(super) input: String,
    /// The speaker: "default", or a name that `pipit devices` lists. With backend "wav": the folder for the replies,
    /// where "default" means the folder "replies" in state.dir.
    #[schemars(length(min = 1))]
    pub(super) output: String,
    /// Loudness of the voice at start, in percent of what the voice was made with.
    #[schemars(range(min = 0, max = 100))]
    pub(super) volume: u8,
    /// Whether Pipit listens while it speaks, so that it can be interrupted.
    pub(super) barge_in: BargeIn,
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
pub(super) enum Backend {
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
pub(super) enum BargeIn {
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
pub(super) struct Ear {
    /// Voice activity from which speech begins. Higher for a room with a television, lower for a quiet voice.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) speech_threshold: f64,
    /// Voice activity below which speech pauses. It must be lower than speech_threshold.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) silence_threshold: f64,
    /// Milliseconds of voice activity that are taken for speech. Above about 200, a short "yes" is lost.
    #[schemars(range(min = 32, max = 1000))]
    pub(super) onset_ms: u32,
    /// Milliseconds of silence that are taken for a pause, at which Pipit considers whether you have finished.
    #[schemars(range(min = 64, max = 3000))]
    pub(super) pause_ms: u32,
    /// Milliseconds from before speech was noticed that are listened to all the same.
    #[schemars(range(min = 0, max = 2000))]
    pub(super) pre_roll_ms: u32,
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
pub(super) struct Turn {
    /// How sure Smart Turn must be, at a pause, that you have finished. Higher interrupts less and answers later.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) complete_threshold: f64,
    /// Prepare the answer while it is not yet certain that you have finished. It comes sooner, for more work: some of it
    /// is thrown away.
    pub(super) drafts: bool,
    /// Milliseconds of silence after which you have finished, whatever Smart Turn thinks. It must be longer than
    /// ear.pause_ms.
    #[schemars(range(min = 200, max = 10_000))]
    pub(super) fallback_ms: u32,
    /// Seconds after which an utterance is cut, and the rest taken for another. Whisper hears 30 at most.
    #[schemars(range(min = 2, max = 30))]
    pub(super) longest_utterance_s: u32,
    /// Milliseconds of speech over a reply that interrupt it for good, whatever is said. "Mm-hm" and a cough are shorter.
    #[schemars(range(min = 200, max = 5000))]
    pub(super) interruption_ms: u32,
    /// Seconds that a reply may take to begin, and then to go on, before Pipit apologises and listens again.
    #[schemars(range(min = 2, max = 600))]
    pub(super) reply_stall_s: u32,
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
pub(super) struct Wake {
    /// What makes Pipit listen. In every mode but "always", nothing that is said before is kept or sent anywhere.
    pub(super) mode: WakeMode,
    /// With mode "phrase": what a request must begin with, as you would say it. Several are parted by commas.
    #[schemars(length(min = 1))]
    pub(super) phrases: String,
    /// With mode "openwakeword": the phrase model by the name that `pipit models list` shows, or the path of an ONNX file
    /// that is named after its phrase.
    #[schemars(length(min = 1))]
    pub(super) model: String,
    /// With mode "openwakeword": how sure the model must be. Higher wakes less often by mistake, and misses more.
    #[schemars(range(min = 0.05, max = 1.0))]
    pub(super) threshold: f64,
    /// Seconds after a reply in which you need no phrase to go on; 0 for none.
    #[schemars(range(min = 0, max = 120))]
    pub(super) follow_up_s: u32,
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
pub(super) enum WakeMode {
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

/// Where the neural models lie.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Models {
    /// Folder that `pipit models pull` fills. Left out, it is the folder "models" in state.dir.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub(super) dir: Option<String>,
    /// The ONNX Runtime library. Left out, it is onnxruntime/libonnxruntime.so in models.dir.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub(super) runtime: Option<String>,
}

/// Speech to text.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Stt {
    /// What recognises speech.
    pub(super) engine: SttEngine,
    /// "auto" for the largest installed model that this board can afford, a name that `pipit models list` shows, or the
    /// path of a ggml file. With a service: its own name for the model, where "auto" means "whisper-1".
    #[schemars(length(min = 1))]
    pub(super) model: String,
    /// Threads to compute with; 0 leaves it to the board. More than there are free cores is far slower.
    #[schemars(range(min = 0, max = 64))]
    pub(super) threads: u16,
    /// The language that is spoken, as its ISO 639 code.
    #[schemars(regex(pattern = "^[a-z]{2,3}$"))]
    pub(super) language: String,
    /// With a service: where it is, such as `http://nas.local:8000/v1` or `https://api.openai.com/v1`.
    pub(super) base_url: String,
    /// With a service: the environment variable that holds the API key, such as "OPENAI_API_KEY". The key itself never
    /// stands here.
    pub(super) api_key_env: String,
    /// With a service: a file that holds nothing but the API key, for example one of systemd's credentials.
    pub(super) api_key_file: String,
    /// With a service: the name under which `pipit secrets set` keeps the API key, sealed.
    pub(super) api_key_secret: String,
    /// With a service: seconds that an answer may take, before what is installed on this device answers in its place. It must
    /// be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(super) timeout_s: u32,
    /// Whether a service that leaves the house is asked at each pause, too, when it is not yet certain that you have finished.
    /// The answer comes sooner, for more requests, which may cost money.
    pub(super) drafts: bool,
}

impl Default for Stt {
    fn default() -> Self {
        Stt {
            engine: SttEngine::Auto,
            model: "auto".into(),
            threads: 0,
            language: "en".into(),
            base_url: String::new(),
            api_key_env: String::new(),
            api_key_file: String::new(),
            api_key_secret: String::new(),
            timeout_s: 10,
            drafts: false,
        }
    }
}

/// What recognises speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum SttEngine {
    /// What suits this board.
    Auto,
    /// Whisper, by whisper.cpp.
    WhisperCpp,
    /// A service: any server that transcribes as OpenAI does. What is installed on this device answers where it cannot.
    Openai,
}

/// Text to speech.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Tts {
    /// What speaks.
    pub(super) engine: TtsEngine,
    /// The voice by the engine's own name for it, for which engine must be named too; or "auto".
    #[schemars(length(min = 1))]
    pub(super) voice: String,
    /// Pace of the voice; 1 is as it was made, 2 twice as fast.
    #[schemars(range(min = 0.5, max = 2.0))]
    pub(super) speed: f64,
    /// With a service: where it is, such as `http://nas.local:8880/v1` or `https://api.openai.com/v1`, for Fish Speech
    /// `http://nas.local:8080` or `https://api.fish.audio`.
    pub(super) base_url: String,
    /// With a service: its own name for the model. Empty stands for "tts-1" with "openai", and for the server's choice with
    /// "fish".
    pub(super) model: String,
    /// With a service: the environment variable that holds the API key, such as "OPENAI_API_KEY". The key itself never
    /// stands here.
    pub(super) api_key_env: String,
    /// With a service: a file that holds nothing but the API key, for example one of systemd's credentials.
    pub(super) api_key_file: String,
    /// With a service: the name under which `pipit secrets set` keeps the API key, sealed.
    pub(super) api_key_secret: String,
    /// With a service: seconds that an answer may take, before what is installed on this device answers in its place. It must
    /// be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(super) timeout_s: u32,
}

impl Default for Tts {
    fn default() -> Self {
        Tts {
            engine: TtsEngine::Auto,
            voice: "auto".into(),
            speed: 1.0,
            base_url: String::new(),
            model: String::new(),
            api_key_env: String::new(),
            api_key_file: String::new(),
            api_key_secret: String::new(),
            timeout_s: 10,
        }
    }
}

/// What speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum TtsEngine {
    /// The best installed voice that this board can afford.
    Auto,
    /// Kokoro-82M: the most natural one, for a fast board.
    Kokoro,
    /// A Piper voice: what a Raspberry Pi 4 can afford.
    Piper,
    /// espeak-ng: robotic, and always there.
    Espeak,
    /// A service: any server that speaks as OpenAI's does. What is installed on this device speaks where it cannot.
    Openai,
    /// The same with Fish Speech, at home or at fish.audio.
    Fish,
}

/// Who answers what the built-in sentences do not cover.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Chat {
    /// What kind of language-model server to ask.
    pub(super) provider: Provider,
    /// What Pipit calls this server in its log and lists. Empty stands for a name by its kind, such as "ollama".
    pub(super) name: String,
    /// Where the server is: `http://127.0.0.1:11434` for Ollama and `https://api.anthropic.com` for Anthropic (which is
    /// what empty means with them), `https://api.openai.com/v1` for OpenAI.
    pub(super) base_url: String,
    /// The model, by the server's own name for it, such as "qwen3:4b".
    pub(super) model: String,
    /// The environment variable that holds the API key, such as "OPENAI_API_KEY". The key itself never stands here.
    pub(super) api_key_env: String,
    /// A file that holds nothing but the API key, for example one of systemd's credentials.
    pub(super) api_key_file: String,
    /// The name under which `pipit secrets set` keeps the API key, sealed.
    pub(super) api_key_secret: String,
    /// How far what you say may travel: servers that are farther away are never asked, neither language models nor the
    /// services of stt and tts.
    pub(super) privacy: Privacy,
    /// Whom to ask where that server cannot answer, in order of preference.
    pub(super) fallback: Vec<Fallback>,
    /// Servers whose tools a model may want used, over the Model Context Protocol, such as Home Assistant's.
    pub(super) mcp: Vec<Mcp>,
    /// Who Pipit is when a model answers: "home", "kitchen", "automotive" (which keeps to cars), or the path of a pack in TOML
    /// (with a / in it, or ending in .toml).
    pub(super) persona: String,
    /// What the model is told before every conversation. Empty leaves it to the persona.
    pub(super) system_prompt: String,
    /// How much of the conversation the model is reminded of, in tokens.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(super) history_tokens: u32,
    /// Length at which a reply is cut, in tokens. 100 take about half a minute to say.
    #[schemars(range(min = 16, max = 100_000))]
    pub(super) max_reply_tokens: u32,
    /// Seconds that each server has for a reply's first word. It must be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(super) first_token_timeout_s: u32,
    /// Seconds to wait for each further word. It must be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(super) idle_timeout_s: u32,
}

impl Default for Chat {
    fn default() -> Self {
        Chat {
            provider: Provider::None,
            name: String::new(),
            base_url: String::new(),
            model: String::new(),
            api_key_env: String::new(),
            api_key_file: String::new(),
            api_key_secret: String::new(),
            privacy: Privacy::Any,
            fallback: Vec::new(),
            mcp: Vec::new(),
            persona: "home".into(),
            system_prompt: String::new(),
            history_tokens: 2000,
            max_reply_tokens: 300,
            first_token_timeout_s: 15,
            idle_timeout_s: 10,
        }
    }
}

/// Another server to ask. Its keys mean what they mean in the section chat.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Fallback {
    /// What kind of language-model server to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FallbackProvider")]
    pub(super) provider: Option<FallbackProvider>,
    /// What Pipit calls this server. Empty stands for a name by its kind.
    pub(super) name: String,
    /// Where the server is.
    pub(super) base_url: String,
    /// The model, by the server's own name for it.
    pub(super) model: String,
    /// The environment variable that holds its API key.
    pub(super) api_key_env: String,
    /// A file that holds nothing but its API key.
    pub(super) api_key_file: String,
    /// The name under which `pipit secrets set` keeps its API key.
    pub(super) api_key_secret: String,
}

/// A server whose tools a model may want used.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Mcp {
    /// What Pipit calls this server. It stands before the names of its tools.
    pub(super) name: String,
    /// Where its MCP endpoint is.
    pub(super) url: String,
    /// The environment variable that holds its bearer token.
    pub(super) api_key_env: String,
    /// A file that holds nothing but its bearer token.
    pub(super) api_key_file: String,
    /// The name under which `pipit secrets set` keeps its bearer token.
    pub(super) api_key_secret: String,
    /// The tools that may be used, by the names that `pipit mcp` shows, with commas between. No others are.
    pub(super) tools: String,
    /// Those of them that only tell something, so that nobody need confirm their use.
    pub(super) reads: String,
}

/// What kind of language-model server to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum FallbackProvider {
    /// Any server that speaks OpenAI's chat completions.
    Openai,
    /// Ollama.
    Ollama,
    /// Anthropic.
    Anthropic,
}

/// How far what you say may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum Privacy {
    /// To whichever servers are named here.
    #[serde(rename = "any")]
    Any,
    /// To servers on this device and on the network at home.
    #[serde(rename = "in the house")]
    House,
    /// To servers on this device.
    #[serde(rename = "on this device")]
    Device,
}

/// What kind of language-model server to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Provider {
    /// None: only the built-in sentences are answered, and nothing leaves this machine.
    None,
    /// Any server that speaks OpenAI's chat completions: OpenAI, llama.cpp, vLLM, LM Studio and many others.
    Openai,
    /// Ollama.
    Ollama,
    /// Anthropic.
    Anthropic,
}

/// What is kept of what you say, and for how long.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Keeping {
    /// Keep what is said by voice and terminal in memory only: once Pipit ends, nothing of it is left. What was kept before stays.
    pub(super) ephemeral: bool,
    /// Days after which a conversation in which nothing was said since is deleted; 0 keeps it for ever.
    #[schemars(range(min = 0, max = 36_500))]
    pub(super) conversation_days: u32,
    /// Days for which the ledger of what was sent to servers is kept; 0 keeps it for ever.
    #[schemars(range(min = 0, max = 36_500))]
    pub(super) ledger_days: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping { ephemeral: false, conversation_days: 0, ledger_days: 365 }
    }
}

/// The panel in the browser.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Web {
    /// Address and port to listen on; "" for no panel. 127.0.0.1 is this machine alone, 0.0.0.0 the whole network.
    pub(super) listen: String,
}

impl Default for Web {
    fn default() -> Self {
        Web { listen: "127.0.0.1:7847".into() }
    }
}

/// What Pipit writes down about itself.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Log {
    /// How much is logged. "trace" contains what people say; the others never do.
    pub(super) level: Level,
    /// Of how many of the last turns to keep what each stage took and what was thrown away, for the panel. It contains
    /// nothing that people say; 0 keeps none.
    #[schemars(range(min = 0, max = 10_000))]
    pub(super) turns: u32,
}

impl Default for Log {
    fn default() -> Self {
        Log { level: Level::Info, turns: 200 }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Level {
    /// What failed.
    Error,
    /// And what may fail.
    Warn,
    /// And what happened.
    Info,
    /// And why.
    Debug,
    /// And every detail, what people say among them.
    Trace,
}

/// The decimal that a person would write for `figure`: 0.35, not 0.3499999940395355.
fn as_written(figure: f32) -> f64 {
    figure.to_string().parse().expect("a finite number prints as a number")
}
