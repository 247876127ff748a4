//! What the owner sets in the panel.
use serde_json::{Value, json};

use crate::support::{Ask, Daemon, OTTOS, Shown};

async fn change(daemon: &Daemon, owner: &Shown, changes: Value) -> (u16, Value) {
    let ask = Ask::new("PATCH", "/api/settings").body(json!({"changes": changes}));
    let answer = daemon.ask(ask.by(owner)).await;
    (answer.status, answer.body)
}

fn find(shown: &Value, name: &str) -> Value {
    shown["settings"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap()
}

#[tokio::test]
async fn what_is_set_is_shown_with_what_it_comes_from() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let shown = daemon.ask(Ask::new("GET", "/api/settings").by(&owner)).await.body;
    assert_eq!((&shown["file"], &shown["pending"]), (&json!("pipit.toml"), &json!(false)));
    let pause = find(&shown, "ear.pause_ms");
    assert_eq!((&pause["value"], &pause["default"], &pause["source"]), (&json!(300), &json!(200), &json!("file")));
    assert_eq!((&pause["kind"], &pause["from"], &pause["to"]), (&json!("whole"), &json!(64), &json!(3000)));
    assert_eq!(pause["place"], json!("pipit.toml:2:12"));
    let mode = find(&shown, "wake.mode");
    assert_eq!((&mode["kind"], &mode["choices"][0]["name"]), (&json!("choice"), &json!("always")));
    let (status, shown) = change(&daemon, &owner, json!({"ear.pause_ms": 250, "home.area": "Kitchen"})).await;
    assert_eq!((status, &shown["pending"]), (200, &json!(true)));
    let pause = find(&shown, "ear.pause_ms");
    assert_eq!((&pause["value"], &pause["source"], &pause["place"]), (&json!(250), &json!("panel"), &Value::Null));
    let (_, shown) = change(&daemon, &owner, json!({"ear.pause_ms": null})).await;
    assert_eq!(find(&shown, "ear.pause_ms")["value"], json!(300));
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    assert_eq!(audit[0]["what"], json!("settings: ear.pause_ms"));
    assert_eq!(audit[1]["what"], json!("settings: ear.pause_ms, home.area"));
}

#[tokio::test]
async fn of_several_changes_all_are_made_or_none() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let (status, refused) = change(&daemon, &owner, json!({"audio.volume": 50, "ear.onset_ms": 1})).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("unfit")));
    assert_eq!(refused["error"]["message"], json!("Ear.onset_ms cannot be 1; write a whole number from 32 to 1000."));
    let shown = daemon.ask(Ask::new("GET", "/api/settings").by(&owner)).await.body;
    assert_eq!(find(&shown, "audio.volume")["value"], json!(100));
    for unfit in [json!({}), json!({"models.runtime": "/tmp/evil.so"}), json!({"nonsense": 1}), json!({"a.b": 1})] {
        assert_eq!(change(&daemon, &owner, unfit).await.0, 400);
    }
}
