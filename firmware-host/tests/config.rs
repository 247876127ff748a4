//! `pipit config`, and which layer of the configuration wins.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use support::{Home, Said};

#[test]
fn a_typo_is_named_with_its_place_and_the_nearest_key() {
    let home = Home::new();
    home.configure("[audio]\nbackend = \"null\"\nvolumne = 50\n\n[stat]\ndir = \"x\"\n");
    let said =
        home.pipit(["config", "check"]).failed_saying(&["pipit.toml:3:", "audio.volume", "pipit.toml:5:", "[state]"]);
    assert_eq!(said.out, "");
    home.configure("[audio\n");
    home.pipit(["config", "check"]).failed_saying(&["pipit.toml:1:"]);
    // No other command works with a configuration that it only half understands.
    home.pipit(["ask", "what time is it"]).failed_saying(&["pipit.toml:1:"]);
}

#[test]
fn the_environment_beats_the_file_and_a_flag_beats_both() {
    let home = Home::new();
    let volume = |environment: Option<&str>, flag: Option<&str>| {
        let mut command = home.command();
        command.envs(environment.map(|percent| ("PIPIT__AUDIO__VOLUME", percent)));
        command.args(flag.map(|percent| format!("--set=audio.volume={percent}")));
        Said::of(command.args(["ask", "what is the volume"]).output().unwrap())
    };
    home.configure(&home.usual_config().replace("[audio]", "[audio]\nvolume = 41"));
    for (environment, flag, percent) in
        [(None, None, "41"), (Some("42"), None, "42"), (Some("42"), Some("43"), "43"), (None, Some("44"), "44")]
    {
        let said = volume(environment, flag).succeeded();
        assert!(said.out.contains(percent), "{percent}: {said:?}");
    }
    volume(Some("loud"), None).failed_saying(&["PIPIT__AUDIO__VOLUME"]);
    volume(None, Some("101")).failed_saying(&["--set audio.volume", "100"]);
}

#[test]
fn the_example_is_right_and_the_schema_knows_its_keys() {
    let home = Home::new();
    home.pipit(["config", "check"]).succeeded();
    let example = home.pipit(["config", "example"]).succeeded().out;
    home.configure(&example);
    home.pipit(["config", "check"]).succeeded();
    let schema = home.pipit(["config", "schema"]).succeeded().out;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for (section, key) in
        [("state", "dir"), ("audio", "backend"), ("audio", "input"), ("audio", "output"), ("web", "listen")]
    {
        assert!(schema["properties"][section]["properties"][key].is_object(), "{section}.{key}");
        assert!(example.contains(key), "{section}.{key}");
    }
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let home = Home::new();
    std::fs::remove_file(home.path("pipit.toml")).unwrap();
    home.pipit(["config", "check"]).failed_saying(&["pipit.toml", "can't be read"]);
}

#[test]
fn a_command_that_is_not_there_is_an_error_of_usage() {
    let home = Home::new();
    let said = home.pipit(["haer"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("hear"), "the nearest is named: {said:?}");
}

/// As after `| head`.
#[test]
fn a_reader_who_has_read_enough_is_no_error() {
    let home = Home::new();
    for arguments in
        [&["config", "schema"][..], &["config", "example"], &["models", "list"], &["ask", "what time is it"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = Said::of(home.command().args(arguments).stdout(writer).output().unwrap()).succeeded();
        assert_eq!(said.err, "", "{arguments:?}");
    }
}
