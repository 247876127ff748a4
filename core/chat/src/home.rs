//! Sentences about the home that are understood without a language model: from what was said to what is done and said.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use pipit_core::chat::{Door, Risk, ToolCall};
use pipit_core::home::{Meaning, which_one};
use pipit_core::intent::hassil::Recognised;
use pipit_core::intent::{HomeSentences, Understanding};
use tokio::sync::watch;
use tracing::warn;

use crate::answering::permission;
use crate::engine::{Engine, lock};
use crate::error::ChatError;
use crate::reply::{Deed, ReplyEvent};
use crate::tools::{Home, HomeCommand, TIME_LIMIT, spoken};

/// What a guest is told who wants something done that has to be confirmed.
const NOT_FOR_GUESTS: &str = "Guests can't have that done.";

/// Which sentences about a home are understood, and where they are said.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    /// Pipit's own, once there is a home, if nobody gave others.
    sentences: Option<HomeSentences>,
    here: Option<String>,
}

/// What a sentence about the home comes to.
pub(crate) enum Spoken {
    /// It is done and said, in this order; with a model or without.
    Done(HomePart),
    /// Nothing is certain.
    Unsure(Unsure),
    Nothing,
}

/// What may have been meant.
pub(crate) struct Unsure {
    /// A sentence for whoever tries next, and to be said if nobody does.
    pub(crate) why: String,
    /// The names of what is asked for in it: "yes" picks the only one, or whoever is asked says which.
    pub(crate) names: Vec<String>,
}

/// A request about the home, or a part of one.
pub(crate) struct HomePart {
    pub(crate) said: Recognised,
    /// What is done about it.
    pub(crate) command: Option<HomeCommand>,
    /// What is said to it.
    pub(crate) reply: String,
}

/// What is done only once somebody has said a PIN, and what is done and said before that is asked for.
pub(crate) struct Guarded {
    pub(crate) intent: &'static str,
    pub(crate) door: Door,
    pub(crate) deed: Option<Deed>,
    /// May be empty.
    pub(crate) text: String,
    pub(crate) said: Vec<Recognised>,
    pub(crate) home: Arc<dyn Home>,
}

impl Speech {
    /// Compiles the sentences, if that has not been done.
    pub(crate) fn compile(&mut self) -> &mut HomeSentences {
        self.sentences.get_or_insert_with(HomeSentences::english)
    }
}

impl Unsure {
    fn which(names: Vec<String>) -> Spoken {
        Spoken::Unsure(Unsure { why: which_one(&names), names })
    }
}

impl HomePart {
    /// Whether it is not done without a PIN.
    pub(crate) fn is_guarded(&self) -> bool {
        self.command.as_ref().is_some_and(|command| command.risk() == Risk::Guarded)
    }
}

impl Engine {
    /// Understands these sentences about the home, in place of Pipit's own in English, and takes the room that goes unsaid to
    /// be `area`.
    pub fn speak_of_home(&self, sentences: Option<HomeSentences>, area: Option<String>) {
        *lock(&self.shared.speech) = Speech { sentences, here: area };
    }

    /// The room in which requests are made, if that is known.
    pub(crate) fn here(&self) -> Option<String> {
        lock(&self.shared.speech).here.clone()
    }

    /// What a sentence comes to as one about the home, where somebody has said that `meant` is what they meant. Nothing is done
    /// by it.
    pub(crate) fn spoken_of_home(&self, home: &dyn Home, said: &str, meant: Option<&str>) -> Spoken {
        let mut speech = lock(&self.shared.speech);
        let here = speech.here.clone();
        let sentences = speech.compile();
        sentences.furnish(home.generation(), || home.vocabulary());
        let (said, misheard) = match sentences.understand(said, here.as_deref()) {
            Understanding::Certain(said) => (said, None),
            Understanding::Likely(said, name) => (said, Some(name).filter(|name| meant != Some(name))),
            Understanding::Near(mut near) => match near.iter().position(|(_, name)| meant == Some(name)) {
                Some(at) => (near.swap_remove(at).0, None),
                None => return Unsure::which(near.into_iter().map(|(_, name)| name).collect()),
            },
            Understanding::Nothing => return Spoken::Nothing,
        };
        if let Some(reply) = sentences.answer(&said) {
            return Spoken::Done(HomePart { said, command: None, reply });
        }
        let reply_to = |said: &Recognised, known| {
            sentences.reply(said, known).unwrap_or_else(|error| {
                warn!("{error}");
                "Done.".to_owned()
            })
        };
        match home.meaning(&said, here.as_deref()) {
            Meaning::Command { action, devices, value, known } => {
                let reply = reply_to(&said, &known);
                let command = HomeCommand { action, devices, value, by: self.store().person() };
                match misheard {
                    // Nobody confirms what was taken for something else.
                    Some(name) if command.risk() == Risk::Guarded => Unsure::which(vec![name]),
                    _ => Spoken::Done(HomePart { said, command: Some(command), reply }),
                }
            }
            Meaning::Question(known) => {
                let reply = reply_to(&said, &known);
                Spoken::Done(HomePart { said, command: None, reply })
            }
            Meaning::Cannot(reply) => Spoken::Done(HomePart { said, command: None, reply }),
            Meaning::Unknown(why) => Spoken::Unsure(Unsure { why, names: Vec::new() }),
            Meaning::Elsewhere => Spoken::Nothing,
        }
    }

    /// What is said to a sentence that would be a command, did the home have what it names.
    pub(crate) fn not_here(&self, said: &str) -> Option<String> {
        let home = self.home()?;
        let mut speech = lock(&self.shared.speech);
        let here = speech.here.clone();
        let sentences = speech.compile();
        sentences.furnish(home.generation(), || home.vocabulary());
        let name = sentences.unknown_name(said, here.as_deref())?;
        let here = if name.contains(" in ") { "" } else { " here" };
        Some(format!("I know no {name}{here}."))
    }

    /// Commands the home, within the time that everything has.
    pub(crate) async fn command_home(&self, command: HomeCommand) -> Result<(), String> {
        let home = self.home().ok_or("The home is not connected any more.")?;
        let outcome = tokio::time::timeout(TIME_LIMIT, home.command(command)).await;
        outcome.unwrap_or_else(|_| Err(format!("The home did not take the command within {} s.", TIME_LIMIT.as_secs())))
    }

    /// Does what needs no PIN, and asks for it, once the turn is decided.
    pub(crate) fn ask_for_pin(
        &self,
        guarded: Guarded,
        mut permitted: watch::Receiver<bool>,
    ) -> BoxStream<'static, Result<ReplyEvent, ChatError>> {
        let engine = self.clone();
        let Guarded { intent, door, deed, text, said, home } = guarded;
        let asked = async move {
            permission(&mut permitted).await?;
            let mut events = Vec::new();
            if let Some(deed) = deed {
                events.extend(engine.perform(deed).await?.into_iter().map(ReplyEvent::Device));
            }
            let mut text = text;
            if !text.is_empty() {
                text.push(' ');
            }
            if engine.is_for_guest() {
                text.push_str(NOT_FOR_GUESTS);
            } else {
                let tool = spoken(home, said, engine.here());
                let call = ToolCall { id: String::new(), name: tool.spec().name.clone(), arguments: "{}".to_owned() };
                let confirmation = engine.ask_to_confirm(tool, &call, door);
                text.push_str(&Engine::confirmation_question(&confirmation));
                events.push(ReplyEvent::Confirm(confirmation));
            }
            events.push(ReplyEvent::Text(text));
            Ok::<_, ChatError>(stream::iter(events.into_iter().map(Ok)))
        };
        let understood = ReplyEvent::Understood { intent: Some(intent), deed: None };
        let asks = [understood, ReplyEvent::WantsToAct].map(Ok);
        stream::iter(asks).chain(stream::once(asked).try_flatten()).boxed()
    }
}
