//! Taking model files from a folder or a USB stick, for machines without a network.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::part::Part;
use super::{PullError, check_space};
use crate::catalogue::{ModelFile, ModelFolder, Sha256};

/// How deep below the given folder files are looked for: deep enough for `models/piper/en/...`, and bounded on a stick
/// that holds someone's whole life.
const DEPTH: usize = 6;

/// What was taken and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Files of the catalogue that are now installed, by their names there.
    pub taken: Vec<String>,
    /// Files of the catalogue that were found but are installed already.
    pub already_there: Vec<String>,
    /// Files that bear a name of the catalogue but are not that file.
    pub rejected: Vec<Rejected>,
}

/// A file that bears a name of the catalogue but was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it was not taken.
    pub why: String,
}

/// The import could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The given place cannot be read.
    #[error("cannot read {}: {source} (is the stick mounted?)", path.display())]
    Source {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be put into the models folder.
    #[error(transparent)]
    Target(#[from] PullError),
}

impl ModelFolder {
    /// Takes every file of the catalogue that lies in `from` (a folder, looked through to some depth, or one file) and is
    /// not installed yet. A file counts by its hash; by its name or its size only to be looked at.
    ///
    /// `progress` is told the catalogue's name of the file and the bytes copied.
    ///
    /// # Errors
    /// `from` cannot be read, the models folder cannot be written, its disk is too full, or `cancel` was raised.
    pub fn import(
        &self,
        from: &Path,
        progress: &mut dyn FnMut(&str, u64),
        cancel: &AtomicBool,
    ) -> Result<Imported, ImportError> {
        let found = files_below(from).map_err(|source| ImportError::Source { path: from.to_owned(), source })?;
        let mut imported = Imported::default();
        // Each file of the catalogue with whatever might be it.
        let mut rejected: BTreeMap<&PathBuf, String> = BTreeMap::new();
        for file in self.catalogue().models().iter().flat_map(|model| &model.files) {
            let candidates: Vec<_> = found.iter().filter(|(path, size)| might_be(file, path, *size)).collect();
            if candidates.is_empty() {
                continue;
            }
            let good = self.is_good(file, &mut |_| (), cancel);
            if good.map_err(|error| PullError::disk(&file.name, &error))? {
                imported.already_there.push(file.name.clone());
                continue;
            }
            for (path, size) in candidates {
                match self.take(file, path, *size, progress, cancel)? {
                    None => {
                        imported.taken.push(file.name.clone());
                        rejected.remove(path);
                        break;
                    }
                    Some(why) if bears_name(file, path) => drop(rejected.insert(path, why)),
                    Some(_) => {}
                }
            }
        }
        let rejected = rejected.into_iter().map(|(path, why)| Rejected { path: path.clone(), why });
        imported.rejected.extend(rejected);
        Ok(imported)
    }

    /// Copies one file in, if it is the right one; otherwise says why not.
    fn take(
        &self,
        file: &ModelFile,
        from: &Path,
        size: u64,
        progress: &mut dyn FnMut(&str, u64),
        cancel: &AtomicBool,
    ) -> Result<Option<String>, ImportError> {
        let target = |error: io::Error| ImportError::Target(PullError::disk(&file.name, &error));
        let source = |source| ImportError::Source { path: from.to_owned(), source };
        let Some(expected) = self.expected(file) else {
            return Ok(Some("the catalogue has no SHA-256 to know it by".into()));
        };
        if let Some(bytes) = file.bytes.filter(|bytes| *bytes != size) {
            return Ok(Some(format!("it has {size} bytes instead of {bytes}")));
        }
        // Hashed where it lies first: nothing is written for a file that is not the right one.
        let found = Sha256::of_file(from, &mut |_| (), cancel).map_err(source)?;
        if found != expected {
            return Ok(Some(format!("it hashes to {found} instead of {expected}")));
        }
        let path = self.path().join(&file.name);
        fs::create_dir_all(path.parent().unwrap_or(self.path())).map_err(target)?;
        check_space(self, &file.name, size)?;
        let mut part = Part::lock(self.unfinished(file), &mut || (), cancel).map_err(target)?;
        if let Err(error) = part.copy(from, &mut |done| progress(&file.name, done), cancel) {
            part.discard();
            return Err(target(error));
        }
        // The stick may have changed between the two readings, or be failing.
        if part.digest() != expected {
            part.discard();
            return Ok(Some("it reads differently each time: is the stick failing?".into()));
        }
        part.commit(&path).map_err(target)?;
        if let Err(error) = self.record(file, expected, false) {
            tracing::warn!(file = %file.name, %error, "its hash could not be recorded");
        }
        Ok(None)
    }
}

fn might_be(file: &ModelFile, path: &Path, size: u64) -> bool {
    bears_name(file, path) || file.bytes == Some(size)
}

fn bears_name(file: &ModelFile, path: &Path) -> bool {
    Path::new(&file.name).file_name() == path.file_name()
}

/// Regular files at or below `root` with their sizes, in a fixed order. Unreadable folders further down are passed over.
fn files_below(root: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let metadata = fs::metadata(root)?;
    if metadata.is_file() {
        return Ok(vec![(root.to_owned(), metadata.len())]);
    }
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            // Links are not followed: they could lead round in a circle.
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => files.push((entry.path(), metadata.len())),
                Ok(metadata) if metadata.is_dir() && depth < DEPTH => folders.push((entry.path(), depth + 1)),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}
