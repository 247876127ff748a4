//! Whoever starts the daemon as systemd does, and is told how it stands.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::sound_server::PATIENCE;

/// What comes of a daemon next.
pub(crate) enum Came {
    Logged(String),
    Told(String),
    /// The process has gone.
    End,
    Nothing,
}

/// A daemon under a watchdog.
pub(crate) struct Managed {
    process: Child,
    told: Receiver<String>,
    log: Receiver<String>,
    frozen: Vec<Pid>,
    _folder: tempfile::TempDir,
}

impl Managed {
    /// Starts what `command` says.
    pub(crate) fn start(mut command: Command) -> Managed {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let datagrams = UnixDatagram::bind(&socket).unwrap();
        // Whoever looks needs to know only that there is a watchdog.
        command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "9000000").env_remove("WATCHDOG_PID");
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, told) = channel();
        // Systemd reads at all times, and so must this: the daemon waits where too much is unread.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = datagrams.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if text.lines().any(|line| tell.send(line.to_owned()).is_err()) {
                    return;
                }
            }
        });
        let (sender, log) = channel();
        let written = BufReader::new(process.stderr.take().unwrap()).lines();
        thread::spawn(move || written.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Managed { process, told, log, frozen: Vec::new(), _folder: folder }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it tells next; nothing where it tells nothing for so long.
    pub(crate) fn next_within(&mut self, wait: Duration) -> Option<String> {
        self.told.recv_timeout(wait).ok()
    }

    /// What comes next, of its log first; nothing where nothing is told for so long.
    pub(crate) fn next(&mut self, wait: Duration) -> Came {
        match self.log.try_recv() {
            Ok(line) => Came::Logged(line),
            Err(TryRecvError::Disconnected) => Came::End,
            Err(TryRecvError::Empty) => self.next_within(wait).map_or(Came::Nothing, Came::Told),
        }
    }

    /// Waits until it tells this, and gives all that it told before.
    #[track_caller]
    pub(crate) fn tells(&mut self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next_within(PATIENCE) {
                Some(line) if line == wanted => return before,
                Some(line) if Instant::now() < deadline => before.push(line),
                _ => {
                    panic!("`{wanted}` is not told: {before:?}\n{}", self.log.try_iter().collect::<Vec<_>>().join("\n"))
                }
            }
        }
    }

    /// The threads that there are now, each with its name.
    pub(crate) fn threads(&self) -> Vec<(i32, String)> {
        let folder = format!("/proc/{}/task", self.id());
        let threads = std::fs::read_dir(folder).unwrap().flatten().filter_map(|thread| {
            let name = std::fs::read_to_string(thread.path().join("comm")).ok()?;
            Some((thread.file_name().to_str()?.parse().ok()?, name.trim().to_owned()))
        });
        let mut threads: Vec<_> = threads.collect();
        threads.sort_unstable();
        threads
    }

    /// Lets one thread run no further, and nothing else. To be called on one and the same thread.
    pub(crate) fn freeze(&mut self, thread: i32) {
        let thread = Pid::from_raw(thread);
        ptrace::seize(thread, ptrace::Options::empty()).unwrap();
        ptrace::interrupt(thread).unwrap();
        self.frozen.push(thread);
    }

    /// Waits until its log has a line with this in it.
    #[track_caller]
    pub(crate) fn logs(&mut self, words: &str) -> String {
        let mut before = Vec::new();
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return line;
            }
            before.push(line);
        }
        panic!("`{words}` is not in the log:\n{}", before.join("\n"));
    }

    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it has ended, and gives how, and the rest of its log.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let mut log = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        // The log ends when the process does.
        while let Ok(line) = self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            log.push(line);
        }
        assert!(Instant::now() < deadline, "it does not end:\n{}", log.join("\n"));
        for thread in self.frozen.drain(..) {
            // The kernel tells the end of a frozen thread before that of the process. The first thread has none of its own.
            if thread.as_raw() != self.process.id().cast_signed() {
                let _ = waitpid(thread, Some(WaitPidFlag::__WALL));
            }
        }
        (self.process.wait().unwrap(), log.join("\n"))
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.process.kill();
    }
}

/// Whether a process ended itself by `abort`.
pub(crate) fn aborted(status: ExitStatus) -> bool {
    status.signal() == Some(nix::sys::signal::Signal::SIGABRT as i32)
}
