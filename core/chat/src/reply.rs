//! A reply as it comes, and what is left of it to be remembered.

use std::fmt;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::{Timestamp, Zoned};
use pipit_core::chat::{Door, Usage};
use pipit_core::intent::Action;
use pipit_store::{ConversationId, MessageId};
use tokio::sync::watch;

use crate::engine::{Place, lock};
use crate::error::ChatError;
use crate::provider::ProviderIdentity;
use crate::tools::{Confirmation, HomeCommand};

/// A part of a reply, in the order in which they are to take effect.
#[derive(Debug, PartialEq)]
pub enum ReplyEvent {
    /// It is known how the request will be answered; comes once, before everything else.
    Understood {
        /// The intent that answers it without a language model, by name.
        intent: Option<&'static str>,
        /// What there is to do, for [`crate::Engine::perform`]. The text that follows is true once it is done.
        deed: Option<Deed>,
    },
    /// This provider answers; comes once, before its first text, where a language model is asked.
    AnsweredBy(ProviderIdentity),
    /// More text to be spoken or shown; never empty.
    Text(String),
    /// What follows needs something done, which waits for [`Reply::permit`]. Comes at most once.
    WantsToAct,
    /// Something was done that leaves this for the device.
    Device(DeviceAction),
    /// This is not done before somebody confirms it; the text that follows asks for that.
    Confirm(Confirmation),
}

/// What was asked for, not yet done. It can be done once; dropping it leaves the world as it is.
#[derive(Debug, PartialEq)]
#[must_use]
pub struct Deed {
    /// In the order in which they were asked for.
    pub(crate) steps: Vec<Step>,
    pub(crate) asked_at: Zoned,
}

/// A part of a deed.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Something that Pipit does itself.
    Own(Action),
    /// Something that is done in the home.
    Home(HomeCommand),
}

/// What only the device can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceAction {
    /// Play at this volume from now on, in percent. It is already remembered.
    SetVolume(u8),
    /// Stop speaking, and any timer that rings.
    Stop,
}

/// What servers have counted for a reply, over all requests that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Tokens; none where a server that was asked does not count them.
    pub usage: Option<Usage>,
    /// The reply was cut where it reached its greatest length.
    pub cut: bool,
}

/// A reply that comes in parts. Nothing happens before [`Reply::next`] is polled, and dropping it cancels the request to
/// the language model.
pub struct Reply {
    events: BoxStream<'static, Result<ReplyEvent, ChatError>>,
    permit: watch::Sender<bool>,
    counted: Arc<Mutex<Counted>>,
    turn: FinishedTurn,
}

impl Reply {
    pub(crate) fn new(
        turn: FinishedTurn,
        permit: watch::Sender<bool>,
        counted: Arc<Mutex<Counted>>,
        events: BoxStream<'static, Result<ReplyEvent, ChatError>>,
    ) -> Self {
        Reply { events, permit, counted, turn }
    }

    /// Lets things be done: the turn is decided. Until then, nothing is done, however often [`Reply::next`] is polled.
    pub fn permit(&self) {
        self.permit.send_replace(true);
    }

    /// The next part; `None` when the reply is complete. After an error comes nothing more.
    ///
    /// Dropping the future loses nothing: the next call goes on where it was.
    ///
    /// # Errors
    /// Any [`ChatError`]; what came before it may have been spoken already, but will not be remembered.
    pub async fn next(&mut self) -> Option<Result<ReplyEvent, ChatError>> {
        if self.turn.failed {
            return None;
        }
        let event = self.events.next().await;
        match &event {
            Some(Ok(ReplyEvent::Text(text))) => self.turn.reply.push_str(text),
            Some(Err(_)) => self.turn.failed = true,
            _ => {}
        }
        event
    }

    /// What has been counted by now.
    #[must_use]
    pub fn counted(&self) -> Counted {
        *lock(&self.counted)
    }

    /// What [`crate::Engine::finish`] needs to know. Before the last part, this gives up the rest of the reply, which is
    /// right for one that the person interrupted.
    #[must_use]
    pub fn finished(self) -> FinishedTurn {
        self.turn
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("turn", &self.turn).finish_non_exhaustive()
    }
}

/// What was asked, where and when, and the reply as far as it came.
pub struct FinishedTurn {
    pub(crate) asked: String,
    pub(crate) door: Door,
    pub(crate) place: Place,
    pub(crate) at: Timestamp,
    pub(crate) reply: String,
    pub(crate) failed: bool,
}

impl FinishedTurn {
    /// What was asked, as it is remembered: without a PIN. Nothing if it is not remembered, because it failed.
    #[must_use]
    pub fn asked(&self) -> Option<&str> {
        (!self.failed).then_some(&*self.asked)
    }
}

/// Where a turn was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The conversation.
    pub conversation: ConversationId,
    /// The request.
    pub request: MessageId,
    /// The reply.
    pub reply: MessageId,
}

/// Leaves out what people said.
impl fmt::Debug for FinishedTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedTurn")
            .field("door", &self.door)
            .field("at", &self.at)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
