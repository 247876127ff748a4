//! What the owner changes about those who live there.

use rusqlite::{OptionalExtension as _, params};

use crate::passwords::fit_name;
use crate::{PersonId, Role, Store, StoreError};

impl Store {
    /// Calls somebody something else.
    ///
    /// # Errors
    /// The name is unfit or taken, or there is no such person, or this is not the owner's store, or see [`StoreError`].
    pub fn rename_person(&self, id: PersonId, name: &str) -> Result<(), StoreError> {
        self.require_root()?;
        let name = fit_name(name)?;
        self.known(id)?;
        self.write_device(|transaction| {
            let taken = "SELECT 1 FROM person WHERE name = ? AND id <> ?";
            if transaction.prepare_cached(taken)?.exists(params![name, id.0])? {
                return Err(StoreError::NameTaken);
            }
            transaction.prepare_cached("UPDATE person SET name = ? WHERE id = ?")?.execute(params![name, id.0])?;
            Ok(())
        })
    }

    /// Makes a guest of a member, or a member of a guest.
    ///
    /// # Errors
    /// It is the owner, or is to be; or there is no such person, or this is not the owner's store, or see [`StoreError`].
    pub fn set_role(&self, id: PersonId, role: Role) -> Result<(), StoreError> {
        self.require_root()?;
        if role == Role::Owner || self.known(id)?.role == Role::Owner {
            return Err(StoreError::OwnerStays);
        }
        self.write_device(|transaction| {
            let set = "UPDATE person SET role = ? WHERE id = ? AND role <> 'owner'";
            transaction.prepare_cached(set)?.execute(params![role.to_string(), id.0])?;
            Ok(())
        })
    }

    /// Whether somebody could sign in by a password or a passphrase.
    ///
    /// # Errors
    /// There is no such person, or see [`StoreError`].
    pub fn has_password(&self, id: PersonId) -> Result<bool, StoreError> {
        let find = "SELECT password IS NOT NULL OR passphrase IS NOT NULL FROM person WHERE id = ?";
        let found = self.device().prepare_cached(find)?.query_row([id.0], |row| row.get(0)).optional()?;
        found.ok_or(StoreError::NoPerson)
    }
}
