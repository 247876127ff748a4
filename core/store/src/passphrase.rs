//! Argon2id: keys from passphrases, and hashes by which a passphrase or a PIN is known again.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::seal::random;

/// What trying one passphrase costs. It is written beside what it was used for, so that it can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Memory in KiB.
    memory: u32,
    passes: u32,
}

/// For what an attacker with the file can try as often as they like: RFC 9106's second recommendation, with one lane because
/// the smallest boards have no cores to spare.
pub(crate) const FOR_KEYS: Cost = Cost { memory: 64 * 1024, passes: 3 };

/// For what is asked often and guarded otherwise too: OWASP's recommendation.
pub(crate) const FOR_HASHES: Cost = Cost { memory: 19 * 1024, passes: 2 };

/// More memory than this is asked by no Pipit: a file that says so was changed to exhaust the board.
const MOST_MEMORY: u32 = 1024 * 1024;

/// More passes than this neither: it would never end.
const MOST_PASSES: u32 = 64;

const SALT: usize = 16;

/// A key from a passphrase, with what is needed to make it again: cost and salt.
pub(crate) fn new_key(passphrase: &str) -> Result<(Zeroizing<[u8; 32]>, Vec<u8>), StoreError> {
    let salt = random::<SALT>()?;
    let key = FOR_KEYS.derive(passphrase, &*salt, &[])?;
    Ok((key, FOR_KEYS.written(&*salt)))
}

/// The key again; another one from another passphrase.
pub(crate) fn key_again(passphrase: &str, written: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let (cost, salt) = Cost::read(written).ok_or(StoreError::NoHash)?;
    cost.derive(passphrase, salt, &[])
}

/// A hash by which `secret` is known again. `pepper` is not in the file: without it, not even all PINs can be tried.
pub(crate) fn hash(secret: &str, pepper: &[u8]) -> Result<Vec<u8>, StoreError> {
    let salt = random::<SALT>()?;
    let mut written = FOR_HASHES.written(&*salt);
    written.extend_from_slice(&*FOR_HASHES.derive(secret, &*salt, pepper)?);
    Ok(written)
}

/// Whether `secret` is what was hashed.
pub(crate) fn is_same(secret: &str, pepper: &[u8], written: &[u8]) -> Result<bool, StoreError> {
    let (begin, expected) = written.split_last_chunk::<32>().ok_or(StoreError::NoHash)?;
    let (cost, salt) = Cost::read(begin).ok_or(StoreError::NoHash)?;
    let found = cost.derive(secret, salt, pepper)?;
    // Every byte is looked at, so that the time says nothing.
    Ok(found.iter().zip(expected).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0)
}

impl Cost {
    fn derive(self, secret: &str, salt: &[u8], pepper: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let failed = |error: argon2::Error| StoreError::Underivable(error.to_string());
        let params = Params::new(self.memory, self.passes, 1, Some(32)).map_err(failed)?;
        let count = params.block_count();
        // A small board may not have that much left.
        let mut memory = Vec::new();
        memory.try_reserve_exact(count).map_err(|error| StoreError::Underivable(error.to_string()))?;
        memory.resize(count, Block::default());
        let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).map_err(failed)?;
        let mut key = Zeroizing::new([0; 32]);
        argon2.hash_password_into_with_memory(secret.as_bytes(), salt, &mut *key, &mut memory).map_err(failed)?;
        Ok(key)
    }

    /// A version, the cost and the salt.
    fn written(self, salt: &[u8]) -> Vec<u8> {
        let mut written = vec![1];
        written.extend_from_slice(&self.memory.to_le_bytes());
        written.extend_from_slice(&self.passes.to_le_bytes());
        written.extend_from_slice(salt);
        written
    }

    fn read(written: &[u8]) -> Option<(Cost, &[u8])> {
        let (version, rest) = written.split_first()?;
        let (memory, rest) = rest.split_first_chunk()?;
        let (passes, salt) = rest.split_first_chunk()?;
        let cost = Cost { memory: u32::from_le_bytes(*memory), passes: u32::from_le_bytes(*passes) };
        let is_bearable = cost.memory <= MOST_MEMORY && cost.passes <= MOST_PASSES;
        (*version == 1 && salt.len() == SALT && is_bearable).then_some((cost, salt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_makes_the_same_key_again_and_another_one_another() {
        let (key, written) = new_key("correct horse").unwrap();
        assert_eq!(key_again("correct horse", &written).unwrap(), key);
        assert_ne!(key_again("correct horsf", &written).unwrap(), key);
        assert_ne!(new_key("correct horse").unwrap().0, key, "the salt is another");
        assert!(matches!(key_again("correct horse", &written[1..]), Err(StoreError::NoHash)));
        let exhausting = Cost { memory: u32::MAX, passes: 1 }.written(&[0; SALT]);
        assert!(matches!(key_again("correct horse", &exhausting), Err(StoreError::NoHash)));
        let endless = Cost { memory: 8, passes: u32::MAX }.written(&[0; SALT]);
        assert!(matches!(key_again("correct horse", &endless), Err(StoreError::NoHash)));
    }

    #[test]
    fn a_pin_is_known_again_with_the_same_pepper_only() {
        let hashed = hash("4711", b"pepper").unwrap();
        assert!(is_same("4711", b"pepper", &hashed).unwrap());
        assert!(!is_same("4712", b"pepper", &hashed).unwrap());
        assert!(!is_same("4711", b"salt", &hashed).unwrap());
        assert!(!hashed.windows(4).any(|window| window == b"4711"));
    }
}
