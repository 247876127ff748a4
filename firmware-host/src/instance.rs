//! That one daemon alone uses what is in the state directory. Commands such as `pipit ask` use it beside the daemon.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// The file, in the state directory, that the daemon holds.
const FILE: &str = "pipit.lock";

/// Held while the daemon runs.
#[derive(Debug)]
pub struct Instance {
    _file: File,
}

/// Another daemon uses the same state.
#[derive(Debug, thiserror::Error)]
#[error(
    "another Pipit{} runs already with what is in {state}; end that one first, or give this one a state.dir of its own",
    process.map_or(String::new(), |process| format!(" (process {process})"))
)]
pub struct RunsAlready {
    state: String,
    process: Option<u32>,
}

impl Instance {
    /// Holds the state directory until this is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// [`RunsAlready`], or the file can't be made.
    pub fn of(state: &Path) -> anyhow::Result<Instance> {
        let path = state.join(FILE);
        let unusable = || format!("{} can't be held", path.display());
        fs::create_dir_all(state).with_context(unusable)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).with_context(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is helps, and is no more than that.
                let _ = file.read_to_string(&mut holder);
                return Err(
                    RunsAlready { state: state.display().to_string(), process: holder.trim().parse().ok() }.into()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(unusable),
        }
        // On a full disk it runs all the same, and whoever comes second is not told which process it is.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Instance { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first_until_that_one_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = Instance::of(&state).unwrap();
        let refused = Instance::of(&state).unwrap_err();
        assert!(refused.is::<RunsAlready>());
        let told = refused.to_string();
        assert!(told.contains(&format!("(process {})", std::process::id())) && told.contains("state.dir"), "{told}");
        drop(first);
        Instance::of(&state).unwrap();
    }
}
