//! The conversation of the doors that have no choice of conversations: the voice's and `pipit ask`'s.

use jiff::Timestamp;
use pipit_core::chat::{Door, Exchange, Role};
use rusqlite::{OptionalExtension as _, params};

use crate::conversations::{self, ConversationId};
use crate::messages::{NewReply, NewTurn, Said, TurnIds, insert_turn};
use crate::scope::Scope;
use crate::{Store, StoreError};

/// What it is called until somebody renames it.
const TITLE: &str = "Voice and terminal";

impl Store {
    /// Remembers a request and what was heard of its reply, both or neither.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn add_exchange(&self, door: Door, at: Timestamp, exchange: &Exchange) -> Result<(), StoreError> {
        let turn = NewTurn {
            door: Some(door),
            request: Said { at, text: exchange.asked.clone() },
            reply: NewReply { at, text: exchange.heard.clone(), heard: None },
        };
        self.append_to_standing(&turn).map(drop)
    }

    /// Adds a request and its reply to the conversation of the doors that have no choice of conversations, which is begun if
    /// there is none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn append_to_standing(&self, turn: &NewTurn) -> Result<(ConversationId, TurnIds), StoreError> {
        self.write(|scope| {
            let conversation = match standing(scope)? {
                Some(conversation) => conversation,
                None => begin_standing(scope, turn.request.at)?,
            };
            Ok((conversation, insert_turn(scope, conversation, turn)?))
        })
    }

    /// The conversation of the doors that have no choice of conversations, if it has begun.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn standing_conversation(&self) -> Result<Option<ConversationId>, StoreError> {
        self.read(standing)
    }

    /// The last `limit` exchanges, the oldest of them first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn recent_exchanges(&self, limit: usize) -> Result<Vec<Exchange>, StoreError> {
        let Some(conversation) = self.read(standing)? else { return Ok(Vec::new()) };
        let messages = match self.last_messages(conversation, limit.saturating_mul(2)) {
            // Another program has deleted it since.
            Err(StoreError::NoConversation(_)) => Vec::new(),
            messages => messages?,
        };
        let mut exchanges = Vec::with_capacity(messages.len() / 2);
        let mut asked = None;
        for message in messages {
            match message.role {
                Role::User => asked = Some(message.text),
                Role::Assistant | Role::System => {
                    let heard = message.said().to_owned();
                    exchanges.extend(asked.take().map(|asked| Exchange { asked, heard }));
                }
            }
        }
        Ok(exchanges)
    }
}

fn standing(scope: &Scope<'_>) -> Result<Option<ConversationId>, StoreError> {
    let mut find = scope.prepare_cached("SELECT id FROM conversation WHERE person = ? AND standing = 1")?;
    Ok(find.query_row([scope.person()], |row| row.get(0).map(ConversationId)).optional()?)
}

fn begin_standing(scope: &Scope<'_>, at: Timestamp) -> Result<ConversationId, StoreError> {
    let id = conversations::insert(scope, TITLE, false, at)?;
    scope.prepare_cached("UPDATE conversation SET standing = 1 WHERE id = ?")?.execute(params![id.0])?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite reports a file that may not grow any further as it reports a full disk.
    #[test]
    fn a_full_disk_costs_only_what_did_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipit.db");
        let first = Exchange { asked: "first".to_owned(), heard: "Kept.".to_owned() };
        let long = Exchange { asked: "more".to_owned(), heard: "word ".repeat(500) };
        let store = Store::open(&file).unwrap();
        store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &first).unwrap();
        store.device().pragma_update(None, "max_page_count", 90).unwrap();
        let error = loop {
            match store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &long) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::DiskFull), "{error}");
        let conversation = store.conversations(None, 1).unwrap()[0].id;
        assert_eq!(store.messages(conversation, None, usize::MAX).unwrap().len() % 2, 0, "no half turn");
        assert_eq!(store.recent_exchanges(100).unwrap()[0], first);
        drop(store);
        assert_eq!(Store::open(&file).unwrap().recent_exchanges(100).unwrap()[0], first);
    }

    /// As SQLite reports a file on a disk that was mounted read-only.
    #[test]
    fn what_cannot_be_written_is_said_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let first = Exchange { asked: "first".to_owned(), heard: "Kept.".to_owned() };
        store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &first).unwrap();
        let conversation = store.conversations(None, 1).unwrap()[0].id;
        store.device().pragma_update(None, "query_only", true).unwrap();
        for outcome in [
            store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &first),
            store.rename_conversation(conversation, "Another"),
            store.delete_conversation(conversation),
        ] {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains("readonly") && error.contains("check that its disk"), "{error}");
        }
        assert_eq!(store.recent_exchanges(9).unwrap(), [first]);
    }
}
