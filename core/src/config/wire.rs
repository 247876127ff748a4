//! The file as it is written: one struct for each section, every key optional.
//!
//! The JSON schema is derived from these types, and the schema in turn says which keys there are, of what type, and
//! within which limits (see `keys.rs`). So the doc comments here are read by owners, and limits stand nowhere else.
//! What a value means is not decided here but in `checked.rs`.

mod board;
mod chat;
mod home;
mod mqtt;
mod sound;
mod speech;
mod wyoming;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use board::{Board, Buttons, ClockFace, Display, DisplayKind, LedKind, Leds, Profile, Rotation};
pub(super) use chat::{Chat, FallbackProvider, Mcp, Privacy, Provider};
pub(super) use home::{Home, HomeKind};
pub(super) use mqtt::Mqtt;
pub(super) use sound::{Audio, Backend, BargeIn, Ear, Turn, Wake, WakeMode};
pub(super) use speech::{Models, Stt, SttEngine, Tts, TtsEngine};
pub(super) use wyoming::Wyoming;

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
    pub(super) alarms: Alarms,
    pub(super) privacy: Keeping,
    pub(super) mqtt: Mqtt,
    pub(super) home: Home,
    pub(super) wyoming: Wyoming,
    pub(super) web: Web,
    pub(super) update: Update,
    pub(super) board: Board,
    pub(super) display: Display,
    pub(super) leds: Leds,
    pub(super) buttons: Buttons,
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

/// Alarms, which Pipit rings in the morning.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Alarms {
    /// Minutes after which an alarm that fell due while Pipit was off rings no more, and is only said to have been missed.
    #[schemars(range(min = 0, max = 1_440))]
    pub(super) ring_late_min: u32,
    /// Minutes for which an alarm is snoozed where nobody says for how long.
    #[schemars(range(min = 1, max = 180))]
    pub(super) snooze_min: u32,
}

impl Default for Alarms {
    fn default() -> Self {
        Alarms { ring_late_min: 15, snooze_min: 9 }
    }
}

/// The panel in the browser.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Web {
    /// Address and port to listen on; "" for no panel. 127.0.0.1 is this machine alone, 0.0.0.0 the whole network.
    pub(super) listen: String,
    /// Address and port for HTTPS, without which browsers give a page no microphone; "" for none. The device vouches for itself:
    /// browsers warn until its certificate, `/authority.crt`, is trusted.
    pub(super) https_listen: String,
    /// Whether the network is told by zeroconf, so that the panel is found as `pipit.local`. Of an address of this machine alone it
    /// never is.
    pub(super) advertise: bool,
    /// Names by which the panel is opened, parted by commas, beside this machine's addresses, its own name, and all that end in
    /// .local. Under any other name nothing is served.
    pub(super) hosts: String,
    /// Address of a server that vouches for people (OpenID Connect), such as `https://id.example.org`, by which those who have connected
    /// themselves with it can sign in; "" for none. Such a server has to know the address at which it sends people back:
    /// that of the panel with `/api/session/provider/back`.
    pub(super) oidc_issuer: String,
    /// By which name that server knows Pipit.
    pub(super) oidc_client_id: String,
    /// The name under which `pipit secrets set` keeps what Pipit shows to that server, sealed; "" where it wants nothing.
    pub(super) oidc_secret: String,
    /// What that server says of a person that is the same at each sign-in. With "email" only addresses count of which the server
    /// says that it has made sure of them.
    #[schemars(length(min = 1))]
    pub(super) oidc_claim: String,
}

impl Default for Web {
    fn default() -> Self {
        Web {
            listen: "127.0.0.1:7847".into(),
            https_listen: String::new(),
            advertise: true,
            hosts: String::new(),
            oidc_issuer: String::new(),
            oidc_client_id: String::new(),
            oidc_secret: String::new(),
            oidc_claim: "sub".into(),
        }
    }
}

/// Where other versions of Pipit come from, for `pipit update`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Update {
    /// Address of a folder on a server, such as `https://updates.example.org/pipit`, or a folder of this machine; "" for none. Nothing is
    /// looked for there unless somebody says so.
    pub(super) feed: String,
    /// The public key that vouches for what is there, as minisign shows it: "RW" and 54 letters more.
    pub(super) key: String,
    /// Path of a file in which the system writes why it took back its last update, for the panel to show; "" for none. Pipit's own image
    /// sets it.
    pub(super) failure: String,
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
