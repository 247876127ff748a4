//! The chat core, built from the configuration. Reading a secret is the only thing done here that touches the machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipit_chat::tools::{HOME_CONTROL, McpServer, McpSettings, Tool};
use pipit_chat::{Clock, Engine, EngineSettings, ProviderKind, ProviderSettings, Secret};
use pipit_core::chat::Persona;
use pipit_core::config::{self, Config, KeySource, LlmProvider, LlmServer, LlmSettings, PersonaSource};
use pipit_store::{KeySource as DeviceKey, Store, StoreError};
use tracing::{info, warn};

use crate::sentences::home_sentences;

/// A server in the house or outside accepts a connection within this time or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server with tools is left alone after it could not be reached, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What systemd calls the device's key, where it is one of its credentials.
const CREDENTIAL: &str = "pipit-key";

/// Opens the history, for whoever reads or changes it by hand.
///
/// # Errors
/// It can't be opened, or its key is lost.
pub fn store(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::open_with(&history_file(config)?, &device_key())?)
}

/// Opens the history, for whoever listens and answers: where its key is lost, in memory until it is back.
///
/// # Errors
/// It can't be opened.
pub fn store_to_go_on_with(config: &Config) -> anyhow::Result<Store> {
    let file = history_file(config)?;
    let store = match Store::open_with(&file, &device_key()) {
        Err(error @ (StoreError::KeyLost { .. } | StoreError::NoKey { .. })) => {
            warn!("{error}");
            warn!("until then, what is said is kept in memory only");
            Store::open_without_history(&file)?
        }
        outcome => outcome?,
    };
    Ok(store)
}

/// The store of those who speak and type: the owner's, or one in memory where the configuration wants no trace of them.
///
/// # Errors
/// Memory can't be had.
pub fn speakers(config: &Config, store: &Store) -> anyhow::Result<Store> {
    Ok(if config.privacy.ephemeral { store.ephemeral()? } else { store.clone() })
}

/// The file of the history, whose folder is there.
///
/// # Errors
/// The folder can't be made.
pub fn history_file(config: &Config) -> anyhow::Result<PathBuf> {
    let folder = &config.state_dir;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} can't be made; set state.dir to a folder that can", folder.display()))?;
    Ok(folder.join("pipit.db"))
}

/// Where the device's key is: among systemd's credentials, or beside the history.
pub fn device_key() -> DeviceKey {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| PathBuf::from(folder).join(CREDENTIAL));
    credentials.filter(|file| file.exists()).map_or(DeviceKey::Beside, DeviceKey::File)
}

/// Makes the engine ready, which remembers in `speakers`; `owner` has the API keys that are kept in the store.
///
/// # Errors
/// An API key can't be read, or the history fails.
pub fn engine(config: &Config, owner: &Store, speakers: Store) -> anyhow::Result<Engine> {
    engine_by(config, owner, speakers, Arc::new(jiff::Zoned::now))
}

/// As [`engine`], which takes the time from `clock`.
///
/// # Errors
/// As [`engine`].
pub fn engine_by(config: &Config, owner: &Store, speakers: Store, clock: Clock) -> anyhow::Result<Engine> {
    let (volume, ring_late, snooze) = (config.audio.volume, config.ring_late, config.snooze);
    let without_model = EngineSettings { volume, ring_late, snooze, ..EngineSettings::default() };
    let settings = match &config.llm {
        Some(llm) => {
            log_left_out(llm);
            let persona = persona(&llm.persona)?;
            let wants_home = persona.tools.as_ref().is_some_and(|tools| tools.iter().any(|tool| tool == HOME_CONTROL));
            if wants_home && config.mqtt.is_none() {
                info!("no home is connected (mqtt.host), so no model can use {HOME_CONTROL}");
            }
            let own = !llm.system_prompt.trim().is_empty();
            EngineSettings {
                providers: llm
                    .allowed()
                    .map(|server| provider(llm, server, &|| Ok(owner.clone())))
                    .collect::<anyhow::Result<_>>()?,
                system_prompt: if own { llm.system_prompt.clone() } else { persona.prompt },
                topic: persona.topic,
                tools: persona.tools,
                history_tokens: llm.history_tokens,
                max_reply_tokens: llm.max_reply_tokens,
                ..without_model
            }
        }
        None => without_model,
    };
    let engine = Engine::new(settings, owner.clone(), clock)?;
    engine.read_personas()?;
    engine.speak_of_home(home_sentences(config)?, config.home.area.clone());
    Ok(engine.for_person(speakers, false))
}

/// The servers with tools that the owner has named, and that are near enough.
///
/// # Errors
/// A token can't be read, or an address not be used.
pub fn mcp_servers(config: &Config, store: OpenStore<'_>) -> anyhow::Result<Vec<Arc<McpServer>>> {
    let servers = config.llm.iter().flat_map(LlmSettings::allowed_mcp);
    servers
        .map(|server| {
            let config::McpServer { name, url, api_key, tools, reads, .. } = server.clone();
            let token = api_key.as_ref().map(|source| secret(&name, source, store)).transpose()?.map(Secret::from);
            Ok(McpServer::new(McpSettings { name, url, token, tools, reads })?)
        })
        .collect()
}

/// Offers models the tools of these servers, each as soon as it can be reached, and keeps trying those that can't.
pub async fn offer_tools(engine: Engine, servers: Vec<Arc<McpServer>>) {
    let mut known: Vec<Option<Vec<Arc<dyn Tool>>>> = servers.iter().map(|_| None).collect();
    let mut pause = FIRST_PAUSE;
    loop {
        for (server, tools) in servers.iter().zip(&mut known).filter(|(_, tools)| tools.is_none()) {
            match server.tools().await {
                Ok(found) => {
                    info!("{} ({}) lets models use {} tools", server.name(), server.tier(), found.len());
                    *tools = Some(found);
                }
                Err(error) if pause == FIRST_PAUSE => warn!("{error}. Its tools are missing until then"),
                Err(_) => {}
            }
        }
        engine.offer(known.iter().flatten().flatten().cloned());
        if known.iter().all(Option::is_some) {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
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

/// Opens the store, for an API key that is kept in it.
pub type OpenStore<'a> = &'a dyn Fn() -> anyhow::Result<Store>;

/// One of the servers, as the chat core wants to know it.
///
/// # Errors
/// Its API key can't be read.
pub fn provider(llm: &LlmSettings, server: &LlmServer, store: OpenStore<'_>) -> anyhow::Result<ProviderSettings> {
    Ok(ProviderSettings {
        name: server.name.clone(),
        kind: match server.provider {
            LlmProvider::OpenAi => ProviderKind::OpenAi,
            LlmProvider::Ollama => ProviderKind::Ollama,
            LlmProvider::Anthropic => ProviderKind::Anthropic,
        },
        base_url: server.base_url.clone(),
        model: server.model.clone(),
        api_key: server
            .api_key
            .as_ref()
            .map(|source| secret(&server.name, source, store))
            .transpose()?
            .map(Secret::from),
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

/// The voice that suits the persona, if a persona speaks here and names one.
pub fn persona_voice(config: &Config) -> Option<String> {
    persona(&config.llm.as_ref()?.persona).ok()?.voice
}

/// The API key of `server`.
///
/// # Errors
/// It can't be read.
pub fn secret(server: &str, source: &KeySource, store: OpenStore<'_>) -> anyhow::Result<String> {
    secret_as(&format!("the API key of {server}"), "api_key", source, store)
}

/// A secret that people know as `what`, and which keys of the configuration name that begin with `keys`.
///
/// # Errors
/// It can't be read.
pub fn secret_as(what: &str, keys: &str, source: &KeySource, store: OpenStore<'_>) -> anyhow::Result<String> {
    let secret = match source {
        KeySource::Environment(name) => std::env::var(name)
            .ok()
            .with_context(|| format!("{what} should be in {name} ({keys}_env), which is not set in the environment"))?,
        KeySource::File(path) => std::fs::read_to_string(path)
            .with_context(|| format!("{what} can't be read from {} ({keys}_file)", path.display()))?,
        KeySource::Secret(name) => {
            let kept = store()?.secret(name).with_context(|| format!("{what} can't be read"))?;
            let missing = || format!("{what} ({keys}_secret) is not there; give it to `pipit secrets set {name}`");
            kept.with_context(missing)?.to_string()
        }
    };
    let secret = secret.trim();
    anyhow::ensure!(!secret.is_empty(), "{what} is empty; put it where the configuration says");
    Ok(secret.to_owned())
}
