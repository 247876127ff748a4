//! What the panel shows of the settings, and what it may write.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::config::panel::{Change, Setting, SettingKind, Source, changed, changed_with, sections, settings};

fn find(owner: &Owner<'_>, name: &str) -> Setting {
    let all = owner.in_layers(settings).unwrap();
    all.into_iter().find(|setting| format!("{}.{}", setting.section, setting.key) == name).unwrap()
}

fn change(owner: &Owner<'_>, changes: &[(&str, Option<Value>)]) -> Result<String, String> {
    owner.in_layers(|layers| changed(layers, &all(changes))).map_err(|sentences| sentences.join("\n"))
}

fn all(changes: &[(&str, Option<Value>)]) -> Vec<Change> {
    changes
        .iter()
        .map(|(name, value)| {
            let (section, key) = name.split_once('.').unwrap();
            Change { section: section.to_owned(), key: key.to_owned(), value: value.clone() }
        })
        .collect()
}

fn check_refused(owner: &Owner<'_>, changes: &[(&str, Option<Value>)], expected: Expect) {
    expected.assert_eq(&change(owner, changes).expect_err("it is refused"));
}

#[test]
fn the_panel_outweighs_the_file_and_is_outweighed_by_environment_and_flags() {
    let owner = Owner {
        file: Some("[audio]\nvolume = 10\n[ear]\npause_ms = 300\n[log]\nlevel = \"warn\"\n"),
        panel: Some("[audio]\nvolume = 20\n[turn]\ndrafts = false\n[tts]\nspeed = 1.5\n"),
        environment: &[("PIPIT__TURN__DRAFTS", "true")],
        flags: &["tts.speed=0.75"],
    };
    let config = owner.load().unwrap();
    assert_eq!((config.audio.volume, config.turn.drafts, config.tts.speed), (20, true, 0.75));
    let shown = |name| {
        let Setting { value, default, source, fixed, .. } = find(&owner, name);
        (value, default, source, fixed.is_some())
    };
    assert_eq!(shown("audio.volume"), (json!(20), json!(100), Source::Panel, false));
    assert_eq!(shown("ear.pause_ms"), (json!(300), json!(200), Source::File("pipit.toml:4:12".to_owned()), false));
    assert_eq!(shown("alarms.snooze_min"), (json!(9), json!(9), Source::Default, false));
    let outside = |name: &str| Source::Outside(name.to_owned());
    assert_eq!(
        shown("turn.drafts"),
        (json!(true), json!(true), outside("environment variable PIPIT__TURN__DRAFTS"), true)
    );
    assert_eq!(shown("tts.speed"), (json!(0.75), json!(1.0), outside("flag --set tts.speed"), true));
    assert!(!find(&owner, "audio.volume").about.is_empty());
}

#[test]
fn every_key_is_shown() {
    let all = Owner::default().in_layers(settings).unwrap();
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap().values();
    let keys: usize = properties.map(|section| section["properties"].as_object().unwrap().len()).sum();
    assert_eq!(all.len(), keys);
    for (name, about) in sections() {
        assert!(!about.is_empty() && all.iter().any(|setting| setting.section == name), "{name}");
    }
    for setting in all {
        assert!(!setting.about.is_empty(), "{}.{}", setting.section, setting.key);
    }
}

#[test]
fn what_is_changed_is_written_and_what_is_taken_back_is_not() {
    let owner = Owner { panel: Some("[turn]\ndrafts = false\n"), ..Owner::default() };
    let changes = [("audio.volume", Some(json!(40))), ("turn.drafts", None), ("home.area", Some(json!("Kitchen")))];
    let text = change(&owner, &changes).unwrap();
    expect![[r#"
        [audio]
        volume = 40

        [home]
        area = "Kitchen"
    "#]]
    .assert_eq(&text);
    let after = Owner { panel: Some(&text), ..Owner::default() };
    assert_eq!(after.load().unwrap().audio.volume, 40);
    assert_eq!(change(&after, &[("audio.volume", None), ("home.area", None)]).unwrap(), "");
}

#[test]
fn what_is_not_right_is_refused_in_the_panels_words() {
    let owner = Owner { flags: &["audio.volume=3"], ..Owner::default() };
    check_refused(
        &owner,
        &[("ear.pause_ms", Some(json!("long")))],
        expect![[r#"ear.pause_ms cannot be "long"; write a whole number from 64 to 3000, without quotes"#]],
    );
    check_refused(
        &owner,
        &[("ear.silence_threshold", Some(json!(0.9)))],
        expect![
            "ear.silence_threshold (0.9) must be less than ear.speech_threshold (0.5); lower the one or raise the other"
        ],
    );
    check_refused(&owner, &[("ear.nothing", Some(json!(1)))], expect!["There is no setting ear.nothing."]);
    check_refused(
        &owner,
        &[("audio.volume", Some(json!(40)))],
        expect!["The flag --set audio.volume sets this, and outweighs the panel."],
    );
}

#[test]
fn nobody_names_files_and_programs_of_the_machine_at_the_panel() {
    let owner = Owner::default();
    for name in [
        "state.dir",
        "models.runtime",
        "models.system_dir",
        "models.import_dir",
        "audio.backend",
        "mqtt.password_file",
        "chat.api_key_env",
    ] {
        let refused = change(&owner, &[(name, Some(json!("wav")))]).unwrap_err();
        assert_eq!(refused, format!("{name} is set in the configuration file alone."));
    }
    for name in ["audio.input", "wake.model", "stt.model", "tts.voice", "chat.persona"] {
        for path in ["/etc/shadow", "../x", "~/x", "./x"] {
            let refused = change(&owner, &[(name, Some(json!(path)))]).unwrap_err();
            assert_eq!(refused, format!("{name} names a file here; only the configuration file may do that."));
        }
    }
}

/// Address and key of a model server, the one in the file and the other not.
const CLOUD: &str = "[chat]\nprovider = \"openai\"\nbase_url = \"https://api.example.org/v1\"\nmodel = \"m\"\n";

#[test]
fn a_secret_goes_elsewhere_only_if_it_is_given_anew() {
    let with = |key: &str| format!("{CLOUD}{key}\n");
    let evil = || ("chat.base_url", Some(json!("https://evil.example/v1")));
    let file = with("api_key_secret = \"cloud\"");
    let owner = Owner { file: Some(&file), ..Owner::default() };
    let anew = |name: &str| {
        format!(
            "A secret is sent only where it was given for: give {name:?} anew together with what says where it goes."
        )
    };
    assert_eq!(change(&owner, &[evil()]).unwrap_err(), anew("cloud"));
    let another = change(&owner, &[("chat.provider", Some(json!("anthropic")))]);
    assert_eq!(another.unwrap_err(), anew("cloud"));
    let given = |given: &[&str], changes: &[_]| owner.in_layers(|layers| changed_with(layers, &all(changes), given));
    assert!(given(&["other"], &[evil()]).is_err());
    given(&["cloud"], &[evil()]).unwrap();
    given(&[], &[("chat.model", Some(json!("n"))), ("audio.volume", Some(json!(3)))]).unwrap();
    given(&[], &[("chat.api_key_secret", Some(json!(""))), evil()]).unwrap();

    // In two steps neither: first an address without a key, then the key.
    let moved = with("");
    let moved = Owner {
        file: Some(&moved),
        panel: Some("[chat]\nbase_url = \"https://evil.example/v1\"\n"),
        ..Owner::default()
    };
    assert_eq!(change(&moved, &[("chat.api_key_secret", Some(json!("cloud")))]).unwrap_err(), anew("cloud"));
    // What the owner wrote into the file holds again without more.
    let away = Owner {
        file: Some(&file),
        panel: Some("[chat]\nbase_url = \"https://other.example/v1\"\n"),
        ..Owner::default()
    };
    assert_eq!(change(&away, &[("chat.base_url", None)]).unwrap(), "");

    let file = with("api_key_env = \"KEY\"");
    let owner = Owner { file: Some(&file), ..Owner::default() };
    check_refused(
        &owner,
        &[evil()],
        expect![
            "What chat.api_key_env names is sent where the configuration file says; set chat.provider and chat.base_url there."
        ],
    );
    let broker = Owner {
        file: Some("[mqtt]\nhost = \"nas\"\nusername = \"pipit\"\npassword_secret = \"broker\"\ntls = true\n"),
        ..Owner::default()
    };
    for (key, value) in [("mqtt.host", json!("evil.example")), ("mqtt.port", json!(1)), ("mqtt.tls", json!(false))] {
        assert_eq!(change(&broker, &[(key, Some(value))]).unwrap_err(), anew("broker"));
    }
    let vouched = Owner {
        file: Some("[web]\noidc_issuer = \"https://id.example\"\noidc_client_id = \"pipit\"\noidc_secret = \"id\"\n"),
        ..Owner::default()
    };
    let other = ("web.oidc_issuer", Some(json!("https://evil.example")));
    assert_eq!(change(&vouched, &[other]).unwrap_err(), anew("id"));
}

#[test]
fn tables_are_written_as_a_whole_and_stand_in_place_of_the_files() {
    let file = "[chat]\nprovider = \"ollama\"\nmodel = \"m\"\n[[chat.mcp]]\nname = \"home\"\nurl = \"http://nas.local/mcp\"\n\
                tools = \"light\"\nreads = \"light\"\n[[chat.mcp]]\nname = \"other\"\nurl = \"http://nas.local/other\"\n";
    let owner = Owner { file: Some(file), ..Owner::default() };
    let mcp = |owner: &Owner<'_>| {
        let all = owner.in_layers(settings).unwrap();
        let setting =
            all.into_iter().find(|setting| (setting.section.as_str(), setting.key.as_str()) == ("chat", "mcp"));
        let setting = setting.unwrap();
        let names = setting.value.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), setting)
    };
    let (names, setting) = mcp(&owner);
    assert_eq!((names, setting.fixed), (vec!["home".to_owned(), "other".to_owned()], None));
    assert_eq!(setting.source, Source::File("pipit.toml:4:1".to_owned()));
    let SettingKind::Tables(fields) = setting.kind else { panic!("tables") };
    assert!(
        fields.iter().all(|field| !field.about.is_empty()
            && field.fixed == field.key.ends_with("_env") | field.key.ends_with("_file"))
    );
    assert!(fields.iter().any(|field| field.key == "url"));

    let mine =
        json!([{"name": "mine", "url": "http://nas.local/mine", "tools": "find", "reads": "", "api_key_env": ""}]);
    let text = change(&owner, &[("chat.mcp", Some(mine)), ("chat.model", Some(json!("n")))]).unwrap();
    expect![[r#"
        [chat]
        model = "n"

        [[chat.mcp]]
        name = "mine"
        tools = "find"
        url = "http://nas.local/mine"
    "#]]
    .assert_eq(&text);
    let after = Owner { file: Some(file), panel: Some(&text), ..Owner::default() };
    let (names, setting) = mcp(&after);
    assert_eq!((names, setting.source), (vec!["mine".to_owned()], Source::Panel));
    assert_eq!(setting.value[0]["reads"], "", "nothing of the file's is mixed into it");
    let none = change(&after, &[("chat.mcp", Some(json!([])))]).unwrap();
    let emptied = Owner { file: Some(file), panel: Some(&none), ..Owner::default() };
    assert_eq!(mcp(&emptied).0, [""; 0]);
    assert_eq!(change(&emptied, &[("chat.mcp", None), ("chat.model", None)]).unwrap(), "");

    check_refused(
        &owner,
        &[("chat.mcp", Some(json!([{"name": "a b", "url": "http://nas.local/x"}])))],
        expect![[r#"chat.mcp.name must be letters, digits, - and _, at most 20 of them; write for example "home""#]],
    );
    for wrong in [
        json!("wav"),
        json!([1]),
        json!([{"name": 3}]),
        json!([{"nothing": "x"}]),
        json!([{"url": {"a": [1]}}]),
        json!({}),
    ] {
        change(&owner, &[("chat.mcp", Some(wrong))]).unwrap_err();
    }
    assert!(change(&owner, &[("chat.mcp", Some(vec![json!({}); 101].into()))]).is_err());
}

#[test]
fn a_table_sends_a_secret_where_it_did_or_has_it_given_anew() {
    let file = format!(
        "{CLOUD}[[chat.fallback]]\nprovider = \"openai\"\nbase_url = \"https://a.example/v1\"\nmodel = \"m\"\napi_key_env = \"KEY\"\n\
         [[chat.mcp]]\nname = \"home\"\nurl = \"https://a.example/mcp\"\napi_key_secret = \"cloud\"\n"
    );
    let owner = Owner { file: Some(&file), ..Owner::default() };
    let given = |owner: &Owner<'_>, given: &[&str], change: (&str, Value)| {
        let (name, value) = change;
        owner.in_layers(|layers| changed_with(layers, &all(&[(name, Some(value))]), given))
    };
    let mcp =
        |url: &str, secret: &str| ("chat.mcp", json!([{"name": "renamed", "url": url, "api_key_secret": secret}]));
    given(&owner, &[], mcp("https://a.example/mcp", "cloud")).unwrap();
    given(&owner, &[], mcp("https://evil.example/mcp", "")).unwrap();
    for (url, secret) in [("https://evil.example/mcp", "cloud"), ("https://a.example/mcp", "panel-authority")] {
        let refused = given(&owner, &["other"], mcp(url, secret)).unwrap_err();
        assert_eq!(
            refused,
            [format!(
                "A secret is sent only where it was given for: give {secret:?} anew together with what says where it goes."
            )]
        );
        given(&owner, &[secret], mcp(url, secret)).unwrap();
    }
    // In two steps neither.
    let text = given(&owner, &[], mcp("https://evil.example/mcp", "")).unwrap();
    let moved = Owner { file: Some(&file), panel: Some(&text), ..Owner::default() };
    given(&moved, &[], mcp("https://evil.example/mcp", "cloud")).unwrap_err();
    given(&moved, &[], mcp("https://a.example/mcp", "cloud")).unwrap_err();

    let fallback = |url: &str, held: &str| {
        ("chat.fallback", json!([{"provider": "openai", "base_url": url, "model": "n", held: "KEY"}]))
    };
    given(&owner, &[], fallback("https://a.example/v1", "api_key_env")).unwrap();
    for (url, held) in [("https://evil.example/v1", "api_key_env"), ("https://a.example/v1", "api_key_file")] {
        let refused = given(&owner, &["KEY"], fallback(url, held)).unwrap_err();
        assert_eq!(
            refused,
            [format!(
                "What chat.fallback.{held} names is sent where the configuration file says; change that table there."
            )]
        );
    }
}
