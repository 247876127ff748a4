//! Under which name another server vouches for whom.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::conversations::moment;
use crate::{Person, PersonId, PrivacyTier, Store, StoreError, people};

/// An account elsewhere that is a person here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// By which it can be removed.
    pub id: i64,
    /// The server's address.
    pub issuer: String,
    /// Since when.
    pub since: Timestamp,
}

impl Store {
    /// Whom the issuer calls `subject` is this person from now on.
    ///
    /// # Errors
    /// Either is linked already, or the person is Private, so that nobody else's word could open what they said; or this is not
    /// the owner's store, or see [`StoreError`].
    pub fn link(&self, of: PersonId, issuer: &str, subject: &str, now: Timestamp) -> Result<(), StoreError> {
        self.require_root()?;
        if self.known(of)?.tier == PrivacyTier::Private {
            return Err(StoreError::PersonLocked);
        }
        self.write_device(|transaction| {
            let person = people::find(transaction, of)?.number();
            let linked = "SELECT 1 FROM link WHERE issuer = ?1 AND (subject = ?2 OR person = ?3)";
            if transaction.prepare_cached(linked)?.exists(params![issuer, subject, person])? {
                return Err(StoreError::Linked);
            }
            transaction
                .prepare_cached("INSERT INTO link (person, issuer, subject, since) VALUES (?, ?, ?, ?)")?
                .execute(params![person, issuer, subject, now.as_millisecond()])?;
            Ok(())
        })
    }

    /// Who it is whom the issuer calls `subject`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn linked(&self, issuer: &str, subject: &str) -> Result<Option<Person>, StoreError> {
        let connection = self.device();
        let find = "SELECT person.id FROM link JOIN person ON person.number = link.person
             WHERE issuer = ? AND subject = ?";
        let found = connection.prepare_cached(find)?.query_row([issuer, subject], |row| row.get(0)).optional()?;
        found.map(|id| people::known(&connection, PersonId(id))).transpose()
    }

    /// By whom somebody is vouched for.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn links(&self, of: PersonId) -> Result<Vec<Link>, StoreError> {
        let connection = self.device();
        let mut all = connection.prepare_cached(
            "SELECT link.id, issuer, link.since FROM link JOIN person ON person.number = link.person
             WHERE person.id = ? ORDER BY link.id",
        )?;
        let rows =
            all.query_map([of.0], |row| Ok(Link { id: row.get(0)?, issuer: row.get(1)?, since: moment(row.get(2)?) }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends it; says whether there was such a link of that person's.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn unlink(&self, of: PersonId, id: i64) -> Result<bool, StoreError> {
        self.require_root()?;
        self.write_device(|transaction| {
            // The copies still know it, until the next takes their place.
            crate::back_up::count_deletion(transaction)?;
            let remove = "DELETE FROM link WHERE id = ? AND person = (SELECT number FROM person WHERE person.id = ?)";
            Ok(transaction.prepare_cached(remove)?.execute(params![id, of.0])? > 0)
        })
    }
}
