//! Who may ask for what: every endpoint as nobody, guest, member, owner, with a token of each scope, and as somebody else.
use crate::support::{ANNS, Ask, Daemon, GUSTAVS, HERE, LAPTOP, OTTOS, Shown, check_form};
use serde_json::{Value, json};

/// A method, a path, a body, and what is answered to: a program on the machine itself, nobody from elsewhere, a guest, a member,
/// the owner, and tokens of the owner's that are good for reading, talking, controlling and everything else.
type Row = (&'static str, &'static str, Value, [u16; 9]);

const NOBODY: &str = "/api/people/00000000000000000000000000000000";

fn endpoints() -> Vec<Row> {
    let none = || Value::Null;
    vec![
        ("GET", "/health", none(), [503; 9]),
        ("GET", "/ready", none(), [503; 9]),
        ("GET", "/api/session", none(), [200; 9]),
        ("GET", "/turns", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/events", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/levels", none(), [200, 401, 200, 200, 200, 200, 403, 403, 403]),
        // What may be done on a socket is in tests/socket.rs.
        ("GET", "/ws", none(), [426; 9]),
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
        // What the daemon of these tests does not have.
        ("GET", "/api/models", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/small/pull", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/small/verify", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/small/measure", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/small/use", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("DELETE", "/api/models/small", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/import", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/rollback", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/models/upload", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("GET", "/api/voices", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        (
            "POST",
            "/api/voices/preview",
            json!({"voice": "amy", "text": "Hello"}),
            [401, 401, 403, 403, 503, 403, 403, 403, 503],
        ),
        ("PUT", "/api/voices/speed", json!({"speed": 1.2}), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("GET", "/api/audio", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/audio/tone", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/audio/recording", json!({"seconds": 5}), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("GET", "/api/audio/recording", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("DELETE", "/api/audio/recording", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/audio/recording/play", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("POST", "/api/audio/echo", none(), [401, 401, 403, 403, 503, 403, 403, 403, 503]),
        ("GET", "/api/welcome", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("PUT", "/api/welcome", json!({"step": "sound"}), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("GET", "/api/backup", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("POST", "/api/backup", json!({"passphrase": "too short"}), [401, 401, 403, 403, 400, 403, 403, 403, 400]),
        ("GET", "/api/backup/file", none(), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("DELETE", "/api/backup", none(), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("GET", "/api/restore", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("PUT", "/api/restore/file", json!({}), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("POST", "/api/restore", none(), [401, 401, 403, 403, 409, 403, 403, 403, 409]),
        ("DELETE", "/api/restore", none(), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        (
            "POST",
            "/api/restore/try",
            json!({"passphrase": "a wrong one"}),
            [401, 401, 403, 403, 409, 403, 403, 403, 409],
        ),
        ("DELETE", "/api/restore/kept", none(), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("GET", "/api/factory-reset", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        // Whose password is wrong may be signed in for long.
        ("POST", "/api/factory-reset", json!({"password": "?"}), [401, 401, 403, 403, 403, 403, 403, 403, 403]),
        ("DELETE", "/api/factory-reset", none(), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("GET", "/api/support/file", none(), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("GET", "/api/support", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("DELETE", "/api/support", none(), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("POST", "/api/update", none(), [401, 401, 403, 403, 409, 403, 403, 403, 409]),
        ("GET", "/api/version", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("GET", "/v1/announcements", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        (
            "POST",
            "/v1/announcements",
            json!({"text": "Dinner", "seconds": 600}),
            [401, 401, 403, 201, 201, 403, 201, 403, 403],
        ),
        ("DELETE", "/v1/announcements/999", none(), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("GET", "/v1/messages?search=a", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/v1/messages/999", none(), [401, 401, 404, 404, 404, 404, 403, 403, 403]),
        ("GET", "/v1/prompts", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/v1/conversations/999/prompt", none(), [401, 401, 404, 404, 404, 404, 403, 403, 403]),
        ("PUT", "/v1/conversations/999/prompt", json!({"prompt": null}), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("GET", "/v1/conversations", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("POST", "/v1/conversations", json!({"title": "Sums"}), [401, 401, 201, 201, 201, 403, 201, 403, 403]),
        ("GET", "/v1/conversations/999", none(), [401, 401, 404, 404, 404, 404, 403, 403, 403]),
        ("PATCH", "/v1/conversations/999", json!({"title": "Sums"}), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("DELETE", "/v1/conversations/999", none(), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("DELETE", "/v1/messages/999", none(), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("POST", "/v1/chat", json!({"text": "what is two times two"}), [401, 401, 200, 200, 200, 403, 200, 403, 403]),
        ("POST", "/v1/confirmations/999", json!({"confirm": true}), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("GET", "/v1/timers", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("POST", "/v1/timers", json!({"seconds": 600}), [401, 401, 201, 201, 201, 403, 201, 403, 403]),
        ("DELETE", "/v1/timers/999", none(), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("GET", "/v1/alarms", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/v1/entities", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("GET", "/v1/memory", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        ("POST", "/v1/memory", json!({"text": "the key is here"}), [401, 401, 201, 201, 201, 403, 201, 403, 403]),
        ("DELETE", "/v1/memory/999", none(), [401, 401, 404, 404, 404, 403, 404, 403, 403]),
        ("GET", "/v1/models", none(), [401, 401, 200, 200, 200, 200, 403, 403, 403]),
        (
            "POST",
            "/v1/chat/completions",
            json!({"model": "pipit", "messages": [{"role": "user", "content": "what is two times two"}]}),
            [401, 401, 200, 200, 200, 403, 200, 403, 403],
        ),
        (
            "POST",
            "/v1/audio/speech",
            json!({"model": "pipit", "voice": "pipit", "input": ""}),
            [401, 401, 400, 400, 400, 403, 400, 403, 403],
        ),
        // A body that is no form, from those who may send one.
        ("POST", "/v1/audio/transcriptions", json!({}), [401, 401, 400, 400, 400, 403, 400, 403, 403]),
        ("GET", "/v1/openapi.json", none(), [200; 9]),
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
        ("GET", "/api/display.png", none(), [401, 401, 403, 200, 200, 403, 403, 403, 200]),
        ("POST", "/api/claim/code", none(), [409; 9]),
        (
            "POST",
            "/api/claim",
            json!({"code": "123456", "name": "Eve", "password": "wet green herons"}),
            [409, 409, 409, 409, 409, 409, 429, 429, 429],
        ),
        ("POST", "/v1/auth/token", json!({"grant": "refresh", "refresh_token": "pipit_refresh_0"}), [401; 9]),
        ("POST", "/v1/auth/token", json!({"grant": "anything"}), [400; 9]),
        ("POST", "/v1/auth/revoke", json!({"refresh_token": "pipit_refresh_0"}), [204; 9]),
        ("GET", "/api/programs", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("DELETE", "/api/programs/999", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("GET", "/api/ways", none(), [200; 9]),
        ("POST", "/api/session/guest", none(), [403; 9]),
        ("POST", "/api/session/code", json!({"name": "A", "code": "B", "password": "short"}), [400; 9]),
        ("GET", "/api/guests", none(), [401, 401, 403, 403, 200, 403, 403, 403, 200]),
        ("PUT", "/api/guests", json!({"allowed": false}), [401, 401, 403, 403, 204, 403, 403, 403, 204]),
        ("GET", "/api/people", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("POST", "/api/people", json!({"name": "", "role": "member"}), [401, 401, 403, 403, 400, 403, 403, 403, 400]),
        ("PATCH", NOBODY, json!({"name": "New"}), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("PATCH", NOBODY, json!({"role": "guest"}), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        ("DELETE", NOBODY, json!({"name": "New"}), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("POST", "/api/people/0/code", none(), [401, 401, 403, 403, 404, 403, 403, 403, 404]),
        (
            "PUT",
            "/api/people/0/password",
            json!({"password": "wet green herons"}),
            [401, 401, 403, 403, 404, 403, 403, 403, 404],
        ),
        ("GET", "/api/people/0/access", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("DELETE", "/api/people/0/access/sessions/1", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("POST", "/api/session/passkey/options", none(), [200; 9]),
        (
            "POST",
            "/api/session/passkey",
            json!({"id": "AA", "client_data": "e30", "authenticator_data": "AA", "signature": "AA", "user": "AA"}),
            [401; 9],
        ),
        ("GET", "/api/passkeys", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("POST", "/api/passkeys/options", json!({}), [401, 401, 400, 400, 400, 403, 403, 403, 400]),
        (
            "POST",
            "/api/passkeys",
            json!({"name": "A", "client_data": "e30", "authenticator_data": "AA"}),
            [401, 401, 400, 400, 400, 403, 403, 403, 400],
        ),
        ("PATCH", "/api/passkeys/999", json!({"name": "A"}), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("DELETE", "/api/passkeys/999", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
        ("POST", "/api/session/provider", none(), [404; 9]),
        ("GET", "/api/session/provider/back?state=a&code=b", none(), [303; 9]),
        ("GET", "/api/links", none(), [401, 401, 200, 200, 200, 403, 403, 403, 200]),
        ("POST", "/api/links", json!({"password": "?"}), [401, 401, 403, 403, 403, 403, 403, 403, 403]),
        ("DELETE", "/api/links/999", none(), [401, 401, 404, 404, 404, 403, 403, 403, 404]),
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
