//! `pipit ask`: the same engine as the voice, in writing.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use pipit_chat::{Door, Place, ReplyEvent, Request};

use super::Options;
use super::home::Visit;
use super::who::Who;
use crate::chat;

/// How long servers with tools have to name them.
const TIME_FOR_TOOLS: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    who: Who,
    /// What to ask
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
}

impl Ask {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = chat::store_to_go_on_with(&config)?;
        let (speaker, guest) = self.who.speaker(&config, &store)?;
        let engine = chat::engine(&config, &store, speaker.clone())?.for_person(speaker, guest);
        super::async_runtime()?.block_on(async {
            let offering = chat::offer_tools(engine.clone(), chat::mcp_servers(&config, &|| Ok(store.clone()))?);
            // Whoever asks waits for the answer, not for a server that is away.
            let _ = tokio::time::timeout(TIME_FOR_TOOLS, offering).await;
            let text = self.text.join(" ");
            // The home is looked at only for what may be about it.
            let visit = match engine.is_understood_without_home(&text) {
                true => None,
                false => Visit::to_home_of(&config, &engine, &store).await,
            };
            let mut reply = engine.respond(Request { text, door: Door::Terminal, place: Place::Standing, turn: None });
            let mut said = String::new();
            while let Some(event) = reply.next().await {
                match event? {
                    // A running daemon takes up what is set here from the store.
                    ReplyEvent::Understood { deed: Some(deed), .. } => drop(engine.perform(deed).await?),
                    ReplyEvent::WantsToAct => reply.permit(),
                    ReplyEvent::Understood { deed: None, .. }
                    | ReplyEvent::AnsweredBy(_)
                    | ReplyEvent::Device(_)
                    | ReplyEvent::Confirm(_) => {}
                    ReplyEvent::Text(text) => {
                        print_text!("{text}")?;
                        std::io::stdout().flush()?;
                        said.push_str(&text);
                    }
                }
            }
            print_line!("")?;
            engine.finish(reply.finished(), &said).await?;
            if let Some(visit) = visit {
                visit.end().await?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
