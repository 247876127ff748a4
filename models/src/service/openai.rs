//! OpenAI's `POST /audio/speech`, which Kokoro-FastAPI, Speaches, LocalAI and many others answer too.
//!
//! Source: <https://developers.openai.com/api/reference/resources/audio>. A clause is asked for whole and as WAV: the first one
//! of a reply is short, so a stream of it would bring sound sooner by a few tens of milliseconds, and WAV is what says its own
//! rate.

use pipit_core::audio::{Hertz, Pcm};
use serde::Serialize;

use super::Service;
use super::sound::Speech;
use crate::cancel::CancelFlag;
use crate::runtime::Runtime;
use crate::voice::{Engine, Opened, Voice, VoiceError, VoiceSettings, pace};

/// The engine's line in the table of engines.
pub(crate) const ENGINE: Engine = Engine { name: "openai", open, voices, usual: |_| None };

/// The voices that OpenAI documents. Other servers know most of these too, and others beside.
const VOICES: [&str; 13] =
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"];

/// OpenAI's rate.
const USUAL_RATE: Hertz = Hertz(24_000);

/// A voice of such a server.
struct OpenAiVoice {
    service: Service,
    voice: String,
    speed: f32,
    name: String,
    rate: Hertz,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a str,
    voice: &'a str,
    response_format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f32>,
}

impl Voice for OpenAiVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Hertz {
        self.rate
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let body = Body {
            model: &self.service.settings.model,
            input: spoken_text,
            voice: &self.voice,
            response_format: "wav",
            // Some models take no pace.
            speed: (self.speed != 1.0).then_some(self.speed),
        };
        let speech = Speech {
            path: "/audio/speech",
            header: None,
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
    let voice = settings.voice.clone().unwrap_or_else(|| VOICES[0].to_owned());
    let name = format!("{} {voice}", service.settings.name);
    Ok(Box::new(OpenAiVoice { service, voice, speed: settings.pace(), name, rate: USUAL_RATE }))
}

fn voices(_: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    Ok(VOICES.map(str::to_owned).into())
}
