//! A model file that comes piece by piece from whoever has it, such as a browser: it is known by its hash, and has no name before.

use std::fs;
use std::io;
use std::sync::atomic::AtomicBool;

use super::part::Part;
use super::{PullError, check_space};
use crate::catalogue::{ModelFile, ModelFolder, Source};

/// What it is called on its way. No file of the catalogue has such a name.
const ON_ITS_WAY: &str = ".arriving.part";

/// What it is called in errors, since it has no name yet.
const THE_FILE: &str = "the file that is sent";

/// Bytes that must stay free on the disk for everything else.
const SPARE_DISK: u64 = 64_000_000;

/// A file on its way. Dropping it removes what has come.
pub struct Arriving<'a> {
    folder: &'a ModelFolder,
    part: Option<Part>,
    largest: u64,
}

/// A file that was sent is not taken; none of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// One comes already.
    #[error("another file is being sent; wait until it is there")]
    Busy,
    /// It is larger than every file of the catalogue.
    #[error("it is larger than {} MB, as no file of the catalogue is; send one of those that `pipit models list` names", .0.div_ceil(1_000_000))]
    TooLarge(u64),
    /// Its content is of no file of the catalogue.
    #[error(
        "it is no file of the catalogue: it hashes to {0}; send it as it was downloaded, not unpacked or converted"
    )]
    Unknown(crate::catalogue::Sha256),
    /// It cannot be written.
    #[error(transparent)]
    Target(#[from] PullError),
}

impl ModelFolder {
    /// Begins to take a file, of which this many bytes will come where that is known.
    ///
    /// # Errors
    /// Another one comes just now, it is too large, or there is no room for it.
    pub fn arriving(&self, announced: Option<u64>) -> Result<Arriving<'_>, ArrivalError> {
        let target = |error: io::Error| PullError::disk(THE_FILE, &error);
        let files = self.catalogue().models().iter().flat_map(|model| &model.files);
        let largest = files.filter_map(|file| file.bytes).max().unwrap_or_default();
        if announced.is_some_and(|bytes| bytes > largest) {
            return Err(ArrivalError::TooLarge(largest));
        }
        fs::create_dir_all(self.path()).map_err(target)?;
        check_space(self, THE_FILE, announced.unwrap_or_default().saturating_add(SPARE_DISK))?;
        // Whoever would have to wait is told so instead.
        let part = Part::lock(self.path().join(ON_ITS_WAY), &mut || (), &AtomicBool::new(true));
        let mut part = part.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => ArrivalError::Busy,
            _ => target(error).into(),
        })?;
        part.restart().map_err(target)?;
        Ok(Arriving { folder: self, part: Some(part), largest })
    }
}

impl Arriving<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// It is too large, or the disk is full.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ArrivalError> {
        let Some(part) = &mut self.part else { return Ok(()) };
        if part.bytes() + bytes.len() as u64 > self.largest {
            return Err(ArrivalError::TooLarge(self.largest));
        }
        Ok(part.append(bytes).map_err(|error| PullError::disk(THE_FILE, &error))?)
    }

    /// Gives the file its name, if it is one of the catalogue's: which that is.
    ///
    /// # Errors
    /// It is none of them, or it cannot be written.
    pub fn finish(mut self) -> Result<ModelFile, ArrivalError> {
        let Some(part) = self.part.take() else { return Err(ArrivalError::Busy) };
        let found = part.digest();
        // What ships with Pipit is here already.
        let models = self.folder.catalogue().models().iter().filter(|model| model.source != Source::InTheBox);
        let mut files = models.flat_map(|model| &model.files);
        let Some(file) = files.find(|file| self.folder.expected(file) == Some(found)) else {
            part.discard();
            return Err(ArrivalError::Unknown(found));
        };
        let target = |error: io::Error| PullError::disk(&file.name, &error);
        let path = self.folder.path().join(&file.name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = made {
            part.discard();
            return Err(target(error).into());
        }
        part.commit(&path).map_err(target)?;
        if let Err(error) = self.folder.record(file, found, false) {
            tracing::warn!(file = %file.name, %error, "its hash could not be recorded");
        }
        // Half of a download is of no use any more, unless one is under way: that finds out by itself.
        if let Ok(unfinished) = Part::lock(self.folder.unfinished(file), &mut || (), &AtomicBool::new(true)) {
            unfinished.discard();
        }
        Ok(file.clone())
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            part.discard();
        }
    }
}
