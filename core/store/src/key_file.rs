//! The device's key: 32 bytes that wrap the keys of all Standard persons. They come from whoever opens the store, as one of
//! systemd's credentials, or lie in a file beside it that only its owner can read.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::back_up::put_in_place;
use crate::open::{beside, create_private};
use crate::seal::random;
use crate::{KeyProblem, StoreError};

/// Where the device's key comes from.
#[derive(Clone)]
pub enum KeySource {
    /// The file beside the database, which is made at the first start: its name with `.key` after it.
    Beside,
    /// Another file, which somebody else makes, such as one of systemd's credentials: 32 bytes, or 64 hexadecimal digits.
    File(PathBuf),
}

/// The key itself. It is never shown.
#[derive(Clone)]
pub(crate) struct DeviceKey(Zeroizing<[u8; 32]>);

impl DeviceKey {
    pub(crate) fn new() -> Result<DeviceKey, StoreError> {
        random().map(DeviceKey)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceKey")
    }
}

impl KeySource {
    /// The file that holds, or should hold, the key of this database.
    pub(crate) fn file(&self, database: &Path) -> PathBuf {
        match self {
            KeySource::Beside => beside(database, ".key"),
            KeySource::File(file) => file.clone(),
        }
    }

    /// Reads the key; what is wrong with it if it can't be used.
    pub(crate) fn read(&self, database: &Path) -> Result<DeviceKey, KeyProblem> {
        let bytes = fs::read(self.file(database)).map(Zeroizing::new).map_err(|error| match error.kind() {
            ErrorKind::NotFound => KeyProblem::Missing,
            _ => KeyProblem::Unread(error.to_string()),
        })?;
        parse(&bytes).map(DeviceKey).ok_or(KeyProblem::NoKey)
    }

    /// Makes a key where there is none yet, and it is ours to make.
    pub(crate) fn read_or_make(&self, database: &Path) -> Result<DeviceKey, StoreError> {
        let file = self.file(database);
        match (self.read(database), self) {
            (Ok(key), _) => Ok(key),
            (Err(KeyProblem::Missing), KeySource::Beside) => {
                let key = DeviceKey::new()?;
                write(&file, &key).map_err(|error| StoreError::Unopened { file, why: error.to_string() })?;
                Ok(key)
            }
            (Err(problem), _) => Err(StoreError::NoKey { file, problem }),
        }
    }

    /// Puts a new key in the place of one that is lost; what is there stays beside it under another name.
    pub(crate) fn replace(&self, database: &Path, mark: &str) -> Result<DeviceKey, StoreError> {
        let file = self.file(database);
        let unwritten = |error: std::io::Error| StoreError::Unopened { file: file.clone(), why: error.to_string() };
        if file.exists() && matches!(self, KeySource::Beside) {
            fs::rename(&file, beside(&file, mark)).map_err(unwritten)?;
        }
        self.read_or_make(database)
    }
}

fn parse(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    if let Ok(key) = <[u8; 32]>::try_from(bytes) {
        return Some(Zeroizing::new(key));
    }
    let digits = bytes.trim_ascii();
    let mut key = Zeroizing::new([0; 32]);
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).expect("two digits of four bits");
    }
    Some(key)
}

/// Writes it so that after a power cut there is the whole key or none.
fn write(file: &Path, key: &DeviceKey) -> std::io::Result<()> {
    let new = beside(file, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_private(&new)?;
    fs::OpenOptions::new().write(true).open(&new)?.write_all(key.bytes())?;
    put_in_place(&new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_or_64_digits_and_nothing_else() {
        assert_eq!(parse(&[7; 32]).map(|key| *key), Some([7; 32]));
        assert_eq!(parse(format!("{}\n", "0aF1".repeat(16)).as_bytes()).map(|key| key[1]), Some(0xF1));
        for wrong in [&b""[..], &[7; 31], &[b'g'; 64], &[b'0'; 63]] {
            assert_eq!(parse(wrong).map(|key| *key), None, "{wrong:?}");
        }
    }
}
