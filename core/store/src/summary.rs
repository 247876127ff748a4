//! The running summary: what stands for the beginning of a conversation that has grown longer than a model is reminded of.

use rusqlite::{OptionalExtension as _, params};

use crate::conversations::{self, ConversationId};
use crate::messages::MessageId;
use crate::scope::Scope;
use crate::seal::Column;
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
        self.read(|scope| {
            let mut find = scope.prepare_cached(
                "SELECT summary, summarised_to FROM conversation WHERE id = ? AND person = ? AND summary IS NOT NULL",
            )?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let found: Option<(Vec<u8>, i64)> = find.query_row([conversation.0, scope.person()], read).optional()?;
            let Some((sealed, to)) = found else { return Ok(None) };
            Ok(Some(Summary { text: scope.open(Column::Summary, conversation.0, &sealed)?, to: MessageId(to) }))
        })
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
        self.write(|scope| {
            conversations::require(scope, conversation)?;
            let mut count = scope.prepare_cached(
                "SELECT count(*), max(id), (SELECT summarised_to FROM conversation WHERE id = ?1) FROM message
                 WHERE conversation = ?1 AND replaced_by IS NULL AND id BETWEEN ?2 AND ?3",
            )?;
            let range = params![conversation.0, made_of.first.0, summary.to.0];
            let there: (i64, Option<i64>, Option<i64>) =
                count.query_row(range, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let messages = i64::try_from(made_of.messages).unwrap_or(i64::MAX);
            let unchanged = there == (messages, Some(summary.to.0), made_of.earlier.map(|id| id.0));
            if unchanged {
                let sealed = scope.seal(Column::Summary, conversation.0, &summary.text)?;
                scope
                    .prepare_cached("UPDATE conversation SET summary = ?, summarised_to = ? WHERE id = ?")?
                    .execute(params![sealed, summary.to.0, conversation.0])?;
            }
            Ok(unchanged)
        })
    }
}

/// Drops the summary of a conversation if `message` is in it: whoever takes something back does not want to be reminded of it.
pub(crate) fn forget(scope: &Scope<'_>, conversation: ConversationId, message: MessageId) -> Result<(), StoreError> {
    scope
        .prepare_cached(
            "UPDATE conversation SET summary = NULL, summarised_to = NULL WHERE id = ? AND summarised_to >= ?",
        )?
        .execute(params![conversation.0, message.0])?;
    Ok(())
}
