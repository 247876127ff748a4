//! The configuration as everyone else sees it: every value has its own type, and no two contradict each other.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

use crate::chat::Tier;
use crate::ear::EarSettings;
use crate::home::{Described, Household};
use crate::turn::{AttentionSettings, TurnSettings};

/// Everything that an owner can choose. It holds no secret, only where to find one.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Folder for what must outlive a restart.
    pub state_dir: PathBuf,
    /// The microphone and the speaker.
    pub audio: AudioSettings,
    /// When sound counts as speech.
    pub ear: EarSettings,
    /// When a turn counts as over.
    pub turn: TurnSettings,
    /// When it takes itself to be spoken to.
    pub wake: WakeSettings,
    /// Where the neural models lie.
    pub models: ModelSettings,
    /// Speech to text.
    pub stt: SttSettings,
    /// Text to speech.
    pub tts: TtsSettings,
    /// Up to which tier servers may be asked, whatever they are asked for.
    pub widest: Tier,
    /// The language-model servers; `None` if nothing may leave the built-in sentences.
    pub llm: Option<LlmSettings>,
    /// How late an alarm may still ring, after Pipit was off.
    pub ring_late: Duration,
    /// How long an alarm is snoozed where nobody says for how long.
    pub snooze: Duration,
    /// What is kept of what people say, and for how long.
    pub privacy: PrivacySettings,
    /// The broker by which Home Assistant finds Pipit; `None` if there is none.
    pub mqtt: Option<MqttSettings>,
    /// What the household says about its devices.
    pub home: HomeSettings,
    /// Where Pipit's ear and voice are offered to others; `None` if they are not.
    pub wyoming: Option<WyomingSettings>,
    /// Where Assist is offered microphone and speaker; `None` where it is not.
    pub satellite: Option<WyomingSettings>,
    /// Where the panel listens; `None` for no panel.
    pub web_listen: Option<SocketAddr>,
    /// Where it listens for HTTPS; `None` where it does not.
    pub web_https_listen: Option<SocketAddr>,
    /// Whether the network is told where the panel is, unless that is this machine alone.
    pub web_advertise: bool,
    /// Names by which the panel is opened, in lower case, beside those by which every Pipit is.
    pub web_hosts: Vec<String>,
    /// Who vouches for people who sign in to it; `None` if nobody does.
    pub web_oidc: Option<OidcSettings>,
    /// Where other versions of Pipit come from.
    pub update: UpdateSettings,
    /// What Pipit shows itself on; `None` if there is no display.
    pub display: Option<DisplaySettings>,
    /// Whether a display tells hours as 1 to 12.
    pub twelve_hours: bool,
    /// Its lights; `None` if it has none.
    pub leds: Option<LedSettings>,
    /// Its buttons; `None` if it has none.
    pub buttons: Option<ButtonSettings>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Of how many turns, the last ones, it is kept what they took.
    pub log_turns: u32,
}

impl Config {
    /// The service that transcribes, if one is named and near enough to be asked.
    #[must_use]
    pub fn transcription_service(&self) -> Option<&SpeechService> {
        self.stt.service.as_ref().filter(|service| self.allows(service))
    }

    /// The service that speaks, if one is named and near enough to be asked.
    #[must_use]
    pub fn voice_service(&self) -> Option<&SpeechService> {
        self.tts.service.as_ref().filter(|service| self.allows(service))
    }

    /// Whether `service` is near enough to be asked.
    #[must_use]
    pub fn allows(&self, service: &SpeechService) -> bool {
        service.tier <= self.widest
    }
}

/// The microphone and the speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioSettings {
    /// Where sound comes from and goes to.
    pub backend: AudioBackend,
    /// Loudness at start in percent, 0..=100; at 100 the voice is as loud as it was made.
    pub volume: u8,
    /// Whether Pipit listens while it speaks.
    pub barge_in: BargeIn,
}

/// Whether Pipit listens while it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BargeIn {
    /// Where it was found that its echo can be cancelled.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Where sound comes from and goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioBackend {
    /// The machine's sound devices.
    Cpal {
        /// The microphone.
        input: AudioDevice,
        /// The speaker.
        output: AudioDevice,
    },
    /// Files.
    Wav {
        /// The WAV file to listen to.
        input: PathBuf,
        /// The folder that the replies are written into.
        output: PathBuf,
    },
    /// Neither.
    Null,
}

impl AudioBackend {
    /// What the file calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            AudioBackend::Cpal { .. } => "cpal",
            AudioBackend::Wav { .. } => "wav",
            AudioBackend::Null => "null",
        }
    }
}

/// One of the machine's sound devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioDevice {
    /// The one that the system prefers.
    Default,
    /// The one that `pipit devices` lists under this name.
    Named(String),
}

/// When Pipit takes itself to be spoken to, and what listens for that.
#[derive(Clone, Debug, PartialEq)]
pub struct WakeSettings {
    /// The policy. With [`WakeMode::OpenWakeWord`](crate::turn::WakeMode), its phrase is the one that the model is named
    /// after.
    pub attention: AttentionSettings,
    /// The model of that mode.
    pub model: WakeModel,
}

/// Which model knows the phrase by its sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WakeModel {
    /// One of the catalogue.
    Named(String),
    /// An ONNX file.
    File(PathBuf),
}

/// Where the neural models lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSettings {
    /// The folder that `pipit models pull` fills.
    pub dir: PathBuf,
    /// The folder of what came with the system, which is only read.
    pub system_dir: PathBuf,
    /// ONNX Runtime's shared library, where the owner says which.
    pub runtime: Option<PathBuf>,
    /// The folder from which the panel may take models, if any.
    pub import_dir: Option<PathBuf>,
}

impl ModelSettings {
    /// Where a file of the set-up's or of the package's may be, the place that counts most first.
    #[must_use]
    pub fn places(&self, file: &str) -> [PathBuf; 2] {
        [self.dir.join(file), self.system_dir.join(file)]
    }

    /// Where ONNX Runtime's shared library may be, the place that counts most first; never empty.
    #[must_use]
    pub fn runtimes(&self) -> Vec<PathBuf> {
        match &self.runtime {
            Some(runtime) => vec![runtime.clone()],
            None => self.places("onnxruntime/libonnxruntime.so").into(),
        }
    }
}

/// Speech to text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SttSettings {
    /// What recognises speech; `None` for what suits the board.
    pub engine: Option<SttEngine>,
    /// With which model.
    pub model: SttModel,
    /// Threads to compute with; `None` for as many as suit the board.
    pub threads: Option<NonZeroU16>,
    /// ISO 639 code of the language that is spoken: two or three small letters.
    pub language: String,
    /// The server that is asked before a model on this device; set with the engines that are services and no other.
    pub service: Option<SpeechService>,
}

/// A server that transcribes or speaks, and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechService {
    /// What people are told in place of its address.
    pub name: &'static str,
    /// http or https, without user name, query or slash at the end; for Wyoming `tcp://host:port`.
    pub base_url: String,
    /// The server's own name for the model; empty for the one that it has.
    pub model: String,
    /// How far away it is.
    pub tier: Tier,
    /// Where the API key is to be found, if the server wants one.
    pub api_key: Option<KeySource>,
    /// How long an answer may take.
    pub time_limit: Duration,
}

impl fmt::Display for SpeechService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = if self.model.is_empty() { String::new() } else { format!("{}, ", self.model) };
        write!(f, "{} ({model}{})", self.name, self.tier)
    }
}

/// What recognises speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SttEngine {
    /// Whisper, by ONNX Runtime.
    Onnx,
    /// Whisper, by whisper.cpp.
    WhisperCpp,
    /// A server that transcribes as OpenAI does.
    OpenAi,
    /// A Wyoming server.
    Wyoming,
}

/// Which model recognises speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SttModel {
    /// The largest installed one that the board can afford.
    Auto,
    /// One of the catalogue.
    Named(String),
    /// A ggml file.
    File(PathBuf),
}

/// Where other versions of Pipit come from. What there is, is judged by whoever asks there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateSettings {
    /// The address of a server's folder, or a folder here.
    pub feed: Option<String>,
    /// minisign's public key.
    pub key: Option<String>,
    /// A file in which the system writes why it took back its last update.
    pub failure: Option<PathBuf>,
}

/// Text to speech.
#[derive(Clone, Debug, PartialEq)]
pub struct TtsSettings {
    /// What speaks; `None` for the best that the board can afford.
    pub engine: Option<TtsEngine>,
    /// The voice by the engine's own name; `None` for the engine's usual one. Never set while `engine` is `None`.
    pub voice: Option<String>,
    /// Pace, 0.5..=2.0.
    pub speed: f32,
    /// The server that is asked; set with the engines that are services and no other.
    pub service: Option<SpeechService>,
}

/// What speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtsEngine {
    /// Kokoro-82M.
    Kokoro,
    /// A Piper voice.
    Piper,
    /// espeak-ng.
    Espeak,
    /// A server that speaks as OpenAI's does.
    OpenAi,
    /// Fish Speech.
    Fish,
    /// A Wyoming server.
    Wyoming,
}

impl TtsEngine {
    /// What the file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TtsEngine::Kokoro => "kokoro",
            TtsEngine::Piper => "piper",
            TtsEngine::Espeak => "espeak",
            TtsEngine::OpenAi => "openai",
            TtsEngine::Fish => "fish",
            TtsEngine::Wyoming => "wyoming",
        }
    }
}

/// The language-model servers and what they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlmSettings {
    /// Whom to ask, in order of preference. Never empty, and no two have one name.
    pub servers: Vec<LlmServer>,
    /// Up to which tier servers may be asked; of those farther away only name, model and tier are of use.
    pub privacy: Tier,
    /// Servers whose tools a model may want used. No two have one name.
    pub mcp: Vec<McpServer>,
    /// Who Pipit is when a model answers.
    pub persona: PersonaSource,
    /// What the model is told before every conversation, in place of what the persona's pack says. May be empty.
    pub system_prompt: String,
    /// How much of the conversation is repeated to the model.
    pub history_tokens: u32,
    /// Length at which a reply is cut.
    pub max_reply_tokens: u32,
    /// How long the first token may take, for each server.
    pub first_token_timeout: Duration,
    /// How long each further token may take.
    pub idle_timeout: Duration,
}

impl LlmSettings {
    /// The servers that may be asked, in order of preference. There may be none.
    pub fn allowed(&self) -> impl Iterator<Item = &LlmServer> {
        self.servers.iter().filter(|server| self.allows(server))
    }

    /// The servers with tools that are near enough.
    pub fn allowed_mcp(&self) -> impl Iterator<Item = &McpServer> {
        self.mcp.iter().filter(|server| server.tier <= self.privacy)
    }

    /// Whether `server` is near enough to be asked.
    #[must_use]
    pub fn allows(&self, server: &LlmServer) -> bool {
        server.tier <= self.privacy
    }
}

/// A language-model server and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlmServer {
    /// What people are told in place of its address.
    pub name: String,
    /// What it speaks.
    pub provider: LlmProvider,
    /// http or https, without user name, query or slash at the end.
    pub base_url: String,
    /// The server's own name for the model. Not empty.
    pub model: String,
    /// How far away it is.
    pub tier: Tier,
    /// Where the API key is to be found, if the server wants one.
    pub api_key: Option<KeySource>,
}

/// A server whose tools a model may want used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    /// What people are told in place of its address: letters, digits, `-` and `_`.
    pub name: String,
    /// http or https, without user name or query.
    pub url: String,
    /// How far away it is.
    pub tier: Tier,
    /// Where the bearer token is to be found, if the server wants one.
    pub api_key: Option<KeySource>,
    /// The tools that may be used, by the server's own names.
    pub tools: BTreeSet<String>,
    /// Those of them that only tell something.
    pub reads: BTreeSet<String>,
}

/// Where a persona's pack is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonaSource {
    /// In the program, under a name that it has.
    BuiltIn(String),
    /// In a file.
    File(PathBuf),
}

/// What a language-model server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlmProvider {
    /// OpenAI's chat completions.
    OpenAi,
    /// Ollama's own chat API.
    Ollama,
    /// Anthropic's messages.
    Anthropic,
}

/// Where an API key is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The environment variable of this name.
    Environment(String),
    /// The file at this path, which holds nothing else.
    File(PathBuf),
    /// What `pipit secrets set` keeps under this name.
    Secret(String),
}

/// What is kept of what people say, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivacySettings {
    /// Whether what is said by voice and terminal is in memory only.
    pub ephemeral: bool,
    /// For how many days conversations are kept; `None` for ever.
    pub conversation_days: Option<NonZeroU32>,
    /// For how many days the ledger is kept; `None` for ever.
    pub ledger_days: Option<NonZeroU32>,
}

/// An MQTT broker and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttSettings {
    /// Name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far away it is, going by its name or address.
    pub tier: Tier,
    /// What the broker knows this Pipit by: letters, digits, `-` and `_`.
    pub client_id: String,
    /// The user name, if the broker wants one.
    pub username: Option<String>,
    /// Where the password is to be found; never set without a user name.
    pub password: Option<KeySource>,
    /// How the connection is encrypted; `None` if it is not.
    pub tls: Option<MqttTls>,
    /// What Home Assistant's discovery topics begin with, without a slash at the end.
    pub discovery_prefix: String,
    /// What Pipit's own topics begin with, without a slash at the end.
    pub topic_prefix: String,
    /// Whether Pipit may be made to listen more, or to ask servers farther away, over MQTT.
    pub allow_unmute: bool,
    /// Whether what was last asked and answered is published; never what is said where [`PrivacySettings::ephemeral`] holds.
    pub publish_words: bool,
}

/// Where something is offered to others over Wyoming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WyomingSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether the network is told; never for an address of this machine alone.
    pub advertise: bool,
}

/// Who vouches for the broker, and for Pipit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttTls {
    /// PEM file of the broker's authority; `None` for those that the system trusts.
    pub ca: Option<PathBuf>,
    /// PEM files of Pipit's own certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// What the household says about its devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HomeSettings {
    /// The room that this device stands in, if that is known.
    pub area: Option<String>,
    /// Whose sentences are understood.
    pub sentences: Sentences,
    /// Where sentences of the household's own are, if there are any.
    pub custom_sentences: Option<PathBuf>,
    /// Where devices are and what they are called, if not as they say.
    pub household: Household,
    /// Those that do not make themselves known.
    pub described: Vec<Described>,
}

/// Whose sentences about the home are understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sentences {
    /// Pipit's own, in English.
    #[default]
    Pipit,
    /// Home Assistant's, in the language of this code.
    HomeAssistant(String),
}

/// How much is logged, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may fail.
    Warn,
    /// And what happened.
    Info,
    /// And why.
    Debug,
    /// And everything else, what people say included.
    Trace,
}

impl LogLevel {
    /// What the file and most loggers call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// A server that vouches for people: OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// What it calls itself, which is also its address.
    pub issuer: String,
    /// By which it knows Pipit.
    pub client_id: String,
    /// The name under which `pipit secrets set` keeps what Pipit shows to it, if it wants that.
    pub secret: Option<String>,
    /// What of a person is the same at each sign-in.
    pub claim: String,
    /// How far away it is.
    pub tier: Tier,
}

/// A display, and how it is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplaySettings {
    /// What it is.
    pub kind: DisplayKind,
    /// Its device, or the file that holds the picture.
    pub device: PathBuf,
    /// Pixels in a row, before it is turned. A framebuffer knows by itself.
    pub width: u16,
    /// Rows of pixels, before it is turned.
    pub height: u16,
    /// By how much it is turned.
    pub rotation: Rotation,
    /// Its address on an I2C bus.
    pub address: u8,
    /// The chip of the lines below.
    pub gpio_chip: PathBuf,
    /// What tells commands from pixels; set where the display needs it.
    pub dc_line: Option<u32>,
    /// What resets it.
    pub reset_line: Option<u32>,
    /// Its light.
    pub backlight_line: Option<u32>,
    /// Whether its colours are the other way round than is usual for it.
    pub invert: bool,
}

/// What a display is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayKind {
    /// Over I2C, pixels that are on or off.
    Ssd1306,
    /// Over SPI.
    St7789,
    /// Over SPI.
    Ili9341,
    /// Linux's own.
    Framebuffer,
    /// A file.
    Png,
}

/// By how much a display is turned, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// It is not.
    #[default]
    None,
    /// 90 degrees.
    Quarter,
    /// 180 degrees.
    Half,
    /// 270 degrees.
    ThreeQuarters,
}

/// Lights, and how they are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedSettings {
    /// What they are.
    pub kind: LedKind,
    /// The chip of their lines.
    pub gpio_chip: PathBuf,
    /// How bright they are, in percent, 1..=100.
    pub brightness: u8,
}

/// What lights are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedKind {
    /// APA102, over SPI.
    Apa102 {
        /// The SPI device.
        device: PathBuf,
        /// How many. At least one.
        count: u16,
        /// The GPIO line that gives them power, if there is one.
        power_line: Option<u32>,
    },
    /// WS2812, over SPI.
    Ws2812 {
        /// The SPI device.
        device: PathBuf,
        /// How many. At least one.
        count: u16,
    },
    /// A single one.
    Gpio {
        /// Its GPIO line.
        line: u32,
    },
}

/// Buttons and switches, by their GPIO lines. At least one is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ButtonSettings {
    /// The chip of the lines.
    pub gpio_chip: PathBuf,
    /// Whether a line is low while its button is pressed.
    pub active_low: bool,
    /// Switches the microphone off and on again.
    pub mute: Option<u32>,
    /// Makes Pipit listen.
    pub talk: Option<u32>,
    /// Makes it louder.
    pub volume_up: Option<u32>,
    /// Makes it quieter.
    pub volume_down: Option<u32>,
    /// Takes the microphone's power for as long as it is on.
    pub mute_switch: Option<u32>,
}
