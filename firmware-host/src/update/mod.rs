//! Another version of Pipit: fetched from a feed that its owner names, installed as a Debian package, tried, and taken back where Pipit is
//! not well with it. It runs as root beside the daemon, which may not install anything.
//!
//! What is decided is written down before it is done, so that a power cut in between is met by the next start: it goes on, and where that was
//! tried before, it goes back.

mod failure;
pub mod feed;
mod install;
pub mod manifest;
mod saved;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use pipit_models::download::Progress;
use semver::Version;
use serde::{Deserialize, Serialize};

pub use failure::failure;

use feed::Feed;
use manifest::{Manifest, NEWEST, name_of};

use crate::whole_file;

/// Where packages lie, as Debian has it for what can be had again.
pub const CACHE: &str = "/var/cache/pipit";

/// What is under way, in that folder.
const JOURNAL: &str = "updating.json";

/// How the last update ended, in the same folder, which the daemon reads and only root writes.
const LAST: &str = "updated.json";

/// Where the update is made.
#[derive(Clone, Debug)]
pub struct Here {
    /// Which version is installed.
    pub running: Version,
    /// Where packages lie, and how it ended.
    pub cache: PathBuf,
    /// Where the daemon keeps what it knows.
    pub state_dir: PathBuf,
    /// How long a new version has to stay up. What fails soon after its start does so by then.
    pub trial: Duration,
}

/// How an update ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When, in Unix seconds.
    pub at: i64,
    /// The version before.
    pub from: Version,
    /// The version that was wanted.
    pub to: Version,
    /// Why `from` is back, if it is.
    pub went_back: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Journal {
    from: Version,
    to: Version,
    /// The package that is installed.
    package: PathBuf,
    /// The package of the version before.
    back: Option<PathBuf>,
    /// Whether it was begun before.
    begun: bool,
}

/// Looks whether there is a newer version, and installs it. Nothing where there is none. What goes on is told to `say`.
///
/// # Errors
/// Nothing was changed, but for what [`resume`] goes on with.
pub async fn update(
    feed: &Feed,
    here: &Here,
    without_way_back: bool,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<Option<Ended>> {
    fs::create_dir_all(&here.cache).with_context(|| format!("{} can't be made", here.cache.display()))?;
    let newest = feed.manifest(NEWEST).await?;
    if newest.version <= here.running {
        return Ok(None);
    }
    let board = install::board()?;
    let back = match way_back(feed, here, &board, say).await {
        Ok(package) => Some(package),
        Err(error) if without_way_back => {
            say(&format!("there is no way back from Pipit {}: {error:#}", newest.version));
            None
        }
        Err(error) => {
            return Err(error.context(format!(
                "without a package of Pipit {} there would be no way back, so nothing is installed; --without-way-back does it all the same",
                here.running
            )));
        }
    };
    let package = bring(feed, &newest, &board, here, say)?;
    let journal = Journal { from: here.running.clone(), to: newest.version, package, back, begun: false };
    finish(here, journal, say).map(Some)
}

/// Goes on with an update that a power cut has come between.
///
/// # Errors
/// As for [`update`].
pub fn resume(here: &Here, say: &mut dyn FnMut(&str)) -> anyhow::Result<Option<Ended>> {
    let file = here.cache.join(JOURNAL);
    let text = match fs::read(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("{} can't be read", file.display()))?,
    };
    let journal = serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged; delete it, and see which version is installed", file.display()))?;
    finish(here, journal, say).map(Some)
}

/// How the last update ended, if there was one.
#[must_use]
pub fn last(cache: &Path) -> Option<Ended> {
    serde_json::from_slice(&fs::read(cache.join(LAST)).ok()?).ok()
}

async fn way_back(feed: &Feed, here: &Here, board: &str, say: &mut dyn FnMut(&str)) -> anyhow::Result<PathBuf> {
    let running = feed.manifest(&name_of(&here.running)).await?;
    ensure!(running.version == here.running, "{} tells of Pipit {}", name_of(&here.running), running.version);
    bring(feed, &running, board, here, say)
}

fn bring(feed: &Feed, of: &Manifest, board: &str, here: &Here, say: &mut dyn FnMut(&str)) -> anyhow::Result<PathBuf> {
    let package = of.package(board)?;
    say(&format!("fetching {}", package.file));
    let path = feed.bring(package, &here.cache, &mut |progress| {
        if let Progress::Retrying { reason, .. } = progress {
            say(&format!("{reason}; trying again"));
        }
    })?;
    install::is_pipit(&path, &of.version, board)?;
    Ok(path)
}

fn finish(here: &Here, journal: Journal, say: &mut dyn FnMut(&str)) -> anyhow::Result<Ended> {
    let journal_file = here.cache.join(JOURNAL);
    let outcome = if journal.begun {
        Err(anyhow::anyhow!("the board went off while it was tried"))
    } else {
        write(&journal_file, &journal)?;
        install::stop()?;
        // The new version may write what the one before can't read.
        let kept = saved::keep(&here.state_dir, &here.cache);
        if let Err(error) = kept.and_then(|()| write(&journal_file, &Journal { begun: true, ..journal.clone() })) {
            install::start_again()?;
            return Err(error.context("what Pipit knows can't be copied, so nothing is installed"));
        }
        say(&format!("installing Pipit {}", journal.to));
        install::install(&journal.package).and_then(|()| {
            say("trying it");
            install::is_well(here.trial)
        })
    };
    let Journal { from, to, back, .. } = journal;
    let went_back = match (outcome, back) {
        (Ok(()), _) => None,
        (Err(error), Some(back)) => {
            say(&format!("Pipit {to} is not well here ({error:#}); going back to {from}"));
            install::settle();
            install::stop()?;
            saved::bring_back(&here.state_dir, &here.cache)?;
            install::install(&back).with_context(|| format!("Pipit {from} can't be installed again"))?;
            install::start_again().with_context(|| format!("Pipit {from} is back, and does not start"))?;
            Some(format!("{error:#}"))
        }
        (Err(error), None) => {
            fs::remove_file(&journal_file).with_context(|| journal_file.display().to_string())?;
            bail!("Pipit {to} is installed and not well, and there is no package to go back to: {error:#}");
        }
    };
    let ended = Ended { at: Timestamp::now().as_second(), from, to, went_back };
    write(&here.cache.join(LAST), &ended)?;
    fs::remove_file(&journal_file).with_context(|| format!("{} can't be removed", journal_file.display()))?;
    saved::forget(&here.cache)?;
    Ok(ended)
}

fn write<T: Serialize>(file: &Path, content: &T) -> anyhow::Result<()> {
    whole_file::replace(file, &serde_json::to_vec(content)?)
}
