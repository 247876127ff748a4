//! Speech services behind the real program: espeak-ng and the recogniser in the box, each at the other end of a socket.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::path::PathBuf;
use std::sync::Mutex;

use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::voice::{self, VoiceSettings};
use pipit_models::whisper::{self, Whisper, WhisperSettings, WhisperSource};
use pipit_testkit::http::{Answer, Request, Server};
use serde_json::{Value, json};
use support::recording::{self, Sound, WHAT_TIME_IS_IT, demo};
use support::server::nobody;
use support::{Home, models_folder};

/// Speaks with espeak-ng, as OpenAI's servers do.
fn speaks(request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let voice = body["voice"].as_str().filter(|voice| voice.starts_with("en")).map(str::to_owned);
    let settings = VoiceSettings { voice, speed: 1.0, models: PathBuf::new(), service: None };
    let mut espeak = voice::open("espeak", &settings, None).unwrap();
    let pcm = voice::say(&mut *espeak, body["input"].as_str().unwrap(), &CancelFlag::new()).unwrap();
    Answer::of("200 OK", "audio/wav", clip::wav(&pcm))
}

/// Transcribes with the recogniser in the box.
fn transcribing() -> Server {
    let whisper = Whisper::load(&WhisperSource::Bytes(whisper::nano()), &WhisperSettings::default()).unwrap();
    let whisper = Mutex::new(whisper);
    Server::answering(move |request| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("utterance.wav");
        std::fs::write(&path, request.file().unwrap()).unwrap();
        let utterance = clip::read(&path).unwrap();
        let transcript = whisper.lock().unwrap().transcribe(utterance.samples(), &CancelFlag::new()).unwrap();
        let segment =
            json!({ "text": transcript.text, "avg_logprob": transcript.mean_log_probability, "no_speech_prob": 0.0 });
        let body = json!({ "text": transcript.text, "segments": [segment] });
        Answer::of("200 OK", "application/json", body.to_string())
    })
}

fn broken() -> Server {
    Server::answering(|_| Answer::of("500 Internal Server Error", "text/plain", "out of memory"))
}

/// A home whose ear and voice are services at these addresses. What stands by is the recogniser in the box and espeak-ng, on
/// every machine.
fn home(stt: &str, tts: &str, more: &str) -> Home {
    let home = Home::new();
    let (state, models) = (home.path("state"), home.path("models"));
    std::fs::create_dir_all(&models).unwrap();
    for name in ["onnxruntime", "silero-vad-v6.onnx", "smart-turn-v3.2.onnx"] {
        std::os::unix::fs::symlink(models_folder().join(name), models.join(name)).unwrap();
    }
    home.configure(&format!(
        "[state]\ndir = {state:?}\n[models]\ndir = {models:?}\n[audio]\nbackend = \"null\"\n[web]\nlisten = \"\"\n\
         [stt]\nengine = \"openai\"\nbase_url = \"http://{stt}/v1\"\n\
         [tts]\nengine = \"openai\"\nbase_url = \"http://{tts}/v1\"\n{more}"
    ));
    home
}

#[test]
fn what_a_service_says_a_service_understands() {
    let (ear, voice) = (transcribing(), Server::answering(speaks));
    let home = home(&ear.address, &voice.address, "voice = \"en-us\"\n");
    home.pipit(["say", "What time is it?", "-o", "said.wav"]).succeeded();
    assert_eq!(voice.seen().len(), 1);
    let said = home.hear(&[home.path("said.wav")]).succeeded();
    assert_eq!(said.transcripts(), ["what time is it"]);
    assert!(!said.err.contains("127.0.0.1"), "no address is shown: {said:?}");
    let turn = &said.turns()[0];
    assert_eq!(turn["intent"], "HassGetCurrentTime");
    Sound::of(std::path::Path::new(turn["reply_wav"].as_str().unwrap())).could_be(turn["reply"].as_str().unwrap());
    let asked = ear.seen();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.path == "/v1/audio/transcriptions"));
    assert!(voice.seen().iter().all(|request| request.path == "/v1/audio/speech"), "the reply is spoken there, too");
}

#[test]
fn the_demo_is_understood_over_http() {
    let (ear, voice) = (transcribing(), Server::answering(speaks));
    let home = home(&ear.address, &voice.address, "");
    let recordings = recording::all_of_the_demo();
    let words: Vec<_> = recordings.iter().map(|recording| recording::words_beside(recording)).collect();
    assert_eq!(home.hear(&recordings).succeeded().transcripts(), words);
}

#[test]
fn what_is_on_this_device_answers_where_services_are_away_and_that_is_said_once() {
    let recordings = [demo(WHAT_TIME_IS_IT), demo(WHAT_TIME_IS_IT)];
    let (ear, voice) = (broken(), broken());
    let home_with = [home(&nobody(), &nobody(), ""), home(&ear.address, &voice.address, "")];
    for home in home_with {
        let said = home.hear(&recordings).succeeded();
        assert_eq!(said.transcripts(), ["what time is it", "what time is it"]);
        for turn in said.turns() {
            let reply = std::path::Path::new(turn["reply_wav"].as_str().unwrap()).to_owned();
            Sound::of(&reply).could_be(turn["reply"].as_str().unwrap());
        }
        for name in ["transcription service is not available", "speech service is not available"] {
            assert_eq!(said.err.matches(name).count(), 1, "{name}: {said:?}");
        }
        assert!(!said.err.contains("127.0.0.1"), "no address is shown: {said:?}");
    }
    assert_eq!(ear.seen().len(), 1, "a service that has just failed is left alone");
}

#[test]
fn a_service_whose_key_is_missing_is_not_asked() {
    let (ear, voice) = (transcribing(), Server::answering(speaks));
    let home = home(&ear.address, &voice.address, "api_key_env = \"NO_SUCH_VARIABLE\"\n");
    let said = home.pipit(["say", "hello", "-o", "said.wav"]).succeeded();
    said.said(&["speech service (tts-1, on this device) is not asked", "NO_SUCH_VARIABLE"]);
    Sound::of(&home.path("said.wav")).could_be("hello");
    assert!(voice.seen().is_empty());
}

#[test]
fn a_key_that_is_refused_is_named_and_not_shown() {
    let refusing =
        Server::answering(|_| Answer::of("401 Unauthorized", "application/json", "{\"error\": \"sk-s3cret?\"}"));
    let home = home(&nobody(), &refusing.address, "api_key_file = \"key\"\n");
    home.file("key", "sk-s3cret\n");
    let said = home.pipit(["say", "hello", "-o", "said.wav"]).succeeded();
    let said = said.said(&["speech service refused the API key: 401: [key]?"]);
    assert!(!said.err.contains("s3cret"), "{said:?}");
    assert!(refusing.next().headers.contains("authorization: bearer sk-s3cret"));
    Sound::of(&home.path("said.wav")).could_be("hello");
}

#[test]
fn what_leaves_the_house_is_not_asked_where_it_may_not() {
    let home = home("192.0.2.1", "192.0.2.1", "[chat]\nprivacy = \"in the house\"\n");
    let said = home.hear(&[demo(WHAT_TIME_IS_IT)]).succeeded();
    assert_eq!(said.transcripts(), ["what time is it"]);
    assert!(!said.err.contains("not available"), "nobody was asked: {said:?}");
}

#[test]
fn a_persona_has_its_voice_where_the_engine_knows_it_and_the_owner_chose_none() {
    let voice = Server::answering(speaks);
    let persona = |home: &Home, voice: &str| {
        let pack = home.file("pack.toml", format!("title = \"x\"\nprompt = \"y\"\nvoice = {voice:?}\n"));
        format!("[chat]\nprovider = \"ollama\"\nmodel = \"m\"\npersona = {pack:?}\n")
    };
    let asked = |chosen: &str, of_persona: &str| {
        let home = home(&nobody(), &voice.address, chosen);
        let config = std::fs::read_to_string(home.path("pipit.toml")).unwrap() + &persona(&home, of_persona);
        home.configure(&config);
        home.pipit(["say", "hello", "-o", "said.wav"]).succeeded();
        let body: Value = serde_json::from_slice(&voice.next().body).unwrap();
        body["voice"].as_str().unwrap().to_owned()
    };
    assert_eq!(asked("", "onyx"), "onyx");
    assert_eq!(asked("", "af_heart"), "alloy", "which no such service has");
    assert_eq!(asked("voice = \"nova\"\n", "onyx"), "nova");
}

#[test]
fn the_doctor_tries_each_service_without_what_stands_by() {
    let (ear, voice) = (transcribing(), broken());
    let home = home(&ear.address, &voice.address, "");
    let said = home.pipit(["doctor"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let line = |what: &str| said.out.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{said:?}"));
    let answers = line(" transcription ");
    assert!(answers.starts_with("ok") && answers.contains("(whisper-1, on this device) answers within"), "{answers}");
    assert!(line(" speech ").starts_with("BAD"), "{said:?}");
    assert!(!said.out.contains("127.0.0.1"), "no address is shown: {said:?}");
}
