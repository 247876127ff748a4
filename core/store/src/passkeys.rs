//! Passkeys: public keys by which people sign in in place of their password. What is kept of one is no secret.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use crate::conversations::moment;
use crate::passwords::fit_name;
use crate::{Person, PersonId, PrivacyTier, Store, StoreError, people};

/// Passkeys of one person.
const MOST: u32 = 20;

/// A passkey, as its owner knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// By which it can be removed.
    pub id: i64,
    /// What its owner calls it.
    pub name: String,
    /// The name of this device under which it is good.
    pub host: String,
    /// What its authenticator calls it.
    pub credential: Vec<u8>,
    /// When it was made known.
    pub since: Timestamp,
    /// When somebody last signed in with it.
    pub last_used: Option<Timestamp>,
}

/// How a passkey signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// By which a signature is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyKey {
    /// Of which passkey.
    pub id: i64,
    /// How it signs.
    pub algorithm: PasskeyAlgorithm,
    /// Of P-256 an uncompressed point of 65 bytes, of Ed25519 32 bytes.
    pub public_key: Vec<u8>,
    /// How often it had signed, as it says itself; 0 where it does not count.
    pub sign_count: u32,
}

/// A passkey to be made known.
#[derive(Clone, Copy, Debug)]
pub struct NewPasskey<'a> {
    /// What its authenticator calls it.
    pub credential: &'a [u8],
    /// The name of this device under which it is good.
    pub host: &'a str,
    /// How it signs.
    pub algorithm: PasskeyAlgorithm,
    /// As in [`PasskeyKey`].
    pub public_key: &'a [u8],
    /// As in [`PasskeyKey`].
    pub sign_count: u32,
    /// What its owner calls it.
    pub name: &'a str,
}

impl Store {
    /// Makes a passkey of a person's known, and gives its number.
    ///
    /// # Errors
    /// It is known already, the name is unfit, the person has too many, or is Private, so that a passkey could not open what
    /// they said; or this is not the owner's store, or see [`StoreError`].
    pub fn add_passkey(&self, of: PersonId, new: NewPasskey<'_>, now: Timestamp) -> Result<i64, StoreError> {
        self.require_root()?;
        let name = fit_name(new.name)?;
        if self.known(of)?.tier == PrivacyTier::Private {
            return Err(StoreError::PersonLocked);
        }
        self.write_device(|transaction| {
            let person = people::find(transaction, of)?.number();
            let known = "SELECT 1 FROM passkey WHERE credential = ?";
            if transaction.prepare_cached(known)?.exists([new.credential])? {
                return Err(StoreError::PasskeyKnown);
            }
            let count = "SELECT count(*) FROM passkey WHERE person = ?";
            if transaction.prepare_cached(count)?.query_row([person], |row| row.get::<_, u32>(0))? >= MOST {
                return Err(StoreError::TooManyPasskeys);
            }
            let add = "INSERT INTO passkey (person, credential, host, algorithm, public_key, sign_count, name, since)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
            let (algorithm, now) = (new.algorithm.written(), now.as_millisecond());
            let row = params![person, new.credential, new.host, algorithm, new.public_key, new.sign_count, name, now];
            transaction.prepare_cached(add)?.execute(row)?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// The key of the passkey that its authenticator calls this, and whose it is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn passkey(&self, credential: &[u8], host: &str) -> Result<Option<(PasskeyKey, Person)>, StoreError> {
        let connection = self.device();
        let find = "SELECT passkey.id, algorithm, public_key, sign_count, person.id FROM passkey
             JOIN person ON person.number = passkey.person WHERE credential = ? AND host = ?";
        let read = |row: &Row<'_>| {
            let algorithm = PasskeyAlgorithm::read(row.get_ref(1)?.as_str()?);
            let (id, public_key, sign_count) = (row.get(0)?, row.get(2)?, row.get(3)?);
            Ok((PasskeyKey { id, algorithm, public_key, sign_count }, row.get::<_, [u8; 16]>(4)?))
        };
        let found = connection.prepare_cached(find)?.query_row(params![credential, host], read).optional()?;
        let Some((key, person)) = found else { return Ok(None) };
        Ok(Some((key, people::known(&connection, PersonId(person))?)))
    }

    /// Writes down that a passkey has signed, so often by its own count. Says false where the count is not higher than it was:
    /// then there are two of it, or somebody sends again what was sent before.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn use_passkey(&self, id: i64, sign_count: u32, now: Timestamp) -> Result<bool, StoreError> {
        self.require_root()?;
        let note = "UPDATE passkey SET sign_count = ?2, last_used = ?3
             WHERE id = ?1 AND (sign_count < ?2 OR sign_count = 0 AND ?2 = 0)";
        self.write_device(|transaction| {
            Ok(transaction.prepare_cached(note)?.execute(params![id, sign_count, now.as_millisecond()])? > 0)
        })
    }

    /// The passkeys of a person, in the order in which they were made known.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn passkeys(&self, of: PersonId) -> Result<Vec<Passkey>, StoreError> {
        let connection = self.device();
        let mut all = connection.prepare_cached(
            "SELECT passkey.id, passkey.name, host, credential, passkey.since, last_used FROM passkey
             JOIN person ON person.number = passkey.person WHERE person.id = ? ORDER BY passkey.id",
        )?;
        let rows = all.query_map([of.0], |row| {
            let (since, last_used) = (moment(row.get(4)?), row.get::<_, Option<i64>>(5)?.map(moment));
            let (id, name, host, credential) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(Passkey { id, name, host, credential, since, last_used })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Calls a passkey of a person's something else; says whether there is such a one.
    ///
    /// # Errors
    /// The name is unfit, or see [`StoreError`].
    pub fn rename_passkey(&self, of: PersonId, id: i64, name: &str) -> Result<bool, StoreError> {
        self.require_root()?;
        let name = fit_name(name)?;
        let rename =
            "UPDATE passkey SET name = ? WHERE id = ? AND person = (SELECT number FROM person WHERE person.id = ?)";
        self.write_device(|transaction| Ok(transaction.prepare_cached(rename)?.execute(params![name, id, of.0])? > 0))
    }

    /// Removes a passkey of a person's; says whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_passkey(&self, of: PersonId, id: i64) -> Result<bool, StoreError> {
        self.require_root()?;
        self.write_device(|transaction| {
            // The copies still know it, until the next takes their place.
            crate::back_up::count_deletion(transaction)?;
            let remove =
                "DELETE FROM passkey WHERE id = ? AND person = (SELECT number FROM person WHERE person.id = ?)";
            Ok(transaction.prepare_cached(remove)?.execute(params![id, of.0])? > 0)
        })
    }
}

impl PasskeyAlgorithm {
    fn written(self) -> &'static str {
        match self {
            PasskeyAlgorithm::Es256 => "ES256",
            PasskeyAlgorithm::EdDsa => "EdDSA",
        }
    }

    /// The table allows nothing else than what is written.
    fn read(written: &str) -> PasskeyAlgorithm {
        if written == "EdDSA" { PasskeyAlgorithm::EdDsa } else { PasskeyAlgorithm::Es256 }
    }
}
