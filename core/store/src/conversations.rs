//! Conversations: what they are called, in which order they are listed, and what happens to them as a whole.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::messages::MessageId;
use crate::scope::Scope;
use crate::seal::Column;
use crate::search::TITLES;
use crate::{Store, StoreError, search, summary};

/// Which conversation. An id never comes back for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub i64);

impl std::fmt::Display for ConversationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A conversation without what was said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// The same in every store that it is carried to by export and import.
    pub key: String,
    /// What it is called.
    pub title: String,
    /// Whether the title only stands in for one that says what it is about.
    pub temporary: bool,
    /// Its own system prompt; without one it has that of the configuration.
    pub system_prompt: Option<String>,
    /// When it was begun.
    pub created: Timestamp,
    /// When something was last said in it.
    pub changed: Timestamp,
}

pub(crate) const COLUMNS: &str = "conversation.id, key, title, temporary, system_prompt, created, changed";

pub(crate) fn read(scope: &Scope<'_>, row: &Row<'_>) -> Result<Conversation, StoreError> {
    let sealed = |column| row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from);
    let id: i64 = row.get(0)?;
    Ok(Conversation {
        id: ConversationId(id),
        key: row.get(1)?,
        title: scope.open(Column::Title, id, sealed(2)?.unwrap_or_default())?,
        temporary: row.get(3)?,
        system_prompt: scope.open_some(Column::SystemPrompt, id, sealed(4)?)?,
        created: moment(row.get(5)?),
        changed: moment(row.get(6)?),
    })
}

/// A time as it is kept. None that was ever put in is out of range.
pub(crate) fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Store {
    /// Begins a conversation under a title that stands in until there is a better one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn create_conversation(&self, temporary_title: &str, at: Timestamp) -> Result<ConversationId, StoreError> {
        self.write(|scope| insert(scope, temporary_title, true, at))
    }

    /// One conversation.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn conversation(&self, id: ConversationId) -> Result<Conversation, StoreError> {
        self.read(|scope| {
            let mut find =
                scope.prepare_cached(&format!("SELECT {COLUMNS} FROM conversation WHERE id = ? AND person = ?"))?;
            let mut rows = find.query([id.0, scope.person()])?;
            rows.next()?.map_or(Err(StoreError::NoConversation(id)), |row| read(scope, row))
        })
    }

    /// Up to `limit` conversations, the one in which something was said last first: from the beginning, or those that come
    /// after `after`.
    ///
    /// # Errors
    /// `after` is not there any more, or see [`StoreError`].
    pub fn conversations(&self, after: Option<ConversationId>, limit: usize) -> Result<Vec<Conversation>, StoreError> {
        self.read(|scope| {
            let before: i64 = match after {
                None => i64::MAX,
                Some(id) => scope
                    .prepare_cached("SELECT recency FROM conversation WHERE id = ? AND person = ?")?
                    .query_row([id.0, scope.person()], |row| row.get(0))
                    .optional()?
                    .ok_or(StoreError::NoConversation(id))?,
            };
            let mut page = scope.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM conversation WHERE person = ? AND recency < ? ORDER BY recency DESC LIMIT ?"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = page.query_and_then(params![scope.person(), before, limit], |row| read(scope, row))?;
            rows.collect()
        })
    }

    /// Gives a conversation the title that a person chose.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn rename_conversation(&self, id: ConversationId, title: &str) -> Result<(), StoreError> {
        self.write(|scope| retitle(scope, id, title))
    }

    /// Gives a conversation a title that says what it is about, unless a person has chosen one meanwhile. Says whether it did.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn replace_temporary_title(&self, id: ConversationId, title: &str) -> Result<bool, StoreError> {
        self.write(|scope| {
            let mut find = scope.prepare_cached("SELECT temporary FROM conversation WHERE id = ? AND person = ?")?;
            let temporary: Option<bool> = find.query_row([id.0, scope.person()], |row| row.get(0)).optional()?;
            let temporary = temporary.ok_or(StoreError::NoConversation(id))?;
            if temporary {
                retitle(scope, id, title)?;
            }
            Ok(temporary)
        })
    }

    /// Gives a conversation a system prompt of its own, or with `None` that of the configuration.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn set_system_prompt(&self, id: ConversationId, prompt: Option<&str>) -> Result<(), StoreError> {
        self.write(|scope| {
            let changed = scope
                .prepare_cached("UPDATE conversation SET system_prompt = ? WHERE id = ? AND person = ?")?
                .execute(params![scope.seal_some(Column::SystemPrompt, id.0, prompt)?, id.0, scope.person()])?;
            if changed == 0 { Err(StoreError::NoConversation(id)) } else { Ok(()) }
        })
    }

    /// Deletes all messages of a conversation and their earlier versions. Its title and its system prompt stay.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn reset_conversation(&self, id: ConversationId) -> Result<(), StoreError> {
        self.erase(|scope| {
            require(scope, id)?;
            summary::forget(scope, id, MessageId(0))?;
            delete_messages(scope, id)
        })
    }

    /// Deletes a conversation with everything in it. Nothing of it is left in the file.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn delete_conversation(&self, id: ConversationId) -> Result<(), StoreError> {
        self.erase(|scope| delete(scope, id))
    }
}

/// Deletes a conversation with everything in it.
pub(crate) fn delete(scope: &Scope<'_>, id: ConversationId) -> Result<(), StoreError> {
    let title = title(scope, id)?;
    TITLES.remove(scope, id.0, &title)?;
    delete_messages(scope, id)?;
    scope.prepare_cached("DELETE FROM conversation WHERE id = ?")?.execute([id.0])?;
    Ok(())
}

/// Adds a conversation as the most recent one.
pub(crate) fn insert(
    scope: &Scope<'_>,
    title: &str,
    temporary: bool,
    at: Timestamp,
) -> Result<ConversationId, StoreError> {
    let id = scope.next_id("conversation")?;
    scope
        .prepare_cached(
            "INSERT INTO conversation (id, person, title, temporary, created, changed, recency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, (SELECT ifnull(max(recency), 0) + 1 FROM conversation))",
        )?
        .execute(params![id, scope.person(), scope.seal(Column::Title, id, title)?, temporary, at.as_millisecond()])?;
    TITLES.add(scope, id, title)?;
    Ok(ConversationId(id))
}

/// Says that something was said in a conversation.
pub(crate) fn touch(scope: &Scope<'_>, id: ConversationId, at: Timestamp) -> Result<(), StoreError> {
    // The most recent one keeps its place, so that nothing has to move while one conversation goes on.
    let mut touch = scope.prepare_cached(
        "UPDATE conversation SET changed = ?3, recency =
             (SELECT max(recency) + (max(recency) <> conversation.recency) FROM conversation AS any)
         WHERE id = ?1 AND person = ?2",
    )?;
    match touch.execute(params![id.0, scope.person(), at.as_millisecond()])? {
        0 => Err(StoreError::NoConversation(id)),
        _ => Ok(()),
    }
}

pub(crate) fn require(scope: &Scope<'_>, id: ConversationId) -> Result<(), StoreError> {
    title(scope, id).map(drop)
}

fn title(scope: &Scope<'_>, id: ConversationId) -> Result<String, StoreError> {
    let mut find = scope.prepare_cached("SELECT title FROM conversation WHERE id = ? AND person = ?")?;
    let sealed: Option<Vec<u8>> = find.query_row([id.0, scope.person()], |row| row.get(0)).optional()?;
    scope.open(Column::Title, id.0, &sealed.ok_or(StoreError::NoConversation(id))?)
}

fn retitle(scope: &Scope<'_>, id: ConversationId, new: &str) -> Result<(), StoreError> {
    let old = title(scope, id)?;
    TITLES.remove(scope, id.0, &old)?;
    scope
        .prepare_cached("UPDATE conversation SET title = ?, temporary = 0 WHERE id = ?")?
        .execute(params![scope.seal(Column::Title, id.0, new)?, id.0])?;
    TITLES.add(scope, id.0, new)?;
    Ok(())
}

/// Of a conversation that is known to be the person's.
fn delete_messages(scope: &Scope<'_>, id: ConversationId) -> Result<(), StoreError> {
    let mut current =
        scope.prepare_cached("SELECT id, text FROM message WHERE conversation = ? AND replaced_by IS NULL")?;
    let count: i64 = scope
        .prepare_cached("SELECT count(*) FROM message WHERE conversation = ? AND replaced_by IS NULL")?
        .query_row([id.0], |row| row.get(0))?;
    search::removing(scope, count, || {
        let mut rows = current.query([id.0])?;
        while let Some(row) = rows.next()? {
            let message: i64 = row.get(0)?;
            let sealed = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            search::removed(scope, message, &scope.open(Column::Text, message, sealed)?)?;
        }
        Ok(())
    })?;
    scope.prepare_cached("DELETE FROM message WHERE conversation = ?")?.execute([id.0])?;
    Ok(())
}
