//! Finding what was said, and the conversations by their titles. Which words a text is found by is decided in `words`.
//!
//! Messages wait for the index until there are many of them, or until somebody searches: a word more in the index changes
//! pages all over the file, and whoever speaks should not wait for that.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::conversations::{self, Conversation, ConversationId};
use crate::messages::{self, Message};
use crate::{Store, StoreError, words};

/// How many messages may wait for the index. To index as many takes some tens of milliseconds.
const WAITING: i64 = 512;

/// From so many messages on it is quicker to write the index anew without them than to overwrite each word of each: both take
/// longer the larger the index is, and in the same measure.
const MANY: i64 = 150;

/// What a search found, the newest first in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Conversations with the words in their title, those first in which something was said last.
    pub conversations: Vec<Conversation>,
    /// Messages with the words in their text, each with the conversation that it is part of.
    pub messages: Vec<(ConversationId, Message)>,
}

impl Store {
    /// Looks for `wanted` in titles and messages: each of its words must be there, or one that begins with it, whatever the
    /// case, the accents and the order. Up to `limit` of each come back. What an edit has replaced is not found.
    ///
    /// # Errors
    /// See [`StoreError`]. Nothing that `wanted` may hold is an error.
    pub fn search(&self, wanted: &str, limit: usize) -> Result<Found, StoreError> {
        let Some(query) = words::query(wanted) else { return Ok(Found::default()) };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.index_all()?;
        let connection = self.connection();
        let mut titles = connection.prepare_cached(&format!(
            "SELECT {} FROM title_words JOIN conversation ON id = title_words.rowid
             WHERE title_words MATCH ? ORDER BY recency DESC LIMIT ?",
            conversations::COLUMNS
        ))?;
        let conversations = titles.query_map(params![query, limit], conversations::read)?.collect::<Result<_, _>>()?;
        // The index gives its rows in the order of ids, so the search ends with the last that is wanted.
        let mut texts = connection.prepare_cached(&format!(
            "SELECT {}, conversation FROM message_words CROSS JOIN message ON id = message_words.rowid
             WHERE message_words MATCH ? ORDER BY message_words.rowid DESC LIMIT ?",
            messages::COLUMNS
        ))?;
        let messages = texts.query_map(params![query, limit], |row| {
            Ok((ConversationId(row.get("conversation")?), messages::read(row)?))
        })?;
        Ok(Found { conversations, messages: messages.collect::<Result<_, _>>()? })
    }
}

impl Store {
    /// Indexes what waits. It is done by portions, so that others can write in between.
    fn index_all(&self) -> Result<(), StoreError> {
        loop {
            let newest: Option<i64> = {
                let connection = self.connection();
                let mut newest = connection.prepare_cached("SELECT max(id) FROM message")?;
                newest.query_row([], |row| row.get(0))?
            };
            if newest.unwrap_or(0) <= indexed_to(&self.connection())? {
                return Ok(());
            }
            self.write(|transaction| index_waiting(transaction))?;
        }
    }
}

/// Says that a message was added, and indexes what waits if it is much.
pub(crate) fn added(connection: &Connection, id: i64) -> Result<(), StoreError> {
    if id - indexed_to(connection)? < WAITING { Ok(()) } else { index_waiting(connection) }
}

/// Takes a message out of the index, if it is in it.
pub(crate) fn removed(connection: &Connection, id: i64, text: &str) -> Result<(), StoreError> {
    if id <= indexed_to(connection)? {
        MESSAGES.remove(connection, id, text)?;
    }
    Ok(())
}

/// Lets `remove` take `count` messages out of the index, so that nothing is left of them.
pub(crate) fn removing(
    connection: &Connection,
    count: i64,
    remove: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if count < MANY {
        return remove();
    }
    let overwriting = "INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', ?)";
    connection.prepare_cached(overwriting)?.execute([0])?;
    remove()?;
    connection.prepare_cached("INSERT INTO message_words (message_words) VALUES ('optimize')")?.execute([])?;
    connection.prepare_cached(overwriting)?.execute([1])?;
    Ok(())
}

/// The last message that is indexed.
fn indexed_to(connection: &Connection) -> Result<i64, StoreError> {
    let mut find = connection.prepare_cached("SELECT message FROM indexed_to")?;
    Ok(find.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Indexes the oldest messages that wait. What has been replaced meanwhile is not to be found.
fn index_waiting(connection: &Connection) -> Result<(), StoreError> {
    let mut waiting = connection
        .prepare_cached("SELECT id, text, replaced_by IS NULL FROM message WHERE id > ? ORDER BY id LIMIT ?")?;
    let mut to = indexed_to(connection)?;
    let mut rows = waiting.query([to, 2 * WAITING])?;
    while let Some(row) = rows.next()? {
        to = row.get(0)?;
        if row.get(2)? {
            MESSAGES.add(connection, to, row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        }
    }
    connection.prepare_cached("INSERT OR REPLACE INTO indexed_to (only, message) VALUES (1, ?)")?.execute([to])?;
    Ok(())
}

/// The index of the messages' texts.
const MESSAGES: Index = Index {
    add: "INSERT INTO message_words (rowid, words) VALUES (?, ?)",
    remove: "INSERT INTO message_words (message_words, rowid, words) VALUES ('delete', ?, ?)",
};

/// The index of the titles.
pub(crate) const TITLES: Index = Index {
    add: "INSERT INTO title_words (rowid, words) VALUES (?, ?)",
    remove: "INSERT INTO title_words (title_words, rowid, words) VALUES ('delete', ?, ?)",
};

/// An index, which keeps no text: what is taken out of it must be told again as it was put in.
#[derive(Clone, Copy)]
pub(crate) struct Index {
    add: &'static str,
    remove: &'static str,
}

impl Index {
    pub(crate) fn add(self, connection: &Connection, id: i64, text: &str) -> rusqlite::Result<()> {
        connection.prepare_cached(self.add)?.execute(params![id, words::to_index(text)]).map(drop)
    }

    pub(crate) fn remove(self, connection: &Connection, id: i64, text: &str) -> rusqlite::Result<()> {
        connection.prepare_cached(self.remove)?.execute(params![id, words::to_index(text)]).map(drop)
    }
}
