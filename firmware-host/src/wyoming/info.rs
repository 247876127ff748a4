//! What Pipit tells of itself.

use pipit_core::wyoming::Event;
use serde_json::{Value, json};

/// What all of its programs are called. One peer knows them by what they do.
pub(super) const NAME: &str = "pipit";

/// The answer to `describe`: what it can do, in `language`.
pub(super) fn info(language: &str, wake_word: Option<&str>) -> Event {
    let program = |description: &str, more: Value| artifact(NAME, description, more);
    let whole = |description: &str| artifact(NAME, description, json!({ "languages": [language] }));
    let asr = program(
        "Pipit's ear",
        json!({ "models": [whole("The recogniser that Pipit listens with")], "supports_transcript_streaming": true }),
    );
    let tts = program(
        "Pipit's voice",
        json!({ "voices": [whole("The voice that Pipit speaks with")], "supports_synthesize_streaming": true }),
    );
    let wake: Vec<Value> = wake_word
        .map(|name| {
            let phrase = name.replace(['_', '-'], " ");
            let model = artifact(name, &phrase, json!({ "languages": ["en"], "phrase": phrase }));
            program("Pipit's wake word", json!({ "models": [model] }))
        })
        .into_iter()
        .collect();
    let nothing = || json!([]);
    Event::new("info")
        .with("asr", json!([asr]))
        .with("tts", json!([tts]))
        .with("wake", wake)
        .with("handle", nothing())
        .with("intent", nothing())
        .with("mic", nothing())
        .with("snd", nothing())
}

/// The answer to `describe` of a satellite in `area`. Home Assistant takes an address for either a satellite or for services, so
/// none of those is named here.
pub(super) fn satellite(area: Option<&str>) -> Event {
    let host = crate::advertise::name_of_this_machine();
    let name = area.map_or(host, |area| format!("Pipit {area}"));
    let satellite = artifact(&name, "Pipit's microphone and speaker", json!({ "area": area, "has_vad": true }));
    let nothing = Event::new("info").with("satellite", satellite);
    ["asr", "tts", "wake", "handle", "intent", "mic", "snd"]
        .into_iter()
        .fold(nothing, |info, kind| info.with(kind, json!([])))
}

/// What every program and every model says of itself, and `more`.
fn artifact(name: &str, description: &str, more: Value) -> Value {
    let mut artifact = json!({
        "name": name,
        "description": description,
        "attribution": { "name": "Pipit", "url": "" },
        "installed": true,
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let (Some(artifact), Value::Object(more)) = (artifact.as_object_mut(), more) {
        artifact.extend(more);
    }
    artifact
}
