//! Voices that are services: what is sent, what can be read of what comes back, and what is said of the rest.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::PathBuf;
use std::time::Duration;

use expect_test::expect;
use pipit_core::audio::{Hertz, Pcm};
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::service::{ServiceSettings, VoiceWithStandby};
use pipit_models::voice::{self, Voice, VoiceError, VoiceSettings};
use pipit_testkit::http::{Answer, Request, Server};

mod service_support;
use service_support::{settings, speaks};

fn voice_of(engine: &str, service: ServiceSettings) -> Box<dyn Voice> {
    let settings =
        VoiceSettings { voice: Some("en-us".to_owned()), speed: 1.0, models: PathBuf::new(), service: Some(service) };
    voice::open(engine, &settings, None).unwrap()
}

fn openai(server: &Server) -> Box<dyn Voice> {
    voice_of("openai", settings(server, "/v1"))
}

fn say(voice: &mut dyn Voice, text: &str) -> Result<Pcm, VoiceError> {
    voice::say(voice, text, &CancelFlag::new())
}

fn a_wav() -> Vec<u8> {
    clip::wav(&Pcm::new(vec![0.5; 800], Hertz(8_000)))
}

#[test]
fn what_is_sent_is_what_the_servers_document() {
    let server = Server::answering(speaks);
    for (engine, path) in [("openai", "/v1/"), ("fish", "")] {
        say(&mut *voice_of(engine, settings(&server, path)), "It is noon.").unwrap();
    }
    let sent: Vec<String> = server
        .seen()
        .iter()
        .map(|Request { path, headers, body }| {
            let shown = ["accept", "authorization", "content-type", "model"];
            let named = |line: &&str| shown.iter().any(|name| line.starts_with(&format!("{name}:")));
            let headers: Vec<_> = headers.lines().filter(named).collect();
            format!("{path}\n{}\n{}", headers.join("\n"), String::from_utf8_lossy(body))
        })
        .collect();
    expect![[r#"
        /v1/audio/speech
        accept: audio/wav, audio/*;q=0.5
        content-type: application/json
        authorization: bearer sk-secret
        {"model":"m","input":"It is noon.","voice":"en-us","response_format":"wav"}
        /v1/tts
        accept: audio/wav, audio/*;q=0.5
        content-type: application/json
        model: m
        authorization: bearer sk-secret
        {"text":"It is noon.","format":"wav","streaming":false,"normalize":false,"reference_id":"en-us"}"#]]
    .assert_eq(&sent.join("\n"));
}

#[test]
fn whatever_can_be_read_is_heard() {
    // A header that was written before the length was known, as servers that stream do.
    let mut streamed = a_wav();
    streamed[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    streamed[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    let raw = [0, 0x40].repeat(800);
    let table = [
        ("audio/wav", a_wav(), 8_000),
        ("application/octet-stream", streamed, 8_000),
        ("audio/pcm", raw.clone(), 24_000),
        ("audio/L16; rate=16000", raw, 16_000),
    ];
    for (content_type, body, rate) in table {
        let server = Server::answering(move |_| Answer::of("200 OK", content_type, &body));
        let mut voice = openai(&server);
        let pcm = say(&mut *voice, "Hello.").unwrap();
        assert_eq!((pcm.samples().len(), pcm.rate()), (800, Hertz(rate)), "{content_type}");
        assert_eq!(voice.rate(), pcm.rate());
    }
}

/// Every way in which an answer can be of no use, and what is said about it.
#[test]
fn bad_answers_are_named_and_nothing_secret_is() {
    let json = "application/json";
    let table: Vec<(&str, Answer)> = vec![
        ("a web page", Answer::of("200 OK", "text/html", "<html>Sign in</html>")),
        ("no status line", Answer::Bytes(b"220 mail.example ESMTP\r\n".to_vec())),
        ("nothing", Answer::Bytes(Vec::new())),
        ("an empty body", Answer::of("200 OK", "audio/wav", "")),
        ("MP3", Answer::of("200 OK", "audio/mpeg", b"\xff\xfb\x90\x00")),
        ("JSON", Answer::of("200 OK", json, "{\"audio\": \"aGVsbG8=\"}")),
        ("noise", Answer::of("200 OK", "audio/wav", b"\x01\x02\x03\x04")),
        ("half a header", Answer::of("200 OK", "audio/wav", &a_wav()[..20])),
        ("gzip that is none", {
            Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nno".to_vec())
        }),
        ("a body that breaks off", Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nRIFF".to_vec())),
        ("no end", Answer::Endless(b"HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\n\r\nRIFF".to_vec())),
        ("a refused key", Answer::of("401 Unauthorized", json, "{\"error\": {\"message\": \"sk-secret is wrong\"}}")),
        ("a quota", Answer::of("429 Too Many Requests", json, "{\"error\": {\"message\": \"slow down\"}}")),
        ("the text again", Answer::of("400 Bad Request", json, "{\"detail\": \"can't say: Lock the door.\"}")),
        ("a redirect", Answer::Bytes(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n".to_vec())),
        ("trouble", Answer::of("502 Bad Gateway", "text/html", "<html>nginx</html>")),
    ];
    let mut said = Vec::new();
    for (what, answer) in table {
        let answer = std::sync::Mutex::new(Some(answer));
        let server = Server::answering(move |_| answer.lock().unwrap().take().unwrap());
        let error = say(&mut *openai(&server), "Lock the door.").unwrap_err();
        assert!(matches!(error, VoiceError::Service(_)), "{what}: {error:?}");
        said.push(format!("{what}: {error}"));
    }
    let said = said.join("\n");
    assert!(!said.contains("secret") && !said.contains("127.0.0.1") && !said.contains("Lock"), "{said}");
    expect![[r#"
        a web page: the nas does not answer as such a service does: it sent a web page; check what kind it is, and its address
        no status line: the nas is not available: protocol: http parse fail: invalid HTTP version; check that it runs and can be reached from here
        nothing: the nas is not available: it closed the connection without an answer; check that it runs and can be reached from here
        an empty body: the nas does not answer as such a service does: its answer is empty; check what kind it is, and its address
        MP3: the nas does not answer as such a service does: it sent MP3, where WAV was asked for, and Pipit reads WAV and FLAC alone; check what kind it is, and its address
        JSON: the nas does not answer as such a service does: it sent JSON, where WAV was asked for, and Pipit reads WAV and FLAC alone; check what kind it is, and its address
        noise: the nas does not answer as such a service does: what it sent is neither WAV nor FLAC; check what kind it is, and its address
        half a header: the nas does not answer as such a service does: its sound is no use: it is cut short before its audio begins; check what kind it is, and its address
        gzip that is none: the nas does not answer as such a service does: its answer is packed as gzip, which was not asked for; check what kind it is, and its address
        a body that breaks off: the nas is not available: the connection broke in the middle of the answer: Peer disconnected; check that it runs and can be reached from here
        no end: the nas does not answer as such a service does: it sends more than 8 MB; check what kind it is, and its address
        a refused key: the nas refused the API key: 401: [key] is wrong; check the key and what it may do
        a quota: the nas takes no more requests for now: 429: slow down; ask later, or check its quota
        the text again: the nas refused the request: 400: can't say: [text]; check the names of the model and the voice, and the service's address
        a redirect: the nas refused the request: it redirects to another address, which Pipit does not follow; check the names of the model and the voice, and the service's address
        trouble: the nas is not available: status 502; check that it runs and can be reached from here"#]].assert_eq(&said);
}

#[test]
fn nobody_there_is_said_at_once() {
    let settings = {
        let server = Server::answering(speaks);
        // The system gives this port to nobody.
        ServiceSettings { base_url: "http://127.0.0.1:1/v1".to_owned(), ..settings(&server, "/v1") }
    };
    let error = say(&mut *voice_of("openai", settings), "Hello.").unwrap_err().to_string();
    assert!(error.starts_with("the nas is not available: ") && !error.contains("127.0.0.1"), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = Server::answering(|_| Answer::Hold);
    let limit = Duration::from_millis(300);
    let mut voice = voice_of("openai", ServiceSettings { time_limit: limit, ..settings(&server, "/v1") });
    let error = say(&mut *voice, "Hello.").unwrap_err().to_string();
    assert!(error.contains("has not answered within 0.3 s"), "{error}");
    server.hung_up();
}

#[test]
fn a_request_that_nobody_waits_for_ends_and_the_next_is_answered() {
    let server = Server::answering(|request| {
        if String::from_utf8_lossy(&request.body).contains("forever") { Answer::Hold } else { speaks(request) }
    });
    let (mut voice, cancel) = (openai(&server), CancelFlag::new());
    std::thread::scope(|scope| {
        let speaking = scope.spawn(|| voice.speak("forever", &cancel));
        server.next();
        cancel.cancel();
        assert!(matches!(speaking.join().unwrap(), Err(VoiceError::Cancelled)));
    });
    server.hung_up();
    assert!(!say(&mut *voice, "Hello.").unwrap().is_empty());
}

#[test]
fn another_voice_speaks_while_the_service_can_not() {
    let server = Server::answering(|_| Answer::of("500 Internal Server Error", "", ""));
    let opened = std::sync::Arc::new(std::sync::Mutex::new(0));
    let count = std::sync::Arc::clone(&opened);
    let mut voice = VoiceWithStandby::new(openai(&server), move || {
        *count.lock().unwrap() += 1;
        let espeak = VoiceSettings { voice: None, speed: 1.0, models: PathBuf::new(), service: None };
        voice::open("espeak", &espeak, None)
    });
    for text in ["One.", "Two.", "Three."] {
        assert!(!say(&mut voice, text).unwrap().is_empty(), "{text}");
    }
    assert_eq!(*opened.lock().unwrap(), 1, "it is opened once");
    assert_eq!(server.seen().len(), 1, "a service that has just failed is left alone");
}

#[test]
fn a_service_that_may_not_be_asked_is_not_and_may_be_again() {
    let server = Server::answering(|_| Answer::of("500 Internal Server Error", "", ""));
    let allowed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let may_ask = std::sync::Arc::clone(&allowed);
    let mut voice = VoiceWithStandby::new(openai(&server), || {
        let espeak = VoiceSettings { voice: None, speed: 1.0, models: PathBuf::new(), service: None };
        voice::open("espeak", &espeak, None)
    })
    .while_allowed(move || may_ask.load(std::sync::atomic::Ordering::Relaxed));
    assert!(!say(&mut voice, "Here.").unwrap().is_empty());
    allowed.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(!say(&mut voice, "There.").unwrap().is_empty());
    assert_eq!(server.seen().len(), 1, "the service is asked once it may be");
    let nobody = || Err(VoiceError::NotInstalled("there is no other voice".to_owned()));
    let mut alone = VoiceWithStandby::new(openai(&server), nobody).while_allowed(|| false);
    assert!(matches!(say(&mut alone, "Nowhere."), Err(VoiceError::Service(_))));
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn with_nobody_behind_it_a_service_is_asked_again_and_its_error_told() {
    let server = Server::answering(|_| Answer::of("500 Internal Server Error", "", ""));
    let nobody = || Err(VoiceError::NotInstalled("there is no other voice".to_owned()));
    let mut voice = VoiceWithStandby::new(openai(&server), nobody);
    for text in ["One.", "Two."] {
        assert!(matches!(say(&mut voice, text), Err(VoiceError::Service(_))), "{text}");
    }
    assert_eq!(server.seen().len(), 2);
}
