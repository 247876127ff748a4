//! The support bundle of the real daemon, in whose home something secret is planted wherever anything can be.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::chat::Door;
use pipit_store::{NewPerson, NewPrivacy, NewReply, NewTurn, Role, Said, Store};
use serde_json::Value;
use support::Home;
use support::web::{free_address, send};

/// What is in each of the things that are planted, and must be in nothing that leaves the house.
const PLANTED: &str = "wren";

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let kill = format!("kill -TERM {}", self.0.id());
        let told = Command::new("sh").args(["-c", &kill]).status();
        assert!(told.is_ok_and(|told| told.success()) && self.0.wait().is_ok());
    }
}

/// Everything that somebody could write or say, before the daemon starts.
fn plant(home: &Home, address: SocketAddr) -> String {
    let config = home
        .usual_config()
        .replace("[web]\nlisten = \"\"", &format!("[web]\nlisten = \"{address}\"\nhosts = \"wren.example\""));
    let config = format!(
        "{config}[home]\narea = \"Wrenroom\"\n[mqtt]\nhost = \"wren-broker.local\"\nusername = \"wren-user\"\n\
         password_env = \"WREN_PASSWORD\"\n[ear]\npause_ms = 300\n[wake]\nmode = \"phrase\"\nphrases = \"hey wren\"\n\
         [chat]\nprovider = \"ollama\"\nbase_url = \"http://wren.local:11434\"\nmodel = \"wren-7b\"\nsystem_prompt = \"You are a wren.\"\n"
    );
    home.configure(&config);
    std::fs::create_dir_all(home.path("state")).unwrap();
    let store = Store::open(&home.path("state/pipit.db")).unwrap();
    let now = Timestamp::now();
    store.claim("Wrenna", "seventeen wren herons").unwrap();
    store
        .add_person(&NewPerson { name: Some("Wrenolf"), role: Role::Member, privacy: NewPrivacy::Standard }, now)
        .unwrap();
    let conversation = store.create_conversation("wren talk", now).unwrap();
    let said = |text: &str| Said { at: now, text: text.to_owned() };
    let reply = NewReply { at: now, text: "the wren sings".to_owned(), heard: None };
    store
        .append(conversation, &NewTurn { door: Some(Door::Voice), request: said("does the wren sing"), reply })
        .unwrap();
    store.add_fact("the wren nests in the hedge", now).unwrap();
    store.add_timer(Some("wren"), Duration::from_secs(3600), now + Duration::from_secs(3600)).unwrap();
    store.add_announcement("feed the wren", now + Duration::from_secs(3600)).unwrap();
    store.set_secret("wren-key", "sk-wren").unwrap();
    // As an older Pipit might have written it.
    let record = r#"{"ended_by": "heard a wren", "timings_ms": {"pause": 200.0, "note": "wren"}, "words": "wren",
        "waterfall": {"drafts": [{"provider": {"name": "wren", "model": "wren-7b"}}]}}"#;
    store.add_turn(now, record, 10).unwrap();
    store.audit(Some(store.person()), "wren", "192.168.1.9", now).unwrap();
    store.make_token(store.person(), "wren token", "admin", now).unwrap().1.to_string()
}

#[test]
fn nothing_of_what_is_planted_is_in_the_bundle() {
    let (home, address) = (Home::new(), free_address());
    let token = plant(&home, address);
    let mut command = home.command();
    command.env("WREN_PASSWORD", "a wren in the dark").arg("run").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut daemon = Daemon(command.spawn().unwrap());
    let mut lines = BufReader::new(daemon.0.stderr.take().unwrap()).lines();
    let mut log = String::new();
    while !["voice: ", "recogniser: "].iter().all(|part| log.contains(part)) {
        log += &(lines.next().unwrap_or_else(|| panic!("it has ended:\n{log}")).unwrap() + "\n");
    }
    std::thread::spawn(move || lines.for_each(drop));

    let shown = format!("authorization: Bearer {token}\r\n");
    let ask = |method, path| send(address, method, path, &shown, "").1;
    ask("POST", "/api/support");
    let parts = loop {
        let told: Value = serde_json::from_str(&ask("GET", "/api/support")).unwrap();
        if let Some(parts) = told["made"]["parts"].as_array() {
            break parts.clone();
        }
    };
    let part =
        |name: &str| parts.iter().find(|part| part["name"] == name).unwrap()["text"].as_str().unwrap().to_owned();
    let file = ask("GET", "/api/support/file");
    assert!(
        parts.iter().all(|part| file.contains(part["text"].as_str().unwrap().trim_end())),
        "what is shown is what is sent"
    );

    assert!(!file.to_lowercase().contains(PLANTED), "{file}");
    for place in [home.path("state").to_str().unwrap(), &address.to_string(), "192.168."] {
        assert!(!file.contains(place), "{place} is in it:\n{file}");
    }
    // What helps is in it.
    assert!(part("Configuration").contains("ear.pause_ms = 300 (file)"), "{file}");
    assert!(part("Configuration").contains("stt.model = \"pipit-nano-en\" (file)"), "{file}");
    assert!(part("Configuration").contains("home.area = a text of 8 characters"), "{file}");
    assert!(part("Version and board").contains(&format!("Pipit {}", env!("CARGO_PKG_VERSION"))), "{file}");
    assert!(part("Turns").contains("pause 200"), "{file}");
    assert!(part("Counters").contains("pipit_http_requests_total"), "{file}");
    assert!(part("Models").contains("recogniser at work: pipit-nano-en"), "{file}");
    assert!(part("Models").contains("silero-vad-v6: Installed"), "{file}");
    assert!(part("Findings").contains("ONNX Runtime"), "{file}");
}
