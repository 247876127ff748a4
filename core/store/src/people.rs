//! People: who lives with Pipit, how private each of them is, and how one comes from the device's store to a person's own.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use crate::conversations::moment;
use crate::seal::{DataKey, DataKeyBytes, random, unwrap, wrap};
use crate::{DeviceKey, Store, StoreError, index_tables, open, passphrase};

/// The longest name, in bytes.
pub const LONGEST_NAME: usize = 100;

/// Which person: random, stable, and no name of anything outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub(crate) [u8; 16]);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl PersonId {
    /// The id that is written so.
    #[must_use]
    pub fn read(written: &str) -> Option<PersonId> {
        let is_one = written.len() == 32 && written.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(Some(written).filter(|_| is_one)?, 16).ok()?;
        Some(PersonId(number.to_be_bytes()))
    }
}

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonId({self})")
    }
}

/// What a person is to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whose device it is. There is exactly one.
    Owner,
    /// Somebody who lives there.
    Member,
    /// Somebody who visits, without an account.
    Guest,
}

/// How private what a person says is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivacyTier {
    /// Sealed with a key that the device has, so that the owner can recover it.
    Standard,
    /// Sealed with a key that only the person's passphrase opens.
    Private,
    /// In memory only, and gone when the session ends.
    Ephemeral,
}

/// Somebody whom the device knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Which.
    pub id: PersonId,
    /// What the others call them; a guest need have no name.
    pub name: Option<String>,
    /// What they are to the device.
    pub role: Role,
    /// How private they are.
    pub tier: PrivacyTier,
    /// Whether they have a PIN.
    pub has_pin: bool,
    /// Since when they are known.
    pub since: Timestamp,
}

/// Somebody to be made known.
#[derive(Clone, Copy, Debug)]
pub struct NewPerson<'a> {
    /// What the others will call them. Only guests may have no name.
    pub name: Option<&'a str>,
    /// What they are to the device. It has its owner already.
    pub role: Role,
    /// How private they are.
    pub privacy: NewPrivacy<'a>,
}

/// How private somebody new is to be.
#[derive(Clone, Copy)]
pub enum NewPrivacy<'a> {
    /// [`PrivacyTier::Standard`].
    Standard,
    /// [`PrivacyTier::Private`], with this passphrase.
    Private(&'a str),
    /// [`PrivacyTier::Ephemeral`].
    Ephemeral,
}

/// Leaves the passphrase out.
impl fmt::Debug for NewPrivacy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tier().fmt(f)
    }
}

impl NewPrivacy<'_> {
    fn tier(self) -> PrivacyTier {
        match self {
            NewPrivacy::Standard => PrivacyTier::Standard,
            NewPrivacy::Private(_) => PrivacyTier::Private,
            NewPrivacy::Ephemeral => PrivacyTier::Ephemeral,
        }
    }
}

/// Whose texts a store is about, with the key to them.
#[derive(Debug)]
pub(crate) struct Principal {
    /// By which the tables know the person.
    pub(crate) number: i64,
    pub(crate) id: PersonId,
    pub(crate) tier: PrivacyTier,
    pub(crate) key: DataKey,
}

impl Store {
    /// Whose store this is.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.principal.id
    }

    /// How private they are.
    #[must_use]
    pub fn tier(&self) -> PrivacyTier {
        self.principal.tier
    }

    /// Everybody whom the device knows, the owner first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn people(&self) -> Result<Vec<Person>, StoreError> {
        let connection = self.device();
        let mut all = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM person WHERE data_key IS NOT NULL OR tier = 'ephemeral'
             ORDER BY role <> 'owner', number"
        ))?;
        let rows = all.query_and_then([], read)?;
        rows.collect()
    }

    /// Makes somebody known.
    ///
    /// # Errors
    /// The name is taken, empty or too long, or this is not the owner's store, or see [`StoreError`].
    pub fn add_person(&self, new: &NewPerson<'_>, at: Timestamp) -> Result<PersonId, StoreError> {
        self.require_root()?;
        let name = new.name.map(str::trim);
        if new.role == Role::Owner {
            return Err(StoreError::NotTheOwners);
        }
        if name.map_or(new.role != Role::Guest, |name| name.is_empty() || name.len() > LONGEST_NAME) {
            return Err(StoreError::UnfitName);
        }
        // Argon2id takes a while, for which nobody has to wait.
        let entry = match new.privacy {
            NewPrivacy::Standard => NewEntry::standard(self.device_key()?)?,
            NewPrivacy::Private(passphrase) => NewEntry::private(passphrase)?,
            NewPrivacy::Ephemeral => NewEntry::ephemeral()?,
        };
        self.write_device(|transaction| {
            let taken = "SELECT 1 FROM person WHERE name = ?";
            if name.is_some() && transaction.prepare_cached(taken)?.exists([name])? {
                return Err(StoreError::NameTaken);
            }
            insert(transaction, &entry, name, new.role, new.privacy.tier(), at).map(drop)
        })?;
        Ok(entry.id)
    }

    /// The store of another person over the same file. Each call for somebody Ephemeral begins a new session, which lasts as
    /// long as what is returned and its clones.
    ///
    /// # Errors
    /// There is no such person, or they are Private and have to [unlock](Store::unlock) it, or this is not the owner's store, or
    /// see [`StoreError`].
    pub fn of(&self, id: PersonId) -> Result<Store, StoreError> {
        self.require_root()?;
        let wrapped = find(&self.device(), id)?;
        match wrapped.tier {
            PrivacyTier::Private => Err(StoreError::PersonLocked),
            PrivacyTier::Ephemeral => self.in_memory(id, Role::Guest),
            PrivacyTier::Standard => {
                let bytes = wrapped.unwrap_with(self.device_key()?.bytes(), id)?;
                Ok(self.for_principal(wrapped.principal(&bytes, id)))
            }
        }
    }

    /// The store of somebody Private, whose passphrase this is.
    ///
    /// # Errors
    /// The passphrase is wrong, or there is no such person, or they need none, or see [`StoreError`].
    pub fn unlock(&self, id: PersonId, passphrase: &str) -> Result<Store, StoreError> {
        self.require_root()?;
        let wrapped = find(&self.device(), id)?;
        let bytes = wrapped.unlock(passphrase, id)?;
        Ok(self.for_principal(wrapped.principal(&bytes, id)))
    }

    /// Gives somebody Private another passphrase. What they have said stays sealed as it is.
    ///
    /// # Errors
    /// The old one is wrong, or there is no such person, or they have none, or see [`StoreError`].
    pub fn change_passphrase(&self, id: PersonId, old: &str, new: &str) -> Result<(), StoreError> {
        self.require_root()?;
        let wrapped = find(&self.device(), id)?;
        let bytes = wrapped.unlock(old, id)?;
        let (data_key, passphrase) = wrap_with_passphrase(&bytes, new, id)?;
        self.write_device(|transaction| {
            // The copies still open with the old one, until the next takes their place.
            crate::back_up::count_deletion(transaction)?;
            transaction
                .prepare_cached("UPDATE person SET data_key = ?, passphrase = ? WHERE id = ?")?
                .execute(params![data_key, passphrase, id.0])?;
            Ok(())
        })
    }

    /// As [`Store::of`] somebody Ephemeral: of a person, whoever it is, a store in memory, which lasts as long as what is returned
    /// and its clones.
    ///
    /// # Errors
    /// There is no such person, or this is not the owner's store, or see [`StoreError`].
    pub fn in_memory_of(&self, id: PersonId) -> Result<Store, StoreError> {
        self.require_root()?;
        let role = self.known(id)?.role;
        self.in_memory(id, role)
    }

    /// A store in memory for a guest who is to leave no trace: nothing of it reaches the file, and it is gone with the last
    /// clone of what is returned. What the device needs, such as timers, goes to the file, without a name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn ephemeral(&self) -> Result<Store, StoreError> {
        self.in_memory(PersonId(*random()?), Role::Guest)
    }

    pub(crate) fn in_memory(&self, id: PersonId, role: Role) -> Result<Store, StoreError> {
        let (texts, principal) = in_memory(id, role)?;
        let mut store = self.for_principal(principal);
        store.texts = texts;
        Ok(store)
    }

    fn for_principal(&self, principal: Principal) -> Store {
        let texts = Arc::clone(&self.device);
        Store { texts, principal: Arc::new(principal), is_root: false, device_key: None, ..self.clone() }
    }

    /// Only the owner's store leads to those of the others.
    pub(crate) fn require_root(&self) -> Result<(), StoreError> {
        if self.is_root { Ok(()) } else { Err(StoreError::NotTheOwners) }
    }

    pub(crate) fn device_key(&self) -> Result<&DeviceKey, StoreError> {
        self.require_root()?;
        self.device_key.as_ref().ok_or(StoreError::NoDeviceKey)
    }
}

/// A database in memory, with one person in it.
pub(crate) fn in_memory(id: PersonId, role: Role) -> Result<(Arc<crate::Database>, Principal), StoreError> {
    let mut connection = open::in_memory()?;
    let entry = NewEntry { id, ..NewEntry::ephemeral()? };
    let transaction = connection.transaction()?;
    let number = insert(&transaction, &entry, None, role, PrivacyTier::Ephemeral, Timestamp::UNIX_EPOCH)?;
    transaction.commit()?;
    let principal = Principal { number, id, tier: PrivacyTier::Ephemeral, key: DataKey::new(&random()?, id) };
    Ok((Arc::new(crate::Database::new(connection)), principal))
}

/// The keys of somebody new.
pub(crate) struct NewEntry {
    pub(crate) id: PersonId,
    pub(crate) data_key: Option<Vec<u8>>,
    passphrase: Option<Vec<u8>>,
}

impl NewEntry {
    pub(crate) fn standard(device_key: &DeviceKey) -> Result<NewEntry, StoreError> {
        let id = PersonId(*random()?);
        let data_key = wrap(device_key.bytes(), &purpose(id), &*random::<48>()?)?;
        Ok(NewEntry { id, data_key: Some(data_key), passphrase: None })
    }

    fn private(passphrase: &str) -> Result<NewEntry, StoreError> {
        let id = PersonId(*random()?);
        let (data_key, passphrase) = wrap_with_passphrase(&random()?, passphrase, id)?;
        Ok(NewEntry { id, data_key: Some(data_key), passphrase: Some(passphrase) })
    }

    fn ephemeral() -> Result<NewEntry, StoreError> {
        Ok(NewEntry { id: PersonId(*random()?), data_key: None, passphrase: None })
    }
}

/// Adds a person with the index of their words.
pub(crate) fn insert(
    connection: &Connection,
    entry: &NewEntry,
    name: Option<&str>,
    role: Role,
    tier: PrivacyTier,
    at: Timestamp,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO person (id, name, role, tier, data_key, passphrase, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            entry.id.0,
            name,
            role.written(),
            tier.written(),
            entry.data_key,
            entry.passphrase,
            at.as_millisecond()
        ])?;
    let number = connection.last_insert_rowid();
    index_tables::create(connection, number)?;
    Ok(number)
}

/// A person's keys as they are in the file.
pub(crate) struct Wrapped {
    number: i64,
    tier: PrivacyTier,
    data_key: Option<Vec<u8>>,
    passphrase: Option<Vec<u8>>,
}

impl Wrapped {
    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// # Errors
    /// [`StoreError::NoDeviceKey`] if the key was wrapped with another device's.
    pub(crate) fn unwrap_with(&self, device_key: &[u8; 32], id: PersonId) -> Result<DataKeyBytes, StoreError> {
        let wrapped = self.data_key.as_deref().unwrap_or_default();
        unwrap(device_key, &purpose(id), wrapped).and_then(|bytes| data_key(&bytes)).ok_or(StoreError::NoDeviceKey)
    }

    fn unlock(&self, passphrase: &str, id: PersonId) -> Result<DataKeyBytes, StoreError> {
        let (Some(wrapped), Some(written)) = (&self.data_key, &self.passphrase) else {
            return Err(StoreError::NoPassphrase);
        };
        let key = passphrase::key_again(passphrase, written)?;
        unwrap(&key, &purpose(id), wrapped).and_then(|bytes| data_key(&bytes)).ok_or(StoreError::WrongPassphrase)
    }

    pub(crate) fn principal(&self, bytes: &DataKeyBytes, id: PersonId) -> Principal {
        Principal { number: self.number, id, tier: self.tier, key: DataKey::new(bytes, id) }
    }
}

pub(crate) fn find(connection: &Connection, id: PersonId) -> Result<Wrapped, StoreError> {
    // Whoever has no key any more is gone, though what they have left is not all deleted.
    let mut find = connection.prepare_cached(
        "SELECT number, tier, data_key, passphrase FROM person WHERE id = ? AND (data_key IS NOT NULL OR tier = 'ephemeral')",
    )?;
    let read = |row: &Row<'_>| {
        let tier = PrivacyTier::read(row.get_ref(1)?.as_str()?);
        Ok(Wrapped { number: row.get(0)?, tier, data_key: row.get(2)?, passphrase: row.get(3)? })
    };
    find.query_row([id.0], read).optional()?.ok_or(StoreError::NoPerson)
}

/// Somebody by their id.
pub(crate) fn known(connection: &Connection, id: PersonId) -> Result<Person, StoreError> {
    let mut find = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM person WHERE id = ? AND (data_key IS NOT NULL OR tier = 'ephemeral')"
    ))?;
    find.query_and_then([id.0], read)?.next().unwrap_or(Err(StoreError::NoPerson))
}

fn wrap_with_passphrase(
    bytes: &DataKeyBytes,
    passphrase: &str,
    id: PersonId,
) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    if passphrase.is_empty() {
        return Err(StoreError::NoPassphrase);
    }
    let (key, written) = passphrase::new_key(passphrase)?;
    Ok((wrap(&key, &purpose(id), &**bytes)?, written))
}

/// What a data key is wrapped for, so that the key of one person does not pass for another's.
fn purpose(id: PersonId) -> Vec<u8> {
    [&b"data key of "[..], &id.0].concat()
}

fn data_key(bytes: &[u8]) -> Option<DataKeyBytes> {
    <[u8; 48]>::try_from(bytes).ok().map(Zeroizing::new)
}

const COLUMNS: &str = "id, name, role, tier, pin IS NOT NULL, since";

fn read(row: &Row<'_>) -> Result<Person, StoreError> {
    Ok(Person {
        id: PersonId(row.get(0)?),
        name: row.get(1)?,
        role: Role::read(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?),
        tier: PrivacyTier::read(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?),
        has_pin: row.get(4)?,
        since: moment(row.get(5)?),
    })
}

impl Role {
    fn written(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Member => "member",
            Role::Guest => "guest",
        }
    }

    /// The table allows nothing else than what is written.
    pub(crate) fn read(written: &str) -> Role {
        match written {
            "owner" => Role::Owner,
            "member" => Role::Member,
            _ => Role::Guest,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.written())
    }
}

impl PrivacyTier {
    fn written(self) -> &'static str {
        match self {
            PrivacyTier::Standard => "standard",
            PrivacyTier::Private => "private",
            PrivacyTier::Ephemeral => "ephemeral",
        }
    }

    pub(crate) fn read(written: &str) -> PrivacyTier {
        match written {
            "standard" => PrivacyTier::Standard,
            "private" => PrivacyTier::Private,
            _ => PrivacyTier::Ephemeral,
        }
    }
}

impl fmt::Display for PrivacyTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.written())
    }
}
