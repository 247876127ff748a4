//! From a request to what answers it: an intent, a refusal, or a question to a language model. Nothing is done yet.

use std::sync::Arc;

use jiff::{SignedDuration, Zoned};
use pipit_core::chat::{self, Role, Topic, TopicGuard, prompt, with_background};
use pipit_core::intent::hassil::normalised;
use pipit_core::intent::{Intent, answer_from_facts, answer_to, carried_on, in_parts, with_shared_end};
use pipit_store::{ConversationId, Message, MessageId, Purpose};
use tracing::{debug, trace};

use crate::answering::Question;
use crate::cast::Character;
use crate::engine::{Engine, Given, Place, Request};
use crate::error::ChatError;
use crate::history::History;
use crate::home::{Guarded, HomePart, Spoken, Unsure};
use crate::offline::{self, Usual};
use crate::provider::Prompt;
use crate::reply::{Deed, ReplyEvent, Step};
use crate::tools::{Answer, Confirmation, Home};

/// What a model is told of a request that may be about the home.
const NOT_CERTAIN: &str = "(This may be about the home, where nothing was done for it. Pipit itself would say:";

/// How long "Did you mean the lamp?" can be answered.
const TIME_TO_ANSWER: SignedDuration = SignedDuration::from_secs(30);

/// What may go before the name in an answer to it.
const BEFORE_NAMES: [&str; 9] = ["yes", "yeah", "yep", "i", "meant", "mean", "the", "my", "our"];

/// How a request will be answered.
pub(crate) enum Prepared {
    Offline(Vec<ReplyEvent>),
    /// Part of it needs a PIN.
    Guarded(Guarded),
    /// It is about what waits to be confirmed.
    Settle(Answer),
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

/// What a request comes to.
enum Heard {
    Parts(Vec<Part>),
    /// There is nothing to do, and this to say.
    Saying(String),
    /// It is not understood, and this may have been meant.
    Unsure(Option<Unsure>),
}

/// A question which of a few things was meant, and by which request.
struct AskedWhich {
    request: String,
    unsure: Unsure,
}

/// What a request is as an answer to such a question.
enum WhichAnswer<'a> {
    Name(&'a str),
    /// "Yes", where there is more than one.
    Unclear,
    No,
    /// It is another request.
    Neither,
}

impl AskedWhich {
    fn answer(&self, said: &str) -> WhichAnswer<'_> {
        let said = normalised(said);
        let mut name = &*said;
        while let Some(rest) = BEFORE_NAMES.iter().find_map(|word| name.strip_prefix(word)?.strip_prefix(' ')) {
            name = rest;
        }
        let names = &self.unsure.names;
        if let Some(named) = names.iter().find(|known| **known == name) {
            return WhichAnswer::Name(named);
        }
        match (Answer::read(&said), &names[..]) {
            (Answer::Yes, [only]) => WhichAnswer::Name(only),
            (Answer::Yes, _) => WhichAnswer::Unclear,
            (Answer::No, _) => WhichAnswer::No,
            (Answer::Pin(_) | Answer::Neither, _) => WhichAnswer::Neither,
        }
    }
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
    /// `answer` is what the request says about something that waits to be confirmed.
    pub(crate) fn prepare(
        &self,
        request: &Request,
        given: Option<&Arc<Given>>,
        answer: Answer,
        now: &Zoned,
    ) -> Result<Prepared, ChatError> {
        match answer {
            Answer::Neither => {}
            // Something else may have been asked since.
            Answer::Yes | Answer::No if self.asked_which(request.place, now)?.is_some() => {}
            answer => return Ok(Prepared::Settle(answer)),
        }
        let text = &*request.text;
        trace!(text, "asked");
        let saying = |text: &str| Ok(offline_reply(None, None, text.to_owned()));
        if text.trim().is_empty() {
            return saying(offline::NOTHING_ASKED);
        }
        let unsure = match self.heard(request, given, now)? {
            Heard::Parts(parts) => return self.without_model(parts, request, given, now),
            Heard::Saying(text) => return saying(&text),
            Heard::Unsure(unsure) => unsure,
        };
        let character = self.character(self.position(request.place)?.0)?;
        let topic = character.topic.as_ref();
        match self.shared.chain.as_ref().filter(|chain| chain.reaches(self.widest())) {
            Some(_) if topic.is_some_and(|topic| topic.judge(text) == Topic::Elsewhere) => {
                debug!("refused, because it is not of the persona's subject");
                saying(topic.map_or("", TopicGuard::refusal))
            }
            Some(chain) => {
                let tools = self.tools(&character);
                let mut again = request.clone();
                again.text.extend(unsure.map(|unsure| format!("\n\n{NOT_CERTAIN} {})", unsure.why)));
                let (engine, chain, at, given) = (self.clone(), Arc::clone(chain), now.clone(), given.cloned());
                let specs = tools.specs();
                let prompt = self.prompt(&again, given.as_deref(), now, specs.clone())?;
                let shorter = Arc::new(move || engine.prompt(&again, given.as_deref(), &at, specs.clone()));
                let turn = Some(number(request, now));
                let again = matches!(request.place, Place::Again { .. });
                let door = request.door;
                let question = Question { chain, prompt, turn, tools, character, shorter, door, again };
                Ok(Prepared::Ask(Box::new(question)))
            }
            None => {
                let remembered = answer_from_facts(text, &self.store().facts()?);
                let unsure = unsure.map(|unsure| unsure.why).or_else(|| self.not_here(text));
                let otherwise = unsure.as_deref().unwrap_or(offline::not_understood(self.home().is_some()));
                saying(remembered.as_deref().unwrap_or(otherwise))
            }
        }
    }

    /// What a request comes to by itself, or as an answer to what was said last.
    fn heard(&self, request: &Request, given: Option<&Arc<Given>>, now: &Zoned) -> Result<Heard, ChatError> {
        let text = &*request.text;
        let (parts, unsure) = self.understood(text, None);
        let is_dropped = matches!(&parts[..], [Part { is: Understood::Own(Intent::Nevermind), .. }]);
        if !parts.is_empty() && !is_dropped {
            return Ok(Heard::Parts(parts));
        }
        if let Some(asked) = self.asked_which(request.place, now)? {
            let heard = match if is_dropped { WhichAnswer::No } else { asked.answer(text) } {
                WhichAnswer::Name(name) => match self.understood(&asked.request, Some(name)) {
                    (parts, unsure) if parts.is_empty() => Heard::Unsure(unsure),
                    (parts, _) => Heard::Parts(parts),
                },
                WhichAnswer::Unclear => Heard::Saying(asked.unsure.why),
                WhichAnswer::No => Heard::Saying(offline::DROPPED.to_owned()),
                WhichAnswer::Neither => Heard::Unsure(unsure),
            };
            return Ok(heard);
        }
        let answer = if is_dropped { None } else { self.said_before(request, given)? };
        let answer = answer.and_then(|asked| answer_to(&asked, text));
        Ok(match answer {
            Some(intent) => Heard::Parts(vec![Part { text: text.to_owned(), is: Understood::Own(intent) }]),
            None if is_dropped => Heard::Parts(parts),
            None => Heard::Unsure(unsure),
        })
    }

    /// The parts of a request, each of which is understood; or none, and what may have been meant. Somebody may have said that
    /// `meant` was.
    fn understood(&self, text: &str, meant: Option<&str>) -> (Vec<Part>, Option<Unsure>) {
        let home = self.home();
        let home = home.as_deref();
        let mut unsure = None;
        let mut understand = |text: &str, is_whole| match self.understood_part(home, text, is_whole, meant) {
            Ok(part) => part,
            Err(why) => {
                unsure.get_or_insert(why);
                None
            }
        };
        if let Some(whole) = understand(text, true) {
            return (vec![whole], None);
        }
        let parts = in_parts(text, |text, before: Option<&Part>| {
            let alone = understand(text, false);
            alone.or_else(|| before?.carried_on(text).iter().find_map(|text| understand(text, false)))
        });
        // Nobody is asked about what was only made of their words.
        let parts = parts.or_else(|| {
            with_shared_end(text, |text, before: Option<&Part>| {
                let understand = |text: &String| self.understood_part(home, text, false, meant).ok()?;
                match before {
                    None => understand(&text.to_owned()),
                    Some(before) => before.carried_on(text).iter().find_map(understand),
                }
            })
        });
        match parts {
            Some(parts) => (parts, None),
            None => (Vec::new(), unsure),
        }
    }

    /// A request that is understood, or a part of one that is not the whole; or else what may have been meant.
    fn understood_part(
        &self,
        home: Option<&dyn Home>,
        text: &str,
        is_whole: bool,
        meant: Option<&str>,
    ) -> Result<Option<Part>, Unsure> {
        let part = |is| Ok(Some(Part { text: text.to_owned(), is }));
        match self.shared.catalogue.recognise(text) {
            // What is but a name answers a question, and is no part of anything.
            Some(Intent::PickTimer(_)) if !is_whole => {}
            Some(intent) => return part(Understood::Own(intent)),
            None => {}
        }
        match home.map_or(Spoken::Nothing, |home| self.spoken_of_home(home, text, meant)) {
            Spoken::Done(done) => part(Understood::Home(done)),
            Spoken::Unsure(unsure) => Err(unsure),
            Spoken::Nothing => Ok(None),
        }
    }

    fn without_model(
        &self,
        parts: Vec<Part>,
        request: &Request,
        given: Option<&Arc<Given>>,
        now: &Zoned,
    ) -> Result<Prepared, ChatError> {
        let intent = parts.first().map(Part::intent);
        debug!(intent, parts = parts.len(), "answered offline");
        if parts.iter().any(Part::is_deed)
            && let Some(before) = self.given_before(request.place)?
        {
            // It was done for that reply, which is as true as it was; done again it would be done twice.
            return Ok(offline_reply(intent, None, before));
        }
        let last_reply = self.said_before(request, given)?;
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

    fn prompt(
        &self,
        request: &Request,
        given: Option<&Given>,
        now: &Zoned,
        tools: Vec<chat::ToolSpec>,
    ) -> Result<Prompt, ChatError> {
        let (conversation, before) = self.position(request.place)?;
        let (system_prompt, history) = match conversation {
            Some(conversation) => self.background(conversation, before)?,
            None => {
                let character = self.character(None)?;
                (self.system_prompt(&character, None, None)?, History::default())
            }
        };
        let system_prompt = given.and_then(|given| given.system_prompt.clone()).unwrap_or(system_prompt);
        let mut messages = prompt(&system_prompt, &history.exchanges, &request.text, chat::Clock(now.datetime()));
        let mut max_reply_tokens = self.shared.settings.max_reply_tokens;
        if let Some(given) = given {
            let last = messages.len() - 1;
            messages.splice(last..last, given.before.iter().cloned());
            max_reply_tokens = max_reply_tokens.min(given.max_reply_tokens.unwrap_or(u32::MAX));
        }
        let meter = self.meter(Purpose::Chat, conversation, Some(number(request, now)));
        Ok(Prompt { messages, tools, max_reply_tokens, meter })
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
        let character = self.character(Some(conversation))?;
        Ok((self.system_prompt(&character, own.as_deref(), summary)?, history))
    }

    fn system_prompt(
        &self,
        character: &Character,
        own: Option<&str>,
        summary: Option<&str>,
    ) -> Result<String, ChatError> {
        let facts: Vec<String> = self.store().facts()?.into_iter().map(|fact| fact.text).collect();
        let own = own.filter(|_| !character.is_chosen);
        Ok(with_background(own.unwrap_or(&character.system_prompt), &facts, summary))
    }

    /// The conversation of a turn, and the message before which it stands if that is not the end.
    pub(crate) fn position(&self, place: Place) -> Result<(Option<ConversationId>, Option<MessageId>), ChatError> {
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
            Place::Apart => (None, None),
        })
    }

    /// What was said last where the request is made, if it asked which of a few things was meant, and not long before `now`.
    fn asked_which(&self, place: Place, now: &Zoned) -> Result<Option<AskedWhich>, ChatError> {
        let (Some(conversation), _) = self.position(place)? else { return Ok(None) };
        let mut messages: Vec<Message> = self.store().last_messages(conversation, 4)?;
        let mut now = now.timestamp();
        match place {
            Place::Standing | Place::End(_) => {}
            Place::Instead { .. } | Place::Apart => return Ok(None),
            Place::Again { .. } => {
                messages.pop();
                now = messages.pop().map_or(now, |request| request.at);
            }
        }
        let [.., request, reply] = &messages[..] else { return Ok(None) };
        let is_question = request.role == Role::User && reply.role == Role::Assistant && reply.said().ends_with('?');
        if !is_question || now.duration_since(reply.at) > TIME_TO_ANSWER {
            return Ok(None);
        }
        // It counts only if it would be asked again: the home may have changed, and others ask such questions too.
        let unsure = self.understood(&request.text, None).1;
        let unsure = unsure.filter(|unsure| !unsure.names.is_empty() && unsure.why == reply.said());
        Ok(unsure.map(|unsure| AskedWhich { request: request.text.clone(), unsure }))
    }

    /// The same of a conversation that may be kept elsewhere.
    fn said_before(&self, request: &Request, given: Option<&Arc<Given>>) -> Result<Option<String>, ChatError> {
        match given.and_then(|given| given.before.last()) {
            Some(chat::Message::Said { role: Role::Assistant, text }) => Ok(Some(text.clone())),
            _ => self.last_reply(request.place),
        }
    }

    /// What was last answered where the request is made, whole.
    pub(crate) fn last_reply(&self, place: Place) -> Result<Option<String>, ChatError> {
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
