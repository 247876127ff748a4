//! Second thoughts: a request that is put differently, a reply that is given again, a turn that is taken out. What an edit or
//! a new reply replaces stays as an earlier version, which only [`Store::earlier_versions`] shows, until it is deleted.

use rusqlite::{OptionalExtension as _, params};

use crate::conversations::{self, ConversationId};
use crate::messages::{
    self, COLUMNS, IS_OWN, Message, MessageId, NewReply, NewTurn, TurnIds, insert_reply, insert_turn,
};
use crate::scope::Scope;
use crate::seal::Column;
use crate::{Store, StoreError, search, summary};

impl Store {
    /// Puts `turn` in the place of an earlier request, its reply and everything that came after, and goes on from there.
    ///
    /// # Errors
    /// There is no such message, or it is not a request, or see [`StoreError`]; then nothing has changed.
    pub fn edit(&self, request: MessageId, turn: &NewTurn) -> Result<TurnIds, StoreError> {
        self.write(|scope| {
            let Place { conversation, is_request, .. } = place(scope, request)?;
            if !is_request {
                return Err(StoreError::WrongMessage { id: request, wanted: "a request" });
            }
            let new = insert_turn(scope, conversation, turn)?;
            hide(scope, conversation, request, new.request)?;
            summary::forget(scope, conversation, request)?;
            Ok(new)
        })
    }

    /// Puts `reply` in the place of the last reply of a conversation.
    ///
    /// # Errors
    /// There is no such message, or it is not the last reply, because something was said since, or see [`StoreError`]; then
    /// nothing has changed.
    pub fn regenerate(&self, last_reply: MessageId, reply: &NewReply) -> Result<MessageId, StoreError> {
        self.write(|scope| {
            let Place { conversation, is_request, door } = place(scope, last_reply)?;
            let is_last = !scope
                .prepare_cached("SELECT 1 FROM message WHERE conversation = ? AND replaced_by IS NULL AND id > ?")?
                .exists(params![conversation.0, last_reply.0])?;
            if is_request || !is_last {
                return Err(StoreError::WrongMessage { id: last_reply, wanted: "the last reply of its conversation" });
            }
            let new = insert_reply(scope, conversation, door.as_deref(), reply)?;
            hide(scope, conversation, last_reply, new)?;
            summary::forget(scope, conversation, last_reply)?;
            conversations::touch(scope, conversation, reply.at)?;
            Ok(new)
        })
    }

    /// Deletes a message, and with it the other half of its turn, because a language model would answer a request without a
    /// reply the next time. Their earlier versions go too, and nothing of any of them is left in the file.
    ///
    /// # Errors
    /// There is no such message, or see [`StoreError`]; then nothing has changed.
    pub fn delete_message(&self, id: MessageId) -> Result<(), StoreError> {
        self.erase(|scope| {
            let Place { conversation, is_request, .. } = place(scope, id)?;
            let other = if is_request {
                "SELECT min(id) FROM message WHERE conversation = ? AND replaced_by IS NULL AND id > ?"
            } else {
                "SELECT max(id) FROM message WHERE conversation = ? AND replaced_by IS NULL AND id < ?"
            };
            let mut other = scope.prepare_cached(other)?;
            let other: Option<i64> = other.query_row(params![conversation.0, id.0], |row| row.get(0))?;
            for id in other.into_iter().chain([id.0]) {
                summary::forget(scope, conversation, MessageId(id))?;
                unindex(scope, id)?;
                // What this one had replaced goes by the foreign key.
                scope.prepare_cached("DELETE FROM message WHERE id = ?")?.execute([id])?;
            }
            Ok(())
        })
    }

    /// What a message has replaced: of a request that was edited, the one before and all that was said after it; of a reply
    /// that was given again, the one before. In the order in which they were said.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn earlier_versions(&self, id: MessageId) -> Result<Vec<Message>, StoreError> {
        self.read(|scope| {
            // What was replaced may itself have replaced something. All of it is in the same conversation.
            let mut find = scope.prepare_cached(&format!(
                "WITH RECURSIVE earlier (id) AS (
                     SELECT id FROM message WHERE replaced_by = ?
                     UNION SELECT message.id FROM message JOIN earlier ON replaced_by = earlier.id
                 )
                 SELECT {COLUMNS} FROM message WHERE id IN (SELECT id FROM earlier) AND {IS_OWN} ORDER BY id"
            ))?;
            let rows = find.query_and_then([id.0, scope.person()], |row| messages::read(scope, row))?;
            rows.collect()
        })
    }
}

/// Where a message stands.
struct Place {
    conversation: ConversationId,
    is_request: bool,
    door: Option<String>,
}

/// Finds a message that is not hidden.
fn place(scope: &Scope<'_>, id: MessageId) -> Result<Place, StoreError> {
    let mut find = scope.prepare_cached(&format!(
        "SELECT conversation, role = 'user', door FROM message WHERE id = ? AND replaced_by IS NULL AND {IS_OWN}"
    ))?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Place { conversation: ConversationId(row.get(0)?), is_request: row.get(1)?, door: row.get(2)? })
    };
    find.query_row([id.0, scope.person()], read).optional()?.ok_or(StoreError::NoMessage(id))
}

/// Hides what was said from `first` on and before `by`, which replaces it.
fn hide(scope: &Scope<'_>, conversation: ConversationId, first: MessageId, by: MessageId) -> Result<(), StoreError> {
    let mut replaced = scope.prepare_cached(
        "SELECT id FROM message WHERE conversation = ? AND replaced_by IS NULL AND id >= ? AND id < ?",
    )?;
    let ids = replaced.query_map(params![conversation.0, first.0, by.0], |row| row.get(0))?;
    for id in ids.collect::<Result<Vec<i64>, _>>()? {
        unindex(scope, id)?;
        scope.prepare_cached("UPDATE message SET replaced_by = ? WHERE id = ?")?.execute([by.0, id])?;
    }
    Ok(())
}

/// Of a message that is known to be the person's.
fn unindex(scope: &Scope<'_>, id: i64) -> Result<(), StoreError> {
    let mut find = scope.prepare_cached("SELECT text FROM message WHERE id = ?")?;
    let sealed: Vec<u8> = find.query_row([id], |row| row.get(0))?;
    search::removed(scope, id, &scope.open(Column::Text, id, &sealed)?)
}
