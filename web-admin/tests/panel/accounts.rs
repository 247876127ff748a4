//! The claim, sessions, passwords, tokens, and what stands before all of it.
use std::time::Duration;

use crate::support::{ANNS, Ask, Daemon, HERE, OTTOS, Shown, check_form};
use axum::body::Body;
use axum::http::Response;
use futures_util::StreamExt as _;
use pipit_store::{NewPrivacy, Role};
use serde_json::json;

const NEW: &str = "nineteen dry herons";

fn claim(code: &str) -> Ask<'static> {
    Ask::new("POST", "/api/claim").body(json!({"code": code, "name": "Otto", "password": OTTOS}))
}

#[tokio::test]
async fn whoever_hears_the_code_claims_it_once() {
    let daemon = Daemon::unclaimed();
    let new_code = async || daemon.ask(Ask::new("POST", "/api/claim/code")).await;
    let session = Ask::new("GET", "/api/session");
    assert_eq!(daemon.ask(session.clone()).await.body, json!({"claimed": false, "person": null}));
    assert_eq!(daemon.ask(claim("123456")).await.code(), "no_code");
    assert_eq!(new_code().await.status, 204);
    assert_eq!(new_code().await.headers["retry-after"], "30");
    let first = daemon.code();
    assert_eq!(first.len(), 6);
    daemon.pass(30);
    assert_eq!(new_code().await.status, 204);
    let code = daemon.code();
    let said = daemon.said.lock().unwrap().last().unwrap().clone();
    assert!(said.starts_with("Your code is ") && said.matches(", ").count() == 5, "{said}");
    if first != code {
        assert_eq!(daemon.ask(claim(&first)).await.code(), "wrong_code");
    }
    let weak = Ask::new("POST", "/api/claim").body(json!({"code": code, "name": "Otto", "password": "12345678"}));
    assert_eq!(daemon.ask(weak).await.code(), "unfit_password", "and the code is still good");
    daemon.pass(60);
    let (one, other) = tokio::join!(daemon.ask(claim(&code)), daemon.ask(claim(&code).from(HERE)));
    let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
    assert_eq!((won.status, won.body["person"]["role"].as_str()), (201, Some("owner")));
    assert!([403, 409].contains(&lost.status), "{}", lost.body);
    assert_eq!(daemon.ask(session.by(&won.session())).await.body, won.body);
    assert_eq!(daemon.ask(claim(&code)).await.code(), "claimed");
    assert_eq!(new_code().await.code(), "claimed");
    assert_eq!(daemon.sign_in("otto", OTTOS).await.status, 200);
}

#[tokio::test]
async fn a_guessed_code_is_soon_useless_and_guesses_are_few() {
    let daemon = Daemon::unclaimed();
    let new_code = async || assert_eq!(daemon.ask(Ask::new("POST", "/api/claim/code")).await.status, 204);
    new_code().await;
    let code = daemon.code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(daemon.ask(claim(wrong)).await.code(), "wrong_code");
    }
    let limited = daemon.ask(claim(&code)).await;
    assert_eq!((limited.status, limited.code()), (429, "too_many"));
    assert_eq!(limited.headers["retry-after"], "30");
    assert_eq!(daemon.ask(claim(&code).from("192.168.1.10:5")).await.code(), "no_code", "five were wrong");
    // Whoever has many addresses has no more guesses for that.
    let mut guesses = 0;
    for n in 0..100 {
        let from = format!("192.168.2.{n}:5");
        guesses += u32::from(daemon.ask(claim(wrong).from(&from)).await.status != 429);
    }
    assert_eq!(guesses, 4);
    daemon.pass(600);
    new_code().await;
    let code = daemon.code();
    daemon.pass(600);
    assert_eq!(daemon.ask(claim(&code)).await.code(), "no_code", "it is too old");
}

#[tokio::test]
async fn a_password_is_not_guessed_and_its_owner_signs_in_all_the_same() {
    let daemon = Daemon::claimed();
    let attempt = async |name: &str, from: &str| {
        let body = json!({"name": name, "password": "wrong horses"});
        daemon.ask(Ask::new("POST", "/api/session").body(body).from(from)).await
    };
    let (wrong_name, wrong_password) = (attempt("Nobody", "10.0.0.1:1").await, attempt("Otto", "10.0.0.1:1").await);
    for answer in [&wrong_name, &wrong_password] {
        assert_eq!((answer.status, answer.code()), (401, "wrong_credentials"));
    }
    assert_eq!(wrong_name.body["error"]["message"], wrong_password.body["error"]["message"]);
    for _ in 0..8 {
        assert_eq!(attempt("Ann", "10.0.0.1:1").await.status, 401);
    }
    let limited = attempt("Nobody", "10.0.0.1:1").await;
    assert_eq!((limited.status, limited.headers["retry-after"].to_str().unwrap()), (429, "30"), "from one address");
    assert_eq!(daemon.sign_in("Ann", ANNS).await.status, 200, "from another one");
    for n in 0..12 {
        let from = format!("10.0.1.{n}:1");
        let status = attempt("Otto", &from).await.status;
        assert_eq!(status, if n < 9 { 401 } else { 429 }, "with one name");
    }
    daemon.pass(30);
    assert_eq!(daemon.sign_in("Otto", OTTOS).await.status, 200);
    let mut tried = 0;
    for n in 0..60 {
        tried += u32::from(attempt(&format!("name {n}"), &format!("10.0.2.{n}:1")).await.status == 401);
    }
    assert!(tried < 40, "over all: {tried}");
}

#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_opens_nothing_once_it_is_over() {
    let daemon = Daemon::claimed();
    let state = async |session: &Shown| daemon.ask(Ask::new("GET", "/api/state").by(session)).await.status;
    let first = daemon.session_of("Ann", ANNS).await;
    let again = Ask::new("POST", "/api/session").by(&first).body(json!({"name": "Ann", "password": ANNS}));
    let second = daemon.ask(again).await.session();
    assert_eq!((state(&first).await, state(&second).await), (401, 200), "the old one ends");
    let out = daemon.ask(Ask::new("DELETE", "/api/session").by(&second)).await;
    assert_eq!(out.status, 204);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(state(&second).await, 401, "also for whoever kept the cookie");
    assert_eq!(daemon.ask(Ask::new("DELETE", "/api/session")).await.status, 204);
    let unused = daemon.session_of("Ann", ANNS).await;
    daemon.pass(14 * 24 * 60 * 60);
    assert_eq!(state(&unused).await, 401);
    let told = daemon.ask(Ask::new("GET", "/api/session").by(&unused)).await;
    assert_eq!(told.body, json!({"claimed": true, "person": null}));

    let (here, there) = (daemon.session_of("Ann", ANNS).await, daemon.session_of("Ann", ANNS).await);
    let sessions = daemon.ask(Ask::new("GET", "/api/sessions").by(&here)).await.body;
    let current: Vec<_> = sessions.as_array().unwrap().iter().map(|one| one["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, true]);
    let change = |old: &str| Ask::new("PUT", "/api/password").by(&here).body(json!({"old": old, "new": NEW}));
    assert_eq!(daemon.ask(change("wrong horses")).await.code(), "wrong_credentials");
    assert_eq!(daemon.ask(change(ANNS)).await.status, 204);
    assert_eq!((state(&here).await, state(&there).await), (200, 401), "every other session ends");
    assert_eq!(daemon.sign_in("Ann", ANNS).await.status, 401);
    let third = daemon.session_of("Ann", NEW).await;
    let id = daemon.ask(Ask::new("GET", "/api/sessions").by(&third)).await.body[0]["id"].to_string();
    assert_eq!(daemon.ask(Ask::new("DELETE", &format!("/api/sessions/{id}")).by(&here)).await.status, 204);
    assert_eq!(state(&third).await, 401);
}

#[tokio::test]
async fn what_a_passphrase_opens_is_open_for_its_session() {
    let daemon = Daemon::claimed();
    daemon.add("Pia", Role::Member, NewPrivacy::Private("only I know it"), None);
    let session = daemon.session_of("Pia", "only I know it").await;
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&session)).await.status, 200);
    let made = Ask::new("POST", "/api/tokens").by(&session).body(json!({"name": "a", "scopes": ["read"]}));
    assert_eq!(daemon.ask(made).await.status, 409, "a token could not open it");
    let change = json!({"old": "only I know it", "new": "nobody else knows"});
    assert_eq!(daemon.ask(Ask::new("PUT", "/api/password").by(&session).body(change)).await.status, 204);
    assert_eq!(daemon.sign_in("Pia", "only I know it").await.status, 401);
    assert_eq!(daemon.sign_in("Pia", "nobody else knows").await.status, 200);
}

#[tokio::test]
async fn a_token_is_good_for_what_it_was_made_for_until_it_is_removed() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let made = async |by: &Shown, scopes: serde_json::Value| {
        daemon.ask(Ask::new("POST", "/api/tokens").by(by).body(json!({"name": "Kitchen", "scopes": scopes}))).await
    };
    for unfit in [json!([]), json!(["all"]), json!("read"), json!(["read", "Talk"])] {
        assert_eq!(made(&owner, unfit.clone()).await.status, 400, "{unfit}");
    }
    let answer = made(&owner, json!(["talk", "read"])).await;
    let (id, token) = (answer.body["id"].to_string(), answer.body["token"].as_str().unwrap().to_owned());
    let listed = daemon.ask(Ask::new("GET", "/api/tokens").by(&owner)).await.body;
    assert_eq!(listed[0]["scopes"], json!(["read", "talk"]));
    assert!(!listed.to_string().contains(&token["pipit_".len()..]), "it is shown once");
    let admin = daemon.token(&owner, &["admin"]).await;
    assert_eq!(made(&admin, json!(["admin", "control"])).await.status, 403, "more than what made it");
    assert_eq!(made(&admin, json!(["admin"])).await.status, 201);
    let state = Ask::new("GET", "/api/state");
    for authorization in [format!("Bearer {token}"), format!("bearer  {token}")] {
        assert_eq!(daemon.ask(state.clone().with("authorization", authorization)).await.status, 200);
    }
    for wrong in
        ["", "Bearer", "Bearer ", "Bearer pipit_0", &format!("Basic {token}"), &format!("Bearer {token}0"), &token]
    {
        // A session beside it does not help.
        let ask = state.clone().by(&owner).with("authorization", wrong);
        assert_eq!(daemon.ask(ask).await.status, 401, "{wrong}");
    }
    assert_eq!(daemon.ask(Ask::new("DELETE", &format!("/api/tokens/{id}")).by(&owner)).await.status, 204);
    assert_eq!(daemon.ask(state.by(&Shown::Token(token))).await.status, 401);
}

/// Whether the stream ends before it could have looked by itself three times.
async fn ends(response: Response<Body>) -> bool {
    let stream = response.into_body().into_data_stream();
    tokio::time::timeout(Duration::from_secs(180), stream.collect::<Vec<_>>()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_their_session() {
    let daemon = Daemon::claimed();
    let watch = async |by: &Shown, path| {
        let response = daemon.response(Ask::new("GET", path).by(by)).await;
        assert_eq!(response.status(), 200);
        response
    };
    for path in ["/events", "/levels"] {
        let (session, other) = (daemon.session_of("Ann", ANNS).await, daemon.session_of("Ann", ANNS).await);
        let token = daemon.token(&other, &["read"]).await;
        let streams = [watch(&session, path).await, watch(&other, path).await, watch(&token, path).await];
        let here = daemon.response(Ask::new("GET", path).from(HERE)).await;
        daemon.ask(Ask::new("DELETE", "/api/session").by(&session)).await;
        let [first, second, third] = streams.map(|stream| tokio::spawn(ends(stream)));
        assert!(first.await.unwrap(), "{path}: signed out");
        assert!(!second.await.unwrap() && !third.await.unwrap() && !ends(here).await, "{path}: the others go on");
        let expiring = watch(&other, path).await;
        daemon.pass(14 * 24 * 60 * 60);
        assert!(ends(expiring).await, "{path}: nobody had to end it");
    }
    drop(daemon.bus);
}

#[tokio::test]
async fn what_nobody_should_send_is_turned_away() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let control = || Ask::new("POST", "/api/control").by(&owner).body(json!({"mute": true}));
    let refused = async |ask: Ask<'_>, status: u16, code: &str| {
        let what = format!("{ask:?}");
        let answer = daemon.ask(ask).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{what}");
        check_form(&what, &answer);
    };
    for host in ["evil.com", "evil.com:7847", "pipit.local.evil.com", ""] {
        refused(control().with("host", host).with("origin", format!("http://{host}")), 421, "wrong_host").await;
        refused(Ask::new("GET", "/api/session").with("host", host), 421, "wrong_host").await;
        refused(Ask::new("GET", "/health").from(HERE).with("host", host), 421, "wrong_host").await;
    }
    for (name, value) in [
        ("origin", "http://evil.com"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        refused(control().with(name, value), 403, "forbidden").await;
    }
    let sign_in = || Ask::new("POST", "/api/session").body(json!({"name": "Otto", "password": OTTOS}));
    refused(sign_in().with("origin", "http://evil.com"), 403, "forbidden").await;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "application/jsonx"]
    {
        refused(control().with("content-type", kind), 415, "no_json").await;
    }
    refused(control().body(json!({"announce": "a".repeat(70_000)})), 413, "too_large").await;
    // Whatever the length says.
    let lying = control().body(json!({"announce": "a".repeat(70_000)})).with("content-length", "20");
    refused(lying, 413, "too_large").await;
    let secret = "hunter2hunter2";
    let slip = Ask::new("POST", "/api/session").body(json!({"name": 7, "password": secret}));
    let answer = daemon.ask(slip).await;
    assert!(answer.status == 400 && !answer.body.to_string().contains(secret), "{}", answer.body);
    assert!(daemon.done.lock().unwrap().is_empty());
    let named = control().with("host", "pipit.example.org").with("origin", "https://pipit.example.org");
    assert_eq!(daemon.ask(named).await.status, 204);
    assert_eq!(daemon.ask(control().with("sec-fetch-site", "same-origin")).await.status, 204);
    assert_eq!(daemon.ask(control().with("content-type", "application/json; charset=utf-8")).await.status, 204);
}

#[tokio::test]
async fn the_audit_log_tells_what_was_done_and_no_secret() {
    let daemon = Daemon::claimed();
    daemon.sign_in("Otto", "wrong horses").await;
    daemon.sign_in("wrong horses", OTTOS).await;
    let owner = daemon.session_of("Otto", OTTOS).await;
    let Shown::Token(token) = daemon.token(&owner, &["control"]).await else { unreachable!() };
    let announce = Ask::new("POST", "/api/control").body(json!({"announce": "the cake is a secret"}));
    daemon.ask(announce.by(&Shown::Token(token.clone()))).await;
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    let told: Vec<_> =
        audit.as_array().unwrap().iter().map(|row| (row["who"].as_str(), row["what"].as_str().unwrap())).collect();
    let otto = Some("Otto");
    assert_eq!(
        told,
        [
            (otto, "announcement"),
            (otto, "API token 1 made: control"),
            (otto, "signed in"),
            (None, "sign-in failed"),
            (None, "sign-in failed"),
        ]
    );
    for secret in ["horses", "herons", "cake", &token] {
        assert!(!audit.to_string().contains(secret), "{secret}");
    }
    let before = daemon.ask(Ask::new("GET", "/api/audit?before=2").by(&owner)).await.body;
    assert_eq!(before.as_array().unwrap().len(), 1);
    assert_eq!(daemon.ask(Ask::new("GET", "/api/audit?before=x").by(&owner)).await.status, 400);
    assert_eq!(daemon.store.check_audit().unwrap(), None);
}
