//! `pipit backup` and `pipit restore`: everything that Pipit knows in one file under a passphrase, and the way back.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use jiff::Timestamp;
use pipit_store::{Contents, Making};

use super::{Options, read_secret};
use crate::backup;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where to write it; there must not be such a file yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Restore it without asking
    #[arg(long)]
    yes: bool,
}

impl Backup {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        ensure!(!self.file.exists(), "{} is there already; name another file", self.file.display());
        let store = crate::chat::store(&config)?;
        let passphrase = read_secret("passphrase")?;
        if std::io::stdin().is_terminal() {
            ensure!(read_secret("passphrase again")? == passphrase, "they differ; nothing was written");
        }
        let (settings, configuration) = options.layering().texts_in(&config.state_dir)?;
        let making = Making {
            passphrase: &passphrase,
            pipit: env!("CARGO_PKG_VERSION"),
            at: Timestamp::now(),
            settings: settings.as_deref(),
            configuration: configuration.as_deref(),
        };
        let bytes = store.make_backup(&self.file, &making, &mut |_, _| true)?;
        store.audit(None, "backup made at the machine", "this machine", Timestamp::now())?;
        print_line!("{}: {bytes} bytes. Without the passphrase it is of no use to anybody.", self.file.display())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let passphrase = read_secret("passphrase")?;
        std::fs::create_dir_all(&config.state_dir)
            .with_context(|| format!("{} can't be made", config.state_dir.display()))?;
        let contents =
            backup::try_in(&config.state_dir, &self.file, &passphrase, &mut |_, _| true).map_err(anyhow::Error::msg)?;
        show(&contents)?;
        if !self.yes {
            print_line!(
                "At the next start this takes the place of what is there, which is kept beside. Type \"restore\" to have it so:"
            )?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("nothing can be read from standard input")?;
            if line.trim() != "restore" {
                backup::forget_trial(&config.state_dir).map_err(anyhow::Error::msg)?;
                anyhow::bail!("Nothing was restored");
            }
        }
        backup::confirm(&config.state_dir).map_err(anyhow::Error::msg)?;
        print_line!("Start Pipit again (`systemctl restart pipit`) to go on with it.")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn show(contents: &Contents) -> std::io::Result<()> {
    let Contents { pipit, made_at, people, conversations, messages, facts, timers, alarms, .. } = contents;
    print_line!("made        {} by Pipit {pipit}", made_at.strftime("%Y-%m-%d %H:%M UTC"))?;
    print_line!("people      {}", people.join(", "))?;
    print_line!("said        {conversations} conversations with {messages} messages; {facts} things to remember")?;
    print_line!("times       {timers} timers, {alarms} alarms, {} announcements", contents.announcements)?;
    print_line!("for others  {} API tokens, {} sealed secrets", contents.tokens, contents.secrets)
}
