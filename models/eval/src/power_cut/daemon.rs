//! The daemon whose power is cut: a process that is started, asked and killed.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::panel::{PASSWORD, Panel};

const READY_WITHIN: Duration = Duration::from_secs(30);
/// Seconds for a command.
const COMMAND_LIMIT: &str = "120";

/// The group of its processes, while it runs.
#[derive(Clone, Default)]
pub(super) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    fn set(&self, group: Option<Pid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = group;
    }

    /// Ends all of them at once.
    pub(super) fn kill(&self) {
        if let Some(group) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // They may have ended.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

pub(super) struct Daemon {
    binary: PathBuf,
    /// A library that it runs with, such as one by which nothing is flushed.
    preload: Option<PathBuf>,
    config: PathBuf,
    log: PathBuf,
    process: Option<Child>,
    group: Group,
    pub(super) panel: Panel,
}

impl Daemon {
    /// One that does not run yet, with a port of its own for the panel.
    pub(super) fn new(binary: &Path, preload: Option<&Path>, config: PathBuf, log: PathBuf) -> Result<Daemon> {
        let binary = binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?;
        let panel = Panel::new(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port());
        let preload = preload.map(Path::to_owned);
        Ok(Daemon { binary, preload, config, log, process: None, group: Group::default(), panel })
    }

    pub(super) fn group(&self) -> Group {
        self.group.clone()
    }

    pub(super) fn log(&self) -> Result<String> {
        let log = fs::read(&self.log).context("it has no log")?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    pub(super) fn start(&mut self) -> Result<()> {
        let log = File::create(&self.log)?;
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.config).arg("run").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        // What it starts is killed with it.
        let process = command.process_group(0).spawn()?;
        self.group.set(Some(Pid::from_raw(process.id().try_into()?)));
        self.process = Some(process);
        Ok(())
    }

    /// Says how long it took until it was.
    pub(super) fn wait_until_ready(&mut self) -> Result<Duration> {
        let process = self.process.as_mut().context("it was not started")?;
        let runs = || matches!(process.try_wait(), Ok(None));
        let ready =
            self.panel.wait_until_ready(READY_WITHIN, runs, |told| told["database"] == true && told["models"] == true);
        if let Some(took) = ready {
            return Ok(took);
        }
        let log = self.log()?;
        bail!("it does not get ready by itself:\n{}", &log[log.ceil_char_boundary(log.len().saturating_sub(3000))..])
    }

    /// As the power does it.
    pub(super) fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        self.group.kill();
        process.wait()?;
        self.group.set(None);
        Ok(())
    }

    /// In order.
    pub(super) fn end(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("it was not started")?;
        kill(Pid::from_raw(process.id().try_into()?), Signal::SIGTERM)?;
        process.wait()?;
        self.process = None;
        self.group.set(None);
        Ok(())
    }

    /// Gives the owner the password, as somebody at the device.
    pub(super) fn claim(&self) -> Result<()> {
        self.run(&["people", "password", "owner"], &[0], PASSWORD).map(drop)
    }

    /// What a command of it says.
    ///
    /// # Errors
    /// It does not end, or with none of these codes.
    pub(super) fn command(&self, words: &[&str], codes: &[i32]) -> Result<String> {
        self.run(words, codes, "")
    }

    fn run(&self, words: &[&str], codes: &[i32], input: &str) -> Result<String> {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=10", COMMAND_LIMIT])
            .arg(&self.binary)
            .arg("--config")
            .arg(&self.config)
            .args(words);
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // It may end without reading.
        let _ = running.stdin.take().context("its input is a pipe")?.write_all(input.as_bytes());
        let Output { status, stdout, stderr } = running.wait_with_output()?;
        let [said, complaints] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let is_right = status.code().is_some_and(|code| codes.contains(&code));
        ensure!(is_right, "`pipit {}` failed ({status}): {said}{complaints}", words.join(" "));
        Ok(said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended, or can't be ended.
        let _ = self.kill();
    }
}
