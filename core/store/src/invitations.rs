//! Codes with which somebody sets their first password, or another one where they have forgotten it, so that nobody else need
//! know it. Of a code an authenticator is kept: it is short enough to be guessed by whoever has a plain hash.

use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;
use rusqlite::{OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use crate::conversations::moment;
use crate::passwords::fit;
use crate::seal::random;
use crate::{Person, PersonId, PrivacyTier, Store, StoreError, back_up, passphrase, people, sessions};

/// How long a code is good.
pub const INVITED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Crockford's: nothing in it looks like something else.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 60 bits, which nobody guesses within a day.
const LENGTH: usize = 12;

impl Store {
    /// Makes a code with which this person may set a password once, in place of any that there was.
    ///
    /// # Errors
    /// There is no such person, or they are Private and have a passphrase instead, or nobody who signs in; or this is not the
    /// owner's store, or see [`StoreError`].
    pub fn invite(&self, id: PersonId, now: Timestamp) -> Result<Zeroizing<String>, StoreError> {
        let key = self.key_for(KEY)?;
        match self.known(id)?.tier {
            PrivacyTier::Private => return Err(StoreError::PersonLocked),
            _ if self.known(id)?.name.is_none() => return Err(StoreError::UnfitName),
            _ => {}
        }
        let bytes = random::<LENGTH>()?;
        let code: Zeroizing<String> =
            Zeroizing::new(bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte % 32)])).collect());
        let tag = hmac::sign(&key, code.as_bytes());
        let until = now.as_millisecond().saturating_add(INVITED_FOR.as_millis() as i64);
        self.write_device(|transaction| {
            let person = people::find(transaction, id)?.number();
            transaction
                .prepare_cached("INSERT OR REPLACE INTO invitation (person, tag, until) VALUES (?, ?, ?)")?
                .execute(params![person, tag.as_ref(), until])?;
            Ok(())
        })?;
        Ok(code)
    }

    /// Until when somebody may set their password by a code, if they may.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn invited_until(&self, id: PersonId, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let find = "SELECT until FROM invitation JOIN person ON person.number = invitation.person
             WHERE person.id = ? AND until > ?";
        let connection = self.device();
        let found = connection.prepare_cached(find)?.query_row(params![id.0, now.as_millisecond()], |row| row.get(0));
        Ok(found.optional()?.map(moment))
    }

    /// Sets the password of whoever has this name, if this is their code, which is useless then. Their sessions end. Nobody is
    /// given where the name or the code is wrong.
    ///
    /// # Errors
    /// The password is unfit, and then the code is still good; or this is not the owner's store, or see [`StoreError`].
    pub fn accept_invitation(
        &self,
        name: &str,
        code: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<Option<Person>, StoreError> {
        let (key, pepper) = (self.key_for(KEY)?, self.device_key()?.bytes());
        let code = normal(code);
        let find = "SELECT person.id, tag FROM invitation JOIN person ON person.number = invitation.person
             WHERE person.name = ? AND until > ?";
        let read = |row: &Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Vec<u8>>(1)?));
        let asked = params![name.trim(), now.as_millisecond()];
        let found = self.device().prepare_cached(find)?.query_row(asked, read).optional()?;
        let Some((id, tag)) = found.filter(|(_, tag)| hmac::verify(&key, code.as_bytes(), tag).is_ok()) else {
            return Ok(None);
        };
        let person = self.known(PersonId(id))?;
        let hashed = passphrase::hash(&fit(password, person.name.as_deref())?, pepper)?;
        let is_set = self.write_device(|transaction| {
            back_up::count_deletion(transaction)?;
            // Of two who come at once with it, one is the first.
            let used = "DELETE FROM invitation WHERE tag = ? AND person = (SELECT number FROM person WHERE id = ?)";
            if transaction.prepare_cached(used)?.execute(params![tag, id])? == 0 {
                return Ok(false);
            }
            let set = "UPDATE person SET password = ? WHERE id = ?";
            transaction.prepare_cached(set)?.execute(params![hashed, id])?;
            sessions::end_all(transaction, PersonId(id), None)?;
            Ok(true)
        })?;
        Ok(Some(person).filter(|_| is_set))
    }
}

const KEY: &[u8] = b"invitations of pipit";

/// The code as it was made, however somebody copies it.
fn normal(code: &str) -> Zeroizing<String> {
    let digit = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    Zeroizing::new(code.chars().filter(char::is_ascii_alphanumeric).map(digit).collect())
}
