//! A language model's answer to one request: its text as it comes, and in between the tools that it wants used.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use futures_util::stream::{self, BoxStream, Stream};
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Door, Message, ToolCall, Usage, estimated_prompt_tokens};
use tokio::sync::watch;
use tracing::debug;

use crate::cast::Character;
use crate::engine::{Engine, blocking, lock};
use crate::error::ChatError;
use crate::provider::{Chain, FromChain, Prompt};
use crate::reply::{Counted, ReplyEvent};
use crate::tools::{ToolBox, Turn, Used};

/// How often a model may want tools before it must answer.
const MOST_ROUNDS: usize = 6;

/// How often a prompt that was too long is made shorter.
const MOST_CUTS: usize = 3;

/// What is asked, of whom, and with what a model may answer.
pub(crate) struct Question {
    pub(crate) chain: Arc<Chain>,
    pub(crate) prompt: Prompt,
    /// By what the ledger knows the turn.
    pub(crate) turn: Option<i64>,
    pub(crate) tools: ToolBox,
    /// Who answers.
    pub(crate) character: Arc<Character>,
    /// Through which door it was asked.
    pub(crate) door: Door,
    /// A reply is given again, for which whatever was to be done has been.
    pub(crate) again: bool,
    /// Makes the prompt anew, with as much history as the budget now allows.
    pub(crate) shorter: Arc<dyn Fn() -> Result<Prompt, ChatError> + Send + Sync>,
}

/// An answer on its way.
pub(crate) struct Answering {
    engine: Engine,
    question: Question,
    permitted: watch::Receiver<bool>,
    counted: Arc<Mutex<Counted>>,
    chunks: Option<BoxStream<'static, Result<FromChain, ChatError>>>,
    turn: Turn,
    /// What the model has said since it last wanted tools, and what it wants.
    said: String,
    calls: Vec<ToolCall>,
    /// Something was said, so that nothing can be begun anew.
    begun: bool,
    named: bool,
    /// Whether the next text goes on in a new sentence.
    new_sentence: bool,
    asked_for_permission: bool,
    rounds: usize,
    cuts: usize,
    ready: VecDeque<ReplyEvent>,
    over: bool,
}

impl Answering {
    pub(crate) fn stream(
        engine: Engine,
        question: Question,
        permitted: watch::Receiver<bool>,
        counted: Arc<Mutex<Counted>>,
    ) -> impl Stream<Item = Result<ReplyEvent, ChatError>> + Send {
        let turn = Turn::new(engine.is_for_guest(), question.again);
        let answering = Answering {
            engine,
            question,
            permitted,
            counted,
            chunks: None,
            turn,
            said: String::new(),
            calls: Vec::new(),
            begun: false,
            named: false,
            new_sentence: false,
            asked_for_permission: false,
            rounds: 0,
            cuts: 0,
            ready: VecDeque::new(),
            over: false,
        };
        stream::try_unfold(answering, |mut answering| async move {
            Ok(answering.next().await?.map(|event| (event, answering)))
        })
    }

    async fn next(&mut self) -> Result<Option<ReplyEvent>, ChatError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.over {
                return Ok(None);
            }
            if self.chunks.is_none() && !self.calls.is_empty() {
                self.use_tools().await?;
                continue;
            }
            let chunks = self.chunks.get_or_insert_with(|| {
                let Question { chain, prompt, .. } = &self.question;
                Box::pin(Arc::clone(chain).reply(prompt.clone(), self.engine.widest()))
            });
            match chunks.try_next().await {
                Ok(Some(part)) => self.take(part),
                Ok(None) => self.end_of_reply()?,
                Err(error @ ChatError::ContextTooLong { .. }) if !self.begun => self.cut(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, part: FromChain) {
        match part {
            FromChain::AnsweredBy(provider) => {
                debug!("{provider} answers");
                if !std::mem::replace(&mut self.named, true) {
                    self.ready.push_back(ReplyEvent::AnsweredBy(provider));
                }
            }
            FromChain::Chunk(ReplyChunk::Text(text)) => {
                self.begun = true;
                let between = if std::mem::take(&mut self.new_sentence) { " " } else { "" };
                self.said.push_str(&text);
                self.ready.push_back(ReplyEvent::Text(format!("{between}{text}")));
            }
            FromChain::Chunk(ReplyChunk::ToolCall(call)) => self.calls.push(call),
            FromChain::Chunk(ReplyChunk::Usage(usage)) => {
                let Prompt { messages, tools, .. } = &self.question.prompt;
                let estimated = estimated_prompt_tokens(messages, tools);
                self.engine.with_budget(|budget| budget.learn(estimated, usage.prompt_tokens));
                let counted = &mut *lock(&self.counted);
                let before = counted.usage.unwrap_or_default();
                counted.usage = Some(Usage {
                    prompt_tokens: before.prompt_tokens.saturating_add(usage.prompt_tokens),
                    reply_tokens: before.reply_tokens.saturating_add(usage.reply_tokens),
                    cached_tokens: before.cached_tokens.saturating_add(usage.cached_tokens),
                });
            }
            FromChain::Chunk(ReplyChunk::End(reason)) => {
                let cut = reason.is_some_and(|reason| matches!(&*reason, "length" | "max_tokens"));
                lock(&self.counted).cut = cut;
            }
            FromChain::Chunk(ReplyChunk::Reasoning) => {}
        }
    }

    fn end_of_reply(&mut self) -> Result<(), ChatError> {
        self.chunks = None;
        if self.calls.is_empty() {
            self.over = true;
            return Ok(());
        }
        if self.rounds >= MOST_ROUNDS {
            return Err(ChatError::WentInCircles { rounds: self.rounds });
        }
        // Nobody can tell which of two calls a result without an id belongs to.
        for (number, call) in self.calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call_{}_{number}", self.rounds);
            }
        }
        self.rounds += 1;
        if !std::mem::replace(&mut self.asked_for_permission, true) {
            self.ready.push_back(ReplyEvent::WantsToAct);
        }
        Ok(())
    }

    /// Uses what the model wants used, once the turn is decided, and asks it to go on.
    async fn use_tools(&mut self) -> Result<(), ChatError> {
        permission(&mut self.permitted).await?;
        let calls = std::mem::take(&mut self.calls);
        let mut results = Vec::new();
        for call in &calls {
            let at = self.engine.circumstances(self.question.door, self.question.turn);
            match self.question.tools.call(&mut self.turn, call, at).await {
                Used::Returned { result, device } => {
                    self.ready.extend(device.into_iter().map(ReplyEvent::Device));
                    results.push(Message::Returned { id: call.id.clone(), name: call.name.clone(), result });
                }
                Used::Unconfirmed(tool) => {
                    let confirmation = self.engine.ask_to_confirm(tool, call, self.question.door);
                    let question = Engine::confirmation_question(&confirmation);
                    let between = if self.begun { " " } else { "" };
                    self.ready.push_back(ReplyEvent::Confirm(confirmation));
                    self.ready.push_back(ReplyEvent::Text(format!("{between}{question}")));
                    self.over = true;
                    return Ok(());
                }
            }
        }
        self.new_sentence = self.said.chars().next_back().is_some_and(|last| !last.is_whitespace());
        let written = calls.into_iter().map(|mut call| {
            if call.checked_object().is_none() {
                // Some servers read it, and fail.
                "{}".clone_into(&mut call.arguments);
            }
            call
        });
        let messages = &mut self.question.prompt.messages;
        messages.push(Message::Called { text: std::mem::take(&mut self.said), calls: written.collect() });
        messages.extend(results);
        Ok(())
    }

    /// Makes a prompt that was too long shorter.
    async fn cut(&mut self, error: ChatError) -> Result<(), ChatError> {
        self.cuts += 1;
        // Without a history there is nothing to cut, and once tools were used the prompt can't be made anew.
        if self.cuts > MOST_CUTS || self.rounds > 0 {
            return Err(error);
        }
        let before = estimated_prompt_tokens(&self.question.prompt.messages, &[]);
        self.engine.with_budget(|budget| budget.too_long(before));
        let shorter = Arc::clone(&self.question.shorter);
        let shorter = blocking(move || shorter()).await?;
        if shorter.messages.len() >= self.question.prompt.messages.len() {
            return Err(error);
        }
        debug!("asking again with less of the history");
        self.question.prompt = shorter;
        self.chunks = None;
        Ok(())
    }
}

/// Waits until the turn is decided.
pub(crate) async fn permission(permitted: &mut watch::Receiver<bool>) -> Result<(), ChatError> {
    // Whoever could permit it is gone, and with them whoever would hear of it.
    permitted.wait_for(|permitted| *permitted).await.map(drop).map_err(|_| ChatError::Stopping)
}
