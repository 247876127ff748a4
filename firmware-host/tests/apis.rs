//! The APIs under `/v1` by the real daemon, with its real models: for a program that speaks HTTP, and for OpenAI's own package in
//! Python.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use pipit_core::audio::{Hertz, LISTENING_RATE, Pcm};
use pipit_models::clip;
use pipit_store::Store;
use serde_json::{Value, json};
use support::Home;
use support::recording::{TWELVE_TIMES_SEVEN, samples, silence, words_beside};
use support::server::Server;
use support::sound_server::PATIENCE;
use support::web::free_address;

/// `pipit run`, and a token for it.
struct Daemon {
    process: Child,
    address: SocketAddr,
    token: String,
}

/// The status, the head and the body of an answer.
struct Reply(u16, String, Vec<u8>);

impl Daemon {
    fn start(home: &Home, more: &str) -> Daemon {
        let address = free_address();
        let config = home.usual_config().replace("[web]\nlisten = \"\"", &format!("[web]\nlisten = \"{address}\""));
        home.configure(&(config + more));
        let mut command = home.command();
        command.env("RUST_LOG", "info").arg("run").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        // The models are loaded when all three have said so.
        let mut log = String::new();
        while !["voice: ", "recogniser: "].iter().all(|part| log.contains(part)) {
            log += &(lines.next().unwrap_or_else(|| panic!("it has ended:\n{log}")).unwrap() + "\n");
        }
        std::thread::spawn(move || lines.for_each(drop));
        let store = Store::open(&home.path("state/pipit.db")).unwrap();
        let token = store.make_token(store.person(), "test", "read talk", Timestamp::now()).unwrap().1.to_string();
        Daemon { process, address, token }
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (token, length) = (&self.token, body.len());
        let head = format!(
            "POST {path} HTTP/1.0\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Whoever is refused early may be so before everything was sent.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply(status, head, answer[end + 4..].to_vec())
    }

    fn speak(&self, text: &str, format: &str) -> Vec<u8> {
        let body = json!({"model": "tts-1", "voice": "alloy", "input": text, "response_format": format});
        let Reply(status, head, sound) = self.post("/v1/audio/speech", "application/json", body.to_string().as_bytes());
        assert_eq!(status, 200, "{head}");
        sound
    }

    fn transcribe(&self, file: &[u8], format: &str) -> (u16, Value) {
        let mut body = format!(
            "--XX\r\ncontent-disposition: form-data; name=\"response_format\"\r\n\r\n{format}\r\n\
             --XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n"
        )
        .into_bytes();
        body.extend(file);
        body.extend(b"\r\n--XX--\r\n");
        let Reply(status, _, body) = self.post("/v1/audio/transcriptions", "multipart/form-data; boundary=XX", &body);
        (status, serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {body:?}")))
    }

    fn hears(&self, file: &[u8]) -> String {
        let (status, heard) = self.transcribe(file, "json");
        assert_eq!(status, 200, "{heard}");
        heard["text"].as_str().unwrap().to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let kill = format!("kill -TERM {}", self.process.id());
        let told = Command::new("sh").args(["-c", &kill]).status();
        assert!(told.is_ok_and(|told| told.success()) && self.process.wait().is_ok_and(|ended| ended.success()));
    }
}

#[test]
fn what_pipit_says_pipit_understands() {
    let home = Home::new();
    let daemon = Daemon::start(&home, "");
    assert_eq!(daemon.hears(&daemon.speak("What time is it?", "wav")), "what time is it");
    let pcm = daemon.speak("What time is it?", "pcm");
    let samples: Vec<f32> =
        pcm.as_chunks::<2>().0.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
    assert_eq!(daemon.hears(&clip::wav(&Pcm::new(samples, Hertz(24_000)))), "what time is it");
    assert_eq!(home.ask("repeat that"), "I haven't said anything yet.", "no conversation came of it");
}

#[test]
fn a_long_recording_is_heard_in_parts_and_one_that_is_too_long_not_at_all() {
    let home = Home::new();
    let daemon = Daemon::start(&home, "");
    // Parts are cut in the middle of the first quiet 100 ms after six seconds.
    let long = [silence(20.0 * 6.05), samples(TWELVE_TIMES_SEVEN), silence(0.65)].concat();
    let (status, heard) = daemon.transcribe(&clip::wav(&Pcm::new(long.clone(), LISTENING_RATE)), "verbose_json");
    assert_eq!(status, 200, "{heard}");
    let (segments, seconds) = (heard["segments"].as_array().unwrap(), long.len() as f64 / 16_000.0);
    assert_eq!((segments.len(), heard["duration"].as_f64()), (21, Some(seconds)), "{heard}");
    let words = words_beside(&support::recording::demo(TWELVE_TIMES_SEVEN));
    let last = json!({"id": 20, "start": 121.0, "end": seconds, "text": words});
    assert_eq!((&segments[20], &heard["text"]), (&last, &json!(words)));

    // An hour at the lowest rate there is.
    let hour = Pcm::new(vec![0.0; 4000 * 3000], Hertz(4000));
    let (status, refused) = daemon.transcribe(&clip::wav(&hour), "json");
    assert_eq!((status, &refused["error"]["code"]), (413, &json!("too_large")), "{refused}");
    for none in [&b"not sound at all"[..], b"RIFF\0\0\0\0WAVE", b"fLaC", b"ID3\x03\0\0\0", b"OggS\0", b""] {
        let (status, refused) = daemon.transcribe(none, "json");
        assert_eq!((status, &refused["error"]["code"]), (415, &json!("unsupported_media_type")), "{refused}");
    }
    let letters = json!({"input": "Long words. ".repeat(1000)}).to_string();
    let Reply(status, head, _) = daemon.post("/v1/audio/speech", "application/json", letters.as_bytes());
    assert_eq!(status, 413, "{head}");
}

/// All that is changed in it is where it finds the server, and what it shows.
const SDK: &str = r#"
import sys, io, wave
from openai import OpenAI, AuthenticationError, BadRequestError

client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0)
assert "pipit" in [model.id for model in client.models.list()]
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell me of the sea"}]
whole = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
print(whole.choices[0].message.content, whole.choices[0].finish_reason)
chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True))
print("".join(chunk.choices[0].delta.content or "" for chunk in chunks), chunks[-1].choices[0].finish_reason)
offline = client.chat.completions.create(model="x", messages=[{"role": "user", "content": "what is 12 times 7"}])
print(offline.choices[0].message.content, offline.usage.total_tokens)
speech = client.audio.speech.create(model="tts-1", voice="alloy", input="What time is it?", response_format="wav").read()
text = client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", speech))
print(text.text)
verbose = client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", speech), response_format="verbose_json")
print(verbose.language, len(verbose.segments), verbose.segments[0].text)
plain = client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", speech), response_format="text")
print(plain.strip())
with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="One.", response_format="pcm") as s:
    assert len(b"".join(s.iter_bytes())) > 4800
try:
    client.chat.completions.create(model="x", messages=messages, n=2)
except BadRequestError as error:
    print(error.code, error.type)
try:
    OpenAI(base_url=sys.argv[1], api_key="pipit_wrong", max_retries=0).models.list()
except AuthenticationError as error:
    print(error.code, error.type)
"#;

#[test]
fn openais_own_package_needs_nothing_changed_but_the_address() {
    let named = std::env::var_os("PIPIT_TEST_PYTHON").filter(|python| !python.is_empty());
    let python = named.unwrap_or_else(|| "python3".into());
    let has = Command::new(&python).args(["-c", "import openai"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: no Python has the package openai; PIPIT_TEST_PYTHON may name one that does");
        return;
    }
    let event = |text: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let (first, second) = (event("Salt "), event("and water."));
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{first}{second}data: [DONE]\n\n"
    );
    let server = Server::answering(answer);
    let home = Home::new();
    let daemon = Daemon::start(&home, &server.config());
    let url = format!("http://{}/v1", daemon.address);
    let said = Command::new(&python).args(["-c", SDK, &url, &daemon.token]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let wanted = [
        "Salt and water. stop",
        "Salt and water. stop",
        "That's 84. 0",
        "what time is it",
        "en 1 what time is it",
        "what time is it",
        "unsupported_parameter invalid_request_error",
        "signed_out authentication_error",
    ];
    assert_eq!(out.lines().collect::<Vec<_>>(), wanted, "{err}");
}
