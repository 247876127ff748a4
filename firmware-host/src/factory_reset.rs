//! Making a device as it came: all that Pipit knows is erased at its next start, before anything is opened. Models stay, since nobody's
//! words are in them, and so does the configuration file, which is the owner's own.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pipit_store::{DATABASE, DATABASE_KEY, PANELS_SETTINGS};

use crate::restore::{RESTORED_CONFIGURATION, WORKSHOP};
use crate::settings::LAST_GOOD_FILE;

/// The order, in the state directory. It is erased last, so that a power cut in between leaves nothing half erased.
const ORDER: &str = "factory-reset";

/// What Pipit keeps in the state directory beside the key, by how the names begin. Nothing else there is touched, whatever folder the owner
/// has named.
const KEPT: [&str; 9] = [
    DATABASE,
    PANELS_SETTINGS,
    "audio.json",
    WORKSHOP,
    "before-restore-",
    "failed-restore-",
    "restor",
    RESTORED_CONFIGURATION,
    LAST_GOOD_FILE,
];

/// Has everything erased at the next start.
///
/// # Errors
/// That can't be written down.
pub fn order(state: &Path) -> anyhow::Result<()> {
    let order = state.join(ORDER);
    let written = File::create(&order).and_then(|file| file.sync_all()).and_then(|()| File::open(state)?.sync_all());
    written.with_context(|| format!("{} can't be written", order.display()))
}

/// Whether everything is erased at the next start.
#[must_use]
pub fn is_ordered(state: &Path) -> bool {
    state.join(ORDER).exists()
}

/// Takes the order back.
///
/// # Errors
/// It can't be removed.
pub fn cancel(state: &Path) -> anyhow::Result<()> {
    erase(&state.join(ORDER))
}

/// To be called before anything in the state directory is opened. Says whether everything was erased.
///
/// # Errors
/// Something can't be erased. The next start goes on from there.
pub fn at_start(state: &Path) -> anyhow::Result<bool> {
    if !is_ordered(state) {
        return Ok(false);
    }
    tracing::warn!("everything that Pipit knows is erased, as its owner ordered");
    // Without the key nothing of the rest can be read, even by whoever takes the card out now.
    erase(&state.join(DATABASE_KEY))?;
    File::open(state).and_then(|folder| folder.sync_all()).with_context(|| unerased(state))?;
    for path in kept(state)? {
        erase(&path)?;
    }
    File::open(state).and_then(|folder| folder.sync_all()).with_context(|| unerased(state))?;
    erase(&state.join(ORDER))?;
    Ok(true)
}

fn kept(state: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(state).with_context(|| unerased(state))?.flatten();
    let is_pipits = |name: &str| KEPT.iter().any(|start| name.starts_with(start));
    let ours = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_pipits));
    Ok(ours.map(|entry| entry.path()).collect())
}

fn erase(path: &Path) -> anyhow::Result<()> {
    let erased = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match erased {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| unerased(path)),
        _ => Ok(()),
    }
}

fn unerased(path: &Path) -> String {
    format!("{} can't be erased; look at the disk of state.dir, and start Pipit again", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(state: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A folder with everything that Pipit writes, and with what is somebody else's.
    fn lived_in() -> tempfile::TempDir {
        let state = tempfile::tempdir().unwrap();
        for file in
            [DATABASE, "pipit.db-wal", "pipit.db.good", DATABASE_KEY, PANELS_SETTINGS, "audio.json", "letter.txt"]
        {
            fs::write(state.path().join(file), "words").unwrap();
        }
        for file in ["restored.json", RESTORED_CONFIGURATION, LAST_GOOD_FILE] {
            fs::write(state.path().join(file), "words").unwrap();
        }
        for folder in ["models", WORKSHOP, "before-restore-20270115T080000Z"] {
            fs::create_dir(state.path().join(folder)).unwrap();
            fs::write(state.path().join(folder).join("file"), "words").unwrap();
        }
        state
    }

    #[test]
    fn all_that_pipit_knows_is_erased_and_nothing_else() {
        let state = lived_in();
        assert!(!at_start(state.path()).unwrap() && state.path().join(DATABASE).exists(), "nobody ordered it");
        order(state.path()).unwrap();
        assert!(is_ordered(state.path()));
        assert!(at_start(state.path()).unwrap());
        assert_eq!(names(state.path()), ["letter.txt", "models"]);
        assert!(!at_start(state.path()).unwrap(), "it is done once");
    }

    #[test]
    fn an_order_can_be_taken_back() {
        let state = lived_in();
        order(state.path()).unwrap();
        cancel(state.path()).unwrap();
        assert!(!at_start(state.path()).unwrap() && state.path().join(DATABASE_KEY).exists());
    }

    /// Whatever was erased before the power went, the next start erases the rest.
    #[test]
    fn a_power_cut_in_between_leaves_nothing_half_erased() {
        let state = lived_in();
        order(state.path()).unwrap();
        fs::remove_file(state.path().join(DATABASE_KEY)).unwrap();
        fs::remove_file(state.path().join("pipit.db-wal")).unwrap();
        assert!(at_start(state.path()).unwrap());
        assert_eq!(names(state.path()), ["letter.txt", "models"]);
    }
}
