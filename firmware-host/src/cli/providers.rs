//! `pipit providers`: which servers there are to ask, for language and for speech, and whether each answers. Of a server, only
//! name, model and tier are shown.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use pipit_chat::{ChatError, HttpProvider, Meter, Provider};
use pipit_core::chat::{Tier, is_listed};
use pipit_core::config::{Config, LlmServer, LlmSettings, SpeechService};
use pipit_store::Purpose;

use super::Options;
use crate::chat::{self, OpenStore};
use crate::ledger::Ledger;
use crate::providers::{a_word, absent};
use crate::services;

#[derive(Debug, Args)]
pub(super) struct Providers {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Name them in the order in which they are asked, the speech services last; nothing is sent anywhere
    List,
    /// Ask each that may be asked whether it is well, for its models, and for a word; have speech services listen and speak
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
        match self.action {
            Action::List => list(&config).map(|()| ExitCode::SUCCESS),
            Action::Test { name } => test(&config, name.as_deref()),
        }
    }
}

/// A server as it is shown.
struct Listed<'a> {
    name: &'a str,
    model: &'a str,
    tier: Tier,
    key: &'static str,
    allowed: bool,
}

fn list(config: &Config) -> anyhow::Result<()> {
    // Only an API key that is kept in it needs the store.
    let store: OpenStore<'_> = &|| chat::store(config);
    let mut listed = Vec::new();
    match &config.llm {
        Some(llm) => listed.extend(llm.servers.iter().map(|server| {
            let key = key(server.api_key.is_some(), || chat::provider(llm, server, store).is_ok());
            Listed { name: &server.name, model: &server.model, tier: server.tier, key, allowed: llm.allows(server) }
        })),
        None => print_line!(
            "There is no language model: only the built-in sentences are answered. Name a provider in chat.provider."
        )?,
    }
    listed.extend(services::named(config).map(|(_, service)| {
        let key = key(service.api_key.is_some(), || services::key(config, service).is_ok());
        let SpeechService { name, model, tier, .. } = service;
        Listed { name, model, tier: *tier, key, allowed: config.allows(service) }
    }));
    let width = |of: fn(&Listed<'_>) -> usize| listed.iter().map(of).max().unwrap_or(0);
    let (names, models) = (width(|one| one.name.chars().count()), width(|one| one.model.chars().count()));
    for Listed { name, model, tier, key, allowed } in &listed {
        let never = if *allowed { "" } else { ", never asked (chat.privacy)" };
        print_line!("{name:<names$}  {model:<models$}  {:<16}  {key}{never}", tier.name())?;
    }
    Ok(())
}

fn key(wanted: bool, is_there: impl FnOnce() -> bool) -> &'static str {
    match wanted {
        false => "needs no key",
        true if is_there() => "key is there",
        true => "KEY IS MISSING",
    }
}

/// Tries those of this name, or all, one after the other; successful if each is well.
fn test(config: &Config, name: Option<&str>) -> anyhow::Result<ExitCode> {
    let is_meant = |one: &str| name.is_none_or(|name| one.eq_ignore_ascii_case(name));
    let servers: Vec<_> =
        config.llm.iter().flat_map(|llm| llm.servers.iter().map(move |server| (llm, server))).collect();
    let spoken: Vec<_> = services::named(config).collect();
    let names =
        || servers.iter().map(|(_, server)| &*server.name).chain(spoken.iter().map(|(_, service)| service.name));
    anyhow::ensure!(
        names().next().is_some(),
        "there is no provider; name one in chat.provider, or a speech service in stt.engine or tts.engine"
    );
    let known = || names().collect::<Vec<_>>().join(", ");
    anyhow::ensure!(
        names().any(is_meant),
        "there is no provider {:?}; there are {}",
        name.unwrap_or_default(),
        known()
    );
    let meter = meter(config);
    let mut well = true;
    let runtime = super::async_runtime()?;
    for (llm, server) in servers.iter().filter(|(_, server)| is_meant(&server.name)) {
        well &= runtime.block_on(test_server(config, llm, server, meter.as_ref()))?;
    }
    for (purpose, service) in spoken.into_iter().filter(|(_, service)| is_meant(service.name)) {
        well &= test_service(config, purpose, service)?;
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What counts what the tests send.
fn meter(config: &Config) -> Option<Meter> {
    let store = chat::store(config).and_then(|store| chat::speakers(config, &store));
    let store = store.inspect_err(|error| tracing::warn!("what is sent here is missing from the ledger: {error:#}"));
    Some(Meter::new(store.ok()?, Arc::new(jiff::Zoned::now), Purpose::Test))
}

async fn test_server(
    config: &Config,
    llm: &LlmSettings,
    server: &LlmServer,
    meter: Option<&Meter>,
) -> anyhow::Result<bool> {
    let LlmServer { name, model, tier, .. } = server;
    print_line!("{name} ({model}, {tier})")?;
    if !llm.allows(server) {
        show("note", "privacy", &format!("never asked, because chat.privacy is \"{}\"", llm.privacy))?;
        return Ok(true);
    }
    let settings = chat::provider(llm, server, &|| chat::store(config));
    match settings.and_then(|settings| Ok(HttpProvider::new(&settings)?)) {
        Ok(provider) => try_out(Arc::new(provider.counted_by(meter.cloned())), meter).await,
        Err(error) => {
            show("BAD ", "key", &format!("{error:#}"))?;
            Ok(false)
        }
    }
}

/// Has a speech service do what it is there for, without what stands by for it.
fn test_service(config: &Config, purpose: Purpose, service: &SpeechService) -> anyhow::Result<bool> {
    print_line!("{service}")?;
    if !config.allows(service) {
        show("note", "privacy", &format!("never asked, because chat.privacy is \"{}\"", config.widest))?;
        return Ok(true);
    }
    let what = if purpose == Purpose::Speech { "speech" } else { "hearing" };
    match services::try_out(config, purpose, service, &Ledger::of_command(config)) {
        Ok(took) => show("ok  ", what, &format!("answers within {}", milliseconds(took))).map(|()| Ok(true))?,
        Err(error) => show("BAD ", what, &format!("{error:#}")).map(|()| Ok(false))?,
    }
}

/// Asks for health, models and a word, and says what came of each. What has no answer at all is asked no more.
async fn try_out(provider: Arc<dyn Provider>, meter: Option<&Meter>) -> anyhow::Result<bool> {
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
    let answers = match a_word(Arc::clone(&provider), meter.cloned()).await {
        Ok((first, whole)) => {
            let figures = format!("first token after {}, all of it after {}", milliseconds(first), milliseconds(whole));
            show("ok  ", "chat", &figures).map(|()| true)?
        }
        Err(error) => show("BAD ", "chat", &error.to_string()).map(|()| false)?,
    };
    Ok(has_model && answers)
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn show(mark: &str, what: &str, words: &str) -> std::io::Result<()> {
    print_line!("{mark}  {what:<8} {words}")
}
