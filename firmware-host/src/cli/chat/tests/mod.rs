//! The chat without a terminal: keys and events go in, commands come out, and the screen is a picture.

mod browsing;
mod panics;
mod replies;

use std::time::Duration;

use expect_test::{Expect, expect};
use jiff::Timestamp;
use pipit_chat::ProviderIdentity;
use pipit_core::chat::{Role, Tier};
use pipit_store::{Conversation, ConversationId, Message, MessageId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::event::{Command, Event, Part, Shown};
use super::state::State;
use super::view::{Look, draw};

const MOON: ConversationId = ConversationId(7);

/// A chat and what it wants done.
struct Chat {
    state: State,
    commands: Vec<Command>,
}

impl Chat {
    fn new() -> Self {
        let mut state = State::new(Some("Hello, I am Pipit.".to_owned()));
        state.fit(40, 10);
        let commands = state.begin();
        Chat { state, commands }
    }

    /// One in which something was said.
    fn about_the_moon() -> Self {
        let mut chat = Chat::new();
        chat.on(Event::Listed(vec![about(MOON, "The moon"), about(ConversationId(3), "Soup\u{1b}[2J")]));
        chat.keys("<tab><tab><enter>");
        chat.on(Event::Opened(
            MOON,
            vec![
                message(1, Role::User, "how far is the moon"),
                message(2, Role::Assistant, "384,400 kilometres."),
                message(3, Role::User, "and\tthe sun"),
                message(4, Role::Assistant, "150 million kilometres."),
            ],
        ));
        chat.commands.clear();
        chat
    }

    fn on(&mut self, event: Event) -> &mut Self {
        self.commands.extend(self.state.on(event));
        self
    }

    fn part(&mut self, number: u64, part: Part) -> &mut Self {
        self.on(Event::Reply(number, part))
    }

    fn text(&mut self, number: u64, text: &str) -> &mut Self {
        self.part(number, Part::Text(text.to_owned(), Duration::from_millis(312)))
    }

    /// Types what stands there; keys without a character are named: `<enter>`, `<C-n>`.
    fn keys(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let key = match named {
                Some((name, after)) => {
                    rest = after;
                    key(name)
                }
                None => {
                    rest = &rest[c.len_utf8()..];
                    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
                }
            };
            self.on(Event::Key(key));
        }
        self
    }

    fn wants(&mut self, expected: Expect) -> &mut Self {
        let said = self.commands.drain(..).map(|command| match command {
            Command::Ask(ask) => format!("Ask {} {:?} at {:?}", ask.number, ask.text, ask.place),
            Command::Stop(number, Shown(shown)) => format!("Stop {number} at {shown:?}"),
            command => format!("{command:?}"),
        });
        expected.assert_eq(&said.collect::<Vec<_>>().join("\n"));
        self
    }

    fn looks(&mut self, width: u16, height: u16, expected: Expect) -> &mut Self {
        expected.assert_eq(&picture(&mut self.state, width, height));
        self
    }
}

fn key(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.split_once('-') {
        Some(("C", name)) => (KeyModifiers::CONTROL, name),
        Some(("A", name)) => (KeyModifiers::ALT, name),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "home" => KeyCode::Home,
        "pageup" => KeyCode::PageUp,
        "f1" => KeyCode::F(1),
        character => KeyCode::Char(character.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

fn about(id: ConversationId, title: &str) -> Conversation {
    let at = Timestamp::UNIX_EPOCH;
    let (key, title) = (String::new(), title.to_owned());
    Conversation { id, key, title, temporary: false, system_prompt: None, created: at, changed: at }
}

fn message(id: i64, role: Role, text: &str) -> Message {
    Message { id: MessageId(id), role, door: None, at: Timestamp::UNIX_EPOCH, text: text.to_owned(), heard: None }
}

fn provider() -> ProviderIdentity {
    ProviderIdentity { name: "nas".to_owned(), model: "small".to_owned(), tier: Tier::House }
}

/// What is on the screen, with `_` where the cursor is.
fn picture(state: &mut State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut shows_cursor = false;
    terminal
        .draw(|frame| {
            draw(frame, state, Look::new(false));
            shows_cursor = true;
        })
        .unwrap();
    assert!(shows_cursor);
    let buffer = terminal.backend().buffer();
    let lines = (0..height).map(|y| {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
        }
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[test]
fn everything_fits_into_a_small_terminal() {
    let mut chat = Chat::about_the_moon();
    chat.looks(
        40,
        12,
        expect![[r#"
        > how far is the moon

          384,400 kilometres.

        > and    the sun

          150 million kilometres.

        ── Message ─────────────────────────────


        F1 help  Enter send  Tab messages
    "#]],
    )
    .keys("?")
    .looks(
        40,
        12,
        expect![[r#"
        Enter send   Alt+Enter or ^J new line
        Esc stop the reply: what was shown stays
        Up in an empty line: edit what you said
        ^R again, or another reply  ^Y confirm
        Tab messages, then conversations:
          e edit  r again or rename  d delete
        ^N new conversation  ^F search them all
        ^P what the daemon does just now
        PgUp PgDn scroll  F1 or ? help  ^C quit
        ── Help ────────────────────────────────

        any key goes back
    "#]],
    )
    .keys("x<C-p>")
    .looks(
        40,
        12,
        expect![[r#"

          384,400 kilometres.

        > and    the sun

          150 million kilometres.
        ── The daemon ──────────────────────────
        asking the daemon
        ── Message ─────────────────────────────


        F1 help  Enter send  Tab messages
    "#]],
    );
    for (width, height) in [(1, 1), (2, 3), (5, 5), (10, 200), (500, 2)] {
        for keys in ["<esc>", "<tab>", "<tab>", "<C-f>", "<f1>", "x", "<up>"] {
            chat.keys(keys);
            picture(&mut chat.state, width, height);
        }
    }
}

/// Whatever is pressed, nothing panics, and nothing that was typed gets lost without a word.
#[test]
fn no_key_upsets_it() {
    let keys = [
        "<tab>", "<up>", "<down>", "<enter>", "<esc>", "d", "e", "r", "n", "y", "x", "<home>", "<C-f>", "<C-r>",
        "<C-n>", "<C-p>", "<C-y>", "<f1>", "<pageup>", "?", "<C-u>", "<C-w>", "<C-k>", "<A-b>", "<A-f>",
    ];
    let mut chat = Chat::about_the_moon();
    let mut chosen = 1_usize;
    for _ in 0..20_000 {
        // A generator by Lehmer is random enough for keys.
        chosen = chosen * 48_271 % 2_147_483_647;
        chat.keys(keys[chosen % keys.len()]);
        for command in std::mem::take(&mut chat.commands) {
            if let Command::Ask(ask) = command {
                chat.text(ask.number, "Well, \n\u{1b} yes.").part(ask.number, Part::Ended(Some(MOON), None));
            }
        }
        if chosen.is_multiple_of(50) {
            picture(&mut chat.state, (chosen % 90 + 1) as u16, (chosen % 30 + 1) as u16);
        }
    }
}
