//! The engine: prepare, stream, perform, finalise. Until something is performed nothing has changed, so that a turn can
//! be given up at any point before.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use jiff::Zoned;
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{self, Door, Exchange, ReplyCheck, Topic, TopicGuard, newest_that_fit, prompt, with_facts};
use pipit_core::intent::{Catalogue, answer_from_facts};
use pipit_store::Store;
use tracing::{debug, trace, warn};

use crate::error::ChatError;
use crate::offline;
use crate::provider::{Chain, FromChain, HttpProvider, Meter, Prompt, Provider};
use crate::reply::{Deed, DeviceAction, FinishedTurn, Reply, ReplyEvent};
use crate::settings::EngineSettings;

/// How many exchanges are read from the store for a prompt, before the budget in tokens is applied.
const RECENT_EXCHANGES: usize = 400;

/// The local time. Tests give their own.
pub type Clock = Arc<dyn Fn() -> Zoned + Send + Sync>;

/// Something that a person wants.
#[derive(Clone, Debug)]
pub struct Request {
    /// What was said or typed.
    pub text: String,
    /// Where.
    pub door: Door,
}

/// Answers requests and remembers what was heard of the answers. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    settings: EngineSettings,
    chain: Option<Arc<Chain>>,
    catalogue: Catalogue,
    store: Store,
    clock: Clock,
    memory: Mutex<Memory>,
}

/// What the store does not keep.
#[derive(Default)]
struct Memory {
    /// The exchanges in the last prompt, so that the next one begins with the same.
    in_prompt: Vec<Exchange>,
    /// The last exchange, with its whole reply.
    last: Option<LastReply>,
}

struct LastReply {
    exchange: Exchange,
    whole: String,
}

/// How a request will be answered.
enum Prepared {
    Offline(Vec<ReplyEvent>),
    Ask(Arc<Chain>, Prompt),
}

impl Engine {
    /// Makes an engine that remembers in `store` and takes the time from `clock`.
    ///
    /// # Errors
    /// [`ChatError::Settings`] if the language model's settings can't be used.
    pub fn new(settings: EngineSettings, store: Store, clock: Clock) -> Result<Engine, ChatError> {
        let meter = Meter::new(store.clone(), Arc::clone(&clock));
        let provider =
            |settings| Ok(Arc::new(HttpProvider::new(settings)?.with_meter(meter.clone())) as Arc<dyn Provider>);
        let providers = settings.providers.iter().map(provider).collect::<Result<Vec<_>, ChatError>>()?;
        let chain = Chain::new(providers).map(Arc::new);
        let (catalogue, memory) = (Catalogue::english(), Mutex::default());
        Ok(Engine { shared: Arc::new(Shared { settings, chain, catalogue, store, clock, memory }) })
    }

    /// Answers `request`, once the reply is polled. Nothing is changed by it: what it asks for comes as a [`Deed`]. Needs a tokio runtime then.
    #[must_use]
    pub fn respond(&self, request: Request) -> Reply {
        let now = self.now();
        let at = now.timestamp();
        let (engine, asked, door) = (self.clone(), request.text.clone(), request.door);
        let topic = self.shared.settings.topic.clone();
        let events =
            stream::once(blocking(move || engine.prepare(&request.text, &now))).flat_map(
                move |prepared| match prepared {
                    Ok(Prepared::Offline(events)) => stream::iter(events).map(Ok).boxed(),
                    Ok(Prepared::Ask(chain, prompt)) => {
                        let understood = stream::iter([Ok(ReplyEvent::Understood { intent: None, deed: None })]);
                        let spoken = |part| std::future::ready(Ok(event(part)));
                        let answer = chain.reply(prompt).try_filter_map(spoken);
                        let answer = match topic.clone() {
                            Some(topic) => kept_to(topic, answer).boxed(),
                            None => answer.boxed(),
                        };
                        understood.chain(answer).boxed()
                    }
                    Err(error) => stream::iter([Err(error)]).boxed(),
                },
            );
        Reply::new(asked, door, at, events.boxed())
    }

    /// Does what a request asked for. What is left for the device to do comes back.
    ///
    /// # Errors
    /// The store can't be written. What had been done by then stays done.
    pub async fn perform(&self, deed: Deed) -> Result<Vec<DeviceAction>, ChatError> {
        let engine = self.clone();
        blocking(move || Ok(offline::perform(deed, engine.store())?)).await
    }

    /// Remembers a turn, with `heard` for its reply: the part that was played, or shown.
    ///
    /// A turn of which nothing was heard leaves the history as it was, and so does one that failed: a question without
    /// an answer would make the language model answer it the next time.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn finish(&self, finished: FinishedTurn, heard: &str) -> Result<(), ChatError> {
        let heard = heard.trim();
        if finished.failed || heard.is_empty() {
            return Ok(());
        }
        let FinishedTurn { asked, door, at, reply, .. } = finished;
        let exchange = Exchange { asked, heard: heard.to_owned() };
        let engine = self.clone();
        blocking(move || {
            engine.store().add_exchange(door, at, &exchange)?;
            engine.with_memory(|memory| memory.last = Some(LastReply { exchange, whole: reply }));
            Ok(())
        })
        .await
    }

    /// The volume in percent: the one that was set last, or else the settings' own.
    #[must_use]
    pub fn volume(&self) -> u8 {
        let default = self.shared.settings.volume;
        match self.store().volume() {
            Ok(volume) => volume.unwrap_or(default),
            Err(error) => {
                warn!("the volume is not known, so it is {default} percent: {error}");
                default
            }
        }
    }

    pub(crate) fn now(&self) -> Zoned {
        (self.shared.clock)()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    fn prepare(&self, request: &str, now: &Zoned) -> Result<Prepared, ChatError> {
        trace!(request, "asked");
        let saying = |intent, deed, text: &str| {
            let text = (!text.is_empty()).then(|| ReplyEvent::Text(text.to_owned()));
            Ok(Prepared::Offline([ReplyEvent::Understood { intent, deed }].into_iter().chain(text).collect()))
        };
        if request.trim().is_empty() {
            return saying(None, None, offline::NOTHING_ASKED);
        }
        if let Some(intent) = self.shared.catalogue.recognise(request) {
            debug!(intent = intent.name(), "answered offline");
            let last_reply = self.last_reply()?;
            let volume = self.shared.settings.volume;
            let (reply, deed) = offline::answer(&intent, self.store(), now, last_reply.as_deref(), volume)?;
            return saying(Some(intent.name()), deed, &reply);
        }
        match &self.shared.chain {
            Some(_) if self.lies_elsewhere(request) => {
                debug!("refused, because it is not of the persona's subject");
                saying(None, None, self.shared.settings.topic.as_ref().map_or("", TopicGuard::refusal))
            }
            Some(chain) => Ok(Prepared::Ask(Arc::clone(chain), self.prompt(request, now)?)),
            None => {
                let remembered = answer_from_facts(request, &self.store().facts()?);
                saying(None, None, remembered.as_deref().unwrap_or(offline::NOT_UNDERSTOOD))
            }
        }
    }

    fn lies_elsewhere(&self, request: &str) -> bool {
        self.shared.settings.topic.as_ref().is_some_and(|topic| topic.judge(request) == Topic::Elsewhere)
    }

    fn prompt(&self, request: &str, now: &Zoned) -> Result<Prompt, ChatError> {
        let settings = &self.shared.settings;
        let recent = self.store().recent_exchanges(RECENT_EXCHANGES)?;
        let budget = usize::try_from(settings.history_tokens).unwrap_or(usize::MAX);
        let kept = self.with_memory(|memory| {
            let kept = newest_that_fit(since(&memory.in_prompt, &recent), budget);
            memory.in_prompt = kept.to_vec();
            kept
        });
        let facts: Vec<String> = self.store().facts()?.into_iter().map(|fact| fact.text).collect();
        let system_prompt = with_facts(&settings.system_prompt, &facts);
        let messages = prompt(&system_prompt, kept, request, chat::Clock(now.datetime()));
        Ok(Prompt { messages, max_reply_tokens: settings.max_reply_tokens })
    }

    /// The last reply: whole if it was given by this engine, else what was heard of it, which is all that is kept.
    fn last_reply(&self) -> Result<Option<String>, ChatError> {
        let newest = self.store().recent_exchanges(1)?.pop();
        Ok(newest.map(|newest| {
            self.with_memory(|memory| match &memory.last {
                Some(last) if last.exchange == newest => last.whole.clone(),
                _ => newest.heard,
            })
        }))
    }

    fn with_memory<T>(&self, use_it: impl FnOnce(&mut Memory) -> T) -> T {
        // Every change is one assignment, so a panic elsewhere cannot have left it half done.
        use_it(&mut self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("providers", &self.shared.settings.providers).finish_non_exhaustive()
    }
}

/// What of a provider's answer is for whoever asked. No tools are offered, so what a model wants of them is nothing to hear.
fn event(part: FromChain) -> Option<ReplyEvent> {
    match part {
        FromChain::AnsweredBy(provider) => {
            debug!("{provider} answers");
            Some(ReplyEvent::AnsweredBy(provider))
        }
        FromChain::Chunk(ReplyChunk::Text(text)) => Some(ReplyEvent::Text(text)),
        FromChain::Chunk(_) => None,
    }
}

/// The reply, sentence by sentence, as long as it keeps to the subject.
fn kept_to(
    topic: TopicGuard,
    reply: impl Stream<Item = Result<ReplyEvent, ChatError>> + Send,
) -> impl Stream<Item = Result<ReplyEvent, ChatError>> + Send {
    let begun = (Box::pin(reply), Some(ReplyCheck::new(topic)));
    let sentences = stream::try_unfold(begun, |(mut reply, check)| async move {
        let Some(mut check) = check.filter(|check| !check.is_over()) else { return Ok(None) };
        Ok(match reply.try_next().await? {
            Some(ReplyEvent::Text(more)) => Some((ReplyEvent::Text(check.push(&more)), (reply, Some(check)))),
            Some(other) => Some((other, (reply, Some(check)))),
            None => Some((ReplyEvent::Text(check.finish()), (reply, None))),
        })
    });
    sentences.try_filter(|event| std::future::ready(!matches!(event, ReplyEvent::Text(text) if text.is_empty())))
}

/// The part of `recent` that begins where `before` began, so that prompts grow at the end and the server's prompt cache
/// hits; all of it if that place is not to be found.
fn since<'a>(before: &[Exchange], recent: &'a [Exchange]) -> &'a [Exchange] {
    if before.is_empty() {
        return recent;
    }
    let end = (before.len()..=recent.len()).rev().find(|end| recent[..*end].ends_with(before));
    &recent[end.map_or(0, |end| end - before.len())..]
}

/// Runs what waits for the disk where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ChatError> + Send + 'static,
) -> Result<T, ChatError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ChatError::Stopping),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchanges(names: &str) -> Vec<Exchange> {
        names.chars().map(|name| Exchange { asked: name.into(), heard: name.into() }).collect()
    }

    #[test]
    fn a_prompt_goes_on_from_where_the_last_began() {
        for (before, recent, kept) in [
            ("", "abc", "abc"),
            ("cd", "abcd", "cd"),
            ("cd", "abcde", "cde"),
            ("cd", "cdxy", "cdxy"),
            ("cd", "xy", "xy"),
            ("aa", "aaab", "aab"),
        ] {
            assert_eq!(since(&exchanges(before), &exchanges(recent)), exchanges(kept), "{before} in {recent}");
        }
    }
}
