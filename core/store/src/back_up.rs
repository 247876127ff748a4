//! The last good copy: made in the background, and returned to when the file is found damaged.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use crate::open::{PATIENCE, beside, check, create_private};
use crate::{Store, StoreError};

impl Store {
    /// Makes a copy of everything beside the file, in place of the last one, which stays until the new one is whole. The store
    /// can be used meanwhile. Of several that are made at once, here or by other programs, each waits for those before it.
    ///
    /// # Errors
    /// The copy can't be written, or what is to be copied is damaged; then the last copy is still there.
    pub fn back_up(&self) -> Result<(), StoreError> {
        let Some(file) = self.file() else { return Ok(()) };
        let (copy, new) = (copy_of(&file), beside(&file, ".good.new"));
        let unwritten = |error: std::io::Error| StoreError::Unopened { file: new.clone(), why: error.to_string() };
        let _alone = begin(&new).map_err(unwritten)?;
        // A connection of its own, so that nobody waits for it.
        let source = Connection::open(&file)?;
        source.busy_timeout(PATIENCE)?;
        source.execute("VACUUM INTO ?", [new.to_string_lossy()])?;
        check(&Connection::open(&new)?)?;
        put_in_place(&new, &copy).map_err(unwritten)
    }

    /// When the last copy was made; nothing if there is none, or if something that is in it was deleted since, which must not
    /// come back.
    #[must_use]
    pub fn backed_up_at(&self) -> Option<Timestamp> {
        let copy = copy_of(&self.file()?);
        let at = made_at(&copy)?;
        let copied = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        (deletions(&copied).ok()? == deletions(&self.device()).ok()?).then_some(at)
    }

    /// Whether there is a copy, however old.
    pub(crate) fn is_copied(&self) -> bool {
        self.file().is_some_and(|file| copy_of(&file).exists())
    }

    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.device().path().map(PathBuf::from)
    }
}

/// An empty file for a copy, for nobody else until the result is dropped.
fn begin(new: &Path) -> std::io::Result<File> {
    loop {
        create_private(new)?;
        let file = match OpenOptions::new().write(true).open(new) {
            Ok(file) => file,
            // Whoever had it has just put it in its place.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        // Where the file system knows no locks, copying goes on without.
        let _ = file.lock();
        let ours = file.metadata()?;
        if fs::metadata(new).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            // What a power cut has left of another one goes.
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

/// Puts the last good copy in the place of a file that was moved aside, and says from when it is; nothing if there is none
/// that is good. The copy itself stays.
pub(crate) fn bring_back(file: &Path) -> Option<Timestamp> {
    let copy = copy_of(file);
    let (at, new) = (made_at(&copy)?, beside(file, ".returning"));
    let brought = fs::copy(&copy, &new).and_then(|_| {
        // Anything that is wrong with it makes it one that can't be returned to.
        check(&Connection::open(&new).map_err(std::io::Error::other)?).map_err(std::io::Error::other)?;
        put_in_place(&new, file)
    });
    match brought {
        Ok(()) => Some(at),
        Err(error) => {
            tracing::error!("{} can't be returned to: {error}", copy.display());
            // What is left of it is in nobody's way.
            let _ = fs::remove_file(&new);
            None
        }
    }
}

/// Counts that something was deleted, by which a copy is known to be from before.
pub(crate) fn count_deletion(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO setting (key, value) VALUES ('deletions', '1')
             ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
        )?
        .execute([])?;
    Ok(())
}

fn deletions(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM setting WHERE key = 'deletions'", [], |row| row.get(0)).optional()
}

fn copy_of(file: &Path) -> PathBuf {
    beside(file, ".good")
}

fn made_at(copy: &Path) -> Option<Timestamp> {
    Timestamp::try_from(fs::metadata(copy).ok()?.modified().ok()?).ok()
}

/// Renames once the content is on the disk, so that after a power cut there is the old one or the new one.
pub(crate) fn put_in_place(new: &Path, place: &Path) -> std::io::Result<()> {
    File::open(new)?.sync_all()?;
    fs::rename(new, place)?;
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
