//! Fish Speech's `POST /v1/tts`, of one's own server or of fish.audio.
//!
//! Source: fishaudio/fish-speech, `ServeTTSRequest`, and
//! <https://docs.fish.audio/api-reference/endpoint/openapi-v1/text-to-speech>. The server at home reads `streaming` and knows no
//! pace; the one of fish.audio reads the header `model` and the pace in `prosody`. Each ignores what it does not know. A
//! clause is asked for whole, for the reason in `openai.rs`.

use pipit_core::audio::{Hertz, Pcm};
use serde::Serialize;

use super::Service;
use super::sound::Speech;
use crate::cancel::CancelFlag;
use crate::runtime::Runtime;
use crate::voice::{Engine, Opened, Voice, VoiceError, VoiceSettings, pace};

/// The engine's line in the table of engines.
pub(crate) const ENGINE: Engine = Engine { name: "fish", open, voices, usual: |_| None };

/// The rate of its WAV unless another is asked for.
const USUAL_RATE: Hertz = Hertz(44_100);

/// A voice of such a server.
struct FishVoice {
    service: Service,
    /// Who speaks; without one the server takes whomever it likes.
    reference_id: Option<String>,
    speed: f32,
    name: String,
    rate: Hertz,
}

#[derive(Serialize)]
struct Body<'a> {
    text: &'a str,
    format: &'a str,
    streaming: bool,
    /// Numbers are in words already.
    normalize: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prosody: Option<Prosody>,
}

#[derive(Serialize)]
struct Prosody {
    speed: f32,
}

impl Voice for FishVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Hertz {
        self.rate
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let body = Body {
            text: spoken_text,
            format: "wav",
            streaming: false,
            normalize: false,
            reference_id: self.reference_id.as_deref(),
            prosody: (self.speed != 1.0).then_some(Prosody { speed: self.speed }),
        };
        let model = self.service.settings.model.clone();
        let speech = Speech {
            path: "/v1/tts",
            header: (!model.is_empty()).then_some(("model", &*model)),
            body: serde_json::to_vec(&body).expect("texts and numbers always are JSON"),
            text: spoken_text,
        };
        self.service.speak(speech, &mut self.rate, cancel)
    }

    fn set_speed(&mut self, speed: f32) {
        self.speed = pace(speed);
    }
}

fn open(settings: &VoiceSettings, _: Option<&Runtime>) -> Opened {
    let service = Service::new(settings.service()?)?;
    let reference_id = settings.voice.clone();
    let name = match &reference_id {
        Some(voice) => format!("{} {voice}", service.settings.name),
        None => service.settings.name.clone(),
    };
    Ok(Box::new(FishVoice { service, reference_id, speed: settings.pace(), name, rate: USUAL_RATE }))
}

/// It documents none: each server has its own.
fn voices(_: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    Ok(Vec::new())
}
