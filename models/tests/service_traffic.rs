//! What is counted of what goes to a service is what the service got, byte by byte.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipit_core::audio::{Hertz, Pcm};
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::recogniser::Recogniser as _;
use pipit_models::service::{ServiceSettings, ServiceTraffic, Transcriber};
use pipit_models::voice::{self, Voice, VoiceError, VoiceSettings};
use pipit_testkit::http::{Answer, Request, Server};

mod service_support;
use service_support::{settings, tone};

type Told = Arc<Mutex<Vec<ServiceTraffic>>>;

/// The same settings, whose traffic is told to the list.
fn counted(settings: ServiceSettings) -> (ServiceSettings, Told) {
    let told = Told::default();
    let list = Arc::clone(&told);
    (ServiceSettings { meter: Some(Arc::new(move |traffic| list.lock().unwrap().push(traffic))), ..settings }, told)
}

fn voice_of(service: ServiceSettings) -> Box<dyn Voice> {
    let voice = Some("en-us".to_owned());
    let settings = VoiceSettings { voice, speed: 1.0, models: PathBuf::new(), service: Some(service) };
    voice::open("openai", &settings, None).unwrap()
}

fn length(Request { path, headers, body }: &Request) -> u64 {
    ("POST  HTTP/1.1\r\n".len() + path.len() + headers.len() + body.len()) as u64
}

fn answered(status: &str, body: impl AsRef<[u8]>) -> (Vec<u8>, impl Fn(&Request) -> Answer) {
    let Answer::Bytes(whole) = Answer::of(status, "application/json", body) else { unreachable!() };
    (whole.clone(), move |_: &Request| Answer::Bytes(whole.clone()))
}

fn told_once(told: &Told) -> ServiceTraffic {
    let mut told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[test]
fn every_answer_is_counted_whatever_it_says() {
    let wav = clip::wav(&Pcm::new(vec![0.5; 800], Hertz(8_000)));
    for (status, body) in [("200 OK", wav), ("500 Internal Server Error", b"{}".to_vec()), ("200 OK", b"no".to_vec())] {
        let (whole, answer) = answered(status, body);
        let server = Server::answering(answer);
        let (settings, told) = counted(settings(&server, "/v1/"));
        let _ = voice::say(&mut *voice_of(settings), "It is noon.", &CancelFlag::new());
        let ServiceTraffic { host, sent, received } = told_once(&told);
        assert_eq!((host.as_str(), sent, received), ("127.0.0.1", length(&server.next()), whole.len() as u64));
    }
}

#[test]
fn sound_is_counted_as_well() {
    let (whole, answer) = answered("200 OK", "{\"text\": \"Hello.\"}");
    let server = Server::answering(answer);
    let (settings, told) = counted(settings(&server, "/v1"));
    let mut transcriber = Transcriber::new(&settings, None).unwrap();
    transcriber.transcribe(&tone(), &CancelFlag::new()).unwrap();
    let ServiceTraffic { sent, received, .. } = told_once(&told);
    assert_eq!((sent, received), (length(&server.next()), whole.len() as u64));
    transcriber.transcribe(&[0.0; 16_000], &CancelFlag::new()).unwrap();
    assert!(told.lock().unwrap().is_empty(), "silence is not sent");
}

#[test]
fn what_was_given_up_had_been_sent_and_what_reached_nobody_had_not() {
    let server = Server::answering(|_| Answer::Hold);
    let (held, told) = counted(ServiceSettings { time_limit: Duration::from_millis(300), ..settings(&server, "/v1") });
    assert!(voice::say(&mut *voice_of(held), "Hello.", &CancelFlag::new()).is_err());
    let ServiceTraffic { sent, received, .. } = told_once(&told);
    assert_eq!((sent, received), (length(&server.next()), 0));

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (nobody, told) = counted(ServiceSettings { base_url: format!("http://{free}/v1"), ..settings(&server, "/v1") });
    let failed = voice::say(&mut *voice_of(nobody), "Hello.", &CancelFlag::new());
    assert!(matches!(failed, Err(VoiceError::Service(_))) && told.lock().unwrap().is_empty());
}
