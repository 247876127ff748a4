//! Messages: added a whole turn at a time, read in the order in which they were said.
//!
//! That order is the order of their ids, never of their times: clocks are set back.

use jiff::Timestamp;
use pipit_core::chat::{Door, Role};
use rusqlite::{Row, params};

use crate::conversations::{self, ConversationId, moment};
use crate::scope::Scope;
use crate::seal::Column;
use crate::search;
use crate::{Store, StoreError};

/// Which message. An id never comes back for another one, and one that was said later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub i64);

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that was said in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which.
    pub id: MessageId,
    /// Who said it: the person or Pipit.
    pub role: Role,
    /// Through which door, if that is known.
    pub door: Option<Door>,
    /// When, by the clock of that time.
    pub at: Timestamp,
    /// The whole text.
    pub text: String,
    /// Of a reply, what was heard, if that is not the whole of it.
    pub heard: Option<String>,
}

impl Message {
    /// What counts as said: of a reply, what was heard.
    #[must_use]
    pub fn said(&self) -> &str {
        self.heard.as_deref().unwrap_or(&self.text)
    }
}

/// A request and its reply, which are kept together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTurn {
    /// Through which door, if that is known.
    pub door: Option<Door>,
    /// What the person said.
    pub request: Said,
    /// What Pipit said.
    pub reply: NewReply,
}

/// Something said, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// The text.
    pub text: String,
}

/// A reply that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReply {
    /// When.
    pub at: Timestamp,
    /// The whole text.
    pub text: String,
    /// What was heard, if that is not the whole of it.
    pub heard: Option<String>,
}

/// Both halves of a turn that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnIds {
    /// What the person said.
    pub request: MessageId,
    /// What Pipit said.
    pub reply: MessageId,
}

pub(crate) const COLUMNS: &str = "message.id, role, door, at, text, heard";

/// Of a message, that it is the person's whose number is the next parameter.
pub(crate) const IS_OWN: &str =
    "EXISTS (SELECT 1 FROM conversation WHERE conversation.id = message.conversation AND person = ?)";

/// A conversation, if it is the person's: its id and their number are the next parameters.
pub(crate) const OWN_CONVERSATION: &str = "(SELECT id FROM conversation WHERE id = ? AND person = ?)";

pub(crate) fn read(scope: &Scope<'_>, row: &Row<'_>) -> Result<Message, StoreError> {
    let text = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let sealed = |column| row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from);
    let id: i64 = row.get(0)?;
    Ok(Message {
        id: MessageId(id),
        role: if text(1)? == Some("user") { Role::User } else { Role::Assistant },
        door: text(2)?.and_then(|name| match name {
            "voice" => Some(Door::Voice),
            "terminal" => Some(Door::Terminal),
            "panel" => Some(Door::Panel),
            _ => None,
        }),
        at: moment(row.get(3)?),
        text: scope.open(Column::Text, id, sealed(4)?.unwrap_or_default())?,
        heard: scope.open_some(Column::Heard, id, sealed(5)?)?,
    })
}

impl Store {
    /// Adds a request and its reply to a conversation, both or neither. Once this returns, neither a crash nor a power cut
    /// loses them.
    ///
    /// # Errors
    /// There is no such conversation, or see [`StoreError`].
    pub fn append(&self, conversation: ConversationId, turn: &NewTurn) -> Result<TurnIds, StoreError> {
        self.write(|scope| insert_turn(scope, conversation, turn))
    }

    /// A message that nothing has replaced.
    ///
    /// # Errors
    /// There is no such message, or see [`StoreError`].
    pub fn message(&self, id: MessageId) -> Result<Message, StoreError> {
        self.read(|scope| {
            let mut find = scope.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM message WHERE message.id = ? AND replaced_by IS NULL AND {IS_OWN}"
            ))?;
            let found = find.query_and_then([id.0, scope.person()], |row| read(scope, row))?.next();
            found.unwrap_or(Err(StoreError::NoMessage(id)))
        })
    }

    /// The last `limit` messages of a conversation, the oldest of them first.
    ///
    /// # Errors
    /// There is no such conversation, or see [`StoreError`].
    pub fn last_messages(&self, conversation: ConversationId, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.read(|scope| {
            let mut newest_first = scope.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM message
                 WHERE conversation = {OWN_CONVERSATION} AND replaced_by IS NULL ORDER BY id DESC LIMIT ?"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let wanted = params![conversation.0, scope.person(), limit];
            let mut messages =
                newest_first.query_and_then(wanted, |row| read(scope, row))?.collect::<Result<Vec<_>, _>>()?;
            if messages.is_empty() {
                conversations::require(scope, conversation)?;
            }
            messages.reverse();
            Ok(messages)
        })
    }

    /// Up to `limit` messages of a conversation in the order in which they were said: from the beginning, or those after
    /// `after`, which need not be there any more.
    ///
    /// # Errors
    /// There is no such conversation, or see [`StoreError`].
    pub fn messages(
        &self,
        conversation: ConversationId,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(|scope| {
            let mut page = scope.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM message
                 WHERE conversation = {OWN_CONVERSATION} AND replaced_by IS NULL AND id > ? ORDER BY id LIMIT ?"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let wanted = params![conversation.0, scope.person(), after.map_or(0, |id| id.0), limit];
            let messages = page.query_and_then(wanted, |row| read(scope, row))?.collect::<Result<Vec<_>, _>>()?;
            if messages.is_empty() {
                conversations::require(scope, conversation)?;
            }
            Ok(messages)
        })
    }
}

/// A conversation that is not the person's is found out when it is touched.
pub(crate) fn insert_turn(
    scope: &Scope<'_>,
    conversation: ConversationId,
    turn: &NewTurn,
) -> Result<TurnIds, StoreError> {
    let NewTurn { door, request, reply } = turn;
    conversations::touch(scope, conversation, reply.at)?;
    let door = door.map(|door| match door {
        Door::Voice => "voice",
        Door::Terminal => "terminal",
        Door::Panel => "panel",
    });
    let request = insert(scope, conversation, "user", door, request.at, &request.text, None)?;
    let reply = insert_reply(scope, conversation, door, reply)?;
    Ok(TurnIds { request, reply })
}

/// The conversation must be known to be the person's.
pub(crate) fn insert_reply(
    scope: &Scope<'_>,
    conversation: ConversationId,
    door: Option<&str>,
    reply: &NewReply,
) -> Result<MessageId, StoreError> {
    insert(scope, conversation, "assistant", door, reply.at, &reply.text, reply.heard.as_deref())
}

fn insert(
    scope: &Scope<'_>,
    conversation: ConversationId,
    role: &str,
    door: Option<&str>,
    at: Timestamp,
    text: &str,
    heard: Option<&str>,
) -> Result<MessageId, StoreError> {
    let id = scope.next_id("message")?;
    let (text, heard) = (scope.seal(Column::Text, id, text)?, scope.seal_some(Column::Heard, id, heard)?);
    scope
        .prepare_cached(
            "INSERT INTO message (id, conversation, role, door, at, text, heard) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![id, conversation.0, role, door, at.as_millisecond(), text, heard])?;
    search::added(scope, id)?;
    Ok(MessageId(id))
}
