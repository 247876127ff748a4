//! What is asked of the system: Debian's package tools and systemd, each as the program that it is.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use semver::Version;

/// The unit.
const SERVICE: &str = "pipit.service";

/// What Debian calls this board's architecture.
pub(super) fn board() -> anyhow::Result<String> {
    run("dpkg", &["--print-architecture"])
        .context("this system has no Debian packages; update Pipit as it was installed")
}

/// Whether a file is the package of this version of Pipit for this board, by its own account.
pub(super) fn is_pipit(package: &Path, version: &Version, board: &str) -> anyhow::Result<()> {
    let path = package.to_str().context("its path is not UTF-8")?;
    let told = run("dpkg-deb", &["--show", "--showformat=${Package} ${Version} ${Architecture}", path])?;
    let mut told = told.split(' ');
    let (name, its_version, its_board) = (told.next(), told.next().unwrap_or_default(), told.next());
    // After the dash comes the number of the packaging.
    let upstream = its_version.split_once('-').map_or(its_version, |(upstream, _)| upstream);
    let is_it = name == Some("pipit")
        && upstream == version.to_string()
        && its_board.is_some_and(|it| it == board || it == "all");
    ensure!(is_it, "{path} calls itself another package than Pipit {version} for {board}; nothing is installed");
    Ok(())
}

/// Ends what a power cut has left half installed. Where there is nothing of that, nothing happens.
pub(super) fn settle() {
    if let Err(error) = run("dpkg", &["--configure", "--pending"]) {
        tracing::warn!("what was half installed can't be ended: {error:#}");
    }
}

/// Installs a package with what it needs, in place of any version.
pub(super) fn install(package: &Path) -> anyhow::Result<()> {
    let path = package.to_str().context("its path is not UTF-8")?;
    let keep = "Dpkg::Options::=--force-confold";
    run("apt-get", &["install", "--yes", "--quiet", "--reinstall", "--allow-downgrades", "--option", keep, path])
        .map(drop)
}

/// Ends the daemon, so that nobody writes what it knows.
pub(super) fn stop() -> anyhow::Result<()> {
    run("systemctl", &["stop", SERVICE]).map(drop)
}

/// Starts the daemon anew, which systemd takes for done once it is ready.
pub(super) fn start_again() -> anyhow::Result<()> {
    run("systemctl", &["restart", SERVICE]).map(drop)
}

/// Whether the daemon comes up, understands what it says to itself, and stays up for as long as `trial`.
pub(super) fn is_well(trial: Duration) -> anyhow::Result<()> {
    start_again().context("it does not get ready")?;
    run("pipit", &["doctor", "self-test"]).context("its self-test fails")?;
    let state = || run("systemctl", &["show", SERVICE, "--value", "--property=ActiveState", "--property=NRestarts"]);
    let before = state()?;
    thread::sleep(trial);
    ensure!(state()? == before && before.contains("active"), "it does not stay up");
    Ok(())
}

/// Runs a program to its end, and gives what it writes.
fn run(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .with_context(|| format!("`{program}` can't be run"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        bail!("`{program} {}` failed: {last}", arguments.join(" "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
