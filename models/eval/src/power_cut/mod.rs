//! What Pipit still has after its power was cut, again and again, while it was used.
//!
//! The daemon works on an ext4 file system on a disk that forgets what was not flushed, which holds its state, its configuration and its models.
//! Programs use everything that it has. At a moment by chance the disk is cut off and the process killed; the next round begins with what is on
//! the disk: it is mounted, looked through, and Pipit started on it, which has to know all that it had confirmed before the cut.

mod cache;
mod checks;
mod daemon;
pub(crate) mod forgetful_disk;
mod known;
mod machine;
mod models;
mod rounds;
mod users;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use nix::mount::MntFlags;
use serde::Serialize;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use self::cache::Unflushed;
use self::daemon::Group;
use self::rounds::{Bench, Round};

const PASSPHRASE: &str = "four wet green herons";

/// What is cut off, and how.
pub(crate) struct Settings {
    /// The daemon.
    pub(crate) binary: PathBuf,
    pub(crate) times: usize,
    pub(crate) seed: u64,
    /// A library that the daemon runs with.
    pub(crate) preload: Option<PathBuf>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// How many there were, by what they were in.
    cuts: BTreeMap<Round, usize>,
    requests: u64,
    unflushed_blocks: u64,
    kept_blocks: u64,
    longest_start_s: f64,
    /// What was lost or damaged, and when.
    failures: Vec<String>,
}

impl Figures {
    /// Whether a person would have lost nothing.
    pub(crate) fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    fn count(&mut self, Unflushed { written, kept }: Unflushed) {
        self.unflushed_blocks += written;
        self.kept_blocks += kept;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { cuts, requests, unflushed_blocks, kept_blocks, longest_start_s, failures } = self;
        let of_which: Vec<_> = cuts.iter().map(|(round, times)| format!("{times} in a {round}")).collect();
        let (all, lost) = (cuts.values().sum::<usize>(), failures.len());
        writeln!(
            f,
            "| power cuts | of which | requests before them | unflushed blocks, of these kept | longest start | lost or damaged |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        write!(
            f,
            "| {all} | {} | {requests} | {unflushed_blocks}, {kept_blocks} | {longest_start_s:.1} s | {lost} |",
            of_which.join(", ")
        )?;
        failures.iter().try_for_each(|failure| write!(f, "\n{failure}"))
    }
}

/// Cuts the power so often. What is left of failures stays in a folder, of which it tells.
pub(crate) fn measure(settings: &Settings) -> Result<Figures> {
    machine::is_possible()?;
    machine::keep_mounts_apart()?;
    let folder = tempfile::Builder::new().prefix("pipit-power-cut-").tempdir()?;
    let mut bench = Bench::new(settings, folder.path())?;
    end_in_order(bench.group(), folder.path().to_owned())?;
    let mut figures = Figures::default();
    let mut is_fresh = true;
    for number in 1..=settings.times {
        let round = if is_fresh { Round::FirstStart } else { bench.choose() };
        let begun = Instant::now();
        let outcome = bench.round(round, &mut figures);
        *figures.cuts.entry(round).or_default() += 1;
        is_fresh = outcome.is_err();
        let said = outcome.or_else(|error| -> Result<String> {
            let error = short(&error);
            figures.failures.push(format!("cut {number}, {round}: {error}"));
            bench.give_up(number)?;
            Ok(format!("FAILED: {error}"))
        })?;
        println!("{number:4} {round:12} {:5.1} s  {said}", begun.elapsed().as_secs_f64());
    }
    if !is_fresh && let Err(error) = bench.look_at_the_last(&mut figures) {
        figures.failures.push(format!("the last cut: {}", short(&error)));
        bench.give_up(settings.times + 1)?;
    }
    drop(bench);
    if !figures.is_good() {
        println!("what was left of the failures is in {}", folder.keep().display());
    }
    println!();
    Ok(figures)
}

fn short(error: &anyhow::Error) -> String {
    format!("{error:#}").chars().take(600).collect()
}

/// Where somebody ends this program, the daemon ends with it, and nothing is left behind.
fn end_in_order(daemon: Group, folder: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
    };
    let wait = move || {
        let [interrupt, terminate] = &mut signals;
        runtime.block_on(async {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        });
        daemon.kill();
        for mounted in ["disk", "fuse"] {
            // It may not be mounted just now.
            let _ = nix::mount::umount2(&folder.join(mounted), MntFlags::MNT_DETACH);
        }
        let _ = std::fs::remove_dir_all(&folder);
        std::process::exit(130);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).context("there is no thread for signals")?;
    Ok(())
}

/// A text as it is, and anything else as JSON writes it.
fn words_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
