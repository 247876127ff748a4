//! What may happen to the chat, and what it may want done: its whole vocabulary.

use std::time::Duration;

use pipit_chat::{Confirmation, Place, ProviderIdentity};
use pipit_store::{Conversation, ConversationId, Message, MessageId};
use ratatui::crossterm::event::KeyEvent;

use super::pipeline::News;

/// Something that happened.
pub(super) enum Event {
    Key(KeyEvent),
    Pasted(String),
    /// The terminal has another size.
    Resized,
    /// The conversations that there are, the most recent first.
    Listed(Vec<Conversation>),
    /// What was said last in a conversation.
    Opened(ConversationId, Vec<Message>),
    /// What a search for these words found.
    Found(String, Vec<Hit>),
    /// A part of the reply to the request of this number.
    Reply(u64, Part),
    /// What came of what was confirmed.
    Confirmed(String),
    /// This can no longer be confirmed.
    TooLate(u64),
    /// Something was done of which nothing is told.
    Done,
    /// A conversation may have another title.
    Changed,
    /// Something could not be done.
    Failed(String),
    Daemon(News),
    /// Somebody wants the program to end.
    End,
}

/// A part of a reply.
pub(super) enum Part {
    /// It will be kept in this conversation, which is new.
    Began(ConversationId),
    AnsweredBy(ProviderIdentity),
    /// More text, so long after it was asked for.
    Text(String, Duration),
    Confirm(Confirmation),
    /// Nothing more comes, for that reason if there is one. It stands in this conversation, if in any.
    Ended(Option<ConversationId>, Option<String>),
}

/// Something to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    List(usize),
    Open(ConversationId, usize),
    Ask(Ask),
    /// Gives up the rest of a reply of which this was shown.
    Stop(u64, Shown),
    Rename(ConversationId, String),
    DeleteConversation(ConversationId),
    DeleteMessage(MessageId),
    Search(String),
    Confirm(u64),
    Watch(bool),
    Quit,
}

/// A request. It has a number, by which what comes of it is known.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) number: u64,
    pub(super) text: String,
    /// Without one, a conversation is begun.
    pub(super) place: Option<Place>,
}

/// What was shown of a reply, as it came.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Shown(pub(super) String);

/// Something that a search found.
pub(super) struct Hit {
    pub(super) conversation: ConversationId,
    /// Nothing where the title has the words.
    pub(super) message: Option<MessageId>,
    pub(super) text: String,
}

/// Leaves out what was said.
impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask").field("number", &self.number).field("place", &self.place).finish_non_exhaustive()
    }
}

/// Leaves out what was said.
impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}
