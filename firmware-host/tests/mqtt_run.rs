//! The whole program on a broker, mosquitto: whether it is there is known to all, whatever ends it, and its secrets to nobody.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use serde_json::{Map, Value};
use support::Home;
use support::broker::{Broker, PATIENCE, Peer};

/// `pipit run`, which ends with this.
struct Daemon {
    process: Child,
    log: Receiver<String>,
}

impl Daemon {
    fn start(mut command: Command) -> Daemon {
        let mut process = command.arg("run").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Daemon { process, log }
    }

    /// Waits until the log has a line with `words` in it, and returns all until then.
    #[track_caller]
    fn logs(&self, words: &str) -> String {
        let (deadline, mut seen) = (Instant::now() + PATIENCE, String::new());
        while !seen.contains(words) {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => seen += &(line + "\n"),
                Err(_) => panic!("`{words}` is not in the log:\n{seen}"),
            }
        }
        seen
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end, and returns what it still logged.
    fn ends(mut self) -> String {
        let log: Vec<String> = self.log.iter().collect();
        self.process.wait().unwrap();
        log.join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

/// Says what Zigbee2MQTT does of a house with a ceiling light in the kitchen.
async fn make_known(peer: &Peer) {
    let recorded: Map<String, Value> =
        serde_json::from_str(include_str!("../../core/src/home/tests/zigbee2mqtt.json")).unwrap();
    for (topic, payload) in recorded {
        peer.publish(&topic, payload.to_string(), true).await;
    }
    for topic in ["zigbee2mqtt/bridge/state", "zigbee2mqtt/Kitchen ceiling/availability"] {
        peer.publish(topic, r#"{"state":"online"}"#, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_know_whether_it_is_there_also_when_it_was_killed() {
    let broker = Broker::start();
    let mut peer = Peer::hearing(&broker, "pipit/#").await;
    let home = Home::new();
    home.configure(&(home.usual_config() + &broker.section("")));
    let (status, online, offline) = ("pipit/pipit/status", "online", "offline");
    for signal in ["KILL", "TERM"] {
        let daemon = Daemon::start(home.command());
        peer.hears(status, online).await;
        daemon.signal(signal);
        peer.hears(status, offline).await;
        let log = daemon.ends();
        assert!(!log.contains("panicked"), "{log}");
        let mut late = Peer::hearing(&broker, "pipit/#").await;
        assert!(late.hears(status, offline).await.retained, "{signal}");
    }
}

#[test]
fn its_password_is_in_no_log_whether_it_is_right_or_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("passwords");
    let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["pipit", "hunter77"]).status();
    assert!(made.unwrap().success());
    let broker = Broker::in_folder(folder, &format!("allow_anonymous false\npassword_file {}\n", passwords.display()));
    let home = Home::new();
    let keys = broker.section("username = \"pipit\"\npassword_env = \"BROKER\"\n[log]\nlevel = \"trace\"\n");
    home.configure(&(home.usual_config() + &keys));
    for (password, logged) in
        [("hunter77", "connected to the MQTT broker"), ("hunter78", "does not accept the user pipit")]
    {
        let mut command = home.command();
        command.env("BROKER", password);
        let daemon = Daemon::start(command);
        let log = daemon.logs(logged);
        daemon.signal("TERM");
        let log = log + &daemon.ends();
        assert!(!log.contains("hunter7"), "{log}");
    }
    let mut doctor = home.command();
    doctor.env("BROKER", "hunter78").arg("doctor");
    let said = support::Said::of(doctor.output().unwrap());
    assert!(said.out.contains("BAD   MQTT broker"), "{said:?}");
    assert!(said.out.contains("does not accept the user pipit") && !said.out.contains("hunter7"), "{said:?}");
    // Which variable is empty is said, and the daemon goes on without.
    let daemon = Daemon::start(home.command());
    let (why, log) =
        ("password for the MQTT broker should be in BROKER (mqtt.password_env)", daemon.logs("self-test passed"));
    if !log.contains(why) {
        daemon.logs(why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_told_what_is_at_home_and_the_daemon_stays_where_it_is() {
    let broker = Broker::start();
    let mut peer = Peer::of(&broker).await;
    make_known(&peer).await;
    peer.publish("zigbee2mqtt/Kitchen ceiling", r#"{"state":"ON"}"#, true).await;
    let home = Home::new();
    home.configure(&(home.usual_config() + &broker.section("")));
    let daemon = Daemon::start(home.command());
    peer.hears("pipit/pipit/status", "online").await;
    let said = home.pipit(["home"]).succeeded();
    assert!(said.out.contains("light      Kitchen ceiling (Kitchen) is on.\n"), "{said:?}");
    assert_eq!(said.out.lines().count(), 9, "{said:?}");
    let asked = |text: &str| home.pipit(["ask", text]).succeeded().out;
    assert_eq!(asked("is the kitchen ceiling on"), "Yes, the kitchen ceiling is on.\n");
    assert_eq!(asked("Turn off the kitchen ceiling, please."), "Turned off the kitchen ceiling.\n");
    peer.hears("zigbee2mqtt/Kitchen ceiling/set", r#"{"state":"OFF"}"#).await;
    let doctor = home.pipit(["doctor"]);
    let line = format!("ok    MQTT broker    127.0.0.1:{}; 9 things are known there", broker.port);
    assert!(doctor.out.contains(&line), "{doctor:?}");
    let mut late = Peer::hearing(&broker, "pipit/#").await;
    assert!(late.hears("pipit/pipit/status", "online").await.retained);
    daemon.signal("TERM");
    peer.hears("pipit/pipit/status", "offline").await;
}

/// A home with three recognisers: the one in the box, the same under another name, and a damaged one.
fn home_with_a_choice(broker: &Broker) -> Home {
    let home = Home::new();
    let models = home.path("models");
    std::fs::create_dir(&models).unwrap();
    for name in ["onnxruntime", "silero-vad-v6.onnx", "smart-turn-v3.2.onnx"] {
        std::os::unix::fs::symlink(support::models_folder().join(name), models.join(name)).unwrap();
    }
    let nano = include_bytes!("../../models/pipit-nano-en-q5_0.bin");
    home.file("models/own.bin", nano);
    home.file("models/damaged.bin", vec![0; nano.len()]);
    let entry = |name: &str| {
        let (file, bytes) = (format!("{name}.bin"), nano.len());
        format!(
            "[[model]]\nname = {name:?}\nengine = \"whisper\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\nmemory_mb = 40\n\
             about = \"x\"\n[[model.file]]\nname = {file:?}\nurl = \"https://nas.local/{file}\"\nbytes = {bytes}\n"
        )
    };
    home.file("models/catalogue.toml", entry("own") + &entry("damaged"));
    let usual = home.usual_config().replace(&format!("{:?}", support::models_folder()), &format!("{models:?}"));
    home.configure(&(usual + &broker.section("")));
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_and_a_recogniser_are_chosen_while_it_runs_and_stay_chosen() {
    let broker = Broker::start();
    let mut peer = Peer::hearing(&broker, "pipit/pipit/+").await;
    peer.publish("pipit/pipit/voice/set", "espeak-ng en-gb-scotland", true).await;
    let home = home_with_a_choice(&broker);
    let daemon = Daemon::start(home.command());
    peer.hears("pipit/pipit/voice", "espeak-ng en-us").await;
    peer.hears("pipit/pipit/model", "pipit-nano-en").await;
    peer.publish("pipit/pipit/model/set", "damaged", false).await;
    daemon.logs("the recogniser stays pipit-nano-en, because damaged can't be loaded");
    peer.publish("pipit/pipit/model/set", "own", false).await;
    peer.hears("pipit/pipit/model", "own").await;
    peer.publish("pipit/pipit/voice/set", "espeak-ng en-gb", false).await;
    peer.hears("pipit/pipit/voice", "espeak-ng en-gb").await;
    daemon.signal("TERM");
    peer.hears("pipit/pipit/status", "offline").await;
    let log = daemon.ends();
    assert!(!log.contains("panicked") && !log.contains("scotland"), "{log}");

    let daemon = Daemon::start(home.command());
    let log = daemon.logs("self-test passed");
    assert!(
        log.contains("the voice is espeak-ng en-gb, as it was chosen, and not espeak-ng en-us, as [tts] says"),
        "{log}"
    );
    peer.hears("pipit/pipit/model", "own").await;
    // What is configured is no choice any more.
    peer.publish("pipit/pipit/voice/set", "espeak-ng en-us", false).await;
    peer.hears("pipit/pipit/voice", "espeak-ng en-us").await;
    daemon.signal("TERM");
    peer.hears("pipit/pipit/status", "offline").await;
    daemon.ends();

    std::fs::remove_file(home.path("models/own.bin")).unwrap();
    let daemon = Daemon::start(home.command());
    let log = daemon.logs("self-test passed");
    assert!(log.contains("the recogniser is pipit-nano-en, since own, which was chosen, is there no more"), "{log}");
    assert!(!log.contains("the voice is"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoken_is_done_at_home_without_a_language_model() {
    let broker = Broker::start();
    let mut peer = Peer::of(&broker).await;
    make_known(&peer).await;
    let home = Home::new();
    home.configure(&(home.usual_config() + &broker.section("")));
    let recording = home.path("request.wav");
    let spoken = Command::new("espeak-ng").arg("-w").arg(&recording).arg("turn off the kitchen light").status();
    assert!(spoken.unwrap().success());
    let said = home.pipit(["hear", "--realtime=false", "--json", &recording.display().to_string()]).succeeded();
    peer.hears("zigbee2mqtt/Kitchen ceiling/set", r#"{"state":"OFF"}"#).await;
    assert!(said.out.contains("Turned off the kitchen light."), "{said:?}");
}
