//! From a request to what answers it: an intent, a refusal, or a question to a language model. Nothing is done yet.

use std::sync::Arc;

use jiff::Zoned;
use pipit_core::chat::{self, Role, Topic, TopicGuard, prompt, with_background};
use pipit_core::intent::{answer_from_facts, answer_to};
use pipit_store::{ConversationId, Message, MessageId, Purpose};
use tracing::{debug, trace};

use crate::answering::Question;
use crate::engine::{Engine, Place, Request};
use crate::error::ChatError;
use crate::history::History;
use crate::offline::{self, Usual};
use crate::provider::Prompt;
use crate::reply::ReplyEvent;
use crate::tools::Confirmation;

/// How a request will be answered.
pub(crate) enum Prepared {
    Offline(Vec<ReplyEvent>),
    Ask(Box<Question>),
}

impl Engine {
    pub(crate) fn prepare(&self, request: &Request, now: &Zoned) -> Result<Prepared, ChatError> {
        let text = &*request.text;
        trace!(text, "asked");
        let saying = |intent, deed, text: &str| {
            let text = (!text.is_empty()).then(|| ReplyEvent::Text(text.to_owned()));
            Ok(Prepared::Offline([ReplyEvent::Understood { intent, deed }].into_iter().chain(text).collect()))
        };
        if text.trim().is_empty() {
            return saying(None, None, offline::NOTHING_ASKED);
        }
        let last_reply = self.last_reply(request.place)?;
        let answer = || last_reply.as_deref().and_then(|asked| answer_to(asked, text));
        if let Some(intent) = self.shared.catalogue.recognise(text).or_else(answer) {
            debug!(intent = intent.name(), "answered offline");
            if intent.is_deed()
                && let Some(before) = self.given_before(request.place)?
            {
                // It was done for that reply, which is as true as it was; done again it would be done twice.
                return saying(Some(intent.name()), None, &before);
            }
            let usual = Usual { volume: self.shared.settings.volume, snooze: self.shared.settings.snooze };
            let (reply, deed) =
                offline::answer(&intent, self.store(), (now, request.door), last_reply.as_deref(), usual)?;
            return saying(Some(intent.name()), deed, &reply);
        }
        let topic = self.shared.settings.topic.as_ref();
        match self.shared.chain.as_ref().filter(|chain| chain.reaches(self.widest())) {
            Some(_) if topic.is_some_and(|topic| topic.judge(text) == Topic::Elsewhere) => {
                debug!("refused, because it is not of the persona's subject");
                saying(None, None, topic.map_or("", TopicGuard::refusal))
            }
            Some(chain) => {
                let tools = self.tools();
                let (engine, chain, again, at) = (self.clone(), Arc::clone(chain), request.clone(), now.clone());
                let specs = tools.specs();
                let prompt = self.prompt(request, now, specs.clone())?;
                let shorter = Arc::new(move || engine.prompt(&again, &at, specs.clone()));
                let turn = Some(number(request, now));
                let again = matches!(request.place, Place::Again { .. });
                Ok(Prepared::Ask(Box::new(Question { chain, prompt, turn, tools, shorter, door: request.door, again })))
            }
            None => {
                let remembered = answer_from_facts(text, &self.store().facts()?);
                saying(None, None, remembered.as_deref().unwrap_or(offline::NOT_UNDERSTOOD))
            }
        }
    }

    fn prompt(&self, request: &Request, now: &Zoned, tools: Vec<chat::ToolSpec>) -> Result<Prompt, ChatError> {
        let (conversation, before) = self.position(request.place)?;
        let (system_prompt, history) = match conversation {
            Some(conversation) => self.background(conversation, before)?,
            None => (self.system_prompt(None, None)?, History::default()),
        };
        let messages = prompt(&system_prompt, &history.exchanges, &request.text, chat::Clock(now.datetime()));
        let meter = self.meter(Purpose::Chat, conversation, Some(number(request, now)));
        Ok(Prompt { messages, tools, max_reply_tokens: self.shared.settings.max_reply_tokens, meter })
    }

    /// What goes before whatever is asked in a conversation: the system prompt and the history up to `before`.
    pub(crate) fn background(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
    ) -> Result<(String, History), ChatError> {
        let began = self.beginnings().of(conversation);
        let budget = self.with_budget(|budget| budget.estimated());
        let (history, begins) = History::read(self.store(), conversation, before, began, budget)?;
        if let Some(begins) = begins {
            self.beginnings().set(conversation, begins);
        }
        let own = self.store().conversation(conversation)?.system_prompt;
        let summary = history.summary.as_ref().map(|summary| summary.text.as_str());
        Ok((self.system_prompt(own.as_deref(), summary)?, history))
    }

    fn system_prompt(&self, own: Option<&str>, summary: Option<&str>) -> Result<String, ChatError> {
        let facts: Vec<String> = self.store().facts()?.into_iter().map(|fact| fact.text).collect();
        Ok(with_background(own.unwrap_or(&self.shared.settings.system_prompt), &facts, summary))
    }

    /// The conversation of a turn, and the message before which it stands if that is not the end.
    fn position(&self, place: Place) -> Result<(Option<ConversationId>, Option<MessageId>), ChatError> {
        Ok(match place {
            Place::Standing => (self.store().standing_conversation()?, None),
            Place::End(conversation) => (Some(conversation), None),
            Place::Instead { conversation, request } => (Some(conversation), Some(request)),
            Place::Again { conversation, reply } => {
                // The request before it is asked again, so it is no part of the history.
                let last = self.store().last_messages(conversation, 2)?;
                let request = last.iter().find(|message| message.role == Role::User).map(|message| message.id);
                (Some(conversation), Some(request.unwrap_or(reply)))
            }
        })
    }

    /// What was last answered where the request is made, whole.
    fn last_reply(&self, place: Place) -> Result<Option<String>, ChatError> {
        let (Some(conversation), _) = self.position(place)? else { return Ok(None) };
        let last: Option<Message> = self.store().last_messages(conversation, 1)?.pop();
        Ok(last.map(|message| message.text))
    }

    /// The reply that is to be given again, whole, if that is what is asked for.
    fn given_before(&self, place: Place) -> Result<Option<String>, ChatError> {
        let Place::Again { conversation, reply } = place else { return Ok(None) };
        let last = self.store().last_messages(conversation, 1)?.pop();
        Ok(last.filter(|message| message.id == reply).map(|message| message.text))
    }

    /// How a person is asked to confirm something.
    pub(crate) fn confirmation_question(confirmation: &Confirmation) -> String {
        format!("That needs your confirmation: {}. Please say your PIN.", confirmation.what)
    }
}

/// By what the ledger knows the turn.
fn number(request: &Request, now: &Zoned) -> i64 {
    request.turn.unwrap_or_else(|| now.timestamp().as_millisecond())
}
