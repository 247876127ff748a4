//! `pipit ask`: the same engine as the voice, in writing.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use pipit_chat::{Door, ReplyEvent, Request};

use super::Options;

#[derive(Debug, Args)]
pub(super) struct Ask {
    /// What to ask
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
}

impl Ask {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = crate::chat::store_to_go_on_with(&config)?;
        let engine = crate::chat::engine(&config, &store, crate::chat::speakers(&config, &store)?)?;
        super::async_runtime()?.block_on(async {
            let mut reply = engine.respond(Request { text: self.text.join(" "), door: Door::Terminal });
            let mut said = String::new();
            while let Some(event) = reply.next().await {
                match event? {
                    // A running daemon takes up what is set here from the store.
                    ReplyEvent::Understood { deed: Some(deed), .. } => drop(engine.perform(deed).await?),
                    ReplyEvent::Understood { deed: None, .. } | ReplyEvent::AnsweredBy(_) => {}
                    ReplyEvent::Text(text) => {
                        print_text!("{text}")?;
                        std::io::stdout().flush()?;
                        said.push_str(&text);
                    }
                }
            }
            print_line!("")?;
            engine.finish(reply.finished(), &said).await?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
