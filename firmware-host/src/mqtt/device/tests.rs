use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use expect_test::{expect, expect_file};
use pipit_core::chat::Tier;
use pipit_core::control::Selectable;
use pipit_core::turn::WakeMode;
use pipit_store::Store;
use pipit_web::{Interruption, Timings, Waterfall};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::executable::Executable;

fn selection(names: &[&str]) -> Selection {
    Selection(names.iter().map(|name| Selectable { name: (*name).to_owned(), tier: Tier::Device }).collect())
}

fn settings() -> Settings {
    let voices = selection(&["kokoro af_heart", "espeak-ng en-gb"]);
    let models = selection(&["whisper-base.en", "pipit-nano-en"]);
    Settings {
        discovery_prefix: "homeassistant".into(),
        topic_prefix: "pipit/kitchen".into(),
        id: "pipit-kitchen".into(),
        version: "1.2.3",
        choices: Choices { restart: true, voices, models, ..Choices::new(WakeMode::Phrase, Tier::House, None) },
        has_thermometer: true,
        words: true,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        phase: "idle",
        microphone: Some("USB microphone".into()),
        volume: 55,
        wake_mode: "phrase",
        widest_tier: "in the house",
        voice: Some("kokoro af_heart".into()),
        recogniser: Some("pipit-nano-en".into()),
        ..Snapshot::default()
    }
}

fn timer(name: Option<&str>, due: &str, paused: Option<u64>) -> TimerState {
    TimerState {
        name: name.map(str::to_owned),
        length: Duration::from_secs(600),
        due: due.parse().unwrap(),
        paused: paused.map(Duration::from_secs),
    }
}

fn at(seconds: f64) -> Moment {
    Moment::START + Duration::from_secs_f64(seconds)
}

/// One line for each message, with `!` where it is retained.
fn written(published: &[Publish]) -> String {
    let line = |publish: &Publish| {
        assert_eq!(publish.qos, 1, "{publish:?}");
        assert!(!publish.payload.is_empty(), "an empty message takes back what is retained: {publish:?}");
        let topic = publish.topic.strip_prefix("pipit/kitchen/").unwrap();
        format!("{topic}{} {}\n", if publish.retain { "!" } else { "" }, publish.payload)
    };
    published.iter().map(line).collect()
}

/// A command that nothing has come before.
fn commanded(key: &str, payload: impl AsRef<[u8]>) -> Outcome {
    Device::new(settings()).message(at(9.0), &format!("pipit/kitchen/{key}/set"), payload.as_ref(), false)
}

#[test]
fn one_message_makes_everything_known_to_home_assistant() {
    let discovery = Device::new(settings()).discovery();
    assert_eq!(discovery.topic, "homeassistant/device/pipit-kitchen/config");
    assert!(discovery.retain);
    let payload: serde_json::Value = serde_json::from_str(&discovery.payload).unwrap();
    expect_file!["discovery.golden.json"].assert_eq(&format!("{payload:#}\n"));
}

#[test]
fn every_entity_has_an_id_of_its_own_and_a_topic_of_pipits() {
    for id in ["pipit", "Pipit-2_kitchen--north_"] {
        let device = Device::new(Settings { id: id.into(), ..settings() });
        let payload: serde_json::Value = serde_json::from_str(&device.discovery().payload).unwrap();
        let components = payload["cmps"].as_object().unwrap();
        let mut ids = std::collections::BTreeSet::new();
        for (key, entity) in components {
            assert!(ids.insert(entity["uniq_id"].as_str().unwrap().to_owned()), "{key}");
            let (platform, name) = entity["default_entity_id"].as_str().unwrap().split_once('.').unwrap();
            assert_eq!(platform, entity["p"], "{key}");
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(fits) && !name.contains("__") && !name.ends_with('_'), "{name}");
            for topic in ["stat_t", "cmd_t", "json_attr_t"].iter().filter_map(|topic| entity[topic].as_str()) {
                assert!(topic.starts_with("pipit/kitchen/"), "{key}: {topic}");
            }
        }
    }
}

#[test]
fn what_is_not_there_is_taken_back() {
    let choices = Choices::new(WakeMode::Always, Tier::Device, None);
    let device = Device::new(Settings { choices, has_thermometer: false, words: false, ..settings() });
    let payload: serde_json::Value = serde_json::from_str(&device.discovery().payload).unwrap();
    for (key, platform) in [
        ("last_request", "sensor"),
        ("last_reply", "sensor"),
        ("restart", "button"),
        ("privacy", "select"),
        ("voice", "select"),
        ("model", "select"),
        ("temperature", "sensor"),
    ] {
        assert_eq!(payload["cmps"][key], json!({ "p": platform }));
    }
    let update = &payload["cmps"]["update"];
    assert!(update["stat_t"].is_string() && update["cmd_t"].is_null(), "nothing can be installed from afar: {update}");
}

#[test]
fn whoever_has_forgotten_everything_is_told_everything() {
    let mut device = Device::new(settings());
    device.on_change(&snapshot());
    device.on_vitals(&Vitals { temperature: Some(48.4), memory: Some(300 << 20) });
    let connected = device.connected();
    assert_eq!(connected[0], device.discovery());
    expect![[r#"
        status! online
        audible_after! None
        decided_after! None
        first_words_after! None
        memory! 300
        microphone! ON
        model! pipit-nano-en
        muted! OFF
        next_timer! None
        overloaded! OFF
        privacy! in the house
        recogniser_time! None
        state! idle
        temperature! 48
        timers! 0
        timers/attributes! {"timers":[]}
        turn_model_time! None
        understood_after! None
        update! {"installed_version":"1.2.3","latest_version":"1.2.3"}
        voice! kokoro af_heart
        voice_time! None
        volume! 55
        wake_mode! phrase
    "#]]
    .assert_eq(&written(&connected[1..]));
    let born = |payload: &str, retained| {
        let mut device = Device::new(settings());
        device.message(at(9.0), "homeassistant/status", payload.as_bytes(), retained).publish
    };
    assert_eq!(born("online", false), Device::new(settings()).connected(), "Home Assistant has started");
    assert_eq!(born("online", true), []);
    assert_eq!(born("offline", false), []);
}

#[test]
fn of_a_change_only_what_is_different_is_told() {
    let mut device = Device::new(settings());
    device.on_change(&snapshot());
    assert_eq!(device.on_change(&snapshot()), []);
    let later = Snapshot { phase: "hearing", muted: true, turns: 7, microphone: None, ..snapshot() };
    expect![[r#"
        state! hearing
        muted! ON
        microphone! OFF
    "#]]
    .assert_eq(&written(&device.on_change(&later)));
    let warm = |temperature| Vitals { temperature: Some(temperature), memory: None };
    assert_eq!(device.on_vitals(&warm(48.1)).len(), 1);
    assert_eq!(device.on_vitals(&warm(48.4)), [], "a tenth of a degree is nothing to tell");
}

#[test]
fn what_works_is_told_by_the_names_that_can_be_chosen() {
    let mut device = Device::new(settings());
    device.on_change(&snapshot());
    let later =
        Snapshot { voice: Some("piper lighter".into()), recogniser: Some("whisper-base.en".into()), ..snapshot() };
    expect![[r#"
        voice! None
        model! whisper-base.en
    "#]]
    .assert_eq(&written(&device.on_change(&later)));
    let choices = Choices::new(WakeMode::Phrase, Tier::House, None);
    let mut simple = Device::new(Settings { choices, ..settings() });
    let told = written(&simple.on_change(&snapshot()));
    assert!(!told.contains("voice!") && !told.contains("model!"), "{told}");
}

#[test]
fn what_is_installed_is_told_beside_what_runs() {
    let mut device = Device::new(settings());
    assert_eq!(device.on_installed("1.2.3"), []);
    expect![[r#"
        update! {"installed_version":"1.2.3","latest_version":"1.3.0"}
    "#]]
    .assert_eq(&written(&device.on_installed("1.3.0")));
}

#[tokio::test(start_paused = true)]
async fn a_newer_pipit_on_the_disk_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipit");
    std::fs::write(&path, "the one that runs").unwrap();
    let (publish, mut published) = tokio::sync::mpsc::unbounded_channel();
    let (snapshots, events, (_sender, words)) =
        (watch::Sender::new(snapshot()), broadcast::Sender::new(1), mpsc::channel(1));
    let told = Told {
        snapshots: snapshots.subscribe(),
        events: events.subscribe(),
        words,
        store: Store::open(&folder.path().join("pipit.db")).unwrap(),
        executable: Executable::at(path.clone(), "1.2.3"),
    };
    let (device, stop) = (Arc::new(Mutex::new(Device::new(settings()))), CancellationToken::new());
    let telling = tokio::spawn(tell(device, told, move |message| publish.send(message).unwrap(), stop.clone()));
    let mut hears = async |words: &str| while !published.recv().await.unwrap().payload.contains(words) {};
    hears("idle").await;
    let beside = folder.path().join("new");
    std::fs::write(&beside, "#!/bin/sh\necho 'pipit 1.3.0'\n").unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(beside, path).unwrap();
    hears(r#""latest_version":"1.3.0""#).await;
    stop.cancel();
    telling.await.unwrap();
}

#[test]
fn a_turn_is_an_event_and_what_it_took() {
    let mut device = Device::new(settings());
    let timings_ms =
        Timings { turn_decided: Some(280.4), transcript: Some(310.0), first_audio: Some(402.7), ..Timings::default() };
    let answered = TurnRecord { turn: 3, ended_by: Some("intent"), timings_ms, ..TurnRecord::default() };
    expect![[r#"
        event {"ended_by":"intent","event_type":"answered","turn":3}
        decided_after! 280
        understood_after! 310
        audible_after! 403
    "#]]
    .assert_eq(&written(&device.on_turn(&answered)));

    let stopped = Interruption { at_ms: 900.0, resumed_ms: None, stopped_ms: Some(950.0) };
    let waterfall = Waterfall { interruptions: vec![stopped], ..Waterfall::default() };
    let interrupted = TurnRecord { turn: 4, waterfall, ..answered.clone() };
    let unanswered = TurnRecord { turn: 5, timings_ms: Timings::default(), ..answered };
    let announced = TurnRecord { turn: 6, ..TurnRecord::default() };
    let events: String =
        [interrupted, unanswered, announced].iter().map(|turn| written(&device.on_turn(turn))).collect();
    expect![[r#"
        event {"ended_by":"intent","event_type":"interrupted","turn":4}
        event {"ended_by":"intent","event_type":"unanswered","turn":5}
        decided_after! None
        understood_after! None
        audible_after! None
        event {"ended_by":null,"event_type":"announced","turn":6}
    "#]]
    .assert_eq(&events);
}

#[test]
fn words_are_published_where_the_owner_wants_it_and_retained_nowhere() {
    let mut device = Device::new(settings());
    let long = "é".repeat(300);
    let published = device.on_words("what time is it", &long);
    assert!(published.iter().all(|publish| !publish.retain));
    let state = published.iter().find(|publish| publish.topic.ends_with("last_reply")).unwrap();
    assert_eq!(state.payload.chars().count(), 255, "a state of Home Assistant's holds no more");
    assert!(
        published
            .iter()
            .any(|publish| publish.topic.ends_with("last_reply/attributes") && publish.payload.contains(&long))
    );
    assert!(!written(&device.states()).contains("what time"));

    let mut discreet = Device::new(Settings { words: false, ..settings() });
    assert_eq!(discreet.on_words("what time is it", "Noon."), []);
}

#[test]
fn timers_are_told_by_when_they_end_and_by_name_where_words_are_published() {
    let timers = [
        timer(Some("pasta"), "2026-11-27T12:10:00Z", None),
        timer(None, "2026-11-27T12:30:00Z", None),
        timer(None, "2026-11-27T12:05:00Z", Some(90)),
    ];
    let mut device = Device::new(settings());
    expect![[r#"
        timers/attributes! {"timers":[{"ends_at":"2026-11-27T12:10:00Z","length_s":600,"name":"pasta"},{"ends_at":"2026-11-27T12:30:00Z","length_s":600},{"length_s":600,"paused":true,"remaining_s":90}]}
        timers! 3
        next_timer! 2026-11-27T12:10:00Z
    "#]]
    .assert_eq(&written(&device.on_timers(&timers)));
    assert_eq!(device.on_timers(&timers), [], "nothing is told each second");
    expect![[r#"
        timers/attributes! {"timers":[]}
        timers! 0
        next_timer! None
    "#]]
    .assert_eq(&written(&device.on_timers(&[])));
    let mut discreet = Device::new(Settings { words: false, ..settings() });
    assert!(!written(&discreet.on_timers(&timers)).contains("pasta"));
}

#[test]
fn commands_are_read() {
    for (key, payload, command) in [
        ("muted", "ON", Command::Mute(true)),
        ("muted", "OFF", Command::Mute(false)),
        ("volume", "30", Command::SetVolume(30)),
        ("wake_mode", "push-to-talk", Command::SetWakeMode(WakeMode::PushToTalk)),
        ("privacy", "on this device", Command::SetWidest(Tier::Device)),
        ("say", "Dinner is ready", Command::Announce("Dinner is ready".into())),
        ("announce", "Dinner\nis ready", Command::Announce("Dinner is ready".into())),
        ("voice", "espeak-ng en-gb", Command::SetVoice("espeak-ng en-gb".into())),
        ("model", "pipit-nano-en", Command::SetModel("pipit-nano-en".into())),
        ("update", "INSTALL", Command::Restart),
        ("stop", "PRESS", Command::Stop),
        ("restart", "PRESS", Command::Restart),
    ] {
        assert_eq!(commanded(key, payload), Outcome { command: Some(command), ..Outcome::default() }, "{key}");
    }
}

#[test]
fn what_is_no_command_is_refused_with_what_is_accepted() {
    let mut problems = String::new();
    for (key, payload) in [
        ("muted", &b"secret"[..]),
        ("volume", b"loud"),
        ("wake_mode", b"openwakeword"),
        ("privacy", b"leaves the house"),
        ("voice", b"pipit-nano-en"),
        ("model", b"whisper-large"),
        ("update", b"PRESS"),
        ("say", b"..."),
        ("announce", &[0xff]),
        ("announce", &[b'a'; 5000]),
        ("stop", b""),
        ("unlock", b"ON"),
    ] {
        let outcome = commanded(key, payload);
        assert_eq!((outcome.command, outcome.publish), (None, vec![]), "{key}");
        problems += &(outcome.problem.unwrap() + "\n");
    }
    expect![[r#"
        what was published on pipit/kitchen/muted/set was ignored: it must be ON or OFF
        what was published on pipit/kitchen/volume/set was ignored: it must be a number from 0 to 100
        what was published on pipit/kitchen/wake_mode/set was ignored: it must be push-to-talk, phrase or always
        what was published on pipit/kitchen/privacy/set was ignored: it must be on this device or in the house
        what was published on pipit/kitchen/voice/set was ignored: it must be kokoro af_heart or espeak-ng en-gb
        what was published on pipit/kitchen/model/set was ignored: it must be whisper-base.en or pipit-nano-en
        what was published on pipit/kitchen/update/set was ignored: it must be INSTALL
        what was published on pipit/kitchen/say/set was ignored: it must be a text of at most 255 characters, with words in it
        what was published on pipit/kitchen/announce/set was ignored: it must be text in UTF-8
        what was published on pipit/kitchen/announce/set was ignored: it must be at most 1020 bytes
        what was published on pipit/kitchen/stop/set was ignored: it must be PRESS
        what was published on pipit/kitchen/unlock/set was ignored: it must be on the topic of a command: muted, volume, wake_mode, privacy, voice, model, say, announce, stop, restart or update
    "#]]
    .assert_eq(&problems);
    let mut device = Device::new(settings());
    for topic in ["pipit/kitchen/state", "pipit/kitchenette/muted/set", "zigbee2mqtt/lamp/set", "pipit/kitchen/a/b/set"]
    {
        assert_eq!(
            device.message(at(9.0), topic, b"ON", false),
            Outcome::default(),
            "{topic} is no affair of the device's"
        );
    }
}

#[test]
fn a_retained_command_is_ignored_and_that_is_said_once() {
    let mut device = Device::new(settings());
    let mut come = |key: &str| device.message(at(9.0), &format!("pipit/kitchen/{key}/set"), b"OFF", true);
    let Outcome { command: None, problem: Some(problem), .. } = come("muted") else { panic!("it is retained") };
    assert!(problem.contains("pipit/kitchen/muted/set") && problem.contains("retained"), "{problem}");
    assert_eq!(come("muted"), Outcome::default());
    assert_eq!(come("volume"), Outcome::default());
}

#[test]
fn a_flood_is_let_through_drop_by_drop_and_complained_of_once() {
    let mut device = Device::new(settings());
    let mut count = |seconds: f64, times: usize| {
        let mut come = || device.message(at(seconds), "pipit/kitchen/volume/set", b"5", false);
        let outcomes: Vec<Outcome> = (0..times).map(|_| come()).collect();
        let commands = outcomes.iter().filter(|outcome| outcome.command.is_some()).count();
        (commands, outcomes.iter().filter(|outcome| outcome.problem.is_some()).count())
    };
    assert_eq!(count(0.0, 100), (20, 1));
    assert_eq!(count(0.4, 100), (0, 0));
    assert_eq!(count(1.1, 100), (2, 1));
    assert_eq!(count(100.0, 20), (20, 0));
}

#[test]
fn it_listens_to_its_own_commands_and_to_home_assistants_start() {
    let topics: Vec<String> =
        Device::new(settings()).subscriptions().into_iter().map(|subscription| subscription.topic).collect();
    assert_eq!(topics, ["pipit/kitchen/+/set", "homeassistant/status"]);
}
