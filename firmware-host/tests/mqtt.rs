//! The connection to a broker, against mosquitto: what is said and heard over it, and what becomes of it when the broker refuses,
//! vanishes, forgets or floods.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use pipit::mqtt::{Connection, Incoming, MqttHome, Outbox, Outcome, Participant, Status, Unsent, status_topic};
use pipit_chat::tools::{Home as _, HomeCommand};
use pipit_core::home::{Entity, HomeAction, Publish, Reachable, Registry, Subscription};
use pipit_store::{PersonId, Store};
use serde_json::{Map, Value};
use support::broker::{Broker, Heard, PATIENCE, Peer, config};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const ZIGBEE2MQTT: &str = include_str!("../../core/src/home/tests/zigbee2mqtt.json");

/// Pipit on a broker: its connection, and the home behind it.
struct Pipit {
    home: Arc<MqttHome>,
    person: PersonId,
    outbox: Outbox,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Pipit {
    fn start(broker: &Broker) -> Pipit {
        Pipit::with(broker, "", None, Vec::new())
    }

    fn with(broker: &Broker, more: &str, password: Option<&str>, others: Vec<Box<dyn Participant>>) -> Pipit {
        let config = broker.config(more);
        let settings = config.mqtt.unwrap();
        let password = password.map(str::to_owned);
        let mut connection = Connection::new(settings.clone(), Box::new(move || Ok(password.clone())));
        let (outbox, status) = (connection.outbox(), connection.status());
        let home = MqttHome::new(&settings, &config.home, outbox.clone());
        connection.join(home.participant());
        others.into_iter().for_each(|other| connection.join(other));
        let stop = CancellationToken::new();
        let task = tokio::spawn(connection.run(stop.clone()));
        let store = tempfile::tempdir().unwrap();
        let person = Store::open(&store.path().join("pipit.db")).unwrap().person();
        Pipit { home, person, outbox, status, stop, task }
    }

    async fn is(&mut self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let waited = timeout(PATIENCE, self.status.wait_for(wanted)).await.map(|status| status.unwrap().clone());
        waited.unwrap_or_else(|_| panic!("{:?}", self.status.borrow()))
    }

    async fn connected(&mut self) {
        self.is(|status| *status == Status::Connected).await;
    }

    /// Waits for a failure, and says which.
    async fn failed(&mut self) -> String {
        match self.is(|status| matches!(status, Status::Failed(_))).await {
            Status::Failed(why) => why,
            status => panic!("{status:?}"),
        }
    }

    /// Waits until the home is as it is wanted.
    #[track_caller]
    fn knows(&self, wanted: impl Fn(&Registry) -> bool) -> impl Future<Output = ()> {
        let (home, mut changes) = (Arc::clone(&self.home), self.home.changes());
        async move {
            let known = async {
                while !home.look(&wanted) {
                    changes.changed().await.unwrap();
                }
            };
            if timeout(PATIENCE, known).await.is_err() {
                panic!("{:#?}", home.look(|registry| registry.entities().map(|one| one.said()).collect::<Vec<_>>()));
            }
        }
    }

    async fn says(&self, device: &str, said: &str) {
        self.knows(|registry| registry.entities().any(|one| one.device().name == device && one.said() == said)).await;
    }

    async fn command(&self, what: &str, action: HomeAction, value: Option<f64>) -> Result<(), String> {
        let devices = self.home.find(what, None)?;
        let command = HomeCommand { action, devices, value, by: self.person };
        Arc::clone(&self.home).command(command).await
    }

    async fn ends(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// Says what it is told to, and tells what it hears.
struct Speaker(Sender<String>);

impl Speaker {
    fn listening() -> (Box<dyn Participant>, Receiver<String>) {
        let (sender, heard) = channel();
        (Box::new(Speaker(sender)), heard)
    }
}

fn message(topic: &str, payload: &str) -> Publish {
    Publish { topic: topic.to_owned(), payload: payload.to_owned(), qos: 1, retain: true }
}

impl Participant for Speaker {
    fn subscriptions(&self) -> Vec<Subscription> {
        vec![Subscription { topic: "pipit/pipit/mute/set".to_owned(), qos: 1 }]
    }

    fn announcements(&mut self) -> Vec<Publish> {
        vec![message("homeassistant/device/pipit/config", "discovery")]
    }

    fn states(&mut self) -> Vec<Publish> {
        vec![message("pipit/pipit/mute", "OFF")]
    }

    fn message(&mut self, heard: &Incoming<'_>) -> Outcome {
        if heard.topic != "pipit/pipit/mute/set" {
            return Outcome::default();
        }
        let payload = String::from_utf8_lossy(heard.payload).into_owned();
        self.0.send(payload.clone()).unwrap();
        Outcome { publish: vec![message("pipit/pipit/mute", &payload)], ..Outcome::default() }
    }
}

/// Publishes what a firmware would.
async fn make_known(peer: &Peer, recorded: &str) {
    let recorded: Map<String, Value> = serde_json::from_str(recorded).unwrap();
    for (topic, payload) in recorded {
        peer.publish(&topic, payload.to_string(), true).await;
    }
    peer.publish("zigbee2mqtt/bridge/state", r#"{"state":"online"}"#, true).await;
    peer.publish("zigbee2mqtt/Kitchen ceiling/availability", r#"{"state":"online"}"#, true).await;
}

fn said(topic: &str, payload: &str, retained: bool) -> Heard {
    Heard { topic: topic.to_owned(), payload: payload.to_owned(), retained }
}

#[tokio::test]
async fn devices_that_the_broker_remembers_are_known_and_commanded() {
    let broker = Broker::start();
    let mut peer = Peer::of(&broker).await;
    make_known(&peer, ZIGBEE2MQTT).await;
    peer.publish("zigbee2mqtt/Kitchen ceiling", r#"{"state":"ON","brightness":127}"#, true).await;
    let pipit = Pipit::start(&broker);
    pipit.knows(|registry| registry.entities().count() == 9).await;
    pipit.says("Kitchen ceiling", "Kitchen ceiling (Kitchen) is on and is at 50 percent.").await;
    pipit.command("kitchen ceiling", HomeAction::TurnOff, None).await.unwrap();
    peer.hears("zigbee2mqtt/Kitchen ceiling/set", r#"{"state":"OFF"}"#).await;
    // A device that comes later, on topics of its own.
    let lamp = r#"{"name":"Desk lamp","cmd_t":"desk/set","stat_t":"desk","uniq_id":"desk"}"#;
    peer.publish("homeassistant/light/desk/config", lamp, true).await;
    peer.publish("desk", "ON", true).await;
    pipit.says("Desk lamp", "Desk lamp is on.").await;
    // And one that leaves.
    peer.publish("homeassistant/light/desk/config", "", true).await;
    pipit.knows(|registry| registry.find("desk lamp", None).is_err()).await;
    let why = pipit.command("desk lamp", HomeAction::TurnOn, None).await.unwrap_err();
    assert!(why.contains("Nothing is called desk lamp"), "{why}");
    pipit.ends().await;
}

#[tokio::test]
async fn the_household_names_its_devices_and_describes_those_that_do_not_make_themselves_known() {
    let broker = Broker::start();
    let mut peer = Peer::of(&broker).await;
    make_known(&peer, ZIGBEE2MQTT).await;
    let more = "[[home.device]]\nname = 'Kitchen ceiling'\narea = 'Scullery'\naliases = 'big light, cooking light'\n\
                [[home.device]]\nname = 'Coffee machine'\nkind = 'switch'\narea = 'Kitchen'\n\
                command_topic = 'coffee/set'\nstate_topic = 'coffee'\non = 'on'\noff = 'off'\n";
    let mut pipit = Pipit::with(&broker, more, None, Vec::new());
    pipit.connected().await;
    pipit.knows(|registry| registry.find("cooking light", Some("scullery")).is_ok()).await;
    peer.publish("coffee", "on", true).await;
    pipit.says("Coffee machine", "Coffee machine (Kitchen) is on.").await;
    pipit.command("coffee machine", HomeAction::TurnOff, None).await.unwrap();
    peer.hears("coffee/set", "off").await;
    pipit.ends().await;
}

#[tokio::test]
async fn it_says_what_it_is_then_that_it_is_there_then_how_it_is_also_to_a_broker_that_has_forgotten_it() {
    let mut broker = Broker::start();
    for _ in 0..2 {
        let mut peer = Peer::of(&broker).await;
        let (speaker, _heard) = Speaker::listening();
        let mut pipit = Pipit::with(&broker, "", None, vec![speaker]);
        for times in 0..2 {
            peer.hears("pipit/pipit/mute", "OFF").await;
            pipit.connected().await;
            let mut late = Peer::hearing(&broker, "pipit/#").await;
            assert!(late.hears("pipit/pipit/status", "online").await.retained, "{times}");
            if times == 0 {
                broker.kill();
                pipit.failed().await;
                assert_eq!(pipit.outbox.try_publish(&message("a", "b")).unwrap_err(), Unsent::NotConnected);
                broker.restart();
                peer = Peer::of(&broker).await;
            }
        }
        pipit.ends().await;
        peer.hears("pipit/pipit/status", "offline").await;
        let mut late = Peer::hearing(&broker, "pipit/#").await;
        assert!(late.hears("pipit/pipit/status", "offline").await.retained);
    }
    // The order, heard from the beginning.
    let mut peer = Peer::of(&broker).await;
    peer.heard();
    let (speaker, _heard) = Speaker::listening();
    let mut pipit = Pipit::with(&broker, "", None, vec![speaker]);
    pipit.connected().await;
    peer.hears("homeassistant/device/pipit/config", "discovery").await;
    peer.hears("pipit/pipit/status", "online").await;
    peer.hears("pipit/pipit/mute", "OFF").await;
    pipit.ends().await;
}

#[tokio::test]
async fn a_command_that_the_broker_kept_is_ignored_and_one_that_somebody_gives_is_not() {
    let broker = Broker::start();
    let mut peer = Peer::of(&broker).await;
    peer.publish("pipit/pipit/mute/set", "kept", true).await;
    let (speaker, heard) = Speaker::listening();
    let mut pipit = Pipit::with(&broker, "", None, vec![speaker]);
    pipit.connected().await;
    peer.publish("pipit/pipit/mute/set", "said", false).await;
    peer.hears("pipit/pipit/mute", "said").await;
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["said"]);
    pipit.ends().await;
}

#[tokio::test]
async fn a_broker_that_comes_back_is_found_and_what_it_has_heard_meanwhile_is_known() {
    let mut broker = Broker::start();
    let peer = Peer::of(&broker).await;
    make_known(&peer, ZIGBEE2MQTT).await;
    peer.publish("zigbee2mqtt/Kitchen ceiling", r#"{"state":"ON"}"#, true).await;
    let mut pipit = Pipit::start(&broker);
    pipit.says("Kitchen ceiling", "Kitchen ceiling (Kitchen) is on.").await;
    broker.kill();
    let why = pipit.failed().await;
    assert!(
        why.starts_with(&format!("the connection to the MQTT broker at 127.0.0.1:{} was lost", broker.port)),
        "{why}"
    );
    // What can't be done now is said, and never done later.
    let why = pipit.command("kitchen ceiling", HomeAction::TurnOn, None).await.unwrap_err();
    assert_eq!(why, "It was not done, or not wholly: the MQTT broker can't be reached.");
    broker.restart();
    let mut peer = Peer::of(&broker).await;
    make_known(&peer, ZIGBEE2MQTT).await;
    peer.publish("zigbee2mqtt/Kitchen ceiling", r#"{"state":"OFF"}"#, true).await;
    pipit.says("Kitchen ceiling", "Kitchen ceiling (Kitchen) is off.").await;
    pipit.connected().await;
    pipit.command("kitchen ceiling", HomeAction::TurnOff, None).await.unwrap();
    let set = peer.hears("zigbee2mqtt/Kitchen ceiling/set", r#"{"state":"OFF"}"#).await;
    assert_eq!(set, said("zigbee2mqtt/Kitchen ceiling/set", r#"{"state":"OFF"}"#, false));
    pipit.ends().await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_or_wants_another_password_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("passwords");
    let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["pipit", "secret7"]).status();
    assert!(made.unwrap().success());
    let settings = format!("allow_anonymous false\npassword_file {}\n", passwords.display());
    let mut broker = Broker::in_folder(folder, &settings);
    let at = format!("the MQTT broker at 127.0.0.1:{}", broker.port);
    let named = "username = \"pipit\"\npassword_env = \"UNUSED\"\n";

    let mut stranger = Pipit::start(&broker);
    let why = stranger.failed().await;
    assert!(why.starts_with(&format!("{at} wants to know who connects; write mqtt.username")), "{why}");
    stranger.ends().await;

    let mut wrong = Pipit::with(&broker, named, Some("secret8"), Vec::new());
    let why = wrong.failed().await;
    assert!(why.starts_with(&format!("{at} does not accept the user pipit with the password")), "{why}");
    assert!(!why.contains("secret8"), "{why}");
    wrong.ends().await;

    let mut right = Pipit::with(&broker, named, Some("secret7"), Vec::new());
    right.connected().await;
    right.ends().await;

    broker.kill();
    let mut alone = Pipit::with(&broker, named, Some("secret7"), Vec::new());
    let why = alone.failed().await;
    assert_eq!(why, format!("{at} can't be reached: nothing listens there; see mqtt.host and mqtt.port"));
    alone.ends().await;
}

#[tokio::test]
async fn two_with_one_client_id_are_told_of_each_other() {
    let broker = Broker::start();
    let mut first = Pipit::start(&broker);
    first.connected().await;
    let mut second = Pipit::start(&broker);
    second.connected().await;
    let named = "each needs a mqtt.client_id of its own";
    first.is(|status| matches!(status, Status::Failed(why) if why.contains(named))).await;
    first.ends().await;
    second.ends().await;
}

/// An authority with a certificate for the broker and one for a client, in files.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Certificates {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: String| std::fs::write(folder.path().join(name), content).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "the house");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        write("ca.pem", authority.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(authority, key);
        for (name, host) in [("server", "127.0.0.1"), ("client", "pipit.local")] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            write(&format!("{name}.pem"), params.signed_by(&key, &issuer).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Certificates { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[tokio::test]
async fn an_encrypted_connection_trusts_the_authority_that_is_named_and_shows_its_own_certificate() {
    let (ours, others) = (Certificates::new(), Certificates::new());
    let settings = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        ours.path("ca.pem"),
        ours.path("server.pem"),
        ours.path("server.key")
    );
    let broker = Broker::with(&settings);
    let at = format!("the MQTT broker at 127.0.0.1:{}", broker.port);
    let ca = format!("tls = true\nca_file = {:?}\n", ours.path("ca.pem"));
    let own = |by: &Certificates| {
        let (certificate, key) = (by.path("client.pem"), by.path("client.key"));
        format!("{ca}client_cert_file = {certificate:?}\nclient_key_file = {key:?}\n")
    };
    let fails = async |more: &str| {
        let mut pipit = Pipit::with(&broker, more, None, Vec::new());
        let why = pipit.failed().await;
        pipit.ends().await;
        why
    };

    let mut pipit = Pipit::with(&broker, &own(&ours), None, Vec::new());
    pipit.connected().await;
    pipit.ends().await;

    let why = fails(&format!("tls = true\nca_file = {:?}\n", others.path("ca.pem"))).await;
    assert!(why.starts_with(&format!("no encrypted connection to {at} (")), "{why}");
    assert!(why.ends_with("mqtt.ca_file must hold the authority that signed its certificate for mqtt.host"), "{why}");
    for more in [&ca, &own(&others)] {
        let why = fails(more).await;
        assert!(why.starts_with(&format!("no encrypted connection to {at} (")), "{why}");
        assert!(why.ends_with("see mqtt.client_cert_file, and the broker's log"), "{why}");
    }
    let why = fails("").await;
    assert_eq!(why, format!("{at} hangs up before it has answered; perhaps it expects TLS (mqtt.tls)"));
    let why = fails("tls = true\nca_file = \"/nowhere.pem\"\n").await;
    assert!(why.contains("/nowhere.pem (mqtt.ca_file) can't be read as certificates in PEM"), "{why}");
}

#[tokio::test]
async fn a_broker_that_takes_nothing_more_fills_a_queue_that_has_an_end() {
    let broker = Broker::start();
    let mut pipit = Pipit::start(&broker);
    pipit.connected().await;
    broker.signal("STOP");
    let long = message("a", &"x".repeat(100_000));
    let mut taken = 0;
    let why = loop {
        match pipit.outbox.try_publish(&long) {
            Ok(_) => taken += 1,
            Err(why) => break why,
        }
        assert!(taken < 10_000);
        tokio::task::yield_now().await;
    };
    assert_eq!(why, Unsent::Full);
    // A home does not wait for ever either.
    broker.signal("CONT");
    pipit.ends().await;
}

#[tokio::test]
async fn a_flood_is_heard_to_its_end_and_nothing_in_it_ends_the_connection() {
    let broker = Broker::start();
    let mut peer = Peer::hearing(&broker, "lamp/set").await;
    let lamp = r#"{"name":"Desk lamp","cmd_t":"lamp/set","stat_t":"lamp","uniq_id":"desk"}"#;
    peer.publish("homeassistant/light/desk/config", lamp, true).await;
    // No broker hands this out, for it was told how much is taken.
    peer.publish("homeassistant/light/huge/config", vec![b' '; 600_000], true).await;
    peer.publish("homeassistant/light/long/config", vec![b'['; 400_000], true).await;
    let mut pipit = Pipit::start(&broker);
    pipit.connected().await;
    pipit.says("Desk lamp", "Desk lamp has not told how it is.").await;
    for at in 0..5_000 {
        peer.publish("lamp", if at % 2 == 0 { "ON" } else { "OFF" }, false).await;
        if at % 100 == 0 {
            peer.publish(&format!("homeassistant/light/bad{at}/config"), "{\"~\":{}}", false).await;
        }
    }
    peer.publish("lamp", "ON", false).await;
    pipit.says("Desk lamp", "Desk lamp is on.").await;
    assert_eq!(*pipit.status.borrow_and_update(), Status::Connected);
    assert!(!pipit.status.has_changed().unwrap(), "it was connected all the time");
    pipit.command("desk lamp", HomeAction::TurnOff, None).await.unwrap();
    peer.hears("lamp/set", "OFF").await;
    pipit.ends().await;
}

/// Counts what comes on one topic.
struct Counter(&'static str, Arc<AtomicUsize>);

impl Participant for Counter {
    fn subscriptions(&self) -> Vec<Subscription> {
        Vec::new()
    }

    fn message(&mut self, heard: &Incoming<'_>) -> Outcome {
        self.1.fetch_add(usize::from(heard.topic == self.0), Ordering::Relaxed);
        Outcome::default()
    }
}

/// Each time that it is asked for such a topic, the broker says again what it retains there, and all of the devices have to take it in.
#[tokio::test]
async fn a_topic_that_many_devices_share_is_not_asked_for_by_each_of_them() {
    const DEVICES: usize = 300;
    let broker = Broker::start();
    let peer = Peer::hearing(&broker, "nothing").await;
    peer.publish("bridge", "online", true).await;
    for at in 0..DEVICES {
        let lamp = format!(r#"{{"name":"Lamp {at}","cmd_t":"lamp{at}/set","avty_t":"bridge","uniq_id":"{at}"}}"#);
        peer.publish(&format!("homeassistant/light/lamp{at}/config"), lamp, true).await;
    }
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Box::new(Counter("bridge", Arc::clone(&heard)));
    let pipit = Pipit::with(&broker, "", None, vec![counter]);
    let can_be_reached = |one: &Entity| one.reachable() == Reachable::Yes;
    pipit.knows(|registry| registry.entities().filter(|one| can_be_reached(one)).count() == DEVICES).await;
    assert!(heard.load(Ordering::Relaxed) < DEVICES / 2, "{heard:?}");
    pipit.ends().await;
}

#[test]
fn pipit_says_whether_it_is_there_below_its_own_topics() {
    let settings = config("[mqtt]\nhost = \"nas\"\nclient_id = \"hall\"").mqtt.unwrap();
    assert_eq!(status_topic(&settings), "pipit/hall/status");
}
