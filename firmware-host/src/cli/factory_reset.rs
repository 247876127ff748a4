//! `pipit factory-reset`: makes the device as it came.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::Options;
use crate::factory_reset;

#[derive(Debug, Args)]
pub(super) struct FactoryReset {
    /// Erase it without asking
    #[arg(long)]
    yes: bool,
    /// Take an order back that was not carried out yet
    #[arg(long, conflicts_with = "yes")]
    cancel: bool,
}

impl FactoryReset {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let state = &config.state_dir;
        if self.cancel {
            factory_reset::cancel(state)?;
            print_line!("Nothing is erased.")?;
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes {
            print_line!(
                "At its next start Pipit erases all that it knows: people, what they said, timers, alarms, keys, settings, and what lies \
                 in {} of earlier restorations. Models and the configuration file stay. Type \"erase everything\" to have it so:",
                state.display()
            )?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("nothing can be read from standard input")?;
            anyhow::ensure!(line.trim() == "erase everything", "Nothing is erased");
        }
        factory_reset::order(state)?;
        print_line!(
            "Start Pipit again (`systemctl restart pipit`): it erases everything before it does anything else."
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
