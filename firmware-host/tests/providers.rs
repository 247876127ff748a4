//! `pipit providers`, and several language-model servers behind the real program.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use expect_test::expect;
use serde_json::{Value, json};
use support::server::{Server, json_answer, nobody, streamed};
use support::{Home, Said};

fn models(names: &[&str]) -> Value {
    json!({ "data": names.iter().map(|name| json!({ "id": name })).collect::<Vec<_>>() })
}

fn fallback(address: &str, name: &str) -> String {
    format!(
        "[[chat.fallback]]\nprovider = \"openai\"\nname = \"{name}\"\nmodel = \"m\"\nbase_url = \"http://{address}/v1\"\n"
    )
}

#[test]
fn without_a_provider_the_list_says_so() {
    let home = Home::new();
    assert!(home.pipit(["providers", "list"]).succeeded().out.contains("chat.provider"));
    home.pipit(["providers", "test"]).failed_saying(&["chat.provider"]);
}

#[test]
fn the_list_shows_name_model_tier_and_whether_the_key_is_there() {
    let home = Home::new();
    let key = home.file("key", "sk-very-secret\n");
    let config = format!(
        "[chat]\nprovider = \"anthropic\"\nmodel = \"claude\"\napi_key_env = \"THE_KEY\"\nprivacy = \"in the house\"\n\
         [[chat.fallback]]\nprovider = \"openai\"\nmodel = \"mistral\"\nbase_url = \"http://nas.local/v1\"\n\
         api_key_file = {key:?}\n[[chat.fallback]]\nprovider = \"ollama\"\nmodel = \"qwen3:4b\"\n"
    );
    home.configure(&(home.usual_config() + &config));
    let said = home.pipit(["providers", "list"]).succeeded();
    expect![[r#"
        anthropic          claude    leaves the house  KEY IS MISSING, never asked (chat.privacy)
        openai-compatible  mistral   in the house      key is there
        ollama             qwen3:4b  on this device    needs no key
    "#]]
    .assert_eq(&said.out);
    let mut command = home.command();
    let said = Said::of(command.env("THE_KEY", "sk-also-secret").args(["providers", "list"]).output().unwrap());
    assert!(said.out.lines().next().unwrap().contains("key is there"), "{said:?}");
    for hidden in ["secret", "nas.local", "127.0.0.1", "api.anthropic.com"] {
        assert!(!said.out.contains(hidden) && !said.err.contains(hidden), "{hidden} is shown: {said:?}");
    }
}

#[test]
fn a_test_says_of_each_what_is_right_and_what_to_do_about_the_rest() {
    let home = Home::new();
    let well = Server::with_models(json_answer("200 OK", &models(&["test", "other"])), streamed(&["ready"]));
    let other = Server::with_models(
        json_answer("200 OK", &models(&["a", "b"])),
        json_answer("404 Not Found", &json!({ "error": "no such model" })),
    );
    let listless = Server::with_models(json_answer("404 Not Found", &json!({})), streamed(&["ready"]));
    let locked = Server::answering(json_answer("401 Unauthorized", &json!({ "error": "no key" })));
    let web_page =
        Server::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 15\r\n\r\n<html>Hi</html>");
    let fallbacks = [
        fallback(&other.address, "other"),
        fallback(&listless.address, "listless"),
        fallback(&locked.address, "locked"),
        fallback(&web_page.address, "web page"),
        fallback(&nobody(), "gone"),
        fallback("192.0.2.1", "abroad"),
        fallback("127.0.0.1:1", "keyless") + "api_key_env = \"NO_SUCH_VARIABLE\"\n",
    ];
    let config = home.usual_config() + &well.config() + "privacy = \"on this device\"\n" + &fallbacks.concat();
    home.configure(&config);
    let said = home.pipit(["providers", "test"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(!said.out.contains("127.0.0.1") && !said.err.contains("127.0.0.1"), "no address is shown: {said:?}");
    expect![[r#"
        openai-compatible (test, on this device)
        ok    health   answers within N ms
        ok    model    has test
        ok    chat     first token after N ms, all of it after N ms
        other (m, on this device)
        ok    health   answers within N ms
        BAD   model    m is not among its models; load it on the server, or name another in the configuration: a, b
        BAD   chat     other refused the request: N Not Found: no such model; check the model's name and the server's address
        listless (m, on this device)
        ok    health   answers within N ms
        note  model    it keeps no list of its models
        ok    chat     first token after N ms, all of it after N ms
        locked (m, on this device)
        BAD   health   locked refused the API key: N Unauthorized: no key; check the key and what it may do
        web page (m, on this device)
        ok    health   answers within N ms
        BAD   model    web page does not answer as a chat server does: it sent "<html>Hi</html>"; check the provider and the server's address
        BAD   chat     web page does not answer as a chat server does: it sent "<html>Hi</html>"; check the provider and the server's address
        gone (m, on this device)
        BAD   health   gone is not available: Connection refused (os error 111); check that it runs and can be reached from here
        abroad (m, leaves the house)
        note  privacy  never asked, because chat.privacy is "on this device"
        keyless (m, on this device)
        BAD   key      the API key of keyless should be in NO_SUCH_VARIABLE (api_key_env), which is not set in the environment
    "#]].assert_eq(&without_figures(&said.out));
    assert_eq!(well.asked().len(), 3, "health, models and one word");

    home.pipit(["providers", "test", "openai-compatible"]).succeeded();
    home.pipit(["providers", "test", "Listless"]).succeeded();
    home.pipit(["providers", "test", "nobody"]).failed_saying(&["nobody", "openai-compatible, other, listless"]);
}

/// The times differ from run to run.
fn without_figures(out: &str) -> String {
    let figure = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let lines = out.lines().map(|line| {
        let words = line.split(' ').map(|word| if !word.is_empty() && figure(word) { "N" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn another_one_answers_where_the_first_is_down() {
    let home = Home::new();
    let second = Server::answering(streamed(&["Shakespeare."]));
    let first = format!("[chat]\nprovider = \"openai\"\nmodel = \"test\"\nbase_url = \"http://{}/v1\"\n", nobody());
    home.configure(&(home.usual_config() + &first + &fallback(&second.address, "spare")));
    let said = home.pipit(["ask", "who wrote Hamlet"]).succeeded();
    assert_eq!(said.out.trim(), "Shakespeare.");
    let said = said.said(&["openai-compatible is not available", "spare (m, on this device) is asked in its place"]);
    assert!(!said.err.contains("127.0.0.1"), "no address is shown: {said:?}");
}

#[test]
fn what_leaves_the_house_is_not_asked_where_it_may_not() {
    let home = Home::new();
    let near = Server::answering(streamed(&["Shakespeare."]));
    let far = "[chat]\nprovider = \"openai\"\nmodel = \"test\"\nbase_url = \"http://192.0.2.1/v1\"\nprivacy = \"in the house\"\n";
    // Its key is not missed, since nobody asks for it.
    let far = far.to_owned() + "api_key_file = \"/nonexistent/key\"\n";
    let far = far.replace("http:", "https:");
    home.configure(&(home.usual_config() + &far + &fallback(&near.address, "near")));
    assert_eq!(home.ask("who wrote Hamlet"), "Shakespeare.");
    home.configure(&(home.usual_config() + &far));
    let said =
        home.pipit(["ask", "who wrote Hamlet"]).succeeded().said(&["there is no language model", "chat.privacy"]);
    assert!(said.out.contains("timers"), "it says what it can do without one: {said:?}");
    assert_eq!(said.err.matches("chat.privacy allows").count(), 1, "once: {said:?}");
}
