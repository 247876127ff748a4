//! The loop: what happens goes into the state, what it says is done, and what there is then is drawn.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::event::{Command, Event};
use super::screen::{Screen, read_keys};
use super::state::State;
use super::view::{Look, draw};
use super::work::Work;

/// Keys and pieces of replies wait here while the screen is drawn. Whoever has more waits.
pub(super) const EVENTS: usize = 1024;

/// Runs the chat until somebody ends it.
///
/// # Errors
/// The terminal can't be drawn on.
pub(super) async fn run(
    mut state: State,
    mut work: Work,
    (sender, mut events): (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    look: Look,
) -> anyhow::Result<()> {
    end_on_signals(sender.clone())?;
    let mut screen = Screen::take()?;
    read_keys(sender).context("the operating system gives Pipit no thread")?;
    state.begin().into_iter().for_each(|command| work.begin(command));
    let ended = turn(&mut state, &mut work, &mut events, &mut screen, look).await;
    if ended.is_err() {
        // The terminal has gone; what it has shown of a reply is kept.
        state.quit().into_iter().for_each(|command| work.begin(command));
    }
    drop(screen);
    drop(events);
    work.end().await;
    ended
}

async fn turn(
    state: &mut State,
    work: &mut Work,
    events: &mut mpsc::Receiver<Event>,
    screen: &mut Screen,
    look: Look,
) -> anyhow::Result<()> {
    loop {
        screen.terminal.draw(|frame| draw(frame, state, look)).context("the terminal can't be drawn on any more")?;
        let mut next = tokio::select! {
            event = events.recv() => event,
            failure = work.panicked() => std::panic::resume_unwind(failure.into_panic()),
        };
        // Whatever has come by now is drawn at once.
        while let Some(event) = next {
            for command in state.on(event) {
                let quits = command == Command::Quit;
                work.begin(command);
                if quits {
                    return Ok(());
                }
            }
            next = events.try_recv().ok();
        }
    }
}

/// SIGHUP comes when a connection over SSH breaks.
fn end_on_signals(events: mpsc::Sender<Event>) -> anyhow::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()] {
        let mut signals = signal(kind).context("signals can't be waited for")?;
        let events = events.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if events.send(Event::End).await.is_err() {
                    break;
                }
            }
        });
    }
    Ok(())
}
