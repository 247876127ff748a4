//! `pipit update` against feeds in folders and on a server, with packages by dpkg-deb and signatures by minisign. What installs and starts
//! a system's services is stood in for: a script that unpacks the package, and one that asks what was unpacked whether it is well.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use pipit_testkit::http::{Answer, Server};
use tempfile::TempDir;

/// A machine with a feed for it.
struct Machine {
    folder: TempDir,
    key: String,
}

/// What a package's program does when it is asked whether it is well.
const WELL: &str = "exit 0";
const UNWELL: &str = "echo 'it said one thing and understood another' >&2; exit 1";

fn run(program: &str, arguments: &[&str], within: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(within).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; run `firmware-host/setup.sh test`"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

impl Machine {
    /// On which this version is installed, with a feed that has it too.
    fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        for name in ["feed", "bin", "cache", "state", "root", "keys"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        run("minisign", &["-G", "-W", "-p", "keys/public", "-s", "keys/secret"], folder.path());
        let public = fs::read_to_string(folder.path().join("keys/public")).unwrap();
        let machine = Machine { key: public.lines().nth(1).unwrap().to_owned(), folder };
        let root = machine.at("root").display().to_string();
        machine.stand_in("apt-get", &format!("for last; do :; done; dpkg-deb --extract \"$last\" {root}"));
        let state = "if [ \"$1\" = show ]; then echo active; echo 0; fi";
        machine.stand_in("systemctl", &format!("{state}; echo \"$@\" >> {root}/asked"));
        machine.stand_in("pipit", &format!("exec {root}/usr/bin/pipit \"$@\""));
        machine.offers(env!("CARGO_PKG_VERSION"), WELL);
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stand_in(&self, program: &str, script: &str) {
        let file = self.at("bin").join(program);
        fs::write(&file, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a package of this version into the feed, and says that it is the newest.
    fn offers(&self, version: &str, health: &str) {
        self.offers_for(version, &self.board(), health);
        fs::copy(self.feed(&format!("pipit-{version}.json")), self.feed("pipit-newest.json")).unwrap();
        self.sign("pipit-newest.json");
    }

    fn offers_for(&self, version: &str, board: &str, health: &str) {
        let tree = self.at("tree");
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::create_dir_all(tree.join("usr/bin")).unwrap();
        let control = format!(
            "Package: pipit\nVersion: {version}-1\nArchitecture: {board}\nMaintainer: A <a@b>\nDescription: c\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let program = tree.join("usr/bin/pipit");
        fs::write(&program, format!("#!/bin/sh\n# {version}\n{health}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let file = format!("pipit_{version}_{board}.deb");
        run("dpkg-deb", &["--build", "--root-owner-group", "tree", &format!("feed/{file}")], self.folder.path());
        let package = fs::read(self.feed(&file)).unwrap();
        let sha256 = pipit_models::catalogue::Sha256::of(&package).to_string();
        let packages = serde_json::json!({board: {"file": file, "bytes": package.len(), "sha256": sha256}});
        let manifest = serde_json::json!({"version": version, "packages": packages});
        let name = format!("pipit-{version}.json");
        fs::write(self.feed(&name), manifest.to_string()).unwrap();
        self.sign(&name);
    }

    fn sign(&self, name: &str) {
        run("minisign", &["-S", "-W", "-s", "keys/secret", "-m", &format!("feed/{name}")], self.folder.path());
    }

    fn feed(&self, name: &str) -> PathBuf {
        self.at("feed").join(name)
    }

    fn board(&self) -> String {
        let told = run("dpkg", &["--print-architecture"], self.folder.path());
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    }

    fn update(&self, from: &str, arguments: &[&str]) -> (bool, String) {
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new(env!("CARGO_BIN_EXE_pipit"))
            .args(["--set", &format!("update.key={}", self.key), "--set", &format!("update.feed={from}"), "update"])
            .args(["--trial", "0"])
            .args(arguments)
            .env("PATH", path)
            .env("STATE_DIRECTORY", self.at("state"))
            .env("CACHE_DIRECTORY", self.at("cache"))
            .output()
            .unwrap();
        let words = [&output.stderr[..], &output.stdout].map(String::from_utf8_lossy).concat();
        (output.status.success(), words)
    }

    fn by_folder(&self) -> (bool, String) {
        self.update(&self.at("feed").display().to_string(), &[])
    }

    /// Which version lies on its disk, if any was put there.
    fn installed(&self) -> Option<String> {
        let program = fs::read_to_string(self.at("root/usr/bin/pipit")).ok()?;
        Some(program.lines().nth(1)?.trim_start_matches("# ").to_owned())
    }

    fn refuses(&self, expected: &str) {
        let (succeeded, words) = self.by_folder();
        assert!(!succeeded && words.contains(expected), "{words}");
        assert_eq!(self.installed(), None, "{words}");
    }
}

#[test]
fn a_newer_version_is_installed_and_tried_and_none_that_is_not_newer() {
    let machine = Machine::new();
    let (succeeded, words) = machine.by_folder();
    assert!(succeeded && words.contains("is the newest there"), "{words}");
    assert_eq!(machine.installed(), None);
    machine.offers("99.0.0", WELL);
    let (succeeded, words) = machine.by_folder();
    assert!(succeeded && words.contains("Pipit 99.0.0 runs, and is well."), "{words}");
    assert_eq!(machine.installed().as_deref(), Some("99.0.0"));
    assert_eq!(
        fs::read_to_string(machine.at("root/asked")).unwrap().lines().collect::<Vec<_>>(),
        [
            "stop pipit.service",
            "restart pipit.service",
            "show pipit.service --value --property=ActiveState --property=NRestarts",
            "show pipit.service --value --property=ActiveState --property=NRestarts",
        ]
    );
    assert!(!machine.at("cache/before").exists());
    let last = pipit::update::last(&machine.at("cache")).unwrap();
    assert_eq!((last.to.to_string().as_str(), last.went_back), ("99.0.0", None));
    machine.offers("0.0.1", WELL);
    let (_, words) = machine.by_folder();
    assert!(words.contains("is the newest there"), "an older one that was signed once: {words}");
}

#[test]
fn a_version_that_is_not_well_is_taken_back_and_why_is_told() {
    let machine = Machine::new();
    fs::write(machine.at("state/pipit.db"), "as the older one can read it").unwrap();
    let state = machine.at("state/pipit.db").display().to_string();
    machine.offers("99.0.0", &format!("echo 'as the newer one has written it' > {state}; {UNWELL}"));
    let (succeeded, words) = machine.by_folder();
    assert_eq!(fs::read_to_string(machine.at("state/pipit.db")).unwrap(), "as the older one can read it");
    assert!(!succeeded && words.contains("is back: 99.0.0 was not well here"), "{words}");
    assert_eq!(machine.installed().as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let why = pipit::update::last(&machine.at("cache")).unwrap().went_back.unwrap();
    assert!(why.contains("it said one thing and understood another"), "{why}");
}

#[test]
fn what_is_not_signed_changed_cut_or_for_another_board_is_not_installed() {
    let machine = Machine::new();
    machine.offers("99.0.0", WELL);
    let (newest, package) = (machine.feed("pipit-newest.json"), format!("pipit_99.0.0_{}.deb", machine.board()));
    let signed = fs::read(&newest).unwrap();

    fs::write(&newest, String::from_utf8_lossy(&signed).replace("99.0.0\"", "99.0.1\"")).unwrap();
    machine.refuses("not signed with the key of update.key");
    fs::write(&newest, &signed).unwrap();
    let signature = fs::read(machine.feed("pipit-newest.json.minisig")).unwrap();
    fs::write(machine.feed("pipit-newest.json.minisig"), "untrusted comment: nothing\nRUT\n").unwrap();
    machine.refuses("not signed with the key of update.key");
    fs::remove_file(machine.feed("pipit-newest.json.minisig")).unwrap();
    machine.refuses("pipit-newest.json.minisig");
    fs::write(machine.feed("pipit-newest.json.minisig"), signature).unwrap();

    let whole = fs::read(machine.feed(&package)).unwrap();
    fs::write(machine.feed(&package), &whole[..whole.len() - 1]).unwrap();
    machine.refuses("copy it anew");
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(machine.feed(&package), changed).unwrap();
    machine.refuses("hashes to");

    machine.offers_for("99.0.0", "mips", WELL);
    fs::copy(machine.feed("pipit-99.0.0.json"), &newest).unwrap();
    machine.sign("pipit-newest.json");
    machine.refuses("has no package for");
    assert_eq!(pipit::update::last(&machine.at("cache")), None);
}

#[test]
fn without_a_way_back_nothing_is_installed_unless_somebody_says_so() {
    let machine = Machine::new();
    machine.offers("99.0.0", WELL);
    fs::remove_file(machine.feed(&format!("pipit-{}.json", env!("CARGO_PKG_VERSION")))).unwrap();
    machine.refuses("there would be no way back");
    let (succeeded, words) = machine.update(&machine.at("feed").display().to_string(), &["--without-way-back"]);
    assert!(succeeded && machine.installed().as_deref() == Some("99.0.0"), "{words}");
}

#[test]
fn what_a_power_cut_came_between_is_gone_back_from() {
    let machine = Machine::new();
    machine.offers("99.0.0", WELL);
    // As it was when the power went: the new one is there, and what was decided is written down.
    let package = |version: &str| machine.feed(&format!("pipit_{version}_{}.deb", machine.board()));
    let journal = serde_json::json!({
        "from": env!("CARGO_PKG_VERSION"), "to": "99.0.0", "begun": true,
        "package": package("99.0.0"), "back": package(env!("CARGO_PKG_VERSION")),
    });
    fs::write(machine.at("cache/updating.json"), journal.to_string()).unwrap();
    fs::create_dir(machine.at("cache/before")).unwrap();
    let (_, words) = machine.update("", &["--resume"]);
    assert!(words.contains("the board went off while it was tried"), "{words}");
    assert_eq!(machine.installed().as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert!(!machine.at("cache/updating.json").exists());
    let (succeeded, words) = machine.update("", &["--resume"]);
    assert!(succeeded && words.is_empty(), "there is nothing to go on with: {words}");
}

#[test]
fn a_feed_on_a_server_is_gone_on_from_where_a_download_broke_off() {
    let machine = Machine::new();
    machine.offers("99.0.0", WELL);
    let (feed, broken) = (machine.at("feed"), AtomicBool::new(false));
    let server = Server::answering(move |request| {
        let Ok(content) = fs::read(feed.join(request.path.trim_start_matches("/pipit/"))) else {
            return Answer::of("404 Not Found", "text/plain", "");
        };
        let from = request
            .headers
            .lines()
            .find_map(|line| line.strip_prefix("range: bytes=")?.trim().strip_suffix('-')?.parse().ok());
        let kind = "application/octet-stream";
        match from {
            Some(from @ 1..) => {
                let range = format!(
                    "206 Partial Content\r\ncontent-range: bytes {from}-{}/{}",
                    content.len() - 1,
                    content.len()
                );
                Answer::of(&range, kind, &content[from..])
            }
            // The connection breaks in the middle of the first package.
            _ if request.path.ends_with(".deb") && !broken.swap(true, Ordering::Relaxed) => {
                let Answer::Bytes(whole) = Answer::of("200 OK", kind, &content) else {
                    unreachable!("it is made of bytes")
                };
                Answer::Bytes(whole[..whole.len() - content.len() / 2].to_vec())
            }
            _ => Answer::of("200 OK", kind, content),
        }
    });
    let (succeeded, words) = machine.update(&format!("http://{}/pipit", server.address), &[]);
    assert!(succeeded && machine.installed().as_deref() == Some("99.0.0"), "{words}");
    assert!(server.seen().iter().any(|request| request.headers.contains("range: bytes=")), "{words}");
    let (succeeded, words) = machine.update("http://127.0.0.1:1/pipit", &[]);
    assert!(!succeeded && words.contains("pipit-newest.json of the feed at 127.0.0.1"), "{words}");
}
