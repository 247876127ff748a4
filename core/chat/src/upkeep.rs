//! What is done for a conversation while nobody waits: a title that says what it is about, and a summary of what the model is no
//! longer reminded of. Both are asked for at the end of the conversation as it is, so that a server that keeps the last prompt in
//! its cache need read only the question; and both are given up as soon as somebody asks something.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use pipit_core::chat::dialect::ReplyChunk;
use pipit_core::chat::{Exchange, Message, Role, aside, estimated_prompt_tokens, title};
use pipit_store::{ConversationId, MadeOf, Purpose, Summary};
use tracing::debug;

use crate::engine::{Engine, blocking};
use crate::error::ChatError;
use crate::history::History;
use crate::provider::{Chain, FromChain, Prompt};

/// A title has far fewer, but models that reason need some before it.
const TITLE_TOKENS: u32 = 200;

/// The longest summary, in tokens.
const SUMMARY_TOKENS: u32 = 400;

/// The longest summary that is kept, in bytes.
const LONGEST_SUMMARY: usize = 4 << 10;

/// What is said without a summary is summarised once it fills this much of the budget.
const FULL: (usize, usize) = (3, 4);

impl Engine {
    /// Looks after a conversation, once its last turn is over: gives it a title in place of a temporary one, and a summary if it
    /// has grown long. Does nothing more as soon as anybody asks anything.
    ///
    /// # Errors
    /// The store can't be read or written. Where a model can't be asked, a title is made of the first request, and there is
    /// no summary until the next time.
    pub async fn look_after(&self, conversation: ConversationId) -> Result<(), ChatError> {
        let mut requests = self.shared.requests.subscribe();
        tokio::select! {
            biased;
            _ = requests.changed() => {
                debug!("looking after a conversation is put off, because somebody asks something");
                Ok(())
            }
            done = self.tend(conversation) => done,
        }
    }

    async fn tend(&self, conversation: ConversationId) -> Result<(), ChatError> {
        let engine = self.clone();
        let (about, system_prompt, history) = blocking(move || {
            let (system_prompt, history) = engine.background(conversation, None)?;
            Ok((engine.store().conversation(conversation)?, system_prompt, history))
        })
        .await?;
        if about.temporary && !history.exchanges.is_empty() {
            self.give_title(conversation, &system_prompt, &history).await?;
        }
        self.summarise(conversation, &system_prompt, &history).await
    }

    async fn give_title(
        &self,
        conversation: ConversationId,
        system_prompt: &str,
        history: &History,
    ) -> Result<(), ChatError> {
        let said = self.ask_aside(conversation, system_prompt, &history.exchanges, Purpose::Title).await;
        let of_first = || history.exchanges.first().and_then(|first| title(&first.asked));
        let Some(title) = said.as_deref().and_then(title).or_else(of_first) else { return Ok(()) };
        let engine = self.clone();
        blocking(move || Ok(engine.store().replace_temporary_title(conversation, &title).map(drop)?)).await
    }

    /// Lets a summary stand for the older half of the history.
    async fn summarise(
        &self,
        conversation: ConversationId,
        system_prompt: &str,
        history: &History,
    ) -> Result<(), ChatError> {
        let budget = self.with_budget(|budget| budget.estimated());
        let said: Vec<Message> = history.exchanges.iter().flat_map(messages).collect();
        let half = history.exchanges.len() / 2;
        if half == 0 || estimated_prompt_tokens(&said, &[]) * FULL.1 < budget * FULL.0 {
            return Ok(());
        }
        let older = &history.exchanges[..half];
        let Some(mut text) = self.ask_aside(conversation, system_prompt, older, Purpose::Summary).await else {
            return Ok(());
        };
        text.truncate(text.floor_char_boundary(LONGEST_SUMMARY));
        let summary = Summary { text, to: history.places[half - 1].1 };
        let earlier = history.summary.as_ref().map(|summary| summary.to);
        let made_of = MadeOf { earlier, first: history.places[0].0, messages: 2 * half };
        let engine = self.clone();
        blocking(move || Ok(engine.store().set_summary(conversation, &summary, &made_of).map(drop)?)).await
    }

    /// Asks a model for the title or the summary of a conversation. What comes is trimmed; nothing if it can't be asked or says nothing.
    async fn ask_aside(
        &self,
        conversation: ConversationId,
        system_prompt: &str,
        exchanges: &[Exchange],
        purpose: Purpose,
    ) -> Option<String> {
        let (question, max_reply_tokens) = match purpose {
            Purpose::Summary => (aside::SUMMARY, SUMMARY_TOKENS),
            _ => (aside::TITLE, TITLE_TOKENS),
        };
        let chain: Arc<Chain> = Arc::clone(self.shared.chain.as_ref()?);
        if !chain.reaches(self.widest()) {
            return None;
        }
        let mut prompt = vec![Message::new(Role::System, system_prompt)];
        prompt.extend(exchanges.iter().flat_map(messages));
        prompt.push(Message::new(Role::User, question));
        // The tools stand before the messages, so they belong to what the server has in its cache.
        let meter = self.meter(purpose, Some(conversation), None);
        let engine = self.clone();
        let character = blocking(move || engine.character(Some(conversation))).await.ok()?;
        let tools = self.tools(&character).specs();
        let prompt = Prompt { messages: prompt, tools, max_reply_tokens, meter };
        let mut parts = Box::pin(chain.reply(prompt, self.widest()));
        let mut said = String::new();
        loop {
            match parts.try_next().await {
                Ok(Some(FromChain::Chunk(ReplyChunk::Text(text)))) => said.push_str(&text),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    debug!("nothing was said about the conversation: {error}");
                    return None;
                }
            }
        }
        Some(said.trim().to_owned()).filter(|said| !said.is_empty())
    }
}

fn messages(exchange: &Exchange) -> [Message; 2] {
    [Message::new(Role::User, &exchange.asked), Message::new(Role::Assistant, &exchange.heard)]
}
