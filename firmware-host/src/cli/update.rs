//! `pipit update`: another version of Pipit, and the way back.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use semver::Version;

use super::Options;
use crate::update::feed::Feed;
use crate::update::{self, CACHE, Ended, Here};

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Take it from this folder, such as a USB stick, in place of update.feed
    #[arg(long, value_name = "FOLDER")]
    from: Option<String>,
    /// Install it even if the package of the version before can't be had
    #[arg(long)]
    without_way_back: bool,
    /// Seconds for which the new version has to stay up
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    trial: u64,
    /// Only go on with an update that a power cut has come between
    #[arg(long, conflicts_with_all = ["from", "without_way_back"])]
    resume: bool,
}

impl Update {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        // Whoever may change settings at the panel may not choose what root installs.
        let config = options.layering().load_without_panel()?;
        super::start_logging(&config, true);
        let running = Version::parse(env!("CARGO_PKG_VERSION")).context("Pipit's own version is none")?;
        let here = Here {
            running,
            cache: cache(),
            state_dir: config.state_dir.clone(),
            trial: Duration::from_secs(self.trial.min(3600)),
        };
        let mut say = |words: &str| eprintln!("pipit: {words}");
        if let Some(ended) = update::resume(&here, &mut say)? {
            return told(&ended);
        }
        if self.resume {
            return Ok(ExitCode::SUCCESS);
        }
        let from = self.from.or(config.update.feed).context(
            "it is not known where updates come from: name a server in update.feed, or a folder with --from",
        )?;
        let key = config.update.key.context(
            "it is not known whose updates to trust: write the public key that minisign shows in update.key",
        )?;
        let feed = Feed::new(&from, &key)?;
        let updating = update::update(&feed, &here, self.without_way_back, &mut say);
        match super::async_runtime()?.block_on(updating)? {
            Some(ended) => told(&ended),
            None => {
                print_line!("Pipit {} is the newest there.", here.running)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Where packages lie: what systemd names, or where Debian has what can be had again.
fn cache() -> PathBuf {
    std::env::var_os("CACHE_DIRECTORY").map_or_else(|| CACHE.into(), PathBuf::from)
}

fn told(Ended { from, to, went_back, .. }: &Ended) -> anyhow::Result<ExitCode> {
    match went_back {
        None => {
            print_line!("Pipit {to} runs, and is well.")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(why) => {
            print_line!("Pipit {from} is back: {to} was not well here, because {why}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
