//! A recogniser that is a service: words, silence and doubt as with the model on this device.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use expect_test::expect;
use pipit_core::audio::Pcm;
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::error::ModelError;
use pipit_models::espeak::{Espeak, EspeakSettings};
use pipit_models::recogniser::Recogniser;
use pipit_models::service::{RecogniserWithStandby, Transcriber};
use pipit_models::voice::Voice as _;
use pipit_models::whisper::{self, Outcome, Transcript, Whisper, WhisperSettings, WhisperSource};
use pipit_testkit::http::{Answer, Server};
use serde_json::json;

mod service_support;
use service_support::{settings, tone, transcribing};

fn transcriber(server: &Server) -> Transcriber {
    Transcriber::new(&settings(server, "/v1"), Some("en".to_owned())).unwrap()
}

fn hear(recogniser: &mut dyn Recogniser, utterance: &[f32]) -> Result<Transcript, ModelError> {
    recogniser.transcribe(utterance, &CancelFlag::new())
}

fn spoken(text: &str) -> Pcm {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.wav");
    let mut espeak = Espeak::new(EspeakSettings::default()).unwrap();
    clip::write_wav(&path, &espeak.speak(text, &CancelFlag::new()).unwrap()).unwrap();
    clip::read(&path).unwrap()
}

#[test]
fn it_hears_what_the_same_model_hears_on_this_device() {
    let server = transcribing();
    let mut near = Whisper::load(&WhisperSource::Bytes(whisper::nano()), &WhisperSettings::default()).unwrap();
    let mut far = transcriber(&server);
    for request in ["what time is it", "turn off the kitchen light", "set a timer for eight minutes"] {
        let utterance = spoken(request);
        let (near, far) = (hear(&mut near, utterance.samples()).unwrap(), hear(&mut far, utterance.samples()).unwrap());
        assert_eq!(far.text.trim_end_matches(['.', '?']), request);
        assert_eq!((&far.text, far.outcome), (&near.text, near.outcome));
    }
    let request = server.next();
    assert_eq!(request.path, "/v1/audio/transcriptions");
    assert!(request.headers.contains("authorization: bearer sk-secret"));
    for (name, value) in [("model", "m"), ("language", "en"), ("response_format", "verbose_json")] {
        assert!(request.has_field(name, value), "{name}");
    }
}

#[test]
fn silence_is_not_sent() {
    let server = transcribing();
    for silence in [&[][..], &[0.0; 16_000], &[0.3; 16_000], &[f32::NAN; 16_000]] {
        let transcript = hear(&mut transcriber(&server), silence).unwrap();
        assert!(!transcript.somebody_spoke());
    }
    assert!(server.seen().is_empty());
}

#[test]
fn what_a_model_makes_up_is_not_believed() {
    let segment =
        |text: &str, sure: f64, nobody: f64| json!({ "text": text, "avg_logprob": sure, "no_speech_prob": nobody });
    let looped = "turn it off. ".repeat(8);
    let table = [
        ("words", json!({ "text": " Turn it off.", "segments": [segment(" Turn it off.", -0.2, 0.01)] })),
        (
            "two segments",
            json!({ "text": "", "segments": [segment(" Turn it", -0.2, 0.0), segment(" off.", -0.2, 0.0)] }),
        ),
        ("words alone", json!({ "text": " Turn it off." })),
        ("an invention", json!({ "text": " Thank you.", "segments": [segment(" Thank you.", -0.4, 0.8)] })),
        (
            "an invention after words",
            json!({ "text": "", "segments": [segment("Stop.", -0.1, 0.1), segment(" Thank you.", -0.5, 0.9)] }),
        ),
        ("doubt", json!({ "text": " Turn it off.", "segments": [segment(" Turn it off.", -1.4, 0.1)] })),
        ("a loop", json!({ "text": looped })),
        ("a tag", json!({ "text": " [BLANK_AUDIO]" })),
        ("nothing", json!({ "text": "", "segments": [] })),
    ];
    let mut heard = Vec::new();
    for (what, body) in table {
        let server = Server::answering(move |_| Answer::of("200 OK", "application/json", body.to_string()));
        let transcript = hear(&mut transcriber(&server), &tone()).unwrap();
        heard.push(match transcript.outcome {
            Outcome::Words => format!("{what}: \"{}\"", transcript.text),
            Outcome::Nothing(why) => format!("{what}: {why:?}, somebody spoke: {}", transcript.somebody_spoke()),
        });
    }
    expect![[r#"
        words: "Turn it off."
        two segments: "Turn it off."
        words alone: "Turn it off."
        an invention: NoSpeech, somebody spoke: false
        an invention after words: "Stop."
        doubt: NotUnderstood, somebody spoke: true
        a loop: Repetition, somebody spoke: true
        a tag: NoSpeech, somebody spoke: false
        nothing: NoSpeech, somebody spoke: false"#]]
    .assert_eq(&heard.join("\n"));
}

#[test]
fn bad_answers_are_named_and_nothing_that_was_said_is() {
    let json = "application/json";
    let table: Vec<(&str, Answer)> = vec![
        ("a web page", Answer::of("200 OK", "text/html", "<html>Sign in</html>")),
        ("nothing", Answer::Bytes(Vec::new())),
        ("an empty body", Answer::of("200 OK", json, "")),
        ("plain text", Answer::of("200 OK", "text/plain", "lock the door")),
        ("another JSON", Answer::of("200 OK", json, "{\"words\": [\"lock the door\"]}")),
        ("half of it", Answer::of("200 OK", json, "{\"text\": \"lock the do")),
        ("no UTF-8", Answer::of("200 OK", json, b"{\"text\": \"\xff\"}")),
        ("no end", Answer::Endless(b"HTTP/1.1 200 OK\r\n\r\n{".to_vec())),
        ("a refused key", Answer::of("403 Forbidden", json, "{\"error\": \"not you\"}")),
        ("an unknown model", Answer::of("404 Not Found", json, "{\"detail\": \"Model 'm' is not there\"}")),
    ];
    let mut said = Vec::new();
    for (what, answer) in table {
        let answer = std::sync::Mutex::new(Some(answer));
        let server = Server::answering(move |_| answer.lock().unwrap().take().unwrap());
        let error = hear(&mut transcriber(&server), &tone()).unwrap_err();
        assert!(matches!(error, ModelError::Service(_)), "{what}: {error:?}");
        said.push(format!("{what}: {error}"));
    }
    let said = said.join("\n");
    assert!(!said.contains("secret") && !said.contains("127.0.0.1") && !said.contains("door"), "{said}");
    expect![[r#"
        a web page: the nas does not answer as such a service does: it sent a web page; check what kind it is, and its address
        nothing: the nas is not available: it closed the connection without an answer; check that it runs and can be reached from here
        an empty body: the nas does not answer as such a service does: its answer is empty; check what kind it is, and its address
        plain text: the nas does not answer as such a service does: its 13 bytes are no transcript in JSON; check what kind it is, and its address
        another JSON: the nas does not answer as such a service does: its 28 bytes are no transcript in JSON; check what kind it is, and its address
        half of it: the nas does not answer as such a service does: its 21 bytes are no transcript in JSON; check what kind it is, and its address
        no UTF-8: the nas does not answer as such a service does: its 13 bytes are no transcript in JSON; check what kind it is, and its address
        no end: the nas does not answer as such a service does: it sends more than 1 MB; check what kind it is, and its address
        a refused key: the nas refused the API key: 403: not you; check the key and what it may do
        an unknown model: the nas refused the request: 404: Model 'm' is not there; check the names of the model and the voice, and the service's address"#]].assert_eq(&said);
}

#[test]
fn a_model_that_gives_words_alone_is_asked_for_them_once_and_for_all() {
    let refusal = "{\"error\": {\"message\": \"response_format 'verbose_json' is not compatible with model 'm'\"}}";
    let server = Server::answering(move |request| {
        if request.has_field("response_format", "json") {
            Answer::of("200 OK", "application/json", "{\"text\": \"Stop.\"}")
        } else {
            Answer::of("400 Bad Request", "application/json", refusal)
        }
    });
    let mut recogniser = transcriber(&server);
    assert_eq!(hear(&mut recogniser, &tone()).unwrap().text, "Stop.");
    assert_eq!(server.seen().len(), 2);
    assert_eq!(hear(&mut recogniser, &tone()).unwrap().text, "Stop.");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_draft_that_is_dropped_ends_its_request() {
    let server = Server::answering(|_| Answer::Hold);
    let (mut recogniser, cancel) = (transcriber(&server), CancelFlag::new());
    std::thread::scope(|scope| {
        let listening = scope.spawn(|| recogniser.transcribe(&tone(), &cancel));
        server.next();
        cancel.cancel();
        assert!(matches!(listening.join().unwrap(), Err(ModelError::Cancelled)));
    });
    server.hung_up();
}

#[test]
fn the_recogniser_on_this_device_answers_while_the_service_can_not() {
    let server = Server::answering(|_| Answer::of("503 Service Unavailable", "", ""));
    let mut recogniser = RecogniserWithStandby::new(Box::new(transcriber(&server)), || {
        let near = Whisper::load(&WhisperSource::Bytes(whisper::nano()), &WhisperSettings::default());
        near.map(|near| Box::new(near) as Box<dyn Recogniser>).map_err(|error| error.to_string())
    });
    let utterance = spoken("what time is it");
    for _ in 0..2 {
        assert_eq!(hear(&mut recogniser, utterance.samples()).unwrap().text.trim_end_matches('?'), "what time is it");
    }
    assert_eq!(server.seen().len(), 1, "a service that has just failed is left alone");
}
