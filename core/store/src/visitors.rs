//! Those who may sign in without a password, if the owner allows it. All of them are one guest to the file, where nothing is kept
//! that they say; what each of them says is in the memory of their own session.

use jiff::Timestamp;

use crate::{NewPerson, NewPrivacy, Person, PersonId, Role, Store, StoreError};

const SETTING: &str = "visitor";

impl Store {
    /// The guest that whoever comes without a password is, if anybody may.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn visitor(&self) -> Result<Option<Person>, StoreError> {
        let Some(id) = self.setting(SETTING)?.and_then(|written| PersonId::read(&written)) else { return Ok(None) };
        match self.known(id) {
            Ok(person) => Ok(Some(person)),
            Err(StoreError::NoPerson) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets anybody in as a guest, or nobody any more: then whoever came so is gone with all of their sessions.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn allow_visitors(&self, allowed: bool, now: Timestamp) -> Result<(), StoreError> {
        self.require_root()?;
        match (self.visitor()?, allowed) {
            (Some(_), true) => Ok(()),
            (None, false) => self.set_setting(SETTING, None),
            (None, true) => {
                let guest = NewPerson { name: None, role: Role::Guest, privacy: NewPrivacy::Ephemeral };
                let id = self.add_person(&guest, now)?;
                self.set_setting(SETTING, Some(&id.to_string()))
            }
            (Some(person), false) => {
                self.set_setting(SETTING, None)?;
                self.erase_person(person.id).map(drop)
            }
        }
    }
}
