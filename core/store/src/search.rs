//! Finding what was said, and the conversations by their titles. Which words a text is found by is decided in `words`.
//!
//! Messages wait for the index until there are many of them, or until somebody searches: a word more in the index changes
//! pages all over the file, and whoever speaks should not wait for that.

use rusqlite::{OptionalExtension as _, params};

use crate::conversations::{self, Conversation, ConversationId};
use crate::messages::{self, Message};
use crate::scope::Scope;
use crate::seal::Column;
use crate::{Store, StoreError, index_tables, words};

/// How many messages may wait for the index. To index as many takes some tens of milliseconds.
const WAITING: i64 = 512;

/// How many messages of others are passed over at once on the way to those that wait.
const PASSED: i64 = 32 * WAITING;

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
        self.index_all()?;
        self.read(|scope| {
            let Some(query) = words::query(wanted, |word| scope.digest(word)) else { return Ok(Found::default()) };
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            Ok(Found {
                conversations: conversations_with(scope, &query, limit)?,
                messages: messages_with(scope, &query, limit)?,
            })
        })
    }

    /// Indexes what waits. It is done by portions, so that others can write in between.
    fn index_all(&self) -> Result<(), StoreError> {
        loop {
            let (newest, indexed_to) = self.read(|scope| {
                let mut newest = scope.prepare_cached("SELECT ifnull(max(id), 0) FROM message")?;
                Ok((newest.query_row([], |row| row.get::<_, i64>(0))?, indexed_to(scope)?))
            })?;
            if newest <= indexed_to {
                return Ok(());
            }
            self.write(index_waiting)?;
        }
    }
}

fn conversations_with(scope: &Scope<'_>, query: &str, limit: i64) -> Result<Vec<Conversation>, StoreError> {
    let table = index_tables::titles(scope.person());
    let mut titles = scope.prepare_cached(&format!(
        "SELECT {} FROM {table} JOIN conversation ON id = {table}.rowid
         WHERE {table} MATCH ? AND person = ? ORDER BY recency DESC LIMIT ?",
        conversations::COLUMNS
    ))?;
    let found = titles.query_and_then(params![query, scope.person(), limit], |row| conversations::read(scope, row))?;
    found.collect()
}

fn messages_with(scope: &Scope<'_>, query: &str, limit: i64) -> Result<Vec<(ConversationId, Message)>, StoreError> {
    // The index gives its rows in the order of ids, so the search ends with the last that is wanted.
    let table = index_tables::messages(scope.person());
    let mut texts = scope.prepare_cached(&format!(
        "SELECT {}, conversation FROM {table} CROSS JOIN message ON id = {table}.rowid
         WHERE {table} MATCH ? AND {} ORDER BY {table}.rowid DESC LIMIT ?",
        messages::COLUMNS,
        messages::IS_OWN
    ))?;
    let found = texts.query_and_then(params![query, scope.person(), limit], |row| {
        Ok((ConversationId(row.get("conversation")?), messages::read(scope, row)?))
    })?;
    found.collect()
}

/// Says that a message was added, and indexes what waits if it is much.
pub(crate) fn added(scope: &Scope<'_>, id: i64) -> Result<(), StoreError> {
    if id - indexed_to(scope)? < WAITING { Ok(()) } else { index_waiting(scope) }
}

/// Takes a message out of the index, if it is in it.
pub(crate) fn removed(scope: &Scope<'_>, id: i64, text: &str) -> Result<(), StoreError> {
    if id <= indexed_to(scope)? {
        MESSAGES.remove(scope, id, text)?;
    }
    Ok(())
}

/// Lets `remove` take `count` messages out of the index, so that nothing is left of them.
pub(crate) fn removing(
    scope: &Scope<'_>,
    count: i64,
    remove: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if count < MANY {
        return remove();
    }
    let table = index_tables::messages(scope.person());
    let overwriting = format!("INSERT INTO {table} ({table}, rank) VALUES ('secure-delete', ?)");
    scope.prepare_cached(&overwriting)?.execute([0])?;
    remove()?;
    scope.prepare_cached(&format!("INSERT INTO {table} ({table}) VALUES ('optimize')"))?.execute([])?;
    scope.prepare_cached(&overwriting)?.execute([1])?;
    Ok(())
}

/// The last message that is indexed.
fn indexed_to(scope: &Scope<'_>) -> Result<i64, StoreError> {
    let mut find = scope.prepare_cached("SELECT message FROM indexed_to WHERE person = ?")?;
    Ok(find.query_row([scope.person()], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Indexes the oldest messages that wait, of the person whose words can be hashed with this key. What has been replaced
/// meanwhile is not to be found.
fn index_waiting(scope: &Scope<'_>) -> Result<(), StoreError> {
    // What others have said in between is only counted, not read.
    let mut waiting = scope.prepare_cached(
        "SELECT message.id, CASE WHEN person = ?1 AND replaced_by IS NULL THEN text END
         FROM message CROSS JOIN conversation ON conversation.id = message.conversation
         WHERE message.id > ?2 ORDER BY message.id LIMIT ?3",
    )?;
    let mut to = indexed_to(scope)?;
    let mut own = 0;
    let mut rows = waiting.query(params![scope.person(), to, PASSED])?;
    while let Some(row) = rows.next()? {
        if own == 2 * WAITING {
            break;
        }
        to = row.get(0)?;
        if let Some(sealed) = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
            own += 1;
            MESSAGES.add(scope, to, &scope.open(Column::Text, to, sealed)?)?;
        }
    }
    scope
        .prepare_cached("INSERT OR REPLACE INTO indexed_to (person, message) VALUES (?, ?)")?
        .execute([scope.person(), to])?;
    Ok(())
}

/// The index of the messages' texts.
const MESSAGES: Index = Index { table: index_tables::messages };

/// The index of the titles.
pub(crate) const TITLES: Index = Index { table: index_tables::titles };

/// An index, which keeps no text: what is taken out of it must be told again as it was put in.
#[derive(Clone, Copy)]
pub(crate) struct Index {
    /// The table of a person.
    table: fn(i64) -> String,
}

impl Index {
    pub(crate) fn add(self, scope: &Scope<'_>, id: i64, text: &str) -> Result<(), StoreError> {
        let table = (self.table)(scope.person());
        let add = format!("INSERT INTO {table} (rowid, words) VALUES (?, ?)");
        scope.prepare_cached(&add)?.execute(params![id, words::to_index(text, |word| scope.digest(word))])?;
        Ok(())
    }

    pub(crate) fn remove(self, scope: &Scope<'_>, id: i64, text: &str) -> Result<(), StoreError> {
        let table = (self.table)(scope.person());
        let remove = format!("INSERT INTO {table} ({table}, rowid, words) VALUES ('delete', ?, ?)");
        scope.prepare_cached(&remove)?.execute(params![id, words::to_index(text, |word| scope.digest(word))])?;
        Ok(())
    }
}
