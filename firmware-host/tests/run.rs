//! `pipit run`: the daemon starts, does what is due, and ends when it is told to.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use support::Home;
use support::recording::{self, TWELVE_TIMES_SEVEN, demo};

/// Far beyond what anything here takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(60);

struct Daemon {
    process: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

impl Daemon {
    fn start(home: &Home, settings: &[&str]) -> Self {
        let mut command = home.command();
        command.args(settings.iter().map(|setting| format!("--set={setting}"))).arg("run");
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Daemon { process, log, seen: Vec::new() }
    }

    /// Waits until the log has a line with `words` in it, and returns the line.
    #[track_caller]
    fn logs(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.seen.iter().find(|line| line.contains(words)) {
                return line.clone();
            }
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("`{words}` is not in the log:\n{}", self.seen.join("\n")),
            }
        }
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Sends a signal, waits for the end, and says how it ended.
    #[track_caller]
    fn ends_on(mut self, signal: &str) -> (ExitStatus, String) {
        self.signal(signal);
        // The log ends when the process does.
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
        assert!(Instant::now() < deadline, "it does not end:\n{}", self.seen.join("\n"));
        let log = self.seen.join("\n");
        assert!(!log.contains("panicked"), "{log}");
        (self.process.wait().unwrap(), log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.process.kill();
    }
}

#[test]
fn it_listens_until_it_is_told_to_end() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        let mut daemon = Daemon::start(&home, &[]);
        daemon.logs("listening");
        daemon.logs("recogniser: pipit-nano-en");
        let (status, log) = daemon.ends_on(signal);
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("ERROR"), "{log}");
    }
}

#[test]
fn a_timer_that_another_process_has_set_is_announced() {
    let home = Home::new();
    let mut daemon = Daemon::start(&home, &[]);
    daemon.logs("listening");
    home.ask("set a timer for one second");
    daemon.logs("a timer is due");
    let none = home.ask("what timers do I have");
    assert!(none.contains("no timers"), "{none}");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn a_request_that_is_spoken_is_answered_into_the_folder_and_kept() {
    let home = Home::new();
    let input = format!("audio.input={}", demo(TWELVE_TIMES_SEVEN).display());
    let output = format!("audio.output={}", home.path("answers").display());
    let mut daemon = Daemon::start(&home, &["audio.backend=wav", &input, &output]);
    let line = daemon.logs("ended_by");
    assert!(line.contains("Calculate"), "{line}");
    let (status, log) = daemon.ends_on("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("twelve") && !log.contains("seven"), "what people say is not logged: {log}");
    assert!(std::fs::read_dir(home.path("answers")).unwrap().count() == 1);
    assert!(home.ask("repeat that").contains("84"));
}

/// Without the tap, nobody would be listened to: the mode sees to that in `wake.rs`.
#[test]
fn sigusr1_is_a_tap_on_the_button() {
    let home = Home::new();
    let input = home.path("said.wav");
    // A tap may come in the middle of a sentence, of which Pipit then hears a half. So it is said again and again.
    let said = [recording::samples(TWELVE_TIMES_SEVEN), recording::silence(3.0)].concat();
    recording::write(&input, &said.repeat(20));
    let settings = ["audio.backend=wav", "wake.mode=push-to-talk", &format!("audio.input={}", input.display())];
    let output = format!("audio.output={}", home.path("answers").display());
    let mut daemon = Daemon::start(&home, &[&settings[..], &[&output]].concat());
    daemon.logs("recogniser: pipit-nano-en");
    let understood = (0..10).any(|_| {
        daemon.seen.clear();
        daemon.signal("USR1");
        daemon.logs("ended_by").contains("Calculate")
    });
    assert!(understood, "{:?}", daemon.seen);
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn the_health_page_says_that_there_is_no_microphone() {
    let home = Home::new();
    // The system chooses a port that is free now; nothing else here takes one in the meantime.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut daemon = Daemon::start(&home, &[&format!("web.listen={address}")]);
    daemon.logs("listening");
    let deadline = Instant::now() + PATIENCE;
    let mut page = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    page.write_all(b"GET /health HTTP/1.1\r\nhost: pipit\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(r#""phase":"idle""#), "{answer}");
    assert!(answer.contains(r#""wakes":0,"wake_false_accepts":0,"wake_misses":0"#), "{answer}");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn a_port_that_is_taken_costs_only_the_page() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut daemon = Daemon::start(&home, &[&format!("web.listen={}", taken.local_addr().unwrap())]);
    let line = daemon.logs("no health page");
    assert!(line.contains("web.listen"), "{line}");
    daemon.logs("listening");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn a_recording_in_place_of_the_microphone_must_be_one() {
    let home = Home::new();
    let letter = home.file("letter.wav", "Dear Pipit");
    let input = format!("audio.input={}", letter.display());
    home.pipit(["--set=audio.backend=wav", "--set", &input, "run"])
        .failed_saying(&[letter.to_str().unwrap(), "convert it"]);
}

/// It can't listen without the ear's model, and says so at once rather than staying up deaf.
#[test]
fn it_ends_with_the_reason_where_it_cannot_listen() {
    let home = Home::new();
    let nowhere = home.path("nowhere");
    let said = home.pipit(["--set", &format!("models.dir={}", nowhere.display()), "run"]);
    said.failed_saying(&[nowhere.to_str().unwrap(), "set-up script"]);
}
