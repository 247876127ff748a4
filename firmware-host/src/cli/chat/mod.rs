//! `pipit chat`: conversations in a terminal, and what the daemon does beside them.
//!
//! The chat is a value (`state`, with what each key does in `keys`) that takes events and gives commands, both in `event`; `work` carries them
//! out, `view` draws, and `run` brings the three together. The engine is in this process; the daemon need not run.

mod daemon;
mod event;
mod input;
mod keys;
mod legend;
mod pipeline;
mod run;
mod screen;
mod state;
mod text;
mod transcript;
mod view;
mod work;

#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use tokio::sync::mpsc;

use super::Options;
use super::home::Visit;
use super::who::Who;

#[derive(Debug, Args)]
pub(super) struct Chat {
    #[command(flatten)]
    who: Who,
}

impl Chat {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        screen::require_terminal()?;
        let config = options.load()?;
        // Log lines on the terminal would be drawn over.
        if !std::io::stderr().is_terminal() {
            super::start_logging(&config, true);
        }
        let owner = crate::chat::store_to_go_on_with(&config)?;
        let warning = owner.warning().map(str::to_owned);
        let (store, guest) = self.who.speaker(&config, &owner)?;
        let engine = crate::chat::engine(&config, &owner, store.clone())?.for_person(store.clone(), guest);
        let servers = crate::chat::mcp_servers(&config, &|| Ok(owner.clone()))?;
        let mut state = state::State::new(crate::chat::greeting(&config)?);
        state.notice = warning;
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let runtime = super::async_runtime()?;
        let outcome = runtime.block_on(async {
            tokio::spawn(crate::chat::offer_tools(engine.clone(), servers));
            let (at_home, of) = (engine.clone(), config.clone());
            // The connection lasts as long as the chat.
            tokio::spawn(async move { Visit::to_home_of(&of, &at_home, &owner).await.map(drop) });
            let (sender, events) = mpsc::channel(run::EVENTS);
            let work = work::Work::new(engine, store, config.web_listen, sender.clone());
            run::run(state, work, (sender, events), view::Look::new(colours)).await
        });
        // What only waits has nothing to keep.
        runtime.shutdown_background();
        outcome.map(|()| ExitCode::SUCCESS)
    }
}
