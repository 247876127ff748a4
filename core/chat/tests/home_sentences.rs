//! Sentences about a home that are understood without a model, with the recorded devices of Zigbee2MQTT.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pipit_chat::tools::{Home, HomeCommand};
use pipit_chat::{Engine, EngineSettings, Place, ProviderKind, ReplyEvent, Request};
use pipit_core::home::{Device, Household, Meaning, Registry, Settings, Vocabulary};
use pipit_core::intent::hassil::Recognised;
use serde_json::{Map, Value, json};
use support::{
    FakeServer, TestClock, ask, collect, converse, engine, openai_reply, provider, request, settings, store,
};
use tempfile::TempDir;

const ZIGBEE2MQTT: &str = include_str!("../../src/home/tests/zigbee2mqtt.json");

/// A home of what was discovered, which writes down what would be published.
struct House {
    registry: Mutex<Registry>,
    published: Mutex<Vec<String>>,
    is_broken: bool,
}

impl House {
    fn new(is_broken: bool) -> House {
        let mut registry = Registry::new(Settings {
            prefix: "homeassistant".to_owned(),
            own_topics: Vec::new(),
            own_id: None,
            household: Household::default(),
        });
        let recorded: Map<String, Value> = serde_json::from_str(ZIGBEE2MQTT).unwrap();
        for (topic, payload) in recorded {
            registry.on_message(&topic, payload.to_string().as_bytes());
        }
        for (topic, payload) in [
            ("zigbee2mqtt/bridge/state", json!({"state": "online"})),
            ("zigbee2mqtt/Kitchen ceiling/availability", json!({"state": "online"})),
            ("zigbee2mqtt/Kitchen ceiling", json!({"state": "ON"})),
            ("zigbee2mqtt/front_door", json!({"state": "LOCK"})),
        ] {
            registry.on_message(topic, payload.to_string().as_bytes());
        }
        House { registry: Mutex::new(registry), published: Mutex::default(), is_broken }
    }

    /// What was published since it was last asked.
    fn published(&self) -> Vec<String> {
        std::mem::take(&mut *self.published.lock().unwrap())
    }
}

impl Home for House {
    fn find(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String> {
        self.registry.lock().unwrap().find(what, place)
    }

    fn generation(&self) -> u64 {
        self.registry.lock().unwrap().generation()
    }

    fn vocabulary(&self) -> Vocabulary {
        self.registry.lock().unwrap().vocabulary()
    }

    fn meaning(&self, said: &Recognised, here: Option<&str>) -> Meaning {
        self.registry.lock().unwrap().meaning(said, here)
    }

    fn command(self: Arc<Self>, command: HomeCommand) -> BoxFuture<'static, Result<(), String>> {
        if self.is_broken {
            return std::future::ready(Err("The broker does not answer.".to_owned())).boxed();
        }
        for device in &command.devices {
            let publish = self.registry.lock().unwrap().command(&device.id, command.action, command.value).unwrap();
            let publish = publish.iter().map(|one| format!("{} {}", one.topic, one.payload));
            self.published.lock().unwrap().extend(publish);
        }
        std::future::ready(Ok(())).boxed()
    }
}

struct Room {
    engine: Engine,
    house: Arc<House>,
    folder: TempDir,
}

impl Room {
    fn new(house: House, settings: EngineSettings) -> Room {
        let (folder, house) = (TempDir::new().unwrap(), Arc::new(house));
        let engine = engine(folder.path(), &TestClock::new(), settings);
        engine.connect_home(Some(Arc::clone(&house) as Arc<dyn Home>));
        Room { engine, house, folder }
    }

    fn offline() -> Room {
        Room::new(House::new(false), settings())
    }
}

#[tokio::test]
async fn what_is_said_is_done_and_what_is_asked_is_answered() {
    let room = Room::offline();
    let mut told = String::new();
    for asked in [
        "Turn off the kitchen lights.",
        "Set the living room to 21 degrees",
        "Is the front door locked?",
        "close the bedroom blind",
        "turn on the lights in the kitchen and set a timer for ten minutes",
        "What time is it, and is the kitchen ceiling on?",
        "turn off the kitchen ceiling and the attic fan",
        "turn the attic fan on, the kitchen ceiling and then close the bedroom blind",
        "set the living room to 21 degrees and the kitchen ceiling to 30 percent",
        "turn off the kitchen ceiling and tell me a joke",
        "turn on the lights",
        "set the living room to 99 degrees",
    ] {
        let answered = ask(&room.engine, asked).await;
        told.push_str(&format!("{asked}\n  {:?} {}\n", answered.intent, answered.text));
        room.house.published().iter().for_each(|one| told.push_str(&format!("    -> {one}\n")));
    }
    expect_test::expect![[r#"
        Turn off the kitchen lights.
          Some("HassTurnOff") Turned off the kitchen light.
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}
        Set the living room to 21 degrees
          Some("HassClimateSetTemperature") Set the living room radiator to 21 degrees.
            -> zigbee2mqtt/living_radiator/set/occupied_heating_setpoint 21
        Is the front door locked?
          Some("HassGetState") Yes, the front door is locked.
        close the bedroom blind
          Some("HassTurnOff") Closed the bedroom blind.
            -> zigbee2mqtt/bedroom_blind/set CLOSE
        turn on the lights in the kitchen and set a timer for ten minutes
          Some("HassTurnOn") Turned on the kitchen light. Timer set for 10 minutes.
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"ON"}
        What time is it, and is the kitchen ceiling on?
          Some("HassGetCurrentTime") It's 2:05 PM. Yes, the kitchen ceiling is on.
        turn off the kitchen ceiling and the attic fan
          Some("HassTurnOff") Turned off the kitchen ceiling. Turned off the attic fan.
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}
            -> zigbee2mqtt/attic_fan/set/fan_state OFF
        turn the attic fan on, the kitchen ceiling and then close the bedroom blind
          Some("HassTurnOn") Turned on the attic fan. Turned on the kitchen ceiling. Closed the bedroom blind.
            -> zigbee2mqtt/attic_fan/set/fan_state ON
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"ON"}
            -> zigbee2mqtt/bedroom_blind/set CLOSE
        set the living room to 21 degrees and the kitchen ceiling to 30 percent
          Some("HassClimateSetTemperature") Set the living room radiator to 21 degrees. Set the kitchen ceiling to 30 percent.
            -> zigbee2mqtt/living_radiator/set/occupied_heating_setpoint 21
            -> zigbee2mqtt/Kitchen ceiling/set {"brightness":76,"state":"ON"}
        turn off the kitchen ceiling and tell me a joke
          None Sorry, I can't answer that, but I can switch and set what is in your home, tell you the time and date, run timers, set alarms and reminders, make announcements, change the volume, do sums, convert units and remember what you tell me.
        turn on the lights
          None In which room?
        set the living room to 99 degrees
          Some("HassClimateSetTemperature") Living room radiator (Living room) can be set to 5 to 35 degrees Celsius, and not to 99.
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn what_the_last_of_a_list_is_called_all_of_it_is() {
    let room = Room::offline();
    let more = [
        ("light", "Hall light", "Hall"),
        ("light", "Pantry light", "Pantry"),
        ("cover", "Bathroom blind", "Bathroom"),
        ("cover", "Kitchen blind", "Kitchen"),
        ("switch", "Lamp", "Hall"),
        ("fan", "Fan", "Hall"),
        ("lock", "Back door", "Hall"),
    ];
    for (at, (component, name, room_name)) in more.into_iter().enumerate() {
        let payload = json!({"name": name, "dev": {"sa": room_name, "ids": at.to_string()}, "cmd_t": name}).to_string();
        let topic = format!("homeassistant/{component}/more{at}/config");
        room.house.registry.lock().unwrap().on_message(&topic, payload.as_bytes());
    }
    let mut told = String::new();
    for asked in [
        "turn off the kitchen and hall lights",
        "Turn the kitchen, hall and pantry lights off.",
        "turn off the lights in the kitchen and the hall",
        "close the bedroom, kitchen and bathroom blinds",
        "switch on the lamp and the fan",
        "turn off the kitchen and cellar lights",
        "turn off the kitchen and dim the hall lights",
        "turn off the kitchen and tell me about the hall lights",
        "turn off the disco and hall lights",
        "unlock the front and back door",
    ] {
        let answered = ask(&room.engine, asked).await;
        let text = if answered.text.starts_with("Sorry") { "Sorry" } else { &answered.text };
        told.push_str(&format!("{asked}\n  {text}\n"));
        room.house.published().iter().for_each(|one| told.push_str(&format!("    -> {one}\n")));
    }
    expect_test::expect![[r#"
        turn off the kitchen and hall lights
          Turned off the kitchen light. Turned off the hall light.
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}
            -> Hall light OFF
        Turn the kitchen, hall and pantry lights off.
          Turned off the kitchen light. Turned off the hall light. Turned off the pantry light.
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}
            -> Hall light OFF
            -> Pantry light OFF
        turn off the lights in the kitchen and the hall
          Turned off the kitchen light. Turned off the hall light.
            -> zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}
            -> Hall light OFF
        close the bedroom, kitchen and bathroom blinds
          Closed the bedroom blind. Closed the kitchen blind. Closed the bathroom blind.
            -> zigbee2mqtt/bedroom_blind/set CLOSE
            -> Kitchen blind CLOSE
            -> Bathroom blind CLOSE
        switch on the lamp and the fan
          Turned on the lamp. Turned on the fan.
            -> Lamp ON
            -> Fan ON
        turn off the kitchen and cellar lights
          Sorry
        turn off the kitchen and dim the hall lights
          Sorry
        turn off the kitchen and tell me about the hall lights
          Sorry
        turn off the disco and hall lights
          Sorry
        unlock the front and back door
          That needs your confirmation: unlock Front door (Hall), and unlock Back door (Hall). Please say your PIN.
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn a_lock_opens_with_the_pin_only_and_what_goes_with_it_does_not_wait() {
    let room = Room::offline();
    let store = store(room.folder.path());
    store.set_pin(store.person(), Some("2468")).unwrap();
    let answered = ask(&room.engine, "Turn off the kitchen ceiling and unlock the front door").await;
    assert_eq!(
        answered.text,
        "Turned off the kitchen ceiling. That needs your confirmation: unlock Front door (Hall). Please say your PIN."
    );
    assert_eq!(room.house.published(), [r#"zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}"#]);
    assert_eq!(converse(&room.engine, "1357").await, "That is not the PIN.");
    assert_eq!(room.house.published(), [""; 0]);
    assert_eq!(converse(&room.engine, "2468").await, "Done.");
    assert_eq!(room.house.published(), ["zigbee2mqtt/front_door/set UNLOCK"]);
}

#[tokio::test]
async fn a_misheard_letter_matters_only_where_it_would_open_a_door() {
    let room = Room::offline();
    assert_eq!(converse(&room.engine, "turn off the kitchin ceiling").await, "Turned off the kitchen ceiling.");
    assert_eq!(room.house.published(), [r#"zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}"#]);
    let asked = ask(&room.engine, "unlock the frant door").await;
    assert_eq!((asked.text.as_str(), asked.confirmation), ("Did you mean the front door?", None));
    let asked = converse(&room.engine, "turn off the attic fan and the kitchin sealing").await;
    assert_eq!(asked, "Did you mean the kitchen ceiling?", "a part is not done without the others");
    assert_eq!(room.house.published(), [""; 0]);
}

#[tokio::test]
async fn what_may_have_been_meant_is_done_after_a_yes() {
    let room = Room::offline();
    const FAN_OFF: &str = "zigbee2mqtt/attic_fan/set/fan_state OFF";
    for (yes, expected) in [
        ("Yes.", "Turned off the attic fan."),
        ("yes please", "Turned off the attic fan."),
        ("yeah, the attic fan", "Turned off the attic fan."),
        ("I meant the attic fan", "Turned off the attic fan."),
    ] {
        assert_eq!(converse(&room.engine, "turn off the adic van").await, "Did you mean the attic fan?");
        assert_eq!((converse(&room.engine, yes).await.as_str(), yes), (expected, yes));
        assert_eq!(room.house.published(), [FAN_OFF], "{yes}");
    }
    assert!(converse(&room.engine, "yes").await.starts_with("Sorry"), "what is done isn't done again");

    // The whole of a request is done that waited for one of its parts.
    let asked = converse(&room.engine, "close the bedroom blind and turn off the adic van").await;
    assert_eq!(asked, "Did you mean the attic fan?");
    assert_eq!(converse(&room.engine, "yes").await, "Closed the bedroom blind. Turned off the attic fan.");
    assert_eq!(room.house.published(), ["zigbee2mqtt/bedroom_blind/set CLOSE", FAN_OFF]);
}

#[tokio::test]
async fn what_may_have_been_meant_is_forgotten_unless_the_next_request_is_a_yes_in_time() {
    let (folder, clock, house) = (TempDir::new().unwrap(), TestClock::new(), Arc::new(House::new(false)));
    let engine = engine(folder.path(), &clock, settings());
    engine.connect_home(Some(Arc::clone(&house) as Arc<dyn Home>));
    let asked = "Did you mean the attic fan?";
    assert_eq!(converse(&engine, "turn off the adic van").await, asked);
    assert_eq!(converse(&engine, "No, thanks.").await, "All right, I won't.");
    assert!(converse(&engine, "yes").await.starts_with("Sorry"));

    assert_eq!(converse(&engine, "turn off the adic van").await, asked);
    assert!(converse(&engine, "what time is it").await.starts_with("It's"));
    assert!(converse(&engine, "yes").await.starts_with("Sorry"));

    assert_eq!(converse(&engine, "turn off the adic van").await, asked);
    clock.advance(Duration::from_secs(31));
    assert!(converse(&engine, "yes").await.starts_with("Sorry"));

    // It would not be asked again.
    assert_eq!(converse(&engine, "turn off the adic van").await, asked);
    engine.connect_home(None);
    assert!(converse(&engine, "yes").await.starts_with("Sorry"));
    assert_eq!(house.published(), [""; 0]);
}

#[tokio::test]
async fn a_yes_picks_none_of_two_and_a_name_does() {
    let room = Room::offline();
    for (name, topic) in [("Lamp", "a"), ("Ramp", "b")] {
        let payload = json!({"name": name, "cmd_t": topic}).to_string();
        room.house
            .registry
            .lock()
            .unwrap()
            .on_message(&format!("homeassistant/switch/{topic}/config"), payload.as_bytes());
    }
    let asked = "Did you mean the lamp or the ramp?";
    assert_eq!(converse(&room.engine, "turn on the damp").await, asked);
    assert_eq!(converse(&room.engine, "yes").await, asked);
    assert_eq!(converse(&room.engine, "turn on the damp").await, asked);
    assert_eq!(converse(&room.engine, "The ramp!").await, "Turned on the ramp.");
    assert_eq!(room.house.published(), ["b ON"]);
}

#[tokio::test]
async fn a_yes_opens_no_door_without_the_pin() {
    let room = Room::offline();
    let store = store(room.folder.path());
    store.set_pin(store.person(), Some("2468")).unwrap();
    assert_eq!(converse(&room.engine, "unlock the frant door").await, "Did you mean the front door?");
    let asked = "That needs your confirmation: unlock Front door (Hall). Please say your PIN.";
    assert_eq!(converse(&room.engine, "yes").await, asked);
    assert_eq!(converse(&room.engine, "yes").await, "Please say your PIN.");
    assert_eq!(room.house.published(), [""; 0]);
    // It is an answer to what was asked last.
    assert_eq!(converse(&room.engine, "turn off the adic van").await, "Did you mean the attic fan?");
    assert_eq!(converse(&room.engine, "yes").await, "Turned off the attic fan.");
    room.house.published();
    assert_eq!(converse(&room.engine, "2468").await, "Done.");
    assert_eq!(room.house.published(), ["zigbee2mqtt/front_door/set UNLOCK"]);
}

#[tokio::test]
async fn a_yes_that_is_answered_again_does_nothing_again() {
    let room = Room::offline();
    converse(&room.engine, "turn off the adic van").await;
    let answered = ask(&room.engine, "yes").await;
    let kept = room.engine.finish(answered.turn, &answered.text).await.unwrap().unwrap();
    room.house.published();
    let place = Place::Again { conversation: kept.conversation, reply: kept.reply };
    let again = collect(room.engine.respond(Request { place, ..request("yes") })).await;
    assert_eq!((again.text.as_str(), again.deed), ("Turned off the attic fan.", None));
    assert_eq!(room.house.published(), [""; 0]);
}

#[tokio::test]
async fn guests_open_no_doors() {
    let room = Room::offline();
    let guest = room.engine.for_person(store(room.folder.path()).ephemeral().unwrap(), true);
    let answered = ask(&guest, "unlock the front door").await;
    assert_eq!((answered.text.as_str(), answered.confirmation), ("Guests can't have that done.", None));
    ask(&guest, "turn off the kitchen ceiling").await;
    assert_eq!(room.house.published(), [r#"zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}"#]);
}

#[tokio::test]
async fn nothing_is_done_before_the_turn_is_decided() {
    let room = Room::offline();
    let answered = collect(room.engine.respond(request("turn off the kitchen ceiling"))).await;
    assert!(answered.deed.is_some());
    let mut reply = room.engine.respond(request("unlock the front door"));
    let understood = reply.next().await.unwrap().unwrap();
    assert_eq!(understood, ReplyEvent::Understood { intent: Some("HassTurnOff"), deed: None });
    assert_eq!(reply.next().await.unwrap().unwrap(), ReplyEvent::WantsToAct);
    // Given up, as a draft is.
    drop(reply);
    assert!(!converse(&room.engine, "2468").await.contains("PIN"), "nothing waits to be confirmed");
    assert_eq!(room.house.published(), [""; 0]);
}

#[tokio::test]
async fn what_the_home_does_not_do_is_said() {
    let room = Room::new(House::new(true), settings());
    let answered =
        collect(room.engine.respond(request("turn off the kitchen ceiling and set a timer for an hour"))).await;
    let error = room.engine.perform(answered.deed.unwrap()).await.unwrap_err();
    assert_eq!(error.spoken(), "The broker does not answer. The rest is done.");
}

#[tokio::test]
async fn a_reply_that_is_given_again_does_nothing_again() {
    let room = Room::offline();
    let answered = ask(&room.engine, "turn off the kitchen ceiling").await;
    let kept = room.engine.finish(answered.turn, &answered.text).await.unwrap().unwrap();
    room.house.published();
    let place = Place::Again { conversation: kept.conversation, reply: kept.reply };
    let again = collect(room.engine.respond(Request { place, ..request("turn off the kitchen ceiling") })).await;
    assert_eq!((again.text.as_str(), again.deed), ("Turned off the kitchen ceiling.", None));
    assert_eq!(room.house.published(), [""; 0]);
}

#[tokio::test]
async fn the_room_that_goes_unsaid_is_the_own_one() {
    let room = Room::offline();
    room.engine.speak_of_home(None, Some("Kitchen".to_owned()));
    assert_eq!(converse(&room.engine, "turn off the lights").await, "Turned off the kitchen ceiling.");
    assert_eq!(room.house.published(), [r#"zigbee2mqtt/Kitchen ceiling/set {"state":"OFF"}"#]);
}

#[tokio::test]
async fn what_is_not_certain_is_for_the_model_with_a_hint() {
    let server = FakeServer::start([openai_reply("Which ones?")]).await;
    let providers = vec![provider(ProviderKind::OpenAi, server.url())];
    let room = Room::new(House::new(false), EngineSettings { providers, ..settings() });
    assert_eq!(ask(&room.engine, "turn on the lights").await.text, "Which ones?");
    let told = server.seen()[0].json()["messages"].to_string();
    assert!(told.contains("Pipit itself would say: In which room?)"), "{told}");
    assert_eq!(room.house.published(), [""; 0]);
}

#[tokio::test]
async fn what_is_not_here_is_told_where_no_model_has_its_turn() {
    let room = Room::offline();
    assert_eq!(converse(&room.engine, "Turn on the disco ball.").await, "I know no disco ball here.");
    assert_eq!(
        converse(&room.engine, "turn off the lights in the orangery").await,
        "I know no lights in the orangery."
    );
    for asked in ["turn on the disco ball and tell me a joke", "what is the capital of France", "turn it on"] {
        assert!(converse(&room.engine, asked).await.starts_with("Sorry"), "{asked}");
    }
    let server = FakeServer::start([openai_reply("You have none.")]).await;
    let providers = vec![provider(ProviderKind::OpenAi, server.url())];
    let room = Room::new(House::new(false), EngineSettings { providers, ..settings() });
    assert_eq!(converse(&room.engine, "Turn on the disco ball.").await, "You have none.");
    let asked = server.seen()[0].json()["messages"].to_string();
    assert!(!asked.contains("I know no"), "{asked}");
}

#[tokio::test]
async fn without_a_home_the_model_is_asked() {
    let server = FakeServer::start([openai_reply("There is none.")]).await;
    let providers = vec![provider(ProviderKind::OpenAi, server.url())];
    let room = Room::new(House::new(false), EngineSettings { providers, ..settings() });
    room.engine.connect_home(None);
    assert_eq!(ask(&room.engine, "turn off the kitchen lights").await.text, "There is none.");
}
