//! SHA-256 as a value.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::Digest as _;

/// Bytes read from a disk or a connection at a time.
pub(crate) const BLOCK: usize = 64 * 1024;

/// A SHA-256, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Reads 64 hexadecimal digits; `None` if `text` is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Sha256(bytes))
    }

    /// What a hasher has arrived at.
    pub(crate) fn finish(hasher: sha2::Sha256) -> Self {
        Sha256(hasher.finalize().into())
    }

    /// Hashes `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// Hashes the file at `path`, telling `progress` how many bytes are done.
    pub(crate) fn of_file(path: &Path, progress: &mut dyn FnMut(u64), cancel: &AtomicBool) -> io::Result<Self> {
        let mut hasher = sha2::Sha256::new();
        copy_into(&mut File::open(path)?, progress, cancel, |block| {
            hasher.update(block);
            Ok(())
        })?;
        Ok(Self::finish(hasher))
    }
}

/// Reads `source` to its end in blocks. Ends with [`io::ErrorKind::Interrupted`] when `cancel` is raised.
pub(crate) fn copy_into(
    source: &mut dyn Read,
    progress: &mut dyn FnMut(u64),
    cancel: &AtomicBool,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled"));
        }
        let read = match source.read(&mut block) {
            Ok(0) => return Ok(done),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sink(&block[..read])?;
        done += read as u64;
        progress(done);
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}
