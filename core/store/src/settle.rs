//! What a file is given when it is opened with a key for the first time: its owner, and a seal on everything that an older
//! Pipit left in it unsealed. It is one transaction, so that after a crash it is as it was, and done again.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::people::{self, NewEntry, Principal, PrivacyTier, Role};
use crate::scope::{Scope, empty_log};
use crate::seal::{Column, unwrap, wrap};
use crate::search::TITLES;
use crate::{DeviceKey, KeyProblem, KeySource, PersonId, Store, StoreError, Unreadable};

/// What the proof of the device's key is wrapped for.
const PROOF: &[u8] = b"proof of the device key";

/// What the owner is called until somebody says otherwise.
const OWNER: &str = "owner";

/// Finds the device's key and with it the owner's. A file that has never been opened with a key takes the one that is there,
/// or a new one.
///
/// # Errors
/// [`StoreError::KeyLost`] if the file has a key and this is not it; then nothing has changed.
pub(crate) fn settle(
    connection: &mut Connection,
    file: &Path,
    source: &KeySource,
) -> Result<(DeviceKey, Principal), StoreError> {
    let device_key = match proof(connection)? {
        Some(proof) => {
            let lost = |problem, connection: &Connection| {
                Ok(StoreError::KeyLost { file: source.file(file), problem, lost: unreadable(connection)? })
            };
            match source.read(file) {
                Ok(key) if unwrap(key.bytes(), PROOF, &proof).is_some() => key,
                Ok(_) => return Err(lost(KeyProblem::Wrong, connection).unwrap_or_else(|error| error)),
                Err(problem) => return Err(lost(problem, connection).unwrap_or_else(|error| error)),
            }
        }
        None => {
            let key = source.read_or_make(file)?;
            begin(connection, &key)?;
            key
        }
    };
    let principal = owner(connection, &device_key)?;
    Ok((device_key, principal))
}

/// What the device's key is known by, if the file was ever opened with one.
pub(crate) fn proof(connection: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    let proof = connection.query_row("SELECT proof FROM device_key", [], |row| row.get(0)).optional()?;
    Ok(proof)
}

/// Writes down by what this key is known.
pub(crate) fn prove(connection: &Connection, key: &DeviceKey) -> Result<(), StoreError> {
    let proof = wrap(key.bytes(), PROOF, &[])?;
    connection.execute("INSERT OR REPLACE INTO device_key (only, proof) VALUES (1, ?)", [proof])?;
    Ok(())
}

/// The owner, as the device's key opens what is theirs.
fn owner(connection: &Connection, device_key: &DeviceKey) -> Result<Principal, StoreError> {
    let id: [u8; 16] = connection.query_row("SELECT id FROM person WHERE role = 'owner'", [], |row| row.get(0))?;
    let wrapped = people::find(connection, PersonId(id))?;
    let bytes = wrapped.unwrap_with(device_key.bytes(), PersonId(id))?;
    Ok(wrapped.principal(&bytes, PersonId(id)))
}

/// What can't be read without the device's key.
fn unreadable(connection: &Connection) -> Result<Unreadable, StoreError> {
    let mut standard = connection.prepare(
        "SELECT ifnull(name, 'a guest'), (SELECT count(*) FROM conversation WHERE person = number),
             (SELECT count(*) FROM fact WHERE person = number)
         FROM person WHERE tier = 'standard' AND data_key IS NOT NULL ORDER BY number",
    )?;
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, u32>(0));
    Ok(Unreadable {
        people: standard.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?,
        secrets: count("SELECT count(*) FROM secret")?,
        private: count("SELECT count(*) FROM person WHERE tier = 'private'")?,
    })
}

/// Adds the owner, and seals what an older Pipit has left.
fn begin(connection: &mut Connection, key: &DeviceKey) -> Result<(), StoreError> {
    // Tables that refer to each other go, and whole.
    connection.pragma_update(None, "foreign_keys", false)?;
    let begun = begin_in_transaction(connection, key);
    connection.pragma_update(None, "foreign_keys", true)?;
    begun
}

#[expect(clippy::disallowed_methods, reason = "the time only says since when there is an owner")]
fn begin_in_transaction(connection: &mut Connection, key: &DeviceKey) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    prove(&transaction, key)?;
    let (entry, now) = (NewEntry::standard(key)?, jiff::Timestamp::now());
    people::insert(&transaction, &entry, Some(OWNER), Role::Owner, PrivacyTier::Standard, now)?;
    let principal = owner(&transaction, key)?;
    seal_all(&Scope::new(&transaction, &principal))?;
    transaction.commit()?;
    Ok(())
}

/// Seals what lies in the tables of an older Pipit, and drops them. Deleted pages are overwritten.
fn seal_all(scope: &Scope<'_>) -> Result<(), StoreError> {
    if scope.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'plain_message'")?.exists([])? {
        seal_conversations(scope)?;
        seal_messages(scope)?;
        seal_facts(scope)?;
        scope.execute_batch("DROP TABLE plain_message; DROP TABLE plain_conversation; DROP TABLE plain_fact;")?;
        scope.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('to_tidy_up', '1')", [])?;
    }
    Ok(())
}

fn seal_conversations(scope: &Scope<'_>) -> Result<(), StoreError> {
    let mut plain = scope.prepare("SELECT id, title, system_prompt, summary FROM plain_conversation")?;
    let mut add = scope.prepare(
        "INSERT INTO conversation SELECT id, ?2, key, ?3, temporary, ?4, ?5, summarised_to, created, changed, recency, standing
         FROM plain_conversation WHERE id = ?1",
    )?;
    let mut rows = plain.query([])?;
    while let Some(row) = rows.next()? {
        let (id, title): (i64, String) = (row.get(0)?, row.get(1)?);
        let (prompt, summary): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        add.execute(params![
            id,
            scope.person(),
            scope.seal(Column::Title, id, &title)?,
            scope.seal_some(Column::SystemPrompt, id, prompt.as_deref())?,
            scope.seal_some(Column::Summary, id, summary.as_deref())?,
        ])?;
        TITLES.add(scope, id, &title)?;
    }
    Ok(())
}

/// They wait for the index, which is made when somebody searches.
fn seal_messages(scope: &Scope<'_>) -> Result<(), StoreError> {
    let mut plain = scope.prepare("SELECT id, text, heard FROM plain_message ORDER BY id")?;
    let mut add = scope.prepare(
        "INSERT INTO message SELECT id, conversation, role, door, at, ?2, ?3, replaced_by FROM plain_message WHERE id = ?1",
    )?;
    let mut rows = plain.query([])?;
    while let Some(row) = rows.next()? {
        let (id, text, heard): (i64, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let heard = scope.seal_some(Column::Heard, id, heard.as_deref())?;
        add.execute(params![id, scope.seal(Column::Text, id, &text)?, heard])?;
    }
    Ok(())
}

fn seal_facts(scope: &Scope<'_>) -> Result<(), StoreError> {
    let mut plain = scope.prepare("SELECT id, text, at FROM plain_fact ORDER BY id")?;
    let mut add = scope.prepare("INSERT INTO fact (id, person, text, digest, at) VALUES (?, ?, ?, ?, ?)")?;
    let mut rows = plain.query([])?;
    while let Some(row) = rows.next()? {
        let (id, text, at): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let digest = crate::facts::digest(scope, &text);
        add.execute(params![id, scope.person(), scope.seal(Column::Fact, id, &text)?, digest, at])?;
    }
    Ok(())
}

/// After everything was sealed: nothing of what it was before is to be left in the free parts of the file, in the log of the
/// last changes, or in the last copy. Where the disk has no room for it, it is done at the next opening.
pub(crate) fn tidy_up(store: &Store) {
    if let Err(error) = store.finish_erasures(&mut |_, _| ()) {
        tracing::warn!("what was erased is not all gone yet: {error}");
    }
    if let Err(error) = try_to_tidy_up(store) {
        tracing::warn!("the history is sealed, but its last copy from before is not gone yet: {error}");
    }
}

fn try_to_tidy_up(store: &Store) -> Result<(), StoreError> {
    let pending = "SELECT 1 FROM setting WHERE key = 'to_tidy_up'";
    if !store.device().prepare(pending)?.exists([])? {
        return Ok(());
    }
    store.device().execute_batch("VACUUM")?;
    empty_log(&store.device());
    if store.is_copied() {
        store.back_up()?;
    }
    store.write_device(|transaction| {
        transaction.execute("DELETE FROM setting WHERE key = 'to_tidy_up'", [])?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::connect;

    /// A file as an older Pipit left it.
    fn older(file: &Path) {
        let raw = Connection::open(file).unwrap();
        raw.execute_batch(include_str!("../tests/version_5.sql")).unwrap();
        raw.execute_batch(
            "INSERT INTO conversation (id, key, title, temporary, created, changed, recency) VALUES (7, 'k', 'Old', 0, 1, 2, 3);
             INSERT INTO message (conversation, role, at, text)
                 WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 199)
                 SELECT 7, iif(n % 2 = 0, 'user', 'assistant'), 1, 'said ' || n FROM n;",
        )
        .unwrap();
    }

    /// SQLite reports a file that may not grow any further as it reports a full disk, and one that may not be changed as one on
    /// a disk that was mounted read-only.
    #[test]
    fn a_disk_that_is_full_or_read_only_leaves_an_older_file_as_it_was() {
        for (pragma, value) in [("max_page_count", 1), ("query_only", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("pipit.db");
            older(&file);
            let mut connection = connect(&file).unwrap();
            connection.pragma_update(None, pragma, value).unwrap();
            let error = settle(&mut connection, &file, &KeySource::Beside).unwrap_err();
            match pragma {
                "max_page_count" => assert!(matches!(error, StoreError::DiskFull), "{error}"),
                _ => assert!(error.to_string().contains("readonly"), "{error}"),
            }
            let plain = "SELECT count(*) FROM plain_message";
            assert_eq!(connection.query_row(plain, [], |row| row.get::<_, u32>(0)).unwrap(), 200);
            drop(connection);
            let store = Store::open(&file).unwrap();
            let conversation = store.conversations(None, 1).unwrap()[0].id;
            let messages = store.messages(conversation, None, usize::MAX).unwrap();
            assert_eq!((messages.len(), messages[199].text.as_str()), (200, "said 199"));
        }
    }
}
