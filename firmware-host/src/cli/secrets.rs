//! `pipit secrets`: API keys that are kept sealed, for `chat.api_key_secret`. They are never shown.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::{Options, read_secret};

#[derive(Debug, Args)]
pub(super) struct Secrets {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the names under which there are some
    List,
    /// Keep one, which is read from standard input
    Set {
        /// Its name, as chat.api_key_secret will have it
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove one for good
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

impl Secrets {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = crate::chat::store(&config)?;
        match self.action {
            Action::List => {
                for name in store.secret_names()? {
                    print_line!("{name}")?;
                }
            }
            Action::Set { name } => {
                store.set_secret_at(&name, read_secret("secret")?.trim(), jiff::Timestamp::now())?
            }
            Action::Remove { name } => {
                if !store.remove_secret(&name)? {
                    bail!("there is no secret called that; `pipit secrets list` shows those that there are");
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
