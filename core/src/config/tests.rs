//! What owners write, right and wrong, through the public door.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;

use super::keys::Keys;
use super::*;
use crate::ear::EarSettings;
use crate::turn::{AttentionSettings, TurnSettings, WakeMode};

/// One owner's layers.
#[derive(Default)]
struct Owner<'a> {
    file: Option<&'a str>,
    environment: &'a [(&'a str, &'a str)],
    flags: &'a [&'a str],
}

impl Owner<'_> {
    fn load(&self) -> Result<Config, Vec<Problem>> {
        let flags: Vec<String> = self.flags.iter().map(ToString::to_string).collect();
        load(Layers {
            defaults: Defaults { state_dir: PathBuf::from("/var/lib/pipit") },
            file: self.file.map(|content| Text { name: "pipit.toml", content }),
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
    assert_eq!(config.models.runtime, Path::new("/var/lib/pipit/models/onnxruntime/libonnxruntime.so"));
    assert_eq!(config.ear, EarSettings::default());
    assert_eq!(config.turn, TurnSettings::default());
    assert_eq!(config.wake.attention, AttentionSettings::default());
    assert_eq!(config.llm, None);
}

#[test]
fn the_example_shows_the_defaults() {
    let defaults = Owner::default().load().unwrap();
    assert_eq!(from_file(example()).unwrap(), defaults);
    assert_eq!(from_file(&example_with_every_key()).unwrap(), defaults);
}

#[test]
fn what_the_example_hides_behind_an_unused_server_is_the_default_too() {
    let provider = "chat.provider=ollama";
    let flags = [provider, "chat.model=qwen3:4b"];
    let with_example = Owner { file: Some(&example_with_every_key()), flags: &flags, ..Owner::default() }.load();
    assert_eq!(with_example.unwrap(), Owner { flags: &flags, ..Owner::default() }.load().unwrap());
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
    assert_eq!(config.models.runtime, Path::new("/s/models/onnxruntime/libonnxruntime.so"));
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
        Owner { flags: &[&format!("{key}={name}"), "audio.input=a.wav", "tts.base_url=http://nas"], ..Owner::default() }
            .load()
            .unwrap()
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
fn a_server_needs_little() {
    let server = |text: &str| from_file(text).unwrap().llm.unwrap().servers.remove(0);
    let ollama = server("[chat]\nprovider = \"ollama\"\nmodel = \"qwen3:4b\"");
    assert_eq!((ollama.base_url.as_str(), ollama.api_key), ("http://127.0.0.1:11434", None));
    let text = "chat = { provider = 'openai', base_url = 'https://a.example/v1/', model = 'm', api_key_env = 'KEY' }";
    let openai = server(text);
    assert_eq!(openai.base_url, "https://a.example/v1");
    assert_eq!(openai.api_key, Some(KeySource::Environment("KEY".into())));
    for written in ["", "base_url = 'https://api.anthropic.com/v1/'"] {
        let anthropic = server(&format!("[chat]\nprovider = 'anthropic'\nmodel = 'm'\n{written}"));
        assert_eq!(anthropic.base_url, "https://api.anthropic.com");
    }
}

#[test]
fn servers_stand_in_order_of_preference_each_with_a_name_and_a_tier() {
    let config = from_file(
        "[chat]\nprovider = 'openai'\nbase_url = 'https://openrouter.ai/api/v1'\nmodel = 'a'\nprivacy = 'in the house'\n\
         [[chat.fallback]]\nprovider = 'openai'\nbase_url = 'http://nas:8080/v1'\nmodel = 'b'\napi_key_env = 'NAS_KEY'\n\
         [[chat.fallback]]\nprovider = 'ollama'\nmodel = 'c'\n\
         [[chat.fallback]]\nprovider = 'ollama'\nmodel = 'd'\n\
         [[chat.fallback]]\nprovider = 'openai'\nbase_url = 'http://192.168.1.2/v1'\nmodel = 'e'\nname = ' ollama-2 '\n\
         [[chat.fallback]]\nprovider = 'anthropic'\nmodel = 'f'",
    );
    let llm = config.unwrap().llm.unwrap();
    let shown: Vec<String> = llm
        .servers
        .iter()
        .map(|server| {
            let LlmServer { name, model, tier, api_key, .. } = server;
            let key = if api_key.is_some() { ", key" } else { "" };
            format!("{name}: {model}, {tier}{key}{}\n", if llm.allows(server) { "" } else { ", not allowed" })
        })
        .collect();
    expect![[r#"
        openrouter: a, leaves the house, not allowed
        openai-compatible: b, in the house, key
        ollama: c, on this device
        ollama-3: d, on this device
        ollama-2: e, in the house
        anthropic: f, leaves the house, not allowed
    "#]]
    .assert_eq(&shown.concat());
    assert_eq!(llm.allowed().count(), 4);
}

#[test]
fn who_asks_nobody_has_no_fallback_either() {
    let text = "[chat]\nprovider = 'none'\n[[chat.fallback]]\nprovider = 'ollama'\nmodel = 'm'\n";
    assert_eq!(from_file(text).unwrap().llm, None);
    assert_eq!(
        from_file("[chat]\nprovider = 'ollama'\nmodel = 'm'\nfallback = []").unwrap().llm.unwrap().servers.len(),
        1
    );
}

#[test]
fn servers_with_tools_and_slips_of_the_pen() {
    let main = "[chat]\nprovider = 'ollama'\nmodel = 'm'\n";
    let home =
        "[[chat.mcp]]\nname = 'home'\nurl = 'http://ha.local:8123/api/mcp/'\ntools = 'TurnOn, Read,'\nreads = 'Read'\n";
    let mcp = from_file(&format!("{main}{home}")).unwrap().llm.unwrap().mcp;
    assert_eq!((mcp[0].url.as_str(), mcp[0].tier), ("http://ha.local:8123/api/mcp", crate::chat::Tier::House));
    assert_eq!((mcp[0].tools.len(), mcp[0].reads.len()), (2, 1));
    check_file(
        &format!(
            "{main}[[chat.mcp]]\nname = 'my home'\nurl = 'homeassistant'\nreads = 'Read'\n\
         [[chat.mcp]]\nname = 'home'\nurl = 'http://mcp.example/'\napi_key_env = 'TOKEN'\ntool = 'x'\n"
        ),
        expect![[r#"
            pipit.toml:5:8: chat.mcp.name must be letters, digits, - and _, at most 20 of them; write for example "home"
            pipit.toml:6:7: chat.mcp.url is no address (relative URL without a base); write for example "http://127.0.0.1:11434" or "https://api.openai.com/v1"
            pipit.toml:7:9: chat.mcp.reads names "Read", which is not in chat.mcp.tools; write it there too
            pipit.toml:10:7: chat.mcp.url would send the API key over the Internet unencrypted; write https:// instead of http://, or set none of chat.mcp.api_key_env, api_key_file and api_key_secret
            pipit.toml:12:1: there is no key chat.mcp.tool; did you mean chat.mcp.tools?
        "#]],
    );
}

#[test]
fn slips_of_the_pen_in_fallbacks() {
    let main = "[chat]\nprovider = 'ollama'\nmodel = 'm'\n";
    check_file(
        &format!(
            "{main}[[chat.fallback]]\nprovider = 'olama'\nmodle = 'x'\n[[chat.fallback]]\nmodel = 'x'\nhistory_tokens = 3\n\
             [[chat.fallback]]\nprovider = 'ollama'\nmodel = 'n'\nname = 'Kitchen'\napi_key = 'sk-SECRET'\n\
             [[chat.fallback]]\nprovider = 'ollama'\nmodel = 'o'\nname = 'kitchen'\napi_key_env = 'sk-SECRET'\n\
             [[chat.fallback]]\nprovider = 'ollama'\nmodel = ['SECRET']\nname = 'http://SECRET'\n\
             [[chat.fallback]]\nprovider = 'openai'\nbase_url = 'http://a.example/v1'\nmodel = 'p'\napi_key_file = '~/key'\n"
        ),
        expect![[r#"
            pipit.toml:5:12: chat.fallback.provider cannot be this; did you mean "ollama"? Otherwise write "openai", "ollama" or "anthropic"
            pipit.toml:6:1: there is no key chat.fallback.modle; did you mean chat.fallback.model?
            pipit.toml:9:1: there is no key chat.fallback.history_tokens; [[chat.fallback]] has api_key_env, api_key_file, api_key_secret, base_url, model, name and provider
            pipit.toml:14:1: there is no key chat.fallback.api_key, because secrets do not belong in the configuration; name the environment variable that holds the key in chat.fallback.api_key_env, a file that holds it in chat.fallback.api_key_file, or what `pipit secrets set` keeps in chat.fallback.api_key_secret
            pipit.toml:18:8: chat.fallback.name is another server's already; write another one
            pipit.toml:19:15: chat.fallback.api_key_env must be the name of an environment variable in capitals, such as "OPENAI_API_KEY"; if this is the key itself, put it into that variable, and replace it where it came from if others could read it here
            pipit.toml:22:9: chat.fallback.model is a list; write text in quotes
            pipit.toml:23:8: chat.fallback.name must be letters, digits, spaces, dots and hyphens, 30 of them at most; write for example "kitchen server"
            pipit.toml:26:12: chat.fallback.base_url would send the API key over the Internet unencrypted; write https:// instead of http://, or set none of chat.fallback.api_key_env, api_key_file and api_key_secret
            pipit.toml:28:16: chat.fallback.api_key_file begins with ~, which only a shell understands; write the whole path
        "#]],
    );
    check_file(
        &format!(
            "{main}[[chat.fallback]]\n[[chat.fallback]]\nmodel = 'x'\n[[chat.fallback]]\nprovider = 'openai'\n\
             [[chat.fallback]]\nprovider = 'ollama'\nmodel = 'n'\n[[chat.fallback]]\nmodel = 'm'\nprovider = 'ollama'\n\
             [[chat.fallback]]\nprovider = 'ollama'\nmodel = 'n'\nbase_url = 'http://127.0.0.1:11434/'"
        ),
        expect![[r#"
            pipit.toml:4:1: chat.fallback needs a kind of server; write in chat.fallback.provider "openai", "ollama" or "anthropic"
            pipit.toml:5:1: chat.fallback needs a kind of server; write in chat.fallback.provider "openai", "ollama" or "anthropic"
            pipit.toml:8:12: chat.fallback.provider "openai" needs a server; write its address in chat.fallback.base_url, for example "https://api.openai.com/v1" or "http://127.0.0.1:8080/v1"
            pipit.toml:8:12: chat.fallback.provider needs a model; write in chat.fallback.model the server's own name for it, for example "qwen3:4b" with Ollama
            pipit.toml:13:9: chat.fallback asks the same server for the same model as what stands before it; name another server or another model, or leave it out
            pipit.toml:18:12: chat.fallback asks the same server for the same model as what stands before it; name another server or another model, or leave it out
        "#]],
    );
    check_file(
        &format!("{main}fallback = 'ollama'"),
        expect![[r#"
        pipit.toml:4:12: chat.fallback cannot be this; write each of its tables into the file, below a line of its own in double brackets
    "#]],
    );
    check_file(
        &format!("{main}fallback = ['ollama']"),
        expect![[r#"
        pipit.toml:4:12: chat.fallback is a list; write each of its tables into the file, below a line of its own in double brackets
    "#]],
    );
    check_file(
        &format!("{main}[chat.fallback]\nmodel = 'm'"),
        expect![[r#"
        pipit.toml:4:1: chat.fallback is a table; write each of its tables into the file, below a line of its own in double brackets
    "#]],
    );
    check_file(
        "['chat.fallback#00000']\nmodel = 'm'",
        expect![[r#"
            pipit.toml:1:2: there is no section [chat.fallback#00000]; the sections are [audio], [chat], [ear], [log], [models], [privacy], [state], [stt], [tts], [turn], [wake] and [web]
        "#]],
    );
    let owner = Owner {
        environment: &[("PIPIT__CHAT__FALLBACK", "SECRET"), ("PIPIT__CHAT.FALLBACK#00000__MODEL", "m")],
        flags: &["chat.fallback=[]"],
        ..Owner::default()
    };
    expect![[r#"
        environment variable PIPIT__CHAT.FALLBACK#00000__MODEL: there is no key chat.fallback#00000.model; did you mean chat.model?
        environment variable PIPIT__CHAT__FALLBACK: chat.fallback cannot be this; write each of its tables into the file, below a line of its own in double brackets
        flag --set chat.fallback: chat.fallback cannot be this; write each of its tables into the file, below a line of its own in double brackets
    "#]].assert_eq(&owner.problems());
}

#[test]
fn slips_of_the_pen_in_names() {
    check_file(
        "volume = 3\nlog = 'info'\n\n[audio]\nimput = 'a'\ndevice = 'b'\nbackend = { name = 'cpal' }\n\
         [auido]\nvolume = 3\n[ear]\npause = 3\nvolume = 4\n Speech-Threshold = 1\n[mqtt]\nhost = 'a'\n[stt.whisper]\nx = 1",
        expect![[r#"
            pipit.toml:1:1: volume stands above every section, where there are no keys; did you mean audio.volume?
            pipit.toml:2:1: log is a section, not a key; write [log] on a line of its own and its keys below
            pipit.toml:5:1: there is no key audio.imput; did you mean audio.input?
            pipit.toml:6:1: there is no key audio.device; [audio] has backend, barge_in, input, output and volume
            pipit.toml:7:11: audio.backend is a table; write "cpal", "wav" or "null"
            pipit.toml:8:2: there is no section [auido]; did you mean [audio]?
            pipit.toml:11:1: there is no key ear.pause; did you mean ear.pause_ms?
            pipit.toml:12:1: there is no key ear.volume; did you mean audio.volume?
            pipit.toml:13:2: there is no key ear.Speech-Threshold; did you mean ear.speech_threshold?
            pipit.toml:14:2: there is no section [mqtt]; the sections are [audio], [chat], [ear], [log], [models], [privacy], [state], [stt], [tts], [turn], [wake] and [web]
            pipit.toml:16:6: there is no key stt.whisper; [stt] has api_key_env, api_key_file, api_key_secret, base_url, drafts, engine, language, model, threads and timeout_s
        "#]],
    );
}

#[test]
fn slips_of_the_pen_in_values() {
    check_file(
        "[audio]\nbackend = 'alsa'\ninput = 3\noutput = ''\nvolume = 101\n[ear]\nspeech_threshold = '0.5'\nonset_ms = 64.0\n\
         pre_roll_ms = 1_000_000_000_000_000_000_000\n[tts]\nspeed = nan\nengine = 'Koroko'\nvoice = ['a']\n\
         [chat]\nhistory_tokens = -1\nsystem_prompt = 2026-11-21\n[log]\nlevel = 'verbose'\n[web]\nlisten = 'localhost'\n\
         [state]\ndir = '~/pipit'\n[stt]\nlanguage = 'English'",
        expect![[r#"
            pipit.toml:2:11: audio.backend cannot be "alsa"; write "cpal", "wav" or "null"
            pipit.toml:3:9: audio.input cannot be 3; write text in quotes, not empty
            pipit.toml:4:10: audio.output cannot be ""; write text in quotes, not empty
            pipit.toml:5:10: audio.volume cannot be 101; write a whole number from 0 to 100
            pipit.toml:7:20: ear.speech_threshold cannot be "0.5"; write a number from 0 to 1, without quotes
            pipit.toml:8:12: ear.onset_ms cannot be 64.0; write a whole number from 32 to 1000
            pipit.toml:9:15: ear.pre_roll_ms is a number beyond all limits; write a whole number from 0 to 2000
            pipit.toml:11:9: tts.speed is not a finite number; write a number from 0.5 to 2
            pipit.toml:12:10: tts.engine cannot be "Koroko"; did you mean "kokoro"? Otherwise write "auto", "kokoro", "piper", "espeak", "openai" or "fish"
            pipit.toml:13:9: tts.voice is a list; write text in quotes, not empty
            pipit.toml:15:18: chat.history_tokens cannot be this; write a whole number from 0 to 1000000
            pipit.toml:16:17: chat.system_prompt is a date or a time; write text in quotes
            pipit.toml:18:9: log.level cannot be "verbose"; write "error", "warn", "info", "debug" or "trace"
            pipit.toml:20:10: web.listen must be a numeric address and a port; write for example "127.0.0.1:7847" for this machine alone, "0.0.0.0:7847" for the whole network, or "" for no panel
            pipit.toml:22:7: state.dir begins with ~, which only a shell understands; write the whole path
            pipit.toml:24:12: stt.language must be an ISO 639 code in small letters; write for example "en" for English
        "#]],
    );
}

#[test]
fn slips_of_the_pen_in_toml() {
    check_file(
        "[audio\ninput = \"a\"\noutput = b\n[audio]\n",
        expect![[r#"
        pipit.toml:1:7: this is not TOML: unclosed table, expected `]`
    "#]],
    );
    check_file(
        "[chat]\nmodel = '\u{fc}' x\napi_key = sk-SECRET\n",
        expect![[r#"
        pipit.toml:2:13: this is not TOML: unexpected key or value, expected newline, `#`
        pipit.toml:3:11: this is not TOML: string values must be quoted, expected literal string
    "#]],
    );
    check_file(
        "[audio]\nvolume = 1\nvolume = 2\n[audio]\n",
        expect![[r#"
        pipit.toml:3:1: this is not TOML: duplicate key
        pipit.toml:4:2: this is not TOML: duplicate key
    "#]],
    );
    check_file(
        "[audio]\ninput = \"a",
        expect![[r#"
        pipit.toml:2:11: this is not TOML: invalid basic string, expected `"`
    "#]],
    );
    check_file(
        "<html>\n",
        expect![[r#"
        pipit.toml:1:1: this is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
        pipit.toml:1:6: this is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
        pipit.toml:1:7: this is not TOML: key with no value, expected `=`
    "#]],
    );
}

#[test]
fn slips_in_the_environment_and_in_flags() {
    let owner = Owner {
        environment: &[
            ("PIPIT__AUDIO", "x"),
            ("PIPIT__AUDIO__IMPUT", "x"),
            ("PIPIT__AUDOI__INPUT", "x"),
            ("PIPIT__AUDIO__VOLUME", "loud"),
            ("PIPIT__TTS__SPEED", ""),
        ],
        flags: &["SECRET", "volume=5", "audio.volum=3", "audio.volume=", "tts.speed=fast", "=", "."],
        ..Owner::default()
    };
    expect![[r#"
        environment variable PIPIT__AUDIO: this names no key; write PIPIT__SECTION__KEY, such as PIPIT__AUDIO__INPUT
        environment variable PIPIT__AUDIO__IMPUT: there is no key audio.imput; did you mean audio.input?
        environment variable PIPIT__AUDIO__VOLUME: audio.volume cannot be "loud"; write a whole number from 0 to 100
        environment variable PIPIT__AUDOI__INPUT: there is no key audoi.input; did you mean audio.input?
        environment variable PIPIT__TTS__SPEED: tts.speed cannot be ""; write a number from 0.5 to 2
        flag --set: this is not section.key=value; write for example --set audio.volume=60
        flag --set volume: this names no section; did you mean audio.volume?
        flag --set audio.volum: there is no key audio.volum; did you mean audio.volume?
        flag --set audio.volume: audio.volume cannot be ""; write a whole number from 0 to 100
        flag --set tts.speed: tts.speed cannot be "fast"; write a number from 0.5 to 2
        flag --set: this names no section; the sections are [audio], [chat], [ear], [log], [models], [privacy], [state], [stt], [tts], [turn], [wake] and [web]
        flag --set: this is not section.key=value; write for example --set audio.volume=60
    "#]].assert_eq(&owner.problems());
}

#[test]
fn settings_that_contradict_each_other() {
    check_file(
        "[ear]\nsilence_threshold = 0.6\npause_ms = 1500\n[audio]\nbackend = 'wav'\n[tts]\nvoice = 'af_heart'\n\
         [chat]\nprovider = 'openai'\nfirst_token_timeout_s = 60\napi_key_env = 'A'\napi_key_file = '/a'\n\
         [wake]\nmode = 'openwakeword'\nphrases = 'hey pipit, hey'\nmodel = '~/jarvis.onnx'",
        expect![[r#"
            pipit.toml:2:21: ear.silence_threshold (0.6) must be less than ear.speech_threshold (0.5); lower the one or raise the other
            pipit.toml:3:12: ear.pause_ms (1500) must be less than turn.fallback_ms (1500); lower the one or raise the other
            pipit.toml:5:11: audio.backend "wav" has no microphone; write in audio.input which WAV file to listen to
            pipit.toml:7:9: tts.voice is one engine's own name for a voice; write in tts.engine whose: "kokoro", "piper", "espeak", "openai" or "fish"
            pipit.toml:9:12: chat.provider "openai" needs a server; write its address in chat.base_url, for example "https://api.openai.com/v1" or "http://127.0.0.1:8080/v1"
            pipit.toml:9:12: chat.provider needs a model; write in chat.model the server's own name for it, for example "qwen3:4b" with Ollama
            pipit.toml:10:25: chat.first_token_timeout_s (60) must be less than turn.reply_stall_s (30); lower the one or raise the other
            pipit.toml:12:16: chat.api_key_env and chat.api_key_file are both set; leave one of them out
            pipit.toml:15:11: the phrase "hey" has too few sounds to be told from everyday talk; write a longer one in wake.phrases, such as "hey pipit"
            pipit.toml:16:9: wake.model begins with ~, which only a shell understands; write the whole path
        "#]],
    );
    check_file(
        "[chat]\nprovider = 'openai'\nmodel = 'm'\nbase_url = 'http://api.openai.com/v1'\napi_key_env = 'A'",
        expect![[r#"
            pipit.toml:4:12: chat.base_url would send the API key over the Internet unencrypted; write https:// instead of http://, or set none of chat.api_key_env, api_key_file and api_key_secret
        "#]],
    );
    // What seems to be missing may be what is misspelt; what is written twice is not.
    check_file(
        "[chat]\nprovider = 'openai'\nbase_ulr = 'http://a'\nmodel = 'm'\n[ear]\nspeech_threshold = 0.3\n\
         silence_threshhold = 0.2\npause_ms = 900\n[turn]\nfallback_ms = 900",
        expect![[r#"
            pipit.toml:3:1: there is no key chat.base_ulr; did you mean chat.base_url?
            pipit.toml:7:1: there is no key ear.silence_threshhold; did you mean ear.silence_threshold?
            pipit.toml:8:12: ear.pause_ms (900) must be less than turn.fallback_ms (900); lower the one or raise the other
        "#]],
    );
    // One of the two has no usable value, so there is nothing to compare.
    check_file(
        "[ear]\nspeech_threshold = 'low'\nsilence_threshold = 0.9",
        expect![[r#"
        pipit.toml:2:20: ear.speech_threshold cannot be "low"; write a number from 0 to 1, without quotes
    "#]],
    );
    let owner = Owner {
        file: Some("[ear]\nspeech_threshold = 0.2"),
        flags: &["turn.reply_stall_s=5", "chat.provider=ollama", "chat.model=m"],
        ..Owner::default()
    };
    expect![[r#"
        pipit.toml:2:20: ear.silence_threshold (0.35) must be less than ear.speech_threshold (0.2); lower the one or raise the other
        flag --set turn.reply_stall_s: chat.first_token_timeout_s (15) must be less than turn.reply_stall_s (5); lower the one or raise the other
        flag --set turn.reply_stall_s: chat.idle_timeout_s (10) must be less than turn.reply_stall_s (5); lower the one or raise the other
    "#]].assert_eq(&owner.problems());
}

#[test]
fn a_speech_service_needs_an_address_and_little_else() {
    let config = from_file(
        "[stt]\nengine = 'openai'\nbase_url = 'http://nas.local:8000/v1/'\nmodel = 'Systran/faster-whisper-small'\n\
         [tts]\nengine = 'fish'\nbase_url = 'https://api.fish.audio/v1'\napi_key_env = 'FISH_KEY'\nvoice = 'abc'",
    )
    .unwrap();
    let service = config.transcription_service().unwrap();
    assert_eq!(service.to_string(), "transcription service (Systran/faster-whisper-small, in the house)");
    assert_eq!(service.base_url, "http://nas.local:8000/v1");
    assert_eq!(config.stt.model, SttModel::Auto, "what stands by is chosen by the board");
    let service = config.voice_service().unwrap();
    assert_eq!(service.to_string(), "Fish Speech (leaves the house)");
    assert_eq!(service.base_url, "https://api.fish.audio");
    assert_eq!(service.api_key, Some(KeySource::Environment("FISH_KEY".to_owned())));
    check_file(
        "[stt]\nengine = 'openai'\n[tts]\nengine = 'openai'\nbase_url = 'http://api.openai.com/v1'\napi_key_env = 'A'\n\
         timeout_s = 40",
        expect![[r#"
            pipit.toml:2:10: stt.engine names a service; write its address in stt.base_url, for example "http://nas.local:8000/v1" or "https://api.openai.com/v1"
            pipit.toml:5:12: tts.base_url would send the API key over the Internet unencrypted; write https:// instead of http://, or set none of tts.api_key_env, api_key_file and api_key_secret
            pipit.toml:7:13: tts.timeout_s (40) must be less than turn.reply_stall_s (30); lower the one or raise the other
        "#]],
    );
}

#[test]
fn a_service_that_is_farther_away_than_allowed_is_never_asked() {
    let far = "[stt]\nengine = 'openai'\nbase_url = 'https://api.openai.com/v1'\n\
               [tts]\nengine = 'openai'\nbase_url = 'http://nas/v1'\n[chat]\nprivacy = ";
    let asked = |privacy: &str| {
        let config = from_file(&format!("{far}'{privacy}'")).unwrap();
        (config.transcription_service().is_some(), config.voice_service().is_some())
    };
    assert_eq!(asked("any"), (true, true));
    assert_eq!(asked("in the house"), (false, true));
    assert_eq!(asked("on this device"), (false, false));
}

#[test]
fn a_service_that_leaves_the_house_is_asked_once_for_each_utterance() {
    let drafts = |stt: &str| from_file(&format!("[stt]\nengine = 'openai'\n{stt}")).unwrap().turn.drafts;
    assert!(!drafts("base_url = 'https://api.openai.com/v1'"));
    assert!(drafts("base_url = 'https://api.openai.com/v1'\ndrafts = true"));
    assert!(drafts("base_url = 'http://nas/v1'"));
    assert!(drafts("base_url = 'https://api.openai.com/v1'\n[chat]\nprivacy = 'in the house'"), "it is never asked");
}

#[test]
fn what_is_said_before_the_phrase_is_transcribed_on_this_device_alone() {
    let phrase = |rest: &str| format!("[wake]\nmode = 'phrase'\n[stt]\nengine = 'openai'\nbase_url = {rest}");
    assert!(from_file(&phrase("'http://127.0.0.1:8000/v1'")).is_ok());
    assert!(from_file(&phrase("'http://nas/v1'\n[chat]\nprivacy = 'on this device'")).is_ok());
    check_file(
        &phrase("'http://nas/v1'"),
        expect![[r#"
            pipit.toml:2:8: wake.mode "phrase" has everything that is said transcribed, and stt.base_url is not on this device; write wake.mode = "openwakeword" or "push-to-talk", or stt.engine = "whisper-cpp"
        "#]],
    );
}

#[test]
fn secrets_are_refused_and_not_repeated() {
    let pasted = [
        "api_key = 'sk-SECRET'",
        "api_key = sk-SECRET",
        "api_key_env = 'sk-SECRET'",
        "api_key_env = ['SECRET']",
        "key = 'SECRET'",
        "base_url = 'https://me:SECRET@llm.example/v1'",
        "base_url = 'https://llm.example/v1?key=SECRET'",
        "base_url = 'SECRET'",
        "SECRET",
    ];
    for line in pasted {
        for section in ["chat", "stt", "tts"] {
            let problems = Owner { file: Some(&format!("[{section}]\n{line}")), ..Owner::default() }.problems();
            assert!(!problems.contains("SECRET"), "{section}, {line}: {problems}");
        }
    }
    let owner = Owner {
        environment: &[("PIPIT__CHAT__API_KEY", "SECRET"), ("PIPIT__CHAT__API_KEY_ENV", "sk-SECRET")],
        flags: &["chat.api_key=SECRET", "chat.apikey=SECRET", "SECRET"],
        ..Owner::default()
    };
    let problems = owner.problems();
    assert!(!problems.contains("SECRET"), "{problems}");
    assert_eq!(problems.lines().count(), 5, "{problems}");
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
