//! Speech services.

use expect_test::expect;

use super::*;

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
fn a_wyoming_server_is_a_service_in_the_house() {
    let config = from_file(
        "[stt]\nengine = 'wyoming'\nbase_url = 'tcp://192.168.1.5:10300'\n\
         [tts]\nengine = 'wyoming'\nbase_url = 'tcp://localhost:10200/'\nvoice = 'en_US-lessac-medium'\nmodel = 'x'",
    )
    .unwrap();
    let service = config.transcription_service().unwrap();
    assert_eq!((service.to_string().as_str(), service.model.as_str()), ("transcription service (in the house)", ""));
    let service = config.voice_service().unwrap();
    assert_eq!(
        (service.to_string().as_str(), &*service.base_url),
        ("speech service (on this device)", "tcp://localhost:10200")
    );
    let far = "[stt]\nengine = 'wyoming'\nbase_url = 'tcp://example.org:10300'\n[chat]\nprivacy = 'in the house'";
    assert!(from_file(far).unwrap().transcription_service().is_none());
    check_file(
        "[stt]\nengine = 'wyoming'\n[tts]\nengine = 'wyoming'\nbase_url = 'http://nas:10200'\napi_key_env = 'A'\ntimeout_s = 40",
        expect![[r#"
            pipit.toml:2:10: stt.engine names a service; write its address in stt.base_url, for example "tcp://nas.local:10300"
            pipit.toml:5:12: tts.base_url must be the host and the port of a Wyoming server; write for example "tcp://nas.local:10300"
            pipit.toml:6:15: a Wyoming server wants no key; leave out tts.api_key_env, api_key_file and api_key_secret
            pipit.toml:7:13: tts.timeout_s (40) must be less than turn.reply_stall_s (30); lower the one or raise the other
        "#]],
    );
}

#[test]
fn wyoming_is_offered_where_the_owner_wants_it() {
    let offered = |written: &str| from_file(&format!("[wyoming]\n{written}")).unwrap().wyoming;
    assert_eq!(offered("advertise = true"), None);
    let told = |written: &str| offered(written).unwrap().advertise;
    assert!(told("listen = '0.0.0.0:10300'") && told("listen = '192.168.1.5:10300'") && told("listen = '[::]:10300'"));
    assert!(
        !told("listen = '127.0.0.1:10300'") && !told("listen = '[::1]:1'") && !told("listen = '[::ffff:127.0.0.1]:1'")
    );
    assert!(!told("listen = '0.0.0.0:10300'\nadvertise = false"));
    check_file(
        "[wyoming]\nlisten = 'localhost:10300'",
        expect![[r#"
            pipit.toml:2:10: wyoming.listen must be a numeric address and a port; write for example "0.0.0.0:10300" for the network at home, "127.0.0.1:10300" for this machine alone, or "" for nobody
        "#]],
    );
}

#[test]
fn a_satellite_is_offered_at_a_port_of_its_own() {
    let offered = from_file("[wyoming]\nlisten = '127.0.0.1:10300'\nsatellite = '0.0.0.0:10700'").unwrap();
    assert!(offered.satellite.unwrap().advertise && !offered.wyoming.unwrap().advertise);
    check_file(
        "[wyoming]\nlisten = '0.0.0.0:10300'\nsatellite = '127.0.0.1:10300'",
        expect![[r#"
            pipit.toml:3:13: wyoming.satellite needs a port of its own, since Home Assistant takes a port for either a satellite or services; write for example "0.0.0.0:10700"
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
