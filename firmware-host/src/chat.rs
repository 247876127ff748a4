//! The chat core, built from the configuration. Reading a secret is the only thing done here that touches the machine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipit_chat::{Engine, EngineSettings, ProviderKind, ProviderSettings, Secret};
use pipit_core::chat::Persona;
use pipit_core::config::{Config, KeySource, LlmProvider, LlmServer, LlmSettings, PersonaSource};
use pipit_store::Store;
use tracing::{info, warn};

/// A server in the house or outside accepts a connection within this time or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the history.
///
/// # Errors
/// It can't be opened.
pub fn store(config: &Config) -> anyhow::Result<Store> {
    let folder = &config.state_dir;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} can't be made; set state.dir to a folder that can", folder.display()))?;
    Ok(Store::open(&folder.join("pipit.db"))?)
}

/// Makes the engine ready, which remembers in `store`.
///
/// # Errors
/// An API key can't be read, or the history fails.
pub fn engine(config: &Config, store: Store) -> anyhow::Result<Engine> {
    let settings = match &config.llm {
        Some(llm) => {
            log_left_out(llm);
            let persona = persona(&llm.persona)?;
            let own = !llm.system_prompt.trim().is_empty();
            EngineSettings {
                providers: llm.allowed().map(|server| provider(llm, server)).collect::<anyhow::Result<_>>()?,
                system_prompt: if own { llm.system_prompt.clone() } else { persona.prompt },
                topic: persona.topic,
                tools: persona.tools,
                history_tokens: llm.history_tokens,
                max_reply_tokens: llm.max_reply_tokens,
                volume: config.audio.volume,
            }
        }
        None => EngineSettings {
            providers: Vec::new(),
            system_prompt: String::new(),
            topic: None,
            tools: None,
            history_tokens: 0,
            max_reply_tokens: 0,
            volume: config.audio.volume,
        },
    };
    Ok(Engine::new(settings, store, Arc::new(jiff::Zoned::now))?)
}

/// What Pipit says when a conversation begins, if anything. Where the owner has written the model's instructions, the persona's
/// words need not suit them.
///
/// # Errors
/// The persona can't be read.
pub fn greeting(config: &Config) -> anyhow::Result<Option<String>> {
    match &config.llm {
        Some(llm) if llm.system_prompt.trim().is_empty() => Ok(persona(&llm.persona)?.greeting),
        _ => Ok(None),
    }
}

/// The persona that the owner has chosen.
fn persona(source: &PersonaSource) -> anyhow::Result<Persona> {
    match source {
        PersonaSource::BuiltIn(name) => {
            Persona::built_in(name).with_context(|| format!("there is no persona called {name:?}; see chat.persona"))
        }
        PersonaSource::File(path) => {
            let unusable = || format!("the persona in {} can't be used (chat.persona)", path.display());
            let pack = std::fs::read_to_string(path).with_context(unusable)?;
            Persona::parse(&pack).with_context(unusable)
        }
    }
}

/// One of the servers, as the chat core wants to know it.
///
/// # Errors
/// Its API key can't be read.
pub fn provider(llm: &LlmSettings, server: &LlmServer) -> anyhow::Result<ProviderSettings> {
    Ok(ProviderSettings {
        name: server.name.clone(),
        kind: match server.provider {
            LlmProvider::OpenAi => ProviderKind::OpenAi,
            LlmProvider::Ollama => ProviderKind::Ollama,
            LlmProvider::Anthropic => ProviderKind::Anthropic,
        },
        base_url: server.base_url.clone(),
        model: server.model.clone(),
        api_key: server.api_key.as_ref().map(|source| secret(&server.name, source)).transpose()?.map(Secret::from),
        connect_timeout: CONNECT_TIMEOUT,
        first_token_timeout: llm.first_token_timeout,
        idle_timeout: llm.idle_timeout,
    })
}

/// What is not asked for privacy's sake is said once, for it was written down to be asked.
fn log_left_out(llm: &LlmSettings) {
    for server in llm.servers.iter().filter(|server| !llm.allows(server)) {
        let LlmServer { name, model, tier, .. } = server;
        info!("{name} ({model}, {tier}) is never asked, because chat.privacy is \"{}\"", llm.privacy);
    }
    if llm.allowed().next().is_none() {
        warn!(
            "there is no language model: every server is farther away than chat.privacy allows; name one in \
             [[chat.fallback]] that is \"{}\", or change chat.privacy",
            llm.privacy
        );
    }
}

fn secret(server: &str, source: &KeySource) -> anyhow::Result<String> {
    let key = match source {
        KeySource::Environment(name) => std::env::var(name).ok().with_context(|| {
            format!("the API key of {server} should be in {name} (api_key_env), which is not set in the environment")
        })?,
        KeySource::File(path) => std::fs::read_to_string(path)
            .with_context(|| format!("the API key of {server} can't be read from {} (api_key_file)", path.display()))?,
    };
    let key = key.trim();
    anyhow::ensure!(!key.is_empty(), "the API key of {server} is empty; put the key where the configuration says");
    Ok(key.to_owned())
}
