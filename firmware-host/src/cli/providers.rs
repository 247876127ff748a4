//! `pipit providers`: which language-model servers there are to ask, and whether each answers. Of a server, only name, model
//! and tier are shown.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use pipit_chat::{ChatError, HttpProvider, Prompt, Provider};
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Message, Role, is_listed};
use pipit_core::config::{LlmServer, LlmSettings};

use super::Options;
use crate::chat::{self, OpenStore};

/// How many of a server's models are named where the configured one is not among them.
const MODELS_SHOWN: usize = 8;

#[derive(Debug, Args)]
pub(super) struct Providers {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Name them in the order in which they are asked; nothing is sent anywhere
    List,
    /// Ask each that may be asked whether it is well, for its models, and for a word
    Test {
        /// Only the one of this name
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

impl Providers {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let llm = config.llm.as_ref();
        // Only an API key that is kept in it needs the store.
        let store: OpenStore<'_> = &|| chat::store(&config);
        match self.action {
            Action::List => list(llm, store).map(|()| ExitCode::SUCCESS),
            Action::Test { name } => {
                let llm = llm.context("there is no provider; name one in chat.provider")?;
                super::async_runtime()?.block_on(test(llm, name.as_deref(), store))
            }
        }
    }
}

fn list(llm: Option<&LlmSettings>, store: OpenStore<'_>) -> anyhow::Result<()> {
    let Some(llm) = llm else {
        print_line!("There is no provider: only the built-in sentences are answered. Name one in chat.provider.")?;
        return Ok(());
    };
    let width =
        |of: fn(&LlmServer) -> &str| llm.servers.iter().map(|server| of(server).chars().count()).max().unwrap_or(0);
    let (names, models) = (width(|server| &server.name), width(|server| &server.model));
    for server in &llm.servers {
        let LlmServer { name, model, tier, .. } = server;
        let notes = [Some(key(llm, server, store)), (!llm.allows(server)).then_some("never asked (chat.privacy)")];
        let notes = notes.into_iter().flatten().collect::<Vec<_>>().join(", ");
        print_line!("{name:<names$}  {model:<models$}  {:<16}  {notes}", tier.name())?;
    }
    Ok(())
}

fn key(llm: &LlmSettings, server: &LlmServer, store: OpenStore<'_>) -> &'static str {
    match &server.api_key {
        None => "needs no key",
        Some(_) if chat::provider(llm, server, store).is_ok() => "key is there",
        Some(_) => "KEY IS MISSING",
    }
}

/// Tries them one after the other; successful if each is well.
async fn test(llm: &LlmSettings, name: Option<&str>, store: OpenStore<'_>) -> anyhow::Result<ExitCode> {
    let mut well = true;
    for server in chosen(llm, name)? {
        let LlmServer { name, model, tier, .. } = server;
        print_line!("{name} ({model}, {tier})")?;
        if !llm.allows(server) {
            show("note", "privacy", &format!("never asked, because chat.privacy is \"{}\"", llm.privacy))?;
            continue;
        }
        let provider = match chat::provider(llm, server, store).and_then(|settings| Ok(HttpProvider::new(&settings)?)) {
            Ok(provider) => Arc::new(provider),
            Err(error) => {
                show("BAD ", "key", &format!("{error:#}"))?;
                well = false;
                continue;
            }
        };
        well &= try_out(provider).await?;
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen<'a>(llm: &'a LlmSettings, name: Option<&str>) -> anyhow::Result<Vec<&'a LlmServer>> {
    let Some(name) = name else { return Ok(llm.servers.iter().collect()) };
    let found: Vec<_> = llm.servers.iter().filter(|server| server.name.eq_ignore_ascii_case(name)).collect();
    let known = || llm.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ");
    anyhow::ensure!(!found.is_empty(), "there is no provider {name:?}; there are {}", known());
    Ok(found)
}

/// Asks for health, models and a word, and says what came of each. What has no answer at all is asked no more.
async fn try_out(provider: Arc<dyn Provider>) -> anyhow::Result<bool> {
    let asked = Instant::now();
    match provider.health().await {
        Ok(()) => show("ok  ", "health", &format!("answers within {}", milliseconds(asked.elapsed())))?,
        Err(error) => {
            show("BAD ", "health", &error.to_string())?;
            return Ok(false);
        }
    }
    let model = &provider.identity().model;
    let has_model = match provider.list_models().await {
        Ok(listed) if is_listed(model, &listed) => show("ok  ", "model", &format!("has {model}")).map(|()| true)?,
        Ok(listed) => show("BAD ", "model", &absent(model, &listed)).map(|()| false)?,
        Err(ChatError::Rejected { .. }) => show("note", "model", "it keeps no list of its models").map(|()| true)?,
        Err(error) => show("BAD ", "model", &error.to_string()).map(|()| false)?,
    };
    let answers = match a_word(Arc::clone(&provider)).await {
        Ok((first, whole)) => {
            let figures = format!("first token after {}, all of it after {}", milliseconds(first), milliseconds(whole));
            show("ok  ", "chat", &figures).map(|()| true)?
        }
        Err(error) => show("BAD ", "chat", &error.to_string()).map(|()| false)?,
    };
    Ok(has_model && answers)
}

fn absent(model: &str, listed: &[String]) -> String {
    if listed.is_empty() {
        return format!("{model} is not there, and no other model either; load it on the server");
    }
    let shown = listed.iter().take(MODELS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = listed.len().saturating_sub(MODELS_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} others") };
    format!(
        "{model} is not among its models; load it on the server, or name another in the configuration: {shown}{more}"
    )
}

/// The time to the first token, and to the end.
async fn a_word(provider: Arc<dyn Provider>) -> Result<(Duration, Duration), ChatError> {
    let messages = vec![Message::new(Role::User, "Reply with the single word: ready")];
    let asked = Instant::now();
    // Models that reason first need room for it.
    let mut chunks =
        provider.chat_stream(Arc::new(Prompt { messages, tools: Vec::new(), max_reply_tokens: 256, meter: None }));
    let mut first = None;
    while let Some(chunk) = chunks.next().await {
        if matches!(chunk?, ReplyChunk::Text(_) | ReplyChunk::Reasoning) {
            first.get_or_insert_with(|| asked.elapsed());
        }
    }
    let whole = asked.elapsed();
    Ok((first.unwrap_or(whole), whole))
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn show(mark: &str, what: &str, words: &str) -> std::io::Result<()> {
    print_line!("{mark}  {what:<8} {words}")
}
