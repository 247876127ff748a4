//! The device on the connection that Pipit's parts share.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use pipit_core::home::{Publish, Subscription};
use pipit_core::time::Moment;
use tokio::sync::mpsc;

use super::super::{Incoming, Outcome, Participant};
use super::link::lock;
use super::{Command, Device};

/// A device that takes part. What is commanded goes to whoever has the other end of `commands`.
pub struct OnConnection {
    device: Arc<Mutex<Device>>,
    commands: mpsc::Sender<Command>,
    began: Instant,
}

impl OnConnection {
    /// Takes part with `device`, which others may change meanwhile.
    #[must_use]
    pub fn new(device: Arc<Mutex<Device>>, commands: mpsc::Sender<Command>) -> OnConnection {
        OnConnection { device, commands, began: Instant::now() }
    }
}

impl Participant for OnConnection {
    fn subscriptions(&self) -> Vec<Subscription> {
        lock(&self.device).subscriptions()
    }

    fn announcements(&mut self) -> Vec<Publish> {
        vec![lock(&self.device).discovery()]
    }

    fn states(&mut self) -> Vec<Publish> {
        lock(&self.device).states()
    }

    fn message(&mut self, message: &Incoming<'_>) -> Outcome {
        let now = Moment::START + self.began.elapsed();
        let Incoming { topic, payload, retained } = *message;
        let super::Outcome { command, publish, problem } = lock(&self.device).message(now, topic, payload, retained);
        // Commands are fewer than can wait, unless one takes very long.
        let busy = command.and_then(|command| self.commands.try_send(command).err()).map(|_| {
            format!("what was published on {topic} was ignored: commands that came before are still being carried out")
        });
        Outcome { publish, problem: problem.or(busy), ..Outcome::default() }
    }
}
