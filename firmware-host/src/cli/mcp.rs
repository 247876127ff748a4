//! `pipit mcp`: the servers whose tools models may want used, and which of them they may.

use std::process::ExitCode;

use clap::Args;

use super::Options;
use crate::chat;

/// What is shown of a tool's own description, in characters.
const SHOWN: usize = 80;

#[derive(Debug, Args)]
pub(super) struct Mcp {}

impl Mcp {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let servers = chat::mcp_servers(&config, &|| chat::store(&config))?;
        if servers.is_empty() {
            print_line!("There is no server with tools. Name one in [[chat.mcp]].")?;
        }
        let mut well = true;
        super::async_runtime()?.block_on(async {
            for server in servers {
                print_line!("{} ({})", server.name(), server.tier())?;
                let tools = match server.list().await {
                    Ok(tools) => tools,
                    Err(error) => {
                        print_line!("  BAD   {error}")?;
                        well = false;
                        continue;
                    }
                };
                for tool in tools {
                    let may = if tool.allowed { "used" } else { "-   " };
                    let description: String =
                        tool.description.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
                    print_line!("  {may}  {}  {description}", tool.name)?;
                }
            }
            Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}
