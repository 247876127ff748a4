//! Wyoming servers as a recogniser and as a voice: what is sent, what can be read of what comes back, and what is said of the
//! rest.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::expect;
use pipit_core::audio::Hertz;
use pipit_core::wyoming::Event;
use pipit_models::cancel::CancelFlag;
use pipit_models::error::ModelError;
use pipit_models::recogniser::Recogniser as _;
use pipit_models::service::{
    RecogniserWithStandby, ServiceError, ServiceSettings, ServiceTraffic, VoiceWithStandby, WyomingTranscriber,
};
use pipit_models::voice::{self, Voice, VoiceError, VoiceSettings};
use pipit_models::whisper::{self, Transcript, Whisper, WhisperSettings, WhisperSource};
use pipit_testkit::wyoming::{Answer, Server, events};

mod service_support;
use service_support::{speaks_wyoming, tone, wyoming_settings};

fn transcriber(settings: &ServiceSettings) -> WyomingTranscriber {
    WyomingTranscriber::new(settings, Some("en".to_owned())).unwrap()
}

fn hear(server: &Server, utterance: &[f32]) -> Result<Transcript, ModelError> {
    transcriber(&wyoming_settings(server)).transcribe(utterance, &CancelFlag::new())
}

fn voice_of(service: ServiceSettings) -> Box<dyn Voice> {
    let voice = Some("en-us".to_owned());
    let settings = VoiceSettings { voice, speed: 1.0, models: PathBuf::new(), service: Some(service) };
    voice::open("wyoming", &settings, None).unwrap()
}

fn say(server: &Server, text: &str) -> Result<pipit_core::audio::Pcm, VoiceError> {
    voice::say(&mut *voice_of(wyoming_settings(server)), text, &CancelFlag::new())
}

fn transcript(text: &str) -> Answer {
    let streamed = [Event::new("transcript-start"), Event::new("transcript-chunk").with("text", "x")];
    events(streamed.into_iter().chain([Event::new("transcript").with("text", text), Event::new("transcript-stop")]))
}

/// What of an event is not sound.
fn shown(event: &Event) -> String {
    format!("{} {}", event.kind, serde_json::to_string(&event.data).unwrap())
}

#[test]
fn speech_is_sent_as_it_is_and_its_words_come_back() {
    let server = Server::answering(|_| transcript(" Turn it off."));
    let utterance = tone();
    let heard = hear(&server, &utterance).unwrap();
    assert_eq!(heard.text, "Turn it off.");
    let request = server.next();
    let mut kinds: Vec<String> = request.events.iter().map(shown).collect();
    kinds.dedup();
    expect![[r#"
        transcribe {"language":"en","name":"m"}
        audio-start {"channels":1,"rate":16000,"width":2}
        audio-chunk {"channels":1,"rate":16000,"width":2}
        audio-stop {}"#]]
    .assert_eq(&kinds.join("\n"));
    assert_eq!(request.sound.len(), utterance.len());
    assert!(request.sound.iter().zip(&utterance).all(|(sent, said)| (sent - said).abs() < 1e-4));
    for silence in [&[][..], &[0.0; 16_000], &[f32::NAN; 16_000]] {
        assert!(!hear(&server, silence).unwrap().somebody_spoke());
    }
    assert!(server.seen().is_empty(), "silence is not sent");
}

#[test]
fn what_a_server_says_a_server_understands() {
    let mut whisper = Whisper::load(&WhisperSource::Bytes(whisper::nano()), &WhisperSettings::default()).unwrap();
    let ear = Server::answering(move |request| {
        transcript(&whisper.transcribe(&request.sound, &CancelFlag::new()).unwrap().text)
    });
    let voice = Server::answering(speaks_wyoming);
    let said = say(&voice, "What time is it?").unwrap();
    assert_eq!(shown(&voice.next().events[0]), r#"synthesize {"text":"What time is it?","voice":{"name":"en-us"}}"#);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("said.wav");
    pipit_models::clip::write_wav(&path, &said).unwrap();
    let said = pipit_models::clip::read(&path).unwrap();
    assert_eq!(hear(&ear, said.samples()).unwrap().text.trim_end_matches('?'), "what time is it");
}

#[test]
fn bad_answers_are_named_and_nothing_that_was_said_is() {
    let chunk = |rate: u32, bytes: usize| {
        let chunk = Event::new("audio-chunk").with("rate", rate).with("width", 2).with("channels", 1);
        chunk.carrying(vec![1; bytes])
    };
    let error = |text: &str| events([Event::new("error").with("text", text)]);
    type Make = Box<dyn Fn() -> Answer + Send>;
    let table: Vec<(&str, Make)> = vec![
        ("nothing", Box::new(|| Answer::Bytes(Vec::new()))),
        ("a web server", Box::new(|| Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()))),
        ("half an event", Box::new(|| Answer::Bytes(b"{\"type\": \"transcri".to_vec()))),
        ("a lie", Box::new(|| Answer::Bytes(b"{\"type\": \"x\", \"payload_length\": 99999999}\n".to_vec()))),
        ("a refusal", Box::new(move || error("no voice for \"Lock the door.\" here"))),
        ("no reason", Box::new(|| events([Event::new("error")]))),
        ("no sound", Box::new(|| events([Event::audio_stop(), Event::new("transcript")]))),
        ("no format", Box::new(|| events([Event::new("audio-chunk").carrying(vec![0; 4]), Event::audio_stop()]))),
        ("two formats", Box::new(move || events([chunk(8_000, 4), chunk(16_000, 4), Event::audio_stop()]))),
        ("no end", Box::new(move || Answer::Endless(chunk(16_000, 60_000).encode()))),
    ];
    let mut told = Vec::new();
    for (what, answer) in table {
        let server = Server::answering(move |_| answer());
        for error in
            [say(&server, "Lock the door.").unwrap_err().to_string(), hear(&server, &tone()).unwrap_err().to_string()]
        {
            assert!(!error.contains("127.0.0.1"), "{error}");
            told.push(format!("{what}: {}", error.split(';').next().unwrap()));
        }
    }
    told.dedup();
    expect![[r#"
        nothing: the nas is not available: it hung up before it had answered
        a web server: the nas does not answer as such a service does: an event's header is no JSON object
        half an event: the nas is not available: it hung up before it had answered
        a lie: the nas does not answer as such a service does: an event's payload is longer than 4194304 bytes
        a refusal: the nas refused the request: no voice for "[text]" here
        a refusal: the nas refused the request: no voice for "Lock the door." here
        no reason: the nas refused the request: it does not say why
        no sound: the nas does not answer as such a service does: its answer has no sound in it
        no sound: the nas does not answer as such a service does: its transcript has no text
        no format: the nas does not answer as such a service does: audio-chunk needs rate from 4000 to 192000
        no format: the nas is not available: it hung up before it had answered
        two formats: the nas does not answer as such a service does: its sound changes its format in the middle
        two formats: the nas is not available: it hung up before it had answered
        no end: the nas does not answer as such a service does: it sends more than 8 MB"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_server_that_keeps_silent_is_given_up_in_time_or_when_nobody_waits() {
    let server = Server::answering(|_| Answer::Hold);
    let hasty = ServiceSettings { time_limit: Duration::from_millis(50), ..wyoming_settings(&server) };
    let error = voice::say(&mut *voice_of(hasty), "Hello.", &CancelFlag::new()).unwrap_err();
    assert!(matches!(error, VoiceError::Service(ServiceError::TimedOut { .. })), "{error}");
    server.hung_up();
    let (cancel, raised) = (CancelFlag::new(), CancelFlag::new());
    raised.cancel();
    let patient = wyoming_settings(&server);
    assert!(matches!(transcriber(&patient).transcribe(&tone(), &raised), Err(ModelError::Cancelled)));
    let (flag, settings) = (cancel.clone(), patient.clone());
    let waiting = std::thread::spawn(move || transcriber(&settings).transcribe(&tone(), &flag));
    server.next();
    server.next();
    cancel.cancel();
    assert!(matches!(waiting.join().unwrap(), Err(ModelError::Cancelled)));
    server.hung_up();
}

#[test]
fn what_goes_and_comes_is_counted() {
    let server = Server::answering(speaks_wyoming);
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let meter: pipit_models::service::Meter = Arc::new(move |traffic| list.lock().unwrap().push(traffic));
    let settings = ServiceSettings { meter: Some(meter), ..wyoming_settings(&server) };
    let pcm = voice_of(settings.clone()).speak("Hello.", &CancelFlag::new()).unwrap();
    let ServiceTraffic { host, sent, received } = told.lock().unwrap().remove(0);
    assert_eq!((host.as_str(), sent), ("127.0.0.1", server.next().bytes));
    assert!(received > 2 * pcm.samples().len() as u64, "{received}");
    let nobody = ServiceSettings { base_url: "tcp://127.0.0.1:1".to_owned(), ..settings };
    let error = voice_of(nobody).speak("Hello.", &CancelFlag::new()).unwrap_err().to_string();
    assert!(error.contains("there is no connection"), "{error}");
    assert!(told.lock().unwrap().is_empty(), "nothing was sent");
}

#[test]
fn what_is_on_this_device_stands_by() {
    let away = Server::answering(|_| Answer::Bytes(Vec::new()));
    let local = Server::answering(|_| transcript("here"));
    let mut ear = RecogniserWithStandby::new(Box::new(transcriber(&wyoming_settings(&away))), {
        let settings = wyoming_settings(&local);
        move || Ok(Box::new(transcriber(&settings)))
    });
    assert_eq!(ear.transcribe(&tone(), &CancelFlag::new()).unwrap().text, "here");
    let espeak = VoiceSettings { voice: None, speed: 1.0, models: PathBuf::new(), service: None };
    let mut voice =
        VoiceWithStandby::new(voice_of(wyoming_settings(&away)), move || voice::open("espeak", &espeak, None));
    assert!(!voice.speak("Hello.", &CancelFlag::new()).unwrap().is_empty());
    assert_eq!(voice.rate(), Hertz(22_050));
}

#[test]
fn addresses_that_are_none_are_refused() {
    let server = Server::answering(|_| transcript(""));
    for base_url in ["http://nas:10300", "tcp://nas", "nas:10300", ""] {
        let settings = ServiceSettings { base_url: base_url.to_owned(), ..wyoming_settings(&server) };
        assert!(matches!(WyomingTranscriber::new(&settings, None), Err(ServiceError::Settings { .. })), "{base_url}");
    }
}
