//! The providers in order of preference: who is asked, and who next where that one cannot answer. Which of them is left alone
//! for now is what [`Breaker`] says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Breaker, BreakerSettings, Tier, Verdict};
use pipit_core::time::Moment;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Prompt, Provider, ProviderIdentity};
use crate::error::ChatError;

/// All providers. Never empty.
pub(crate) struct Chain {
    links: Vec<Link>,
    started: Instant,
}

struct Link {
    provider: Arc<dyn Provider>,
    breaker: Mutex<Breaker>,
    seen: Mutex<Seen>,
}

/// What came of asking a provider last. The moments are of [`Chain::now`].
#[derive(Clone, Default)]
struct Seen {
    answered: Option<(Moment, Duration)>,
    failed: Option<(Moment, String)>,
}

/// How a provider did, since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderReport {
    /// Which.
    pub identity: ProviderIdentity,
    /// How long ago it last began an answer, and how long that took from the request on.
    pub answered: Option<(Duration, Duration)>,
    /// How long ago it last failed, and how, in words that tell nobody's key or address.
    pub failed: Option<(Duration, String)>,
    /// Whether it is left alone for now.
    pub rests: bool,
}

/// What comes of asking.
#[derive(Debug)]
pub(crate) enum FromChain {
    /// This one begins to answer. Comes once, just before what it has to say.
    AnsweredBy(ProviderIdentity),
    Chunk(ReplyChunk),
}

impl Chain {
    /// `None` without a provider.
    pub(crate) fn new(providers: Vec<Arc<dyn Provider>>) -> Option<Chain> {
        let link = |provider| {
            let breaker = Mutex::new(Breaker::new(BreakerSettings::default()));
            Link { provider, breaker, seen: Mutex::default() }
        };
        let links: Vec<Link> = providers.into_iter().map(link).collect();
        (!links.is_empty()).then(|| Chain { links, started: Instant::now() })
    }

    /// Whether anybody is as near as `widest`.
    pub(crate) fn reaches(&self, widest: Tier) -> bool {
        self.links.iter().any(|link| link.provider.identity().tier <= widest)
    }

    /// How each did, in order of preference.
    pub(crate) fn reports(&self) -> Vec<ProviderReport> {
        let now = self.now();
        let report = |link: &Link| {
            let Seen { answered, failed } = link.seen(|seen| seen.clone());
            ProviderReport {
                identity: link.provider.identity().clone(),
                answered: answered.map(|(at, took)| (now.saturating_since(at), took)),
                failed: failed.map(|(at, why)| (now.saturating_since(at), why)),
                rests: link.breaker(|breaker| breaker.verdict(now)) != Verdict::Ask,
            }
        };
        self.links.iter().map(report).collect()
    }

    /// The reply of the first provider, no farther away than `widest`, that begins one. An error is the last item; of several,
    /// the most telling.
    pub(crate) fn reply(
        self: Arc<Self>,
        prompt: Prompt,
        widest: Tier,
    ) -> impl Stream<Item = Result<FromChain, ChatError>> + Send + use<> {
        let prompt = Arc::new(prompt);
        let asking = Asking { chain: self, prompt, widest, left: None, current: None, failures: Vec::new() };
        stream::try_unfold(asking, |mut asking| async move { Ok(asking.next().await?.map(|part| (part, asking))) })
    }

    /// Whom to ask, in this order.
    fn candidates(&self, widest: Tier) -> Result<VecDeque<usize>, ChatError> {
        let now = self.now();
        let near = |link: &Link| link.provider.identity().tier <= widest;
        let verdicts: Vec<Option<Verdict>> =
            self.links.iter().map(|link| near(link).then(|| link.breaker(|breaker| breaker.verdict(now)))).collect();
        let those =
            |verdict| (0..self.links.len()).filter(|place| verdicts[*place] == Some(verdict)).collect::<VecDeque<_>>();
        let well = those(Verdict::Ask);
        // Where everybody rests, somebody waits for an answer all the same.
        let willing = if well.is_empty() { those(Verdict::Resting) } else { well };
        if !willing.is_empty() {
            return Ok(willing);
        }
        let wishes = verdicts.iter().zip(&self.links).filter_map(|(verdict, link)| match verdict {
            Some(Verdict::Unwanted(wish)) => Some((*wish, link.name())),
            Some(Verdict::Ask | Verdict::Resting) | None => None,
        });
        let (wish, provider) = wishes.min_by_key(|(wish, _)| *wish).unwrap_or_default();
        let detail = "it has said so itself, and was not asked again".to_owned();
        Err(ChatError::RateLimited { provider, retry_after: Some(wish), detail })
    }

    fn now(&self) -> Moment {
        Moment::after_start(self.started.elapsed())
    }
}

impl Link {
    fn name(&self) -> String {
        self.provider.identity().name.clone()
    }

    fn breaker<T>(&self, use_it: impl FnOnce(&mut Breaker) -> T) -> T {
        // Each use is one call, so a panic elsewhere cannot have left it half done.
        use_it(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn seen<T>(&self, use_it: impl FnOnce(&mut Seen) -> T) -> T {
        use_it(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of a failure.
    fn failed(&self, error: &ChatError, now: Moment) {
        self.seen(|seen| seen.failed = Some((now, error.to_string())));
        let rest: Option<Duration> = self.breaker(|breaker| match error {
            ChatError::RateLimited { retry_after: Some(wish), .. } => Some(breaker.refused(now, *wish)),
            // The server is well; it is the conversation that does not fit.
            ChatError::ContextTooLong { .. } => {
                breaker.succeeded();
                None
            }
            ChatError::Settings(_) | ChatError::Store(_) | ChatError::Stopping => None,
            _ => breaker.failed(now),
        });
        if let Some(rest) = rest {
            info!("{} is left alone for {} s", self.name(), rest.as_secs());
        }
    }
}

/// One request on its way along the chain.
struct Asking {
    chain: Arc<Chain>,
    prompt: Arc<Prompt>,
    widest: Tier,
    /// Who may be asked yet; `None` before it is known.
    left: Option<VecDeque<usize>>,
    current: Option<Current>,
    failures: Vec<ChatError>,
}

struct Current {
    place: usize,
    chunks: BoxStream<'static, Result<ReplyChunk, ChatError>>,
    asked: Moment,
    /// What it says belongs to the reply, and nobody else is asked.
    begun: bool,
    /// The first part of the reply, while it is being announced whose it is.
    first: Option<ReplyChunk>,
}

impl Asking {
    async fn next(&mut self) -> Result<Option<FromChain>, ChatError> {
        loop {
            let Some(current) = &mut self.current else {
                self.ask_next()?;
                continue;
            };
            if let Some(first) = current.first.take() {
                return Ok(Some(FromChain::Chunk(first)));
            }
            match current.chunks.next().await {
                Some(Ok(chunk)) if is_answer(&chunk) && !std::mem::replace(&mut current.begun, true) => {
                    current.first = Some(chunk);
                    let link = &self.chain.links[current.place];
                    link.breaker(Breaker::succeeded);
                    let now = self.chain.now();
                    link.seen(|seen| seen.answered = Some((now, now.saturating_since(current.asked))));
                    return Ok(Some(FromChain::AnsweredBy(link.provider.identity().clone())));
                }
                Some(Ok(chunk)) => return Ok(Some(FromChain::Chunk(chunk))),
                Some(Err(error)) => self.give_up_current(error)?,
                None => return Ok(None),
            }
        }
    }

    /// Asks the next one; an error if there is nobody left.
    fn ask_next(&mut self) -> Result<(), ChatError> {
        if self.left.is_none() {
            self.left = Some(self.chain.candidates(self.widest)?);
        }
        let Some(place) = self.left.as_mut().and_then(VecDeque::pop_front) else {
            return Err(most_telling(std::mem::take(&mut self.failures)));
        };
        let link = &self.chain.links[place];
        if let Some(failure) = self.failures.last() {
            warn!("{failure}. {} is asked in its place", link.provider.identity());
        }
        let asked = self.chain.now();
        link.breaker(|breaker| breaker.asked(asked));
        let chunks = Arc::clone(&link.provider).chat_stream(Arc::clone(&self.prompt));
        self.current = Some(Current { place, chunks, asked, begun: false, first: None });
        Ok(())
    }

    /// Gives the error back if the reply has begun, or if nobody else would do better.
    fn give_up_current(&mut self, error: ChatError) -> Result<(), ChatError> {
        let Some(current) = self.current.take() else { return Err(error) };
        let link = &self.chain.links[current.place];
        link.failed(&error, self.chain.now());
        if current.begun {
            return Err(error);
        }
        if matches!(error, ChatError::ContextTooLong { .. }) {
            let model = |place: usize| &self.chain.links[place].provider.identity().model;
            if let Some(left) = &mut self.left {
                left.retain(|place| model(*place) != model(current.place));
            }
        }
        self.failures.push(error);
        Ok(())
    }
}

fn is_answer(chunk: &ReplyChunk) -> bool {
    matches!(chunk, ReplyChunk::Text(_) | ReplyChunk::ToolCall(_))
}

/// Of the same kind, the one of the provider that is preferred.
fn most_telling(failures: Vec<ChatError>) -> ChatError {
    let first_of_most = |best: ChatError, next: ChatError| if next.tells() > best.tells() { next } else { best };
    failures.into_iter().reduce(first_of_most).unwrap_or(ChatError::Stopping)
}
