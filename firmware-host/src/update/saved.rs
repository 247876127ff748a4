//! What Pipit knows, set aside while a new version is tried: an older version can't read what a newer one has written.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::restore::REPLACED;

/// Where it lies, in the folder of the packages.
const BEFORE: &str = "before";

/// Copies it, while nobody writes it.
pub(super) fn keep(state_dir: &Path, cache: &Path) -> anyhow::Result<()> {
    forget(cache)?;
    let needed: u64 = files(state_dir).map(|file| fs::metadata(file).map_or(0, |file| file.len())).sum();
    let disk = rustix::fs::statvfs(cache).with_context(|| cache.display().to_string())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    ensure!(
        free > needed + 10_000_000,
        "that takes {needed} bytes in {}, where {free} are free; make room",
        cache.display()
    );
    let before = cache.join(BEFORE);
    fs::create_dir(&before).with_context(|| format!("{} can't be made", before.display()))?;
    fs::set_permissions(&before, fs::Permissions::from_mode(0o700)).with_context(|| before.display().to_string())?;
    copy_all(state_dir, &before)
}

/// Puts it back in place of what is there.
pub(super) fn bring_back(state_dir: &Path, cache: &Path) -> anyhow::Result<()> {
    let before = cache.join(BEFORE);
    ensure!(before.is_dir(), "{} is missing, with what Pipit knew before", before.display());
    for file in files(state_dir) {
        fs::remove_file(&file).with_context(|| format!("{} can't be replaced", file.display()))?;
    }
    copy_all(&before, state_dir)
}

/// Deletes the copy.
pub(super) fn forget(cache: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(cache.join(BEFORE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} can't be deleted", cache.join(BEFORE).display()))
        }
        _ => Ok(()),
    }
}

/// What there is of it.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    REPLACED.into_iter().map(|name| folder.join(name)).filter(|file| file.exists())
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in files(from) {
        let name = file.file_name().context("a file has a name")?;
        copy(&file, &to.join(name))
            .with_context(|| format!("{} can't be copied to {}", file.display(), to.display()))?;
    }
    File::open(to).and_then(|folder| folder.sync_all()).with_context(|| to.display().to_string())
}

/// With its owner, who is not root.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let of = fs::metadata(from)?;
    chown(to, Some(of.uid()), Some(of.gid()))?;
    File::open(to)?.sync_all()
}
