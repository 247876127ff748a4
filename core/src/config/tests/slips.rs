//! Slips of the pen, and what is said about them.

use expect_test::expect;

use super::*;

#[test]
fn slips_of_the_pen_in_names() {
    check_file(
        "volume = 3\nlog = 'info'\n\n[audio]\nimput = 'a'\ndevice = 'b'\nbackend = { name = 'cpal' }\n\
         [auido]\nvolume = 3\n[ear]\npause = 3\nvolume = 4\n Speech-Threshold = 1\n[matter]\nhost = 'a'\n[stt.whisper]\nx = 1",
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
            pipit.toml:14:2: there is no section [matter]; the sections are [alarms], [audio], [board], [buttons], [chat], [display], [ear], [home], [leds], [log], [models], [mqtt], [privacy], [state], [stt], [tts], [turn], [update], [wake], [web] and [wyoming]
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
            pipit.toml:12:10: tts.engine cannot be "Koroko"; did you mean "kokoro"? Otherwise write "auto", "kokoro", "piper", "espeak", "openai", "fish" or "wyoming"
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
        flag --set: this names no section; the sections are [alarms], [audio], [board], [buttons], [chat], [display], [ear], [home], [leds], [log], [models], [mqtt], [privacy], [state], [stt], [tts], [turn], [update], [wake], [web] and [wyoming]
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
            pipit.toml:7:9: tts.voice is one engine's own name for a voice; write in tts.engine whose: "kokoro", "piper", "espeak", "openai", "fish" or "wyoming"
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
fn sentences_are_pipits_or_those_of_a_language() {
    for (code, expected) in [("pipit", Sentences::Pipit), ("pt-BR", Sentences::HomeAssistant("pt-BR".to_owned()))] {
        assert_eq!(from_file(&format!("[home]\nsentences = '{code}'")).unwrap().home.sentences, expected);
    }
    for code in ["", "German language", "../de", "de-", "d"] {
        let owner = Owner { file: Some(&format!("[home]\nsentences = '{code}'")), ..Owner::default() };
        let expected =
            "pipit.toml:2:13: home.sentences must be \"pipit\" or the code of a language; write for example \"de\"\n";
        assert_eq!(owner.problems(), expected, "{code}");
    }
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
