//! The tables of a person's index. Each person has tables of their own, so that they can be dropped and made anew without
//! the key: what stands in an index is known only to whoever can hash its words.

use rusqlite::Connection;

use crate::StoreError;

/// Makes a person's empty index. What stands in it is made in `words`: whole tokens, which the tokenizer only has to tell
/// apart at the spaces.
pub(crate) fn create(connection: &Connection, person: i64) -> Result<(), StoreError> {
    [messages(person), titles(person)].iter().try_for_each(|name| create_one(connection, name))
}

/// Empties the index of a person's messages, which then wait for it.
pub(crate) fn empty_messages(connection: &Connection, person: i64) -> Result<(), StoreError> {
    let name = messages(person);
    connection.execute_batch(&format!("DROP TABLE IF EXISTS {name}"))?;
    connection.execute("DELETE FROM indexed_to WHERE person = ?", [person])?;
    create_one(connection, &name)
}

fn create_one(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.execute_batch(&format!(
        "CREATE VIRTUAL TABLE {name} USING fts5 (words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
         INSERT INTO {name} ({name}, rank) VALUES ('secure-delete', 1);"
    ))?;
    Ok(())
}

/// Drops a person's index, whose pages are overwritten.
pub(crate) fn drop_all(connection: &Connection, person: i64) -> Result<(), StoreError> {
    for name in [messages(person), titles(person)] {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS {name}"))?;
    }
    connection.execute("DELETE FROM indexed_to WHERE person = ?", [person])?;
    Ok(())
}

/// The table of the messages' words.
pub(crate) fn messages(person: i64) -> String {
    format!("message_words_{person}")
}

/// The table of the titles' words.
pub(crate) fn titles(person: i64) -> String {
    format!("title_words_{person}")
}
