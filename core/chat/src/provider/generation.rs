//! One reply: asking, asking once more where that may help, and the time limits.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipit_core::chat::dialect::{DecodeError, ReplyChunk, ReplyDecoder};
use reqwest::Response;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::http::HttpProvider;
use super::meter::Count;
use super::{Prompt, response};
use crate::error::{ChatError, Wait};

/// What a server that restarts, or a model that is being loaded, is given before it is asked again.
const BEFORE_ASKING_AGAIN: Duration = Duration::from_millis(300);

/// The longest reply, in bytes: days of speech. A server that goes on beyond it does not know how to end.
const LONGEST_REPLY: usize = 4 << 20;

const NO_TEXT: &str = "the reply has no text";

/// A reply in the making.
pub(super) struct Generation {
    provider: Arc<HttpProvider>,
    prompt: Arc<Prompt>,
    open: Option<OpenReply>,
    /// Of the request that was sent last, what went there and back.
    count: Option<Count>,
    /// Until when the next sign of life must have come.
    deadline: Option<Instant>,
    /// Whether the server has begun to reply; from then on it is not asked again.
    begun: bool,
    /// Something has been said, or is to be done.
    answered: bool,
    ended: bool,
    /// How much has been said, in bytes.
    length: usize,
    asked_again: bool,
    /// There was nothing in the server's stream. It may have begun before it looked at the request, and could not say any more
    /// what is wrong with it, so the reply is wanted in one piece.
    whole: bool,
}

struct OpenReply {
    response: Response,
    decoder: ReplyDecoder,
    chunks: VecDeque<ReplyChunk>,
    /// What the decoder ran into after `chunks`.
    failure: Option<DecodeError>,
    over: bool,
    /// No byte has come.
    empty: bool,
}

impl Generation {
    pub(super) fn new(provider: Arc<HttpProvider>, prompt: Arc<Prompt>) -> Self {
        Generation {
            provider,
            prompt,
            open: None,
            count: None,
            deadline: None,
            begun: false,
            answered: false,
            ended: false,
            length: 0,
            asked_again: false,
            whole: false,
        }
    }

    /// The next part of the reply; `None` after its end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<ReplyChunk>, ChatError> {
        while !self.ended {
            match self.advance().await {
                Ok(Some(chunk)) => return self.pass_on(chunk).map(Some),
                Ok(None) => {}
                Err(error) => self.ask_again_after(error).await?,
            }
        }
        Ok(None)
    }

    fn pass_on(&mut self, chunk: ReplyChunk) -> Result<ReplyChunk, ChatError> {
        match &chunk {
            ReplyChunk::Text(text) => {
                self.answered = true;
                self.length += text.len();
                if self.length > LONGEST_REPLY {
                    return Err(self.malformed("the reply does not end"));
                }
            }
            ReplyChunk::ToolCall(_) => self.answered = true,
            ReplyChunk::Reasoning | ReplyChunk::Usage(_) => {}
            ReplyChunk::End(reason) => {
                debug!(?reason, "the reply is complete");
                self.ended = true;
                if !self.answered {
                    return Err(self.malformed(NO_TEXT));
                }
            }
        }
        Ok(chunk)
    }

    /// Opens the reply, or takes the next chunk; `None` if neither was there yet.
    async fn advance(&mut self) -> Result<Option<ReplyChunk>, ChatError> {
        let Some(open) = &mut self.open else {
            self.open = self.ask().await?;
            return Ok(None);
        };
        if let Some(chunk) = open.chunks.pop_front() {
            self.begun |= !matches!(chunk, ReplyChunk::Usage(_) | ReplyChunk::End(_));
            if !self.begun && matches!(chunk, ReplyChunk::End(_)) {
                self.whole = true;
                return Err(self.malformed(NO_TEXT));
            }
            self.deadline = Some(Instant::now() + self.provider.limits.idle);
            return Ok(Some(chunk));
        }
        self.whole = open.over && open.empty;
        if let Some(failure) = open.failure.take() {
            return Err(response::decode_failure(&self.provider, failure));
        }
        if open.over {
            return Err(ChatError::Cut { provider: self.provider.name(), detail: None });
        }
        let deadline = self.deadline.unwrap_or_else(Instant::now);
        match timeout_at(deadline, open.response.chunk()).await {
            Ok(Ok(bytes)) => {
                if let (Some(count), Some(bytes)) = (&mut self.count, &bytes) {
                    count.received(bytes.len() as u64);
                }
                open.decode(bytes.as_deref());
                // Bytes that come without end and say nothing are no sign of life.
                if open.says_nothing() && Instant::now() >= deadline && !open.is_complete() {
                    return Err(self.timed_out());
                }
            }
            // A reply that has said why it ends is complete, whatever then becomes of the connection.
            Ok(Err(_)) | Err(_) if open.is_complete() => {}
            Ok(Err(error)) => return Err(response::broken(&self.provider, error)),
            Err(_) => return Err(self.timed_out()),
        }
        Ok(None)
    }

    /// Sends the request; `None` if it must be sent once more without something that the server does not know.
    async fn ask(&mut self) -> Result<Option<OpenReply>, ChatError> {
        let first_token = self.provider.limits.first_token;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + first_token);
        let provider = Arc::clone(&self.provider);
        let (client, request) = provider.chat_request(&self.prompt, self.whole).build_split();
        let request = request.map_err(|error| response::not_sent(&provider, error))?;
        self.count = provider.count(self.prompt.meter.as_ref(), &request);
        let response = match self.within(deadline, client.execute(request)).await? {
            Ok(response) => response,
            Err(error) => {
                if let Some(count) = self.count.as_mut().filter(|_| error.is_connect()) {
                    count.nothing_was_sent();
                }
                return Err(response::not_sent(&provider, error));
            }
        };
        if let Some(count) = &mut self.count {
            count.received_head(&response);
        }
        if response.status().is_success() {
            return Ok(Some(OpenReply::new(response, provider.dialect.decoder())));
        }
        let (error, kind) = response::refusal(&provider, response, deadline, self.count.as_mut()).await;
        if provider.do_without(kind) {
            debug!(?kind, "asking again without what the server does not know");
            return Ok(None);
        }
        Err(error)
    }

    async fn within<T>(&self, deadline: Instant, work: impl Future<Output = T>) -> Result<T, ChatError> {
        timeout_at(deadline, work).await.map_err(|_| self.timed_out())
    }

    /// Gives `error` back unless asking again may help and nothing of a reply has come.
    async fn ask_again_after(&mut self, error: ChatError) -> Result<(), ChatError> {
        let may_pass = self.whole || matches!(error, ChatError::Unavailable { .. } | ChatError::Cut { .. });
        let time_left = self.deadline.is_some_and(|deadline| deadline > Instant::now() + BEFORE_ASKING_AGAIN);
        if self.begun || self.asked_again || !may_pass || !time_left {
            return Err(error);
        }
        debug!("asking again after: {error}");
        self.asked_again = true;
        self.open = None;
        sleep(BEFORE_ASKING_AGAIN).await;
        Ok(())
    }

    fn timed_out(&self) -> ChatError {
        let limits = self.provider.limits;
        let (wait, limit) =
            if self.begun { (Wait::NextToken, limits.idle) } else { (Wait::FirstToken, limits.first_token) };
        ChatError::TimedOut { provider: self.provider.name(), wait, limit }
    }

    fn malformed(&self, detail: &str) -> ChatError {
        ChatError::Malformed { provider: self.provider.name(), detail: detail.to_owned() }
    }
}

impl OpenReply {
    fn new(response: Response, decoder: ReplyDecoder) -> Self {
        OpenReply { response, decoder, chunks: VecDeque::new(), failure: None, over: false, empty: true }
    }

    /// Whether nothing is left to be passed on, and more may come.
    fn says_nothing(&self) -> bool {
        self.chunks.is_empty() && self.failure.is_none() && !self.over
    }

    /// Whether the reply may end here; then its end is in `chunks`.
    fn is_complete(&mut self) -> bool {
        self.decode(None);
        self.failure.take().is_none()
    }

    /// Takes the next bytes of the body, or its end.
    fn decode(&mut self, bytes: Option<&[u8]>) {
        let mut chunks = Vec::new();
        let outcome = match bytes {
            Some(bytes) => {
                self.empty &= bytes.is_empty();
                self.decoder.feed(bytes, &mut chunks)
            }
            None => {
                self.over = true;
                self.decoder.finish(&mut chunks)
            }
        };
        self.chunks.extend(chunks);
        self.failure = outcome.err();
    }
}
