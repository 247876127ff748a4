//! Messages: added a whole turn at a time, read in the order in which they were said.
//!
//! That order is the order of their ids, never of their times: clocks are set back.

use jiff::Timestamp;
use pipit_core::chat::{Door, Role};
use rusqlite::{Connection, Row, params};

use crate::conversations::{self, ConversationId, moment};
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

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    let role = if row.get_ref(1)?.as_str()? == "user" { Role::User } else { Role::Assistant };
    let door = row.get_ref(2)?.as_str_or_null()?.and_then(|name| match name {
        "voice" => Some(Door::Voice),
        "terminal" => Some(Door::Terminal),
        _ => None,
    });
    Ok(Message {
        id: MessageId(row.get(0)?),
        role,
        door,
        at: moment(row.get(3)?),
        text: row.get(4)?,
        heard: row.get(5)?,
    })
}

impl Store {
    /// Adds a request and its reply to a conversation, both or neither. Once this returns, neither a crash nor a power cut
    /// loses them.
    ///
    /// # Errors
    /// There is no such conversation, or see [`StoreError`].
    pub fn append(&self, conversation: ConversationId, turn: &NewTurn) -> Result<TurnIds, StoreError> {
        self.write(|transaction| insert_turn(transaction, conversation, turn))
    }

    /// The last `limit` messages of a conversation, the oldest of them first.
    ///
    /// # Errors
    /// There is no such conversation, or see [`StoreError`].
    pub fn last_messages(&self, conversation: ConversationId, limit: usize) -> Result<Vec<Message>, StoreError> {
        let connection = self.connection();
        let mut newest_first = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM message WHERE conversation = ? AND replaced_by IS NULL ORDER BY id DESC LIMIT ?"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = newest_first.query_map(params![conversation.0, limit], read)?;
        let mut messages = rows.collect::<Result<Vec<_>, _>>()?;
        if messages.is_empty() {
            conversations::require(&connection, conversation)?;
        }
        messages.reverse();
        Ok(messages)
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
        let connection = self.connection();
        let mut page = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM message
             WHERE conversation = ? AND replaced_by IS NULL AND id > ? ORDER BY id LIMIT ?"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let after = after.map_or(0, |id| id.0);
        let rows = page.query_map(params![conversation.0, after, limit], read)?;
        let messages = rows.collect::<Result<Vec<_>, _>>()?;
        if messages.is_empty() {
            conversations::require(&connection, conversation)?;
        }
        Ok(messages)
    }
}

pub(crate) fn insert_turn(
    connection: &Connection,
    conversation: ConversationId,
    turn: &NewTurn,
) -> Result<TurnIds, StoreError> {
    let NewTurn { door, request, reply } = turn;
    conversations::touch(connection, conversation, reply.at)?;
    let door = door.map(|door| match door {
        Door::Voice => "voice",
        Door::Terminal => "terminal",
    });
    let request = insert(connection, conversation, "user", door, request.at, &request.text, None)?;
    let reply = insert_reply(connection, conversation, door, reply)?;
    Ok(TurnIds { request, reply })
}

pub(crate) fn insert_reply(
    connection: &Connection,
    conversation: ConversationId,
    door: Option<&str>,
    reply: &NewReply,
) -> Result<MessageId, StoreError> {
    insert(connection, conversation, "assistant", door, reply.at, &reply.text, reply.heard.as_deref())
}

fn insert(
    connection: &Connection,
    conversation: ConversationId,
    role: &str,
    door: Option<&str>,
    at: Timestamp,
    text: &str,
    heard: Option<&str>,
) -> Result<MessageId, StoreError> {
    connection
        .prepare_cached("INSERT INTO message (conversation, role, door, at, text, heard) VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![conversation.0, role, door, at.as_millisecond(), text, heard])?;
    let id = connection.last_insert_rowid();
    search::added(connection, id)?;
    Ok(MessageId(id))
}
