//! One reply of the engine, as text that comes, with everything done that is asked for on the way.

use pipit_chat::{ChatError, Confirmation, Deed, Engine, ProviderIdentity, Reply, ReplyEvent};

use super::Apis;

/// A reply on its way.
pub(super) struct Answer {
    engine: Engine,
    apis: Apis,
    reply: Reply,
}

/// What is told of it.
pub(super) enum Part {
    Understood(Option<&'static str>),
    AnsweredBy(ProviderIdentity),
    Text(String),
    Confirm(Confirmation),
}

impl Answer {
    pub(super) fn new(apis: Apis, engine: Engine, reply: Reply) -> Self {
        // What is written is decided.
        reply.permit();
        Answer { engine, apis, reply }
    }

    /// The next part; `None` at the end. Dropping this cancels what a language model does; what is being done in the house is done.
    pub(super) async fn next(&mut self) -> Option<Result<Part, ChatError>> {
        loop {
            let event = match self.reply.next().await? {
                Ok(event) => event,
                Err(error) => return Some(Err(error)),
            };
            return Some(Ok(match event {
                ReplyEvent::Understood { intent, deed } => {
                    if let Some(deed) = deed
                        && let Err(error) = perform(self.engine.clone(), self.apis.clone(), deed).await
                    {
                        return Some(Err(error));
                    }
                    Part::Understood(intent)
                }
                ReplyEvent::AnsweredBy(provider) => Part::AnsweredBy(provider),
                ReplyEvent::Text(text) => Part::Text(text),
                ReplyEvent::Confirm(confirmation) => Part::Confirm(confirmation),
                ReplyEvent::Device(action) => {
                    (self.apis.on_device)(action);
                    continue;
                }
                ReplyEvent::WantsToAct => continue,
            }));
        }
    }

    pub(super) fn reply(&self) -> &Reply {
        &self.reply
    }

    pub(super) fn into_reply(self) -> Reply {
        self.reply
    }
}

async fn perform(engine: Engine, apis: Apis, deed: Deed) -> Result<(), ChatError> {
    // Nothing stays half done because somebody hangs up.
    let done = tokio::spawn(async move {
        engine.perform(deed).await?.into_iter().for_each(|action| (apis.on_device)(action));
        Ok(())
    });
    done.await.unwrap_or(Err(ChatError::Stopping))
}
