//! An unfinished file on the disk: `<name>.part` with its hash so far, and `<name>.part.json` saying what it is part of.
//!
//! The part file itself is the lock against a second process, so that no lock file is ever left lying about.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::{GLANCE, wait};
use crate::catalogue::{ModelFile, Sha256, copy_into};

pub(super) struct Part {
    file: File,
    path: PathBuf,
    hasher: sha2::Sha256,
    bytes: u64,
    etag: Option<String>,
    disk_full: bool,
}

/// What the part is a part of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    url: Option<String>,
    sha256: Option<String>,
    etag: Option<String>,
}

impl Part {
    /// Opens or creates the part file at `path` for this process alone, calling `waiting` once if another has it.
    pub(super) fn lock(path: PathBuf, waiting: &mut dyn FnMut(), cancel: &AtomicBool) -> io::Result<Self> {
        let mut told = false;
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {
                    // The holder before may have renamed or removed the file that was opened here.
                    if is_still_at(&file, &path)? {
                        let bytes = file.metadata()?.len();
                        let hasher = sha2::Sha256::new();
                        return Ok(Part { file, path, hasher, bytes, etag: None, disk_full: false });
                    }
                }
                Err(TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut told, true) {
                        waiting();
                    }
                    if !wait(GLANCE, cancel) {
                        return Err(io::Error::new(io::ErrorKind::Interrupted, "cancelled"));
                    }
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Hashes what is there, so that it can be added to; drops it if it cannot be the beginning of `file`.
    pub(super) fn resume(
        &mut self,
        file: &ModelFile,
        expected: Option<Sha256>,
        progress: &mut dyn FnMut(u64),
        cancel: &AtomicBool,
    ) -> io::Result<()> {
        let origin = fs::read(self.origin_path()).ok().and_then(|text| serde_json::from_slice::<Origin>(&text).ok());
        let expected = expected.map(|sha256| sha256.to_string());
        let usable = match &origin {
            // Without a known hash only the server can say whether it still has the same file.
            Some(origin) => {
                origin.url == file.url && origin.sha256 == expected && (expected.is_some() || origin.etag.is_some())
            }
            None => expected.is_some(),
        };
        if !usable || file.bytes.is_some_and(|bytes| self.bytes > bytes) {
            return self.restart();
        }
        self.etag = origin.and_then(|origin| origin.etag);
        self.rehash(progress, cancel)
    }

    fn rehash(&mut self, progress: &mut dyn FnMut(u64), cancel: &AtomicBool) -> io::Result<()> {
        self.file.rewind()?;
        self.hasher = sha2::Sha256::new();
        let hasher = &mut self.hasher;
        let mut there = (&self.file).take(self.bytes);
        self.bytes = copy_into(&mut there, progress, cancel, |block| {
            hasher.update(block);
            Ok(())
        })?;
        Ok(())
    }

    /// Drops what has arrived.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        if self.bytes > 0 {
            self.file.set_len(0)?;
        }
        self.file.rewind()?;
        (self.bytes, self.etag, self.hasher) = (0, None, sha2::Sha256::new());
        Ok(())
    }

    /// Notes what the bytes to come are part of; to be called before the first of them.
    pub(super) fn begin(&mut self, file: &ModelFile, expected: Option<Sha256>, etag: Option<String>) -> io::Result<()> {
        self.etag = etag.clone();
        let origin = Origin { url: file.url.clone(), sha256: expected.map(|sha256| sha256.to_string()), etag };
        fs::write(self.origin_path(), serde_json::to_vec(&origin).map_err(io::Error::other)?)
    }

    /// Makes it a copy of the file at `from`, telling `progress` how many bytes are done.
    pub(super) fn copy(&mut self, from: &Path, progress: &mut dyn FnMut(u64), cancel: &AtomicBool) -> io::Result<()> {
        self.restart()?;
        copy_into(&mut File::open(from)?, progress, cancel, |block| self.append(block))?;
        Ok(())
    }

    pub(super) fn append(&mut self, block: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(block) {
            self.disk_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            return Err(error);
        }
        self.hasher.update(block);
        self.bytes += block.len() as u64;
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether a write failed because the disk was full: then the part must go, so that others can write again.
    pub(super) fn is_disk_full(&self) -> bool {
        self.disk_full
    }

    /// The version of the file that the bytes belong to, as the server named it.
    pub(super) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The hash of what is there.
    pub(super) fn digest(&self) -> Sha256 {
        Sha256::finish(self.hasher.clone())
    }

    /// Makes the part the finished file `to`: on the disk first, then under its name, at once.
    pub(super) fn commit(self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, to)?;
        remove(&self.origin_path());
        match to.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Removes the part.
    pub(super) fn discard(self) {
        remove(&self.path);
        remove(&self.origin_path());
    }

    fn origin_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".json");
        path.into()
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot be removed");
    }
}

fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
