//! What is said on a socket, as JSON with a `type`. docs/api.md describes it for others.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::account::Scope;
use crate::hearing::Thresholds;

/// The only version of what is said here.
pub(super) const VERSION: u32 = 1;

/// What comes from the other side.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Said {
    Hello { version: u32 },
    SignIn { token: Zeroizing<String> },
    Subscribe { to: Subject },
    Unsubscribe { from: Subject },
    Press {},
    Release {},
    Stop {},
}

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subject {
    /// What `GET /events` tells.
    Events,
    /// What the device's ear hears, and makes of it.
    Levels,
    /// To speak from there.
    Voice,
}

impl Subject {
    /// What a token must be good for.
    pub(super) fn needs(self) -> Scope {
        match self {
            Subject::Events | Subject::Levels => Scope::Read,
            Subject::Voice => Scope::Talk,
        }
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Reply {
    Welcome {
        version: u32,
        signed_in: bool,
    },
    SignedIn,
    Subscribed {
        to: Subject,
        #[serde(skip_serializing_if = "Option::is_none")]
        thresholds: Option<Thresholds>,
    },
    Unsubscribed {
        from: Subject,
    },
    Error {
        code: &'static str,
        message: String,
    },
    Missed {
        events: u64,
    },
    Phase {
        phase: &'static str,
    },
    Hearing {
        text: String,
    },
    Understood {
        text: String,
    },
    Saying {
        text: String,
    },
    Clause {
        clause: u64,
        rate: u32,
        samples: usize,
    },
    Pause,
    Resume,
    Silence,
    Turn {
        transcript: String,
        reply: String,
        first_audio_ms: Option<f64>,
    },
    Kept {
        conversation: i64,
    },
}

/// JSON of `what`.
pub(super) fn written(what: &impl Serialize) -> Utf8Bytes {
    // Numbers, words and texts always have a JSON form.
    serde_json::to_string(what).unwrap_or_default().into()
}

/// Why a socket is closed: a code of RFC 6455, 7.4, or one of our own from 4000 on, and a sentence of at most 123 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) why: &'static str,
}

impl Closing {
    const fn new(code: u16, why: &'static str) -> Closing {
        assert!(why.len() <= 123, "a close frame has no room for more");
        Closing { code, why }
    }

    pub(super) const ENDING: Closing = Closing::new(1001, "Pipit is ending; connect again soon.");
    pub(super) const UNEXPECTED_SOUND: Closing = Closing::new(1003, "Sound is taken once voice is subscribed to.");
    pub(super) const NOT_JSON: Closing = Closing::new(1007, "What is said here is JSON with a type; see docs/api.md.");
    pub(super) const NOT_TEXT: Closing = Closing::new(1007, "Text must be UTF-8.");
    pub(super) const HALF_A_SAMPLE: Closing = Closing::new(1007, "Sound has two bytes for each sample.");
    pub(super) const NO_HELLO: Closing = Closing::new(1008, "Say hello first.");
    pub(super) const OTHER_VERSION: Closing = Closing::new(1008, "This Pipit speaks version 1; say hello with that.");
    pub(super) const NO_SIGN_IN: Closing = Closing::new(1008, "Sign in with a token first.");
    pub(super) const SAID_BEFORE: Closing = Closing::new(1008, "That was said before.");
    pub(super) const TOO_MUCH: Closing = Closing::new(1008, "That is more than anybody says at once; say less.");
    pub(super) const TOO_LARGE: Closing = Closing::new(1009, "A text may have 4096 bytes, and a piece of sound 8192.");
    pub(super) const BROKEN: Closing = Closing::new(1002, "That is not what RFC 6455 has sent.");
    pub(super) const FAILED: Closing = Closing::new(1011, "Something failed in Pipit; its log says what.");
    pub(super) const SIGNED_OUT: Closing = Closing::new(4401, "Nobody is signed in any more; sign in again.");
    pub(super) const WRONG_TOKEN: Closing = Closing::new(4401, "That token opens nothing; make another in the panel.");
    pub(super) const HELLO_MISSING: Closing = Closing::new(4408, "Nobody said hello in 30 s.");
    pub(super) const SIGN_IN_MISSING: Closing = Closing::new(4408, "Nobody signed in within 60 s.");
    pub(super) const SILENT: Closing = Closing::new(4408, "Nothing came in 90 s, and pings were not answered.");
}
