//! Who may be asked, and the keys that they are asked with.
use serde_json::{Value, json};

use crate::support::{Ask, Daemon, OTTOS};

const KEY: &str = "sk-nobody-may-see-this";

#[tokio::test]
async fn a_provider_is_tested_and_what_came_of_it_is_told() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let ask = async |method, path, body: Value| daemon.ask(Ask::new(method, path).by(&owner).body(body)).await;
    let all = daemon.ask(Ask::new("GET", "/api/providers").by(&owner)).await.body;
    let told: Vec<_> = all.as_array().unwrap().iter().map(|one| (&one["name"], &one["tier"])).collect();
    assert_eq!(told[0], (&json!("nas"), &json!("in the house")));
    assert_eq!(told[1], (&json!("cloud"), &json!("leaves the house")));
    assert_eq!(all[1]["seen"]["error"], json!("It is not there."));
    for (name, state, message) in [("nas", "done", "It is well."), ("cloud", "failed", "It is not there.")] {
        let begun = ask("POST", "/api/providers/test", json!({"name": name})).await;
        assert_eq!((begun.status, &begun.body["about"]), (202, &json!(name)));
        let task = loop {
            let tasks = daemon.ask(Ask::new("GET", "/api/tasks").by(&owner)).await.body;
            if tasks[0]["state"] != "running" {
                break tasks[0].clone();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!((&task["state"], &task["message"]), (&json!(state), &json!(message)));
    }
    assert_eq!(ask("POST", "/api/providers/test", json!({"name": "x".repeat(300)})).await.status, 400);
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    assert_eq!(audit[0]["what"], json!("test of cloud"));
}

#[tokio::test]
async fn secrets_are_named_and_never_shown_and_go_nowhere_else() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let ask = async |method, path, body: Value| daemon.ask(Ask::new(method, path).by(&owner).body(body)).await;
    assert_eq!(ask("PUT", "/api/secrets/cloud", json!({"secret": format!(" {KEY}\n")})).await.status, 204);
    assert_eq!(daemon.store.secret("cloud").unwrap().unwrap().as_str(), KEY);
    // HTTPS has its own key among them.
    daemon.store.set_secret("panel-authority", "a key").unwrap();
    for (method, body) in [("PUT", json!({"secret": "x"})), ("DELETE", Value::Null)] {
        assert_eq!(ask(method, "/api/secrets/panel-authority", body).await.status, 403);
    }
    for unfit in [json!({"secret": ""}), json!({"secret": "a\u{0}b"}), json!({"secret": "x".repeat(9000)}), json!({})] {
        assert_eq!(ask("PUT", "/api/secrets/cloud", unfit).await.status, 400);
    }
    for name in ["a%2Fb", "a%20b", "0123456789012345678901234567890"] {
        let path = format!("/api/secrets/{name}");
        let put = Ask::new("PUT", &path).by(&owner).body(json!({"secret": "x"}));
        assert_eq!(daemon.ask(put).await.status, 400, "{name}");
    }
    let all = daemon.ask(Ask::new("GET", "/api/secrets").by(&owner)).await.body;
    assert_eq!(all, json!([{"name": "cloud", "since": "2027-01-15T08:00:00Z"}]));

    let there = json!({"chat.provider": "openai", "chat.base_url": "https://api.example.org/v1", "chat.model": "m"});
    assert_eq!(ask("PATCH", "/api/settings", json!({"changes": there})).await.status, 200);
    let named = json!({"chat.api_key_secret": "cloud"});
    let refused = ask("PATCH", "/api/settings", json!({"changes": named})).await;
    assert_eq!((refused.status, refused.code()), (400, "unfit"));
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("give \"cloud\" anew"), "{}", refused.body);
    let anew = json!({"changes": named, "secrets": {"cloud": KEY}});
    let changed = ask("PATCH", "/api/settings", anew).await;
    assert_eq!(changed.status, 200);
    assert!(!changed.body.to_string().contains(KEY));
    let own = json!({"changes": {"audio.volume": 3}, "secrets": {"panel-authority": "x"}});
    assert_eq!(ask("PATCH", "/api/settings", own).await.status, 403);
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    assert_eq!(audit[0]["what"], json!("secret cloud set"));
    assert!(!audit.to_string().contains(KEY));
    let needed = ask("DELETE", "/api/secrets/cloud", Value::Null).await;
    assert_eq!((needed.status, needed.code()), (409, "conflict"));
    let message = needed.body["error"]["message"].as_str().unwrap();
    assert_eq!(message, "chat.api_key_secret names this secret; change that first.");
    let unnamed = json!({"changes": {"chat.api_key_secret": null}});
    assert_eq!(ask("PATCH", "/api/settings", unnamed).await.status, 200);
    assert_eq!(ask("DELETE", "/api/secrets/cloud", Value::Null).await.status, 204);
    assert_eq!(daemon.store.secret("cloud").unwrap(), None);
}
