//! What owners write, right and wrong, through the public door.

mod board;
mod panel;
mod servers;
mod services;
mod slips;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect_file};
use proptest::prelude::*;

use super::keys::Keys;
use super::*;
use crate::ear::EarSettings;
use crate::turn::{AttentionSettings, TurnSettings, WakeMode};

/// One owner's layers.
#[derive(Default)]
struct Owner<'a> {
    file: Option<&'a str>,
    panel: Option<&'a str>,
    environment: &'a [(&'a str, &'a str)],
    flags: &'a [&'a str],
}

impl Owner<'_> {
    fn load(&self) -> Result<Config, Vec<Problem>> {
        self.in_layers(load)
    }

    fn in_layers<T>(&self, work: impl FnOnce(Layers<'_>) -> T) -> T {
        let flags: Vec<String> = self.flags.iter().map(ToString::to_string).collect();
        work(Layers {
            defaults: Defaults { state_dir: PathBuf::from("/var/lib/pipit") },
            file: self.file.map(|content| Text { name: "pipit.toml", content }),
            panel: self.panel.map(|content| Text { name: "settings.toml", content }),
            environment: self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            flags: &flags,
        })
    }

    fn problems(&self) -> String {
        let problems = self.load().expect_err("something is wrong with it");
        problems.iter().map(|problem| format!("{problem}\n")).collect()
    }
}

fn from_file(content: &str) -> Result<Config, Vec<Problem>> {
    Owner { file: Some(content), ..Owner::default() }.load()
}

fn check_file(content: &str, expected: Expect) {
    expected.assert_eq(&Owner { file: Some(content), ..Owner::default() }.problems());
}

/// The example as it reads once an owner has taken every `#` away.
fn example_with_every_key() -> String {
    let taken_in = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.is_empty() && !key.starts_with(' ') => format!("{key}\n"),
        _ => format!("{line}\n"),
    };
    example().lines().map(taken_in).collect()
}

fn every_key() -> BTreeSet<String> {
    Keys::of(&schema()).all().map(|(section, key)| format!("{section}.{key}")).collect()
}

#[test]
fn no_file_is_a_whole_configuration() {
    let config = Owner::default().load().unwrap();
    assert_eq!(config.state_dir, Path::new("/var/lib/pipit"));
    let runtimes = ["/var/lib/pipit/models", "/usr/lib/pipit/models"]
        .map(|folder| Path::new(folder).join("onnxruntime/libonnxruntime.so"));
    assert_eq!(config.models.runtimes(), runtimes);
    assert_eq!(config.ear, EarSettings::default());
    assert_eq!(config.turn, TurnSettings::default());
    assert_eq!(config.wake.attention, AttentionSettings::default());
    assert_eq!(config.llm, None);
}

#[test]
fn the_example_shows_the_defaults() {
    let defaults = Owner::default().load().unwrap();
    assert_eq!(from_file(example()).unwrap(), defaults);
    let mut every_key = from_file(&example_with_every_key()).unwrap();
    // Of the two places that are looked in where none is named, the one that counts more.
    assert_eq!(every_key.models.runtime.take().as_ref(), defaults.models.runtimes().first());
    assert_eq!(every_key, defaults);
}

#[test]
fn what_the_example_hides_behind_an_unused_server_is_the_default_too() {
    let provider = "chat.provider=ollama";
    let flags = [provider, "chat.model=qwen3:4b"];
    let owner = Owner { file: Some(&example_with_every_key()), flags: &flags, ..Owner::default() };
    let mut with_example = owner.load().unwrap();
    with_example.models.runtime = None;
    assert_eq!(with_example, Owner { flags: &flags, ..Owner::default() }.load().unwrap());
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let table: toml::Table = example_with_every_key().parse().unwrap();
    let keys = table
        .iter()
        .flat_map(|(section, keys)| keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}")));
    assert_eq!(keys.collect::<BTreeSet<_>>(), every_key());
}

#[test]
fn the_reference_names_every_key_and_its_default() {
    let reference = include_str!("../../../docs/config.md");
    let schema = schema();
    for name in every_key() {
        let row = reference.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/config.md has no row for {name}"));
        let (section, key) = name.split_once('.').unwrap();
        let default = &schema["properties"][section]["properties"][key]["default"];
        // The default paths are words.
        if !default.is_null() {
            assert!(row.contains(&format!("| `{default}` |")), "{name} is {default} by default, not as in: {row}");
        }
    }
}

#[test]
fn the_schema_in_the_docs_is_the_one_of_the_code() {
    let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    // To write it anew: UPDATE_EXPECT=1 cargo nextest run -p pipit-core the_schema_in_the_docs
    expect_file!["../../../docs/config.schema.json"].assert_eq(&schema);
}

#[test]
fn every_key_is_described_in_the_schema() {
    let schema = schema();
    for name in every_key() {
        let (section, key) = name.split_once('.').unwrap();
        let described = &schema["properties"][section]["properties"][key]["description"];
        assert!(described.is_string(), "{name} has no doc comment in wire.rs");
    }
}

#[test]
fn each_layer_replaces_single_keys_of_the_one_before() {
    let config = Owner {
        panel: None,
        file: Some("[audio]\ninput = \"file\"\noutput = \"file\"\nvolume = 1\n[tts]\nspeed = 2"),
        environment: &[
            ("PIPIT__AUDIO__OUTPUT", "environment"),
            ("PIPIT__AUDIO__VOLUME", " 2 "),
            ("AUDIO__VOLUME", "9"),
        ],
        flags: &["audio.volume=3", "audio.volume=4"],
    };
    let config = config.load().unwrap();
    let named = |name: &str| AudioDevice::Named(name.to_owned());
    assert_eq!(config.audio.backend, AudioBackend::Cpal { input: named("file"), output: named("environment") });
    assert_eq!(config.audio.volume, 4);
    assert!((config.tts.speed - 2.0).abs() < f32::EPSILON);
}

#[test]
fn text_from_the_environment_stays_text_where_the_key_is_text() {
    let owner = Owner {
        environment: &[("PIPIT__AUDIO__INPUT", "2"), ("PIPIT__WEB__LISTEN", ""), ("PIPIT__STT__MODEL", "/m/a=b.bin")],
        flags: &["audio.output=true", "chat.system_prompt=a=b.c"],
        ..Owner::default()
    };
    let config = owner.load().unwrap();
    let named = |name: &str| AudioDevice::Named(name.to_owned());
    assert_eq!(config.audio.backend, AudioBackend::Cpal { input: named("2"), output: named("true") });
    assert_eq!(config.web_listen, None);
    assert_eq!(config.stt.model, SttModel::File(PathBuf::from("/m/a=b.bin")));
}

#[test]
fn paths_follow_the_folders_they_are_in() {
    let config = from_file("[state]\ndir = \"/s\"\n[audio]\nbackend = \"wav\"\ninput = \"a.wav\"").unwrap();
    assert_eq!(config.models.dir, Path::new("/s/models"));
    assert_eq!(config.models.runtimes()[0], Path::new("/s/models/onnxruntime/libonnxruntime.so"));
    let expected = AudioBackend::Wav { input: PathBuf::from("a.wav"), output: PathBuf::from("/s/replies") };
    assert_eq!(config.audio.backend, expected);
}

#[test]
fn what_is_chosen_by_name_keeps_its_name() {
    let schema = schema();
    let choices = |section: &str, key: &str| {
        let choices = schema["properties"][section]["properties"][key]["oneOf"].as_array().unwrap().clone();
        choices.into_iter().map(|choice| choice["const"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let chosen = |key: &str, name: &str| {
        let address = if name == "wyoming" { "tts.base_url=tcp://nas:10200" } else { "tts.base_url=http://nas" };
        Owner { flags: &[&format!("{key}={name}"), "audio.input=a.wav", address], ..Owner::default() }.load().unwrap()
    };
    for name in choices("audio", "backend") {
        assert_eq!(chosen("audio.backend", &name).audio.backend.name(), name);
    }
    for name in choices("log", "level") {
        assert_eq!(chosen("log.level", &name).log_level.name(), name);
    }
    for name in choices("tts", "engine").into_iter().filter(|name| name != "auto") {
        assert_eq!(chosen("tts.engine", &name).tts.engine.map(TtsEngine::name), Some(name.as_str()));
    }
}

#[test]
fn pipit_may_be_addressed_in_several_ways() {
    let attention = |text: &str| from_file(text).unwrap().wake.attention;
    let phrases = attention("[wake]\nmode = 'phrase'\nphrases = ' hey pipit,  okay computer ,'\nfollow_up_s = 0");
    assert_eq!((phrases.mode, phrases.follow_up.as_secs()), (WakeMode::Phrase, 0));
    assert_eq!(phrases.phrases.written().collect::<Vec<_>>(), ["hey pipit", "okay computer"]);

    let spoken = |model: &str| {
        let config = from_file(&format!("[wake]\nmode = 'openwakeword'\nmodel = '{model}'")).unwrap().wake;
        (config.model, config.attention.phrases.written().map(str::to_owned).collect::<Vec<_>>())
    };
    for (model, phrase) in [
        ("openwakeword-hey_jarvis", &["hey jarvis"][..]),
        ("/m/hey_rhasspy_v0.1.onnx", &["hey rhasspy"]),
        ("okay-pipit-v2.onnx", &["okay pipit"]),
        // Nothing to take off the front of a request.
        ("x.onnx", &[]),
    ] {
        let (found, phrases) = spoken(model);
        assert_eq!(phrases, phrase);
        assert_eq!(matches!(found, WakeModel::File(_)), model.ends_with(".onnx"));
    }
}

#[test]
fn the_state_lies_where_the_system_says() {
    let lies = |variables: &[(&str, &str)]| {
        let of =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        usual_state_dir(of)
    };
    let home = ("HOME", "/home/ada");
    assert_eq!(lies(&[("STATE_DIRECTORY", "/var/lib/pipit:/b"), home]), Some("/var/lib/pipit".into()));
    assert_eq!(lies(&[("XDG_DATA_HOME", "/data"), home]), Some("/data/pipit".into()));
    assert_eq!(
        lies(&[("XDG_DATA_HOME", "data"), ("STATE_DIRECTORY", ""), home]),
        Some("/home/ada/.local/share/pipit".into())
    );
    assert_eq!(lies(&[]), None);
}

/// TOML that is mostly well formed and mostly wrong.
fn nearly_toml() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        prop::sample::select(every_key().into_iter().collect::<Vec<_>>()),
        "[a-z_]{0,8}\\.?[a-z_]{0,8}",
        "\\PC{0,6}",
    ];
    let value = prop_oneof![
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
        "\"\\PC{0,12}\"",
        prop::sample::select(vec!["true", "[]", "{}", "07:00:00", "'wav'", "'ollama'", "1e999", "0x1F", "'~'"])
            .prop_map(str::to_owned),
        "\\PC{0,12}",
    ];
    prop::collection::vec((name, value), 0..8)
        .prop_map(|lines| lines.into_iter().map(|(name, value)| format!("{name} = {value}\n")).collect())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}", lines in nearly_toml()) {
        for content in [text, lines] {
            if let Err(problems) = from_file(&content) {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(problem.to_string().starts_with("pipit.toml:"), "{}", problem);
                }
            }
        }
    }

    #[test]
    fn no_setting_makes_it_panic(
        key in prop::sample::select(every_key().into_iter().collect::<Vec<_>>()),
        value in prop_oneof!["\\PC{0,30}", "-?[0-9]{1,25}(\\.[0-9]{0,20})?", Just("inf".to_owned())],
    ) {
        let variable = format!("PIPIT__{}", key.to_uppercase().replace('.', "__"));
        let flag = format!("{key}={value}");
        let by_variable = Owner { environment: &[(&variable, &value)], ..Owner::default() }.load();
        let by_flag = Owner { flags: &[&flag], ..Owner::default() }.load();
        prop_assert_eq!(by_variable.is_ok(), by_flag.is_ok());
        for problem in by_variable.err().into_iter().flatten() {
            let problem = problem.to_string();
            prop_assert!(problem.starts_with(&format!("environment variable {variable}: ")), "{}", problem);
        }
    }
}
