//! Pipit as a service: what whoever started it is told of it, whether all of it goes on, and the sockets that are handed to it.
//!
//! A thread of its own looks once a second whether each part goes on (`health`), and tells systemd so. Where one stands still, the
//! log says which, and the process ends itself so that it is started again; where that thread stands still, systemd ends it. Without
//! a watchdog there is nobody to start it again, so it is only logged.

mod health;
mod sockets;
mod threads;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use sd_notify::NotifyState;
use tokio::sync::watch;

pub use health::{BEAT, Change, Health, PATIENCE, Pulse, Stillness};
pub use sockets::Sockets;

use pipit_web::Snapshot;
use threads::Threads;

/// A thread that the kernel does not let run is told of after so many looks: later than a part, whose name says more.
const STOPPED: u32 = PATIENCE + 1;

/// The daemon as whoever started it sees it. Dropping it ends the thread that looks.
pub struct Service {
    health: Health,
    stages: Sender<Stage>,
}

enum Stage {
    /// It listens, and does without what is said here.
    Ready {
        without: Vec<String>,
    },
    Stopping,
}

struct Watch {
    health: Health,
    threads: Threads,
    snapshots: watch::Receiver<Snapshot>,
    /// Whether somebody starts Pipit again where it ends.
    is_supervised: bool,
    /// What it does without, once it is ready.
    without: Option<Vec<String>>,
    /// Whether a microphone is listened to, rather than what stands in for one.
    wants_microphone: bool,
    status: String,
    /// The parts that stand still just now.
    still: Vec<String>,
}

impl Service {
    /// Starts the thread that looks after all parts of what begins now.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(snapshots: watch::Receiver<Snapshot>, wants_microphone: bool) -> io::Result<Service> {
        let (health, (stages, stage)) = (Health::default(), channel());
        let mut watch = Watch {
            health: health.clone(),
            threads: Threads::default(),
            snapshots,
            is_supervised: sd_notify::watchdog_enabled().is_some(),
            without: None,
            wants_microphone,
            status: String::new(),
            still: Vec::new(),
        };
        tell(&[NotifyState::Status("starting: the models are being loaded")]);
        std::thread::Builder::new().name("health".to_owned()).spawn(move || watch.run(&stage))?;
        Ok(Service { health, stages })
    }

    /// Where parts are looked after.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Pipit listens, without what is named here.
    pub fn ready(&self, without: Vec<String>) {
        // The thread is there for as long as this is.
        let _ = self.stages.send(Stage::Ready { without });
    }

    /// Pipit ends. Parts that end are not looked after any more.
    pub fn stopping(&self) {
        let _ = self.stages.send(Stage::Stopping);
    }
}

impl Watch {
    fn run(&mut self, stage: &Receiver<Stage>) {
        loop {
            match stage.recv_timeout(BEAT) {
                Ok(Stage::Ready { without }) => {
                    self.without = Some(without);
                    self.tell_status(&[NotifyState::Ready]);
                }
                Ok(Stage::Stopping) => {
                    tell(&[NotifyState::Stopping, NotifyState::Status("ending")]);
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) {
        for change in self.health.look() {
            match change {
                Change::Still(part) => {
                    tracing::error!("{part} has stood still for {PATIENCE} seconds or more");
                    self.still.push(part);
                }
                Change::GoesOn(part) => {
                    tracing::warn!("{part} goes on again");
                    self.still.retain(|still| *still != part);
                }
            }
        }
        for (thread, name) in self.threads.look(STOPPED) {
            let part = format!("the thread \"{name}\"");
            if !self.health.was_given_up(thread) && !self.still.contains(&part) {
                tracing::error!("{part} has been stopped for {STOPPED} seconds");
                self.still.push(part);
            }
        }
        if self.is_supervised && !self.still.is_empty() {
            self.give_up();
        }
        if self.still.is_empty() {
            tell(&[NotifyState::Watchdog]);
        }
        self.tell_status(&[]);
    }

    /// Ends the process without anything that could wait for what stands still.
    fn give_up(&self) -> ! {
        let parts = self.still.join(", ");
        tracing::error!("Pipit ends itself to be started again, because this stands still: {parts}");
        tell(&[NotifyState::Status(&format!("ended itself, because this stood still: {parts}"))]);
        std::process::abort()
    }

    /// Tells how it stands, where that has changed or `also` is to be told.
    fn tell_status(&mut self, also: &[NotifyState<'_>]) {
        let Some(without) = &self.without else { return };
        let now = status(without, &self.snapshots.borrow(), self.wants_microphone, &self.still);
        if std::mem::replace(&mut self.status, now.clone()) != now || !also.is_empty() {
            let told: Vec<_> = also.iter().cloned().chain([NotifyState::Status(&now)]).collect();
            tell(&told);
        }
    }
}

/// What `systemctl status` shows.
fn status(without: &[String], snapshot: &Snapshot, wants_microphone: bool, still: &[String]) -> String {
    let doing = if !still.is_empty() {
        format!("stands still: {}", still.join(", "))
    } else if snapshot.muted {
        "the microphone is switched off".to_owned()
    } else if wants_microphone && snapshot.microphone.is_none() {
        "waiting for a microphone".to_owned()
    } else {
        "listening".to_owned()
    };
    std::iter::once(doing).chain(without.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// Whoever started Pipit need not want to know.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd can't be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_what_it_does_and_does_without() {
        let (heard, deaf) = (Some("USB".to_owned()), None);
        let says = |microphone: &Option<String>, muted, without: &[&str], still: &[&str]| {
            let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
            let snapshot = Snapshot { microphone: microphone.clone(), muted, ..Snapshot::default() };
            status(&own(without), &snapshot, true, &own(still))
        };
        assert_eq!(says(&heard, false, &[], &[]), "listening");
        assert_eq!(says(&deaf, false, &["no voice"], &[]), "waiting for a microphone; no voice");
        assert_eq!(says(&heard, true, &[], &[]), "the microphone is switched off");
        assert_eq!(says(&heard, false, &["no voice"], &["the ear"]), "stands still: the ear; no voice");
        assert_eq!(status(&[], &Snapshot::default(), false, &[]), "listening");
    }
}
