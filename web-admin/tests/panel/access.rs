//! Who may ask for what: every endpoint as nobody, guest, member, owner, with a token of each scope, and as somebody else.
use crate::support::{ANNS, Ask, Daemon, GUSTAVS, HERE, LAPTOP, OTTOS, Shown, check_form};
use serde_json::{Value, json};

/// A method, a path, a body, and what is answered to: a program on the machine itself, nobody from elsewhere, a guest, a member,
/// the owner, and tokens of the owner's that are good for reading, talking, controlling and everything else.
type Row = (&'static str, &'static str, Value, [u16; 9]);

fn endpoints() -> Vec<Row> {
    let none = || Value::Null;
    vec![
        ("GET", "/health", none(), [503; 9]),
        ("GET", "/ready", none(), [503; 9]),
        ("GET", "/api/session", none(), [200; 9]),
        ("GET", "/turns", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/events", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/levels", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/metrics", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/api/state", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/api/choices", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("POST", "/announce", json!({"text": "Dinner"}), [202, 401, 403, 202, 202, 403, 403, 202, 403]),
        ("POST", "/api/control", json!({"volume": 30}), [401, 401, 403, 204, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"stop": true}), [401, 401, 403, 204, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"announce": "Dinner"}), [401, 401, 403, 204, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"mute": false}), [401, 401, 403, 403, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"wake_mode": "always"}), [401, 401, 403, 403, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"tier": "in the house"}), [401, 401, 403, 403, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"voice": "amy"}), [401, 401, 403, 403, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"model": "small"}), [401, 401, 403, 403, 204, 403, 403, 204, 403]),
        ("POST", "/api/control", json!({"restart": true}), [401, 401, 403, 403, 204, 403, 403, 204, 403]),
        ("GET", "/api/audit", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("GET", "/api/sessions", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("DELETE", "/api/sessions/999", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("GET", "/api/tokens", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        (
            "POST",
            "/api/tokens",
            json!({"name": "a", "scopes": ["admin"]}),
            [401, 401, 201, 201, 201, 403, 403, 403, 201],
        ),
        ("DELETE", "/api/tokens/999", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        // Whose old password is wrong is not signed out by that.
        (
            "PUT",
            "/api/password",
            json!({"old": "?", "new": "wet green herons"}),
            [401, 401, 403, 403, 403, 403, 403, 403, 403],
        ),
        ("GET", "/api/tasks", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("DELETE", "/api/tasks/999", none(), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("GET", "/api/settings", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        (
            "PATCH",
            "/api/settings",
            json!({"changes": {"audio.volume": 30}}),
            [401, 401, 403, 403, 200, 403, 403, 403, 200],
        ),
        ("GET", "/api/logs", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("GET", "/api/logs.txt", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("GET", "/api/privacy", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("GET", "/api/ledger", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("GET", "/api/providers", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("POST", "/api/providers/test", json!({"name": "nobody"}), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("GET", "/api/secrets", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("PUT", "/api/secrets/cloud", json!({"secret": "sk-1"}), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("DELETE", "/api/secrets/nothing", none(), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("GET", "/api/personas", none(), [401, 401, 403, 200, 200, 403, 403, 403, 200]),
        ("PATCH", "/api/personas", json!({"speaks": null}), [401, 401, 403, 204, 204, 403, 403, 403, 204]),
        (
            "PUT",
            "/api/personas/pirate",
            json!({"title": "A pirate", "prompt": "Arr."}),
            [401, 401, 403, 403, 204, 403, 403, 403, 204],
        ),
        ("DELETE", "/api/personas/nobody", none(), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("GET", "/api/house", none(), [401, 401, 403, 200, 200, 403, 403, 403, 200]),
        ("POST", "/api/claim/code", none(), [409; 9]),
        (
            "POST",
            "/api/claim",
            json!({"code": "123456", "name": "Eve", "password": "wet green herons"}),
            [409, 409, 409, 409, 409, 409, 429, 429, 429],
        ),
        ("GET", "/api/nothing", none(), [404; 9]),
        ("PATCH", "/api/state", none(), [405; 9]),
        ("TRACE", "/api/state", none(), [405; 9]),
        ("OPTIONS", "/api/control", none(), [405; 9]),
    ]
}

#[tokio::test]
async fn everybody_may_what_is_theirs() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let mut all = vec![Shown::Nothing, Shown::Nothing];
    for (name, password) in [("Gustav", GUSTAVS), ("Ann", ANNS)] {
        all.push(daemon.session_of(name, password).await);
    }
    all.push(owner.clone());
    for scope in ["read", "talk", "control", "admin"] {
        all.push(daemon.token(&owner, &[scope]).await);
    }
    let names = ["a program here", "nobody", "a guest", "a member", "the owner", "read", "talk", "control", "admin"];
    let mut wrong = Vec::new();
    for (method, path, body, expected) in endpoints() {
        for (n, shown) in all.iter().enumerate() {
            let from = if n == 0 { HERE } else { LAPTOP };
            let ask = Ask { body: (!body.is_null()).then(|| body.clone()), ..Ask::new(method, path) };
            let answer = daemon.ask(ask.by(shown).from(from)).await;
            let asked = format!("{method} {path} {body} as {}", names[n]);
            check_form(&asked, &answer);
            if answer.status != expected[n] {
                wrong.push(format!("{asked}: {} in place of {}, {}", answer.status, expected[n], answer.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn nobody_ends_or_removes_what_is_somebody_elses() {
    let daemon = Daemon::claimed();
    let (owner, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let token = daemon.token(&owner, &["read"]).await;
    for (list, count) in [("/api/sessions", 1), ("/api/tokens", 1)] {
        let theirs = daemon.ask(Ask::new("GET", list).by(&owner)).await.body;
        assert_eq!(theirs.as_array().unwrap().len(), count);
        let one = format!("{list}/{}", theirs[0]["id"]);
        assert_eq!(daemon.ask(Ask::new("DELETE", &one).by(&ann)).await.status, 404);
        assert_eq!(daemon.ask(Ask::new("GET", list).by(&owner)).await.body, theirs);
    }
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&token)).await.status, 200);
    let anns = daemon.ask(Ask::new("GET", "/api/tokens").by(&ann)).await.body;
    assert_eq!(anns, json!([]), "what the owner made is not told to others");
}

#[tokio::test]
async fn what_is_told_of_health_to_others_is_a_word() {
    let daemon = Daemon::claimed();
    let told = daemon.ask(Ask::new("GET", "/health")).await.body;
    assert_eq!(told, json!({"status": "unwell"}));
    assert_eq!(daemon.ask(Ask::new("GET", "/health").from(HERE)).await.body["volume"], json!(0));
    // Of what a proxy passes on it is not known who asks.
    let proxied = Ask::new("GET", "/health").from(HERE).with("x-forwarded-for", "203.0.113.7");
    assert_eq!(daemon.ask(proxied).await.body, told);
    for page in
        [("origin", "http://localhost:3000"), ("sec-fetch-site", "cross-site"), ("x-forwarded-for", "203.0.113.7")]
    {
        let ask = Ask::new("GET", "/levels").from(HERE).with(page.0, page.1);
        assert_eq!(daemon.ask(ask).await.status, 401, "{page:?}");
    }
}

#[tokio::test]
async fn what_a_command_says_is_carried_out_and_what_it_can_not_mean_is_told() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let control = async |body: Value| {
        let answer = daemon.ask(Ask::new("POST", "/api/control").by(&owner).body(body)).await;
        (answer.status, answer.code().to_owned())
    };
    for body in [json!({"mute": true}), json!({"volume": 30}), json!({"announce": " Dinner\nis ready "})] {
        assert_eq!(control(body).await.0, 204);
    }
    assert_eq!(format!("{:?}", daemon.done.lock().unwrap()), "[Mute(true), SetVolume(30), Announce(..)]");
    for unfit in [
        json!({}),
        json!([]),
        json!(null),
        json!({"mute": true, "volume": 3}),
        json!({"mute": "yes"}),
        json!({"volume": 101}),
        json!({"volume": "loud"}),
        json!({"stop": false}),
        json!({"announce": "..."}),
        json!({"dance": true}),
    ] {
        assert_eq!(control(unfit.clone()).await, (400, "unfit".to_owned()), "{unfit}");
    }
    assert_eq!(control(json!({"wake_mode": "openwakeword"})).await, (409, "conflict".to_owned()));
    assert_eq!(control(json!({"tier": "leaves the house"})).await, (409, "conflict".to_owned()));
    assert_eq!(control(json!({"voice": "nobody"})).await, (409, "refused".to_owned()));
    let choices = daemon.ask(Ask::new("GET", "/api/choices").by(&owner)).await.body;
    assert_eq!(choices["voices"], json!(["amy"]));
    assert_eq!(choices["tiers"], json!(["on this device", "in the house"]));
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    let what: Vec<_> = audit.as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["announcement", "volume 30 %", "microphone off", "signed in"]);
    assert_eq!((&audit[0]["who"], &audit[0]["address"]), (&json!("Otto"), &json!("192.168.1.9")));
}
