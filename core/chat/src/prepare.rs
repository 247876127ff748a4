//! From a request to what answers it: an intent, a refusal, or a question to a language model. Nothing is done yet.

use std::sync::Arc;

use jiff::Zoned;
use pipit_core::chat::{self, Role, Topic, TopicGuard, prompt, with_background};
use pipit_core::intent::{Intent, answer_from_facts, answer_to, carried_on, in_parts};
use pipit_store::{ConversationId, Message, MessageId, Purpose};
use tracing::{debug, trace};

use crate::answering::Question;
use crate::engine::{Engine, Place, Request};
use crate::error::ChatError;
use crate::history::History;
use crate::home::{Guarded, HomePart, Spoken};
use crate::offline::{self, Usual};
use crate::provider::Prompt;
use crate::reply::{Deed, ReplyEvent, Step};
use crate::tools::Confirmation;

/// What a model is told of a request that may be about the home.
const NOT_CERTAIN: &str = "(This may be about the home, where nothing was done for it. Pipit itself would say:";

/// How a request will be answered.
pub(crate) enum Prepared {
    Offline(Vec<ReplyEvent>),
    /// Part of it needs a PIN.
    Guarded(Guarded),
    Ask(Box<Question>),
}

/// A request that is understood without a model, or a part of one.
struct Part {
    text: String,
    is: Understood,
}

enum Understood {
    Own(Intent),
    Home(HomePart),
}

impl Part {
    fn intent(&self) -> &'static str {
        match &self.is {
            Understood::Own(intent) => intent.name(),
            Understood::Home(part) => part.said.intent_name(),
        }
    }

    fn is_deed(&self) -> bool {
        match &self.is {
            Understood::Own(intent) => intent.is_deed(),
            Understood::Home(part) => part.command.is_some(),
        }
    }

    /// What a part that goes without a verb may be, behind this one.
    fn carried_on(&self, part: &str) -> Vec<String> {
        match &self.is {
            Understood::Home(HomePart { said, command: Some(_), .. }) => carried_on(&self.text, said, part),
            _ => Vec::new(),
        }
    }
}

fn offline_reply(intent: Option<&'static str>, deed: Option<Deed>, text: String) -> Prepared {
    let text = (!text.is_empty()).then_some(ReplyEvent::Text(text));
    Prepared::Offline([ReplyEvent::Understood { intent, deed }].into_iter().chain(text).collect())
}

impl Engine {
    pub(crate) fn prepare(&self, request: &Request, now: &Zoned) -> Result<Prepared, ChatError> {
        let text = &*request.text;
        trace!(text, "asked");
        let saying = |text: &str| Ok(offline_reply(None, None, text.to_owned()));
        if text.trim().is_empty() {
            return saying(offline::NOTHING_ASKED);
        }
        let (mut parts, unsure) = self.understood(text);
        if parts.is_empty()
            && let Some(asked) = self.last_reply(request.place)?
        {
            let answer = answer_to(&asked, text);
            parts.extend(answer.map(|intent| Part { text: text.to_owned(), is: Understood::Own(intent) }));
        }
        if !parts.is_empty() {
            return self.without_model(parts, request, now);
        }
        let topic = self.shared.settings.topic.as_ref();
        match self.shared.chain.as_ref().filter(|chain| chain.reaches(self.widest())) {
            Some(_) if topic.is_some_and(|topic| topic.judge(text) == Topic::Elsewhere) => {
                debug!("refused, because it is not of the persona's subject");
                saying(topic.map_or("", TopicGuard::refusal))
            }
            Some(chain) => {
                let tools = self.tools();
                let mut again = request.clone();
                again.text.extend(unsure.map(|unsure| format!("\n\n{NOT_CERTAIN} {unsure})")));
                let (engine, chain, at) = (self.clone(), Arc::clone(chain), now.clone());
                let specs = tools.specs();
                let prompt = self.prompt(&again, now, specs.clone())?;
                let shorter = Arc::new(move || engine.prompt(&again, &at, specs.clone()));
                let turn = Some(number(request, now));
                let again = matches!(request.place, Place::Again { .. });
                Ok(Prepared::Ask(Box::new(Question { chain, prompt, turn, tools, shorter, door: request.door, again })))
            }
            None => {
                let remembered = answer_from_facts(text, &self.store().facts()?);
                let otherwise = unsure.as_deref().unwrap_or(offline::not_understood(self.home().is_some()));
                saying(remembered.as_deref().unwrap_or(otherwise))
            }
        }
    }

    /// Whether a request is for Pipit itself, and neither about the home nor for a language model: a timer, the volume, the time,
    /// or the answer to something that Pipit has asked. Waits for the store.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn is_own(&self, request: &Request) -> Result<bool, ChatError> {
        let own = |text: &str, is_whole: bool| match self.shared.catalogue.recognise(text) {
            Some(Intent::PickTimer(_)) => is_whole,
            intent => intent.is_some(),
        };
        if request.text.trim().is_empty() || own(&request.text, true) || self.is_answer(&request.text) {
            return Ok(true);
        }
        if in_parts(&request.text, |text, _: Option<&()>| own(text, false).then_some(())).is_some() {
            return Ok(true);
        }
        let last = self.last_reply(request.place)?;
        Ok(last.is_some_and(|asked| answer_to(&asked, &request.text).is_some()))
    }

    /// The parts of a request, each of which is understood; or none, and what may have been meant.
    fn understood(&self, text: &str) -> (Vec<Part>, Option<String>) {
        let mut unsure = None;
        let home = self.home();
        let mut understand = |text: &str, is_whole: bool| {
            match self.shared.catalogue.recognise(text) {
                // What is but a name answers a question, and is no part of anything.
                Some(Intent::PickTimer(_)) if !is_whole => {}
                Some(intent) => return Some(Part { text: text.to_owned(), is: Understood::Own(intent) }),
                None => {}
            }
            match self.spoken_of_home(&**home.as_ref()?, text) {
                Spoken::Done(part) => Some(Part { text: text.to_owned(), is: Understood::Home(part) }),
                Spoken::Unsure(why) => {
                    unsure.get_or_insert(why);
                    None
                }
                Spoken::Nothing => None,
            }
        };
        if let Some(whole) = understand(text, true) {
            return (vec![whole], None);
        }
        let parts = in_parts(text, |text, before: Option<&Part>| {
            let alone = understand(text, false);
            alone.or_else(|| before?.carried_on(text).iter().find_map(|text| understand(text, false)))
        });
        match parts {
            Some(parts) => (parts, None),
            None => (Vec::new(), unsure),
        }
    }

    fn without_model(&self, parts: Vec<Part>, request: &Request, now: &Zoned) -> Result<Prepared, ChatError> {
        let intent = parts.first().map(Part::intent);
        debug!(intent, parts = parts.len(), "answered offline");
        if parts.iter().any(Part::is_deed)
            && let Some(before) = self.given_before(request.place)?
        {
            // It was done for that reply, which is as true as it was; done again it would be done twice.
            return Ok(offline_reply(intent, None, before));
        }
        let last_reply = self.last_reply(request.place)?;
        let usual = Usual { volume: self.shared.settings.volume, snooze: self.shared.settings.snooze };
        let (mut replies, mut steps, mut guarded) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            match part.is {
                Understood::Own(intent) => {
                    let (reply, actions) =
                        offline::answer(&intent, self.store(), (now, request.door), last_reply.as_deref(), usual)?;
                    replies.push(reply);
                    steps.extend(actions.into_iter().map(Step::Own));
                }
                Understood::Home(part) if part.is_guarded() => guarded.push(part.said),
                Understood::Home(HomePart { command, reply, .. }) => {
                    replies.push(reply);
                    steps.extend(command.map(Step::Home));
                }
            }
        }
        replies.retain(|reply| !reply.is_empty());
        let text = replies.join(" ");
        let deed = (!steps.is_empty()).then(|| Deed { steps, asked_at: now.clone() });
        match (guarded.is_empty(), self.home()) {
            (false, Some(home)) => {
                let intent = intent.unwrap_or_default();
                Ok(Prepared::Guarded(Guarded { intent, door: request.door, deed, text, said: guarded, home }))
            }
            (false, None) => Ok(offline_reply(intent, None, "The home is not connected any more.".to_owned())),
            (true, _) => Ok(offline_reply(intent, deed, text)),
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
