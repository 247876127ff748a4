//! Pipit as systemd sees it: the units that are shipped, and what the daemon does with what systemd hands it.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use support::manager::{Came, Managed, aborted};
use support::sound_server::with_sound_server;
use support::{Home, web};

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd")
}

/// The units in a folder of their own, with the program that was built just now in place of the installed one.
fn units_for_this_machine() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for unit in fs::read_dir(units()).unwrap().map(|unit| unit.unwrap().path()) {
        let text = fs::read_to_string(&unit).unwrap();
        let text = text.replace("/usr/bin/pipit", env!("CARGO_BIN_EXE_pipit"));
        fs::write(folder.path().join(unit.file_name().unwrap()), text).unwrap();
    }
    folder
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("{command:?} does not run ({error}): `firmware-host/setup.sh test` installs Debian's package systemd")
    })
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn systemd_has_nothing_to_say_against_the_units() {
    let folder = units_for_this_machine();
    let is_unit = |path: &PathBuf| {
        path.extension().is_some_and(|kind| ["service", "socket", "timer", "path"].iter().any(|unit| kind == *unit))
    };
    let all = fs::read_dir(folder.path()).unwrap().map(|unit| unit.unwrap().path());
    let paths: Vec<_> = all.filter(is_unit).collect();
    assert!(paths.len() > 4, "{paths:?}");
    let verified =
        run(Command::new("systemd-analyze").args(["verify", "--man=no", "--recursive-errors=yes"]).args(paths));
    // What is wrong with units of other packages on this machine is said too.
    let about_pipit: Vec<_> =
        said(&verified).lines().filter(|line| line.contains("pipit")).map(str::to_owned).collect();
    assert_eq!(about_pipit, [""; 0], "{}", said(&verified));
    let service = fs::read_to_string(units().join("pipit.service")).unwrap();
    // Parts that stand still are found first, so that the log says which.
    assert!(service.contains(&format!("\nWatchdogSec={}\n", WATCHDOG.as_secs())));
    assert!(WATCHDOG.as_secs() > u64::from(pipit::service::PATIENCE) + 1);
}

#[test]
fn the_service_is_exposed_by_no_more_than_1_4_of_10() {
    let folder = units_for_this_machine();
    // The threshold is in tenths, and the exit status says whether it is kept, in whatever words and columns that is told.
    let analyse = |threshold: u32| {
        let mut analyse = Command::new("systemd-analyze");
        analyse.args(["security", "--offline=true", "--no-pager", &format!("--threshold={threshold}")]);
        run(analyse.arg(folder.path().join("pipit.service")))
    };
    let kept = analyse(14);
    assert!(kept.status.success(), "{}", said(&kept));
    assert!(!analyse(1).status.success(), "the threshold has no effect, so it says nothing");
}

#[test]
fn the_user_that_the_service_runs_as_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut sysusers = Command::new("systemd-sysusers");
    let made = run(sysusers
        .arg("--dry-run")
        .arg(format!("--root={}", folder.path().display()))
        .arg(units().join("pipit.sysusers")));
    assert!(made.status.success(), "{}", said(&made));
    for wanted in ["'pipit'", "'audio'", "'gpio'", "'i2c'", "'spi'", "'video'"] {
        assert!(said(&made).contains(wanted), "{wanted} is not made: {}", said(&made));
    }
    let service = fs::read_to_string(units().join("pipit.service")).unwrap();
    assert!(service.contains("\nUser=pipit\n") && service.contains("\nGroup=pipit\n"));
}

#[test]
fn what_pipit_remembers_is_nobody_elses_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let own = fs::metadata(folder.path()).unwrap();
    let owner = format!(" {} {} ", own.uid(), own.gid());
    let rules = fs::read_to_string(units().join("pipit.tmpfiles")).unwrap();
    // Nobody here is called pipit, and only root may give files away.
    let rules = rules.replace(" root pipit ", &owner).replace(" pipit pipit ", &owner);
    let own = folder.path().join("rules.conf");
    fs::write(&own, rules).unwrap();
    fs::create_dir_all(folder.path().join("etc/pipit")).unwrap();
    fs::write(folder.path().join("etc/pipit/pipit.toml"), "").unwrap();
    let root = format!("--root={}", folder.path().display());
    let made = run(Command::new("systemd-tmpfiles").args(["--create", &root]).arg(&own));
    assert!(made.status.success(), "{}", said(&made));
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("var/lib/pipit"), 0o700);
    assert_eq!((mode("etc/pipit"), mode("etc/pipit/pipit.toml")), (0o750, 0o640));
}

fn running(home: &Home) -> Managed {
    let mut command = home.command();
    command.arg("run");
    let mut daemon = Managed::start(command);
    daemon.tells("READY=1");
    daemon
}

#[test]
fn it_is_ready_once_it_listens_with_its_models_and_says_how_it_is_and_when_it_ends() {
    let home = Home::new();
    let mut command = home.command();
    command.arg("run");
    let mut daemon = Managed::start(command);
    let before = daemon.tells("READY=1");
    assert_eq!(before[0], "STATUS=starting: the models are being loaded");
    daemon.tells("STATUS=listening");
    daemon.tells("WATCHDOG=1");
    for part in ["listening", "turn model: ", "recogniser: ", "voice: "] {
        daemon.logs(part);
    }
    daemon.signal("TERM");
    daemon.tells("STOPPING=1");
    let (status, log) = daemon.ended();
    assert!(status.success(), "{log}");
}

#[test]
fn a_part_that_is_missing_is_in_the_status() {
    let home = Home::new();
    home.configure(&home.usual_config().replace("pipit-nano-en", "no-such-model"));
    let mut command = home.command();
    command.arg("run");
    let mut daemon = Managed::start(command);
    daemon.tells("STATUS=listening; no recogniser");
}

#[test]
fn a_second_daemon_says_so_and_ends_and_the_first_goes_on() {
    let home = Home::new();
    let mut first = running(&home);
    let second = home.pipit(["run"]);
    assert_eq!(second.code, Some(69), "{second:?}");
    second.said(&["another Pipit", &format!("(process {})", first.id()), "state.dir"]);
    first.tells("WATCHDOG=1");
    first.signal("TERM");
    assert!(first.ended().0.success());
    let again = running(&home);
    again.signal("KILL");
    assert!(!again.ended().0.success());
    running(&home);
}

#[test]
fn the_panel_is_served_on_the_sockets_that_systemd_has_opened() {
    let home = Home::new();
    let handed = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let addresses = handed.each_ref().map(|socket| socket.local_addr().unwrap());
    for socket in &handed {
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty()).unwrap();
    }
    let [http, https] = handed.each_ref().map(|socket| socket.as_raw_fd());
    let mut shell = Command::new("bash");
    let script = format!("exec 21<&{https} 20<&{http} 3<&21 4<&20 20<&- 21<&-; LISTEN_PID=$$ exec \"$0\" \"$@\"");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_pipit")]);
    shell.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", "https:http");
    let mut command = home.run_by(shell);
    command.arg("run");
    let mut daemon = Managed::start(command);
    drop(handed);
    daemon.tells("READY=1");
    let (head, body) = web::page(addresses[0], "/api/session");
    assert!(head.starts_with("http/1.1 200") && body.contains("claimed"), "{head}\n{body}");
    daemon.logs(&format!("panel at https://{}", addresses[1]));
    daemon.signal("TERM");
    assert!(daemon.ended().0.success());
}

#[test]
fn a_socket_of_an_unknown_name_is_refused_by_name() {
    let home = Home::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty()).unwrap();
    let mut command = home.command();
    command.arg("run").env("LISTEN_FDS", "1").env("LISTEN_FDS_FIRST_FD", socket.as_raw_fd().to_string());
    support::Said::of(command.env("LISTEN_FDNAMES", "ftp").output().unwrap())
        .failed_saying(&["\"ftp\"", "FileDescriptorName=http or https"]);
}

#[test]
fn a_half_written_configuration_is_replaced_by_the_last_good_one_and_that_is_said() {
    let home = Home::new();
    let whole: String = home.usual_config().lines().skip(2).map(|line| format!("{line}\n")).collect();
    let start = |expected: &str| {
        let mut command = home.command();
        command.arg(format!("--set=state.dir={}", home.path("state").display())).arg("run");
        let mut daemon = Managed::start(command);
        daemon.tells(expected);
        daemon.signal("TERM");
        daemon.ended().1
    };
    home.configure(&whole);
    start("STATUS=listening");
    for broken in ["[audio]\nbackend = \"nu", "", "[audio]\nbackend = \"loud\"\n"] {
        home.configure(broken);
        let log = start("STATUS=listening; the configuration can't be used, and the last good one is");
        assert!(log.contains("takes its place") && log.contains("pipit.toml"), "{broken}: {log}");
        if !broken.is_empty() {
            home.pipit(["config", "check"]).failed_saying(&["pipit.toml"]);
        }
    }
    home.configure(&whole.replace("\"espeak\"", "\"espeak\"\n# Mended."));
    let log = start("STATUS=listening");
    assert!(!log.contains("takes its place"), "{log}");
}

/// Whose end means that everything ends, each with what the log calls it.
const PARTS: [(&str, &str); 5] = [
    ("pipit", "the driver"),
    ("ear", "the ear"),
    ("playback", "playback"),
    ("stt-jobs", "who watches over the recogniser"),
    ("tokio-rt-worker", "the async runtime"),
];

#[test]
fn a_part_that_stands_still_ends_the_daemon_and_the_log_says_which() {
    let homes = PARTS.map(|_| Home::new());
    let mut daemons: Vec<_> = homes.iter().map(running).collect();
    for (daemon, (thread, _)) in daemons.iter_mut().zip(PARTS) {
        let threads = daemon.threads();
        for (thread, _) in threads.iter().filter(|(_, name)| name == thread) {
            daemon.freeze(*thread);
        }
    }
    for (daemon, (thread, part)) in daemons.into_iter().zip(PARTS) {
        let (status, log) = daemon.ended();
        assert!(aborted(status), "{thread}: {status}\n{log}");
        let reason = log.lines().find(|line| line.contains("Pipit ends itself")).unwrap_or_else(|| panic!("{log}"));
        assert!(reason.contains(part), "{thread}: {reason}");
    }
}

#[test]
fn a_model_that_stands_still_is_loaded_again_beside_what_goes_on() {
    let home = Home::new();
    let mut daemon = running(&home);
    let threads = daemon.threads();
    let (thread, _) = threads.iter().find(|(_, name)| name == "stt").unwrap();
    daemon.freeze(*thread);
    daemon.logs("the recogniser hangs, and is loaded again");
    daemon.logs("the recogniser is back: ");
    daemon.tells("WATCHDOG=1");
    daemon.signal("KILL");
    daemon.ended();
}

/// What systemd waits for according to the unit.
const WATCHDOG: Duration = Duration::from_secs(9);
const RESTART: Duration = Duration::from_secs(1);

/// Freezes every thread that a daemon with sound devices has, each in a daemon of its own, and does what systemd does.
#[test]
#[ignore = "it measures, for docs/BENCHMARKS.md, and takes minutes: make bench-watchdog"]
#[allow(clippy::print_stdout, reason = "it prints what it has measured")]
fn each_thread_frozen_in_turn() {
    with_sound_server("each_thread_frozen_in_turn", |_| {
        let home = Home::new();
        home.configure(&home.usual_config().replace("\"null\"", "\"cpal\""));
        let start = || {
            let mut daemon = running(&home);
            daemon.tells("STATUS=listening");
            daemon
        };
        let first = start();
        let threads = first.threads();
        first.signal("TERM");
        drop(first.ended());
        println!("| thread | noticed after | ready again after | reason in the log |\n|---|---|---|---|");
        for (at, (_, name)) in threads.iter().enumerate() {
            let nth = threads[..at].iter().filter(|(_, before)| before == name).count();
            let mut daemon = start();
            let now = daemon.threads();
            let Some((thread, _)) = now.iter().filter(|(_, other)| other == name).nth(nth) else {
                println!("| {name} | it was not there this time | | |");
                daemon.signal("KILL");
                drop(daemon.ended());
                continue;
            };
            let begun = Instant::now();
            daemon.freeze(*thread);
            let (noticed, reason, ended) = what_comes(&mut daemon, begun);
            let mut ready = begun.elapsed();
            daemon.signal("KILL");
            drop(daemon.ended());
            if ended {
                thread::sleep(RESTART);
                let again = start();
                ready = begun.elapsed();
                again.signal("TERM");
                drop(again.ended());
            }
            let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
            let (noticed, ready) = match noticed {
                Some(noticed) => (seconds(noticed), seconds(ready)),
                None => ("not at all".to_owned(), String::new()),
            };
            println!("| {name} | {noticed} | {ready} | {reason} |");
        }
    });

    /// When it was noticed since `begun` and in which words, and whether the daemon has ended for it.
    fn what_comes(daemon: &mut Managed, begun: Instant) -> (Option<Duration>, String, bool) {
        let (mut fed, mut reason, mut noticed) = (Instant::now(), String::new(), None);
        while begun.elapsed() < 4 * WATCHDOG {
            match daemon.next(Duration::from_millis(20)) {
                Came::Logged(line)
                    if ["stood still", "been stopped", "hangs"].iter().any(|words| line.contains(words)) =>
                {
                    noticed.get_or_insert(begun.elapsed());
                    if reason.is_empty() {
                        line.split_once("ERROR ").map_or(&*line, |(_, told)| told.trim()).clone_into(&mut reason);
                    }
                }
                Came::Logged(line) if line.contains(" is back: ") => return (noticed, reason, false),
                Came::Told(line) if line == "WATCHDOG=1" => fed = Instant::now(),
                Came::End => return (noticed, reason, true),
                _ => {}
            }
            if fed.elapsed() > WATCHDOG {
                "of systemd: no word for 9 seconds".clone_into(&mut reason);
                noticed.get_or_insert(begun.elapsed());
                daemon.signal("ABRT");
                fed = Instant::now();
            }
        }
        (None, reason, false)
    }
}
