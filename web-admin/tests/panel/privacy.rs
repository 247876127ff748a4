//! What left the device, as each may see it.
use jiff::{SignedDuration, Timestamp};
use pipit_core::chat::Tier;
use pipit_store::{Purpose, Role, Store, Traffic};
use serde_json::{Value, json};

use crate::support::{ANNS, Ask, Daemon, GUSTAVS, OTTOS, Shown};

fn send(store: &Store, host: &str, tier: Tier, purpose: Purpose, at: Timestamp) {
    let (provider, host) = (format!("the {host}"), host.to_owned());
    let traffic =
        Traffic { at, turn: None, conversation: None, purpose, host, provider, tier, sent: 100, received: 20 };
    store.record_traffic(&traffic).unwrap();
}

async fn asked(daemon: &Daemon, path: &str, by: &Shown) -> Value {
    let answer = daemon.ask(Ask::new("GET", path).by(by)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn the_owner_sees_everybodys_ledger_and_others_their_own() {
    let daemon = Daemon::claimed();
    let person = |role| daemon.store.people().unwrap().into_iter().find(|person| person.role == role).unwrap().id;
    let annas = daemon.store.of(person(Role::Member)).unwrap();
    let at = |second: i64| Timestamp::from_second(1_799_990_000 + second).unwrap();
    send(&daemon.store, "nas.local", Tier::House, Purpose::Chat, at(1));
    (2..104).for_each(|n| send(&annas, "api.example.org", Tier::Outside, Purpose::Chat, at(n)));
    send(&annas, "api.example.org", Tier::Outside, Purpose::Title, at(104));
    let (owner, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let gustav = daemon.session_of("Gustav", GUSTAVS).await;

    let all = asked(&daemon, "/api/privacy", &owner).await;
    assert_eq!((&all["whose"], &all["left"]), (&json!("everybody"), &json!(at(104).to_string())));
    assert_eq!(all["untold"], json!(true), "a guest's own ledger is gone with his session");
    let api = &all["hosts"][0];
    assert_eq!((&api["host"], &api["tier"]), (&json!("api.example.org"), &json!("leaves the house")));
    assert_eq!((&api["requests"], &api["sent"]), (&json!(103), &json!(10_300)));
    assert_eq!(api["purposes"].as_array().unwrap().len(), 2);
    assert_eq!(all["hosts"][1]["host"], json!("nas.local"));
    // What is older than 90 days was forgotten, so nothing is claimed of it.
    let forgotten = Timestamp::from_second(1_800_000_000).unwrap() - SignedDuration::from_hours(90 * 24);
    assert_eq!(all["since"], json!(forgotten.to_string()));

    let annes = asked(&daemon, "/api/privacy", &ann).await;
    assert_eq!((&annes["whose"], annes["hosts"].as_array().unwrap().len()), (&json!("own"), 1));
    let nobodys = asked(&daemon, "/api/privacy", &gustav).await;
    assert_eq!((&nobodys["hosts"], &nobodys["left"]), (&json!([]), &Value::Null));
    assert_eq!(nobodys["kept"]["own_in_memory"], json!(true));

    let first = asked(&daemon, "/api/ledger?host=api.example.org", &owner).await;
    let rows = first["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &first["more"]), (100, &json!(true)));
    assert_eq!((&rows[0]["who"], &rows[0]["purpose"]), (&json!("Ann"), &json!("title")));
    let next = format!("/api/ledger?host=api.example.org&before={}", rows[99]["id"]);
    assert_eq!(asked(&daemon, &next, &owner).await["rows"].as_array().unwrap().len(), 3);
    assert_eq!(asked(&daemon, "/api/ledger?host=nas.local", &ann).await["rows"], json!([]), "it is the owner's");
    assert_eq!(daemon.ask(Ask::new("GET", "/api/ledger?before=x").by(&owner)).await.status, 400);
}

#[tokio::test]
async fn how_it_stands_with_the_home_is_told() {
    let daemon = Daemon::claimed();
    let ann = daemon.session_of("Ann", ANNS).await;
    let house = asked(&daemon, "/api/house", &ann).await;
    assert_eq!((&house["link"], &house["why"]), (&json!("failed"), &json!("The broker does not answer.")));
    assert_eq!(house["last"]["what"], json!("turn on: Lamp (Kitchen)"));
    assert_eq!(house["ignored"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn logs_are_told_as_they_are_wanted() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let at = Timestamp::UNIX_EPOCH;
    daemon.logs.push(at, tracing::Level::WARN, "pipit", "no microphone");
    daemon.logs.push(at, tracing::Level::INFO, "pipit", "<script>alert(1)</script>");
    let all = asked(&daemon, "/api/logs", &owner).await;
    let texts: Vec<_> = all["lines"].as_array().unwrap().iter().map(|line| &line["text"]).collect();
    assert_eq!(texts, ["no microphone", "<script>alert(1)</script>"]);
    let last = all["last"].as_u64().unwrap();
    assert_eq!(asked(&daemon, &format!("/api/logs?after={last}"), &owner).await["lines"], json!([]));
    assert_eq!(asked(&daemon, "/api/logs?level=warn&search=MICRO", &owner).await["lines"][0]["level"], json!("warn"));
    for unfit in ["/api/logs?level=trace", "/api/logs?after=-1"] {
        assert_eq!(daemon.ask(Ask::new("GET", unfit).by(&owner)).await.status, 400, "{unfit}");
    }
    let file = daemon.ask(Ask::new("GET", "/api/logs.txt?level=warn").by(&owner)).await;
    assert_eq!(file.body, json!("1970-01-01T00:00:00Z  WARN pipit: no microphone\n"));
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"pipit.log\"");
}
