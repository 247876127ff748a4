//! A backup as it travels: some files in one stream that only a passphrase opens.
//!
//! After a line that says what it is, and the salt and cost of the key, come blocks: a length and what XChaCha20-Poly1305 leaves of
//! 64 kB, bound to its number and to whether it is the last, so that none can be changed, moved, or cut off unnoticed. The end is a
//! SHA-256 of all of it, by which a file that did not arrive whole is told from a wrong passphrase. Inside is a list of the files, as
//! JSON, and then their contents one after the other.

use std::io::{self, BufReader, Read, Write};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::passphrase;
use crate::seal::{unwrap, wrap};
use crate::{BackupError, StoreError};

/// What every backup begins with; then its version and an end of line.
const BEGINNING: &[u8] = b"pipit backup ";

/// The version of the format that is written, and the only one that is read.
const VERSION: u8 = b'1';

/// Bytes of a block before it is sealed.
const BLOCK: usize = 64 * 1024;

/// What a block grows by: a nonce and an authenticator.
const SEALED: usize = 40;

/// Marks the length of the last block.
const LAST: u32 = 1 << 31;

/// Bytes of the checksum at the end.
const CHECKSUM: usize = 32;

/// The most that the list of files may have, in bytes. Four files take some hundred.
const LONGEST_LIST: u32 = 64 * 1024;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct List {
    /// The version of Pipit that made it.
    pub(crate) pipit: String,
    /// Unix seconds.
    pub(crate) made_at: i64,
    /// Each file's name and its length in bytes, in the order of their contents.
    pub(crate) files: Vec<(String, u64)>,
}

/// Seals what is written to it, block by block. What is not finished is no backup.
pub(crate) struct Sealing<W> {
    to: W,
    checksum: Context,
    key: Zeroizing<[u8; 32]>,
    block: Zeroizing<Vec<u8>>,
    number: u64,
}

impl<W: Write> Sealing<W> {
    /// Begins with a list of what is to come.
    pub(crate) fn begin(to: W, passphrase: &str, list: &List) -> Result<Self, BackupError> {
        let (key, written) = passphrase::new_key(passphrase)?;
        let block = Zeroizing::new(Vec::with_capacity(BLOCK));
        let mut sealing = Sealing { to, checksum: Context::new(&SHA256), key, block, number: 0 };
        let length = u8::try_from(written.len()).expect("cost and salt take 25 bytes");
        sealing.put(&[BEGINNING, &[VERSION, b'\n', length], &written].concat())?;
        let list = serde_json::to_vec(list).map_err(io::Error::from)?;
        let length = u32::try_from(list.len()).expect("a list has a handful of names");
        sealing.write_all(&length.to_le_bytes())?;
        sealing.write_all(&list)?;
        Ok(sealing)
    }

    /// Ends it.
    pub(crate) fn finish(mut self) -> Result<(), BackupError> {
        self.seal(LAST)?;
        let checksum = self.checksum.finish();
        self.to.write_all(checksum.as_ref())?;
        Ok(self.to.flush()?)
    }

    fn seal(&mut self, mark: u32) -> io::Result<()> {
        let place = place(self.number, mark == LAST);
        let sealed = wrap(&self.key, &place, &self.block).map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).expect("a block has 64 kB");
        self.block.clear();
        self.number += 1;
        self.put(&(length | mark).to_le_bytes())?;
        self.put(&sealed)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.to.write_all(bytes)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK {
            self.seal(0)?;
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what was sealed. Nothing that it gives out has been changed since.
pub(crate) struct Opening<R> {
    from: R,
    key: Zeroizing<[u8; 32]>,
    block: Zeroizing<Vec<u8>>,
    /// How much of the block was given out.
    given: usize,
    number: u64,
    was_last: bool,
}

/// Finds out whether a backup is whole, without its passphrase. `told` is given the bytes that were looked at, and says whether to go on.
pub(crate) fn check_whole(
    from: &mut impl Read,
    length: u64,
    told: &mut dyn FnMut(u64) -> bool,
) -> Result<(), BackupError> {
    let mut beginning = [0; BEGINNING.len() + 2];
    from.read_exact(&mut beginning).map_err(|_| BackupError::NoBackup)?;
    let version = beginning.strip_prefix(BEGINNING).ok_or(BackupError::NoBackup)?;
    if version != [VERSION, b'\n'] {
        return Err(BackupError::NewerFormat);
    }
    let mut checksum = Context::new(&SHA256);
    checksum.update(&beginning);
    let all = length.checked_sub(CHECKSUM as u64).ok_or(BackupError::Damaged)?;
    let (mut done, mut bytes) = (beginning.len() as u64, [0; 16 * 1024]);
    while done < all {
        let wanted = usize::try_from(all - done).unwrap_or(usize::MAX).min(bytes.len());
        from.read_exact(&mut bytes[..wanted]).map_err(cut)?;
        checksum.update(&bytes[..wanted]);
        done += wanted as u64;
        if !told(done) {
            return Err(BackupError::Cancelled);
        }
    }
    let mut written = [0; CHECKSUM];
    from.read_exact(&mut written).map_err(cut)?;
    if checksum.finish().as_ref() == written { Ok(()) } else { Err(BackupError::Damaged) }
}

impl<R: Read> Opening<BufReader<R>> {
    /// Reads the list of what is to come, of a backup that is whole.
    pub(crate) fn begin(from: R, passphrase: &str) -> Result<(Self, List), BackupError> {
        let mut from = BufReader::new(from);
        let mut beginning = [0; BEGINNING.len() + 3];
        from.read_exact(&mut beginning).map_err(cut)?;
        let mut written = vec![0; usize::from(beginning[BEGINNING.len() + 2])];
        from.read_exact(&mut written).map_err(cut)?;
        let key = passphrase::key_again(passphrase, &written).map_err(|error| match error {
            StoreError::NoHash => BackupError::Damaged,
            error => error.into(),
        })?;
        let block = Zeroizing::new(Vec::new());
        let mut opening = Opening { from, key, block, given: 0, number: 0, was_last: false };
        opening.open_block()?;
        let mut length = [0; 4];
        opening.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length > LONGEST_LIST {
            return Err(BackupError::Damaged);
        }
        let mut list = vec![0; length as usize];
        opening.read_exact(&mut list)?;
        let list = serde_json::from_slice(&list).map_err(|_| BackupError::Damaged)?;
        Ok((opening, list))
    }
}

impl<R: Read> Opening<R> {
    fn open_block(&mut self) -> Result<(), BackupError> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_le_bytes(length);
        let (length, is_last) = ((length & !LAST) as usize, length & LAST != 0);
        if !(SEALED..=BLOCK + SEALED).contains(&length) {
            return Err(BackupError::Damaged);
        }
        let mut sealed = vec![0; length];
        self.from.read_exact(&mut sealed).map_err(cut)?;
        let opened = unwrap(&self.key, &place(self.number, is_last), &sealed);
        // All of it is as it was written, so that what does not open first was sealed with another passphrase.
        let wrong = if self.number == 0 { BackupError::WrongPassphrase } else { BackupError::Damaged };
        self.block = opened.ok_or(wrong)?;
        (self.given, self.was_last) = (0, is_last);
        self.number += 1;
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.block.len() && !self.was_last {
            self.open_block().map_err(io::Error::other)?;
        }
        let rest = &self.block[self.given..];
        let taken = rest.len().min(into.len());
        into[..taken].copy_from_slice(&rest[..taken]);
        self.given += taken;
        Ok(taken)
    }
}

/// What a block is sealed for.
fn place(number: u64, is_last: bool) -> Vec<u8> {
    [BEGINNING, &[VERSION, u8::from(is_last)], &number.to_le_bytes()].concat()
}

/// A file that ends too early is damaged; whatever else can't be read is the disk's fault.
fn cut(error: io::Error) -> BackupError {
    if error.kind() == io::ErrorKind::UnexpectedEof { BackupError::Damaged } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(content: &[u8]) -> Vec<u8> {
        let files = vec![("pipit.db".to_owned(), content.len() as u64)];
        let list = List { pipit: "1.0.0".to_owned(), made_at: 0, files };
        let mut to = Vec::new();
        let mut sealing = Sealing::begin(&mut to, "four wet green herons", &list).unwrap();
        sealing.write_all(content).unwrap();
        sealing.finish().unwrap();
        to
    }

    fn whole(sealed: &[u8]) -> Result<(), BackupError> {
        check_whole(&mut &*sealed, sealed.len() as u64, &mut |_| true)
    }

    fn opened(sealed: &[u8], passphrase: &str) -> Result<Vec<u8>, BackupError> {
        let (mut opening, list) = Opening::begin(sealed, passphrase)?;
        let mut content = Vec::new();
        opening.read_to_end(&mut content)?;
        assert_eq!(list.files[0].1, content.len() as u64);
        Ok(content)
    }

    #[test]
    fn what_was_sealed_is_opened_by_its_passphrase_alone() {
        for length in [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7] {
            let content: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let sealed = sealed(&content);
            whole(&sealed).unwrap();
            assert_eq!(opened(&sealed, "four wet green herons").unwrap(), content);
        }
        let sealed = sealed(b"the wren sings");
        assert!(!sealed.windows(4).any(|window| window == b"wren"));
        assert!(matches!(opened(&sealed, "four wet green heron"), Err(BackupError::WrongPassphrase)));
    }

    #[test]
    fn what_was_changed_cut_or_moved_is_not_opened() {
        let content = vec![7; 2 * BLOCK];
        let good = sealed(&content);
        for at in [0, BEGINNING.len(), 20, 60, good.len() / 2, good.len() - 1] {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(whole(&changed).is_err(), "{at}");
        }
        for length in [0, 10, 40, good.len() / 2, good.len() - 1] {
            assert!(whole(&good[..length]).is_err(), "{length}");
        }
        // Somebody who makes the checksum anew does not get past the seal.
        let first = BEGINNING.len() + 3 + 25;
        let block = 4 + BLOCK + SEALED;
        let mut swapped = good.clone();
        swapped[first..first + 2 * block].rotate_left(block);
        assert!(opened(&swapped, "four wet green herons").is_err());
        let mut ended = good[..first + block].to_vec();
        ended[first + 3] |= 0x80;
        assert!(opened(&ended, "four wet green herons").is_err(), "a block that is not the last passes for it");
        assert!(matches!(opened(&good[..first + block], "four wet green herons"), Err(BackupError::Damaged)));
        let mut newer = good;
        newer[BEGINNING.len()] = b'2';
        assert!(matches!(whole(&newer), Err(BackupError::NewerFormat)));
        assert!(matches!(whole(b"SQLite format 3, and so on, and so on"), Err(BackupError::NoBackup)));
    }
}
