//! Passwords, by which people sign in from elsewhere, and the claim, by which a device gets to know its owner.
//!
//! Of a password only a hash is kept. Somebody Private has none of their own: their passphrase opens what they said, so it is
//! also what they sign in with, and nothing is kept that would be easier to guess.

use rusqlite::{OptionalExtension as _, params};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::people::LONGEST_NAME;
use crate::{Person, PersonId, PrivacyTier, Store, StoreError, back_up, passphrase, people, sessions};

/// The fewest characters of a password, as NIST SP 800-63B has it where it is not the only factor.
const FEWEST: usize = 8;

/// The longest password, in bytes.
const LONGEST: usize = 1024;

/// The fewest guesses that a password must take, by zxcvbn's estimate: what is below is guessed within hours by whoever may guess
/// a few dozen times an hour. All of its 30,000 commonest that were stolen elsewhere are, also with a digit or a year behind them.
const FEWEST_GUESSES: u64 = 1_000_000;

/// Words that come to everybody's mind who thinks of a password here.
const AT_HAND: [&str; 6] = ["pipit", "voice", "assistant", "raspberry", "home", "house"];

/// What a password lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// It is too short.
    #[error("a password has at least {FEWEST} characters")]
    Short,
    /// It is too long.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// It is among the first that anybody tries.
    #[error("this password is one of the first that anybody would try; take several words that do not belong together")]
    Common,
    /// It is the name.
    #[error("a password must be something else than the name")]
    Name,
}

/// Somebody who gave the right password.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// Who.
    pub person: Person,
    /// What only their passphrase opens; of everybody else [`Store::of`] gives it.
    pub unlocked: Option<Store>,
}

impl Store {
    /// Whether the device has been claimed: its owner has a password.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn is_claimed(&self) -> Result<bool, StoreError> {
        let claimed = "SELECT 1 FROM person WHERE role = 'owner' AND password IS NOT NULL";
        Ok(self.device().prepare_cached(claimed)?.exists([])?)
    }

    /// Gives the owner a name and a first password. Of several who try at once, one succeeds.
    ///
    /// # Errors
    /// The device is claimed already, the name or the password is unfit, or this is not the owner's store, or see
    /// [`StoreError`].
    pub fn claim(&self, name: &str, password: &str) -> Result<PersonId, StoreError> {
        let pepper = self.device_key()?.bytes();
        let name = fit_name(name)?;
        let password = fit(password, Some(name))?;
        if self.is_claimed()? {
            return Err(StoreError::AlreadyClaimed);
        }
        let hashed = passphrase::hash(&password, pepper)?;
        self.write_device(|transaction| {
            let taken = "SELECT 1 FROM person WHERE name = ? AND role <> 'owner'";
            if transaction.prepare_cached(taken)?.exists([name])? {
                return Err(StoreError::NameTaken);
            }
            let claim =
                "UPDATE person SET password = ?, name = ? WHERE role = 'owner' AND password IS NULL RETURNING id";
            let id =
                transaction.prepare_cached(claim)?.query_row(params![hashed, name], |row| row.get(0)).optional()?;
            id.map(PersonId).ok_or(StoreError::AlreadyClaimed)
        })
    }

    /// Looks whether somebody may have this name and this password, as far as that can be said of themselves alone.
    ///
    /// # Errors
    /// The name or the password is unfit.
    pub fn check_new_password(&self, name: &str, password: &str) -> Result<(), StoreError> {
        fit(password, Some(fit_name(name)?)).map(drop)
    }

    /// Gives a person a password, and ends their sessions, but for the one with the number `keep`.
    ///
    /// # Errors
    /// The password is unfit, or there is no such person, or they are Private and have a passphrase instead, or this is not the
    /// owner's store, or see [`StoreError`].
    pub fn set_password(&self, id: PersonId, password: &str, keep: Option<i64>) -> Result<(), StoreError> {
        let pepper = self.device_key()?.bytes();
        let person = self.known(id)?;
        if person.tier == PrivacyTier::Private {
            return Err(StoreError::PersonLocked);
        }
        let password = fit(password, person.name.as_deref())?;
        let hashed = passphrase::hash(&password, pepper)?;
        self.write_device(|transaction| {
            // The copies still know the old one, until the next takes their place.
            back_up::count_deletion(transaction)?;
            let changed = transaction
                .prepare_cached("UPDATE person SET password = ? WHERE id = ?")?
                .execute(params![hashed, id.0])?;
            if changed == 0 {
                return Err(StoreError::NoPerson);
            }
            sessions::end_all(transaction, id, keep)
        })
    }

    /// As [`Store::set_password`], for whoever knows the old one; of somebody Private it is the passphrase that changes. Says
    /// whether the old one was right.
    ///
    /// # Errors
    /// As [`Store::set_password`].
    pub fn change_password(&self, id: PersonId, old: &str, new: &str, keep: Option<i64>) -> Result<bool, StoreError> {
        let person = self.known(id)?;
        fit(new, person.name.as_deref())?;
        if person.tier == PrivacyTier::Private {
            return match self.change_passphrase(id, old, new) {
                Ok(()) => self.write_device(|transaction| sessions::end_all(transaction, id, keep)).map(|()| true),
                Err(StoreError::WrongPassphrase) => Ok(false),
                Err(error) => Err(error),
            };
        }
        let is_right = self.is_password(id, old)?;
        if is_right {
            self.set_password(id, new, keep)?;
        }
        Ok(is_right)
    }

    /// Who it is that has this name and this password; nobody where either is wrong, which takes the same time whichever it
    /// is.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn recognise(&self, name: &str, password: &str) -> Result<Option<Recognised>, StoreError> {
        self.device_key()?;
        let all = self.people()?;
        let is_called = |person: &&Person| {
            let known = person.name.as_deref();
            known.is_some_and(|known| known.eq_ignore_ascii_case(name.trim()))
        };
        let person = all.iter().find(is_called);
        let is_private = person.is_some_and(|person| person.tier == PrivacyTier::Private);
        let unlocked = match person {
            Some(person) if is_private => match self.unlock(person.id, password) {
                Ok(store) => Some(store),
                Err(StoreError::WrongPassphrase) => None,
                Err(error) => return Err(error),
            },
            _ => None,
        };
        let is_right = match person {
            Some(person) if !is_private => self.is_password(person.id, password)?,
            // As much work for a name that nobody has; of somebody Private, only after a wrong passphrase.
            _ if unlocked.is_none() => {
                passphrase::hash(&normal(password), b"nobody")?;
                false
            }
            _ => true,
        };
        if !is_right && !is_private && all.iter().any(|person| person.tier == PrivacyTier::Private) {
            // What it takes to find that a passphrase is wrong.
            passphrase::new_key(password)?;
        }
        Ok(person.filter(|_| is_right).map(|person| Recognised { person: person.clone(), unlocked }))
    }

    /// Whether this is the password of somebody who is not Private. It takes the same time where they have none.
    ///
    /// # Errors
    /// There is no such person, or this is not the owner's store, or see [`StoreError`].
    pub fn is_password(&self, id: PersonId, password: &str) -> Result<bool, StoreError> {
        let pepper = self.device_key()?.bytes();
        let password = normal(password);
        let find = "SELECT password FROM person WHERE id = ?";
        let hashed = self.device().prepare_cached(find)?.query_row([id.0], |row| row.get(0)).optional()?;
        let hashed: Option<Vec<u8>> = hashed.ok_or(StoreError::NoPerson)?;
        match hashed {
            Some(hashed) => passphrase::is_same(&password, pepper, &hashed),
            None => passphrase::hash(&password, pepper).map(|_| false),
        }
    }

    /// Somebody by their id.
    ///
    /// # Errors
    /// There is no such person, or see [`StoreError`].
    pub fn known(&self, id: PersonId) -> Result<Person, StoreError> {
        people::known(&self.device(), id)
    }
}

/// The same characters however a keyboard composes them.
fn normal(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfkc().collect())
}

/// The name as it is kept.
pub(crate) fn fit_name(name: &str) -> Result<&str, StoreError> {
    let name = name.trim();
    let is_unfit = name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control);
    if is_unfit { Err(StoreError::UnfitName) } else { Ok(name) }
}

/// The password as it is hashed.
pub(crate) fn fit(password: &str, name: Option<&str>) -> Result<Zeroizing<String>, StoreError> {
    let unfit = |problem| Err(StoreError::UnfitPassword(problem));
    if password.len() > LONGEST {
        return unfit(PasswordProblem::Long);
    }
    let password = normal(password);
    let lower = Zeroizing::new(password.to_lowercase());
    if password.chars().count() < FEWEST {
        return unfit(PasswordProblem::Short);
    }
    if name.is_some_and(|name| name.to_lowercase() == *lower) {
        return unfit(PasswordProblem::Name);
    }
    let at_hand: Vec<_> = AT_HAND.into_iter().chain(name).collect();
    if zxcvbn::zxcvbn(&password, &at_hand).guesses() < FEWEST_GUESSES {
        return unfit(PasswordProblem::Common);
    }
    Ok(password)
}
