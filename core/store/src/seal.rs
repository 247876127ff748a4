//! Sealing: what a person says lies in the file only as XChaCha20-Poly1305 leaves it, bound to the person and to the place in
//! the tables that it was written for, so that nothing can be read without the key, changed, or moved to another row.

use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use std::hash::Hasher as _;
use zeroize::{Zeroize as _, Zeroizing};

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
    texts: Zeroizing<[u8; 32]>,
    words: Zeroizing<[u8; 16]>,
    person: PersonId,
}

/// Both keys as they are wrapped.
pub(crate) type DataKeyBytes = Zeroizing<[u8; 48]>;

impl DataKey {
    pub(crate) fn new(bytes: &DataKeyBytes, person: PersonId) -> DataKey {
        let (mut texts, mut words) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 16]));
        texts.copy_from_slice(&bytes[..32]);
        words.copy_from_slice(&bytes[32..]);
        DataKey { texts, words, person }
    }

    /// Seals the value of a column in a row.
    pub(crate) fn seal(&self, column: Column, row: i64, text: &str) -> Result<Vec<u8>, StoreError> {
        seal(&self.texts, &self.place(column, row), text.as_bytes())
    }

    /// The value again.
    pub(crate) fn open(&self, column: Column, row: i64, sealed: &[u8]) -> Result<String, StoreError> {
        let unreadable = || StoreError::Unreadable { what: column.described(), row };
        let text = open(&self.texts, &self.place(column, row), sealed).ok_or_else(unreadable)?;
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
    seal(key, purpose, secret)
}

/// What was wrapped; nothing if it was wrapped with another key, for another purpose, or changed since.
pub(crate) fn unwrap(key: &[u8; 32], purpose: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    open(key, purpose, wrapped).map(Zeroizing::new)
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

fn seal(key: &[u8; 32], place: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let nonce = *random::<NONCE>()?;
    let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let (cipher, rest) = for_nonce(key, nonce);
    let tag = cipher
        .seal_in_place_separate_tag(rest, Aad::from(place), &mut sealed[NONCE..])
        .expect("a text in memory is far shorter than the 256 GB that one nonce is good for");
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn open(key: &[u8; 32], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>()?;
    let (cipher, rest) = for_nonce(key, *nonce);
    let mut body = body.to_vec();
    let length = cipher.open_in_place(rest, Aad::from(place), &mut body).ok()?.len();
    body.truncate(length);
    Some(body)
}

/// XChaCha20-Poly1305 for one nonce, as draft-irtf-cfrg-xchacha makes it of ChaCha20-Poly1305: a key of its own from the first
/// 16 bytes of the nonce, and the other 8 as the end of a nonce. ring has that in assembly, and opens a message in a sixth of
/// the time that the crate of both together takes.
fn for_nonce(key: &[u8; 32], nonce: [u8; NONCE]) -> (LessSafeKey, Nonce) {
    let [first @ .., _, _, _, _, _, _, _, _] = nonce;
    let mut own_key = hchacha::<R20>(key.into(), &first.into());
    let cipher = UnboundKey::new(&CHACHA20_POLY1305, &own_key).expect("a key of ChaCha20-Poly1305 has 32 bytes");
    own_key.as_mut_slice().zeroize();
    let mut rest = [0; 12];
    rest[4..].copy_from_slice(&nonce[16..]);
    (LessSafeKey::new(cipher), Nonce::assume_unique_for_key(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8, person: u8) -> DataKey {
        DataKey::new(&Zeroizing::new([seed; 48]), PersonId([person; 16]))
    }

    /// The example of draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn it_is_xchacha20_poly1305_as_everybody_has_it() {
        let key = std::array::from_fn(|n| 0x80 + n as u8);
        let place = *b"PQRS\xC0\xC1\xC2\xC3\xC4\xC5\xC6\xC7";
        let sealed = "404142434445464748494a4b4c4d4e4f5051525354555657\
            bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39\
            ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
            21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49";
        let sealed: Vec<u8> =
            (0..sealed.len()).step_by(2).map(|at| u8::from_str_radix(&sealed[at..at + 2], 16).unwrap()).collect();
        let plain = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
            sunscreen would be it.";
        assert_eq!(open(&key, &place, &sealed).unwrap(), plain.as_bytes());
        assert_eq!(open(&key, &place, &seal(&key, &place, b"wren").unwrap()).unwrap(), b"wren");
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
