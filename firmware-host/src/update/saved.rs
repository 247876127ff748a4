//! What Pipit knows, set aside while a new version is tried: an older version can't read what a newer one has written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::board_state;
use crate::restore::REPLACED;

/// Where it lies, in the folder of the packages.
const BEFORE: &str = "before";

/// Copies it, while nobody writes it.
pub(super) fn keep(state_dir: &Path, cache: &Path) -> anyhow::Result<()> {
    forget(cache)?;
    let needed: u64 = files(state_dir).map(|file| fs::metadata(file).map_or(0, |file| file.len())).sum();
    let free = board_state::free(cache).with_context(|| cache.display().to_string())?;
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

/// What there is of it. Links are not followed: root goes where the daemon may write.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let is_file = |file: &PathBuf| fs::symlink_metadata(file).is_ok_and(|of| of.is_file());
    REPLACED.into_iter().map(|name| folder.join(name)).filter(is_file)
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
    let mut from = File::open(from)?;
    let of = from.metadata()?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut copy)?;
    fchown(&copy, Some(of.uid()), Some(of.gid()))?;
    copy.set_permissions(of.permissions())?;
    copy.sync_all()
}
