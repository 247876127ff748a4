//! What each key does.

use pipit_chat::Place;
use pipit_core::chat::Role;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::event::Command;
use super::input::Input;
use super::pipeline::Pipeline;
use super::state::{Doomed, Mode, State};

/// The longest title, in bytes: what `pipit conversations` takes.
const LONGEST_TITLE: usize = pipit_chat::transfer::LONGEST_TITLE;

impl State {
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Vec<Command> {
        self.notice = None;
        if let Some(commands) = self.on_key_everywhere(key) {
            return commands;
        }
        match &mut self.mode {
            Mode::Writing => self.write(key),
            Mode::Editing { .. } => self.edit(key),
            Mode::Messages(selected) => {
                let selected = *selected;
                self.in_messages(key, selected)
            }
            Mode::Conversations(selected) => {
                let selected = *selected;
                self.in_conversations(key, selected)
            }
            Mode::Renaming { .. } => self.rename(key),
            Mode::Deleting(_) => self.delete(key),
            Mode::Searching { .. } => self.search(key),
            Mode::Help => {
                self.mode = Mode::Writing;
                Vec::new()
            }
        }
    }

    pub(super) fn on_paste(&mut self, text: &str) -> Vec<Command> {
        match &mut self.mode {
            Mode::Writing => self.draft.insert(text),
            Mode::Editing { field, .. } => field.insert(text),
            Mode::Renaming { field, .. } => field.insert(&text.replace(['\r', '\n'], " ")),
            Mode::Searching { field, .. } => {
                field.insert(&text.replace(['\r', '\n'], " "));
                return vec![Command::Search(field.text().to_owned())];
            }
            Mode::Messages(_) | Mode::Conversations(_) | Mode::Deleting(_) | Mode::Help => {}
        }
        Vec::new()
    }

    /// What means the same whatever is being done.
    fn on_key_everywhere(&mut self, key: KeyEvent) -> Option<Vec<Command>> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let page = self.page;
        Some(match key.code {
            KeyCode::Char('c' | 'q') if control => self.quit(),
            KeyCode::Char('n') if control => self.go_to(None),
            KeyCode::Char('p') if control => self.toggle_pipeline(),
            KeyCode::Char('r') if control => self.again(),
            KeyCode::Char('f') if control => {
                self.mode = Mode::Searching { field: Input::default(), hits: Vec::new(), selected: 0 };
                Vec::new()
            }
            KeyCode::Char('y') if control => match &self.confirmation {
                Some(confirmation) => vec![Command::Confirm(confirmation.id)],
                None => self.say("There is nothing to confirm."),
            },
            KeyCode::F(1) => {
                self.mode = Mode::Help;
                Vec::new()
            }
            KeyCode::PageUp => self.scroll_up(page),
            KeyCode::PageDown => {
                self.scrolled = self.scrolled.saturating_sub(page);
                Vec::new()
            }
            KeyCode::Tab => self.go_on(),
            KeyCode::BackTab => {
                self.mode = match self.mode {
                    Mode::Writing => Mode::Conversations(self.place_of_open()),
                    _ => Mode::Writing,
                };
                Vec::new()
            }
            _ => return None,
        })
    }

    fn write(&mut self, key: KeyEvent) -> Vec<Command> {
        match key.code {
            KeyCode::Enter if key.modifiers.is_empty() => {
                if self.draft.text().trim().is_empty() {
                    return Vec::new();
                }
                let place = self.open.map(Place::End);
                let text = self.draft.take();
                return self.ask(text, place).unwrap_or_else(|text| {
                    self.draft = Input::new(&text);
                    Vec::new()
                });
            }
            KeyCode::Esc if self.reply.is_some() => return self.stop(),
            KeyCode::Esc => return self.leave_failure(),
            KeyCode::Char('?') if self.draft.is_empty() => self.mode = Mode::Help,
            KeyCode::Char('d') if self.draft.is_empty() && key.modifiers == KeyModifiers::CONTROL => {
                return self.quit();
            }
            KeyCode::Up if self.draft.is_empty() => self.edit_last(),
            _ => drop(self.draft.on(key)),
        }
        Vec::new()
    }

    fn edit(&mut self, key: KeyEvent) -> Vec<Command> {
        let Mode::Editing { request, field } = &mut self.mode else { return Vec::new() };
        match key.code {
            KeyCode::Esc => self.mode = Mode::Writing,
            KeyCode::Enter if key.modifiers.is_empty() => {
                let (request, text) = (*request, field.text().to_owned());
                let Some(conversation) = self.open.filter(|_| !text.trim().is_empty()) else { return Vec::new() };
                return self.ask(text, Some(Place::Instead { conversation, request })).unwrap_or_default();
            }
            _ => drop(field.on(key)),
        }
        Vec::new()
    }

    fn in_messages(&mut self, key: KeyEvent, selected: usize) -> Vec<Command> {
        let last = self.transcript.items().len().saturating_sub(1);
        let chosen = self.transcript.items().get(selected).and_then(|item| item.id);
        match key.code {
            KeyCode::Esc => self.mode = Mode::Writing,
            KeyCode::Up | KeyCode::Char('k') if selected == 0 => return self.read_more(),
            KeyCode::Up | KeyCode::Char('k') => self.choose_message(selected - 1),
            KeyCode::Down | KeyCode::Char('j') if selected >= last => {
                (self.mode, self.scrolled) = (Mode::Writing, 0);
            }
            KeyCode::Down | KeyCode::Char('j') => self.choose_message(selected + 1),
            KeyCode::Home => self.choose_message(0),
            KeyCode::End => self.choose_message(last),
            KeyCode::Char('r') => return self.again(),
            KeyCode::Char('e') | KeyCode::Enter => {
                let request = self.messages.iter().find(|message| Some(message.id) == chosen);
                let Some(request) = request.filter(|message| message.role == Role::User) else {
                    return self.say("Only what you said can be changed. r has the last reply given again.");
                };
                let (request, field) = (request.id, Input::new(&request.text));
                if !self.is_busy() {
                    self.mode = Mode::Editing { request, field };
                }
            }
            KeyCode::Char('d') | KeyCode::Delete => {
                if let Some(id) = chosen.filter(|_| !self.is_busy()) {
                    self.mode = Mode::Deleting(Doomed::Message(id));
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn in_conversations(&mut self, key: KeyEvent, selected: usize) -> Vec<Command> {
        let last = self.conversations.len().saturating_sub(1);
        let chosen = self.conversations.get(selected);
        match key.code {
            KeyCode::Esc => self.mode = Mode::Writing,
            KeyCode::Up | KeyCode::Char('k') => self.mode = Mode::Conversations(selected.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') if selected < last => self.mode = Mode::Conversations(selected + 1),
            KeyCode::Down | KeyCode::Char('j') if self.conversations.len() >= self.listed => {
                self.listed = self.listed.saturating_mul(4);
                return vec![Command::List(self.listed)];
            }
            KeyCode::Home => self.mode = Mode::Conversations(0),
            KeyCode::End => self.mode = Mode::Conversations(last),
            KeyCode::Char('n') => return self.go_to(None),
            KeyCode::Enter => {
                let chosen = chosen.map(|conversation| conversation.id);
                return chosen.map_or_else(Vec::new, |id| self.go_to(Some(id)));
            }
            KeyCode::Char('r') => {
                if let Some(conversation) = chosen {
                    self.mode = Mode::Renaming { id: conversation.id, field: Input::new(&conversation.title) };
                }
            }
            KeyCode::Char('d') | KeyCode::Delete => {
                let doomed = chosen.map(|chosen| Doomed::Conversation(chosen.id, chosen.title.clone()));
                if let Some(doomed) = doomed.filter(|_| !self.is_busy()) {
                    self.mode = Mode::Deleting(doomed);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn rename(&mut self, key: KeyEvent) -> Vec<Command> {
        let Mode::Renaming { id, field } = &mut self.mode else { return Vec::new() };
        match key.code {
            KeyCode::Esc => self.mode = Mode::Conversations(self.place_of_open()),
            KeyCode::Enter => {
                let title = field.text().split_whitespace().collect::<Vec<_>>().join(" ");
                if title.is_empty() || title.len() > LONGEST_TITLE {
                    return self.say("A title has at least one character, and at most a thousand.");
                }
                let rename = Command::Rename(*id, title);
                self.mode = Mode::Writing;
                return vec![rename, Command::List(self.listed)];
            }
            _ => drop(field.on(key)),
        }
        Vec::new()
    }

    /// Nothing is deleted but by a key of its own.
    fn delete(&mut self, key: KeyEvent) -> Vec<Command> {
        let Mode::Deleting(doomed) = std::mem::replace(&mut self.mode, Mode::Writing) else { return Vec::new() };
        if key.code != KeyCode::Char('y') {
            return self.say("Nothing was deleted.");
        }
        let list = Command::List(self.listed);
        match doomed {
            Doomed::Conversation(id, _) => {
                if self.open == Some(id) {
                    self.go_to(None);
                }
                vec![Command::DeleteConversation(id), list]
            }
            Doomed::Message(id) => {
                let open = self.open.map(|open| Command::Open(open, self.read));
                [Command::DeleteMessage(id)].into_iter().chain(open).chain([list]).collect()
            }
        }
    }

    fn search(&mut self, key: KeyEvent) -> Vec<Command> {
        let Mode::Searching { field, hits, selected } = &mut self.mode else { return Vec::new() };
        match key.code {
            KeyCode::Esc => self.mode = Mode::Writing,
            KeyCode::Up => *selected = selected.saturating_sub(1),
            KeyCode::Down => *selected = (*selected + 1).min(hits.len().saturating_sub(1)),
            KeyCode::Enter => {
                let Some(hit) = hits.get(*selected) else { return Vec::new() };
                let (conversation, message) = (hit.conversation, hit.message);
                let commands = self.go_to(Some(conversation));
                self.sought = message.filter(|_| !commands.is_empty());
                return commands;
            }
            _ => {
                let before = field.text().len();
                if field.on(key) && (field.text().len() != before || matches!(key.code, KeyCode::Char(_))) {
                    return vec![Command::Search(field.text().to_owned())];
                }
            }
        }
        Vec::new()
    }

    /// Asks again what failed, or has the last reply given again.
    fn again(&mut self) -> Vec<Command> {
        if let Some(failed) = self.failed.clone() {
            return self.ask(failed.text, failed.place).unwrap_or_default();
        }
        let last = self.messages.last().filter(|message| message.role == Role::Assistant);
        let request = self.messages.iter().rev().find(|message| message.role == Role::User);
        match (self.open, request, last) {
            (Some(conversation), Some(request), Some(reply)) => {
                let place = Place::Again { conversation, reply: reply.id };
                self.ask(request.text.clone(), Some(place)).unwrap_or_default()
            }
            _ => self.say("There is no reply yet that could be given again."),
        }
    }

    /// Shows the conversation as it is kept, without the request that failed.
    fn leave_failure(&mut self) -> Vec<Command> {
        if self.failed.is_none() {
            return Vec::new();
        }
        let open = self.open;
        self.go_to(open)
    }

    fn edit_last(&mut self) {
        let last = self.messages.iter().rev().find(|message| message.role == Role::User);
        let Some((request, field)) = last.map(|message| (message.id, Input::new(&message.text))) else { return };
        if !self.is_busy() {
            self.mode = Mode::Editing { request, field };
        }
    }

    fn go_on(&mut self) -> Vec<Command> {
        let last = self.transcript.items().len().checked_sub(1);
        match (&self.mode, last) {
            (Mode::Writing, Some(last)) => self.choose_message(last),
            (Mode::Writing, None) | (Mode::Messages(_), _) => self.mode = Mode::Conversations(self.place_of_open()),
            _ => (self.mode, self.scrolled) = (Mode::Writing, 0),
        }
        Vec::new()
    }

    fn scroll_up(&mut self, lines: usize) -> Vec<Command> {
        let most = self.transcript.height().saturating_sub(self.page);
        if self.scrolled >= most {
            return self.read_more();
        }
        self.scrolled = (self.scrolled + lines).min(most);
        Vec::new()
    }

    fn toggle_pipeline(&mut self) -> Vec<Command> {
        self.pipeline = match self.pipeline {
            Some(_) => None,
            None => Some(Pipeline::default()),
        };
        vec![Command::Watch(self.pipeline.is_some())]
    }

    fn place_of_open(&self) -> usize {
        self.conversations.iter().position(|conversation| Some(conversation.id) == self.open).unwrap_or(0)
    }

    fn say(&mut self, notice: &str) -> Vec<Command> {
        self.notice = Some(notice.to_owned());
        Vec::new()
    }
}
