//! What is said to a satellite of Assist, and what comes back, with a peer that does as Home Assistant does.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::sync::{Arc, Mutex};

use pipit::ledger::Ledger;
use pipit::worker::Message;
use pipit::wyoming::{Offer, serve_satellite};
use pipit_core::audio::{Hertz, LISTENING_RATE, Pcm};
use pipit_core::turn::Event as TurnEvent;
use pipit_core::wyoming::{Event, MonoReader};
use pipit_store::Purpose;
use pipit_web::BusEvent;
use serde_json::json;
use support::room::{PATIENCE, Room};
use support::server::{Requests, nobody, streamed};
use support::wyoming::Peer;
use tokio::net::TcpListener;

const LAMP: &str = "turn on the lamp";

/// A room whose satellite is offered, and where.
struct Satellite {
    room: Room,
    address: String,
    /// What it wanted said by itself.
    said: Arc<Mutex<Vec<String>>>,
}

impl Satellite {
    fn new(server: &str, hear: support::room::Hear) -> Satellite {
        let room = Room::new(server, hear);
        let listener = room.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, said) = (listener.local_addr().unwrap().to_string(), Arc::<Mutex<Vec<String>>>::default());
        let saying = Arc::clone(&said);
        let say = Arc::new(move |text| saying.lock().unwrap().push(text));
        let ledger = room.runtime.block_on(async { Ledger::of(room.store.clone()) });
        let offer = Offer::new(room.assist.clone(), room.inbox.clone(), say, ledger, Some("kitchen"));
        room.runtime.spawn(serve_satellite(listener, Arc::new(offer), room.stop.clone()));
        Satellite { room, address, said }
    }

    /// Home Assistant, which wants to answer.
    fn assist(&mut self) -> Peer {
        let mut peer = Peer::connect(&self.address);
        peer.send(&Event::new("run-satellite"));
        self.wait(true);
        peer
    }

    fn wait(&mut self, answers: bool) {
        let Room { snapshots, runtime, .. } = &mut self.room;
        let told = snapshots.wait_for(|told| told.assist == answers);
        runtime.block_on(async { tokio::time::timeout(PATIENCE, told).await }).unwrap().unwrap();
    }
}

/// The request that Home Assistant is given: how it is to be run, and its sound.
fn request(peer: &mut Peer) -> (Event, Pcm) {
    let run = peer.next_of("run-pipeline");
    let mut samples = Vec::new();
    loop {
        let event = peer.next().unwrap();
        match event.kind.as_str() {
            "audio-chunk" => {
                let format = pipit_core::wyoming::AudioFormat::of(&event).unwrap();
                assert_eq!((format.rate, format.width, format.channels), (LISTENING_RATE, 2, 1));
                MonoReader::new(format).push(&event.payload, &mut samples);
            }
            "audio-stop" => return (run, Pcm::new(samples, LISTENING_RATE)),
            kind => panic!("{kind} in a request"),
        }
    }
}

fn tone(seconds: usize) -> Pcm {
    Pcm::new(vec![0.25; 22_050 * seconds], Hertz(22_050))
}

/// What Home Assistant tells of a request that it has understood.
fn understands(peer: &mut Peer) {
    for kind in ["transcribe", "voice-started", "voice-stopped"] {
        peer.send(&Event::new(kind));
    }
    peer.send(&Event::new("transcript").with("text", LAMP));
}

fn answers(peer: &mut Peer, text: &str) {
    understands(peer);
    peer.send(&Event::new("synthesize").with("text", text));
    peer.send_sound(&tone(1));
}

/// Nothing has come until now.
fn nothing_came(peer: &mut Peer) {
    peer.send(&Event::new("ping").with("text", "still there"));
    assert_eq!(peer.next().unwrap().kind, "pong");
}

#[test]
fn assist_hears_a_request_once_it_is_whole_and_its_answer_is_heard_here() {
    let mut satellite = Satellite::new(&nobody(), |_| LAMP);
    let mut peer = satellite.assist();
    // A pause that is no end.
    satellite.room.says(0..16_000);
    satellite.room.goes_on(24_000);
    satellite.room.pauses(16_000..32_000);
    let (run, sound) = request(&mut peer);
    assert_eq!((run.text("start_stage"), run.text("end_stage")), (Some("asr"), Some("tts")));
    assert_eq!(run.data["restart_on_end"], json!(false));
    assert_eq!(sound.samples().len(), 32_000, "it is given once, and whole");
    answers(&mut peer, "Turned on the lamp.");
    assert_eq!(peer.next().unwrap().kind, "played");
    let turn = satellite.room.turn();
    assert_eq!((&*turn.transcript, &*turn.reply, turn.intent), (LAMP, "Turned on the lamp.", None));
    let provider = turn.waterfall.drafts.last().unwrap().provider.clone().unwrap();
    assert_eq!((&*provider.name, &*provider.tier), ("assist", "on this device"));
    let store = satellite.room.store.clone();
    assert!(satellite.room.remembers().is_empty(), "what Home Assistant said is not in Pipit's history");
    let traffic = store.traffic(10).unwrap();
    assert_eq!((traffic.len(), traffic[0].purpose, traffic[0].sent), (1, Purpose::Chat, 64_000));
    assert_eq!((&*traffic[0].provider, &*traffic[0].host, traffic[0].received), ("assist", "127.0.0.1", 44_100));
}

#[test]
fn what_is_for_pipit_itself_stays_with_pipit() {
    for own in ["what time is it", "set a timer for five minutes", "set the volume to 30 and what time is it", "stop"] {
        let hear: support::room::Hear = match own {
            "what time is it" => |_| "what time is it",
            "stop" => |_| "stop",
            "set a timer for five minutes" => |_| "set a timer for five minutes",
            _ => |_| "set the volume to 30 and what time is it",
        };
        let mut satellite = Satellite::new(&nobody(), hear);
        let mut peer = satellite.assist();
        satellite.room.says(0..24_000);
        assert!(satellite.room.turn().intent.is_some(), "{own}");
        nothing_came(&mut peer);
    }
}

#[test]
fn what_is_to_be_announced_is_played_and_home_assistant_told() {
    let mut satellite = Satellite::new(&nobody(), |_| LAMP);
    let mut peer = satellite.assist();
    for _ in 0..2 {
        peer.send_sound(&tone(1));
    }
    for _ in 0..2 {
        assert_eq!(peer.next().unwrap().kind, "played");
    }
    // The record of turns has them, as it has what Pipit announces by itself.
    let Room { events, runtime, .. } = &mut satellite.room;
    let turns = async {
        for _ in 0..2 {
            while !matches!(events.recv().await.unwrap(), BusEvent::Turn(_)) {}
        }
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, turns).await }).unwrap();
    for _ in 0..5 {
        peer.send_sound(&tone(10));
    }
    let why = loop {
        let event = peer.next().unwrap();
        if event.kind == "error" {
            break event;
        }
    };
    assert!(why.text("text").unwrap().contains("wait to be heard already"), "{:?}", why.text("text"));
}

#[test]
fn what_assist_can_not_do_is_said() {
    let mut satellite = Satellite::new(&nobody(), |_| LAMP);
    let mut peer = satellite.assist();
    for (code, spoken) in [
        ("stt-no-text-recognized", "Sorry, Home Assistant didn't catch that."),
        ("intent-failed", "Sorry, Home Assistant couldn't do that. My log says why."),
    ] {
        satellite.room.says(0..24_000);
        request(&mut peer);
        peer.send(&Event::new("transcribe"));
        peer.send(&Event::new("error").with("text", "no").with("code", code));
        assert_eq!(satellite.room.turn().reply, spoken);
        assert_eq!(peer.next().unwrap().kind, "played");
    }
    satellite.room.says(0..24_000);
    request(&mut peer);
    understands(&mut peer);
    drop(peer);
    assert_eq!(satellite.room.turn().reply, "Sorry, I lost Home Assistant before it had answered.");
}

#[test]
fn whoever_is_paused_or_gone_answers_nothing_and_pipit_does_again() {
    let (requests, address) = Requests::listen();
    let mut satellite = Satellite::new(&address, |_| LAMP);
    let mut peer = satellite.assist();
    // Home Assistant connects anew where it has lost the connection, and may not know yet that it has.
    let mut again = satellite.assist();
    nothing_came(&mut again);
    satellite.room.says(0..24_000);
    request(&mut again);
    nothing_came(&mut peer);
    answers(&mut again, "Done.");
    assert_eq!(satellite.room.turn().reply, "Done.");
    again.send(&Event::new("pause-satellite"));
    satellite.wait(false);
    satellite.room.says(0..24_000);
    requests.next().answer(&streamed(&["I have no lamp."]));
    assert_eq!(satellite.room.turn().reply, "I have no lamp.");
}

#[test]
fn an_answer_that_is_stopped_leaves_the_next_one_alone() {
    let mut satellite = Satellite::new(&nobody(), |_| LAMP);
    let mut peer = satellite.assist();
    satellite.room.says(0..24_000);
    request(&mut peer);
    understands(&mut peer);
    peer.send(&Event::audio_start(Hertz(22_050)));
    let sound = tone(4);
    let pieces: Vec<Event> = pipit_core::wyoming::sound(&sound, 0.1).collect();
    pieces.iter().for_each(|event| peer.send(event));
    let Room { snapshots, runtime, inbox, .. } = &mut satellite.room;
    let speaks = snapshots.wait_for(|told| told.phase == "speaking");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, speaks).await }).unwrap().unwrap();
    inbox.blocking_send(Message::Event(TurnEvent::StopRequested)).unwrap();
    satellite.room.turn();
    assert_eq!(peer.next().unwrap().kind, "played");
    satellite.room.says(0..24_000);
    // The next request waits for the end of what is still coming.
    pieces.iter().for_each(|event| peer.send(event));
    nothing_came(&mut peer);
    peer.send(&Event::audio_stop());
    request(&mut peer);
    answers(&mut peer, "Done.");
    assert_eq!(satellite.room.turn().reply, "Done.");
}

#[test]
fn a_timer_of_home_assistants_is_told_here_when_it_is_over() {
    let mut satellite = Satellite::new(&nobody(), |_| LAMP);
    let mut peer = satellite.assist();
    let timer = |kind: &str| Event::new(kind).with("id", "a");
    peer.send(&timer("timer-started").with("total_seconds", 300).with("name", "pizza"));
    peer.send(&timer("timer-finished"));
    nothing_came(&mut peer);
    drop(peer);
    satellite.wait(false);
    let said = Arc::clone(&satellite.said);
    satellite.room.remembers();
    assert_eq!(*said.lock().unwrap(), ["Your pizza timer is done."]);
}

#[test]
fn it_says_what_it_is() {
    let satellite = Satellite::new(&nobody(), |_| LAMP);
    let mut peer = Peer::connect(&satellite.address);
    peer.send(&Event::new("describe"));
    let info = peer.next_of("info");
    assert_eq!(info.data["satellite"]["name"], "Pipit kitchen");
    assert_eq!(
        (&info.data["satellite"]["area"], &info.data["satellite"]["installed"]),
        (&json!("kitchen"), &json!(true))
    );
    assert_eq!(info.data["asr"], json!([]), "a satellite is nothing else for Home Assistant");
}
