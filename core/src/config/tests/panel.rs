//! What the panel shows of the settings, and what it may write.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::config::panel::{Change, Setting, Source, changed, sections, settings};

fn find(owner: &Owner<'_>, name: &str) -> Setting {
    let all = owner.in_layers(settings).unwrap();
    all.into_iter().find(|setting| format!("{}.{}", setting.section, setting.key) == name).unwrap()
}

fn change(owner: &Owner<'_>, changes: &[(&str, Option<Value>)]) -> Result<String, String> {
    let changes: Vec<_> = changes
        .iter()
        .map(|(name, value)| {
            let (section, key) = name.split_once('.').unwrap();
            Change { section: section.to_owned(), key: key.to_owned(), value: value.clone() }
        })
        .collect();
    owner.in_layers(|layers| changed(layers, &changes)).map_err(|sentences| sentences.join("\n"))
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
    for name in ["state.dir", "models.runtime", "models.import_dir", "audio.backend", "mqtt.password_file", "chat.api_key_env", "chat.mcp"] {
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
