//! The chat as it stands, and what becomes of it: a value that takes what happened and says what to do. It reads no key and
//! no clock, draws nothing and asks nobody.

use std::time::Duration;

use pipit_chat::{Confirmation, Place, ProviderIdentity};
use pipit_store::{Conversation, ConversationId, Message, MessageId};

use super::event::{Ask, Command, Event, Hit, Part, Shown};
use super::input::Input;
use super::pipeline::Pipeline;
use super::transcript::{Transcript, Who};

/// How many conversations and messages are read at first. Whoever goes to the end of them is shown more.
const FIRST_LOOK: usize = 200;

/// A reply on its way.
pub(super) struct Running {
    pub(super) ask: Ask,
    pub(super) shown: Shown,
    pub(super) answered: Answered,
    /// Whatever still comes is no longer shown.
    pub(super) stopped: bool,
}

/// Who answered, and after how long the first text came.
#[derive(Clone, Default)]
pub(super) struct Answered {
    pub(super) by: Option<ProviderIdentity>,
    pub(super) first_text: Option<Duration>,
}

/// What the keys do.
pub(super) enum Mode {
    /// They write a request.
    Writing,
    /// They change an earlier request.
    Editing {
        request: MessageId,
        field: Input,
    },
    /// They go from message to message; this item is chosen.
    Messages(usize),
    /// They go from conversation to conversation.
    Conversations(usize),
    Renaming {
        id: ConversationId,
        field: Input,
    },
    /// They say whether this is to be deleted.
    Deleting(Doomed),
    Searching {
        field: Input,
        hits: Vec<Hit>,
        selected: usize,
    },
    Help,
}

/// What may be deleted.
pub(super) enum Doomed {
    Conversation(ConversationId, String),
    Message(MessageId),
}

/// All that is shown.
pub(super) struct State {
    pub(super) conversations: Vec<Conversation>,
    /// Nothing where a conversation begins with the next request.
    pub(super) open: Option<ConversationId>,
    pub(super) transcript: Transcript,
    pub(super) draft: Input,
    pub(super) mode: Mode,
    pub(super) reply: Option<Running>,
    pub(super) answered: Answered,
    pub(super) confirmation: Option<Confirmation>,
    /// A word about what was just done, or could not be done.
    pub(super) notice: Option<String>,
    /// Of what the daemon does, while it is shown.
    pub(super) pipeline: Option<Pipeline>,
    /// How many lines are below what is shown.
    pub(super) scrolled: usize,
    /// How many lines the transcript has room for.
    pub(super) page: usize,
    /// What is shown of the conversation that is open, as it is kept.
    pub(super) messages: Vec<Message>,
    pub(super) failed: Option<Ask>,
    /// What is to be found once it has been read.
    pub(super) sought: Option<MessageId>,
    pub(super) listed: usize,
    pub(super) read: usize,
    greeting: Option<String>,
    asked: u64,
}

impl State {
    /// A conversation that has not begun.
    pub(super) fn new(greeting: Option<String>) -> Self {
        let mut state = State {
            conversations: Vec::new(),
            open: None,
            transcript: Transcript::default(),
            draft: Input::default(),
            mode: Mode::Writing,
            reply: None,
            answered: Answered::default(),
            confirmation: None,
            notice: None,
            pipeline: None,
            scrolled: 0,
            page: 1,
            messages: Vec::new(),
            failed: None,
            sought: None,
            listed: FIRST_LOOK,
            read: FIRST_LOOK,
            greeting,
            asked: 0,
        };
        state.show(Vec::new());
        state
    }

    /// What there is to do at the beginning.
    pub(super) fn begin(&self) -> Vec<Command> {
        vec![Command::List(self.listed)]
    }

    /// Takes in what happened, and says what there is to do.
    pub(super) fn on(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Key(key) => return self.on_key(key),
            Event::Pasted(text) => return self.on_paste(&text),
            Event::Listed(conversations) => self.conversations = conversations,
            Event::Opened(id, messages) if self.open == Some(id) && self.reply.is_none() => {
                return self.opened(messages);
            }
            Event::Found(wanted, found) => {
                if let Mode::Searching { field, hits, selected } = &mut self.mode
                    && field.text() == wanted
                {
                    (*hits, *selected) = (found, 0);
                }
            }
            Event::Reply(number, part) if self.reply.as_ref().is_some_and(|reply| reply.ask.number == number) => {
                return self.on_part(part);
            }
            Event::Confirmed(said) => {
                self.confirmation = None;
                self.transcript.push(Who::Note, None, &said);
            }
            Event::TooLate(id) => drop(self.confirmation.take_if(|confirmation| confirmation.id == id)),
            Event::Failed(why) => self.notice = Some(why),
            Event::Daemon(news) => {
                if let Some(pipeline) = &mut self.pipeline {
                    pipeline.take(news);
                }
            }
            Event::End => return self.quit(),
            Event::Changed => return vec![Command::List(self.listed)],
            Event::Done | Event::Resized => {}
            // It is for a request or a conversation that is not shown any more.
            Event::Opened(..) | Event::Reply(..) => {}
        }
        Vec::new()
    }

    fn on_part(&mut self, part: Part) -> Vec<Command> {
        let Some(reply) = &mut self.reply else { return Vec::new() };
        match part {
            Part::Began(conversation) => {
                self.open = Some(conversation);
                reply.ask.place = Some(Place::End(conversation));
                return vec![Command::List(self.listed)];
            }
            Part::AnsweredBy(provider) => reply.answered.by = Some(provider),
            Part::Text(text, after) if !reply.stopped => {
                reply.answered.first_text.get_or_insert(after);
                reply.shown.0.push_str(&text);
                let grown = self.transcript.append(&text);
                if self.scrolled > 0 {
                    self.scrolled += grown;
                }
            }
            Part::Text(..) => {}
            Part::Confirm(confirmation) => self.confirmation = Some(confirmation),
            Part::Ended(conversation, why) => return self.ended(conversation, why),
        }
        Vec::new()
    }

    fn ended(&mut self, conversation: Option<ConversationId>, why: Option<String>) -> Vec<Command> {
        let Some(Running { mut ask, shown, answered, stopped }) = self.reply.take() else { return Vec::new() };
        self.answered = answered;
        self.open = conversation;
        if conversation.is_none() {
            ask.place = None;
        }
        let list = Command::List(self.listed);
        if let Some(why) = why {
            self.transcript.push(Who::Trouble, None, &format!("{why}\nCtrl+R asks again, Esc leaves it."));
            self.failed = Some(ask);
            return vec![list];
        }
        let is_new = !matches!(ask.place, Some(Place::Again { .. }));
        if stopped && is_new && shown.0.trim().is_empty() && self.draft.is_empty() {
            // Nothing of it is kept, so that it can be put otherwise.
            self.draft = Input::new(&ask.text);
        }
        match conversation {
            Some(conversation) => vec![Command::Open(conversation, self.read), list],
            None => {
                self.show(Vec::new());
                vec![list]
            }
        }
    }

    fn opened(&mut self, messages: Vec<Message>) -> Vec<Command> {
        let all = messages.len() < self.read;
        self.show(messages);
        if let Mode::Messages(selected) = &mut self.mode {
            *selected = (*selected).min(self.transcript.items().len().saturating_sub(1));
        }
        let Some(sought) = self.sought else { return Vec::new() };
        match self.transcript.items().iter().position(|item| item.id == Some(sought)) {
            Some(at) => self.choose_message(at),
            None if !all => return self.read_more(),
            None => {}
        }
        self.sought = None;
        Vec::new()
    }

    /// Shows messages, or the greeting where there are none.
    fn show(&mut self, messages: Vec<Message>) {
        self.transcript.show(&messages);
        self.messages = messages;
        if let Some(greeting) = self.greeting.as_ref().filter(|_| self.messages.is_empty()) {
            self.transcript.push(Who::Pipit, None, greeting);
        }
    }

    /// Has something answered, unless an answer is on its way. Gives the text back if it is.
    pub(super) fn ask(&mut self, text: String, place: Option<Place>) -> Result<Vec<Command>, String> {
        if self.is_busy() {
            return Err(text);
        }
        self.transcript.keep_what_is_kept();
        match place {
            Some(Place::Instead { request: first, .. } | Place::Again { reply: first, .. }) => {
                self.transcript.cut_at(first)
            }
            Some(Place::End(_) | Place::Standing | Place::Apart) | None => {}
        }
        if !matches!(place, Some(Place::Again { .. })) {
            self.transcript.push(Who::You, None, &text);
        }
        self.transcript.push(Who::Pipit, None, "");
        self.asked += 1;
        let ask = Ask { number: self.asked, text, place };
        self.reply = Some(Running {
            ask: ask.clone(),
            shown: Shown(String::new()),
            answered: Answered::default(),
            stopped: false,
        });
        (self.failed, self.scrolled, self.mode) = (None, 0, Mode::Writing);
        Ok(vec![Command::Ask(ask)])
    }

    /// Gives up the rest of the reply that is on its way.
    pub(super) fn stop(&mut self) -> Vec<Command> {
        let Some(reply) = self.reply.as_mut().filter(|reply| !reply.stopped) else { return Vec::new() };
        reply.stopped = true;
        vec![Command::Stop(reply.ask.number, reply.shown.clone())]
    }

    pub(super) fn quit(&mut self) -> Vec<Command> {
        let mut commands = self.stop();
        commands.push(Command::Quit);
        commands
    }

    /// Whether a reply is on its way; then it says so.
    pub(super) fn is_busy(&mut self) -> bool {
        let busy = self.reply.is_some();
        if busy {
            self.notice = Some("A reply is on its way. Esc stops it.".to_owned());
        }
        busy
    }

    /// Goes to another conversation, or to one that has not begun.
    pub(super) fn go_to(&mut self, conversation: Option<ConversationId>) -> Vec<Command> {
        if self.is_busy() {
            return Vec::new();
        }
        (self.open, self.failed, self.scrolled, self.read) = (conversation, None, 0, FIRST_LOOK);
        self.answered = Answered::default();
        self.mode = Mode::Writing;
        self.show(Vec::new());
        conversation.map(|conversation| Command::Open(conversation, self.read)).into_iter().collect()
    }

    /// Reads more of the conversation, if there may be more.
    pub(super) fn read_more(&mut self) -> Vec<Command> {
        let Some(conversation) = self.open.filter(|_| self.messages.len() >= self.read && self.reply.is_none()) else {
            return Vec::new();
        };
        self.read = self.read.saturating_mul(4);
        vec![Command::Open(conversation, self.read)]
    }

    /// Chooses an item, and has it shown.
    pub(super) fn choose_message(&mut self, item: usize) {
        self.mode = Mode::Messages(item);
        let from = self.transcript.below(item);
        if from > self.scrolled + self.page {
            self.scrolled = from - self.page;
        } else if from <= self.scrolled {
            let item_height = from - self.transcript.below(item + 1);
            self.scrolled = from.saturating_sub(item_height.min(self.page));
        }
    }

    /// Has the transcript fit into so many columns and lines.
    pub(super) fn fit(&mut self, width: usize, height: usize) {
        self.transcript.fit(width);
        self.page = height.max(1);
        self.scrolled = self.scrolled.min(self.transcript.height().saturating_sub(self.page));
    }
}
