//! The real program in a home of its own: nothing of this machine's configuration or history reaches it.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

pub(crate) mod broker;
pub(crate) mod manager;
pub(crate) mod recording;
pub(crate) mod room;
pub(crate) mod server;
pub(crate) mod sound_server;
pub(crate) mod terminal;
pub(crate) mod web;
pub(crate) mod wyoming;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a configuration and whatever Pipit remembers under it.
pub(crate) struct Home {
    folder: TempDir,
}

/// What came of one call.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    /// The recogniser in the box and espeak-ng, whatever else is installed here, so that every machine does the same.
    pub(crate) fn new() -> Self {
        let home = Home { folder: tempfile::tempdir().unwrap() };
        home.configure(&home.usual_config());
        home
    }

    pub(crate) fn usual_config(&self) -> String {
        let (state, models) = (self.path("state"), models_folder());
        format!(
            "[state]\ndir = {state:?}\n[models]\ndir = {models:?}\n[audio]\nbackend = \"null\"\n[web]\nlisten = \"\"\n\
             [stt]\nmodel = \"pipit-nano-en\"\n[tts]\nengine = \"espeak\"\n"
        )
    }

    pub(crate) fn configure(&self, toml: &str) {
        fs::write(self.path("pipit.toml"), toml).unwrap();
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the home, and says where it is.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self) -> Command {
        self.run_by(Command::new(env!("CARGO_BIN_EXE_pipit")))
    }

    /// Pipit, which can write no file beyond `blocks` of 512 bytes. That is how it meets a full disk: what is there stays
    /// as it is, what is short can be written, and what is long fails in the middle of it.
    pub(crate) fn short_of_space(&self, blocks: u32) -> Command {
        let mut shell = Command::new("sh");
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &limited, env!("CARGO_BIN_EXE_pipit")]);
        self.run_by(shell)
    }

    /// Pipit by way of another program, which is given the arguments behind its own.
    pub(crate) fn run_by(&self, mut program: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("PIPIT_") || name.to_lowercase().ends_with("_proxy") {
                program.env_remove(&*name);
            }
        }
        program
            .env_remove("RUST_LOG")
            .env("TZ", "UTC")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .arg("--config")
            .arg(self.path("pipit.toml"));
        program
    }

    /// Calls Pipit and waits until it is done.
    pub(crate) fn pipit(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Said {
        Said::of(self.command().args(arguments).output().unwrap())
    }

    /// What Pipit answers in writing.
    pub(crate) fn ask(&self, text: &str) -> String {
        self.pipit(["ask", text]).succeeded().out.trim_end().to_owned()
    }

    /// Lets Pipit listen to recordings, as fast as the machine can.
    pub(crate) fn hear(&self, recordings: &[impl AsRef<Path>]) -> Said {
        self.pipit(self.hearing(recordings, false))
    }

    /// The arguments that make Pipit listen.
    pub(crate) fn hearing(&self, recordings: &[impl AsRef<Path>], realtime: bool) -> Vec<PathBuf> {
        let realtime = format!("--realtime={realtime}");
        let mut arguments: Vec<PathBuf> = ["hear", "--json", &realtime, "--replies"].map(PathBuf::from).into();
        arguments.push(self.path("replies"));
        arguments.extend(recordings.iter().map(|recording| recording.as_ref().to_owned()));
        arguments
    }
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        let said = Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!said.err.contains("panicked"), "{said:?}");
        said
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It failed as a program should: with exit code 1, nothing but words on standard error, and these among them.
    #[track_caller]
    pub(crate) fn failed_saying(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.err.trim().lines().count() < 10, "a message, not a dump: {self:?}");
        self.said(words)
    }

    #[track_caller]
    pub(crate) fn said(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {self:?}");
        }
        self
    }

    /// One JSON object a line.
    #[track_caller]
    pub(crate) fn turns(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// What was understood, turn by turn.
    #[track_caller]
    pub(crate) fn transcripts(&self) -> Vec<String> {
        self.turns().iter().map(|turn| turn["transcript"].as_str().unwrap().to_owned()).collect()
    }
}

/// Where the set-up puts the runtime and the models that every test needs.
pub(crate) fn models_folder() -> PathBuf {
    let folder = std::env::var_os("PIPIT_MODELS_DIR").map(PathBuf::from).unwrap_or_else(|| {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
        data.expect("HOME is set").join("pipit/models")
    });
    assert!(
        folder.join("silero-vad-v6.onnx").exists(),
        "{} holds no models: run `firmware-host/setup.sh test`",
        folder.display()
    );
    folder
}
