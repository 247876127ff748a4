//! Which version of Pipit lies on the disk in the place of the one that runs: after an update another one, until Pipit is started again.

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What is longer is no version.
const LONGEST: usize = 64;

/// How long a program may take to say its version. Pipit takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to look whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The executable that this process was started from.
#[derive(Debug)]
pub struct Executable {
    /// Where it was at the start. The kernel calls it deleted once another one lies there.
    path: PathBuf,
    /// What was looked at last.
    seen: Option<File>,
    version: String,
}

/// What tells one file from another.
#[derive(Debug, PartialEq, Eq)]
struct File {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Executable {
    /// The one that runs, which is of this version. Without `/proc`, nothing else is ever seen in its place.
    pub fn running(version: &str) -> Executable {
        let running = Path::new("/proc/self/exe");
        let path = std::env::current_exe().unwrap_or_default();
        Executable { path, seen: File::at(running), version: version.to_owned() }
    }

    /// The one at `path`, which is of this version now.
    pub fn at(path: PathBuf, version: &str) -> Executable {
        Executable { seen: File::at(&path), path, version: version.to_owned() }
    }

    /// The version of what lies there now. What has changed is run to say it, which takes five seconds at most; what doesn't say
    /// what Pipit would leaves it as it was.
    pub fn version(&mut self) -> &str {
        let there = File::at(&self.path);
        if there.is_some() && there != self.seen {
            self.seen = there;
            match asked(&self.path, PATIENCE) {
                Ok(version) => {
                    if version != self.version {
                        tracing::info!("Pipit {version} is installed, and runs once Pipit is started again");
                    }
                    self.version = version;
                }
                Err(error) => tracing::warn!("which version {} is can't be told: {error}", self.path.display()),
            }
        }
        &self.version
    }
}

impl File {
    fn at(path: &Path) -> Option<File> {
        let of = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let modified = (of.mtime(), of.mtime_nsec());
        Some(File { device: of.dev(), inode: of.ino(), bytes: of.len(), modified })
    }
}

/// Runs `program --version`, and reads `pipit 1.2.3`.
fn asked(program: &Path, patience: Duration) -> io::Result<String> {
    let mut command = Command::new(program);
    let mut child =
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let ended = wait(&mut child, patience);
    if !matches!(ended, Ok(Some(_))) {
        // It may have ended just now.
        let _ = child.kill();
        let _ = child.wait();
    }
    let status = ended?.ok_or_else(|| io::Error::other(format!("it took longer than {} s", patience.as_secs())))?;
    if !status.success() {
        return Err(io::Error::other(format!("it ended with {status}")));
    }
    let unreadable = || io::Error::other("it does not say \"pipit\" and a version");
    let mut said = [0; LONGEST];
    let mut out = child.stdout.take().ok_or_else(unreadable)?;
    // It has ended, so all that it says is there. What it has started may hold the other end for ever.
    rustix::fs::fcntl_setfl(&out, rustix::fs::OFlags::NONBLOCK)?;
    let length = out.read(&mut said)?;
    let said = std::str::from_utf8(&said[..length]).map_err(|_| unreadable())?;
    let version = said.strip_suffix('\n').and_then(|said| said.strip_prefix("pipit ")).ok_or_else(unreadable)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '~');
    if version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(fits) {
        Ok(version.to_owned())
    } else {
        Err(unreadable())
    }
}

/// Waits for its end. A program that writes more than a pipe holds never comes to it.
fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait()? {
            None if Instant::now() < deadline => thread::sleep(LOOK),
            ended => return Ok(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Puts a program of the shell's in the place of what is there, as an update does.
    fn install(path: &Path, script: &str) {
        let beside = path.with_extension("new");
        fs::write(&beside, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(beside, path).unwrap();
    }

    #[test]
    fn what_lies_in_its_place_says_its_version_once_and_only_where_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, ran) = (folder.path().join("pipit"), folder.path().join("ran"));
        let says = |version: &str| format!("echo x >> {}; [ $1 = --version ] && echo 'pipit {version}'", ran.display());
        install(&path, &says("1.0.0"));
        let mut executable = Executable::at(path.clone(), "1.0.0");
        assert_eq!(executable.version(), "1.0.0");
        assert!(!ran.exists(), "nothing has changed");
        install(&path, &says("1.10.0-rc.1+deb12"));
        assert_eq!(executable.version(), "1.10.0-rc.1+deb12");
        assert_eq!(executable.version(), "1.10.0-rc.1+deb12");
        assert_eq!(fs::read_to_string(&ran).unwrap(), "x\n");
        fs::remove_file(&path).unwrap();
        assert_eq!(executable.version(), "1.10.0-rc.1+deb12");
        install(&path, &says("1.0.0"));
        assert_eq!(executable.version(), "1.0.0", "somebody went back");
    }

    #[test]
    fn what_is_odd_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipit");
        install(&path, "echo 'pipit 1.0.0'");
        let mut executable = Executable::at(path.clone(), "1.0.0");
        for script in [
            "echo 'pipit 2.0.0'; exit 1",
            "echo 'other 2.0.0'",
            "echo 'pipit two'",
            "echo 'pipit 2.0.0 {}'",
            "printf 'pipit 2.0.0\\nand more\\n'",
            "printf 'pipit 2.0.0'",
            "printf 'pipit 2.\\377\\n'",
            "printf 'pipit 2%070d\\n' 0",
            "exit 0",
        ] {
            install(&path, script);
            assert_eq!(executable.version(), "1.0.0", "{script}");
        }
        fs::write(&path, "no program").unwrap();
        assert_eq!(executable.version(), "1.0.0");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(executable.version(), "1.0.0");
    }

    #[test]
    fn what_never_ends_or_says_too_much_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipit");
        for script in ["exec sleep 1000", "exec yes 'pipit 2.0.0'"] {
            install(&path, script);
            let error = asked(&path, Duration::from_millis(100)).unwrap_err();
            assert!(error.to_string().contains("took longer"), "{error}");
        }
    }

    #[test]
    fn what_runs_is_what_was_started() {
        let mut executable = Executable::running("1.0.0");
        assert_eq!(executable.version(), "1.0.0");
        assert!(executable.path.is_file() && executable.seen == File::at(&executable.path));
    }
}
