//! Backups are made, fetched, taken in, tried and confirmed, by the owner alone and once there is one.
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bare::backups::{CONTENT, MOST, PASSPHRASE};
use crate::support::{ANNS, Ask, Daemon, OTTOS, Shown};

/// The end of the newest task.
async fn ended(daemon: &Daemon, owner: &Shown) -> Value {
    loop {
        let tasks = daemon.ask(Ask::new("GET", "/api/tasks").by(owner)).await.body;
        if tasks[0]["state"] != json!("running") {
            return tasks[0].clone();
        }
        tokio::task::yield_now().await;
    }
}

async fn upload(daemon: &Daemon, owner: &Shown, pieces: Vec<usize>) -> (u16, Value) {
    let Shown::Session(secret) = owner else { panic!("a session") };
    let pieces = pieces.into_iter().map(|length| Ok::<_, std::io::Error>(vec![7; length]));
    let request = Request::put("/api/restore/file")
        .header("host", "pipit.local:7847")
        .header("origin", "http://pipit.local:7847")
        .header("cookie", format!("pipit_session={secret}"))
        .header("transfer-encoding", "chunked")
        .body(Body::from_stream(futures_util::stream::iter(pieces)))
        .unwrap();
    let response = daemon.router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn a_backup_is_made_and_fetched() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let make = |passphrase: &str| Ask::new("POST", "/api/backup").by(&owner).body(json!({"passphrase": passphrase}));
    assert_eq!(daemon.ask(Ask::new("GET", "/api/backup/file").by(&owner)).await.status, 404);
    assert_eq!(daemon.ask(make("eleven char")).await.code(), "unfit");
    assert_eq!(daemon.ask(make(PASSPHRASE)).await.status, 202);
    let task = ended(&daemon, &owner).await;
    assert_eq!((&task["kind"], &task["state"]), (&json!("backup"), &json!("done")));
    let made = daemon.ask(Ask::new("GET", "/api/backup").by(&owner)).await.body;
    assert_eq!(made["made"], task["result"]);

    let fetched = daemon.response(Ask::new("GET", "/api/backup/file").by(&owner)).await;
    assert_eq!(fetched.headers()["content-disposition"], "attachment; filename=\"pipit.backup\"");
    assert_eq!(fetched.headers()["content-length"], CONTENT.len().to_string());
    assert_eq!(&to_bytes(fetched.into_body(), 1 << 20).await.unwrap()[..], CONTENT);
    assert_eq!(daemon.ask(Ask::new("DELETE", "/api/backup").by(&owner)).await.status, 204);
    assert_eq!(daemon.ask(Ask::new("GET", "/api/backup/file").by(&owner)).await.status, 404);

    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    let what: Vec<_> = audit.as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["backup deleted from the device", "backup fetched", "backup made", "signed in"]);
    assert!(!audit.to_string().contains("herons"));
}

#[tokio::test]
async fn one_is_restored_only_once_it_was_taken_in_tried_and_confirmed() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let attempt =
        |passphrase: &str| Ask::new("POST", "/api/restore/try").by(&owner).body(json!({"passphrase": passphrase}));
    let confirm = || Ask::new("POST", "/api/restore").by(&owner);
    assert_eq!(daemon.ask(attempt(PASSPHRASE)).await.status, 409);
    assert_eq!(daemon.ask(confirm()).await.status, 409);

    let (status, taken_in) = upload(&daemon, &owner, vec![300_000, 0, 7, 300_000]).await;
    assert_eq!((status, &taken_in["taken_in"]), (200, &json!(600_007)));
    assert_eq!(daemon.ask(attempt("something else")).await.status, 202);
    assert_eq!(ended(&daemon, &owner).await["message"], json!("that is not the passphrase of this backup"));
    assert_eq!(daemon.ask(confirm()).await.status, 409);
    assert_eq!(daemon.ask(attempt(PASSPHRASE)).await.status, 202);
    assert_eq!(ended(&daemon, &owner).await["result"]["people"], json!(["Otto"]));
    let state = daemon.ask(Ask::new("GET", "/api/restore").by(&owner)).await.body;
    assert_eq!((&state["tried"]["facts"], &state["confirmed"]), (&json!(3), &json!(false)));
    assert_eq!(daemon.ask(confirm()).await.status, 204);
    let state = daemon.ask(Ask::new("GET", "/api/restore").by(&owner)).await.body;
    assert_eq!(state, json!({"taken_in": null, "tried": null, "confirmed": true, "last": null}));
    assert_eq!(daemon.ask(Ask::new("DELETE", "/api/restore").by(&owner)).await.status, 204);

    // What is too much is turned away in the middle of it.
    let most = usize::try_from(MOST).unwrap();
    let (status, refused) = upload(&daemon, &owner, vec![most / 2, most / 2, 1]).await;
    assert_eq!((status, &refused["error"]["code"]), (413, &json!("too_large")));
}

#[tokio::test]
async fn nobody_restores_anything_before_somebody_owns_it() {
    let daemon = Daemon::unclaimed();
    for (method, path) in [
        ("GET", "/api/backup"),
        ("GET", "/api/backup/file"),
        ("GET", "/api/restore"),
        ("POST", "/api/restore"),
        ("PUT", "/api/restore/file"),
        ("POST", "/api/restore/try"),
        ("DELETE", "/api/restore"),
        ("DELETE", "/api/restore/kept"),
    ] {
        assert_eq!(daemon.ask(Ask::new(method, path)).await.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn a_support_bundle_is_seen_before_it_is_fetched() {
    let daemon = Daemon::claimed();
    let (owner, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let version = daemon.ask(Ask::new("GET", "/api/version").by(&owner)).await.body;
    assert_eq!((&version["installed"], &version["restart"]), (&json!("9.9.9"), &json!(false)));
    assert_eq!(
        (&version["last_update"]["went_back"], &version["can_update"]),
        (&json!("it was not well"), &json!(false))
    );
    assert_eq!(daemon.ask(Ask::new("POST", "/api/support").by(&ann)).await.status, 403);
    assert_eq!(daemon.ask(Ask::new("POST", "/api/support").by(&owner)).await.status, 202);
    assert_eq!(ended(&daemon, &owner).await["kind"], json!("bundle"));
    let shown = daemon.ask(Ask::new("GET", "/api/support").by(&owner)).await.body;
    assert_eq!(shown["made"]["parts"], json!([{"name": "Board", "text": "a board"}]));
    let fetched = daemon.ask(Ask::new("GET", "/api/support/file").by(&owner)).await;
    assert_eq!(fetched.headers["content-disposition"], "attachment; filename=\"pipit-support.txt\"");
    let text = fetched.body.as_str().unwrap();
    assert!(text.ends_with("\nBoard\n-----\na board\n"), "{text}");
    assert_eq!(shown["made"]["bytes"], json!(text.len()));
}
