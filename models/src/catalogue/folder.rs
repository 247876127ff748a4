//! The models folder: which models of the catalogue lie in it, whole or not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::ledger::Ledger;
use super::{Catalogue, CatalogueError, Model, ModelFile, Sha256, Source, UnknownModel};

/// How much of a model is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Every file is there and nothing is known against it.
    Installed,
    /// Some of it is there: a download was cut short, or a file is missing.
    Partial,
    /// Nothing of it is there.
    Absent,
    /// A file has the wrong size, or was found to hash to something else.
    Corrupt,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Installed => "installed",
            State::Partial => "partial",
            State::Absent => "absent",
            State::Corrupt => "corrupt",
        }
    }
}

/// A model and how much of it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<'a> {
    /// The entry.
    pub model: &'a Model,
    /// How much of it is there.
    pub state: State,
    /// Bytes that it takes up now, unfinished downloads included.
    pub bytes_on_disk: u64,
}

/// What [`ModelFolder::verify`] found out about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileVerdict {
    /// It hashes to what it must.
    Good,
    /// It is not there.
    Missing,
    /// Its content is not what it must be.
    Corrupt {
        /// What it must hash to.
        expected: Sha256,
        /// What it hashes to.
        found: Sha256,
    },
    /// It is there, but neither the catalogue nor an earlier download says what it must hash to.
    Unknown {
        /// What it hashes to.
        found: Sha256,
    },
}

/// The models folder with the catalogue that applies to it.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    path: PathBuf,
    in_the_box: Option<PathBuf>,
    catalogue: Catalogue,
}

impl ModelFolder {
    /// The folder at `path`, which need not exist yet; models that ship with Pipit are looked for in `in_the_box` too.
    ///
    /// # Errors
    /// The owner's `catalogue.toml` in the folder is wrong.
    pub fn open(path: impl Into<PathBuf>, in_the_box: Option<PathBuf>) -> Result<Self, CatalogueError> {
        let path = path.into();
        let catalogue = Catalogue::load(&path)?;
        Ok(ModelFolder { path, in_the_box, catalogue })
    }

    /// A folder for files of no catalogue.
    pub(crate) fn of_nothing(path: &Path) -> Self {
        ModelFolder { path: path.to_owned(), in_the_box: None, catalogue: Catalogue::empty() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entries that apply.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Every model of the catalogue with its state. Reads no file's content.
    #[must_use]
    pub fn list(&self) -> Vec<Listed<'_>> {
        let ledger = Ledger::read(&self.path);
        let listed = |model| {
            let (state, bytes_on_disk) = self.state_by(&ledger, model);
            Listed { model, state, bytes_on_disk }
        };
        self.catalogue.models().iter().map(listed).collect()
    }

    /// How much of `model` is there, by its files' sizes and what they last hashed to.
    #[must_use]
    pub fn state(&self, model: &Model) -> State {
        self.state_by(&Ledger::read(&self.path), model).0
    }

    /// The paths of the files of the model called `name`, in the catalogue's order, if it is installed.
    #[must_use]
    pub fn installed(&self, name: &str) -> Option<Vec<PathBuf>> {
        let model = self.catalogue.get(name).ok()?;
        (self.state(model) == State::Installed)
            .then(|| model.files.iter().map(|file| self.locate(model, file)).collect())
    }

    /// Hashes every file of the model called `name` and remembers the outcome for [`ModelFolder::list`].
    /// `progress` is told the file, the bytes done and the file's size.
    ///
    /// # Errors
    /// No such model, a file that cannot be read, or `cancel` was raised ([`io::ErrorKind::Interrupted`]).
    pub fn verify(
        &self,
        name: &str,
        progress: &mut dyn FnMut(&ModelFile, u64, u64),
        cancel: &AtomicBool,
    ) -> Result<Vec<(ModelFile, FileVerdict)>, VerifyError> {
        let model = self.catalogue.get(name)?;
        let ledger = Ledger::read(&self.path);
        let mut verdicts = Vec::with_capacity(model.files.len());
        for file in &model.files {
            let path = self.locate(model, file);
            let verdict = self
                .verify_file(&ledger, file, &path, progress, cancel)
                .map_err(|source| VerifyError::Unreadable { path, source })?;
            verdicts.push((file.clone(), verdict));
        }
        Ok(verdicts)
    }

    fn verify_file(
        &self,
        ledger: &Ledger,
        file: &ModelFile,
        path: &Path,
        progress: &mut dyn FnMut(&ModelFile, u64, u64),
        cancel: &AtomicBool,
    ) -> io::Result<FileVerdict> {
        let size = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileVerdict::Missing),
            Err(error) => return Err(error),
        };
        let found = Sha256::of_file(path, &mut |done| progress(file, done, size), cancel)?;
        self.remember(file, path, found);
        Ok(match ledger.expected(file) {
            Some(expected) if expected == found => FileVerdict::Good,
            Some(expected) => FileVerdict::Corrupt { expected, found },
            None => FileVerdict::Unknown { found },
        })
    }

    /// Records a hash of a file in this folder. Failing to is no harm: it will be hashed again.
    fn remember(&self, file: &ModelFile, path: &Path, found: Sha256) {
        if path.starts_with(&self.path)
            && let Err(error) = Ledger::record(&self.path, file, found, false)
        {
            tracing::debug!(file = %file.name, %error, "the hash could not be recorded");
        }
    }

    /// Whether the file of this name lies in the folder and hashes to what it must, hashing it only if it has changed
    /// since that was last done.
    pub(crate) fn is_good(
        &self,
        file: &ModelFile,
        progress: &mut dyn FnMut(u64),
        cancel: &AtomicBool,
    ) -> io::Result<bool> {
        let path = self.path.join(&file.name);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(false) };
        let ledger = Ledger::read(&self.path);
        if !metadata.is_file() || file.bytes.is_some_and(|bytes| bytes != metadata.len()) {
            return Ok(false);
        }
        let Some(expected) = ledger.expected(file) else { return Ok(false) };
        if let Some(content) = ledger.content(&file.name, &metadata) {
            return Ok(content == expected);
        }
        let found = Sha256::of_file(&path, progress, cancel)?;
        self.remember(file, &path, found);
        Ok(found == expected)
    }

    /// What `file` must hash to, if that is known.
    pub(crate) fn expected(&self, file: &ModelFile) -> Option<Sha256> {
        Ledger::read(&self.path).expected(file)
    }

    /// Records the hash of a file that has just been put into the folder.
    pub(crate) fn record(&self, file: &ModelFile, sha256: Sha256, learned: bool) -> io::Result<()> {
        Ledger::record(&self.path, file, sha256, learned)
    }

    fn state_by(&self, ledger: &Ledger, model: &Model) -> (State, u64) {
        let files: Vec<_> = model.files.iter().map(|file| self.file_state(ledger, model, file)).collect();
        let bytes = files.iter().map(|(_, bytes)| bytes).sum();
        let any = |wanted| files.iter().any(|(state, _)| *state == wanted);
        let state = if any(State::Corrupt) {
            State::Corrupt
        } else if files.is_empty() || !(any(State::Installed) || any(State::Partial)) {
            State::Absent
        } else if any(State::Partial) || any(State::Absent) {
            State::Partial
        } else {
            State::Installed
        };
        (state, bytes)
    }

    fn file_state(&self, ledger: &Ledger, model: &Model, file: &ModelFile) -> (State, u64) {
        let unfinished = fs::metadata(self.unfinished(file)).map(|metadata| metadata.len());
        let Ok(metadata) = fs::metadata(self.locate(model, file)) else {
            return match unfinished {
                Ok(bytes) => (State::Partial, bytes),
                Err(_) => (State::Absent, 0),
            };
        };
        let wrong_size = !metadata.is_file() || file.bytes.is_some_and(|bytes| bytes != metadata.len());
        let wrong_content = match (ledger.content(&file.name, &metadata), ledger.expected(file)) {
            (Some(found), Some(expected)) => found != expected,
            _ => false,
        };
        let state = if wrong_size || wrong_content { State::Corrupt } else { State::Installed };
        (state, metadata.len() + unfinished.unwrap_or(0))
    }

    /// Where an unfinished download of `file` lies.
    pub(crate) fn unfinished(&self, file: &ModelFile) -> PathBuf {
        self.path.join(format!("{}.part", file.name))
    }

    fn locate(&self, model: &Model, file: &ModelFile) -> PathBuf {
        let own = self.path.join(&file.name);
        match &self.in_the_box {
            Some(shipped) if model.source == Source::InTheBox && !own.exists() => shipped.join(&file.name),
            _ => own,
        }
    }
}

/// A model could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// No such entry.
    #[error(transparent)]
    UnknownModel(#[from] UnknownModel),
    /// A file could not be read, or the work was cancelled.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
