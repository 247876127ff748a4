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
use support::server::{self, nobody, streamed};
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

/// The lines of `pipit ledger`, each from the purpose on, without figures.
fn ledger(home: &Home, more: &[&str]) -> Vec<String> {
    let said = home.pipit([&["ledger"], more].concat()).succeeded();
    let purpose =
        |line: &str| line.split("  ").map(str::trim).filter(|part| !part.is_empty()).nth(1).unwrap().to_owned();
    let lines = said.out.lines();
    lines
        .map(|line| if line.starts_with("  ") { format!("- {}", purpose(line.trim())) } else { line.to_owned() })
        .collect()
}

#[test]
fn what_goes_to_services_is_in_the_ledger_with_all_else_of_the_turn() {
    let (ear, voice) = (transcribing(), Server::answering(speaks));
    let home = home(&ear.address, &voice.address, "");
    let request = home.path("request.wav");
    home.pipit(["say", "Turn on the kitchen light.", "-o", request.to_str().unwrap()]).succeeded();
    let model = server::Server::answering(streamed(&["I have no hands."]));
    home.configure(&(std::fs::read_to_string(home.path("pipit.toml")).unwrap() + &model.config()));
    assert_eq!(home.hear(&[&request]).succeeded().turns()[0]["reply"], "I have no hands.");

    let by_turn = ledger(&home, &["--by-turn"]);
    let heads: Vec<_> = by_turn.iter().filter(|line| !line.starts_with('-')).collect();
    assert!(heads[0].starts_with("a turn: ") && heads[1].starts_with("what belongs to no turn: "), "{by_turn:?}");
    let of_turn: Vec<_> =
        by_turn.iter().skip(1).take_while(|line| line.starts_with('-')).map(|line| &line[2..]).collect();
    assert_eq!(of_turn.iter().filter(|purpose| **purpose == "transcription").count(), ear.seen().len(), "{by_turn:?}");
    for purpose in ["transcription", "chat", "speech"] {
        assert!(of_turn.contains(&purpose), "{purpose}: {by_turn:?}");
    }
    // A conversation gets its title after the turn.
    let others: Vec<_> = by_turn.iter().skip(2 + of_turn.len()).filter(|line| *line != "- title").collect();
    assert_eq!(others, ["- speech"], "what was said to the file: {by_turn:?}");
    let said = home.pipit(["ledger", "--by-host"]).succeeded();
    assert_eq!(said.out.lines().count(), 1, "all of them are one host: {said:?}");
    assert!(said.out.starts_with("127.0.0.1 "), "{said:?}");
}

#[test]
fn of_those_who_leave_no_trace_no_ledger_is_kept() {
    let (ear, voice) = (transcribing(), Server::answering(speaks));
    let home = home(&ear.address, &voice.address, "[privacy]\nephemeral = true\n");
    home.pipit(["say", "hello", "-o", "said.wav"]).succeeded();
    home.hear(&[demo(WHAT_TIME_IS_IT)]).succeeded();
    assert_eq!(ledger(&home, &[]), ["Nothing was sent to any server."]);
}

#[test]
fn an_apology_is_spoken_on_this_device_where_no_server_answers() {
    let (ear, voice) = (broken(), broken());
    let home = home(&ear.address, &voice.address, "");
    let request = home.path("request.wav");
    home.pipit(["say", "Turn on the kitchen light.", "-o", request.to_str().unwrap()]).succeeded();
    let model = format!("[chat]\nprovider = \"openai\"\nmodel = \"test\"\nbase_url = \"http://{}/v1\"\n", nobody());
    home.configure(&(std::fs::read_to_string(home.path("pipit.toml")).unwrap() + &model));
    let said = home.hear(&[&request]).succeeded();
    let turn = &said.turns()[0];
    let apology = turn["reply"].as_str().unwrap();
    assert!(apology.contains("check that its server is running"), "{said:?}");
    Sound::of(std::path::Path::new(turn["reply_wav"].as_str().unwrap())).could_be(apology);
    assert_eq!(ear.seen().len(), 1, "the recogniser on this device takes over");
    assert_eq!(voice.seen().len(), 2, "once by each process");
}

#[test]
fn providers_names_and_tries_the_services_as_well() {
    let (ear, voice) = (transcribing(), broken());
    let home = home(&ear.address, &voice.address, "model = \"kokoro\"\napi_key_file = \"key\"\n");
    home.file("key", "sk-s3cret\n");
    let said = home.pipit(["providers", "list"]).succeeded();
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].contains("chat.provider"), "{said:?}");
    assert_eq!(lines[1], "transcription service  whisper-1  on this device    needs no key");
    assert_eq!(lines[2], "speech service         kokoro     on this device    key is there");

    let said = home.pipit(["providers", "test"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "transcription service (whisper-1, on this device)"), "{said:?}");
    assert!(lines[1].starts_with("ok    hearing  answers within "), "{said:?}");
    assert_eq!(lines[2], "speech service (kokoro, on this device)");
    assert!(lines[3].starts_with("BAD   speech   speech service is not available: status 500"), "{said:?}");
    for hidden in ["s3cret", "127.0.0.1"] {
        assert!(!said.out.contains(hidden) && !said.err.contains(hidden), "{hidden} is shown: {said:?}");
    }
    assert_eq!(ledger(&home, &[]).len(), 2);
    home.pipit(["providers", "test", "Transcription Service"]).succeeded();
    home.pipit(["providers", "test", "nobody"]).failed_saying(&["transcription service, speech service"]);
    let purposes = home.pipit(["ledger"]).succeeded();
    assert_eq!(purposes.out.matches("  test  ").count(), 3, "{purposes:?}");

    let far = std::fs::read_to_string(home.path("pipit.toml")).unwrap().replace(&voice.address, "192.0.2.1");
    home.configure(&(far.replace("http://192", "https://192") + "[chat]\nprivacy = \"in the house\"\n"));
    let said = home.pipit(["providers", "list"]).succeeded();
    assert!(said.out.contains("leaves the house  key is there, never asked (chat.privacy)"), "{said:?}");
    let said = home.pipit(["providers", "test", "speech service"]).succeeded();
    assert!(said.out.contains("note  privacy  never asked"), "{said:?}");
}
