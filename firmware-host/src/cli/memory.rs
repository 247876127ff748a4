//! `pipit memory`: what Pipit was told to remember, seen and changed by hand.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use pipit_core::intent::FactId;

use super::Options;
use super::who::Whose;

#[derive(Debug, Args)]
pub(super) struct Memory {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show everything that is remembered, the oldest first
    List,
    /// Remember something, as "remember that ..." does
    Add {
        /// In your own words, such as "I park on level two"
        #[arg(required = true, value_name = "FACT")]
        fact: Vec<String>,
    },
    /// Forget something for good
    Forget {
        /// Its number in the list; several may be given
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
}

impl Memory {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = self.whose.open(&config)?;
        match self.action {
            Action::List => {
                let facts = store.facts()?;
                if facts.is_empty() {
                    print_line!("Nothing is remembered yet. Say \"remember that ...\", or use `pipit memory add`.")?;
                }
                for fact in facts {
                    print_line!("{:>6}  {}", fact.id.0, fact.text)?;
                }
            }
            Action::Add { fact } => {
                let fact = fact.join(" ");
                if fact.trim().is_empty() {
                    bail!("there is nothing in it to remember; write what it is");
                }
                store.add_fact(fact.trim(), Timestamp::now())?;
            }
            Action::Forget { ids } => {
                let known = store.facts()?;
                if let Some(id) = ids.iter().find(|id| known.iter().all(|fact| fact.id.0 != **id)) {
                    bail!("nothing is remembered under {id}; `pipit memory list` shows what is");
                }
                store.forget_facts(&ids.into_iter().map(FactId).collect::<Vec<_>>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
