//! Language models and servers with tools: whom Pipit may ask.

use expect_test::expect;

use super::*;
use crate::chat::Tier;

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
            pipit.toml:1:2: there is no section [chat.fallback#00000]; the sections are [alarms], [audio], [board], [buttons], [chat], [display], [ear], [home], [leds], [log], [models], [mqtt], [privacy], [state], [stt], [tts], [turn], [update], [wake], [web] and [wyoming]
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
fn a_broker_is_checked_with_its_secret_and_its_certificates() {
    let broker = from_file("[mqtt]\nhost = \"nas\"\ntls = true\nca_file = \"/ca.pem\"").unwrap().mqtt.unwrap();
    assert_eq!((broker.port, broker.topic_prefix.as_str(), broker.allow_unmute), (8883, "pipit/pipit", false));
    check_file(
        "[mqtt]\nhost = \"me@nas\"\nclient_id = \"a/b\"\ntopic_prefix = \"#\"\npassword_env = \"hunter2\"\nca_file = \"/ca.pem\"",
        expect![[r#"
            pipit.toml:2:8: mqtt.host must be a name or an address and nothing else; write for example "homeassistant.local", and the port in mqtt.port
            pipit.toml:3:13: mqtt.client_id must be letters, digits, - and _; write for example "pipit-kitchen"
            pipit.toml:5:16: mqtt.password_env must be the name of an environment variable in capitals, such as "MQTT_PASSWORD"; if this is the password itself, put it into that variable, and replace it where it came from if others could read it here
            pipit.toml:6:11: mqtt names certificates and mqtt.tls is false; write mqtt.tls = true
        "#]],
    );
}

#[test]
fn nothing_travels_unencrypted_to_a_broker_outside_of_the_house() {
    for host in ["nas", "homeassistant.local", "192.168.1.5", "127.0.0.1", "::1", "[fd00::5]", "100.100.1.1"] {
        let broker = from_file(&format!("[mqtt]\nhost = {host:?}")).unwrap().mqtt.unwrap();
        assert!(broker.tier < Tier::Outside || host == "100.100.1.1", "{host}");
    }
    let encrypted = from_file("[mqtt]\nhost = \"broker.example\"\ntls = true").unwrap().mqtt.unwrap();
    assert_eq!(encrypted.tier, Tier::Outside);
    check_file(
        "[mqtt]\nhost = \"broker.example\"",
        expect![[r#"
            pipit.toml:2:8: mqtt.host is outside of the house, and all that is said would travel there unencrypted; write mqtt.tls = true, or name a broker at home by its address or as the network at home knows it, such as "broker.local"
        "#]],
    );
    check_file(
        "[mqtt]\nhost = \"2001:db8::1\"\nusername = \"pipit\"\npassword_env = \"MQTT_PASSWORD\"",
        expect![[r#"
            pipit.toml:2:8: mqtt.host is outside of the house, and the password, and all that is said, would travel there unencrypted; write mqtt.tls = true, or name a broker at home by its address or as the network at home knows it, such as "broker.local"
        "#]],
    );
}

#[test]
fn what_is_said_of_devices_at_home_is_checked() {
    let config = from_file(
        "[[home.device]]\nname = 'Kitchen ceiling'\naliases = 'big light, '\n\
         [[home.device]]\nname = 'Coffee'\nkind = 'switch'\narea = 'Kitchen'\ncommand_topic = 'coffee/set'\n",
    );
    let home = config.unwrap().home;
    assert_eq!(home.household.aliases["Kitchen ceiling"], ["big light"]);
    assert_eq!((home.household.places["Coffee"].as_str(), home.described.len()), ("Kitchen", 1));
    check_file(
        "[[home.device]]\narea = 'Hall'\n\
         [[home.device]]\nname = 'Lamp'\ncommand_topic = 'lamp/set'\n\
         [[home.device]]\nname = 'lamp'\nkind = 'light'\n\
         [[home.device]]\nname = 'Plug'\nkind = 'switch'\ncommand_topic = 'plug/+'\n\
         [[home.device]]\nname = 'Door'\nkind = 'lock'\ncommand_topic = 'pipit/pipit/mute/set'\n\
         [[home.device]]\nname = 'Sun'\nkind = 'sensor'\nstate_topic = 'sun'\nstate_template = '{{ value_json.'\n\
         [mqtt]\nhost = 'nas'\n",
        expect![[r#"
            pipit.toml:1:1: home.device.name must be what the device is called; write for example "Coffee machine"
            pipit.toml:5:17: home.device.command_topic is for a device that does not make itself known; write in home.device.kind what it is
            pipit.toml:6:1: home.device "lamp": names no topic that a light is told by or commanded with
            pipit.toml:7:8: home.device.name is another device's already; put what is said of one into one table
            pipit.toml:12:17: home.device "Plug": names the topic "plug/+", which has a wildcard (+ or #), so that it is no single topic
            pipit.toml:16:17: home.device "Door": names the topic "pipit/pipit/mute/set", which is Pipit's own
            pipit.toml:20:15: home.device "Sun": the template "{{ value_json." can't be read: syntax error: unexpected end of input, expected identifier or integer (in <string>:1)
        "#]],
    );
}
