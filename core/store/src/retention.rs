//! What is kept for some days only: conversations in which nothing was said since, and the ledger. It goes in portions, so that
//! nobody waits for it; whoever calls pauses in between.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use crate::people::PrivacyTier;
use crate::scope::{self, Scope};
use crate::seal::Column;
use crate::{ConversationId, PersonId, Store, StoreError, back_up, conversations, index_tables, search};

/// Messages that go in one transaction. In an index of a million messages each takes a hundredth of a second.
const MESSAGES: i64 = 8;

/// Rows of the ledger, and messages without an index, that go in one transaction.
const ROWS: i64 = 1000;

impl Store {
    /// Deletes a portion of what anybody said in conversations in which nothing was said since `before`, if it is `now`. Says
    /// whether there may be more. What was said after something newer than `before` is no older, whatever the clock showed then:
    /// a board without a battery begins in 1970. Of people whose key is not here the index is dropped, and made anew when they search.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn forget_conversations(&self, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.require_root()?;
        let oldest = "SELECT conversation.id, person.id, person.number, tier FROM conversation
             JOIN person ON person.number = conversation.person
             WHERE changed < ?1 AND data_key IS NOT NULL AND recency <
                 ifnull((SELECT min(recency) FROM conversation WHERE changed BETWEEN ?1 AND ?2), recency + 1)
             ORDER BY changed LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| {
            let tier = PrivacyTier::read(row.get_ref(3)?.as_str()?);
            Ok((ConversationId(row.get(0)?), PersonId(row.get(1)?), row.get(2)?, tier))
        };
        let found =
            self.device().query_row(oldest, [before.as_millisecond(), now.as_millisecond()], read).optional()?;
        let Some((conversation, id, number, tier)) = found else { return Ok(false) };
        let with_key = if tier == PrivacyTier::Standard { self.of(id).ok() } else { None };
        match with_key {
            Some(store) => store.write(|scope| forget_some(scope, conversation))?,
            None => self.forget_without_key(conversation, number)?,
        }
        Ok(true)
    }

    /// Deletes a portion of everybody's ledger from before `before`. Says whether there may be more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn forget_traffic(&self, before: Timestamp) -> Result<bool, StoreError> {
        let gone = self.write_device(|transaction| {
            let old = "DELETE FROM traffic WHERE id IN (SELECT id FROM traffic WHERE at < ? LIMIT ?)";
            let gone = transaction.prepare_cached(old)?.execute([before.as_millisecond(), ROWS])?;
            if gone > 0 {
                back_up::count_deletion(transaction)?;
            }
            Ok(gone)
        })?;
        Ok(gone > 0)
    }

    /// Empties the log of the last changes, which is done once after all portions.
    pub fn forget_log(&self) {
        scope::empty_log(&self.device());
    }

    fn forget_without_key(&self, conversation: ConversationId, person: i64) -> Result<(), StoreError> {
        self.write_device(|transaction| {
            back_up::count_deletion(transaction)?;
            if delete_rows(transaction, conversation)? {
                return Ok(());
            }
            // The words of what was said in it are left, and nobody here knows which they are. Of its title, hashes stay that
            // only the person's key makes.
            index_tables::empty_messages(transaction, person)?;
            transaction.execute("DELETE FROM conversation WHERE id = ?", [conversation.0])?;
            Ok(())
        })
    }
}

/// Deletes the oldest messages of a conversation, whole turns of them, and in the end the conversation.
fn forget_some(scope: &Scope<'_>, conversation: ConversationId) -> Result<(), StoreError> {
    back_up::count_deletion(scope)?;
    let mut oldest = scope.prepare_cached(
        "SELECT id, text FROM message WHERE conversation = ? AND replaced_by IS NULL ORDER BY id LIMIT ?",
    )?;
    let rows = oldest.query_map([conversation.0, MESSAGES], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(i64, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return conversations::delete(scope, conversation);
    }
    for (id, sealed) in rows {
        search::removed(scope, id, &scope.open(Column::Text, id, &sealed)?)?;
        scope.prepare_cached("DELETE FROM message WHERE id = ?")?.execute([id])?;
    }
    Ok(())
}

/// Deletes some messages of a conversation; says whether there were any.
fn delete_rows(connection: &Connection, conversation: ConversationId) -> Result<bool, StoreError> {
    let some = "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE conversation = ? LIMIT ?)";
    Ok(connection.prepare_cached(some)?.execute([conversation.0, ROWS])? > 0)
}
