//! Speech services on real sockets, with espeak-ng and the recogniser in the box behind them.
#![allow(dead_code)] // Each test program uses a part of it.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::sync::Mutex;
use std::time::Duration;

use pipit_core::wyoming::Event;
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::espeak::{Espeak, EspeakNg, EspeakSettings};
use pipit_models::service::{ApiKey, ServiceSettings};
use pipit_models::voice::{Voice as _, VoiceError};
use pipit_models::whisper::{self, Whisper, WhisperSettings, WhisperSource};
use pipit_testkit::http::{Answer, Request, Server};
use pipit_testkit::wyoming;
use serde_json::{Value, json};

/// Long enough to never be reached where it isn't what the test is about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn settings(server: &Server, path: &str) -> ServiceSettings {
    ServiceSettings {
        name: "the nas".to_owned(),
        base_url: format!("http://{}{path}", server.address),
        model: "m".to_owned(),
        api_key: Some(ApiKey::new("sk-secret")),
        time_limit: PATIENCE,
        meter: None,
    }
}

/// Speaks with espeak-ng, as OpenAI's server and as Fish Speech.
pub(crate) fn speaks(request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let (text, voice, speed) = match request.path.as_str() {
        "/v1/audio/speech" => (&body["input"], &body["voice"], &body["speed"]),
        "/v1/tts" => (&body["text"], &body["reference_id"], &body["prosody"]["speed"]),
        _ => return Answer::of("404 Not Found", "application/json", "{\"detail\": \"Not Found\"}"),
    };
    let (text, voice, speed) = (text.as_str().unwrap(), voice.as_str().unwrap(), speed.as_f64().unwrap_or(1.0));
    let program = EspeakNg::default();
    let spoken = Espeak::new(EspeakSettings { program, voice: voice.to_owned(), speed: speed as f32 })
        .and_then(|mut espeak| espeak.speak(text, &CancelFlag::new()));
    match spoken {
        Ok(pcm) => Answer::of("200 OK", "audio/wav", clip::wav(&pcm)),
        Err(error @ VoiceError::Unknown { .. }) => Answer::of(
            "400 Bad Request",
            "application/json",
            json!({ "error": { "message": error.to_string() } }).to_string(),
        ),
        Err(error) => Answer::of(
            "500 Internal Server Error",
            "application/json",
            json!({ "detail": error.to_string() }).to_string(),
        ),
    }
}

/// The settings of a Wyoming server.
pub(crate) fn wyoming_settings(server: &wyoming::Server) -> ServiceSettings {
    ServiceSettings {
        name: "the nas".to_owned(),
        base_url: format!("tcp://{}", server.address),
        model: "m".to_owned(),
        api_key: None,
        time_limit: PATIENCE,
        meter: None,
    }
}

/// Speaks with espeak-ng, as a Wyoming server.
pub(crate) fn speaks_wyoming(request: &wyoming::Request) -> Answer {
    let voice = request.events[0].data["voice"]["name"].as_str().unwrap().to_owned();
    let settings = EspeakSettings { program: EspeakNg::default(), voice, speed: 1.0 };
    let spoken = Espeak::new(settings).and_then(|mut espeak| espeak.speak(request.text().unwrap(), &CancelFlag::new()));
    match spoken {
        Ok(pcm) => {
            let sound = pipit_core::wyoming::sound(&pcm, 0.1);
            wyoming::events([Event::audio_start(pcm.rate())].into_iter().chain(sound).chain([Event::audio_stop()]))
        }
        Err(error) => wyoming::events([Event::new("error").with("text", error.to_string())]),
    }
}

/// A server that transcribes with the recogniser in the box.
pub(crate) fn transcribing() -> Server {
    let whisper = Whisper::load(&WhisperSource::Bytes(whisper::nano()), &WhisperSettings::default()).unwrap();
    let whisper = Mutex::new(whisper);
    Server::answering(move |request| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("utterance.wav");
        std::fs::write(&path, request.file().unwrap()).unwrap();
        let utterance = clip::read(&path).unwrap();
        let transcript = whisper.lock().unwrap().transcribe(utterance.samples(), &CancelFlag::new()).unwrap();
        let segment = json!({
            "text": transcript.text, "avg_logprob": transcript.mean_log_probability, "no_speech_prob": 0.01,
        });
        let body = json!({ "text": transcript.text, "language": "english", "segments": [segment] });
        Answer::of("200 OK", "application/json", body.to_string())
    })
}

/// Half a second of a tone, at the rate that Pipit listens at.
pub(crate) fn tone() -> Vec<f32> {
    (0..8_000_u16).map(|n| (f32::from(n) * 0.2).sin() * 0.3).collect()
}
