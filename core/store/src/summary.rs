//! The running summary: what stands for the beginning of a conversation that has grown longer than a model is reminded of.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::conversations::{self, ConversationId};
use crate::messages::MessageId;
use crate::{Store, StoreError};

/// What was said in a conversation up to some message, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What was said.
    pub text: String,
    /// The last message that is in it.
    pub to: MessageId,
}

/// What a summary was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeOf {
    /// [`Summary::to`] of the one before, if there was one.
    pub earlier: Option<MessageId>,
    /// The first of the messages.
    pub first: MessageId,
    /// How many there were, up to [`Summary::to`].
    pub messages: usize,
}

impl Store {
    /// What stands for the beginning of a conversation, if anything does.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn summary(&self, conversation: ConversationId) -> Result<Option<Summary>, StoreError> {
        let connection = self.connection();
        let mut find = connection
            .prepare_cached("SELECT summary, summarised_to FROM conversation WHERE id = ? AND summary IS NOT NULL")?;
        let read = |row: &rusqlite::Row<'_>| Ok(Summary { text: row.get(0)?, to: MessageId(row.get(1)?) });
        Ok(find.query_row([conversation.0], read).optional()?)
    }

    /// Lets `summary` stand for the beginning of a conversation, unless what it is made of has changed meanwhile. Says whether
    /// it did.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_summary(
        &self,
        conversation: ConversationId,
        summary: &Summary,
        made_of: &MadeOf,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| {
            conversations::require(transaction, conversation)?;
            let mut count = transaction.prepare_cached(
                "SELECT count(*), max(id), (SELECT summarised_to FROM conversation WHERE id = ?1) FROM message
                 WHERE conversation = ?1 AND replaced_by IS NULL AND id BETWEEN ?2 AND ?3",
            )?;
            let range = params![conversation.0, made_of.first.0, summary.to.0];
            let there: (i64, Option<i64>, Option<i64>) =
                count.query_row(range, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let messages = i64::try_from(made_of.messages).unwrap_or(i64::MAX);
            let unchanged = there == (messages, Some(summary.to.0), made_of.earlier.map(|id| id.0));
            if unchanged {
                transaction
                    .prepare_cached("UPDATE conversation SET summary = ?, summarised_to = ? WHERE id = ?")?
                    .execute(params![summary.text, summary.to.0, conversation.0])?;
            }
            Ok(unchanged)
        })
    }
}

/// Drops the summary of a conversation if `message` is in it: whoever takes something back does not want to be reminded of it.
pub(crate) fn forget(
    connection: &Connection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE conversation SET summary = NULL, summarised_to = NULL WHERE id = ? AND summarised_to >= ?",
        )?
        .execute(params![conversation.0, message.0])?;
    Ok(())
}
