//! The terminal while the chat has it, and as it was before, however the chat ends.

use std::io::{IsTerminal as _, Stdout, Write as _, stdin, stdout};

use anyhow::{Context as _, bail};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc;

use super::event::Event;

/// The terminal. It is as it was once this is dropped.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

/// Whether there is a terminal to draw on and to read keys from.
///
/// # Errors
/// There is none, and what to do instead.
pub(super) fn require_terminal() -> anyhow::Result<()> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        bail!("`pipit chat` needs a terminal to draw on; for a single question use `pipit ask TEXT`");
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        bail!("this terminal (TERM=dumb) can't be drawn on; for a single question use `pipit ask TEXT`");
    }
    Ok(())
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It can't be drawn on.
    pub(super) fn take() -> anyhow::Result<Self> {
        restore_before_panics_are_shown();
        enable_raw_mode().context("the terminal can't be switched to single keys")?;
        // From here on it is given back even if what follows fails.
        let terminal = Terminal::new(CrosstermBackend::new(stdout()));
        let screen = terminal.map(|terminal| Screen { terminal }).inspect_err(|_| restore());
        let screen = screen.context("the terminal can't be drawn on")?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste).context("the terminal can't be drawn on")?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// What is typed, pasted and resized, as events. The thread waits for the next key for as long as the program runs.
pub(super) fn read_keys(events: mpsc::Sender<Event>) -> std::io::Result<()> {
    let read = move || {
        loop {
            let event = match event::read() {
                Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => Event::Key(key),
                Ok(event::Event::Paste(text)) => Event::Pasted(text),
                Ok(event::Event::Resize(..)) => Event::Resized,
                Ok(_) => continue,
                // The terminal has gone.
                Err(_) => Event::End,
            };
            let ends = matches!(event, Event::End);
            if events.blocking_send(event).is_err() || ends {
                break;
            }
        }
    };
    std::thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// Gives the terminal back. Twice does no harm.
fn restore() {
    // Where it has gone there is nothing to be given back.
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

fn restore_before_panics_are_shown() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        show(panic);
    }));
}
