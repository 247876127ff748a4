//! Families of refresh tokens: what a program that signs in with a password is given, so that it need not keep the password. Each
//! refresh token is good once, and with it comes the next. One that comes a second time was stolen, by whoever came first or by
//! whoever comes now, so the whole family ends.
//!
//! All refresh tokens of a family begin alike, by which the family is found however old the token is. Of either half only a hash
//! is kept.

use jiff::Timestamp;
use ring::hmac;
use rusqlite::{OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use crate::conversations::moment;
use crate::sessions::{MOST, SEEN_AGAIN, hash_of, is_over, limits, new_secret, note_use};
use crate::{Client, Person, PersonId, Store, StoreError, people};

/// What a refresh token begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "pipit_refresh_";

/// Characters of each half: 256 bits in hexadecimal.
const HALF: usize = 64;

/// A program that somebody signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFamily {
    /// By which it can be ended. It opens nothing.
    pub id: i64,
    /// What it is good for: words with spaces between them, which whoever made it understands.
    pub scopes: String,
    /// When it was signed in.
    pub since: Timestamp,
    /// When it was used, to within minutes.
    pub last_used: Timestamp,
    /// The address that it signed in from.
    pub address: String,
    /// What it called itself.
    pub agent: String,
}

/// What came of a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// It is nobody's, or its family is over.
    Unknown,
    /// It was used before. The family with this number, which was this person's, is over.
    Reused(PersonId, i64),
    /// It was good, and this is the next.
    Good(TokenFamily, Person, Zeroizing<String>),
}

impl Store {
    /// Begins a family, and gives its number and its first refresh token.
    ///
    /// # Errors
    /// There is no such person, or this is not the owner's store, or see [`StoreError`].
    pub fn begin_family(
        &self,
        of: PersonId,
        scopes: &str,
        client: Client<'_>,
        now: Timestamp,
    ) -> Result<(i64, Zeroizing<String>), StoreError> {
        self.require_root()?;
        let (first, hash) = new_secret(PREFIX)?;
        let (second, current) = new_secret("")?;
        let id = self.write_device(|transaction| {
            let person = people::find(transaction, of)?.number();
            let (idle, absolute) = limits(now);
            transaction
                .prepare_cached("DELETE FROM token_family WHERE last_used <= ? OR since <= ?")?
                .execute([idle, absolute])?;
            let too_many = "DELETE FROM token_family WHERE person = ?1 AND id NOT IN (
                SELECT id FROM token_family WHERE person = ?1 ORDER BY last_used DESC, id DESC LIMIT ?2)";
            transaction.prepare_cached(too_many)?.execute(params![person, MOST - 1])?;
            let begin = "INSERT INTO token_family (person, hash, current, scopes, since, last_used, address, agent)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)";
            let (now, agent) = (now.as_millisecond(), client.kept_agent());
            let row = params![person, hash, current, scopes, now, client.address, agent];
            transaction.prepare_cached(begin)?.execute(row)?;
            Ok(transaction.last_insert_rowid())
        })?;
        Ok((id, joined(&first, &second)))
    }

    /// Takes a refresh token for the next one.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn refresh(&self, token: &str, now: Timestamp) -> Result<Refreshed, StoreError> {
        self.require_root()?;
        let Some((hash, shown)) = halves(token) else { return Ok(Refreshed::Unknown) };
        let (second, next) = new_secret("")?;
        self.write_device(|transaction| {
            let (idle, absolute) = limits(now);
            let find = format!("SELECT {FAMILY}, person.id, current {FROM} AND hash = ?");
            let read = |row: &Row<'_>| Ok((read_family(row)?, row.get::<_, [u8; 16]>(6)?, row.get::<_, Vec<u8>>(7)?));
            let found = transaction.prepare_cached(&find)?.query_row(params![idle, absolute, hash], read).optional()?;
            let Some((family, person, current)) = found else { return Ok(Refreshed::Unknown) };
            let person = PersonId(person);
            // Hashes of 256 random bits: how soon they differ says nothing of what was hashed.
            if current != shown {
                transaction.prepare_cached("DELETE FROM token_family WHERE id = ?")?.execute([family.id])?;
                return Ok(Refreshed::Reused(person, family.id));
            }
            let renew = "UPDATE token_family SET current = ?, last_used = ? WHERE id = ?";
            transaction.prepare_cached(renew)?.execute(params![next, now.as_millisecond(), family.id])?;
            let first = &token[..PREFIX.len() + HALF];
            Ok(Refreshed::Good(family, people::known(transaction, person)?, joined(first, &second)))
        })
    }

    /// The family with this number, and whose it is; nothing where there is none, or it is over. It is used by that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn family(&self, id: i64, now: Timestamp) -> Result<Option<(TokenFamily, Person)>, StoreError> {
        let (idle, absolute) = limits(now);
        let connection = self.device();
        let find = format!("SELECT {FAMILY}, person.id {FROM} AND token_family.id = ?");
        let read = |row: &Row<'_>| Ok((read_family(row)?, row.get::<_, [u8; 16]>(6)?));
        let found = connection.prepare_cached(&find)?.query_row([idle, absolute, id], read).optional()?;
        let Some((family, person)) = found else { return Ok(None) };
        let person = people::known(&connection, PersonId(person))?;
        if is_over(family.last_used, SEEN_AGAIN, now) {
            note_use(&connection, "UPDATE token_family SET last_used = ? WHERE id = ?", family.id, now);
        }
        Ok(Some((family, person)))
    }

    /// Whether the family with this number goes on. It is not used by that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn is_family(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let (idle, absolute) = limits(now);
        let find = "SELECT 1 FROM token_family WHERE id = ? AND last_used > ? AND since > ?";
        Ok(self.device().prepare_cached(find)?.exists([id, idle, absolute])?)
    }

    /// The families of a person that go on, the one that was used last first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn families(&self, of: PersonId, now: Timestamp) -> Result<Vec<TokenFamily>, StoreError> {
        let (idle, absolute) = limits(now);
        let connection = self.device();
        let all = format!("SELECT {FAMILY} {FROM} AND person.id = ? ORDER BY last_used DESC, token_family.id DESC");
        let mut all = connection.prepare_cached(&all)?;
        let rows = all.query_map(params![idle, absolute, of.0], read_family)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends a family of a person's; says whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn end_family(&self, of: PersonId, id: i64) -> Result<bool, StoreError> {
        self.require_root()?;
        self.write_device(|transaction| {
            let end =
                "DELETE FROM token_family WHERE id = ? AND person = (SELECT number FROM person WHERE person.id = ?)";
            Ok(transaction.prepare_cached(end)?.execute(params![id, of.0])? > 0)
        })
    }

    /// Ends the family of a refresh token, however old that is; says whose it was and its number, if there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn end_family_of(&self, token: &str) -> Result<Option<(PersonId, i64)>, StoreError> {
        self.require_root()?;
        let Some((hash, _)) = halves(token) else { return Ok(None) };
        self.write_device(|transaction| {
            let find = "SELECT person.id, token_family.id FROM token_family
                 JOIN person ON person.number = token_family.person WHERE hash = ?";
            let read = |row: &Row<'_>| Ok((PersonId(row.get(0)?), row.get(1)?));
            let found: Option<(PersonId, i64)> =
                transaction.prepare_cached(find)?.query_row([hash], read).optional()?;
            if let Some((_, id)) = found {
                transaction.prepare_cached("DELETE FROM token_family WHERE id = ?")?.execute([id])?;
            }
            Ok(found)
        })
    }

    /// An authenticator of an access token, by a key that is good for nothing else: HMAC-SHA-256.
    ///
    /// # Errors
    /// This is not the owner's store.
    pub fn sign_access(&self, text: &[u8]) -> Result<[u8; 32], StoreError> {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.key_for(b"access tokens of pipit")?, text).as_ref());
        Ok(tag)
    }

    /// Whether this is the authenticator of an access token.
    ///
    /// # Errors
    /// This is not the owner's store.
    pub fn is_access(&self, text: &[u8], tag: &[u8]) -> Result<bool, StoreError> {
        Ok(hmac::verify(&self.key_for(b"access tokens of pipit")?, text, tag).is_ok())
    }

    /// A key of its own for each use, so that no authenticator is good for anything else that the device's key does.
    pub(crate) fn key_for(&self, what: &[u8]) -> Result<hmac::Key, StoreError> {
        let device = hmac::Key::new(hmac::HMAC_SHA256, self.device_key()?.bytes());
        Ok(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&device, what).as_ref()))
    }
}

const FAMILY: &str = "token_family.id, scopes, token_family.since, last_used, token_family.address, token_family.agent";
const FROM: &str = "FROM token_family JOIN person ON person.number = token_family.person
    WHERE last_used > ? AND token_family.since > ?";

fn read_family(row: &Row<'_>) -> rusqlite::Result<TokenFamily> {
    let (since, last_used) = (moment(row.get(2)?), moment(row.get(3)?));
    Ok(TokenFamily { id: row.get(0)?, scopes: row.get(1)?, since, last_used, address: row.get(4)?, agent: row.get(5)? })
}

/// The hashes of the halves of a refresh token.
fn halves(token: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (first, second) = token.strip_prefix(PREFIX)?.split_at_checked(HALF)?;
    Some((hash_of(first)?, hash_of(second)?))
}

fn joined(first: &str, second: &str) -> Zeroizing<String> {
    Zeroizing::new([first, second].concat())
}
