//! Sealing: what a person says lies in the file only as XChaCha20-Poly1305 leaves it, bound to the person and to the place in
//! the tables that it was written for, so that nothing can be read without the key, changed, or moved to another row.

use chacha20poly1305::aead::{Aead as _, AeadInOut as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use std::hash::Hasher as _;
use zeroize::{Zeroize, Zeroizing};

use crate::StoreError;
use crate::people::PersonId;

/// Length of the nonce, which stands before what is sealed. It is random: with 24 bytes none ever comes twice.
const NONCE: usize = 24;

/// Length of the authenticator, which stands after it.
const TAG: usize = 16;

/// A column whose values are sealed. Each has a number of its own, which is part of what is sealed and so never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Column {
    Title = 1,
    SystemPrompt = 2,
    Summary = 3,
    Text = 4,
    Heard = 5,
    Fact = 6,
    Announcement = 7,
}

impl Column {
    /// As an error names it.
    fn described(self) -> &'static str {
        match self {
            Column::Title => "the title of conversation",
            Column::SystemPrompt => "the system prompt of conversation",
            Column::Summary => "the summary of conversation",
            Column::Text | Column::Heard => "the text of message",
            Column::Fact => "the fact",
            Column::Announcement => "the announcement",
        }
    }
}

/// What a person's texts are sealed with, and what the words in the index of the search are hashed with.
pub(crate) struct DataKey {
    cipher: XChaCha20Poly1305,
    words: Zeroizing<[u8; 16]>,
    person: PersonId,
}

/// Both keys as they are wrapped.
pub(crate) type DataKeyBytes = Zeroizing<[u8; 48]>;

impl DataKey {
    pub(crate) fn new(bytes: &DataKeyBytes, person: PersonId) -> DataKey {
        let (mut key, mut words) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 16]));
        key.copy_from_slice(&bytes[..32]);
        words.copy_from_slice(&bytes[32..]);
        DataKey { cipher: cipher(&key), words, person }
    }

    /// Seals the value of a column in a row.
    pub(crate) fn seal(&self, column: Column, row: i64, text: &str) -> Result<Vec<u8>, StoreError> {
        seal(&self.cipher, &self.place(column, row), text.as_bytes())
    }

    /// The value again.
    pub(crate) fn open(&self, column: Column, row: i64, sealed: &[u8]) -> Result<String, StoreError> {
        let unreadable = || StoreError::Unreadable { what: column.described(), row };
        let text = open(&self.cipher, &self.place(column, row), sealed).ok_or_else(unreadable)?;
        // Only texts are ever sealed, so this is one.
        String::from_utf8(text).map_err(|_| unreadable())
    }

    /// Whom and which place a value belongs to.
    fn place(&self, column: Column, row: i64) -> [u8; 25] {
        let mut place = [0; 25];
        place[..16].copy_from_slice(&self.person.0);
        place[16] = column as u8;
        place[17..].copy_from_slice(&row.to_le_bytes());
        place
    }

    /// A hash of `text` that says nothing to whoever has not the key: SipHash-2-4, which was made for short inputs and is a
    /// pseudorandom function under its key of 128 bits.
    pub(crate) fn digest(&self, text: &str) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.words);
        hasher.write(text.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// Says that it is a key, and nothing of it.
impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey")
    }
}

/// Wraps a key or a secret: seals it with another key, for one purpose.
pub(crate) fn wrap(key: &[u8; 32], purpose: &[u8], secret: &[u8]) -> Result<Vec<u8>, StoreError> {
    seal(&cipher(key), purpose, secret)
}

/// What was wrapped; nothing if it was wrapped with another key, for another purpose, or changed since.
pub(crate) fn unwrap(key: &[u8; 32], purpose: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    open(&cipher(key), purpose, wrapped).map(Zeroizing::new)
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    let mut key = Key::from(*key);
    let cipher = XChaCha20Poly1305::new(&key);
    key.as_mut_slice().zeroize();
    cipher
}

fn seal(cipher: &XChaCha20Poly1305, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let nonce = random::<NONCE>()?;
    let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
    sealed.extend_from_slice(&*nonce);
    sealed.extend_from_slice(plain);
    let body = &mut sealed[NONCE..];
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(*nonce), place, body.into())
        .expect("a text in memory is far shorter than the 256 GB that one nonce is good for");
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

fn open(cipher: &XChaCha20Poly1305, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>()?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: place }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8, person: u8) -> DataKey {
        DataKey::new(&Zeroizing::new([seed; 48]), PersonId([person; 16]))
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let sealed = key(1, 1).seal(Column::Text, 7, "the wren sings").unwrap();
        assert_eq!(key(1, 1).open(Column::Text, 7, &sealed).unwrap(), "the wren sings");
        assert!(!sealed.windows(4).any(|window| window == b"wren"));
        for (seed, person, column, row) in
            [(2, 1, Column::Text, 7), (1, 2, Column::Text, 7), (1, 1, Column::Heard, 7), (1, 1, Column::Text, 8)]
        {
            let error = key(seed, person).open(column, row, &sealed).unwrap_err();
            assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            key(1, 1).open(Column::Text, 7, &changed).unwrap_err();
            key(1, 1).open(Column::Text, 7, &sealed[..at]).unwrap_err();
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_alike_and_always_hashed_alike() {
        let key_1 = key(1, 1);
        assert_ne!(key_1.seal(Column::Text, 7, "a").unwrap(), key_1.seal(Column::Text, 7, "a").unwrap());
        assert_eq!(key_1.digest("wren"), key_1.digest("wren"));
        assert_ne!(key_1.digest("wren"), key(2, 1).digest("wren"));
    }
}
