//! The chat core, built from the configuration. Reading a secret is the only thing done here that touches the machine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipit_chat::{Engine, EngineSettings, ProviderKind, ProviderSettings, Secret};
use pipit_core::chat::Persona;
use pipit_core::config::{Config, KeySource, LlmProvider, LlmSettings, PersonaSource};
use pipit_store::Store;

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
/// The API key can't be read, or the history fails.
pub fn engine(config: &Config, store: Store) -> anyhow::Result<Engine> {
    let settings = match &config.llm {
        Some(llm) => {
            let persona = persona(&llm.persona)?;
            let own = !llm.system_prompt.trim().is_empty();
            EngineSettings {
                provider: Some(provider(llm)?),
                system_prompt: if own { llm.system_prompt.clone() } else { persona.prompt },
                topic: persona.topic,
                history_tokens: llm.history_tokens,
                max_reply_tokens: llm.max_reply_tokens,
                volume: config.audio.volume,
            }
        }
        None => EngineSettings {
            provider: None,
            system_prompt: String::new(),
            topic: None,
            history_tokens: 0,
            max_reply_tokens: 0,
            volume: config.audio.volume,
        },
    };
    Ok(Engine::new(settings, store, Arc::new(jiff::Zoned::now))?)
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

fn provider(llm: &LlmSettings) -> anyhow::Result<ProviderSettings> {
    Ok(ProviderSettings {
        kind: match llm.provider {
            LlmProvider::OpenAi => ProviderKind::OpenAi,
            LlmProvider::Ollama => ProviderKind::Ollama,
        },
        base_url: llm.base_url.clone(),
        model: llm.model.clone(),
        api_key: llm.api_key.as_ref().map(secret).transpose()?.map(Secret::from),
        connect_timeout: CONNECT_TIMEOUT,
        first_token_timeout: llm.first_token_timeout,
        idle_timeout: llm.idle_timeout,
    })
}

fn secret(source: &KeySource) -> anyhow::Result<String> {
    let key = match source {
        KeySource::Environment(name) => std::env::var(name)
            .ok()
            .with_context(|| format!("chat.api_key_env names {name}, which is not set in the environment"))?,
        KeySource::File(path) => std::fs::read_to_string(path)
            .with_context(|| format!("the API key can't be read from {} (chat.api_key_file)", path.display()))?,
    };
    Ok(key.trim().to_owned())
}
