//! What the daemon shows, on a display that is a file.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use embedded_graphics::geometry::Size;
use pipit::display::picture::Picture;
use pipit_core::face::{Clock, Face, Situation};
use rustix::fs::inotify;
use serde_json::Value;
use support::manager::Managed;
use support::sound_server::PATIENCE;
use support::{Home, web};

struct Daemon {
    process: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    shown: Shown,
    panel: SocketAddr,
}

/// A file that holds what is shown.
struct Shown {
    path: PathBuf,
    changes: OwnedFd,
}

impl Shown {
    fn in_folder(folder: &Path) -> Shown {
        fs::create_dir(folder).unwrap();
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&changes, folder, inotify::WatchFlags::MOVED_TO).unwrap();
        Shown { path: folder.join("face.png"), changes }
    }

    /// Waits until what is shown is as it is wanted.
    fn wait_until(&self, is_wanted: impl Fn(&[u8]) -> bool) {
        while !fs::read(&self.path).is_ok_and(|picture| is_wanted(&picture)) {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            inotify::Reader::new(&self.changes, &mut buffer).next().unwrap();
        }
    }

    fn shows(&self, face: &Face) {
        let picture = drawn(face);
        self.wait_until(|shown| shown == picture);
    }
}

fn drawn(face: &Face) -> Vec<u8> {
    let mut picture = Picture::blank(Size::new(320, 240), true);
    picture.draw(face, 0);
    picture.png().unwrap()
}

impl Daemon {
    fn start(home: &Home, settings: &[&str]) -> Daemon {
        let shown = Shown::in_folder(&home.path("shown"));
        let panel = web::free_address();
        let mut command = home.command();
        command.arg(format!("--set=web.listen={panel}"));
        command.arg(format!("--set=display.path={}", shown.path.display()));
        command.args(settings.iter().map(|setting| format!("--set={setting}"))).arg("run");
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Daemon { process, log, seen: Vec::new(), shown, panel }
    }

    #[track_caller]
    fn logs(&mut self, words: &str) -> String {
        loop {
            if let Some(line) = self.seen.iter().find(|line| line.contains(words)) {
                return line.clone();
            }
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("`{words}` is not in the log:\n{}", self.seen.join("\n")),
            }
        }
    }
}

impl Daemon {
    fn post(&self, path: &str, body: &str) -> (String, String) {
        web::send(self.panel, "POST", path, "sec-fetch-site: same-origin\r\n", body)
    }

    /// Has it make a code, and gives that.
    fn code(&mut self) -> String {
        let (head, body) = self.post("/api/claim/code", "");
        assert!(head.starts_with("http/1.1 204"), "{head}{body}");
        let line = self.logs("to claim this Pipit, enter the code ");
        line.split("the code ").nth(1).unwrap()[..6].to_owned()
    }

    fn claim(&self, digits: &str) {
        let claim = format!(r#"{{"code": "{digits}", "name": "Ann", "password": "three wise lighthouse keepers"}}"#);
        let (head, body) = self.post("/api/claim", &claim);
        assert!(head.starts_with("http/1.1 201"), "{head}{body}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn whoever_stands_before_it_is_shown_where_it_is_set_up_and_by_which_code() {
    let home = Home::new();
    let mut daemon = Daemon::start(&home, &["display.kind=png"]);
    let address = Some(daemon.panel.to_string());
    daemon.shown.shows(&Face::Welcome { address: address.clone() });
    let digits = daemon.code();
    let code = Face::Code { digits: digits.clone(), address };
    daemon.shown.shows(&code);
    daemon.claim(&digits);
    let code = drawn(&code);
    daemon.shown.wait_until(|shown| shown != code);
}

#[test]
fn a_configuration_that_can_not_be_used_is_told_of_wherever_people_look() {
    let home = Home::new();
    let whole: String = home.usual_config().lines().skip(2).map(|line| format!("{line}\n")).collect();
    home.configure(&whole);
    let state = format!("state.dir={}", home.path("state").display());
    let mut command = home.command();
    command.arg(format!("--set={state}")).arg("run");
    let mut good = Managed::start(command);
    good.tells("READY=1");
    good.signal("TERM");
    assert!(good.ended().0.success());
    home.configure("[audio]\nbackend = \"null\"\nimput = \"hw:1\"\n[tts]\nengine = \"none of them\"\n");
    let mut daemon = Daemon::start(&home, &["display.kind=png", &state]);
    let (_, health) = web::page(daemon.panel, "/health");
    let health: Value = serde_json::from_str(&health).unwrap();
    let troubles: Vec<_> = health["troubles"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    let told = troubles.iter().find(|words| words.starts_with("the last good configuration is in use: ")).unwrap();
    for words in ["pipit.toml:3:1: ", "there is no key audio.imput", "1 more", "restart Pipit"] {
        assert!(told.contains(words), "{told}");
    }
    let (_, metrics) = web::page(daemon.panel, "/metrics");
    assert!(metrics.contains("\npipit_troubles ") && !metrics.contains("\npipit_troubles 0\n"), "{metrics}");
    let digits = daemon.code();
    daemon.claim(&digits);
    // Where the disk of this machine is nearly full, that is the gravest.
    daemon.shown.wait_until(|shown| troubles.iter().any(|words| drawn(&idle(words)) == shown));
}

/// What is shown now while something is wrong.
fn idle(warning: &str) -> Face {
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    let small = |number: i8| number.unsigned_abs();
    let clock = Clock {
        hour: small(now.hour()),
        minute: small(now.minute()),
        weekday: small(now.weekday().to_monday_zero_offset()),
        day: small(now.day()),
        month: small(now.month()),
        twelve_hours: false,
    };
    Face::of(&Situation { loading: false, warning: Some(warning.to_owned()), clock, ..Situation::default() })
}

#[test]
fn a_display_that_is_not_there_is_told_of_and_pipit_listens_all_the_same() {
    for (kind, words) in [("ssd1306", "enable I2C"), ("ili9341", "enable SPI"), ("framebuffer", "dtoverlay")] {
        let home = Home::new();
        let settings = [&format!("display.kind={kind}"), "display.dc_line=25"];
        let mut daemon = Daemon::start(&home, &settings);
        let line = daemon.logs("nothing is shown: ");
        assert!(line.contains(words) && line.contains("tries again"), "{line}");
        daemon.logs("listening ");
        daemon.logs("recogniser: pipit-nano-en");
    }
}
