//! Removing a person wholly. The key goes first, and with it everything can be read by nobody; what can't be read any more is
//! then deleted in portions, so that nobody has to wait for it, and by the next opening where it was interrupted.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};

use crate::people::{self, NewEntry, PrivacyTier, Role};
use crate::{KeySource, PersonId, Store, StoreError, audit, back_up, index_tables, open, scope, sessions, settle};

/// Rows that are deleted in one transaction: some milliseconds.
const PORTION: i64 = 1000;

/// How many rows are left of those whose keys are gone.
const LEFT: &str = "WITH gone AS (SELECT number FROM person WHERE data_key IS NULL AND tier <> 'ephemeral')
     SELECT (SELECT count(*) FROM conversation JOIN message ON message.conversation = conversation.id WHERE person IN gone)
         + (SELECT count(*) FROM conversation WHERE person IN gone) + (SELECT count(*) FROM fact WHERE person IN gone)
         + (SELECT count(*) FROM announcement WHERE person IN gone) + (SELECT count(*) FROM traffic WHERE person IN gone)";

/// What is left of somebody who was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Files that were set aside because they were damaged or could not be read, and that may hold texts of theirs. They are
    /// somebody's last hope or nobody's, which a person must decide.
    pub set_aside: Vec<PathBuf>,
}

impl Store {
    /// Removes a person and everything that is theirs: conversations, facts, ledger, keys, and the copies of the file that hold
    /// any of it. Where it is the owner, the device begins with a new one who has said nothing, once it is opened again.
    ///
    /// # Errors
    /// There is no such person, or this is not the owner's store, or see [`StoreError`]; what could not be removed yet is
    /// removed at the next opening.
    pub fn erase_person(&self, id: PersonId) -> Result<Erased, StoreError> {
        let erased = self.forget_person(id)?;
        self.clean_up(&mut |_, _| ())?;
        Ok(erased)
    }

    /// The first half of [`Store::erase_person`], which takes milliseconds and can't be taken back: the person's key goes. What they
    /// have left waits for [`Store::clean_up`].
    ///
    /// # Errors
    /// There is no such person, or this is not the owner's store, or see [`StoreError`]; then they are there as before.
    pub fn forget_person(&self, id: PersonId) -> Result<Erased, StoreError> {
        let successor = NewEntry::standard(self.device_key()?)?;
        self.write_device(|transaction| {
            back_up::count_deletion(transaction)?;
            let mut find =
                transaction.prepare("SELECT number, role = 'owner', name, since FROM person WHERE id = ?")?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let found: Option<(i64, bool, Option<String>, i64)> = find.query_row([id.0], read).optional()?;
            let (number, is_owner, name, since) = found.ok_or(StoreError::NoPerson)?;
            forget_key(transaction, number)?;
            if is_owner {
                let since = crate::conversations::moment(since);
                let (role, tier) = (Role::Owner, PrivacyTier::Standard);
                people::insert(transaction, &successor, name.as_deref(), role, tier, since)?;
            }
            Ok(())
        })?;
        Ok(Erased { set_aside: self.file().map(|file| set_aside(&file)).unwrap_or_default() })
    }

    /// The second half, which takes as long as there is much: deletes what those have left whose keys are gone, and makes the last
    /// good copy anew without it. `progress` is told how many rows are deleted and of how many; once both are the same, only
    /// the copy is left.
    ///
    /// # Errors
    /// See [`StoreError`]; the rest is deleted at the next opening.
    pub fn clean_up(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        self.finish_erasures(progress)?;
        if self.is_copied() { self.back_up() } else { Ok(()) }
    }

    /// Deletes what those have left whose keys are gone.
    pub(crate) fn finish_erasures(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let total: i64 = self.device().query_row(LEFT, [], |row| row.get(0))?;
        let (total, mut done) = (total.unsigned_abs(), 0);
        progress(done, total);
        let gone = "SELECT number FROM person WHERE data_key IS NULL AND tier <> 'ephemeral' LIMIT 1";
        loop {
            let person: Option<i64> = self.device().query_row(gone, [], |row| row.get(0)).optional()?;
            let Some(person) = person else { break };
            loop {
                let deleted = self.write_device(|transaction| delete_portion(transaction, person))?;
                if deleted == 0 {
                    break;
                }
                // Of somebody who is erased meanwhile there is more.
                done = total.min(done + deleted);
                progress(done, total);
            }
        }
        scope::empty_log(&self.device());
        Ok(())
    }

    /// Gives up what the lost key of a file would open, and goes on with a new one: everybody Standard begins with nothing, and
    /// PINs and API keys are to be set anew. Who is Private keeps everything. The file as it was is kept beside it, for the
    /// case that the key comes back, and its name is returned.
    ///
    /// # Errors
    /// The key is not lost, or the file can't be opened or copied; then nothing has changed.
    #[expect(clippy::disallowed_methods, reason = "the time only makes the name of the file that is kept")]
    pub fn begin_anew(file: &Path, source: &KeySource) -> Result<PathBuf, StoreError> {
        match Store::open_with(file, source) {
            Ok(_) => return Err(StoreError::KeyNotLost),
            Err(StoreError::KeyLost { .. }) => {}
            Err(error) => return Err(error),
        }
        let mark = format!(".unreadable-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
        let kept = open::beside(file, &mark);
        let mut connection = open::connect(file)?;
        open::create_private(&kept)
            .map_err(|error| StoreError::Unopened { file: kept.clone(), why: error.to_string() })?;
        connection.execute("VACUUM INTO ?", [kept.to_string_lossy()])?;
        let key = source.replace(file, &mark)?;
        let transaction = connection.transaction()?;
        let standard: Vec<(i64, Option<String>, String, i64)> = {
            let mut all = transaction.prepare(
                "SELECT number, name, role, since FROM person WHERE tier = 'standard' AND data_key IS NOT NULL",
            )?;
            let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for (number, name, role, since) in standard {
            forget_key(&transaction, number)?;
            let (entry, since) = (NewEntry::standard(&key)?, crate::conversations::moment(since));
            people::insert(&transaction, &entry, name.as_deref(), Role::read(&role), PrivacyTier::Standard, since)?;
        }
        settle::prove(&transaction, &key)?;
        transaction
            .execute_batch("DELETE FROM secret; UPDATE person SET pin = NULL, pin_wrong = 0, password = NULL;")?;
        audit::forget(&transaction)?;
        back_up::count_deletion(&transaction)?;
        transaction.commit()?;
        Ok(kept)
    }
}

/// From here on nobody can read what the person said, and it waits to be deleted.
fn forget_key(connection: &Connection, number: i64) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE person SET data_key = NULL, passphrase = NULL, password = NULL, pin = NULL, name = NULL, role = 'guest',
             tier = 'standard' WHERE number = ?",
        [number],
    )?;
    sessions::forget_all(connection, number)
}

/// Deletes some of what is left of a person, and in the end the person. Says how many rows that were, the person's own left out.
fn delete_portion(connection: &Connection, person: i64) -> Result<u64, StoreError> {
    index_tables::drop_all(connection, person)?;
    let all = [
        "DELETE FROM message WHERE id IN (SELECT message.id FROM conversation
             JOIN message ON message.conversation = conversation.id WHERE person = ?1 LIMIT ?2)",
        "DELETE FROM conversation WHERE id IN (SELECT id FROM conversation WHERE person = ?1 LIMIT ?2)",
        "DELETE FROM fact WHERE id IN (SELECT id FROM fact WHERE person = ?1 LIMIT ?2)",
        "DELETE FROM announcement WHERE id IN (SELECT id FROM announcement WHERE person = ?1 LIMIT ?2)",
        "DELETE FROM traffic WHERE id IN (SELECT id FROM traffic WHERE person = ?1 LIMIT ?2)",
    ];
    for delete in all {
        let deleted = connection.prepare_cached(delete)?.execute([person, PORTION])?;
        if deleted > 0 {
            return Ok(deleted as u64);
        }
    }
    connection.prepare_cached("DELETE FROM person WHERE number = ?")?.execute([person])?;
    Ok(0)
}

/// Files beside this one that were set aside.
fn set_aside(file: &Path) -> Vec<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_aside = |path: &PathBuf| {
        let other = path.file_name().unwrap_or_default().to_string_lossy();
        other.strip_prefix(&name).is_some_and(|rest| rest.starts_with(".corrupt-") || rest.starts_with(".unreadable-"))
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A folder that can't be read has just been written to.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut aside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_aside).collect();
    aside.sort();
    aside
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{NewPerson, NewPrivacy};

    /// As SQLite reports a file on a disk that was mounted read-only.
    #[test]
    fn on_a_disk_that_is_read_only_nobody_is_erased_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        let new = NewPerson { name: Some("Ann"), role: Role::Member, privacy: NewPrivacy::Standard };
        let ann = store.add_person(&new, Timestamp::UNIX_EPOCH).unwrap();
        store.of(ann).unwrap().add_fact("the wren sings", Timestamp::UNIX_EPOCH).unwrap();
        store.device().pragma_update(None, "query_only", true).unwrap();
        let error = store.erase_person(ann).unwrap_err().to_string();
        assert!(error.contains("readonly") && error.contains("check that its disk"), "{error}");
        assert_eq!(store.of(ann).unwrap().facts().unwrap()[0].text, "the wren sings");
        store.device().pragma_update(None, "query_only", false).unwrap();
        store.erase_person(ann).unwrap();
        assert_eq!(store.people().unwrap().len(), 1);
    }
}
