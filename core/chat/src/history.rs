//! What of a conversation a model is reminded of.

use std::collections::HashMap;

use pipit_core::chat::{Exchange, Role, newest_that_fit};
use pipit_store::{ConversationId, Message, MessageId, Store, StoreError, Summary};

/// How many messages are read at first; most budgets are full by then.
const FIRST_LOOK: usize = 64;

/// Beginnings that are remembered. A prompt that begins elsewhere is only slower.
const MOST_BEGINNINGS: usize = 1000;

/// The newest exchanges that are within a budget, and what stands for those before.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) exchanges: Vec<Exchange>,
    /// The two messages of each exchange.
    pub(crate) places: Vec<(MessageId, MessageId)>,
    pub(crate) summary: Option<Summary>,
}

/// With which message the history in the last prompt of a conversation began, so that the next one begins with the same, and
/// what the server has in its cache is of use.
#[derive(Default)]
pub(crate) struct Beginnings(HashMap<ConversationId, MessageId>);

impl Beginnings {
    pub(crate) fn of(&self, conversation: ConversationId) -> Option<MessageId> {
        self.0.get(&conversation).copied()
    }

    pub(crate) fn set(&mut self, conversation: ConversationId, first: MessageId) {
        if self.0.len() >= MOST_BEGINNINGS {
            self.0.clear();
        }
        self.0.insert(conversation, first);
    }
}

/// An exchange and where it stands.
struct Placed {
    first: MessageId,
    last: MessageId,
    exchange: Exchange,
}

impl History {
    /// Reads what was said before `before`, and fits it into `budget` estimated tokens. Also gives the message that it begins
    /// with.
    pub(crate) fn read(
        store: &Store,
        conversation: ConversationId,
        before: Option<MessageId>,
        began: Option<MessageId>,
        budget: usize,
    ) -> Result<(History, Option<MessageId>), StoreError> {
        // A summary of what is about to be replaced would remind the model of it.
        let summary = store.summary(conversation)?.filter(|summary| before.is_none_or(|before| summary.to < before));
        let summarised = summary.as_ref().map_or(MessageId(0), |summary| summary.to);
        let is_of_it = |message: &Message| message.id > summarised && before.is_none_or(|before| message.id < before);
        // Where the last prompt's beginning is known, it tells what to read.
        let known = began.filter(|first| *first > summarised && before.is_none_or(|before| *first < before));
        let messages = match known {
            Some(first) => store.messages(conversation, Some(MessageId(first.0 - 1)), usize::MAX)?,
            None => newest(store, conversation, summarised, budget)?,
        };
        let placed = pairs(messages.into_iter().filter(is_of_it));
        let from = placed.iter().position(|placed| Some(placed.first) == began).unwrap_or(0);
        let placed = placed.into_iter().skip(from);
        let (mut places, mut exchanges): (Vec<(MessageId, MessageId)>, Vec<Exchange>) =
            placed.map(|Placed { first, last, exchange }| ((first, last), exchange)).unzip();
        let forgotten = exchanges.len() - newest_that_fit(&exchanges, budget).len();
        exchanges.drain(..forgotten);
        places.drain(..forgotten);
        let begins = places.first().map(|(first, _)| *first);
        Ok((History { exchanges, places, summary }, begins))
    }
}

/// The newest messages of a conversation, as many as may be within `budget` estimated tokens or more.
fn newest(
    store: &Store,
    conversation: ConversationId,
    summarised: MessageId,
    budget: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut look = FIRST_LOOK;
    loop {
        let messages = store.last_messages(conversation, look)?;
        let all = messages.len() < look || messages.first().is_some_and(|first| first.id <= summarised);
        let text: usize = messages.iter().map(|message| message.said().len()).sum();
        // Estimates are a token for every four bytes, or for fewer.
        if all || text > budget.saturating_mul(4) {
            return Ok(messages);
        }
        look = look.saturating_mul(2);
    }
}

/// Requests with their replies. A half without the other was cut off by where the reading began.
fn pairs(messages: impl Iterator<Item = Message>) -> Vec<Placed> {
    let mut placed = Vec::new();
    let mut asked: Option<Message> = None;
    for message in messages {
        match message.role {
            Role::User => asked = Some(message),
            Role::Assistant | Role::System => placed.extend(asked.take().map(|asked| Placed {
                first: asked.id,
                last: message.id,
                exchange: Exchange { asked: asked.text, heard: message.said().to_owned() },
            })),
        }
    }
    placed
}
