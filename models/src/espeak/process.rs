//! One run of a program that reads text and writes bytes, with an end: its own, a cancel flag's, or a time limit's.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::cancel::CancelFlag;
use crate::voice::VoiceError;

/// How often a running program's flag is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Why a program was not left to finish.
enum Stopped {
    Cancelled,
    TooLong,
}

/// Runs `program`, feeds it `text`, and returns what it printed. The process is gone when this returns.
pub(super) fn run(
    program: &Path,
    arguments: &[&str],
    text: &str,
    time_limit: Duration,
    cancel: &CancelFlag,
) -> Result<Vec<u8>, VoiceError> {
    if cancel.is_cancelled() {
        return Err(VoiceError::Cancelled);
    }
    let pipes = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(program, &error))?;
    let (stopped, printed, mut child) = converse(pipes, text, time_limit, cancel);
    let status = child.wait().map_err(|error| failed(program, &error.to_string()))?;
    match stopped {
        Some(Stopped::Cancelled) => Err(VoiceError::Cancelled),
        Some(Stopped::TooLong) => {
            Err(failed(program, &format!("it had not finished after {} s and was ended", time_limit.as_secs_f32())))
        }
        None if status.success() => printed.map_err(|error| failed(program, &error.to_string())),
        None => Err(failed(program, &complaint(&mut child).unwrap_or_else(|| status.to_string()))),
    }
}

/// Writes and reads at the same time, because a program that prints before it has read everything would otherwise wait
/// for us while we wait for it.
fn converse(
    mut child: Child,
    text: &str,
    time_limit: Duration,
    cancel: &CancelFlag,
) -> (Option<Stopped>, io::Result<Vec<u8>>, Child) {
    let input = child.stdin.take();
    let output = child.stdout.take();
    let (finished, running) = mpsc::channel::<()>();
    let (stopped, printed) = thread::scope(|scope| {
        scope.spawn(move || write_all(input, text));
        let reader = scope.spawn(move || {
            let mut printed = Vec::new();
            let outcome = output.map_or(Ok(0), |mut output| output.read_to_end(&mut printed));
            drop(finished);
            outcome.map(|_| printed)
        });
        let stopped = wait(&running, time_limit, cancel);
        if stopped.is_some() {
            // It may have ended by itself in this instant, which is as good.
            let _ = child.kill();
        }
        (stopped, reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader failed"))))
    });
    (stopped, printed, child)
}

/// Dropping the pipe tells the program that the text is complete. Should it close the pipe early, its exit status says why.
fn write_all(input: Option<ChildStdin>, text: &str) {
    if let Some(mut input) = input {
        let _ = input.write_all(text.as_bytes());
    }
}

/// Waits until `running` loses its sender, the flag is raised, or the time is up.
fn wait(running: &mpsc::Receiver<()>, time_limit: Duration, cancel: &CancelFlag) -> Option<Stopped> {
    let begun = Instant::now();
    while running.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
        if cancel.is_cancelled() {
            return Some(Stopped::Cancelled);
        }
        if begun.elapsed() >= time_limit {
            return Some(Stopped::TooLong);
        }
    }
    None
}

/// The first line of what the program wrote to its standard error, which is in the pipe since it ended.
fn complaint(child: &mut Child) -> Option<String> {
    let mut text = Vec::new();
    child.stderr.take()?.take(2_000).read_to_end(&mut text).ok()?;
    String::from_utf8_lossy(&text).lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

fn not_started(program: &Path, error: &io::Error) -> VoiceError {
    let program = program.display();
    if error.kind() == io::ErrorKind::NotFound {
        VoiceError::NotInstalled(format!("{program} is not installed: `sudo apt install espeak-ng` puts it there"))
    } else {
        VoiceError::NotInstalled(format!("{program} could not be started: {error}"))
    }
}

fn failed(program: &Path, reason: &str) -> VoiceError {
    VoiceError::Failed(format!("{} failed: {reason}", program.display()))
}
