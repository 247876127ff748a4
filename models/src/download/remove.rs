//! Taking a model off the disk.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::part::Part;
use crate::catalogue::{ModelFolder, Source, UnknownModel};

/// A model was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// No such entry in the catalogue.
    #[error(transparent)]
    UnknownModel(#[from] UnknownModel),
    /// It can't be pulled again, and Pipit does not work without it.
    #[error("{0} comes with Pipit and is needed by it; it stays")]
    Needed(String),
    /// It is being downloaded.
    #[error("{0} is being downloaded; cancel that first")]
    Busy(String),
    /// The disk refuses.
    #[error("{} can't be removed: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ModelFolder {
    /// Removes the files of the model called `name`, unfinished ones too, but for those that another model shares that is there.
    /// Gives the bytes that are free again. Whether somebody uses it is the caller's to know.
    ///
    /// # Errors
    /// See [`RemoveError`].
    pub fn remove(&self, name: &str) -> Result<u64, RemoveError> {
        let model = self.catalogue().get(name)?;
        if model.source != Source::Download {
            return Err(RemoveError::Needed(name.to_owned()));
        }
        let disk = |path: &PathBuf, source: io::Error| RemoveError::Disk { path: path.clone(), source };
        let mut freed = 0;
        for file in &model.files {
            let others = self.list().into_iter().filter(|other| other.model.name != name && other.bytes_on_disk > 0);
            if others.flat_map(|other| &other.model.files).any(|other| other.name == file.name) {
                continue;
            }
            let (path, unfinished) = (self.path().join(&file.name), self.unfinished(file));
            if unfinished.exists() {
                let size = fs::metadata(&unfinished).map_or(0, |metadata| metadata.len());
                let part = Part::lock(unfinished.clone(), &mut || (), &AtomicBool::new(true));
                let part = part.map_err(|error| match error.kind() {
                    io::ErrorKind::Interrupted => RemoveError::Busy(name.to_owned()),
                    _ => disk(&unfinished, error),
                })?;
                part.discard();
                freed += size;
            }
            let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            match fs::remove_file(&path) {
                Ok(()) => freed += size,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk(&path, error)),
            }
        }
        Ok(freed)
    }

    /// Removes the downloads of the catalogue's models that were broken off and that nobody goes on with just now. Gives the bytes that are
    /// free again; what the disk does not let go stays.
    pub fn forget_unfinished(&self) -> u64 {
        let files = self.catalogue().models().iter().flat_map(|model| &model.files);
        let unfinished = files.map(|file| self.unfinished(file)).filter(|path| path.exists());
        let forgotten = unfinished.filter_map(|path| {
            let part = Part::lock(path, &mut || (), &AtomicBool::new(true)).ok()?;
            let bytes = part.bytes();
            part.discard();
            Some(bytes)
        });
        forgotten.sum()
    }
}
