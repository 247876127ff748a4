//! Pipit in a real terminal, which tmux keeps: keys go in, and what is on the screen is read.

use std::fmt;
use std::process::{Command, Output};
use std::time::Instant;

use super::Home;
use super::sound_server::PATIENCE;

/// What is shown once the program has ended, before its exit code.
const ENDED: &str = "ended with";

/// A terminal in which Pipit runs. It ends with this.
pub(crate) struct Terminal<'a> {
    home: &'a Home,
}

impl<'a> Terminal<'a> {
    pub(crate) fn run(home: &'a Home, (width, height): (u16, u16), arguments: &str) -> Self {
        let terminal = Terminal { home };
        let (config, folder) = (home.path("pipit.toml"), home.path(""));
        // What is under the folder of a test needs no quotes.
        let pipit = format!("{} --config {} {arguments}", env!("CARGO_BIN_EXE_pipit"), config.display());
        let script = format!("cd {} && {pipit}; echo {ENDED} $?; exec cat", folder.display());
        let (width, height) = (width.to_string(), height.to_string());
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, &script]);
        terminal
    }

    /// Presses keys, which have tmux's names, such as `C-c` or `Enter`.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a text.
    pub(crate) fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    pub(crate) fn resize(&self, width: u16, height: u16) {
        self.tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
    }

    /// The screen, as soon as all of these words are on it.
    #[track_caller]
    pub(crate) fn shows(&self, words: &[&str]) -> String {
        self.until(&words, |screen| words.iter().all(|words| screen.contains(words)))
    }

    /// The screen, as soon as this is no longer on it.
    #[track_caller]
    pub(crate) fn shows_no(&self, words: &str) -> String {
        self.until(&words, |screen| !screen.contains(words))
    }

    /// The screen once the program has ended, which it must with this code.
    #[track_caller]
    pub(crate) fn ended_with(&self, code: i32) -> String {
        self.shows(&[&format!("{ENDED} {code}")])
    }

    /// Takes the terminal away, as a connection does that breaks.
    pub(crate) fn hang_up(self) {}

    #[track_caller]
    fn until(&self, what: &dyn fmt::Debug, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = String::from_utf8(self.tmux(&["capture-pane", "-p"]).stdout).unwrap();
            if is_so(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "{what:?} in vain:\n{screen}");
        }
    }

    #[track_caller]
    fn tmux(&self, arguments: &[&str]) -> Output {
        let output = self.command().args(arguments).output();
        let output = output.expect("tmux is installed: run `firmware-host/setup.sh test`");
        assert!(output.status.success(), "{output:?}");
        output
    }

    fn command(&self) -> Command {
        let mut tmux = Command::new("tmux");
        for (name, _) in std::env::vars_os() {
            let lower = name.to_string_lossy().to_lowercase();
            if lower.starts_with("pipit_") || lower.ends_with("_proxy") {
                tmux.env_remove(name);
            }
        }
        tmux.env_remove("TMUX").env_remove("RUST_LOG").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        tmux.arg("-S").arg(self.home.path("tmux"));
        tmux
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}
