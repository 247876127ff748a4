//! What is written about understanding and speaking: `[models]`, `[stt]` and `[tts]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the neural models lie.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Models {
    /// Folder that `pipit models pull` fills. Left out, it is the folder "models" in state.dir.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub(in crate::config) dir: Option<String>,
    /// Folder of the models that came with the system, such as those of the package pipit-models. Pipit only reads it, and looks
    /// there for what models.dir does not have.
    #[schemars(length(min = 1))]
    pub(in crate::config) system_dir: String,
    /// The ONNX Runtime library. Left out, it is onnxruntime/libonnxruntime.so in models.dir or in models.system_dir.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub(in crate::config) runtime: Option<String>,
    /// A folder, such as a mounted USB stick, from which the panel may take model files; "" for none.
    pub(in crate::config) import_dir: String,
}

impl Default for Models {
    fn default() -> Self {
        Models { dir: None, system_dir: "/usr/lib/pipit/models".to_owned(), runtime: None, import_dir: String::new() }
    }
}

/// Speech to text.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Stt {
    /// What recognises speech.
    pub(in crate::config) engine: SttEngine,
    /// "auto" for the largest installed model that this board can afford, a name that `pipit models list` shows, or the
    /// path of a ggml file or of one in .safetensors. With a service: its own name for the model, where "auto" means
    /// "whisper-1", and with "wyoming" the server's choice.
    #[schemars(length(min = 1))]
    pub(in crate::config) model: String,
    /// Threads to compute with; 0 leaves it to the board. More than there are free cores is far slower.
    #[schemars(range(min = 0, max = 64))]
    pub(in crate::config) threads: u16,
    /// The language that is spoken, as its ISO 639 code.
    #[schemars(regex(pattern = "^[a-z]{2,3}$"))]
    pub(in crate::config) language: String,
    /// With a service: where it is, such as `http://nas.local:8000/v1` or `https://api.openai.com/v1`, for Wyoming
    /// `tcp://nas.local:10300`.
    pub(in crate::config) base_url: String,
    /// With a service: the environment variable that holds the API key, such as "OPENAI_API_KEY". The key itself never
    /// stands here.
    pub(in crate::config) api_key_env: String,
    /// With a service: a file that holds nothing but the API key, for example one of systemd's credentials.
    pub(in crate::config) api_key_file: String,
    /// With a service: the name under which `pipit secrets set` keeps the API key, sealed.
    pub(in crate::config) api_key_secret: String,
    /// With a service: seconds that an answer may take, before what is installed on this device answers in its place. It must
    /// be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(in crate::config) timeout_s: u32,
    /// Whether a service that leaves the house is asked at each pause, too, when it is not yet certain that you have finished.
    /// The answer comes sooner, for more requests, which may cost money.
    pub(in crate::config) drafts: bool,
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
pub(in crate::config) enum SttEngine {
    /// What suits this board.
    Auto,
    /// Whisper, by ONNX Runtime: a model is compiled when it is first loaded, and needs half the time from then on.
    Onnx,
    /// Whisper, by whisper.cpp.
    WhisperCpp,
    /// A service: any server that transcribes as OpenAI does. What is installed on this device answers where it cannot.
    Openai,
    /// The same with a Wyoming server, such as wyoming-faster-whisper or another Pipit.
    Wyoming,
}

/// Text to speech.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(in crate::config) struct Tts {
    /// What speaks.
    pub(in crate::config) engine: TtsEngine,
    /// The voice by the engine's own name for it, for which engine must be named too; or "auto".
    #[schemars(length(min = 1))]
    pub(in crate::config) voice: String,
    /// Pace of the voice; 1 is as it was made, 2 twice as fast.
    #[schemars(range(min = 0.5, max = 2.0))]
    pub(in crate::config) speed: f64,
    /// With a service: where it is, such as `http://nas.local:8880/v1` or `https://api.openai.com/v1`, for Fish Speech
    /// `http://nas.local:8080` or `https://api.fish.audio`, for Wyoming `tcp://nas.local:10200`.
    pub(in crate::config) base_url: String,
    /// With a service: its own name for the model. Empty stands for "tts-1" with "openai", and for the server's choice with
    /// "fish". "wyoming" has only voices.
    pub(in crate::config) model: String,
    /// With a service: the environment variable that holds the API key, such as "OPENAI_API_KEY". The key itself never
    /// stands here.
    pub(in crate::config) api_key_env: String,
    /// With a service: a file that holds nothing but the API key, for example one of systemd's credentials.
    pub(in crate::config) api_key_file: String,
    /// With a service: the name under which `pipit secrets set` keeps the API key, sealed.
    pub(in crate::config) api_key_secret: String,
    /// With a service: seconds that an answer may take, before what is installed on this device answers in its place. It must
    /// be less than turn.reply_stall_s.
    #[schemars(range(min = 1, max = 600))]
    pub(in crate::config) timeout_s: u32,
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
pub(in crate::config) enum TtsEngine {
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
    /// The same with a Wyoming server, such as wyoming-piper or another Pipit.
    Wyoming,
}
