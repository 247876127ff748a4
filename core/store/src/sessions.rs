//! Sessions of people who signed in from elsewhere, and API tokens for programs of theirs. Of either secret only a hash is kept:
//! whoever reads the file can't use it.

use std::time::Duration;

use jiff::Timestamp;
use ring::digest;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

use crate::conversations::moment;
use crate::people::{self, LONGEST_NAME};
use crate::seal::random;
use crate::{Person, PersonId, PrivacyTier, Store, StoreError, back_up};

/// A session that was not used for so long is over.
pub const IDLE_LIMIT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// However much it is used, a session is over after so long.
pub const ABSOLUTE_LIMIT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// It is written down at most so often that something was used, for the sake of the card in a board.
pub(crate) const SEEN_AGAIN: Duration = Duration::from_secs(5 * 60);

/// Sessions and tokens of one person; a session more ends the one that was not used for longest.
pub(crate) const MOST: u32 = 50;

/// What is kept of a browser's name, in characters.
const LONGEST_AGENT: usize = 200;

/// What an API token begins with, so that whoever finds one knows what it is.
const TOKEN_PREFIX: &str = "pipit_";

/// Where somebody signs in from.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The address in the network.
    pub address: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
}

impl Client<'_> {
    pub(crate) fn kept_agent(&self) -> String {
        self.agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect()
    }
}

/// Somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// By which it can be ended. It opens nothing.
    pub id: i64,
    /// When they signed in.
    pub since: Timestamp,
    /// When it was used, to within minutes.
    pub last_seen: Timestamp,
    /// The address that they signed in from.
    pub address: String,
    /// What their browser called itself.
    pub agent: String,
}

/// What a program may show in place of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// By which it can be removed. It opens nothing.
    pub id: i64,
    /// What its owner calls it.
    pub name: String,
    /// What it is good for: words with spaces between them, which whoever made it understands.
    pub scopes: String,
    /// When it was made.
    pub since: Timestamp,
    /// When it was used, to within minutes.
    pub last_used: Option<Timestamp>,
}

impl Store {
    /// Begins a session, and gives its secret: 256 random bits in hexadecimal. Sessions that are over go.
    ///
    /// # Errors
    /// There is no such person, or this is not the owner's store, or see [`StoreError`].
    pub fn begin_session(
        &self,
        of: PersonId,
        client: Client<'_>,
        now: Timestamp,
    ) -> Result<(i64, Zeroizing<String>), StoreError> {
        self.begin_session_for(of, client, ABSOLUTE_LIMIT, now)
    }

    /// As [`Store::begin_session`], for a session that ends after so long, however much it is used.
    ///
    /// # Errors
    /// As [`Store::begin_session`].
    pub fn begin_session_for(
        &self,
        of: PersonId,
        client: Client<'_>,
        lasts: Duration,
        now: Timestamp,
    ) -> Result<(i64, Zeroizing<String>), StoreError> {
        self.require_root()?;
        let (secret, hash) = new_secret("")?;
        let agent = client.kept_agent();
        let until = now.as_millisecond().saturating_add(lasts.as_millis() as i64);
        let id = self.write_device(|transaction| {
            let person = people::find(transaction, of)?.number();
            let (idle, absolute) = limits(now);
            transaction
                .prepare_cached("DELETE FROM session WHERE last_seen <= ? OR since <= ? OR until <= ?")?
                .execute([idle, absolute, now.as_millisecond()])?;
            let too_many = "DELETE FROM session WHERE person = ?1 AND id NOT IN (
                SELECT id FROM session WHERE person = ?1 ORDER BY last_seen DESC, id DESC LIMIT ?2)";
            transaction.prepare_cached(too_many)?.execute(params![person, MOST - 1])?;
            let begin = "INSERT INTO session (person, hash, since, last_seen, address, agent, until)
                 VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)";
            transaction.prepare_cached(begin)?.execute(params![
                person,
                hash,
                now.as_millisecond(),
                client.address,
                agent,
                until
            ])?;
            Ok(transaction.last_insert_rowid())
        })?;
        Ok((id, secret))
    }

    /// The session with this secret, and whose it is; nothing where there is none, or it is over. It is used by that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn session(&self, secret: &str, now: Timestamp) -> Result<Option<(Session, Person)>, StoreError> {
        let Some(hash) = hash_of(secret) else { return Ok(None) };
        let (idle, absolute) = limits(now);
        let connection = self.device();
        let find = format!(
            "SELECT {SESSION}, person.id FROM session JOIN person ON person.number = session.person
             WHERE hash = ? AND last_seen > ? AND session.since > ? AND ifnull(until > ?, 1)"
        );
        let read = |row: &Row<'_>| Ok((read_session(row)?, row.get::<_, [u8; 16]>(5)?));
        let asked = params![hash, idle, absolute, now.as_millisecond()];
        let found = connection.prepare_cached(&find)?.query_row(asked, read).optional()?;
        let Some((session, person)) = found else { return Ok(None) };
        let person = people::known(&connection, PersonId(person))?;
        if is_over(session.last_seen, SEEN_AGAIN, now) {
            note_use(&connection, "UPDATE session SET last_seen = ? WHERE id = ?", session.id, now);
        }
        Ok(Some((session, person)))
    }

    /// Whether the session with this number goes on. It is not used by that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn is_session(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let (idle, absolute) = limits(now);
        let find = "SELECT 1 FROM session WHERE id = ? AND last_seen > ? AND since > ? AND ifnull(until > ?, 1)";
        Ok(self.device().prepare_cached(find)?.exists([id, idle, absolute, now.as_millisecond()])?)
    }

    /// The sessions of a person that go on, the one that was used last first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn sessions(&self, of: PersonId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let (idle, absolute) = limits(now);
        let connection = self.device();
        let mut all = connection.prepare_cached(&format!(
            "SELECT {SESSION} FROM session JOIN person ON person.number = session.person
             WHERE person.id = ? AND last_seen > ? AND session.since > ? AND ifnull(until > ?, 1)
             ORDER BY last_seen DESC, session.id DESC"
        ))?;
        let rows = all.query_map(params![of.0, idle, absolute, now.as_millisecond()], read_session)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends a session of a person's; says whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn end_session(&self, of: PersonId, id: i64) -> Result<bool, StoreError> {
        self.require_root()?;
        self.write_device(|transaction| {
            let end = "DELETE FROM session WHERE id = ? AND person = (SELECT number FROM person WHERE person.id = ?)";
            Ok(transaction.prepare_cached(end)?.execute(params![id, of.0])? > 0)
        })
    }

    /// Makes an API token, and gives its secret, which is shown once.
    ///
    /// # Errors
    /// The name is unfit, the person has too many, or is Private, so that no program could read without their passphrase; or
    /// this is not the owner's store, or see [`StoreError`].
    pub fn make_token(
        &self,
        of: PersonId,
        name: &str,
        scopes: &str,
        now: Timestamp,
    ) -> Result<(i64, Zeroizing<String>), StoreError> {
        self.require_root()?;
        let name = name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(StoreError::UnfitName);
        }
        if self.known(of)?.tier == PrivacyTier::Private {
            return Err(StoreError::PersonLocked);
        }
        let (secret, hash) = new_secret(TOKEN_PREFIX)?;
        let id = self.write_device(|transaction| {
            let person = people::find(transaction, of)?.number();
            let count = "SELECT count(*) FROM api_token WHERE person = ?";
            if transaction.prepare_cached(count)?.query_row([person], |row| row.get::<_, u32>(0))? >= MOST {
                return Err(StoreError::TooManyTokens);
            }
            transaction
                .prepare_cached("INSERT INTO api_token (person, name, hash, scopes, since) VALUES (?, ?, ?, ?, ?)")?
                .execute(params![person, name, hash, scopes, now.as_millisecond()])?;
            Ok(transaction.last_insert_rowid())
        })?;
        Ok((id, secret))
    }

    /// The API token with this secret, and whose it is; nothing where there is none. It is used by that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn token(&self, secret: &str, now: Timestamp) -> Result<Option<(ApiToken, Person)>, StoreError> {
        let Some(hash) = secret.strip_prefix(TOKEN_PREFIX).and_then(hash_of) else { return Ok(None) };
        let connection = self.device();
        let find = format!(
            "SELECT {TOKEN}, person.id FROM api_token JOIN person ON person.number = api_token.person WHERE hash = ?"
        );
        let read = |row: &Row<'_>| Ok((read_token(row)?, row.get::<_, [u8; 16]>(5)?));
        let found = connection.prepare_cached(&find)?.query_row([&hash[..]], read).optional()?;
        let Some((token, person)) = found else { return Ok(None) };
        let person = people::known(&connection, PersonId(person))?;
        if token.last_used.is_none_or(|at| is_over(at, SEEN_AGAIN, now)) {
            note_use(&connection, "UPDATE api_token SET last_used = ? WHERE id = ?", token.id, now);
        }
        Ok(Some((token, person)))
    }

    /// Whether there is a token with this number. It is not used by that.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn is_token(&self, id: i64) -> Result<bool, StoreError> {
        Ok(self.device().prepare_cached("SELECT 1 FROM api_token WHERE id = ?")?.exists([id])?)
    }

    /// The tokens of a person, in the order in which they were made.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn tokens(&self, of: PersonId) -> Result<Vec<ApiToken>, StoreError> {
        let connection = self.device();
        let mut all = connection.prepare_cached(&format!(
            "SELECT {TOKEN} FROM api_token JOIN person ON person.number = api_token.person
             WHERE person.id = ? ORDER BY api_token.id"
        ))?;
        let rows = all.query_map([of.0], read_token)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes a token of a person's; says whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_token(&self, of: PersonId, id: i64) -> Result<bool, StoreError> {
        self.require_root()?;
        self.write_device(|transaction| {
            // The copies still know it, until the next takes their place.
            back_up::count_deletion(transaction)?;
            let remove =
                "DELETE FROM api_token WHERE id = ? AND person = (SELECT number FROM person WHERE person.id = ?)";
            Ok(transaction.prepare_cached(remove)?.execute(params![id, of.0])? > 0)
        })
    }
}

/// Ends the sessions of a person, but for one, and all their families of tokens. What would set another password is useless.
pub(crate) fn end_all(connection: &Connection, of: PersonId, keep: Option<i64>) -> Result<(), StoreError> {
    let end = "DELETE FROM session WHERE person = (SELECT number FROM person WHERE person.id = ?) AND id IS NOT ?";
    connection.prepare_cached(end)?.execute(params![of.0, keep])?;
    for end in ["token_family", "invitation"] {
        let end = format!("DELETE FROM {end} WHERE person = (SELECT number FROM person WHERE person.id = ?)");
        connection.prepare_cached(&end)?.execute([of.0])?;
    }
    Ok(())
}

/// Whoever was signed in and whatever token there was of the person with this number: they open nothing any more.
pub(crate) fn forget_all(connection: &Connection, number: i64) -> Result<(), StoreError> {
    for table in ["session", "api_token", "token_family", "passkey", "link", "invitation"] {
        connection.execute(&format!("DELETE FROM {table} WHERE person = ?"), [number])?;
    }
    Ok(())
}

const SESSION: &str = "session.id, session.since, last_seen, address, agent";
const TOKEN: &str = "api_token.id, api_token.name, scopes, api_token.since, last_used";

fn read_session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let (since, last_seen) = (moment(row.get(1)?), moment(row.get(2)?));
    Ok(Session { id: row.get(0)?, since, last_seen, address: row.get(3)?, agent: row.get(4)? })
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    let (since, last_used) = (moment(row.get(3)?), row.get::<_, Option<i64>>(4)?.map(moment));
    Ok(ApiToken { id: row.get(0)?, name: row.get(1)?, scopes: row.get(2)?, since, last_used })
}

/// What was last used by the first, or began by the second, in Unix milliseconds, is over. A clock that was set back makes
/// nothing that goes on end.
pub(crate) fn limits(now: Timestamp) -> (i64, i64) {
    let before = |limit: Duration| now.as_millisecond().saturating_sub(limit.as_millis() as i64);
    (before(IDLE_LIMIT), before(ABSOLUTE_LIMIT))
}

pub(crate) fn is_over(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed >= limit)
}

/// Whoever may use it may do so on a full disk too.
pub(crate) fn note_use(connection: &Connection, update: &str, id: i64, now: Timestamp) {
    let noted = connection.prepare_cached(update).and_then(|mut update| update.execute([now.as_millisecond(), id]));
    if let Err(error) = noted {
        tracing::warn!("when a session was used last could not be kept: {error}");
    }
}

/// 256 random bits in hexadecimal behind the prefix, and their hash.
pub(crate) fn new_secret(prefix: &str) -> Result<(Zeroizing<String>, Vec<u8>), StoreError> {
    let bytes = random::<32>()?;
    let mut secret = Zeroizing::new(String::with_capacity(prefix.len() + 64));
    secret.push_str(prefix);
    let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).for_each(|four| secret.push(digit(four)));
    Ok((secret, digest::digest(&digest::SHA256, &*bytes).as_ref().to_vec()))
}

/// The hash of a secret as it is written. It has so many bits that it needs neither salt nor work.
pub(crate) fn hash_of(secret: &str) -> Option<Vec<u8>> {
    let digits = Zeroizing::new(secret.bytes().map(hex_digit).collect::<Option<Vec<u8>>>()?);
    if digits.len() != 64 {
        return None;
    }
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    Some(digest::digest(&digest::SHA256, &bytes).as_ref().to_vec())
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
