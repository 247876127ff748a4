//! The language models and speech services as the panel shows and tries them. Of a server, only name, model and tier are told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use pipit_chat::{ChatError, Engine, HttpProvider, Meter, Prompt, Provider, ProviderReport};
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Message, Role, Tier, is_listed};
use pipit_core::config::{Config, LlmServer, LlmSettings};
use pipit_store::{Purpose, Store};
use pipit_web::providers::{Key, Listed, Providers, Seen, Use};
use pipit_web::{Outcome, Progress};
use serde_json::json;
use tokio::runtime::Handle;

use crate::ledger::Ledger;
use crate::settings::Layering;
use crate::{chat, services};

/// How many of a server's models are named where the configured one is not among them.
const MODELS_SHOWN: usize = 8;

/// How soon a test notices that nobody waits for it any more.
const LOOK: Duration = Duration::from_millis(100);

/// Those of a daemon that was started with `config`. What is listed and tried is what holds after the next start, so that it can
/// be tried before that.
pub struct DaemonsProviders {
    layering: Layering,
    at_start: Config,
    store: Store,
    /// In whose ledger tests are written.
    speakers: Store,
    engine: Engine,
    runtime: Handle,
    /// What came of the last test of each, by [`place`].
    tested: Mutex<HashMap<String, Seen>>,
}

impl DaemonsProviders {
    /// Needs a tokio runtime.
    pub fn new(layering: Layering, config: &Config, (store, speakers): (Store, Store), engine: Engine) -> Self {
        let (at_start, runtime, tested) = (config.clone(), Handle::current(), Mutex::default());
        DaemonsProviders { layering, at_start, store, speakers, engine, runtime, tested }
    }

    fn config(&self) -> anyhow::Result<Config> {
        Ok(self.layering.load()?.config)
    }

    fn key(wanted: bool, is_there: impl FnOnce() -> bool) -> Key {
        match wanted {
            false => Key::Unneeded,
            true if is_there() => Key::There,
            true => Key::Missing,
        }
    }

    fn all(&self) -> anyhow::Result<Vec<Listed>> {
        let config = self.config()?;
        let open = || Ok(self.store.clone());
        let reports = self.engine.reports();
        let mut all = Vec::new();
        for (llm, server) in config.llm.iter().flat_map(|llm| llm.servers.iter().map(move |server| (llm, server))) {
            let in_use = self.at_start.llm.as_ref().is_some_and(|llm| llm.servers.contains(server));
            let report = reports.iter().find(|report| in_use && report.identity.name == server.name);
            all.push(Listed {
                name: server.name.clone(),
                model: server.model.clone(),
                tier: server.tier,
                used_for: Use::Answers,
                key: Self::key(server.api_key.is_some(), || chat::provider(llm, server, &open).is_ok()),
                allowed: llm.allows(server),
                in_use,
                rests: report.is_some_and(|report| report.rests),
                seen: self.seen(&place(&server.name, &server.base_url, &server.model), report),
            });
        }
        let at_start: Vec<_> = services::named(&self.at_start).collect();
        for (purpose, service) in services::named(&config) {
            let key = || service.api_key.as_ref().is_none_or(|key| chat::secret(service.name, key, &open).is_ok());
            all.push(Listed {
                name: service.name.to_owned(),
                model: service.model.clone(),
                tier: service.tier,
                used_for: if purpose == Purpose::Speech { Use::Speaking } else { Use::Hearing },
                key: Self::key(service.api_key.is_some(), key),
                allowed: config.allows(service),
                in_use: at_start.contains(&(purpose, service)),
                rests: false,
                seen: self.seen(&place(service.name, &service.base_url, &service.model), None),
            });
        }
        Ok(all)
    }

    /// What is known last of one, from a test or from what was asked.
    fn seen(&self, place: &str, report: Option<&ProviderReport>) -> Option<Seen> {
        let tested = self.tested.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        let now = Timestamp::now();
        let ago = |ago: Duration| now - SignedDuration::try_from(ago).unwrap_or_default();
        let asked = report.into_iter().flat_map(|report| {
            let answered = report.answered.map(|(at, took)| Seen { at: ago(at), came: Ok(took), by_test: false });
            let failed = report.failed.clone().map(|(at, why)| Seen { at: ago(at), came: Err(why), by_test: false });
            [answered, failed]
        });
        asked.flatten().chain(tested).max_by_key(|seen| seen.at)
    }

    fn try_out(&self, config: &Config, name: &str, progress: &Progress) -> anyhow::Result<(Duration, Duration)> {
        let widest = self.engine.widest();
        let may_be_asked = |allowed: bool, tier: Tier| {
            anyhow::ensure!(allowed, "it is never asked, because chat.privacy is \"{}\"", config.widest);
            anyhow::ensure!(tier <= widest, "it is not asked, because nothing may go farther than \"{widest}\" now");
            Ok(())
        };
        let server = |llm: &LlmSettings| llm.servers.iter().find(|server| server.name == name).cloned();
        if let Some((llm, server)) = config.llm.as_ref().and_then(|llm| Some((llm, server(llm)?))) {
            may_be_asked(llm.allows(&server), server.tier)?;
            return self.runtime.block_on(self.try_server(llm, &server, progress));
        }
        let named = services::named(config).find(|(_, service)| service.name == name);
        let (purpose, service) = named.context("there is no such provider any more")?;
        may_be_asked(config.allows(service), service.tier)?;
        progress.say(if purpose == Purpose::Speech { "It is asked to speak." } else { "It is asked to listen." });
        let (ledger, cancelled) = (Ledger::of(self.speakers.clone()), Arc::clone(progress.cancelled()).into());
        let took = services::try_out_until(config, (purpose, service), &ledger, &cancelled)?;
        Ok((took, took))
    }

    async fn try_server(
        &self,
        llm: &LlmSettings,
        server: &LlmServer,
        progress: &Progress,
    ) -> anyhow::Result<(Duration, Duration)> {
        let settings = chat::provider(llm, server, &|| Ok(self.store.clone()))?;
        let meter = Some(Meter::new(self.speakers.clone(), Arc::new(jiff::Zoned::now), Purpose::Test));
        let provider: Arc<dyn Provider> = Arc::new(HttpProvider::new(&settings)?.counted_by(meter.clone()));
        let asking = async {
            progress.say("Is it there?");
            provider.health().await?;
            progress.say("Does it have the model?");
            match provider.list_models().await {
                Ok(listed) if !is_listed(&server.model, &listed) => anyhow::bail!(absent(&server.model, &listed)),
                // Some keep no list of their models.
                Ok(_) | Err(ChatError::Rejected { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            progress.say("It is asked for a word.");
            Ok(a_word(Arc::clone(&provider), meter).await?)
        };
        tokio::select! {
            came = asking => came,
            () = unwanted(progress.cancelled()) => anyhow::bail!("nobody waited for it any more"),
        }
    }
}

impl Providers for DaemonsProviders {
    fn list(&self) -> Result<Vec<Listed>, String> {
        self.all().map_err(|error| format!("{error:#}"))
    }

    fn test(&self, name: &str, progress: &Progress) -> Result<Outcome, String> {
        let config = self.config().map_err(|error| format!("{error:#}"))?;
        let came = self.try_out(&config, name, progress).map_err(|error| format!("{error:#}"));
        if !progress.is_cancelled() {
            let seen = Seen { at: Timestamp::now(), came: came.clone().map(|(first, _)| first), by_test: true };
            let mut tested = self.tested.lock().unwrap_or_else(PoisonError::into_inner);
            places(&config)
                .filter(|(of, _)| *of == name)
                .for_each(|(_, place)| drop(tested.insert(place, seen.clone())));
        }
        let (first, whole) = came?;
        let (first, whole) = (first.as_millis(), whole.as_millis());
        let message = if first == whole {
            format!("It is well: it answered within {whole} ms.")
        } else {
            format!("It is well: its first word came after {first} ms, and all of it after {whole} ms.")
        };
        Ok(Outcome { message, result: Some(json!({"first_ms": first as u64, "whole_ms": whole as u64})) })
    }
}

/// What a test is remembered by: another server by the same name is another one.
fn place(name: &str, base_url: &str, model: &str) -> String {
    format!("{name} {base_url} {model}")
}

/// The name of each and what its tests are remembered by.
fn places(config: &Config) -> impl Iterator<Item = (&str, String)> {
    let servers = config.llm.iter().flat_map(|llm| &llm.servers);
    let servers = servers.map(|one| (one.name.as_str(), place(&one.name, &one.base_url, &one.model)));
    servers.chain(services::named(config).map(|(_, one)| (one.name, place(one.name, &one.base_url, &one.model))))
}

async fn unwanted(cancelled: &AtomicBool) {
    let mut look = tokio::time::interval(LOOK);
    while !cancelled.load(Ordering::Relaxed) {
        look.tick().await;
    }
}

/// What to say of a model that a server has not among those that it lists.
pub(crate) fn absent(model: &str, listed: &[String]) -> String {
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
pub(crate) async fn a_word(
    provider: Arc<dyn Provider>,
    meter: Option<Meter>,
) -> Result<(Duration, Duration), ChatError> {
    let messages = vec![Message::new(Role::User, "Reply with the single word: ready")];
    let asked = Instant::now();
    // Models that reason first need room for it.
    let mut chunks =
        provider.chat_stream(Arc::new(Prompt { messages, tools: Vec::new(), max_reply_tokens: 256, meter }));
    let mut first = None;
    while let Some(chunk) = chunks.next().await {
        if matches!(chunk?, ReplyChunk::Text(_) | ReplyChunk::Reasoning) {
            first.get_or_insert_with(|| asked.elapsed());
        }
    }
    let whole = asked.elapsed();
    Ok((first.unwrap_or(whole), whole))
}
