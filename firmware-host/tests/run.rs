//! `pipit run`: the daemon starts, does what is due, and ends when it is told to.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pipit_core::intent::{Days, Repeats};
use pipit_store::Store;
use serde_json::Value;
use support::recording::{self, TWELVE_TIMES_SEVEN, demo};
use support::{Home, web};

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

/// A daemon that has taken what is due may die before it is heard.
#[test]
fn what_was_taken_by_a_daemon_that_died_rings_in_the_next() {
    let home = Home::new();
    home.ask("set a timer for one hour");
    home.ask("tell everyone that dinner is ready");
    let store = Store::open(&home.path("state/pipit.db")).unwrap();
    let later = Timestamp::now() + Duration::from_secs(7200);
    assert_eq!((store.take_due(later).unwrap().len(), store.take_due_announcements(later).unwrap().len()), (1, 1));
    let timer = store.add_timer(None, Duration::from_secs(60), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(store.take_due(Timestamp::now()).unwrap()[0].id, timer);
    drop(store);
    let mut daemon = Daemon::start(&home, &[]);
    daemon.logs("a timer is due");
    daemon.logs("an announcement is due");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn an_alarm_that_fell_due_meanwhile_rings_and_is_snoozed_by_another_process() {
    let home = Home::new();
    home.ask("set an alarm for 7 am every day");
    assert!(home.ask("which alarms are set").contains("7 AM every day"));
    home.ask("cancel the alarm");
    let store = Store::open(&home.path("state/pipit.db")).unwrap();
    let now = jiff::Zoned::now();
    let daily = Repeats::Weekly(Days::from_bits(127).unwrap());
    let yesterday = now.timestamp() - Duration::from_secs(20 * 3600);
    store.add_alarm(now.time().round(jiff::Unit::Second).unwrap(), daily, yesterday).unwrap();
    let mut daemon = Daemon::start(&home, &["alarms.ring_late_min=1440"]);
    daemon.logs("an alarm is due");
    assert!(home.ask("snooze for twenty minutes").contains("again in 20 minutes"));
    assert!(home.ask("snooze").contains("No alarm is ringing"));
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn what_another_process_wants_announced_is_said_also_after_a_restart() {
    let home = Home::new();
    home.ask("tell everyone that the zanzibarian dinner is ready");
    assert!(home.ask("which announcements are waiting").contains("zanzibarian"));
    let output = format!("audio.output={}", home.path("answers").display());
    let input = home.path("silence.wav");
    recording::write(&input, &recording::silence(1.0));
    let input = format!("audio.input={}", input.display());
    let mut daemon = Daemon::start(&home, &["audio.backend=wav", &input, &output]);
    daemon.logs("an announcement is due");
    let (status, log) = daemon.ends_on("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("zanzibarian"), "what people say is not logged: {log}");
    let none = home.ask("which announcements are waiting");
    assert!(none.contains("No announcements"), "{none}");
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
    page.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(r#""phase":"idle""#), "{answer}");
    assert!(answer.contains(r#""wakes":0,"wake_false_accepts":0,"wake_misses":0"#), "{answer}");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

#[test]
fn whoever_reads_the_code_in_the_log_claims_it_and_switches_the_microphone_off() {
    let home = Home::new();
    let address = web::free_address();
    let mut daemon = Daemon::start(&home, &[&format!("web.listen={address}")]);
    assert!(web::page(address, "/api/session").1.contains(r#""claimed":false"#));
    assert!(web::send(address, "POST", "/api/claim/code", "", "").0.starts_with("http/1.1 204"));
    let logged = daemon.logs("enter the code ");
    let code: String = logged.split("the code ").nth(1).unwrap().chars().take(6).collect();
    let claim = format!(r#"{{"code": "{code}", "name": "Otto", "password": "seventeen wet herons"}}"#);
    let (head, body) = web::send(address, "POST", "/api/claim", "", &claim);
    assert!(head.starts_with("http/1.1 201") && body.contains(r#""name":"Otto""#), "{head} {body}");
    let cookie = head.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
    let page = format!("cookie: {cookie}\r\norigin: http://{address}\r\nhost: {address}\r\n");
    assert!(web::send(address, "POST", "/api/control", &page, r#"{"mute": true}"#).0.starts_with("http/1.1 204"));
    daemon.logs("the microphone is off");
    assert!(web::page(address, "/health").1.contains(r#""muted":true"#));
    let refused = web::send(address, "POST", "/api/control", &page, r#"{"restart": true}"#);
    assert!(refused.0.starts_with("http/1.1 409") && refused.1.contains("systemd"), "{}", refused.1);
    assert!(web::send(address, "POST", "/api/control", "", r#"{"mute": false}"#).0.starts_with("http/1.1 401"));
    let (ended, log) = daemon.ends_on("TERM");
    assert_eq!(ended.code(), Some(0));
    assert!(!log.contains("herons") && !log.contains(cookie), "no secret is logged:\n{log}");
}

#[test]
fn what_a_turn_took_is_told_kept_and_counted() {
    let home = Home::new();
    let recording = home.path("late.wav");
    // Whoever wants to know of the first turn has time to say so.
    recording::write(&recording, &[recording::silence(8.0), recording::samples(TWELVE_TIMES_SEVEN)].concat());
    let input = format!("audio.input={}", recording.display());
    let output = format!("audio.output={}", home.path("answers").display());
    let address = web::free_address();
    let listen = format!("web.listen={address}");
    let mut daemon = Daemon::start(&home, &["audio.backend=wav", &input, &output, &listen]);
    let mut events = web::events(address);
    let (first, state) = events.next().unwrap();
    assert_eq!((first.as_str(), &state["phase"]), ("state", &"idle".into()), "{state}");

    let mut phases = Vec::new();
    let told = loop {
        match events.next().expect("the turn is told before the daemon ends") {
            (name, turn) if name == "turn" => break turn,
            (_, state) => phases.push(state["phase"].as_str().unwrap().to_owned()),
        }
    };
    phases.dedup();
    for phase in ["hearing", "speaking"] {
        assert!(phases.iter().any(|seen| seen == phase), "{phase} is missing: {phases:?}");
    }
    assert!(told["ended_by"].is_string() && told["timings_ms"]["first_audio"].is_number(), "{told}");
    assert!(["twelve", "seven", "That's"].iter().all(|word| !told.to_string().contains(word)), "no words: {told}");

    daemon.logs("ended_by");
    let deadline = Instant::now() + PATIENCE;
    let kept = loop {
        let (head, body) = web::page(address, "/turns?limit=1");
        assert!(head.starts_with("http/1.1 200") && head.contains("application/json"), "{head}");
        match serde_json::from_str::<Vec<Value>>(&body).unwrap().pop() {
            Some(kept) => break kept,
            None => assert!(Instant::now() < deadline, "the turn was told and never kept"),
        }
    };
    assert!(kept["at"].is_string());
    assert_eq!((&kept["waterfall"], &kept["turn"]), (&told["waterfall"], &told["turn"]));
    assert!(web::page(address, "/turns?limit=many").0.starts_with("http/1.1 400"));

    let (head, body) = web::page(address, "/metrics");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    let counted = web::metrics(&body);
    let ended_by = told["ended_by"].as_str().unwrap();
    assert_eq!(counted[&format!("pipit_turns_total{{ended_by=\"{ended_by}\"}}")], 1.0, "{body}");
    let drafts = told["waterfall"]["drafts"].as_array().unwrap().len() as f64;
    assert_eq!((counted["pipit_drafts_total"], counted["pipit_drafts_thrown_away_total"]), (drafts, drafts - 1.0));
    let within =
        |bound: &str| counted[&format!("pipit_response_seconds_bucket{{stage=\"first_audio\",le=\"{bound}\"}}")];
    assert_eq!((within("0.05"), within("+Inf")), (0.0, 1.0), "{body}");
    assert_eq!(counted["pipit_response_seconds_count{stage=\"first_audio\"}"], 1.0, "{body}");
    assert!(counted["pipit_model_seconds_total{stage=\"transcription\"}"] > 0.0, "{body}");

    // Whoever listens for events keeps the daemon from nothing.
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
    assert!(events.all(|(name, _)| name != "turn"));
}

#[test]
fn an_owner_who_wants_no_turns_kept_has_none() {
    let home = Home::new();
    home.hear(&[demo(TWELVE_TIMES_SEVEN)]).succeeded();
    let address = web::free_address();
    let listen = format!("web.listen={address}");
    let daemon = Daemon::start(&home, &[&listen]);
    let kept: Vec<Value> = serde_json::from_str(&web::page(address, "/turns").1).unwrap();
    assert_eq!(kept.len(), 1, "what was heard is kept over a restart");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));

    home.pipit(
        [
            &["--set", "log.turns=0", "hear", "--json", "--realtime=false"][..],
            &[demo(TWELVE_TIMES_SEVEN).to_str().unwrap()],
        ]
        .concat(),
    )
    .succeeded();
    let daemon = Daemon::start(&home, &[&listen]);
    assert_eq!(web::page(address, "/turns").1, "[]");
    assert_eq!(daemon.ends_on("TERM").0.code(), Some(0));
}

/// Another program that holds the file for long costs what would have been written, and says so. The turn goes on.
#[test]
fn a_turn_that_cannot_be_kept_is_answered_all_the_same() {
    let home = Home::new();
    home.ask("what is two plus two");
    let holder = rusqlite::Connection::open(home.path("state/pipit.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let said = home.hear(&[demo(TWELVE_TIMES_SEVEN)]).succeeded().said(&["what turns take is not kept", "locked"]);
    assert!(said.turns()[0]["reply"].as_str().unwrap().contains("84"), "{said:?}");
}

#[test]
fn a_history_that_is_damaged_gives_way_to_last_nights_copy() {
    let home = Home::new();
    let answer = home.ask("what is six times seven");
    let mut daemon = Daemon::start(&home, &[]);
    daemon.logs("the history was copied");
    assert!(daemon.ends_on("TERM").0.success());
    for beside in ["state/pipit.db-wal", "state/pipit.db-shm"] {
        // They need not be there.
        let _ = std::fs::remove_file(home.path(beside));
    }
    home.file("state/pipit.db", "damaged ".repeat(10_000));
    let said = home.pipit(["ask", "repeat that"]).succeeded();
    assert_eq!(said.out.trim_end(), answer);
    said.said(&["pipit.db is damaged", "took its place"]);
}

#[test]
fn a_port_that_is_taken_costs_only_the_page() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut daemon = Daemon::start(&home, &[&format!("web.listen={}", taken.local_addr().unwrap())]);
    let line = daemon.logs("no panel");
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

/// It can't load what it was told to, and says so at once rather than hearing worse than its owner expects.
#[test]
fn it_ends_with_the_reason_where_it_cannot_listen() {
    let home = Home::new();
    let nowhere = home.path("nowhere");
    let said = home.pipit(["--set", &format!("models.runtime={}", nowhere.display()), "run"]);
    said.failed_saying(&[nowhere.to_str().unwrap(), "set-up script"]);
}
