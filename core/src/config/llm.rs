//! `[chat]` and its fallbacks: which servers there are to ask, what each is called, and how far away it is.

use std::collections::BTreeSet;

use url::Url;

use super::check::{path, seconds};
use super::checked::{KeySource, LlmProvider, LlmServer, LlmSettings, PersonaSource};
use super::layers::{Settings, shown, table};
use super::{mcp, server, wire};
use crate::chat::{Persona, Tier};

/// Where Ollama listens unless it is told otherwise.
const OLLAMA: &str = "http://127.0.0.1:11434";

const ANTHROPIC: &str = "https://api.anthropic.com";

/// Long enough for any name, and too short for most keys.
const LONGEST_NAME: usize = 30;

/// A server as the owner wrote it.
struct Written {
    /// The section that its keys stand in, as [`Settings`] knows it.
    section: String,
    provider: Option<LlmProvider>,
    name: String,
    base_url: String,
    model: String,
    api_key: WrittenKey,
}

/// Reads everything about servers; `None` if nobody is to be asked.
pub(super) fn llm(settings: &mut Settings<'_>, chat: wire::Chat) -> Option<LlmSettings> {
    let asks_nobody = chat.provider == wire::Provider::None;
    let main = Written {
        section: "chat".to_owned(),
        provider: match chat.provider {
            wire::Provider::None => None,
            wire::Provider::Openai => Some(LlmProvider::OpenAi),
            wire::Provider::Ollama => Some(LlmProvider::Ollama),
            wire::Provider::Anthropic => Some(LlmProvider::Anthropic),
        },
        name: chat.name,
        base_url: chat.base_url,
        model: chat.model,
        api_key: WrittenKey { env: chat.api_key_env, file: chat.api_key_file, secret: chat.api_key_secret },
    };
    let fallbacks = chat.fallback.into_iter().enumerate().map(|(number, fallback)| Written {
        section: table("chat", "fallback", number),
        provider: fallback.provider.map(|provider| match provider {
            wire::FallbackProvider::Openai => LlmProvider::OpenAi,
            wire::FallbackProvider::Ollama => LlmProvider::Ollama,
            wire::FallbackProvider::Anthropic => LlmProvider::Anthropic,
        }),
        name: fallback.name,
        base_url: fallback.base_url,
        model: fallback.model,
        api_key: WrittenKey { env: fallback.api_key_env, file: fallback.api_key_file, secret: fallback.api_key_secret },
    });
    let mut servers: Vec<(String, LlmServer)> = Vec::new();
    for written in std::iter::once(main).chain(fallbacks) {
        let server = server_of(settings, &written);
        servers.extend(server.map(|server| (written.section, server)));
    }
    check_twins(settings, &servers);
    name_all(settings, &mut servers);
    let mcp = mcp::servers(settings, chat.mcp);
    let servers: Vec<LlmServer> = servers.into_iter().map(|(_, server)| server).collect();
    (!asks_nobody).then(|| LlmSettings {
        servers,
        privacy: privacy(chat.privacy),
        mcp,
        persona: persona(settings, chat.persona),
        system_prompt: chat.system_prompt,
        history_tokens: chat.history_tokens,
        max_reply_tokens: chat.max_reply_tokens,
        first_token_timeout: seconds(chat.first_token_timeout_s),
        idle_timeout: seconds(chat.idle_timeout_s),
    })
}

/// Up to which tier servers may be asked.
pub(super) fn privacy(written: wire::Privacy) -> Tier {
    match written {
        wire::Privacy::Any => Tier::Outside,
        wire::Privacy::House => Tier::House,
        wire::Privacy::Device => Tier::Device,
    }
}

fn persona(settings: &mut Settings<'_>, written: String) -> PersonaSource {
    if written.contains('/') || written.ends_with(".toml") {
        return PersonaSource::File(path(settings, ("chat", "persona"), Some(written)).unwrap_or_default());
    }
    if !Persona::names().any(|name| name == written) {
        let names: Vec<String> = Persona::names().map(|name| format!("{name:?}")).collect();
        let sentence = format!(
            "chat.persona must be one of {}, or the path of a pack, with a / in it or ending in .toml",
            names.join(", ")
        );
        settings.object(&[("chat", "persona")], &sentence);
    }
    PersonaSource::BuiltIn(written)
}

/// One server; its name is what the owner wrote, which may be nothing yet.
fn server_of(settings: &mut Settings<'_>, written: &Written) -> Option<LlmServer> {
    let section = shown(&written.section);
    let api_key = key_source(settings, &written.section, &written.api_key);
    if written.provider.is_none() && section != "chat" {
        let sentence = format!(
            "{section} needs a kind of server; write in {section}.provider \"openai\", \"ollama\" or \"anthropic\""
        );
        settings.object(&[(&written.section, "provider")], sentence);
    }
    let base_url = server_address(settings, written, api_key.is_some());
    let provider = written.provider?;
    if written.model.trim().is_empty() {
        let sentence = format!(
            "{section}.provider needs a model; write in {section}.model the server's own name for it, for example \
             \"qwen3:4b\" with Ollama"
        );
        settings.object(&[(&written.section, "model"), (&written.section, "provider")], sentence);
    }
    let (name, model, tier) = (written.name.trim().to_owned(), written.model.clone(), Tier::of_url(&base_url));
    Some(LlmServer { name, provider, base_url, model, tier, api_key })
}

/// The server's address; empty if there is none, which has been reported then unless nobody asks a server.
fn server_address(settings: &mut Settings<'_>, written: &Written, with_key: bool) -> String {
    let (id, section) = (written.section.as_str(), shown(&written.section));
    let address = match (written.provider, written.base_url.trim()) {
        (None, "") => return String::new(),
        (Some(LlmProvider::Ollama), "") => OLLAMA,
        (Some(LlmProvider::Anthropic), "") => ANTHROPIC,
        (Some(LlmProvider::OpenAi), "") => {
            let sentence = format!(
                "{section}.provider \"openai\" needs a server; write its address in {section}.base_url, for example \
                 \"https://api.openai.com/v1\" or \"http://127.0.0.1:8080/v1\""
            );
            settings.object(&[(id, "base_url"), (id, "provider")], sentence);
            return String::new();
        }
        (_, address) => address,
    };
    let address = server::base_url(section, address, with_key).unwrap_or_else(|sentence| {
        settings.object(&[(id, "base_url")], sentence);
        String::new()
    });
    match written.provider {
        // Anthropic's paths begin with the version, and people take that for a part of the address.
        Some(LlmProvider::Anthropic) => address.strip_suffix("/v1").unwrap_or(&address).to_owned(),
        _ => address,
    }
}

/// Where a key is, as the owner wrote it: in one of these places, or nowhere.
pub(super) struct WrittenKey {
    pub(super) env: String,
    pub(super) file: String,
    pub(super) secret: String,
}

/// How the keys of one kind of secret are called.
pub(super) struct Kind {
    keys: [&'static str; 3],
    what: &'static str,
    variable: &'static str,
}

const API_KEY: Kind =
    Kind { keys: ["api_key_env", "api_key_file", "api_key_secret"], what: "key", variable: "OPENAI_API_KEY" };

/// A broker's password.
pub(super) const PASSWORD: Kind =
    Kind { keys: ["password_env", "password_file", "password_secret"], what: "password", variable: "MQTT_PASSWORD" };

/// Where the API key of section `id` is.
pub(super) fn key_source(settings: &mut Settings<'_>, id: &str, written: &WrittenKey) -> Option<KeySource> {
    source(settings, id, &API_KEY, written)
}

/// Where the secret of section `id` is.
pub(super) fn source(settings: &mut Settings<'_>, id: &str, kind: &Kind, written: &WrittenKey) -> Option<KeySource> {
    let Kind { keys: [in_env, in_file, in_store], what, variable: example } = *kind;
    let (section, variable) = (shown(id), written.env.as_str());
    let is_name = variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !variable.starts_with(|first: char| first.is_ascii_digit());
    if !is_name {
        // Capitals only, because a key that someone has pasted here would otherwise pass for a name and be shown.
        let sentence = format!(
            "{section}.{in_env} must be the name of an environment variable in capitals, such as \"{example}\"; if this is \
             the {what} itself, put it into that variable, and replace it where it came from if others could read it here"
        );
        settings.object(&[(id, in_env)], sentence);
    }
    let file = Some(written.file.clone()).filter(|file| !file.is_empty());
    let file = path(settings, (id, in_file), file).map(KeySource::File);
    let environment = (!variable.is_empty()).then(|| KeySource::Environment(variable.to_owned()));
    let secret = secret(settings, id, in_store, what, &written.secret);
    let all = [(in_env, environment), (in_file, file), (in_store, secret)];
    let mut named = all.into_iter().filter_map(|(key, source)| Some((key, source?)));
    let (first, source) = named.next()?;
    if let Some((other, _)) = named.next() {
        let sentence = format!("{section}.{first} and {section}.{other} are both set; leave one of them out");
        settings.object(&[(id, other), (id, first)], sentence);
        return None;
    }
    Some(source)
}

/// A name that a secret of the store can have. What is none may be the secret itself, and is not shown.
fn secret(settings: &mut Settings<'_>, id: &str, key: &str, what: &str, name: &str) -> Option<KeySource> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
        let sentence = format!(
            "{}.{key} must be a name of letters, digits, dots, hyphens and underscores, {LONGEST_NAME} of them at \
             most; if this is the {what} itself, give it to `pipit secrets set NAME`, and replace it where it came from if others \
             could read it here",
            shown(id)
        );
        settings.object(&[(id, key)], sentence);
    }
    (!name.is_empty()).then(|| KeySource::Secret(name.to_owned()))
}

/// A server that has just failed is not asked the same once more.
fn check_twins(settings: &mut Settings<'_>, servers: &[(String, LlmServer)]) {
    for (place, (section, server)) in servers.iter().enumerate() {
        let is_twin = |(_, other): &(String, LlmServer)| {
            (&other.base_url, &other.model, other.provider, &other.api_key)
                == (&server.base_url, &server.model, server.provider, &server.api_key)
        };
        if !server.base_url.is_empty() && servers[..place].iter().any(is_twin) {
            let sentence = format!(
                "{} asks the same server for the same model as what stands before it; name another server or another \
                 model, or leave it out",
                shown(section)
            );
            settings.object(&[(section, "base_url"), (section, "model"), (section, "provider")], sentence);
        }
    }
}

/// Checks the names that the owner chose, and finds one for everything else.
fn name_all(settings: &mut Settings<'_>, servers: &mut [(String, LlmServer)]) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (section, server) in servers.iter().filter(|(_, server)| !server.name.is_empty()) {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
        if server.name.chars().count() > LONGEST_NAME || !server.name.chars().all(allowed) {
            let sentence = format!(
                "{}.name must be letters, digits, spaces, dots and hyphens, {LONGEST_NAME} of them at most; write for \
                 example \"kitchen server\"",
                shown(section)
            );
            settings.object(&[(section, "name")], sentence);
        }
        if !taken.insert(server.name.to_lowercase()) {
            let sentence = format!("{}.name is another server's already; write another one", shown(section));
            settings.object(&[(section, "name")], sentence);
        }
    }
    for (_, server) in servers.iter_mut().filter(|(_, server)| server.name.is_empty()) {
        let usual = usual_name(server.provider, &server.base_url);
        let numbered = (2..).map(|number| format!("{usual}-{number}"));
        let mut names = std::iter::once(usual.to_owned()).chain(numbered);
        server.name = names.find(|name| taken.insert(name.clone())).expect("there is always a higher number");
    }
}

/// What a server is called by its kind. Its address would say more than is to be shown of it.
fn usual_name(provider: LlmProvider, base_url: &str) -> &'static str {
    let url = Url::parse(base_url).ok();
    match (provider, url.as_ref().and_then(Url::host_str)) {
        (LlmProvider::Ollama, _) => "ollama",
        (LlmProvider::Anthropic, _) => "anthropic",
        (LlmProvider::OpenAi, Some("api.openai.com")) => "openai",
        (LlmProvider::OpenAi, Some("openrouter.ai")) => "openrouter",
        (LlmProvider::OpenAi, _) => "openai-compatible",
    }
}
