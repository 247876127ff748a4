//! The dictionary as a program of its own, `pipit-pronounce`, for a Pipit that does not carry it: packages keep its 24 MB
//! apart from the daemon, for whoever has a voice that needs it. A line of text in, a line of symbols out.
#![cfg_attr(feature = "dictionary", allow(dead_code, reason = "a Pipit with the dictionary asks no other program"))]

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::english::one_line;
use super::kokoro_symbols::Sounds;
use crate::voice::VoiceError;

/// Where packages put it.
const PROGRAM: &str = "/usr/lib/pipit/pipit-pronounce";

/// The program that knows how the words of an accent are said. It runs from its first sentence on.
pub(crate) struct Pronouncer {
    program: PathBuf,
    accent: &'static str,
    running: Mutex<Option<Running>>,
}

/// Ends with what holds it.
struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Pronouncer {
    /// The program of the package, if it is installed.
    pub(crate) fn installed(sounds: Sounds) -> Option<Self> {
        Path::new(PROGRAM).exists().then(|| Pronouncer::at(PROGRAM, sounds))
    }

    /// The program at `program`, for these sounds.
    pub(crate) fn at(program: impl Into<PathBuf>, sounds: Sounds) -> Self {
        let accent = if sounds == Sounds::British { "british" } else { "american" };
        Pronouncer { program: program.into(), accent, running: Mutex::default() }
    }

    /// The symbols of one sentence.
    ///
    /// # Errors
    /// [`VoiceError::Failed`]; the program is started anew for the next one.
    pub(crate) fn symbols(&self, sentence: &str) -> Result<String, VoiceError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match running.take() {
            Some(mut program) => program.ask(sentence).map(|symbols| (symbols, program)),
            None => self.start().and_then(|mut program| Ok((program.ask(sentence)?, program))),
        };
        let (symbols, program) =
            answer.map_err(|error| VoiceError::Failed(format!("{} failed: {error}", self.program.display())))?;
        *running = Some(program);
        Ok(symbols)
    }

    fn start(&self) -> io::Result<Running> {
        let pipes = (Stdio::piped(), Stdio::piped(), Stdio::null());
        let mut child =
            Command::new(&self.program).arg(self.accent).stdin(pipes.0).stdout(pipes.1).stderr(pipes.2).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        Ok(Running { child, input, output: BufReader::new(output) })
    }
}

impl Running {
    fn ask(&mut self, sentence: &str) -> io::Result<String> {
        self.input.write_all(format!("{}\n", one_line(sentence)).as_bytes())?;
        let mut symbols = String::new();
        if self.output.read_line(&mut symbols)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has ended"));
        }
        Ok(symbols.trim_end_matches('\n').to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
