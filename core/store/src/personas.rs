//! The owner's personas, sealed with the device's key, and which one speaks: for everybody, and in a conversation.

use rusqlite::{OptionalExtension as _, params};

use crate::conversations::require;
use crate::seal::{unwrap, wrap};
use crate::{ConversationId, Store, StoreError, back_up, scope};

impl Store {
    /// The owner's packs by their names, in the order of the alphabet.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn personas(&self) -> Result<Vec<(String, String)>, StoreError> {
        let key = self.device_key()?;
        let connection = self.device();
        let mut all = connection.prepare_cached("SELECT name, pack, rowid FROM persona ORDER BY name")?;
        let mut rows = all.query([])?;
        let mut packs = Vec::new();
        while let Some(row) = rows.next()? {
            let (name, sealed, row): (String, Vec<u8>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let unreadable = || StoreError::Unreadable { what: "the persona in row", row };
            let pack = unwrap(key.bytes(), &purpose(&name), &sealed).ok_or_else(unreadable)?;
            let pack = std::str::from_utf8(&pack).map_err(|_| unreadable())?.to_owned();
            packs.push((name, pack));
        }
        Ok(packs)
    }

    /// Keeps a pack under a name, in place of the one that had it.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn set_persona(&self, name: &str, pack: &str) -> Result<(), StoreError> {
        let sealed = wrap(self.device_key()?.bytes(), &purpose(name), pack.as_bytes())?;
        self.write_device(|transaction| {
            let set = "INSERT INTO persona (name, pack) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET pack = ?2";
            transaction.prepare_cached(set)?.execute(params![name, sealed])?;
            Ok(())
        })
    }

    /// Removes a pack; says whether there was one.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn remove_persona(&self, name: &str) -> Result<bool, StoreError> {
        self.require_root()?;
        let removed = self.write_device(|transaction| {
            back_up::count_deletion(transaction)?;
            Ok(transaction.prepare_cached("DELETE FROM persona WHERE name = ?")?.execute([name])? > 0)
        })?;
        scope::empty_log(&self.device());
        Ok(removed)
    }

    /// Which persona was chosen for a conversation of this person's, if one was.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn persona_of(&self, id: ConversationId) -> Result<Option<String>, StoreError> {
        self.read(|scope| {
            let mut find = scope.prepare_cached(
                "SELECT persona FROM conversation_persona JOIN conversation ON conversation.id = conversation_persona.conversation
                 WHERE conversation.id = ? AND person = ?",
            )?;
            Ok(find.query_row([id.0, scope.person()], |row| row.get(0)).optional()?)
        })
    }

    /// Chooses a persona for a conversation of this person's; nothing for the one that speaks anyway.
    ///
    /// # Errors
    /// There is none with this id, or see [`StoreError`].
    pub fn set_persona_of(&self, id: ConversationId, persona: Option<&str>) -> Result<(), StoreError> {
        self.write(|scope| {
            require(scope, id)?;
            match persona {
                Some(persona) => scope
                    .prepare_cached(
                        "INSERT INTO conversation_persona (conversation, persona) VALUES (?1, ?2)
                         ON CONFLICT (conversation) DO UPDATE SET persona = ?2",
                    )?
                    .execute(params![id.0, persona])?,
                None => {
                    scope.prepare_cached("DELETE FROM conversation_persona WHERE conversation = ?")?.execute([id.0])?
                }
            };
            Ok(())
        })
    }
}

/// What a pack is sealed for.
fn purpose(name: &str) -> Vec<u8> {
    [b"persona ", name.as_bytes()].concat()
}
