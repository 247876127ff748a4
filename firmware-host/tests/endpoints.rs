//! Drivers and their shared workers: several places at once, and models and servers that fail at the wrong moment.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::time::Duration;

use pipit::worker::Message;
use pipit_chat::DeviceAction;
use pipit_core::load::LoadSettings;
use pipit_core::turn::{Event, WakeMode};
use support::Home;
use support::recording::{TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, demo, words_beside};
use support::room::{PATIENCE, Room};
use support::server::{Requests, nobody, streamed, wants_tool};

#[test]
fn two_people_in_two_rooms_are_both_answered() {
    let home = Home::new();
    let mut arguments = home.hearing(&[demo(WHAT_TIME_IS_IT), demo(TWELVE_TIMES_SEVEN)], true);
    arguments.push("--at-once".into());
    let said = home.pipit(arguments).succeeded();
    assert_eq!(said.transcripts(), [WHAT_TIME_IS_IT, TWELVE_TIMES_SEVEN].map(|name| words_beside(&demo(name))));
    for (number, turn) in (1_u64..).zip(said.turns()) {
        assert_eq!((&turn["endpoint"], &turn["turn"]), (&number.into(), &1.into()), "{turn}");
        let wav = turn["reply_wav"].as_str().unwrap();
        support::recording::Sound::of(wav.as_ref()).could_be(turn["reply"].as_str().unwrap());
    }
    home.pipit(["hear", "--at-once", "--realtime=false", "x.wav"]).failed_saying(&["--realtime=false"]);
}

#[test]
fn a_reply_that_comes_after_its_draft_was_revised_is_dropped() {
    let (requests, address) = Requests::listen();
    let mut room = Room::new(&address, |job| if job.task.utterance.samples().len() > 16_000 { LONG } else { SHORT });
    room.says(0..16_000);
    let first = requests.next();
    assert!(first.last_message().contains(SHORT) && !first.last_message().contains(LONG));
    // The person goes on, and the answer to the first half has not begun.
    room.goes_on(24_000);
    room.pauses(16_000..32_000);
    let second = requests.next();
    assert!(second.last_message().contains(LONG));
    first.answer(&streamed(&["Stale."]));
    second.answer(&streamed(&["Fresh."]));
    let report = room.turn();
    assert_eq!((&*report.transcript, &*report.reply, report.drafts), (LONG, "Fresh.", 2));
    assert_eq!(report.remembered.as_deref(), Some(LONG));
    assert_eq!(room.remembers(), ["Fresh."]);
}

#[test]
fn what_is_changed_while_it_runs_is_told() {
    let mut room = Room::new(&nobody(), |_| LONG);
    assert_eq!((room.snapshots.borrow().wake_mode, room.snapshots.borrow().volume), ("always", 50));
    room.inbox.blocking_send(Message::Device(DeviceAction::SetVolume(30))).unwrap();
    room.inbox.blocking_send(Message::Event(Event::WakeModeChosen { mode: WakeMode::PushToTalk })).unwrap();
    let Room { snapshots, runtime, .. } = &mut room;
    let told = snapshots.wait_for(|told| told.wake_mode == "push-to-talk");
    let told = runtime.block_on(async { tokio::time::timeout(PATIENCE, told).await }).unwrap().unwrap();
    assert_eq!(told.volume, 30);
}

#[test]
fn a_tool_that_a_draft_wants_is_used_once_the_turn_is_decided() {
    let (requests, address) = Requests::listen();
    let mut room = Room::new(&address, |job| if job.task.utterance.samples().len() > 16_000 { LONG } else { SHORT });
    room.says(0..16_000);
    let wants = wants_tool("set_timer", &serde_json::json!({ "minutes": 4 }));
    requests.next().answer(&wants);
    room.goes_on(24_000);
    room.pauses(16_000..32_000);
    requests.next().answer(&wants);
    let with_result = requests.next();
    assert!(with_result.last_message().contains("Timer set for 4 minutes."), "{}", with_result.last_message());
    with_result.answer(&streamed(&["It runs."]));
    assert_eq!(room.turn().reply, "It runs.");
    let timers = room.store.timers().unwrap();
    assert_eq!(timers.len(), 1, "the first draft has set none");
    assert_eq!(room.remembers(), ["It runs."]);
}

#[test]
fn a_long_conversation_is_summarised_between_the_turns() {
    let (requests, address) = Requests::listen();
    let mut room = Room::new(&address, |_| LONG);
    let story = "The moon is far away. ".repeat(80);
    for at in [0, 48_000] {
        room.says(at..at + 24_000);
        requests.next().answer(&streamed(&[&story]));
        room.turn();
    }
    let asked = requests.next();
    assert!(asked.last_message().contains("Reply with a summary"), "{}", asked.last_message());
    // Somebody speaks before it comes, and is answered.
    room.says(96_000..120_000);
    let next = requests.next();
    assert!(next.last_message().contains(LONG));
    next.answer(&streamed(&["Far."]));
    assert_eq!(room.turn().reply, "Far.");
}

#[test]
fn a_recogniser_that_dies_in_mid_draft_is_apologised_for_and_the_next_turn_is_answered() {
    let mut room = Room::new(&nobody(), |job| {
        assert!(job.draft.turn.0 != 1, "the model dies on purpose");
        "what is two plus two"
    });
    room.says(0..24_000);
    assert!(room.turn().reply.contains("can't make out speech"));
    room.says(48_000..72_000);
    assert!(room.turn().reply.contains('4'));
}

#[test]
fn a_board_that_does_not_keep_up_says_so_and_answers_without_preparing() {
    // Whatever a voice needs is too much for this board.
    let load = LoadSettings { slow_voice: 0.0, least_speech: Duration::from_nanos(1), ..LoadSettings::default() };
    let mut room = Room::with(&nobody(), load, |_| "what is two plus two");
    let mut snapshots = room.snapshots.clone();
    // Smart Turn takes it for unfinished. What was prepared in advance says that it is a whole command.
    room.says(0..16_000);
    assert_eq!(room.turn().ended_by, Some("intent"));
    let overloaded = snapshots.wait_for(|snapshot| snapshot.overload.is_some());
    let told = room.runtime.block_on(overloaded).unwrap().overload.clone().unwrap();
    assert!(told.contains("the voice needs") && told.contains("prepared in advance"), "{told}");
    room.says(48_000..64_000);
    let report = room.turn();
    assert_eq!(report.ended_by, Some("silence"));
    assert!(report.reply.contains('4'), "{report:?}");
}

const SHORT: &str = "tell me something about";
const LONG: &str = "tell me something about the moon";
