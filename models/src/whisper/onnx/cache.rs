//! What was compiled is kept: one folder for each file, precision and version of this engine, made whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::super::weights::Weights;
use super::super::{MODEL, WhisperSource};
use super::compile::{self, Written};
use super::layers::Failure;
use super::quantise::Precision;
use crate::board;
use crate::catalogue::Sha256;
use crate::error::ModelError;
use crate::runtime::Runtime;

/// Counts what changes in the files: what an older version compiled is compiled anew.
const VERSION: u32 = 2;
/// What is known of a compiled model. It is written last.
const NOTES: &str = "compiled.json";
/// Begins the name of a folder that is being filled.
const UNFINISHED: &str = ".compiling-";
/// An unfinished folder this old is nobody's any more.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);
/// What must be left on the disk beside what is compiled.
const SPARE: u64 = 64 << 20;

/// The folder with what was compiled.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// A model that is compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Compiled {
    pub(super) folder: PathBuf,
    pub(super) written: Written,
    /// Whether it was compiled just now.
    pub(super) is_new: bool,
}

#[derive(Serialize, Deserialize)]
struct Notes {
    version: u32,
    wanted: Wanted,
    /// The SHA-256 of the model's file, in hexadecimal digits.
    source: String,
    /// By which the file is known again without reading it all; none for what is built in.
    stamp: Option<Stamp>,
    written: Written,
}

/// What is made of a source.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    /// The model's shape, a part of which Hugging Face's models have in a file beside theirs.
    shape: String,
    precision: String,
}

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    path: PathBuf,
    length: u64,
    modified_ns: u128,
}

impl Cache {
    /// A cache in `folder`, which is made when it is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: folder.into() }
    }

    /// What was compiled of `weights`, which come from `source`; if need be it is compiled now. `tell` is told the share
    /// that is done (0.0..=1.0), and answers whether to go on.
    ///
    /// # Errors
    /// The source is damaged, the disk or the memory is too small, or `tell` has said no.
    pub(super) fn compiled(
        &self,
        runtime: &Runtime,
        source: &WhisperSource,
        weights: &mut Weights,
        precision: Precision,
        tell: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Compiled, ModelError> {
        let failed = |error: io::Error| self.failed(source, &format!("{error}; make sure that it can be written to"));
        let wanted = Wanted { shape: format!("{:?}", weights.contents.architecture), precision: precision.to_string() };
        let found = self.find(source, &wanted).map_err(|error| ModelError::unreadable(MODEL, source.path(), &error))?;
        let hash = match found {
            Ok(compiled) => return Ok(compiled),
            Err(hash) => hash,
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        self.sweep();
        self.check_room(source, weights, precision)?;
        let prefix = format!("{UNFINISHED}{}-", std::process::id());
        let unfinished = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.folder).map_err(failed)?;
        let written =
            compile::compile(runtime, weights, precision, unfinished.path(), tell).map_err(
                |failure| match failure {
                    Failure::Refused(refusal) => refusal.of(source),
                    Failure::Write(error) => failed(error),
                    Failure::Probe(reason) => {
                        let advice = "update ONNX Runtime, or set stt.engine = \"whisper-cpp\"";
                        self.failed(source, &format!("ONNX Runtime can't run a part of it ({reason}); {advice}"))
                    }
                    Failure::Cancelled => ModelError::Cancelled,
                },
            )?;
        let notes = Notes {
            version: VERSION,
            wanted,
            source: hash.clone(),
            stamp: stamp(source).ok().flatten(),
            written: written.clone(),
        };
        let folder = self.folder_of(&hash, &notes.wanted.precision);
        let finish = || -> io::Result<()> {
            compile::write(&unfinished.path().join(NOTES), &serde_json::to_vec(&notes)?)?;
            // Somebody was quicker, and may be using it: it is the same.
            if notes_of(&folder).is_some_and(|theirs| theirs.wanted == notes.wanted) {
                return Ok(());
            }
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::rename(unfinished.path(), &folder)?;
            File::open(&self.folder)?.sync_all()
        };
        finish().map_err(failed)?;
        Ok(Compiled { folder, written, is_new: true })
    }

    /// Throws away what was compiled and could not be used.
    pub(super) fn discard(&self, compiled: &Compiled) {
        if let Err(error) = fs::remove_dir_all(&compiled.folder) {
            tracing::warn!("{} can't be removed: {error}", compiled.folder.display());
        }
    }

    /// What was compiled, or else the hash of the source.
    fn find(&self, source: &WhisperSource, wanted: &Wanted) -> io::Result<Result<Compiled, String>> {
        if let Some(stamp) = stamp(source)? {
            let known = self.all().find(|(_, notes)| notes.stamp.as_ref() == Some(&stamp) && notes.wanted == *wanted);
            if let Some((folder, notes)) = known {
                return Ok(Ok(Compiled { folder, written: notes.written, is_new: false }));
            }
        }
        let hash = hash(source)?;
        let folder = self.folder_of(&hash, &wanted.precision);
        let known = notes_of(&folder).filter(|notes| notes.source == hash && notes.wanted == *wanted);
        let Some(notes) = known else { return Ok(Err(hash)) };
        Ok(Ok(Compiled { folder, written: notes.written, is_new: false }))
    }

    fn folder_of(&self, hash: &str, precision: &str) -> PathBuf {
        self.folder.join(format!("{}-{precision}-v{VERSION}", &hash[..16]))
    }

    /// The folders that are whole.
    fn all(&self) -> impl Iterator<Item = (PathBuf, Notes)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| notes_of(&entry.path()).map(|notes| (entry.path(), notes)))
    }

    /// Removes what nobody will ask for any more: what another version compiled, what was not finished, and what was made of files
    /// that are gone.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let folder = entry.path();
            let name = entry.file_name();
            let is_needed = match name.to_string_lossy().strip_prefix(UNFINISHED) {
                Some(process) => {
                    let process = process.split('-').next().unwrap_or_default();
                    Path::new("/proc").join(process).exists() && !is_old(&folder)
                }
                None => notes_of(&folder).is_some_and(|notes| notes.stamp.is_none_or(|stamp| stamp.path.exists())),
            };
            if !is_needed && let Err(error) = fs::remove_dir_all(&folder) {
                tracing::warn!("{} can't be removed: {error}", folder.display());
            }
        }
    }

    fn check_room(&self, source: &WhisperSource, weights: &Weights, precision: Precision) -> Result<(), ModelError> {
        let shape = &weights.contents.architecture;
        let needed = compile::disk_needed(shape, precision) + SPARE;
        let disk = rustix::fs::statvfs(&self.folder).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if let Some(free) = disk.ok().filter(|free| *free < needed) {
            let (needed, free) = (needed.div_ceil(1_000_000), free / 1_000_000);
            return Err(
                self.failed(source, &format!("that takes {needed} MB, and {free} MB are free; make room there"))
            );
        }
        let needed = compile::memory_needed(shape);
        if let Some(free) = board::available_memory().filter(|free| *free < needed) {
            let (needed, free) = (needed.div_ceil(1_000_000), free / 1_000_000);
            let reason = format!("that takes {needed} MB of memory, and {free} MB are free; choose a smaller model");
            return Err(self.failed(source, &reason));
        }
        Ok(())
    }

    /// What was compiled just now can't be run.
    pub(super) fn refused(&self, source: &WhisperSource, error: &ModelError) -> ModelError {
        // What to do about a file does not suit one that was made here.
        let why = match error {
            ModelError::Unusable { reason, .. } => reason.trim().to_owned(),
            error => error.to_string(),
        };
        let advice = "update ONNX Runtime, or set stt.engine = \"whisper-cpp\"";
        self.failed(source, &format!("ONNX Runtime can't run what was made of it ({why}); {advice}"))
    }

    fn failed(&self, source: &WhisperSource, reason: &str) -> ModelError {
        ModelError::NotCompiled {
            model: source.path().to_owned(),
            folder: self.folder.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether nothing was put into the folder for a day: whoever has the number of its process is another by now.
fn is_old(folder: &Path) -> bool {
    let modified = fs::metadata(folder).and_then(|metadata| metadata.modified());
    modified.ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > FORGOTTEN)
}

/// The notes of a folder that is whole and of this version.
fn notes_of(folder: &Path) -> Option<Notes> {
    let notes: Notes = serde_json::from_slice(&fs::read(folder.join(NOTES)).ok()?).ok()?;
    let length = fs::metadata(folder.join(compile::WEIGHTS)).ok()?.len();
    let has_graphs = [compile::ENCODER, compile::DECODER].iter().all(|name| folder.join(name).is_file());
    (notes.version == VERSION && notes.written.length == length && has_graphs).then_some(notes)
}

fn stamp(source: &WhisperSource) -> io::Result<Option<Stamp>> {
    let WhisperSource::File(path) = source else { return Ok(None) };
    let metadata = fs::metadata(path)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    // What was written this moment may be written again without its time showing it.
    if SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(modified)
        < Duration::from_secs(2)
    {
        return Ok(None);
    }
    Ok(Some(Stamp { path: path.canonicalize()?, length: metadata.len(), modified_ns: modified.as_nanos() }))
}

fn hash(source: &WhisperSource) -> io::Result<String> {
    let hash = match source {
        WhisperSource::Bytes(bytes) => Sha256::of(bytes),
        WhisperSource::File(path) => Sha256::of_file(path, &mut |_| {}, &AtomicBool::new(false))?,
    };
    Ok(hash.to_string())
}
