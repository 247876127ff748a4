//! API keys, sealed with the device's key. They are read to be used, and never listed.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use zeroize::Zeroizing;

use crate::conversations::moment;
use crate::seal::{unwrap, wrap};
use crate::{Store, StoreError, back_up, scope};

/// The longest name, in bytes: too short for most keys, so that none passes for its name by mistake.
const LONGEST_NAME: usize = 30;

impl Store {
    /// Keeps a secret under a name, in place of the one that had it.
    ///
    /// # Errors
    /// The name is unfit, or see [`StoreError`].
    pub fn set_secret(&self, name: &str, secret: &str) -> Result<(), StoreError> {
        self.keep_secret(name, secret, None)
    }

    /// The same, and remembers since when it is there.
    ///
    /// # Errors
    /// As [`Store::set_secret`].
    pub fn set_secret_at(&self, name: &str, secret: &str, at: Timestamp) -> Result<(), StoreError> {
        self.keep_secret(name, secret, Some(at))
    }

    fn keep_secret(&self, name: &str, secret: &str, at: Option<Timestamp>) -> Result<(), StoreError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
            return Err(StoreError::UnfitSecretName);
        }
        let sealed = wrap(self.device_key()?.bytes(), &purpose(name), secret.as_bytes())?;
        self.write_device(|transaction| {
            let set = "INSERT INTO secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
            transaction.prepare_cached(set)?.execute(params![name, sealed])?;
            transaction.prepare_cached("DELETE FROM secret_since WHERE name = ?")?.execute([name])?;
            if let Some(at) = at {
                let since = "INSERT INTO secret_since (name, at) VALUES (?, ?)";
                transaction.prepare_cached(since)?.execute(params![name, at.as_millisecond()])?;
            }
            Ok(())
        })
    }

    /// The secret with this name, if there is one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn secret(&self, name: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        let key = self.device_key()?;
        let find = "SELECT rowid, value FROM secret WHERE name = ?";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let sealed: Option<(i64, Vec<u8>)> = self.device().prepare_cached(find)?.query_row([name], read).optional()?;
        let Some((row, sealed)) = sealed else { return Ok(None) };
        let unreadable = || StoreError::Unreadable { what: "the secret in row", row };
        let secret = unwrap(key.bytes(), &purpose(name), &sealed).ok_or_else(unreadable)?;
        let secret = std::str::from_utf8(&secret).map_err(|_| unreadable())?;
        Ok(Some(Zeroizing::new(secret.to_owned())))
    }

    /// The names under which there are secrets.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn secret_names(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.device();
        let mut names = connection.prepare_cached("SELECT name FROM secret ORDER BY name")?;
        let names = names.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The same, each with since when it is there, where that is known.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn secrets_since(&self) -> Result<Vec<(String, Option<Timestamp>)>, StoreError> {
        let connection = self.device();
        let mut all = connection.prepare_cached(
            "SELECT secret.name, at FROM secret LEFT JOIN secret_since ON secret_since.name = secret.name ORDER BY 1",
        )?;
        let all = all.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(moment))))?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// Removes a secret; says whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_secret(&self, name: &str) -> Result<bool, StoreError> {
        let removed = self.write_device(|transaction| {
            back_up::count_deletion(transaction)?;
            Ok(transaction.prepare_cached("DELETE FROM secret WHERE name = ?")?.execute([name])? > 0)
        })?;
        scope::empty_log(&self.device());
        Ok(removed)
    }
}

/// What a secret is sealed for, so that one does not pass for another.
fn purpose(name: &str) -> Vec<u8> {
    [b"secret ", name.as_bytes()].concat()
}
