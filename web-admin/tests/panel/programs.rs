//! Programs that somebody signs in with: access tokens that are good for minutes, and refresh tokens that are good once.
use std::time::Duration;

use crate::support::{ANNS, Answer, Ask, Daemon, OTTOS, Shown};
use futures_util::StreamExt as _;
use pipit_store::{NewPrivacy, Role};
use serde_json::{Value, json};

async fn signed_in(daemon: &Daemon, name: &str, password: &str, scopes: Value) -> Answer {
    let mut body = json!({"grant": "password", "name": name, "password": password});
    if !scopes.is_null() {
        body["scopes"] = scopes;
    }
    daemon.ask(Ask::new("POST", "/v1/auth/token").body(body)).await
}

async fn refreshed(daemon: &Daemon, token: &Value) -> Answer {
    let body = json!({"grant": "refresh", "refresh_token": token});
    daemon.ask(Ask::new("POST", "/v1/auth/token").body(body)).await
}

fn access(answer: &Answer) -> Shown {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(answer.headers["cache-control"], "no-store");
    Shown::Token(answer.body["access_token"].as_str().unwrap().to_owned())
}

async fn status(daemon: &Daemon, path: &str, shown: &Shown) -> u16 {
    daemon.ask(Ask::new("GET", path).by(shown)).await.status
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_second_time_ends_everything() {
    let daemon = Daemon::claimed();
    let first = signed_in(&daemon, "Otto", OTTOS, Value::Null).await;
    assert_eq!(first.body["scope"], "read talk control admin");
    let shown = access(&first);
    assert_eq!(status(&daemon, "/api/audit", &shown).await, 200);
    daemon.pass(900);
    assert_eq!(status(&daemon, "/api/audit", &shown).await, 401, "a quarter of an hour is over");
    let second = refreshed(&daemon, &first.body["refresh_token"]).await;
    let shown = access(&second);
    assert_ne!(first.body["refresh_token"], second.body["refresh_token"]);
    assert_eq!(status(&daemon, "/api/audit", &shown).await, 200);
    let reused = refreshed(&daemon, &first.body["refresh_token"]).await;
    assert_eq!((reused.status, reused.code()), (401, "refresh_over"));
    assert_eq!(status(&daemon, "/api/audit", &shown).await, 401, "whoever has the newer one is out too");
    assert_eq!(refreshed(&daemon, &second.body["refresh_token"]).await.status, 401);
    let owner = daemon.session_of("Otto", OTTOS).await;
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    assert_eq!(audit[1]["what"], "program 1 ended: a refresh token came a second time");
    let secrets = [&first, &second].map(|answer| answer.body["refresh_token"].as_str().unwrap());
    assert!(secrets.iter().all(|secret| !audit.to_string().contains(&secret[14..40])));
}

#[tokio::test]
async fn of_two_that_come_at_once_with_the_same_token_neither_goes_on() {
    let daemon = Daemon::claimed();
    let first = signed_in(&daemon, "Ann", ANNS, Value::Null).await;
    let token = &first.body["refresh_token"];
    let (one, other) = tokio::join!(refreshed(&daemon, token), refreshed(&daemon, token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let won = if one.status == 200 { one } else { other };
    assert_eq!(status(&daemon, "/api/state", &access(&won)).await, 401);
}

#[tokio::test]
async fn it_may_what_was_asked_for_and_never_more_than_its_person() {
    let daemon = Daemon::claimed();
    let narrow = signed_in(&daemon, "Otto", OTTOS, json!(["read", "talk"])).await;
    let shown = access(&narrow);
    assert_eq!(narrow.body["scope"], "read talk");
    assert_eq!((status(&daemon, "/api/state", &shown).await, status(&daemon, "/api/audit", &shown).await), (200, 403));
    let wider = json!({"grant": "refresh", "refresh_token": narrow.body["refresh_token"], "scopes": ["admin", "read"]});
    let next = daemon.ask(Ask::new("POST", "/v1/auth/token").body(wider)).await;
    assert_eq!(next.body["scope"], "read", "a refresh makes nothing wider");
    let again = refreshed(&daemon, &next.body["refresh_token"]).await;
    assert_eq!(again.body["scope"], "read talk", "and what was asked for at first stays");
    for unfit in [json!([]), json!(["all"]), json!("read")] {
        assert_eq!(signed_in(&daemon, "Otto", OTTOS, unfit).await.status, 400);
    }
    let member = access(&signed_in(&daemon, "Ann", ANNS, Value::Null).await);
    assert_eq!(status(&daemon, "/api/audit", &member).await, 403);
    // A token makes API tokens only as good as it is itself.
    let admin = access(&signed_in(&daemon, "Otto", OTTOS, json!(["admin"])).await);
    let make = Ask::new("POST", "/api/tokens").by(&admin).body(json!({"name": "a", "scopes": ["read"]}));
    assert_eq!(daemon.ask(make).await.status, 403);
}

#[tokio::test]
async fn passwords_are_guessed_here_no_faster_than_elsewhere() {
    let daemon = Daemon::claimed();
    for _ in 0..5 {
        assert_eq!(signed_in(&daemon, "Otto", "wrong horses", Value::Null).await.code(), "wrong_credentials");
        assert_eq!(daemon.sign_in("Otto", "wrong horses").await.status, 401);
    }
    let limited = signed_in(&daemon, "Otto", OTTOS, Value::Null).await;
    assert_eq!((limited.status, limited.headers["retry-after"].to_str().unwrap()), (429, "30"));
}

#[tokio::test]
async fn it_is_listed_and_ended_by_its_person_alone_and_with_another_password() {
    let daemon = Daemon::claimed();
    let (otto, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let program = signed_in(&daemon, "Ann", ANNS, json!(["read", "admin"])).await;
    let shown = access(&program);
    let listed = daemon.ask(Ask::new("GET", "/api/programs").by(&ann)).await.body;
    assert_eq!((&listed[0]["scopes"], &listed[0]["current"]), (&json!(["read", "admin"]), &json!(false)));
    assert_eq!(daemon.ask(Ask::new("GET", "/api/programs").by(&shown)).await.body[0]["current"], json!(true));
    assert_eq!(daemon.ask(Ask::new("GET", "/api/programs").by(&otto)).await.body, json!([]));
    let one = format!("/api/programs/{}", listed[0]["id"]);
    assert_eq!(daemon.ask(Ask::new("DELETE", &one).by(&otto)).await.status, 404);
    assert_eq!(daemon.ask(Ask::new("DELETE", &one).by(&ann)).await.status, 204);
    assert_eq!(status(&daemon, "/api/state", &shown).await, 401);
    let second = signed_in(&daemon, "Ann", ANNS, Value::Null).await;
    let change = json!({"old": ANNS, "new": "nineteen dry herons"});
    assert_eq!(daemon.ask(Ask::new("PUT", "/api/password").by(&ann).body(change)).await.status, 204);
    assert_eq!(status(&daemon, "/api/state", &access(&second)).await, 401);
    let third = signed_in(&daemon, "Ann", "nineteen dry herons", Value::Null).await;
    let revoke = json!({"refresh_token": third.body["refresh_token"]});
    assert_eq!(daemon.ask(Ask::new("POST", "/v1/auth/revoke").body(revoke)).await.status, 204);
    assert_eq!(status(&daemon, "/api/state", &access(&third)).await, 401);
}

#[tokio::test(start_paused = true)]
async fn it_ends_unused_and_in_any_case_and_its_streams_with_it() {
    let daemon = Daemon::claimed();
    const DAY: i64 = 24 * 60 * 60;
    let mut token = signed_in(&daemon, "Ann", ANNS, Value::Null).await.body["refresh_token"].clone();
    for _ in 0..6 {
        daemon.pass(13 * DAY);
        let next = refreshed(&daemon, &token).await;
        assert_eq!(next.status, 200);
        token = next.body["refresh_token"].clone();
    }
    daemon.pass(13 * DAY);
    assert_eq!(refreshed(&daemon, &token).await.status, 401, "after ninety days");
    let unused = signed_in(&daemon, "Ann", ANNS, Value::Null).await;
    let stream = daemon.response(Ask::new("GET", "/events").by(&access(&unused))).await;
    assert_eq!(stream.status(), 200);
    daemon.pass(14 * DAY);
    assert_eq!(refreshed(&daemon, &unused.body["refresh_token"]).await.status, 401, "after fourteen days without use");
    let stream = stream.into_body().into_data_stream();
    tokio::time::timeout(Duration::from_secs(180), stream.collect::<Vec<_>>()).await.unwrap();
}

#[tokio::test]
async fn what_a_passphrase_opens_is_open_for_the_program() {
    let daemon = Daemon::claimed();
    daemon.add("Pia", Role::Member, NewPrivacy::Private("only I know it"), None);
    let program = signed_in(&daemon, "Pia", "only I know it", Value::Null).await;
    assert_eq!(status(&daemon, "/v1/memory", &access(&program)).await, 200);
    let next = refreshed(&daemon, &program.body["refresh_token"]).await;
    assert_eq!(status(&daemon, "/v1/memory", &access(&next)).await, 200);
}
