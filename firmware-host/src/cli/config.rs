//! `pipit config`: is it right, and what could be in it?

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pipit_core::config as settings;

use super::Options;

#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the configuration is right, and if not, everything that is wrong with it
    Check,
    /// Print a file with every key in it, explained
    Example,
    /// Print the JSON Schema of the file, for editors
    Schema,
}

impl ConfigCommand {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Check => {
                let loaded = options.layering().load()?;
                if let Some(problems) = loaded.left_out {
                    anyhow::bail!("what was set at the panel is not right, and is left out:\n{problems}");
                }
                print_line!("The configuration is right ({}).", options.described_file())?;
            }
            Action::Example => print_text!("{}", settings::example())?,
            Action::Schema => print_line!("{}", serde_json::to_string_pretty(&settings::schema())?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
