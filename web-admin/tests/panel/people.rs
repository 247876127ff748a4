//! Who lives there: made known, renamed, removed, and let in; and guests without a password.
use crate::support::{ANNS, Ask, Daemon, GUSTAVS, OTTOS, Shown};
use pipit_store::{NewPrivacy, Role};
use serde_json::{Value, json};

const NEW: &str = "nineteen dry herons";

async fn id_of(daemon: &Daemon, owner: &Shown, name: &str) -> String {
    let people = daemon.ask(Ask::new("GET", "/api/people").by(owner)).await.body;
    let found = people.as_array().unwrap().iter().find(|person| person["name"] == name).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn told(daemon: &Daemon, ask: Ask<'_>) -> (u16, String) {
    let answer = daemon.ask(ask).await;
    (answer.status, answer.code().to_owned())
}

#[tokio::test]
async fn somebody_new_sets_their_password_once_by_a_code() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let add = json!({"name": "Nora", "role": "member"});
    let added = daemon.ask(Ask::new("POST", "/api/people").by(&owner).body(add.clone())).await;
    assert_eq!(added.status, 201, "{}", added.body);
    let code = added.body["code"].as_str().unwrap().to_owned();
    assert_eq!(told(&daemon, Ask::new("POST", "/api/people").by(&owner).body(add)).await.1, "name_taken");
    let accept = |name: &str, code: &str, password: &str| {
        Ask::new("POST", "/api/session/code").body(json!({"name": name, "code": code, "password": password}))
    };
    for (name, code, password, status) in [
        ("Nora", "0000-0000-0000", NEW, 401),
        ("Ann", code.as_str(), NEW, 401),
        ("Nobody", code.as_str(), NEW, 401),
        ("Nora", code.as_str(), "12345678", 400),
    ] {
        assert_eq!(daemon.ask(accept(name, code, password)).await.status, status, "{name} {code} {password}");
    }
    let carelessly = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    let accepted = daemon.ask(accept("nora", &carelessly, NEW)).await;
    assert_eq!((accepted.status, &accepted.body["person"]["name"]), (200, &json!("Nora")));
    let session = accepted.session();
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&session)).await.status, 200);
    assert_eq!(told(&daemon, accept("Nora", &code, "twenty other herons")).await, (401, "wrong_code".to_owned()));
    assert_eq!(daemon.sign_in("Nora", NEW).await.status, 200);
    // A code is good for a day.
    let again = format!("/api/people/{}/code", id_of(&daemon, &owner, "Nora").await);
    let made = daemon.ask(Ask::new("POST", &again).by(&owner)).await;
    daemon.pass(24 * 60 * 60);
    assert_eq!(daemon.ask(accept("Nora", made.body["code"].as_str().unwrap(), NEW)).await.status, 401);
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body.to_string();
    assert!(
        audit.contains("Nora made known: member") && !audit.contains(&code) && !audit.contains("herons"),
        "{audit}"
    );
}

#[tokio::test]
async fn the_owner_changes_others_and_stays_the_owner() {
    let daemon = Daemon::claimed();
    let (owner, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let (otto, anns) = (id_of(&daemon, &owner, "Otto").await, id_of(&daemon, &owner, "Ann").await);
    let of = |id: &str, what: &str| format!("/api/people/{id}{what}");
    let change =
        async |id: &str, body: Value| told(&daemon, Ask::new("PATCH", &of(id, "")).by(&owner).body(body)).await;
    assert_eq!(change(&otto, json!({"role": "member"})).await.0, 403);
    let path = of(&otto, "");
    assert_eq!(told(&daemon, Ask::new("DELETE", &path).by(&owner).body(json!({"name": "Otto"}))).await.0, 403);
    assert_eq!(change(&anns, json!({"role": "owner"})).await.0, 400);
    assert_eq!(change(&anns, json!({"name": "otto"})).await.1, "name_taken");
    assert_eq!(change(&anns, json!({"name": "Anna", "role": "guest"})).await.0, 204);
    // She is a guest from the next request on.
    let announce = Ask::new("POST", "/announce").by(&ann).body(json!({"text": "Dinner"}));
    assert_eq!(daemon.ask(announce).await.status, 403);
    let path = of(&anns, "/password");
    let set = Ask::new("PUT", &path).by(&owner).body(json!({"password": NEW}));
    assert_eq!(told(&daemon, set.clone()).await.0, 204);
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&ann)).await.status, 401, "she is signed out");
    assert_eq!(daemon.sign_in("Anna", NEW).await.status, 200);
    let own = of(&otto, "/password");
    let set = Ask::new("PUT", &own).by(&owner).body(json!({"password": NEW}));
    assert_eq!(told(&daemon, set).await.0, 409, "the owner shows the old one first");
    daemon.add("Pia", Role::Member, NewPrivacy::Private("only I know it"), None);
    let pias = id_of(&daemon, &owner, "Pia").await;
    let path = of(&pias, "/code");
    assert_eq!(told(&daemon, Ask::new("POST", &path).by(&owner)).await.0, 409, "only her passphrase opens it");
}

#[tokio::test]
async fn whoever_is_removed_leaves_nothing_and_is_signed_out() {
    let daemon = Daemon::claimed();
    let (owner, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let token = daemon.token(&ann, &["read"]).await;
    let remember = Ask::new("POST", "/v1/memory").by(&ann).body(json!({"text": "the key is under the mat"}));
    assert_eq!(daemon.ask(remember).await.status, 201);
    let path = format!("/api/people/{}", id_of(&daemon, &owner, "Ann").await);
    let remove = |name: &str| Ask::new("DELETE", &path).by(&owner).body(json!({"name": name}));
    assert_eq!(told(&daemon, remove("Gustav")).await.1, "wrong_name");
    assert_eq!(daemon.ask(Ask::new("GET", "/v1/memory").by(&ann)).await.body[0]["text"], "the key is under the mat");
    let removed = daemon.ask(remove("Ann")).await;
    assert_eq!((removed.status, &removed.body["set_aside"]), (202, &json!([])));
    for shown in [&ann, &token] {
        assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(shown)).await.status, 401);
    }
    assert_eq!(daemon.sign_in("Ann", ANNS).await.status, 401);
    assert_eq!(daemon.ask(remove("Ann")).await.status, 404);
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&owner)).await.body;
    assert!(audit[1]["what"].as_str().unwrap().ends_with(" removed") && !audit.to_string().contains("Ann"), "{audit}");
    let id = removed.body["task"]["id"].clone();
    let cleaned = loop {
        let tasks = daemon.ask(Ask::new("GET", "/api/tasks").by(&owner)).await.body;
        let task = tasks.as_array().unwrap().iter().find(|task| task["id"] == id).unwrap().clone();
        if task["state"] != "running" {
            break task;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&cleaned["state"], &cleaned["can_be_cancelled"]), (&json!("done"), &json!(false)), "{cleaned}");
    assert_eq!((&cleaned["done"], cleaned.to_string().contains("Ann")), (&cleaned["total"], false), "{cleaned}");
}

#[tokio::test]
async fn the_others_see_and_change_themselves_alone() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let (ann, gustav) = (daemon.session_of("Ann", ANNS).await, daemon.session_of("Gustav", GUSTAVS).await);
    let (otto, anns) = (id_of(&daemon, &owner, "Otto").await, id_of(&daemon, &owner, "Ann").await);
    let people = daemon.ask(Ask::new("GET", "/api/people").by(&ann)).await.body;
    assert_eq!((people.as_array().unwrap().len(), &people[0]["name"]), (1, &json!("Ann")));
    let session = daemon.ask(Ask::new("GET", "/api/sessions").by(&owner)).await.body[0]["id"].clone();
    for (method, path, body) in [
        ("PATCH", format!("/api/people/{otto}"), json!({"name": "Mine"})),
        ("DELETE", format!("/api/people/{otto}"), json!({"name": "Otto"})),
        ("GET", format!("/api/people/{otto}/access"), Value::Null),
        ("DELETE", format!("/api/people/{otto}/access/sessions/{session}"), Value::Null),
        // Under her own name what is his is not there either.
        ("DELETE", format!("/api/people/{anns}/access/sessions/{session}"), Value::Null),
    ] {
        let ask = Ask { body: Some(body).filter(|body| !body.is_null()), ..Ask::new(method, &path) };
        assert_eq!(daemon.ask(ask.by(&ann)).await.status, 404, "{method} {path}");
    }
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&owner)).await.status, 200);
    let own = format!("/api/people/{anns}");
    assert_eq!(daemon.ask(Ask::new("PATCH", &own).by(&ann).body(json!({"role": "member"}))).await.status, 403);
    assert_eq!(daemon.ask(Ask::new("PATCH", &own).by(&ann).body(json!({"name": "Annie"}))).await.status, 204);
    let access = format!("{own}/access");
    let hers = daemon.ask(Ask::new("GET", &access).by(&owner)).await.body;
    let session = &hers["sessions"][0];
    assert_eq!((hers["sessions"].as_array().unwrap().len(), &session["current"]), (1, &json!(false)));
    let end = format!("{access}/sessions/{}", session["id"]);
    assert_eq!(daemon.ask(Ask::new("DELETE", &end).by(&owner)).await.status, 204);
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&ann)).await.status, 401);
    let gone = format!("/api/people/{}", id_of(&daemon, &owner, "Gustav").await);
    let leave = Ask::new("DELETE", &gone).by(&gustav).body(json!({"name": "Gustav"}));
    assert_eq!(daemon.ask(leave).await.status, 202, "whoever wants to go may go");
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&gustav)).await.status, 401);
}

#[tokio::test]
async fn guests_come_if_the_owner_allows_it_and_can_talk_and_no_more() {
    let daemon = Daemon::claimed();
    let owner = daemon.session_of("Otto", OTTOS).await;
    let come = async || daemon.ask(Ask::new("POST", "/api/session/guest")).await;
    assert_eq!(come().await.status, 403);
    let allow = async |allowed: bool| {
        let ask = Ask::new("PUT", "/api/guests").by(&owner).body(json!({"allowed": allowed}));
        assert_eq!(daemon.ask(ask).await.status, 204);
    };
    allow(true).await;
    assert_eq!(daemon.ask(Ask::new("GET", "/api/ways")).await.body["guests"], true);
    let (first, second) = (come().await, come().await);
    assert_eq!(first.body["person"]["role"], "guest");
    assert!(first.headers["set-cookie"].to_str().unwrap().contains("Max-Age=7200"));
    let (first, second) = (first.session(), second.session());
    assert_eq!(daemon.ask(Ask::new("GET", "/api/guests").by(&owner)).await.body, json!({"allowed": true, "here": 2}));
    let title = Ask::new("POST", "/v1/conversations").by(&first).body(json!({"title": "Mine alone"}));
    assert_eq!(daemon.ask(title).await.status, 201);
    let list = async |by: &Shown| daemon.ask(Ask::new("GET", "/v1/conversations").by(by)).await.body.to_string();
    assert!(list(&first).await.contains("Mine alone") && !list(&second).await.contains("Mine alone"));
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&first)).await.status, 200);
    for (method, path) in [
        ("GET", "/api/sessions"),
        ("GET", "/api/people"),
        ("GET", "/api/tokens"),
        ("GET", "/api/choices"),
        ("GET", "/turns"),
        ("GET", "/metrics"),
        ("GET", "/v1/memory"),
        ("GET", "/v1/entities"),
        ("POST", "/v1/timers"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/api/control"),
        ("GET", "/api/audit"),
    ] {
        let ask = Ask::new(method, path).by(&first);
        let ask = if method == "POST" { ask.body(json!({})) } else { ask };
        assert_eq!(daemon.ask(ask).await.status, 403, "{method} {path}");
    }
    let people = daemon.ask(Ask::new("GET", "/api/people").by(&owner)).await.body;
    assert_eq!(people.as_array().unwrap().len(), 3, "guests without a name are nobody in the house");
    daemon.pass(2 * 60 * 60);
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&first)).await.status, 401, "two hours are over");
    let third = come().await.session();
    allow(false).await;
    assert_eq!(daemon.ask(Ask::new("GET", "/api/state").by(&third)).await.status, 401);
    assert_eq!(come().await.status, 403);
}

#[tokio::test]
async fn an_account_elsewhere_is_one_persons_and_only_they_disconnect_it() {
    let daemon = Daemon::claimed();
    let (owner, ann) = (daemon.session_of("Otto", OTTOS).await, daemon.session_of("Ann", ANNS).await);
    let id =
        |name: &str| daemon.store.people().unwrap().into_iter().find(|p| p.name.as_deref() == Some(name)).unwrap().id;
    let (issuer, now) = ("https://id.example.org", jiff::Timestamp::UNIX_EPOCH);
    daemon.store.link(id("Ann"), issuer, "ann", now).unwrap();
    daemon.store.link(id("Otto"), issuer, "ann", now).unwrap_err();
    daemon.store.link(id("Ann"), issuer, "another", now).unwrap_err();
    let links = daemon.ask(Ask::new("GET", "/api/links").by(&ann)).await.body;
    assert_eq!((links[0]["issuer"].as_str(), links.as_array().unwrap().len()), (Some(issuer), 1));
    assert_eq!(daemon.ask(Ask::new("GET", "/api/links").by(&owner)).await.body, json!([]));
    let one = format!("/api/links/{}", links[0]["id"]);
    assert_eq!(daemon.ask(Ask::new("DELETE", &one).by(&owner)).await.status, 404);
    assert_eq!(daemon.ask(Ask::new("DELETE", &one).by(&ann)).await.status, 204);
    assert_eq!(daemon.store.linked(issuer, "ann").unwrap(), None);
}
